"""What all alpha engines' options share, and how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np

from comove.errors import ParameterError
from comove.options import whole

__all__ = ["Bounds", "EngineOptions", "between", "check_options"]

Bounds: TypeAlias = Mapping[str, tuple[float, float]]
"""Least and most of each option, by name; whole numbers where both are ints."""

USUAL_HORIZON: Final = 6
MOST_HORIZON: Final = 4096


def between(name: str, value: object, least: float, most: float) -> float:
    """Return `value` as a float from `least` to `most`.

    Raises
    ------
    ParameterError
        Not a finite number, below `least` or above `most`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a finite number, got {value!r}", "type")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise ParameterError(f"{name} must be a finite number, got {value!r}", "type")
    if number < least:
        raise ParameterError(f"{name} must be at least {least:g}, got {value!r}", "too_small")
    if number > most:
        raise ParameterError(f"{name} must be at most {most:g}, got {value!r}", "too_large")
    return number


def check_options(options: Any, bounds: Bounds) -> None:
    """Make plain numbers of a frozen dataclass's fields, for a snapshot and a file hold them.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """
    for field in fields(options):
        name, (least, most) = field.name, bounds[field.name]
        value = getattr(options, name)
        if isinstance(least, int) and isinstance(most, int):
            checked: float = whole(name, value, least=least, most=most, because="")
        else:
            checked = between(name, value, least, most)
        object.__setattr__(options, name, checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Horizon and record of an engine.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {"horizon": (1, MOST_HORIZON), "prior": (0.1, 1e6)}

    horizon: int = USUAL_HORIZON
    """Rows ahead; at least 1."""
    prior: float = 20.0
    """Outcomes without overlap that the prior at 1/2 is worth; 0.1 to 1e6. On noise the squared error of a confidence
    exceeds the 1/4 of a constant 1/2 by at most about 1 / (16 prior), 1.3 % of it, in whatever bar."""

    def __post_init__(self) -> None:
        check_options(self, self.bounds)
