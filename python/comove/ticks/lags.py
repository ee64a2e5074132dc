"""Lags: grids of them, and reading what is given as such."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from comove import options
from comove.errors import ParameterError
from comove.options import Span, Timestamps
from comove.options.types import LARGEST

__all__ = ["Lags", "lag_grid", "read_lags"]

Lags: TypeAlias = npt.ArrayLike | Sequence[dt.timedelta]

#: Lags of a grid: more are a typing error, and would take gigabytes.
_MOST_LAGS: Final = 1 << 24


def lag_grid(max_lag: Span | int, *, step: Span | int) -> Timestamps:
    """Return the lags -`max_lag` to `max_lag` in steps, as int64 nanoseconds.

    Parameters
    ----------
    max_lag : timedelta, str or int
        A whole number of steps, at most 292 years; ``"40s"``, ``"1m30s"``, integers are nanoseconds.
    step : timedelta, str or int
        Above 0, at most 292 years.

    Returns
    -------
    int64 array, shape (2 max_lag / step + 1,)

    Raises
    ------
    ParameterError
        `step` not above 0; `max_lag` below 0 or not a whole number of steps; either beyond 292 years; more than 2^24
        lags.

    Examples
    --------
    >>> from comove import ticks
    >>> ticks.lag_grid("2s", step="1s")
    array([-2000000000, -1000000000,           0,  1000000000,  2000000000])
    """
    width = _nanoseconds("step", step)
    most = _nanoseconds("max_lag", max_lag)
    if width < 1:
        raise ParameterError(f"step must be above 0, got {step!r}", "too_small")
    if most < 0 or most % width:
        raise ParameterError(f"max_lag must be a whole number of steps ({step!r}), got {max_lag!r}", "lags")
    count = most // width
    if 2 * count + 1 > _MOST_LAGS:
        raise ParameterError(f"lags must be at most {_MOST_LAGS} (2^24), got {2 * count + 1}", "too_large")
    return np.arange(-count, count + 1, dtype=np.int64) * width


def read_lags(lags: Lags) -> Timestamps:
    """Return lags as a read-only int64 array of nanoseconds; the core sees whether they increase.

    Raises
    ------
    ParameterError
        Not of one dimension, empty, or one that is no lag or beyond 292 years.
    """
    try:
        array = np.asarray(lags)
        if array.dtype.kind == "U":
            # Numbers among text would have become text.
            array = np.asarray(lags, dtype=object)
    except ValueError as error:
        raise ParameterError(f"lags must have 1 dimension, got {lags!r}", "lags") from error
    if array.ndim != 1 or not array.size:
        raise ParameterError(f"lags must have 1 dimension and at least 1 lag, got shape {array.shape}", "lags")
    if array.dtype.kind == "u" and int(array.max()) > LARGEST:
        raise ParameterError(f"lags must be within 292 years, got {array.max()}", "too_large")
    if array.dtype.kind not in "iu":
        # As Python's own types; those of time would lose their unit.
        each = array if array.dtype.kind in "mM" else array.tolist()
        array = np.array([_nanoseconds("lags", lag) for lag in each], dtype=np.int64)
    nanoseconds = array.astype(np.int64)
    nanoseconds.setflags(write=False)
    return nanoseconds


def _nanoseconds(name: str, value: object) -> int:
    """Return a lag in nanoseconds: a whole number of them, or a duration, after a "-" where it is text."""
    # A timedelta64 is an np.integer too.
    if isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64):
        number = int(value)
    else:
        number = _duration(name, value)
    if not -LARGEST - 1 <= number <= LARGEST:
        raise ParameterError(f"{name} must be within 292 years, got {value!r}", "too_large")
    return number


def _duration(name: str, value: object) -> int:
    negative = isinstance(value, str) and value.startswith("-")
    try:
        length = options.duration(name, value[1:] if isinstance(value, str) and negative else value)
    except ParameterError as error:
        raise ParameterError(
            f"{name} must be integer nanoseconds, timedeltas or text in fixed units (w, d, h, m, s, ms, us, ns) such as"
            f" '-1m30s', got {value!r}",
            error.code,
        ) from None
    return -length if negative else length
