"""What was said, kept until the price comes that tells whether it was right."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from comove.options import whole
from comove.signals.context import Context

__all__ = ["Outcome", "Outcomes"]


class Outcome(NamedTuple):
    """What was said of a symbol, and what came."""

    symbol: str
    said: Any
    row: int
    """When it was said."""
    before: float
    """Close of that row."""
    now: float
    """Close of the row that it was due in."""

    @property
    def moved(self) -> float:
        """Return over the horizon."""
        return self.now / self.before - 1.0

    @property
    def rose(self) -> float:
        """1 for a rise, 0 for a fall, 1/2 for neither."""
        return 1.0 if self.now > self.before else 0.0 if self.now < self.before else 0.5


class Outcomes:
    """What was said of symbols in the last `horizon` rows, one thing a symbol and row.

    What is due goes, whether the symbol is still there or not: memory is that of the symbols of `horizon` rows.

    Parameters
    ----------
    horizon : int, at least 1
        Rows until the outcome. Where the symbol has no candle just then, there is no outcome.
    """

    __slots__ = ("_bars", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = whole("horizon", horizon, least=1)
        # Row, and of each symbol its close and what was said.
        self._bars: deque[tuple[int, dict[str, tuple[float, Any]]]] = deque()

    def note(self, context: Context, said: Any) -> None:
        """Keep what is said of a symbol now: plain values, that a snapshot can hold."""
        bars, row = self._bars, context.row
        if not bars or bars[-1][0] != row:
            bars.append((row, {}))
        bars[-1][1][context.symbol] = context.close, said

    def settle(self, contexts: Iterable[Context]) -> list[Outcome]:
        """Return what has come true or not in this bar, in the order of the contexts; they are of one row."""
        bars = self._bars
        contexts = iter(contexts)
        first = next(contexts, None) if bars else None
        if first is None:
            return []
        due = first.row - self.horizon
        while bars and bars[0][0] < due:
            bars.popleft()
        if not bars or bars[0][0] > due:
            return []
        row, noted = bars.popleft()
        there = [context for context in (first, *contexts) if context.symbol in noted]
        kept = [noted[context.symbol] for context in there]
        return [
            Outcome(context.symbol, said, row, close, context.close)
            for context, (close, said) in zip(there, kept, strict=True)
        ]

    def to_state(self) -> list[Any]:
        """Return what waits as plain values."""
        return [[row, {symbol: list(each) for symbol, each in noted.items()}] for row, noted in self._bars]

    def read(self, state: Sequence[Any]) -> None:
        """Take over what waited in `to_state`."""
        self._bars = deque(
            (int(row), {str(symbol): (float(close), said) for symbol, (close, said) in noted.items()})
            for row, noted in state
        )
