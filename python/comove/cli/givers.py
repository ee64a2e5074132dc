"""Which coins give turbulence and which take it: the table of Diebold and Yilmaz of coins that share their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from comove.connectedness import Connectedness, diebold_yilmaz, log_range_volatility
from comove.connectedness.variance import least_rows, usable_rows
from comove.errors import DataError
from comove.options import Floats

__all__ = ["KEPT", "PARTS", "Givers", "find_givers"]

#: Share of a usual coin's rows that must remain once all coins have to be there; a coin that costs more is left out.
KEPT: Final = 0.8
#: Parts of the time that are looked at alone. A sign that means nothing is the same in all four once in eight times.
PARTS: Final = 4
_LEAST_COINS: Final = 2


@dataclass(frozen=True, slots=True)
class Givers:
    """What came of it.

    Attributes
    ----------
    result : Connectedness or None
    parts : list of float64 arrays
        `net` over each quarter of the rows of the regression; empty where a quarter is too short.
    left_out : list of str
        Coins with too few rows in common with the others.
    first, last : str
        The times of the rows.
    reason : str
        Why there is no result.
    """

    result: Connectedness | None
    parts: list[Floats]
    left_out: list[str]
    first: str = ""
    last: str = ""
    reason: str = ""

    def given(self, source: str, asset: str) -> float | None:
        """Return what `source` gives to `asset` less what it takes from it, in percent; None outside the table."""
        if self.result is None or source not in self.result.names or asset not in self.result.names:
            return None
        names = self.result.names
        return float(self.result.net_pairwise[names.index(source), names.index(asset)])


def find_givers(frames: Mapping[str, pl.DataFrame], lags: int, horizon: int, window: int) -> Givers:
    """Decompose the log range volatilities of the coins that share enough rows.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles; of coins with as many rows, the first come first.
    lags, horizon : int
        Of `comove.connectedness.diebold_yilmaz`.
    window : int
        The last rows of the grid to use; 0 is all.
    """
    if len(frames) < _LEAST_COINS:
        return Givers(None, [], [], reason="it takes at least two coins")
    vols = log_range_volatility(frames)
    vols = vols.tail(window) if window else vols
    kept, left_out = _with_common_rows(vols, lags)
    if len(kept) < _LEAST_COINS:
        return Givers(None, [], left_out, reason="no two coins share enough candles")
    vols = vols.select("ts", *kept)
    try:
        result = diebold_yilmaz(vols, lags, horizon)
    except DataError as error:
        return Givers(None, [], left_out, reason=str(error))
    there = vols.drop_nulls()["ts"]
    first, last = (f"{there[row]:%Y-%m-%d %H:%M}" for row in (0, -1))
    return Givers(result, _parts(vols, lags, horizon), left_out, first, last)


def _with_common_rows(vols: pl.DataFrame, lags: int) -> tuple[list[str], list[str]]:
    """Take coins as long as `KEPT` of a usual coin's rows remain, those with most rows first; and who is left out."""
    names = vols.columns[1:]
    values = vols.drop("ts").to_numpy()
    own = {name: int(usable_rows(values[:, [j]], lags).sum()) for j, name in enumerate(names)}
    needed = KEPT * float(np.median(list(own.values())))
    kept: list[int] = []
    for j in sorted(range(len(names)), key=lambda j: -own[names[j]]):
        rows = int(usable_rows(values[:, [*kept, j]], lags).sum())
        if rows >= max(needed, least_rows(len(kept) + 1, lags)):
            kept.append(j)
    return [names[j] for j in sorted(kept)], [name for j, name in enumerate(names) if j not in kept]


def _parts(vols: pl.DataFrame, lags: int, horizon: int) -> list[Floats]:
    # Equal shares of the rows that count: the grid may go on for a long time with one coin alone.
    rows = np.flatnonzero(usable_rows(vols.drop("ts").to_numpy(), lags))
    ends = [int(part[0]) for part in np.array_split(rows, PARTS) if len(part)] + [int(rows[-1]) + 1]
    try:
        # The rows before the first of a part are what it looks back on.
        return [diebold_yilmaz(vols[start - lags : end], lags, horizon).net for start, end in pairwise(ends)]
    except DataError:
        return []
