"""What to risk: positions, how much of the capital is at stake in them, and how many different bets they are."""

from __future__ import annotations

from comove.portfolio.book_regime import BookRegime
from comove.portfolio.coordinator import MultiSymbolCoordinator
from comove.portfolio.correlation import NearestCorrelation, correlation_groups, nearest_correlation
from comove.portfolio.divergences import Divergence
from comove.portfolio.entry import ENTRY_RULES, Entry, RuleResult
from comove.portfolio.exposure import LeaderExposure, NetExposure
from comove.portfolio.heat import correlated_heat, effective_bets, gross_heat, risk_heat
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.positions import Position
from comove.portfolio.readings import Heat, MarginalHeat
from comove.portfolio.screens import Screened

__all__ = [
    "ENTRY_RULES",
    "BookRegime",
    "Divergence",
    "Entry",
    "Heat",
    "LeaderExposure",
    "MarginalHeat",
    "MultiSymbolCoordinator",
    "NearestCorrelation",
    "NetExposure",
    "PortfolioLimits",
    "Position",
    "RuleResult",
    "Screened",
    "correlated_heat",
    "correlation_groups",
    "effective_bets",
    "gross_heat",
    "nearest_correlation",
    "risk_heat",
]
