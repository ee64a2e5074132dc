"""Volatility spillover: its definition on recorded candles and from exact numbers, its doors, its errors, its size."""

from __future__ import annotations

import itertools
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import cases
import comove as cm
from cases import NAN
from comove import DataError, ParameterError, arrays
from comove.live import SpilloverMonitor
from comove.options import spillover_readings
from doors import assert_same, from_series, number

DATA = Path(os.environ.get("COMOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
HOURS = DATA / "ohlcv" / "1h"
real_data = pytest.mark.skipif(
    not HOURS.is_dir(), reason=f"the recorded candles are not at {DATA}; COMOVE_DATA names their folder"
)

# Largest relative error on the recorded candles against numpy, which rounds more: 7e-13.
NUMPY = 1e-10
# Largest relative error of a half-life against exact numbers at levels to 1e9, steps of 1: 2e-15.
HALF_LIFE = 1e-13
# Largest relative error of a bar's volatility against the series of the logarithm in exact fractions: none.
BAR = 1e-15
# Largest relative error of a p-value against scipy: 2e-13.
P_VALUE = 1e-11

PRICES = {"parkinson": ("high", "low"), "garman_klass": ("open", "high", "low", "close")}


def returns(rows, seed, gaps=0.0):
    y, x = cases.market(rows, seed)
    return (cases.with_gaps(y, seed + 1, gaps), cases.with_gaps(x, seed + 2, gaps)) if gaps else (y, x)


def bars(rows, seed, gaps=0.05):
    """Open, high, low and close of one symbol, some of them missing."""
    rng = np.random.default_rng(seed)
    path = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.003, (rows, 8)).ravel())).reshape(rows, 8)
    prices = {"open": path[:, 0], "high": path.max(axis=1), "low": path.min(axis=1), "close": path[:, -1]}
    return {name: cases.with_gaps(v, seed + 1 + i, gaps) for i, (name, v) in enumerate(prices.items())}


# --- definitions, window by window ---


def rolling_std(values, rows):
    """Missing where any of the returns is."""
    out = np.full(len(values), NAN)
    windows = np.lib.stride_tricks.sliding_window_view(np.where(np.isfinite(values), values, NAN), rows)
    out[rows - 1 :] = windows.std(axis=1, ddof=1)
    return out


def half_life(window):
    """From the definition; the window may hold NaN."""
    deviations = window - np.nanmean(window)
    phi = np.nansum(deviations[1:] * deviations[:-1]) / np.nansum(deviations**2)
    return np.log(0.5) / np.log(phi) if 0 < phi < 1 else NAN


def by_definition(y, x, size, least, rows):
    """Readings of the windows that end at `rows`."""
    out = {name: np.full(len(rows), NAN) for name in spillover_readings(inference=False, both=True)}
    for i, t in enumerate(rows):
        wy, wx = y[max(0, t + 1 - size) : t + 1], x[max(0, t + 1 - size) : t + 1]
        both = np.isfinite(wy) & np.isfinite(wx)
        out["n"][i] = both.sum()
        if both.sum() < least:
            continue
        dy, dx = wy[both] - wy[both].mean(), wx[both] - wx[both].mean()
        out["coefficient"][i] = (dx @ dy) / (dx @ dx)
        out["reverse_coefficient"][i] = (dx @ dy) / (dy @ dy)
        out["corr"][i] = (dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy))
        out["r_squared"][i] = out["corr"][i] ** 2
        out["half_life"][i], out["reverse_half_life"][i] = half_life(wy), half_life(wx)
    return out


def recorded(symbol):
    """Candles of a symbol and of BTC on the full hourly grid, and the log returns of both."""
    frames = [pl.read_parquet(HOURS / f"{name}.parquet") for name in (symbol, "BTC")]
    grid = pl.DataFrame({"ts": pl.datetime_range(*frames[1]["ts"].sort().gather([0, -1]), "1h", eager=True)})
    laid = [grid.join(frame, on="ts", how="left") for frame in frames]
    sides = [{name: frame[name].fill_null(NAN).to_numpy() for name in PRICES["garman_klass"]} for frame in laid]
    changes = [np.diff(np.log(side["close"]), prepend=NAN) for side in sides]
    return sides, changes


