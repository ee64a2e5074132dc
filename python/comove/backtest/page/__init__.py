"""One page about a backtest, and one about an ablation, as HTML that needs no network. Needs the extra `viz`."""

from __future__ import annotations

from comove.backtest.page.ablation import ablation_page, ablation_table
from comove.backtest.page.answer import Answer, answer_of
from comove.backtest.page.contents import AblationReport, BacktestReport
from comove.backtest.page.page import backtest_page

__all__ = [
    "AblationReport",
    "Answer",
    "BacktestReport",
    "ablation_page",
    "ablation_table",
    "answer_of",
    "backtest_page",
]
