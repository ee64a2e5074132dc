"""What each stage of the ensemble adds, and that it does not hurt where there is nothing to add."""

from __future__ import annotations

import math

import numpy as np
import pytest

from comove.signals.ensemble import CALIBRATION_TERM, REGIME_TERM, EnsembleOptions
from comove.signals.ensemble.calibration import Calibrator
from comove.structure import MarketRegime
from ensemble_cases import bars_of_closes, ensemble_of, outcomes_of, random_closes, run

TURNS = (MarketRegime.RISK_ON, MarketRegime.RISK_OFF)


def market(rows, symbols, right, seed, horizon=1):
    """Closes of random walks, and a source that is right with a probability of `right`, and says `said` then."""
    rng = np.random.default_rng(seed)
    closes = random_closes(rng, rows, symbols)
    y = np.nan_to_num(outcomes_of(closes, horizon), nan=0.5)
    correct = rng.random(y.shape) < right
    return closes, y, np.where(correct, y, 1.0 - y)


def losses(ensemble):
    stages = ensemble.stage_losses
    return stages["mixture"], stages["regime"], stages["calibration"]


# --- stage 2 ---


def regime_market(rows, symbols, in_first, in_second, seed):
    """Two sources at 0.7, right with one probability in one regime and another in the other; regimes last 50 rows."""
    turns = np.arange(rows) // 50 % 2
    closes, y, _ = market(rows, symbols, 0.5, seed)
    rng = np.random.default_rng(seed + 100)
    tables = {}
    for name, right in (("trend", (in_first, in_second)), ("turn", (in_second, in_first))):
        correct = rng.random(y.shape) < np.array(right)[turns][:, None]
        side = np.where(correct, y, 1.0 - y)
        tables[name] = np.where(side == 1.0, 0.7, 0.3)
    return closes, tables, [TURNS[each] for each in turns]


def test_regimes_help_where_the_best_source_changes_with_them():
    closes, tables, regimes = regime_market(1000, 4, 0.7, 0.4, seed=1)
    ensemble = ensemble_of(tables, calibration=False)
    said = run(ensemble, bars_of_closes(closes, regimes))
    mixture, adjusted, _ = losses(ensemble)
    # 0.7 right 70 % of the time has 0.21; the mixture cannot tell the two apart.
    assert mixture > 0.225
    assert adjusted < 0.96 * mixture
    prediction = said[-1]["S0"]
    better = "trend" if regimes[-1] is TURNS[0] else "turn"
    assert prediction.weights[better] > 0.9
    assert prediction.regime == regimes[-1].value
    assert prediction.attribution[REGIME_TERM] == prediction.regime_up - prediction.mixture_up


def test_regimes_cost_next_to_nothing_where_they_tell_nothing():
    closes, tables, regimes = regime_market(1000, 4, 0.6, 0.6, seed=2)
    ensemble = ensemble_of(tables, calibration=False)
    run(ensemble, bars_of_closes(closes, regimes))
    mixture, adjusted, _ = losses(ensemble)
    # The bound, ln(2) / 2 a copy: four here.
    assert (adjusted - mixture) * ensemble.settled <= 4 * math.log(2.0) / 2.0 + 1e-9
    assert adjusted <= mixture * 1.002


def test_where_the_stage_is_off_nothing_asks_for_the_regime():
    closes, tables, _ = regime_market(30, 2, 0.6, 0.6, seed=3)
    ensemble = ensemble_of(tables, regime_adjustment=False, calibration=False)
    for contexts in bars_of_closes(closes):
        ensemble.observe(contexts)
        for context in contexts:
            # No structure to ask.
            context._regime = None
        prediction = ensemble.predict_all(contexts)["S1"]
        assert prediction.regime_up is prediction.calibrated_up is prediction.regime is None
        assert prediction.up == prediction.mixture_up
        assert REGIME_TERM not in prediction.attribution
        assert CALIBRATION_TERM not in prediction.attribution


# --- stage 3 ---