@real_data
@pytest.mark.parametrize("symbol", ["LUNA", "USDC", "ETH"])
@pytest.mark.parametrize("vol", ["rolling", "parkinson", "garman_klass"])
def test_recorded_candles(symbol, vol):
    """Holes of weeks, a redenomination, a price that hardly moves."""
    (asset, btc), changes = recorded(symbol)
    if vol == "rolling":
        sides, volatilities = changes, [rolling_std(values, 20) for values in changes]
    else:
        sides = [[side[name] for name in PRICES[vol]] for side in (asset, btc)]
        volatilities = [getattr(arrays, vol)(*side) for side in sides]
    answer = arrays.rolling_spillover(*sides, vol=vol, min_samples=60, both=True)
    assert np.isnan(volatilities[0]).sum() > (0 if symbol != "ETH" else -1)
    rows = np.arange(250, len(volatilities[0]), 83)
    exact = by_definition(*volatilities, 240, 60, rows)
    for name, values in exact.items():
        np.testing.assert_allclose(answer[name][rows], values, rtol=NUMPY, atol=NUMPY, err_msg=name)
    assert np.isfinite(exact["half_life"]).mean() > 0.5
    for t in rows[:: len(rows) // 12]:
        window = np.column_stack([v[t - 239 : t + 1] for v in volatilities])
        window = window[np.isfinite(window).all(axis=1)]
        if len(window) >= 60:
            fit = sm.OLS(window[:, 0], sm.add_constant(window[:, 1])).fit()
            assert fit.params[1] == pytest.approx(answer["coefficient"][t], rel=NUMPY)
            assert fit.rsquared == pytest.approx(answer["r_squared"][t], rel=NUMPY, abs=NUMPY)


@pytest.mark.parametrize(("window_size", "vol_window", "min_samples"), [(240, 20, None), (30, 5, 4), (3, 2, 3)])
def test_definition_of_the_readings(window_size, vol_window, min_samples):
    y, x = returns(900, 300, 0.0 if min_samples is None else 0.02)
    options = {"window_size": window_size, "vol_window": vol_window, "min_samples": min_samples, "both": True}
    answer = arrays.rolling_spillover(y, x, **options)
    volatilities = [rolling_std(values, vol_window) for values in (y, x)]
    rows = np.arange(900)
    exact = by_definition(*volatilities, window_size, min_samples or window_size, rows)
    for name, values in exact.items():
        # Windows of three rows can nearly lose a coefficient to cancellation.
        np.testing.assert_allclose(answer[name], values, rtol=NUMPY, atol=NUMPY, err_msg=name)
    assert np.isfinite(answer["coefficient"]).any()


def exact_half_life(window):
    values = [Fraction(float(v)) if np.isfinite(v) else None for v in window]
    there = [v for v in values if v is not None]
    mean = sum(there) / len(there)
    products = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(values) if a is not None and b is not None)
    phi = float(products / sum((v - mean) ** 2 for v in there))
    return np.log(0.5) / np.log(phi) if 0 < phi < 1 else NAN


@pytest.mark.parametrize("level", [0.0, 1e6, 1e9])
def test_the_half_life_keeps_its_digits_at_a_level(level):
    rng = np.random.default_rng(301)
    values = np.zeros(400)
    for t in range(1, 400):
        values[t] = 0.8 * values[t - 1] + rng.normal()
    values = cases.with_gaps(np.round(values, 3) + level, 302, 0.1)
    answer = arrays.rolling_spillover(values, values, vol="given", window_size=60, min_samples=5)["half_life"]
    rows = range(80, 400, 7)
    exact = [exact_half_life(values[t - 59 : t + 1]) for t in rows]
    np.testing.assert_allclose(answer[list(rows)], exact, rtol=HALF_LIFE)


