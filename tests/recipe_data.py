"""Candles for the tests of the recipe: recorded ones on the grid of a leader, and made ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from comove import arrays
from comove.data import read_candles
from comove.options import BASE_INPUTS
from recorded_data import HOURS, needs

real_data = needs(HOURS)
HOUR_NS = 3_600_000_000_000


@cache
def candles(symbol):
    """The recorded candles of a coin."""
    return read_candles(HOURS, symbols=[symbol])[symbol]


def on_grid(asset, leader, rows):
    """The last rows of an asset on the union with its leader, as arrays by input; ts in nanoseconds."""
    both = asset.join(leader.select("ts", leader_close="close"), on="ts", how="full", coalesce=True).sort("ts")
    both = both.filter(pl.col("ts") >= asset["ts"][0]).tail(rows)
    ts = both["ts"].cast(pl.Datetime("ns", "UTC")).to_physical().to_numpy()
    columns = [name for name in BASE_INPUTS if name in both.columns]
    return {"ts": ts, **{name: both[name].fill_null(float("nan")).to_numpy() for name in columns}}


def made(rows, seed, *, gaps=0.0, book=True):
    """Random candles of an hour, with missing ones; every input."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.01, (2, rows))
    close, leader = 100 * np.exp(np.cumsum(steps, axis=1))
    start = np.concatenate([[100.0], close[:-1]])[:rows]
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.004, rows)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.004, rows)))
    frame = {
        "ts": np.arange(rows, dtype=np.int64) * HOUR_NS + 1_700_000_000_000_000_000,
        "open": start, "high": high, "low": low, "close": close, "volume": rng.lognormal(3, 1, rows),
        "leader_close": leader,
    }  # fmt: skip
    if book:
        frame |= {"bid": close * 0.999, "ask": close * 1.001, "funding_rate": rng.normal(1e-4, 1e-4, rows)}
        frame |= {"bid_volume": rng.lognormal(1, 1, rows), "ask_volume": rng.lognormal(1, 1, rows)}
    if gaps:
        gone = rng.random(rows) < gaps
        for name in [name for name in frame if name not in ("ts", "leader_close")]:
            frame[name] = np.where(gone | (rng.random(rows) < gaps / 20), np.nan, frame[name])
        frame["leader_close"] = np.where(rng.random(rows) < gaps, np.nan, leader)
    return frame


def columns_of(frame, names=None, threads=1):
    """The base columns at the array door."""
    inputs = {name: values for name, values in frame.items() if name != "ts"}
    return arrays.base_features(frame["ts"], **inputs, columns=names, threads=threads)
