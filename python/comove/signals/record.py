"""How often something was right, as a probability that begins at 1/2.

With h hits in n outcomes (half a hit where the price did not move) and a prior worth m outcomes, the probability is
(h + m / 2) / (n + m): the mean of a Beta(m / 2, m / 2) prior after the outcomes (Laplace's rule with a weight).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comove.errors import StateError
from comove.options import positive

__all__ = ["HitRecord", "hit"]


def hit(direction: str, moved: float) -> float:
    """Return 1 where a direction was right, 0 where it was wrong, 1/2 where the price did not move."""
    if moved == 0.0:
        return 0.5
    return float((moved > 0.0) == (direction == "long"))


class HitRecord:
    """Hits among outcomes.

    Parameters
    ----------
    prior : float, above 0
        Outcomes that the prior at 1/2 is worth. Outcomes over `horizon` rows overlap when something is said each row,
        so that a prior must be so many times larger.
    """

    __slots__ = ("hits", "n", "prior")

    def __init__(self, prior: float) -> None:
        self.prior = positive("prior", prior)
        self.hits = 0.0
        self.n = 0

    def add(self, right: float) -> None:
        """Take in an outcome: 1 for right, 0 for wrong, 1/2 for neither."""
        self.hits += right
        self.n += 1

    @property
    def probability(self) -> float:
        """Of being right next time."""
        return (self.hits + 0.5 * self.prior) / (self.n + self.prior)

    def to_state(self) -> list[Any]:
        """Return the counts."""
        return [self.hits, self.n]

    def read(self, state: Sequence[Any]) -> None:
        """Take over the counts of `to_state`.

        Raises
        ------
        StateError
            More hits than outcomes, or below 0.
        """
        hits, n = float(state[0]), int(state[1])
        if not 0.0 <= hits <= n:
            raise StateError(f"the snapshot has {hits} hits in {n} outcomes", "state_content")
        self.hits, self.n = hits, n
