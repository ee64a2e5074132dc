"""One page about a backtest, and one about an ablation, as HTML that needs no network. Needs the extra `viz`."""

from __future__ import annotations

from comove.backtest.page.ablation import ablation_page, ablation_table
from comove.backtest.page.contents import AblationReport, BacktestReport, Variant
from comove.backtest.page.page import backtest_page

__all__ = ["AblationReport", "BacktestReport", "Variant", "ablation_page", "ablation_table", "backtest_page"]
