"""What was held, and what was at risk."""

from __future__ import annotations

from typing import Any

import polars as pl

from comove.backtest.page.charts.frame import COLOURS, fold_marks, layout, line
from comove.backtest.page.series import exposures
from comove.backtest.page.thin import thin
from comove.plots.page import graphs

__all__ = ["exposure_chart"]


def exposure_chart(equity: pl.DataFrame) -> Any:
    """Return the figure: long, short and net above, heat below, as parts of the equity."""
    rows = thin(exposures(equity), ["long", "short", "net", "heat"], buckets=600)
    figure = graphs().Figure([
        line(
            rows,
            "long",
            "long",
            hover=".1%",
            line={"color": COLOURS["long"], "width": 0.8},
            fill="tozeroy",
            fillcolor="rgba(0,114,178,0.35)",
        ),
        line(
            rows,
            "short",
            "short",
            hover=".1%",
            line={"color": COLOURS["short"], "width": 0.8},
            fill="tozeroy",
            fillcolor="rgba(213,94,0,0.35)",
        ),
        line(rows, "net", "net", hover=".1%", line={"color": COLOURS["net"], "width": 1.1}),
        line(rows, "heat", "heat", hover=".2%", yaxis="y2", line={"color": COLOURS["heat"], "width": 1.2}),
    ])  # fmt: skip
    figure.update_layout(
        layout(
            height=460,
            y_title="part of equity",
            yaxis={"tickformat": ".0%", "domain": [0.36, 1], "nticks": 6},
            yaxis2={
                "title": {"text": "heat", "standoff": 8},
                "tickformat": ".1~%",
                "domain": [0, 0.26],
                "nticks": 4,
                "rangemode": "tozero",
            },
            **fold_marks(equity),
        )
    )
    figure.update_xaxes(anchor="y2")
    return figure
