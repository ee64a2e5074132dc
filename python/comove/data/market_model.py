"""The arithmetic of the simulated market: regimes, volatilities, returns, candles.

Letters: t bar, j leader, a asset, k(a,j) lag in rows (negative: the leader moved first).

    h[t]          = PHI h[t-1] + noise                                       log volatility of each series
    sigma_j[t]    = level_j * regime_volatility[t] * exp(h_j[t] - var(h)/2)   leader volatility
    leader_j[t]   = drift[t] + sigma_j[t] * (sqrt(rho[t]) m[t] + sqrt(1 - rho[t]) z_j[t])
    sigma_a[t]    = level_a * exp(h_a[t] - var(h)/2) + sum_j spillover[a,j] * sigma_j[t-1]
    asset_a[t]    = sum_j beta[a,j] * leader_j[t + k(a,j)] + sigma_a[t] * z_a[t]

with m, z independent standard normal. m is the market, common to all leaders, so rho[t] is the
correlation of any two of them. Regimes move drift, leader volatility and rho, and reach the assets
through the leaders only: with spillover 0 the asset's own volatility sigma_a is independent of every
leader. Returns are simple returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_LAG: Final = 50
REGIME_NAMES: Final = ("range", "bull", "bear", "stress")
# Drift and volatility in units of the leader's own volatility; the shape of crypto markets, not a fit to
# one.
_REGIME_DRIFT: Final = np.array([0.0, 0.06, -0.04, -0.06])
_REGIME_VOLATILITY: Final = np.array([1.0, 1.1, 1.4, 2.5])
_REGIME_CORRELATION: Final = np.array([0.50, 0.55, 0.65, 0.85])
TRANSITION: Final = np.array(
    [
        [0.990, 0.005, 0.004, 0.001],
        [0.006, 0.990, 0.002, 0.002],
        [0.004, 0.002, 0.988, 0.006],
        [0.005, 0.005, 0.015, 0.975],
    ]
)

_PHI: Final = 0.97  # half-life of 23 bars
_LEADER_SD: Final = 0.35  # of log volatility
_ASSET_SD: Final = 0.20
# Normal numbers are cut at 6 (two in 1e9), so that a bound on volatility is a bound on returns.
_MOST_SIGMAS: Final = 6.0
_RULES_OUT: Final = -0.9  # a simple return may not come near -1
# A long, wild series drifts down by half its variance a bar; far beyond these its volume would overflow.
_LEAST_PRICE: Final = 1e-150
_MOST_PRICE: Final = 1e150


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """One draw of the market on the clean grid; arrays are (series, bars) unless said otherwise."""

    regimes: Ints  # (bars,)
    leader_returns: Floats
    leader_volatility: Floats
    asset_returns: Floats
    asset_volatility: Floats  # own part only
    bar_volatility: Floats  # of the whole return; leaders, then assets
    single_betas: Floats  # (assets, leaders)
    lagged_single_betas: Floats  # (assets, leaders)


def draw_paths(
    streams: list[np.random.Generator],
    *,
    n_bars: int,
    leader_level: Floats,
    asset_level: Floats,
    betas: Floats,
    lags: Ints,
    spillover: Floats,
    with_regimes: bool,
) -> Paths:
    """Draw returns and volatilities.

    Parameters
    ----------
    streams : three generators
        For regimes, leaders and assets, so that one part does not move when another is changed.
    n_bars : int
    leader_level, asset_level : float64, shapes (leaders,), (assets,)
        Volatility per bar as a fraction.
    betas, lags, spillover : shape (assets, leaders)
    with_regimes : bool
        False stays in the first regime.

    Returns
    -------
    Paths

    Raises
    ------
    OverflowError
        A return is at or below -0.9: the volatilities are too large for simple returns.
    """
    of_regimes, of_leaders, of_assets = streams
    # Always the same, so that other lags leave the leaders as they are; the one more is the row back of
    # spillover.
    pad = MOST_LAG + 1
    length = n_bars + 2 * pad
    inside = slice(pad, pad + n_bars)

    regimes = _regimes(of_regimes, length) if with_regimes else np.zeros(length, dtype=np.int64)
    drift = _REGIME_DRIFT[regimes] * leader_level.mean()
    rho = _REGIME_CORRELATION[regimes]

    n_leaders = len(leader_level)
    market = _normal(of_leaders, (1, length))
    own = _normal(of_leaders, (n_leaders, length))
    growth = _log_volatility(of_leaders, (n_leaders, length), _LEADER_SD)
    sigma = leader_level[:, None] * _REGIME_VOLATILITY[regimes] * growth
    leaders = drift + sigma * (np.sqrt(rho) * market + np.sqrt(1.0 - rho) * own)

    n_assets = len(asset_level)
    shape = (n_assets, n_bars)
    noise = _normal(of_assets, shape)
    asset_sigma = asset_level[:, None] * _log_volatility(of_assets, shape, _ASSET_SD)
    asset_sigma += spillover @ sigma[:, pad - 1 : pad - 1 + n_bars]
    assets = asset_sigma * noise
    for a in range(n_assets):
        for j in range(n_leaders):
            at = pad + int(lags[a, j])
            assets[a] += betas[a, j] * leaders[j, at : at + n_bars]

    lowest = min(float(leaders.min()), float(assets.min(initial=0.0)))
    if lowest <= _RULES_OUT:
        raise OverflowError(f"a simple return of {lowest:.3g}")
    single, lagged = _single_betas(betas, lags, sigma, rho, drift, inside, pad)
    return Paths(
        regimes=regimes[inside],
        leader_returns=leaders[:, inside],
        leader_volatility=sigma[:, inside],
        asset_returns=assets,
        asset_volatility=asset_sigma,
        bar_volatility=np.vstack([sigma[:, inside], _whole_volatility(betas, lags, sigma, rho, asset_sigma, pad)]),
        single_betas=single,
        lagged_single_betas=lagged,
    )


def draw_candles(
    stream: np.random.Generator, returns: Floats, bar_volatility: Floats, start_price: float
) -> dict[str, Floats]:
    """Open, high, low, close and volume of one series, from its returns.

    A bar opens where the last one closed. High and low are those of a Brownian bridge in log price from
    open to close with the bar's own volatility s: for a log return x and U uniform, (x + sqrt(x^2 - 2 s^2
    ln U)) / 2 above the open, and the mirror image below. Each has its exact
    law; they are drawn apart from each other, which adds about 3 % to the mean square of the range.

    Parameters
    ----------
    stream : Generator
    returns, bar_volatility : float64, shape (bars,)
    start_price : float
        The first open.

    Returns
    -------
    dict of float64 arrays, shape (bars,)

    Raises
    ------
    OverflowError
        Prices drift out of any sensible range.
    """
    n = len(returns)
    steps = np.log1p(returns)
    close = start_price * np.exp(np.cumsum(steps))
    opened = np.concatenate([[start_price], close[:-1]])
    # 1 - random() lies in (0, 1], so the logarithm is finite.
    spread = -2.0 * bar_volatility**2 * np.log(1.0 - stream.random((2, n)))
    above = 0.5 * (steps + np.sqrt(steps**2 + spread[0]))
    below = 0.5 * (steps - np.sqrt(steps**2 + spread[1]))
    # Rounding could leave a high one place under the close.
    high = np.maximum(opened * np.exp(above), np.maximum(opened, close))
    low = np.minimum(opened * np.exp(below), np.minimum(opened, close))
    if not (low.min() > _LEAST_PRICE and high.max() < _MOST_PRICE):
        raise OverflowError(f"prices from {low.min():.3g} to {high.max():.3g}")
    # Volume in coins: about a million in money a bar, more in bars that move.
    activity = 0.5 * stream.standard_normal(n) + np.abs(steps) / np.maximum(bar_volatility, 1e-12)
    volume = 1e6 / close * np.exp(np.minimum(activity, _MOST_SIGMAS) - 1.0)
    return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}


def _normal(stream: np.random.Generator, shape: tuple[int, int]) -> Floats:
    drawn: Floats = stream.standard_normal(shape)
    return np.clip(drawn, -_MOST_SIGMAS, _MOST_SIGMAS)


def _log_volatility(stream: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """Draw exp(h - var(h)/2), h an AR(1) of standard deviation `sd`, within 4 of them; mean about 1."""
    h = _normal(stream, shape)
    h[:, 1:] *= np.sqrt(1.0 - _PHI**2)
    # h[t] = sum of PHI^i e[t-i], i < 2^k after k rounds: the recursion without a loop over bars.
    shift = 1
    while shift < shape[1] and _PHI**shift > 1e-18:
        h[:, shift:] += _PHI**shift * h[:, :-shift].copy()
        shift *= 2
    return np.exp(sd * np.clip(h, -4.0, 4.0) - 0.5 * sd**2)


def _regimes(stream: np.random.Generator, length: int) -> Ints:
    """Draw a Markov chain from state 0, stay by stay instead of bar by bar."""
    out = np.empty(length, dtype=np.int64)
    state, at = 0, 0
    while at < length:
        leaving = 1.0 - TRANSITION[state, state]
        until = min(length, at + int(stream.geometric(leaving)))
        out[at:until] = state
        elsewhere = TRANSITION[state].copy()
        elsewhere[state] = 0.0
        state = int(stream.choice(len(elsewhere), p=elsewhere / elsewhere.sum()))
        at = until
    return out


def _whole_volatility(betas: Floats, lags: Ints, sigma: Floats, rho: Floats, own: Floats, pad: int) -> Floats:
    """Volatility of the assets' returns given all volatilities; only leaders at one lag are correlated."""
    n = own.shape[1]
    out = np.empty_like(own)
    for a in range(len(betas)):
        variance = own[a] ** 2
        for lag in np.unique(lags[a]):
            at = slice(pad + int(lag), pad + int(lag) + n)
            parts = np.where(lags[a] == lag, betas[a], 0.0)[:, None] * sigma[:, at]
            variance = variance + (1.0 - rho[at]) * (parts**2).sum(axis=0) + rho[at] * parts.sum(axis=0) ** 2
        out[a] = np.sqrt(variance)
    return out


