"""What a coin usually trades in a bar, and how much it moves: what an order's slippage is reckoned from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from math import fsum, log, sqrt
from typing import Any, Final

from comove.backtest.costs import Costs

__all__ = ["UsualBars"]

#: Mean square of the log range of a Brownian motion over its variance, 4 ln 2 (Parkinson 1980).
_RANGE: Final = 4.0 * log(2.0)


class UsualBars:
    """Value traded and squared log range of the last candles of each coin.

    Parameters
    ----------
    bars : int, at least 1
        How many candles are looked at.
    """

    __slots__ = ("_bars", "_held")

    def __init__(self, bars: int) -> None:
        self._bars = bars
        self._held: dict[str, deque[tuple[float | None, float | None]]] = {}

    def push(self, symbol: str, candle: Mapping[str, Any]) -> None:
        """Take in a candle that is over."""
        volume, close, high, low = candle.get("volume"), candle["close"], candle.get("high"), candle.get("low")
        value = None if volume is None else volume * close
        moved = None if high is None or low is None else log(high / low) ** 2
        held = self._held.get(symbol)
        if held is None:
            held = self._held[symbol] = deque(maxlen=self._bars)
        held.append((value, moved))

    def forget(self, symbol: str) -> None:
        """Forget a coin whose instrument ended."""
        self._held.pop(symbol, None)

    def volume(self, symbol: str) -> float | None:
        """Return the mean value traded in a bar; None where it is not known."""
        known = [value for value, _ in self._held.get(symbol, ()) if value is not None]
        return fsum(known) / len(known) if known else None

    def volatility(self, symbol: str) -> float:
        """Return the volatility of a bar; 0 where no range is known."""
        known = [moved for _, moved in self._held.get(symbol, ()) if moved is not None]
        return sqrt(fsum(known) / len(known) / _RANGE) if known else 0.0

    def moved(self, symbol: str, value: float, costs: Costs) -> float:
        """Return by which factor the spread and the order itself move the price of a market order of a value."""
        volume = self.volume(symbol)
        part = costs.max_participation if not volume else value / volume
        return 1.0 + costs.half_spread + costs.impact * self.volatility(symbol) * sqrt(part)

    def to_state(self) -> dict[str, Any]:
        """Return what is held."""
        return {symbol: list(held) for symbol, held in self._held.items()}

    def read(self, state: Mapping[str, Sequence[Sequence[float | None]]]) -> None:
        """Take over the state of `to_state`."""
        for symbol, held in state.items():
            self._held[symbol] = deque(((value, moved) for value, moved in held), maxlen=self._bars)
