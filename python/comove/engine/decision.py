"""What the orchestrator decides of a symbol in a bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Action", "Decision"]

Action: TypeAlias = Literal["buy", "sell", "reduce", "exit", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a symbol after a bar, and why."""

    symbol: str
    ts: int
    """Time of the bar in nanoseconds."""
    action: Action
    """``buy`` opens a long position and ``sell`` a short one; ``reduce`` closes a part of a position, ``exit`` all of
    it; ``hold`` leaves all as it is, but for the stop."""
    size: float
    """In quote currency at `price`: of the position to open, or of the part to close; 0 to hold."""
    price: float | None
    """Close of the bar, which all is reckoned at; None without a candle."""
    stop: float | None
    """Price at which the position is given up: of the one to open, or of the open one from now on."""
    take_profit: float | None
    confidence: float | None
    """Probability that the price moves in the direction of the position, or of the prediction where there is none; None
    without a prediction."""
    reasons: tuple[str, ...]
    """Why, the first one being what decided; never empty."""
    attribution: Mapping[str, float]
    """What each source adds to the probability of a rise above 1/2; empty without a prediction."""
    rule: str | None = None
    """Name of the rule that closes a position, or a part of it: stop, take_profit, prediction, hold_rows,
    leader_breakdown, scale_out."""

    def __str__(self) -> str:
        what = self.action if self.action == "hold" else f"{self.action} {self.size:.2f}"
        stop = "" if self.stop is None else f", stop {self.stop:g}"
        target = "" if self.take_profit is None else f", target {self.take_profit:g}"
        sure = "" if self.confidence is None else f", {self.confidence:.1%} sure"
        return f"{self.symbol}: {what}{stop}{target}{sure}: {'; '.join(self.reasons)}"
