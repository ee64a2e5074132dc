"""Columns of a candle file: their spellings and dtypes.

Every function takes `source`, the name the user knows the data by (a path, a symbol), and puts it first
in its messages. Rows are counted from 0, a header line not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from ..errors import DataError, ParameterError
from .times import first_row

SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "ts": ("ts", "timestamp", "time", "open_time", "opentime", "date", "datetime"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v", "vol"),
}

_MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "-")


def match_columns(names: Sequence[str], columns: Mapping[str, str] | None, *, source: str) -> dict[str, str]:
    """Find the column of each candle field by its spelling, ignoring case, spaces and hyphens.

    Parameters
    ----------
    names : sequence of str
        The columns of the data.
    columns : mapping of field to column, or None
        Fields named here are taken from that column and not searched for.
    source : str

    Returns
    -------
    dict
        Field (``ts``, ``open``, ...) to column name, in the order of the fields.

    Raises
    ------
    ParameterError
        `columns` names an unknown field.
    DataError
        A field is not there, or two columns could be it.

    Examples
    --------
    >>> match_columns(["Open time", "O", "H", "L", "C", "Vol"], None, source="x.csv")["ts"]
    'Open time'
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise ParameterError(f"columns must be a mapping of fields to columns, got {columns!r}", "columns")
    given = dict(columns or {})
    for field in given:
        if field not in SPELLINGS:
            raise ParameterError(f"columns: {field!r} is not one of {', '.join(SPELLINGS)}", "columns")
    found = ", ".join(names) or "none"
    picked: dict[str, str] = {}
    missing: list[str] = []
    for field, spellings in SPELLINGS.items():
        if field in given:
            if given[field] not in names:
                raise DataError(f"{source}: no column {given[field]!r} for {field}; found: {found}", "columns")
            picked[field] = given[field]
            continue
        hits = [name for name in names if _plain(name) in spellings]
        if len(hits) > 1:
            raise DataError(
                f"{source}: {' and '.join(map(repr, hits))} could each be {field}; "
                f"say which, as in columns={{{field!r}: {hits[0]!r}}}",
                "columns_ambiguous",
            )
        if hits:
            picked[field] = hits[0]
        else:
            missing.append(field)
    if missing:
        expected = "; ".join(f"{field} as one of {', '.join(SPELLINGS[field])}" for field in missing)
        hint = ""
        if names and all(_is_number(name) for name in names):
            hint = " The first line seems to hold data: a header line is needed."
        raise DataError(
            f"{source}: no column for {', '.join(missing)} (expected {expected}); found: {found}.{hint}",
            "columns_missing",
        )
    return picked


def to_float(values: pl.Series, field: str, *, source: str) -> pl.Series:
    """One numeric column as Float64, in which NaN and infinity have become null.

    Parameters
    ----------
    values : Series
        Any numeric dtype including Decimal, or text holding numbers (empty, NA, NaN, null, None and - are
        missing).
    field, source : str
        For messages.

    Returns
    -------
    Series of Float64, of the same length

    Raises
    ------
    DataError
        Another dtype, or text that is no number.

    Examples
    --------
    >>> import polars as pl
    >>> to_float(pl.Series(["1.5", "NaN", ""]), "close", source="x").to_list()
    [1.5, None, None]
    """
    if values.dtype.is_numeric() or values.dtype == pl.Null:
        numbers = values.cast(pl.Float64)
    elif values.dtype == pl.String:
        text = values.str.strip_chars()
        text = (
            text.to_frame("x")
            .select(pl.when(~pl.col("x").str.to_lowercase().is_in(_MISSING_WORDS)).then(pl.col("x")))
            .to_series()
        )
        numbers = text.cast(pl.Float64, strict=False)
        row = first_row(numbers.is_null() & text.is_not_null())
        if row is not None:
            raise DataError(f"{source}: {field} in row {row} is {values[row]!r}, not a number", "not_a_number")
    else:
        raise DataError(f"{source}: {field} has dtype {values.dtype}; expected numbers", "column_dtype")
    return numbers.to_frame("x").select(pl.when(pl.col("x").is_finite()).then(pl.col("x"))).to_series()


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _is_number(text: str) -> bool:
    try:
        # Polars renames a repeated header, here a repeated price, by this suffix.
        float(text.split("_duplicated_")[0])
    except ValueError:
        return False
    return True
