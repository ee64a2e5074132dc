"""Candles as an agent lives through them: rows of features, and the return that follows each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.errors import DataError, ParameterError
from comove.features import FeatureRecipe
from comove.features.grid import read_prices
from comove.options import Floats

__all__ = ["TradingTable", "trading_tables"]


@dataclass(frozen=True, slots=True, eq=False)
class TradingTable:
    """One symbol on the rows that all symbols share.

    Attributes
    ----------
    symbol : str
    times : int64, shape (n,)
        Microseconds, rising: the union of all candles' times, leaders included.
    features : float64, shape (n, features)
        What is known after the candle of each row; NaN where missing.
    returns : float64, shape (n,)
        From the close of each row to that of the next; NaN where one of them is missing.
    """

    symbol: str
    times: npt.NDArray[np.int64]
    features: Floats
    returns: Floats

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Rows in which no feature is missing."""
        known: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(self.features), axis=1)
        return known

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Rows in which an agent can decide, and earns something."""
        usable: npt.NDArray[np.bool_] = self.known & np.isfinite(self.returns)
        return usable

    def rows(self, first: int, last: int) -> TradingTable:
        """Return the rows from `first` to before `last`; the last of them earns nothing, for its return ends later."""
        returns = self.returns[first:last].copy()
        returns[-1:] = np.nan
        return TradingTable(self.symbol, self.times[first:last], self.features[first:last], returns)

    def with_features(self, features: Floats) -> TradingTable:
        """Return the table with other features of the same rows, as standardised ones."""
        return replace(self, features=features)


def trading_tables(
    candles: Mapping[str, pl.DataFrame],
    *,
    symbols: Sequence[str],
    leaders: Sequence[str],
    recipe: FeatureRecipe,
) -> list[TradingTable]:
    """Build the features of symbols, with the bits that they have live.

    Parameters
    ----------
    candles : mapping of str to DataFrame
        Of the symbols and the leaders, as `read_candles` gives them.
    symbols : sequence of str
        To make tables of.
    leaders : sequence of str
    recipe : FeatureRecipe
        With columns, and without filling: what is not known is not traded.

    Raises
    ------
    ParameterError
        A recipe that fills or names no columns, a symbol or a leader without candles, a symbol that the columns cannot
        be made of: a leader has none against itself.
    DataError, OrderError
        As `FeatureRecipe.build_with_market_context`; less than two rows.
    """
    if recipe.fill is not None or recipe.columns is None:
        raise ParameterError("recipe must have fill=None and columns", "recipe")
    for name in (*symbols, *leaders):
        if name not in candles:
            raise ParameterError(f"no candles of {name!r}; there are {', '.join(candles)}", "symbol")
    involved = dict.fromkeys((*leaders, *symbols))
    prices = {name: read_prices(candles[name], name) for name in involved}
    times = np.unique(np.concatenate([each.times for each in prices.values()]))
    if len(times) < 2:
        raise DataError(f"candles must have at least 2 rows, got {len(times)}", "too_short")
    frames: dict[str, Any] = {leader: candles[leader].select("ts", "close") for leader in leaders}
    tables = []
    for symbol in symbols:
        others = {leader: frame for leader, frame in frames.items() if leader != symbol}
        try:
            built = recipe.build_with_market_context(candles[symbol], leaders=others)
        except ParameterError as error:
            raise ParameterError(f"{symbol}: {error}", error.code) from error
        place = np.searchsorted(times, prices[symbol].times)
        features = np.full((len(times), len(recipe.columns)), np.nan)
        features[place] = built.select(pl.col(recipe.columns).cast(pl.Float64)).to_numpy()
        # A feature can be infinite where a price is next to nothing; no one can act on it.
        features[~np.isfinite(features)] = np.nan
        close = np.full(len(times), np.nan)
        close[place] = prices[symbol].close
        returns = np.full(len(times), np.nan)
        returns[:-1] = close[1:] / close[:-1] - 1.0
        tables.append(TradingTable(symbol, times, features, returns))
    return tables
