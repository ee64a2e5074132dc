"""Time in its many forms, made one: ``Datetime("us", "UTC")``, and in order.

`source` is the name the user knows the data by; it comes first in messages. Rows are counted from 0.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from ..errors import DataError, OrderError

UTC_MICROSECONDS: Final = pl.Datetime("us", "UTC")

# The four units differ by factors of 1000 and the years 1980 to 2100 by a factor of 13, so the ranges do
# not touch: a number within one of them has one meaning. Row numbers and dates as 20240131 are in none.
_FIRST_SECOND = 315_532_800  # 1980-01-01
_END_SECOND = 4_102_444_800  # 2100-01-01
_UNITS: Final = (("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000))

_NUMBER = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
_ISO = (
    r"^(?<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?<minute>\d{2}:\d{2})(?<second>:\d{2})?(?<fraction>\.\d{1,9})?)?"
    r" ?(?<zone>Z|UTC|(?<sign>[+-])(?<zone_hour>0\d|1[0-4]):?(?<zone_minute>[0-5]\d))?$"
)


def to_utc(values: pl.Series, *, source: str) -> pl.Series:
    """Timestamps of any common form as ``Datetime("us", "UTC")``.

    Parameters
    ----------
    values : Series
        Datetime of any unit and zone (naive is UTC), Date (midnight UTC), ISO 8601 text (without an
        offset it is UTC), or numbers since 1970-01-01 UTC as integers, floats or text. The unit of
        numbers follows from their size: seconds, ms, us or ns, whichever puts them between the years 1980
        and 2100; all must agree.
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
        f"{source}: ts has dtype {dtype}; expected Datetime, Date, ISO text, or seconds, ms, us or ns",
        "ts_dtype",
    )


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
    row = first_row(steps <= 0)
    if row is None:
        return
    if ts[row] == ts[row - 1]:
        raise OrderError(f"{source}: row {row} repeats the timestamp of row {row - 1}, {ts[row]}", "ts_duplicate")
    hint = " (all rows run backwards: sort by time, oldest first)" if len(ts) > 2 and bool((steps < 0).all()) else ""
    raise OrderError(
        f"{source}: time runs backwards at row {row}: {ts[row - 1]} is followed by {ts[row]}{hint}",
        "ts_order",
    )


def first_row(mask: pl.Series) -> int | None:
    """Return the row of the first true value; null counts as false."""
    rows = mask.fill_null(False).arg_true()
    return int(rows[0]) if len(rows) else None


def _refuse_null(parsed: pl.Series, original: pl.Series, source: str) -> None:
    row = first_row(parsed.is_null())
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
        row = first_row(~inside)
        if row is not None:
            raise DataError(
                f"{source}: ts is in {unit} in row 0 ({original[0]}) but {original[row]} in row {row} "
                f"is not in {unit} between the years 1980 and 2100; one unit a file is needed",
                "ts_unit",
            )
        if exact.dtype == pl.Int64:
            micros = exact // 1_000 if unit == "ns" else exact * (1_000_000 // per_second)
        else:
            micros = (exact * (1_000_000 / per_second)).round().cast(pl.Int64)
        return micros.cast(UTC_MICROSECONDS)
    raise DataError(
        f"{source}: ts in row 0 is {original[0]}, which is no time between the years 1980 and 2100 "
        "in seconds, ms, us or ns",
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
    fraction = part("fraction").fill_null(".0").str.slice(1, 6).str.pad_end(6, "0").cast(pl.Int64, strict=False)
    parsed = (
        pl.DataFrame({"text": text})
        .select(pl.col("text").str.extract_groups(_ISO).alias("parts"))
        .select((local.cast(pl.Int64) + fraction - signed).alias("ts"))
        .to_series()
    )
    row = first_row(parsed.is_null())
    if row is not None:
        raise DataError(
            f"{source}: ts in row {row} is {text[row]!r}; expected ISO 8601, as in 2024-01-31 or "
            "2024-01-31T12:00:00Z, or seconds, ms, us or ns",
            "ts_format",
        )
    return parsed.cast(UTC_MICROSECONDS)
