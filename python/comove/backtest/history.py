"""Candles of many symbols as a backtest takes them: checked, in the order of names, with the funding that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from comove.backtest.costs import MOST_FUNDING
from comove.data.candles import as_candles
from comove.data.columns import to_float
from comove.errors import DataError, ParameterError

__all__ = ["FUNDING", "leaders_of", "read_history"]

FUNDING = "funding"
"""The column of rates that are paid at the opening of a candle."""


def read_history(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return candles of each symbol in the form of `comove.data.as_candles`, with the column ``funding`` where it is.

    Raises
    ------
    DataError, OrderError
        No symbol, or candles that cannot be used; rates of funding beyond `MOST_FUNDING`.
    ParameterError
        No mapping of names to DataFrames.
    """
    if not isinstance(frames, Mapping):
        raise ParameterError(f"frames must be a mapping of symbol to DataFrame, got {type(frames).__name__}", "type")
    if not frames:
        raise DataError("frames must hold at least one symbol, got none", "frames")
    read = {}
    for symbol in frames:
        if not isinstance(symbol, str) or not symbol:
            raise ParameterError(f"frames must have names of symbols, got {symbol!r}", "symbol")
    for symbol in sorted(frames):
        frame = frames[symbol]
        if not isinstance(frame, pl.DataFrame):
            raise ParameterError(f"frames must hold Polars DataFrames, {symbol} is {type(frame).__name__}", "type")
        candles = as_candles(frame, source=symbol)
        named = [column for column in frame.columns if column.lower() == FUNDING]
        if len(named) > 1:
            raise DataError(f"{symbol}: {' and '.join(named)} are both the column {FUNDING}", "columns")
        if named:
            rates = to_float(frame[named[0]], FUNDING, source=symbol)
            largest = rates.abs().max()
            if isinstance(largest, float) and largest > MOST_FUNDING:
                raise DataError(
                    f"{symbol}: {FUNDING} must be a part of the value, within {-MOST_FUNDING} and {MOST_FUNDING}, "
                    f"got {largest}",
                    "funding",
                )
            candles = candles.with_columns(rates.alias(FUNDING))
        read[symbol] = candles
    return read


def leaders_of(frames: Mapping[str, pl.DataFrame], leaders: Sequence[str]) -> list[str]:
    """Return the leaders that have candles, in their order.

    Raises
    ------
    DataError
        None has.
    """
    there = [leader for leader in leaders if leader in frames]
    if not there:
        raise DataError(
            f"frames must hold a leader, one of {', '.join(leaders)}, got {', '.join(list(frames)[:10])}", "leader"
        )
    return there
