"""One page about the structure of a market: what `comove report` writes. Needs the extra `viz`."""

from __future__ import annotations

from comove.report.contents import MarketReport, market_report
from comove.report.page import report_page

__all__ = ["MarketReport", "market_report", "report_page"]
