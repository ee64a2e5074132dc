"""From the state of a pair to the answer: the readings, how old they are, and why they are missing.

The live form and history both come here, with the same live objects, hence with the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from comove.live import LagScanner, RollingPair, SpilloverMonitor
from comove.structure.limits import LEAST_APART, LEAST_BETA, LEAST_LAGS, LEAST_SPILLOVER, student_quantile
from comove.structure.metrics import BetaMetrics, LeadLagMetrics, VolatilitySpillover
from comove.structure.prices import utc

__all__ = ["Standing", "answer_beta", "answer_lead_lag", "answer_spillover"]

_PAIRS: Final = "complete pairs of returns"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a pair stands when it is asked."""

    asset: str
    leader: str
    now: int
    last: int | None
    """The last common row; None where there is none."""
    index: int = 0
    """Rows of the grid before it."""
    in_span: int = 0
    """Rows of the grid within the span of the window that could hold a return."""
    step: int = 0
    """Nanoseconds between it and the row before."""
    hole: int = 0
    """Rows of the grid after it."""
    max_age: int | None = None
    cause: str | None = None
    """Why there is no common row."""

    @property
    def age(self) -> int:
        """Nanoseconds from the last common row to the question."""
        return 0 if self.last is None else self.now - self.last

    @property
    def times(self) -> tuple[datetime | None, timedelta | None]:
        """`last_updated` and `age` as a metric shows them."""
        if self.last is None:
            return None, None
        return utc(self.last), timedelta(microseconds=self.age // 1_000)

    def withheld(self, n: int, least: int, what: str) -> str | None:
        """Return why no value may be given; None where one may."""
        if self.last is None:
            return self.cause or f"{self.asset} and {self.leader} have no price at a common time"
        if self.max_age is not None and self.age > self.max_age:
            limit = timedelta(microseconds=self.max_age // 1_000)
            return f"{self._old()}, max_age is {limit}"
        if n < least:
            return f"{n} {what} in the window, {least} are needed"
        return None

    def stale(self) -> str | None:
        """Return that a value is old: rows came after it, or more than two steps of the grid have passed."""
        if self.last is None or not (self.hole or (self.step and self.age > 2 * self.step)):
            return None
        return self._old()

    def _old(self) -> str:
        _, age = self.times
        return f"the last common price of {self.asset} and {self.leader} is {age} old"


def answer_beta(pair: RollingPair | None, standing: Standing, window: int | timedelta) -> BetaMetrics:
    """Return the metrics of a pair; None for `pair` where there was never a row."""
    n = 0 if pair is None else pair.n
    updated, age = standing.times
    why = standing.withheld(n, LEAST_BETA, _PAIRS)
    beta = None if pair is None or why else pair.beta
    rows = standing.in_span if isinstance(window, timedelta) else min(window, standing.index)
    if pair is None or beta is None:
        return BetaMetrics(
            asset=standing.asset, benchmark=standing.leader,
            beta=None, alpha=None, r_squared=None, correlation=None, stderr=None, interval=None,
            sample_size=n, window=window, last_updated=updated, age=age, coverage=_share(n, rows),
            reason=why or f"{standing.leader} does not vary in the window",
        )  # fmt: skip
    stderr, corr = pair.beta_stderr, pair.corr
    interval = None
    if stderr is not None:
        reach = student_quantile(n - 2) * stderr
        interval = (beta - reach, beta + reach)
    flat = f"{standing.asset} does not vary in the window" if corr is None else None
    return BetaMetrics(
        asset=standing.asset, benchmark=standing.leader,
        beta=beta, alpha=pair.alpha, r_squared=pair.r_squared, correlation=corr, stderr=stderr, interval=interval,
        sample_size=n, window=window, last_updated=updated, age=age, coverage=_share(n, rows),
        reason=_together(flat, standing.stale()),
    )  # fmt: skip


def answer_lead_lag(scanner: LagScanner | None, standing: Standing, window: int, max_lag: int) -> LeadLagMetrics:
    """Return the metrics of a pair; None for `scanner` where there was never a row."""
    n = 0 if scanner is None else scanner.n
    updated, age = standing.times
    why = standing.withheld(n, LEAST_LAGS, f"{_PAIRS} at some lag")
    lag = None if scanner is None or why else scanner.lag
    coverage = _share(n, min(window, standing.index - max_lag))
    if scanner is None or lag is None:
        return LeadLagMetrics(
            leader=standing.leader, follower=standing.asset,
            optimal_lag=None, max_correlation=None, confidence=None, leads_by=None, llr=None,
            p_value=None, lead_p_value=None, follow_p_value=None, max_lag=max_lag,
            sample_size=n, window=window, last_updated=updated, age=age, coverage=coverage,
            reason=why or f"{standing.asset} or {standing.leader} does not vary in the window of some lag",
        )  # fmt: skip
    return LeadLagMetrics(
        leader=standing.leader, follower=standing.asset,
        optimal_lag=lag, max_correlation=scanner.corr, confidence=scanner.confidence, leads_by=scanner.leads_by,
        llr=scanner.llr, p_value=scanner.p_value, lead_p_value=scanner.lead_p_value,
        follow_p_value=scanner.follow_p_value, max_lag=max_lag,
        sample_size=n, window=window, last_updated=updated, age=age, coverage=coverage, reason=standing.stale(),
    )  # fmt: skip


def answer_spillover(
    monitor: SpilloverMonitor | None, standing: Standing, window: int, vol_window: int
) -> VolatilitySpillover:
    """Return the metrics of a pair; None for `monitor` where there was never a row."""
    n = 0 if monitor is None else monitor.n
    updated, age = standing.times
    why = standing.withheld(n, LEAST_SPILLOVER, "pairs of volatilities")
    coefficient = None if monitor is None or why else monitor.coefficient
    coverage = _share(n, min(window, standing.index - vol_window + 1))
    if monitor is None or coefficient is None:
        return VolatilitySpillover(
            source=standing.leader, target=standing.asset,
            spillover_coefficient=None, correlation=None, half_life_periods=None, r_squared=None,
            stderr=None, p_value=None, vol_window=vol_window,
            sample_size=n, window=window, last_updated=updated, age=age, coverage=coverage,
            reason=why or f"the volatility of {standing.leader} does not vary in the window",
        )  # fmt: skip
    corr, stderr = monitor.corr, monitor.coefficient_stderr
    flat = f"the volatility of {standing.asset} does not vary in the window" if corr is None else None
    few = f"no standard error: {n} pairs of volatilities in the window, {LEAST_APART * vol_window} are needed"
    return VolatilitySpillover(
        source=standing.leader, target=standing.asset,
        spillover_coefficient=coefficient, correlation=corr, half_life_periods=monitor.half_life,
        r_squared=monitor.r_squared, stderr=stderr, p_value=monitor.coefficient_p_value,
        vol_window=vol_window, sample_size=n, window=window, last_updated=updated, age=age, coverage=coverage,
        reason=_together(flat, few if stderr is None else None, standing.stale()),
    )  # fmt: skip


def _together(*remarks: str | None) -> str | None:
    """Return all that is wrong with a value; None for nothing."""
    return "; ".join(remark for remark in remarks if remark is not None) or None


def _share(n: int, rows: int) -> float:
    return n / rows if rows > 0 else 0.0
