"""Regimes of the market, their thresholds, and the score of each from the evidence.

Letters: S(x) = (1 + x / sqrt(1 + x^2)) / 2, a step made smooth; for evidence e, S(e; at, scale) = S((e - at) / scale),
and strength(e) = w + (1 - w) S(e; at, scale) with w `least_strength`: what only strengthens a regime can neither make
nor undo it.

    risk_on    = S(trend)      strength(together) strength(agreement)
    risk_off   = S(-trend)     strength(together) strength(agreement) strength(volatility ratio)
    rotation   = S(momentum)   strength(momentum change)
    divergence = S(divergence) strength(correlation drop)

`together` is the mean of the asset's correlation with the leaders and of theirs among each other: crashes are as
correlated as rallies, so trend decides the sign and correlation only the strength. Each score rises, or falls, with
each of its pieces of evidence whatever the others are. Square roots and + - * / only: the same bits on every processor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from math import inf, sqrt
from typing import Final, TypeAlias

import numpy as np

from comove.errors import ParameterError
from comove.options import MAX_LIVE_ROWS, Floats, whole
from comove.structure.limits import LEAST_REGIME

__all__ = ["EVIDENCE", "REGIMES", "MarketRegime", "RegimeOptions", "regime_scores"]

Evidence: TypeAlias = Mapping[str, Floats | float]


class MarketRegime(Enum):
    """What state the market is in."""

    RISK_ON = "risk_on"
    """Leaders rise together."""
    RISK_OFF = "risk_off"
    """Leaders fall together, the more so with volatility up."""
    ROTATION = "rotation"
    """Another leader clearly outperforms the first."""
    DIVERGENCE = "divergence"
    """The asset parts from the leaders."""
    UNKNOWN = "unknown"
    """Too little data, or no regime clearly ahead."""


REGIMES: Final = (MarketRegime.RISK_ON, MarketRegime.RISK_OFF, MarketRegime.ROTATION, MarketRegime.DIVERGENCE)
"""Those that have a score, in the order of the scores."""

EVIDENCE: Final = (
    "leaders_trend",
    "leaders_agreement",
    "volatility_ratio",
    "leader_correlation",
    "relative_momentum",
    "momentum_change",
    "cross_asset_correlation",
    "divergence_score",
    "correlation_drop",
)
"""Names of the evidence; the last three are the asset's own, the others the leaders'."""


# So far away a step is 0 or 1 to the last bit, and no square overflows.
_FAR: Final = 1e9
_LEAST_SCALE: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeOptions:
    """Windows, thresholds and inertia of regimes.

    Each piece of evidence has its half-way point (`..._at`) and the distance over which its step rises (`..._scale`).
    Points marked (q) are quantiles of the market-wide evidence on hourly candles of 49 coins in 2021 and 2022, measured
    for this project; 2023 was looked at too for `trend_at`, `leave`, `overtake`
    and `divergence_at`.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    window_size: int = 72
    """Rows of trend, momentum and correlation; at least 30. Three days of hours: long enough for a correlation's
    standard error to fall to about 0.1 (Fisher 1921: 1 / sqrt(n - 3)), short enough to see a crash within a day."""
    past_window: int = 720
    """Rows of the past that volatility and correlation are compared with; at least 30. Thirty days of hours."""
    vol_window: int = 20
    """Rows of the leaders' recent volatility; at least 4. That of the leader volatility of the features."""
    trend_at: float = 0.65
    """Of the trend, in standard deviations of a leader's own window; (q) the outer quartiles are 0.66 and -0.37 in
    2021, 0.46 and -0.63 in 2022."""
    trend_scale: float = 0.5
    """Distance over which the step of the trend rises, in its unit."""
    volatility_at: float = 1.0
    """Recent over past volatility: 1 is as in the past; (q) the upper quartile is 1.08 in 2021 and 1.07 in 2022."""
    volatility_scale: float = 0.5
    """Distance over which the step of the volatility ratio rises."""
    correlation_at: float = 0.6
    """Of `together`; (q) the lower quartile of the assets' correlation is 0.57 in 2021 and 0.68 in 2022."""
    correlation_scale: float = 0.25
    """Distance over which the step of `together` rises."""
    agreement_at: float = 0.5
    """Half-way between leaders that cancel each other and leaders that all point one way."""
    agreement_scale: float = 0.25
    """Distance over which the step of the agreement rises."""
    momentum_at: float = 1.25
    """Of the best other leader over the first; (q) the upper quartile is 1.39 in 2021 and 0.72 in 2022. The upper tenth
    of a standard normal begins at 1.28."""
    momentum_scale: float = 0.5
    """Distance over which the step of the momentum rises."""
    change_at: float = 0.0
    """Momentum now over momentum before; 0 is no change."""
    change_scale: float = 1.0
    """Distance over which the step of the change rises."""
    divergence_at: float = 0.4
    """Of 1 - correlation; (q) the upper quartile is 0.43 in 2021 and 0.32 in 2022, the upper tenth 0.52 and 0.39."""
    divergence_scale: float = 0.1
    """About one standard error of the correlation in a window of 72 rows."""
    drop_at: float = 0.1
    """Correlation below its usual level; (q) the upper tenth begins at 0.12 in 2021 and 0.10 in 2022."""
    drop_scale: float = 0.1
    """Distance over which the step of the drop rises."""
    least_strength: float = 0.6
    """What a strengthening piece of evidence leaves of a score at the least."""
    enter: float = 0.5
    """The least score of a regime that is entered."""
    lead: float = 0.05
    """The least distance to the second score when it is entered."""
    leave: float = 0.3
    """A regime is left when its score is below; less than `enter`: hysteresis (Schmitt 1938)."""
    overtake: float = 0.15
    """... or when another's score is higher by more than this."""
    min_dwell: int = 8
    """Rows a label stays at the least, unless data run out; 0 for no dwell."""

    def __post_init__(self) -> None:
        rows = {"window_size": LEAST_REGIME, "past_window": LEAST_REGIME, "vol_window": 4, "min_dwell": 0}
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            # Plain numbers whatever was given, for a snapshot holds them.
            if name in rows:
                checked: float = whole(name, value, least=rows[name], most=MAX_LIVE_ROWS, because="2^24")
            else:
                checked = _point(name, value)
            object.__setattr__(self, name, checked)
        if self.leave > self.enter:
            raise ParameterError(f"leave must be at most enter, {self.enter}, got {self.leave}", "too_large")


