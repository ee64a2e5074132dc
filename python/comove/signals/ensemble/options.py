"""Options of the ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from comove.errors import ParameterError
from comove.options import flag, positive, whole, within
from comove.structure.snapshots import Fixed

__all__ = ["EnsembleOptions", "source_name"]

_LONGEST: Final = 4096
_MOST_BINS: Final = 1000
# Within these a prior's logarithm costs less than 21 on either side, and sums of priors keep their digits.
_LEAST_PRIOR: Final = 1e-9
_MOST_PRIOR: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleOptions:
    """What the ensemble predicts, and which of its stages are on.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    horizon: int = 24
    """Rows ahead, 1 to 4096; a day of hours. A source that looks another number of rows ahead sleeps."""
    prior: Mapping[str, float] = Fixed({})
    """Prior weight of sources by name, from 1e-9 to 1e9; 1 for those not named. Only ratios count."""
    share: float = 0.0
    """Fixed share of the weights that goes round after each outcome, from 0 to below 1: lets the mixture follow a best
    source that changes, and loosens its bound. 0 keeps the bound of the best source of all time."""
    regime_adjustment: bool = True
    """Stage 2: specialists of each regime beside the mixture."""
    calibration: bool = True
    """Stage 3: probabilities corrected by what came of such probabilities."""
    bins: int = 10
    """Bins of the calibration, 2 to 1000. An even number parts rises from falls."""
    bin_prior: float = 50.0
    """Outcomes that the prior of a bin, at its own mean prediction, is worth. On calibrated probabilities, the noise
    of n outcomes adds p (1 - p) n / (n + prior)^2 <= 1 / (16 prior) to the Brier score: 0.5 % of a coin's with 50."""
    outcome_correlation: float = 0.5
    """Correlation of the outcomes of two symbols in one bar, 0 to 1: K of them count as K / (1 + (K - 1) correlation)
    (Kish 1965, Survey Sampling), 2.0 for 47. Two normal returns with correlation 0.7 have signs with 0.49."""
    max_failures: int = 3
    """Bars in a row in which a source fails until it stays off; at least 1."""

    def __post_init__(self) -> None:
        wholes = {"horizon": (1, _LONGEST), "bins": (2, _MOST_BINS), "max_failures": (1, 1 << 24)}
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            # Plain values whatever was given, for a snapshot holds them.
            if name in wholes:
                least, most = wholes[name]
                checked: Any = whole(name, value, least=least, most=most, because="")
            elif name in ("regime_adjustment", "calibration"):
                checked = flag(name, value)
            elif name == "bin_prior":
                checked = positive(name, value)
            elif name == "prior":
                checked = _prior(value)
            else:
                checked = within(name, value, 0.0, 1.0)
            object.__setattr__(self, name, checked)
        if self.share == 1.0:
            raise ParameterError(f"share must be below 1, got {self.share}", "too_large")

    def to_state(self) -> dict[str, Any]:
        """Return the options as plain values, of which ``EnsembleOptions(**values)`` makes the same."""
        return {name: dict(value) if name == "prior" else value for name, value in asdict(self).items()}


def source_name(name: object) -> str:
    """Return a name that a source may have.

    Raises
    ------
    ParameterError
        Not a string, empty, or with a colon, which marks the terms of stages.
    """
    if not isinstance(name, str) or not name or ":" in name:
        raise ParameterError(f"the name of a source must be a word without a colon, got {name!r}", "source")
    return name


def _prior(value: object) -> Fixed[float]:
    if not isinstance(value, Mapping):
        raise ParameterError(f"prior must be a mapping of source to weight, got {value!r}", "type")
    checked = {}
    for name, weight in value.items():
        number = positive(f"prior of {source_name(name)}", weight)
        if not _LEAST_PRIOR <= number <= _MOST_PRIOR:
            code = "too_small" if number < _LEAST_PRIOR else "too_large"
            bound = f"from {_LEAST_PRIOR:g} to {_MOST_PRIOR:g}"
            raise ParameterError(f"prior of {name} must be {bound}, got {weight!r}", code)
        checked[name] = number
    return Fixed(checked)
