"""Spans of time in fixed units, as options of this layer take them."""

from __future__ import annotations

from datetime import timedelta

from ..errors import ParameterError
from ..options import duration


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
    total = duration(name, value)
    if total % 1_000:
        raise ParameterError(f"{name} must be whole microseconds, got {value!r}", name)
    # Compared before it is built: a timedelta of more than 999999999 days cannot exist.
    if total // 1_000 > at_most // timedelta(microseconds=1):
        raise ParameterError(f"{name} must be at most {at_most}, got {value!r}", name)
    span = timedelta(microseconds=total // 1_000)
    if not at_least <= span <= at_most:
        raise ParameterError(f"{name} must be from {at_least} to {at_most}, got {value!r}", name)
    return span
