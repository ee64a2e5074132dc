"""Options out of their range are refused, on every door, with the name, the value and the bound."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

import comove as cm
from cases import NAN, market
from comove import ComoveError, DataError, ParameterError, arrays
from comove.live import EwmPair, JointPair, LagScanner, Panel, RollingPair
from doors import assert_same_bits, frame, table

Y, X = market(50, 210)
TS = np.arange(50) * 10**9


NOT_A_COUNT = [2.5, "30", True, NAN, [3], 2**80, -1, 0]
BAD_WINDOWS = [
    ({}, "window_size"),
    ({"window_size": 20, "window_span": "1h", "by": "ts", "min_samples": 3}, "window_s"),
    ({"window_size": 2}, r"window_size.*3.*2"),
    *[({"window_size": value}, "window_size") for value in NOT_A_COUNT],
    ({"window_size": 10, "min_samples": 1}, r"min_samples.*2.*1"),
    ({"window_size": 10, "min_samples": 11}, r"min_samples.*10.*11"),
    *[({"window_size": 10, "min_samples": value}, "min_samples") for value in NOT_A_COUNT],
    ({"window_size": 10, "by": "ts"}, "by"),
    ({"window_span": "1h", "min_samples": 3}, "by"),
    ({"window_span": "1h", "by": "ts"}, "min_samples"),
    ({"window_span": "1h", "by": "ts", "min_samples": 1}, r"min_samples.*2.*1"),
    *[
        ({"window_span": span, "by": "ts", "min_samples": 3}, "window_span")
        for span in ("1mo", "1q", "1y", "0s", "-5m", "", "5", "m", "1.5h", "5 minutes", "99999999d", "1h-3m",
                     3600, NAN, dt.timedelta(0), dt.timedelta(hours=-1), dt.timedelta.max)
    ],
]  # fmt: skip


def window_id(value):
    return str(value) if isinstance(value, dict) else ""


@pytest.mark.parametrize(("options", "match"), BAD_WINDOWS, ids=window_id)
@pytest.mark.parametrize("function", ["rolling_beta", "rolling_corr", "rolling_regression"])
def test_bad_windows_in_expressions_and_arrays(function, options, match):
    with pytest.raises(ParameterError, match=match) as from_polars:
        getattr(cm, function)("y", "x", **options)
    in_arrays = options | ({"by": TS} if "by" in options else {})
    with pytest.raises(ParameterError, match=match) as from_arrays:
        getattr(arrays, function)(Y, X, **in_arrays)
    assert from_polars.value.code == from_arrays.value.code


@pytest.mark.parametrize(("options", "match"), BAD_WINDOWS, ids=window_id)
def test_bad_windows_in_joint_beta(options, match):
    with pytest.raises(ParameterError, match=match):
        cm.joint_beta("y", ["x"], **options)
    with pytest.raises(ParameterError, match=match):
        arrays.joint_beta(Y, X[:, None], **(options | ({"by": TS} if "by" in options else {})))


LIVE_WINDOWS = [(options, match) for options, match in BAD_WINDOWS if "by" not in options and match != "by"]


@pytest.mark.parametrize(("options", "match"), LIVE_WINDOWS, ids=window_id)
def test_bad_windows_in_live_objects(options, match):
    with pytest.raises(ParameterError, match=match):
        RollingPair(**options)
    with pytest.raises(ParameterError, match=match):
        JointPair(1, **options)


LAG_WINDOWS = [
    *[(options, match) for options, match in LIVE_WINDOWS if "window_size" in options and "window_span" not in options],
    ({"window_size": 10, "max_lag": 0}, r"max_lag.*1.*0"),
    ({"window_size": 10, "max_lag": 4097}, r"max_lag.*4096.*4097"),
    *[({"window_size": 10, "max_lag": value}, "max_lag") for value in NOT_A_COUNT],
]


@pytest.mark.parametrize(("options", "match"), LAG_WINDOWS, ids=window_id)
def test_bad_windows_at_every_lag(options, match):
    codes = set()
    for function in ("cross_correlation", "lag_scan"):
        for call in (
            lambda name=function: getattr(cm, name)("y", "x", **options),
            lambda name=function: getattr(arrays, name)(Y, X, **options),
            lambda: LagScanner(**options),
        ):
            with pytest.raises(ParameterError, match=match) as error:
                call()
            codes.add(error.value.code)
    assert len(codes) == 1


@pytest.mark.parametrize("inference", [None, 1, "yes"])
def test_inference_is_a_truth_value(inference):
    for call in (
        lambda: cm.lag_scan("y", "x", window_size=10, inference=inference),
        lambda: arrays.lag_scan(Y, X, window_size=10, inference=inference),
    ):
        with pytest.raises(ParameterError, match="inference"):
            call()


@pytest.mark.parametrize("span", ["1mo", "0s", "-5m", "", 3600, dt.timedelta(0)])
def test_bad_spans_in_live_objects(span):
    with pytest.raises(ParameterError, match="window_span"):
        RollingPair(window_span=span, max_rows=10, min_samples=2)


@pytest.mark.parametrize("max_rows", [0, 1, -1, 2.5, "10", 2**40, None])
def test_bad_max_rows(max_rows):
    with pytest.raises(ParameterError, match="max_rows"):
        RollingPair(window_span="1h", max_rows=max_rows, min_samples=3)


def test_max_rows_belongs_to_a_span():
    with pytest.raises(ParameterError, match="max_rows"):
        RollingPair(window_size=10, max_rows=10)


@pytest.mark.parametrize("function", ["rolling_cov", "rolling_var"])
def test_variances_take_windows_from_two(function):
    others = () if function == "rolling_var" else ("x",)
    assert isinstance(getattr(cm, function)("y", *others, window_size=2), pl.Expr)
    for size in (1, 0, -3):
        with pytest.raises(ParameterError, match=rf"window_size.*2.*{size}"):
            getattr(cm, function)("y", *others, window_size=size)


@pytest.mark.parametrize("ddof", [-1, 1.5, "1", NAN, True, 2**40])
def test_bad_ddof(ddof):
    for call in (
        lambda: cm.rolling_cov("y", "x", window_size=10, ddof=ddof),
        lambda: cm.rolling_var("y", window_size=10, ddof=ddof),
        lambda: arrays.rolling_cov(Y, X, window_size=10, ddof=ddof),
        lambda: RollingPair(window_size=10, ddof=ddof),
    ):
        with pytest.raises(ParameterError, match="ddof"):
            call()


@pytest.mark.parametrize("function", ["rolling_beta", "rolling_corr", "rolling_regression", "ewm_beta"])
def test_ddof_is_no_option_where_it_cancels(function):
    with pytest.raises(TypeError):
        getattr(cm, function)("y", "x", window_size=10, ddof=1)


@pytest.mark.parametrize("half_life", [0, -1.0, NAN, np.inf, "3", None, True])
def test_bad_half_life(half_life):
    for call in (
        lambda: cm.ewm_beta("y", "x", half_life=half_life),
        lambda: arrays.ewm_cov(Y, X, half_life=half_life),
        lambda: EwmPair(half_life=half_life),
    ):
        with pytest.raises(ParameterError, match="half_life"):
            call()


@pytest.mark.parametrize("min_samples", [1, 0, -2, 2.5, "2"])
def test_bad_min_samples_of_exponential_weights(min_samples):
    for call in (
        lambda: cm.ewm_corr("y", "x", half_life=3, min_samples=min_samples),
        lambda: arrays.ewm_corr(Y, X, half_life=3, min_samples=min_samples),
        lambda: EwmPair(half_life=3, min_samples=min_samples),
    ):
        with pytest.raises(ParameterError, match="min_samples"):
            call()


def test_bad_numbers_of_leaders():
    nine = [f"l{i}" for i in range(9)]
    for leaders in ([], {}, nine):
        with pytest.raises(ParameterError, match="leaders"):
            cm.joint_beta("y", leaders, window_size=20)
    for count in (0, 9):
        with pytest.raises(ComoveError, match="leaders"):
            arrays.joint_beta(Y, np.ones((50, count)), window_size=20)
    for count in (0, 9, -1, 1.5, "2"):
        with pytest.raises(ParameterError, match="leaders"):
            JointPair(count, window_size=20)


def test_leaders_need_different_names():
    with pytest.raises(ParameterError, match="x"):
        cm.joint_beta("y", ["x", pl.col("z").alias("x")], window_size=20)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"window_size": 2}, "window_size"),
        ({"vol_window": 1}, "vol_window"),
        ({"short": 0}, "short"),
        ({"long": -1}, "long"),
        ({"momentum": 0}, "momentum"),
        ({"momentum": 1.5}, "momentum"),
        ({"returns": "compound"}, "returns"),
        ({"returns": None}, "returns"),
        ({"min_samples": 31}, "min_samples"),
        ({"min_samples": 1}, "min_samples"),
    ],
)
def test_bad_options_of_features(options, match):
    with pytest.raises(ParameterError, match=match):
        cm.cross_asset_features("y", "x", **options)
    with pytest.raises(ParameterError, match=match):
        arrays.cross_asset_features(np.exp(Y), np.exp(X), **options)


@pytest.mark.parametrize("by", [3, 1.5, b"ts", ["ts"]])
def test_by_is_a_column_or_an_expression(by):
    data = frame(table(20, 215))
    with pytest.raises(ParameterError, match="by"):
        data.select(cm.rolling_beta("y", "x", window_span="1h", by=by, min_samples=3))


HUGE = 2**70
BEYOND = {
    "min_samples of a span": lambda: cm.rolling_beta("y", "x", window_span="1h", by="ts", min_samples=HUGE),
    "min_samples of arrays": lambda: arrays.rolling_beta(Y, X, window_span="1h", by=TS, min_samples=HUGE),
    "min_samples of ewm": lambda: arrays.ewm_beta(Y, X, half_life=3, min_samples=HUGE),
    "min_samples of EwmPair": lambda: EwmPair(half_life=3, min_samples=HUGE),
    "half_life": lambda: arrays.ewm_beta(Y, X, half_life=10**400),
    "momentum": lambda: arrays.cross_asset_features(1 + X**2, 1 + Y**2, momentum=HUGE),
    "vol_window": lambda: cm.cross_asset_features("a", "b", vol_window=HUGE),
    "fill_limit": lambda: cm.FeatureRecipe(fill_limit=HUGE),
    "lag": lambda: cm.FeatureRecipe(lag=HUGE),
    "window_span": lambda: arrays.rolling_beta(Y, X, window_span="9" * 5000 + "w", by=TS, min_samples=2),
    "window_span in other digits": lambda: arrays.rolling_beta(Y, X, window_span="٣h", by=TS, min_samples=2),
    "window_span of 585 years": lambda: arrays.rolling_beta(
        Y, X, window_span=np.timedelta64(213_514, "D"), by=TS, min_samples=2
    ),
    "window of a joint regression": lambda: JointPair(2, window_size=3),
    "window of joint_beta": lambda: arrays.joint_beta(Y, [X, X**2], window_size=3),
    "leaders": lambda: cm.joint_beta("y", 5, window_size=9),
    "by": lambda: cm.rolling_beta("y", "x", window_span="1h", by=5, min_samples=3),
    "out over itself": lambda: arrays.rolling_beta(
        Y, X, window_size=5, out=np.lib.stride_tricks.as_strided(np.zeros(1), (50,), (0,))
    ),
    "out over by": lambda: arrays.rolling_beta(Y, X, window_span="1h", by=TS, min_samples=2, out=TS.view(np.float64)),
    "symbol without a letter": lambda: Panel(["A"], ["B"], window_size=3).add_asset(""),
}


@pytest.mark.parametrize("what", list(BEYOND))
def test_every_option_has_a_bound(what):
    with pytest.raises(ParameterError):
        BEYOND[what]()


def test_leaders_that_differ_in_case_only():
    with pytest.raises(DataError, match="case"):
        Panel(["A"], ["btc", "BTC"], window_size=3)


def test_leaders_as_a_list_of_columns():
    table = np.column_stack([X, X**2])
    of_list = arrays.joint_beta(Y, [X, X**2], window_size=9)
    assert_same_bits(of_list["beta"], arrays.joint_beta(Y, table, window_size=9)["beta"])
