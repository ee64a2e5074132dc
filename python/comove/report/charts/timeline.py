"""The regimes of the market behind the price of the first leader."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from comove.plots.page import graphs, plot_text
from comove.report.contents import MarketReport
from comove.report.words import REGIME_COLOURS, REGIME_NAMES, share_text

__all__ = ["regime_timeline", "runs_of"]

#: A screen shows no more, and the page stays small.
_MOST_POINTS: Final = 12_000


def regime_timeline(report: MarketReport) -> Any:
    """Return the figure: price and coloured bands above, confidence below."""
    plotly, regimes = graphs(), report.regimes
    leader = plot_text(report.leaders[0])
    line, score_line = _thin(_price_rows(regimes)), _thin(regimes)
    # The name is told as data: in a template, a part in braces would be taken for a variable.
    told = [
        [leader, f"{REGIME_NAMES[regime]}, score {score:.2f}"]
        for regime, score in line.select("regime", "confidence").rows()
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
            hovertemplate="%{x|%Y-%m-%d %H:%M} UTC<br>%{customdata[0]} %{y:,.6~g}<br>%{customdata[1]}<extra></extra>",
        )
    )
    figure.add_trace(
        plotly.Scatter(
            x=score_line["ts"].to_list(),
            y=score_line["confidence"].to_list(),
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
        yaxis={
            "type": "log",
            "domain": [0.27, 1],
            "title": {"text": f"{leader} price (log)"},
            "showgrid": False,
            # Without a format plotly shortens 20,000 to a small 2; as they are, only so many have room.
            "tickformat": ",.8~g",
            "nticks": 4,
            "automargin": True,
        },
        yaxis2={"domain": [0, 0.2], "range": [0, 1], "title": {"text": "score"}, "showgrid": False},
    )
    return figure


def _price_rows(regimes: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that the line of prices has: all, so that it breaks where prices are missing.

    Where the candles of the first leader are rarer than the others', no two prices would be neighbours and there would
    be no line; then those with a price.
    """
    there = regimes["price"].is_not_null()
    neighbours = int((there & there.shift(1, fill_value=False)).sum())
    return regimes if 2 * neighbours >= int(there.sum()) - 1 else regimes.filter(there)


def _thin(rows: pl.DataFrame) -> pl.DataFrame:
    """Return at most `_MOST_POINTS` rows, counted from the end, so that the last row is there."""
    return rows.reverse().gather_every(max(1, -(-len(rows) // _MOST_POINTS))).reverse()


def runs_of(regimes: pl.DataFrame) -> list[tuple[Any, Any, str]]:
    """Return where each run of one label begins, where the next one begins, and the label."""
    starts = regimes.filter(pl.col("regime") != pl.col("regime").shift(1).fill_null("")).select("ts", "regime").rows()
    ends = [start for start, _ in starts[1:]] + regimes["ts"].tail(1).to_list()
    return [(start, end, regime) for (start, regime), end in zip(starts, ends, strict=True)]
