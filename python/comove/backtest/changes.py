"""Decisions of two runs, compared to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.data.times import to_utc
from comove.errors import DataError

__all__ = ["ChangedDecision", "checked", "first_change", "text_of", "until"]

_KEYS: Final = ("ts", "symbol")
#: That there is a decision at all, among its fields; and what is added to the names of those of another run.
_ROW: Final = "row"
_AFTER: Final = " after"


@dataclass(frozen=True, slots=True)
class ChangedDecision:
    """A decision that changed with what came later.

    Attributes
    ----------
    ts : int
        Time of the decision, in nanoseconds.
    symbol : str
    field : str
        What of it changed first, in the order of the frame; "row" where there is a decision in one run only.
    before, after : object
        What it was, and what it became; None where it is missing.
    cut : int
        The last time whose candles were left as they were.
    future : str
        What became of what came later: "cut off", "scrambled" or "of other coins".
    """

    ts: int
    symbol: str
    field: str
    before: object
    after: object
    cut: int
    future: str

    def __str__(self) -> str:
        return (
            f"{self.field} of {self.symbol} at {text_of(self.ts)} changes from {self.before!r} to {self.after!r} when "
            f"the future after {text_of(self.cut)} is {self.future}"
        )


def checked(decisions: object) -> pl.DataFrame:
    """Return decisions with their times in nanoseconds, in the order of time and symbol."""
    if not isinstance(decisions, pl.DataFrame):
        raise DataError(f"decide must return a Polars DataFrame, got {type(decisions).__name__}", "frame")
    for name in _KEYS:
        if name not in decisions.columns:
            raise DataError(f"decisions must have a column {name!r}, got {', '.join(decisions.columns)}", "column")
    ts = to_utc(decisions["ts"], source="decisions").cast(pl.Datetime("ns", "UTC"))
    ordered = decisions.with_columns(ts.alias("ts")).sort(_KEYS)
    if ordered.select(pl.struct(_KEYS).is_duplicated().any()).item():
        raise DataError("decisions must have one row for a time and a symbol, got more", "duplicate")
    return ordered


def until(decisions: pl.DataFrame, last: int) -> pl.DataFrame:
    """Return the decisions up to a time, in nanoseconds."""
    return decisions.filter(pl.col("ts").to_physical() <= last)


def first_change(whole: pl.DataFrame, other: pl.DataFrame, cut: int, future: str) -> ChangedDecision | None:
    """Return the first decision up to a cut that is not the same in both; None where all are."""
    if whole.columns != other.columns:
        raise DataError(f"decisions must have the same columns in each run, got {other.columns}", "column")
    one, two = (until(each, cut).with_columns(pl.lit(True).alias(_ROW)) for each in (whole, other))
    both = one.join(two, on=_KEYS, how="full", coalesce=True, suffix=_AFTER).sort(_KEYS)
    names = [_ROW, *(name for name in whole.columns if name not in _KEYS)]
    differ = {name: _differ(both[name], both[name + _AFTER]) for name in names}
    rows = np.flatnonzero(np.logical_or.reduce(list(differ.values())))
    if not len(rows):
        return None
    row = int(rows[0])
    name = next(name for name in names if differ[name][row])
    before, after = (bool(both[name + end][row]) if name == _ROW else both[name + end][row] for end in ("", _AFTER))
    ts = int(both["ts"].to_physical()[row])
    return ChangedDecision(ts, str(both["symbol"][row]), name, before, after, cut, future)


def _differ(one: pl.Series, other: pl.Series) -> npt.NDArray[np.bool_]:
    """Return where two columns differ in any bit."""
    if one.dtype != other.dtype:
        return np.ones(len(one), bool)
    lacks = one.is_null() != other.is_null()
    if not one.dtype.is_float():
        return (lacks | one.ne_missing(other)).to_numpy()
    # Neither is -0.0 0.0 here, nor is a NaN a null.
    bits = [each.fill_null(0.0).cast(pl.Float64).to_numpy().view(np.int64) for each in (one, other)]
    different: npt.NDArray[np.bool_] = lacks.to_numpy() | (bits[0] != bits[1])
    return different


def text_of(ns: int) -> str:
    """Return a time in nanoseconds as a text of ISO 8601."""
    return str(pl.Series([ns]).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")[0])
