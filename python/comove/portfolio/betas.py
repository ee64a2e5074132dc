"""The betas of all symbols without a missing row, from the covariances of every two of them.

Letters: C covariances of n rows, L the leaders, w weights of some symbols, q leaders and an intercept.

    B = C_LL^-1 C_L.        joint betas of all symbols
    Var(w'b) = w' S w (C_LL^-1)_ll / (n - 1),   w' S w = (w' C w - g' C_LL g) (n - 1) / (n - q),   g = B w

The errors of all symbols have the same rows and the same leaders, so that S C_LL^-1 / (n - 1) is what `regressions`
says of them; a book needs but one number of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comove.options import Floats
from comove.portfolio.regressions import inverses

__all__ = ["MomentBetas"]


@dataclass(frozen=True, slots=True, eq=False)
class MomentBetas:
    """Betas of all symbols on some leaders at once; only those of symbols without a missing row count."""

    covariance: Floats
    """Of all symbols, shape (k, k)."""
    rows: int
    places: tuple[int, ...]
    """Columns of the p leaders."""
    betas: Floats
    """Shape (k, p)."""
    inverse: Floats
    """Of the leaders' covariances, shape (p, p)."""

    @classmethod
    def of(cls, covariance: Floats, rows: int, places: Sequence[int]) -> MomentBetas | None:
        """Return the betas; None where a leader does not vary, or is made of the others."""
        among = list(places)
        of_leaders = covariance[np.ix_(among, among)]
        scale = np.sqrt(np.diag(of_leaders))
        if not (scale > 0.0).all():
            return None
        found, regular = inverses((of_leaders / (scale * scale[:, np.newaxis]))[np.newaxis])
        if not regular[0]:
            return None
        inverse = found[0] / (scale * scale[:, np.newaxis])
        return cls(covariance, rows, tuple(among), covariance[:, among] @ inverse, inverse)

    def variances(self, symbols: Sequence[int], w: Floats) -> Floats:
        """Return the variance of w'b on each leader by the errors of the betas, shape (p,)."""
        columns = list(symbols)
        net = w @ self.betas[columns]
        among = list(self.places)
        whole = w @ self.covariance[np.ix_(columns, columns)] @ w
        # Rounding may take what is left of a perfect fit below 0.
        left = max(0.0, float(whole - net @ self.covariance[np.ix_(among, among)] @ net))
        found: Floats = left / (self.rows - len(among) - 1) * np.diag(self.inverse)
        return found

    @property
    def stderr(self) -> Floats:
        """Standard errors of the betas, shape (k, p)."""
        among = list(self.places)
        explained = np.einsum("ki,ki->k", self.betas, self.covariance[:, among])
        left = np.maximum(0.0, np.diag(self.covariance) - explained) / (self.rows - len(among) - 1)
        found: Floats = np.sqrt(left[:, np.newaxis] * np.diag(self.inverse))
        return found
