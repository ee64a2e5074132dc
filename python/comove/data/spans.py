"""Spans of time in fixed units, as options of this layer take them."""

from __future__ import annotations

import re
from datetime import timedelta

from ..errors import ParameterError

# Months, quarters and years have no fixed length, so a Polars string holding them is refused.
_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = re.compile(r"(\d+)(ns|us|ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:ns|us|ms|s|m|h|d|w))+")


def parse_span(value: timedelta | str, *, name: str, at_least: timedelta, at_most: timedelta) -> timedelta:
    """Turn a ``timedelta`` or a Polars duration string in fixed units into a ``timedelta``.

    Parameters
    ----------
    value : timedelta or str
        As in ``timedelta(hours=1)``, ``"30d"``, ``"12h"``, ``"1h30m"``; whole microseconds.
    name : str
        The option's name, for the message.
    at_least, at_most : timedelta
        The bounds, both allowed.

    Returns
    -------
    timedelta

    Raises
    ------
    ParameterError
        Another type, another unit (months, quarters, years), a fraction of a microsecond, or out of
        bounds.

    Examples
    --------
    >>> from datetime import timedelta
    >>> parse_span("1h30m", name="tolerance", at_least=timedelta(0), at_most=timedelta(days=1))
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        span = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value):
        total = sum(int(count) * _UNIT_NS[unit] for count, unit in _PART.findall(value))
        if total % 1_000:
            raise ParameterError(f"{name} must be whole microseconds, got {value!r}", name)
        # Compared before it is built: a timedelta of more than 999999999 days cannot exist.
        if total // 1_000 > at_most // timedelta(microseconds=1):
            raise ParameterError(f"{name} must be at most {at_most}, got {value!r}", name)
        span = timedelta(microseconds=total // 1_000)
    else:
        raise ParameterError(
            f"{name} must be a timedelta or a duration string in the units w, d, h, m, s, ms, us "
            f"(as in '1h30m'), got {value!r}",
            name,
        )
    if not at_least <= span <= at_most:
        raise ParameterError(f"{name} must be from {at_least} to {at_most}, got {value!r}", name)
    return span
