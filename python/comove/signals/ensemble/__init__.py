"""The ensemble that weighs prediction sources."""

from __future__ import annotations

from comove.signals.ensemble.options import EnsembleOptions
from comove.signals.ensemble.prediction import CALIBRATION_TERM, REGIME_TERM, EnsemblePrediction
from comove.signals.ensemble.predictor import EnsemblePredictor
from comove.signals.ensemble.seats import SourceStatus

__all__ = [
    "CALIBRATION_TERM",
    "REGIME_TERM",
    "EnsembleOptions",
    "EnsemblePrediction",
    "EnsemblePredictor",
    "SourceStatus",
]
