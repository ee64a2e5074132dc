"""What the market does: pairs, regimes, and the coordinator that answers for all of them."""

from __future__ import annotations

from comove.structure.breakdown import BreakdownRule, LeaderStatus
from comove.structure.cache import CacheInfo
from comove.structure.calculators import BetaCalculator, LeadLagTracker, VolatilitySpilloverMonitor
from comove.structure.coordinator import MarketStructureCoordinator
from comove.structure.metrics import BetaMetrics, LeadLagMetrics, VolatilitySpillover
from comove.structure.prices import PriceData
from comove.structure.regimes import MarketRegime, RegimeOptions
from comove.structure.snapshots import MarketStructureSnapshot

__all__ = [
    "BetaCalculator",
    "BetaMetrics",
    "BreakdownRule",
    "CacheInfo",
    "LeadLagMetrics",
    "LeadLagTracker",
    "LeaderStatus",
    "MarketRegime",
    "MarketStructureCoordinator",
    "MarketStructureSnapshot",
    "PriceData",
    "RegimeOptions",
    "VolatilitySpillover",
    "VolatilitySpilloverMonitor",
]
