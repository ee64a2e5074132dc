"""Bad input gets its class, a code, and a message that names the parameter, the value and the bound."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import comove as cm
from cases import market
from comove import ComoveError, DataError, OrderError, ParameterError, StateError, arrays
from comove.live import EwmPair, JointPair, LagScanner, Panel, RollingPair
from doors import assert_same_bits, frame, table

Y, X = market(50, 210)
TS = np.arange(50) * 10**9


def test_the_classes():
    assert issubclass(ParameterError, ComoveError)
    assert issubclass(ParameterError, ValueError)
    assert issubclass(DataError, ValueError)
    assert issubclass(OrderError, DataError)
    assert issubclass(StateError, ComoveError)
    assert issubclass(StateError, RuntimeError)
    assert not issubclass(StateError, ValueError)


@pytest.mark.parametrize("kind", [ComoveError, ParameterError, DataError, OrderError, StateError])
def test_errors_can_be_pickled(kind):
    error = pickle.loads(pickle.dumps(kind("window_size must be at least 3, got 1", "too_small")))
    assert type(error) is kind
    assert (str(error), error.code) == ("window_size must be at least 3, got 1", "too_small")


# --- data, arrays ---

BAD_ARRAYS = {
    "lengths": (lambda: arrays.rolling_beta(Y, X[:-1], window_size=5), "49.*50|50.*49"),
    "by length": (lambda: arrays.rolling_beta(Y, X, window_span="1h", by=TS[:-1], min_samples=2), "by"),
    "scalar": (lambda: arrays.rolling_beta(1.0, X, window_size=5), "asset"),
    "three dimensions": (lambda: arrays.rolling_beta(np.ones((50, 2, 2)), X, window_size=5), "asset"),
    "block as benchmark": (lambda: arrays.rolling_beta(Y, np.ones((50, 2)), window_size=5), "benchmark"),
    "text": (lambda: arrays.rolling_beta(["a"] * 50, X, window_size=5), "asset"),
    "digits as text": (lambda: arrays.rolling_beta(["1.5"] * 50, X, window_size=5), "asset"),
    "complex": (lambda: arrays.rolling_beta(Y * 1j, X, window_size=5), "asset"),
    "objects": (lambda: arrays.rolling_beta(np.array([object()] * 50), X, window_size=5), "asset"),
    "dates": (lambda: arrays.rolling_beta(TS.astype("M8[ns]"), X, window_size=5), "asset"),
    "nothing": (lambda: arrays.rolling_beta(None, X, window_size=5), "asset"),
    "ragged": (lambda: arrays.rolling_beta([[1.0], [1.0, 2.0]], X[:2], window_size=5), "asset"),
    "float by": (lambda: arrays.rolling_beta(Y, X, window_span="1h", by=TS * 1.5, min_samples=2), "by"),
    "text by": (lambda: arrays.rolling_beta(Y, X, window_span="1h", by=["a"] * 50, min_samples=2), "by"),
    "block by": (lambda: arrays.rolling_beta(Y, X, window_span="1h", by=TS[:, None], min_samples=2), "by"),
    "leaders of three dimensions": (
        lambda: arrays.joint_beta(Y, np.ones((50, 2, 2)), window_size=5),
        "leaders",
    ),
    "leaders too short": (lambda: arrays.joint_beta(Y, X[:-1, None], window_size=5), "leaders"),
    "zero price": (
        lambda: arrays.cross_asset_features(np.r_[1.0, 0.0, 2.0], np.ones(3)),
        r"asset_price.*0.*row 1",
    ),
    "negative price": (
        lambda: arrays.cross_asset_features(np.ones(3), np.r_[1.0, 1.0, -2.0]),
        r"leader_price.*-2.*row 2",
    ),
    "lags of a block": (lambda: arrays.cross_correlation(np.ones((50, 2)), X, window_size=5), "asset"),
    "lengths at every lag": (lambda: arrays.cross_correlation(Y, X[:-1], window_size=5), "leader"),
    "lengths of a scan": (lambda: arrays.lag_scan(Y, X[:-1], window_size=5), "leader"),
    "out of a scan": (lambda: arrays.lag_scan(Y, X, window_size=5, out=np.empty((7, 50))), "out.*4, 50"),
    "prices": (lambda: arrays.cross_asset_features(np.exp(Y), X[:-1]), "49.*50|50.*49"),
}


@pytest.mark.parametrize("what", list(BAD_ARRAYS))
def test_bad_arrays(what):
    call, match = BAD_ARRAYS[what]
    with pytest.raises(DataError, match=match) as error:
        call()
    assert error.value.code


@pytest.mark.parametrize("missing", ["NaT", None])
def test_missing_times_are_refused(missing):
    by = np.array(TS.astype("M8[ns]"))
    by[7] = np.datetime64("NaT")
    given = (
        by
        if missing == "NaT"
        else pl.Series(by).to_frame("t").select(pl.when(pl.int_range(pl.len()) != 7).then("t"))["t"]
    )
    with pytest.raises(DataError, match="7") as error:
        arrays.rolling_beta(Y, X, window_span="1h", by=given, min_samples=2)
    assert error.value.code == "missing_time"


def test_time_that_runs_backwards():
    by = TS.copy()
    by[30] = by[28]
    with pytest.raises(OrderError, match=r"30.*28000000000.*29000000000|29000000000.*28000000000") as error:
        arrays.rolling_beta(Y, X, window_span="1h", by=by, min_samples=2)
    assert error.value.code == "order"


# --- data, Polars: only text crosses, and it begins with the code ---


def test_time_that_runs_backwards_in_a_frame():
    data = frame(table(60, 211)).with_columns(ts=pl.col("ts").reverse())
    with pytest.raises(pl.exceptions.ComputeError, match=r"\border\b.*by must not run backwards"):
        data.select(cm.rolling_beta("y", "x", window_span="1h", by="ts", min_samples=2))


def test_missing_times_in_a_frame():
    data = frame(table(60, 212)).with_columns(ts=pl.when(pl.int_range(pl.len()) != 7).then("ts"))
    with pytest.raises(pl.exceptions.ComputeError, match=r"\bmissing_time\b.*7"):
        data.select(cm.rolling_beta("y", "x", window_span="1h", by="ts", min_samples=2))


def test_a_bad_price_in_a_frame():
    with pytest.raises(pl.exceptions.ComputeError, match=r"\bprice\b.*-3"):
        pl.DataFrame({"p": [1.0, -3.0], "q": [1.0, 2.0]}).select(cm.cross_asset_features("p", "q"))


def test_columns_of_different_lengths():
    data = frame(table(60, 213))
    with pytest.raises(pl.exceptions.PolarsError):
        data.select(cm.rolling_beta("y", pl.col("x").head(10), window_size=5))


def test_an_unknown_column():
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        frame(table(60, 214)).select(cm.rolling_beta("y", "nowhere", window_size=5))


# An abort would take the test run with it, so these run in an interpreter of their own.
DTYPES_SCRIPT = """
import datetime as dt
from decimal import Decimal
import pandas as pd
import polars as pl
import comove as cm

