"""The live state of pairs: one row of the grid at a time, nothing but what the answers need.

A row without both prices waits in the pair until the next common one: the objects then stand at the last common row,
which is where an answer's window ends, as in `laying`. More than `max_gap` rows of waiting end the pair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import nan

from comove.live import LagScanner, RollingPair, SpilloverMonitor
from comove.structure.calculators import new_beta, new_lags, new_spillover
from comove.structure.settings import Settings

__all__ = ["AssetFeed", "PairFeed", "Past"]


class Past:
    """Rows of a grid so far: how many, the last time, and the times within the span of the window."""

    __slots__ = ("count", "last", "within")

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None
        # The first row is not in it, for it has no return.
        self.within: deque[int] = deque()

    def copy(self) -> Past:
        """Return an independent copy."""
        other = Past()
        other.count, other.last, other.within = self.count, self.last, self.within.copy()
        return other

    def push(self, ts: int, span: int | None) -> None:
        """Take in the time of a row."""
        if span is not None:
            within = self.within
            if self.count:
                within.append(ts)
            oldest = ts - span
            while within and within[0] <= oldest:
                within.popleft()
        self.count += 1
        self.last = ts


class PairFeed:
    """The three live objects of an asset and a leader, and where they stand."""

    __slots__ = ("beta", "hole", "in_span", "index", "lags", "last", "spillover", "step", "waiting")

    def __init__(self, beta: RollingPair, lags: LagScanner, spillover: SpilloverMonitor) -> None:
        self.beta, self.lags, self.spillover = beta, lags, spillover
        # As in `answers.Standing`.
        self.last: int | None = None
        self.index = self.in_span = self.step = self.hole = 0
        # Rows of the asset's and the leader's return and the time, since the last common row.
        self.waiting: list[tuple[float, float, int]] = []

    @classmethod
    def new(cls, settings: Settings) -> PairFeed:
        """Return a pair without rows."""
        return cls(
            new_beta(settings.window_size, settings.window_span, settings.max_rows),
            new_lags(settings.lag_window, settings.max_lag),
            new_spillover(settings.spillover_window, settings.vol_window),
        )

    def miss(self, row: tuple[float, float, int] | None, max_gap: int) -> None:
        """Take in a row without both prices; None where it is no row of the pair's own grid."""
        self.hole += 1
        if self.hole > max_gap:
            self.waiting.clear()
        elif row is not None and self.last is not None:
            self.waiting.append(row)

    def common(self, row: tuple[float, float, int], past: Past, step: int, *, by_span: bool, max_gap: int) -> None:
        """Take in a row with both prices."""
        if self.last is None or self.hole > max_gap:
            self.beta.reset()
            self.lags.reset()
            self.spillover.reset()
            self._feed((nan, nan, row[2]), by_span)
        else:
            for waited in self.waiting:
                self._feed(waited, by_span)
            self._feed(row, by_span)
        self.waiting.clear()
        self.hole = 0
        self.last, self.index, self.in_span, self.step = row[2], past.count - 1, len(past.within), step

    def _feed(self, row: tuple[float, float, int], by_span: bool) -> None:
        asset, leader, ts = row
        if by_span:
            self.beta.update(asset, leader, ts)
        else:
            self.beta.update(asset, leader)
        self.lags.update(asset, leader)
        self.spillover.update(asset, leader)


class AssetFeed:
    """An asset against every leader but itself."""

    __slots__ = ("pairs", "past", "price", "prices")

    def __init__(self, symbol: str, settings: Settings, past: Past) -> None:
        self.past = past
        self.pairs: list[PairFeed | None] = [
            None if leader == symbol else PairFeed.new(settings) for leader in settings.leaders
        ]
        # Of the row before.
        self.price = nan
        self.prices: Sequence[float] = [nan] * len(settings.leaders)

    @classmethod
    def without_pairs(cls, past: Past) -> AssetFeed:
        """Return a feed whose pairs are put in later."""
        feed = cls.__new__(cls)
        feed.past = past
        return feed

    def pass_over(self, max_gap: int) -> None:
        """Note a row that is not of this asset's grid."""
        for pair in self.pairs:
            if pair is not None:
                pair.miss(None, max_gap)

    def push(self, ts: int, price: float, prices: Sequence[float], settings: Settings) -> None:
        """Take in a row of the grid: the asset's price and the leaders', NaN where missing."""
        past, span, max_gap = self.past, settings.window_span, settings.laying.max_gap
        step = 0 if past.last is None else ts - past.last
        past.push(ts, span)
        moved = price / self.price - 1.0
        given = price == price
        for pair, now, before in zip(self.pairs, prices, self.prices, strict=True):
            if pair is None:
                continue
            row = (moved, now / before - 1.0, ts)
            if given and now == now:
                pair.common(row, past, step, by_span=span is not None, max_gap=max_gap)
            else:
                pair.miss(row, max_gap)
        self.price, self.prices = price, prices
