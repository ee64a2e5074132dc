"""`MasterOrchestrator`: one bar of all symbols in, one decision a symbol out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any, Final, Self

from comove.engine.account import Account, cost_of
from comove.engine.assembly import market_of, plain_options, read_options, sources_of, sources_registry
from comove.engine.decision import Action, Decision
from comove.engine.entries import Plan, Refusal, plan_entry, worth
from comove.engine.exits import manage
from comove.engine.health import Failure, HealthReport, StageClock
from comove.engine.options import OrchestratorOptions
from comove.engine.trades import Order, Trade
from comove.errors import DataError, ParameterError
from comove.options import choice, positive, symbol_name
from comove.portfolio import BetaPrior, MultiSymbolCoordinator, Position, RiskManager, Side, beta_prior
from comove.signals import Candle, Context, PredictionSource, SignalMarket
from comove.signals.ensemble import EnsemblePrediction, EnsemblePredictor
from comove.state import Sealed
from comove.structure import LeaderStatus
from comove.structure.snapshots import Fixed

__all__ = ["MasterOrchestrator"]

#: Failures that the health report keeps.
_KEPT: Final = 100
_NOTHING: Final[Fixed[float]] = Fixed({})


class MasterOrchestrator(Sealed):
    """The whole way from candles to decisions, the same in research and live.

    A bar takes this way, in this order: its candles are checked and laid on one row; market structure; features;
    regimes; prediction sources; ensemble; account, risk and heat; positions that are open; positions that may be
    opened, the surest first. A part that fails is told in `health`, and means hold for the symbols that needed it.

    What is decided happens elsewhere: say what was filled with `opened` and `closed`, before the next bar. An order
    that is not filled until then is void.

    Parameters
    ----------
    options : OrchestratorOptions, optional
        As of a TOML file: `comove.config.read_file`.
    sources : sequence of PredictionSource, optional
        Other sources than those of the options; each with the horizon of the ensemble. To restore a snapshot with a
        class of your own, tell of it by `EnsemblePredictor.register` before.

    Attributes
    ----------
    market : SignalMarket
    ensemble : EnsemblePredictor
    risk : RiskManager
    book : MultiSymbolCoordinator
        The positions, on the market's structure. To be asked; it is fed here.

    Raises
    ------
    ParameterError
        Options of another type, or a source that cannot be made of them.

    Notes
    -----
    Two runs over the same bars and fills decide the same to the bit on one machine, and so does a run that goes on from
    a snapshot at any bar. Across machines the measured structure and the features have the same bits; what linear
    algebra and nearest neighbours make of them may differ in the last places. One thread at a time.

    Examples
    --------
    >>> from comove import MasterOrchestrator
    >>> from comove.data import iterate_bars, simulate_market
    >>> engine = MasterOrchestrator()
    >>> for ts, candles in iterate_bars(simulate_market(n_bars=40, assets=["BONK"], seed=1).frames):
    ...     decisions = engine.update(ts, candles)
    >>> decisions["BONK"].action
    'hold'
    """

    __slots__ = (
        "_account", "_clock", "_closed", "_failures", "_orders", "_refused", "_seen", "_trades", "book", "ensemble",
        "market", "options", "risk",
    )  # fmt: skip

    kind = "orchestrator"

    def __init__(
        self, options: OrchestratorOptions | None = None, *, sources: Sequence[PredictionSource] | None = None
    ) -> None:
        self.options = OrchestratorOptions() if options is None else options
        if not isinstance(self.options, OrchestratorOptions):
            raise ParameterError(f"options must be OrchestratorOptions, got {type(options).__name__}", "type")
        self.market: SignalMarket = market_of(self.options)
        chosen = sources_of(self.options) if sources is None else sources
        self.ensemble = EnsemblePredictor(chosen, self.options.ensemble)
        self.risk = RiskManager(self.options.risk)
        self.book = MultiSymbolCoordinator(
            self.market.structure,
            capital=self.options.capital,
            limits=self.options.limits,
            shared=True,
            max_gap=self.options.market.max_gap,
        )
        self._account = Account(self.options.capital)
        self._begin()

    def _begin(self) -> None:
        self._trades: dict[str, Trade] = {}
        self._orders: dict[str, Order] = {}
        # The row of the last fill that closed a symbol, and of the last candle of each.
        self._closed: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._failures: deque[Failure] = deque(maxlen=_KEPT)
        self._clock = StageClock()

    # --- a bar ---

    def update(self, ts: object, candles: Mapping[str, Candle], *, equity: float | None = None) -> dict[str, Decision]:
        """Take in a bar of all symbols and decide.

        Parameters
        ----------
        ts : int, datetime or datetime64
            After the last bar; integers are nanoseconds, naive times are UTC.
        candles : mapping of str to candle
            ``open``, ``high``, ``low``, ``close`` and ``volume`` of each symbol that has one. One that cannot be is
            left out and told in `health`.
        equity : float, above 0, optional
            What the account is worth now, by the broker; by default what the fills have made of the capital.

        Returns
        -------
        dict of str to Decision
            Of each symbol with a candle, and of each with a position.

        Raises
        ------
        OrderError
            `ts` is not after the last bar.
        DataError
            No mapping of symbols to candles.
        ParameterError
            An equity that is not finite and above 0. After any of these all is as it was.
        """
        clock = self._clock
        clock.start()
        worth = None if equity is None else positive("equity", equity)
        bar, refused = self.market.sift(ts, candles)
        self._refused = {symbol: str(error) for symbol, error in refused.items()}
        self._orders = {}
        clock.mark("align")
        contexts = self.market.take(bar, clock.mark)
        for symbol, error in self.market.failures.items():
            self._fail("features", symbol, error)
        self._seen.update(dict.fromkeys(contexts, self.market.row))
        for context in contexts.values():
            self._regime(context)
        clock.mark("regime")
        predictions = self._predict(contexts)
        unvalued = self._value(bar.ts, contexts, worth)
        clock.mark("risk")
        decisions = self._decide(contexts, predictions, unvalued)
        clock.mark("decisions")
        clock.stop()
        return decisions

    def _regime(self, context: Context) -> None:
        # It is kept by the context, for all who ask later.
        try:
            _ = context.regime
        except Exception as error:
            self._fail("regime", context.symbol, error)

    def _predict(self, contexts: Mapping[str, Context]) -> dict[str, EnsemblePrediction | None]:
        """Return what the ensemble says; nothing where it fails."""
        whole = tuple(contexts.values())
        try:
            self.ensemble.observe(whole)
            self._clock.mark("sources")
            predictions = self.ensemble.predict_all(whole)
        except Exception as error:
            self._fail("ensemble", None, error)
            predictions = {}
        self._clock.mark("ensemble")
        return predictions

    def _value(self, ts: int, contexts: Mapping[str, Context], worth: float | None) -> str | None:
        """Bring the bar to the book, and its equity to the risk manager; return why that failed."""
        try:
            self.book.take_bar(ts, {symbol: context.close for symbol, context in contexts.items()})
            if worth is not None:
                self._account.correct(worth, self._open_profit)
            equity = self.equity
            self.risk.update_equity(ts, equity)
            if equity > 0.0:
                self.book.set_capital(equity)
        except Exception as error:
            self._fail("risk", None, error)
            return str(error)
        return None

    # --- decisions ---

    def _decide(
        self,
        contexts: Mapping[str, Context],
        predictions: Mapping[str, EnsemblePrediction | None],
        unvalued: str | None,
    ) -> dict[str, Decision]:
        statuses = [self.market.structure.leader_status(leader) for leader in self.book.leaders]
        breaking = [status for status in statuses if status.breaking is not False]
        if not any(status.breaking for status in breaking):
            for trade in self._trades.values():
                trade.reduced = False
        found: dict[str, Decision] = {}
        ended = self.book.ended
        for position in self.book.positions:
            if position.symbol not in contexts or position.symbol in ended:
                found[position.symbol] = self._untouched(position, position.symbol in ended)
                continue
            context, said = contexts[position.symbol], predictions.get(position.symbol)
            found[position.symbol] = self._guarded(
                context, said, lambda p=position, c=context, s=said: self._held(p, c, s, breaking)
            )
        candidates = []
        for symbol, context in contexts.items():
            if symbol in found:
                continue
            said = predictions.get(symbol)
            judged = self._candidate(context, said, unvalued)
            if isinstance(judged, Decision):
                found[symbol] = judged
            elif said is not None:
                candidates.append((said.probability, context, said, judged))
        # The surest first, of equals those that came first: each takes room that the next does not have.
        candidates.sort(key=lambda each: -each[0])
        found.update(self._enter(candidates, contexts))
        return {symbol: found[symbol] for symbol in (*contexts, *(s for s in found if s not in contexts))}

    def _candidate(self, context: Context, said: EnsemblePrediction | None, unvalued: str | None) -> Decision | float:
        """Return the volatility of a symbol that may be entered, or the decision to hold."""
        symbol = context.symbol
        if said is None:
            return self._hold(context, None, (f"nothing is predicted: {self._silence(symbol)}",))
        try:
            judged = worth(context, said, self.options.decisions)
        except Exception as error:
            self._fail("entries", symbol, error)
            return self._hold(context, said, (f"judging it failed: {error}",))
        if isinstance(judged, Refusal):
            return self._hold(context, said, judged.reasons)
        if unvalued is not None:
            return self._hold(context, said, (f"no entries: the book could not be valued: {unvalued}",))
        if self.risk.halt_reason is not None:
            return self._hold(context, said, (f"no entries: {self.risk.halt_reason}",))
        rest = self.options.decisions.cooldown_rows - (context.row - self._closed.get(symbol, -(1 << 62)))
        if rest > 0:
            return self._hold(context, said, (f"no entry for {rest} rows more after the last close",))
        return judged

    def _enter(
        self, candidates: Iterable[tuple[float, Context, EnsemblePrediction, float]], contexts: Mapping[str, Context]
    ) -> dict[str, Decision]:
        """Return the decisions on symbols that may be entered, in their order."""
        found: dict[str, Decision] = {}
        reserved: list[str] = []
        prior: BetaPrior | None = None
        for _, context, said, sigma in candidates:
            symbol = context.symbol
            try:
                prior = self._prior(contexts) if prior is None else prior
                plan = plan_entry(context, said, sigma, prior, self.book, self.risk)
                if isinstance(plan, Plan):
                    self.book.open_position(
                        Position(symbol=symbol, side=plan.side, size=plan.size, entry=context.close, stop=plan.stop)
                    )
                    reserved.append(symbol)
            except Exception as error:
                self._fail("entries", symbol, error)
                plan = Refusal((f"planning it failed: {error}",))
            found[symbol] = self._planned(context, said, plan)
        for symbol in reserved:
            self.book.close_position(symbol)
        return found

    def _prior(self, contexts: Mapping[str, Context]) -> BetaPrior | None:
        first = self.book.leaders[0]
        each = [context.beta(first) for symbol, context in contexts.items() if symbol != first]
        return beta_prior([metrics.beta for metrics in each], [metrics.stderr for metrics in each])

    def _planned(self, context: Context, said: EnsemblePrediction, plan: Plan | Refusal) -> Decision:
        if isinstance(plan, Refusal):
            return self._hold(context, said, plan.reasons)
        self._orders[context.symbol] = Order(
            side=plan.side, price=context.close, stop=plan.stop, take_profit=plan.take_profit
        )
        return self._decision(
            context,
            said,
            "buy" if plan.side == "long" else "sell",
            plan.reasons,
            size=plan.size,
            stop=plan.stop,
            take_profit=plan.take_profit,
        )

    def _held(
        self, position: Position, context: Context, said: EnsemblePrediction | None, breaking: Sequence[LeaderStatus]
    ) -> Decision:
        """Return what to do with an open position."""
        trade = self._trades[position.symbol]
        found = manage(position, trade, context, said, breaking, self.risk, self.options.decisions)
        size = abs(position.exposure(context.close)) * found.fraction
        action: Action = "hold" if found.rule is None else "exit" if found.fraction == 1.0 else "reduce"
        if found.rule is not None:
            self._orders[position.symbol] = Order(
                side=None, price=context.close, taken=found.taken, reduced=found.reduced
            )
        return self._decision(
            context, said, action, found.reasons, size=size, stop=trade.stop, take_profit=trade.take_profit,
            side=position.side,
        )  # fmt: skip

    def _guarded(self, context: Context, said: EnsemblePrediction | None, decide: Any) -> Decision:
        try:
            found: Decision = decide()
        except Exception as error:
            self._fail("exits", context.symbol, error)
            return self._hold(context, said, (f"looking after the position failed: {error}",))
        return found

    def _hold(self, context: Context, said: EnsemblePrediction | None, reasons: tuple[str, ...]) -> Decision:
        return self._decision(context, said, "hold", reasons)

    def _decision(
        self,
        context: Context,
        said: EnsemblePrediction | None,
        action: Action,
        reasons: tuple[str, ...],
        *,
        size: float = 0.0,
        stop: float | None = None,
        take_profit: float | None = None,
        side: Side | None = None,
    ) -> Decision:
        confidence = None if said is None else said.probability
        if said is not None and side is not None and said.direction != side:
            confidence = 1.0 - said.probability
        return Decision(
            symbol=context.symbol,
            ts=context.ts,
            action=action,
            size=size,
            price=context.close,
            stop=stop,
            take_profit=take_profit,
            confidence=confidence,
            reasons=reasons,
            attribution=_NOTHING if said is None else said.attribution,
        )

    def _untouched(self, position: Position, ended: bool) -> Decision:
        """Return that a position is held because nothing is known of its price."""
        symbol, trade, ts = position.symbol, self._trades[position.symbol], self.market.last_ts
        rows = self.market.row - self._seen.get(symbol, -1)
        if ended:
            reason = (
                f"the instrument ended in a hole of more than {self.options.market.max_gap} rows; what trades under "
                "its name is another one: say by closed() what the position brought"
            )
        elif symbol in self._refused:
            reason = f"its candle was refused: {self._refused[symbol]}"
        else:
            reason = f"{symbol} has had no candle for {rows} rows: the position cannot be judged"
        return Decision(
            symbol=symbol, ts=0 if ts is None else ts, action="hold", size=0.0, price=None, stop=trade.stop,
            take_profit=trade.take_profit, confidence=None, attribution=_NOTHING, reasons=(reason,),
        )  # fmt: skip

    def _silence(self, symbol: str) -> str:
        failed = [each for each in self._failures if each.ts == self.market.last_ts and each.stage == "ensemble"]
        return (
            f"the ensemble failed: {failed[-1].error}" if failed else self.ensemble.abstained.get(symbol, "no reason")
        )

    # --- fills ---

    def opened(self, symbol: str, side: Side, size: float, price: float, *, cost: float = 0.0) -> None:
        """Say that an order to open was filled; stop and target lie as far from this price as decided.

        Parameters
        ----------
        symbol : str
        side : {"long", "short"}
        size : float, above 0
            What was paid, in quote currency.
        price : float, above 0
        cost : float, at least 0
            Fees in quote currency.

        Raises
        ------
        DataError
            There was no such order in the last bar, or there is a position.
        ParameterError
            A number out of its bounds. After either all is as it was.
        """
        symbol_name("symbol", symbol)
        choice("side", side, ("long", "short"))
        paid, order = cost_of(cost), self._orders.get(symbol)
        if order is None or order.side != side or order.stop is None:
            raise DataError(f"there is no order to open a {side} in {symbol}", "order")
        size, price = positive("size", size), positive("price", price)
        moved = price / order.price
        stop, target = order.stop * moved, None if order.take_profit is None else order.take_profit * moved
        self.book.open_position(Position(symbol=symbol, side=side, size=size, entry=price, stop=stop))
        self._account.take(0.0, paid)
        self._trades[symbol] = Trade(
            row=self.market.row, size=size, entry=price, first_stop=stop, stop=stop, take_profit=target
        )
        del self._orders[symbol]

    def closed(self, symbol: str, price: float, *, fraction: float = 1.0, cost: float = 0.0) -> float:
        """Say that a position, or a part of it, was closed: by an order, by its stop or target, or by hand.

        Parameters
        ----------
        symbol : str
        price : float, above 0
        fraction : float, above 0, at most 1
            Of what was open.
        cost : float, at least 0
            Fees in quote currency.

        Returns
        -------
        float
            What it brought before costs, in quote currency.

        Raises
        ------
        DataError
            No position in the symbol.
        ParameterError
            A number out of its bounds. After either all is as it was.
        """
        paid, price = cost_of(cost), positive("price", price)
        part = self.book.close_position(symbol, fraction)
        profit = part.profit(price)
        self._account.take(profit, paid)
        order, trade = self._orders.pop(symbol, None), self._trades[symbol]
        if self.book.position(symbol) is None:
            del self._trades[symbol]
            self._closed[symbol] = self.market.row
        elif order is not None:
            trade.taken += order.taken
            trade.reduced = trade.reduced or order.reduced
        return profit

    @property
    def equity(self) -> float:
        """What the account is worth, in quote currency: positions at their last prices.

        What trades under a name after its instrument ended is not the position's price.
        """
        return self._account.equity(self._open_profit)

    @property
    def _open_profit(self) -> float:
        book = self.book
        return fsum(each.profit(book.worth_at(each.symbol) or each.entry) for each in book.positions)

    @property
    def costs(self) -> float:
        """What fills have cost so far, in quote currency."""
        return self._account.costs

    def trade(self, symbol: str) -> Trade | None:
        """Return stop, target and history of the open position in a symbol; None where there is none."""
        return self._trades.get(symbol)

    # --- health ---

    def health(self) -> HealthReport:
        """Return how all parts are after the last bar."""
        market, row = self.market, self.market.row
        statuses = [market.structure.leader_status(leader) for leader in market.structure.leaders]
        return HealthReport(
            ts=market.last_ts,
            bars=row + 1,
            stale={symbol: row - seen for symbol, seen in self._seen.items() if seen < row},
            missing_leaders=tuple(
                leader for leader in market.structure.leaders if self._seen.get(leader, -1) < row or row < 0
            ),
            breaking_leaders=tuple(status.leader for status in statuses if status.breaking),
            refused=dict(self._refused),
            sources={name: str(status) for name, status in self.ensemble.status.items()},
            failures=tuple(self._failures),
            halted=self.risk.halt_reason,
            latency=self._clock.report(),
        )

    def _fail(self, stage: str, symbol: str | None, error: object) -> None:
        text = str(error) or type(error).__name__
        ts = self.market.last_ts
        self._failures.append(Failure(0 if ts is None else ts, stage, symbol, text))

    # --- state ---

    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs; the times of stages are not in it."""
        return {
            "options": plain_options(self.options),
            "market": self.market.to_bytes(),
            "ensemble": self.ensemble.to_bytes(),
            "risk": self.risk.to_bytes(),
            "book": self.book.to_bytes(),
            "account": self._account.to_state(),
            "trades": {symbol: trade.to_state() for symbol, trade in self._trades.items()},
            "orders": {symbol: order.to_state() for symbol, order in self._orders.items()},
            "closed": self._closed,
            "seen": self._seen,
            "refused": self._refused,
            "failures": [[each.ts, each.stage, each.symbol, each.error] for each in self._failures],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return an orchestrator that goes on as the one the state is of."""
        engine = cls.__new__(cls)
        engine.options = read_options(state["options"])
        engine.market = SignalMarket.from_bytes(state["market"])
        engine.ensemble = EnsemblePredictor.from_bytes(state["ensemble"], sources_registry())
        engine.risk = RiskManager.from_bytes(state["risk"])
        engine.book = MultiSymbolCoordinator.from_bytes(state["book"])
        engine.book.attach(engine.market.structure)
        engine._account = Account(engine.options.capital)
        engine._account.read(state["account"])
        engine._begin()
        engine._trades = {symbol: Trade(**trade) for symbol, trade in state["trades"].items()}
        engine._orders = {symbol: Order.from_state(order) for symbol, order in state["orders"].items()}
        engine._closed = {symbol: int(row) for symbol, row in state["closed"].items()}
        engine._seen = {symbol: int(row) for symbol, row in state["seen"].items()}
        engine._refused = dict(state["refused"])
        engine._failures.extend(Failure(*each) for each in state["failures"])
        if sorted(engine._trades) != sorted(each.symbol for each in engine.book.positions):
            raise DataError("the trades are not those of the book", "trades")
        return engine

    def __repr__(self) -> str:
        return f"MasterOrchestrator({self.market.row + 1} bars, {len(self._trades)} positions, equity {self.equity:g})"
