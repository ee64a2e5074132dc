"""The regimes of the market behind the price of the first leader."""

from __future__ import annotations

import html
from typing import Any, Final

import polars as pl

from comove.plots.page import graphs
from comove.report.contents import MarketReport
from comove.report.words import REGIME_COLOURS, REGIME_NAMES, share_text

__all__ = ["regime_timeline", "runs_of"]

#: A screen shows no more, and the page stays small.
_MOST_POINTS: Final = 12_000


def regime_timeline(report: MarketReport) -> Any:
    """Return the figure: price and coloured bands above, confidence below."""
    plotly, regimes = graphs(), report.regimes
    leader = html.escape(report.leaders[0])
    every = max(1, -(-len(regimes) // _MOST_POINTS))
    # Counted from the end, so that the last row is there.
    line = regimes.reverse().gather_every(every).reverse()
    told = [
        f"{REGIME_NAMES[regime]}, score {score:.2f}" for regime, score in line.select("regime", "confidence").rows()
    ]
    figure = plotly.Figure()
    figure.add_trace(
        plotly.Scatter(
            x=line["ts"].to_list(),
            y=line["price"].to_list(),
            name=f"{leader} price",
            mode="lines",
            line={"color": "#222222", "width": 1.4},
            customdata=told,
            hovertemplate="%{x|%Y-%m-%d %H:%M} UTC<br>" + leader + " %{y:,.6~g}<br>%{customdata}<extra></extra>",
        )
    )
    figure.add_trace(
        plotly.Scatter(
            x=line["ts"].to_list(),
            y=line["confidence"].to_list(),
            name="score",
            yaxis="y2",
            mode="lines",
            showlegend=False,
            line={"color": "#555555", "width": 1},
            hovertemplate="%{x|%Y-%m-%d %H:%M} UTC<br>score %{y:.2f}<extra></extra>",
        )
    )
    counts = dict(regimes["regime"].value_counts().rows())
    for regime, colour in REGIME_COLOURS.items():
        # A band has no entry in the legend; an empty trace has.
        figure.add_trace(
            plotly.Scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=f"{REGIME_NAMES[regime]} {share_text(counts.get(regime, 0), len(regimes))}",
                marker={"symbol": "square", "size": 14, "color": colour},
            )
        )
    figure.update_layout(
        height=560,
        margin={"t": 60, "r": 20, "l": 70, "b": 40},
        plot_bgcolor="white",
        hovermode="closest",
        legend={"orientation": "h", "y": 1.12, "x": 0},
        shapes=[
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": start,
                "x1": end,
                "y0": 0,
                "y1": 1,
                "fillcolor": REGIME_COLOURS[regime],
                "opacity": 0.35,
                "line": {"width": 0},
                "layer": "below",
            }
            for start, end, regime in runs_of(regimes)
        ],
        xaxis={"type": "date", "anchor": "y2", "showgrid": False, "ticks": "outside", "ticklen": 8},
        yaxis={"type": "log", "domain": [0.27, 1], "title": {"text": f"{leader} price (log)"}, "showgrid": False},
        yaxis2={"domain": [0, 0.2], "range": [0, 1], "title": {"text": "score"}, "showgrid": False},
    )
    return figure


def runs_of(regimes: pl.DataFrame) -> list[tuple[Any, Any, str]]:
    """Return where each run of one label begins, where the next one begins, and the label."""
    starts = regimes.filter(pl.col("regime") != pl.col("regime").shift(1).fill_null("")).select("ts", "regime").rows()
    ends = [start for start, _ in starts[1:]] + regimes["ts"].tail(1).to_list()
    return [(start, end, regime) for (start, regime), end in zip(starts, ends, strict=True)]