def test_the_half_life_of_a_known_process():
    rng = np.random.default_rng(303)
    values = np.zeros(50_000)
    for t in range(1, len(values)):
        values[t] = 0.9 * values[t - 1] + rng.normal()
    answer = arrays.rolling_spillover(values, rng.normal(size=len(values)), vol="given", window_size=20_000)
    assert answer["half_life"][-1] == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.05)


def test_overlap_alone_gives_a_half_life_and_bars_give_none():
    """What the documentation says of pure noise: neighbours of 20 rows share 19."""
    rng = np.random.default_rng(304)
    y, x = rng.normal(0.0, 0.01, (2, 20_000))
    rolling = arrays.rolling_spillover(y, x)["half_life"]
    assert 7 < np.nanmedian(rolling) < 13
    low = np.full(20_000, 100.0)
    highs = [low * np.exp(np.abs(values)) for values in (y, x)]
    bar = arrays.rolling_spillover([highs[0], low], [highs[1], low], vol="parkinson")["half_life"]
    assert np.nanmedian(bar) < 0.5


# --- bars ---


def test_volatilities_of_bars():
    prices = bars(500, 310)
    high, low, begin, end = (prices[name] for name in ("high", "low", "open", "close"))
    with np.errstate(all="ignore"):
        there = np.isfinite(high) & np.isfinite(low)
        expected = np.where(there, np.log(high / low) / np.sqrt(4 * np.log(2)), NAN)
        np.testing.assert_allclose(arrays.parkinson(high, low), expected, rtol=1e-12)
        there &= np.isfinite(begin) & np.isfinite(end)
        square = 0.5 * np.log(high / low) ** 2 - (2 * np.log(2) - 1) * np.log(end / begin) ** 2
        expected = np.where(there, np.sqrt(square), NAN)
    np.testing.assert_allclose(arrays.garman_klass(begin, high, low, end), expected, rtol=1e-11)
    frame = pl.DataFrame(prices)
    answer = frame.select(
        p=cm.parkinson("high", "low"),
        k=cm.garman_klass("open", "high", "low", "close"),
        m=pl.col("high").comove.parkinson("low"),
    )
    doors = {name: from_series(answer[name], name)[name] for name in answer.columns}
    expected = arrays.parkinson(high, low)
    assert_same(
        doors, {"p": expected, "k": arrays.garman_klass(begin, high, low, end), "m": expected}, "volatilities of bars"
    )


@pytest.mark.parametrize("spread", [1e-3, 1e-7, 1e-12])
def test_narrow_bars_keep_their_digits(spread):
    low = 60_000.0
    high = low * (1 + spread)
    gap = Fraction(high) / Fraction(low) - 1
    series = float(gap - gap**2 / 2 + gap**3 / 3 - gap**4 / 4 + gap**5 / 5)
    assert arrays.parkinson([high], [low])[0] == pytest.approx(series / np.sqrt(4 * np.log(2)), rel=BAR)


def test_bars_into_given_memory():
    prices = bars(50, 311)
    out = np.empty(50)
    answer = arrays.parkinson(prices["high"], prices["low"], out=out)
    assert answer is out
    assert_same({"v": out}, {"v": arrays.parkinson(prices["high"], prices["low"])})


# --- doors ---


