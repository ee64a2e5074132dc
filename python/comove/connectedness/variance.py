"""Vector autoregressions of many windows at once, and whose shocks their forecast errors come from.

Letters: k series y, L lags, H steps, T rows of the regression, p = k (L + 1) + 1;
y_t = c + A_1 y_{t-1} + ... + A_L y_{t-L} + u_t, S the covariance of u, e_i the i-th unit vector;
Psi_0 = I, Psi_h = A_1 Psi_{h-1} + ... + A_L Psi_{h-L}, the moving-average weights.

- cholesky: share of j in the error of i = sum_h (e_i' Psi_h P e_j)^2 over its row sum, S = P P', P lower triangular:
  a shock to a series moves those after it at once, never those before it.
- generalized: sum_h (e_i' Psi_h S e_j)^2 / S_jj over its row sum, h = 0 to H - 1: free of the order.

One QR of [1, y_{t-1} ... y_{t-L}, y_t] holds it all: with R = [[R_xx, R_xy], [0, R_yy]] the slopes are R_xx^-1 R_xy,
and R_yy' R_yy = (T - k L - 1) S, so that P is R_yy' but for a factor and the signs of its columns, and both cancel. No
product of the design with itself is formed, which would square its condition.

Papers: Diebold and Yilmaz (2009), Economic Journal 119, 158-171; the same (2012), International Journal of Forecasting
28, 57-66, eq. 1 to 8; Koop, Pesaran and Potter (1996), Journal of Econometrics 74, 119-147; Pesaran and Shin (1998),
Economics Letters 58, 17-29.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from comove.options import Floats

__all__ = ["Decomposition", "Method", "decompose", "least_rows", "usable_rows"]

Method: TypeAlias = Literal["generalized", "cholesky"]
Masks: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.int64]

#: A regressor or residual of which less than this is its own counts as a combination of those before it. Copies and
#: sums keep 1e-15 of themselves by rounding, 1e-12 at a level of a thousand deviations; 47 real volatilities keep 0.2.
LEAST_OWN: Final = 1e-10

#: Why a decomposition is missing.
FINE, TOO_FEW, CONSTANT, COLLINEAR, RANGE = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Of b stretches of k series: what `decompose` returns.

    Attributes
    ----------
    table : float64, shape (b, k, k)
        Share in percent of column j in the forecast error of row i; NaN where it is missing.
    slopes : float64, shape (b, k, k L)
        [A_1 ... A_L] of the scaled series.
    factor : float64, shape (b, k, k)
        Lower triangular F with F F' the sums of products of the residuals, of the scaled series.
    scale : float64, shape (b, k)
        What the series were divided by; 0 where one does not vary.
    n : int64, shape (b,)
        Rows of the regression.
    code, at : int64, shape (b,)
        Why it is missing (0 where it is not), and the column (CONSTANT) or the column of the design (COLLINEAR) at
        fault.
    """

    table: Floats
    slopes: Floats
    factor: Floats
    scale: Floats
    n: Integers
    code: Integers
    at: Integers


def least_rows(k: int, lags: int) -> int:
    """Return the least rows of the regression: more than its k L + 1 parameters by k, or S would be singular."""
    return k * (lags + 1) + 1


def usable_rows(values: Floats, lags: int) -> Masks:
    """Return which rows, with the `lags` before them, are complete."""
    complete: Masks = np.all(np.isfinite(values), axis=-1)
    usable = complete.copy()
    usable[:lags] = False
    if len(values) <= lags:
        # However many lags are asked for, the work is bounded by the rows.
        return usable
    for lag in range(1, lags + 1):
        usable[lag:] &= complete[:-lag]
    return usable


def reason(code: int, at: int, n: int, least: int, lags: int, names: Sequence[str]) -> str:
    """Return in words why a decomposition is missing."""
    if code == TOO_FEW:
        return f"{n} usable rows, at least {least} needed"
    if code == CONSTANT:
        return f"{names[at]!r} does not vary"
    if code == COLLINEAR:
        # The design begins with the constant.
        lag, series = divmod(at - 1, len(names))
        if lag == lags:
            return f"{names[series]!r} follows exactly from the past and the series before it"
        return f"lag {lag + 1} of {names[series]!r} is a combination of the other regressors"
    return "the forecast error leaves the range of float64"


