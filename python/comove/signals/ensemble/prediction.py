"""What the ensemble says of a symbol, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from comove.signals.protocol import Direction

__all__ = ["CALIBRATION_TERM", "REGIME_TERM", "EnsemblePrediction"]

REGIME_TERM: Final = "stage:regime"
CALIBRATION_TERM: Final = "stage:calibration"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsemblePrediction:
    """Where a symbol will be after `horizon` rows, by all sources that are awake."""

    symbol: str
    row: int
    """Number of the bar in which it was said."""
    horizon: int
    """Rows ahead."""
    direction: Direction
    """The likelier one; long where both are as likely."""
    up: float
    """Probability that the price rises, after all stages."""
    mixture_up: float
    """The same after stage 1, the mixture."""
    regime_up: float | None
    """After stage 2, the specialists of the regimes; None where the stage is off."""
    calibrated_up: float | None
    """After stage 3, the calibration; None where the stage is off."""
    regime: str | None
    """The symbol's regime; None where stage 2 is off."""
    agreement: float
    """Weight of the sources that say the same direction, of those awake; one that says 1/2 says neither."""
    said: Mapping[str, float]
    """Probability that the price rises, by each source awake."""
    weights: Mapping[str, float]
    """Weight of each source awake, in all stages together; adds up to 1."""
    attribution: Mapping[str, float]
    """What each source awake, and each stage that is on (``stage:regime``, ``stage:calibration``), adds to `up` - 1/2:
    adds up to it within 1e-12. A source's part has the sign of what it said less 1/2."""
    asleep: Mapping[str, str]
    """Why each of the others said nothing."""

    @property
    def probability(self) -> float:
        """Probability of the direction."""
        return self.up if self.direction == "long" else 1.0 - self.up

    @property
    def reason(self) -> str:
        """All of it in words."""
        n = len(self.said)
        told = [
            f"{self.direction} {self.probability:.3f} over {self.horizon} rows",
            f"{n} of {n + len(self.asleep)} sources awake, {self.agreement:.0%} of their weight agrees",
        ]
        for name in sorted(self.said, key=lambda each: -abs(self.attribution[each])):
            told.append(
                f"{name} says up {self.said[name]:.3f} and adds {self.attribution[name]:+.3f}"
                f" with a weight of {self.weights[name]:.0%}"
            )
        if self.regime_up is not None:
            told.append(f"regime {self.regime} adds {self.attribution[REGIME_TERM]:+.3f}")
        if self.calibrated_up is not None:
            told.append(f"calibration adds {self.attribution[CALIBRATION_TERM]:+.3f}")
        told.extend(f"{name} sleeps: {reason}" for name, reason in self.asleep.items())
        return "; ".join(told)
