"""The live state of pairs: one row of the grid at a time, nothing but what the answers need.

A row without both prices waits in the pair until the next common one: the objects then stand at the last common row,
which is where an answer's window ends, as in `laying`. More than `max_gap` rows of waiting end the pair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import nan

from comove._comove import PairFeed, feed_pairs, pass_over
from comove.structure.calculators import new_beta, new_lags, new_spillover
from comove.structure.settings import Settings

__all__ = ["AssetFeed", "PairFeed", "Past", "new_pair"]


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


def new_pair(settings: Settings) -> PairFeed:
    """Return a pair without rows."""
    return PairFeed(
        new_beta(settings.window_size, settings.window_span, settings.max_rows),
        new_lags(settings.lag_window, settings.max_lag),
        new_spillover(settings.spillover_window, settings.vol_window),
    )


class AssetFeed:
    """An asset against every leader but itself."""

    __slots__ = ("pairs", "past", "price", "prices")

    def __init__(self, symbol: str, settings: Settings, past: Past) -> None:
        self.past = past
        self.pairs: list[PairFeed | None] = [
            None if leader == symbol else new_pair(settings) for leader in settings.leaders
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
        pass_over(self.pairs, max_gap)

    def push(self, ts: int, price: float, prices: Sequence[float], moves: Sequence[float], settings: Settings) -> None:
        """Take in a row of the grid: the asset's price, the leaders' prices and `leader_moves`, NaN where missing."""
        past = self.past
        step = 0 if past.last is None else ts - past.last
        past.push(ts, settings.window_span)
        moved = price / self.price - 1.0
        at = (ts, past.count - 1, len(past.within), step)
        feed_pairs(self.pairs, moved, price == price, moves, prices, at, settings.laying.max_gap)
        self.price, self.prices = price, prices

    def leader_moves(self, prices: Sequence[float]) -> list[float]:
        """Return the leaders' returns from the row before to these prices."""
        return [now / before - 1.0 for now, before in zip(prices, self.prices, strict=True)]
