"""What to expect: alpha engines, prediction sources, and the ensemble that weighs them."""

from __future__ import annotations

from comove.signals.context import Context
from comove.signals.market import Candle, SignalMarket
from comove.signals.protocol import Abstention, AlphaEngine, Direction, Prediction, PredictionSource, Signal

__all__ = [
    "Abstention",
    "AlphaEngine",
    "Candle",
    "Context",
    "Direction",
    "Prediction",
    "PredictionSource",
    "Signal",
    "SignalMarket",
]
