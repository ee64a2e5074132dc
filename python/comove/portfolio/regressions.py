"""Many assets on the same leaders by least squares, and how the errors of their slopes go together.

Letters: X an intercept and the leaders' returns, q columns; D_i picks the rows that asset i and all leaders have;
A_i = (X' D_i X)^-1; G_ij = X' D_i D_j X; e residuals, s_ij covariance of the errors of assets i and j.

    b_i = A_i X' D_i y_i
    Cov(b_i, b_j) = s_ij A_i G_ij A_j
    s_ij = sum of e_i e_j over the common rows / (n_ij - tr(A_i G_ij) - tr(A_j G_ij) + tr(A_i G_ij A_j G_ij))

Errors of different assets in one row may go together, those of different rows do not: seemingly unrelated regressions
(Zellner 1962, Journal of the American Statistical Association 57, 348-368). The divisor is the trace of the product of
the two matrices that make residuals of errors, which makes s_ij unbiased; for equal rows it is n - q.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.portfolio.correlation import nearest_correlation

__all__ = ["LEAST_TOLERANCE", "Regressions"]

#: Of a leader's variance, what the other leaders leave of it: less cannot be told from rounding.
LEAST_TOLERANCE: Final = 1e-9


class Regressions:
    """Each column of returns on some of them, with an intercept, over its own complete rows.

    Parameters
    ----------
    returns : float64, shape (n, k)
        NaN is missing.
    leaders : sequence of p int
        Columns of the leaders.
    least : int
        Complete rows that a column needs, and at least q + 1.

    Attributes
    ----------
    n : float64, shape (k,)
        Complete rows.
    betas : float64, shape (k, p)
        NaN with fewer rows than needed, or where a leader does not vary or is made of the others.
    """

    __slots__ = (
        "_center", "_coefficients", "_design", "_inverses", "_kind", "_masks", "_products", "_residuals", "_scale",
        "_y", "betas", "known", "n",
    )  # fmt: skip

    def __init__(self, returns: Floats, leaders: Sequence[int], least: int) -> None:
        x, y = returns[:, list(leaders)], returns
        complete = (x == x).all(axis=1)
        if not complete.all():
            x, y = x[complete], y[complete]
        q = x.shape[1] + 1
        self._center, self._scale = _standard(x)
        self._design = self.design(x)
        # Columns without a missing row have one inverse in common, the first.
        holes = np.flatnonzero(np.isnan(np.ones(len(y)) @ y))
        self._kind: npt.NDArray[np.int64] = np.zeros(y.shape[1], np.int64)
        self._kind[holes] = 1 + np.arange(len(holes))
        self._masks = np.ones((len(y), 1 + len(holes)))
        if len(holes):
            given = y[:, holes] == y[:, holes]
            self._masks[:, 1:] = given
            y = y.copy()
            y[:, holes] = np.where(given, y[:, holes], 0.0)
        self._y = y
        first, second = np.triu_indices(q)
        self._products = self._design[:, first] * self._design[:, second]
        # A market beyond the range of float64 has no slopes.
        with np.errstate(all="ignore"):
            grams = _square(self._masks.T @ self._products, q)
            self._inverses, regular = _inverses_of(grams)
            crossed = y.T @ self._design
            self._coefficients = np.einsum("kij,kj->ki", self._inverses[self._kind], crossed)
            self.n: Floats = grams[self._kind, 0, 0]
            self.known: npt.NDArray[np.bool_] = regular[self._kind] & (self.n >= max(least, q + 1))
            self.known &= np.isfinite(self._coefficients).all(axis=1)
            self.betas: Floats = np.where(self.known[:, np.newaxis], self._coefficients[:, 1:] / self._scale, np.nan)
        self._residuals: Floats | None = None

    @property
    def residuals(self) -> Floats:
        """Of the rows that all leaders have; 0 where an asset has no return, shape (rows, k)."""
        if self._residuals is None:
            with np.errstate(all="ignore"):
                self._residuals = self._y - self._design @ self._coefficients.T
            holes = np.flatnonzero(self._kind)
            self._residuals[:, holes] *= self._masks[:, 1:]
        return self._residuals

    @property
    def residual_variance(self) -> Floats:
        """Sum of squared residuals over n - q, shape (k,); NaN where betas are."""
        residuals = self.residuals
        with np.errstate(all="ignore"):
            found = np.einsum("ti,ti->i", residuals, residuals) / (self.n - self._design.shape[1])
        return np.where(self.known, found, np.nan)

    @property
    def stderr(self) -> Floats:
        """Standard errors of the betas, shape (k, p); NaN where betas are."""
        slopes = np.diagonal(self._inverses, axis1=1, axis2=2)[self._kind, 1:]
        found: Floats = np.sqrt(self.residual_variance[:, np.newaxis] * slopes) / self._scale
        return found

    def covariances(self, places: Sequence[int]) -> Floats:
        """Return the covariances of the betas of some columns on each leader.

        Parameters
        ----------
        places : sequence of c int
            Columns whose betas are known.

        Returns
        -------
        float64, shape (p, c, c)
        """
        q = self._design.shape[1]
        columns = list(places)
        kinds, kind = np.unique(self._kind[columns], return_inverse=True)
        masks = self._masks[:, kinds]
        both = (masks[:, :, np.newaxis] * masks[:, np.newaxis, :]).reshape(len(masks), -1)
        gram = _square(both.T @ self._products, q).reshape(len(kinds), len(kinds), q, q)
        inverse = self._inverses[kinds]
        left = np.matmul(inverse[:, np.newaxis], gram)
        right = np.matmul(inverse[np.newaxis], gram)
        degrees = gram[:, :, 0, 0] - _trace(left) - _trace(right) + _trace(np.matmul(left, right))
        slopes = np.matmul(left, inverse[np.newaxis])[:, :, range(1, q), range(1, q)] / (self._scale * self._scale)
        residuals = self.residuals[:, columns]
        products = residuals.T @ residuals
        # So few common rows do not tell, and share next to no error.
        enough = degrees[np.ix_(kind, kind)] >= 1.0
        errors = np.where(enough, products / np.where(enough, degrees[np.ix_(kind, kind)], 1.0), 0.0)
        if len(kinds) > 1:
            errors = _possible(errors)
        found: Floats = np.moveaxis(errors[:, :, np.newaxis] * slopes[np.ix_(kind, kind)], 2, 0)
        return found

    def expected(self, leaders: Floats, places: npt.NDArray[np.int64]) -> Floats:
        """Return what some columns should have returned in other rows.

        Parameters
        ----------
        leaders : float64, shape (m, p)
        places : int64, shape (c,)

        Returns
        -------
        float64, shape (m, c)
        """
        found: Floats = self.design(leaders) @ self._coefficients[places].T
        return found

    def quadratic(self, sums: Floats, places: npt.NDArray[np.int64]) -> Floats:
        """Return z' A z for the row z of `sums` of each column of `places`.

        Of a sum of rows z of the design it is the variance that the error of the betas gives to what is expected of the
        sum, over the variance of a residual.
        """
        found: Floats = np.einsum("ci,cij,cj->c", sums, self._inverses[self._kind[places]], sums)
        return found

    def design(self, leaders: Floats) -> Floats:
        """Return rows of leaders as the regressions see them: an intercept, and units of their deviation."""
        design = np.ones((len(leaders), leaders.shape[1] + 1))
        design[:, 1:] = (leaders - self._center) / self._scale
        return design


def _standard(x: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation of each column, infinity for the deviation of one that does not vary."""
    if not len(x):
        return np.zeros(x.shape[1]), np.full(x.shape[1], np.inf)
    # A few long rows are added up faster than many short ones.
    rows = np.ascontiguousarray(x.T)
    with np.errstate(all="ignore"):
        center = rows.mean(axis=1)
        away = rows - center[:, np.newaxis]
        scale = np.sqrt(np.einsum("it,it->i", away, away) / len(x))
    varies = (rows.max(axis=1) > rows.min(axis=1)) & np.isfinite(scale) & (scale > 0.0)
    return center, np.where(varies, scale, np.inf)


