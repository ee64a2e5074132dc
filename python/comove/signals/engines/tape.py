"""Order flow, as far as candles tell it: where closes lie in them, upticks, surprising volume, and the book."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from comove.signals.context import CLOSE, HIGH, LOW, VOLUME, Context, columns
from comove.signals.engines.base import (
    Lean,
    Measures,
    RecordingEngine,
    by_symbol,
    last_rows,
    lean_to,
    measures,
    missing,
    places,
    sides,
)
from comove.signals.engines.options import Bounds, EngineOptions
from comove.signals.protocol import Direction

__all__ = ["TapeEngine", "TapeOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeOptions(EngineOptions):
    """What order flow is made of, and how much of it is a signal.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        **EngineOptions.bounds,
        "rows": (1, 1024),
        "flow_at": (0.0, 1.0),
        "volume_full": (0.1, 100.0),
    }

    rows: int = 10
    """Rows of the volume-weighted location of closes; at least 1."""
    flow_at: float = 0.25
    """Least size of the flow; 0 to 1. On a random walk a location over 10 rows and an uptick ratio over 20 have a
    standard deviation of about 0.2 each."""
    volume_full: float = 3.0
    """Volume of full surprise, in standard deviations of the previous 20 rows; 0.1 to 100."""


class TapeEngine(RecordingEngine[TapeOptions]):
    """Long where buyers are at work, short where sellers are.

    With the location of a close in its candle, l = (2 close - high - low) / (high - low), 0 where the candle has no
    range, flow is the mean of those of these that are known, each from -1 to 1:

    - location: sum(l volume) / sum(volume) over `rows` rows (Chaikin's money flow);
    - upticks: 2 uptick_ratio - 1;
    - surprise: l of this row times vol_jump_z / volume_full, cut to 0 to 1;
    - book: orderbook_imbalance, where the data have it.

    The first two are needed. The direction is the sign of the flow, strength its size.

    Parameters
    ----------
    options : TapeOptions, optional

    Notes
    -----
    That order imbalance moves prices: Chordia, Roll and Subrahmanyam, Journal of Financial Economics, 2002; the book:
    Cont, Kukanov and Stoikov, Journal of Financial Econometrics, 2014. A bar costs 4 us a symbol.
    """

    __slots__ = ()

    kind = "engine-tape"
    name = "tape"
    options_type = TapeOptions

    def _measure(self, contexts: Sequence[Context]) -> Measures:
        table = last_rows(contexts, self.options.rows)
        if table.shape[1] < self.options.rows:
            return {context.symbol: () for context in contexts}
        high, low, close, volume = table[HIGH], table[LOW], table[CLOSE], table[VOLUME]
        width = high - low
        # What is beyond the numbers there are becomes infinite or NaN, and is not known below.
        with np.errstate(over="ignore", invalid="ignore"):
            # A candle without range says nothing; one that is missing stays missing.
            location = np.divide(close + close - high - low, width, out=0.0 * width, where=width > 0.0)
            total = volume.sum(axis=0)
            traded = (location * volume).sum(axis=0)
            flow = np.divide(traded, total, out=np.full(len(contexts), np.nan), where=(total > 0.0) & (total < np.inf))
        return by_symbol(contexts, flow.tolist(), location[-1].tolist())

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        o = self.options
        location, now = measures(contexts, self._bar, 2)
        ratio, volume, book = columns(contexts, "uptick_ratio", "vol_jump_z", "orderbook_imbalance")
        has_volume, has_book = np.isfinite(volume), np.isfinite(book)
        with np.errstate(all="ignore"):
            surprise = np.where(has_volume & (volume > 0.0), now * np.minimum(volume / o.volume_full, 1.0), 0.0)
            flow = location + (2.0 * ratio - 1.0) + surprise + np.where(has_book, book, 0.0)
            mean = flow / (2.0 + has_volume + has_book)
        known = np.isfinite(location) & np.isfinite(ratio)
        clear = known & ~((np.abs(mean) < o.flow_at) | (mean == 0.0))
        # What is no number is an error, which a look raises.
        return sides(clear & np.isfinite(mean), mean), places(clear & ~np.isfinite(mean))

    def _look(self, context: Context, bar: Measures) -> Lean | str:
        o, get, measured = self.options, context.features.get, self._measured(context, bar)
        if not measured:
            return f"{len(context.candles)} rows, {o.rows} are needed"
        location, now = measured
        ratio = get("uptick_ratio")
        if not isfinite(location):
            return f"a candle of the last {o.rows} is missing, or nothing was traded"
        if ratio is None or not isfinite(ratio):
            return missing(context, ("uptick_ratio",))
        ticks = 2.0 * ratio - 1.0
        flow, parts = location + ticks, 2
        volume, book = get("vol_jump_z"), get("orderbook_imbalance")
        if volume is not None and isfinite(volume):
            # Volume below its mean is no surprise.
            if volume > 0.0:
                flow += now * min(volume / o.volume_full, 1.0)
            parts += 1
        else:
            volume = None
        if book is not None and isfinite(book):
            flow += book
            parts += 1
        else:
            book = None
        mean = flow / parts
        if abs(mean) < o.flow_at or mean == 0.0:
            return f"no clear flow: {mean:+.2f}, {o.flow_at:g} is needed"
        return lean_to(
            mean,
            abs(mean),
            f"{'buyers' if mean > 0.0 else 'sellers'} at work: flow {mean:+.2f}, closes at {location:+.2f} of "
            f"their candles by volume, upticks {ticks:+.2f}, "
            f"{f'volume {volume:+.1f} sd' if volume is not None else 'surprise of volume not known'}, "
            f"{f'book {book:+.2f}' if book is not None else 'no order book'}",
        )
