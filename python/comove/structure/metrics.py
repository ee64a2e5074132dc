"""What the questions about a pair answer.

A value that is not given is None, and `reason` says why. Where all are given, `reason` is None, or says what is wrong
with them: that they are old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["BetaMetrics", "LeadLagMetrics", "VolatilitySpillover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaMetrics:
    """How strongly an asset moves with a benchmark."""

    asset: str
    benchmark: str
    beta: float | None
    """Slope of the asset's returns on the benchmark's."""
    alpha: float | None
    """Intercept, a return per row."""
    r_squared: float | None
    correlation: float | None
    stderr: float | None
    """Standard error of `beta`."""
    interval: tuple[float, float] | None
    """Where `beta` lies with 95 % confidence, from Student's t with `sample_size` - 2 degrees of freedom."""
    sample_size: int
    """Complete pairs of returns in the window; given also where `beta` is not."""
    window: int | timedelta
    """Rows or time of the window."""
    last_updated: datetime | None
    """The last row at or before the time of the question that has both prices."""
    age: timedelta | None
    """From `last_updated` to the time of the question."""
    coverage: float
    """`sample_size` over the rows of the grid in the window: 1 where no return is missing."""
    reason: str | None

    @property
    def n(self) -> int:
        """`sample_size`."""
        return self.sample_size


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLagMetrics:
    """Who of two moves first. A negative lag means that the leader did."""

    leader: str
    follower: str
    """The asset of the question, whether it follows or not."""
    optimal_lag: int | None
    """Lag of the largest correlation by size, in rows."""
    max_correlation: float | None
    """The correlation at `optimal_lag`."""
    confidence: float | None
    """1 - `lead_p_value`: how little chance alone would explain that the leader moves first."""
    leads_by: int | None
    """Rows by which the leader moves first; 0 unless `lead_p_value` is below 0.05."""
    llr: float | None
    """Squared correlations with the leader ahead over those with the asset ahead."""
    p_value: float | None
    """No relation at any lag."""
    lead_p_value: float | None
    """No relation at any lag at which the leader is ahead."""
    follow_p_value: float | None
    """No relation at any lag at which the asset is ahead."""
    max_lag: int
    sample_size: int
    """Complete pairs of returns at the lag that has the fewest."""
    window: int
    last_updated: datetime | None
    age: timedelta | None
    coverage: float
    reason: str | None

    @property
    def n(self) -> int:
        """`sample_size`."""
        return self.sample_size


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilitySpillover:
    """How an asset's volatility moves with that of a source."""

    source: str
    target: str
    """The asset of the question."""
    spillover_coefficient: float | None
    """Slope of the target's volatility on the source's."""
    correlation: float | None
    """Of the two volatilities."""
    half_life_periods: float | None
    """Rows in which the target's volatility forgets half of a shock; the overlap of rolling volatilities is in it.
    None without a reason where one volatility does not follow the one before, and nothing is remembered."""
    r_squared: float | None
    stderr: float | None
    """Standard error of the coefficient, by the returns that overlapping volatilities share; from 10 `vol_window` pairs
    on."""
    p_value: float | None
    """Two-sided, of no relation."""
    vol_window: int
    """Rows of returns of one volatility."""
    sample_size: int
    """Pairs of volatilities in the window."""
    window: int
    last_updated: datetime | None
    age: timedelta | None
    coverage: float
    reason: str | None

    @property
    def n(self) -> int:
        """`sample_size`."""
        return self.sample_size
