"""What the leaders do: the evidence of a regime that is the same for every asset, one row at a time.

Letters: r return of a leader, W `window_size`, m its return over the last W rows, s the standard deviation of r over
`past_window` rows, L the first leader.

    trend_j  = m_j / (s_j sqrt(W))
    momentum_j = (m_j - m_L) / (sd(r_j - r_L) sqrt(W)), of the leaders other than L

In units of their volatility a leader without drift has a trend of about -1 to 1, whatever the candle and the year.
Before W rows are there, and at least `LEAST_REGIME`, W is what there is. + - * / and square roots only, and sums in the
order of the leaders, so that bits are the same on every processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan, sqrt

from comove.live import RollingPair
from comove.structure.limits import LEAST_REGIME

__all__ = ["LeaderEvidence", "LeaderState", "leader_evidence", "push_leaders"]

# A volatility of a few rows: half of its window must be there.
_LEAST_OF_WINDOW = 2
# Beyond it and its inverse an index would lose digits; it begins anew.
_LEAST_INDEX = 1e-200


@dataclass(slots=True)
class LeaderEvidence:
    """Evidence after a row; NaN where missing."""

    trend: float = nan
    """Mean trend of the leaders."""
    agreement: float = nan
    """Size of the sum of trends over the sum of their sizes: 1 where all point the same way."""
    volatility_ratio: float = nan
    """Mean of recent over past volatility."""
    momentum: float = nan
    """Largest momentum of a leader other than the first."""
    momentum_before: float = nan
    """Momentum of the same leader W rows ago."""
    outperformer: int = -1
    """The leader with it; -1 where there is none."""
    ahead: int = -1
    """The leader with the largest return over the last W rows."""
    ahead_before: int = -1
    """The one over the W rows before."""
    volatilities: list[float] = field(default_factory=list)
    """Standard deviation of each leader's recent returns."""
    trends: list[float] = field(default_factory=list)


class LeaderState:
    """One leader: its index over the last rows, and its volatilities."""

    __slots__ = ("born", "excess", "hole", "index", "past", "price", "recent", "ring")

    def __init__(self, window: int, past_window: int, vol_window: int) -> None:
        self.past = RollingPair(window_size=past_window, min_samples=LEAST_REGIME)
        # Returns in excess of the first leader's, on their own: where that one has no price, the leader's still count.
        self.excess = RollingPair(window_size=past_window, min_samples=LEAST_REGIME)
        self.recent = RollingPair(window_size=vol_window, min_samples=max(2, vol_window // _LEAST_OF_WINDOW))
        # The index of each of the last 2 W + 1 rows.
        self.ring = [nan] * (2 * window + 1)
        self.price = nan
        """In the row before; NaN where it had none."""
        self.index = 1.0
        """The returns since it began, chained; where one is missing, the index stands still."""
        self.hole = 0
        self.born = -1
        """The row where it began, after the last hole; -1 before it."""

    def push(self, row: int, price: float, max_gap: int) -> float:
        """Take in a price, NaN where missing, and return its return."""
        given = price == price
        if given:
            if self.born < 0 or self.hole > max_gap:
                self.past.reset()
                self.excess.reset()
                self.recent.reset()
                self.born, self.index, self.price = row, 1.0, nan
            self.hole = 0
        else:
            self.hole += 1
        ratio = price / self.price
        self.price = price
        if ratio == ratio:
            index = self.index * ratio
            if _LEAST_INDEX < index < 1.0 / _LEAST_INDEX:
                self.index = index
            else:
                self.born, self.index = row, 1.0
        self.ring[row % len(self.ring)] = self.index
        moved = ratio - 1.0
        self.past.update(moved, moved)
        self.recent.update(moved, moved)
        return moved

    def ago(self, row: int, rows: int) -> float:
        """Return the index at an earlier row, NaN before it began."""
        return self.ring[(row - rows) % len(self.ring)] if self.born >= 0 and row - rows >= self.born else nan


def push_leaders(states: Sequence[LeaderState], row: int, prices: Sequence[float], max_gap: int) -> None:
    """Take in the leaders' prices of a row, NaN where missing."""
    moves = [state.push(row, price, max_gap) for state, price in zip(states, prices, strict=True)]
    # What the first leader was before a hole is not compared with what it is after.
    anew = states[0].born == row
    for state, moved in zip(states, moves, strict=True):
        if anew:
            state.excess.reset()
        excess = moved - moves[0]
        state.excess.update(excess, excess)


def leader_evidence(states: Sequence[LeaderState], row: int, window: int, max_gap: int) -> LeaderEvidence:
    """Return the evidence after a row."""
    out = LeaderEvidence(trends=[nan] * len(states))
    first = states[0]
    trends, ratios, momenta = [], [], []
    best = best_before = -1
    largest = largest_before = nan
    for place, state in enumerate(states):
        recent = state.recent.var
        volatility = nan if recent is None else sqrt(recent)
        out.volatilities.append(volatility)
        variance = state.past.var
        rows = min(window, row - state.born)
        if state.hole > max_gap or state.born < 0 or rows < LEAST_REGIME or not variance:
            continue
        scale = sqrt(variance)
        moved = state.index / state.ago(row, rows) - 1.0
        trend = moved / (scale * sqrt(float(rows)))
        out.trends[place] = trend
        trends.append(trend)
        if volatility == volatility:
            ratios.append(volatility / scale)
        if not moved <= largest:
            best, largest = place, moved
        before = state.ago(row, rows) / state.ago(row, 2 * rows) - 1.0
        if before == before and not before <= largest_before:
            best_before, largest_before = place, before
        excess = state.excess.var
        rows = min(rows, row - first.born)
        if place and excess and first.born >= 0 and rows >= LEAST_REGIME and first.hole <= max_gap:
            unit = sqrt(excess) * sqrt(float(rows))
            now = [each.index / each.ago(row, rows) for each in (state, first)]
            old = [each.ago(row, rows) / each.ago(row, 2 * rows) for each in (state, first)]
            momenta.append(((now[0] - now[1]) / unit, (old[0] - old[1]) / unit, place))
    if trends:
        total = size = 0.0
        for trend in trends:
            total += trend
            size += abs(trend)
        out.trend = total / len(trends)
        out.agreement = abs(total) / size if size else 0.0
    if ratios:
        total = 0.0
        for ratio in ratios:
            total += ratio
        out.volatility_ratio = total / len(ratios)
    for momentum, momentum_before, place in momenta:
        if not momentum <= out.momentum:
            out.momentum, out.momentum_before, out.outperformer = momentum, momentum_before, place
    out.ahead, out.ahead_before = best, best_before
    return out
