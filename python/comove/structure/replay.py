"""Regimes from history: the tracker of the live form, fed the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from comove.options import Floats, Timestamps
from comove.structure.describing import confidence
from comove.structure.labels import UNKNOWN
from comove.structure.laying import Laying, last_prices, on_grid, union_of
from comove.structure.prices import PriceData
from comove.structure.regimes import EVIDENCE, REGIMES, MarketRegime, RegimeOptions
from comove.structure.tracker import MARKET, RegimeTracker

__all__ = ["Replay", "history_frame"]


class Replay:
    """A tracker that is fed the rows of history, as far as a question asks.

    Parameters
    ----------
    data : mapping of symbol to PriceData
        The assets, and the leaders that have data.
    leaders : tuple of str
    options, laying
    """

    __slots__ = ("_grid", "_table", "tracker")

    def __init__(
        self, data: Mapping[str, PriceData], leaders: tuple[str, ...], options: RegimeOptions, laying: Laying
    ) -> None:
        self.tracker = RegimeTracker(leaders, options, laying.max_gap)
        for symbol in data:
            if symbol not in leaders:
                self.tracker.add(symbol)
        self._grid = union_of(data[leader].timestamps for leader in leaders if leader in data)
        self._table = np.full((len(self._grid), len(self.tracker.symbols)), np.nan)
        for column, symbol in enumerate(self.tracker.symbols):
            if symbol in data:
                self._table[:, column] = _laid(data[symbol], self._grid, laying)

    def is_past(self, now: int) -> bool:
        """Whether a row after a time has been fed."""
        return self.tracker.now is not None and self.tracker.now.ts > now

    def advance(self, now: int, each: Callable[[RegimeTracker], None] | None = None) -> RegimeTracker:
        """Feed the rows up to a time, and return the tracker.

        Parameters
        ----------
        now : int
        each : callable, optional
            Called with the tracker after each row.
        """
        tracker, start = self.tracker, self.tracker.row + 1
        end = int(self._grid.searchsorted(now, side="right"))
        for ts, prices in zip(self._grid[start:end].tolist(), self._table[start:end], strict=True):
            tracker.push_laid(ts, prices)
            if each is not None:
                each(tracker)
        return tracker


def _laid(data: PriceData, grid: Timestamps, laying: Laying) -> Floats:
    if laying.join == "asof":
        return last_prices(data, grid, laying.tolerance or 0)
    shared = np.isin(data.timestamps, grid, assume_unique=True)
    # Rows between those of the leaders are not seen.
    return on_grid(PriceData(data.timestamps[shared], data.prices[shared]), grid)


def history_frame(
    data: Mapping[str, PriceData],
    leaders: tuple[str, ...],
    now: int,
    options: RegimeOptions,
    laying: Laying,
    symbol: str | None,
) -> pl.DataFrame:
    """Return one row for each row of the leaders: label, confidence, scores, evidence.

    Parameters
    ----------
    data, leaders, now, options, laying
        As in `Replay`.
    symbol : str, optional
        None for the market.
    """
    rows: list[tuple[object, ...]] = []
    names = [regime.value for regime in (*REGIMES, MarketRegime.UNKNOWN)]

    def each(tracker: RegimeTracker) -> None:
        at = tracker.now
        if at is None:
            return
        column = MARKET if symbol is None else tracker.companions.place[symbol] + 1
        label = int(tracker.labels.label[column])
        scores: list[float | None] = tracker.labels.scores[:, column].tolist()
        known = scores[0] == scores[0]
        sure = confidence(label, [score for score in scores if score is not None] if known else [])
        evidence = [at.evidence[name] for name in EVIDENCE]
        numbers = [value if isinstance(value, float) else float(value[column]) for value in evidence]
        # One of the leaders, -1 for none; the frame has names.
        places = [at.leaders.ahead, at.leaders.outperformer]
        rows.append((
            at.ts // 1_000, names[label], sure,
            *(scores if known else [None] * UNKNOWN),
            *(number if number == number else None for number in numbers),
            *(leaders[place] if place >= 0 else None for place in places),
        ))  # fmt: skip

    Replay(data, leaders, options, laying).advance(now, each)
    schema = {
        "ts": pl.Datetime("us", "UTC"),
        "regime": pl.String(),
        "confidence": pl.Float64(),
        **{f"score_{regime.value}": pl.Float64() for regime in REGIMES},
        **{name: pl.Float64() for name in EVIDENCE},
        "leader": pl.String(),
        "outperformer": pl.String(),
    }
    times = {**schema, "ts": pl.Int64()}
    return pl.DataFrame(rows, schema=times, orient="row").cast({"ts": pl.Datetime("us", "UTC")})
