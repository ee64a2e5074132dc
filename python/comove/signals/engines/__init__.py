"""Alpha engines: one way to trade each."""

from __future__ import annotations

from typing import Final

from comove.signals.engines.breakout import BreakoutEngine, BreakoutOptions
from comove.signals.engines.leader import LeaderEngine, LeaderOptions
from comove.signals.engines.options import USUAL_HORIZON, EngineOptions
from comove.signals.engines.range import RangeEngine, RangeOptions
from comove.signals.engines.sweep import SweepEngine, SweepOptions
from comove.signals.engines.tape import TapeEngine, TapeOptions
from comove.signals.engines.trend import TrendEngine, TrendOptions
from comove.signals.engines.weights import ENGINE_NAMES, EngineWeights, RegimeWeights, engine_weight
from comove.signals.protocol import AlphaEngine

__all__ = [
    "ENGINES",
    "ENGINE_NAMES",
    "BreakoutEngine",
    "BreakoutOptions",
    "EngineOptions",
    "EngineWeights",
    "LeaderEngine",
    "LeaderOptions",
    "RangeEngine",
    "RangeOptions",
    "RegimeWeights",
    "SweepEngine",
    "SweepOptions",
    "TapeEngine",
    "TapeOptions",
    "TrendEngine",
    "TrendOptions",
    "engine_weight",
    "usual_engines",
]

ENGINES: Final[dict[str, type[AlphaEngine]]] = {
    each.name: each for each in (TrendEngine, RangeEngine, BreakoutEngine, TapeEngine, SweepEngine, LeaderEngine)
}
"""Class of each engine by its name, in the order of `ENGINE_NAMES`: what a snapshot of several is restored with."""


def usual_engines(horizon: int = USUAL_HORIZON) -> list[AlphaEngine]:
    """Return the six engines with the usual options, that have seen nothing yet.

    Parameters
    ----------
    horizon : int, 1 to 4096
        Rows ahead of all but `LeaderEngine`, whose horizon is the lag of the leader.

    Raises
    ------
    ParameterError
        A horizon out of its bounds.
    """
    return [
        TrendEngine(TrendOptions(horizon=horizon)),
        RangeEngine(RangeOptions(horizon=horizon)),
        BreakoutEngine(BreakoutOptions(horizon=horizon)),
        TapeEngine(TapeOptions(horizon=horizon)),
        SweepEngine(SweepOptions(horizon=horizon)),
        LeaderEngine(),
    ]
