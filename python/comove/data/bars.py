"""Candles of many symbols as bars, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from comove.data.candles import CANDLE_SCHEMA, as_candles
from comove.errors import ParameterError

__all__ = ["iterate_bars"]

_VALUES = tuple(name for name in CANDLE_SCHEMA if name != "ts")


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
    All candles lie in memory once more while it runs.

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
    columns = [rows["ts"].cast(pl.Datetime("ns", "UTC")).to_physical().to_list(), rows["symbol"].to_list()]
    columns += [rows[name].to_list() for name in _VALUES]
    now: int | None = None
    bar: dict[str, dict[str, float | None]] = {}
    for ts, symbol, *values in zip(*columns, strict=True):
        if ts != now:
            if now is not None:
                yield now, bar
            now, bar = ts, {}
        bar[symbol] = dict(zip(_VALUES, values, strict=True))
    if now is not None:
        yield now, bar
