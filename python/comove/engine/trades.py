"""What is remembered of an open position besides what the book knows of it, and of a decision until it is filled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from comove.portfolio import Side

__all__ = ["Order", "Trade"]


@dataclass(slots=True, kw_only=True)
class Trade:
    """An open position as it was opened, and what was done to it since."""

    row: int
    """The bar of the decision."""
    size: float
    """As it was opened, in quote currency at the entry."""
    entry: float
    first_stop: float
    """At the beginning: its distance from the entry is the risk that profits are measured in."""
    stop: float
    """From now on; it never loosens."""
    take_profit: float | None
    taken: int = 0
    """Levels of scaling out that were filled."""
    reduced: bool = False
    """Whether it was reduced in a breakdown that goes on."""

    @property
    def distance(self) -> float:
        """From the entry to the first stop, over the entry."""
        return abs(self.entry - self.first_stop) / self.entry

    def to_state(self) -> dict[str, Any]:
        """Return all fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A decision of the last bar that may be filled until the next one."""

    side: Side | None
    """Of a position to open; None to close."""
    price: float
    """Close of the bar."""
    stop: float | None = None
    take_profit: float | None = None
    taken: int = 0
    """Levels of scaling out that the fill takes."""
    reduced: bool = False
    """Whether the fill is what the breakdown of a leader asks for."""

    def to_state(self) -> dict[str, Any]:
        """Return all fields."""
        return asdict(self)
