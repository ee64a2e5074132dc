"""What a backtest amounts to: the figures of its curves and trades, and how sure they are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from comove.backtest.stats import bootstrap_intervals, metrics, returns_of

__all__ = ["figures_of"]

_CURVES: Final = {"strategy": "equity", "btc": "btc", "equal": "equal"}


def figures_of(
    equity: pl.DataFrame,
    trades: pl.DataFrame,
    attribution: pl.DataFrame,
    *,
    capital: float,
    step_seconds: float,
    seed: int,
    replications: int,
) -> dict[str, Any]:
    """Return the figures of `metrics`, and under ``intervals`` those of each curve.

    Parameters
    ----------
    equity, trades, attribution : DataFrame
        As `Report` has them.
    capital : float
    step_seconds : float
    seed, replications : int
        Of the bootstrap; 0 replications for no intervals.

    Returns
    -------
    dict of str to object
        ``intervals`` has for "strategy", "btc" and "equal" the names of `INTERVALS` with ``low`` and ``high`` of 95 %,
        without those that are not defined.
    """
    found = metrics(equity, trades, attribution, capital=capital, step_seconds=step_seconds)
    found["intervals"] = {}
    if not replications:
        return found
    curves = {name: returns_of(equity, column, capital) for name, column in _CURVES.items()}
    leader = curves["btc"]
    for name, returns in curves.items():
        if returns is None:
            continue
        # A benchmark begins with its first price.
        there = np.isfinite(returns)
        beside = None if leader is None or name == "btc" or not np.isfinite(leader[there]).all() else leader[there]
        if not there.any():
            continue
        intervals = bootstrap_intervals(
            returns[there], step_seconds=step_seconds, benchmark=beside, replications=replications, seed=seed
        )
        found["intervals"][name] = {
            each: {"low": known.low, "high": known.high} for each, known in intervals.items() if known is not None
        }
    return found