def _point(name: str, value: object) -> float:
    """Return a threshold, a scale or a share within its bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a finite number, got {value!r}", "type")
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if number != number or number in (inf, -inf):
        raise ParameterError(f"{name} must be a finite number, got {value!r}", "type")
    if name.endswith("_scale") and number < _LEAST_SCALE:
        raise ParameterError(f"{name} must be at least {_LEAST_SCALE}, got {value!r}", "too_small")
    if abs(number) > _FAR:
        raise ParameterError(f"{name} must be within {_FAR}, got {value!r}", "too_large")
    if name in ("least_strength", "enter", "lead", "leave", "overtake") and not 0 <= number <= 1:
        raise ParameterError(f"{name} must be from 0 to 1, got {value!r}", "too_large" if number > 1 else "too_small")
    return number


def regime_scores(evidence: Evidence, options: RegimeOptions) -> Floats:
    """Return the score of each regime, from 0 to 1.

    Parameters
    ----------
    evidence : mapping of the names of `EVIDENCE` to float or float64 array
        Arrays of one shape: one value an asset. What is missing is NaN.
    options : RegimeOptions

    Returns
    -------
    float64, shape (4, ...)
        In the order of `REGIMES`. NaN for all where the trend or the asset's correlation is missing. Of the rest, what
        is missing neither strengthens nor weakens; without a momentum there is no rotation.
    """
    o = options
    trend, momentum = evidence["leaders_trend"], evidence["relative_momentum"]
    cross = evidence["cross_asset_correlation"]
    together = (cross + _instead(evidence["leader_correlation"], cross)) * 0.5

    def strength(name: str, at: float, scale: float) -> Floats | float:
        return _strength(_instead(evidence[name], at), at, scale, o.least_strength)

    in_step = _strength(together, o.correlation_at, o.correlation_scale, o.least_strength)
    in_step = in_step * strength("leaders_agreement", o.agreement_at, o.agreement_scale)
    rising = _step(trend, o.trend_at, o.trend_scale) * in_step
    falling = _step(-trend, o.trend_at, o.trend_scale) * in_step
    falling = falling * strength("volatility_ratio", o.volatility_at, o.volatility_scale)
    rotating = _instead(_step(momentum, o.momentum_at, o.momentum_scale), 0.0)
    rotating = rotating * strength("momentum_change", o.change_at, o.change_scale)
    parting = _step(evidence["divergence_score"], o.divergence_at, o.divergence_scale)
    parting = parting * strength("correlation_drop", o.drop_at, o.drop_scale)
    known = (trend == trend) & (cross == cross)
    scores = (rising, falling, rotating, parting)
    out = np.empty((len(scores), *np.broadcast(known, *scores).shape))
    for row, score in enumerate(scores):
        out[row] = score
    return np.where(known, out, np.nan)


def _instead(value: Floats | float, other: Floats | float) -> Floats | float:
    """Return `value`, and `other` where it is missing: a NaN does not equal itself."""
    if isinstance(value, float):
        return value if value == value else other
    return np.where(value == value, value, other)


def _step(value: Floats | float, at: float, scale: float) -> Floats | float:
    # The same operations on a float, hence the same bits, and a tenth of the time: most evidence is one for all assets.
    if isinstance(value, float):
        x = min(max(value - at, -_FAR), _FAR) / scale
        return 0.5 + 0.5 * (x / sqrt(1.0 + x * x))
    far = np.minimum(np.maximum(value - at, -_FAR), _FAR) / scale
    return 0.5 + 0.5 * (far / np.sqrt(1.0 + far * far))


def _strength(value: Floats | float, at: float, scale: float, least: float) -> Floats | float:
    return least + (1.0 - least) * _step(value, at, scale)
