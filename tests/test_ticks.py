"""Asynchronous ticks: contrasts against exact fractions and NumPy, who leads, and what may not matter."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import comove as cm
from comove import ticks
from comove.ticks import hayashi_yoshida, lag_grid, lead_lag
from recorded_data import VENUES, needs
from tick_oracles import SECOND, in_numpy, levels, series, shifted_contrast
from tolerances import TICKS, TICKS_NUMPY


def assert_exact(ts_a, price_a, ts_b, price_b, lags, increments="log"):
    """Every contrast within the tolerance of its natural scale, and missing exactly where nothing overlaps."""
    answer = hayashi_yoshida(ts_a, price_a, ts_b, price_b, lags=lags, increments=increments)
    a, b = levels(price_a, increments), levels(price_b, increments)
    exact, scale = shifted_contrast(ts_a, a, ts_b, b, lags)
    for lag, value, expected in zip(lags, answer, exact, strict=True):
        if expected is None:
            assert np.isnan(value), lag
        else:
            assert abs(Fraction(float(value)) - expected) <= Fraction(TICKS) * Fraction(scale), (lag, value)


GRIDS = {
    "seconds": lag_grid("10s", step="1s"),
    "fine": lag_grid("30ms", step="1ms"),
    "sparse": np.array([-1000, -100, -10, -1, 0, 1, 10, 100, 1000]) * SECOND,
    "uneven": np.array([-12_345_678_901, -3, 0, 1, 7 * SECOND, 7 * SECOND + 1]),
    "one": np.array([-2 * SECOND]),
}
KINDS = ["random", "bursts", "equal", "gaps"]


@pytest.mark.parametrize("increments", ["log", "difference"])
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("kind", KINDS)
def test_exact(kind, grid, increments):
    a, b = series(1, 120, kind=kind), series(2, 90, kind=kind, spacing=2 * SECOND)
    assert_exact(*a, *b, GRIDS[grid], increments)


@pytest.mark.parametrize("grid", GRIDS)
def test_exact_with_few_against_many(grid):
    few, many = series(3, 4, spacing=40 * SECOND), series(4, 150)
    assert_exact(*few, *many, GRIDS[grid])
    assert_exact(*many, *few, GRIDS[grid])


def test_exact_where_prices_are_hard():
    lags = GRIDS["seconds"]
    (ts_a, a), (ts_b, b) = series(5, 100), series(6, 100)
    jumps = b.copy()
    jumps[50:] *= 1e12
    spike = a.copy()
    spike[30] *= 1e-9
    trend = np.exp(np.arange(100) * 1e-2)
    zigzag = 100.0 + np.arange(100) % 2
    for price_a, price_b in [(a, jumps), (spike, b), (spike, jumps), (zigzag, trend), (a * 1e150, b * 1e-150)]:
        assert_exact(ts_a, price_a, ts_b, price_b, lags)
        assert_exact(ts_a, price_a, ts_b, price_b, lags, "difference")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS)
def test_numpy(kind, grid):
    a, b = series(7, 30_000, kind=kind), series(8, 20_000, kind=kind)
    lags = GRIDS[grid]
    collapsed = [(ts[np.r_[np.diff(ts) > 0, True]], p[np.r_[np.diff(ts) > 0, True]]) for ts, p in (a, b)]
    expected = in_numpy(*collapsed[0], *collapsed[1], lags)
    scale = np.sqrt(np.prod([np.sum(np.diff(np.log(p)) ** 2) for _, p in collapsed]))
    np.testing.assert_allclose(hayashi_yoshida(*a, *b, lags=lags), expected, rtol=0, atol=TICKS_NUMPY * scale)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="until NumPy has a wider float there")
@pytest.mark.parametrize("grid", ["seconds", "sparse", "uneven"])
def test_many_ticks_keep_the_digits(grid):
    """A redenomination half way, and 200 000 ticks a side: against 64 bits of mantissa."""
    (ts_a, a), (ts_b, b) = (series(seed, 200_000, spacing=SECOND / 10) for seed in (52, 53))
    b = np.where(np.arange(200_000) > 100_000, b * 1e6, b)
    wide = np.longdouble
    expected = in_numpy(ts_a, a, ts_b, b, GRIDS[grid], wide)
    scale = np.sqrt(np.sum(np.diff(np.log(a.astype(wide))) ** 2) * np.sum(np.diff(np.log(b.astype(wide))) ** 2))
    error = np.abs(hayashi_yoshida(ts_a, a, ts_b, b, lags=GRIDS[grid]) - expected)
    assert error.max() <= TICKS * scale


# --- what is not there ---


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 5), (1, 5), (5, 1), (1, 1)])
def test_without_an_increment_nothing_is_defined(n, m):
    result = lead_lag(*series(9, n), *series(10, m), lags=lag_grid("2s", step="1s"))
    assert np.isnan(result.contrasts).all()
    assert np.isnan(result.corr).all()
    assert (result.lag, result.leads_by, result.llr, result.n_asset, result.n_leader) == (None, None, None, n, m)
    assert str(result) == "not defined"


def test_disjoint_series_overlap_at_some_lags_only():
    ts, price = np.array([0, 1, 2]), np.array([1.0, 2.0, 4.0])
    result = lead_lag(ts, price, ts + 10, price, lags=[-10, 0, 8, 9, 10, 12], increments="difference")
    # At 8 the last end of the asset touches the first of the leader, at 12 the other way round.
    np.testing.assert_array_equal(result.contrasts, [np.nan, np.nan, np.nan, 2.0 * 1.0, 1.0 + 4.0, np.nan])
    assert result.lag is None


def test_touching_intervals_do_not_overlap():
    values = hayashi_yoshida([0, 10], [0, 1], [0, 10], [0, 1], lags=[-10, -9, 0, 9, 10], increments="difference")
    np.testing.assert_array_equal(values, [np.nan, 1.0, 1.0, 1.0, np.nan])


def test_a_price_that_does_not_change():
    (ts_a, a), (ts_b, b) = series(11, 50), series(12, 50)
    result = lead_lag(ts_a, np.full(50, a[0]), ts_b, b, lags=lag_grid("3s", step="1s"))
    assert (result.contrasts == 0).all()
    assert np.isnan(result.corr).all()
    assert (result.lag, result.llr) == (None, None)


def test_equal_times_collapse_to_the_last_price():
    ts, price = [1, 1, 2, 2, 2, 3, 4, 4], [9.0, 1.0, 7.0, 7.0, 2.0, 3.0, 9.0, 5.0]
    other = series(13, 4, spacing=1)
    once = hayashi_yoshida([1, 2, 3, 4], [1.0, 2.0, 3.0, 5.0], *other, lags=[-1, 0, 1])
    assert hayashi_yoshida(ts, price, *other, lags=[-1, 0, 1]).tobytes() == once.tobytes()


def test_ticks_without_a_price_are_left_out():
    (ts_a, a), b = series(14, 200), series(15, 200)
    holes = np.arange(200) % 7 == 3
    spoilt = np.where(holes, [np.nan, np.inf, -np.inf, np.nan] * 50, a)
    lags = lag_grid("3s", step="1s")
    expected = hayashi_yoshida(ts_a[~holes], a[~holes], *b, lags=lags)
    assert hayashi_yoshida(ts_a, spoilt, *b, lags=lags).tobytes() == expected.tobytes()


def test_what_float64_does_not_hold_is_missing():
    (ts_a, a), (ts_b, b) = series(16, 50), series(17, 50)
    plain = lead_lag(ts_a, a, ts_b, b, lags=[0, 1], increments="difference")
    for factor in (2.0**600, 2.0**-600):
        far = lead_lag(ts_a, a * factor, ts_b, b * factor, lags=[0, 1], increments="difference")
        assert np.isnan(far.contrasts).all()
        assert far.corr.tobytes() == plain.corr.tobytes()


# --- who leads ---


@pytest.mark.parametrize("delay", [-7, -1, 0, 3, 10])
def test_the_sign(delay):
    ts, price = series(18, 400)
    result = lead_lag(ts + delay * SECOND, price, ts, price, lags=GRIDS["seconds"])
    assert result.lag == -delay * SECOND
    assert result.leads_by == delay * SECOND
    assert result.corr[np.searchsorted(result.lags, result.lag)] == pytest.approx(1.0, abs=1e-12)
    words = "nobody is ahead" if delay == 0 else f"the {'leader' if delay > 0 else 'asset'} is ahead by {abs(delay)}s"
    assert words in repr(result)
    if delay:
        assert (result.llr > 1) == (delay > 0)


def test_ties_go_to_the_smallest_lag_then_to_the_negative_one():
    step = ([0, 10], [1.0, 2.0])
    for lags, best in [([-8, -2, 3], -2), ([-3, 3, 5], -3), ([-3, 2, 3], 2), ([-4, 0, 4], 0)]:
        assert lead_lag(*step, *step, lags=lags).lag == best


def test_llr():
    result = lead_lag(*series(19, 300), *series(20, 300), lags=GRIDS["seconds"])
    squares, lags = result.contrasts**2, result.lags
    assert result.llr == pytest.approx(squares[lags < 0].sum() / squares[lags > 0].sum(), rel=1e-12)

    # Nothing to compare with; not a zero of either sign.
    for lags in ([-1, 0], [0], [1], [0, 1]):
        assert lead_lag(*series(19, 300), *series(20, 300), lags=lags).llr is None


def venues():
    frames = [pl.read_parquet(VENUES / f"btcjpy_{venue}_20180812.parquet") for venue in ("btcbox", "bitflyer")]
    return [(frame["ts"], frame["price"]) for frame in frames]


@needs(VENUES)
def test_bitflyer_leads_btcbox_by_15_seconds():
    btcbox, bitflyer = venues()
    lags = lag_grid("40s", step="1s")
    result = lead_lag(*btcbox, *bitflyer, lags=lags)
    assert result.lag == -15_000_000_000
    assert result.leads_by == 15_000_000_000
    assert result.llr > 1
    swapped = lead_lag(*bitflyer, *btcbox, lags=lags)
    assert swapped.lag == 15_000_000_000
    scale = np.abs(result.contrasts).max()
    np.testing.assert_allclose(swapped.contrasts[::-1], result.contrasts, rtol=0, atol=1e-12 * scale)
    assert swapped.llr == pytest.approx(1 / result.llr, rel=1e-9)
    arrays = [(ts.to_numpy().astype("datetime64[ns]").astype(np.int64), p.to_numpy()) for ts, p in (btcbox, bitflyer)]
    expected = in_numpy(*arrays[0], *arrays[1], lags)
    np.testing.assert_allclose(result.contrasts, expected, rtol=0, atol=1e-11 * scale)


# --- properties ---

TIMES = st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=25).map(sorted)


@st.composite
def whole_ticks(draw):
    """Prices that are whole numbers: every difference contrast is exact."""
    times = draw(TIMES)
    prices = draw(st.lists(st.integers(-1000, 1000), min_size=len(times), max_size=len(times)))
    return np.array(times, dtype=np.int64), np.array(prices, dtype=float)


WHOLE_LAGS = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=9, unique=True).map(sorted)


def whole(a, b, lags):
    return hayashi_yoshida(*a, *b, lags=lags, increments="difference")


@given(whole_ticks(), whole_ticks(), WHOLE_LAGS)
def test_whole_numbers_are_exact(a, b, lags):
    exact, _ = shifted_contrast(a[0], levels(a[1], "difference"), b[0], levels(b[1], "difference"), lags)
    expected = np.array([np.nan if value is None else float(value) for value in exact])
    np.testing.assert_array_equal(whole(a, b, lags), expected)


@given(whole_ticks(), whole_ticks(), WHOLE_LAGS, st.sampled_from([-(2**63) + 10**7, -1, 12345, 2**62, 2**63 - 10**7]))
def test_a_shift_of_all_times_changes_nothing(a, b, lags, shift):
    moved = [(ts + shift, price) for ts, price in (a, b)]
    assert whole(*moved, lags).tobytes() == whole(a, b, lags).tobytes()


@given(whole_ticks(), whole_ticks(), WHOLE_LAGS)
def test_swapping_mirrors(a, b, lags):
    np.testing.assert_array_equal(whole(b, a, [-lag for lag in reversed(lags)])[::-1], whole(a, b, lags))


@given(whole_ticks(), whole_ticks(), WHOLE_LAGS, st.integers(-300, 300), st.integers(-300, 300))
def test_scaling(a, b, lags, i, j):
    scaled = whole((a[0], np.ldexp(a[1], i)), (b[0], np.ldexp(b[1], j)), lags)
    np.testing.assert_array_equal(scaled, np.ldexp(whole(a, b, lags), i + j))


@given(whole_ticks(), whole_ticks(), st.integers(1, 1000), st.integers(0, 400))
def test_a_lag_alone_gives_what_it_gives_in_a_grid(a, b, step, half):
    lags = np.arange(-half, half + 1) * step
    grid = whole(a, b, lags)
    for place in {0, half, 2 * half}:
        np.testing.assert_array_equal(whole(a, b, [lags[place]])[0], grid[place])


def test_the_ends_of_time():
    ends = np.array([-(2**63), 0, 2**63 - 1])
    lags = np.array([-(2**63), -1, 0, 1, 2**63 - 1])
    a, b = (ends, np.array([0.0, 1.0, 3.0])), (ends, np.array([0.0, 5.0, 6.0]))
    exact, _ = shifted_contrast(*a, *b, lags.tolist())
    np.testing.assert_array_equal(whole(a, b, lags), exact)


# --- what may not matter ---


@pytest.mark.parametrize("grid", GRIDS)
def test_threads_do_not_matter(grid):
    a, b = series(21, 40_000), series(22, 50_000, kind="bursts")
    one = hayashi_yoshida(*a, *b, lags=GRIDS[grid], threads=1)
    for threads in (2, 3, 7, None):
        assert hayashi_yoshida(*a, *b, lags=GRIDS[grid], threads=threads).tobytes() == one.tobytes()


def test_inputs_of_every_kind_give_the_same():
    (ts_a, a), b = series(23, 100, spacing=10**6), series(24, 100, spacing=10**6)
    ts_a = ts_a // 1000 * 1000
    lags = lag_grid("3ms", step="1ms")
    expected = hayashi_yoshida(ts_a, a, *b, lags=lags).tobytes()
    nanoseconds = ts_a.astype("datetime64[ns]")
    times = [ts_a.tolist(), nanoseconds, nanoseconds.astype("datetime64[us]"), pl.Series(nanoseconds),
             pl.Series(nanoseconds).dt.cast_time_unit("us").dt.replace_time_zone("UTC"), np.repeat(ts_a, 2)[::2],
             nanoseconds.astype("datetime64[us]").tolist()]  # fmt: skip
    for given_times in times:
        for prices in (a, a.tolist(), pl.Series(a), np.repeat(a, 2)[::2]):
            assert hayashi_yoshida(given_times, prices, *b, lags=lags).tobytes() == expected
    spans = lags.astype("timedelta64[ns]")
    deltas = [dt.timedelta(milliseconds=k) for k in range(-3, 4)]
    text = [f"{'-' * (k < 0)}{abs(k)}ms" for k in range(-3, 4)]
    mixed = [-3_000_000, "-2ms", deltas[2], np.timedelta64(0, "s"), "1ms", "2000us", 3_000_000]
    for same in (lags.tolist(), spans, spans.astype("timedelta64[ms]"), deltas, text, mixed):
        assert hayashi_yoshida(ts_a, a, *b, lags=same).tobytes() == expected


def test_inputs_are_not_modified():
    arrays = [*series(25, 100, kind="equal"), *series(26, 100, kind="bursts"), lag_grid("5s", step="1s")]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    lead_lag(*arrays[:4], lags=arrays[4])
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_results_are_read_only():
    result = lead_lag(*series(27, 10), *series(28, 10), lags=[0])
    for array in (result.lags, result.contrasts, result.corr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_to_frame():
    result = lead_lag(*series(50, 20), *series(51, 20), lags=[-1, 0, 10**18])
    frame = result.to_frame()
    assert frame.columns == ["lag", "contrast", "corr"]
    assert frame["contrast"].null_count() == 1
    assert result.lag is None


LANES_SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from comove.ticks import hayashi_yoshida, lag_grid
from tick_oracles import series
for half in (1, 5, 40, 200):
    lags = lag_grid(half * 10**9, step="1s")
    print(hayashi_yoshida(*series(1, 3000), *series(2, 2000), lags=lags).tobytes().hex())
"""


def test_lane_widths_do_not_matter():
    answers = {}
    for width in ("1", "2", "4", "8"):
        command = [sys.executable, "-c", LANES_SCRIPT.format(tests=str(Path(__file__).parent))]
        run = subprocess.run(
            command, env=os.environ | {"COMOVE_LANES": width}, capture_output=True, text=True, check=False
        )
        if run.returncode:
            assert "COMOVE_LANES must be a width of this processor" in run.stderr
        else:
            answers[width] = run.stdout
    assert len(set(answers.values())) == 1, list(answers)


def test_the_door():
    assert cm.ticks is ticks
    assert not [name for name in ticks.__all__ if not hasattr(ticks, name)]
