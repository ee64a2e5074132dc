"""Money: what the fills have left in cash, and what the open positions are worth.

Letters: q units of a position, negative of a short, P its price at entry.

    equity = capital + profits taken - costs + sum of q (price - P)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from comove.errors import ParameterError
from comove.options import positive

__all__ = ["Account", "cost_of", "price_of"]


def cost_of(value: object) -> float:
    """Return the cost of a fill, at least 0.

    Raises
    ------
    ParameterError
        Anything else.
    """
    return _at_least_zero("cost", value)


def price_of(value: object) -> float:
    """Return the price at which a position was closed, at least 0.

    Raises
    ------
    ParameterError
        Anything else.
    """
    return _at_least_zero("price", value)


def _at_least_zero(name: str, value: object) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else positive(name, value)


class Account:
    """Capital at the beginning, and what trading made of it.

    Parameters
    ----------
    capital : float, above 0
    """

    __slots__ = ("capital", "costs", "profits")

    def __init__(self, capital: float) -> None:
        self.capital = positive("capital", capital)
        """At the beginning, and what the owner has added to it or taken out since."""
        self.profits = 0.0
        """Taken so far, before costs."""
        self.costs = 0.0
        """Paid so far."""

    def equity(self, open_profit: float) -> float:
        """Return what the account is worth, with the profit of the open positions at their prices."""
        return self.capital + self.profits - self.costs + open_profit

    def take(self, profit: float, cost: float) -> None:
        """Take in what a fill brought and cost."""
        self.profits += profit
        self.costs += cost

    def correct(self, equity: float, open_profit: float) -> None:
        """Take over what the owner says that it is worth: the broker knows of funding and transfers."""
        self.capital = equity - (self.profits - self.costs + open_profit)

    def to_state(self) -> list[Any]:
        """Return the sums."""
        return [self.capital, self.profits, self.costs]

    def read(self, state: Sequence[Any]) -> None:
        """Take over the sums of `to_state`.

        Raises
        ------
        ParameterError
            Numbers that cannot be.
        """
        if len(state) != 3 or not all(isinstance(each, float) and isfinite(each) for each in state):
            raise ParameterError(f"the account must hold three numbers, got {state!r}", "type")
        self.capital, self.profits, self.costs = state
