"""The exposures of books of symbols without a missing row, from the covariances of every two of them.

Letters: C covariances of n rows, L the p leaders, w weights of a book, w_(l) without the leader l itself, w_() without
any leader.

    joint   B = C_.L C_LL^-1           net = B' w,  Var(net_l) = (w_()' C w_() - g' C_LL g) (C_LL^-1)_ll / (n - p - 1),
                                                    g = B' w_()
    single  b_il = C_il / C_ll         net = b' w,  Var(net_l) = (w_(l)' C w_(l) - g_l² C_ll) / C_ll / (n - 2),
                                                    g_l = b_l' w_(l)

The errors of all symbols have the same rows and the same leaders, so that this is what `regressions` says of them: the
residual variance of the book, times what a unit of it does to a beta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comove.options import Floats
from comove.portfolio.regressions import LEAST_TOLERANCE

__all__ = ["BookBetas", "MomentBetas"]


@dataclass(frozen=True, slots=True, eq=False)
class BookBetas:
    """Net exposure, its variance and gross exposure to each leader, each of shape (p,)."""

    net: Floats
    variance: Floats
    gross: Floats


class MomentBetas:
    """Betas of all symbols on each of some leaders alone and on all of them at once.

    Parameters
    ----------
    covariance : float64, shape (k, k)
        Of all symbols; only those of symbols without a missing row count.
    rows : int
        n, at least p + 2.
    leaders : sequence of p int
        Columns of the leaders, none of which may have a missing row.

    Attributes
    ----------
    joint : float64, shape (k, p), or None
        None where a leader does not vary or is made of the others.
    single : float64, shape (k, p)
        NaN where a leader does not vary.
    """

    __slots__ = ("_covariance", "_inverse", "_leaders", "_of_leaders", "_variances", "joint", "rows", "single")

    def __init__(self, covariance: Floats, rows: int, leaders: Sequence[int]) -> None:
        self._covariance, self.rows, self._leaders = covariance, rows, list(leaders)
        crossed = covariance[:, self._leaders]
        self._of_leaders = crossed[self._leaders]
        own = np.diag(self._of_leaders)
        self._variances = np.where(own > 0.0, own, np.nan)
        self.single: Floats = crossed / self._variances
        self.joint: Floats | None = None
        self._inverse: Floats = np.full_like(self._of_leaders, np.nan)
        scale = np.sqrt(self._variances)
        unit = scale * scale[:, np.newaxis]
        found = _inverse(self._of_leaders / unit)
        if found is not None:
            self._inverse = found / unit
            self.joint = crossed @ self._inverse
            self.joint[self._leaders] = np.eye(len(self._leaders))

    def single_stderr(self) -> Floats:
        """Return the standard errors of the betas on each leader alone, shape (k, p)."""
        own = np.diag(self._covariance)[:, np.newaxis]
        # What is beyond the range of float64 is NaN, here and below.
        with np.errstate(all="ignore"):
            left = np.maximum(own - self.single * self.single * self._variances, 0.0)
            found: Floats = np.sqrt(left / (self._variances * (self.rows - 2)))
        return found

    def of_book(self, places: Sequence[int], w: Floats) -> tuple[BookBetas, BookBetas | None]:
        """Return what the weights of some columns make by single, and by joint betas.

        Joint ones are None where those of the leaders are.
        """
        columns, size = list(places), len(self._leaders)
        # The last row is without any leader.
        without = np.empty((size + 1, len(columns)))
        without[:] = w
        for at, column in enumerate(columns):
            if column in self._leaders:
                without[self._leaders.index(column), at] = without[size, at] = 0.0
        with np.errstate(all="ignore"):
            return self._of_book(columns, w, without)

    def _of_book(self, columns: list[int], w: Floats, without: Floats) -> tuple[BookBetas, BookBetas | None]:
        size = len(self._leaders)
        among = self._covariance[columns][:, columns]
        whole = (without @ among * without).sum(axis=1)
        betas = self.single[columns]
        net = (without[:size] * betas.T).sum(axis=1)
        # Rounding may take what is left of a perfect fit below 0.
        left = np.maximum(whole[:size] - net * net * self._variances, 0.0)
        single = BookBetas(w @ betas, left / (self._variances * (self.rows - 2)), np.abs(w) @ np.abs(betas))
        if self.joint is None:
            return single, None
        betas = self.joint[columns]
        net = without[size] @ betas
        rest = max(0.0, float(whole[size] - net @ self._of_leaders @ net)) / (self.rows - size - 1)
        return single, BookBetas(w @ betas, rest * np.diag(self._inverse), np.abs(w) @ np.abs(betas))


def _inverse(correlations: Floats) -> Floats | None:
    """Return the inverse of the leaders' correlations; None where one is made of the others."""
    if not np.isfinite(correlations).all():
        return None
    try:
        found: Floats = np.asarray(np.linalg.inv(correlations), np.float64)
    except np.linalg.LinAlgError:
        return None
    # 1 over it is what the other leaders leave of a leader's variance.
    inflation = np.diag(found)
    return found if ((inflation > 0.0) & (inflation < 1.0 / LEAST_TOLERANCE)).all() else None