def log_loss(ups, y):
    ups = np.clip(ups, 1e-12, 1.0 - 1e-12)
    return -np.mean(y * np.log(ups) + (1.0 - y) * np.log(1.0 - ups))


def ups_of(said, name):
    return np.array([[getattr(each[symbol], name) for symbol in sorted(each)] for each in said])


@pytest.mark.parametrize("horizon", [1, 3])
def test_calibration_corrects_an_overconfident_source(horizon):
    rows, symbols = 1500, 4
    closes, y, side = market(rows, symbols, 0.6, seed=4, horizon=horizon)
    rng = np.random.default_rng(9)
    table = np.where(side > 0.5, rng.uniform(0.8, 0.99, y.shape), rng.uniform(0.01, 0.2, y.shape))
    ensemble = ensemble_of({"loud": table}, horizon, regime_adjustment=False)
    said = run(ensemble, bars_of_closes(closes))
    mixture, _, calibrated = losses(ensemble)
    assert calibrated < 0.93 * mixture
    last = slice(rows // 2, rows - horizon)
    raw, corrected = ups_of(said, "mixture_up")[last], ups_of(said, "up")[last]
    assert log_loss(corrected, y[last]) < 0.9 * log_loss(raw, y[last])
    # By then it says what comes of it: 0.6, not 0.9. A coin's Brier score is 0.25, the best 0.24.
    assert np.mean((corrected - y[last]) ** 2) < 0.25
    high = raw > 0.8
    assert abs(corrected[high].mean() - y[last][high].mean()) < 0.08


@pytest.mark.parametrize("seed", range(3))
def test_calibration_does_not_hurt_a_calibrated_source(seed):
    rows, symbols = 1000, 4
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.1, 0.9, (rows, symbols))
    steps = np.where(rng.random((rows, symbols)) < truth, 0.01, -0.01)
    closes = 100.0 * np.exp(np.cumsum(np.vstack([np.zeros(symbols), steps]), axis=0))
    ensemble = ensemble_of({"honest": np.vstack([truth, truth[-1:]])}, regime_adjustment=False)
    run(ensemble, bars_of_closes(closes))
    mixture, _, calibrated = losses(ensemble)
    # The noise costs 1 / (16 * 50) = 0.00125 at the most, in the mean.
    assert calibrated - mixture < 0.00125


