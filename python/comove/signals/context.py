"""What is known of a symbol after a bar: all that engines and sources look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Final

import numpy as np

from comove.features.row import FeatureTable
from comove.options import Floats
from comove.structure import (
    BetaMetrics,
    LeaderStatus,
    LeadLagMetrics,
    MarketStructureCoordinator,
    MarketStructureSnapshot,
    VolatilitySpillover,
)
from comove.structure.snapshots import RegimeLabel

__all__ = ["CLOSE", "HIGH", "LOW", "OPEN", "VOLUME", "BarTable", "Context", "columns", "last_candles"]

# Columns of `candles`.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4


class BarTable:
    """All symbols of a bar side by side: what many engines read is laid out once.

    Parameters
    ----------
    rows : sequence of mapping
        Features of each symbol.
    candles : float64, shape (symbols or more, n, 5)
    places : sequence of int
        Where each symbol lies in `candles`.
    """

    __slots__ = ("candles", "features", "order", "places")

    def __init__(
        self, rows: Sequence[Mapping[str, float | int | None]], candles: Floats, places: Sequence[int]
    ) -> None:
        self.features, self.candles, self.places = FeatureTable(rows), candles, places
        self.order = list(range(len(places)))


def columns(contexts: Sequence[Context], *names: str) -> list[Floats]:
    """Return features of several symbols of a bar, an array each; NaN where missing. Not to be written to."""
    shared = _shared(contexts)
    if shared is None:
        features = FeatureTable([each.features for each in contexts])
        return [features.column(name) for name in names]
    table, at = shared
    found = [table.features.column(name) for name in names]
    if at == table.order:
        return found
    chosen = np.array(at, dtype=np.intp)
    return [column[chosen] for column in found]


def last_candles(contexts: Sequence[Context], rows: int) -> Floats:
    """Return the last rows of candles of several symbols of a bar, all that are shown where these are fewer.

    Returns
    -------
    float64, shape (contexts, rows, 5)
        A copy.
    """
    shared = _shared(contexts)
    if shared is None:
        return np.array([each.candles[-rows:] for each in contexts])
    table, at = shared
    places = table.places if at == table.order else [table.places[each] for each in at]
    found: Floats = table.candles[places, -rows:]
    return found


def _shared(contexts: Sequence[Context]) -> tuple[BarTable, list[int]] | None:
    """Return the table that all contexts are in, and where they are; None where there is no such."""
    table = contexts[0].table if contexts else None
    if table is None:
        return None
    at = [each.place for each in contexts if each.table is table]
    return (table, at) if len(at) == len(contexts) else None


class Context:
    """One symbol after one bar.

    It holds for this bar only: the next bar writes over the candles it shows.

    Attributes
    ----------
    symbol : str
    ts : int
        Time of the bar in nanoseconds.
    row : int
        Number of the bar, counted from 0; all symbols share the rows.
    candles : float64, shape (n, 5)
        The last n rows, oldest first, the last one being now: open, high, low, close, volume. NaN where the symbol has
        no candle. Not to be written to.
    leader_candles : mapping of str to float64, shape (n, 5)
        The same rows of each leader but the symbol itself.
    features : mapping of str to float, int or None
        The row of the recipe, nothing filled, as `FeatureStream` gives it.
    structure : MarketStructureCoordinator
        The live market, to be asked and not to be fed.
    close : float
        Close of the bar.
    table : BarTable or None
        All symbols of the bar, where they are side by side.
    place : int
        The symbol's in that table.
    """

    __slots__ = (
        "_label",
        "_regime",
        "candles",
        "close",
        "features",
        "leader_candles",
        "place",
        "row",
        "structure",
        "symbol",
        "table",
        "ts",
    )

    def __init__(
        self,
        symbol: str,
        ts: int,
        row: int,
        candles: Floats,
        leader_candles: Mapping[str, Floats],
        features: Mapping[str, float | int | None],
        structure: MarketStructureCoordinator,
        table: BarTable | None = None,
        place: int = 0,
    ) -> None:
        self.symbol, self.ts, self.row = symbol, ts, row
        self.table, self.place = table, place
        self.candles, self.leader_candles = candles, leader_candles
        self.features, self.structure = features, structure
        self.close = float(candles[-1, CLOSE])
        self._label: RegimeLabel | None = None
        self._regime: MarketStructureSnapshot | None = None

    @property
    def leaders(self) -> tuple[str, ...]:
        """The leaders but the symbol itself, in their order."""
        return tuple(self.leader_candles)

    @property
    def label(self) -> RegimeLabel:
        """The regime the symbol is in, and whether its data are there: `regime` in a tenth of the time."""
        if self._label is None:
            known = self._regime
            self._label = (
                self.structure.regime_label(self.symbol)
                if known is None
                else RegimeLabel(known.regime, bool(known.scores))
            )
        return self._label

    @property
    def regime(self) -> MarketStructureSnapshot:
        """The regime the symbol is in."""
        if self._regime is None:
            self._regime = self.structure.detect_market_regime(self.symbol)
        return self._regime

    def feature(self, name: str) -> float:
        """Return a feature as a float, NaN where it is missing or this symbol has none of the name."""
        value = self.features.get(name)
        return nan if value is None else float(value)

    def closes(self) -> Floats:
        """Return the closes of the rows shown, NaN where missing."""
        return self.candles[:, CLOSE]

    def returns(self, leader: str | None = None) -> Floats:
        """Return the returns of the rows shown but the first, of the symbol or of a leader; NaN where missing."""
        table = self.candles if leader is None else self.leader_candles[leader]
        closes = table[:, CLOSE]
        moved: Floats = closes[1:] / closes[:-1] - np.float64(1.0)
        return moved

    def beta(self, leader: str) -> BetaMetrics:
        """Return how strongly the symbol moves with a leader."""
        return self.structure.get_beta(self.symbol, benchmark=leader)

    def lead_lag(self, leader: str) -> LeadLagMetrics:
        """Return who of the symbol and a leader moves first; its p-values are made anew after each bar, 0.1 ms."""
        return self.structure.get_lead_lag(self.symbol, leader=leader)

    def spillover(self, leader: str) -> VolatilitySpillover:
        """Return how the symbol's volatility moves with a leader's."""
        return self.structure.get_volatility_spillover(self.symbol, source=leader)

    def leader_status(self, leader: str) -> LeaderStatus:
        """Return whether a leader is breaking down."""
        return self.structure.leader_status(leader)
