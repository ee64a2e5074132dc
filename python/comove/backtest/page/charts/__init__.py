"""The charts of a backtest: each function returns a figure of plotly."""

from __future__ import annotations

from comove.backtest.page.charts.bars import bar_chart, interval_chart, spread_chart
from comove.backtest.page.charts.beta import beta_chart
from comove.backtest.page.charts.costs import costs_chart, turnover_chart
from comove.backtest.page.charts.curves import curve_styles, curves_chart
from comove.backtest.page.charts.equity import drawdown_chart, equity_chart
from comove.backtest.page.charts.exposure import exposure_chart
from comove.backtest.page.charts.frame import COLOURS

__all__ = [
    "COLOURS",
    "bar_chart",
    "beta_chart",
    "costs_chart",
    "curve_styles",
    "curves_chart",
    "drawdown_chart",
    "equity_chart",
    "exposure_chart",
    "interval_chart",
    "spread_chart",
    "turnover_chart",
]
