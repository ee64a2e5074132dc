"""Connectedness against the published table, statsmodels and the definition, and what must hold of any table."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from statsmodels.tsa.api import VAR

from comove.connectedness import diebold_yilmaz, inputs, log_range_volatility, rolling_diebold_yilmaz
from comove.data import simulate_market
from comove.errors import DataError, OrderError, ParameterError
from recorded_data import SPILLOVER, present

# Shares in percent. Measured: 5e-13 against statsmodels, 1e-13 against the definition, 3e-14 between scales and orders.
SHARE = 1e-11
# A level of 1e9 rounds deviations of order 1 to 1e-7 of themselves; 4e-8 measured.
SHARE_AT_HIGH_LEVEL = 1e-6
# On coefficients of order 1; 2e-15 measured.
COEFFICIENT = 1e-13


@pytest.fixture(scope="module")
def published():
    return json.loads(present(SPILLOVER / "dy2012_published.json").read_text())


@pytest.fixture(scope="module")
def paper():
    return pl.read_parquet(present(SPILLOVER / "dy2012.parquet"))


def autoregression(rows: int, k: int, *, seed: int, mixing: float = 0.3, persistence: float = 0.5) -> np.ndarray:
    """Series that spill over: each follows its own past, the next one's, and shares in a common shock."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((rows, k)) + mixing * rng.standard_normal((rows, 1))
    y = np.zeros((rows, k))
    for t in range(1, rows):
        y[t] = persistence * y[t - 1] + mixing * np.roll(y[t - 1], 1) + shocks[t]
    return y


Y = autoregression(100, 3, seed=8)


def by_definition(y: np.ndarray, lags: int, horizon: int, method: str) -> np.ndarray:
    """The formulas as they are written, one entry at a time."""
    rows, k = y.shape
    x = np.array([np.concatenate([[1.0], *(y[t - lag] for lag in range(1, lags + 1))]) for t in range(lags, rows)])
    there = np.isfinite(x).all(axis=1) & np.isfinite(y[lags:]).all(axis=1)
    x, response = x[there], y[lags:][there]
    slopes = np.linalg.lstsq(x, response, rcond=None)[0]
    residual = response - x @ slopes
    s = residual.T @ residual / (len(x) - x.shape[1])
    a = [slopes[1 + lag * k : 1 + (lag + 1) * k].T for lag in range(lags)]
    psi = [np.eye(k)]
    for h in range(1, horizon):
        psi.append(sum(a[lag] @ psi[h - 1 - lag] for lag in range(min(lags, h))))
    p = np.linalg.cholesky(s)
    share = np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            for one in psi:
                share[i, j] += (one @ s)[i, j] ** 2 / s[j, j] if method == "generalized" else (one @ p)[i, j] ** 2
    return 100 * share / share.sum(axis=1, keepdims=True)


def test_every_published_digit(paper, published):
    settings = published["settings"]
    result = diebold_yilmaz(paper, settings["nlag"], settings["nfore"], "generalized")
    digits = published["printed_decimals"]
    assert list(result.names) == published["names"]
    assert result.table.round(digits).tolist() == published["table"]
    assert result.from_others.round(digits).tolist() == published["from"]
    assert result.to_others.round(digits).tolist() == published["to"]
    assert result.net.round(digits).tolist() == published["net"]
    assert (result.net_pairwise > 0).sum(axis=1).tolist() == published["npt"]
    assert round(result.total, digits) == published["total"]
    assert round(result.total_corrected, digits) == published["corrected_total"]
    assert (result.n, result.lags, result.horizon, result.method) == (len(paper) - 4, 4, 10, "generalized")