def test_noise_stays_a_coin():
    """Sources that know nothing but say 0.5 give or take 0.05: no worse than a constant by more than 2 %."""
    rng = np.random.default_rng(8)
    closes = random_closes(rng, 1000, 4)
    tables = {name: rng.uniform(0.45, 0.55, closes.shape) for name in "abc"}
    ensemble = ensemble_of(tables)
    regimes = [TURNS[each] for each in np.arange(1000) // 30 % 2]
    run(ensemble, bars_of_closes(closes, regimes))
    assert max(losses(ensemble)) < 0.25 * 1.01


def test_without_outcomes_nothing_is_corrected():
    calibrator = Calibrator(EnsembleOptions())
    p = np.concatenate([np.linspace(0.0, 1.0, 1001), [np.nan]])
    np.testing.assert_array_equal(calibrator.correct(p), p)


def test_the_correction_is_the_mean_after_a_beta_prior_where_it_was_learnt():
    options = EnsembleOptions(horizon=1, bins=2, bin_prior=8.0, outcome_correlation=0.0)
    calibrator = Calibrator(options)
    p, y = np.array([0.75, 0.75, 0.75, 0.75, 0.25]), np.array([1.0, 0.0, 0.0, 0.0, 0.5])
    calibrator.learn(np.append(p, np.nan), np.append(y, 1.0))
    # (1 + 8 * 0.75) / (4 + 8) and (0.5 + 8 * 0.25) / (1 + 8), half-way between the two, and beyond.
    low, high = 2.5 / 9.0, 7.0 / 12.0
    expected = [low, high, 0.5 * (low + high), 1.0 + (high - 0.75), low - 0.05]
    np.testing.assert_allclose(calibrator.correct(np.array([0.25, 0.75, 0.5, 1.0, 0.2])), expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_the_correction_never_falls(seed):
    rng = np.random.default_rng(seed)
    calibrator = Calibrator(
        EnsembleOptions(bins=int(rng.integers(2, 30)), horizon=1, bin_prior=float(rng.uniform(0.1, 9)))
    )
    grid = np.linspace(0.0, 1.0, 2001)
    for _ in range(30):
        p = rng.random(12) ** rng.uniform(0.3, 3.0)
        calibrator.learn(p, (rng.random(12) < 1.0 - p).astype(float))
        corrected = calibrator.correct(grid)
        assert (np.diff(corrected) >= -1e-15).all()
        assert corrected.min() >= 0.0
        assert corrected.max() <= 1.0


@pytest.mark.parametrize("bins", [2, 7, 49])
def test_predictions_at_the_edges_of_bins_are_corrected_too(bins):
    edges = np.arange(bins + 1) / bins
    near = np.concatenate([edges, np.nextafter(edges, 0.0), np.nextafter(edges, 1.0)])
    near = np.sort(near[near <= 1.0])
    rng = np.random.default_rng(bins)
    for _ in range(150):
        calibrator = Calibrator(EnsembleOptions(bins=bins, horizon=3, bin_prior=1e-6))
        for _ in range(rng.integers(1, 20)):
            p = rng.choice(near, rng.integers(1, 6))
            calibrator.learn(p, rng.choice([0.0, 0.5, 1.0], len(p)))
        corrected = calibrator.correct(near)
        assert (np.diff(corrected) >= -1e-12).all()
        assert corrected.min() >= 0.0
        assert corrected.max() <= 1.0


def test_outcomes_of_one_bar_are_not_independent():
    """47 outcomes of a bar weigh as 47 / (1 + 46 / 2), 1.96; over 24 rows as a 24th of it."""
    for horizon, correlation, expected in (
        (1, 0.5, 47 / 24.0),
        (24, 0.5, 47 / 24.0 / 24.0),
        (1, 1.0, 1.0),
        (1, 0.0, 47.0),
    ):
        calibrator = Calibrator(EnsembleOptions(horizon=horizon, outcome_correlation=correlation))
        calibrator.learn(np.full(47, 0.6), np.ones(47))
        assert calibrator.weight.sum() == pytest.approx(expected, rel=1e-12)


def test_coins_that_move_as_one_do_not_carry_the_calibration_away():
    """All coins rise or fall as one by a fair coin: had each counted, a month would look like years."""
    rng = np.random.default_rng(5)
    rows, symbols = 300, 47
    steps = np.repeat(rng.choice([-0.01, 0.01], (rows, 1)), symbols, axis=1)
    closes = 100.0 * np.exp(np.cumsum(steps, axis=0))
    table = {"coin": np.full((rows, symbols), 0.52)}
    excess = []
    for correlation in (0.5, 0.0):
        ensemble = ensemble_of(table, regime_adjustment=False, outcome_correlation=correlation)
        run(ensemble, bars_of_closes(closes))
        mixture, _, calibrated = losses(ensemble)
        excess.append(calibrated - mixture)
    assert excess[0] < excess[1]
    assert excess[0] < 0.0025


# --- the mixture learns ---


def test_the_mixture_finds_the_source_that_knows():
    closes, y, side = market(600, 3, 0.75, seed=6)
    rng = np.random.default_rng(6)
    tables = {
        "knows": np.where(side > 0.5, 0.75, 0.25),
        "noise": rng.uniform(0.2, 0.8, y.shape),
        "wrong": np.where(side > 0.5, 0.25, 0.75),
    }
    ensemble = ensemble_of(tables, regime_adjustment=False, calibration=False)
    run(ensemble, bars_of_closes(closes))
    for symbol in (None, "S0", "S1", "S2"):
        weights = ensemble.weights(symbol)
        assert sum(weights.values()) == pytest.approx(1.0, abs=1e-12)
        assert weights["knows"] > 0.95
    assert ensemble.stage_losses["mixture"] < 0.2
    assert ensemble.weights("elsewhere") == pytest.approx(dict.fromkeys(tables, 1 / 3))
