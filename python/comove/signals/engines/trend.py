"""Following a trend: the fast average is away from the slow one, on the side to which prices lie on a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Final

import numpy as np

from comove.signals.context import Context, columns
from comove.signals.engines.base import Lean, Measures, RecordingEngine, lean_to, missing, sides
from comove.signals.engines.options import Bounds, EngineOptions
from comove.signals.protocol import Direction

__all__ = ["TrendEngine", "TrendOptions"]

_FEATURES: Final = ("adx", "atr", "ema_diff_5_21", "trend_strength")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendOptions(EngineOptions):
    """When there is a trend.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        **EngineOptions.bounds,
        "adx_at": (0.0, 100.0),
        "adx_full": (1.0, 100.0),
        "fit_at": (0.0, 1.0),
        "spread_at": (0.0, 100.0),
    }

    adx_at: float = 20.0
    """Least average directional index; 0 to 100. Wilder (1978) sees a trend from 25 and none below 20."""
    adx_full: float = 50.0
    """Index of full strength; 1 to 100."""
    fit_at: float = 0.3
    """Least R^2 of the closes on time, 20 rows; 0 to 1."""
    spread_at: float = 0.25
    """Least distance of the averages over 5 and 21 rows, in average true ranges; 0 to 100."""


class TrendEngine(RecordingEngine[TrendOptions]):
    """Long in a rising trend, short in a falling one.

    With d = ema_diff_5_21 / atr and f = trend_strength, sign(slope) R^2 of the closes on time: the direction is the
    sign of d where f has the same; strength = min(adx / adx_full, 1) |f|. It abstains below the least of each.

    Parameters
    ----------
    options : TrendOptions, optional

    Notes
    -----
    Time series momentum: Moskowitz, Ooi and Pedersen, Journal of Financial Economics, 2012. The index: Wilder, New
    Concepts in Technical Trading Systems, 1978. A bar costs 3 us a symbol.
    """

    __slots__ = ()

    kind = "engine-trend"
    name = "trend"
    options_type = TrendOptions

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        o = self.options
        adx, atr, spread, fit = columns(contexts, *_FEATURES)
        with np.errstate(all="ignore"):
            apart = spread / atr
            leans = sides(
                np.isfinite(adx + atr + spread + fit)
                & (atr > 0.0)
                & ~((adx < o.adx_at) | (np.abs(fit) < o.fit_at))
                & ~((np.abs(apart) < o.spread_at) | (apart * fit <= 0.0)),
                apart,
            )
        return leans, ()

    def _look(self, context: Context, bar: Measures) -> Lean | str:
        o, get = self.options, context.features.get
        adx, atr, spread, fit = get("adx"), get("atr"), get("ema_diff_5_21"), get("trend_strength")
        if adx is None or atr is None or spread is None or fit is None or not isfinite(adx + atr + spread + fit):
            return missing(context, _FEATURES)
        if not atr > 0.0:
            return "the candles have no range"
        if adx < o.adx_at:
            return f"no trend: adx is {adx:.1f}, {o.adx_at:g} would be one"
        straight = abs(fit)
        if straight < o.fit_at:
            return f"no straight trend: R^2 of 20 closes on time is {straight:.2f}, {o.fit_at:g} is needed"
        apart = spread / atr
        if abs(apart) < o.spread_at or apart * fit <= 0.0:
            return (
                f"averages and line do not agree: ema 5 - ema 21 is {apart:+.2f} atr, at least {o.spread_at:g} to the "
                f"side of the line, {fit:+.2f}, is needed"
            )
        return lean_to(
            apart,
            min(adx / o.adx_full, 1.0) * straight,
            f"{'rising' if apart > 0.0 else 'falling'} trend: adx {adx:.1f}, ema 5 - ema 21 {apart:+.2f} atr, "
            f"R^2 of the line {straight:.2f}",
        )
