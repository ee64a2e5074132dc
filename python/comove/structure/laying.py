"""How prices of a pair are laid on one grid: the options, and the whole history at once.

In "union" the grid is every timestamp of the asset and of all leaders, and a symbol has a price only at its own
timestamps. In "asof" it is the asset's timestamps, and a leader shows its last price if that is at most `tolerance`
old. A return needs a price in two neighbouring rows of the grid. More than `max_gap` rows in a row (of the union)
without both prices end a pair: at its next common row it begins anew, and with no return.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from comove.errors import ParameterError
from comove.options import Floats, Timestamps, choice, nanoseconds, whole
from comove.structure.prices import PriceData, simple_returns

Join: TypeAlias = Literal["union", "asof"]

# A hole longer than a year of minutes ends an instrument in any case.
MOST_GAP = 1 << 19
_FIRST_TIME = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Laying:
    """Options of the grid, checked."""

    join: Join
    tolerance: int | None
    max_gap: int
    max_age: int | None


def laying(join: object, tolerance: object, max_gap: object, max_age: object) -> Laying:
    """Check the options of the grid.

    Raises
    ------
    ParameterError
        An unknown join, "asof" without a tolerance or a tolerance without "asof", bounds.
    """
    how = choice("join", join, ("union", "asof"))
    if (how == "asof") != (tolerance is not None):
        raise ParameterError(
            f"tolerance goes with join='asof', and only with it; got join={join!r}, tolerance={tolerance!r}",
            "tolerance",
        )
    return Laying(
        "asof" if how == "asof" else "union",
        None if tolerance is None else nanoseconds("tolerance", tolerance),
        whole("max_gap", max_gap, least=1, most=MOST_GAP, because="2^19"),
        None if max_age is None else nanoseconds("max_age", max_age),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """The rows of a pair, from where it began to the last common one."""

    ts: Timestamps
    asset: Floats
    """Returns; the first row has none."""
    leader: Floats
    index: int
    """Rows of the grid before the last common row, so those up to it that could hold a return."""
    in_span: int
    """Those within the span of the window; 0 without a span."""
    step: int
    """Nanoseconds between the last common row and the row before it; 0 without one."""
    hole: int
    """Rows after the last common one."""

    @property
    def last(self) -> int:
        """Time of the last common row."""
        return int(self.ts[-1])


def lay_pair(
    asset: PriceData, leader: PriceData, others: Iterable[PriceData], now: int, options: Laying, span: int | None
) -> PairRows | None:
    """Lay a pair on its grid, up to a time.

    Parameters
    ----------
    asset, leader : PriceData
    others : iterable of PriceData
        Whose timestamps also make rows.
    now : int
        Later rows are not looked at.
    options : Laying
    span : int, optional
        Of the window, for `in_span`.

    Returns
    -------
    PairRows, or None where there is no common row.
    """
    asset, leader = asset.until(now), leader.until(now)
    union = union_of(each.timestamps for each in (asset, leader, *(other.until(now) for other in others)))
    if options.join == "asof":
        grid, of_asset = asset.timestamps, asset.prices
        of_leader = last_prices(leader, grid, options.tolerance or 0)
        place = np.searchsorted(union, grid)
    else:
        grid = union
        of_asset, of_leader = on_grid(asset, grid), on_grid(leader, grid)
        place = np.arange(len(grid))
    common = np.flatnonzero(np.isfinite(of_asset) & np.isfinite(of_leader))
    if not len(common):
        return None
    at = place[common]
    holes = np.flatnonzero(np.diff(at) - 1 > options.max_gap)
    start, end = int(common[holes[-1] + 1] if len(holes) else common[0]), int(common[-1])
    returns = [simple_returns(prices[start : end + 1]) for prices in (of_asset, of_leader)]
    ts = grid[start : end + 1]
    last = int(grid[end])
    in_span = 0
    if span is not None:
        # The first row of the grid has no return.
        first = int(np.searchsorted(grid, last - span, side="right")) if last - span >= _FIRST_TIME else 0
        in_span = end + 1 - max(1, first)
    step = last - int(grid[end - 1]) if end else 0
    return PairRows(ts, returns[0], returns[1], end, in_span, step, len(union) - 1 - int(at[-1]))


def union_of(times: Iterable[Timestamps]) -> Timestamps:
    """Return all times once and in order, of arrays that rise."""
    different: list[Timestamps] = []
    for each in times:
        if not any(np.array_equal(each, other) for other in different):
            different.append(each)
    # A stable sort merges what is sorted already; `np.union1d` takes several times as long.
    merged = np.sort(np.concatenate([np.empty(0, np.int64), *different]), kind="stable")
    first = np.ones(len(merged), np.bool_)
    np.not_equal(merged[1:], merged[:-1], out=first[1:])
    return merged[first]


def on_grid(data: PriceData, grid: Timestamps) -> Floats:
    """Return the prices on a grid that holds all of their timestamps, NaN elsewhere."""
    out = np.full(len(grid), np.nan)
    out[np.searchsorted(grid, data.timestamps)] = data.prices
    return out


def last_prices(data: PriceData, grid: Timestamps, tolerance: int) -> Floats:
    """Return the last price at or before each time of a grid, NaN where it is older than `tolerance`."""
    given = np.isfinite(data.prices)
    times, prices = data.timestamps[given], data.prices[given]
    row: npt.NDArray[np.intp] = np.searchsorted(times, grid, side="right") - 1
    out = np.full(len(grid), np.nan)
    known = row >= 0
    known[known] = grid[known] - times[row[known]] <= tolerance
    out[known] = prices[row[known]]
    return out
