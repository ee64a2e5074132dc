"""Equity against the benchmarks, and how far it was below its highest."""

from __future__ import annotations

from typing import Any

import polars as pl

from comove.backtest.page.charts.frame import COLOURS, fold_marks, layout, level, line
from comove.backtest.page.series import drawdowns
from comove.backtest.page.thin import thin
from comove.plots.page import graphs, plot_text

__all__ = ["drawdown_chart", "equity_chart"]


def equity_chart(equity: pl.DataFrame, leader: str, capital: float) -> Any:
    """Return the figure: the strategy, holding the first leader, and equal weight; a dotted line at the capital."""
    rows = thin(equity, ["equity", "btc", "equal"])
    marks = fold_marks(equity)
    figure = graphs().Figure([
        line(
            rows,
            "equal",
            "equal weight",
            hover=",.6~g",
            line={"color": COLOURS["equal"], "width": 1.4, "dash": "dot"},
        ),
        line(
            rows,
            "btc",
            f"holding {plot_text(leader)}",
            hover=",.6~g",
            line={"color": COLOURS["btc"], "width": 1.4, "dash": "dash"},
        ),
        line(rows, "equity", "strategy", hover=",.6~g", line={"color": COLOURS["strategy"], "width": 2}),
    ])  # fmt: skip
    figure.update_layout(
        layout(
            height=430,
            y_title="equity",
            # Without a format plotly shortens 20,000 to 20k, and on a logarithmic axis to a small 2.
            yaxis={"tickformat": ",.6~g", "nticks": 7, "zeroline": False},
            **{**marks, "shapes": [*marks.get("shapes", []), level(capital)]},
        )
    )
    return figure


def drawdown_chart(equity: pl.DataFrame, leader: str) -> Any:
    """Return the figure: the strategy's drawdown as an area, that of holding the first leader as a line."""
    rows = thin(drawdowns(equity), ["strategy", "btc"])
    figure = graphs().Figure([
        line(
            rows,
            "strategy",
            "strategy",
            hover=".1%",
            line={"color": COLOURS["strategy"], "width": 1.2},
            fill="tozeroy",
            fillcolor="rgba(0,114,178,0.25)",
        ),
        line(
            rows,
            "btc",
            f"holding {plot_text(leader)}",
            hover=".1%",
            line={"color": COLOURS["btc"], "width": 1.2, "dash": "dash"},
        ),
    ])  # fmt: skip
    figure.update_layout(
        layout(
            height=260,
            y_title="below the highest",
            yaxis={"tickformat": ".0%", "rangemode": "tozero", "nticks": 6},
            **fold_marks(equity),
        )
    )
    return figure
