"""A book of positions on a live market: how hot it is, what it hangs on, and what may be added to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Self, cast, get_args

from comove.errors import DataError, StateError
from comove.options import choice, epoch_nanoseconds, positive, symbol_name
from comove.portfolio.book import Book, share_of
from comove.portfolio.book_market import BookOnMarket
from comove.portfolio.book_regime import BookRegime, book_regime
from comove.portfolio.divergences import Divergence, divergences
from comove.portfolio.entry import ENTRY_RULES, SIZELESS_RULES, Entry, Plan, RuleResult, at_stake, judge, refusals
from comove.portfolio.exposure import LeaderExposure, leader_exposures
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.measured import Measured
from comove.portfolio.positions import Position, Side
from comove.portfolio.readings import Heat, MarginalHeat, read_heat
from comove.portfolio.returns import ReturnWindow
from comove.portfolio.screens import SCREENS, Screen, Screened, screened
from comove.structure import MarketStructureCoordinator

__all__ = ["MultiSymbolCoordinator"]

_SIDES: Final = get_args(Side)


class MultiSymbolCoordinator(BookOnMarket):
    """Positions in many symbols, and the market they are in.

    It stands on a live `MarketStructureCoordinator`, in one of two ways. **Its own**: feed both here, with
    `update_price`, `update_bar` and `close_bar`. **Shared**: somebody else feeds the structure, and then tells of each
    closed bar with `take_bar`, which does not feed it again. Either refuses the other's verbs, and a bar that the
    structure and the book do not have in common.

    Parameters
    ----------
    structure : MarketStructureCoordinator, optional
        By default one with the window of the limits.
    capital : float, above 0
        In quote currency.
    limits : PortfolioLimits, optional
    shared : bool, default False
        Whether somebody else feeds the structure.
    max_gap : int, default 72
        A hole of more bars ends an instrument: what trades under the name afterwards has no past.

    Raises
    ------
    ParameterError
        An option out of its bounds.

    Notes
    -----
    Correlations and betas are made of the returns of the last `window_size` bars when they are first asked for after a
    bar, and kept for it. A question changes nothing that a later answer depends on. A snapshot holds a structure of its
    own; a shared one is saved by its owner, and `attach` brings it back after a restore. One thread at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from comove.portfolio import MultiSymbolCoordinator, Position
    >>> moves = np.random.default_rng(3).normal(0.0, 0.01, (200, 4))
    >>> moves[:, 3] = 1.5 * moves[:, 0]
    >>> book = MultiSymbolCoordinator(capital=10_000)
    >>> for row, prices in enumerate(100.0 * np.cumprod(1.0 + moves, axis=0)):
    ...     book.update_bar(row * 3_600_000_000_000, dict(zip(["BTC", "ETH", "SOL", "BONK"], prices.tolist())))
    >>> price = book.price("BONK")
    >>> book.open_position(Position(symbol="BONK", side="long", size=2_000, entry=price, stop=0.9 * price))
    >>> heat = book.heat()
    >>> round(heat.gross, 9), round(heat.risk, 9), round(book.exposure("BTC").joint.net, 9)
    (0.2, 0.02, 0.3)
    >>> print(book.can_enter("BONK", "long", 500.0, 0.9 * price))
    long BONK for 500 is refused:
    - one_position: there is a long of 2000 in BONK already, the same way
    """

    __slots__ = ("_asked", "_exposures", "_gross", "_heat", "_weights")

    kind = "multi-symbol"

    def _begin(self, leaders: tuple[str, ...], book: Book, window: ReturnWindow) -> None:
        super()._begin(leaders, book, window)
        # What the answers below are of.
        self._asked: tuple[Measured, int] | None = None
        self._weights: dict[str, float] = {}
        self._gross = 0.0
        self._heat: Heat | None = None
        self._exposures: tuple[LeaderExposure, ...] | None = None

    # --- the book ---

    @property
    def capital(self) -> float:
        """In quote currency."""
        return self._book.capital

    @property
    def positions(self) -> tuple[Position, ...]:
        """The open positions, in the order in which they were opened."""
        return self._book.positions

    def position(self, symbol: str) -> Position | None:
        """Return the position in a symbol; None where there is none."""
        return self._book.get(symbol)

    @property
    def ended(self) -> tuple[str, ...]:
        """Symbols of positions whose instrument ended: after a hole of more than `max_gap` bars another one began.

        What the name trades at since then is not the price of the position.
        """
        return self._book.ended

    def worth_at(self, symbol: str) -> float | None:
        """Return the price that the position in a symbol is worth at; None where there is no position.

        The last one; of an instrument that ended the last one before; the entry before there is one.
        """
        held = self._book.get(symbol)
        return None if held is None else self._book.price(held, self._window)

    def set_capital(self, capital: float) -> None:
        """Say what the capital is now, in quote currency.

        Raises
        ------
        ParameterError
            Not finite and above 0.
        """
        self._book.set_capital(capital)

    def open_position(self, position: Position) -> None:
        """Note that a position was opened.

        What happened is noted whatever the limits say: they are asked before, by `can_enter`.

        Raises
        ------
        ParameterError
            No `Position`; more than a million times the capital.
        DataError
            The symbol has a position already.
        """
        self._book.open(position, self._window.row)

    def close_position(self, symbol: str, fraction: float = 1.0) -> Position:
        """Note that a position, or a part of it, was closed.

        Parameters
        ----------
        symbol : str
        fraction : float, above 0, at most 1
            Of what is open; 1 for all of it.

        Returns
        -------
        Position
            What was closed, at the entry and with the stop of before; its `profit` at a price is what it gave.

        Raises
        ------
        DataError
            No position in the symbol.
        ParameterError
            `fraction` out of its bounds, or so near to 1 that nothing is left of the position.
        """
        return self._book.close(symbol, fraction)

    # --- questions ---

    def groups(self) -> list[tuple[str, ...]]:
        """Return the groups of symbols that hang together by correlations of `group_at` or more, the largest first."""
        return list(self._measured.groups)

    def heat(self) -> Heat:
        """Return how hot the book is, and how many bets it is."""
        self._refresh()
        if self._heat is None:
            book, window = self._book, self._window
            self._heat = read_heat(self._weights, sum(book.risks(window)), book.stale(window), self._measured)
        return self._heat

    @property
    def gross(self) -> float:
        """Sum of the sizes of all exposures over the capital, that of `heat`."""
        self._refresh()
        return self._gross

    def exposures(self) -> tuple[LeaderExposure, ...]:
        """Return the net and gross exposure of the book to each leader, by single and by joint betas."""
        self._refresh()
        if self._exposures is None:
            self._exposures = leader_exposures(self._weights, self._measured)
        return self._exposures

    def exposure(self, leader: str) -> LeaderExposure:
        """Return the exposure of the book to a leader.

        Raises
        ------
        DataError
            Not a leader.
        """
        if leader not in self._leaders:
            raise DataError(f"leader must be one of the leaders {', '.join(self._leaders)}, got {leader!r}", "leader")
        return self.exposures()[self._leaders.index(leader)]

    def can_enter(
        self, symbol: str, side: Side, size: float, stop: float | None = None, price: float | None = None
    ) -> Entry:
        """Return whether a position may be opened, with what every rule says, and what it would change.

        Parameters
        ----------
        symbol : str
        side : {"long", "short"}
        size : float, above 0
            In quote currency.
        stop : float, above 0, optional
            None for none: the whole value counts as risk.
        price : float, above 0, optional
            At which it would be opened; the last one by default. Where the two differ, the one that makes more of
            exposure, or of risk, counts.

        Returns
        -------
        Entry
            Nothing is opened by it, and the book stays as it is.

        Raises
        ------
        ParameterError
            A number that is not finite and above 0, `size` / `price` neither; a size of more than a million times the
            capital. What is only unwise is no error but a rule that does not pass.

        Notes
        -----
        `ENTRY_RULES` has the names. **leader_breakdown**: no longs in assets other than leaders while any leader breaks
        down, or while it is not known whether it does, as of one whose last price is older than `max_price_age`, until
        it has stabilised as `BreakdownRule` says. A leader itself may be bought while another one breaks down, for that
        is how leadership rotates, but not while it breaks down itself. Shorts may be opened. The options
        `leader_breakdown` and `leader_beta` of the limits switch this rule and **max_leader_beta** off.
        """
        symbol_name("symbol", symbol)
        choice("side", side, _SIDES)
        size = positive("size", size)
        stop = None if stop is None else positive("stop", stop)
        book, window = self._book, self._window
        share_of(size, book.capital)
        last = window.price(symbol)
        price = last if price is None else positive("price", price)
        value, risk = at_stake(side, size, price, stop, last)
        before = self.heat()
        weights = dict(self._weights)
        weights[symbol] = weights.get(symbol, 0.0) + (1.0 if side == "long" else -1.0) * book.share(value)
        stale = before.stale if window.age(symbol) == 0 or symbol in before.stale else (*before.stale, symbol)
        after = read_heat(weights, sum([*book.risks(window), book.share(risk)]), stale, self._measured)
        exposure_before, exposure_after = self.exposures(), leader_exposures(weights, self._measured)
        plan = self._plan(
            symbol, side, weights, price=price, stop=stop, gross=after.gross, risk=after.risk,
            exposure_before=exposure_before, exposure_after=exposure_after,
        )  # fmt: skip
        reasons = judge(plan, ENTRY_RULES)
        return Entry(
            symbol=symbol,
            side=side,
            size=size,
            price=price,
            allowed=all(result.passed for result in reasons),
            reasons=reasons,
            marginal=MarginalHeat(
                after.gross - before.gross, after.risk - before.risk, after.correlated - before.correlated
            ),
            heat_before=before,
            heat_after=after,
            exposure_before=exposure_before,
            exposure_after=exposure_after,
        )

    def closed_to(self, symbol: str, side: Side) -> tuple[RuleResult, ...]:
        """Return the rules that refuse any position in a symbol, whatever its size: `SIZELESS_RULES`.

        Where there are none, `can_enter` may still refuse. It takes a tenth of its time.
        """
        symbol_name("symbol", symbol)
        choice("side", side, _SIDES)
        self._refresh()
        weights, gross, held = {symbol: 0.0, **self._weights}, self._gross, self._book.get(symbol)
        if held is not None and held.side != side:
            # At most it makes the one there is nothing.
            gross, weights[symbol] = gross - abs(weights[symbol]), 0.0
        plan = self._plan(symbol, side, weights, price=None, stop=None, gross=gross, risk=0.0)
        return refusals(plan, SIZELESS_RULES)

    def _plan(
        self, symbol: str, side: Side, weights: Mapping[str, float], *, gross: float, risk: float, **rest: Any
    ) -> Plan:
        return Plan(
            symbol=symbol,
            side=side,
            held=self._book.held,
            weights=weights,
            gross=gross,
            risk=risk,
            measured=self._measured,
            leaders=self._statuses(),
            price_age=self._window.age(symbol),
            **rest,
        )

    def regime(self) -> BookRegime:
        """Return the regime of the market, and those of the symbols held by their exposure."""
        self._refresh()
        return book_regime(self._weights, self.structure)

    def divergence_opportunities(self) -> list[Divergence]:
        """Return the assets that part from their leaders beyond their own noise, the largest score by size first."""
        return divergences(self._measured)

    def screen(self, screen: Screen) -> list[Screened]:
        """Return the assets for another play, the best first.

        Parameters
        ----------
        screen : {"low_beta", "high_beta_momentum", "rotation"}
            - **low_beta**: the size of the beta on every leader alone is at most `low_beta_at`, errors included;
            - **high_beta_momentum**: a leader rises without breaking down, and the beta on it is at least
              `high_beta_at`, errors included;
            - **rotation**: stronger than the first leader by `strength_at`, while another leader or the asset's own
              correlation group is too.

        Raises
        ------
        ParameterError
            Another screen.
        """
        chosen = cast(Screen, choice("screen", screen, SCREENS))
        structure = self.structure
        market, options = structure.detect_market_regime(), structure.regime_options
        return screened(chosen, self._measured, market, self._statuses(), options)

    # --- state ---

    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs; of a shared structure only the names of its leaders."""
        own = None if self.shared else self.structure.to_bytes()
        return {
            "structure": own,
            "leaders": list(self._leaders),
            "limits": asdict(self.limits),
            "book": self._book.to_state(),
            "window": self._window.to_state(),
            "last": self._last,
            "forming": [self._bar.ts, self._bar.prices],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return a coordinator that goes on as the one the state is of; a shared structure comes back by `attach`."""
        restored = cls.__new__(cls)
        restored.limits = PortfolioLimits(**state["limits"])
        restored.shared = state["structure"] is None
        structure = None if restored.shared else MarketStructureCoordinator.from_bytes(state["structure"])
        window = ReturnWindow.from_state(state["window"])
        if window.size != restored.limits.window_size:
            raise StateError("the snapshot's window is not that of its limits", "state_content")
        leaders = tuple(str(leader) for leader in state["leaders"])
        if structure is not None and structure.leaders != leaders:
            raise StateError("the snapshot's leaders are not those of its structure", "state_content")
        restored._begin(leaders, Book.from_state(state["book"]), window)
        restored._structure = structure
        last = state["last"]
        restored._last = None if last is None else epoch_nanoseconds(last, "last")
        restored._bar.closed = restored._last
        ts, prices = state["forming"]
        if ts is not None:
            restored._arrive(ts, prices)
        return restored

    def __repr__(self) -> str:
        return f"MultiSymbolCoordinator({len(self.positions)} positions, {len(self.symbols)} symbols)"

    # --- within ---

    def _refresh(self) -> None:
        """Forget answers about a book, or a bar, that has changed since."""
        if self._asked != (now := (self._measured, self._book.version)):
            self._weights = self._book.weights(self._window)
            self._gross = sum(abs(weight) for weight in self._weights.values())
            self._heat = self._exposures = None
            self._asked = now