def _square(upper: Floats, q: int) -> Floats:
    """Return symmetric matrices, shape (..., q, q), of their upper triangles row by row."""
    first, second = np.triu_indices(q)
    full = np.empty((*upper.shape[:-1], q, q))
    full[..., first, second] = upper
    full[..., second, first] = upper
    return full


def _trace(matrices: Floats) -> Floats:
    found: Floats = np.trace(matrices, axis1=-2, axis2=-1)
    return found


def _inverses_of(matrices: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the inverses of positive definite matrices, and which of them have one.

    Gauss and Jordan's elimination on all of them side by side. The pivot of a column is what the columns before leave
    of its sum of squares.
    """
    size = matrices.shape[-1]
    work, inverse = matrices.copy(), np.broadcast_to(np.eye(size), matrices.shape).copy()
    regular = np.ones(len(matrices), np.bool_)
    for at in range(size):
        pivot = work[:, at, at]
        # Not `<=`, so that NaN is refused too.
        good = pivot > LEAST_TOLERANCE * matrices[:, at, at]
        regular &= good
        pivot = np.where(good, pivot, 1.0)[:, np.newaxis]
        row, other = work[:, at] / pivot, inverse[:, at] / pivot
        factor = work[:, :, at].copy()
        factor[:, at] = 0.0
        work -= factor[:, :, np.newaxis] * row[:, np.newaxis]
        inverse -= factor[:, :, np.newaxis] * other[:, np.newaxis]
        work[:, at], inverse[:, at] = row, other
    return (inverse + inverse.transpose(0, 2, 1)) / 2, regular


def _possible(errors: Floats) -> Floats:
    """Return the nearest covariances that are possible, with the same variances: pairs had rows of their own."""
    deviation = np.sqrt(np.diag(errors))
    scale = np.outer(deviation, deviation)
    given = scale > 0.0
    correlations = np.clip(np.where(given, errors / np.where(given, scale, 1.0), 0.0), -1.0, 1.0)
    np.fill_diagonal(correlations, 1.0)
    found: Floats = nearest_correlation((correlations + correlations.T) / 2).matrix * scale
    return found
