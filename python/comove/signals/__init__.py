"""What to expect: alpha engines, prediction sources, and the ensemble that weighs them."""

from __future__ import annotations

from comove.signals.context import Context
from comove.signals.engines import (
    BreakoutEngine,
    LeaderEngine,
    RangeEngine,
    SweepEngine,
    TapeEngine,
    TrendEngine,
)
from comove.signals.ensemble import EnsembleOptions, EnsemblePrediction, EnsemblePredictor
from comove.signals.market import Candle, SignalMarket
from comove.signals.opinions import Opinions, OpinionSource
from comove.signals.protocol import Abstention, AlphaEngine, Direction, Prediction, PredictionSource, Signal
from comove.signals.sources import (
    AlphaSource,
    MarketStructurePredictor,
    PatternSource,
    RegimeSource,
    ReinforcementSource,
    SimilaritySource,
)

__all__ = [
    "Abstention",
    "AlphaEngine",
    "AlphaSource",
    "BreakoutEngine",
    "Candle",
    "Context",
    "Direction",
    "EnsembleOptions",
    "EnsemblePrediction",
    "EnsemblePredictor",
    "LeaderEngine",
    "MarketStructurePredictor",
    "OpinionSource",
    "Opinions",
    "PatternSource",
    "Prediction",
    "PredictionSource",
    "RangeEngine",
    "RegimeSource",
    "ReinforcementSource",
    "Signal",
    "SignalMarket",
    "SimilaritySource",
    "SweepEngine",
    "TapeEngine",
    "TrendEngine",
]
