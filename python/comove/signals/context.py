"""What is known of a symbol after a bar: all that engines and sources look at."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Final

import numpy as np

from comove.options import Floats
from comove.structure import (
    BetaMetrics,
    LeaderStatus,
    LeadLagMetrics,
    MarketStructureCoordinator,
    MarketStructureSnapshot,
    VolatilitySpillover,
)

__all__ = ["CLOSE", "HIGH", "LOW", "OPEN", "VOLUME", "Context"]

# Columns of `candles`.
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4


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
    """

    __slots__ = ("_regime", "candles", "close", "features", "leader_candles", "row", "structure", "symbol", "ts")

    def __init__(
        self,
        symbol: str,
        ts: int,
        row: int,
        candles: Floats,
        leader_candles: Mapping[str, Floats],
        features: Mapping[str, float | int | None],
        structure: MarketStructureCoordinator,
    ) -> None:
        self.symbol, self.ts, self.row = symbol, ts, row
        self.candles, self.leader_candles = candles, leader_candles
        self.features, self.structure = features, structure
        self.close = float(candles[-1, CLOSE])
        self._regime: MarketStructureSnapshot | None = None

    @property
    def leaders(self) -> tuple[str, ...]:
        """The leaders but the symbol itself, in their order."""
        return tuple(self.leader_candles)

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
