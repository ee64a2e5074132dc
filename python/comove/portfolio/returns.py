"""The last rows of returns of all symbols, and what pairs of them have in common.

Letters: r returns, W rows of the window, k symbols; sums run over the rows that both symbols of a pair have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from comove.errors import StateError
from comove.options import MAX_LIVE_ROWS, Floats, whole

__all__ = ["PairMoments", "ReturnWindow"]

#: A sum of squares as far below that of all rows of a column is what rounding leaves of one that does not vary.
_NO_VARIANCE: Final = 1e-14
#: Below this many squares of the mean a variance may be rounding: the mean of 2^24 rows is good to 2e-9.
_NEXT_TO_NONE: Final = 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class PairMoments:
    """Moments of every two columns over their common rows; shape (k, k)."""

    n: Floats
    """Common rows."""
    covariance: Floats
    """With ddof 1; NaN below 2 common rows."""
    correlation: Floats
    """NaN where one of the two does not vary; 1 on the diagonal."""
    full: npt.NDArray[np.bool_]
    """Columns without a missing row, shape (k,)."""


class ReturnWindow:
    """The last W rows of returns of all symbols, a row a bar.

    A symbol has a column from its first price on. A return needs prices in two rows that follow each other; else it is
    missing. A hole of more than `max_gap` rows ends an instrument: all its returns are forgotten, and what trades
    under the name afterwards begins anew.

    Parameters
    ----------
    size : int, at least 3
        W.
    max_gap : int, at least 1

    Notes
    -----
    A row is written once and moved at most once, so that the window always lies in one piece, oldest row first:
    whatever is computed of it depends on what it holds and not on what came before, to the bit.
    """

    __slots__ = (
        "_born",
        "_end",
        "_last",
        "_missed",
        "_moments",
        "_place",
        "_previous",
        "_room",
        "_table",
        "max_gap",
        "row",
        "size",
    )

    def __init__(self, size: int, max_gap: int) -> None:
        self.size = whole("size", size, least=3, most=MAX_LIVE_ROWS, because="2^24")
        self.max_gap = whole("max_gap", max_gap, least=1, most=MAX_LIVE_ROWS, because="2^24")
        self.row = -1
        """Number of the last bar, counted from 0; -1 before it."""
        self._end = 0
        self._place: dict[str, int] = {}
        self._table: Floats = np.full((2 * self.size, 0), np.nan)
        # In the row before; the last one there was; rows without one since; the row it began in.
        self._previous: Floats = np.empty(0)
        self._last: Floats = np.empty(0)
        self._missed: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._born: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._moments: PairMoments | None = None
        # For returns in excess of their means: to get new memory of that size for each bar takes as long as they do.
        self._room: Floats = np.empty((self.size, 0))

    @property
    def symbols(self) -> list[str]:
        """All symbols, in the order of their columns."""
        return list(self._place)

    @property
    def returns(self) -> Floats:
        """The window, oldest row first, a column a symbol; NaN where missing. Not to be written to."""
        return self._table[max(0, self._end - self.size) : self._end]

    def place(self, symbol: str) -> int | None:
        """Return the column of a symbol; None for one that had no price yet."""
        return self._place.get(symbol)

    def price(self, symbol: str) -> float | None:
        """Return the last price of a symbol, however old; None before it has one."""
        place = self._place.get(symbol)
        return None if place is None else float(self._last[place])

    def age(self, symbol: str) -> int | None:
        """Return the rows since the last price of a symbol; None before it has one."""
        place = self._place.get(symbol)
        return None if place is None else int(self._missed[place])

    def born(self, symbol: str) -> int | None:
        """Return the row in which the instrument of that name began, after the last hole that ended one."""
        place = self._place.get(symbol)
        return None if place is None else int(self._born[place])

    def push(self, prices: Mapping[str, float]) -> None:
        """Take in the prices of a bar, above 0, NaN where missing; symbols that are absent have none."""
        place = self._place
        # A symbol begins with its first price.
        new = [symbol for symbol, price in prices.items() if price == price and symbol not in place]
        if new:
            self._add(new)
        laid = np.full(len(place), np.nan)
        for symbol, price in prices.items():
            if price == price:
                laid[place[symbol]] = price
        self.row += 1
        given = laid == laid
        begins = given & ((self._missed > self.max_gap) | (self._born < 0))
        self._born[begins] = self.row
        self._missed = np.where(given, 0, self._missed + 1)
        with np.errstate(over="ignore"):
            moved = laid / self._previous - 1.0
        self._previous = laid
        self._last = np.where(given, laid, self._last)
        # The first bar has no returns at all.
        if self.row:
            self._write(np.where(np.isfinite(moved), moved, np.nan))
        ends = self._missed == self.max_gap + 1
        if ends.any():
            self._table[:, ends] = np.nan
        self._moments = None

    def moments(self) -> PairMoments:
        """Return the moments of every two symbols over their common rows, made when first asked for after a bar.

        Notes
        -----
        Products of matrices of returns in excess of each column's mean; recomputed from the window, so that what has
        left it leaves no trace. Columns without a missing row cost k² W in all, the others three times that.
        """
        if self._moments is None:
            returns = self.returns
            self._moments = _moments(returns, self._room[: len(returns)])
        return self._moments

    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs."""
        return {
            "size": self.size,
            "max_gap": self.max_gap,
            "row": self.row,
            "symbols": self.symbols,
            "returns": self.returns,
            "previous": self._previous,
            "last": self._last,
            "missed": self._missed,
            "born": self._born,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ReturnWindow:
        """Return a window that goes on as the one the state is of.

        Raises
        ------
        StateError
            Parts that do not fit together.
        """
        window = cls(state["size"], state["max_gap"])
        names = [str(symbol) for symbol in state["symbols"]]
        window.row = whole("row", state["row"], least=-1)
        returns = np.asarray(state["returns"], np.float64)
        rows = min(window.size, max(window.row, 0))
        parts = {name: np.asarray(state[name]) for name in ("previous", "last", "missed", "born")}
        if returns.shape != (rows, len(names)) or any(part.shape != (len(names),) for part in parts.values()):
            raise StateError("the snapshot's returns do not fit its symbols and rows", "state_content")
        if len(set(names)) < len(names):
            raise StateError("the snapshot has a symbol twice", "state_content")
        window._place = {symbol: place for place, symbol in enumerate(names)}
        window._table = np.full((2 * window.size, len(names)), np.nan)
        window._table[:rows] = returns
        window._room = np.empty((window.size, len(names)))
        window._end = rows
        window._previous, window._last = (parts[name].astype(np.float64) for name in ("previous", "last"))
        window._missed, window._born = (parts[name].astype(np.int64) for name in ("missed", "born"))
        if not (window._last > 0).all() or (window._previous <= 0).any():
            raise StateError("the snapshot has a price that is not above 0", "state_content")
        return window

    def _add(self, symbols: Sequence[str]) -> None:
        more = len(symbols)
        for symbol in symbols:
            self._place[symbol] = len(self._place)
        self._table = np.concatenate([self._table, np.full((2 * self.size, more), np.nan)], axis=1)
        self._room = np.empty((self.size, len(self._place)))
        self._previous = np.append(self._previous, np.full(more, np.nan))
        self._last = np.append(self._last, np.full(more, np.nan))
        self._missed = np.append(self._missed, np.zeros(more, np.int64))
        self._born = np.append(self._born, np.full(more, -1, np.int64))

    def _write(self, row: Floats) -> None:
        if self._end == 2 * self.size:
            kept = self.size - 1
            self._table[:kept] = self._table[self._end - kept :]
            self._end = kept
        self._table[self._end] = row
        self._end += 1


def _moments(returns: Floats, room: Floats) -> PairMoments:
    """Return the moments of a window; `room` of its shape is written over."""
    rows, size = returns.shape
    # What is beyond the range of float64, or has no rows, is not finite and hence missing.
    with np.errstate(all="ignore"):
        sums = np.ones(rows) @ returns
        holes = np.flatnonzero(~np.isfinite(sums))
        own = np.full(size, float(rows))
        given = returns[:, holes] == returns[:, holes]
        if len(holes):
            own[holes] = given.sum(axis=0)
            sums[holes] = np.where(given, returns[:, holes], 0.0).sum(axis=0)
        mean = sums / own
        centred = np.subtract(returns, mean, out=room)
        if len(holes):
            centred[:, holes] = np.where(given, centred[:, holes], 0.0)
        products = centred.T @ centred
        # Equal values have a mean that is rounded. Exactly equal, looked at where there is next to no variance.
        for place in np.flatnonzero(~(np.diag(products) > _NEXT_TO_NONE * own * mean * mean)):
            values = returns[returns[:, place] == returns[:, place], place]
            if not len(values) or values.max() == values.min():
                centred[:, place] = products[place] = products[:, place] = 0.0
        n = np.full(products.shape, float(rows))
        if len(holes):
            crossed, spread = _of_common_rows(centred, given, holes, own, products, n)
            root = np.sqrt(spread)
            scale = root * root.T
        else:
            root = np.sqrt(np.diag(products))
            crossed, scale = products, root * root[:, np.newaxis]
        covariance = crossed / (n - 1.0)
        correlation = crossed / scale
        np.minimum(correlation, 1.0, out=correlation)
        np.maximum(correlation, -1.0, out=correlation)
        # Whatever is not finite has a sum that is not.
        if not np.isfinite(correlation.sum() + covariance.sum()):
            covariance[~((n > 1.0) & np.isfinite(covariance))] = np.nan
            correlation[~np.isfinite(correlation)] = np.nan
    each = np.arange(size)
    correlation[each, each] = np.where(np.isnan(correlation[each, each]), np.nan, 1.0)
    return PairMoments(n, covariance, correlation, own == rows)


def _of_common_rows(
    centred: Floats,
    given: npt.NDArray[np.bool_],
    holes: npt.NDArray[np.int64],
    own: Floats,
    products: Floats,
    n: Floats,
) -> tuple[Floats, Floats]:
    """Return sums of products and of squares about the means of common rows, and write how many those are to `n`."""
    squared = centred * centred
    mask = given.astype(np.float64)
    full = np.ones_like(centred)
    full[:, holes] = mask
    # [i, j]: of the rows of i that j has too; where j has all of them, those of i.
    shape = products.shape
    sums = np.broadcast_to(centred.sum(axis=0)[:, np.newaxis], shape).copy()
    squares = np.broadcast_to(squared.sum(axis=0)[:, np.newaxis], shape).copy()
    n[:] = own[:, np.newaxis]
    n[:, holes] = full.T @ mask
    sums[:, holes] = centred.T @ mask
    squares[:, holes] = squared.T @ mask
    spread = squares - sums * sums / n
    spread[spread <= _NO_VARIANCE * np.diag(squares)[:, np.newaxis]] = 0.0
    return products - sums * sums.T / n, spread
