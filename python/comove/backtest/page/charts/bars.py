"""Bars: what came from where, with what came of it by chance beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from comove.backtest.page.charts.frame import COLOURS, layout
from comove.backtest.page.numbers import percent
from comove.options import Floats
from comove.plots.page import graphs, plot_text

__all__ = ["bar_chart", "interval_chart", "spread_chart"]

#: Pixels of a bar with its space, and of the frame around all.
_BAR: Final = 34
_FRAME: Final = 74
_MOST_LETTERS: Final = 22
_BINS: Final = 40
#: Part of the trades at either end that the distribution puts into its outermost bars.
_TAIL: Final = 0.005


def bar_chart(names: Sequence[str], amounts: Sequence[float], *, title: str, form: str) -> Any:
    """Return lying bars, the first on top, gains and losses in their colours; `form` is a format of d3."""
    figure = graphs().Figure(
        graphs().Bar(
            x=list(amounts),
            y=list(range(len(names))),
            orientation="h",
            marker={"color": [COLOURS["gain" if amount >= 0.0 else "loss"] for amount in amounts]},
            customdata=[plot_text(name) for name in names],
            hovertemplate=f"%{{customdata}}<br>%{{x:{form}}}<extra></extra>",
        )
    )
    _lying(figure, names, title, form)
    return figure


def interval_chart(
    names: Sequence[str],
    middles: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    *,
    title: str,
    form: str,
) -> Any:
    """Return points with their intervals, of fractions, the first on top; one without a value has no point."""
    told = [
        "no value"
        if value is None
        else "no interval"
        if low is None or high is None
        else f"95 %: {percent(low)} to {percent(high)}"
        for value, low, high in zip(middles, lows, highs, strict=True)
    ]
    sides = list(zip(middles, lows, highs, strict=True))
    figure = graphs().Figure(
        graphs().Scatter(
            x=list(middles),
            y=list(range(len(names))),
            mode="markers",
            marker={
                "size": 10,
                "color": [COLOURS["gain" if value is not None and value >= 0.0 else "loss"] for value in middles],
                "symbol": "diamond",
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [0.0 if value is None or high is None else high - value for value, _, high in sides],
                "arrayminus": [0.0 if value is None or low is None else value - low for value, low, _ in sides],
                "color": "#333333",
                "thickness": 1.6,
                "width": 5,
            },
            customdata=list(zip([plot_text(name) for name in names], told, strict=True)),
            hovertemplate=f"%{{customdata[0]}}<br>%{{x:{form}}}<br>%{{customdata[1]}}<extra></extra>",
        )
    )
    _lying(figure, names, title, form)
    return figure


def spread_chart(amounts: Floats, *, title: str) -> Any:
    """Return upright bars: how many of the amounts lie where; a bar has gains or losses, not both.

    The outermost bars hold all that lies beyond them, a half per cent of either side at most, so that one wild trade
    does not press all others into one bar.
    """
    low, high = (float(end) for end in np.quantile(amounts, [_TAIL, 1.0 - _TAIL]))
    low, high = min(low, 0.0), max(high, 0.0)
    width = (high - low) / _BINS or 1.0
    below, above = int(np.ceil(-low / width)), int(np.ceil(high / width))
    edges = width * np.arange(-max(below, 1), max(above, 1) + 1)
    counts, _ = np.histogram(np.clip(amounts, edges[0], edges[-1]), edges)
    middles = 0.5 * (edges[:-1] + edges[1:])
    ends = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    figure = graphs().Figure(
        graphs().Bar(
            x=middles.tolist(),
            y=counts.tolist(),
            width=width,
            marker={
                "color": [COLOURS["gain" if middle > 0.0 else "loss"] for middle in middles],
                "line": {"color": "white", "width": 1},
            },
            customdata=ends,
            hovertemplate="%{customdata[0]:.2%} to %{customdata[1]:.2%}<br>%{y} trades<extra></extra>",
        )
    )
    figure.update_layout(
        layout(
            height=280,
            y_title="trades",
            hovermode="closest",
            yaxis={"nticks": 6, "tickformat": "d", "dtick": 1 if counts.max() < 6 else None},
        )
    )
    figure.update_layout(
        xaxis={
            "type": "linear",
            "tickformat": ".1~%",
            "nticks": 9,
            "title": {"text": plot_text(title), "standoff": 8},
            "automargin": True,
            "zeroline": True,
            "zerolinecolor": "#333333",
        }
    )
    return figure


def _lying(figure: Any, names: Sequence[str], title: str, form: str) -> None:
    figure.update_layout(layout(height=_FRAME + _BAR * max(1, len(names)), y_title="", hovermode="closest"))
    figure.update_layout(
        xaxis={
            "type": "linear",
            "tickformat": form,
            "nticks": 4,
            "showgrid": True,
            "gridcolor": "#e6e6e6",
            "zeroline": True,
            "zerolinecolor": "#333333",
            "title": {"text": plot_text(title), "standoff": 8},
            "automargin": True,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(names))),
            "ticktext": [plot_text(_short(name)) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
        margin={"t": 8},
    )


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
