"""The page of a backtest: the answer first, then charts and tables in the order of the questions."""

from __future__ import annotations

import html
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from comove.backtest.page.account import costs_section, exposure_section, market_section, money_section
from comove.backtest.page.answer import answer_of
from comove.backtest.page.breakdowns import months_section, regimes_section, sources_section, trades_section
from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.parts import section
from comove.backtest.page.tables import costs_table, folds_table, metrics_table, options_table
from comove.backtest.page.words import ASSUMPTIONS, what_ran
from comove.engine import OrchestratorOptions
from comove.engine.assembly import plain_options
from comove.errors import DataError
from comove.plots.page import document

__all__ = ["backtest_page"]

_SECTIONS: Final = (
    ("equity", "Money"),
    ("exposure", "Held"),
    ("regimes", "Regimes"),
    ("costs", "Costs"),
    ("beta", "Market"),
    ("months", "Months"),
    ("sources", "Sources"),
    ("trades", "Trades"),
    ("numbers", "All numbers"),
    ("made", "How it was made"),
)


def backtest_page(report: BacktestReport, *, title: str = "Backtest", defaults: Mapping[str, Any] | None = None) -> str:
    """Return a backtest as an HTML page that opens without a network.

    Parameters
    ----------
    report : BacktestReport
        Anything that has its attributes, such as `comove.backtest.Report`.
    title : str
    defaults : mapping, optional
        The default options in the shape of ``report.options``, of which only those that differ are shown; by default
        those of `OrchestratorOptions`.

    Returns
    -------
    str
        5 to 8 MB, nearly all of it plotly.js: lines are thinned to what a screen shows, with all their extremes.

    Raises
    ------
    ComoveError
        plotly is not installed.
    DataError
        The report has no bar, or no leader.
    """
    if report.equity.is_empty() or not report.leaders:
        raise DataError("equity must have at least one bar, and leaders one name, got none", "empty")
    usual = plain_options(OrchestratorOptions()) if defaults is None else defaults
    parts = [
        _head(report, title),
        money_section(report),
        exposure_section(report),
        regimes_section(report),
        costs_section(report),
        market_section(report),
        months_section(report),
        sources_section(report),
        trades_section(report),
        _numbers(report),
        _made(report, usual),
    ]
    style = files("comove.backtest.page").joinpath("page.css").read_text(encoding="utf-8")
    return document(title, f"<main>{''.join(parts)}</main>", style)


def _head(report: BacktestReport, title: str) -> str:
    answer = answer_of(report)
    links = "".join(f'<a href="#{name}">{words}</a>' for name, words in _SECTIONS)
    return (
        f"<header><h1>{html.escape(title)}</h1><p>{what_ran(report)}</p>"
        f'<p class="answer{" edge" if answer.edge else ""}" id="answer">{html.escape(answer.sentence)}</p>'
        '<p class="note">This is what a replay of the past brought. It is no promise: other times, and orders that '
        "move the market, bring other results.</p>"
        f'<nav aria-label="Parts of the page">{links}</nav></header>'
    )


def _numbers(report: BacktestReport) -> str:
    return section(
        "numbers",
        "What are all the numbers?",
        "Years have 365.25 days, for these markets never close. An interval holds the true value in 95 of 100 cases, "
        "as far as the past is like the future; one that holds 0 is no evidence of a gain. A dash is what is not "
        "defined, such as a ratio of something that did not vary, or any number of a strategy that lost all.",
        metrics_table(report),
    )


def _made(report: BacktestReport, defaults: Mapping[str, Any]) -> str:
    seed = "no seed: nothing was drawn" if report.seed is None else f"seed {report.seed}"
    rules = "".join(f"<li>{html.escape(rule)}</li>" for rule in ASSUMPTIONS)
    return section(
        "made",
        "How was it made?",
        f"With the same options, data and seed the same numbers come out ({seed}).",
        "<h3>What the replay assumes</h3>",
        f"<ul>{rules}</ul>",
        folds_table(report.folds) if report.folds else "",
        '<div class="pair">',
        costs_table(report.costs),
        options_table(report.options, defaults)
        if report.options
        else "<p>The strategy has no options that the report knows of.</p>",
        "</div>",
    )
