"""Series, tables and times as users give them."""

from __future__ import annotations

import datetime as dt
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from comove.errors import DataError
from comove.options.types import LARGEST, Floats, Timestamps


def floats(name: str, values: object) -> Floats:
    """Return a contiguous float64 array of one or two dimensions; a copy only where it has to be.

    Raises
    ------
    DataError
        Not numeric, or of another number of dimensions.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            if array.dtype.kind != "O":
                raise DataError(f"{name} must be numeric, got dtype {array.dtype}", "dtype")
            # Objects: Decimal, Fraction, None for missing; text is not a number here.
            if any(isinstance(value, str | bytes) for value in array.flat):
                raise DataError(f"{name} must be numeric, got text", "dtype")
        # Aligned: what NumPy cuts out of records may not be.
        array = np.require(array, np.float64, "A")
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} must be numeric: {error}", "dtype") from error
    if array.ndim not in (1, 2):
        raise DataError(f"{name} must have 1 or 2 dimensions, got {array.ndim}", "shape")
    return array


def series(name: str, values: object, rows: int | None = None) -> Floats:
    """Return a contiguous one-dimensional float64 array, of `rows` values where that is given.

    Raises
    ------
    DataError
        Not numeric, not of one dimension, of another length.
    """
    array = floats(name, values)
    if array.ndim != 1:
        raise DataError(f"{name} must have 1 dimension, got {array.ndim}", "shape")
    if rows is not None and len(array) != rows:
        raise DataError(f"{name} must have length {rows}, got {len(array)}", "length")
    return np.ascontiguousarray(array)


def table(name: str, values: object, rows: int, columns: int) -> Floats:
    """Return a contiguous float64 array of shape (rows, columns).

    Raises
    ------
    DataError
        Not numeric, of another shape.
    """
    array = floats(name, values)
    array = array[:, np.newaxis] if array.ndim == 1 and columns == 1 else array
    if array.shape != (rows, columns):
        raise DataError(f"{name} must have shape {(rows, columns)}, got {array.shape}", "shape")
    return np.ascontiguousarray(array)


def timestamps(name: str, values: object, rows: int | None = None) -> Timestamps:
    """Return timestamps as int64 nanoseconds.

    Parameters
    ----------
    name : str
        Named in errors.
    values : int64 or datetime64 array, or a sequence of datetimes
        Integers are nanoseconds; naive times count as UTC.
    rows : int, optional
        The length it must have.

    Raises
    ------
    DataError
        Another dtype, missing times, another length.
    """
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        row = int(np.ma.getmaskarray(values).argmax())
        raise DataError(f"{name} must not be missing, got a masked time at row {row}", "missing_time")
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{name} must have 1 dimension, got {array.ndim}", "shape")
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        if missing.any():
            raise DataError(f"{name} must not be missing, got NaT at row {int(missing.argmax())}", "missing_time")
        if np.datetime_data(array.dtype)[0] == "generic":
            raise DataError(f"{name} must be times with a unit, got dtype {array.dtype}", "dtype")
        with_unit, array = array, array.astype("datetime64[ns]")
        _refuse_wrapped(name, with_unit, array.astype(with_unit.dtype) != with_unit)
        array = array.astype(np.int64)
    elif array.dtype.kind == "f" and np.isnan(array).any():
        # Whole numbers in a Series with a missing one.
        row = int(np.isnan(array).argmax())
        raise DataError(f"{name} must not be missing, got NaN at row {row}", "missing_time")
    elif array.dtype.kind == "O":
        for row, value in enumerate(array):
            if _is_missing(value):
                raise DataError(f"{name} must not be missing, got {value!r} at row {row}", "missing_time")
        array = np.array([epoch_nanoseconds(value, name) for value in array], dtype=np.int64)
    elif array.dtype.kind not in "iu" and array.size:
        raise DataError(f"{name} must be datetimes or integer nanoseconds, got dtype {array.dtype}", "dtype")
    if array.dtype.kind == "u":
        _refuse_wrapped(name, array, array > LARGEST)
    if rows is not None and len(array) != rows:
        raise DataError(f"{name} must have length {rows}, got {len(array)}", "length")
    return np.ascontiguousarray(array, dtype=np.int64)


def epoch_nanoseconds(ts: object, name: str = "ts") -> int:
    """Return one timestamp in nanoseconds since 1970, UTC.

    Parameters
    ----------
    ts : int, datetime or datetime64
        Integers are nanoseconds; naive datetimes count as UTC.
    name : str
        Named in errors.

    Raises
    ------
    DataError
        Another type, or not a time.
    """
    # Live bars have plain integers; a look at a protocol takes as long as a coin's candle.
    if type(ts) is int and -LARGEST - 1 <= ts <= LARGEST:
        return ts
    number: int | None = None
    # pandas' missing time is a datetime that equals nothing.
    if isinstance(ts, dt.datetime) and ts == ts:
        aware = ts if ts.tzinfo is not None else ts.replace(tzinfo=dt.UTC)
        since = aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        # A datetime ends at microseconds, pandas' goes on.
        number = micros * 1_000 + int(getattr(ts, "nanosecond", 0))
    elif isinstance(ts, np.datetime64):
        return int(timestamps(name, np.array([ts]))[0])
    elif isinstance(ts, SupportsIndex) and not isinstance(ts, bool | np.bool_):
        number = ts.__index__()
    if number is None:
        raise DataError(f"{name} must be a datetime or integer nanoseconds, got {ts!r}", "ts")
    if not -LARGEST - 1 <= number <= LARGEST:
        raise DataError(f"{name} must lie between 1677 and 2262, got {ts!r}", "ts_range")
    return number


def _is_missing(time: object) -> bool:
    """Whether an object stands for a missing time: None, NaN, NaT, or pandas' NA, which has no class outside pandas."""
    # What is missing equals nothing.
    unequal = isinstance(time, float | dt.datetime | np.datetime64) and time != time
    return time is None or unequal or type(time).__name__ == "NAType"


def _refuse_wrapped(name: str, values: npt.NDArray[Any], wrapped: npt.NDArray[np.bool_]) -> None:
    """Refuse times that nanoseconds in 64 bits do not reach."""
    if wrapped.any():
        row = int(wrapped.argmax())
        raise DataError(f"{name} must lie between 1677 and 2262, got {values[row]} at row {row}", "ts_range")
