"""Plots as HTML pages that need no network: plotly.js is inside them. Needs the extra `viz`."""

from __future__ import annotations

from comove.plots.heat import Labels, Scale, heat_map
from comove.plots.page import check_plotly

__all__ = ["Labels", "Scale", "check_plotly", "heat_map"]
