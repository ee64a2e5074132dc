"""Prediction sources: one opinion each on where a symbol will be."""

from __future__ import annotations

from comove.signals.sources.rl import ReinforcementOptions, ReinforcementSource

__all__ = ["ReinforcementOptions", "ReinforcementSource"]
