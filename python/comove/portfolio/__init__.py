"""What to risk: positions, how much of the capital is at stake in them, how many different bets they are, and sizes."""

from __future__ import annotations

from comove.portfolio.book_regime import BookRegime
from comove.portfolio.coordinator import MultiSymbolCoordinator
from comove.portfolio.correlation import NearestCorrelation, correlation_groups, nearest_correlation
from comove.portfolio.divergences import Divergence
from comove.portfolio.entry import ENTRY_RULES, Entry, RuleResult
from comove.portfolio.exposure import LeaderExposure, NetExposure
from comove.portfolio.heat import correlated_heat, effective_bets, gross_heat, risk_heat
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.positions import Position, Side
from comove.portfolio.readings import Heat, MarginalHeat
from comove.portfolio.risk import RiskManager
from comove.portfolio.risk_options import RiskOptions
from comove.portfolio.screens import Screened
from comove.portfolio.shrinkage import BetaPrior, beta_bound, beta_prior, shrunk_beta
from comove.portfolio.sizing import Cap, Multiplier, Sizing, SizingInputs
from comove.portfolio.stops import PartialExit, Stop, scale_out, stop_loss, take_profit, trailing_stop

__all__ = [
    "ENTRY_RULES",
    "BetaPrior",
    "BookRegime",
    "Cap",
    "Divergence",
    "Entry",
    "Heat",
    "LeaderExposure",
    "MarginalHeat",
    "MultiSymbolCoordinator",
    "Multiplier",
    "NearestCorrelation",
    "NetExposure",
    "PartialExit",
    "PortfolioLimits",
    "Position",
    "RiskManager",
    "RiskOptions",
    "RuleResult",
    "Screened",
    "Side",
    "Sizing",
    "SizingInputs",
    "Stop",
    "beta_bound",
    "beta_prior",
    "correlated_heat",
    "correlation_groups",
    "effective_bets",
    "gross_heat",
    "nearest_correlation",
    "risk_heat",
    "scale_out",
    "shrunk_beta",
    "stop_loss",
    "take_profit",
    "trailing_stop",
]
