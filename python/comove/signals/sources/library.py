"""Past feature rows and what followed them, and the nearest of them.

Letters: x a feature, M its median over the rows of the library and D its mean absolute deviation from M;

    z = clip((x - M) / D, -4, 4)

so that each feature counts by how far it usually strays, and one wild value does not decide alone. A feature that does
not vary in the library has no part in distances. A library is made new at once, from the rows that may be used by then;
what comes of it depends on those rows alone, so that one made from a snapshot is the same to the bit.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from comove._comove import nearest_rows
from comove.options import Floats

__all__ = ["Library"]

_FARTHEST: Final = 4.0


class Library:
    """Rows of features, oldest first, ready to be searched.

    Parameters
    ----------
    features : float64, shape (n, d)
        Nothing missing.
    rises : float64, shape (n,)
        1 where the price rose afterwards, 0 where it fell, 1/2 where it did not move.
    rows : int64, shape (n,)
        When.
    """

    __slots__ = ("_centre", "_scale", "_standardised", "features", "rises", "rows")

    def __init__(self, features: Floats, rises: Floats, rows: Any) -> None:
        self.features, self.rises, self.rows = features, rises, rows
        self._standardised: Floats | None = None
        self._centre = self._scale = np.empty(0)

    def __len__(self) -> int:
        return len(self.rises)

    def nearest(self, features: Floats, neighbours: int) -> tuple[Floats, Any]:
        """Return distances, root mean square over the features, and places of the nearest rows.

        Parameters
        ----------
        features : float64, shape (k, d)
            Nothing missing.
        neighbours : int, at most as many as there are rows

        Returns
        -------
        distances : float64, shape (k, neighbours)
        places : int64, shape (k, neighbours)
            The nearest first; of equals the older row.

        Notes
        -----
        All distances are computed: 0.7 ms for 47 symbols and 2048 rows of 10 features. scikit-learn's search took
        1.5 ms for the same rows, a third of it before the search began, and a tree of it 2.7 ms.
        """
        table = self._standardised
        if table is None:
            table = self._index()
        squares, places = nearest_rows(table, self._standard(features), neighbours)
        return np.sqrt(squares) / np.sqrt(float(features.shape[1])), places

    def _index(self) -> Floats:
        """Return the rows in units of usual deviations, a row a feature."""
        self._centre = np.median(self.features, axis=0)
        deviation = np.abs(self.features - self._centre).mean(axis=0)
        self._scale = np.where(deviation > 0.0, deviation, np.inf)
        self._standardised = np.ascontiguousarray(self._standard(self.features).T)
        return self._standardised

    def _standard(self, features: Floats) -> Floats:
        found: Floats = np.clip((features - self._centre) / self._scale, -_FARTHEST, _FARTHEST)
        return found