@pytest.mark.parametrize(("lags", "horizon"), [(1, 1), (2, 5), (4, 10), (6, 30)])
def test_statsmodels_agrees(paper, lags, horizon):
    model = VAR(paper.drop("ts").to_numpy()).fit(lags)
    result = diebold_yilmaz(paper, lags, horizon, "cholesky")
    np.testing.assert_allclose(result.coefficients, model.coefs, rtol=0, atol=COEFFICIENT)
    np.testing.assert_allclose(result.residual_cov, model.sigma_u, rtol=COEFFICIENT)
    np.testing.assert_allclose(result.table, 100 * model.fevd(horizon).decomp[:, -1], rtol=0, atol=SHARE)
    assert result.n == model.nobs
    assert result.spectral_radius == pytest.approx(1 / np.abs(model.roots).min(), abs=COEFFICIENT)


@pytest.mark.parametrize("method", ["generalized", "cholesky"])
@pytest.mark.parametrize(("k", "lags", "horizon"), [(2, 1, 1), (3, 2, 10), (5, 4, 3)])
@pytest.mark.parametrize("holes", [False, True])
def test_definition(method, k, lags, horizon, holes):
    y = autoregression(400, k, seed=k)
    if holes:
        y[[30, 31, 200], 0] = np.nan
        y[350, k - 1] = np.nan
    result = diebold_yilmaz(y, lags, horizon, method)
    np.testing.assert_allclose(result.table, by_definition(y, lags, horizon, method), rtol=0, atol=SHARE)
    if holes:
        # Rows 30 and 31 and those behind, then 200 and 350 with those behind.
        assert result.n == 400 - lags - (lags + 2) - 2 * (lags + 1)


@pytest.mark.parametrize("method", ["generalized", "cholesky"])
def test_sums(method):
    result = diebold_yilmaz(autoregression(500, 6, seed=1), 2, 10, method)
    off = result.table - np.diag(np.diag(result.table))
    assert (result.table >= 0).all()
    np.testing.assert_allclose(result.table.sum(axis=1), 100, rtol=0, atol=SHARE)
    np.testing.assert_allclose(result.to_others, off.sum(axis=0), rtol=0, atol=SHARE)
    np.testing.assert_allclose(result.from_others, off.sum(axis=1), rtol=0, atol=SHARE)
    np.testing.assert_allclose(result.net_pairwise.sum(axis=1), result.net, rtol=0, atol=SHARE)
    assert abs(result.net.sum()) < SHARE
    assert result.total == pytest.approx(off.sum() / 6, abs=SHARE)
    assert result.total_corrected == pytest.approx(off.sum() / 5, abs=SHARE)


def test_signs():
    """The first series drives the second: the second takes, the first gives."""
    rng = np.random.default_rng(3)
    first, own = rng.standard_normal((2, 5000))
    second = 0.5 * own
    second[1:] += first[:-1]
    result = diebold_yilmaz({"first": first, "second": second}, 2)
    assert result.table[1, 0] == pytest.approx(80, abs=3)
    assert result.table[0, 1] < 1
    assert result.net[0] > 70
    assert result.net_pairwise[0, 1] == pytest.approx(result.net[0], abs=SHARE)


def test_independent_series_are_not_connected():
    y = np.random.default_rng(4).standard_normal((50_000, 2))
    # Chance alone leaves each of the 4 lags about 1 / rows of the variance.
    assert diebold_yilmaz(y).total < 100 * 10 / 50_000


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2]])
def test_order_of_columns_matters_to_cholesky_only(paper, order):
    names = [paper.columns[1:][j] for j in order]
    pick = np.ix_(order, order)
    whole, moved = (diebold_yilmaz(frame) for frame in (paper, paper.select(names)))
    np.testing.assert_allclose(moved.table, whole.table[pick], rtol=0, atol=SHARE)
    whole, moved = (diebold_yilmaz(frame, method="cholesky") for frame in (paper, paper.select(names)))
    assert np.abs(moved.table - whole.table[pick]).max() > 0.1


def test_a_shock_moves_what_stands_after_it_at_once():
    table = diebold_yilmaz(autoregression(500, 3, seed=2), 1, 1, "cholesky").table
    assert (table[np.triu_indices(3, 1)] == 0).all()
    assert (table[np.tril_indices(3)] > 0).all()


