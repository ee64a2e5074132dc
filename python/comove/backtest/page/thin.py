"""Fewer points for a line, without losing its peaks and troughs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

__all__ = ["MOST_BUCKETS", "thin"]

#: A chart is some 1,100 pixels wide.
MOST_BUCKETS: Final = 1_000


def thin(rows: pl.DataFrame, columns: Sequence[str], *, buckets: int = MOST_BUCKETS) -> pl.DataFrame:
    """Return the rows that a line through all of them would be drawn by.

    Parameters
    ----------
    rows : DataFrame, n rows in their order
    columns : sequence of str
        Numbers that are drawn over the same axis; null and NaN are breaks in a line.
    buckets : int, at least 1
        About the pixels of the chart.

    Returns
    -------
    DataFrame
        All rows where n <= 3 buckets. Otherwise rows are parted into `buckets` runs of nearly the same length; of each
        run stay the first and the last row, the least and the largest value of each column, and where a
        line first breaks, so no extreme of any column is lost. The order stays.
    """
    if len(rows) <= 3 * buckets:
        return rows
    edges = np.linspace(0, len(rows), buckets + 1).astype(np.int64)[:-1]
    keep = np.zeros(len(rows), dtype=np.bool_)
    keep[edges] = True
    keep[edges[1:] - 1] = True
    keep[-1] = True
    for column in columns:
        values = rows[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        missing = np.isnan(values)
        for extreme, filler in ((np.minimum, np.inf), (np.maximum, -np.inf)):
            filled = np.where(missing, filler, values)
            best = np.repeat(extreme.reduceat(filled, edges), np.diff(np.append(edges, len(rows))))
            hits = np.flatnonzero((filled == best) & ~missing)
            # One row a run: a flat line is equal to its extreme everywhere.
            _, first = np.unique(np.searchsorted(edges, hits, side="right"), return_index=True)
            keep[hits[first]] = True
        breaks = np.flatnonzero(missing & ~np.append(False, missing[:-1]))
        _, first = np.unique(np.searchsorted(edges, breaks, side="right"), return_index=True)
        keep[breaks[first]] = True
    return rows.filter(pl.Series(keep))
