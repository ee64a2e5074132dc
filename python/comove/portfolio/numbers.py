"""Numbers within bounds, as options and inputs of sizing need them."""

from __future__ import annotations

from collections.abc import Iterable
from math import frexp, inf

import numpy as np

from comove.errors import ParameterError
from comove.options import whole

__all__ = ["above", "count", "scale_of", "share", "within"]


def within(name: str, value: object, least: float, most: float) -> float:
    """Return `value` as a float from `least` to `most`, both included.

    Raises
    ------
    ParameterError
        Anything else, NaN and infinity too.
    """
    # Most are floats within their bounds already; NaN is within none.
    if type(value) is float and least <= value <= most and value - value == 0.0:
        return value
    number = _number(name, value)
    if not least <= number <= most or number in (inf, -inf):
        code = "type" if number - number != 0.0 else "too_large" if number > most else "too_small"
        raise ParameterError(f"{name} must be {_bounds('at least', least, most)}, got {value!r}", code)
    return number


def above(name: str, value: object, least: float = 0.0, most: float = inf) -> float:
    """Return `value` as a float above `least`, at most `most`.

    Raises
    ------
    ParameterError
        Anything else, NaN and infinity too.
    """
    if type(value) is float and least < value <= most and value - value == 0.0:
        return value
    number = _number(name, value)
    if not least < number <= most or number == inf:
        code = "too_large" if number > most else "not_positive" if least == 0.0 else "too_small"
        raise ParameterError(f"{name} must be {_bounds('above', least, most)}, got {value!r}", code)
    return number


def count(name: str, value: object, least: int, most: int) -> int:
    """Return `value` as an int within its bounds.

    Raises
    ------
    ParameterError
        As `whole`, which takes ten times as long for an int.
    """
    if type(value) is int and least <= value <= most:
        return value
    return whole(name, value, least=least, most=most, because="")


def scale_of(values: Iterable[float]) -> float:
    """Return a power of two over which the squares of values stay within float64; 1 for most values.

    Dividing by it, and multiplying again, changes no digit.
    """
    largest = max(map(abs, values), default=0.0)
    if not largest or 1e-100 < largest < 1e100:
        return 1.0
    return 2.0 ** min(frexp(largest)[1], 1023)


def share(part: float) -> str:
    """Return a fraction in percent, three digits."""
    return f"{100.0 * part:.3g} %"


def _number(name: str, value: object) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a number, got {value!r}", "type")
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def _bounds(word: str, least: float, most: float) -> str:
    if least == -inf:
        return "finite"
    if most == inf:
        return f"finite and {word} {least:g}"
    return f"{word} {least:g} and at most {most:g}"
