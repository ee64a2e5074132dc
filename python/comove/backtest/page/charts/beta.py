"""How much of the strategy is the market."""

from __future__ import annotations

from typing import Any

from comove.backtest.page.charts.frame import COLOURS, layout, stamps, values
from comove.backtest.page.series import RollingBeta
from comove.backtest.page.thin import thin
from comove.plots.page import graphs

__all__ = ["beta_chart"]


def beta_chart(beta: RollingBeta) -> Any:
    """Return the figure: the rolling beta as a line in the band of its 95 % interval."""
    rows = thin(beta.rows, ["beta", "low", "high"], buckets=600)
    times = stamps(rows["ts"])
    common = {"x": times, "mode": "lines", "hoverinfo": "skip", "line": {"width": 0}}
    plotly = graphs()
    figure = plotly.Figure([
        plotly.Scatter(y=values(rows["low"]), **common),
        plotly.Scatter(y=values(rows["high"]), fill="tonexty", fillcolor="rgba(0,114,178,0.22)", **common),
        plotly.Scatter(
            x=times,
            y=values(rows["beta"]),
            mode="lines",
            line={"color": COLOURS["strategy"], "width": 1.6},
            customdata=list(zip(values(rows["low"]), values(rows["high"]), strict=True)),
            hovertemplate="beta %{y:.2f}<br>95 %: %{customdata[0]:.2f} to %{customdata[1]:.2f}<extra></extra>",
        ),
    ])  # fmt: skip
    figure.update_layout(layout(height=280, y_title="beta", yaxis={"nticks": 6}))
    # From the first bar on, as in the charts above.
    figure.update_xaxes(range=[times[0], times[-1]])
    return figure
