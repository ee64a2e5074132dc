"""What all charts of a backtest share: colours, an axis of time, the marks of folds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from comove.plots.page import graphs
from comove.report.words import REGIME_NAMES

__all__ = ["COLOURS", "fold_marks", "layout", "level", "line", "regime_name", "stamps", "values"]

#: Told apart by the colour-blind (Okabe and Ito); in charts of lines, dashes tell them apart as well.
COLOURS: Final = {
    "strategy": "#0072B2",
    "btc": "#B86E00",
    "equal": "#5F6B6D",
    "gain": "#0072B2",
    "loss": "#D55E00",
    "long": "#0072B2",
    "short": "#D55E00",
    "net": "#222222",
    "heat": "#8A4B78",
    "before": "#56B4E9",
    "costs": "#D55E00",
    "funding": "#8A4B78",
}
#: Digits of a number in a chart: more than a screen shows, and the page stays small.
_DIGITS: Final = 7
#: Letters of a chart, in pixels.
_LETTER: Final = 12
_GRID: Final = "#e6e6e6"
#: Numbers above folds that have room on a narrow screen.
_MOST_NUMBERS: Final = 10


def layout(*, height: int, y_title: str, **more: Any) -> dict[str, Any]:
    """Return the layout of a chart over time; `more` goes into it, and into ``yaxis`` where it is named so."""
    axis = {"showgrid": True, "gridcolor": _GRID, "zeroline": True, "zerolinecolor": "#999999", "automargin": True}
    given = {
        "template": "none",
        "height": height,
        "margin": {"t": 26, "r": 18, "l": 12, "b": 46},
        "font": {"size": _LETTER, "family": '"Helvetica Neue", Arial, "DejaVu Sans", sans-serif', "color": "#1c1c1c"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "x unified",
        "hoverlabel": {"font": {"size": _LETTER}},
        "showlegend": False,
        "dragmode": "zoom",
        "xaxis": {"type": "date", "showgrid": False, "ticks": "outside", "ticklen": 5, "hoverformat": "%Y-%m-%d %H:%M"},
        "yaxis": {**axis, "title": {"text": y_title, "standoff": 8}, **more.pop("yaxis", {})},
    }
    if "yaxis2" in more:
        more["yaxis2"] = {**axis, **more["yaxis2"]}
    return {**given, **more}


def line(rows: pl.DataFrame, column: str, name: str, *, hover: str, **more: Any) -> Any:
    """Return a line over time; `hover` is the format of its value in d3's words, as in ",.0f"."""
    return graphs().Scatter(
        x=stamps(rows["ts"]),
        y=values(rows[column]),
        name=name,
        mode="lines",
        hovertemplate=f"%{{y:{hover}}}<extra>{name}</extra>",
        **more,
    )


def stamps(times: pl.Series) -> list[str]:
    """Return times as plotly reads them: it knows no zones, so these are UTC."""
    return times.dt.strftime("%Y-%m-%d %H:%M:%S").to_list()


def values(numbers: pl.Series) -> list[float | None]:
    """Return numbers with as many digits as a chart can use, and None where there is none.

    Lists, not arrays: these plotly would encode, and the page could not be searched for a value.
    """
    given = numbers.cast(pl.Float64).to_list()
    return [None if value is None or not np.isfinite(value) else float(f"{value:.{_DIGITS}g}") for value in given]


def level(value: float) -> dict[str, Any]:
    """Return a thin line across a chart at a value, for the shapes of a layout."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": "#999999", "width": 1},
        "layer": "below",
    }


def fold_marks(equity: pl.DataFrame) -> dict[str, Any]:
    """Return the lines where folds begin and their numbers above, for a layout; none for a single fold."""
    begins = equity.filter(pl.col("fold") != pl.col("fold").shift(1).fill_null(-1)).select("ts", "fold")
    if len(begins) < 2:
        return {}
    places = stamps(begins["ts"])
    every = -(-len(begins) // _MOST_NUMBERS)
    return {
        "shapes": [
            {
                "type": "line",
                "x0": place,
                "x1": place,
                "xref": "x",
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "#888888", "width": 1, "dash": "dot"},
                "layer": "below",
            }
            for place in places
        ],
        "annotations": [
            {
                "x": place,
                "y": 1,
                "xref": "x",
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": "left",
                "text": str(number),
                "showarrow": False,
                "font": {"size": _LETTER, "color": "#555555"},
            }
            for place, number in list(zip(places, range(1, len(places) + 1), strict=True))[::every]
        ],
    }


def regime_name(regime: str) -> str:
    """Return a regime in words."""
    return REGIME_NAMES.get(regime, regime)
