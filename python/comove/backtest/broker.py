"""The exchange of a backtest: what a bar makes of orders, stops, targets and positions.

A bar takes this way: instruments that ended; funding; liquidation; orders to close, then those to open, at the open;
stops and targets: at the open where it lies beyond one, else by low and high, the worse one first. Without a candle
nothing of a coin is bought or sold, and its orders wait; in one in which nothing was traded neither, and what is
decided at its close takes the place of the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Final

from comove.backtest.costs import Costs
from comove.backtest.ledger import Ledger
from comove.backtest.records import Records
from comove.backtest.strategy import Strategy
from comove.backtest.usual import UsualBars
from comove.engine import Decision
from comove.errors import DataError

__all__ = ["Broker"]

Candle = Mapping[str, Any]

#: An order of which less is left after the limits is not worth a fill.
_LEAST_PART: Final = 0.01
_ORDERS: Final = ("buy", "sell", "reduce", "exit")


@dataclass(slots=True, kw_only=True)
class Holding:
    """What a trade's row tells of its opening, and what the position has cost since."""

    side: str
    opened: int
    """Time of the bar of the fill."""
    row: int
    entry: float
    regime: str | None
    probability: float | None
    attribution: dict[str, float]
    costs: float
    """Of what is still open."""
    funding: float
    """Of what is still open."""


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A decision that is not filled yet."""

    action: str
    size: float
    price: float
    reason: str
    regime: str | None
    probability: float | None
    attribution: dict[str, float]


class Broker:
    """Fills the decisions of a strategy, and keeps its account.

    Parameters
    ----------
    strategy : Strategy
        Hears of each fill.
    costs : Costs
    capital : float, above 0
    max_gap : int
        A hole of more rows ends an instrument.
    """

    __slots__ = (
        "_called",
        "_held",
        "_seen",
        "_ts",
        "_usual",
        "_waiting",
        "costs",
        "ledger",
        "max_gap",
        "records",
        "row",
        "strategy",
    )

    def __init__(self, strategy: Strategy, costs: Costs, capital: float, max_gap: int) -> None:
        self.strategy, self.costs, self.max_gap = strategy, costs, max_gap
        self.ledger = Ledger(capital)
        self.records = Records()
        self.row = -1
        self._ts: int | None = None
        self._usual = UsualBars(costs.volume_bars)
        self._held: dict[str, Holding] = {}
        self._waiting: dict[str, Waiting] = {}
        # The row of the last candle of each coin.
        self._seen: dict[str, int] = {}
        # Whether the exchange closes all positions for want of margin.
        self._called = False

    # --- a bar ---

    def watch(self, ts: int, candles: Mapping[str, Candle]) -> None:
        """Take in a bar before trading begins: what is usual is known from its first day on."""
        self._begin(ts)
        self._end_instruments(ts)
        self._end(ts, candles)

    def trade(self, ts: int, candles: Mapping[str, Candle]) -> float:
        """Let a bar fill what it fills; return what the account is worth at its closes."""
        before = self._ts
        self._begin(ts)
        there = {symbol: candle for symbol, candle in candles.items() if candle.get("close") is not None}
        self._end_instruments(ts)
        open_now = {symbol: candle for symbol, candle in there.items() if _trades(candle)}
        if before is not None:
            self._fund(self.costs.fundings(before, ts), open_now)
        for symbol, candle in open_now.items():
            self.ledger.mark(symbol, candle["open"])
        self._fill(ts, open_now)
        for symbol in [symbol for symbol in self._held if symbol in open_now]:
            self._guard(symbol, ts, open_now[symbol])
        self._end(ts, there)
        equity = self.ledger.check()
        worth = self.ledger.long + self.ledger.short
        self._called = worth > 0.0 and equity < self.costs.maintenance * worth
        return equity

    def order(self, decisions: Mapping[str, Decision], regime: str | None) -> None:
        """Take the orders of a bar: they are filled at the next open of their coin.

        Raises
        ------
        DataError
            One that cannot be carried out; then none is taken.
        """
        for decision in decisions.values():
            _check(decision)
        for symbol, decision in decisions.items():
            # Without a candle the strategy had nothing to decide on; what waits goes on waiting.
            if decision.price is None:
                continue
            self._waiting.pop(symbol, None)
            if decision.action != "hold":
                self._waiting[symbol] = Waiting(
                    action=decision.action,
                    size=decision.size,
                    price=decision.price,
                    reason=decision.rule or decision.action,
                    regime=regime,
                    probability=decision.confidence,
                    attribution=dict(decision.attribution),
                )

    def note(self, ts: int, before: tuple[float, float, float], regime: str | None, heat: float) -> None:
        """Write down the account after a bar; `before` has the sums of costs, funding and fills before it."""
        ledger = self.ledger
        self.records.equity.append(
            (
                ts,
                ledger.equity,
                ledger.cash,
                ledger.long,
                ledger.short,
                heat,
                regime,
                len(self._held),
                ledger.costs - before[0],
                ledger.funding - before[1],
                ledger.traded - before[2],
            )
        )

    @property
    def sums(self) -> tuple[float, float, float]:
        """Costs, funding and the value of fills so far."""
        return self.ledger.costs, self.ledger.funding, self.ledger.traded

    def finish(self, ts: int, candles: Mapping[str, Candle], reason: str) -> None:
        """Close all positions at the closes of the last bar; `settle` follows those without a candle."""
        self._waiting.clear()
        for symbol in list(self._held):
            candle = candles.get(symbol)
            if candle is not None and candle.get("close") is not None and _trades(candle):
                self._close_at_market(symbol, ts, candle["close"], 1.0, reason, gap=False)
        self.ledger.check()

    @property
    def halted(self) -> bool:
        """Whether positions are open."""
        return bool(self._held)

    def settle(self, ts: int, later: Iterable[tuple[int, Mapping[str, Candle]]], reason: str) -> None:
        """Close what `finish` could not at its next open, or lose it with its instrument, in the bars after `ts`.

        What comes to neither before the bars end stays open at its last price.
        """
        row = self.row
        for when, candles in later:
            self.row += 1
            self._end_instruments(when)
            for symbol in [symbol for symbol in self._held if symbol in candles]:
                candle = candles[symbol]
                if candle.get("close") is not None:
                    self._seen[symbol] = self.row
                    if _trades(candle):
                        self._close_at_market(symbol, when, candle["open"], 1.0, reason, gap=False)
            if not self._held:
                break
        self.row = row
        for symbol in list(self._held):
            self._leave(symbol, ts)
        self.ledger.check()

    # --- its parts ---

    def _begin(self, ts: int) -> None:
        self.row += 1
        self._ts = ts

    def _end(self, ts: int, candles: Mapping[str, Candle]) -> None:
        for symbol, candle in candles.items():
            close = candle.get("close")
            if close is not None:
                self._seen[symbol] = self.row
                self._usual.push(symbol, candle)
                self.ledger.mark(symbol, close)

    def _end_instruments(self, ts: int) -> None:
        """End those with more rows than a hole may have behind their last candle, this one not counted."""
        for symbol in [symbol for symbol, seen in self._seen.items() if self.row - seen - 1 > self.max_gap]:
            self._write_down(symbol, ts)

    def _write_down(self, symbol: str, ts: int) -> None:
        """Lose a position whose instrument ended, and forget all that was known of it."""
        self._waiting.pop(symbol, None)
        self._usual.forget(symbol)
        del self._seen[symbol]
        if symbol not in self._held:
            return
        last = self.ledger.price[symbol]
        price = last * self.costs.recovery if self._held[symbol].side == "long" else last
        self._close(symbol, ts, price, 0.0, 1.0, "ended", gap=False)

    def _fund(self, times: int, candles: Mapping[str, Candle]) -> None:
        """Let longs pay shorts; a halted coin pays nothing."""
        for symbol, holding in self._held.items():
            candle = candles.get(symbol)
            if candle is None:
                continue
            rate = candle["funding"] if "funding" in candle else times * self.costs.funding_rate
            if rate:
                amount = rate * self.ledger.units[symbol] * candle["open"]
                self.ledger.fund(amount)
                holding.funding += amount

    def _fill(self, ts: int, candles: Mapping[str, Candle]) -> None:
        if self._called:
            self._waiting.clear()
            for symbol in [symbol for symbol in self._held if symbol in candles]:
                self._close_at_market(symbol, ts, candles[symbol]["open"], 1.0, "liquidation", gap=True)
            return
        # Closing makes room for what is opened.
        orders = sorted(
            (symbol for symbol in self._waiting if symbol in candles),
            key=lambda symbol: self._waiting[symbol].action in ("buy", "sell"),
        )
        for symbol in orders:
            order, price = self._waiting.pop(symbol), candles[symbol]["open"]
            if order.action in ("buy", "sell"):
                self._open(symbol, ts, order, price)
            elif symbol in self._held:
                whole = abs(self.ledger.units[symbol]) * order.price
                part = 1.0 if order.action == "exit" else min(1.0, order.size / whole)
                self._close_at_market(symbol, ts, price, part, order.reason, gap=False)

    def _open(self, symbol: str, ts: int, order: Waiting, price: float) -> None:
        if symbol in self._held:
            raise DataError(f"{symbol} has a position already: a strategy closes it before it opens another", "order")
        size = min(order.size, self._room(symbol))
        if not size >= _LEAST_PART * order.size:
            return
        long = order.action == "buy"
        filled = self._moved(symbol, price, size, buys=long)
        cost = self.costs.fee * size
        units = size / filled if long else -size / filled
        self.ledger.trade(symbol, units, filled, cost)
        self._held[symbol] = Holding(
            side="long" if long else "short",
            opened=ts,
            row=self.row,
            entry=filled,
            regime=order.regime,
            probability=order.probability,
            attribution=order.attribution,
            costs=cost,
            funding=0.0,
        )
        self.strategy.opened(symbol, "long" if long else "short", size, filled, cost=cost)

    def _room(self, symbol: str) -> float:
        """Return how much may be opened, by margin and by what the coin usually trades."""
        ledger, costs = self.ledger, self.costs
        # The fee is paid from the equity that the margin is of.
        margin = (costs.leverage * ledger.equity - ledger.long - ledger.short) / (1.0 + costs.leverage * costs.fee)
        volume = self._usual.volume(symbol)
        return margin if volume is None else min(margin, costs.max_participation * volume)

    def _guard(self, symbol: str, ts: int, candle: Candle) -> None:
        """Close a position whose stop or target lies within the bar: the stop, where both do."""
        guarded = self.strategy.trade(symbol)
        if guarded is None:
            return
        opened, sign = candle["open"], 1.0 if self._held[symbol].side == "long" else -1.0
        worst, best = (candle.get("low"), candle.get("high"))[:: 1 if sign > 0.0 else -1]
        stop, target = guarded.stop, guarded.take_profit
        stop_gap = stop is not None and sign * (opened - stop) <= 0.0
        # The open comes first: what the rest of the bar does is too late for the other one.
        gap = not stop_gap and target is not None and sign * (opened - target) >= 0.0
        if stop is not None and not gap and sign * ((opened if worst is None else worst) - stop) <= 0.0:
            self._close_at_market(symbol, ts, opened if stop_gap else stop, 1.0, "stop", gap=stop_gap)
        elif target is not None and sign * ((opened if best is None else best) - target) >= 0.0:
            price = opened if gap else target
            value = abs(self.ledger.units[symbol]) * price
            self._close(symbol, ts, price, self.costs.maker_fee * value, 1.0, "take_profit", gap=gap)

    def _close_at_market(self, symbol: str, ts: int, price: float, part: float, reason: str, *, gap: bool) -> None:
        units = self.ledger.units[symbol] * part
        filled = self._moved(symbol, price, abs(units) * price, buys=units < 0.0)
        self._close(symbol, ts, filled, self.costs.fee * abs(units) * filled, part, reason, gap=gap)

    def _close(self, symbol: str, ts: int, price: float, cost: float, part: float, reason: str, *, gap: bool) -> None:
        """Close a part of a position, write it down, and tell the strategy."""
        held = self.ledger.units[symbol]
        units = held if part == 1.0 else held * part
        profit = self.ledger.trade(symbol, -units, price, cost)
        self._write(symbol, ts, units, price, profit, cost, part, reason, gap)
        # What the exchange pays for a limit order is no cost; the strategy hears of it by what the account is worth.
        self.strategy.closed(symbol, price, fraction=part, cost=max(cost, 0.0))

    def _leave(self, symbol: str, ts: int) -> None:
        """Write down a position that is still open in the end, at its last price."""
        units, price = self.ledger.units[symbol], self.ledger.price[symbol]
        self._write(symbol, ts, units, price, units * (price - self._held[symbol].entry), 0.0, 1.0, "open", False)

    def _write(
        self,
        symbol: str,
        ts: int,
        units: float,
        price: float,
        profit: float,
        cost: float,
        part: float,
        reason: str,
        gap: bool,
    ) -> None:
        holding = self._held[symbol]
        costs, funding = holding.costs * part, holding.funding * part
        holding.costs -= costs
        holding.funding -= funding
        paid = costs + cost
        self.records.trade(
            (
                symbol,
                holding.side,
                holding.opened,
                ts,
                holding.entry,
                price,
                abs(units),
                abs(units) * holding.entry,
                profit,
                paid,
                funding,
                profit - paid - funding,
                self.row - holding.row,
                reason,
                holding.regime,
                holding.probability,
                gap,
            ),
            holding.attribution,
        )
        if part == 1.0:
            del self._held[symbol]

    def _moved(self, symbol: str, price: float, value: float, *, buys: bool) -> float:
        """Return the price of a market order."""
        moved = self._usual.moved(symbol, value, self.costs)
        return price * moved if buys else price / moved

    # --- state ---

    def to_state(self) -> dict[str, Any]:
        """Return all but the strategy and the records, which their owner saves."""
        return {
            "ledger": self.ledger.to_state(),
            "row": self.row,
            "ts": self._ts,
            "seen": self._seen,
            "usual": self._usual.to_state(),
            "held": {symbol: asdict(holding) for symbol, holding in self._held.items()},
            "waiting": {symbol: asdict(waiting) for symbol, waiting in self._waiting.items()},
            "called": self._called,
            "closed": self.records.closed,
        }

    def read(self, state: Mapping[str, Any]) -> None:
        """Take over the state of `to_state`."""
        self.ledger = Ledger.from_state(state["ledger"])
        self.row, self._ts, self._called = state["row"], state["ts"], state["called"]
        self._seen = dict(state["seen"])
        self._usual.read(state["usual"])
        self._held = {symbol: Holding(**each) for symbol, each in state["held"].items()}
        self._waiting = {symbol: Waiting(**each) for symbol, each in state["waiting"].items()}
        self.records.closed = state["closed"]


def _check(decision: Decision) -> None:
    """Raise where a decision of a strategy cannot be carried out."""
    if decision.action == "hold":
        return
    if decision.action not in _ORDERS:
        known = ", ".join(_ORDERS)
        raise DataError(f"{decision.symbol}: action must be hold, {known}, got {decision.action!r}", "action")
    if decision.action != "exit" and not 0.0 < decision.size < inf:
        raise DataError(
            f"{decision.symbol}: size to {decision.action} must be above 0 and finite, got {decision.size!r}", "size"
        )


def _trades(candle: Candle) -> bool:
    """Tell whether anything is bought and sold in a candle: it opens, and has a volume, or none is known."""
    return candle.get("open") is not None and candle.get("volume") != 0.0
