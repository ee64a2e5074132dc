"""`MasterOrchestrator`: one bar of all symbols in, one decision a symbol out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from comove.engine.assembly import market_of, plain_options, read_options, sources_of, sources_registry
from comove.engine.deciding import Known, decide
from comove.engine.decision import Decision
from comove.engine.desk import Desk
from comove.engine.health import Failure, HealthReport, StageClock
from comove.engine.options import OrchestratorOptions
from comove.engine.trades import Trade
from comove.errors import ParameterError
from comove.options import options_of, positive
from comove.portfolio import MultiSymbolCoordinator, RiskManager, Side
from comove.signals import Candle, Context, PredictionSource, SignalMarket
from comove.signals.ensemble import EnsemblePrediction, EnsemblePredictor, SourceStatus
from comove.state import Sealed
from comove.structure import LeaderStatus

__all__ = ["MasterOrchestrator"]

#: Failures that the health report keeps.
_KEPT: Final = 100


class MasterOrchestrator(Sealed):
    """The whole way from candles to decisions, the same in research and live.

    A bar takes this way, in this order: its candles are checked and laid on one row; market structure; features;
    regimes; prediction sources; ensemble; account, risk and heat; positions that are open; positions that may be
    opened, the surest first. A part that fails is told in `health`, and means hold for the symbols that needed it.

    What is decided happens elsewhere: say what was filled with `opened` and `closed`, before the next bar. An order
    that is not filled until the next candle of its symbol is in is void.

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
        To be asked; they are fed here.

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
    >>> for ts, candles in iterate_bars(simulate_market(n_bars=100, assets=["BONK"], seed=1).frames):
    ...     decisions = engine.update(ts, candles)
    >>> decisions["BONK"].action
    'hold'
    """

    __slots__ = ("_clock", "_desk", "_failures", "_refused", "_seen", "ensemble", "market", "options")

    kind = "orchestrator"

    def __init__(
        self, options: OrchestratorOptions | None = None, *, sources: Sequence[PredictionSource] | None = None
    ) -> None:
        self.options = options_of(options, OrchestratorOptions)
        self.market: SignalMarket = market_of(self.options)
        chosen = sources_of(self.options) if sources is None else sources
        self.ensemble = EnsemblePredictor(chosen, self.options.ensemble)
        unknown = [name for name in self.options.ensemble.prior if name not in self.ensemble.sources]
        if unknown:
            raise ParameterError(
                f"prior must be of the sources {', '.join(self.ensemble.sources)}, got {', '.join(unknown)}", "prior"
            )
        self._desk = Desk(self.options, self.market.structure)
        self._begin()

    def _begin(self) -> None:
        # The row of the last candle of each symbol, and why candles of the last bar were refused.
        self._seen: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._failures: deque[Failure] = deque(maxlen=_KEPT)
        self._clock = StageClock()

    @property
    def book(self) -> MultiSymbolCoordinator:
        """The positions, on the market's structure; to be asked."""
        return self._desk.book

    @property
    def risk(self) -> RiskManager:
        """Sizes, stops and the limit on drawdown; `resume` ends a halt."""
        return self._desk.risk

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
            An equity that is not finite and above 0, a name that is no symbol. After any of these all is as it was.
        """
        ts, contexts, predictions, unvalued = self._take(ts, candles, equity)
        decisions = self._decide(ts, contexts, predictions, unvalued)
        self._clock.mark("decisions")
        self._clock.stop()
        return decisions

    def learn(self, ts: object, candles: Mapping[str, Candle], *, equity: float | None = None) -> None:
        """Take in a bar as `update` does, and decide nothing: on history, before trading begins.

        All is measured, predicted and learned as by `update`; without the decisions it takes less time. Open positions
        are valued, and nothing is done about them.

        Parameters
        ----------
        ts, candles, equity
            As of `update`.

        Raises
        ------
        OrderError, DataError, ParameterError
            As `update`, and all is as it was.
        """
        self._take(ts, candles, equity)
        self._clock.stop()

    def _take(
        self, ts: object, candles: Mapping[str, Candle], equity: float | None
    ) -> tuple[int, Mapping[str, Context], Mapping[str, EnsemblePrediction | None], str | None]:
        """Take in a bar; return its time, what is seen, what is predicted, and why the book could not be valued."""
        clock = self._clock
        clock.start()
        owner = None if equity is None else positive("equity", equity)
        bar, refused = self.market.sift(ts, candles)
        self._refused = {symbol: str(error) for symbol, error in refused.items()}
        clock.mark("align")
        contexts = self.market.take(bar, clock.mark)
        for symbol, error in self.market.failures.items():
            self._fail("features", symbol, error)
        row = self.market.row
        self._seen.update(dict.fromkeys(contexts, row))
        # A candle in the next row would be another instrument's where the hole is too long by then.
        longest = self.options.market.max_gap
        self._desk.void_orders(symbol for symbol, seen in self._seen.items() if seen == row or row - seen > longest)
        for context in contexts.values():
            self._regime(context)
        clock.mark("regime")
        predictions = self._predict(contexts)
        unvalued = self._value(bar.ts, contexts, owner)
        clock.mark("risk")
        return bar.ts, contexts, predictions, unvalued

    def _regime(self, context: Context) -> None:
        # The name alone: what it is made of is made for those who ask.
        try:
            _ = context.label
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

    def _value(self, ts: int, contexts: Mapping[str, Context], owner: float | None) -> str | None:
        """Bring the bar to the desk; return why that failed."""
        try:
            closes = {symbol: context.close for symbol, context in contexts.items()}
            self._desk.value(ts, self.market.row, closes, owner)
        except Exception as error:
            self._fail("risk", None, error)
            return str(error)
        return None

    def _decide(
        self,
        ts: int,
        contexts: Mapping[str, Context],
        predictions: Mapping[str, EnsemblePrediction | None],
        unvalued: str | None,
    ) -> dict[str, Decision]:
        statuses = self._statuses()
        if statuses is None:
            unvalued = unvalued or "it is not known what the leaders do"
        known = Known(
            ts=ts,
            contexts=contexts,
            predictions=predictions,
            silence=self._silence,
            absence=self._absence,
            statuses=statuses or (),
            unvalued=unvalued,
            fail=self._fail,
        )
        return decide(self._desk, known, self.options.decisions)

    def _statuses(self) -> list[LeaderStatus] | None:
        """Return what each leader does; None where finding out fails."""
        structure = self.market.structure
        try:
            return [structure.leader_status(leader) for leader in structure.leaders]
        except Exception as error:
            self._fail("structure", None, error)
            return None

    def _silence(self, symbol: str) -> str:
        failed = [each for each in self._failures if each.ts == self.market.last_ts and each.stage == "ensemble"]
        if failed:
            return f"the ensemble failed: {failed[-1].error}"
        return self.ensemble.abstained.get(symbol, "no reason is given")

    def _absence(self, symbol: str) -> str:
        if symbol in self.book.ended:
            return (
                f"the instrument ended in a hole of more than {self.options.market.max_gap} rows; what trades under "
                "its name is another one: say by closed() what the position brought"
            )
        if symbol in self._refused:
            return f"its candle was refused: {self._refused[symbol]}"
        rows = self.market.row - self._seen.get(symbol, -1)
        return f"{symbol} has had no candle for {rows} rows: the position cannot be judged"

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
            There is no such order, or there is a position.
        ParameterError
            A number out of its bounds. After either all is as it was.
        """
        self._desk.opened(symbol, side, size, price, cost)

    def closed(self, symbol: str, price: float, *, fraction: float = 1.0, cost: float = 0.0) -> float:
        """Say that a position, or a part of it, was closed: by an order, by its stop or target, or by hand.

        Parameters
        ----------
        symbol : str
        price : float, at least 0
            0 where nothing is left of its instrument.
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
        return self._desk.closed(symbol, price, fraction, cost)

    @property
    def equity(self) -> float:
        """What the account is worth, in quote currency: positions at their last prices.

        What trades under a name after its instrument ended is not the position's price.
        """
        return self._desk.equity

    @property
    def costs(self) -> float:
        """What fills have cost so far, in quote currency."""
        return self._desk.account.costs

    @property
    def regime(self) -> str | None:
        """Name of the market's regime after the last bar, in lower case; None before there is one."""
        return None if self.market.row < 0 else self.market.structure.detect_market_regime().regime.value

    @property
    def heat(self) -> float:
        """The book's correlated heat, over its capital."""
        return self.book.heat().correlated if self.book.positions else 0.0

    def trade(self, symbol: str) -> Trade | None:
        """Return stop, target and history of the open position in a symbol; None where there is none."""
        return self._desk.trades.get(symbol)

    # --- health ---

    def health(self) -> HealthReport:
        """Return how all parts are after the last bar."""
        market, row = self.market, self.market.row
        statuses = self._statuses() or ()
        return HealthReport(
            ts=market.last_ts,
            bars=row + 1,
            stale={symbol: row - seen for symbol, seen in self._seen.items() if seen < row},
            missing_leaders=tuple(
                leader for leader in market.structure.leaders if self._seen.get(leader, -1) < row or row < 0
            ),
            breaking_leaders=tuple(status.leader for status in statuses if status.breaking),
            refused=dict(self._refused),
            sources={name: _told(status) for name, status in self.ensemble.status.items()},
            failures=tuple(self._failures),
            failing_sources=tuple(
                name for name, status in self.ensemble.status.items() if not status.on or status.failures_in_row
            ),
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
            "desk": self._desk.to_state(),
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
        engine._desk = Desk(engine.options, engine.market.structure)
        engine._desk.read(state["desk"], engine.market.structure)
        engine._begin()
        engine._seen = {symbol: int(row) for symbol, row in state["seen"].items()}
        engine._refused = dict(state["refused"])
        engine._failures.extend(Failure(*each) for each in state["failures"])
        return engine

    def __repr__(self) -> str:
        held = len(self.book.positions)
        return f"MasterOrchestrator({self.market.row + 1} bars, {held} positions, equity {self.equity:g})"


def _told(status: SourceStatus) -> str:
    """Return the status of a source in words."""
    if not status.on:
        return f"off after {status.failures_in_row} failures in a row: {status.failure}"
    words = ["never asked" if status.awake_share is None else f"awake in {status.awake_share:.0%} of what was asked"]
    if status.rounds:
        own, mixture = status.loss / status.rounds, status.mixture_loss / status.rounds
        words.append(f"mean squared error {own:.4f} in {status.rounds} rounds, that of the mixture {mixture:.4f}")
    if status.failures:
        words.append(f"failed in {status.failures} bars, the last time: {status.failure}")
    return "; ".join(words)
