"""Correlations of a book: a matrix that is possible, and coins that move as one.

Letters: A symmetric matrix with a diagonal of 1; X the nearest correlation matrix, by the sum of squares of the
differences; k rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from comove.errors import DataError, ParameterError
from comove.options import Floats, floats, positive, symbols, table

__all__ = [
    "NearestCorrelation",
    "components",
    "correlation_groups",
    "nearest_correlation",
    "nearest_of",
]

#: An eigenvalue as far below 0 as this is rounding.
_ROUNDING: Final = 1e-12
#: Steps; convergence is linear, and markets of 100 coins took below 100.
_MOST_STEPS: Final = 2000
_TOLERANCE: Final = 1e-13
_NOT_SYMMETRIC: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class NearestCorrelation:
    """A correlation matrix, and how far it lies from the one that was given."""

    matrix: Floats
    """Positive semi-definite, with a diagonal of 1."""
    shift: float
    """The largest change of a correlation; 0 where the given matrix was one already."""


def nearest_correlation(correlations: object) -> NearestCorrelation:
    """Return the nearest correlation matrix: positive semi-definite, with a diagonal of 1.

    Correlations of pairs that each have rows of their own need not fit together: some portfolio would have a negative
    variance.

    Parameters
    ----------
    correlations : float64, shape (k, k)
        Symmetric, from -1 to 1, 1 on the diagonal; none missing.

    Returns
    -------
    NearestCorrelation

    Raises
    ------
    DataError
        Another shape, a missing value, one beyond 1, not symmetric, a diagonal other than 1.
        No convergence in 2000 steps.

    Notes
    -----
    Alternating projections with Dykstra's correction (Higham 2002, IMA Journal of Numerical Analysis 22, 329-343,
    algorithm 3.3 with equal weights). Each step costs an eigendecomposition, k³.

    Examples
    --------
    >>> from comove.portfolio import nearest_correlation
    >>> nearest_correlation([[1, 1, 0], [1, 1, 1], [0, 1, 1]]).matrix.round(4)
    array([[1.    , 0.7607, 0.1573],
           [0.7607, 1.    , 0.7607],
           [0.1573, 0.7607, 1.    ]])
    """
    return nearest_of(_checked(correlations))


def nearest_of(given: Floats) -> NearestCorrelation:
    """Return the nearest correlation matrix of one that is symmetric, from -1 to 1 and has 1 on the diagonal."""
    if not len(given) or np.linalg.eigvalsh(given)[0] >= -_ROUNDING * len(given):
        return NearestCorrelation(given, 0.0)
    correction = np.zeros_like(given)
    near = given
    for _ in range(_MOST_STEPS):
        start = near - correction
        possible = _without_negative(start)
        correction = possible - start
        before, near = near, possible.copy()
        np.fill_diagonal(near, 1.0)
        if np.linalg.norm(near - before) <= _TOLERANCE * np.linalg.norm(near):
            break
    else:
        raise DataError(f"correlations have no nearest matrix within {_MOST_STEPS} steps", "no_convergence")
    # The last projection may leave an eigenvalue a little below 0; scaling back keeps what this one makes possible.
    possible = _without_negative(near)
    scale = 1.0 / np.sqrt(np.diag(possible))
    matrix: Floats = np.clip(possible * scale * scale[:, None], -1.0, 1.0)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    return NearestCorrelation(matrix, float(np.abs(matrix - given).max()))


def correlation_groups(names: Sequence[str], correlations: object, *, at_least: float = 0.7) -> list[tuple[str, ...]]:
    """Return the groups of names that hang together by correlations of at least a size, of either sign.

    Two names are in one group where a chain of such correlations leads from one to the other (connected components).
    A missing correlation joins nothing.

    Parameters
    ----------
    names : sequence of k str
    correlations : float64, shape (k, k)
        Symmetric; NaN is missing.
    at_least : float, above 0, at most 1

    Returns
    -------
    list of tuple of str
        The largest first, then in the order of `names`; each name is in one.

    Raises
    ------
    DataError
        A name twice, another shape, not symmetric.
    ParameterError
        `at_least` out of its bounds.

    Examples
    --------
    >>> from comove.portfolio import correlation_groups
    >>> correlation_groups(["BTC", "ETH", "TRX"], [[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])
    [('BTC', 'ETH'), ('TRX',)]
    """
    known = symbols("names", names)
    bound = positive("at_least", at_least)
    if bound > 1.0:
        raise ParameterError(f"at_least must be at most 1, got {bound}", "too_large")
    given = table("correlations", correlations, len(known), len(known))
    _refuse_lopsided(given)
    return [tuple(known[place] for place in group) for group in components(np.abs(given) >= bound)]


def components(joined: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Return the places that hang together, in order; the largest group first, then the one that begins first.

    Parameters
    ----------
    joined : bool, shape (k, k)
        Symmetric.
    """
    # Each row as the bits of one number; the first place is the lowest.
    rows = np.packbits(joined, axis=1, bitorder="little")
    near, left, found = [int.from_bytes(row.tobytes(), "little") for row in rows], (1 << len(joined)) - 1, []
    while left:
        found.append(_component((left & -left).bit_length() - 1, near))
        for place in found[-1]:
            left &= ~(1 << place)
    return sorted(found, key=len, reverse=True)


def _component(first: int, near: Sequence[int]) -> list[int]:
    """Return the places that hang together with one of them, in order."""
    group = new = 1 << first
    places = []
    while new:
        lowest = new & -new
        new ^= lowest
        places.append(lowest.bit_length() - 1)
        more = near[places[-1]] & ~group
        group |= more
        new |= more
    return sorted(places)


def _checked(correlations: object) -> Floats:
    given = floats("correlations", correlations)
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise DataError(f"correlations must be square, got the shape {given.shape}", "shape")
    if not np.isfinite(given).all():
        raise DataError(f"correlations must not be missing, got {int((~np.isfinite(given)).sum())} that are", "missing")
    _refuse_lopsided(given)
    most = np.abs(given).max(initial=0.0)
    if most > 1.0:
        raise DataError(f"correlations must be from -1 to 1, got one of size {most!r}", "correlation")
    if (np.diag(given) != 1.0).any():
        raise DataError(f"correlations must have 1 on the diagonal, got {np.diag(given).min()!r}", "correlation")
    return (given + given.T) / 2


def _refuse_lopsided(given: Floats) -> None:
    far = np.nan_to_num(np.abs(given - given.T)).max(initial=0.0)
    if far > _NOT_SYMMETRIC:
        raise DataError(f"correlations must be symmetric, got two that differ by {far:.3g}", "symmetric")
    if (np.isnan(given) != np.isnan(given.T)).any():
        raise DataError("correlations must be symmetric, got one that is missing on one side only", "symmetric")


def _without_negative(matrix: Floats) -> Floats:
    """Return the nearest positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    possible: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return possible
