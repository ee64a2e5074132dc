"""Numbers within bounds."""

from __future__ import annotations

from math import inf

import numpy as np

from comove.errors import ParameterError
from comove.options.scalars import whole

__all__ = ["above", "count", "within"]


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
