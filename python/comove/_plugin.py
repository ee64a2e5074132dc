"""The only caller of `register_plugin_function`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars.plugins import register_plugin_function

from comove import _comove

_LIBRARY = Path(_comove.__file__)


def call(options: dict[str, Any], columns: Sequence[pl.Expr], by: pl.Expr | None = None) -> pl.Expr:
    """Return the expression that computes `options["estimator"]` of numeric columns.

    Every column is cast to Float64, and `by` to nanoseconds. `is_elementwise` stays False: with True the streaming
    engine and group_by would hand over pieces, and the numbers would be silently wrong.
    """
    arguments = [column.cast(pl.Float64) for column in columns]
    if by is not None:
        arguments.append(by.cast(pl.Datetime("ns")).cast(pl.Int64))
    return register_plugin_function(
        plugin_path=_LIBRARY,
        function_name="evaluate",
        args=arguments,
        kwargs=options,
        is_elementwise=False,
        changes_length=False,
        returns_scalar=False,
        cast_to_supertype=False,
        input_wildcard_expansion=False,
        pass_name_to_apply=False,
        # The library may lie outside the environment that runs, as in an editable install.
        use_abs_path=True,
        is_deterministic=True,
    )
