"""Candles of many symbols as bars, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from comove.data.candles import CANDLE_SCHEMA, as_candles
from comove.errors import ParameterError

__all__ = ["iterate_bars"]

_VALUES = tuple(name for name in CANDLE_SCHEMA if name != "ts")
# Their objects stay below 20 MB.
_ROWS_AT_ONCE: Final = 1 << 14


def iterate_bars(frames: Mapping[str, pl.DataFrame]) -> Iterator[tuple[int, dict[str, dict[str, float | None]]]]:
    """Yield the bars of some frames of candles: what a live market is fed with.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles of each symbol, as `as_candles` takes them: rising times without repeats.

    Yields
    ------
    ts : int
        Time of the bar in nanoseconds; each time that any symbol has, once.
    candles : dict of str to dict
        ``open``, ``high``, ``low``, ``close`` and ``volume`` of each symbol that has a candle then, None where missing.

    Raises
    ------
    ParameterError
        No mapping.
    DataError, OrderError
        As `as_candles`, before the first bar.

    Notes
    -----
    All candles lie in memory once more while it runs, as columns of numbers; as Python's objects, which take five times
    as much, some thousand rows at a time.

    Examples
    --------
    >>> from comove.data import iterate_bars, simulate_market
    >>> bars = list(iterate_bars(simulate_market(n_bars=100, assets=["BONK"], seed=1).frames))
    >>> len(bars), sorted(bars[0][1])
    (100, ['BONK', 'BTC', 'ETH', 'SOL'])
    """
    if not isinstance(frames, Mapping):
        raise ParameterError(f"frames must be a mapping of symbol to DataFrame, got {type(frames).__name__}", "type")
    return _bars({symbol: as_candles(frame, source=symbol) for symbol, frame in frames.items()})


def _bars(frames: Mapping[str, pl.DataFrame]) -> Iterator[tuple[int, dict[str, dict[str, float | None]]]]:
    if not frames:
        return
    rows = pl.concat([frame.with_columns(symbol=pl.lit(symbol)) for symbol, frame in frames.items()])
    # Symbols of one time stay in the order in which they were given.
    rows = rows.sort("ts", maintain_order=True)
    rows = rows.with_columns(pl.col("ts").cast(pl.Datetime("ns", "UTC")).to_physical())
    now: int | None = None
    bar: dict[str, dict[str, float | None]] = {}
    for part in rows.select("ts", "symbol", *_VALUES).iter_slices(_ROWS_AT_ONCE):
        for ts, symbol, *values in zip(*(column.to_list() for column in part.iter_columns()), strict=True):
            if ts != now:
                if now is not None:
                    yield now, bar
                now, bar = ts, {}
            bar[symbol] = dict(zip(_VALUES, values, strict=True))
    if now is not None:
        yield now, bar
