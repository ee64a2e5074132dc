"""A market of candles fed bar by bar: structure, features and the last candles of every symbol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self, TypeAlias

import numpy as np

from comove.errors import DataError, OrderError
from comove.features import FeatureRecipe, FeatureStream
from comove.options import Floats, epoch_nanoseconds, symbol_name, whole
from comove.signals.context import CLOSE, HIGH, LOW, OPEN, Context
from comove.state import Sealed
from comove.structure import MarketStructureCoordinator

__all__ = ["Candle", "SignalMarket"]

Candle: TypeAlias = Mapping[str, float | None]
"""``open``, ``high``, ``low``, ``close`` and ``volume``; None where missing."""

_COLUMNS: Final = ("open", "high", "low", "close", "volume")
USUAL_WINDOW: Final = 720
#: Rows shown: the longest look back of TA-Lib's candles is 13 and 10 more for its averages; swings need some more.
USUAL_ROWS: Final = 96


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
    """

    __slots__ = ("_place", "_row", "_streams", "_table", "_ts", "recipe", "rows", "structure")

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
        self._row = -1
        self._ts: int | None = None
        self._place: dict[str, int] = {}
        self._streams: dict[str, FeatureStream] = {}
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

    def check(self, ts: object, candles: Mapping[str, Candle]) -> tuple[int, dict[str, list[float]]]:
        """Return the time and the candles as numbers in the order of columns; the market stays as it is.

        Raises
        ------
        OrderError
            `ts` is not after the last bar.
        DataError
            No mapping, a value that is no number, a price not above 0, a high below a low, a negative volume.
        """
        time = epoch_nanoseconds(ts, "ts")
        if self._ts is not None and time <= self._ts:
            raise OrderError(f"ts must be after the last bar at {self._ts} ns, got {time} ns", "time_order")
        if not isinstance(candles, Mapping):
            raise DataError(f"candles must be a mapping of symbol to candle, got {type(candles).__name__}", "candles")
        return time, {symbol_name("symbol", symbol): _numbers(symbol, candle) for symbol, candle in candles.items()}

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
            Of each symbol with a candle, in the order in which symbols came; they hold until the next bar.

        Raises
        ------
        OrderError, DataError
            As `check`, and the market is as it was.
        """
        time, checked = self.check(ts, candles)
        given = {symbol: values for symbol, values in checked.items() if values[CLOSE] == values[CLOSE]}
        self.structure.update_bar(time, {symbol: values[CLOSE] for symbol, values in given.items()})
        for symbol in given:
            if symbol not in self._place:
                self._add(symbol)
        self._row, self._ts = self._row + 1, time
        end = self._shift()
        self._table[:, end - 1] = np.nan
        for symbol, values in given.items():
            self._table[self._place[symbol], end - 1] = values
        shown = self._table[:, end - min(self.rows, self._row + 1) : end]
        leaders = [leader for leader in self.structure.leaders if leader in self._place]
        closes = {leader: given[leader][CLOSE] for leader in leaders if leader in given}
        features = {}
        for symbol, stream in self._streams.items():
            features[symbol] = self._features(symbol, stream, time, given, closes)
        return {
            symbol: Context(
                symbol,
                time,
                self._row,
                shown[place],
                {leader: shown[self._place[leader]] for leader in leaders if leader != symbol},
                features[symbol] or {},
                self.structure,
            )
            for symbol, place in self._place.items()
            if symbol in given
        }

    def _features(
        self,
        symbol: str,
        stream: FeatureStream,
        time: int,
        given: Mapping[str, list[float]],
        closes: Mapping[str, float],
    ) -> dict[str, float | int | None] | None:
        values = given.get(symbol)
        others = closes if symbol not in closes else {name: close for name, close in closes.items() if name != symbol}
        return stream.update(time, None if values is None else dict(zip(_COLUMNS, values, strict=True)), others)

    def _add(self, symbol: str) -> None:
        self._place[symbol] = len(self._place)
        leaders = [leader for leader in self.structure.leaders if leader != symbol]
        self._streams[symbol] = FeatureStream(self.recipe, leaders=leaders)
        self._table = np.concatenate([self._table, np.full((1, *self._table.shape[1:]), np.nan)])

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
    values = []
    for name in _COLUMNS:
        value = candle.get(name)
        if value is None:
            values.append(np.nan)
            continue
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
            raise DataError(f"{name} of {symbol} must be a number or None, got {value!r}", "dtype")
        try:
            number = float(value)
        except OverflowError:
            number = np.inf
        if number in (np.inf, -np.inf):
            number = np.nan
        if number < 0.0 or (number == 0.0 and name != "volume"):
            bound = "at least 0" if name == "volume" else "above 0"
            raise DataError(f"{name} of {symbol} must be {bound}, got {number}", "price_sign")
        values.append(number)
    inside = [value for value in (values[OPEN], values[CLOSE]) if value == value]
    if any(value > values[HIGH] or value < values[LOW] for value in inside) or values[HIGH] < values[LOW]:
        raise DataError(f"the candle of {symbol} must have low <= open, close <= high, got {values[:4]}", "candle")
    return values
