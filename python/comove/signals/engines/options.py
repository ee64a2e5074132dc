"""What all alpha engines' options share, and how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, TypeAlias

from comove.options import whole, within

__all__ = ["Bounds", "EngineOptions", "check_options"]

Bounds: TypeAlias = Mapping[str, tuple[float, float]]
"""Least and most of each option, by name; whole numbers where both are ints."""

USUAL_HORIZON: Final = 6
MOST_HORIZON: Final = 4096


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
            checked = within(name, value, least, most)
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
