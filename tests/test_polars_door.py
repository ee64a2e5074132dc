"""The Polars door: names, dtypes, literals, short frames, groups, the namespace and columns of time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

import cases
import comove as cm
from cases import NAN
from comove import arrays
from comove.options import spillover_readings
from doors import (
    LAG_SCAN,
    LAG_TESTS,
    LEADERS,
    QUESTIONS,
    REGRESSION,
    ask_arrays,
    assert_same,
    assert_same_bits,
    expression,
    frame,
    from_series,
    q,
    table,
)

WINDOW = {"window_size": 5, "min_samples": 3}
INTEGERS = [
    pl.Int8,
    pl.Int16,
    pl.Int32,
    pl.Int64,
    pl.Int128,
    pl.UInt8,
    pl.UInt16,
    pl.UInt32,
    pl.UInt64,
    pl.UInt128,
]


def small(rows=60):
    rng = np.random.default_rng(190)
    return pl.DataFrame({"y": rng.integers(0, 100, rows), "x": rng.integers(0, 100, rows)})


def beta(data, y="y", x="x", **options):
    return data.select(answer=cm.rolling_beta(y, x, **{**WINDOW, **options}))["answer"]


# --- what comes back ---


def test_outputs_keep_the_name_of_the_asset():
    data = frame(table(50, 191))
    window = {"window_size": 10}
    assert data.select(cm.rolling_beta("y", "x", **window)).columns == ["y"]
    assert data.select(cm.rolling_beta(pl.col("py").alias("asset"), "x", **window)).columns == ["asset"]
    assert data.select(cm.ewm_cov("y", "x", half_life=3)).columns == ["y"]
    assert data.select(cm.joint_beta("jy", list(LEADERS), **window)).columns == ["jy"]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_dtypes_are_known_before_the_query_runs(question):
    lazy = frame(table(50, 192)).lazy().select(answer=expression(question))
    promised = lazy.collect_schema()["answer"]
    assert lazy.collect()["answer"].dtype == promised
    assert pl.DataFrame(schema=lazy.collect_schema()).schema == lazy.collect().schema
    fields = {
        "rolling_regression": {name: pl.Float64 for name in REGRESSION} | {"n": pl.UInt32},
        "joint_beta": {
            **{f"beta_{name}": pl.Float64 for name in LEADERS},
            "alpha": pl.Float64,
            "r_squared": pl.Float64,
            "n": pl.UInt32,
        },
        "rolling_spillover": {
            name: pl.UInt32 if name == "n" else pl.Float64
            for name in spillover_readings(
                inference=question.options.get("inference", False), both=question.options.get("both", False)
            )
        },
        "cross_asset_features": {
            name: pl.Float64 for name in ("beta", "correlation", "divergence", "volatility", "relative_momentum")
        },
        "lag_scan": {
            **{name: pl.Float64 for name in LAG_SCAN},
            **{"lag": pl.Int64, "n": pl.UInt32},
            **{name: pl.Float64 for name in LAG_TESTS if question.options.get("inference")},
        },
    }.get(question.function)
    alone = pl.Float64
    if question.function == "cross_correlation":
        alone = pl.Array(pl.Float64, 2 * question.options["max_lag"] + 1)
    assert promised == (pl.Struct(fields) if fields else alone)
    if fields:
        assert [field.name for field in promised.fields] == list(fields)


def test_undefined_is_null_and_never_nan():
    data = pl.DataFrame({"y": [1.0, NAN, None, np.inf, 2.0, 3.0], "x": [1.0] * 6})
    answer = data.select(answer=cm.rolling_regression("y", "x", window_size=3, min_samples=2))["answer"].struct.unnest()
    for name in ("beta", "alpha", "corr", "r_squared", "residual_std", "beta_stderr"):
        assert answer[name].null_count() == 6, name
    assert answer["n"].to_list() == [1, 1, 1, 0, 1, 2]


def test_null_nan_and_infinity_are_the_same():
    y, x = cases.market(60, 193)
    answers = []
    for missing in (None, NAN, np.inf, -np.inf):
        holed = pl.Series("y", [missing if i % 7 == 3 else v for i, v in enumerate(y.tolist())], dtype=pl.Float64)
        answers.append(beta(pl.DataFrame([holed, pl.Series("x", x)])))
    for answer in answers[1:]:
        assert_series_equal(answer, answers[0], check_exact=True)
    assert answers[0].null_count() == 2


# --- what goes in ---


@pytest.mark.parametrize("dtype", [*INTEGERS, pl.Float32, pl.Float64, pl.Decimal(20, 4), pl.Decimal(38, 0)], ids=str)
def test_every_numeric_dtype_is_cast(dtype):
    data = small()
    cast = data.cast({"y": dtype, "x": dtype})
    assert_series_equal(beta(cast), beta(data.cast(pl.Float64)), check_exact=True)
    assert_series_equal(
        cast.select(answer=cm.rolling_var("y", **WINDOW))["answer"],
        data.cast(pl.Float64).select(answer=cm.rolling_var("y", **WINDOW))["answer"],
        check_exact=True,
    )
    joint = cast.select(answer=cm.joint_beta("y", ["x"], **WINDOW))["answer"]
    assert joint.struct.field("beta_x").null_count() < len(data)


def test_decimals_with_nulls():
    y = [Decimal("1.25"), None, Decimal("3.50"), Decimal("-0.75"), Decimal("2.00")]
    data = pl.DataFrame({"y": y, "x": [1, 2, 4, 8, 9]}, schema_overrides={"y": pl.Decimal(10, 2)})
    expected = arrays.rolling_beta([1.25, NAN, 3.5, -0.75, 2.0], [1.0, 2.0, 4.0, 8.0, 9.0], **WINDOW)
    assert_same_bits(from_series(beta(data), "b")["b"], expected)


def test_mixed_dtypes():
    data = small().cast({"y": pl.Float32, "x": pl.UInt8})
    assert_series_equal(beta(data), beta(small().cast(pl.Float64)), check_exact=True)


def test_a_null_column_is_all_missing():
    data = small().with_columns(y=pl.lit(None))
    assert data["y"].dtype == pl.Null
    assert beta(data).null_count() == len(data)
    assert beta(data).dtype == pl.Float64


@pytest.mark.parametrize("value", [2, 2.5, None, NAN, Decimal("1.5")], ids=str)
def test_literals_are_broadcast(value):
    data = small().cast(pl.Float64)
    held = data.with_columns(x=pl.lit(value, dtype=None if value is not None else pl.Float64))
    assert beta(data, x=pl.lit(value)).to_list() == beta(held).to_list() == [None] * len(data)
    of_constant = data.select(answer=cm.rolling_cov(pl.lit(value), "x", **WINDOW))["answer"]
    assert len(of_constant) == len(data)
    expected = [None] * len(data) if value is None or value != value else [None] * 2 + [0.0] * (len(data) - 2)
    assert of_constant.to_list() == expected


def test_literals_in_groups():
    data = small().cast(pl.Float64).with_columns(g=pl.Series(np.arange(60) % 7))
    answer = data.select(answer=cm.rolling_cov("y", pl.lit(3.0), **WINDOW).over("g"))["answer"]
    assert len(answer) == 60
    assert answer.drop_nulls().to_list() == [0.0] * (60 - 7 * 2)


def test_expressions_inside_and_around():
    data = frame(table(80, 194, gaps=False))
    returns = pl.col("py") / pl.col("py").shift(1) - 1
    answer = data.select(answer=cm.rolling_beta(returns, pl.col("x") * 2, window_size=10) * 10 + 1)["answer"]
    by_hand = data.select(y=returns, x=pl.col("x") * 2)
    expected = by_hand.select(answer=cm.rolling_beta("y", "x", window_size=10))["answer"] * 10 + 1
    assert_series_equal(answer, expected, check_exact=True)


def test_several_outputs_in_one_query():
    data = frame(table(80, 195))
    out = data.lazy().select(
        beta=cm.rolling_beta("y", "x", window_size=10), corr=cm.rolling_corr("y", "x", window_size=10),
        again=cm.rolling_beta("y", "x", window_size=10), longer=cm.rolling_beta("y", "x", window_size=20),
    ).collect()  # fmt: skip
    assert out["beta"].equals(out["again"])
    assert out["beta"].null_count() < out["longer"].null_count()


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_empty_and_short_frames(question, rows):
    data = table(rows, 196, gaps=False)
    for out in (
        frame(data).select(answer=expression(question)),
        frame(data).lazy().select(answer=expression(question)).collect(engine="streaming"),
    ):
        assert len(out) == rows
        assert_same(from_series(out["answer"], question.function), ask_arrays(question, data), question)


def test_a_filtered_and_sliced_frame():
    data = table(200, 197, gaps=False)
    kept = data["x"] > 0
    out = frame(data).lazy().filter(pl.col("x") > 0).select(answer=expression(q("rolling_beta", window_size=5)))
    alone = ask_arrays(q("rolling_beta", window_size=5), {name: v[kept] for name, v in data.items()})
    assert_same(from_series(out.collect()["answer"], "rolling_beta"), alone)
    sliced = frame(data)[13:171].select(answer=expression(q("rolling_beta", window_size=5)))["answer"]
    part = ask_arrays(q("rolling_beta", window_size=5), {name: v[13:171] for name, v in data.items()})
    assert_same(from_series(sliced, "rolling_beta"), part)


def test_a_slice_after_the_window_sees_the_rows_before_it():
    """Pushing a slice below a window would change its values."""
    data = table(200, 198)
    out = frame(data).lazy().select(answer=expression(q("rolling_beta", window_size=30))).slice(100, 5).collect()
    expected = ask_arrays(q("rolling_beta", window_size=30), data)["rolling_beta"][100:105]
    assert_same_bits(from_series(out["answer"], "b")["b"], expected)


def test_a_filter_after_the_window_sees_the_rows_before_it():
    data = table(200, 199, gaps=False)
    question = q("rolling_beta", window_size=30)
    out = frame(data).lazy().with_columns(answer=expression(question)).filter(pl.col("x") > 0).collect()
    expected = ask_arrays(question, data)["rolling_beta"][data["x"] > 0]
    assert_same_bits(from_series(out["answer"], "b")["b"], expected)


# --- the namespace ---


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_the_namespace_is_the_functions(question):
    data = frame(table(120, 200))
    options = dict(question.options) | ({"by": "ts"} if question.by_time else {})
    asset = {"joint_beta": "jy", "cross_asset_features": "py"}.get(question.function, "y")
    other = {"joint_beta": [list(LEADERS)], "cross_asset_features": ["px"], "rolling_var": []}.get(
        question.function, ["x"]
    )
    method = getattr(pl.col(asset).comove, question.function)
    answer = data.select(answer=method(*other, **options))["answer"]
    assert answer.equals(data.select(answer=expression(question))["answer"], null_equal=True)


# --- leaders by name ---


def test_leaders_are_named_by_the_mapping_or_the_output_name():
    data = frame(table(100, 201))
    window = {"window_size": 20, "min_samples": 12}
    by_list = data.select(a=cm.joint_beta("jy", ["l0", pl.col("l1"), pl.col("l2").alias("sol")], **window))
    assert [f.name for f in by_list.schema["a"].fields] == [
        "beta_l0",
        "beta_l1",
        "beta_sol",
        "alpha",
        "r_squared",
        "n",
    ]
    by_name = data.select(a=cm.joint_beta("jy", {"btc": "l0", "eth": pl.col("l1"), "sol": "l2"}, **window))
    assert [f.name for f in by_name.schema["a"].fields][:3] == ["beta_btc", "beta_eth", "beta_sol"]
    for mine, theirs in zip(by_list["a"].struct.unnest(), by_name["a"].struct.unnest(), strict=True):
        assert mine.to_list() == theirs.to_list()


def test_eight_leaders():
    asset, leaders = cases.joint(100, 8, 202)
    data = pl.DataFrame({"y": asset, **{f"l{i}": leaders[:, i] for i in range(8)}})
    answer = data.select(a=cm.joint_beta("y", [f"l{i}" for i in range(8)], window_size=30))["a"].struct.unnest()
    expected = arrays.joint_beta(asset, leaders, window_size=30)
    for i in range(8):
        assert_same_bits(from_series(answer[f"beta_l{i}"], "b")["b"], expected["beta"][:, i])


# --- time ---

SPAN = {"window_span": "45m", "min_samples": 3}


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Datetime("us"),
        pl.Datetime("ns"),
        pl.Datetime("us", "UTC"),
        pl.Datetime("ns", "Asia/Tokyo"),
        pl.Datetime("ms"),
        pl.Int64,
    ],
    ids=str,
)
def test_time_columns(dtype):
    data = table(150, 203)
    ts = pl.Series("ts", data["ts"] // 10**9 * 10**9)
    column = ts if dtype == pl.Int64 else ts.cast(pl.Datetime("ns")).cast(pl.Datetime(dtype.time_unit)).cast(dtype)
    expected = ask_arrays(q("rolling_beta", **SPAN), {**data, "ts": ts.to_numpy()})
    answer = frame(data).with_columns(column).select(answer=cm.rolling_beta("y", "x", by="ts", **SPAN))["answer"]
    assert_same(from_series(answer, "rolling_beta"), expected, dtype)


@pytest.mark.parametrize("span", ["45m", "2700s", "2700000ms", "0h45m", dt.timedelta(minutes=45)])
def test_spans_in_any_form(span):
    data = frame(table(150, 204))
    window = {"by": "ts", "min_samples": 3}
    expected = data.select(answer=cm.rolling_corr("y", "x", window_span="45m", **window))["answer"]
    answer = data.select(answer=cm.rolling_corr("y", "x", window_span=span, **window))["answer"]
    assert answer.equals(expected, null_equal=True)


def test_a_span_in_groups_whose_times_overlap():
    data = table(200, 205)
    label = np.arange(200) % 3
    with_label = frame(data).with_columns(g=pl.Series(label))
    answer = with_label.select(answer=cm.rolling_beta("y", "x", by="ts", **SPAN).over("g"))["answer"]
    for group in range(3):
        inside = label == group
        alone = ask_arrays(q("rolling_beta", **SPAN), {name: v[inside] for name, v in data.items()})
        assert_same({"rolling_beta": from_series(answer, "b")["b"][inside]}, alone, group)


def test_a_span_agrees_with_polars_own_rolling_windows():
    """(t - span, t] with equal times seen together there, so times here are distinct."""
    data = frame(table(200, 206, gaps=False)).unique("ts", keep="first", maintain_order=True)
    data = data.with_columns(pl.col("ts").cast(pl.Datetime("ns")))
    ours = data.select(answer=cm.rolling_var("y", by="ts", **SPAN))["answer"]
    theirs = data.select(answer=pl.col("y").rolling_var_by("ts", "45m", min_samples=3))["answer"]
    assert_series_equal(ours, theirs, rel_tol=1e-9)
