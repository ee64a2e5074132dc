"""Single options: numbers, durations, choices and symbols."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Sequence
from math import inf
from typing import SupportsIndex

import numpy as np

from comove.errors import DataError, ParameterError
from comove.options.types import LARGEST, MAX_ROWS, MOST_LEADERS, MOST_THREADS

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = re.compile(r"([0-9]{1,19})(ns|us|µs|ms|s|m|h|d|w)")


def whole(name: str, value: object, *, least: int, most: int = MAX_ROWS, because: str = "2^48") -> int:
    """Return `value` as an int within its bounds.

    Raises
    ------
    ParameterError
        Not a whole number, below `least` or above `most`.
    """
    # Most are plain; a look at the protocol takes some 20 us.
    if type(value) is int and least <= value <= most:
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, SupportsIndex):
        raise ParameterError(f"{name} must be a whole number, got {value!r}", "type")
    number = value.__index__()
    if number < least:
        raise ParameterError(f"{name} must be at least {least}, got {number}", "too_small")
    if number > most:
        reason = f" ({because})" if because else ""
        raise ParameterError(f"{name} must be at most {most}{reason}, got {number}", "too_large")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a finite float above 0.

    Raises
    ------
    ParameterError
        Anything else.
    """
    # Most are plain floats within their bounds; a look at all the types takes ten times as long.
    if type(value) is float and 0.0 < value < inf:
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a number, got {value!r}", "type")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not (np.isfinite(number) and number > 0):
        raise ParameterError(f"{name} must be finite and above 0, got {value!r}", "not_positive")
    return number


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if not isinstance(value, str) or value not in choices:
        allowed = ", ".join(repr(one) for one in choices)
        raise ParameterError(f"{name} must be one of {allowed}, got {value!r}", "choice")
    return value


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {value!r}", "type")
    return bool(value)


def duration(name: str, value: object) -> int:
    """Return a duration in nanoseconds, whatever its size and sign.

    Parameters
    ----------
    name : str
        Named in errors.
    value : timedelta, timedelta64 or str
        A Polars duration string in fixed units: ns, us, ms, s, m, h, d (24 hours), w; as in "1h30m".

    Raises
    ------
    ParameterError
        Another type, calendar units (mo, q, y) or unknown ones.
    """
    if isinstance(value, np.timedelta64) and not np.isnat(value):
        whole_ns = value.astype("timedelta64[ns]")
        # What is beyond 292 years wraps.
        return int(whole_ns.astype(np.int64)) if whole_ns.astype(value.dtype) == value else LARGEST + 1
    if isinstance(value, dt.timedelta):
        return ((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds) * 1_000
    if isinstance(value, str):
        parts = _PART.findall(value)
        if parts and "".join(count + unit for count, unit in parts) == value:
            return sum(int(count) * _UNITS[unit] for count, unit in parts)
    raise ParameterError(
        f"{name} must be a timedelta or a duration string in fixed units (w, d, h, m, s, ms, us, ns) such as '30d'"
        f" or '1h30m', got {value!r}",
        "duration",
    )


def nanoseconds(name: str, value: object) -> int:
    """Return a positive duration in nanoseconds.

    Parameters
    ----------
    name, value
        As in `duration`.

    Raises
    ------
    ParameterError
        As `duration`; zero or negative, beyond 292 years.
    """
    total = duration(name, value)
    if not 1 <= total <= LARGEST:
        raise ParameterError(f"{name} must be above 0 and below 292 years, got {value!r}", "duration")
    return total


def degrees(ddof: object) -> int:
    """Return delta degrees of freedom.

    Raises
    ------
    ParameterError
        Not a whole number of at least 0.
    """
    return whole("ddof", ddof, least=0, most=(1 << 32) - 1)


def at_least_two(min_samples: object) -> int:
    """Return `min_samples` of an exponential weight.

    Raises
    ------
    ParameterError
        Not a whole number of at least 2.
    """
    return whole("min_samples", min_samples, least=2)


def leader_count(n_leaders: object) -> int:
    """Return a number of leaders.

    Raises
    ------
    ParameterError
        Not a whole number of 1 to 8.
    """
    return whole("n_leaders", n_leaders, least=1, most=MOST_LEADERS)


def thread_count(threads: object) -> int:
    """Return a number of threads, as many as there are processors for None.

    Raises
    ------
    ParameterError
        Not a whole number of at least 1.
    """
    if threads is None:
        return min(os.cpu_count() or 1, MOST_THREADS)
    return whole("threads", threads, least=1, most=MOST_THREADS, because="")


def symbols(name: str, values: object) -> list[str]:
    """Return a list of different, non-empty symbols.

    Raises
    ------
    ParameterError
        Not a sequence of strings, or empty.
    DataError
        A symbol twice.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ParameterError(f"{name} must be a sequence of symbols, got {values!r}", "type")
    names = [symbol_name(name, value) for value in values]
    if not names:
        raise ParameterError(f"{name} must hold at least 1 symbol, got 0", "too_small")
    seen = set()
    for symbol in names:
        if symbol in seen:
            raise DataError(f"{name} must be different, got {symbol!r} twice", "symbol")
        seen.add(symbol)
    return names


def symbol_name(name: str, value: object) -> str:
    """Return a symbol.

    Raises
    ------
    ParameterError
        Not a string, or one that is empty, holds a zero character, or half of a character.
    """
    if not isinstance(value, str) or not value or "\0" in value or not (value.isascii() or _is_utf8(value)):
        raise ParameterError(f"{name} must be a symbol, got {value!r}", "type")
    return value


def _is_utf8(text: str) -> bool:
    """Whether the text can leave Python: a lone half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
