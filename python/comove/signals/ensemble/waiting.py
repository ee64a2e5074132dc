"""What was said in the last `horizon` rows, as arrays, until its outcome comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from comove.options import Floats
from comove.signals.ensemble.copies import REGIME_COUNT, Whole, read_array

__all__ = ["STAGES", "Waiting"]

STAGES: Final = ("mixture", "regime", "calibration")
_UNKNOWN: Final = REGIME_COUNT - 1


class Waiting:
    """A ring of rows: row t lies at t modulo the horizon.

    Attributes
    ----------
    rows : int64, shape (horizon,)
        The row that lies there; -1 for none.
    said : float64, shape (horizon, sources, symbols)
        Probabilities of a rise; NaN for a sleeper.
    stages : float64, shape (horizon, 3, symbols)
        The ensemble's after each stage; NaN where it said nothing. A stage that is off leaves what came before.
    closes : float64, shape (horizon, symbols)
        NaN where the symbol had no candle.
    regimes : int64, shape (horizon, symbols)
    """

    __slots__ = ("closes", "horizon", "regimes", "rows", "said", "stages")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.rows: Whole = np.full(horizon, -1, np.int64)
        self.said: Floats = np.zeros((horizon, 0, 0))
        self.stages: Floats = np.zeros((horizon, len(STAGES), 0))
        self.closes: Floats = np.zeros((horizon, 0))
        self.regimes: Whole = np.zeros((horizon, 0), np.int64)

    def add_source(self) -> None:
        """Add a source that slept so far."""
        fresh = np.full((self.horizon, 1, self.closes.shape[1]), np.nan)
        self.said = np.concatenate([self.said, fresh], axis=1)

    def drop_source(self, place: int) -> None:
        """Forget a source that said nothing of what waits."""
        self.said = np.delete(self.said, place, axis=1)

    def add_symbols(self, count: int) -> None:
        """Add symbols of which nothing was said."""

        def wider(array: Floats, fill: float) -> Any:
            fresh = np.full((*array.shape[:-1], count), fill, array.dtype)
            return np.concatenate([array, fresh], axis=-1)

        self.said, self.stages = wider(self.said, np.nan), wider(self.stages, np.nan)
        self.closes = wider(self.closes, np.nan)
        self.regimes = np.concatenate([self.regimes, np.full((self.horizon, count), _UNKNOWN, np.int64)], axis=1)

    def begin(self, row: int, closes: Floats) -> None:
        """Lay a new row over the one `horizon` rows ago."""
        at = row % self.horizon
        self.rows[at], self.closes[at] = row, closes
        self.said[at], self.stages[at], self.regimes[at] = np.nan, np.nan, _UNKNOWN

    def outcomes(self, row: int, closes: Floats) -> Floats | None:
        """Return the outcome of each symbol of the row that is due: 1, 0 or 1/2, NaN where there is none.

        None where nothing was said `horizon` rows ago, a bar that came to nobody.
        """
        at = row % self.horizon
        if self.rows[at] < 0 or self.rows[at] != row - self.horizon:
            return None
        before = self.closes[at]
        known = (before == before) & (closes == closes)
        return np.where(known, np.where(closes > before, 1.0, np.where(closes < before, 0.0, 0.5)), np.nan)

    def to_state(self) -> dict[str, Any]:
        """Return the arrays."""
        return {name: getattr(self, name) for name in ("rows", "said", "stages", "closes", "regimes")}

    def read(self, state: Mapping[str, Any], sources: int, symbols: int) -> None:
        """Take over the arrays of `to_state`.

        Raises
        ------
        StateError
            Arrays of another shape or kind.
        """
        h = self.horizon
        self.rows = read_array(state, "rows", (h,), "<i8")
        self.said = read_array(state, "said", (h, sources, symbols))
        self.stages = read_array(state, "stages", (h, len(STAGES), symbols))
        self.closes = read_array(state, "closes", (h, symbols))
        self.regimes = read_array(state, "regimes", (h, symbols), "<i8")
