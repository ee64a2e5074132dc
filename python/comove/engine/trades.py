"""What is remembered of an open position besides its size and entry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Trade"]


@dataclass(slots=True, kw_only=True)
class Trade:
    """An open position as it was decided, and what was done to it since."""

    row: int
    """The bar of the decision."""
    stop: float
    """From now on; it never loosens."""
    first_stop: float
    """At the beginning: its distance from the entry is the risk that profits are measured in."""
    take_profit: float | None
    taken: int = 0
    """Levels of scaling out that were reached."""
    reduced: bool = False
    """Whether it was reduced in the breakdown of a leader that goes on."""

    def to_state(self) -> dict[str, Any]:
        """Return all fields."""
        return asdict(self)
