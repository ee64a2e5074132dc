"""What `comove.ticks` refuses, and in which words."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from comove import DataError, OrderError, ParameterError
from comove.ticks import hayashi_yoshida, lag_grid, lead_lag, lead_lag_matrix
from tick_oracles import SECOND

GOOD = ([1, 2, 3], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("lags", "code"),
    [([], "lags"), ([[0]], "lags"), (0, "lags"), ([0, 0], "not_increasing"), ([1, 0], "not_increasing"),
     ([0.5], "duration"), (["x"], "duration"), ([True], "duration"), ([None], "duration"),
     ([np.timedelta64("NaT")], "duration"), ([2**63], "too_large"), ([2**70], "too_large"),
     (np.array([2**63], dtype=np.uint64), "too_large"), ([-(2**63) - 1], "too_large"), (["300000d"], "too_large"),
     ([dt.timedelta(days=300_000)], "too_large"), ([np.timedelta64(1000, "Y")], "too_large"), (["--1s"], "duration"),
     (["1", "2s"], "duration"), ([[0], [1, 2]], "lags")],
)  # fmt: skip
def test_bad_lags(lags, code):
    for call in (
        lambda: hayashi_yoshida(*GOOD, *GOOD, lags=lags),
        lambda: lead_lag(*GOOD, *GOOD, lags=lags),
        lambda: lead_lag_matrix({"A": GOOD, "B": GOOD}, lags=lags),
    ):
        with pytest.raises(ParameterError, match="lags") as error:
            call()
        assert error.value.code == code


@pytest.mark.parametrize(("most", "step"), [("40s", "0s"), ("40s", -1), (-1, 1), ("1s", "3s"), ("1d", 1), (1, None)])
def test_bad_grids(most, step):
    with pytest.raises(ParameterError, match=r"step|max_lag|lags"):
        lag_grid(most, step=step)


@pytest.mark.parametrize("wrong", [[1.0], ["x"], ["-x"], [True]])
def test_the_message_of_a_wrong_lag_names_integers_first(wrong):
    with pytest.raises(ParameterError, match=r"lags must be integer nanoseconds, timedeltas or text") as error:
        lead_lag(*GOOD, *GOOD, lags=wrong)
    assert f"got {wrong[0]!r}" in str(error.value)


@pytest.mark.parametrize(
    ("most", "step", "named"),
    [
        ("300000d", "100000d", "max_lag must be within 292 years, got '300000d'"),
        (2**63, 2**62, f"max_lag must be within 292 years, got {2**63}"),
        (2**63, 2**63, f"step must be within 292 years, got {2**63}"),
        (0, "300000d", "step must be within 292 years, got '300000d'"),
        (-(2**64), 1, f"max_lag must be within 292 years, got {-(2**64)}"),
    ],
)
def test_grids_beyond_64_bits(most, step, named):
    with pytest.raises(ParameterError) as error:
        lag_grid(most, step=step)
    assert (str(error.value), error.value.code) == (named, "too_large")


def test_the_longest_grid():
    most = 2**63 - 1
    np.testing.assert_array_equal(lag_grid(most, step=most), [-most, 0, most])


def test_grids():
    np.testing.assert_array_equal(lag_grid(3, step=1), [-3, -2, -1, 0, 1, 2, 3])
    np.testing.assert_array_equal(lag_grid(0, step="1s"), [0])
    np.testing.assert_array_equal(lag_grid(dt.timedelta(seconds=2), step="2s"), [-2 * SECOND, 0, 2 * SECOND])


def test_bad_options():
    with pytest.raises(ParameterError, match=r"increments.*'simple'"):
        hayashi_yoshida(*GOOD, *GOOD, increments="simple")
    for threads in (0, -1, 1.5, "2", True, 5000):
        with pytest.raises(ParameterError, match=f"threads.*{threads}"):
            lead_lag(*GOOD, *GOOD, lags=[0], threads=threads)


@pytest.mark.parametrize(
    ("ts", "price", "kind", "match"),
    [
        ([1, 3, 2], [1.0, 2.0, 3.0], OrderError, r"asset.*row 2 has 2 after 3"),
        ([1, 3, 2], [1.0, 2.0, np.nan], OrderError, r"asset.*row 2 has 2 after 3"),
        ([1, 2, 3], [1.0, 0.0, 3.0], DataError, r"price of asset.*above 0.*0 at row 1"),
        ([1, 2, 3], [1.0, 2.0, -3.0], DataError, r"price of asset.*above 0.*-3 at row 2"),
        ([1, 2, 3], [1.0, 2.0], DataError, r"price of asset.*length 3, got 2"),
        ([1, 2, 3], ["1", "2", "3"], DataError, r"price of asset.*numeric"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], DataError, r"ts of asset.*float64"),
        (np.array(["2024-01-01", "NaT"], "M8[ns]"), [1.0, 2.0], DataError, r"ts of asset.*NaT at row 1"),
        ([1, None, 3], [1.0, 2.0, 3.0], DataError, r"ts of asset must not be missing, got None at row 1"),
        (pl.Series([1, None, 3]), [1.0, 2.0, 3.0], DataError, r"ts of asset must not be missing, got NaN at row 1"),
        (
            pd.Series([1, None], dtype="Int64"),
            [1.0, 2.0],
            DataError,
            r"ts of asset must not be missing, got NaN at row 1",
        ),
        (
            [dt.datetime(2024, 1, 1), pd.NaT],
            [1.0, 2.0],
            DataError,
            r"ts of asset must not be missing, got NaT at row 1",
        ),
        ([[1, 2]], [[1.0, 2.0]], DataError, r"ts of asset.*1 dimension"),
    ],
)
def test_bad_ticks(ts, price, kind, match):
    with pytest.raises(kind, match=match):
        lead_lag(ts, price, *GOOD, lags=[0])
    with pytest.raises(kind, match=match.replace("asset", "leader")):
        lead_lag(*GOOD, ts, price, lags=[0])
    with pytest.raises(kind, match=match.replace("asset", "WIF")):
        lead_lag_matrix({"BTC": GOOD, "WIF": (ts, price)}, lags=[0])


@pytest.mark.parametrize("progress", ["x", 1, None])
def test_bad_progress(progress):
    with pytest.raises(ParameterError, match=f"progress must be True or False, got {progress!r}"):
        lead_lag_matrix({"A": GOOD, "B": GOOD}, lags=[0], progress=progress)


def test_differences_take_any_price():
    values = hayashi_yoshida([1, 2, 3], [1.0, 0.0, -3.0], *GOOD, lags=[0], increments="difference")
    np.testing.assert_array_equal(values, [-4.0])


def test_bad_markets():
    for ticks_given, match in [({}, "ticks"), ({"A": 3}, "A must be"), ({"A": GOOD, "B": (1,)}, "B must be")]:
        with pytest.raises((ParameterError, DataError), match=match):
            lead_lag_matrix(ticks_given, lags=[0])
    with pytest.raises(DataError, match="'X'"):
        lead_lag_matrix({"A": GOOD}, lags=[0], leaders=["X"])
