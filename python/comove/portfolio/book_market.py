"""The live market a book stands on: bars in, from the book itself or from the owner of a shared structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from comove.errors import DataError, OrderError, ParameterError, StateError
from comove.options import epoch_nanoseconds, flag, options_of
from comove.portfolio.book import Book
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.measured import Measured
from comove.portfolio.returns import ReturnWindow
from comove.state import Sealed
from comove.structure import LeaderStatus, MarketStructureCoordinator
from comove.structure.bars import FormingBar

__all__ = ["BookOnMarket"]


class BookOnMarket(Sealed):
    """A book, the window of returns and the structure that get the same bars; `MultiSymbolCoordinator` has the rest."""

    __slots__ = (
        "_bar", "_book", "_last", "_leaders", "_measured", "_structure", "_told", "_window", "limits", "shared",
    )  # fmt: skip

    def __init__(
        self,
        structure: MarketStructureCoordinator | None = None,
        *,
        capital: float,
        limits: PortfolioLimits | None = None,
        shared: bool = False,
        max_gap: int = 72,
    ) -> None:
        self.limits = options_of(limits, PortfolioLimits, "limits")
        """What the book may be at the most."""
        self.shared = flag("shared", shared)
        """Whether somebody else feeds the structure."""
        if structure is None:
            if self.shared:
                raise ParameterError(
                    "shared needs a structure that somebody else feeds, got structure=None", "structure"
                )
            structure = MarketStructureCoordinator(window_size=self.limits.window_size)
        if not isinstance(structure, MarketStructureCoordinator):
            raise ParameterError(
                f"structure must be a MarketStructureCoordinator, got {type(structure).__name__}", "type"
            )
        self._begin(structure.leaders, Book(capital), ReturnWindow(self.limits.window_size, max_gap))
        self._structure: MarketStructureCoordinator | None = structure
        # The bars of an own structure before this book are not taken again.
        self._last = self._bar.closed = None if self.shared else structure.last_bar

    def _begin(self, leaders: tuple[str, ...], book: Book, window: ReturnWindow) -> None:
        self._leaders, self._book, self._window = leaders, book, window
        self._bar = FormingBar(None, None)
        self._measured = Measured(window, leaders, self.limits)
        # What the leaders do, of the last bar.
        self._told: list[LeaderStatus] | None = None

    @property
    def structure(self) -> MarketStructureCoordinator:
        """The live market the book stands on.

        Raises
        ------
        StateError
            A shared one was not attached after a restore.
        """
        if self._structure is None:
            raise StateError(
                "the shared structure is saved by its owner: give it to attach after a restore", "structure"
            )
        return self._structure

    @property
    def leaders(self) -> tuple[str, ...]:
        """The leaders of the structure."""
        return self._leaders

    @property
    def symbols(self) -> list[str]:
        """All symbols that had a price, in the order in which they came."""
        return self._window.symbols

    @property
    def last_bar(self) -> int | None:
        """Time of the last closed bar in nanoseconds; None before it."""
        return self._last

    @property
    def row(self) -> int:
        """Number of the last closed bar, counted from 0; -1 before it."""
        return self._window.row

    def attach(self, structure: MarketStructureCoordinator) -> None:
        """Stand on a shared structure that its owner has restored.

        Raises
        ------
        StateError
            Not shared; other leaders, or another last bar, than when the snapshot was taken.
        """
        if not self.shared:
            raise StateError("this book has a structure of its own, and it is in its snapshot", "structure")
        if not isinstance(structure, MarketStructureCoordinator):
            raise ParameterError(
                f"structure must be a MarketStructureCoordinator, got {type(structure).__name__}", "type"
            )
        if structure.leaders != self._leaders:
            raise StateError(f"the structure's leaders must be {self._leaders}, got {structure.leaders}", "structure")
        if structure.last_bar != self._last:
            raise StateError(
                f"the structure's last bar must be at {self._last} ns, got {structure.last_bar} ns", "structure"
            )
        self._structure, self._told = structure, None

    def update_price(self, symbol: str, ts: object, price: object) -> None:
        """Take in one price of a bar, here and in the structure; a later bar closes the one before.

        Parameters
        ----------
        symbol : str
        ts : int, datetime or datetime64
        price : float or None
            Above 0; None, NaN and infinities are missing.

        Raises
        ------
        DataError
            The structure is shared; no time, no price.
        OrderError
            The bar has closed, or somebody else fed the structure. After any error all is as it was.
        """
        self._owner().update(symbol, ts, price)
        self._arrive(ts, {symbol: price})

    def update_bar(self, ts: object, prices: Mapping[str, object]) -> None:
        """Take in a whole bar, here and in the structure, and close it; errors as `update_price`.

        Parameters
        ----------
        ts : int, datetime or datetime64
        prices : mapping of str to float or None
        """
        self._owner().update_bar(ts, prices)
        self._arrive(ts, prices)
        self._close()

    def close_bar(self) -> None:
        """Close the bar that is being formed, here and in the structure; nothing where there is none."""
        self._owner().close_bar()
        self._close()

    def take_bar(self, ts: object, prices: Mapping[str, object]) -> None:
        """Take in a closed bar that the shared structure was fed already.

        Parameters
        ----------
        ts : int, datetime or datetime64
            Of the structure's last bar.
        prices : mapping of str to float or None
            The same as the structure was fed.

        Raises
        ------
        DataError
            The structure is not shared; no time, no price.
        OrderError
            Not after the last bar here, or not the last bar of the structure. After any error all is as it was.
        """
        if not self.shared:
            raise DataError("take_bar is for a shared structure: this one is fed by update_bar", "shared")
        if not isinstance(prices, Mapping):
            raise DataError(f"prices must be a mapping of symbol to price, got {type(prices).__name__}", "prices")
        time = epoch_nanoseconds(ts, "ts")
        last = self.structure.last_bar
        if self._last is not None and time <= self._last:
            raise OrderError(f"ts must be after the last bar at {self._last} ns, got {time} ns", "time_order")
        if last != time:
            raise OrderError(
                f"ts must be the structure's last bar, {last} ns, got {time} ns: feed it first", "time_order"
            )
        self._arrive(time, prices)
        self._close()

    def miss_bar(self, ts: object) -> None:
        """Take in a closed bar of the shared structure without its prices, where `take_bar` could not take them.

        So that rows and holes are counted as there, and the book can be restored beside it.

        Raises
        ------
        DataError, OrderError
            As `take_bar`.
        """
        if not self.shared:
            raise DataError("miss_bar is for a shared structure: this one is fed by update_bar", "shared")
        time = epoch_nanoseconds(ts, "ts")
        if self._last is not None and time <= self._last:
            raise OrderError(f"ts must be after the last bar at {self._last} ns, got {time} ns", "time_order")
        self._bar.ts, self._bar.prices = time, {}
        self._close()

    def price(self, symbol: str) -> float | None:
        """Return the last price of a symbol, however old; None before it has one."""
        return self._window.price(symbol)

    # --- within ---

    def _owner(self) -> MarketStructureCoordinator:
        """Return the structure, to be fed."""
        if self.shared:
            raise DataError("the structure is shared: its owner feeds it, and tells of the bar by take_bar", "shared")
        structure = self.structure
        if structure.last_bar != self._last:
            raise OrderError(
                f"the structure's last bar must be at {self._last} ns, got {structure.last_bar} ns: it was fed by "
                "somebody else, which needs shared=True",
                "time_order",
            )
        return structure

    def _arrive(self, ts: object, prices: Mapping[str, object]) -> None:
        time, checked = self._bar.check(ts, prices)
        if self._bar.ts is not None and time > self._bar.ts:
            self._close()
        self._bar.ts = time
        self._bar.prices.update(checked)

    def _close(self) -> None:
        closed = self._bar.close()
        if closed is None:
            return
        window, book = self._window, self._book
        self._last, prices = closed
        # Of symbols that had one in the bars: a first price ends nothing.
        before = {symbol: price for symbol, price in book.prices(window).items() if window.price(symbol) is not None}
        window.push(prices)
        book.note_ends(window, before)
        self._measured = Measured(window, self._leaders, self.limits)
        self._told = None

    def _statuses(self) -> list[LeaderStatus]:
        if self._told is None:
            self._told = [self._status(leader) for leader in self._leaders]
        return self._told

    def _status(self, leader: str) -> LeaderStatus:
        """Return what a leader does; the structure has no rows of bars without any leader, the book has."""
        status, age = self.structure.leader_status(leader), self._window.age(leader)
        if status.breaking is not False or (age is not None and age <= self.limits.max_price_age):
            return status
        gone = "in any bar of the book" if age is None else f"for {age} rows"
        return replace(status, breaking=None, reason=f"{leader} has had no price {gone}")
