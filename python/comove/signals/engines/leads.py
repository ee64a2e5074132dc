"""What is still to come of a leader's moves, where it is believed to move first.

Letters: x a leader's returns, y the asset's, k the rows by which the leader is believed to lead, and for each lag m
from 0 to k the slope b_m of y[t] on x[t - m], its standard error s_m, over one window; r the residual standard
deviation at lag k; X_m = x[t - m + 1] + ... + x[t] the leader's move over the last m rows. The asset answers a move
with the share b_m after m rows. What of the last k rows of the leader has not arrived yet is

    gap = sum over m = 1 .. k of b_m X_m

for at lag m only the last m rows are still on their way. Of the whole answer to the last k rows, full = (b_0 + ... +
b_k) X_k, the asset has made moved = full - gap already. So the gap is beta times the leader's move, minus the asset's
own move as far as it is an answer to that move. The rest of the asset's own move is noise or an answer to older rows,
neither of which is given back: to subtract it too would bias the gap by it.

- A lag that is exact: b_m is 0 but for m = k, so moved = 0 and gap = b_k X_k, the beta times the whole move.
- An answer spread over rows: each row of the leader counts with what its answer still lacks.

The variance of what comes over the next k rows about the gap is k r^2, the asset's noise and the leader's moves to
come, plus the sum of (s_m X_m)^2, the betas' own error. Each b_m is the slope of one regression, as of a leader whose
returns do not follow from its earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple, Self

from comove.errors import StateError
from comove.live import RollingPair
from comove.options import Floats

__all__ = ["Expectation", "Lead"]


class Expectation(NamedTuple):
    """What is still to come of a leader's moves."""

    leader: str
    lag: int
    """Rows by which the leader moves first, and over which the gap is expected to close."""
    gap: float
    """Expected return over the next `lag` rows."""
    stderr: float
    """Standard deviation of what comes about the gap."""
    move: float
    """The leader's, over the last `lag` rows."""
    full: float
    """Answer to that move when all of it has arrived."""
    explained: float
    """Share of the asset's variance that the leader explains at the lag, R^2."""
    fresh: float
    """Mean share of the lag that is left, weighted by what comes: 1 for a move of this row, 0 once it has arrived."""


class Lead:
    """An asset regressed on a leader of 0 to `lag` rows before.

    Parameters
    ----------
    leader : str
    lag : int, at least 1
    window_size, min_samples : int
        Of the regressions.
    """

    __slots__ = ("_pairs", "_row", "lag", "leader", "min_samples", "window_size")

    def __init__(self, leader: str, lag: int, window_size: int, min_samples: int) -> None:
        self.leader, self.lag = leader, lag
        self.window_size, self.min_samples = window_size, min_samples
        self._pairs: list[RollingPair] = []
        self._row = -1

    @property
    def n(self) -> int:
        """Complete pairs of returns at the lag."""
        return self._pairs[self.lag].n if self._pairs else 0

    @property
    def row(self) -> int:
        """The last row taken in; -1 before it."""
        return self._row

    def start(self, row: int, asset: Floats, leader: Floats) -> None:
        """Begin anew with the returns shown.

        Parameters
        ----------
        row : int
            Of the last return.
        asset, leader : float64, shape (n,)
            Returns of the same rows, NaN where missing.
        """
        self._pairs = [
            RollingPair(window_size=self.window_size, min_samples=self.min_samples) for _ in range(self.lag + 1)
        ]
        self._take(asset[self.lag :], leader)
        self._row = row

    def follow(self, row: int, asset: Floats, leader: Floats) -> None:
        """Take in the returns since the last row; begin anew where too few are shown."""
        rows = row - self._row
        if not self._pairs or rows + self.lag > len(asset):
            self.start(row, asset, leader)
            return
        self._take(asset[-rows:], leader)
        self._row = row

    def push(self, row: int, asset: float, moves: Sequence[float]) -> None:
        """Take in the one row after the last.

        Parameters
        ----------
        row : int
        asset : float
            Return of the row, NaN where missing.
        moves : sequence of float
            The leader's returns, the newest first, at least `lag` + 1.
        """
        for pair, move in zip(self._pairs, moves, strict=False):
            pair.update(asset, move)
        self._row = row

    def _take(self, asset: Floats, leader: Floats) -> None:
        rows, last = len(asset), len(leader)
        for lag, pair in enumerate(self._pairs):
            pair.update_many(asset, leader[last - lag - rows : last - lag])

    def expect(self, moves: Sequence[float]) -> Expectation | str:
        """Return what is still to come, or why it is not known; `moves` as in `push`."""
        lag, pairs = self.lag, self._pairs
        at_once, spread = pairs[0].beta, pairs[lag].residual_std
        if at_once is None or spread is None:
            return (
                f"{pairs[lag].n} pairs of returns with {self.leader} {lag} rows before, {self.min_samples} that vary "
                "are needed"
            )
        move = gap = total = variance = weight = left = 0.0
        for back in range(1, lag + 1):
            move += moves[back - 1]
            beta, stderr = pairs[back].beta, pairs[back].beta_stderr
            if beta is None or stderr is None:
                return f"{pairs[back].n} pairs of returns with {self.leader} {back} rows before, too few or not varied"
            total += beta
            gap += beta * move
            variance += (stderr * move) * (stderr * move)
            for row in range(back):
                part = abs(beta * moves[row])
                weight += part
                left += part * (back - row)
        if move != move:
            return f"a price of {self.leader} in the last {lag} rows is missing"
        return Expectation(
            self.leader,
            lag,
            gap,
            sqrt(lag * spread * spread + variance),
            move,
            (at_once + total) * move,
            pairs[lag].r_squared or 0.0,
            left / (weight * lag) if weight else 0.0,
        )

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept."""
        return {
            "leader": self.leader,
            "lag": self.lag,
            "window_size": self.window_size,
            "min_samples": self.min_samples,
            "row": self._row,
            "pairs": [pair.to_bytes() for pair in self._pairs],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the lead of a state.

        Raises
        ------
        StateError
            Another number of regressions than lags.
        """
        lead = cls(str(state["leader"]), int(state["lag"]), int(state["window_size"]), int(state["min_samples"]))
        lead._row = int(state["row"])
        lead._pairs = [RollingPair.from_bytes(each) for each in state["pairs"]]
        if len(lead._pairs) != lead.lag + 1:
            raise StateError(
                f"the snapshot has {len(lead._pairs)} regressions for a lag of {lead.lag}", "state_content"
            )
        return lead