def decompose(values: Floats, usable: Masks, *, lags: int, horizon: int, method: str, least: int) -> Decomposition:
    """Fit and decompose b stretches of n rows.

    Parameters
    ----------
    values : float64, shape (b, n, k)
    usable : bool, shape (b, n)
        Rows of the regression; false in the first `lags` rows of each stretch.
    lags, horizon : int
    method : {"generalized", "cholesky"}
    least : int, at least ``least_rows(k, lags)``
        Rows of the regression below which a stretch is missing.

    Returns
    -------
    Decomposition

    Notes
    -----
    A row that is not used becomes a row of zeros, which changes no R, so that stretches with holes go along with whole
    ones.
    """
    b, _, k = values.shape
    n = usable.sum(axis=1)
    scaled, scale = _standardise(values, _taking_part(usable, lags))
    code = np.where(n < least, TOO_FEW, FINE)
    at = np.zeros(b, dtype=np.int64)
    constant = (scale == 0) & (code == FINE)[:, np.newaxis]
    code, at = _mark(code, at, constant, CONSTANT)

    size = k * lags + 1
    r: Floats = np.asarray(np.linalg.qr(_design(scaled, usable, lags), mode="r"))
    # Fewer rows than columns; such a stretch is marked already.
    if r.shape[1] < size + k:
        r = np.pad(r, ((0, 0), (0, size + k - r.shape[1]), (0, 0)))
    own = np.abs(np.diagonal(r, axis1=1, axis2=2))
    whole = np.sqrt((r * r).sum(axis=1))
    code, at = _mark(code, at, (own <= LEAST_OWN * whole) & (code == FINE)[:, np.newaxis], COLLINEAR)
    r[code != FINE] = np.eye(size + k)

    # Upper triangular, so the row exchanges of `solve` never happen and this is back substitution.
    solved = np.linalg.solve(r[:, 1:size, 1:size], r[:, 1:size, size:])
    slopes = np.asarray(solved, dtype=np.float64).transpose(0, 2, 1)
    factor = r[:, size:, size:].transpose(0, 2, 1)
    table = _shares(slopes, factor, horizon, method)
    code = np.where((code == FINE) & ~np.isfinite(table).all(axis=(1, 2)), RANGE, code)
    table[code != FINE] = np.nan
    return Decomposition(table, slopes, factor, scale, n, code, at)


def spectral_radius(slopes: Floats) -> float:
    """Return the largest modulus of the eigenvalues of the companion matrix of one [A_1 ... A_L]."""
    k, width = slopes.shape
    companion = np.zeros((width, width))
    companion[:k] = slopes
    companion[k:, :-k] = np.eye(width - k)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def _mark(code: Integers, at: Integers, bad: Masks, why: int) -> tuple[Integers, Integers]:
    """Mark the stretches with a bad column, and the first such column."""
    hit = bad.any(axis=1)
    return np.where(hit, why, code), np.where(hit, bad.argmax(axis=1), at)


def _taking_part(usable: Masks, lags: int) -> Masks:
    """Rows of the regression and those they look back on."""
    part = usable.copy()
    for lag in range(1, lags + 1):
        part[:, :-lag] |= usable[:, lag:]
    return part


def _standardise(values: Floats, part: Masks) -> tuple[Floats, Floats]:
    """Take off the median and divide by a power of two, over the rows that take part; the others become 0.

    The lower median is one of the values, so that a high level goes without rounding, and neither a spike nor its row
    decides what is taken off: the mean would leave the digits of all other values behind. Mean and median are less than
    a deviation apart, and the constant of the regression takes up the rest. Powers of two are exact, and come first, so
    that no difference overflows.
    """
    rows = part[..., np.newaxis]
    z, outer = _near_one(np.where(rows, values, 0.0))
    ordered = np.sort(np.where(rows, z, np.inf), axis=1)
    middle = np.maximum(part.sum(axis=1) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[:, np.newaxis, np.newaxis], axis=1)
    z, inner = _near_one(np.where(rows, z - median, 0.0))
    # Infinite where a difference leaves float64; only coefficients look at it.
    with np.errstate(over="ignore"):
        scale = np.where(z.any(axis=1, keepdims=True), np.ldexp(1.0, outer + inner), 0.0)
    return z, scale[:, 0, :]


def _near_one(z: Floats) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Divide each series by the power of two that brings its largest value into [0.5, 1)."""
    _, exponent = np.frexp(np.abs(z).max(axis=1, keepdims=True))
    return np.ldexp(z, -exponent), exponent


def _design(z: Floats, usable: Masks, lags: int) -> Floats:
    """[1, y_{t-1} ... y_{t-L}, y_t] for every row from `lags` on; zeros where a row is not used."""
    b, n, k = z.shape
    rows = n - lags
    design = np.empty((b, rows, k * (lags + 1) + 1))
    design[..., 0] = 1.0
    for lag in range(1, lags + 1):
        design[..., 1 + (lag - 1) * k : 1 + lag * k] = z[:, lags - lag : n - lag]
    design[..., 1 + lags * k :] = z[:, lags:]
    design[~usable[:, lags:]] = 0.0
    return design


def _shares(slopes: Floats, factor: Floats, horizon: int, method: str) -> Floats:
    """Shares in percent from [A_1 ... A_L] and P."""
    b, k, width = slopes.shape
    impact = factor
    if method == "generalized":
        # S e_j / sqrt(S_jj) = P q_j, q_j row j of P over its length.
        impact = factor @ (factor / np.sqrt((factor * factor).sum(axis=2, keepdims=True))).transpose(0, 2, 1)
    # Psi_{h-1} ... Psi_{h-L}, each times the impact, one below the other.
    past = np.zeros((b, width, k))
    response = impact
    total = response * response
    # An explosive regression may leave the range of float64; the caller looks for that.
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(1, horizon):
            past = np.concatenate([response, past[:, : width - k]], axis=1)
            response = slopes @ past
            total = total + response * response
        shares: Floats = 100.0 * total / total.sum(axis=2, keepdims=True)
    return shares
