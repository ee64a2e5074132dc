"""Columns of a candle file: their spellings, their dtypes, and time in its many forms.

Every function takes `source`, the name the user knows the data by (a path, a symbol), and puts it first in
its messages. Rows are counted from 0, a header line not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from ..errors import DataError, OrderError, ParameterError

UTC_MICROSECONDS: Final = pl.Datetime("us", "UTC")

SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "ts": ("ts", "timestamp", "time", "open_time", "opentime", "date", "datetime"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v", "vol"),
}

# The four units differ by factors of 1000 and the years 1980 to 2100 by a factor of 13, so the ranges do not
# touch: a number within one of them has one meaning. Row numbers and dates as 20240131 are in none.
_FIRST_SECOND = 315_532_800  # 1980-01-01
_END_SECOND = 4_102_444_800  # 2100-01-01
_UNITS: Final = (("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000))

_MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "-")
_NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_ISO = (
    r"^(?<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?<minute>\d{2}:\d{2})(?<second>:\d{2})?(?<fraction>\.\d{1,9})?)?"
    r" ?(?<zone>Z|UTC|(?<sign>[+-])(?<zone_hour>\d{2}):?(?<zone_minute>\d{2}))?$"
)


def match_columns(
    names: Sequence[str], columns: Mapping[str, str] | None, *, source: str
) -> dict[str, str]:
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


def to_utc(values: pl.Series, *, source: str) -> pl.Series:
    """Timestamps of any common form as ``Datetime("us", "UTC")``.

    Parameters
    ----------
    values : Series
        Datetime of any unit and zone (naive is UTC), Date (midnight UTC), ISO 8601 text (without an offset it is
        UTC), or numbers since 1970-01-01 UTC as integers, floats or text. The unit of numbers follows from
        their size: seconds, ms, us or ns, whichever puts them between the years 1980 and 2100; all must agree.
    source : str

    Returns
    -------
    Series of Datetime("us", "UTC")
        Nanoseconds are cut, not rounded, to microseconds.

    Raises
    ------
    DataError
        A missing or unreadable value, or one without a certain unit.

    Examples
    --------
    >>> import polars as pl
    >>> str(to_utc(pl.Series("ts", [1704067200]), source="x")[0])
    '2024-01-01 00:00:00+00:00'
    >>> str(to_utc(pl.Series("ts", ["2024-01-01T02:00+02:00"]), source="x")[0])
    '2024-01-01 00:00:00+00:00'
    """
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        _refuse_null(values, values, source)
        if dtype.time_zone is None:
            return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return values.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)
    if dtype == pl.Date:
        _refuse_null(values, values, source)
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_numeric():
        return _numbers_to_utc(values, values, source)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        text = values.cast(pl.String).str.strip_chars()
        if (text.len() > 0) and bool(text.str.contains(_NUMBER).fill_null(True).all()):
            whole = text.cast(pl.Int64, strict=False)
            numbers = text.cast(pl.Float64, strict=False) if whole.null_count() > text.null_count() else whole
            return _numbers_to_utc(numbers, values, source)
        return _text_to_utc(text, source)
    raise DataError(
        f"{source}: ts has dtype {dtype}; expected Datetime, Date, ISO text, or seconds, ms, us or ns", "ts_dtype"
    )


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
        text = text.to_frame("x").select(
            pl.when(~pl.col("x").str.to_lowercase().is_in(_MISSING_WORDS)).then(pl.col("x"))
        ).to_series()
        numbers = text.cast(pl.Float64, strict=False)
        row = _first(numbers.is_null() & text.is_not_null())
        if row is not None:
            raise DataError(f"{source}: {field} in row {row} is {values[row]!r}, not a number", "not_a_number")
    else:
        raise DataError(f"{source}: {field} has dtype {values.dtype}; expected numbers", "column_dtype")
    return numbers.to_frame("x").select(pl.when(pl.col("x").is_finite()).then(pl.col("x"))).to_series()


def check_order(ts: pl.Series, *, source: str) -> None:
    """Refuse time that runs backwards or stands still.

    Parameters
    ----------
    ts : Series of Datetime
    source : str

    Raises
    ------
    OrderError
        Names the first bad row and both timestamps.

    Examples
    --------
    >>> from datetime import datetime
    >>> import polars as pl
    >>> check_order(pl.Series([datetime(2024, 1, 1), datetime(2024, 1, 2)]), source="x")
    """
    steps = ts.to_physical().diff()
    row = _first(steps <= 0)
    if row is None:
        return
    if ts[row] == ts[row - 1]:
        raise OrderError(f"{source}: row {row} repeats the timestamp of row {row - 1}, {ts[row]}", "ts_duplicate")
    hint = " (all rows run backwards: sort by time, oldest first)" if len(ts) > 2 and bool((steps < 0).all()) else ""
    raise OrderError(
        f"{source}: time runs backwards at row {row}: {ts[row - 1]} is followed by {ts[row]}{hint}", "ts_order"
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _is_number(text: str) -> bool:
    try:
        # Polars renames a repeated header, here a repeated price, by this suffix.
        float(text.split("_duplicated_")[0])
    except ValueError:
        return False
    return True


def _first(mask: pl.Series) -> int | None:
    """Row of the first true value; null counts as false."""
    rows = mask.fill_null(False).arg_true()
    return int(rows[0]) if len(rows) else None


def _refuse_null(parsed: pl.Series, original: pl.Series, source: str) -> None:
    row = _first(parsed.is_null())
    if row is not None:
        raise DataError(f"{source}: ts in row {row} is missing or unreadable: {original[row]!r}", "ts_missing")


def _numbers_to_utc(numbers: pl.Series, original: pl.Series, source: str) -> pl.Series:
    if numbers.dtype.is_integer():
        exact = numbers.cast(pl.Int64, strict=False)
    else:
        as_float = numbers.cast(pl.Float64)
        exact = as_float.to_frame("x").select(pl.when(pl.col("x").is_finite()).then(pl.col("x"))).to_series()
    _refuse_null(exact, original, source)
    if not len(exact):
        return exact.cast(pl.Int64).cast(UTC_MICROSECONDS)
    for unit, per_second in _UNITS:
        inside = (exact >= _FIRST_SECOND * per_second) & (exact < _END_SECOND * per_second)
        if not inside[0]:
            continue
        row = _first(~inside)
        if row is not None:
            raise DataError(
                f"{source}: ts is in {unit} in row 0 ({original[0]}) but {original[row]} in row {row} is not in "
                f"{unit} between the years 1980 and 2100; one unit a file is needed",
                "ts_unit",
            )
        if exact.dtype == pl.Int64:
            micros = exact // 1_000 if unit == "ns" else exact * (1_000_000 // per_second)
        else:
            micros = (exact * (1_000_000 / per_second)).round().cast(pl.Int64)
        return micros.cast(UTC_MICROSECONDS)
    raise DataError(
        f"{source}: ts in row 0 is {original[0]}, which is no time between the years 1980 and 2100 in seconds, ms, us "
        "or ns",
        "ts_unit",
    )


def _text_to_utc(text: pl.Series, source: str) -> pl.Series:
    part = pl.col("parts").struct.field
    offset = (part("zone_hour").cast(pl.Int64) * 60 + part("zone_minute").cast(pl.Int64)) * 60_000_000
    signed = pl.when(part("sign") == "-").then(-offset).otherwise(offset).fill_null(0)
    local = pl.concat_str(
        part("date"), pl.lit("T"), part("minute").fill_null("00:00"), part("second").fill_null(":00")
    ).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    # Digits past the sixth are cut, as nanoseconds are.
    fraction = (
        part("fraction").fill_null(".0").str.slice(1, 6).str.pad_end(6, "0").cast(pl.Int64, strict=False)
    )
    parsed = (
        pl.DataFrame({"text": text})
        .select(pl.col("text").str.extract_groups(_ISO).alias("parts"))
        .select((local.cast(pl.Int64) + fraction - signed).alias("ts"))
        .to_series()
    )
    row = _first(parsed.is_null())
    if row is not None:
        raise DataError(
            f"{source}: ts in row {row} is {text[row]!r}; expected ISO 8601, as in 2024-01-31 or 2024-01-31T12:00:00Z, "
            "or seconds, ms, us or ns",
            "ts_format",
        )
    return parsed.cast(UTC_MICROSECONDS)
