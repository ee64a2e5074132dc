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
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.portfolio.correlation import nearest_of

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
        "_center", "_coefficients", "_crossed", "_design", "_inverses", "_kind", "_masks", "_pairs", "_products",
        "_scale", "_shared", "_y", "betas", "known", "n",
    )  # fmt: skip

    def __init__(self, returns: Floats, leaders: Sequence[int], least: int) -> None:
        x, y = returns[:, list(leaders)], returns
        complete = (x == x).all(axis=1)
        if not complete.all():
            x, y = x[complete], y[complete]
        q = x.shape[1] + 1
        # What pairs of columns have in common, kept when first asked for.
        self._pairs: dict[int, tuple[Floats, Floats]] = {}
        self._shared: Floats | None = None
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
        first, second = _upper(q)
        self._products = self._design[:, first] * self._design[:, second]
        # A market beyond the range of float64 has no slopes.
        with np.errstate(all="ignore"):
            grams = _square(self._masks.T @ self._products, q)
            self._inverses, regular = _inverses_of(grams)
            self._crossed = y.T @ self._design
            self._coefficients = np.einsum("kij,kj->ki", self._inverses[self._kind], self._crossed)
            self.n: Floats = grams[self._kind, 0, 0]
            self.known: npt.NDArray[np.bool_] = regular[self._kind] & (self.n >= max(least, q + 1))
            self.known &= np.isfinite(self._coefficients).all(axis=1)
            self.betas: Floats = np.where(self.known[:, np.newaxis], self._coefficients[:, 1:] / self._scale, np.nan)

    def residuals(self, columns: Sequence[int]) -> Floats:
        """Return the residuals of some columns in the rows that all leaders have; 0 where an asset has no return."""
        among = list(columns)
        with np.errstate(all="ignore"):
            fitted = self._design @ self._coefficients[among].T
            found: Floats = (self._y[:, among] - fitted) * self._masks[:, self._kind[among]]
        return found

    @property
    def residual_variance(self) -> Floats:
        """Sum of squared residuals over n - q, shape (k,); NaN where betas are."""
        with np.errstate(all="ignore"):
            whole = np.einsum("ti,ti->i", self._y, self._y)
            # Without the residuals one by one; of a perfect fit rounding leaves 1e-16 of the whole.
            left = np.maximum(whole - np.einsum("ki,ki->k", self._coefficients, self._crossed), 0.0)
            found = left / (self.n - self._design.shape[1])
        return np.where(self.known, found, np.nan)

    @property
    def stderr(self) -> Floats:
        """Standard errors of the betas, shape (k, p); NaN where betas are."""
        slopes = np.diagonal(self._inverses, axis1=1, axis2=2)[self._kind, 1:]
        with np.errstate(all="ignore"):
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
        columns = list(places)
        kinds = self._kind[columns].tolist()
        degrees = np.array([self._pair(kind)[0][kinds] for kind in kinds])
        slopes = np.array([self._pair(kind)[1][kinds] for kind in kinds])
        if self._shared is None:
            residuals = self.residuals(range(len(self._kind)))
            with np.errstate(all="ignore"):
                self._shared = residuals.T @ residuals
        products = self._shared[columns][:, columns]
        # So few common rows do not tell, and share next to no error.
        enough = degrees >= 1.0
        errors = np.where(enough, products / np.where(enough, degrees, 1.0), 0.0)
        if len(set(kinds)) > 1:
            errors = _possible(errors)
        found: Floats = slopes.transpose(2, 0, 1) * errors
        return found

    def _pair(self, kind: int) -> tuple[Floats, Floats]:
        """Return the divisors of s_ij and the diagonal of A_i G_ij A_j for columns of a kind with those of each kind.

        Shapes (kinds,) and (kinds, p).
        """
        if kind not in self._pairs:
            q, own, each = self._design.shape[1], self._inverses[kind], self._inverses
            # Those that are not regular are not asked for.
            with np.errstate(all="ignore"):
                gram = _square(self._masks.T @ (self._masks[:, kind, np.newaxis] * self._products), q)
                left, right = np.matmul(own, gram), np.matmul(each, gram)
                degrees = gram[:, 0, 0] - _trace(left) - _trace(right) + _trace(np.matmul(left, right))
                slopes = np.matmul(left, each)[:, range(1, q), range(1, q)] / (self._scale * self._scale)
            self._pairs[kind] = degrees, slopes
        return self._pairs[kind]

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
        with np.errstate(all="ignore"):
            found: Floats = self.design(leaders) @ self._coefficients[places].T
        return found

    def quadratic(self, sums: Floats, places: npt.NDArray[np.int64]) -> Floats:
        """Return z' A z for the row z of `sums` of each column of `places`.

        Of a sum of rows z of the design it is the variance that the error of the betas gives to what is expected of the
        sum, over the variance of a residual.
        """
        with np.errstate(all="ignore"):
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
    first, second = _upper(q)
    full = np.empty((*upper.shape[:-1], q, q))
    full[..., first, second] = upper
    full[..., second, first] = upper
    return full


def _trace(matrices: Floats) -> Floats:
    found: Floats = np.trace(matrices, axis1=-2, axis2=-1)
    return found


def _inverses_of(matrices: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the inverses of sums of squares and products, and which of them can be relied on."""
    try:
        inverse = np.asarray(np.linalg.inv(matrices), np.float64)
    except np.linalg.LinAlgError:
        # At least one of them is singular; the others are not to suffer.
        inverse = np.stack([_inverse_or_none(matrix) for matrix in matrices])
    # 1 over it is what the other columns leave of a column's sum of squares; NaN is refused too.
    inflation = np.diagonal(inverse, axis1=1, axis2=2) * np.diagonal(matrices, axis1=1, axis2=2)
    regular = np.all((inflation > 0.0) & (inflation < 1.0 / LEAST_TOLERANCE), axis=1)
    return inverse, np.asarray(regular, np.bool_)


def _inverse_or_none(matrix: Floats) -> Floats:
    """Return the inverse, and 0 where there is none."""
    try:
        return np.asarray(np.linalg.inv(matrix), np.float64)
    except np.linalg.LinAlgError:
        return np.zeros_like(matrix)


@cache
def _upper(q: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the places of the upper triangle of a matrix, row by row."""
    first, second = np.triu_indices(q)
    return first, second


def _possible(errors: Floats) -> Floats:
    """Return the nearest covariances that are possible, with the same variances: pairs had rows of their own."""
    deviation = np.sqrt(np.diag(errors))
    scale = np.outer(deviation, deviation)
    given = scale > 0.0
    correlations = np.clip(np.where(given, errors / np.where(given, scale, 1.0), 0.0), -1.0, 1.0)
    np.fill_diagonal(correlations, 1.0)
    found: Floats = nearest_of((correlations + correlations.T) / 2).matrix * scale
    return found
