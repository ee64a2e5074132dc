"""From one bar of all symbols to one decision a symbol, by the same way in research and live."""

from __future__ import annotations

from comove.engine.decision import Action, Decision
from comove.engine.health import Failure, HealthReport, StageTime
from comove.engine.options import AlphaEngineOptions, DecisionOptions, MarketOptions, OrchestratorOptions
from comove.engine.orchestrator import MasterOrchestrator

__all__ = [
    "Action",
    "AlphaEngineOptions",
    "Decision",
    "DecisionOptions",
    "Failure",
    "HealthReport",
    "MarketOptions",
    "MasterOrchestrator",
    "OrchestratorOptions",
    "StageTime",
]
