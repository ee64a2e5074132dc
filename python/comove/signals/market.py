"""A market of candles fed bar by bar: structure, features and the last candles of every symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any, Final, Self, TypeAlias

import numpy as np

from comove.errors import DataError, OrderError
from comove.features import FeatureRecipe, FeatureStream
from comove.options import Floats, epoch_nanoseconds, symbol_name, whole
from comove.signals.context import CLOSE, BarTable, Context
from comove.state import Sealed
from comove.structure import MarketStructureCoordinator

__all__ = ["Bar", "Candle", "SignalMarket"]

Candle: TypeAlias = Mapping[str, float | None]
"""``open``, ``high``, ``low``, ``close`` and ``volume``; None where missing."""

_COLUMNS: Final = ("open", "high", "low", "close", "volume")
USUAL_WINDOW: Final = 720
#: Rows shown: the longest look back of TA-Lib's candles is 13 and 10 more for its averages; swings need some more.
USUAL_ROWS: Final = 96


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar whose candles have been checked."""

    ts: int
    """In nanoseconds."""
    candles: Mapping[str, list[float]]
    """Open, high, low, close and volume of each symbol; NaN where missing, but for the close."""


class SignalMarket(Sealed):
    """One bar of candles in, one `Context` a symbol out.

    Parameters
    ----------
    structure : MarketStructureCoordinator, optional
        Fed here and nowhere else; by default one with a window of 720 rows, a month of hours.
    recipe : FeatureRecipe, optional
        Nothing filled by default; the leaders' columns are in it, but a leader's own.
    rows : int, 2 to 4096
        Rows of candles that contexts show.

    Notes
    -----
    A symbol that comes back after a hole that ends an instrument, of more rows than the structure's `max_gap`, begins
    anew: its features and the candles shown know nothing of before.

    Attributes
    ----------
    failures : dict of str to str
        Why a symbol has no features in the last bar, though it has a candle.
    """

    __slots__ = ("_place", "_row", "_seen", "_streams", "_table", "_ts", "failures", "recipe", "rows", "structure")

    kind = "signal-market"

    def __init__(
        self,
        structure: MarketStructureCoordinator | None = None,
        recipe: FeatureRecipe | None = None,
        *,
        rows: int = USUAL_ROWS,
    ) -> None:
        self.structure = MarketStructureCoordinator(window_size=USUAL_WINDOW) if structure is None else structure
        self.recipe = FeatureRecipe(fill=None) if recipe is None else recipe
        self.rows = whole("rows", rows, least=2, most=1 << 12, because="2^12")
        self.failures: dict[str, str] = {}
        self._row = -1
        self._ts: int | None = None
        self._place: dict[str, int] = {}
        self._streams: dict[str, FeatureStream] = {}
        # The row of the last candle of each symbol.
        self._seen: dict[str, int] = {}
        # Twice the rows, so that the last ones are always side by side; a row is written once and moved once.
        self._table: Floats = np.full((0, 2 * self.rows, len(_COLUMNS)), np.nan)

    @property
    def symbols(self) -> list[str]:
        """All symbols so far, in the order in which they came."""
        return list(self._place)

    @property
    def last_ts(self) -> int | None:
        """Time of the last bar in nanoseconds."""
        return self._ts

    @property
    def row(self) -> int:
        """Number of the last bar, counted from 0; -1 before it."""
        return self._row

    def check(self, ts: object, candles: Mapping[str, Candle]) -> Bar:
        """Return a bar as numbers; the market stays as it is.

        Raises
        ------
        OrderError
            `ts` is not after the last bar.
        DataError
            No mapping, a value that is no number, a price not above 0, a high below a low, a negative volume.
        """
        bar, refused = self.sift(ts, candles)
        for error in refused.values():
            raise error
        return bar

    def sift(self, ts: object, candles: Mapping[str, Candle]) -> tuple[Bar, dict[str, DataError]]:
        """Return a bar of the candles that can be, and why the others cannot; the market stays as it is.

        Raises
        ------
        OrderError, DataError
            As `check`, but for single candles.
        """
        time = epoch_nanoseconds(ts, "ts")
        if self._ts is not None and time <= self._ts:
            raise OrderError(f"ts must be after the last bar at {self._ts} ns, got {time} ns", "time_order")
        if not isinstance(candles, Mapping):
            raise DataError(f"candles must be a mapping of symbol to candle, got {type(candles).__name__}", "candles")
        good: dict[str, list[float]] = {}
        refused: dict[str, DataError] = {}
        # By name, so that nothing depends on the order in which they are given.
        for name in sorted(symbol_name("symbol", symbol) for symbol in candles):
            try:
                values = _numbers(name, candles[name])
            except DataError as error:
                refused[name] = error
                continue
            if values[CLOSE] == values[CLOSE]:
                good[name] = values
        return Bar(time, good), refused

    def update(self, ts: object, candles: Mapping[str, Candle]) -> dict[str, Context]:
        """Take in a whole bar and close it.

        Parameters
        ----------
        ts : int, datetime or datetime64
            After the last bar; integers are nanoseconds.
        candles : mapping of str to candle
            Of each symbol that has one. A candle without a close is no candle.

        Returns
        -------
        dict of str to Context
            Of each symbol with a candle, in the order in which symbols came, those of one bar by name; they hold until
            the next bar.

        Raises
        ------
        OrderError, DataError
            As `check`, and the market is as it was.
        """
        return self.take(self.check(ts, candles))

    def take(self, bar: Bar, mark: Callable[[str], None] | None = None) -> dict[str, Context]:
        """Take in a bar that was checked just before.

        Parameters
        ----------
        bar : Bar
            Of `check` or `sift`, with no other bar since then.
        mark : callable, optional
            Called with "structure" and "features" when each is done.
        """
        time, given = bar.ts, bar.candles
        self.structure.update_bar(time, {symbol: values[CLOSE] for symbol, values in given.items()})
        if mark is not None:
            mark("structure")
        self._row, self._ts = self._row + 1, time
        for symbol in given:
            if symbol not in self._place:
                self._add(symbol)
            elif self._row - self._seen[symbol] - 1 > self.structure.max_gap:
                self._begin_anew(symbol)
            self._seen[symbol] = self._row
        end = self._shift()
        self._table[:, end - 1] = np.nan
        if given:
            self._table[[self._place[symbol] for symbol in given], end - 1] = list(given.values())
        shown = self._table[:, end - min(self.rows, self._row + 1) : end]
        leaders = [leader for leader in self.structure.leaders if leader in self._place]
        closes = {leader.lower(): given[leader][CLOSE] for leader in leaders if leader in given}
        features: dict[str, Mapping[str, float | int | None] | None] = {}
        self.failures = {}
        # One for most streams, and one for each leader's own.
        of_stream: dict[tuple[str, ...], list[float]] = {}
        for symbol, stream in self._streams.items():
            others = of_stream.get(stream.leaders)
            if others is None:
                others = of_stream[stream.leaders] = [closes.get(leader, nan) for leader in stream.leaders]
            try:
                features[symbol] = stream.update_values(time, given.get(symbol), others)
            except Exception as error:
                # One coin's trouble is not that of the others; without features nothing is said of it.
                self.failures[symbol] = f"{type(error).__name__}: {error}"
        if mark is not None:
            mark("features")
        of_leaders = {leader: shown[self._place[leader]] for leader in leaders}
        # All but the leaders share one mapping.
        of_others = {
            symbol: {leader: table for leader, table in of_leaders.items() if leader != symbol} for symbol in leaders
        }
        there = [symbol for symbol in self._place if symbol in given]
        rows = [features.get(symbol) or {} for symbol in there]
        table = BarTable(rows, shown, [self._place[symbol] for symbol in there])
        return {
            symbol: Context(
                symbol,
                time,
                self._row,
                shown[self._place[symbol]],
                of_others.get(symbol, of_leaders),
                row,
                self.structure,
                table,
                at,
            )
            for at, (symbol, row) in enumerate(zip(there, rows, strict=True))
        }

    def _add(self, symbol: str) -> None:
        self._place[symbol] = len(self._place)
        leaders = [leader for leader in self.structure.leaders if leader != symbol]
        self._streams[symbol] = FeatureStream(self.recipe, leaders=leaders)
        self._table = np.concatenate([self._table, np.full((1, *self._table.shape[1:]), np.nan)])

    def _begin_anew(self, symbol: str) -> None:
        """Forget what was before a hole that ended the instrument: what trades under its name now is another one."""
        self._streams[symbol] = FeatureStream(self.recipe, leaders=self._streams[symbol].leaders)
        self._table[self._place[symbol]] = np.nan

    def _shift(self) -> int:
        """Return the end of the rows shown, with this bar in them."""
        if self._row < self.rows:
            return self._row + 1
        at = self._row % self.rows
        if at == 0 and self._row > self.rows:
            self._table[:, : self.rows] = self._table[:, self.rows :]
        return self.rows + at + 1

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included."""
        return {
            "structure": self.structure.to_bytes(),
            "rows": self.rows,
            "row": self._row,
            "ts": self._ts,
            "symbols": list(self._place),
            "seen": [self._seen[symbol] for symbol in self._place],
            "streams": [stream.to_bytes() for stream in self._streams.values()],
            "recipe": FeatureStream(self.recipe).to_bytes(),
            "table": self._table,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the market of a state."""
        structure = MarketStructureCoordinator.from_bytes(state["structure"])
        market = cls(structure, FeatureStream.from_bytes(state["recipe"]).recipe, rows=state["rows"])
        market._row, market._ts = int(state["row"]), state["ts"]
        market._place = {str(symbol): place for place, symbol in enumerate(state["symbols"])}
        streams = [FeatureStream.from_bytes(each) for each in state["streams"]]
        market._streams = dict(zip(market._place, streams, strict=True))
        market._seen = dict(zip(market._place, map(int, state["seen"]), strict=True))
        market._table = state["table"]
        if market._table.shape != (len(streams), 2 * market.rows, len(_COLUMNS)):
            raise DataError(f"the candles have the shape {market._table.shape}", "shape")
        return market


