"""One time grid for an asset and its leaders, and their prices on it.

The grid is the union of all timestamps (design: "Prices, gaps and returns"). A return needs both neighbouring rows of
the grid, windows age on it, and the output rows are the asset's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.data.columns import to_float
from comove.data.times import check_order, first_row, to_utc
from comove.errors import DataError

__all__ = ["Grid", "Prices", "check_columns", "lay_on_grid", "lay_on_union", "read_prices", "refuse_unrelated"]


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Candles of one symbol: rising times in microseconds, prices above 0 with NaN for missing ones, other columns."""

    name: str
    times: npt.NDArray[np.int64]
    columns: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    @property
    def close(self) -> npt.NDArray[np.float64]:
        """Closes; missing in all rows where they were not read."""
        close = self.columns.get("close")
        return np.full(len(self.times), np.nan) if close is None else close

    def __str__(self) -> str:
        first, last = self.times[[0, -1]].astype("datetime64[us]").astype("datetime64[s]")
        return f"{self.name} {first} to {last} ({len(self.times)} rows)"


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The union of the timestamps of an asset and its leaders, and the closes on it.

    Attributes
    ----------
    times : int64
        Microseconds, rising.
    rows : int64
        The row of the grid of each row of the asset.
    asset : float64
        Closes of the asset, NaN where there is none.
    leaders : dict of str to float64
    """

    times: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    asset: npt.NDArray[np.float64]
    leaders: dict[str, npt.NDArray[np.float64]]

    @property
    def own(self) -> slice:
        """The rows from the asset's first one to its last one: the grid of the asset."""
        return slice(int(self.rows[0]), int(self.rows[-1]) + 1) if len(self.rows) else slice(0, 0)

    def lay(self, column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a column of the asset on its grid, NaN where it has no row."""
        own = self.own
        if len(column) == own.stop - own.start:
            return column
        laid = np.full(own.stop - own.start, np.nan)
        laid[self.rows - own.start] = column
        return laid


def read_prices(frame: pl.DataFrame | pl.LazyFrame, name: str, columns: Sequence[str] = ("close",)) -> Prices:
    """Take `ts` and the columns of candles out of a frame, and check them.

    Parameters
    ----------
    frame : DataFrame or LazyFrame
    name : str
        What messages call it.
    columns : sequence of str
        Those to read.

    Raises
    ------
    DataError
        No such columns, times that are none, values that are no numbers, prices not above 0 or outside their candle,
        volumes below 0.
    OrderError
        Time runs backwards, or a timestamp comes twice.
    """
    check_columns(frame, name, columns)
    read = frame.lazy().select("ts", *columns).collect()
    ts = to_utc(read["ts"], source=name)
    check_order(ts, source=name)
    row = first_row(~ts.to_physical().is_between(-_LAST_TIME, _LAST_TIME))
    if row is not None:
        raise DataError(f"{name}: ts must lie between 1677 and 2262, got {ts[row]} in row {row}", "ts_range")
    found = {}
    for column in columns:
        values = to_float(read[column], column, source=name)
        if column in _PRICES:
            _refuse(values, values <= 0, f"{name}: {column} must be above 0", "price_sign", ts)
        elif column in _VOLUMES:
            _refuse(values, values < 0, f"{name}: {column} must not be below 0", "negative", ts)
        found[column] = values
    for side, compare in (("low", pl.Series.__lt__), ("high", pl.Series.__gt__)):
        for column in ("open", "high", "close"):
            if side in found and column in found and column != side:
                text = f"{name}: {column} must lie within low and high"
                _refuse(found[column], compare(found[column], found[side]), text, "bar", ts)
    arrays = {column: values.fill_null(float("nan")).to_numpy() for column, values in found.items()}
    return Prices(name, ts.to_physical().to_numpy(), arrays)


#: The last microsecond that can be told in nanoseconds.
_LAST_TIME = (2**63 - 1) // 1_000
_PRICES = ("open", "high", "low", "close", "bid", "ask")
_VOLUMES = ("volume", "bid_volume", "ask_volume")


def _refuse(values: pl.Series, wrong: pl.Series, text: str, code: str, ts: pl.Series) -> None:
    row = first_row(wrong)
    if row is not None:
        raise DataError(f"{text}, got {values[row]} in row {row} at {ts[row]}", code)


def check_columns(frame: object, name: str, columns: Sequence[str] = ("close",)) -> None:
    """Refuse what is no Polars frame with `ts` and these columns.

    Raises
    ------
    DataError
    """
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise DataError(f"{name}: expected a Polars DataFrame or LazyFrame, got {type(frame).__name__}", "frame")
    found = frame.collect_schema().names()
    for column in ("ts", *columns):
        if column not in found:
            hint = (
                "" if column in ("ts", "close") else "; FeatureRecipe(columns=[...]) may name features that need less"
            )
            raise DataError(
                f"{name}: no column {column!r}; found: {', '.join(found) or 'none'}. "
                f"comove.data.as_candles brings candles of other spellings into form{hint}",
                "columns_missing",
            )


def lay_on_union(
    asset: Prices, leaders: Mapping[str, Prices]
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64]]:
    """Lay all closes on the union of all timestamps.

    Returns
    -------
    asset, leaders, rows
        Closes on the grid, NaN where a symbol has none; and the grid's row of each row of the asset.
    """
    laid = lay_on_grid(asset, leaders)
    return laid.asset, laid.leaders, laid.rows


def lay_on_grid(asset: Prices, leaders: Mapping[str, Prices]) -> Grid:
    """Lay all closes on the union of all timestamps."""
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

    same = len(grid) == len(asset.times)
    rows = np.arange(len(grid)) if same else np.searchsorted(grid, asset.times).astype(np.int64)
    return Grid(grid, rows, laid(asset), {name: laid(prices) for name, prices in leaders.items()})


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
