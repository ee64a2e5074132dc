"""The charts of a report, one a file: each takes a `MarketReport` and returns a figure of plotly."""

from __future__ import annotations

from comove.report.charts.betas import beta_map
from comove.report.charts.leads import lead_map
from comove.report.charts.network import spillover_network
from comove.report.charts.timeline import regime_timeline

__all__ = ["beta_map", "lead_map", "regime_timeline", "spillover_network"]
