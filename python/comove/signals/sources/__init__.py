"""Prediction sources: one opinion each on where a symbol will be."""

from __future__ import annotations

from comove.signals.sources.patterns import PatternOptions, PatternSource
from comove.signals.sources.similarity import USUAL_FEATURES, SimilarityOptions, SimilaritySource

__all__ = ["USUAL_FEATURES", "PatternOptions", "PatternSource", "SimilarityOptions", "SimilaritySource"]
