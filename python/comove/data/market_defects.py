"""What real candle files suffer from, put on the clean candles of a simulated market."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LONGEST_GAP = 24


def draw_listings(
    stream: np.random.Generator, symbols: list[str], assets: list[str], late: int, n_bars: int
) -> dict[str, int]:
    """Draw the first bar of each symbol: 0, and for `late` of the assets 10 % to 60 % of the way."""
    rows = dict.fromkeys(symbols, 0)
    for a in sorted(stream.choice(len(assets), late, replace=False).tolist()):
        rows[assets[a]] = int(stream.integers(n_bars // 10, 6 * n_bars // 10 + 1))
    return rows


def draw_gaps(
    stream: np.random.Generator, symbols: list[str], listings: Mapping[str, int], gaps: int, n_bars: int
) -> dict[str, Ints]:
    """Draw the bars without a candle: never the first nor the last of a symbol; holes may overlap."""
    longest = min(_LONGEST_GAP, n_bars // (4 * max(gaps, 1)))
    holes: dict[str, list[Ints]] = {symbol: [np.empty(0, dtype=np.int64)] for symbol in symbols}
    for _ in range(gaps):
        symbol = symbols[int(stream.integers(len(symbols)))]
        length = int(stream.integers(1, longest + 1))
        first = int(stream.integers(listings[symbol] + 1, n_bars - length))
        holes[symbol].append(np.arange(first, first + length, dtype=np.int64))
    return {symbol: np.unique(np.concatenate(parts)) for symbol, parts in holes.items()}


def kept_bars(listing: int, holes: Ints, n_bars: int) -> Ints:
    """List the bars of one symbol that have a candle."""
    kept = np.ones(n_bars, dtype=np.bool_)
    kept[:listing] = False
    kept[holes] = False
    return np.flatnonzero(kept)


def spoil_ticks(
    stream: np.random.Generator,
    candles: Mapping[str, Mapping[str, Floats]],
    assets: list[str],
    keep: Mapping[str, Ints],
    bad_ticks: int,
) -> dict[str, Ints]:
    """Write wrong closes into `candles`, in bars that are kept, and say which.

    At least 15 % of the bars of an asset are kept, and fewer than that are spoiled, so the search ends.
    The bar's high and low take the wrong print in, so the candle stays well-formed; the next open is
    right again.
    """
    rows: dict[str, set[int]] = {symbol: set() for symbol in candles}
    while sum(map(len, rows.values())) < bad_ticks:
        symbol = assets[int(stream.integers(len(assets)))]
        row = int(stream.choice(keep[symbol]))
        factor = 10.0 ** (int(stream.integers(1, 4)) * (1 if stream.random() < 0.5 else -1))
        if row in rows[symbol]:
            continue
        rows[symbol].add(row)
        candle = candles[symbol]
        candle["close"][row] *= factor
        candle["high"][row] = max(candle["high"][row], candle["close"][row])
        candle["low"][row] = min(candle["low"][row], candle["close"][row])
    return {symbol: np.array(sorted(found), dtype=np.int64) for symbol, found in rows.items()}
