"""The ensemble while it runs: sources that sleep, fail, go and come; what a prediction says of itself."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from comove.signals.ensemble import EnsembleOptions, EnsemblePredictor
from ensemble_cases import (
    CLOSES,
    NAMES,
    ROWS,
    SYMBOLS,
    TABLES,
    Odd,
    Told,
    bars,
    bars_of_closes,
    ensemble_of,
    outcomes_of,
    random_tables,
    run,
)

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
