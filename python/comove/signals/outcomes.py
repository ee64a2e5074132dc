"""What was said, kept until the price comes that tells whether it was right."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from comove.options import whole
from comove.signals.context import Context

__all__ = ["Outcome", "Outcomes"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of a symbol, and what came."""

    symbol: str
    said: Any
    row: int
    """When it was said."""
    moved: float
    """Return over the horizon since then."""


class Outcomes:
    """What was said of each symbol in the last `horizon` rows.

    Parameters
    ----------
    horizon : int, at least 1
        Rows until the outcome. Where the symbol has no candle just then, there is no outcome.
    """

    __slots__ = ("_waiting", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = whole("horizon", horizon, least=1)
        self._waiting: dict[str, deque[tuple[int, float, Any]]] = {}

    def note(self, context: Context, said: Any) -> None:
        """Keep what is said of a symbol now: plain values, that a snapshot can hold."""
        self._waiting.setdefault(context.symbol, deque()).append((context.row, context.close, said))

    def settle(self, contexts: Iterable[Context]) -> list[Outcome]:
        """Return what has come true or not in this bar, in the order of the contexts."""
        found = []
        for context in contexts:
            waiting = self._waiting.get(context.symbol)
            if not waiting:
                continue
            due = context.row - self.horizon
            while waiting and waiting[0][0] <= due:
                row, close, said = waiting.popleft()
                if row == due:
                    found.append(Outcome(context.symbol, said, row, context.close / close - 1.0))
        return found

    def to_state(self) -> dict[str, Any]:
        """Return what waits as plain values."""
        return {symbol: [list(each) for each in waiting] for symbol, waiting in self._waiting.items()}

    def read(self, state: Mapping[str, Any]) -> None:
        """Take over what waited in `to_state`."""
        self._waiting = {
            symbol: deque((int(row), float(close), said) for row, close, said in waiting)
            for symbol, waiting in state.items()
        }
