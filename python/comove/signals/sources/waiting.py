"""What was noted of all symbols in the last bars, until the price comes that tells what followed.

`comove.signals.outcomes` does so for symbols one by one, each with a return. A source notes whole bars and asks for
rises only, which takes a fifth of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from comove.options import whole

__all__ = ["Waiting"]

Said = TypeVar("Said")


class Waiting(Generic[Said]):
    """What was noted in the last `horizon` rows.

    Parameters
    ----------
    horizon : int, at least 1
        Rows until the outcome. Where a symbol has no candle just then, there is no outcome.
    """

    __slots__ = ("_bars", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = whole("horizon", horizon, least=1)
        self._bars: deque[tuple[int, dict[str, tuple[float, Said]]]] = deque()

    def settle(self, row: int, closes: Mapping[str, float]) -> list[tuple[str, Said, float]]:
        """Return what has come in a bar: symbol, what was noted, and 1 for a rise, 0 for a fall, 1/2 for neither."""
        found = []
        due = row - self.horizon
        while self._bars and self._bars[0][0] <= due:
            at, noted = self._bars.popleft()
            if at < due:
                continue
            for symbol, (before, said) in noted.items():
                close = closes.get(symbol)
                if close is not None:
                    found.append((symbol, said, 1.0 if close > before else 0.0 if close < before else 0.5))
        return found

    def note(self, row: int, closes: Mapping[str, float], said: Mapping[str, Said]) -> None:
        """Keep what is said of some symbols now: plain values, that a snapshot can hold."""
        if said:
            self._bars.append((row, {symbol: (closes[symbol], each) for symbol, each in said.items()}))

    def to_state(self) -> list[Any]:
        """Return what waits as plain values."""
        return [[row, {symbol: list(each) for symbol, each in noted.items()}] for row, noted in self._bars]

    def read(self, state: Sequence[Any]) -> None:
        """Take over what waited in `to_state`."""
        self._bars = deque(
            (int(row), {str(symbol): (float(close), said) for symbol, (close, said) in noted.items()})
            for row, noted in state
        )
