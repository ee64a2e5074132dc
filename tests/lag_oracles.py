"""Correlations at every lag and the p-values of a lead, straight from their definitions, one window at a time.

Letters: y asset, x leader, L the largest lag; lag k pairs x[t + k] with y[t], so that at k < 0 the leader moved first.
The p-values follow rust/comove-core/src/lags/inference.rs, which has their sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import oracles
from cases import NAN, Floats

MIN_PAIRS = 10


# --- correlations ---


def later(values: Floats, rows: int) -> Floats:
    """Each value that many rows later; what stands before the first is missing."""
    return np.concatenate([np.full(rows, NAN), values])[: len(values)]


def pairs(asset: Floats, leader: Floats, lag: int) -> tuple[Floats, Floats]:
    """Both series, moved so that the pairs of a lag stand in one row."""
    return later(asset, max(lag, 0)), later(leader, max(-lag, 0))


def exact(
    asset: Floats, leader: Floats, window_size: int, max_lag: int, min_samples: int, rows: Sequence[int]
) -> Floats:
    """Correlations from lag -L to L without rounding but the last, (rows, 2 L + 1)."""
    options = {"window_size": window_size, "min_samples": min_samples, "rows": rows}
    lags = range(-max_lag, max_lag + 1)
    return np.column_stack([oracles.pair(*pairs(asset, leader, lag), **options)["corr"] for lag in lags])


def of_numpy(
    asset: Floats, leader: Floats, window_size: int, max_lag: int, min_samples: int, rows: Sequence[int]
) -> tuple[Floats, Floats]:
    """The same by `numpy.corrcoef`, and the numbers of complete pairs."""
    corr = np.full((len(rows), 2 * max_lag + 1), NAN)
    n = np.zeros_like(corr)
    for place, lag in enumerate(range(-max_lag, max_lag + 1)):
        moved = pairs(asset, leader, lag)
        for i, t in enumerate(rows):
            y, x = (side[max(0, t + 1 - window_size) : t + 1] for side in moved)
            both = np.isfinite(y) & np.isfinite(x)
            y, x = y[both], x[both]
            n[i, place] = len(y)
            if len(y) >= min_samples and np.ptp(y) and np.ptp(x):
                corr[i, place] = np.corrcoef(y, x)[0, 1]
    return corr, n


def scan(corrs: Floats) -> tuple[float, float, float]:
    """Lag, corr and llr of one row of correlations."""
    if not np.isfinite(corrs).all():
        return NAN, NAN, NAN
    most = len(corrs) // 2
    lag = min(range(-most, most + 1), key=lambda k: (-abs(corrs[k + most]), abs(k), k))
    before, after = (math.fsum(side**2) for side in (corrs[:most], corrs[most + 1 :]))
    return lag, corrs[lag + most], before / after if after else NAN


# --- p-values ---


def whitened(values: Floats, first: int) -> tuple[Floats, Floats]:
    """The residual of each row on the row before, fitted to the rows from `first` on, and that row before."""
    values = np.where(np.isfinite(values), values, NAN)
    values = values - np.nanmean(values[first:])
    before = later(values, 1)
    fitted = (np.arange(len(values)) >= first) & np.isfinite(before) & np.isfinite(values)
    phi, level = np.polyfit(before[fitted], values[fitted], 1)
    return values - level - phi * before, before


def p_of(products: Floats) -> float:
    squares = np.sum(products**2)
    z = abs(np.sum(products)) / math.sqrt(squares)
    q = np.sum(products**4) / squares**2
    normal = math.erfc(z / math.sqrt(2.0))
    density = math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    return max(normal - q / 6.0 * (z**3 - 3.0 * z) * density, normal / 4.0)


def one_side(own: tuple[Floats, Floats], other: tuple[Floats, Floats], max_lag: int) -> list[float]:
    """The p-value of each lag at which `other` is before `own`."""
    (u, before), (v, _) = own, other
    found = []
    for lag in range(1, max_lag + 1):
        now, lagged = u[max_lag:], v[max_lag - lag : len(v) - lag]
        both = np.isfinite(now) & np.isfinite(lagged)
        if both.sum() < MIN_PAIRS:
            return [NAN]
        w, z = before[max_lag:][both], lagged[both]
        w, z = w - w.mean(), z - z.mean()
        found.append(p_of(now[both] * (z - w * (w @ z) / (w @ w))))
    return found


def p_values(asset: Floats, leader: Floats, max_lag: int) -> list[float]:
    """`p_value`, `lead_p_value` and `follow_p_value` of one window and the `max_lag` rows before it."""
    y, x = whitened(asset, max_lag), whitened(leader, max_lag)
    lead, follow = one_side(y, x, max_lag), one_side(x, y, max_lag)
    u, v = y[0][max_lag:], x[0][max_lag:]
    both = np.isfinite(u) & np.isfinite(v)
    u, v = u[both] - u[both].mean(), v[both] - v[both].mean()
    everything = [*lead, *follow, p_of(u * v)]
    return [1.0 - (1.0 - min(p)) ** len(p) if np.isfinite(p).all() else NAN for p in (everything, lead, follow)]