@pytest.mark.parametrize("factors", [[1e-12, 1e12, 1.0, -3.0], [1e-150, 1e150, 1e-300, 1e300]])
@pytest.mark.parametrize("method", ["generalized", "cholesky"])
def test_scale_does_not_matter(paper, factors, method):
    y = paper.drop("ts").to_numpy()
    # The coefficients would leave float64; the shares do not.
    expected, scaled = diebold_yilmaz(y, 2, 10, method).table, diebold_yilmaz(y * factors, 2, 10, method).table
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=SHARE)


def test_differences_beyond_float64_do_no_harm():
    # From one end of float64 to the other, with the median near the lower end.
    y = np.exp(Y - Y.max(axis=0))
    largest = y * 1.7e308 + (y * 1.7e308 - 1.7e308)
    np.testing.assert_allclose(diebold_yilmaz(largest).table, diebold_yilmaz(y).table, rtol=0, atol=SHARE)


def test_level_does_not_matter(paper):
    y = paper.drop("ts").to_numpy()
    shift = y + np.array([1e9, -1e9, 1e6, 0.0])
    np.testing.assert_allclose(diebold_yilmaz(shift).table, diebold_yilmaz(y).table, rtol=0, atol=SHARE_AT_HIGH_LEVEL)
    exact = np.round(y * 1024) / 1024
    np.testing.assert_allclose(diebold_yilmaz(exact + 2.0**40).table, diebold_yilmaz(exact).table, rtol=0, atol=SHARE)


def test_an_explosive_regression_is_reported():
    rng = np.random.default_rng(5)
    y = rng.standard_normal((300, 2))
    for t in range(1, 300):
        y[t, 0] += 1.05 * y[t - 1, 0]
    result = diebold_yilmaz(y, 1)
    assert result.spectral_radius == pytest.approx(1.05, abs=0.01)
    assert "NOT stationary" in repr(result)
    assert np.isfinite(result.table).all()
    with pytest.raises(DataError, match="range of float64") as caught:
        diebold_yilmaz(y, 1, 10_000)
    assert caught.value.code == "range"


def test_doors_for_data(paper):
    expected = diebold_yilmaz(paper)
    names = paper.columns[1:]
    for same in (
        {name: paper[name].to_numpy() for name in paper.columns},
        {name: paper[name].to_list() for name in names},
        paper.drop("ts"),
        paper.lazy(),
        pd.DataFrame({name: paper[name].to_numpy() for name in paper.columns}),
    ):
        result = diebold_yilmaz(same)
        assert result.names == expected.names
        np.testing.assert_array_equal(result.table, expected.table)
    array = paper.drop("ts").to_numpy()
    before = array.copy()
    result = diebold_yilmaz(array)
    assert result.names == ("column_0", "column_1", "column_2", "column_3")
    np.testing.assert_array_equal(result.table, expected.table)
    np.testing.assert_array_equal(array, before)


def test_null_nan_and_infinity_are_missing():
    y = autoregression(200, 2, seed=6)
    results = []
    for missing in (None, np.nan, np.inf):
        column = y[:, 0].tolist()
        column[100] = missing
        results.append(diebold_yilmaz(pl.DataFrame({"a": pl.Series(column, strict=False), "b": y[:, 1]})))
    assert {one.n for one in results} == {200 - 4 - 5}
    for one in results[1:]:
        np.testing.assert_array_equal(one.table, results[0].table)


