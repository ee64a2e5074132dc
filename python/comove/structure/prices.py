"""Prices of one symbol, checked once and never changed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.errors import DataError, OrderError
from comove.options import Floats, Timestamps, epoch_nanoseconds, series, timestamps

__all__ = ["PriceData", "utc"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc(nanoseconds: int) -> datetime:
    """Return a time since 1970 as a datetime in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


class PriceData:
    """Timestamps and prices of one symbol.

    Parameters
    ----------
    timestamps : sequence of datetime, datetime64 array, int64 array, or Polars Series, shape (n,)
        Rising, none twice. Naive datetimes count as UTC, integers are nanoseconds since 1970.
    prices : sequence of float, float64 array, or Polars Series, shape (n,)
        Above 0. None, NaN and infinities are missing: the row stays, as a row without a price.

    Raises
    ------
    DataError
        Lengths that differ, a price that is not above 0, what is no number or no time.
    OrderError
        Time runs backwards, or a timestamp comes twice.

    Notes
    -----
    The arrays are copies that cannot be written to. Equal content is equal, and has the same `version`.

    Examples
    --------
    >>> from datetime import datetime
    >>> from comove import PriceData
    >>> data = PriceData(timestamps=[datetime(2024, 1, 1), datetime(2024, 1, 2)], prices=[100.0, 125.0])
    >>> data
    PriceData(2 rows, 2024-01-01 00:00:00+00:00 to 2024-01-02 00:00:00+00:00)
    >>> data.returns
    array([ nan, 0.25])
    """

    __slots__ = ("_returns", "_version", "prices", "timestamps")

    timestamps: Timestamps
    """Nanoseconds since 1970, UTC; read only."""
    prices: Floats
    """NaN where missing; read only."""
    _returns: Floats | None
    _version: str | None

    def __init__(self, timestamps: object, prices: object) -> None:
        _fill(self, *_checked(timestamps, prices))

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, *, column: str = "close") -> PriceData:
        """Take the column ``ts`` and one of prices out of a frame, as `comove.data.read_candles` returns it.

        Raises
        ------
        DataError, OrderError
            As the class; a column that is not there.
        """
        for name in ("ts", column):
            if name not in frame.columns:
                raise DataError(f"frame has no column {name!r}; found: {', '.join(frame.columns)}", "columns_missing")
        return cls(frame["ts"], frame[column])

    @property
    def returns(self) -> Floats:
        """Simple returns from row to row, NaN in the first row and where a price is missing; read only."""
        found = self._returns
        if found is None:
            found = _read_only(simple_returns(self.prices))
            object.__setattr__(self, "_returns", found)
        return found

    @property
    def version(self) -> str:
        """A fingerprint of the content: equal for equal content only."""
        found = self._version
        if found is None:
            content = hashlib.blake2b(self.timestamps.tobytes(), digest_size=16)
            content.update(self.prices.tobytes())
            found = content.hexdigest()
            object.__setattr__(self, "_version", found)
        return found

    @property
    def first(self) -> datetime | None:
        """The first timestamp; None without rows."""
        return utc(int(self.timestamps[0])) if len(self) else None

    @property
    def last(self) -> datetime | None:
        """The last timestamp; None without rows."""
        return utc(int(self.timestamps[-1])) if len(self) else None

    def until(self, time: object) -> PriceData:
        """Return the rows at or before a time.

        Parameters
        ----------
        time : datetime, datetime64 or int
            Naive datetimes count as UTC, integers are nanoseconds.
        """
        rows = int(self.timestamps.searchsorted(epoch_nanoseconds(time, "time"), side="right"))
        if rows == len(self):
            return self
        part = PriceData.__new__(PriceData)
        _fill(part, self.timestamps[:rows], self.prices[:rows])
        return part

    def __len__(self) -> int:
        return len(self.timestamps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PriceData):
            return NotImplemented
        return self is other or self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        if not len(self):
            return "PriceData(0 rows)"
        return f"PriceData({len(self)} rows, {self.first} to {self.last})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"PriceData cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"PriceData cannot be changed: {name}")

    def __copy__(self) -> PriceData:
        return self

    def __deepcopy__(self, _memo: object) -> PriceData:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return PriceData, (np.array(self.timestamps), np.array(self.prices))


def simple_returns(prices: Floats) -> Floats:
    """Return p[t] / p[t - 1] - 1, NaN in the first row and where either price is missing."""
    out = np.full(len(prices), np.nan)
    with np.errstate(over="ignore"):
        np.subtract(prices[1:] / prices[:-1], 1.0, out=out[1:])
    return out


def _checked(times: object, prices: object) -> tuple[Timestamps, Floats]:
    ts = np.array(timestamps("timestamps", times))
    values = np.array(series("prices", prices))
    if len(ts) != len(values):
        raise DataError(
            f"timestamps and prices must have one length, got {len(ts)} timestamps and {len(values)} prices", "length"
        )
    values[~np.isfinite(values)] = np.nan
    bad = values <= 0.0
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"prices must be above 0, got {values[row]} at row {row}, {utc(int(ts[row]))}", "price_sign")
    stuck = ts[1:] <= ts[:-1]
    if stuck.any():
        row = int(stuck.argmax()) + 1
        same = ts[row] == ts[row - 1]
        what = "the timestamp of the row before again" if same else f"a time before {utc(int(ts[row - 1]))}"
        raise OrderError(
            f"timestamps must rise, got {utc(int(ts[row]))} at row {row}, {what}",
            "ts_duplicate" if same else "ts_order",
        )
    return ts, values


def _fill(data: PriceData, ts: Timestamps, prices: Floats) -> None:
    object.__setattr__(data, "timestamps", _read_only(ts))
    object.__setattr__(data, "prices", _read_only(prices))
    object.__setattr__(data, "_returns", None)
    object.__setattr__(data, "_version", None)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    # A view: an array that owns its data could be made writable again.
    return array.view()
