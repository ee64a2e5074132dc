"""Paired differences: exact cases, and how often chance is taken for an edge, and an edge found."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from comove.backtest.stats import compare_variants, paired_difference
from comove.backtest.stats.differences import LEAST_EPISODES
from comove.backtest.stats.episodes import episodes_of
from comove.errors import DataError, ParameterError

HOUR = 3600.0
YEAR = 8766.0
ROWS = 1000


def trades_of(rng, count, kind="t", drift=0.0):
    """Differences of trades of 8 to 24 bars in 1,000, held by one of two strategies, without an edge but `drift`."""
    d = np.zeros(ROWS)
    for start in np.sort(rng.choice(ROWS // 25, count, replace=False)) * 25:
        bars = int(rng.integers(8, 25))
        moves = rng.standard_t(3, bars) * 0.006
        if kind == "drift":
            moves = moves + rng.standard_normal() * 0.006
        elif kind == "stops":
            # A third wins twice what the others lose.
            moves = np.zeros(bars)
            moves[-1] = 0.02 if rng.random() < 1 / 3 else -0.01
        d[start : start + bars] = np.clip(moves, -0.5, 0.5) + drift
        # Prices that stand still.
        d[start : start + bars][rng.random(bars) < 0.05] = 0.0
    return d


def pair_of(d, seed=0):
    base = np.random.default_rng(seed).standard_normal(len(d)) * 0.003
    return np.where(d == 0.0, base, base + d), base


def compared(d, **options):
    return paired_difference(*pair_of(d), step_seconds=HOUR, **options)


def rejections(draw, cases):
    """The part of all cases that is called significant, and of those without a p-value."""
    found = [compared(draw()) for _ in range(cases)]
    low = [each.p_value is not None and each.p_value <= 0.05 for each in found]
    return np.mean(low), np.mean([each.p_value is None for each in found])


def test_identical_series_do_not_differ():
    variant, base = pair_of(np.zeros(ROWS))
    found = paired_difference(variant, base, step_seconds=HOUR)
    assert found.value == 0.0
    assert (found.p_value, found.adjusted, found.low, found.high) == (None, None, None, None)
    assert (found.reason, found.differing, found.episodes) == ("no bar differs", 0, 0)
    # The same returns by way of two accounts differ in rounding only.
    first, second = (
        np.diff(capital * np.cumprod(1.0 + base)) / (capital * np.cumprod(1.0 + base))[:-1]
        for capital in (1e4, 7e5 / 3)
    )
    assert (first != second).any()
    rounded = paired_difference(first, second, step_seconds=HOUR)
    assert (rounded.value, rounded.reason) == (0.0, "no bar differs")


def test_too_little_is_not_judged():
    rng = np.random.default_rng(1)
    handful = compared(np.abs(trades_of(rng, 5)))
    assert handful.reason == "too little differs: 5 episodes, 8 are needed"
    assert (handful.p_value, handful.low) == (None, None)
    assert handful.value > 0.0
    # One long position is one, or as many as a series that always differs would have.
    long = np.zeros(ROWS)
    long[100:300] = 0.001
    assert compared(long).episodes == 7
    assert compared(long, block_rows=200).episodes == 1
    # Ten trades, of which one is nearly all.
    one = np.zeros(ROWS)
    one[np.arange(10) * 100] = 0.0001
    one[500] = 0.05
    weighed = compared(one)
    assert weighed.episodes == 10
    assert weighed.effective == pytest.approx((0.05 + 9e-4) ** 2 / (0.05**2 + 9e-8), rel=1e-6)
    assert weighed.reason == "too little differs: 10 episodes weigh as much as 1 equal ones, 4 are needed"


def test_episodes_are_what_lies_together():
    d = np.zeros(320)
    d[[10, 11, 13, 100]] = 1.0, 2.0, 4.0, 8.0
    d[200:225] = 1.0
    found = episodes_of(d, None)
    # Blocks of 10 bars: 25 are cut into 9, 8 and 8.
    assert found.sums.tolist() == [7.0, 8.0, 8.0, 8.0, 9.0]
    assert found.rows.tolist() == [3, 1, 8, 8, 9]
    assert episodes_of(d, 25).sums.tolist() == [7.0, 8.0, 25.0]
    assert found.effective == pytest.approx(40**2 / (49 + 3 * 64 + 81), rel=1e-15)
    assert len(episodes_of(np.ones(ROWS), None).sums) == 32
    assert len(episodes_of(np.ones(24_000), None).sums) == 32


def test_sign_changes_against_all_of_them():
    """With few groups the p-value is the larger of two; where sign changes decide, it is theirs, by enumeration."""
    rng = np.random.default_rng(3)
    decided = 0
    for _ in range(40):
        sums = rng.standard_normal(9) + 0.7
        d = np.zeros(ROWS)
        d[np.arange(9) * 100] = sums * 0.01
        found = compared(d)
        if found.p_value is None:
            continue
        signs = np.array(list(itertools.product((1, -1), repeat=9)))
        exact = np.mean(np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-12))
        assert found.p_value >= exact - 1e-12
        decided += found.p_value == pytest.approx(exact, abs=1e-12)
        # The interval has what the test does not reject.
        assert (found.low > 0.0 or found.high < 0.0) == (found.p_value <= 0.05)
        assert found.low < found.value < found.high
    assert decided > 5


def test_the_interval_is_the_test_turned_round():
    # Episodes of one bar each: a mean of bars is one of episodes.
    d = np.zeros(ROWS)
    d[np.arange(14) * 70] = np.random.default_rng(4).standard_t(3, 14) * 0.006
    found = compared(d)
    differing = d != 0.0
    for edge, inside in ((found.low, 1.0), (found.high, -1.0)):
        # Taking off a mean just inside is not rejected, and just outside is.
        for step, rejected in ((inside, False), (-inside, True)):
            shifted = d.copy()
            mean = edge + step * 1e-6 * (found.high - found.low)
            shifted[differing] -= mean / YEAR * ROWS / differing.sum()
            assert (compared(shifted).p_value <= 0.05) == rejected


def test_it_agrees_with_student_where_all_bars_are_normal():
    rng = np.random.default_rng(5)
    d = rng.standard_normal(20_000) * 0.001
    found = compared(d)
    mean, error = d.mean() * YEAR, d.std(ddof=1) / math.sqrt(len(d)) * YEAR
    assert found.value == pytest.approx(mean, rel=1e-9)
    assert (found.high - found.low) / 2 == pytest.approx(2.0 * error, rel=0.35)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(mean) / error), abs=0.2)


def test_sides_and_scale():
    d = trades_of(np.random.default_rng(6), 20, drift=0.0008)
    variant, base = pair_of(d)
    there = paired_difference(variant, base, step_seconds=HOUR)
    back = paired_difference(base, variant, step_seconds=HOUR)
    assert back.value == pytest.approx(-there.value, rel=1e-12)
    assert back.p_value == pytest.approx(there.p_value, abs=0.01)
    assert back.low == pytest.approx(-there.high, rel=0.02)
    small = paired_difference(variant / 1000, base / 1000, step_seconds=HOUR)
    assert small.p_value == pytest.approx(there.p_value, rel=1e-9)
    assert small.low == pytest.approx(there.low / 1000, rel=1e-7)
    days = paired_difference(variant, base, step_seconds=24 * HOUR)
    assert days.value == pytest.approx(there.value / 24, rel=1e-12)
    assert there == paired_difference(variant, base, step_seconds=HOUR)
    assert json.loads(json.dumps(asdict(there), allow_nan=False)) == asdict(there)


def test_episodes_all_alike_leave_the_signs_to_decide():
    d = np.zeros(ROWS)
    d[np.arange(LEAST_EPISODES) * 100] = 0.125
    found = paired_difference(d, np.zeros(ROWS), step_seconds=HOUR)
    assert found.p_value == 2.0 / 2**LEAST_EPISODES
    assert found.low == found.high == found.value == pytest.approx(0.001 * YEAR, rel=1e-12)


def test_several_variants_are_adjusted():
    rng = np.random.default_rng(7)
    base = rng.standard_normal(ROWS) * 0.003
    variants = {
        "edge": base + np.abs(trades_of(rng, 25)) * 0.3,
        "same": base,
        "chance": base + trades_of(rng, 25),
        "dense": base + rng.standard_normal(ROWS) * 0.001,
    }
    found = compare_variants(variants, base, step_seconds=HOUR)
    assert list(found) == list(variants)
    assert (found["same"].p_value, found["same"].adjusted) == (None, None)
    # Three tests: the smallest counts three times.
    assert found["edge"].adjusted == pytest.approx(3 * found["edge"].p_value, rel=1e-12)
    assert found["edge"].adjusted <= 0.05
    second, last = sorted((found["chance"], found["dense"]), key=lambda each: each.p_value)
    assert second.adjusted == pytest.approx(min(1.0, 2 * second.p_value), rel=1e-12)
    assert last.adjusted == max(second.adjusted, last.p_value)
    alone = paired_difference(variants["chance"], base, step_seconds=HOUR)
    assert (alone.p_value, alone.adjusted) == (found["chance"].p_value, alone.p_value)
    assert compare_variants({}, base, step_seconds=HOUR) == {}


# Of 400 cases at 5 %, 8 % is three standard errors above. Of 2,000 each, 0.7 to 4.5 % were rejected.
@pytest.mark.parametrize("kind", ["t", "drift", "stops"])
@pytest.mark.parametrize("count", [4, 9, 20, 35])
def test_chance_is_no_edge(count, kind):
    rng = np.random.default_rng(100 + count)
    rejected, silent = rejections(lambda: trades_of(rng, count, kind), 400)
    assert rejected <= 0.08
    assert (silent == 1.0) == (count == 4)
    assert silent < 0.2 or count == 4


@pytest.mark.parametrize("kind", ["t", "trend", "storms"])
def test_chance_is_no_edge_where_all_bars_differ(kind):
    rng = np.random.default_rng(200)

    def draw():
        d = np.clip(rng.standard_t(3, ROWS) * 0.003, -0.5, 0.5)
        if kind == "trend":
            for row in range(1, ROWS):
                d[row] += 0.5 * d[row - 1]
        if kind == "storms":
            d *= np.where(np.arange(ROWS) // 125 % 2, 0.3, 2.0)
        return d

    assert rejections(draw, 400)[0] <= 0.08


@pytest.mark.parametrize("count", [12, 30])
def test_an_edge_of_three_standard_errors_is_found(count):
    rng = np.random.default_rng(300)
    totals = [trades_of(rng, count).sum() for _ in range(1000)]
    bars = np.mean([np.count_nonzero(trades_of(rng, count)) for _ in range(100)])
    drift = 3.0 * np.std(totals) / bars
    found, _ = rejections(lambda: trades_of(rng, count, drift=drift), 200)
    assert found >= 0.7


def test_bad_input_is_refused():
    zeros = np.zeros(ROWS)
    with pytest.raises(DataError, match="base must have length 1000, got 999"):
        paired_difference(zeros, zeros[1:], step_seconds=HOUR)
    with pytest.raises(DataError, match="variant must be finite and above -1, got nan at row 0"):
        paired_difference(zeros + math.nan, zeros, step_seconds=HOUR)
    with pytest.raises(DataError, match="at least 1 row"):
        paired_difference([], [], step_seconds=HOUR)
    with pytest.raises(ParameterError, match="variants must be a mapping"):
        compare_variants([zeros], zeros, step_seconds=HOUR)
    for option, value in (
        ("level", 0.999),
        ("block_rows", 0),
        ("replications", 10),
        ("seed", -1),
        ("step_seconds", -1.0),
    ):
        with pytest.raises(ParameterError, match=option):
            paired_difference(zeros, zeros, **{"step_seconds": HOUR, option: value})
