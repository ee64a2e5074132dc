"""How numbers are written: percent, money, ratios, times."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from comove.report.words import UNKNOWN_NUMBER

__all__ = ["as_number", "count", "error_text", "money", "percent", "plain", "ratio", "signed_percent", "when"]

#: Numbers from here on have no digits after the point.
_LARGE: Final = 1_000.0
_MOST_DIGITS: Final = 6
#: A line does not break before the sign.
_PERCENT: Final = "\u00a0%"


def as_number(value: object) -> float | None:
    """Return a finite number as float, anything else as None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def percent(value: object) -> str:
    """Return a fraction in percent with three digits or so: 0.1234 is 12.3 %."""
    number = as_number(value)
    if number is None:
        return UNKNOWN_NUMBER
    part = 100.0 * number
    digits = 0 if abs(part) >= _LARGE else 2 if abs(part) < 1.0 else 1
    return f"{round(part, digits) + 0.0:,.{digits}f}{_PERCENT}"


def signed_percent(value: object) -> str:
    """Return a fraction in percent, a gain with its sign."""
    text, number = percent(value), as_number(value)
    return f"+{text}" if number is not None and number > 0.0 and any(digit in text for digit in "123456789") else text


def money(value: object) -> str:
    """Return an amount: whole from 1,000 on, else to the cent, and with three digits where that would read 0."""
    number = as_number(value)
    if number is None:
        return UNKNOWN_NUMBER
    if abs(number) >= _LARGE:
        return f"{number:,.0f}"
    return f"{number:.3g}" if 0.0 < abs(number) < 0.01 else f"{round(number, 2) + 0.0:.2f}"


def ratio(value: object) -> str:
    """Return a number with two digits after the point."""
    number = as_number(value)
    return UNKNOWN_NUMBER if number is None else f"{round(number, 2) + 0.0:,.2f}"


def error_text(value: object) -> str:
    """Return a standard error with two digits after the point, or as many more as it takes not to read 0."""
    number = as_number(value)
    if number is None:
        return UNKNOWN_NUMBER
    digits = 2
    while 0.0 < number < 0.5 * 10.0**-digits and digits < _MOST_DIGITS:
        digits += 1
    return f"{number:.{digits}f}"


def count(value: object) -> str:
    """Return a whole number, or one digit after the point of a mean."""
    number = as_number(value)
    if number is None:
        return UNKNOWN_NUMBER
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"


def plain(value: object) -> str:
    """Return anything as it is: what has no known unit."""
    number = as_number(value)
    if number is not None and isinstance(value, float):
        return f"{number:.6g}"
    return UNKNOWN_NUMBER if value is None or (isinstance(value, float) and number is None) else str(value)


def when(value: object) -> str:
    """Return a time, or an ISO text of one, to the minute; other texts as they are."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else plain(value)