def _numbers(symbol: str, candle: object) -> list[float]:
    """Return a candle as numbers in the order of columns, NaN where missing.

    Raises
    ------
    DataError
        As `SignalMarket.check`.
    """
    if not isinstance(candle, Mapping):
        raise DataError(f"the candle of {symbol} must be a mapping, got {candle!r}", "candle")
    values = [_number(symbol, name, candle.get(name)) for name in _COLUMNS]
    # Written so that what is missing passes.
    opened, high, low, close, _ = values
    if high < low or high < opened or high < close or low > opened or low > close:
        raise DataError(f"the candle of {symbol} must have low <= open, close <= high, got {values[:4]}", "candle")
    return values


def _number(symbol: str, name: str, value: object) -> float:
    # Nearly all values are plain floats in their bounds; a look at all the types takes five times as long.
    if type(value) is float and 0.0 < value < inf:
        return value
    if value is None:
        return nan
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise DataError(f"{name} of {symbol} must be a number or None, got {value!r}", "dtype")
    try:
        number = float(value)
    except OverflowError:
        return nan
    if number in (inf, -inf):
        return nan
    if number < 0.0 or (number == 0.0 and name != "volume"):
        bound = "at least 0" if name == "volume" else "above 0"
        raise DataError(f"{name} of {symbol} must be {bound}, got {number}", "price_sign")
    return number
