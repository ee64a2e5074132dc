"""What an equity curve amounts to, how sure that is, and whether one strategy is better than another.

Numbers and frames in, numbers out: nothing here knows of orders or folds.
"""

from __future__ import annotations

from comove.backtest.stats.bootstrap import INTERVALS, Interval, block_length, bootstrap_intervals, check_arch
from comove.backtest.stats.deflated import (
    DeflatedSharpe,
    deflated_sharpe,
    deflated_sharpe_of,
    expected_best_sharpe,
    probabilistic_sharpe,
)
from comove.backtest.stats.differences import Difference, compare_variants, paired_difference
from comove.backtest.stats.market import market_metrics
from comove.backtest.stats.metrics import metrics, returns_of
from comove.backtest.stats.returns import CURVE_METRICS, curve_returns, return_metrics

__all__ = [
    "CURVE_METRICS",
    "INTERVALS",
    "DeflatedSharpe",
    "Difference",
    "Interval",
    "block_length",
    "bootstrap_intervals",
    "check_arch",
    "compare_variants",
    "curve_returns",
    "deflated_sharpe",
    "deflated_sharpe_of",
    "expected_best_sharpe",
    "market_metrics",
    "metrics",
    "paired_difference",
    "probabilistic_sharpe",
    "return_metrics",
    "returns_of",
]
