"""The ensemble between runs: nothing looks ahead, snapshots, refusals, a market of candles, options."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

from comove import DataError, MarketStructureCoordinator, OrderError, ParameterError, StateError
from comove.signals import Prediction, PredictionSource, SignalMarket
from comove.signals.ensemble import EnsembleOptions, EnsemblePredictor
from ensemble_cases import (
    NAMES,
    REGISTRY,
    ROWS,
    SYMBOLS,
    TABLES,
    Odd,
    Told,
    bars,
    bars_of_closes,
    context_of,
    ensemble_of,
    outcomes_of,
    random_closes,
    run,
    said_of,
)
from signal_cases import bars_of_candles, candles_of, walk
from structure_cases import prices


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