def test_frame_and_repr(paper):
    result = diebold_yilmaz(paper)
    frame = result.to_frame()
    assert frame.columns == ["series", *result.names, "from_others"]
    assert frame["series"].to_list() == [*result.names, "to_others", "net"]
    np.testing.assert_array_equal(frame[:4, 1:5].to_numpy(), result.table)
    np.testing.assert_array_equal(frame[4, 1:5].to_numpy()[0], result.to_others)
    np.testing.assert_array_equal(frame[5, 1:5].to_numpy()[0], result.net)
    assert frame["from_others"].to_list()[4:] == [result.to_others.sum(), result.total]
    lines = repr(result).splitlines()
    assert "total 12.59 %, corrected 16.79 %" in lines[1]
    assert lines[3].split() == ["SP500", "88.76", "7.29", "0.35", "3.61", "11.24"]
    assert lines[-1].split() == ["net", "5.13", "-0.54", "-1.69", "-2.90", "12.59"]
    taken = diebold_yilmaz(paper.rename({"SP500": "series", "USDX": "from_others"}))
    assert taken.to_frame().columns == ["series_", "series", "R_10Y", "DJUBSCOM", "from_others", "from_others_"]
    many = repr(diebold_yilmaz(autoregression(300, 11, seed=7), 1))
    assert len(many.splitlines()) == 4
    assert "give most: column_" in many


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        ({"lags": 0}, "lags must be at least 1, got 0", "too_small"),
        ({"lags": 1.5}, "lags must be a whole number, got 1.5", "type"),
        ({"horizon": 0}, "horizon must be at least 1, got 0", "too_small"),
        ({"horizon": 10_001}, "horizon must be at most 10000, got 10001", "too_large"),
        ({"method": "girf"}, "method must be one of 'generalized', 'cholesky', got 'girf'", "choice"),
    ],
)
def test_options_are_refused(options, message, code):
    for call in (diebold_yilmaz, lambda y, **rest: rolling_diebold_yilmaz(y, window_size=50, **rest)):
        with pytest.raises(ParameterError) as caught:
            call(Y, **options)
        assert (str(caught.value), caught.value.code) == (message, code)


def with_column(column):
    return np.column_stack([Y[:, :2], np.broadcast_to(column, len(Y))])


@pytest.mark.parametrize(
    ("vols", "message", "code"),
    [
        (Y[:19], "at least 16 complete rows .* 3 series at lags=4; got 15 of 19", "too_few_rows"),
        (with_column(np.nan), "at least 16 complete rows .*; got 0 of 100", "too_few_rows"),
        (with_column(0.1), "'column_2' does not vary", "constant"),
        (with_column(Y[:, 0] - 3 * Y[:, 1] + 7), "lag 1 of 'column_2' is a combination", "collinear"),
        (with_column(1e12 * Y[:, 1]), "lag 1 of 'column_2' is a combination", "collinear"),
        (with_column(0.5 ** np.arange(100)), "'column_2' follows exactly|lag 2 of 'column_2'", "collinear"),
        (Y[:, 0], "vols must have 2 dimensions, got 1", "shape"),
        (Y[:, :1], "vols must hold at least 2 series, got 1", "shape"),
        ({}, "vols must hold at least 2 series, got 0", "shape"),
        ({"a": Y[:, 0], "b": Y[:-1, 1]}, r"vols\['b'\] must have length 100, got 99", "length"),
        ({"a": Y[:, 0], "b": ["x"] * 100}, r"vols\['b'\] must be numeric", "dtype"),
        ({"a": Y[:, 0], 1: Y[:, 1]}, "vols must name its columns by strings, got 1", "type"),
        (pl.DataFrame({"a": Y[:, 0], "b": ["x"] * 100}), "'b' in row 0 is 'x', not a number", "not_a_number"),
        ({"ts": np.arange(3), "a": Y[:, 0], "b": Y[:, 1]}, r"vols\['ts'\] must have length 100, got 3", "length"),
    ],
)
def test_data_is_refused(vols, message, code):
    with pytest.raises(DataError, match=message) as caught:
        diebold_yilmaz(vols)
    assert caught.value.code == code


def test_exact_followers_are_refused():
    follower = np.concatenate([[0.0], Y[:-1, 0]])
    with pytest.raises(DataError, match="'b' follows exactly from the past") as caught:
        diebold_yilmaz({"a": Y[:, 0], "b": follower}, 1)
    assert caught.value.code == "collinear"


