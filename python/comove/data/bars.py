"""Candles of many symbols as bars, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import polars as pl

from comove.data.candles import CANDLE_SCHEMA, as_candles
from comove.data.columns import to_float
from comove.errors import ParameterError

__all__ = ["Bars", "iterate_bars"]

Bars: TypeAlias = Iterator[tuple[int, dict[str, dict[str, float | None]]]]

_VALUES: Final = tuple(name for name in CANDLE_SCHEMA if name != "ts")
#: Candles that are Python's numbers at a time.
_ROWS: Final = 1 << 16


def iterate_bars(frames: Mapping[str, pl.DataFrame], *, columns: Sequence[str] = ()) -> Bars:
    """Yield the bars of some frames of candles: what a live market is fed with.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles of each symbol, as `as_candles` takes them: rising times without repeats.
    columns : sequence of str
        Other columns of numbers, as ``funding``, that come along with the candles of the frames that have them.

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
    All candles lie in memory once more while it runs, as a frame.

    Examples
    --------
    >>> from comove.data import iterate_bars, simulate_market
    >>> bars = list(iterate_bars(simulate_market(n_bars=100, assets=["BONK"], seed=1).frames))
    >>> len(bars), sorted(bars[0][1])
    (100, ['BONK', 'BTC', 'ETH', 'SOL'])
    """
    if not isinstance(frames, Mapping):
        raise ParameterError(f"frames must be a mapping of symbol to DataFrame, got {type(frames).__name__}", "type")
    return _bars({symbol: _table(frame, symbol, columns) for symbol, frame in frames.items()}, columns)


def _table(frame: pl.DataFrame, symbol: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return the candles with the other columns that there are; each row says which of them it has."""
    more = [name for name in columns if name in frame.columns]
    others = [to_float(frame[name], name, source=symbol).alias(name) for name in more]
    # A column that is there and null is not one that is not there.
    there = [pl.lit(name in more).alias(_there(name)) for name in columns]
    return as_candles(frame, source=symbol).with_columns(pl.lit(symbol).alias("symbol"), *others, *there)


def _there(name: str) -> str:
    return f"has {name}"


def _bars(frames: Mapping[str, pl.DataFrame], columns: Sequence[str]) -> Bars:
    if not frames:
        return
    rows = pl.concat(list(frames.values()), how="diagonal")
    del frames
    # Symbols of one time stay in the order in which they were given.
    rows = rows.sort("ts", maintain_order=True)
    rows = rows.with_columns(rows["ts"].cast(pl.Datetime("ns", "UTC")).to_physical())
    others = [name for name in columns if name in rows.columns]
    now: int | None = None
    bar: dict[str, dict[str, float | None]] = {}
    for part in rows.iter_slices(_ROWS):
        lists = [part[name].to_list() for name in ("ts", "symbol", *_VALUES)]
        added = [(name, part[name].to_list(), part[_there(name)].to_list()) for name in others]
        for place, (ts, symbol, *values) in enumerate(zip(*lists, strict=True)):
            if ts != now:
                if now is not None:
                    yield now, bar
                now, bar = ts, {}
            candle = bar[symbol] = dict(zip(_VALUES, values, strict=True))
            for name, numbers, there in added:
                if there[place]:
                    candle[name] = numbers[place]
    if now is not None:
        yield now, bar
