"""Money: what the fills have left in cash, and what the open positions are worth.

Letters: q units of a position, negative of a short, P its price at entry.

    equity = capital + profits taken - costs + sum of q (price - P)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any

from comove.errors import ParameterError
from comove.options import positive
from comove.portfolio import Position

__all__ = ["Account", "cost_of"]


def cost_of(value: object) -> float:
    """Return the cost of a fill, at least 0.

    Raises
    ------
    ParameterError
        Anything else.
    """
    return 0.0 if value == 0 and not isinstance(value, bool) else positive("cost", value)


class Account:
    """Capital at the beginning, and what trading made of it.

    Parameters
    ----------
    capital : float, above 0
    """

    __slots__ = ("capital", "costs", "given", "profits")

    def __init__(self, capital: float) -> None:
        self.capital = positive("capital", capital)
        self.profits = 0.0
        """Taken so far, before costs."""
        self.costs = 0.0
        """Paid so far."""
        self.given: float | None = None
        """What the owner says that the account is worth, until the next fill."""

    def equity(self, positions: Iterable[Position], prices: Mapping[str, float]) -> float:
        """Return what the account is worth; a position without a price counts at its entry."""
        if self.given is not None:
            return self.given
        open_profit = fsum(each.profit(prices.get(each.symbol, each.entry)) for each in positions)
        return self.capital + self.profits - self.costs + open_profit

    def take(self, profit: float, cost: float) -> None:
        """Take in what a fill brought and cost."""
        self.profits += profit
        self.costs += cost
        self.given = None

    def set_equity(self, equity: object) -> None:
        """Take over what the owner says that it is worth: the broker knows of funding and transfers.

        Raises
        ------
        ParameterError
            Not finite and above 0.
        """
        self.given = positive("equity", equity)

    def settle(self, positions: Iterable[Position], prices: Mapping[str, float]) -> None:
        """Keep what the owner said as the new capital, so that later profits count from there."""
        if self.given is None:
            return
        given, self.given = self.given, None
        self.capital += given - self.equity(positions, prices)

    def to_state(self) -> list[Any]:
        """Return the sums."""
        return [self.capital, self.profits, self.costs, self.given]

    def read(self, state: Sequence[Any]) -> None:
        """Take over the sums of `to_state`.

        Raises
        ------
        ParameterError
            Numbers that cannot be.
        """
        capital, profits, costs, given = state
        if not all(isinstance(each, float) and each == each for each in (capital, profits, costs)):
            raise ParameterError(f"the account must hold numbers, got {state!r}", "type")
        self.capital, self.profits, self.costs = capital, profits, costs
        self.given = None if given is None else positive("equity", given)
