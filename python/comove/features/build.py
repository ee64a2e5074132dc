"""From frames to columns: one grid, the doors' numbers on it, fill and lag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from comove import expressions
from comove.features import columns as registry
from comove.features import fill as filling
from comove.features import grid
from comove.features.fill import Fill
from comove.features.plan import Plan
from comove.options import BOOK_INPUTS

__all__ = ["build", "build_each"]

_ROW = "comove row"


class Options(Protocol):
    """What a recipe says about building."""

    @property
    def fill(self) -> Fill: ...
    @property
    def fill_limit(self) -> int: ...
    @property
    def lag(self) -> int: ...
    def kernel_options(self) -> dict[str, Any]: ...


def build(
    frame: pl.DataFrame, leaders: Mapping[str, grid.Prices], plan: Plan, options: Options, name: str = "frame"
) -> pl.DataFrame:
    """Return the columns of one symbol, without those of `frame`.

    Raises
    ------
    DataError, OrderError
        As `comove.features.grid`.
    """
    asset = grid.read_prices(frame, name, plan.reads)
    laid = grid.lay_on_grid(asset, leaders)
    for leader, price in laid.leaders.items():
        grid.refuse_unrelated(asset, leaders[leader], laid.asset, price)
    values = {**_base(asset, laid, plan), **_cross_asset(laid, plan, options)}
    ages = {name: _age(laid, name.rpartition("_")[0]) for name in _names(plan) if plan.is_age(name)}
    if not values:
        return pl.DataFrame(ages).select(pl.all().shift(options.lag)) if ages else pl.DataFrame()
    defaults = {column.name: column.default for column in plan.columns}
    filled = filling.fill_columns(
        pl.DataFrame(values),
        pl.Series("rows", laid.rows),
        policy=options.fill,
        limit=options.fill_limit,
        lag=options.lag,
        defaults=defaults,
    )
    shown = {name: series.shift(options.lag) for name, series in ages.items()}
    return filled.with_columns(**shown).select(_names(plan))


def build_each(
    frame: pl.DataFrame, over: list[str], leaders: Mapping[str, grid.Prices], plan: Plan, options: Options
) -> pl.DataFrame:
    """Return the columns of every symbol of a frame, in the frame's rows.

    Raises
    ------
    DataError, OrderError
        As `build`; they name the symbol.
    """
    parts, rows = [], []
    needed = frame.select(*dict.fromkeys([*over, "ts", *plan.reads]))
    groups = needed.with_row_index(_ROW).partition_by(over, as_dict=True, maintain_order=True)
    for symbol, part in groups.items():
        parts.append(build(part, leaders, plan, options, f"frame {', '.join(map(str, symbol))}"))
        rows.append(part[_ROW].to_numpy())
    if not parts:
        return build(frame, leaders, plan, options)
    built = pl.concat(parts)
    place = np.concatenate(rows)
    return built if (np.diff(place.astype(np.int64)) > 0).all() else built[np.argsort(place)]


def _names(plan: Plan) -> list[str]:
    return [column.name for column in plan.columns]


def _base(asset: grid.Prices, laid: grid.Grid, plan: Plan) -> dict[str, pl.Series]:
    """Return the base columns, which begin with the first row of the asset."""
    if not plan.base:
        return {}
    own = laid.own
    on_grid = {name: laid.lay(asset.columns[name]) for name in plan.inputs}
    leader = next(iter(laid.leaders.values()), None)
    if leader is not None:
        on_grid["leader_close"] = leader[own]
    frame = pl.DataFrame({"ts": laid.times[own] * 1_000, **on_grid})
    optional = {name: pl.col(name) for name in ("leader_close", *BOOK_INPUTS) if name in on_grid}
    struct = frame.select(expressions.base_features(plan.base, **optional)).to_series()
    return _own_rows(struct.struct.unnest(), laid.rows - own.start)


def _cross_asset(laid: grid.Grid, plan: Plan, options: Options) -> dict[str, pl.Series]:
    """Return the columns against each leader, made on the whole grid."""
    leaders = [name for name in laid.leaders if plan.of_leader(name)]
    if not leaders:
        return {}
    frame = pl.DataFrame({"": laid.asset, **{name: laid.leaders[name] for name in leaders}})
    structs = frame.select(
        expressions.cross_asset_features("", name, **options.kernel_options())
        .struct.rename_fields([f"{name}_{kind}" for kind in registry.CROSS_ASSET])
        .alias(name)
        for name in leaders
    )
    wanted = [column for name in leaders for column in plan.of_leader(name)]
    return _own_rows(structs.unnest(*leaders).select(wanted), laid.rows)


def _own_rows(values: pl.DataFrame, rows: npt.NDArray[np.int64]) -> dict[str, pl.Series]:
    """Return the rows of the asset."""
    taken = values if len(rows) == len(values) else values[rows]
    return {series.name: series for series in taken.iter_columns()}


def _age(laid: grid.Grid, leader: str) -> pl.Series:
    """Return the rows since a leader had a price, of each row of the asset."""
    row = np.arange(len(laid.times))
    last = np.maximum.accumulate(np.where(np.isfinite(laid.leaders[leader]), row, -1))
    age = pl.Series((row - last)[laid.rows], dtype=pl.UInt32)
    return age.to_frame("x").select(pl.when(pl.Series(last[laid.rows] >= 0)).then(pl.col("x"))).to_series()
