"""What a difference between a strategy and a variant of it says.

Two things look like worth and are none: a variant that trades less also pays less, and one whose positions are larger
earns more by risking more. So a part is said to help, or to harm, where the difference is more than chance both net and
before costs, each for all variants together, and has the same sign at the same risk. That is never more often by chance
than before costs alone; on noise, where fewer trades are worth their costs, the net difference alone is. At the same
risk no more is asked: a variant that hardly trades is blown up to the strategy's volatility there, noise and all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from comove.surveys.significance import LEVEL

__all__ = ["SIGNIFICANT", "Verdict", "verdict_of"]

SIGNIFICANT: Final = LEVEL
"""p-value of all variants together below which a difference is more than chance."""

Verdict: TypeAlias = Literal["helps", "harms", "costs", "risk", "chance", "unknown"]
"""Of the part that a variant has not: ``costs`` where it earned more or less only by what it paid, ``risk`` where only
by how much it risked, ``chance`` where that can do it, ``unknown`` where too little differs."""


def verdict_of(row: Mapping[str, Any]) -> Verdict:
    """Return what a row of `Ablation.table` says of the part that is off."""
    net = _sign(row, "")
    if row["adjusted"] is None or row["value"] is None:
        return "unknown"
    if net == 0:
        return "chance"
    if _sign(row, "gross_") != net:
        return "costs"
    scaled = row["scaled_value"]
    # Where one of them never trades, no size has the other's risk.
    if scaled is not None and scaled * net <= 0.0:
        return "risk"
    return "helps" if net < 0 else "harms"


def _sign(row: Mapping[str, Any], kind: str) -> int:
    """Return the sign of a difference that is more than chance; 0 of another."""
    value, adjusted = row[f"{kind}value"], row[f"{kind}adjusted"]
    if value is None or adjusted is None or not adjusted < SIGNIFICANT or value == 0.0:
        return 0
    return 1 if value > 0.0 else -1