@pytest.mark.parametrize("vol", list(PRICES))
@pytest.mark.parametrize("shape", ["list", "mapping"])
def test_the_doors_agree_on_bars(vol, shape):
    asset, source = bars(400, 320), bars(400, 330)
    names = PRICES[vol]
    options = {"vol": vol, "window_size": 50, "min_samples": 12, "both": True}

    def side(of):
        return {name: of(name) for name in reversed(names)} if shape == "mapping" else [of(name) for name in names]

    expected = arrays.rolling_spillover(side(asset.get), side(source.get), inference=True, **options)
    frame = pl.DataFrame({f"{s}_{n}": v for s, side_ in (("a", asset), ("b", source)) for n, v in side_.items()})
    expression = cm.rolling_spillover(side("a_{}".format), side("b_{}".format), inference=True, **options)
    answer = frame.select(expression)
    assert answer.columns == [f"a_{names[0]}"]
    assert_same(from_series(answer.to_series(), "spillover"), expected, "expression")
    monitor, many = SpilloverMonitor(**options), SpilloverMonitor(**options)
    read = []
    for t in range(400):
        monitor.update(side(lambda n, t=t: asset[n][t]), side(lambda n, t=t: source[n][t]))
        read.append([number(getattr(monitor, name)) for name in expected])
        if t % 61 == 0:
            monitor = SpilloverMonitor.from_bytes(monitor.to_bytes())
    assert_same(dict(zip(expected, np.array(read, dtype=float).T, strict=True)), expected, "live")
    coefficients = many.update_many(side(asset.get), side(source.get))
    assert_same({"coefficient": coefficients}, {"coefficient": expected["coefficient"]}, "update_many")
    assert many.to_bytes() == monitor.to_bytes()


values = st.one_of(
    st.sampled_from([0.1, 0.3, 0.0, 1e12, 1e-150, 1e150, NAN, np.inf, -np.inf]), st.floats(0.0, 1.0), st.floats()
)


@given(st.lists(st.tuples(values, values), max_size=120), st.integers(3, 40), st.booleans(), st.data())
def test_the_doors_agree_on_anything(rows, size, given_volatilities, data):
    y, x = np.array(rows, dtype=float).reshape(-1, 2).T.copy()
    options = {"window_size": size, "min_samples": data.draw(st.integers(2, size)), "both": True}
    options |= {"vol": "given"} if given_volatilities else {"vol_window": data.draw(st.integers(2, 6))}
    expected = arrays.rolling_spillover(y, x, inference=True, **options)
    frame = pl.DataFrame({"y": y, "x": x}).select(s=cm.rolling_spillover("y", "x", inference=True, **options))
    assert_same(from_series(frame["s"], "s"), expected)
    monitor, read = SpilloverMonitor(**options), []
    cut = data.draw(st.integers(0, len(y)))
    for t, row in enumerate(zip(y.tolist(), x.tolist(), strict=True)):
        if t == cut:
            monitor = SpilloverMonitor.from_bytes(monitor.to_bytes())
        monitor.update(*row)
        read.append([number(getattr(monitor, name)) for name in expected])
    live = np.array(read, dtype=float).reshape(-1, len(expected)).T
    assert_same(dict(zip(expected, live, strict=True)), expected)


@given(st.lists(st.tuples(values, values), max_size=80), st.integers(3, 20))
def test_readings_are_in_their_range(rows, size):
    y, x = np.array(rows, dtype=float).reshape(-1, 2).T.copy()
    answer = arrays.rolling_spillover(y, x, vol="given", window_size=size, min_samples=2, inference=True, both=True)
    for name, column in answer.items():
        assert not np.isinf(column).any(), name
    with np.errstate(invalid="ignore"):
        assert not (np.abs(answer["corr"]) > 1).any()
        for name in ("half_life", "reverse_half_life"):
            assert not (answer[name] <= 0).any()
        for name in ("coefficient_stderr", "coefficient_p_value", "reverse_coefficient_stderr"):
            assert not (answer[name] < 0).any()
        assert not (answer["coefficient_p_value"] > 1).any()


def test_the_reverse_is_the_other_direction():
    y, x = returns(700, 340, 0.01)
    options = {"window_size": 100, "min_samples": 30, "vol_window": 6, "inference": True}
    forth = arrays.rolling_spillover(y, x, both=True, **options)
    back = arrays.rolling_spillover(x, y, **options)
    names = ("coefficient", "half_life", "coefficient_stderr", "coefficient_p_value")
    for name in names:
        np.testing.assert_allclose(forth[f"reverse_{name}"], back[name], rtol=1e-12)
    np.testing.assert_allclose(forth["corr"], back["corr"], rtol=1e-12)
    assert np.isfinite(back["coefficient_stderr"]).sum() > 300


