"""What to risk: positions, how much of the capital is at stake in them, and how many different bets they are."""

from __future__ import annotations

from comove.portfolio.correlation import NearestCorrelation, correlation_groups, nearest_correlation
from comove.portfolio.heat import correlated_heat, effective_bets, gross_heat, risk_heat
from comove.portfolio.positions import Position

__all__ = [
    "NearestCorrelation",
    "Position",
    "correlated_heat",
    "correlation_groups",
    "effective_bets",
    "gross_heat",
    "nearest_correlation",
    "risk_heat",
]
