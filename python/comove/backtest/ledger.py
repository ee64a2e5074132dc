"""The account at the exchange: cash and coins, to the last cent.

Letters: q units of a coin, negative of a short, p its last price, e the mean price at which it was opened.

    equity = cash + sum of q p
           = capital + profits - costs - funding + sum of q (p - e)

The two sides are kept apart from each other, and are compared after each bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum
from typing import Any, Final

from comove.errors import ComoveError

__all__ = ["Ledger"]

#: Rounding of a sum of payments, over the largest of the amounts in it.
_ROUNDING: Final = 1e-9


class Ledger:
    """Cash, and the coins that are held.

    Parameters
    ----------
    capital : float, above 0
        Cash at the beginning, in quote currency.
    """

    __slots__ = ("_entry", "_moved", "capital", "cash", "costs", "funding", "price", "profits", "traded", "units")

    def __init__(self, capital: float) -> None:
        self.capital = capital
        self.cash = capital
        self.units: dict[str, float] = {}
        """Of each coin that is held, negative of a short."""
        self.price: dict[str, float] = {}
        """The last one of each coin that is held."""
        self._entry: dict[str, float] = {}
        self.profits = self.costs = self.funding = 0.0
        """Taken and paid so far."""
        self.traded = 0.0
        """Value of all fills so far."""
        # The largest amount so far: what rounding is measured by.
        self._moved = capital

    def trade(self, symbol: str, units: float, price: float, cost: float) -> float:
        """Buy units of a coin, or sell them where below 0; return the profit that it takes, before costs."""
        held = self.units.get(symbol, 0.0)
        value = units * price
        self.cash -= value
        self._pay(cost)
        self.costs += cost
        self.traded += abs(value)
        self._moved = max(self._moved, abs(value), abs(self.cash))
        after = held + units
        profit = 0.0
        # Signs, for the product of two small numbers is 0.
        if held and (held > 0.0) is not (units > 0.0):
            # What is closed was opened at the mean price; of a change of sides the rest is opened anew.
            closed = -held if abs(units) >= abs(held) else units
            profit = -closed * (price - self._entry[symbol])
            self.profits += profit
            if after and (after > 0.0) is not (held > 0.0):
                self._entry[symbol] = price
        else:
            paid = held * self._entry.get(symbol, 0.0) + value
            self._entry[symbol] = paid / after
        if after == 0.0:
            self._forget(symbol)
        else:
            self.units[symbol], self.price[symbol] = after, price
        return profit

    def close(self, symbol: str, price: float, cost: float) -> float:
        """Sell, or buy back, all of a coin, at a price that may be 0; return the profit."""
        return self.trade(symbol, -self.units[symbol], price, cost)

    def fund(self, amount: float) -> None:
        """Pay funding, or get it where below 0."""
        self._pay(amount)
        self.funding += amount

    def _pay(self, amount: float) -> None:
        self.cash -= amount
        self._moved = max(self._moved, abs(amount))

    def _forget(self, symbol: str) -> None:
        for each in (self.units, self.price, self._entry):
            each.pop(symbol, None)

    def mark(self, symbol: str, price: float) -> None:
        """Take in the price of a coin that is held."""
        if symbol in self.units:
            self.price[symbol] = price

    def value(self, symbol: str) -> float:
        """Return what is held of a coin at its last price, negative of a short."""
        return self.units.get(symbol, 0.0) * self.price.get(symbol, 0.0)

    @property
    def long(self) -> float:
        """Worth of all longs."""
        return fsum(value for value in map(self.value, self.units) if value > 0.0)

    @property
    def short(self) -> float:
        """Worth of all shorts, as a number of 0 or more."""
        return abs(fsum(value for value in map(self.value, self.units) if value < 0.0))

    @property
    def equity(self) -> float:
        """Cash and all coins at their last prices."""
        return self.cash + fsum(map(self.value, self.units))

    def check(self) -> float:
        """Return the equity, after it was compared with what trading has made of the capital.

        Raises
        ------
        ComoveError
            The two differ by more than rounding: a defect of this package, never of the data.
        """
        equity = self.equity
        unreal = fsum(units * (self.price[symbol] - self._entry[symbol]) for symbol, units in self.units.items())
        made = self.capital + self.profits - self.costs - self.funding + unreal
        most = max(self._moved, abs(equity), *map(abs, map(self.value, self.units)))
        if not abs(equity - made) <= _ROUNDING * most:
            raise ComoveError(f"equity of {equity!r} in cash and coins is {made!r} in profits less costs", "invariant")
        return equity

    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs."""
        return {
            "capital": self.capital,
            "cash": self.cash,
            "coins": {symbol: [units, self.price[symbol], self._entry[symbol]] for symbol, units in self.units.items()},
            "sums": [self.profits, self.costs, self.funding, self.traded, self._moved],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Ledger:
        """Return a ledger that goes on as the one the state is of."""
        ledger = cls(state["capital"])
        ledger.cash = state["cash"]
        for symbol, (units, price, entry) in state["coins"].items():
            ledger.units[symbol], ledger.price[symbol], ledger._entry[symbol] = units, price, entry
        ledger.profits, ledger.costs, ledger.funding, ledger.traded, ledger._moved = state["sums"]
        return ledger
