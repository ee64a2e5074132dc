"""How much each alpha engine counts in each regime."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from comove.errors import ParameterError
from comove.options import choice
from comove.signals.engines.options import check_options
from comove.structure import MarketRegime

__all__ = ["ENGINE_NAMES", "EngineWeights", "RegimeWeights", "engine_weight"]

ENGINE_NAMES: Final = ("trend", "range", "breakout", "tape", "sweep", "leader")
"""Names of the six engines, in the order in which they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeWeights:
    """Weight of each engine in one regime: 0 leaves it out, 1 is as it comes.

    Raises
    ------
    ParameterError
        A weight that is not from 0 to 100.
    """

    trend: float = 1.0
    """Of following a trend."""
    range: float = 1.0
    """Of fading the edges of a range."""
    breakout: float = 1.0
    """Of following a break of a range."""
    tape: float = 1.0
    """Of following order flow."""
    sweep: float = 1.0
    """Of fading a sweep of stops."""
    leader: float = 1.0
    """Of catching up with a leader that moved first."""

    def __post_init__(self) -> None:
        check_options(self, dict.fromkeys(ENGINE_NAMES, (0.0, 100.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineWeights:
    """Weights of the engines in each regime.

    The usual ones are judgements of ours, not fitted to data, and kept between 1/2 and 3/2: the ensemble learns what
    the engines are worth, this only says where each is at home.

    Raises
    ------
    ParameterError
        Weights that are not `RegimeWeights`.
    """

    risk_on: RegimeWeights = RegimeWeights(trend=1.5, range=0.5, breakout=1.25, leader=1.5)
    """Leaders rise together: trends go on, ranges break upwards, followers catch up; fading a rise costs."""
    risk_off: RegimeWeights = RegimeWeights(trend=1.25, range=0.5, breakout=0.75, sweep=1.5, leader=1.25)
    """Leaders fall together: stops are hunted and cascades overshoot, so sweeps; breakouts fail more often."""
    rotation: RegimeWeights = RegimeWeights(trend=0.75, range=1.5, leader=0.75)
    """Another leader is ahead: coins move apart about a market that goes nowhere, and which leader counts changes."""
    divergence: RegimeWeights = RegimeWeights(tape=1.25, breakout=1.25, leader=0.5)
    """The asset has parted from the leaders: its own order flow tells more, the leaders' moves less."""
    unknown: RegimeWeights = RegimeWeights(trend=0.75, range=1.25, breakout=0.75)
    """No regime is clearly ahead: mostly a market without a trend."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, RegimeWeights):
                raise ParameterError(f"{field.name} must be RegimeWeights, got {type(value).__name__}", "type")

    def weight(self, name: str, regime: MarketRegime) -> float:
        """Return the weight of an engine in a regime.

        Raises
        ------
        ParameterError
            No name of an engine, or no regime.
        """
        if not isinstance(regime, MarketRegime):
            raise ParameterError(f"regime must be a MarketRegime, got {regime!r}", "type")
        weight: float = getattr(getattr(self, regime.value), choice("name", name, ENGINE_NAMES))
        return weight


_USUAL: Final = EngineWeights()


def engine_weight(name: str, regime: MarketRegime, weights: EngineWeights = _USUAL) -> float:
    """Return the weight of an engine in a regime, by the usual weights or by others.

    Raises
    ------
    ParameterError
        No name of an engine, or no regime.

    Examples
    --------
    >>> from comove import MarketRegime
    >>> from comove.signals.engines import engine_weight
    >>> engine_weight("sweep", MarketRegime.RISK_OFF)
    1.5
    """
    return weights.weight(name, regime)
