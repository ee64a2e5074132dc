"""The array door: shapes, layouts, kinds of input, and memory given by the caller."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cases import market, with_gaps
from comove import DataError, ParameterError, arrays
from doors import LEADERS, QUESTIONS, REGRESSION, ask_arrays, assert_same, assert_same_bits, q, table

Y, X = market(200, 180)
Y, X = with_gaps(Y, 181, 0.1), with_gaps(X, 182, 0.1)
BLOCK = np.column_stack([Y, X * 2.0, np.roll(Y, 3), np.full(200, 0.1)])
WINDOW = {"window_size": 30, "min_samples": 5}
PAIRED = ["rolling_beta", "rolling_corr", "rolling_cov"]
EXPONENTIAL = ["ewm_beta", "ewm_corr", "ewm_cov"]


def options(name):
    return {"half_life": 5.0} if name in EXPONENTIAL else WINDOW


def readonly(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def strided(values):
    wide = np.empty(3 * len(values))
    wide[::3] = values
    return wide[::3]


def swapped_bytes(values):
    return values.astype(values.dtype.newbyteorder())


LAYOUTS = {
    "strided": strided,
    "reversed": lambda v: v[::-1].copy()[::-1],
    "column": lambda v: np.column_stack([v, v])[:, 1],
    "readonly": readonly,
    "list": lambda v: v.tolist(),
    "pandas": lambda v: pd.Series(v, index=np.arange(len(v))[::-1]),
    "pandas_nullable": lambda v: pd.array(v, dtype="Float64").copy(),
    "polars": lambda v: pl.Series(v),
    "polars_nulls": lambda v: pl.Series(v).fill_nan(None),
    "polars_chunks": lambda v: pl.concat([pl.Series(v[:7]), pl.Series(v[7:])], rechunk=False),
    "swapped_bytes": swapped_bytes,
    "unaligned": lambda v: np.frombuffer(b"\0" + v.tobytes(), dtype=np.uint8)[1:].view(np.float64),
}


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("name", [*PAIRED, "rolling_regression", "ewm_beta"])
def test_layouts_and_containers_do_not_matter(name, layout):
    function, form = getattr(arrays, name), LAYOUTS[layout]
    expected = function(Y, X, **options(name))
    answer = function(form(Y), form(X), **options(name))
    if name == "rolling_regression":
        assert_same(answer, expected, layout)
    else:
        assert type(answer) is np.ndarray
        assert_same_bits(answer, expected, layout)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "g"])
def test_numbers_of_every_dtype(dtype):
    values = np.random.default_rng(183).integers(0, 100, (2, 60))
    expected = arrays.rolling_beta(*values.astype(float), window_size=10)
    assert_same_bits(arrays.rolling_beta(*values.astype(dtype), window_size=10), expected, dtype)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_inputs_are_not_modified(question):
    data = table(200, 184)
    before = {name: values.tobytes() for name, values in data.items()}
    ask_arrays(question, data)
    assert {name: values.tobytes() for name, values in data.items()} == before


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_empty_and_short_input(question, rows):
    answer = ask_arrays(question, table(rows, 185, gaps=False))
    for name, values in answer.items():
        lags = [2 * question.options["max_lag"] + 1] if name == "cross_correlation" else []
        assert values.shape == (rows, *lags)
        assert values.dtype == np.float64, name


@pytest.mark.parametrize("name", [*PAIRED, *EXPONENTIAL])
@pytest.mark.parametrize("order", ["C", "F"])
def test_two_dimensions(name, order):
    function = getattr(arrays, name)
    block = np.array(BLOCK, order=order)
    answer = function(block, X, **options(name))
    assert answer.shape == block.shape
    for i in range(block.shape[1]):
        assert_same_bits(answer[:, i], function(block[:, i], X, **options(name)), f"column {i}")


@pytest.mark.parametrize("shape", [(200, 0), (0, 3), (1, 1), (200, 17)])
def test_two_dimensions_of_any_size(shape):
    block = np.random.default_rng(186).normal(size=shape)
    benchmark = np.random.default_rng(187).normal(size=shape[0])
    assert arrays.rolling_beta(block, benchmark, **WINDOW).shape == shape
    for values in arrays.rolling_regression(block, benchmark, **WINDOW).values():
        assert values.shape == shape


def test_variance_of_columns():
    answer = arrays.rolling_var(BLOCK, **WINDOW)
    for i in range(BLOCK.shape[1]):
        assert_same_bits(answer[:, i], arrays.rolling_var(BLOCK[:, i], **WINDOW), f"column {i}")


def test_slices_of_two_dimensions():
    answer = arrays.rolling_beta(BLOCK[::2, ::-1], X[::2], **WINDOW)
    for i in range(4):
        assert_same_bits(answer[:, i], arrays.rolling_beta(BLOCK[::2, 3 - i].copy(), X[::2].copy(), **WINDOW))


def test_a_regression_is_seven_views_of_one_block():
    answer = arrays.rolling_regression(Y, X, **WINDOW)
    assert tuple(answer) == REGRESSION
    block = answer["beta"].base
    assert block is not None
    assert all(values.base is block for values in answer.values())


@pytest.mark.parametrize("leaders", [list(LEADERS), 3])
def test_joint_beta_answers_in_the_order_of_the_leaders(leaders):
    data = table(200, 188)
    columns = np.column_stack([data[name] for name in LEADERS])
    answer = arrays.joint_beta(data["jy"], columns, window_size=40, min_samples=12)
    assert list(answer) == ["beta", "alpha", "r_squared", "n"]
    assert answer["beta"].shape == (200, 3)
    one_order = arrays.joint_beta(data["jy"], np.asfortranarray(columns), window_size=40, min_samples=12)
    assert_same_bits(answer["beta"], one_order["beta"])


# --- time ---


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_times_as_datetime64(unit):
    data = table(200, 189)
    by = data["ts"] // 10**9 * 10**9
    window = {"window_span": "45m", "min_samples": 3}
    expected = arrays.rolling_beta(data["y"], data["x"], by=by, **window)
    as_dates = by.astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    for form in (as_dates, pd.Series(as_dates), pl.Series(by).cast(pl.Datetime("ns"))):
        assert_same_bits(arrays.rolling_beta(data["y"], data["x"], by=form, **window), expected, unit)
    aware = pd.Series(as_dates).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    assert_same_bits(arrays.rolling_beta(data["y"], data["x"], by=aware, **window), expected, "aware")


# --- out= ---


@pytest.mark.parametrize("name", [*PAIRED, *EXPONENTIAL])
@pytest.mark.parametrize("asset", [Y, BLOCK], ids=["1-D", "2-D"])
def test_out_is_filled_and_returned(name, asset):
    function = getattr(arrays, name)
    out = np.full(asset.shape, 7.0)
    answer = function(asset, X, out=out, **options(name))
    assert np.shares_memory(answer, out)
    assert_same_bits(answer, out, name)
    assert_same_bits(out, function(asset, X, **options(name)), name)


def test_out_of_a_variance():
    out = np.full(Y.shape, 7.0)
    assert np.shares_memory(arrays.rolling_var(Y, out=out, **WINDOW), out)
    assert_same_bits(out, arrays.rolling_var(Y, **WINDOW))


@pytest.mark.parametrize("asset", [Y, BLOCK], ids=["1-D", "2-D"])
def test_out_of_a_regression(asset):
    out = np.full((7, *asset.shape), 7.0)
    answer = arrays.rolling_regression(asset, X, out=out, **WINDOW)
    assert_same(answer, arrays.rolling_regression(asset, X, **WINDOW))
    for i, name in enumerate(REGRESSION):
        assert np.shares_memory(answer[name], out)
        assert_same_bits(out[i], answer[name], name)


def test_out_may_be_used_again():
    out = np.empty(200)
    first = arrays.rolling_beta(Y, X, out=out, **WINDOW).copy()
    arrays.rolling_corr(Y, X, out=out, **WINDOW)
    assert_same_bits(arrays.rolling_beta(Y, X, out=out, **WINDOW), first)


BAD_OUT = {
    "short": lambda: np.empty(199),
    "long": lambda: np.empty(201),
    "block": lambda: np.empty((200, 1)),
    "float32": lambda: np.empty(200, dtype=np.float32),
    "int64": lambda: np.empty(200, dtype=np.int64),
    "swapped_bytes": lambda: np.empty(200, dtype=np.dtype(float).newbyteorder()),
    "readonly": lambda: readonly(np.empty(200)),
    "list": lambda: [0.0] * 200,
}


@pytest.mark.parametrize("kind", list(BAD_OUT))
def test_out_of_the_wrong_shape_or_dtype_is_refused(kind):
    out = BAD_OUT[kind]()
    before = bytes(np.asarray(out).tobytes())
    with pytest.raises((DataError, ParameterError), match="out") as error:
        arrays.rolling_beta(Y, X, out=out, **WINDOW)
    assert error.value.code
    assert np.asarray(out).tobytes() == before


@pytest.mark.parametrize("shape", [(7, 199), (6, 200), (200, 7), (7, 200, 1), (1400,)])
def test_out_of_a_regression_has_seven_rows(shape):
    with pytest.raises((DataError, ParameterError), match="out"):
        arrays.rolling_regression(Y, X, out=np.empty(shape), **WINDOW)


def test_out_may_be_strided_or_is_refused_but_never_ignored():
    wide = np.full(400, 7.0)
    try:
        answer = arrays.rolling_beta(Y, X, out=wide[::2], **WINDOW)
    except (DataError, ParameterError):
        assert (wide == 7.0).all()
    else:
        assert np.shares_memory(answer, wide)
        assert_same_bits(wide[::2], arrays.rolling_beta(Y, X, **WINDOW))
        assert (wide[1::2] == 7.0).all()


@pytest.mark.parametrize("shared", ["asset", "benchmark"])
def test_out_that_is_an_input_is_right_or_refused(shared):
    y, x = Y.copy(), X.copy()
    expected = arrays.rolling_beta(y, x, **WINDOW)
    out = y if shared == "asset" else x
    try:
        arrays.rolling_beta(y, x, out=out, **WINDOW)
    except (DataError, ParameterError):
        assert_same_bits(out, Y if shared == "asset" else X)
    else:
        assert_same_bits(out, expected)


def test_one_dimension_is_told_from_two():
    assert ask_arrays(q("rolling_beta", **WINDOW), {"y": Y[:, None], "x": X})["rolling_beta"].shape == (
        200,
        1,
    )
