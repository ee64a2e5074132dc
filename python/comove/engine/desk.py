"""The trading desk: positions, orders that may be filled, the account, and what fills do to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum
from typing import Any, Final

from comove.engine.account import Account, cost_of, price_of
from comove.engine.options import OrchestratorOptions
from comove.engine.trades import Order, Trade
from comove.errors import DataError
from comove.options import choice, positive, symbol_name
from comove.portfolio import MultiSymbolCoordinator, Position, RiskManager, Side
from comove.structure import MarketStructureCoordinator

__all__ = ["Desk"]

#: What rounding leaves of a position whose parts are all closed is no position.
_ALL: Final = 1.0 - 1e-9


class Desk:
    """The book and the risk manager, and what decisions and fills have made of them.

    Parameters
    ----------
    options : OrchestratorOptions
    structure : MarketStructureCoordinator
        Fed by the market; the book stands on it.

    Attributes
    ----------
    trades : dict of str to Trade
        Of each open position.
    orders : dict of str to Order
        Decisions that may be filled: of the last bar in which their symbol had a candle.
    closed_rows : dict of str to int
        The last bar before a position was closed.
    row : int
        The last bar of the market, whether the book could take it in or not.
    """

    __slots__ = ("account", "book", "closed_rows", "orders", "risk", "row", "trades")

    def __init__(self, options: OrchestratorOptions, structure: MarketStructureCoordinator) -> None:
        self.book = MultiSymbolCoordinator(
            structure, capital=options.capital, limits=options.limits, shared=True, max_gap=options.market.max_gap
        )
        self.risk = RiskManager(options.risk)
        self.account = Account(options.capital)
        self.trades: dict[str, Trade] = {}
        self.orders: dict[str, Order] = {}
        self.closed_rows: dict[str, int] = {}
        self.row = -1

    @property
    def open_profit(self) -> float:
        """Profit of the open positions at the prices they are worth at, in quote currency."""
        book = self.book
        return fsum(each.profit(book.worth_at(each.symbol) or each.entry) for each in book.positions)

    @property
    def equity(self) -> float:
        """What the account is worth, in quote currency."""
        return self.account.equity(self.open_profit)

    def value(self, ts: int, row: int, closes: Mapping[str, float], owner: float | None) -> None:
        """Take in the closes of a bar that the structure was fed, and what the owner says of the account."""
        self.row = row
        try:
            self.book.take_bar(ts, closes)
        except Exception:
            if self.book.last_bar != ts:
                self.book.miss_bar(ts)
            raise
        finally:
            if owner is not None:
                self.account.correct(owner, self.open_profit)
        equity = self.equity
        self.risk.update_equity(ts, equity)
        if equity > 0.0:
            self.book.set_capital(equity)

    def void_orders(self, symbols: Iterable[str]) -> None:
        """Take back the orders of these symbols: a candle of theirs went by, or their instruments ended."""
        gone = set(symbols)
        self.orders = {symbol: order for symbol, order in self.orders.items() if symbol not in gone}

    def least_parts(self, position: Position, price: float, fraction: float) -> float:
        """Return the fraction of a position to close: all of it where a part would be less than the least trade."""
        value = abs(position.exposure(price))
        parts = min(value * fraction, value * (1.0 - fraction))
        return 1.0 if fraction > _ALL or parts < self.risk.options.min_size else fraction

    def opened(self, symbol: str, side: Side, size: float, price: float, cost: float) -> None:
        """Take in that an order to open was filled; `MasterOrchestrator.opened` explains it."""
        symbol_name("symbol", symbol)
        choice("side", side, ("long", "short"))
        paid, order = cost_of(cost), self.orders.get(symbol)
        if order is None or order.side != side or order.stop is None:
            raise DataError(f"there is no order to open a {side} in {symbol}", "order")
        size, price = positive("size", size), positive("price", price)
        moved = price / order.price
        stop, target = order.stop * moved, None if order.take_profit is None else order.take_profit * moved
        self.book.open_position(Position(symbol=symbol, side=side, size=size, entry=price, stop=stop))
        self.account.take(0.0, paid)
        self.trades[symbol] = Trade(
            row=self.row, size=size, entry=price, first_stop=stop, stop=stop, take_profit=target
        )
        del self.orders[symbol]

    def closed(self, symbol: str, price: float, fraction: float, cost: float) -> float:
        """Take in that a position, or a part of it, was closed; `MasterOrchestrator.closed` explains it."""
        paid, price = cost_of(cost), price_of(price)
        part = self.book.close_position(symbol, fraction)
        profit = part.profit(price) if price else -part.sign * part.size
        self.account.take(profit, paid)
        order, trade = self.orders.pop(symbol, None), self.trades[symbol]
        if self.book.position(symbol) is None:
            del self.trades[symbol]
            self.closed_rows[symbol] = self.row
        elif order is not None:
            trade.taken += order.taken
            trade.reduced = trade.reduced or order.reduced
        return profit

    def to_state(self) -> dict[str, Any]:
        """Return all but the structure, which its owner saves."""
        return {
            "book": self.book.to_bytes(),
            "risk": self.risk.to_bytes(),
            "account": self.account.to_state(),
            "trades": {symbol: trade.to_state() for symbol, trade in self.trades.items()},
            "orders": {symbol: order.to_state() for symbol, order in self.orders.items()},
            "closed": self.closed_rows,
            "row": self.row,
        }

    def read(self, state: Mapping[str, Any], structure: MarketStructureCoordinator) -> None:
        """Take over the state of `to_state`, on the structure that its owner has restored.

        Raises
        ------
        DataError
            Trades that are not those of the book.
        """
        self.book = MultiSymbolCoordinator.from_bytes(state["book"])
        self.book.attach(structure)
        self.risk = RiskManager.from_bytes(state["risk"])
        self.account.read(state["account"])
        self.trades = {symbol: Trade(**trade) for symbol, trade in state["trades"].items()}
        self.orders = {symbol: Order(**order) for symbol, order in state["orders"].items()}
        self.closed_rows = {symbol: int(row) for symbol, row in state["closed"].items()}
        self.row = int(state["row"])
        if sorted(self.trades) != sorted(each.symbol for each in self.book.positions):
            raise DataError("the trades are not those of the book", "trades")
