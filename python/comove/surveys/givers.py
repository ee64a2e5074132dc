"""Which coins give turbulence and which take it: the table of Diebold and Yilmaz of coins that share their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from comove.connectedness import Connectedness, diebold_yilmaz, log_range_volatility
from comove.connectedness.variance import usable_rows
from comove.errors import DataError
from comove.options import Floats
from comove.surveys.surrogates import unrelated

__all__ = ["KEPT", "PARTS", "ROWS_PER_PARAMETER", "Givers", "find_givers"]

#: Share of a usual coin's rows that must remain once all coins have to be there; a coin that costs more is left out.
KEPT: Final = 0.8
#: Share of a coin's rows that must be rows of some source. One whose candles begin at other times, as at half past the
#: hour, has rows between those of the others, and nobody would have an unbroken run of rows.
_BESIDE: Final = 0.5
#: Rows of the regression for each parameter of an equation. At 10, unrelated coins show a total of 9 to 14 % at 4 lags,
#: at 3 (44 coins of 500 rows) one of 40 to 47 %.
ROWS_PER_PARAMETER: Final = 10
#: Parts of the time that are looked at alone. A sign that means nothing is the same in all four once in eight times.
PARTS: Final = 4
_LEAST_COINS: Final = 2
_NOT_SHARED: Final = "no two coins share enough candles"
#: Tables of unrelated coins whose totals are averaged.
_TRIALS: Final = 3


@dataclass(frozen=True, slots=True)
class Givers:
    """What came of it.

    Attributes
    ----------
    result : Connectedness or None
    parts : list of float64 arrays
        `net` over each quarter of the rows of the regression; empty where a quarter is too short.
    absent : list of str
        Coins left out for having too few rows in common with the others.
    crowded : list of str
        Coins left out because there are too few rows for more parameters.
    first, last : str
        The times of the rows.
    by_chance : float
        The total that coins with the same memory and nothing in common show.
    reason : str
        Why there is no result.
    """

    result: Connectedness | None
    parts: list[Floats]
    absent: list[str]
    crowded: list[str]
    first: str = ""
    last: str = ""
    by_chance: float = 0.0
    reason: str = ""

    def given(self, source: str, asset: str) -> float | None:
        """Return what `source` gives to `asset` less what it takes from it, in percent; None outside the table."""
        if self.result is None or source not in self.result.names or asset not in self.result.names:
            return None
        names = self.result.names
        return float(self.result.net_pairwise[names.index(source), names.index(asset)])


def find_givers(
    frames: Mapping[str, pl.DataFrame], sources: Sequence[str], *, lags: int, horizon: int, window: int
) -> Givers:
    """Decompose the log range volatilities of the coins that share enough rows.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles.
    sources : sequence of str
        Coins that come first where not all can be in the table; the others follow by turnover.
    lags, horizon : int
        Of `comove.connectedness.diebold_yilmaz`.
    window : int
        Rows of the grid to use, up to the last one that all sources and most coins have; 0 is all.
    """
    if len(frames) < _LEAST_COINS:
        return Givers(None, [], [], [], reason="it takes at least two coins")
    ranged = {name: frame for name, frame in frames.items() if _has_ranges(frame)}
    if len(ranged) < _LEAST_COINS:
        return Givers(None, [], [name for name in frames if name not in ranged], [], reason=_NOT_SHARED)
    vols = log_range_volatility(ranged)
    there = [name for name in sources if name in ranged]
    vols, beside = _without_rows_between(vols, there)
    if window:
        end = _last_common_row(vols, there) + 1
        vols = vols[max(0, end - window) : end]
    turnover = {name: _turnover(frame) for name, frame in frames.items()}
    ranking = sorted(vols.columns[1:], key=lambda name: (name not in sources, -turnover[name]))
    kept, absent, crowded = _choose(vols, ranking, lags)
    absent = [name for name in frames if name not in ranged or name in (*absent, *beside)]
    if len(kept) < _LEAST_COINS:
        reason = _NOT_SHARED
        if crowded:
            least = ROWS_PER_PARAMETER * _parameters(_LEAST_COINS, lags)
            reason = f"too few candles; even two coins at {lags} lags need {least} that both have, in unbroken runs"
        return Givers(None, [], absent, crowded, reason=reason)
    vols = vols.select("ts", *kept)
    try:
        result = diebold_yilmaz(vols, lags, horizon)
        by_chance = _total_by_chance(vols, result)
    except DataError as error:
        return Givers(None, [], absent, crowded, reason=str(error))
    times = vols.drop_nulls()["ts"]
    first, last = (f"{times[row]:%Y-%m-%d %H:%M}" for row in (0, -1))
    return Givers(result, _parts(vols, lags, horizon), absent, crowded, first, last, by_chance)


def _has_ranges(frame: pl.DataFrame) -> bool:
    """Whether any candle has both a high and a low."""
    return bool((frame["high"].is_finite() & frame["low"].is_finite()).any())


def _without_rows_between(vols: pl.DataFrame, sources: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """Take out the coins whose rows are mostly between those of the sources; and who they are."""
    there = vols.select(pl.exclude("ts").is_not_null())
    of_sources = there.select(sources).to_numpy().any(axis=1)
    own = {name: there[name].to_numpy() for name in there.columns}
    beside = [name for name, rows in own.items() if sources and (rows & of_sources).sum() < _BESIDE * rows.sum()]
    if not beside:
        return vols, beside
    rest = vols.drop(beside)
    return rest.filter(pl.any_horizontal(pl.exclude("ts").is_not_null())), beside


def _last_common_row(vols: pl.DataFrame, sources: Sequence[str]) -> int:
    """Return the last row with all sources and most coins; with most coins where the sources share none."""
    there = vols.select(pl.exclude("ts").is_not_null())
    most = there.to_numpy().mean(axis=1) > 1 / 2
    all_sources = there.select(sources).to_numpy().all(axis=1)
    for rows in (most & all_sources, most):
        if rows.any():
            return int(np.flatnonzero(rows)[-1])
    return len(vols) - 1


def _turnover(frame: pl.DataFrame) -> float:
    """Return the median of what was paid for the coin in a candle."""
    paid = (frame["close"] * frame["volume"]).fill_nan(None).median()
    return float(paid) if isinstance(paid, float) else 0.0


def _parameters(coins: int, lags: int) -> int:
    return coins * lags + 1


def _choose(vols: pl.DataFrame, ranking: Sequence[str], lags: int) -> tuple[list[str], list[str], list[str]]:
    """Take coins in turn while enough rows remain; and who is left out for rows, and for parameters."""
    values = {name: vols[name].fill_null(float("nan")).to_numpy() for name in ranking}

    def rows(names: Sequence[str]) -> int:
        return int(usable_rows(np.column_stack([values[name] for name in names]), lags).sum())

    own = [count for count in map(rows, ([name] for name in ranking)) if count]
    needed = KEPT * float(np.median(own)) if own else 1.0
    kept: list[str] = []
    absent: list[str] = []
    crowded: list[str] = []
    for name in ranking:
        remaining = rows([*kept, name])
        if remaining < needed:
            absent.append(name)
        elif remaining < ROWS_PER_PARAMETER * _parameters(len(kept) + 1, lags):
            crowded.append(name)
        else:
            kept.append(name)
    kept, absent, crowded = ([name for name in vols.columns if name in some] for some in (kept, absent, crowded))
    return kept, absent, crowded


def _total_by_chance(vols: pl.DataFrame, result: Connectedness) -> float:
    """Return the mean total of coins that have nothing in common, at the same rows, lags and horizon."""
    rows = vols.drop("ts").drop_nulls().tail(result.n + result.lags).to_numpy()
    totals = [diebold_yilmaz(unrelated(rows, seed), result.lags, result.horizon).total for seed in range(_TRIALS)]
    return float(np.mean(totals))


def _parts(vols: pl.DataFrame, lags: int, horizon: int) -> list[Floats]:
    # Equal shares of the rows that count: the grid may go on for a long time with one coin alone.
    rows = np.flatnonzero(usable_rows(vols.drop("ts").to_numpy(), lags))
    ends = [int(part[0]) for part in np.array_split(rows, PARTS) if len(part)] + [int(rows[-1]) + 1]
    try:
        # The rows before the first of a part are what it looks back on.
        return [diebold_yilmaz(vols[start - lags : end], lags, horizon).net for start, end in pairwise(ends)]
    except DataError:
        return []
