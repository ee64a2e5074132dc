"""Probabilities corrected by what came of such probabilities.

Histogram binning (Zadrozny and Elkan 2001, Obtaining calibrated probability estimates from decision trees and naive
Bayesian classifiers, ICML) with a prior in each bin. Letters of a bin: n the weight of the outcomes whose prediction
fell into it, q and y the means of those predictions and of those outcomes, m the prior's weight.

    corrected value at q = (n y + m q) / (n + m)     the mean of a Beta(m q, m (1 - q)) prior after the outcomes
    correction         d = n (y - q) / (n + m)       0 without outcomes: nothing is changed

The values are made to rise with q by pooling neighbours that do not (Ayer, Brunk, Ewing, Reid and Silverman 1955, Ann.
Math. Statist. 26), weighted by n. Between the q of two bins d is linear, so that the corrected probability rises with
the probability and does not jump; outside of them it stays.

Outcomes are not independent. K outcomes of one bar weigh K / (1 + (K - 1) r) together, r their correlation (Kish 1965,
Survey Sampling); and as those of H bars overlap, each 1 / H of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from comove.errors import StateError
from comove.options import Floats
from comove.signals.ensemble.copies import read_array
from comove.signals.ensemble.options import EnsembleOptions

__all__ = ["Calibrator"]


class Calibrator:
    """The bins of all symbols together.

    Attributes
    ----------
    weight, said, came : float64, shape (bins,)
        Weight of the outcomes; sums of the weighted predictions and outcomes.
    """

    __slots__ = ("_at", "_by", "came", "options", "said", "weight")

    def __init__(self, options: EnsembleOptions) -> None:
        self.options = options
        self.weight, self.said, self.came = (np.zeros(options.bins) for _ in range(3))
        self._lay()

    def learn(self, predictions: Floats, outcomes: Floats) -> None:
        """Take in the outcomes of a bar, of shape (symbols,); NaN where there is none."""
        known = (predictions == predictions) & (outcomes == outcomes)
        p, y = predictions[known], outcomes[known]
        if not len(p):
            return
        o = self.options
        each = 1.0 / ((1.0 + (len(p) - 1) * o.outcome_correlation) * o.horizon)
        place = np.minimum((p * o.bins).astype(np.int64), o.bins - 1)
        for total, values in ((self.weight, None), (self.said, p), (self.came, y)):
            total += each * np.bincount(place, values, o.bins)
        self._lay()

    def correct(self, predictions: Floats) -> Floats:
        """Return the corrected probabilities; NaN stays."""
        at, by = self._at, self._by
        right = np.minimum(np.maximum(np.searchsorted(at, predictions), 1), len(at) - 1)
        left = right - 1
        # Two bins with predictions at their common edge have no distance.
        width, past = at[right] - at[left], predictions - at[left]
        part = np.minimum(np.maximum(np.divide(past, width, out=np.sign(past), where=width > 0.0), 0.0), 1.0)
        # Not by[left] + part * (by[right] - by[left]), which would miss by[right] in the last place.
        moved = predictions + ((1.0 - part) * by[left] + part * by[right])
        out: Floats = np.minimum(np.maximum(moved, 0.0), 1.0)
        return out

    def _lay(self) -> None:
        """Lay the corrections at the bins' mean predictions."""
        n, bins = self.weight, self.options.bins
        middle = (np.arange(bins) + 0.5) / bins
        # By rounding alone a mean could pass that of the next bin.
        at = np.maximum.accumulate(np.where(n > 0.0, self.said / np.where(n > 0.0, n, 1.0), middle))
        by = (self.came - self.said) / (n + self.options.bin_prior)
        values, weights = (at + by).tolist(), n.tolist()
        self._at, self._by = at, by
        if values == sorted(values):
            return
        blocks: list[tuple[float, float, int]] = []
        for value, weight in zip(values, weights, strict=True):
            count = 1
            while blocks and blocks[-1][0] > value:
                other, beside, more = blocks.pop()
                # Of two that do not rise, one has outcomes.
                value = (other * beside + value * weight) / (beside + weight)
                weight, count = beside + weight, count + more
            blocks.append((value, weight, count))
        pooled = np.array([value for value, _, count in blocks for _ in range(count)])
        alone = np.array([count == 1 for _, _, count in blocks for _ in range(count)])
        self._by = np.where(alone, by, pooled - at)

    def to_state(self) -> dict[str, Any]:
        """Return the sums."""
        return {name: getattr(self, name) for name in ("weight", "said", "came")}

    def read(self, state: Mapping[str, Any]) -> None:
        """Take over the sums of `to_state`.

        Raises
        ------
        StateError
            Arrays of another shape, or sums that no predictions have.
        """
        shape = (self.options.bins,)
        weight, said, came = (read_array(state, name, shape) for name in ("weight", "said", "came"))
        # Rounding of the sums aside.
        slack = 1e-9 * weight
        for each in (said, came):
            if not np.all((each >= -slack) & (each <= weight + slack)):
                raise StateError("the snapshot's bins hold more than their weight", "state_content")
        self.weight, self.said, self.came = weight, said, came
        self._lay()
