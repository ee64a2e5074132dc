"""Volatility spillover: its definition on recorded candles and from exact numbers, its doors."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

import cases
import comove as cm
from cases import NAN
from comove import arrays
from comove.live import SpilloverMonitor
from comove.options import spillover_readings
from doors import assert_same, from_series, number
from recorded_data import HOURS, needs

real_data = needs(HOURS)

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
