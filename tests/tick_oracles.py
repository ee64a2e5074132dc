"""Asynchronous ticks for tests and benches, and their contrast from its definition and in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cases import Floats

SECOND = 10**9
# Digits of the logs.
DIGITS = 40

Times = NDArray[np.int64]
Levels = Sequence[Fraction]


def series(seed: int, n: int, *, spacing: float = SECOND, kind: str = "random") -> tuple[Times, Floats]:
    """Times and prices: at random, in bursts, many at equal times, or with long gaps."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(spacing, n)
    if kind == "bursts":
        gaps = np.where(rng.random(n) < 0.9, rng.integers(0, 5, n), 10 * gaps)
    if kind == "gaps":
        gaps = np.where(rng.random(n) < 0.02, 1e5 * spacing, gaps)
    times = np.cumsum(gaps).astype(np.int64)
    if kind == "equal":
        times -= times % (3 * SECOND)
    return times, 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, n)))


def levels(prices: Iterable[float], increments: str) -> list[Fraction]:
    """Prices as they are, or their logs."""
    if increments == "difference":
        return [Fraction(float(price)) for price in prices]
    with localcontext() as context:
        context.prec = DIGITS
        return [Fraction(Decimal(float(price)).ln()) for price in prices]


def steps(times: Iterable[int], values: Levels) -> list[tuple[int, int, Fraction]]:
    """Each interval with its increment; of equal times the last value counts."""
    last = dict(zip(map(int, times), values, strict=True))
    ends = list(last)
    return [(a, b, last[b] - last[a]) for a, b in pairwise(ends)]


def shifted_contrast(
    ts_a: Iterable[int], a: Levels, ts_b: Iterable[int], b: Levels, lags: Iterable[int]
) -> tuple[list[Fraction | None], float]:
    """The contrast at each lag, None where nothing overlaps, and its natural scale."""
    of_a, of_b = steps(ts_a, a), steps(ts_b, b)
    scale = math.sqrt(sum(x * x for *_, x in of_a) * sum(y * y for *_, y in of_b))
    contrasts: list[Fraction | None] = []
    for lag in map(int, lags):
        products = [
            x * y for begin, end, x in of_a for start, stop, y in of_b if max(begin, start - lag) < min(end, stop - lag)
        ]
        contrasts.append(sum(products, Fraction(0)) if products else None)
    return contrasts, scale


def in_numpy(
    ts_a: Times, price_a: Floats, ts_b: Times, price_b: Floats, lags: Iterable[int], dtype: type = np.float64
) -> Floats:
    """The vectorised version: search for the ends of each interval, take differences of the level between them."""
    level_a, level_b = np.log(price_a.astype(dtype)), np.log(price_b.astype(dtype))
    moves = np.diff(level_a)
    contrasts = []
    for lag in lags:
        moved = ts_a + lag
        after = np.minimum(np.searchsorted(ts_b, moved[1:], "left"), len(ts_b) - 1)
        before = np.maximum(np.searchsorted(ts_b, moved[:-1], "right") - 1, 0)
        contrasts.append(moves @ (level_b[after] - level_b[before]))
    return np.array(contrasts)
