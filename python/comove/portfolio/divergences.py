"""Assets that part from their leaders beyond their own noise.

Letters: m rows of the gap; a, b intercept and joint betas of the window without those rows; s the residual standard
deviation there; z the sum of the rows (1, leaders' returns) of the gap; A the inverse of the sums of products there.

    gap = sum over the m rows of r - a - b' leaders
    score = gap / (s sqrt(m' + z' A z)),   m' rows of the m that have all returns

The betas come from rows before the gap, so that it does not fit itself; z' A z is the error they bring in: the standard
error of a forecast of a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.portfolio.measured import Measured
from comove.portfolio.regressions import Regressions

__all__ = ["Divergence", "divergences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """An asset that has parted from its leaders."""

    symbol: str
    direction: Literal["above", "below"]
    """Where it is, seen from what its leaders say."""
    gap: float
    """Sum of returns beyond those expected, a fraction."""
    score: float
    """The gap in standard errors; negative below."""
    age: int
    """Rows since the size of the score first was at the threshold without falling back or changing sides, by the
    betas and the noise of now; 0 where this row is the first. Looked for in the window only."""
    rows: int
    """Rows of the gap that had all returns."""
    n: int
    """Rows the betas are made of."""
    betas: tuple[tuple[str, float], ...]
    """Each leader and the joint beta on it."""
    reason: str


def divergences(measured: Measured) -> list[Divergence]:
    """Return the assets whose gap is at the threshold or beyond, the largest score by size first.

    Leaders are no assets here, nor are symbols without a price in the last bar: those cannot be traded. At least half
    of the rows of the gap must have all returns.
    """
    limits, window, leaders = measured.limits, measured.window, measured.used
    rows = limits.gap_rows
    returns = window.returns
    if not leaders or len(returns) < rows + limits.min_samples:
        return []
    among = measured.places(leaders)
    fit, x = Regressions(returns[:-rows], among, limits.min_samples), returns[:, among]
    names = window.symbols
    assets = np.array([at for _, at in measured.assets() if fit.known[at]], np.int64)
    scores, gaps, counts = _scores(fit, returns[-rows:], x[-rows:], assets)
    enough = counts * 2 >= rows
    out = []
    for at in np.flatnonzero(enough & (np.abs(scores) >= limits.gap_at)):
        place = int(assets[at])
        score, gap = float(scores[at]), float(gaps[at])
        betas = tuple((leader, float(beta)) for leader, beta in zip(leaders, fit.betas[place], strict=True))
        age = _age(fit, returns, x, place, rows, limits.gap_at, score > 0)
        side: Literal["above", "below"] = "above" if score > 0 else "below"
        out.append(
            Divergence(
                symbol=names[place],
                direction=side,
                gap=gap,
                score=score,
                age=age,
                rows=int(counts[at]),
                n=int(fit.n[place]),
                betas=betas,
                reason=(
                    f"{names[place]} is {abs(gap):.2%} {side} what {', '.join(leaders)} say over {int(counts[at])} "
                    f"rows, {abs(score):.1f} standard errors; for {age} rows at {limits.gap_at:g} or more"
                ),
            )
        )
    # Names of equal scores, so that the order is one.
    return sorted(out, key=lambda found: (-abs(found.score), found.symbol))


def _scores(
    fit: Regressions, returns: Floats, leaders: Floats, assets: npt.NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Return score and gap of each asset over some rows, and how many of them had all returns."""
    complete = (leaders == leaders).all(axis=1)
    leaders, returns = leaders[complete], returns[complete][:, assets]
    given = returns == returns
    mask = given.astype(np.float64)
    residuals = np.where(given, returns - fit.expected(leaders, assets), 0.0)
    gaps, counts = residuals.sum(axis=0), mask.sum(axis=0)
    doubt = fit.quadratic(mask.T @ fit.design(leaders), assets)
    with np.errstate(all="ignore"):
        noise = np.sqrt(fit.residual_variance[assets]) * np.sqrt(counts + doubt)
        # An asset that its leaders explain without a residual has no noise to part beyond.
        scores = np.where(noise > 0.0, gaps / np.where(noise > 0.0, noise, 1.0), 0.0)
    return scores, gaps, counts


def _age(fit: Regressions, returns: Floats, leaders: Floats, place: int, rows: int, at: float, above: bool) -> int:
    """Return for how many rows before the last one the score has been at the threshold, on the same side."""
    y = returns[:, place]
    given = (leaders == leaders).all(axis=1) & (y == y)
    x = np.where(given[:, np.newaxis], leaders, 0.0)
    mask = given.astype(np.float64)
    one = np.array([place], np.int64)
    residuals = np.where(given, np.where(given, y, 0.0) - fit.expected(x, one)[:, 0], 0.0)
    design = fit.design(x) * mask[:, np.newaxis]
    gaps, counts, sums = (_rolling(values, rows) for values in (residuals, mask, design))
    doubt = fit.quadratic(sums, np.full(len(sums), place))
    noise = sqrt(float(fit.residual_variance[place])) * np.sqrt(counts + doubt)
    beyond = (gaps if above else -gaps) >= at * noise
    beyond &= counts * 2 >= rows
    earlier = beyond[-2::-1]
    return len(earlier) if earlier.all() else int(np.argmin(earlier))


def _rolling(values: Floats, rows: int) -> Floats:
    """Return sums over every `rows` rows that follow each other, each added up anew."""
    found: Floats = np.lib.stride_tricks.sliding_window_view(values, rows, axis=0).sum(axis=-1)
    return found
