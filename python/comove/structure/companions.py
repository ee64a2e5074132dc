"""How closely assets go with the leaders: correlations of all of them at once, from a panel.

cross[a] is the mean of the correlations of asset a with the leaders but itself, over `window_size` rows; usual[a] the
mean of cross[a] over its past, which fades: each row weighs 1 / min(rows, past_window).
"""

from __future__ import annotations

from math import fsum
from typing import Final

import numpy as np
import numpy.typing as npt

from comove.live import Panel
from comove.options import Floats
from comove.structure.limits import LEAST_REGIME

__all__ = ["Companions"]

_NEVER: Final = -(1 << 62)


class Companions:
    """Correlations of every symbol with every leader, and their usual level.

    Column 0 of `cross` and `usual` is the market: the mean over all symbols.
    """

    __slots__ = ("count", "cross", "last", "last_ts", "leaders", "leaving", "max_gap", "n", "panel", "past_window",
                 "place", "usual", "window")  # fmt: skip

    def __init__(self, leaders: tuple[str, ...], window: int, past_window: int, max_gap: int) -> None:
        self.leaders, self.window, self.past_window, self.max_gap = leaders, window, past_window, max_gap
        self.panel = Panel(leaders, leaders, window_size=window, min_samples=LEAST_REGIME)
        self.place = {symbol: place for place, symbol in enumerate(leaders)}
        size = len(leaders)
        self.last: npt.NDArray[np.int64] = np.full(size, _NEVER, np.int64)
        """The row of each symbol's last price, and its time."""
        self.last_ts: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        self.leaving: npt.NDArray[np.int64] = np.full(size, _NEVER, np.int64)
        """The row of the last price before the last hole."""
        self.n: Floats = np.zeros(size)
        """The most pairs of returns with any leader in the window."""
        self.cross: Floats = np.full(size + 1, np.nan)
        self.usual: Floats = np.full(size + 1, np.nan)
        self.count: npt.NDArray[np.int64] = np.zeros(size + 1, np.int64)

    def add(self, symbol: str) -> None:
        """Add a symbol, which has no past."""
        self.panel.add_asset(symbol)
        self.place[symbol] = len(self.place)
        self.last = np.append(self.last, _NEVER)
        self.last_ts = np.append(self.last_ts, 0)
        self.leaving = np.append(self.leaving, _NEVER)
        self.n = np.append(self.n, 0.0)
        self.cross = np.append(self.cross, np.nan)
        self.usual = np.append(self.usual, np.nan)
        self.count = np.append(self.count, 0)

    def push(self, row: int, ts: int, prices: Floats) -> float:
        """Take in the prices of a row in the order of `place`, and return the leaders' correlation among each other."""
        given = prices == prices
        back = given & (row - self.last - 1 > self.max_gap)
        if back.any():
            self.leaving[back] = self.last[back]
            self.usual[1:][back] = np.nan
            self.count[1:][back] = 0
        self.last[given] = row
        self.last_ts[given] = ts
        # The row as the time: only its order matters here.
        self.panel.update(row, prices)
        usable = (row - self.leaving >= self.window) & (row - self.last <= self.max_gap)
        corr, pairs = self.panel.corr, self.panel.n
        total = np.zeros(len(prices))
        held = np.zeros(len(prices))
        most = np.zeros(len(prices))
        among, of = 0.0, 0
        for leader in range(len(self.leaders)):
            column = corr[:, leader]
            good = usable & (column == column) if usable[leader] else np.zeros(len(prices), np.bool_)
            good[leader] = False
            total += np.where(good, column, 0.0)
            held += good
            counted = pairs[:, leader].copy()
            counted[leader] = 0.0
            np.maximum(most, counted, out=most)
            for other in range(leader):
                if good[other]:
                    among += float(column[other])
                    of += 1
        self.n = most
        cross = np.full(len(prices), np.nan)
        np.divide(total, held, out=cross, where=held > 0.0)
        known = cross[held > 0.0]
        self.cross[1:] = cross
        self.cross[0] = fsum(known.tolist()) / len(known) if len(known) else np.nan
        return among / of if of else np.nan

    def drop(self) -> Floats:
        """Return how far each correlation is below its usual level; NaN before that is known from a window of rows."""
        return np.where(self.count >= self.window, self.usual - self.cross, np.nan)

    def remember(self) -> None:
        """Take the correlations of this row into the usual ones; what is asked of a row is asked before."""
        known = self.cross == self.cross
        self.count[known] += 1
        weight = 1.0 / np.minimum(np.maximum(self.count, 1), self.past_window)
        first = known & (self.count == 1)
        moved = self.usual + (self.cross - self.usual) * weight
        self.usual = np.where(first, self.cross, np.where(known, moved, self.usual))
