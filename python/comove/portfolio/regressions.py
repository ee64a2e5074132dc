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

__all__ = ["Regressions"]

#: Of a leader's variance, what the other leaders leave of it: less cannot be told from rounding.
_LEAST_TOLERANCE: Final = 1e-9


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
        "_center", "_coefficients", "_complete", "_design", "_inverse", "_mask", "_products", "_residuals", "_scale",
        "_y", "betas", "known", "n",
    )  # fmt: skip

    def __init__(self, returns: Floats, leaders: Sequence[int], least: int) -> None:
        chosen = returns[:, list(leaders)]
        self._complete: npt.NDArray[np.bool_] = (chosen == chosen).all(axis=1)
        if self._complete.all():
            x, y = chosen, returns
        else:
            x, y = chosen[self._complete], returns[self._complete]
        q = x.shape[1] + 1
        self._center, self._scale = _standard(x)
        self._design = _with_intercept(x, self._center, self._scale)
        given = y == y
        self._mask = given.astype(np.float64)
        self._y = np.where(given, y, 0.0)
        first, second = np.triu_indices(q)
        self._products = self._design[:, first] * self._design[:, second]
        # A market beyond the range of float64 has no slopes.
        with np.errstate(all="ignore"):
            self._inverse, regular = _inverses(_square(self._mask.T @ self._products, q))
            self._coefficients = np.matmul(self._inverse, (self._y.T @ self._design)[:, :, np.newaxis])[:, :, 0]
            self.n: Floats = self._mask.sum(axis=0)
            regular &= np.isfinite(self._coefficients).all(axis=1)
            self.known: npt.NDArray[np.bool_] = regular & (self.n >= max(least, q + 1))
            self.betas: Floats = np.where(self.known[:, np.newaxis], self._coefficients[:, 1:] / self._scale, np.nan)
        self._residuals: Floats | None = None

    @property
    def residuals(self) -> Floats:
        """Of the rows that all leaders have; 0 where an asset has no return, shape (rows, k)."""
        if self._residuals is None:
            with np.errstate(all="ignore"):
                self._residuals = (self._y - self._design @ self._coefficients.T) * self._mask
        return self._residuals

    @property
    def residual_variance(self) -> Floats:
        """Sum of squared residuals over n - q, shape (k,); NaN where betas are."""
        residuals = self.residuals
        with np.errstate(all="ignore"):
            found = (residuals * residuals).sum(axis=0) / (self.n - self._design.shape[1])
        return np.where(self.known, found, np.nan)

    @property
    def stderr(self) -> Floats:
        """Standard errors of the betas, shape (k, p); NaN where betas are."""
        slopes = np.diagonal(self._inverse, axis1=1, axis2=2)[:, 1:]
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
        kinds, kind = self._kinds(columns)
        mask = self._mask[:, kinds]
        both = (mask[:, :, np.newaxis] * mask[:, np.newaxis, :]).reshape(len(mask), -1)
        gram = _square(both.T @ self._products, q).reshape(len(kinds), len(kinds), q, q)
        inverse = self._inverse[kinds]
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
        found: Floats = _with_intercept(leaders, self._center, self._scale) @ self._coefficients[places].T
        return found

    def quadratic(self, sums: Floats, places: npt.NDArray[np.int64]) -> Floats:
        """Return z' A z for the row z of `sums` of each column of `places`.

        Of a sum of rows z of the design it is the variance that the error of the betas gives to what is expected of the
        sum, over the variance of a residual.
        """
        found: Floats = np.einsum("ci,cij,cj->c", sums, self._inverse[places], sums)
        return found

    def design(self, leaders: Floats) -> Floats:
        """Return rows of leaders as the regressions see them: an intercept, and units of their deviation."""
        return _with_intercept(leaders, self._center, self._scale)

    def _kinds(self, columns: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return a column for each set of rows, and which of them each column has."""
        seen: dict[bytes, int] = {}
        kinds: list[int] = []
        kind: list[int] = []
        for column in columns:
            rows = self._mask[:, column].tobytes()
            if rows not in seen:
                seen[rows] = len(kinds)
                kinds.append(column)
            kind.append(seen[rows])
        return kinds, kind


def _standard(x: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation of each column, infinity for the deviation of one that does not vary."""
    if not len(x):
        return np.zeros(x.shape[1]), np.full(x.shape[1], np.inf)
    with np.errstate(all="ignore"):
        scale = x.std(axis=0)
    varies = (x.max(axis=0) > x.min(axis=0)) & np.isfinite(scale) & (scale > 0.0)
    return x.mean(axis=0), np.where(varies, scale, np.inf)


def _with_intercept(x: Floats, center: Floats, scale: Floats) -> Floats:
    design = np.ones((len(x), x.shape[1] + 1))
    design[:, 1:] = (x - center) / scale
    return design


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


def _inverses(matrices: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
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
        good = pivot > _LEAST_TOLERANCE * matrices[:, at, at]
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
