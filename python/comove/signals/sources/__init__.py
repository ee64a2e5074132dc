"""Prediction sources: one opinion each on where a symbol will be."""

from __future__ import annotations

from comove.signals.sources.alpha import AlphaOptions, AlphaSource
from comove.signals.sources.patterns import PatternOptions, PatternSource
from comove.signals.sources.regimes import RegimeSource, RegimeSourceOptions
from comove.signals.sources.rl import ReinforcementOptions, ReinforcementSource
from comove.signals.sources.similarity import USUAL_FEATURES, SimilarityOptions, SimilaritySource
from comove.signals.sources.structure import MarketStructureOptions, MarketStructurePredictor

__all__ = [
    "USUAL_FEATURES",
    "AlphaOptions",
    "AlphaSource",
    "MarketStructureOptions",
    "MarketStructurePredictor",
    "PatternOptions",
    "PatternSource",
    "RegimeSource",
    "RegimeSourceOptions",
    "ReinforcementOptions",
    "ReinforcementSource",
    "SimilarityOptions",
    "SimilaritySource",
]
