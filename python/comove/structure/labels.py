"""From scores to labels: hysteresis and a least dwell, for all assets side by side.

A regime is entered when its score is at least `enter` and ahead of the others by `lead`; it stays until its score is
below `leave` or another is ahead by more than `overtake`; and whatever comes, a label stays `min_dwell` rows. Data that
run out make it unknown at once. A label depends on rows up to its own only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.structure.regimes import REGIMES, RegimeOptions

__all__ = ["UNKNOWN", "Labels"]

UNKNOWN: Final = len(REGIMES)
_LONG_AGO: Final = -(1 << 62)


class Labels:
    """The label of each asset, as its place in `REGIMES`, and since which row."""

    __slots__ = ("label", "options", "scores", "since")

    def __init__(self, options: RegimeOptions, size: int) -> None:
        self.options = options
        self.label: npt.NDArray[np.int64] = np.full(size, UNKNOWN, np.int64)
        self.since: npt.NDArray[np.int64] = np.full(size, _LONG_AGO, np.int64)
        self.scores: Floats = np.full((UNKNOWN, size), np.nan)
        """Of the last row; NaN where data are missing."""

    def add(self) -> None:
        """Add an asset."""
        self.label = np.append(self.label, UNKNOWN)
        self.since = np.append(self.since, _LONG_AGO)
        self.scores = np.append(self.scores, np.full((UNKNOWN, 1), np.nan), axis=1)

    def push(self, row: int, scores: Floats) -> None:
        """Take in the scores of a row."""
        o, label = self.options, self.label
        self.scores = scores
        known = scores[0] == scores[0]
        given = np.where(known, scores, 0.0)
        column = np.arange(len(label))
        best = given.argmax(axis=0)
        ordered = np.sort(given, axis=0)
        top, second = ordered[-1], ordered[-2]
        clear = (top >= o.enter) & (top - second >= o.lead)
        candidate = np.where(clear, best, UNKNOWN)
        named = label < UNKNOWN
        own = given[np.where(named, label, 0), column]
        stays = named & (own >= o.leave) & (top - own <= o.overtake)
        held = row - self.since < o.min_dwell
        new = np.where(stays | held, label, candidate)
        new = np.where(known, new, UNKNOWN)
        self.since = np.where(known, np.where(new != label, row, self.since), _LONG_AGO)
        self.label = new
