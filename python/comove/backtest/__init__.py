"""History through the orchestrator that runs live, and what came of it.

    candles -> folds (walk-forward) -> replay: bar -> broker -> strategy -> orders -> ... -> report

`run` does it all. A `Broker` fills what a strategy decides at the prices of the next bar; a `Ledger` keeps the account
to the last cent; a fold writes down what it has done every thousand bars, and goes on from there.
"""

from __future__ import annotations

from comove.backtest.ablating import ablate
from comove.backtest.ablation import Ablation
from comove.backtest.changes import ChangedDecision
from comove.backtest.costs import Costs
from comove.backtest.folds import Fold, WalkForward
from comove.backtest.guard import LookAheadReport, check_look_ahead
from comove.backtest.makers import OrchestratorMaker
from comove.backtest.report import Report
from comove.backtest.running import run
from comove.backtest.strategy import Strategy, StrategyMaker
from comove.backtest.variants import Variant, variants

__all__ = [
    "Ablation",
    "ChangedDecision",
    "Costs",
    "Fold",
    "LookAheadReport",
    "OrchestratorMaker",
    "Report",
    "Strategy",
    "StrategyMaker",
    "Variant",
    "WalkForward",
    "ablate",
    "check_look_ahead",
    "run",
    "variants",
]
