"""Lag scan: its definition on recorded candles and from exact numbers, planted leads, ties, warm-up, no trace."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
import comove as cm
import lag_oracles
import tolerances as tol
from cases import CASES, FEW, IN_RANGE, NAN, SPIKE
from comove import arrays
from comove.data import simulate_market
from comove.live import LagScanner
from doors import DOORS, LAG_SCAN, LAG_TESTS, ask_arrays, ask_live, assert_same_bits, q, table
from recorded_data import HOURS, needs
from tolerances import Bound, judge

real_data = needs(HOURS)

# Largest differences found on the recorded candles: 2e-15 and 3e-15.
NUMPY = 1e-10
P_VALUE = 1e-10
# Of llr, relative: two sums of squares of up to 41 correlations, each within a few ulp.
LLR = 1e-13
SIGNIFICANT = 0.05


# --- recorded candles ---


def recorded(symbol):
    """Log returns of a symbol and of BTC on the union of their times."""
    frames = [
        pl.read_parquet(HOURS / f"{name}.parquet").select("ts", pl.col("close").alias(name)) for name in (symbol, "BTC")
    ]
    both = frames[0].join(frames[1], on="ts", how="full", coalesce=True).sort("ts")
    return [np.diff(np.log(both[name].fill_null(NAN).to_numpy()), prepend=NAN) for name in (symbol, "BTC")]


@real_data
@pytest.mark.parametrize("symbol", ["ETH", "LUNA", "USDC", "BONK"])
@pytest.mark.parametrize(("window_size", "max_lag", "min_samples"), [(120, 10, 60), (48, 3, 48)])
def test_recorded_candles(symbol, window_size, max_lag, min_samples):
    """Holes of weeks, a redenomination, a price that hardly moves, a coin listed late."""
    asset, leader = recorded(symbol)
    options = {"window_size": window_size, "max_lag": max_lag, "min_samples": min_samples}
    lags = arrays.cross_correlation(asset, leader, **options)
    scan = arrays.lag_scan(asset, leader, inference=True, **options)
    begin = max(window_size + max_lag, int(np.isfinite(asset).argmax()) - 10)
    rows = np.unique(np.linspace(begin, len(asset) - 1, 150).astype(int))
    expected, n = lag_oracles.of_numpy(asset, leader, window_size, max_lag, min_samples, rows)
    np.testing.assert_allclose(lags[rows], expected, rtol=0, atol=NUMPY)
    np.testing.assert_array_equal(scan["n"][rows], n.min(axis=1))
    found = 0
    for t, corrs in zip(rows, expected, strict=True):
        first = t + 1 - window_size - max_lag
        if np.isfinite(corrs).all():
            p = lag_oracles.p_values(asset[first : t + 1], leader[first : t + 1], max_lag)
            np.testing.assert_allclose([scan[name][t] for name in LAG_TESTS], p, rtol=0, atol=P_VALUE)
            found += 1
        else:
            assert all(np.isnan(scan[name][t]) for name in ("lag", "corr", "llr"))
    assert found > 50
    assert symbol == "ETH" or np.isnan(scan["lag"][window_size + max_lag :]).any()


@real_data
def test_the_market_moves_in_the_same_hour():
    """On recorded candles the largest correlation is that of lag 0, nearly always."""
    for symbol in ("ETH", "BONK"):
        lag = arrays.lag_scan(*recorded(symbol), window_size=120)["lag"]
        defined = lag[np.isfinite(lag)]
        assert len(defined) > 200
        assert (defined == 0).mean() > 0.99, symbol


# --- exact numbers ---


@pytest.mark.parametrize("name", IN_RANGE)
def test_every_lag_is_right_on_every_case(name):
    case = CASES[name]
    rows = range(0, len(case), 3)
    answer = arrays.cross_correlation(case.asset, case.benchmark, window_size=30, max_lag=4, min_samples=5)
    exact = lag_oracles.exact(case.asset, case.benchmark, 30, 4, 5, rows)
    judge(name, answer[rows, :], exact, Bound(tol.CORR, np.ones_like(exact)))


@pytest.mark.parametrize(("window_size", "max_lag", "min_samples"), [(3, 2, 3), (7, 9, 2), (100, 1, 20)])
@pytest.mark.parametrize("name", FEW)
def test_every_lag_is_right_at_other_windows(name, window_size, max_lag, min_samples):
    case, rows = CASES[name], range(0, 400, 3)
    options = {"window_size": window_size, "max_lag": max_lag, "min_samples": min_samples}
    exact = lag_oracles.exact(case.asset, case.benchmark, window_size, max_lag, min_samples, rows)
    for ask in (ask_arrays, ask_live):
        answer = ask(q("cross_correlation", **options), {"y": case.asset, "x": case.benchmark})["cross_correlation"]
        judge(f"{ask.__name__} {name}", answer[rows, :], exact, Bound(tol.CORR, np.ones_like(exact)))


@pytest.mark.parametrize("level", [0.0, 1e9])
def test_many_lags_of_a_long_window(level):
    asset, leader = cases.market(6000, 300)
    asset, leader = asset * max(1.0, level * 1e-6) + level, leader - level * 1e-3
    asset[900] = SPIKE
    rows = np.linspace(1440, 5999, 15).astype(int)
    answer = arrays.cross_correlation(asset, leader, window_size=1440, max_lag=30)
    exact = lag_oracles.exact(asset, leader, 1440, 30, 1440, rows)
    judge("window 1440", answer[rows], exact, Bound(tol.CORR, np.ones_like(exact)))


values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1.0, 1.0).map(lambda v: round(v, 3)), st.just(NAN))


@given(
    st.lists(st.tuples(values, values), max_size=80),
    st.integers(3, 20),
    st.integers(1, 12),
    st.integers(2, 20),
)
def test_any_rows_at_any_lags(drawn, window_size, max_lag, min_samples):
    asset, leader = np.array(drawn, dtype=float).reshape(-1, 2).T
    min_samples = min(min_samples, window_size)
    options = {"window_size": window_size, "max_lag": max_lag, "min_samples": min_samples}
    lags = arrays.cross_correlation(asset, leader, **options)
    expected, n = lag_oracles.of_numpy(asset, leader, window_size, max_lag, min_samples, range(len(asset)))
    np.testing.assert_allclose(lags, expected, rtol=0, atol=NUMPY)
    scan = arrays.lag_scan(asset, leader, **options)
    if len(asset):
        np.testing.assert_array_equal(scan["n"], n.min(axis=1))
    # Of its own correlations: rounding decides between lags that are equal but for it.
    for t, row in enumerate(lags):
        lag, corr, llr = lag_oracles.scan(row)
        np.testing.assert_array_equal([scan["lag"][t], scan["corr"][t]], [lag, corr])
        np.testing.assert_allclose(scan["llr"][t], llr, rtol=LLR)


# --- lag 0, swapped series ---


@pytest.mark.parametrize("name", list(CASES))
def test_lag_0_is_rolling_corr(name):
    case, window = CASES[name], {"window_size": 21, "min_samples": 4}
    lags = arrays.cross_correlation(case.asset, case.benchmark, max_lag=3, **window)
    assert_same_bits(lags[:, 3], arrays.rolling_corr(case.asset, case.benchmark, **window))


@pytest.mark.parametrize("name", FEW)
def test_swapped_series_mirror_the_lags(name):
    case, options = CASES[name], {"window_size": 24, "min_samples": 12, "max_lag": 5}
    lags, mirrored = (
        arrays.cross_correlation(*pair, **options)
        for pair in ((case.asset, case.benchmark), (case.benchmark, case.asset))
    )
    np.testing.assert_allclose(mirrored[:, ::-1], lags, rtol=0, atol=tol.CORR)
    scan, swapped = (
        arrays.lag_scan(*pair, inference=True, **options)
        for pair in ((case.asset, case.benchmark), (case.benchmark, case.asset))
    )
    ordered = np.sort(np.abs(lags), axis=1)
    # The two ways round differently, so lags that are equal but for rounding say nothing.
    clear = ordered[:, -1] - ordered[:, -2] > tol.CORR
    assert clear.sum() > 100
    np.testing.assert_array_equal(swapped["lag"][clear], -scan["lag"][clear])
    np.testing.assert_allclose(swapped["corr"][clear], scan["corr"][clear], rtol=0, atol=tol.CORR)
    np.testing.assert_allclose(np.abs(swapped["corr"]), np.abs(scan["corr"]), rtol=0, atol=tol.CORR)
    np.testing.assert_allclose(swapped["llr"] * scan["llr"], np.where(np.isnan(scan["llr"]), NAN, 1.0), rtol=1e-9)
    assert_same_bits(swapped["lead_p_value"], scan["follow_p_value"])
    assert_same_bits(swapped["follow_p_value"], scan["lead_p_value"])
    assert_same_bits(swapped["p_value"], scan["p_value"])


# --- ties, n, warm-up ---


@pytest.mark.parametrize("door", list(DOORS))
def test_of_equal_lags_the_smallest_counts_and_of_these_the_negative_one(door):
    quarter = np.arange(64) % 4
    cosine, sine = np.array([1.0, 0.0, -1.0, 0.0])[quarter], np.array([0.0, 1.0, 0.0, -1.0])[quarter]
    question = q("lag_scan", window_size=8, max_lag=3)
    # |corr| is 1 at -3, -1, 1 and 3, and 0 at the others.
    for asset, leader, corr in ((sine, cosine, 1.0), (cosine, sine, -1.0)):
        scan = DOORS[door](question, {"y": asset, "x": leader})
        assert (scan["lag"][10:] == -1.0).all()
        assert (scan["corr"][10:] == corr).all()
        assert (scan["llr"][10:] == 1.0).all()
    # 1 at every even lag, -1 at the odd ones.
    alternating = np.where(np.arange(64) % 2, 1.0, -1.0)
    scan = DOORS[door](question, {"y": alternating, "x": alternating})
    assert (scan["lag"][10:] == 0.0).all()
    assert (scan["corr"][10:] == 1.0).all()
    scan = DOORS[door](question, {"y": alternating, "x": -alternating})
    assert (scan["lag"][10:] == 0.0).all()
    assert (scan["corr"][10:] == -1.0).all()


def test_llr_by_hand():
    asset, leader = cases.market(60, 301)
    lags = arrays.cross_correlation(asset, leader, window_size=20, max_lag=2)[-1]
    answer = arrays.lag_scan(asset, leader, window_size=20, max_lag=2)["llr"][-1]
    assert answer == pytest.approx((lags[0] ** 2 + lags[1] ** 2) / (lags[3] ** 2 + lags[4] ** 2), rel=LLR)


@pytest.mark.parametrize("door", list(DOORS))
@pytest.mark.parametrize(("window_size", "min_samples", "max_lag"), [(20, None, 1), (20, 8, 7), (3, None, 30)])
def test_warm_up_is_the_window_and_the_largest_lag(door, window_size, min_samples, max_lag):
    asset, leader = cases.market(80, 302)
    options = {"window_size": window_size, "min_samples": min_samples, "max_lag": max_lag}
    scan = DOORS[door](q("lag_scan", **options), {"y": asset, "x": leader})
    scanner = LagScanner(**options)
    needed = (min_samples or window_size) + max_lag
    assert scanner.warmup == needed
    assert (np.isfinite(scan["lag"]) == (np.arange(80) >= needed - 1)).all()
    assert (scan["n"] == np.clip(np.arange(1, 81) - max_lag, 0, window_size)).all()
    ready = []
    for y, x in zip(asset, leader, strict=True):
        scanner.update(y, x)
        ready.append(scanner.is_ready)
    assert ready == [t >= needed - 1 for t in range(80)]


def test_readings_of_a_live_scanner():
    asset, leader = cases.market(80, 303)
    scanner = LagScanner(window_size=40)
    assert repr(scanner) == "LagScanner(max_lag=10, window_size=40, min_samples=40, n=0)"
    assert (scanner.max_lag, scanner.window_size, scanner.min_samples) == (10, 40, 40)
    assert scanner.lags.tolist() == list(range(-10, 11))
    assert (scanner.n, scanner.is_ready) == (0, False)
    for name in ("lag", "corr", "llr", *LAG_TESTS, "confidence", "leads_by"):
        assert getattr(scanner, name) is None, name
    assert np.isnan(scanner.cross_correlation).all()
    for y, x in zip(asset, leader, strict=True):
        lag = scanner.update(y, x)
    assert isinstance(lag, int)
    assert isinstance(scanner.leads_by, int)
    assert isinstance(scanner.n, int)
    assert scanner.corr == scanner.cross_correlation[lag + 10]
    kept = scanner.cross_correlation
    kept[:] = 0.0
    assert scanner.corr != 0.0
    assert (scanner.cross_correlation != 0.0).all()
    scanner.reset()
    assert scanner.to_bytes() == LagScanner(window_size=40).to_bytes()


# --- planted leads ---


def planted(lag, seed):
    """Clean returns of an asset that does what BTC did that many rows before, or will do after it, and those of BTC."""
    market = simulate_market(
        n_bars=1500, assets=["COIN"], leaders=["BTC"], betas=1.0, lags=lag, spillover=0.0, seed=seed
    )
    assert market.truth.lags.tolist() == [[lag]]
    return {"y": market.returns["COIN"].to_numpy(), "x": market.returns["BTC"].to_numpy()}


@pytest.mark.parametrize("lag", range(-5, 6))
def test_a_planted_lag_is_found_through_every_door(lag):
    data, size, most = planted(lag, 310 + lag), 240, 8
    question = q("lag_scan", window_size=size, max_lag=most, inference=True)
    for door, ask in DOORS.items():
        scan = {name: values[size + most :] for name, values in ask(question, data).items()}
        assert (scan["lag"] == lag).all(), door
        assert (scan["corr"] > 0.2).all(), door
        assert (scan["p_value"] < SIGNIFICANT).all(), door
        if lag:
            found, other = ("lead", "follow") if lag < 0 else ("follow", "lead")
            assert (scan[f"{found}_p_value"] < SIGNIFICANT).all(), door
            # Neighbouring windows share nearly all their rows, so the share of rejections is far from 5 % in one run.
            assert (scan[f"{other}_p_value"] < SIGNIFICANT).mean() < 0.3, door
            assert (scan["llr"] > 1.0).all() if lag < 0 else (scan["llr"] < 1.0).all(), door
    scanner = LagScanner(most, window_size=size)
    said = []
    for y, x in zip(data["y"], data["x"], strict=True):
        scanner.update(y, x)
        said.append(scanner.leads_by)
    assert said[: size + most - 1] == [None] * (size + most - 1)
    right = [rows == max(-lag, 0) for rows in said[size + most :]]
    assert np.mean(right) == 1.0 if lag < 0 else np.mean(right) > 0.7


# --- no trace, constants ---


@pytest.mark.parametrize("spike", [SPIKE, -1e300, NAN, np.inf])
@pytest.mark.parametrize("side", ["y", "x"])
@pytest.mark.parametrize(("window_size", "max_lag"), [(20, 3), (50, 10)])
def test_what_has_left_the_windows_leaves_no_trace(window_size, max_lag, side, spike):
    clean = table(400, 312, gaps=False)
    dirty = {name: values.copy() for name, values in clean.items()}
    dirty[side][[150, 163]] = spike
    untouched = np.r_[0:150, 163 + window_size + max_lag : 400]
    options = {"window_size": window_size, "max_lag": max_lag, "min_samples": 2}
    for question in (q("cross_correlation", **options), q("lag_scan", inference=True, **options)):
        for ask in (ask_arrays, ask_live):
            answer, expected = ask(question, dirty), ask(question, clean)
            for name in expected:
                assert_same_bits(answer[name][untouched], expected[name][untouched], f"{question} {name}")
            touched = slice(163, 163 + window_size - 1)
            assert any((answer[name][touched] != expected[name][touched]).any() for name in expected)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e12 + 0.1])
@pytest.mark.parametrize("side", ["y", "x"])
@pytest.mark.parametrize("door", list(DOORS))
def test_a_constant_series_has_no_lag(door, side, value):
    y, x = cases.market(160, 313)
    data = {"y": y, "x": x}
    data[side][40] = SPIKE
    data[side][50:] = value
    options = {"window_size": 30, "max_lag": 4}
    lags = DOORS[door](q("cross_correlation", **options), data)["cross_correlation"]
    assert np.isnan(lags[50 + 30 + 4 - 1 :]).all()
    scan = DOORS[door](q("lag_scan", inference=True, **options), data)
    for name in (*LAG_SCAN, *LAG_TESTS):
        expected = 30.0 if name == "n" else NAN
        assert_same_bits(scan[name][84:], np.full(76, expected), name)


def test_one_lag_that_is_not_defined_makes_the_scan_missing():
    """The leader stops early enough for every pair of lag 0 and too late for those of lag -3."""
    y, x = cases.market(60, 314)
    x[20:] = 0.5
    options = {"window_size": 10, "max_lag": 3}
    lags = arrays.cross_correlation(y, x, **options)
    scan = arrays.lag_scan(y, x, **options)
    assert np.isfinite(lags[29, 0])
    assert np.isnan(lags[29, 3])
    assert np.isnan([scan[name][29] for name in ("lag", "corr", "llr")]).all()
    assert scan["n"][29] == 10.0


def test_no_p_value_without_a_lag():
    """A leader that moves in the last two rows only; squares outside float64."""
    y, x = cases.market(43, 319)
    x[:41] = 0.1
    scanner = LagScanner(3, window_size=40)
    scanner.update_many(y, x)
    assert scanner.lag is None
    assert [scanner.lead_p_value, scanner.confidence, scanner.leads_by] == [None, None, None]
    for name, case in CASES.items():
        options = {"window_size": 30, "max_lag": 3, "min_samples": 15, "inference": True}
        scan = arrays.lag_scan(case.asset, case.benchmark, **options)
        for p in LAG_TESTS:
            assert np.isnan(scan[p][np.isnan(scan["lag"])]).all(), f"{name} {p}"


# --- the array door's memory ---


def test_cross_correlation_into_given_memory():
    y, x = (cases.with_gaps(v, 315 + i, 0.02) for i, v in enumerate(cases.market(200, 316)))
    options = {"window_size": 20, "max_lag": 3, "min_samples": 5}
    expected = arrays.cross_correlation(y, x, **options)
    assert expected.flags.c_contiguous
    for out in (np.empty((200, 7)), np.empty((200, 7), order="F"), np.empty((400, 14))[::2, ::-2]):
        out[:] = 9.0
        assert arrays.cross_correlation(y, x, out=out, **options) is out
        assert_same_bits(out, expected)
    with pytest.raises(cm.DataError, match=r"out.*200, 7.*200, 6"):
        arrays.cross_correlation(y, x, out=np.empty((200, 6)), **options)
    shared = np.zeros(1400)
    for pair in ((shared[100:300], x), (y, shared[1200:])):
        with pytest.raises(cm.ParameterError, match="share"):
            arrays.cross_correlation(*pair, out=shared.reshape(200, 7), **options)


def test_a_scan_of_several_assets():
    y, x = cases.market(200, 317)
    block = np.column_stack([y, np.roll(x, 2), np.roll(y, -3)])
    options = {"window_size": 30, "max_lag": 4, "inference": True}
    out = np.empty((7, 200, 3))
    together = arrays.lag_scan(block, x, out=out, **options)
    assert list(together) == [*LAG_SCAN, *LAG_TESTS]
    for i in range(3):
        for j, (name, values) in enumerate(arrays.lag_scan(block[:, i], x, **options).items()):
            assert_same_bits(together[name][:, i], values, name)
            assert_same_bits(out[j, :, i], values, name)
    assert together["lag"][-1, 1] == -2.0


# --- Polars ---


def test_an_array_in_a_frame():
    data = table(100, 318, gaps=False)
    lagged = pl.DataFrame({"y": data["y"], "x": data["x"]}).select(
        cm.cross_correlation("y", "x", window_size=20, max_lag=2).alias("corr")
    )
    assert lagged["corr"].null_count() == 0
    first = lagged["corr"].arr.get(0)
    assert first.null_count() == 21
    assert first.to_list()[:21] == [None] * 21
    assert lagged["corr"].arr.get(2).null_count() == 19
    expected = arrays.cross_correlation(data["y"], data["x"], window_size=20, max_lag=2)[21:, 0]
    assert_same_bits(first[21:].to_numpy(), expected)


@pytest.mark.parametrize("window_size", [10**7, 2**48])
def test_a_window_far_beyond_the_data_costs_no_memory(window_size):
    y, x = cases.market(60, 5)
    answer = arrays.lag_scan(y, x, window_size=window_size, min_samples=12, max_lag=3, inference=True)
    within = arrays.lag_scan(y, x, window_size=60, min_samples=12, max_lag=3, inference=True)
    for reading, values in within.items():
        np.testing.assert_allclose(answer[reading], values, rtol=1e-12, err_msg=reading)
    assert np.isfinite(answer["lead_p_value"][-1])
