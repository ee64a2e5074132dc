"""How often an engine's signals were right, where outcomes overlap in time and across coins.

The outcomes of one bar are those of coins that move together, so they count as one: the share of them that was right.
An outcome over h rows shares rows with those of the bars before, so that a bar that comes d rows after the last one
with a signal counts for w = min(d, h) / h, the share of its rows that is new: n signals row after row tell as much as
n / h, signals that are h rows apart as much as their number. With W the sum of w, H that of w times the share that was
right, and a prior at p worth m outcomes, the probability is

    (H + m p) / (W + m)

On noise, with p = 1/2, its variance is at most about W / (4 (W + m)^2), largest at W = m, where it is 1 / (16 m): by so
much the squared error of the probability exceeds the 1/4 of a constant 1/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comove.errors import StateError
from comove.options import positive, whole

__all__ = ["BarRecord"]


class BarRecord:
    """Hits of signals, one outcome a bar.

    Parameters
    ----------
    prior : float, above 0
        m: outcomes without overlap that the prior is worth.
    horizon : int, at least 1
        h: rows of an outcome.
    """

    __slots__ = ("bars", "hits", "horizon", "last", "prior", "weight")

    def __init__(self, prior: float, horizon: int) -> None:
        self.prior, self.horizon = positive("prior", prior), whole("horizon", horizon, least=1)
        self.hits = self.weight = 0.0
        self.bars = 0
        # The last row with a signal that has an outcome; -1 before it.
        self.last = -1

    def add(self, row: int, right: float) -> None:
        """Take in a bar.

        Parameters
        ----------
        row : int
            When the signals were given, or when their outcomes came; after that of the bar before.
        right : float
            Share of its signals that was right, a signal counting half where the price did not move.
        """
        new = self.horizon if self.last < 0 else min(row - self.last, self.horizon)
        weight = new / self.horizon
        self.hits += weight * right
        self.weight += weight
        self.bars += 1
        self.last = row

    @property
    def rate(self) -> float | None:
        """Share that was right, None before the first outcome."""
        return self.hits / self.weight if self.weight else None

    @property
    def probability(self) -> float:
        """Of being right next time, the prior at 1/2."""
        return self.shrunk(0.5)

    def shrunk(self, prior: float) -> float:
        """Return the probability of being right next time with another prior."""
        return (self.hits + self.prior * prior) / (self.weight + self.prior)

    def told(self) -> str:
        """Return the record in words."""
        rate = self.rate
        if rate is None:
            return "no outcome of its signals yet"
        return f"its signals were right in {rate:.0%} over {self.bars} bar{'s' if self.bars > 1 else ''}"

    def to_state(self) -> list[Any]:
        """Return the counts."""
        return [self.hits, self.weight, self.bars, self.last]

    def read(self, state: Sequence[Any]) -> None:
        """Take over the counts of `to_state`.

        Raises
        ------
        StateError
            More hits than outcomes, or below 0.
        """
        hits, weight, bars, last = float(state[0]), float(state[1]), int(state[2]), int(state[3])
        # Sums of the same weights differ by rounding.
        if not (0.0 <= hits <= weight * (1.0 + 1e-9) and weight <= bars):
            raise StateError(f"the snapshot has {hits} hits of {weight} in {bars} bars", "state_content")
        self.hits, self.weight, self.bars, self.last = hits, weight, bars, last
