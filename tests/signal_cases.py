"""Markets of candles for the tests of signals: simulated and recorded, and how to walk through them."""

from __future__ import annotations

from itertools import islice

import numpy as np

from comove.data import iterate_bars
from comove.signals import SignalMarket
from structure_cases import HOUR, START

COLUMNS = ("open", "high", "low", "close", "volume")


def candle(open_, high, low, close, volume=1_000.0):
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume}


def candles_of(closes, spread=0.001, volume=1_000.0, seed=0):
    """Candles around a series of closes: the open is the close before, high and low lie a random bit outside."""
    rng = np.random.default_rng(seed)
    closes = np.asarray(closes, dtype=float)
    opens = np.concatenate([closes[:1], closes[:-1]])
    top, bottom = np.maximum(opens, closes), np.minimum(opens, closes)
    highs = top * (1.0 + spread * rng.random(len(closes)))
    lows = bottom * (1.0 - spread * rng.random(len(closes)))
    volumes = np.broadcast_to(volume, closes.shape)
    return [candle(*map(float, row)) for row in zip(opens, highs, lows, closes, volumes, strict=True)]


def bars_of_candles(market):
    """Time and candles of each bar, from a mapping of symbol to a list of candles (None for no candle)."""
    rows = max(len(each) for each in market.values())
    for row in range(rows):
        yield (
            START + HOUR * row,
            {symbol: each[row] for symbol, each in market.items() if row < len(each) and each[row] is not None},
        )


def bars_of_frames(frames, rows=None):
    """Time and candles of each bar, from a mapping of symbol to frame of candles."""
    return list(islice(iterate_bars(frames), rows))


def walk(bars, market=None, **options):
    """Contexts of each bar."""
    market = SignalMarket(**options) if market is None else market
    for ts, candles in bars:
        yield market.update(ts, candles)
