"""One time grid for an asset and its leaders, and their prices on it.

The grid is the union of all timestamps (design: "Prices, gaps and returns"). A return needs both neighbouring rows of
the grid, windows age on it, and the output rows are the asset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.data.columns import to_float
from comove.data.times import check_order, first_row, to_utc
from comove.errors import DataError

__all__ = ["Prices", "lay_on_union", "read_prices", "refuse_unrelated"]


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Closes of one symbol: rising times in microseconds, and prices above 0 with NaN for missing ones."""

    name: str
    times: npt.NDArray[np.int64]
    close: npt.NDArray[np.float64]

    def __str__(self) -> str:
        first, last = self.times[[0, -1]].astype("datetime64[us]").astype("datetime64[s]")
        return f"{self.name} {first} to {last} ({len(self.times)} rows)"


def read_prices(frame: pl.DataFrame | pl.LazyFrame, name: str) -> Prices:
    """Take `ts` and `close` out of a frame, and check them.

    Parameters
    ----------
    frame : DataFrame or LazyFrame
    name : str
        What messages call it.

    Raises
    ------
    DataError
        No such columns, times that are none, prices that are no numbers or not above 0.
    OrderError
        Time runs backwards, or a timestamp comes twice.
    """
    check_columns(frame, name)
    columns = frame.lazy().select("ts", "close").collect()
    ts = to_utc(columns["ts"], source=name)
    check_order(ts, source=name)
    close = to_float(columns["close"], "close", source=name)
    row = first_row(close <= 0)
    if row is not None:
        raise DataError(f"{name}: close must be above 0, got {close[row]} in row {row} at {ts[row]}", "price_sign")
    return Prices(name, ts.to_physical().to_numpy(), close.fill_null(float("nan")).to_numpy())


def check_columns(frame: object, name: str) -> None:
    """Refuse what is no Polars frame with `ts` and `close`.

    Raises
    ------
    DataError
    """
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise DataError(f"{name}: expected a Polars DataFrame or LazyFrame, got {type(frame).__name__}", "frame")
    found = frame.collect_schema().names()
    for column in ("ts", "close"):
        if column not in found:
            raise DataError(
                f"{name}: no column {column!r}; found: {', '.join(found) or 'none'}. "
                "comove.data.as_candles brings candles of other spellings into form",
                "columns_missing",
            )


def lay_on_union(
    asset: Prices, leaders: Mapping[str, Prices]
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64]]:
    """Lay all prices on the union of all timestamps.

    Returns
    -------
    asset, leaders, rows
        Prices on the grid, NaN where a symbol has none; and the grid's row of each row of the asset.
    """
    everyone = [asset, *leaders.values()]
    grid = asset.times
    for other in everyone[1:]:
        if not np.array_equal(grid, other.times):
            # Each is sorted, and a stable sort merges sorted runs in one pass.
            both = np.sort(np.concatenate([grid, other.times]), kind="stable")
            grid = both[np.diff(both, prepend=both[:1] - 1) > 0]

    def laid(prices: Prices) -> npt.NDArray[np.float64]:
        if len(prices.times) == len(grid):
            return prices.close
        row = np.full(len(grid), np.nan)
        row[np.searchsorted(grid, prices.times)] = prices.close
        return row

    rows = np.searchsorted(grid, asset.times).astype(np.int64)
    return laid(asset), {name: laid(prices) for name, prices in leaders.items()}, rows


def refuse_unrelated(
    asset: Prices, leader: Prices, asset_price: npt.NDArray[np.float64], leader_price: npt.NDArray[np.float64]
) -> None:
    """Refuse a pair of which no feature could ever be defined, before defaults hide it.

    Parameters
    ----------
    asset, leader : Prices
    asset_price, leader_price : float64
        The same on the common grid.

    Raises
    ------
    DataError
        No timestamp with a price of both; or, from three rows each, never at two neighbouring rows of the grid.
    """
    if not len(asset.times):
        return
    if not len(leader.times):
        raise DataError(f"{leader.name}: there are no rows", "frame_empty")
    both = np.isfinite(asset_price) & np.isfinite(leader_price)
    if not both.any():
        raise DataError(f"no timestamp with a price of both: {asset}; {leader}", "no_overlap")
    if min(len(asset.times), len(leader.times)) > 2 and not (both[1:] & both[:-1]).any():
        steps = (f"{one.name} every {_step(one)}" for one in (asset, leader))
        raise DataError(
            f"no two neighbouring rows with a price of both, so there is no return to compare: {', '.join(steps)}"
            " (candles of different lengths?)",
            "no_overlap",
        )


def _step(prices: Prices) -> str:
    """Return the usual distance of two rows, as text."""
    seconds = float(np.median(np.diff(prices.times))) / 1e6
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