def _single_betas(
    betas: Floats, lags: Ints, sigma: Floats, rho: Floats, drift: Floats, inside: slice, pad: int
) -> tuple[Floats, Floats]:
    """Find the expected slope on each leader alone, at the same row and at the asset's own lag to it.

    Expectation over m and z, given the volatilities and regimes drawn: cov(leader_i[t + d], leader_j[t])
    is the mean of rho sigma_i sigma_j (or of sigma_j^2) over the bars for d = 0, and for any d what the
    drift has in common.
    """
    inner, held = sigma[:, inside], rho[inside]
    n = inner.shape[1]
    same_row = (inner * held) @ inner.T / n
    np.fill_diagonal(same_row, (inner**2).mean(axis=1))

    @cache
    def drift_cov(first: int, second: int) -> float:
        x, y = drift[pad + first : pad + first + n], drift[pad + second : pad + second + n]
        return float(((x - x.mean()) * (y - y.mean())).mean())

    single, lagged = np.empty_like(betas), np.empty_like(betas)
    for a in range(betas.shape[0]):
        for j in range(betas.shape[1]):
            for out, at in ((single, 0), (lagged, int(lags[a, j]))):
                cov = sum(
                    betas[a, i] * ((same_row[i, j] if lags[a, i] == at else 0.0) + drift_cov(int(lags[a, i]), at))
                    for i in range(betas.shape[1])
                )
                out[a, j] = cov / (same_row[j, j] + drift_cov(at, at))
    return single, lagged
