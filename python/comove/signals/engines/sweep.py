"""A swept swing: a wick takes out the last swing low or high, where stops lie, and the close comes back inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from comove.errors import ParameterError
from comove.signals.context import HIGH, LOW, Context
from comove.signals.engines.base import (
    Lean,
    Measures,
    RecordingEngine,
    channels,
    lean_to,
    measures,
    missing,
    places,
)
from comove.signals.engines.options import Bounds, EngineOptions
from comove.signals.protocol import Direction

__all__ = ["SweepEngine", "SweepOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions(EngineOptions):
    """What a swing is, and what sweeps it.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        **EngineOptions.bounds,
        "swing_rows": (3, 1024),
        "side_rows": (1, 256),
        "reach_at": (0.0, 100.0),
        "wick_at": (0.0, 1.0),
    }

    swing_rows: int = 24
    """Previous rows among which the swing is the lowest low or the highest high; at least 3, and at least
    2 `side_rows` + 1."""
    side_rows: int = 3
    """Rows there must be on each side of the swing; at least 1."""
    reach_at: float = 0.1
    """Least distance of the wick beyond the swing, in average true ranges; 0 to 100."""
    wick_at: float = 0.4
    """Least share of the wick in the candle; 0 to 1."""

    def __post_init__(self) -> None:
        # Without arguments super() has the class as it was before its slots.
        EngineOptions.__post_init__(self)
        if self.swing_rows < 2 * self.side_rows + 1:
            raise ParameterError(
                f"swing_rows must be at least 2 side_rows + 1, {2 * self.side_rows + 1}, got {self.swing_rows}",
                "too_small",
            )


class SweepEngine(RecordingEngine[SweepOptions]):
    """Long after stops below a swing low were taken, short after those above a swing high.

    The swing low is the lowest low of the previous `swing_rows` rows, if it has `side_rows` of them on each side. It is
    swept where low < swing low - reach_at atr and close > swing low, with a wick (min(open, close) - low) / (high -
    low) of at least `wick_at`; the high mirrored. Strength is the mean of the reach in atr, cut at 1, and the wick. A
    candle that sweeps both says nothing.

    Parameters
    ----------
    options : SweepOptions, optional

    Notes
    -----
    That stops cluster beyond extremes and set off cascades: Osler, Journal of International Money and Finance, 2005.
    A bar costs 3 us a symbol.
    """

    __slots__ = ()

    kind = "engine-sweep"
    name = "sweep"
    options_type = SweepOptions

    def _measure(self, contexts: Sequence[Context]) -> Measures:
        return channels(contexts, self.options.swing_rows)

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        top, bottom, first, high, low, _ = measures(contexts, self._bar, 6)
        known = (bottom == bottom) & (top == top) & (first == first) & (high == high) & (low == low)
        # Where the swing lies is in the candles.
        return {}, places(known & ((low < bottom) != (high > top)))

    def _look(self, context: Context, bar: Measures) -> Lean | str:
        o, measured = self.options, self._measured(context, bar)
        if not measured:
            return f"{len(context.candles) - 1} rows before this one, {o.swing_rows} are needed"
        top, bottom, first, high, low, close = measured
        if not (bottom == bottom and top == top and first == first and high == high and low == low):
            return f"a candle of the last {o.swing_rows + 1} is missing"
        under, over = low < bottom, high > top
        if not (under or over):
            return f"no sweep: {low:.6g} to {high:.6g} is inside the {o.swing_rows} rows before"
        if under and over:
            return f"both sides were taken: {low:.6g} to {high:.6g} about {bottom:.6g} to {top:.6g}"
        atr = context.feature("atr")
        if not (atr > 0.0 and isfinite(atr)):
            return missing(context, ("atr",))
        before = context.candles[-1 - o.swing_rows : -1]
        if under:
            name, swing, at = "low", bottom, int(before[:, LOW].argmin())
            reach, back = (bottom - low) / atr, (close - bottom) / atr
        else:
            name, swing, at = "high", top, int(before[:, HIGH].argmax())
            reach, back = (high - top) / atr, (top - close) / atr
        age = o.swing_rows - at
        if min(at, age - 1) < o.side_rows:
            return f"the {name} {swing:.6g} is no swing: it has fewer than {o.side_rows} rows on a side"
        if back <= 0.0:
            return f"the swing {name} {swing:.6g} is broken: the close is {-back:.2f} atr beyond it"
        # A close back inside is above the low and below the high, so that the candle has a range.
        wick = (min(first, close) - low if under else high - max(first, close)) / (high - low)
        if reach < o.reach_at or wick < o.wick_at:
            return (
                f"the swing {name} {swing:.6g} is hardly swept: by {reach:.2f} atr and a wick of {wick:.0%}, "
                f"{o.reach_at:g} and {o.wick_at:.0%} are needed"
            )
        return lean_to(
            1.0 if under else -1.0,
            (min(reach, 1.0) + wick) / 2.0,
            f"the swing {name} {swing:.6g} of {age} rows ago was swept by {reach:.2f} atr and the close is "
            f"{back:.2f} atr back inside, wick {wick:.0%}",
        )
