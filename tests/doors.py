"""One question, asked at each door: Polars expressions, arrays, live objects.

A `Question` names a function and its options; the columns it takes follow from the name. Every door answers
with a dict of float64 arrays in which NaN is missing, so that answers can be compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import cases
import comove as cm
from cases import NAN, Floats
from comove import arrays, live
from comove.options import spillover_readings
from oracles import Readings

LEADERS = ("l0", "l1", "l2")
MAX_ROWS = 4096


@dataclass(frozen=True)
class Question:
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.function, *(f"{k}={v}" for k, v in self.options.items())])

    @property
    def by_time(self) -> bool:
        return "window_span" in self.options


def q(function: str, **options: Any) -> Question:
    return Question(function, options)


PAIR_QUESTIONS = [
    q("rolling_beta", window_size=30),
    q("rolling_beta", window_size=3),
    q("rolling_corr", window_size=64, min_samples=5),
    q("rolling_cov", window_size=30, min_samples=2, ddof=0),
    q("rolling_cov", window_size=3),
    q("rolling_var", window_size=20, min_samples=3),
    q("rolling_regression", window_size=30, min_samples=2),
    q("rolling_regression", window_size=7),
    q("ewm_beta", half_life=10.0),
    q("ewm_corr", half_life=2.5, min_samples=5),
    q("ewm_cov", half_life=60.0),
]
SPILLOVER_QUESTIONS = [
    q("rolling_spillover", window_size=40, min_samples=3, vol_window=4, both=True, inference=True),
    q("rolling_spillover", window_size=33, min_samples=8, vol="given"),
    q(
        "rolling_spillover", window_size=64, min_samples=12, vol_window=2, inference=True, stderr="newey_west",
        newey_west_lags=3,
    ),
]  # fmt: skip
LAG_QUESTIONS = [
    q("cross_correlation", window_size=20, min_samples=4, max_lag=5),
    q("cross_correlation", window_size=5, min_samples=2, max_lag=9),
    q("lag_scan", window_size=16, max_lag=2),
    q("lag_scan", window_size=33, min_samples=12, max_lag=4, inference=True),
]
ROW_QUESTIONS = [
    *PAIR_QUESTIONS,
    *SPILLOVER_QUESTIONS,
    *LAG_QUESTIONS,
    q("rolling_cov", window_size=2),
    q("rolling_var", window_size=2),
    q("joint_beta", window_size=40, min_samples=12),
    q("cross_asset_features", window_size=30, min_samples=10),
    q("cross_asset_features", window_size=15, vol_window=8, short=2, long=9, momentum=4, returns="log"),
]
SPAN_QUESTIONS = [
    q("rolling_beta", window_span="45m", min_samples=5),
    q("rolling_corr", window_span="45m", min_samples=2),
    q("rolling_cov", window_span="10m", min_samples=3, ddof=0),
    q("rolling_var", window_span="90s", min_samples=2),
    q("rolling_regression", window_span="2h", min_samples=4),
    q("joint_beta", window_span="1h30m", min_samples=8),
]
QUESTIONS = [*ROW_QUESTIONS, *SPAN_QUESTIONS]
# The panel has the features, and a live pair has beta, hence at least three rows.
LIVE_QUESTIONS = [
    *PAIR_QUESTIONS,
    *SPILLOVER_QUESTIONS,
    *LAG_QUESTIONS,
    q("joint_beta", window_size=40, min_samples=12),
    *SPAN_QUESTIONS,
]


def table(rows: int, seed: int, *, gaps: bool = True) -> dict[str, NDArray[Any]]:
    """Columns for every question: returns y and x, leaders, prices py and px, irregular times ts in ns."""
    y, x = cases.market(rows, seed)
    joint_y, leaders = cases.joint(rows, len(LEADERS), seed + 1)
    py, px = cases.prices(rows, seed + 2), cases.prices(rows, seed + 3, start=1.5, tick=1e-4)
    columns = {
        "y": y,
        "x": x,
        "jy": joint_y,
        "py": py,
        "px": px,
        **dict(zip(LEADERS, leaders.T, strict=True)),
    }
    if gaps:
        columns = {name: cases.with_gaps(v, seed + 10 + i, 0.08) for i, (name, v) in enumerate(columns.items())}
    return {**columns, "ts": cases.irregular_times(rows, seed + 4)}


def of_case(case: cases.Case) -> dict[str, NDArray[Any]]:
    return {"y": case.asset, "x": case.benchmark}


# --- bits ---


def bits(values: Floats) -> NDArray[np.int64]:
    """The bits of a float64 array, all kinds of NaN made one."""
    values = np.array(values, dtype=np.float64, order="C")
    values[np.isnan(values)] = NAN
    return values.view(np.int64)


def assert_same_bits(answer: Floats, expected: Floats, what: object = "") -> None:
    answer, expected = np.asarray(answer, dtype=float), np.asarray(expected, dtype=float)
    assert answer.shape == expected.shape, f"{what}: shape {answer.shape} instead of {expected.shape}"
    different = np.flatnonzero((bits(answer) != bits(expected)).ravel())
    assert not different.size, (
        f"{what}: {different.size} of {answer.size} differ, first at {different[0]}: "
        f"{answer.flat[different[0]]!r} instead of {expected.flat[different[0]]!r}"
    )


def assert_same(answer: Readings, expected: Readings, what: object = "") -> None:
    assert answer.keys() == expected.keys(), f"{what}: {list(answer)} instead of {list(expected)}"
    for name in expected:
        assert_same_bits(answer[name], expected[name], f"{what} {name}")


# --- arrays ---


def ask_arrays(question: Question, data: Mapping[str, NDArray[Any]]) -> Readings:
    options = dict(question.options)
    if question.by_time:
        options["by"] = data["ts"]
    function = getattr(arrays, question.function)
    if question.function == "rolling_var":
        answer = function(data["y"], **options)
    elif question.function == "joint_beta":
        answer = dict(function(data["jy"], np.column_stack([data[name] for name in LEADERS]), **options))
        beta = answer.pop("beta")
        answer = {f"beta_{name}": beta[:, i] for i, name in enumerate(LEADERS)} | answer
    elif question.function == "cross_asset_features":
        answer = function(data["py"], data["px"], **options)
    else:
        answer = function(data["y"], data["x"], **options)
    return dict(answer) if isinstance(answer, dict) else {question.function: answer}


# --- Polars ---


def frame(data: Mapping[str, NDArray[Any]]) -> pl.DataFrame:
    return pl.DataFrame({name: values for name, values in data.items()})


def expression(question: Question) -> pl.Expr:
    """The expression of a question over the columns of `table`."""
    options = dict(question.options)
    if question.by_time:
        options["by"] = "ts"
    function = getattr(cm, question.function)
    if question.function == "rolling_var":
        return function("y", **options)
    if question.function == "joint_beta":
        return function("jy", list(LEADERS), **options)
    if question.function == "cross_asset_features":
        return function("py", "px", **options)
    return function("y", "x", **options)


def from_series(series: pl.Series, name: str) -> Readings:
    """Null becomes NaN; a NaN that is not null is refused, for no door of Polars may give one."""
    if series.dtype == pl.Struct:
        fields = series.struct.unnest()
        return {column: from_series(fields[column], column)[column] for column in fields.columns}
    if isinstance(series.dtype, pl.Array):
        # A row that is null itself would be one value, and not as many as the others.
        return {name: from_series(series.explode(), name)[name].reshape(len(series), series.dtype.size)}
    if series.dtype.is_float():
        assert not series.is_nan().any(), f"{name}: NaN instead of null"
    return {name: series.cast(pl.Float64).fill_null(NAN).to_numpy()}


def ask_polars(question: Question, data: Mapping[str, NDArray[Any]]) -> Readings:
    return from_series(frame(data).select(answer=expression(question))["answer"], question.function)


# --- live ---

REGRESSION = ("beta", "alpha", "corr", "r_squared", "beta_stderr", "residual_std", "n")
LAG_SCAN = ("lag", "corr", "llr", "n")
LAG_TESTS = ("p_value", "lead_p_value", "follow_p_value")
_LIVE_READING = {
    "rolling_beta": "beta",
    "rolling_corr": "corr",
    "rolling_cov": "cov",
    "rolling_var": "var",
    "ewm_beta": "beta",
    "ewm_corr": "corr",
    "ewm_cov": "cov",
}


def number(value: float | None) -> float:
    return NAN if value is None else value


def new_live(question: Question) -> Any:
    """The live object that answers a question."""
    options = dict(question.options)
    if question.by_time:
        options["max_rows"] = MAX_ROWS
    if question.function.startswith("ewm"):
        return live.EwmPair(**options)
    if question.function == "joint_beta":
        return live.JointPair(len(LEADERS), **options)
    if question.function == "rolling_spillover":
        # Made when they are read.
        options.pop("inference", None)
        return live.SpilloverMonitor(**options)
    if question.function in ("cross_correlation", "lag_scan"):
        options.pop("inference", None)
        return live.LagScanner(**options)
    return live.RollingPair(**options)


def read_live(question: Question, thing: Any) -> dict[str, Any]:
    """The readings of a live object, under the names that the arrays use; numbers, or an array of them."""
    if question.function == "cross_correlation":
        return {"cross_correlation": thing.cross_correlation}
    if question.function == "lag_scan":
        names = LAG_SCAN + LAG_TESTS if question.options.get("inference") else LAG_SCAN
        return {name: number(getattr(thing, name)) for name in names}
    if question.function == "rolling_regression":
        return {name: number(getattr(thing, name)) for name in REGRESSION}
    if question.function == "joint_beta":
        betas = thing.betas or (None,) * len(LEADERS)
        readings = {f"beta_{name}": number(b) for name, b in zip(LEADERS, betas, strict=True)}
        return readings | {name: number(getattr(thing, name)) for name in ("alpha", "r_squared", "n")}
    if question.function == "rolling_spillover":
        inference, both = (question.options.get(name, False) for name in ("inference", "both"))
        return {name: number(getattr(thing, name)) for name in spillover_readings(inference=inference, both=both)}
    return {question.function: number(getattr(thing, _LIVE_READING[question.function]))}


def live_rows(question: Question, data: Mapping[str, NDArray[Any]]) -> Iterable[tuple[Any, ...]]:
    """The arguments of `update`, row by row."""
    if question.function == "joint_beta":
        columns: list[Any] = [
            data["jy"].tolist(),
            list(zip(*(data[name].tolist() for name in LEADERS), strict=True)),
        ]
    elif question.function == "rolling_var":
        columns = [data["y"].tolist(), data["y"].tolist()]
    else:
        columns = [data["y"].tolist(), data["x"].tolist()]
    if question.by_time:
        columns.append(data["ts"].tolist())
    return zip(*columns, strict=True)


def ask_live(question: Question, data: Mapping[str, NDArray[Any]]) -> Readings:
    thing = new_live(question)
    read = []
    for row in live_rows(question, data):
        thing.update(*row)
        read.append(read_live(question, thing))
    names = read_live(question, thing)
    return {
        name: np.array([r[name] for r in read], dtype=float).reshape(len(read), *np.shape(value))
        for name, value in names.items()
    }


DOORS = {"arrays": ask_arrays, "polars": ask_polars, "live": ask_live}
