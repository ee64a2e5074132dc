"""Bars in which two series differ, as episodes: what lies near each other is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from comove.options import MAX_ROWS, Floats, count

__all__ = ["Episodes", "episodes_of"]

#: Returns that are equal in exact arithmetic may differ by the rounding of equity over equity, a few times 2^-52, and
#: by what sums of a few thousand such roundings leave.
SAME: Final = 1e-12
#: An episode has at most this part of all bars, so that a series that differs in all of them has 32.
_PARTS: Final = 32
#: Two differing bars are of one episode where they are at most a block over this apart: in a trade some prices stand.
_NEAR: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """Episodes of differing bars, in the order of time."""

    sums: Floats
    """Of the differences of each."""
    rows: npt.NDArray[np.int64]
    """Bars of each that differ."""

    @property
    def effective(self) -> float:
        """How many of equal size would weigh as much: (sum |s|)² / sum of s²; 0 where there is none."""
        sizes = np.abs(self.sums)
        largest = sizes.max(initial=0.0)
        if not largest > 0.0:
            return 0.0
        sizes = sizes / largest
        return float(sizes.sum() ** 2 / (sizes @ sizes))


def episodes_of(differences: Floats, block_rows: int | None) -> Episodes:
    """Return the episodes of a series of differences.

    Parameters
    ----------
    differences : float64, shape (n,)
    block_rows : int, at least 1, or None
        Bars of the longest episode; n / 32 rounded up by default.

    Raises
    ------
    ParameterError
    """
    size = len(differences)
    block = -(-size // _PARTS) if block_rows is None else count("block_rows", block_rows, 1, MAX_ROWS)
    rows = np.flatnonzero(np.abs(differences) > SAME)
    if not len(rows):
        return Episodes(sums=np.zeros(0), rows=np.zeros(0, np.int64))
    breaks = np.flatnonzero(np.diff(rows) > max(1, block // _NEAR)) + 1
    firsts, lasts = rows[np.r_[0, breaks]], rows[np.r_[breaks - 1, len(rows) - 1]]
    edges = [
        first + (last + 1 - first) * part // parts
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
        for parts in [-(-(last + 1 - first) // block)]
        for part in range(parts)
    ]
    # The differing bars from each edge to the next.
    places = np.unique(np.searchsorted(rows, edges))
    return Episodes(
        sums=np.add.reduceat(differences[rows], places), rows=np.diff(np.r_[places, len(rows)]).astype(np.int64)
    )
