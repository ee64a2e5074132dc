"""How much of an opinion comes true: the slope of outcomes on opinions, shrunk towards 0.

Letters: x the opinion, a probability of a rise less 1/2; y the outcome, 1 for a rise, 0 for a fall, 1/2 for neither;
h the horizon, T bars with an outcome, m the prior, and <> the mean over the assets of a bar.

    slope = sum <x (y - 1/2)> / sum <x^2>  times  n / (n + m),   n = T / h

That is the regression of outcomes on forecasts of Mincer and Zarnowitz (1969), The evaluation of economic forecasts,
with the intercept of no knowledge: forecasts that are right have a slope of 1, noise has 0, and those that are too sure
of themselves lie between. As outcomes of h rows overlap and coins move together, a bar is one outcome of weight 1 / h.
A prior at 0 worth m outcomes of opinions of the usual size loses at the most 1 / (16 m) of a Brier score on noise.

The usual size is the root of the mean of <x^2>. A slope that was learnt from small opinions says little of a large one,
and where they grow all of a sudden it would be carried far on noise: no opinion counts for more than twice the usual
size, whose loss is four times that at the most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from comove.errors import StateError
from comove.options import positive, whole

__all__ = ["Calibration"]

#: Usual sizes beyond which an opinion counts for no more.
_MOST: Final = 2.0


class Calibration:
    """The slope of outcomes on opinions.

    Parameters
    ----------
    horizon : int, at least 1
        Rows until an outcome.
    prior : float, above 0
        Outcomes that a slope of 0 is worth.
    """

    __slots__ = ("_moved", "_squares", "bars", "horizon", "outcomes", "prior", "words")

    def __init__(self, horizon: int, prior: float) -> None:
        self.horizon = whole("horizon", horizon, least=1)
        self.prior = positive("prior", prior)
        self._moved = self._squares = 0.0
        self.bars = self.outcomes = 0
        self.words = ""
        """How many outcomes there are."""
        self._count()

    def add(self, pairs: Sequence[tuple[float, float]]) -> None:
        """Take in the opinions and outcomes of a bar, (x, y) of each asset that has one."""
        if not pairs:
            return
        moved = squares = 0.0
        for x, y in pairs:
            moved += x * (y - 0.5)
            squares += x * x
        self._moved += moved / len(pairs)
        self._squares += squares / len(pairs)
        self.bars += 1
        self.outcomes += len(pairs)
        self._count()

    @property
    def episodes(self) -> float:
        """Bars with an outcome over the horizon."""
        return self.bars / self.horizon

    @property
    def slope(self) -> float:
        """How much of an opinion comes true; 0 where nothing is known."""
        if not self._squares > 0.0:
            return 0.0
        return self._moved / self._squares * (self.episodes / (self.episodes + self.prior))

    @property
    def most(self) -> float:
        """Twice the usual size of an opinion, at which one is cut."""
        return _MOST * sqrt(self._squares / self.bars) if self.bars else 0.0

    def to_state(self) -> list[Any]:
        """Return the sums."""
        return [self._moved, self._squares, self.bars, self.outcomes]

    def read(self, state: Sequence[Any]) -> None:
        """Take over the sums of `to_state`.

        Raises
        ------
        StateError
            Sums that no outcomes have.
        """
        moved, squares, bars, outcomes = float(state[0]), float(state[1]), int(state[2]), int(state[3])
        if not (abs(moved) < float("inf") and 0.0 <= squares < float("inf") and 0 <= bars <= outcomes):
            raise StateError(f"the snapshot has impossible sums of a calibration: {list(state)}", "state_content")
        self._moved, self._squares, self.bars, self.outcomes = moved, squares, bars, outcomes
        self._count()

    def _count(self) -> None:
        # Once a bar, for each asset's reason has it.
        self.words = f"{self.episodes:.1f} episodes ({self.bars} bars, {self.outcomes} outcomes)"
