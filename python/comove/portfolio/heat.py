"""How hot a book is: several measures of what is at stake, each as a part of the capital.

Letters: w exposures over capital, negative of shorts; C correlation matrix of the returns; S their covariance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from comove.errors import DataError
from comove.options import Floats, positive, series, table
from comove.portfolio.correlation import nearest_correlation
from comove.portfolio.numbers import scale_of
from comove.portfolio.positions import Position

__all__ = ["bets_of", "correlated_heat", "effective_bets", "gross_heat", "heat_of", "risk_heat"]

#: A variance as far below 0 as this, of the largest, is rounding.
_ROUNDING: Final = 1e-10
#: ... and the variance of a book, of the largest one with such weights and for each coin.
_NO_VARIANCE: Final = 1e-15


def gross_heat(positions: Sequence[Position], prices: Mapping[str, float], capital: float) -> float:
    """Return the sum of the sizes of all exposures over the capital.

    Parameters
    ----------
    positions : sequence of Position
    prices : mapping of str to float
        Of each symbol that has a position.
    capital : float, above 0

    Raises
    ------
    DataError
        A symbol without a price.
    ParameterError
        A price or the capital is not above 0.
    """
    capital = positive("capital", capital)
    return sum(abs(one.exposure(_price(prices, one))) for one in positions) / capital


def risk_heat(positions: Sequence[Position], prices: Mapping[str, float], capital: float) -> float:
    """Return what is lost if every stop is reached, over the capital; parameters and errors as `gross_heat`.

    A position without a stop counts with its whole value.
    """
    capital = positive("capital", capital)
    return sum(one.risk(_price(prices, one)) for one in positions) / capital


def correlated_heat(weights: object, correlations: object) -> float:
    """Return sqrt(w' C w): gross heat where all move as one, less where they do not or where shorts hedge longs.

    Parameters
    ----------
    weights : float64, shape (k,)
        Exposures over capital, negative of shorts.
    correlations : float64, shape (k, k)
        Made positive semi-definite first, by `nearest_correlation`, which also says how far that is.

    Raises
    ------
    DataError
        Shapes that do not fit, a weight that is missing; as `nearest_correlation`.

    Examples
    --------
    >>> from comove.portfolio import correlated_heat
    >>> correlated_heat([0.3, 0.4], [[1, 0], [0, 1]])
    0.5
    """
    w = _weights(weights)
    matrix = nearest_correlation(correlations).matrix
    if len(matrix) != len(w):
        raise DataError(f"correlations must have {len(w)} rows, one a weight, got {len(matrix)}", "shape")
    return heat_of(w, matrix)


def heat_of(w: Floats, matrix: Floats) -> float:
    """Return sqrt(w' C w) of a matrix that is possible."""
    scale = scale_of(w.tolist())
    unit = w / scale
    # Rounding may take a perfect hedge below 0.
    return scale * math.sqrt(max(0.0, float(unit @ matrix @ unit)))


def effective_bets(weights: object, covariance: object) -> float:
    """Return how many uncorrelated bets a book is: 1 where one factor makes all of its variance, at most k.

    With S = E diag(l) E', p_i = l_i (E' w)_i² / w' S w is the part of the variance that comes from principal portfolio
    i, and the number is exp(-sum of p_i ln p_i).

    Parameters
    ----------
    weights : float64, shape (k,)
    covariance : float64, shape (k, k)
        Symmetric and positive semi-definite.

    Returns
    -------
    float
        0 where the book has no variance, as a perfect hedge.

    Raises
    ------
    DataError
        Shapes that do not fit, missing values, a covariance that is not positive semi-definite.

    Notes
    -----
    Meucci (2009), Managing diversification, Risk 22 (5), 74-79. Where eigenvalues are equal, principal portfolios are
    not unique, and neither is the number; in markets they differ.

    Examples
    --------
    >>> from comove.portfolio import effective_bets
    >>> round(effective_bets([0.5, 0.5], [[1.0, 0.9], [0.9, 1.0]]), 6)
    1.0
    """
    w = _weights(weights)
    given = table("covariance", covariance, len(w), len(w))
    if not np.isfinite(given).all():
        raise DataError("covariance must not be missing, got a value that is", "missing")
    if not np.allclose(given, given.T, rtol=1e-9, atol=0.0):
        raise DataError("covariance must be symmetric", "symmetric")
    values, vectors = np.linalg.eigh(given)
    if len(values) and values[0] < -_ROUNDING * max(values[-1], 0.0):
        raise DataError(f"covariance must be positive semi-definite, got the eigenvalue {values[0]:.3g}", "covariance")
    return bets_of(w, values, vectors)


def bets_of(w: Floats, values: Floats, vectors: Floats) -> float:
    """Return the effective number of bets by the eigenvalues of the covariance, the smallest first, and its vectors."""
    w = w / scale_of(w.tolist())
    parts = np.maximum(values, 0.0) * (vectors.T @ w) ** 2
    total = parts.sum()
    # What rounding leaves of a perfect hedge is no bet.
    if not len(w) or not total > _NO_VARIANCE * len(w) * values[-1] * (w @ w):
        return 0.0
    shares = parts[parts > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _price(prices: Mapping[str, float], position: Position) -> float:
    price = prices.get(position.symbol)
    if price is None:
        raise DataError(f"prices must have one of {position.symbol}, got none", "price")
    return price


def _weights(weights: object) -> Floats:
    w = series("weights", weights)
    if not np.isfinite(w).all():
        raise DataError("weights must not be missing, got a value that is", "missing")
    return w
