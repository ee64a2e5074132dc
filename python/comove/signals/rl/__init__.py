"""A trading agent learnt by reinforcement: training by PPO (extra `rl`), and the policy it leaves, on NumPy alone.

`train` makes a `NumpyPolicy` of candles; `comove.signals.sources.ReinforcementSource` asks it live. The environment is
`comove.signals.rl.environment.TradingEnvironment`.
"""

from __future__ import annotations

from comove.signals.rl.evaluation import Evaluation, evaluate
from comove.signals.rl.options import TrainingOptions
from comove.signals.rl.policy import NumpyPolicy
from comove.signals.rl.tables import TradingTable, trading_tables
from comove.signals.rl.training import train

__all__ = ["Evaluation", "NumpyPolicy", "TradingTable", "TrainingOptions", "evaluate", "trading_tables", "train"]
