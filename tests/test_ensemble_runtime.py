"""The ensemble while it runs: sources that sleep, fail, go and come; snapshots; what a prediction says of itself."""

from __future__ import annotations

import copy
import math
import pickle
from typing import ClassVar

import numpy as np
import pytest

from comove import DataError, MarketStructureCoordinator, OrderError, ParameterError, StateError
from comove.signals import Prediction, PredictionSource, SignalMarket
from comove.signals.ensemble import EnsembleOptions, EnsemblePredictor
from comove.structure import MarketRegime
from ensemble_cases import Told, bars_of_closes, context_of, ensemble_of, outcomes_of, random_closes, random_tables, run
from signal_cases import bars_of_candles, candles_of, walk
from structure_cases import prices

ROWS, SYMBOLS = 90, 4
NAMES = ("patterns", "similarity", "regime", "alpha", "structure", "rl")
RNG = np.random.default_rng(12)
CLOSES = random_closes(RNG, ROWS, SYMBOLS, gaps=0.05, ties=0.05)
TABLES = random_tables(RNG, NAMES, ROWS, SYMBOLS, sleep=0.4)
TURNS = (MarketRegime.RISK_ON, MarketRegime.DIVERGENCE, MarketRegime.UNKNOWN)
REGIMES = [TURNS[row // 7 % 3] for row in range(ROWS)]
REGISTRY = dict.fromkeys((*NAMES, "late"), Told)


def bars(first=0, last=ROWS):
    return list(bars_of_closes(CLOSES, REGIMES))[first:last]


def said_of(said):
    """All that was said, with all digits."""
    return [repr(each) for each in said]


# --- what a prediction says of itself ---


@pytest.mark.parametrize("options", [{}, {"regime_adjustment": False}, {"calibration": False}, {"share": 0.02}])
def test_attribution_adds_up(options):
    told = 0
    for contexts in run(ensemble_of(TABLES, 2, **options), bars()):
        for prediction in contexts.values():
            if prediction is None:
                continue
            told += 1
            assert abs(sum(prediction.attribution.values()) - (prediction.up - 0.5)) <= 1e-12
            parts = [prediction.attribution[name] for name in prediction.said]
            assert abs(sum(parts) - (prediction.mixture_up - 0.5)) <= 1e-12
            for name, up in prediction.said.items():
                assert prediction.attribution[name] * (up - 0.5) >= 0.0
            assert abs(sum(prediction.weights.values()) - 1.0) <= 1e-12
            assert set(prediction.said) == set(prediction.weights)
            assert set(prediction.said) | set(prediction.asleep) == set(NAMES)
    assert told > 200


def test_agreement_is_the_weight_on_the_same_side():
    table = {name: np.full((3, 1), up) for name, up in {"a": 0.9, "b": 0.8, "c": 0.3, "d": 0.5}.items()}
    ensemble = ensemble_of(table, prior={"a": 4.0, "b": 1.0, "c": 2.0, "d": 3.0})
    (contexts,) = list(bars_of_closes([[1.0]]))
    ensemble.observe(contexts)
    prediction = ensemble.predict(contexts[0])
    assert prediction.direction == "long"
    assert prediction.agreement == pytest.approx(0.5, abs=1e-15)
    assert prediction.weights == pytest.approx({"a": 0.4, "b": 0.1, "c": 0.2, "d": 0.3})
    assert prediction.attribution["d"] == 0.0
    assert prediction.probability == prediction.up
    for text in ("long 0.6", "4 of 4 sources awake, 50% of their weight agrees", "a says up 0.900 and adds +0.1"):
        assert text in prediction.reason


def test_a_short_prediction_gives_the_probability_of_a_fall():
    ensemble = ensemble_of({"a": [[0.2]]})
    (contexts,) = bars_of_closes([[1.0]])
    ensemble.observe(contexts)
    prediction = ensemble.predict(contexts[0])
    assert prediction.direction == "short"
    assert prediction.up == pytest.approx(0.2, abs=1e-15)
    assert prediction.probability == 1.0 - prediction.up


def test_a_prediction_cannot_be_changed():
    ensemble = ensemble_of({"a": [[0.2]]})
    (contexts,) = bars_of_closes([[1.0]])
    ensemble.observe(contexts)
    prediction = ensemble.predict(contexts[0])
    for name in ("up", "symbol", "weights"):
        with pytest.raises(AttributeError):
            setattr(prediction, name, 1.0)
    assert pickle.loads(pickle.dumps(prediction)) == prediction
    assert hash(pickle.loads(pickle.dumps(prediction))) == hash(prediction)


# --- sleepers ---


def test_a_sleeper_does_not_pull_towards_one_half():
    """With and without four sources that say nothing: the same probability, to the last bit."""
    rows = 40
    closes = CLOSES[:rows]
    tables = {name: TABLES[name][:rows] for name in NAMES[:2]}
    quiet = {name: np.full((rows, SYMBOLS), np.nan) for name in NAMES[2:]}
    alone = run(ensemble_of(tables, regime_adjustment=False), bars_of_closes(closes))
    beside = run(ensemble_of({**tables, **quiet}, regime_adjustment=False), bars_of_closes(closes))
    for one, other in zip(alone, beside, strict=True):
        for symbol, prediction in one.items():
            if prediction is None:
                assert other[symbol] is None
                continue
            assert other[symbol].up == pytest.approx(prediction.up, abs=1e-14)
            assert len(other[symbol].asleep) >= 4


def test_one_awake_source_is_the_mixture():
    table = {"a": np.full((1, 1), 0.83), "b": np.full((1, 1), np.nan), "c": np.full((1, 1), np.nan)}
    ensemble = ensemble_of(table)
    (contexts,) = bars_of_closes([[1.0]])
    ensemble.observe(contexts)
    prediction = ensemble.predict(contexts[0])
    assert prediction.up == pytest.approx(0.83, abs=1e-15)
    assert prediction.agreement == pytest.approx(1.0)
    assert prediction.asleep == {"b": "nothing to say in row 0", "c": "nothing to say in row 0"}
    assert "b sleeps: nothing to say in row 0" in prediction.reason


def test_where_all_sleep_there_is_a_reason():
    ensemble = ensemble_of({"a": [[np.nan, 0.6]], "b": [[np.nan, np.nan]]})
    (contexts,) = bars_of_closes([[1.0, 1.0]])
    ensemble.observe(contexts)
    assert ensemble.predict(contexts[0]) is None
    assert ensemble.predict(contexts[1]) is not None
    expected = "all sources sleep: a: nothing to say in row 0; b: nothing to say in row 0"
    assert ensemble.abstained == {"S0": expected}


def test_another_horizon_is_an_abstention():
    sources = [Told("near", [[0.9]], 1), Told("far", [[0.2]], 3)]
    ensemble = EnsemblePredictor(sources, EnsembleOptions(horizon=1))
    (contexts,) = bars_of_closes([[1.0]])
    ensemble.observe(contexts)
    prediction = ensemble.predict(contexts[0])
    assert prediction.asleep == {"far": "looks 3 rows ahead, the ensemble 1"}
    assert prediction.up == pytest.approx(0.9, abs=1e-15)


def test_an_ensemble_of_none_says_nothing():
    ensemble = EnsemblePredictor()
    (contexts,) = bars_of_closes([[1.0]])
    ensemble.observe(contexts)
    assert ensemble.predict(contexts[0]) is None
    assert ensemble.abstained == {"S0": "there is no source"}
    assert ensemble.weights() == ensemble.status == {}


# --- failures ---


def test_a_source_that_raises_sleeps_and_is_turned_off_after_some_bars():
    tables = {name: np.where(np.isnan(TABLES[name]), 0.5, TABLES[name]) for name in ("alpha", "rl")}
    ensemble = ensemble_of(tables, max_failures=3)
    source = ensemble.source("rl")
    each = bars()
    for row, contexts in enumerate(each[:12]):
        source.broken = row in (2, 3, 5, 6, 7)
        seen = source.seen
        ensemble.observe(contexts)
        (prediction, *_) = ensemble.predict_all(contexts).values()
        status = ensemble.status["rl"]
        if row in (2, 3, 5, 6):
            assert prediction.asleep == {"rl": "failed: RuntimeError: the line is dead"}
            assert status.on
        elif row >= 7:
            assert not status.on
            assert (
                "off after 3 failures in a row until it is revived, the last: RuntimeError" in prediction.asleep["rl"]
            )
            assert source.seen == seen + (len(contexts) if row == 7 else 0)
        else:
            assert "rl" in prediction.said
            # Row 4 ends the first two once it is over.
            assert status.failures_in_row == (2 if row == 4 else 0)
        assert "alpha" in prediction.said
    assert status.failures == 5
    assert status.failure == "RuntimeError: the line is dead"
    ensemble.revive("rl")
    # Not before it has seen a bar.
    assert ensemble.status["rl"].on
    ensemble.observe(each[12])
    assert all("rl" in prediction.said for prediction in ensemble.predict_all(each[12]).values())


def test_a_source_that_raises_when_asked_sleeps_for_the_rest_of_the_bar():
    table = np.full((4, 3), 0.7)
    table[1, 1] = 9.0
    ensemble = ensemble_of({"a": table, "b": np.full((4, 3), 0.6)})
    said = run(ensemble, bars_of_closes(np.ones((4, 3))))
    assert [sorted(said[1][f"S{k}"].said) for k in range(3)] == [["a", "b"], ["b"], ["b"]]
    assert said[1]["S2"].asleep == {"a": "failed: ArithmeticError: 9 is no probability"}
    assert sorted(said[2]["S1"].said) == ["a", "b"]
    status = ensemble.status["a"]
    assert (status.failures, status.failures_in_row, status.on) == (1, 0, True)
    assert status.awake_share == 10 / 12


class Odd(PredictionSource):
    kind = "odd"
    name = "odd"
    horizon = 1
    answers: ClassVar = [0.5, "long", object(), None]

    def observe(self, contexts):
        pass

    def predict(self, context):
        return self.answers[context.row % 4]

    def to_state(self):
        return {}

    @classmethod
    def from_state(cls, state):
        return cls()


def test_what_is_no_prediction_is_a_failure():
    ensemble = EnsemblePredictor([Odd(), Told("a", np.full((4, 1), 0.6))], EnsembleOptions(horizon=1, max_failures=9))
    said = run(ensemble, bars_of_closes(np.ones((4, 1))))
    reasons = [each["S0"].asleep["odd"] for each in said]
    assert reasons[:2] == ["failed: TypeError: float is no prediction", "failed: TypeError: str is no prediction"]
    # None without a word in `abstained`: it has none.
    assert reasons[3].startswith("failed: AttributeError")
    assert ensemble.status["odd"].failures == 4


# --- sources that go and come ---


@pytest.mark.parametrize("victim", NAMES)
@pytest.mark.parametrize("horizon", [1, 4])
def test_any_source_can_be_killed_at_any_time(victim, horizon):
    ensemble = ensemble_of(TABLES, horizon)
    each = bars()
    for row, contexts in enumerate(each):
        ensemble.observe(contexts)
        if row == 40:
            # In the middle of a bar, after some symbols were asked.
            ensemble.predict(contexts[0])
            before = ensemble.weights()
            assert ensemble.remove(victim).name == victim
            after = ensemble.weights()
            # The others share its weight, the ratios between copies aside.
            assert set(after) == set(before) - {victim}
            assert sum(after.values()) == pytest.approx(1.0, abs=1e-12)
            assert all(after[name] >= before[name] for name in after)
        said = ensemble.predict_all(contexts)
        if row > 40:
            assert all(victim not in p.said and victim not in p.asleep for p in said.values() if p is not None)
    for status in ensemble.status.values():
        assert status.mixture_loss - status.loss <= status.bound + 1e-9
    assert len(ensemble._seats) == len(NAMES) - 1


def test_what_a_source_said_before_it_left_is_still_in_the_mixtures_record():
    """The loss of a round counts for those that stay, whoever left meanwhile."""
    tables = {name: np.full((12, 2), up) for name, up in (("a", 0.9), ("b", 0.3))}
    closes = 1.01 ** np.arange(12)[:, None] * np.ones((1, 2))
    ensemble = ensemble_of(tables, 3, regime_adjustment=False, calibration=False)
    each = list(bars_of_closes(closes))
    run(ensemble, each[:3])
    ups = [0.9, 0.9, 0.9]
    ensemble.remove("b")
    run(ensemble, each[3:6])
    status = ensemble.status["a"]
    assert status.rounds == 6
    assert status.loss == pytest.approx(6 * 0.01)
    # The mixture of the first three rows was that of both.
    both = ensemble_of(tables, 3, regime_adjustment=False, calibration=False)
    first = run(both, each[:1])[0]["S0"].up
    assert 0.5 < first < ups[0]
    assert status.mixture_loss == pytest.approx(6 * (1.0 - first) ** 2)
    assert len(ensemble._seats) == 1


def test_killing_all_and_starting_again():
    ensemble = ensemble_of(TABLES, 2)
    each = bars()
    run(ensemble, each[:20])
    for name in NAMES:
        ensemble.remove(name)
    said = run(ensemble, each[20:30])
    assert all(prediction is None for row in said for prediction in row.values())
    assert ensemble.weights() == {}
    ensemble.add(Told("late", TABLES["rl"], 2))
    said = run(ensemble, each[30:])
    assert any(prediction is not None for row in said for prediction in row.values())
    assert ensemble.weights() == {"late": 1.0}


def test_a_source_that_comes_is_asked_from_the_next_bar_on():
    ensemble = ensemble_of({name: TABLES[name] for name in NAMES[:3]}, 2, prior={"late": 3.0})
    each = bars()
    run(ensemble, each[:50])
    ensemble.observe(each[50])
    before = ensemble.weights("S1")
    ensemble.add(Told("late", np.full((ROWS, SYMBOLS), 0.6), 2))
    # Half of the prior, thus half of the weight in each copy.
    weights = ensemble.weights("S1")
    assert weights["late"] == pytest.approx(0.5, abs=1e-12)
    assert all(weights[name] == pytest.approx(0.5 * before[name], abs=1e-12) for name in before)
    for prediction in ensemble.predict_all(each[50]).values():
        assert prediction is None or prediction.asleep["late"] == "came after this bar was observed"
    said = run(ensemble, each[51:])
    assert all("late" in prediction.said for row in said for prediction in row.values())
    for status in ensemble.status.values():
        assert status.mixture_loss - status.loss <= status.bound + 1e-9
    assert ensemble.status["late"].bound == pytest.approx(ensemble.status["late"].copies * math.log(2.0) / 2.0)


def test_killing_and_adding_at_random_keeps_each_bound():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        horizon = int(rng.integers(1, 5))
        tables = random_tables(rng, NAMES, ROWS, SYMBOLS, sleep=0.2)
        y = outcomes_of(CLOSES, horizon)
        tables["rl"] = np.where(np.isnan(y), np.nan, np.where(rng.random(y.shape) < 0.9, y, 0.5))
        ensemble = ensemble_of(tables, horizon, share=0.01 * (seed % 2))
        away = {}
        for contexts in bars():
            if rng.random() < 0.2 and len(ensemble.sources) > 1:
                name = str(rng.choice(ensemble.sources))
                away[name] = ensemble.remove(name)
            if rng.random() < 0.15 and away:
                ensemble.add(away.popitem()[1])
            ensemble.observe(contexts)
            ensemble.predict_all(contexts)
            for status in ensemble.status.values():
                assert status.mixture_loss - status.loss <= status.bound + 1e-9


# --- no look-ahead, snapshots, refusals ---


def test_what_is_said_does_not_depend_on_what_comes_later():
    whole = said_of(run(ensemble_of(TABLES, 3), bars()))
    for last in (1, 5, 33, 89):
        tables = {name: np.where(np.arange(ROWS)[:, None] < last, table, 0.123) for name, table in TABLES.items()}
        assert said_of(run(ensemble_of(tables, 3), bars(0, last))) == whole[:last]


def test_asking_one_by_one_is_asking_all():
    one, all_ = ensemble_of(TABLES, 3), ensemble_of(TABLES, 3)
    for contexts in bars():
        one.observe(contexts)
        all_.observe(contexts)
        expected = all_.predict_all(contexts)
        assert {context.symbol: one.predict(context) for context in contexts} == expected
        asked = [one.source(name).asked for name in NAMES]
        # Twice is once.
        assert {context.symbol: one.predict(context) for context in reversed(contexts)} == expected
        assert [one.source(name).asked for name in NAMES] == asked
    assert one.to_bytes() == all_.to_bytes()


@pytest.mark.parametrize("options", [{}, {"regime_adjustment": False, "calibration": False, "share": 0.1}])
def test_a_restored_ensemble_goes_on_bit_for_bit(options):
    each = bars()
    whole = ensemble_of(TABLES, 3, **options)
    states = []
    said = []
    for contexts in each:
        states.append(whole.to_bytes())
        said += said_of(run(whole, [contexts]))
    for cut in range(0, ROWS, 7):
        restored = EnsemblePredictor.from_bytes(states[cut], REGISTRY)
        assert restored.to_bytes() == states[cut]
        assert said_of(run(restored, each[cut:])) == said[cut:]
        assert restored.to_bytes() == whole.to_bytes()
        assert restored.status == whole.status


def test_a_restored_ensemble_goes_on_in_the_middle_of_a_bar_and_with_sources_that_left():
    each = bars()
    first = ensemble_of(TABLES, 4)
    run(first, each[:30])
    first.remove("alpha")
    first.source("rl").broken = True
    first.observe(each[30])
    first.predict(each[30][0])
    second = EnsemblePredictor.from_bytes(first.to_bytes(), REGISTRY)
    assert first.predict_all(each[30][1:]) == second.predict_all(each[30][1:])
    assert first.to_bytes() == second.to_bytes()
    for one in (first, second):
        one.source("rl").broken = False
        one.add(Told("late", TABLES["alpha"], 4))
    assert said_of(run(first, each[31:])) == said_of(run(second, each[31:]))
    assert first.to_bytes() == second.to_bytes()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_what_was_said_in_the_bar_is_in_the_snapshot(order):
    tables = {"a": np.full((9, 3), 0.7), "b": np.full((9, 3), np.nan)}
    tables["a"][5:, 2] = np.nan
    # The second symbol breaks the source: asked again, the first one would be told that it failed.
    tables["a"][6, 1] = 9.0
    whole, parted = ensemble_of(tables, 2), ensemble_of(tables, 2)
    for contexts in bars_of_closes(random_closes(np.random.default_rng(1), 9, 3)):
        expected = run(whole, [[contexts[place] for place in order]])[0]
        parted.observe([contexts[place] for place in order])
        for place in order:
            parted = EnsemblePredictor.from_bytes(parted.to_bytes(), REGISTRY | {"a": Told, "b": Told})
            parted.predict(contexts[place])
            parted = EnsemblePredictor.from_bytes(parted.to_bytes(), REGISTRY | {"a": Told, "b": Told})
            asked = parted.source("a").asked
            assert parted.predict(contexts[place]) == expected[contexts[place].symbol]
            assert parted.source("a").asked == asked
        assert parted.predict_all(contexts) == {each.symbol: expected[each.symbol] for each in contexts}
        assert parted.abstained == whole.abstained
        assert parted.status == whole.status
        assert parted.to_bytes() == whole.to_bytes()


def test_copies_and_pickles_know_their_sources():
    each = bars()
    ensemble = ensemble_of(TABLES, 2)
    run(ensemble, each[:20])
    others = [ensemble.copy(), copy.deepcopy(ensemble), pickle.loads(pickle.dumps(ensemble))]
    before = ensemble.to_bytes()
    expected = said_of(run(ensemble, each[20:30]))
    for other in others:
        assert other.to_bytes() == before
        assert said_of(run(other, each[20:30])) == expected


def test_a_source_of_no_known_class_is_refused():
    snapshot = ensemble_of(TABLES).to_bytes()
    with pytest.raises(StateError, match="'patterns'"):
        EnsemblePredictor.from_bytes(snapshot)
    with pytest.raises(StateError, match="'rl', known are"):
        EnsemblePredictor.from_bytes(snapshot, dict.fromkeys(NAMES[:5], Told))


def test_a_registered_source_is_known(monkeypatch):
    monkeypatch.setattr(EnsemblePredictor, "registry", {})
    EnsemblePredictor.register(Odd)
    assert EnsemblePredictor.registry == {"odd": Odd}
    assert EnsemblePredictor.from_bytes(EnsemblePredictor([Odd()]).to_bytes()).sources == ("odd",)


@pytest.mark.parametrize("part", ["copies", "regimes", "waiting", "calibrator", "seats", "options"])
def test_a_snapshot_that_does_not_fit_is_refused(part):
    ensemble = ensemble_of(TABLES, 2)
    run(ensemble, bars(0, 10))
    state = ensemble.to_state()
    state[part] = {
        "copies": {**state["copies"], "log_weights": np.zeros((2, 6, 3))},
        "regimes": {**state["regimes"], "of_mixture": np.zeros((3, SYMBOLS))},
        "waiting": {**state["waiting"], "rows": np.zeros(2)},
        "calibrator": {**state["calibrator"], "said": np.full(10, 1e9)},
        "seats": state["seats"][:5],
        "options": {**state["options"], "horizon": 3},
    }[part]
    with pytest.raises(StateError):
        EnsemblePredictor.from_state(state, REGISTRY)


def test_refused_bars_leave_the_ensemble_as_it_was():
    ensemble = ensemble_of(TABLES, 2)
    each = bars()
    run(ensemble, each[:10])
    before = ensemble.to_bytes()
    later = context_of(10, "S0", 1.0)
    for contexts, error in (
        ([later, later], DataError),
        ([later, context_of(11, "S1", 1.0)], DataError),
        (each[9], OrderError),
        (each[3], OrderError),
        ([later, "S1"], ParameterError),
    ):
        with pytest.raises(error):
            ensemble.observe(contexts)
        assert ensemble.to_bytes() == before
    for context in (later, each[8][0], context_of(9, "S9", 1.0)):
        with pytest.raises(DataError, match="last bar"):
            ensemble.predict(context)
        assert ensemble.to_bytes() == before
    for call in (ensemble.remove, ensemble.revive, ensemble.source):
        with pytest.raises(ParameterError, match="nobody"):
            call("nobody")
    for source in (Told("rl", [[0.5]]), Told("stage:rl", [[0.5]]), Told("", [[0.5]]), 3):
        with pytest.raises(ParameterError):
            ensemble.add(source)
    assert ensemble.to_bytes() == before


def test_an_empty_bar_feeds_the_sources_and_is_no_row():
    ensemble = ensemble_of({"a": np.full((9, 1), 0.8)}, 2)
    for row in range(3):
        contexts = [context_of(row, "S0", 1.0 + row)]
        ensemble.observe(contexts)
        ensemble.observe([])
        assert ensemble.row == row
        # What was to be said of the bar before is over.
        with pytest.raises(DataError):
            ensemble.predict(contexts[0])
    assert ensemble.settled == 0
    assert ensemble.source("a").seen == 3


def test_rows_left_out_settle_nothing():
    ensemble = ensemble_of({"a": np.full((9, 1), 0.8)}, 2)
    settled = []
    for row in (0, 1, 2, 5, 7, 8):
        run(ensemble, [[context_of(row, "S0", 1.0 + row)]])
        settled.append(ensemble.settled)
    # Row 0 in row 2, row 5 in row 7; rows 1, 2 and 3 never.
    assert settled == [0, 0, 1, 1, 2, 2]


class Momentum(PredictionSource):
    """Follows the last return of the real context, and sleeps where there is none."""

    kind = "momentum"
    name = "momentum"
    horizon = 2

    def __init__(self):
        self.abstained = {}

    def observe(self, contexts):
        self.abstained = {}

    def predict(self, context):
        returns = context.returns()
        if not len(returns) or np.isnan(returns[-1]):
            self.abstained[context.symbol] = "no return"
            return None
        return Prediction.of(0.55 if returns[-1] > 0.0 else 0.45, self.horizon, f"last return {returns[-1]:+.4f}")

    def to_state(self):
        return {}

    @classmethod
    def from_state(cls, state):
        return cls()


def test_it_runs_on_a_market_of_candles():
    rng = np.random.default_rng(4)
    # Up for a while, then down.
    factor = rng.normal(0.0, 0.01, 160) + np.where(np.arange(160) < 100, 0.005, -0.01)
    candles = {name: candles_of(prices(factor + rng.normal(0.0, 0.004, 160)), seed=k) for k, name in enumerate("ABC")}
    candles["C"][:9] = [None] * 9
    candles["B"][40:42] = [None] * 2
    market = SignalMarket(MarketStructureCoordinator(window_size=30, leaders=["A", "B"]), rows=8)
    ensemble = EnsemblePredictor([Momentum(), Told("quiet", [[np.nan]], 2)], EnsembleOptions(horizon=2))
    ensemble.remove("quiet")
    regimes = set()
    for contexts in walk(bars_of_candles(candles), market):
        ensemble.observe(list(contexts.values()))
        for symbol, prediction in ensemble.predict_all(list(contexts.values())).items():
            if prediction is None:
                assert ensemble.abstained[symbol] == "all sources sleep: momentum: no return"
            else:
                assert prediction.regime == contexts[symbol].regime.regime.value
                regimes.add(prediction.regime)
    assert len(regimes) > 1
    # A prediction needs a return, and an outcome a candle two rows later.
    closes = np.array([[np.nan if each is None else each["close"] for each in candles[name]] for name in "ABC"]).T
    known = ~np.isnan(outcomes_of(closes, 2))
    known[1:] &= ~np.isnan(closes[:-1])
    known[0] = False
    assert ensemble.settled == ensemble.status["momentum"].rounds == known.sum()


BAD = [
    ("horizon", 0), ("horizon", 4097), ("horizon", 1.0), ("horizon", True), ("bins", 1), ("bins", "10"),
    ("max_failures", 0), ("share", -0.1), ("share", 1.0), ("share", math.nan), ("share", True), ("share", "0"),
    ("outcome_correlation", 1.1), ("outcome_correlation", math.inf), ("bin_prior", 0.0), ("bin_prior", math.nan),
    ("regime_adjustment", 1), ("calibration", "yes"), ("prior", 3.0), ("prior", {"a": 0.0}), ("prior", {"a": math.nan}),
    ("prior", {"a": 1e-10}), ("prior", {"a": 1e10}), ("prior", {"a:b": 1.0}), ("prior", {"": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_options_out_of_their_bounds_are_refused(name, value):
    with pytest.raises(ParameterError):
        EnsembleOptions(**{name: value})


def test_options_are_plain_values():
    options = EnsembleOptions(horizon=np.int64(3), share=np.float64(0.25), prior={"rl": 2}, bins=np.int32(4))
    assert EnsembleOptions(**options.to_state()) == options
    assert [type(each) for each in (options.horizon, options.share, options.bins)] == [int, float, int]
    with pytest.raises(ParameterError, match="PredictionSource"):
        EnsemblePredictor([Prediction.of(0.5, 1, "")])
    with pytest.raises(ParameterError, match="'a' twice"):
        EnsemblePredictor([Told("a", [[0.5]]), Told("a", [[0.5]])])
