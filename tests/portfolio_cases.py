"""Windows of returns for the tests of portfolios, made of returns and not of prices, so that answers are known."""

from __future__ import annotations

import numpy as np

from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.measured import Measured
from comove.portfolio.returns import ReturnWindow

LEADERS = ("BTC", "ETH", "SOL")


def window_of(columns):
    """A full window of given returns, a column a symbol."""
    returns = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    rows, size = returns.shape
    return ReturnWindow.from_state(
        {
            "size": rows,
            "max_gap": 72,
            "row": rows,
            "symbols": list(columns),
            "returns": returns,
            "previous": np.ones(size),
            "last": np.ones(size),
            "missed": np.zeros(size, np.int64),
            "born": np.zeros(size, np.int64),
        }
    )


def measured_of(columns, leaders=LEADERS, **limits):
    window = window_of(columns)
    options = {"min_samples": 20, "gap_rows": 8, "screen_rows": 20, "window_size": window.size, **limits}
    return Measured(window, leaders, PortfolioLimits(**options))


def hadamard(size):
    """Columns of 1 and -1 that are orthogonal; the first is constant."""
    table = np.ones((1, 1))
    while len(table) < size:
        table = np.block([[table, table], [table, -table]])
    return table
