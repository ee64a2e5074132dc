"""Past feature rows and what followed them, and the nearest of them.

Letters: x a feature, M its median over the rows of the library and D its mean absolute deviation from M;

    z = clip((x - M) / D, -4, 4)

so that each feature counts by how far it usually strays, and one wild value does not decide alone. A feature that does
not vary in the library has no part in distances. A library is made new at once, from the rows that may be used by then;
what comes of it depends on those rows alone, so that one made from a snapshot is the same to the bit.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

from comove.options import Floats
from comove.signals.sources.extras import extra

__all__ = ["Library", "available"]

_FARTHEST: Final = 4.0


def available() -> bool:
    """Whether scikit-learn can be imported."""
    return extra("sklearn.neighbors") is not None


@cache
def _threads() -> Any:
    """Return what limits threads; looking for their libraries takes some milliseconds."""
    return import_module("threadpoolctl").ThreadpoolController()


def _one_thread() -> AbstractContextManager[Any]:
    limit: AbstractContextManager[Any] = _threads().limit(limits=1, user_api="openmp")
    return limit


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

    __slots__ = ("_centre", "_scale", "_search", "features", "rises", "rows")

    def __init__(self, features: Floats, rises: Floats, rows: Any) -> None:
        self.features, self.rises, self.rows = features, rises, rows
        self._search: Any = None
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
            The nearest first; of equals, the order is scikit-learn's, the same for the same rows.

        Notes
        -----
        All distances are computed: a tree of 10 features is no faster below 20000 rows, and costs 25 ms to grow. In one
        thread: a call takes 7 ms in two where another process has one of them, and the work is small.
        """
        if self._search is None:
            self._index()
        with _one_thread():
            distances, places = self._search.kneighbors(self._standard(features), n_neighbors=neighbours)
        return distances / np.sqrt(float(features.shape[1])), places

    def _index(self) -> None:
        self._centre = np.median(self.features, axis=0)
        deviation = np.abs(self.features - self._centre).mean(axis=0)
        self._scale = np.where(deviation > 0.0, deviation, np.inf)
        self._search = extra("sklearn.neighbors").NearestNeighbors(algorithm="brute", n_jobs=1)
        self._search.fit(self._standard(self.features))

    def _standard(self, features: Floats) -> Floats:
        found: Floats = np.clip((features - self._centre) / self._scale, -_FARTHEST, _FARTHEST)
        return found
