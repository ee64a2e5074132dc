"""Prices for the tests of market structure: made by hand, drawn, and recorded."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from comove import MarketStructureCoordinator, PriceData
from recorded_data import DATA, present

HOUR = 3_600_000_000_000
START = 1_700_000_000_000_000_000 // HOUR * HOUR
LEADERS = ("BTC", "ETH", "SOL")


def hours(rows, first=0):
    return START + HOUR * np.arange(first, first + rows, dtype=np.int64)


def prices(returns, start=100.0):
    return start * np.cumprod(1.0 + np.asarray(returns, dtype=float))


def market(rows, seed=1, assets=("BONK", "WIF"), sd=0.01):
    """A leaders' factor, three leaders and some assets, without gaps."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, sd, rows)
    names = (*LEADERS, *assets)
    return {
        name: PriceData(hours(rows), prices(beta * factor + rng.normal(0.0, sd / 2, rows)))
        for name, beta in zip(names, np.linspace(0.8, 1.6, len(names)), strict=True)
    }


def with_leaders(data, **options):
    coordinator = MarketStructureCoordinator(**options)
    for leader in coordinator.leaders:
        if leader in data:
            coordinator.update_leader_data(leader, data[leader])
    return coordinator


def bars_of(data):
    """Time and prices of each bar, in order."""
    bars = {}
    for symbol, each in data.items():
        for ts, price in zip(each.timestamps.tolist(), each.prices.tolist(), strict=True):
            bars.setdefault(ts, {})[symbol] = price
    return sorted(bars.items())


def feed(coordinator, data):
    for ts, bar in bars_of(data):
        coordinator.update_bar(ts, bar)
    return coordinator


def same(one, other):
    """Whether two answers agree bit for bit: repr shows all digits, and NaN equals NaN."""
    return repr(one) == repr(other)


@cache
def recorded(folder):
    place = present(DATA / "ohlcv" / folder)
    return {
        path.stem: PriceData.from_frame(pl.read_parquet(path, columns=["ts", "close"]))
        for path in sorted(place.glob("*.parquet"))
    }


def at(text):
    return int(np.datetime64(text, "ns").astype(np.int64))
