"""How far each asset has parted from its leader, in units of its own noise.

Letters: r the asset's returns and x a leader's, over the rows shown but the last G; R and X the returns over those G.

    beta, s, se   slope of r on x, standard deviation of its residuals, standard error of the slope, by least squares
    gap = (R - beta X) / sqrt(G s^2 + se^2 X^2)

Beta and noise are those before the gap, so that the gap is not in what it is measured by. The leader of an asset is the
one that explains most of its returns. Of a random walk around its leader the gap is about standard normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.signals.context import CLOSE, Context, last_candles

__all__ = ["Gap", "gaps"]

#: A sum of squares as small as this, of that before the mean was taken out, is rounding: prices are 1e-16 exact, and
#: returns of 1 % then 1e-14.
_NO_VARIANCE: Final = 1e-20
#: ... and of that before the fit was: their difference cancels.
_PERFECT: Final = 1e-12


class Gap(NamedTuple):
    """An asset against its leader."""

    leader: str
    beta: float
    stderr: float
    """Standard error of `beta`."""
    gap: float
    """NaN where a price at an end of it is missing, or the fit is perfect."""


def gaps(contexts: Sequence[Context], rows: int, least_pairs: int) -> list[Gap | None]:
    """Return each asset against its leader.

    Parameters
    ----------
    contexts : sequence of Context
        Of one bar.
    rows : int, at least 1
        G: rows of the gap.
    least_pairs : int, at least 3
        Pairs of returns that are needed before it.

    Returns
    -------
    list of Gap or None
        None where no leader has enough pairs with the asset, or one of the two does not vary.

    Notes
    -----
    All assets and leaders at once, with 6 x assets x leaders x rows products.
    """
    tables: dict[str, Floats] = {}
    # No context shows its own symbol among the leaders; another one does.
    for context in contexts[:2]:
        tables.update(context.leader_candles)
    shown = len(contexts[0].candles) if contexts else 0
    if not tables or shown < rows + 1 + least_pairs:
        return [None] * len(contexts)
    names = list(tables)
    place = {name: at for at, name in enumerate(names)}
    own = [(place[each.symbol], at) for at, each in enumerate(contexts) if each.symbol in place]
    prices = np.ascontiguousarray(last_candles(contexts, shown)[:, :, CLOSE])
    leading = np.array([table[:, CLOSE] for table in tables.values()])
    with np.errstate(all="ignore"):
        found = _measured(prices, leading, rows, least_pairs, own)
    return [
        None if at < 0 else Gap(names[at], beta, stderr, gap)
        for at, beta, stderr, gap in zip(*(each.tolist() for each in found), strict=True)
    ]


def _measured(
    prices: Floats, leading: Floats, rows: int, least_pairs: int, own: Sequence[tuple[int, int]]
) -> tuple[npt.NDArray[Any], ...]:
    """Return the place of the leader, or -1, beta, its error and the gap of each asset."""
    x, has_x, level_x = _returns(leading[:, :-rows])
    y, has_y, level_y = _returns(prices[:, :-rows])
    n = _products(has_x, has_y)
    # Series are less their own means already, so that little cancels where those of the pairs are taken out.
    sum_x, sum_y = _products(x, has_y), _products(has_x, y)
    sxx, syy = _products(x * x, has_y) - sum_x * sum_x / n, _products(has_x, y * y) - sum_y * sum_y / n
    sxy = _products(x, y) - sum_x * sum_y / n
    known = (n >= least_pairs) & (sxx > _NO_VARIANCE * level_x[:, None]) & (syy > _NO_VARIANCE * level_y)
    for leader, asset in own:
        known[leader, asset] = False
    beta = sxy / sxx
    place = np.where(known, beta * sxy / syy, -1.0).argmax(axis=0)
    best = place, np.arange(len(prices))
    beta, n, sxx, sxy, syy = beta[best], n[best], sxx[best], sxy[best], syy[best]
    squares = syy - beta * sxy
    perfect = squares <= _PERFECT * syy
    variance = np.where(perfect, 0.0, squares) / (n - 2.0)
    moved = prices[:, -1] / prices[:, -1 - rows] - 1.0
    led = (leading[:, -1] / leading[:, -1 - rows] - 1.0)[place]
    gap = (moved - beta * led) / np.sqrt(rows * variance + variance / sxx * led * led)
    return np.where(known[best], place, -1), beta, np.sqrt(variance / sxx), np.where(perfect, np.nan, gap)


def _returns(prices: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the returns of each row less their mean, 0 where missing; 1 where there is one; their sum of squares."""
    moved = prices[:, 1:] / prices[:, :-1] - 1.0
    known = np.isfinite(moved)
    given = known.astype(np.float64)
    kept = np.where(known, moved, 0.0)
    mean = kept.sum(axis=1) / np.maximum(given.sum(axis=1), 1.0)
    return (kept - mean[:, None]) * given, given, (kept * kept).sum(axis=1)


def _products(of_leaders: Floats, of_assets: Floats) -> Floats:
    # Not the product of a library of linear algebra, whose order of sums depends on the machine.
    summed: Floats = np.einsum("jt,kt->jk", of_leaders, of_assets)
    return summed
