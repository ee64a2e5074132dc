"""How good the expectations of each (leader, asset, lag) have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import polars as pl

from comove.live import RollingPair
from comove.signals.engines.bar_record import BarRecord

__all__ = ["Key", "LeadRecords"]

Key: TypeAlias = tuple[str, str, int]
"""Leader, asset, lag in rows."""

_SCHEMA: Final = {
    "leader": pl.String,
    "asset": pl.String,
    "lag": pl.Int64,
    "expected": pl.Int64,
    "information_coefficient": pl.Float64,
    "signals": pl.Int64,
    "hit_rate": pl.Float64,
    "probability": pl.Float64,
}
#: Pairs of expected and realised below which no correlation is given.
_LEAST: Final = 10


class _Record:
    __slots__ = ("coefficient", "expected", "hits")

    def __init__(self, hits: BarRecord, coefficient: RollingPair) -> None:
        self.hits, self.coefficient, self.expected = hits, coefficient, 0


class LeadRecords:
    """Hits and information coefficient of each (leader, asset, lag).

    Parameters
    ----------
    prior : float
        Outcomes without overlap that the record of all is worth in the one of each.
    most_lag : int
        Outcomes of the record of all overlap over at most this many rows.
    window_size : int, at least 10
        Expectations of the information coefficient.
    """

    __slots__ = ("_each", "all", "prior", "window_size")

    def __init__(self, prior: float, most_lag: int, window_size: int) -> None:
        self.prior, self.window_size = prior, window_size
        self.all = BarRecord(prior, most_lag)
        self._each: dict[Key, _Record] = {}

    def _record(self, key: Key) -> _Record:
        if key not in self._each:
            pair = RollingPair(window_size=self.window_size, min_samples=_LEAST)
            self._each[key] = _Record(BarRecord(self.prior, key[2]), pair)
        return self._each[key]

    def add(self, key: Key, expected: float, realised: float) -> None:
        """Take in an expected return and what came."""
        record = self._record(key)
        record.expected += 1
        record.coefficient.update(realised, expected)

    def add_hit(self, key: Key, row: int, right: float) -> None:
        """Take in the outcome of a signal that was given in a row."""
        self._record(key).hits.add(row, right)

    def probability(self, key: Key) -> float:
        """Return the probability that a signal is right: its own hits, shrunk to those of all.

        `BarRecord.shrunk` with the probability by the record of all, which is itself shrunk to 1/2.
        """
        record = self._each.get(key)
        if record is None:
            return self.all.probability
        return record.hits.shrunk(self.all.probability)

    def told(self, key: Key) -> str:
        """Return a record in words."""
        record = self._each.get(key)
        if record is None or not record.hits.bars:
            return "no outcome of its signals yet"
        coefficient = record.coefficient.corr
        known = "not known yet" if coefficient is None else f"{coefficient:+.2f}"
        return f"{record.hits.told()}, information coefficient {known}"

    def frame(self) -> pl.DataFrame:
        """Return the records, in the order in which they began."""
        rows = [
            (
                *key,
                record.expected,
                record.coefficient.corr,
                record.hits.bars,
                record.hits.rate,
                self.probability(key),
            )
            for key, record in self._each.items()
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept but the options."""
        return {
            "all": self.all.to_state(),
            "each": [
                [list(key), record.expected, record.hits.to_state(), record.coefficient.to_bytes()]
                for key, record in self._each.items()
            ],
        }

    def read(self, state: Mapping[str, Sequence[Any]]) -> None:
        """Take over what was kept in `to_state`."""
        self.all.read(state["all"])
        self._each = {}
        for (leader, asset, lag), expected, hits, coefficient in state["each"]:
            record = _Record(BarRecord(self.prior, int(lag)), RollingPair.from_bytes(coefficient))
            record.hits.read(hits)
            record.expected = int(expected)
            self._each[str(leader), str(asset), int(lag)] = record
