"""What trading cost, and how much of it there was."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from comove.backtest.page.charts.frame import COLOURS, fold_marks, layout, line, stamps, values
from comove.backtest.page.series import costs_over_time, monthly_turnover
from comove.backtest.page.thin import thin
from comove.plots.page import graphs

__all__ = ["costs_chart", "turnover_chart"]

#: Milliseconds of the bar of a month.
_BAR: Final = 24 * 86_400_000
#: Of as many months, every so many have a tick; of more, the years.
_TICKS: Final = ((9, 1), (27, 3), (54, 6))


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
            x=stamps(rows["month"].dt.offset_by("14d")),
            width=_BAR,
            y=values(rows["turnover"]),
            marker={"color": COLOURS["equal"]},
            customdata=rows["month"].dt.strftime("%Y-%m").to_list(),
            hovertemplate="%{customdata}: %{y:.2f} times<extra></extra>",
        )
    )
    figure.update_layout(
        layout(height=220, y_title="times the equity", hovermode="closest", yaxis={"nticks": 5, "rangemode": "tozero"})
    )
    ends = rows["month"].dt.offset_by("1mo")[-1:]
    every = next((months for most, months in _TICKS if len(rows) <= most), 12)
    figure.update_xaxes(range=[*stamps(rows["month"][:1]), *stamps(ends)], dtick=f"M{every}", tickformat="%b\n%Y")
    return figure
