"""The open positions, the capital, and what each position is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from comove.errors import DataError, ParameterError
from comove.options import positive, symbol_name
from comove.portfolio.positions import Position
from comove.portfolio.returns import ReturnWindow

__all__ = ["MOST_LEVERAGE", "Book", "ended", "share_of"]

#: A size of so many times the capital is a mistake in its unit.
MOST_LEVERAGE: Final = 1e6
#: Beyond any limit, and still a number that can be added to others.
_MOST_SHARE: Final = 1e300


def ended(symbol: str) -> str:
    """Return the name under which a position counts whose instrument ended: it is not what trades under its own."""
    return f"{symbol} (ended)"


def share_of(size: float, capital: float) -> float:
    """Return a size over the capital.

    Raises
    ------
    ParameterError
        More than a million times the capital, or so little that it is 0.
    """
    share = positive("size / capital", size / capital)
    if share > MOST_LEVERAGE:
        raise ParameterError(f"size must be at most {MOST_LEVERAGE:g} times the capital, got {share:g}", "too_large")
    return share


class Book:
    """At most one position a symbol.

    A position is worth what its symbol's last price says, and its entry before there is one. If the instrument under
    the name ended, what began after the hole is another one: the position keeps its last price of before.

    Parameters
    ----------
    capital : float, above 0
        In quote currency.
    """

    __slots__ = ("_ended", "_opened", "_positions", "capital", "version")

    def __init__(self, capital: float) -> None:
        self.capital = positive("capital", capital)
        self._positions: dict[str, Position] = {}
        # The row each was opened in, and the last price of an instrument that ended.
        self._opened: dict[str, int] = {}
        self._ended: dict[str, float] = {}
        self.version = 0
        """Counts the changes of positions and capital."""

    @property
    def positions(self) -> tuple[Position, ...]:
        """In the order in which they were opened."""
        return tuple(self._positions.values())

    @property
    def held(self) -> Mapping[str, Position]:
        """The positions by symbol, as they are at any time; not to be written to."""
        return self._positions

    def get(self, symbol: str) -> Position | None:
        """Return the position in a symbol."""
        return self._positions.get(symbol)

    def open(self, position: Position, row: int) -> None:
        """Add a position in the row of the last bar."""
        if not isinstance(position, Position):
            raise ParameterError(f"position must be a Position, got {type(position).__name__}", "type")
        if position.symbol in self._positions:
            raise DataError(f"{position.symbol} has a position already: close it first", "position")
        share_of(position.size, self.capital)
        self._add(position, row)

    def _add(self, position: Position, row: int) -> None:
        self._positions[position.symbol] = position
        self._opened[position.symbol] = row
        self.version += 1

    def close(self, symbol: str, fraction: float) -> Position:
        """Take away a position, or a fraction of it, and return what was taken away."""
        held = self._positions.get(symbol_name("symbol", symbol))
        if held is None:
            raise DataError(f"{symbol} has no position", "position")
        part = positive("fraction", fraction)
        if part > 1.0:
            raise ParameterError(f"fraction must be at most 1, got {part}", "too_large")
        if part == 1.0:
            closed = held
            del self._positions[symbol], self._opened[symbol]
            self._ended.pop(symbol, None)
        else:
            closed = replace(held, size=held.size * part)
            self._positions[symbol] = replace(held, size=held.size - closed.size)
        self.version += 1
        return closed

    def set_capital(self, capital: float) -> None:
        """Put another capital in the place of the one there was."""
        self.capital = positive("capital", capital)
        self.version += 1

    def note_ends(self, window: ReturnWindow, before: Mapping[str, float]) -> None:
        """Keep the last price of positions whose instrument ended; `before` has the prices there were."""
        for symbol, opened in self._opened.items():
            born = window.born(symbol)
            if symbol not in self._ended and symbol in before and born is not None and born == window.row > opened:
                self._ended[symbol] = before[symbol]

    @property
    def ended(self) -> tuple[str, ...]:
        """Symbols of positions whose instrument ended, and another one began under its name."""
        return tuple(self._ended)

    def price(self, position: Position, window: ReturnWindow) -> float:
        """Return the price a position is worth now."""
        if position.symbol in self._ended:
            return self._ended[position.symbol]
        price = window.price(position.symbol)
        return position.entry if price is None else price

    def prices(self, window: ReturnWindow) -> dict[str, float]:
        """Return the price of each position."""
        return {symbol: self.price(position, window) for symbol, position in self._positions.items()}

    def weights(self, window: ReturnWindow) -> dict[str, float]:
        """Return the exposure of each position over the capital, negative of shorts, by symbol.

        Where the instrument ended, by the name of `ended`: what is measured of the symbol now is of another one.
        """
        return {
            ended(symbol) if symbol in self._ended else symbol: self.share(
                position.exposure(self.price(position, window))
            )
            for symbol, position in self._positions.items()
        }

    def risks(self, window: ReturnWindow) -> list[float]:
        """Return what each position loses if its stop is reached, over the capital."""
        return [self.share(held.risk(self.price(held, window))) for held in self._positions.values()]

    def share(self, value: float) -> float:
        """Return a value over the capital, of a size that can be added to others."""
        return max(-_MOST_SHARE, min(value / self.capital, _MOST_SHARE))

    def stale(self, window: ReturnWindow) -> tuple[str, ...]:
        """Return the symbols whose price is not of the last bar."""
        return tuple(symbol for symbol in self._positions if symbol in self._ended or window.age(symbol) != 0)

    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs."""
        return {
            "capital": self.capital,
            "positions": [asdict(position) for position in self.positions],
            "opened": list(self._opened.values()),
            "ended": dict(self._ended),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Book:
        """Return a book that goes on as the one the state is of."""
        book = cls(state["capital"])
        for position, row in zip(state["positions"], state["opened"], strict=True):
            book._add(Position(**position), int(row))
        book._ended = {
            symbol: positive("price", price) for symbol, price in state["ended"].items() if symbol in book._positions
        }
        book.version = 0
        return book