SECONDS = (1_704_067_200 + np.arange(100)).astype("M8[s]")


@pytest.mark.parametrize(
    ("ts", "first"),
    [
        (range(100), "1970-01-01 00:00:00+00:00"),
        # Seconds since 1970 would be 2024; whole numbers are nanoseconds.
        (1_704_067_200 + np.arange(100), "1970-01-01 00:00:01.704067+00:00"),
        (SECONDS.astype("M8[ns]"), "2024-01-01 00:00:00+00:00"),
        (SECONDS.astype("M8[ns]").astype(np.int64), "2024-01-01 00:00:00+00:00"),
        (pl.Series([str(one) for one in SECONDS]), "2024-01-01 00:00:00+00:00"),
        (SECONDS.tolist(), "2024-01-01 00:00:00+00:00"),
        (SECONDS, "2024-01-01 00:00:00+00:00"),
    ],
)
def test_times_are_the_same_in_every_container(ts, first):
    # Polars has no datetimes of seconds.
    column = pl.Series(list(ts), dtype=pl.Object) if ts is SECONDS else pl.Series(ts)
    series = {"a": Y[:, 0], "b": Y[:, 1]}
    for given in (ts, column, list(ts), pd.Series(list(ts))):
        assert str(inputs.read({"ts": given, **series}).ts[0]) == first
    assert str(inputs.read(pl.DataFrame({"ts": column, **series})).ts[0]) == first
    assert str(inputs.read(pd.DataFrame({"ts": list(ts), **series})).ts[0]) == first


@pytest.mark.parametrize(
    ("ts", "message"),
    [
        (np.arange(100) + 0.5, "must be datetimes or integer nanoseconds, got dtype float64"),
        ([None, *range(99)], "must not be missing, got NaN at row 0"),
        ([dt.timedelta(j) for j in range(100)], "must be datetimes or integer nanoseconds, got dtype timedelta64"),
        ([True] * 100, "must be datetimes or integer nanoseconds, got dtype bool"),
    ],
)
def test_columns_that_are_no_times_are_refused(ts, message):
    with pytest.raises(DataError, match=rf"vols\['ts'\] {message}"):
        diebold_yilmaz(pl.DataFrame({"ts": ts, "a": Y[:, 0], "b": Y[:, 1]}))


def test_time_must_rise(paper):
    with pytest.raises(OrderError, match="time runs backwards at row 1"):
        diebold_yilmaz(paper.reverse())


def test_least_rows_are_enough():
    assert diebold_yilmaz(Y[:20]).n == 16


@pytest.mark.parametrize("lags", [99, 100, 101, 1 << 40])
def test_more_lags_than_rows(lags):
    with pytest.raises(DataError, match=f"at least {3 * (lags + 1) + 1} complete rows") as caught:
        diebold_yilmaz(Y, lags)
    assert caught.value.code == "too_few_rows"
    assert rolling_diebold_yilmaz(Y, window_size=4 * lags + 4, lags=lags).total.shape == (0,)


def test_log_range_volatility():
    frames = simulate_market(n_bars=200, assets=["WIF"], seed=2, gaps=0, bad_ticks=0, late_listings=0).frames
    flat = pl.when(pl.int_range(pl.len()) == 7).then("low").otherwise("high").alias("high")
    frames = {**frames, "WIF": frames["WIF"].with_columns(flat)[5:]}
    vols = log_range_volatility(frames)
    assert vols.columns == ["ts", *frames]
    assert vols["WIF"].is_null().arg_true().to_list() == [0, 1, 2, 3, 4, 7]
    high, low = frames["BTC"]["high"].to_numpy(), frames["BTC"]["low"].to_numpy()
    np.testing.assert_allclose(vols["BTC"], 0.5 * np.log(np.log(high / low) ** 2 / (4 * np.log(2))), rtol=1e-9)
