"""Candles of many symbols as a backtest takes them: checked, in the order of names, with the funding that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

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
        No symbol, or candles that cannot be used.
    ParameterError
        No mapping of DataFrames.
    """
    if not isinstance(frames, Mapping):
        raise ParameterError(f"frames must be a mapping of symbol to DataFrame, got {type(frames).__name__}", "type")
    if not frames:
        raise DataError("frames must hold at least one symbol, got none", "frames")
    read = {}
    for symbol in sorted(frames):
        frame = frames[symbol]
        if not isinstance(frame, pl.DataFrame):
            raise ParameterError(f"frames must hold Polars DataFrames, {symbol} is {type(frame).__name__}", "type")
        candles = as_candles(frame, source=symbol)
        if FUNDING in frame.columns:
            candles = candles.with_columns(to_float(frame[FUNDING], FUNDING, source=symbol).alias(FUNDING))
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
