"""What trading cost, and how much of it there was."""

from __future__ import annotations

from typing import Any

import polars as pl

from comove.backtest.page.charts.frame import COLOURS, fold_marks, layout, line, stamps, values
from comove.backtest.page.series import costs_over_time, monthly_turnover
from comove.backtest.page.thin import thin
from comove.plots.page import graphs

__all__ = ["costs_chart", "turnover_chart"]


def costs_chart(equity: pl.DataFrame, capital: float) -> Any:
    """Return the figure: profit before and after costs, and the costs, from the beginning to each bar."""
    rows = thin(costs_over_time(equity, capital), ["before", "after", "costs", "funding"], buckets=700)
    styles = {
        "before": ("profit before costs", {"color": COLOURS["before"], "width": 1.4, "dash": "dash"}),
        "after": ("profit after costs", {"color": COLOURS["strategy"], "width": 2}),
        "costs": ("costs paid", {"color": COLOURS["costs"], "width": 1.6}),
        "funding": ("funding paid", {"color": COLOURS["funding"], "width": 1.4, "dash": "dot"}),
    }
    figure = graphs().Figure(
        [line(rows, column, name, hover=",.6~g", line=style) for column, (name, style) in styles.items()]
    )
    figure.update_layout(
        layout(
            height=360,
            y_title="money since the start",
            yaxis={"tickformat": ",.6~g", "nticks": 6},
            **fold_marks(equity),
        )
    )
    return figure


def turnover_chart(equity: pl.DataFrame) -> Any:
    """Return the figure: a bar a month, of how many times the equity was traded."""
    rows = monthly_turnover(equity)
    figure = graphs().Figure(
        graphs().Bar(
            x=stamps(rows["month"]),
            y=values(rows["turnover"]),
            xperiod="M1",
            xperiodalignment="middle",
            marker={"color": COLOURS["equal"]},
            hovertemplate="%{y:.2f} times<extra></extra>",
        )
    )
    figure.update_layout(layout(height=220, y_title="times the equity", yaxis={"nticks": 5, "rangemode": "tozero"}))
    figure.update_xaxes(hoverformat="%b %Y")
    return figure
