"""Out of a range: a close beyond the highest high or lowest low of the previous rows, with volume or after quiet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import ClassVar

import numpy as np

from comove.signals.context import CLOSE, HIGH, LOW, Context, columns
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

__all__ = ["BreakoutEngine", "BreakoutOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakoutOptions(EngineOptions):
    """What a range is, and what confirms that it was left.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        **EngineOptions.bounds,
        "range_rows": (2, 1024),
        "quiet_rows": (1, 1024),
        "past_rows": (1, 1024),
        "thrust_at": (0.0, 100.0),
        "volume_at": (-100.0, 100.0),
        "squeeze_at": (-100.0, 1.0),
    }

    range_rows: int = 20
    """Previous rows whose highest high and lowest low are the range; at least 2. The channel of Donchian, and of the
    turtles' first rule (Faith 2007)."""
    quiet_rows: int = 10
    """Previous rows that may have been quiet; at least 1."""
    past_rows: int = 60
    """Rows before these that they are compared with; at least 1."""
    thrust_at: float = 0.1
    """Least distance of the close from the range, in average true ranges; 0 to 100."""
    volume_at: float = 1.5
    """Volume that confirms, in standard deviations of the previous 20 rows from their mean."""
    squeeze_at: float = 0.25
    """Quiet that confirms: 1 - the mean width of the quiet rows' candles over that of the past ones; at most 1."""


class BreakoutEngine(RecordingEngine[BreakoutOptions]):
    """Long above the range of the previous rows, short below it, where volume or a squeeze before confirms.

    thrust = (close - highest high) / atr, or (lowest low - close) / atr; volume = vol_jump_z; squeeze = 1 - mean of
    (high - low) / close over the quiet rows / the same over the past rows. Strength is the mean of thrust / 2,
    volume / 4 and squeeze / 0.5, each cut to 0 to 1, 0 where not known.

    Parameters
    ----------
    options : BreakoutOptions, optional

    Notes
    -----
    Narrow ranges before wide ones: Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout, 1990.
    A bar costs 4 us a symbol.
    """

    __slots__ = ()

    kind = "engine-breakout"
    name = "breakout"
    options_type = BreakoutOptions

    def _measure(self, contexts: Sequence[Context]) -> Measures:
        return channels(contexts, self.options.range_rows)

    def _squeeze(self, context: Context) -> float:
        """Return how much quieter the rows before this one were than those before them, NaN where not known."""
        quiet, past = self.options.quiet_rows, self.options.past_rows
        before = context.candles[-1 - quiet - past : -1]
        if len(before) < quiet + past:
            return nan
        width = (before[:, HIGH] - before[:, LOW]) / before[:, CLOSE]
        usual = float(width[:past].sum()) / past
        return 1.0 - float(width[past:].sum()) / quiet / usual if usual else nan

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        top, bottom, _, _, _, close = measures(contexts, self._bar, 6)
        (atr,) = columns(contexts, "atr")
        with np.errstate(all="ignore"):
            thrust = np.where(close - top >= bottom - close, close - top, bottom - close) / atr
            known = (top == top) & (bottom == bottom) & (atr > 0.0) & np.isfinite(atr)
            # What confirms is in the candles.
            return {}, places(known & ~(thrust < self.options.thrust_at))

    def _look(self, context: Context, bar: Measures) -> Lean | str:
        o, measured = self.options, self._measured(context, bar)
        if not measured:
            return f"{len(context.candles) - 1} rows before this one, {o.range_rows} are needed"
        top, bottom, _, _, _, close = measured
        atr = context.feature("atr")
        if not (top == top and bottom == bottom):
            return f"a candle of the last {o.range_rows} is missing"
        if not (atr > 0.0 and isfinite(atr)):
            return "the candles have no range" if atr == 0.0 else missing(context, ("atr",))
        rises = close - top >= bottom - close
        thrust = (close - top if rises else bottom - close) / atr
        if thrust < o.thrust_at:
            return (
                f"not out of the range of {o.range_rows} rows: the close is {thrust:+.2f} atr beyond it, "
                f"{o.thrust_at:g} is needed"
            )
        volume, squeeze = context.feature("vol_jump_z"), self._squeeze(context)
        if not isfinite(volume):
            volume = nan
        if not (volume >= o.volume_at or squeeze >= o.squeeze_at):
            return (
                f"out of the range by {thrust:.2f} atr, but nothing confirms: {_words(volume, squeeze)}; "
                f"{o.volume_at:g} or {o.squeeze_at:g} is needed"
            )
        strength = (_share(thrust, 2.0) + _share(volume, 4.0) + _share(squeeze, 0.5)) / 3.0
        return lean_to(
            1.0 if rises else -1.0,
            strength,
            f"{'above' if rises else 'below'} the range of {o.range_rows} rows by {thrust:.2f} atr, "
            f"{_words(volume, squeeze)}",
        )


def _share(value: float, full: float) -> float:
    return min(max(value / full, 0.0), 1.0) if value == value else 0.0


def _words(volume: float, squeeze: float) -> str:
    loud = f"volume {volume:+.1f} sd" if volume == volume else "volume not known"
    quiet = f"squeeze before {squeeze:+.2f}" if squeeze == squeeze else "squeeze not known"
    return f"{loud}, {quiet}"
