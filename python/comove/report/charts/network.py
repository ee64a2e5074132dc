"""Who gives turbulence to whom: the strongest links to each coin of a table of connectedness, on a circle."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from comove.connectedness import Connectedness
from comove.options import Floats
from comove.plots.page import graphs, plot_text

__all__ = ["LINKS_EACH", "spillover_network", "strongest_links"]

#: Arrows to each coin. The strongest of all links are mostly those to one coin that has little to do with the others.
LINKS_EACH: Final = 2
#: Places left free on the circle between the largest giver and the largest taker.
_GAP: Final = 2
_SMALLEST, _LARGEST = 12.0, 44.0
_THINNEST, _THICKEST = 0.6, 4.0
#: Where along a link its numbers are told: beyond the middle, where links cross less.
_TOLD_AT: Final = 0.62
#: Pixels between a circle and its name, and of half a letter.
_LABEL_GAP: Final = 6.0
_HALF_LETTER: Final = 4.3
#: Letters of a name that have room above the circle; the pointer tells longer ones.
_LONGEST_LABEL: Final = 10


def spillover_network(result: Connectedness) -> Any:
    """Return the figure: the largest giver on top, then clockwise to the largest taker.

    Parameters
    ----------
    result : Connectedness
        A circle is as large as what the coin gives; red gives more than it takes, blue takes more. An arrow goes from
        the giver to the taker.
    """
    plotly = graphs()
    order = np.argsort(-result.net, kind="stable")
    angle = np.empty(len(order))
    place = np.arange(len(order)) + _GAP / 2
    angle[order] = np.pi / 2 - 2 * np.pi * place / (len(order) - 1 + _GAP)
    x, y = np.cos(angle), np.sin(angle)
    names = [plot_text(name) for name in result.names]
    links = strongest_links(result)
    most = max((share for _, _, share in links), default=1.0)
    given = result.to_others
    size = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(given / max(given.max(), 1e-12))
    reach = float(np.abs(result.net).max()) or 1.0
    figure = plotly.Figure()
    figure.add_trace(
        plotly.Scatter(
            x=[float(x[i] + _TOLD_AT * (x[j] - x[i])) for i, j, _ in links],
            y=[float(y[i] + _TOLD_AT * (y[j] - y[i])) for i, j, _ in links],
            mode="markers",
            marker={"size": 12, "color": "rgba(0, 0, 0, 0)"},
            customdata=[f"{names[i]} gives {names[j]} {share:.2f} % more than it takes" for i, j, share in links],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(
        plotly.Scatter(
            x=x.tolist(),
            y=y.tolist(),
            mode="markers",
            marker={
                "size": size.tolist(),
                "color": result.net.tolist(),
                "colorscale": "RdBu_r",
                "cmin": -reach,
                "cmax": reach,
                "line": {"color": "#444444", "width": 1},
                "opacity": 1,
                "showscale": True,
                "colorbar": {"title": {"text": "gives less<br>takes"}, "ticksuffix": " %"},
            },
            customdata=[
                f"{name}<br>gives {out:.1f} %<br>takes {into:.1f} %<br>net {net:+.1f} %"
                for name, out, into, net in zip(
                    names, result.to_others.tolist(), result.from_others.tolist(), result.net.tolist(), strict=True
                )
            ],
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )
    arrows = [_arrow(x, y, i, j, share / most, size) for i, j, share in links]
    axis = {"visible": False, "range": [-1.35, 1.35]}
    figure.update_layout(
        height=860,
        margin={"t": 20, "r": 20, "b": 20, "l": 20},
        plot_bgcolor="white",
        xaxis=axis,
        yaxis={**axis, "range": [-1.3, 1.3], "scaleanchor": "x"},
        annotations=[
            *arrows,
            *(
                _label(name, float(at), float(wide) / 2)
                for name, at, wide in zip(result.names, angle, size, strict=True)
            ),
        ],
    )
    return figure


def strongest_links(result: Connectedness) -> list[tuple[int, int, float]]:
    """Return giver, taker and net share in percent of the strongest links to each coin, the strongest last."""
    net = result.net_pairwise
    links = [
        (int(giver), taker, float(net[giver, taker]))
        for taker in range(len(result.names))
        for giver in np.argsort(-net[:, taker], kind="stable")[:LINKS_EACH]
        if net[giver, taker] > 0
    ]
    return sorted(links, key=lambda link: link[2])


def _arrow(x: Floats, y: Floats, giver: int, taker: int, strength: float, size: Floats) -> dict[str, Any]:
    return {
        "x": float(x[taker]),
        "y": float(y[taker]),
        "ax": float(x[giver]),
        "ay": float(y[giver]),
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "text": "",
        "showarrow": True,
        "arrowhead": 2,
        "arrowsize": 1.2,
        "arrowwidth": _THINNEST + (_THICKEST - _THINNEST) * strength,
        # From the edge of one circle to that of the other.
        "startstandoff": float(size[giver]) / 2,
        "standoff": float(size[taker]) / 2 + 1,
        "arrowcolor": f"rgba(60, 60, 60, {0.15 + 0.5 * strength:.3f})",
    }


def _label(name: str, angle: float, radius: float) -> dict[str, Any]:
    """Return a name outside its circle, turned so that it points away from the middle."""
    if len(name) > _LONGEST_LABEL:
        name = f"{name[: _LONGEST_LABEL - 1]}…"
    across, up = float(np.cos(angle)), float(np.sin(angle))
    away = radius + _LABEL_GAP + _HALF_LETTER * len(name)
    turn = -np.degrees(angle) if across >= 0 else 180.0 - np.degrees(angle)
    return {
        "x": across,
        "y": up,
        "xshift": away * across,
        "yshift": away * up,
        "text": plot_text(name),
        "textangle": float((turn + 180.0) % 360.0 - 180.0),
        "showarrow": False,
        "font": {"size": 13},
    }
