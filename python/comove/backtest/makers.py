"""The orchestrator as the strategy of a backtest: a new one for each fold, and an agent trained for it where wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from comove.engine import MasterOrchestrator, OrchestratorOptions
from comove.engine.assembly import sources_of
from comove.signals.rl import TrainingOptions, train
from comove.signals.sources import ReinforcementSource

__all__ = ["OrchestratorMaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorMaker:
    """Makes a `MasterOrchestrator` of options, for each fold.

    Parameters
    ----------
    options : OrchestratorOptions
    agent : TrainingOptions, optional
        Trains an agent on the history of each fold, for the source "rl"; needs the extra `rl`. Its horizon is that of
        the options, and its seed is raised by 1 from fold to fold by whoever runs them.
    """

    options: OrchestratorOptions
    agent: TrainingOptions | None = None

    def new(self, history: Mapping[str, pl.DataFrame]) -> MasterOrchestrator:
        """Return an orchestrator that has seen no bar; its agent was trained on the history."""
        options = self.options
        if self.agent is None or "rl" not in options.sources:
            return MasterOrchestrator(options)
        leaders = [leader for leader in options.market.leaders if leader in history]
        policy = train(history, leaders=leaders, options=replace(self.agent, horizon=options.horizon))
        # One that the options name is not looked for.
        sources = sources_of(replace(options, policy=None))
        chosen = [
            ReinforcementSource(policy, options=options.rl) if source.name == "rl" else source for source in sources
        ]
        return MasterOrchestrator(options, sources=chosen)

    def restored(self, snapshot: bytes) -> MasterOrchestrator:
        """Return the orchestrator of a snapshot."""
        return MasterOrchestrator.from_bytes(snapshot)
