"""Other futures of the same past: what a strategy that does not look ahead cannot tell from the true one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from comove.data.times import to_utc
from comove.options import Floats

__all__ = ["FUTURES", "Frames", "Future", "changed_future"]

Frames: TypeAlias = Mapping[str, pl.DataFrame]
Future: TypeAlias = Callable[[Frames, int, Collection[str], np.random.Generator], dict[str, pl.DataFrame]]

_PRICES: Final = ("open", "high", "low", "close")
#: Standard deviation of the logarithm of what returns are multiplied with.
_NOISE: Final = 0.5
#: The farthest that a scrambled price goes from the last true one, a logarithm: no product leaves the range of float64.
_FARTHEST: Final = 50.0
_NEWCOMER: Final = "NEWCOMER"


def changed_future(
    future: str, frames: Frames, cut: int, leaders: Collection[str], rng: np.random.Generator
) -> dict[str, pl.DataFrame]:
    """Return frames whose rows up to a time are as they were, and the rest are not.

    Parameters
    ----------
    future : str
        Of `FUTURES`.
    frames : mapping of str to DataFrame
        Candles as `comove.data.read_candles` gives them, other columns too.
    cut : int
        The last time that stays, in nanoseconds.
    leaders : collection of str
        Which never vanish.
    rng : numpy.random.Generator
    """
    return FUTURES[future](frames, cut, leaders, rng)


def _cut_off(frames: Frames, cut: int, leaders: Collection[str], rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Nothing comes later."""
    return {symbol: past for symbol, frame in frames.items() if len(past := frame.filter(~_later(frame, cut)))}


def _scrambled(frames: Frames, cut: int, leaders: Collection[str], rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Other candles at the same times."""
    return {symbol: _with_other_candles(frame, _later(frame, cut).to_numpy(), rng) for symbol, frame in frames.items()}


def _other_coins(
    frames: Frames, cut: int, leaders: Collection[str], rng: np.random.Generator
) -> dict[str, pl.DataFrame]:
    """Half of the coins, at least one, vanish, and one that there was not before appears with another one's candles."""
    coins = [symbol for symbol, frame in frames.items() if symbol not in leaders and _later(frame, cut).any()]
    gone = set(rng.choice(coins, (len(coins) + 1) // 2, replace=False).tolist()) if coins else set()
    past = _cut_off({symbol: frame for symbol, frame in frames.items() if symbol in gone}, cut, leaders, rng)
    kept = {symbol: past.get(symbol, frame) for symbol, frame in frames.items() if symbol in past or symbol not in gone}
    # Not one that vanishes: where all do but the leaders, nothing would be left to appear.
    model = frames[coins[int(rng.integers(len(coins)))] if coins else next(iter(frames))]
    later = model.filter(_later(model, cut))
    if len(later):
        name = _NEWCOMER
        while name in frames:
            name += "X"
        kept[name] = _with_other_candles(later, np.ones(len(later), bool), rng)
    return kept


FUTURES: Final[Mapping[str, Future]] = {"cut off": _cut_off, "scrambled": _scrambled, "of other coins": _other_coins}
"""Each future by what is said of it: "the future after ... is cut off"."""


def _later(frame: pl.DataFrame, cut: int) -> pl.Series:
    return to_utc(frame["ts"], source="frame").cast(pl.Datetime("ns", "UTC")).to_physical() > cut


def _with_other_candles(frame: pl.DataFrame, later: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    """Return a frame whose `later` rows have the candles of one another, each turned over or not, and stretched.

    A candle is its gap from the close before, the move from open to close, and its wicks, all in logarithms; turned
    over, the upper wick is the lower one. They are put together from the last close before, so that prices do not jump
    where the future begins. What else there is in the rows, volume among it, changes places too.
    """
    rows = np.flatnonzero(later)
    prices = {name: frame[name].cast(pl.Float64).to_numpy().copy() for name in _PRICES}
    o, h, low, c = prices.values()
    whole = np.isfinite(o) & np.isfinite(h) & np.isfinite(low) & np.isfinite(c)
    whole &= (np.minimum(o, low) > 0.0) & (np.minimum(h, c) > 0.0)
    known, changed = np.flatnonzero(whole), rows[whole[rows]]
    columns: dict[str, pl.Series] = {}
    if len(changed):
        before = known[known < changed[0]]
        start = np.log(c[before[-1]] if len(before) else o[changed[0]])
        gap, move, up, down = _shapes(o, h, low, c, changed, start)
        place = rng.permutation(len(changed))
        stretched = np.exp(rng.normal(0.0, _NOISE, len(changed)))
        turned = rng.random(len(changed)) < 0.5
        sign = np.where(turned, -1.0, 1.0) * stretched
        gap, move = gap[place] * sign, move[place] * sign
        up, down = up[place] * stretched, down[place] * stretched
        up, down = np.where(turned, down, up), np.where(turned, up, down)
        path = np.clip(np.cumsum(gap + move), -_FARTHEST, _FARTHEST)
        close = start + path
        opened = np.clip(np.concatenate([[start], close[:-1]]) + gap, start - _FARTHEST, start + _FARTHEST)
        o[changed], c[changed] = np.exp(opened), np.exp(close)
        h[changed] = np.maximum(o[changed], c[changed]) * np.exp(np.minimum(up, _FARTHEST))
        low[changed] = np.minimum(o[changed], c[changed]) * np.exp(-np.minimum(down, _FARTHEST))
        columns |= {
            name: pl.Series(name, values).zip_with(pl.Series(whole), frame[name].cast(pl.Float64))
            for name, values in prices.items()
        }
    order = np.arange(len(frame))
    order[rows] = rows[rng.permutation(len(rows))]
    columns |= {name: frame[name][order] for name in frame.columns if name not in ("ts", *_PRICES)}
    return frame.with_columns(*columns.values())


def _shapes(
    o: Floats, h: Floats, low: Floats, c: Floats, rows: np.ndarray, start: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return gap, move and both wicks of the candles of some rows, in logarithms."""
    opened, close = np.log(o[rows]), np.log(c[rows])
    gap = opened - np.concatenate([[start], close[:-1]])
    up = np.log(h[rows]) - np.maximum(opened, close)
    down = np.minimum(opened, close) - np.log(low[rows])
    # A high below the close, as bad data have it, is a wick of nothing.
    return gap, close - opened, np.maximum(up, 0.0), np.maximum(down, 0.0)
