"""One position: which way, how much, where it began, and where it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from comove.errors import ParameterError
from comove.options import choice, positive, symbol_name

__all__ = ["Position", "Side"]

Side: TypeAlias = Literal["long", "short"]
_SIDES: Final = get_args(Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An open position in a symbol.

    Parameters
    ----------
    symbol : str
    side : {"long", "short"}
    size : float, above 0
        What was paid for it, in quote currency, at `entry`.
    entry : float, above 0
        Price at which it was opened.
    stop : float, above 0, optional
        Price at which it is given up; of a long below `entry`, of a short above it. None for none.

    Raises
    ------
    ParameterError
        A value out of its bounds, NaN and infinity too; a stop on the side of the profit.
    """

    symbol: str
    side: Side
    size: float
    entry: float
    stop: float | None = None

    def __post_init__(self) -> None:
        symbol_name("symbol", self.symbol)
        choice("side", self.side, _SIDES)
        for name in ("size", "entry"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        positive("size / entry", self.units)
        if self.stop is None:
            return
        stop = positive("stop", self.stop)
        object.__setattr__(self, "stop", stop)
        if (self.entry - stop) * self.sign <= 0:
            where = "below" if self.side == "long" else "above"
            raise ParameterError(f"stop of a {self.side} must be {where} entry {self.entry!r}, got {stop!r}", "stop")

    @property
    def sign(self) -> int:
        """1 of a long, -1 of a short."""
        return 1 if self.side == "long" else -1

    @property
    def units(self) -> float:
        """How many coins: `size` / `entry`."""
        return self.size / self.entry

    def exposure(self, price: float) -> float:
        """Return the value at a price in quote currency, negative of a short."""
        return self.sign * self.units * positive("price", price)

    def profit(self, price: float) -> float:
        """Return what closing it at a price would give, in quote currency, before costs."""
        return self.sign * self.units * (positive("price", price) - self.entry)

    def risk(self, price: float) -> float:
        """Return what is lost from a price to the stop, in quote currency.

        0 where the price has passed the stop. Without a stop the whole value is at risk, which is all that a long can
        lose; a short can lose more.
        """
        price = positive("price", price)
        if self.stop is None:
            return self.units * price
        return max(0.0, self.sign * self.units * (price - self.stop))