N = 40
ints = [1 + i * i % 23 for i in range(N)]
numeric = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64,
           pl.UInt128, pl.Float32, pl.Float64, pl.Decimal(38, 5), pl.Decimal(5, 1)]
if hasattr(pl, "Float16"):
    numeric.append(pl.Float16)
columns = {str(dtype): pl.Series(ints).cast(dtype) for dtype in numeric}
odd = {
    "null": pl.Series([None] * N),
    "string": pl.Series(["a"] * N),
    "digits": pl.Series([str(i) for i in ints]),
    "bool": pl.Series([i % 2 == 0 for i in ints]),
    "binary": pl.Series([b"a"] * N),
    "categorical": pl.Series(["a", "b"] * (N // 2), dtype=pl.Categorical),
    "enum": pl.Series(["a", "b"] * (N // 2), dtype=pl.Enum(["a", "b"])),
    "date": pl.Series([dt.date(2024, 1, 1)] * N),
    "time": pl.Series([dt.time(1)] * N),
    "datetime": pl.Series([dt.datetime(2024, 1, 1)] * N),
    "duration": pl.Series([dt.timedelta(1)] * N),
    "list": pl.Series([[1.0, 2.0]] * N),
    "array": pl.Series([[1.0, 2.0]] * N, dtype=pl.Array(pl.Float64, 2)),
    "struct": pl.Series([{"a": 1.0}] * N),
    "object": pl.Series([object()] * N, dtype=pl.Object),
}
plain = pl.DataFrame({"y": pl.Series(ints, dtype=pl.Float64), "x": [float(1 + i % 7) for i in range(N)]})
stamps = {"by": "ts", "window_span": "10s", "min_samples": 2}
for name, column in {**columns, **odd}.items():
    frame = plain.with_columns(column.alias("odd"), ts=pl.int_range(pl.len()) * 10**9)
    asked = {
        "asset": cm.rolling_regression("odd", "x", window_size=5),
        "benchmark": cm.rolling_beta("y", "odd", window_size=5),
        "var": cm.rolling_var("odd", window_size=5),
        "leader": cm.joint_beta("y", ["x", "odd"], window_size=8),
        "price": cm.cross_asset_features(pl.col("odd"), "x"),
        "span": cm.rolling_beta("odd", "x", **stamps),
        "ewm": cm.ewm_cov("odd", "x", half_life=3),
        "lags": cm.cross_correlation("odd", "x", window_size=5, max_lag=2),
        "scan": cm.lag_scan("y", "odd", window_size=5, max_lag=2, inference=True),
        "by": cm.rolling_beta("y", "x", **{**stamps, "by": "odd"}),
    }
    for role, ask in asked.items():
        for engine in ("in-memory", "streaming"):
            try:
                out = frame.lazy().select(answer=ask).collect(engine=engine)
                verdict = "ok"
                if name in columns and role == "var":
                    same = plain.select(answer=cm.rolling_var("y", window_size=5))
                    verdict = "ok" if out.equals(same, null_equal=True) else "WRONG"
            except Exception as error:
                verdict = "PANIC" if "panic" in (type(error).__name__ + str(error)).lower() else "refused"
            print(name, role, engine, verdict, sep="|")
print("done")
"""


@pytest.fixture(scope="module")
def verdicts():
    run = subprocess.run([sys.executable, "-c", DTYPES_SCRIPT], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[-1] == "done"
    return {tuple(line.split("|")[:3]): line.split("|")[3] for line in lines[:-1]}


def test_no_dtype_aborts_or_panics(verdicts):
    assert not [case for case, verdict in verdicts.items() if verdict in ("PANIC", "WRONG")]


def test_numeric_dtypes_are_taken_in_every_role(verdicts):
    numeric = ("Int", "UInt", "Float", "Decimal", "null")
    refused = [
        case
        for case, verdict in verdicts.items()
        if case[0].startswith(numeric) and case[1] != "by" and case[0] != "null" and verdict != "ok"
    ]
    assert not refused
    assert all(
        verdicts["null", role, "in-memory"] == "ok" for role in ("asset", "benchmark", "var", "leader", "ewm", "lags")
    )


@pytest.mark.parametrize("dtype", ["string", "binary", "categorical", "enum", "list", "array", "struct", "object"])
def test_other_dtypes_are_refused_and_not_taken_for_missing(verdicts, dtype):
    """Text that is a number, truth values and times are what Polars casts them to."""
    taken = [case for case, verdict in verdicts.items() if case[0] == dtype and verdict == "ok"]
    assert not taken


# --- data, live ---


def live_objects():
    by_rows = RollingPair(window_size=5, min_samples=2)
    by_rows.update(0.1, 0.2)
    by_time = RollingPair(window_span="1m", max_rows=4, min_samples=2)
    by_time.update(0.1, 0.2, 5)
    ewm = EwmPair(half_life=3.0)
    ewm.update(0.1, 0.2)
    several = JointPair(2, window_size=5)
    several.update(0.1, (0.2, 0.3))
    scanner = LagScanner(2, window_size=5, min_samples=2)
    scanner.update(0.1, 0.2)
    return {"rows": by_rows, "time": by_time, "ewm": ewm, "joint": several, "lags": scanner}


BAD_ROWS = {
    "no ts": ("time", ComoveError, lambda p: p.update(0.1, 0.2)),
    "earlier ts": ("time", OrderError, lambda p: p.update(0.1, 0.2, 4)),
    "earlier ts in peek": ("time", OrderError, lambda p: p.peek(0.1, 0.2, 4)),
    "another ts in amend": ("time", ComoveError, lambda p: p.amend(0.1, 0.2, 6)),
    "text": ("rows", DataError, lambda p: p.update("0.1", 0.2)),
    "text in ewm": ("ewm", DataError, lambda p: p.update(0.1, "0.2")),
    "text in joint": ("joint", DataError, lambda p: p.update(0.1, ("0.2", 0.1))),
    "beyond float64": ("rows", DataError, lambda p: p.update(10**400, 0.2)),
    "a number for leaders": ("joint", DataError, lambda p: p.update(0.1, 3)),
    "text as ts": ("time", DataError, lambda p: p.update(0.1, 0.2, "now")),
    "float as ts": ("time", DataError, lambda p: p.update(0.1, 0.2, 6.5)),
    "NaT as ts": ("time", DataError, lambda p: p.update(0.1, 0.2, np.datetime64("NaT"))),
    "pandas NaT as ts": ("time", DataError, lambda p: p.update(0.1, 0.2, pd.NaT)),
    "ts after 2262": ("time", DataError, lambda p: p.update(0.1, 0.2, np.datetime64("2554-07-25", "s"))),
    "datetime after 2262": ("time", DataError, lambda p: p.update(0.1, 0.2, dt.datetime(3000, 1, 1))),
    "ts beyond int64": ("time", DataError, lambda p: p.update(0.1, 0.2, 2**63)),
    "one leader too few": ("joint", ComoveError, lambda p: p.update(0.1, (0.2,))),
    "one leader too many": ("joint", ComoveError, lambda p: p.update(0.1, (0.2, 0.3, 0.4))),
    "lengths": ("rows", DataError, lambda p: p.update_many(Y, X[:-1])),
    "lengths in ewm": ("ewm", DataError, lambda p: p.update_many(Y[:3], X)),
    "ts length": ("time", DataError, lambda p: p.update_many(Y[:3], X[:3], TS[:2] + 10)),
    "ts order": ("time", OrderError, lambda p: p.update_many(Y[:3], X[:3], np.array([10, 12, 11]))),
    "no ts for many": ("time", ComoveError, lambda p: p.update_many(Y, X)),
    "burst": ("time", DataError, lambda p: p.update_many(Y[:4], X[:4], np.array([6, 7, 8, 9]))),
    "leaders of one dimension": ("joint", DataError, lambda p: p.update_many(Y, X)),
    "leaders too wide": ("joint", DataError, lambda p: p.update_many(Y, np.ones((50, 3)))),
    "text for many": ("rows", DataError, lambda p: p.update_many(["a"], ["b"])),
    "text in a scanner": ("lags", DataError, lambda p: p.update(0.1, "0.2")),
    "text in a scanner's peek": ("lags", DataError, lambda p: p.peek("0.1", 0.2)),
    "text in a scanner's amend": ("lags", DataError, lambda p: p.amend(0.1, "0.2")),
    "lengths in a scanner": ("lags", DataError, lambda p: p.update_many(Y, X[:-1])),
    "block in a scanner": ("lags", DataError, lambda p: p.update_many(np.ones((3, 2)), np.ones(3))),
    "block for many": ("rows", DataError, lambda p: p.update_many(np.ones((3, 2)), np.ones(3))),
}


@pytest.mark.parametrize("what", list(BAD_ROWS))
def test_a_refused_row_leaves_the_state_as_it_was(what):
    name, expected, call = BAD_ROWS[what]
    thing = live_objects()[name]
    before, beta = thing.to_bytes(), getattr(thing, "beta", None)
    with pytest.raises(expected):
        call(thing)
    assert thing.to_bytes() == before
    assert getattr(thing, "beta", None) == beta


def test_a_refused_row_does_not_show_later():
    clean, tried = (RollingPair(window_span="20s", max_rows=8, min_samples=2) for _ in range(2))
    answers = []
    for pair in (clean, tried):
        answer = []
        for i in range(50):
            if pair is tried and i > 9:
                with pytest.raises(OrderError):
                    pair.update(1e12, 1e12, (i - 5) * 3 * 10**9)
                with pytest.raises(OrderError):
                    pair.update_many([0.1, 0.2], [1e12, 5.0], [i * 3 * 10**9, 5])
            answer.append(pair.update(Y[i], X[i], i * 3 * 10**9))
        answers.append(np.array(answer, dtype=float))
    assert_same_bits(*answers)


@pytest.mark.parametrize("junk", [None, 5, "COMOVE", [1, 2]])
def test_snapshots_are_bytes(junk):
    for kind in (RollingPair, EwmPair, JointPair, LagScanner, Panel):
        with pytest.raises(StateError, match="not bytes"):
            kind.from_bytes(junk)


# --- times and masks that would be misread silently ---

LATE = np.array(["1970-01-01", "2554-07-24", "2554-07-25", "2554-07-26"], "datetime64[s]")
BAD_TIMES = {
    "after 2262": LATE,
    "above int64": np.array([2**63 + i for i in range(4)], np.uint64),
    "no unit": np.arange(4).astype("datetime64"),
    "masked": np.ma.array(np.arange(4), mask=[0, 0, 1, 0]),
    "datetimes after 2262": [dt.datetime(3000, 1, 1 + i) for i in range(4)],
}


@pytest.mark.parametrize("what", list(BAD_TIMES))
def test_times_that_would_wrap_are_refused(what):
    for call in (
        lambda: arrays.rolling_beta(Y[:4], X[:4], window_span="30d", by=BAD_TIMES[what], min_samples=2),
        lambda: RollingPair(window_span="30d", max_rows=9, min_samples=2).update_many(Y[:4], X[:4], BAD_TIMES[what]),
    ):
        with pytest.raises(DataError):
            call()


def test_nanoseconds_of_pandas_times_are_kept():
    stamps = [pd.Timestamp(1_700_000_000_000_000_000 + step, unit="ns") for step in (1, 501, 1001)]
    exact, of_pandas = (RollingPair(window_span="900ns", max_rows=9, min_samples=2) for _ in range(2))
    for i, stamp in enumerate(stamps):
        exact.update(Y[i], X[i], stamp.value)
        of_pandas.update(Y[i], X[i], stamp)
    assert exact.to_bytes() == of_pandas.to_bytes()
    assert of_pandas.last_ts == stamps[-1].value


def test_masked_values_are_missing():
    hidden = np.arange(50) % 7 == 3
    masked = np.ma.array(np.where(hidden, 1e9, Y), mask=hidden)
    plain = np.where(hidden, np.nan, Y)
    options = {"window_size": 9, "min_samples": 4}
    assert_same_bits(arrays.rolling_beta(masked, X, **options), arrays.rolling_beta(plain, X, **options))
    first, second = (RollingPair(**options) for _ in range(2))
    assert_same_bits(first.update_many(masked, X), second.update_many(plain, X))