def test_columns_of_assets_and_given_memory():
    y, x = returns(300, 350)
    block = np.column_stack([y, np.roll(y, 3)])
    out = np.empty((5, 300, 2))
    answer = arrays.rolling_spillover(block, x, window_size=50, out=out)
    for i in range(2):
        alone = arrays.rolling_spillover(block[:, i], x, window_size=50)
        assert_same({name: v[:, i] for name, v in answer.items()}, alone)
    assert_same({"n": out[4, :, 0]}, {"n": alone["n"]})


# --- what a window keeps ---


def test_what_has_left_the_window_leaves_no_trace():
    y, x = returns(900, 360)
    spoilt_y, spoilt_x = y.copy(), x.copy()
    spoilt_y[100], spoilt_x[110] = 1e12, -1e12
    options = {"window_size": 120, "inference": True, "both": True}
    clean = arrays.rolling_spillover(y, x, **options)
    spoilt = arrays.rolling_spillover(spoilt_y, spoilt_x, **options)
    # The last volatility with a spike is 19 rows later, and the window 119 more.
    after = 110 + 19 + 120
    assert_same({name: v[after:] for name, v in spoilt.items()}, {name: v[after:] for name, v in clean.items()})
    assert clean["coefficient"][after - 1] != spoilt["coefficient"][after - 1]


def test_what_does_not_vary_has_no_reading():
    y, x = returns(300, 370)
    options = {"window_size": 30, "vol_window": 5, "both": True}
    still = arrays.rolling_spillover(y, np.full(300, 0.01), **options)
    assert np.isnan(still["coefficient"]).all()
    assert np.isnan(still["corr"]).all()
    assert np.isnan(still["reverse_half_life"]).all()
    assert (still["reverse_coefficient"][40:] == 0).all()
    assert np.isfinite(still["half_life"][40:]).all()
    answer = arrays.rolling_spillover(np.full(300, 1e12 + 0.1), x, **options)
    assert (answer["coefficient"][40:] == 0).all()
    assert np.isnan(answer["half_life"]).all()


def test_the_value_at_t_needs_nothing_later():
    y, x = returns(400, 380, 0.01)
    options = {"window_size": 60, "min_samples": 20, "vol_window": 5, "inference": True, "both": True}
    whole = arrays.rolling_spillover(y, x, **options)
    for cut in (1, 59, 61, 64, 211):
        part = arrays.rolling_spillover(y[:cut], x[:cut], **options)
        assert_same(part, {name: v[:cut] for name, v in whole.items()})


def test_warmup_is_known_before_any_data():
    rng = np.random.default_rng(390)
    for options in ({}, {"vol": "given"}, {"window_size": 30, "min_samples": 9, "vol_window": 4}):
        monitor = SpilloverMonitor(**options)
        for row in range(1, monitor.warmup + 1):
            assert not monitor.is_ready
            monitor.update(*rng.random(2))
            assert (monitor.coefficient is not None) == (row == monitor.warmup)
        assert monitor.is_ready


# --- inference ---


def test_spaced_errors_are_those_of_the_spaced_regression():
    y, x = returns(900, 400, 0.003)
    answer = arrays.rolling_spillover(y, x, min_samples=60, inference=True, stderr="spaced")
    volatilities = [rolling_std(values, 20) for values in (y, x)]
    checked = 0
    for t in range(300, 900, 7):
        rows = np.arange(t, t - 240, -20)
        pairs = np.column_stack([v[rows] for v in volatilities])
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        stderr, p_value = (answer[name][t] for name in ("coefficient_stderr", "coefficient_p_value"))
        if len(pairs) < 10 or np.isnan(answer["coefficient"][t]):
            assert np.isnan(stderr)
            continue
        fit = sm.OLS(pairs[:, 0], sm.add_constant(pairs[:, 1])).fit()
        assert stderr == pytest.approx(fit.bse[1], rel=NUMPY)
        assert p_value == pytest.approx(fit.pvalues[1], rel=P_VALUE)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize(("gaps", "window_size", "vol_window"), [(0.0, 240, 20), (0.004, 300, 12), (0.01, 90, 2)])
