"""What a model sees where a reading is not defined. The only place in comove that fills anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import polars as pl

__all__ = ["POLICIES", "Fill", "fill_columns"]

Fill: TypeAlias = Literal["forward", "forward_backward"] | None
#: The policies as text; None is the third.
POLICIES = ("forward", "forward_backward")


def fill_columns(
    columns: pl.DataFrame,
    rows: pl.Series,
    *,
    policy: Fill,
    limit: int,
    lag: int,
    defaults: Mapping[str, float | None],
) -> pl.DataFrame:
    """Carry values on, delay them, and put defaults where nothing is known.

    Parameters
    ----------
    columns : DataFrame of Float64
        Null where a reading is not defined.
    rows : Series of Int64, rising
        The row of each one on the grid its windows aged on. A value is carried on for at most `limit` rows **of that
        grid**: one from before a halt does not come back after it.
    policy : {"forward", "forward_backward"} or None
        "forward_backward" looks ahead.
    limit : int, at least 0
    lag : int, at least 0
        Rows of `columns` by which the carried values are shown later. The first `lag` rows have no value to show.
    defaults : mapping of column to float or None
        For rows left without a value. None: they stay missing. Not used where `policy` is None.

    Returns
    -------
    DataFrame
        As `columns`.
    """
    if policy is None:
        return columns.select(pl.all().shift(lag)) if lag else columns
    filled = []
    for name in columns.columns:
        value = pl.col(name)
        if policy == "forward" and _has_no_hole(columns[name]):
            result = value.shift(lag) if lag else value
            filled.append(result if defaults[name] is None else result.fill_null(defaults[name]))
            continue
        held = pl.when(value.is_not_null()).then(rows)
        result = pl.when(rows - held.forward_fill() <= limit).then(value.forward_fill())
        if policy == "forward_backward":
            later = pl.when(held.backward_fill() - rows <= limit).then(value.backward_fill())
            result = pl.coalesce(result, later)
        result = result.shift(lag) if lag else result
        default = defaults[name]
        filled.append((result if default is None else result.fill_null(default)).alias(name))
    return columns.select(filled)


def _has_no_hole(values: pl.Series) -> bool:
    """Whether nothing is missing after the first value: then there is nothing to carry on."""
    missing = values.null_count()
    return missing == 0 or values[:missing].null_count() == missing
