"""Back to the middle: in a market without a trend, a close far from its mean returns to it."""

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

__all__ = ["RangeEngine", "RangeOptions"]

_FEATURES: Final = ("mean_revert_bias", "adx", "trend_strength", "volatility_regime")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeOptions(EngineOptions):
    """When there is a range, and when a close is at its edge.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    bounds: ClassVar[Bounds] = {
        **EngineOptions.bounds,
        "bias_at": (0.0, 1.0),
        "adx_at": (0.0, 100.0),
        "fit_at": (0.0, 1.0),
        "volatility_at": (0.0, 100.0),
    }

    bias_at: float = 0.6
    """Least distance from the mean of 20 closes, in 2 standard deviations (the half width of Bollinger's bands)."""
    adx_at: float = 25.0
    """Average directional index from which there is a trend and no range; 0 to 100 (Wilder 1978)."""
    fit_at: float = 0.6
    """R^2 of the closes on time, 20 rows, from which there is a trend; 0 to 1."""
    volatility_at: float = 1.5
    """Volatility of 10 rows over that of 50 from which the range is breaking; 0 to 100."""


class RangeEngine(RecordingEngine[RangeOptions]):
    """Short at the top of a range, long at its bottom.

    With b = mean_revert_bias, minus the distance of the close from its mean of 20 rows in 2 standard deviations, cut at
    1: the direction is the sign of b where |b| is at least `bias_at`, and strength = |b|. It abstains in a trend, and
    where volatility rises.

    Parameters
    ----------
    options : RangeOptions, optional

    Notes
    -----
    The bands: Bollinger, Bollinger on Bollinger Bands, 2001. A bar costs 3 us a symbol.
    """

    __slots__ = ()

    kind = "engine-range"
    name = "range"
    options_type = RangeOptions

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        o = self.options
        bias, adx, fit, volatility = columns(contexts, *_FEATURES)
        with np.errstate(all="ignore"):
            leans = sides(
                np.isfinite(bias + adx + fit + volatility)
                & ~((adx >= o.adx_at) | (np.abs(fit) >= o.fit_at) | (volatility >= o.volatility_at))
                & ~((np.abs(bias) < o.bias_at) | (bias == 0.0)),
                bias,
            )
        return leans, ()

    def _look(self, context: Context, bar: Measures) -> Lean | str:
        o, get = self.options, context.features.get
        bias, adx = get("mean_revert_bias"), get("adx")
        fit, volatility = get("trend_strength"), get("volatility_regime")
        if bias is None or adx is None or fit is None or volatility is None:
            return missing(context, _FEATURES)
        if not isfinite(bias + adx + fit + volatility):
            return missing(context, _FEATURES)
        if adx >= o.adx_at:
            return f"a trend and no range: adx is {adx:.1f}, a range has less than {o.adx_at:g}"
        straight, away = abs(fit), -2.0 * bias
        if straight >= o.fit_at:
            return (
                f"a trend and no range: R^2 of 20 closes on time is {straight:.2f}, a range has less than {o.fit_at:g}"
            )
        if volatility >= o.volatility_at:
            return (
                f"the range is breaking: volatility is {volatility:.2f} times that of 50 rows, a range has less than "
                f"{o.volatility_at:g}"
            )
        # At the mean itself there is no side to lean to.
        if abs(bias) < o.bias_at or bias == 0.0:
            return f"inside the range: {away:+.1f} sd from the mean of 20 closes, {2.0 * o.bias_at:g} is its edge"
        return lean_to(
            bias,
            abs(bias),
            f"{'bottom' if away < 0.0 else 'top'} of a range: {away:+.1f} sd from the mean of 20 closes"
            f"{' or further' if abs(away) == 2.0 else ''}, adx {adx:.1f}",
        )