def test_overlap_errors_are_those_of_the_covariance_matrix(gaps, window_size, vol_window):
    y, x = returns(700, 405, gaps)
    options = {"window_size": window_size, "vol_window": vol_window, "min_samples": 60}
    answer = arrays.rolling_spillover(y, x, inference=True, both=True, **options)
    volatilities = [rolling_std(values, vol_window) for values in (y, x)]
    checked = 0
    for t in range(window_size + vol_window, 700, 31):
        rows = np.arange(t - window_size + 1, t + 1)
        rows = rows[np.isfinite(volatilities[0][rows]) & np.isfinite(volatilities[1][rows])]
        for prefix, order in (("", (0, 1)), ("reverse_", (1, 0))):
            stderr = answer[f"{prefix}coefficient_stderr"][t]
            if len(rows) < max(60, 10 * vol_window):
                assert np.isnan(stderr)
                continue
            v, u = (volatilities[side][rows] - volatilities[side][rows].mean() for side in order)
            shared = np.maximum(0.0, 1.0 - np.abs(rows[:, None] - rows) / vol_window)
            slope, square = (u @ v) / (u @ u), u @ shared @ u
            freedom = len(rows) - shared.sum() / len(rows) - square / (u @ u)
            exact = np.sqrt(((v - slope * u) ** 2).sum() / freedom * square) / (u @ u)
            assert stderr == pytest.approx(exact, rel=NUMPY)
            degrees = len(rows) / (np.maximum(0.0, 1 - np.abs(np.arange(-99, 100)) / vol_window) ** 2).sum() - 1
            p_value = 2 * stats.t.sf(abs(answer[f"{prefix}coefficient"][t] / stderr), degrees)
            assert answer[f"{prefix}coefficient_p_value"][t] == pytest.approx(p_value, rel=P_VALUE)
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("lags", [1, 4, 25])
def test_newey_west_is_that_of_statsmodels(lags):
    y, x = returns(500, 410)
    options = {"window_size": 150, "vol_window": 10, "inference": True, "stderr": "newey_west"}
    answer = arrays.rolling_spillover(y, x, newey_west_lags=lags, **options)
    volatilities = [rolling_std(values, 10) for values in (y, x)]
    for t in range(200, 500, 23):
        window = [v[t - 149 : t + 1] for v in volatilities]
        fit = sm.OLS(window[0], sm.add_constant(window[1])).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
        assert answer["coefficient_stderr"][t] == pytest.approx(fit.bse[1], rel=NUMPY)


def test_the_usual_lags_and_spacing():
    y, x = returns(400, 420)
    rolling = {"inference": True, "window_size": 100, "vol_window": 8}
    for given_, named in (
        ({}, {"stderr": "overlap"}),
        ({"stderr": "spaced"}, {"spacing": 8}),
        ({"stderr": "newey_west"}, {"newey_west_lags": 8}),
    ):
        assert_same(
            arrays.rolling_spillover(y, x, **rolling, **given_),
            arrays.rolling_spillover(y, x, **rolling, **{**given_, **named}),
        )
    bar = {"inference": True, "window_size": 300, "vol": "given"}
    for given_, named in (({}, {"spacing": 1}), ({"stderr": "newey_west"}, {"newey_west_lags": 5})):
        assert_same(
            arrays.rolling_spillover(y, x, **bar, **given_),
            arrays.rolling_spillover(y, x, **bar, **{**given_, **named}),
        )


RUNS = 1500


