"""The equity of the strategy and of its variants in one chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from comove.backtest.page.charts.frame import COLOURS, layout, level, line
from comove.backtest.page.thin import thin
from comove.plots.page import graphs, plot_text

__all__ = ["curve_styles", "curves_chart"]

#: Told apart by the colour-blind (Okabe and Ito), and by dashes, of which there is another number, so that a pair of
#: both comes again only after 15 lines.
_COLOURS: Final = ("#D55E00", "#009E73", "#8A4B78", "#56B4E9", "#5F6B6D")
_DASHES: Final = (("solid", "solid"), ("dash", "dashed"), ("dot", "dotted"))


def curve_styles(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the colour of each variant's line, and its dash in the words of plotly and of CSS."""
    return [(_COLOURS[place % len(_COLOURS)], *_DASHES[place % len(_DASHES)]) for place in range(len(names))]


def curves_chart(curves: pl.DataFrame, names: Sequence[str], capital: float) -> Any:
    """Return the figure: one line a variant, and the strategy with all its parts above them."""
    rows = thin(curves, ["base", *names], buckets=400)
    figure = graphs().Figure([
        *(
            line(rows, name, plot_text(name), hover=",.6~g", line={"color": colour, "width": 1.3, "dash": dash})
            for name, (colour, dash, _) in zip(names, curve_styles(names), strict=True)
        ),
        line(rows, "base", "all parts", hover=",.6~g", line={"color": COLOURS["strategy"], "width": 2.4}),
    ])  # fmt: skip
    figure.update_layout(
        layout(
            height=430,
            y_title="equity",
            yaxis={"tickformat": ",.6~g", "nticks": 7, "zeroline": False},
            shapes=[level(capital)],
        )
    )
    return figure
