"""Bootstrap intervals: arch is the judge of the draws, simulated markets of how often they hold the truth."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from comove.backtest.stats import (
    CURVE_METRICS,
    INTERVALS,
    block_length,
    bootstrap_intervals,
    check_arch,
    market_metrics,
    return_metrics,
)
from comove.errors import ComoveError, DataError, ParameterError

HOUR = 3600.0
YEAR = 8766.0
NAN = float("nan")


def series_of(rows, seed=1):
    """An asset and its market: both trend a little, and the asset's own part spreads with the market."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(5, rows) * 0.006
    x[1:] += 0.3 * x[:-1]
    return 0.6 * x + rng.standard_normal(rows) * 0.004 * (1.0 + 50.0 * np.abs(x)), x


def storms_of(rows, seed=1):
    """Returns that do not follow each other, whose size does: calm and storm take turns."""
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(rows) // 100 % 2, 0.002, 0.01)
    return rng.standard_normal(rows) * size


def test_the_draws_are_those_of_arch():
    y, x = series_of(800)
    found = bootstrap_intervals(y, benchmark=x, step_seconds=HOUR, replications=300, seed=5)
    length = block_length(y, x)

    def slow(y, x):
        mine, other = return_metrics(y, HOUR), return_metrics(x, HOUR)
        fit = market_metrics(y, x, HOUR)
        differences = mine["cagr"] - other["cagr"], float(np.mean(y - x)) * YEAR
        return np.array([*(mine[name] for name in CURVE_METRICS), fit["beta"], *differences])

    oracle = StationaryBootstrap(length, y, x, seed=np.random.default_rng(5))
    low, high = oracle.conf_int(slow, reps=300, size=0.95, method="percentile")
    assert tuple(found) == INTERVALS
    np.testing.assert_allclose([each.value for each in found.values()], slow(y, x), rtol=1e-9)
    np.testing.assert_allclose([each.low for each in found.values()], low, rtol=1e-8)
    np.testing.assert_allclose([each.high for each in found.values()], high, rtol=1e-8)


def test_blocks_are_as_long_as_volatility_clusters():
    y = storms_of(2000)
    alone = float(optimal_block_length(y)["stationary"].iloc[0])
    squares = float(optimal_block_length((y - y.mean()) ** 2)["stationary"].iloc[0])
    assert block_length(y) == pytest.approx(squares, rel=1e-9)
    assert squares > 10 * alone
    x = series_of(2000)[1]
    assert block_length(0.0001 * y + x, x) >= block_length(0.0001 * y + x)
    # Returns of one size have no clusters, and without dependence blocks are single bars.
    assert block_length(np.full(50, 0.01)) == 1.0


def test_the_same_seed_gives_the_same_and_another_nearly():
    y, _ = series_of(600)
    first, again, other = (bootstrap_intervals(y, step_seconds=HOUR, replications=400, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    width = first["sharpe"].high - first["sharpe"].low
    assert other["sharpe"].low == pytest.approx(first["sharpe"].low, abs=0.15 * width)
    wide = bootstrap_intervals(y, step_seconds=HOUR, replications=400, seed=3, level=0.99)
    assert all(wide[name].low < first[name].low < first[name].high < wide[name].high for name in ("sharpe", "cagr"))
    before = y.copy()
    bootstrap_intervals(y, step_seconds=HOUR, replications=100)
    np.testing.assert_array_equal(y, before)


def test_what_has_no_interval():
    moving = series_of(200)[0]
    for nothing in (np.zeros(200), np.full(200, 0.01), None, moving[:29], []):
        assert set(bootstrap_intervals(nothing, step_seconds=HOUR).values()) == {None}
    # A flat market has no beta; all else is there.
    still = bootstrap_intervals(moving, benchmark=np.zeros(200), step_seconds=HOUR, replications=100)
    assert [name for name, each in still.items() if each is None] == ["beta"]
    # Of a curve that only rises there is no drawdown to divide by.
    rising = bootstrap_intervals(np.abs(moving) * 0.01 + 1e-6, step_seconds=HOUR, replications=100)
    assert [name for name, each in rising.items() if each is None] == ["sortino", "calmar"]
    # A strategy that traded in three bars: one draw in twenty has none of them.
    seldom = np.zeros(200)
    seldom[[20, 90, 150]] = 0.01, -0.02, 0.03
    rare = bootstrap_intervals(seldom, step_seconds=HOUR, replications=400)
    assert rare["sharpe"] is None
    assert rare["total_return"].low < rare["total_return"].value < rare["total_return"].high


def test_no_more_bars_or_scale_matter_than_should():
    y, x = series_of(500)
    tiny = bootstrap_intervals(y * 1e-9, benchmark=x * 1e-9, step_seconds=HOUR, replications=100)
    plain = bootstrap_intervals(y, benchmark=x, step_seconds=HOUR, replications=100)
    for name in ("beta", "sharpe"):
        assert tiny[name].low == pytest.approx(plain[name].low, rel=1e-5)
    long = bootstrap_intervals(np.tile(y, 4), step_seconds=HOUR, replications=200)
    assert long["sharpe"].high - long["sharpe"].low < 0.7 * (plain["sharpe"].high - plain["sharpe"].low)


def test_bad_input_is_refused():
    y, x = series_of(100)
    with pytest.raises(DataError, match="returns must be finite and above -1, got nan at row 3"):
        bootstrap_intervals(np.where(np.arange(100) == 3, NAN, y), step_seconds=HOUR)
    with pytest.raises(DataError, match="benchmark must have length 100, got 99"):
        bootstrap_intervals(y, benchmark=x[1:], step_seconds=HOUR)
    with pytest.raises(DataError, match="at least 30 rows, got 20"):
        block_length(y[:20])
    for option, value in (("replications", 99), ("level", 1.0), ("seed", -1), ("step_seconds", 0.0)):
        with pytest.raises(ParameterError, match=option):
            bootstrap_intervals(y, **{"step_seconds": HOUR, option: value})


def test_without_arch_it_says_what_to_install(monkeypatch):
    check_arch()
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    with pytest.raises(ComoveError, match=r"pip install comove\[backtest\]") as told:
        check_arch()
    assert told.value.code == "extra"


def test_intervals_hold_the_truth():
    """100 series of 600 bars: two standard errors are 4.4 %."""
    cases, rows = 100, 600
    rng = np.random.default_rng(20)
    sd, drift, coefficient = 0.006, 0.0003, 0.3
    truth = {
        "sharpe": drift / sd * math.sqrt(YEAR),
        "volatility": sd * math.sqrt(YEAR),
        "beta": 0.5,
        "excess_return": (drift - 0.0001) * YEAR,
    }
    hits = dict.fromkeys(truth, 0)
    for case in range(cases):
        # AR(1) market of variance 1, and an asset of it and of AR(1) noise: variance 1 again.
        shocks = rng.standard_normal((rows + 50, 2)) * math.sqrt(1.0 - coefficient**2)
        for row in range(1, rows + 50):
            shocks[row] += coefficient * shocks[row - 1]
        market, own = shocks[50:].T
        y = drift + sd * (0.5 * market + math.sqrt(0.75) * own)
        found = bootstrap_intervals(y, benchmark=0.0001 + sd * market, step_seconds=HOUR, replications=200, seed=case)
        for name, value in truth.items():
            hits[name] += found[name].low <= value <= found[name].high
    for name, count in hits.items():
        assert 0.88 <= count / cases <= 0.99, (name, count / cases)