@pytest.mark.parametrize("window_size", [240, 720])
def test_the_size_of_the_tests_on_independent_returns(window_size):
    """5 % tests of the coefficient reject 3 to 8 % of the time; three standard errors of 1500 runs are 1.7 %."""
    rng = np.random.default_rng(440)
    by_stderr = by_p_value = 0
    limit = stats.t.ppf(0.975, window_size // 20 - 2)
    for _ in range(RUNS):
        answer = arrays.rolling_spillover(
            *rng.normal(size=(2, window_size + 19)), window_size=window_size, inference=True
        )
        coefficient, stderr, p_value = (
            answer[name][-1] for name in ("coefficient", "coefficient_stderr", "coefficient_p_value")
        )
        by_stderr += abs(coefficient) / stderr > limit
        by_p_value += p_value < 0.05
    assert 0.03 < by_stderr / RUNS < 0.08
    assert 0.03 < by_p_value / RUNS < 0.08


# --- errors ---

Y, X = returns(50, 430)
BAR_COLUMNS = [np.full(5, 2.0), np.full(5, 1.0)]
BAD_OPTIONS = {
    "window_size of 2": ({"window_size": 2}, r"window_size.*3.*2"),
    "window_size of text": ({"window_size": "9"}, "window_size"),
    "no window": ({"window_size": None}, "window_size"),
    "min_samples": ({"window_size": 9, "min_samples": 10}, r"min_samples.*9.*10"),
    "vol_window": ({"vol_window": 1}, r"vol_window.*2.*1"),
    "vol_window without rolling": ({"vol": "given", "vol_window": 20}, "vol_window.*rolling.*20"),
    "vol": ({"vol": "yang_zhang"}, "vol.*parkinson.*yang_zhang"),
    "stderr": ({"stderr": "white"}, "stderr.*newey_west.*white"),
    "spacing": ({"stderr": "spaced", "spacing": 0}, r"spacing.*1.*0"),
    "lags": ({"stderr": "newey_west", "newey_west_lags": 0}, r"newey_west_lags.*1.*0"),
    "lags of another": ({"newey_west_lags": 4}, "newey_west_lags.*4"),
    "overlap of bars": ({"vol": "parkinson", "stderr": "overlap"}, "stderr.*rolling.*parkinson"),
    "spacing of another": ({"stderr": "newey_west", "spacing": 4}, "spacing.*4"),
    "both": ({"both": 1}, "both.*1"),
}


@pytest.mark.parametrize("what", list(BAD_OPTIONS))
def test_bad_options(what):
    options, match = BAD_OPTIONS[what]
    for call in (
        lambda: cm.rolling_spillover("y", "x", **options),
        lambda: arrays.rolling_spillover(Y, X, **options),
        *([lambda: SpilloverMonitor(**options)] if options != {"window_size": None} else []),
    ):
        with pytest.raises(ParameterError, match=match):
            call()


def test_inference_is_true_or_false():
    for call in (
        lambda: cm.rolling_spillover("y", "x", inference="yes"),
        lambda: arrays.rolling_spillover(Y, X, inference="yes"),
    ):
        with pytest.raises(ParameterError, match=r"inference.*yes"):
            call()


def test_windows_of_live_objects_have_a_bound():
    for options in ({"window_size": 2**24 + 1}, {"window_size": 9, "vol_window": 2**24 + 1}):
        with pytest.raises(ParameterError, match=r"2\^24"):
            SpilloverMonitor(**options)


@pytest.mark.parametrize(
    "side", ["asset", X, [X], [X, X, X], {"high": X}, {"high": X, "low": X, "open": X}, {"hi": X, "lo": X}, None]
)
def test_columns_that_do_not_go_with_the_volatility(side):
    for call in (
        lambda: arrays.rolling_spillover(side, BAR_COLUMNS, vol="parkinson"),
        lambda: arrays.rolling_spillover(BAR_COLUMNS, side, vol="parkinson"),
        lambda: cm.rolling_spillover(side, ["high", "low"], vol="parkinson"),
        lambda: SpilloverMonitor(vol="parkinson").update_many(BAR_COLUMNS, side),
    ):
        with pytest.raises(ParameterError, match="high, low"):
            call()


def test_lengths():
    with pytest.raises(DataError, match=r"source.*50.*49"):
        arrays.rolling_spillover(Y, X[1:])
    with pytest.raises(DataError, match=r"asset low.*5.*4"):
        arrays.rolling_spillover([np.ones(5), np.ones(4)], BAR_COLUMNS, vol="parkinson")
    with pytest.raises(DataError, match=r"low.*5.*4"):
        arrays.parkinson(np.ones(5), np.ones(4))


BAD_BARS = {
    "no price": ([2.0, 0.0], "price", r"asset low.*above 0.*0 at row 3"),
    "negative": ([-2.0, 1.0], "price", r"asset high.*above 0.*-2 at row 3"),
    "high below low": ([1.0, 2.0], "bar", r"asset high.*2 to 1.*got 1 at row 3"),
}


@pytest.mark.parametrize("what", list(BAD_BARS))
def test_impossible_bars(what):
    bar, code, match = BAD_BARS[what]
    columns = [column.copy() for column in BAR_COLUMNS]
    for column, price in zip(columns, bar, strict=True):
        column[3] = price
    options = {"vol": "parkinson", "window_size": 3}
    monitor = SpilloverMonitor(**options)
    monitor.update((2.0, 1.0), (2.0, 1.0))
    before = monitor.to_bytes()
    for call in (
        lambda: arrays.rolling_spillover(columns, BAR_COLUMNS, **options),
        lambda: monitor.update_many(columns, BAR_COLUMNS),
    ):
        with pytest.raises(DataError, match=match) as error:
            call()
        assert error.value.code == code
    for call in (
        lambda: monitor.update(bar, (2.0, 1.0)),
        lambda: monitor.update((2.0, 1.0), bar),
        lambda: monitor.peek(bar, (2.0, 1.0)),
        lambda: monitor.amend(bar, (2.0, 1.0)),
    ):
        with pytest.raises(DataError) as error:
            call()
        assert error.value.code == code
    assert monitor.to_bytes() == before
    with pytest.raises(DataError, match=match.replace("asset ", "")):
        arrays.parkinson(*columns)
    frame = pl.DataFrame({"high": columns[0], "low": columns[1]})
    with pytest.raises(pl.exceptions.ComputeError, match=rf"\[{code}\]"):
        frame.select(cm.rolling_spillover(["high", "low"], ["high", "low"], **options))
    with pytest.raises(pl.exceptions.ComputeError, match=rf"\[{code}\]"):
        frame.select(cm.parkinson("high", "low"))


@pytest.mark.parametrize("close", [0.9, 2.1])
def test_a_close_outside_the_bar(close):
    with pytest.raises(DataError, match=rf"close.*1 to 2.*{close} at row 0"):
        arrays.garman_klass([1.5], [2.0], [1.0], [close])


BAD_ROWS = {
    "a number for a bar": lambda m: m.update(1.0, (2.0, 1.0)),
    "one price": lambda m: m.update((2.0,), (2.0, 1.0)),
    "three prices": lambda m: m.update((2.0, 1.0), (2.0, 1.0, 1.0)),
    "another name": lambda m: m.update({"high": 2.0, "lo": 1.0}, (2.0, 1.0)),
    "one name more": lambda m: m.update({"high": 2.0, "low": 1.0, "open": 1.0}, (2.0, 1.0)),
    "text": lambda m: m.update((2.0, "1.0"), (2.0, 1.0)),
    "lengths": lambda m: m.update_many(BAR_COLUMNS, [np.ones(4), np.ones(4)]),
}


@pytest.mark.parametrize("what", list(BAD_ROWS))
def test_a_refused_row_leaves_the_state_as_it_was(what):
    monitor = SpilloverMonitor(vol="parkinson", window_size=3)
    monitor.update({"low": 1.0, "high": 2.0}, (2.0, 1.5))
    before = monitor.to_bytes()
    with pytest.raises(DataError):
        BAD_ROWS[what](monitor)
    assert monitor.to_bytes() == before


def test_amend_needs_a_row():
    with pytest.raises(DataError, match="amend"):
        SpilloverMonitor().amend(0.1, 0.2)
