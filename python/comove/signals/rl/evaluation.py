"""What a policy would have earned on rows, against holding, costs on. Sums of returns a row: nothing is reinvested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from comove.errors import DataError
from comove.options import Floats
from comove.signals.rl.policy import ACTIONS, FLAT, NumpyPolicy
from comove.signals.rl.tables import TradingTable

__all__ = ["Evaluation", "evaluate", "positions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A policy against buying and holding, over the same rows; each symbol with the same capital."""

    symbols: int
    rows: int
    """In which at least one symbol could be traded."""
    gain: float
    """Sum over the rows of the mean return of the symbols, costs taken off, as a part of the capital."""
    hold: float
    """The same of always being long; bought once and sold once."""
    difference: float
    """Of the two, in its standard errors, rows taken as independent; 0 where it does not vary."""
    turnover: float
    """Mean change of the position in a row."""
    long: float
    """Share of rows and symbols that were long."""
    short: float


def evaluate(policy: NumpyPolicy, tables: Sequence[TradingTable], *, cost: float) -> Evaluation:
    """Let a policy trade, from flat, symbol by symbol.

    Parameters
    ----------
    policy : NumpyPolicy
    tables : sequence of TradingTable
        On the same rows, with features as the recipe gives them.
    cost : float, at least 0
        Of a change of the position by 1, as a part of the price. A gap closes the position, and that costs too.

    Raises
    ------
    DataError
        No row in which the policy could decide.
    """
    earned = np.full((len(tables), len(tables[0].returns)), np.nan)
    held = earned.copy()
    changes, taken = 0.0, np.zeros(len(ACTIONS))
    for place, table in enumerate(tables):
        usable = np.flatnonzero(table.usable)
        if not len(usable):
            continue
        path = positions(policy, table)
        paid = _paid(path, table.usable)
        earned[place, usable] = (path * table.returns - cost * paid)[usable]
        held[place, usable] = table.returns[usable]
        # In two steps: there may be a single row.
        held[place, usable[0]] -= cost
        held[place, usable[-1]] -= cost
        changes += float(paid[usable].sum())
        taken += np.bincount(path[usable].astype(np.int64) + FLAT, minlength=len(ACTIONS))
    rows = np.isfinite(earned).any(axis=0)
    if not rows.any():
        raise DataError("no row has all features and a return after it", "too_short")
    gains, holds = np.nanmean(earned[:, rows], axis=0), np.nanmean(held[:, rows], axis=0)
    count = float(taken.sum())
    return Evaluation(
        symbols=len(tables),
        rows=int(rows.sum()),
        gain=float(gains.sum()),
        hold=float(holds.sum()),
        difference=_errors(gains - holds),
        turnover=changes / count,
        long=float(taken[2]) / count,
        short=float(taken[0]) / count,
    )


def positions(policy: NumpyPolicy, table: TradingTable) -> Floats:
    """Return the position taken in each row; 0 in those that cannot be traded."""
    usable = np.flatnonzero(table.usable)
    seen = policy.standardise(table.features[usable])
    # What each row would lead to from each position; then the path is only followed.
    leads = np.stack(
        [policy.action(np.column_stack([seen, np.full(len(seen), float(held))])) for held in (-1, 0, 1)], axis=1
    )
    path = np.zeros(len(table.returns))
    held, before = FLAT, -1
    for row, choices in zip(usable.tolist(), leads.tolist(), strict=True):
        held = choices[held if row == before + 1 else FLAT]
        path[row] = held - FLAT
        before = row
    return path


def _paid(path: Floats, usable: npt.NDArray[np.bool_]) -> Floats:
    """Return by how much the position changes in each row; what a gap closes, it closes in the row before it."""
    moves = np.abs(np.diff(path, prepend=0.0, append=0.0))
    closing = usable & np.append(~usable[1:], True)
    return np.where(usable, moves[:-1], 0.0) + np.where(closing, moves[1:], 0.0)


def _errors(differences: npt.NDArray[np.float64]) -> float:
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return float(differences.mean()) / (spread / sqrt(len(differences))) if spread > 0.0 else 0.0
