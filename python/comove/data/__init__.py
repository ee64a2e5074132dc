"""Candles: reading them, laying them on one grid, and simulating a market whose truth is known.

Pure Python over Polars and NumPy; nothing here needs the compiled kernels. Candle frames have the columns
``ts`` (Datetime("us", "UTC"), open time), ``open``, ``high``, ``low``, ``close``, ``volume`` (Float64),
in rising time without repeats. Missing values are null. Nothing is filled.
"""

from __future__ import annotations

from .align import Aligned, align
from .bars import iterate_bars
from .candles import CANDLE_SCHEMA, as_candles, read_candles
from .simulate import MarketTruth, SimulatedMarket, simulate_market

__all__ = [
    "CANDLE_SCHEMA",
    "Aligned",
    "MarketTruth",
    "SimulatedMarket",
    "align",
    "as_candles",
    "iterate_bars",
    "read_candles",
    "simulate_market",
]
