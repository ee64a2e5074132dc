"""The bars that sources are given, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from comove.errors import DataError, OrderError
from comove.signals.context import Context

__all__ = ["bar_row"]


def bar_row(contexts: Sequence[Context], last: int) -> int:
    """Return the row of the contexts of a bar; `last` where there are none.

    Raises
    ------
    OrderError
        Not after the last row.
    DataError
        Of several rows, or a symbol twice.
    """
    if not contexts:
        return last
    row = contexts[0].row
    if row <= last:
        raise OrderError(f"contexts must be of a row after {last}, got row {row}", "row_order")
    seen = set()
    for context in contexts:
        if context.row != row:
            raise DataError(f"contexts must be of one row, got rows {row} and {context.row}", "row")
        if context.symbol in seen:
            raise DataError(f"contexts must be of different symbols, got {context.symbol!r} twice", "symbol")
        seen.add(context.symbol)
    return row
