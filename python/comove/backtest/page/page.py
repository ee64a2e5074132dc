"""The page of a backtest: the answer first, then charts and tables in the order of the questions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import polars as pl

from comove.backtest.page.answer import answer_of
from comove.backtest.page.charts import (
    COLOURS,
    bar_chart,
    beta_chart,
    costs_chart,
    drawdown_chart,
    equity_chart,
    exposure_chart,
    interval_chart,
    spread_chart,
    turnover_chart,
)
from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.numbers import money, percent, ratio
from comove.backtest.page.parts import chart, key, log_switch, section
from comove.backtest.page.series import LEAST_BETA_ROWS, beta_to_btc
from comove.backtest.page.tables import (
    costs_table,
    extreme_trades_tables,
    folds_table,
    metrics_table,
    monthly_table,
    options_table,
    rows_table,
    side_rows,
)
from comove.backtest.page.words import ASSUMPTIONS, what_ran
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
        The default options in the shape of ``report.options``; with them, only options that differ are shown.

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
    parts = [
        _head(report, title),
        _money(report),
        _held(report),
        _regimes(report),
        _costs(report),
        _market(report),
        _months(report),
        _sources(report),
        _trades(report),
        _numbers(report),
        _made(report, defaults),
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


def _money(report: BacktestReport) -> str:
    equity, leader = report.equity, report.leaders[0]
    has_btc = equity["btc"].drop_nulls().len() > 0
    # Each of the three lines.
    lowest = equity.select("equity", "btc", "equal").min().row(0)
    ruined = any(value is not None and value <= 0.0 for value in lowest)
    held = f"holding {leader}"
    keys = [
        key("strategy", COLOURS["strategy"]),
        *([key(held, COLOURS["btc"], dash="dashed")] if has_btc else []),
    ]
    without = "" if has_btc else f" There is no price of {html.escape(leader)}, so its line is missing."
    scale = " A logarithmic scale has no place for 0 and less, so there is none here." if ruined else ""
    marks = (
        " Dotted upright lines, numbered above, are where a new fold of the walk begins."
        if equity["fold"].n_unique() > 1
        else ""
    )
    return section(
        "equity",
        "What became of the money?",
        f"All lines begin with {money(report.capital)}, the thin level line; the benchmarks buy, pay the same "
        f"costs, and hold. Below is how far each was under its own highest at that time.{marks} One line is one past: with other "
        f"luck it would have gone elsewhere, and the intervals further down say how far.{without}{scale}",
        "" if ruined else log_switch("equity-chart"),
        chart(
            equity_chart(equity, leader, report.capital),
            "equity-chart",
            f"Equity of the strategy, of holding {leader}, and of equal weight over time",
            keys=[*keys, key("equal weight", COLOURS["equal"], dash="dotted")],
            first=True,
        ),
        "<h3>Drawdown</h3>",
        chart(drawdown_chart(equity, leader), "drawdown-chart", "Drawdown of the strategy over time", keys=keys),
    )


def _held(report: BacktestReport) -> str:
    return section(
        "exposure",
        "How much was held, and how much was at risk?",
        "Above: the value of longs (up) and of shorts (down) as parts of the equity, and the net of both; at 0 % all is "
        "cash. Below: heat, how large all of it is as one bet, as a part of the capital: positions that move together count "
        "in full, those that offset each other less. Neither says how much can be lost: a coin may fall further than "
        "its stop.",
        chart(
            exposure_chart(report.equity),
            "exposure-chart",
            "Long, short and net exposure, and heat, over time",
            keys=[
                key("long", COLOURS["long"], dash="box"),
                key("short", COLOURS["short"], dash="box"),
                key("net", COLOURS["net"]),
                key("heat", COLOURS["heat"]),
            ],
        ),
    )


def _costs(report: BacktestReport) -> str:
    equity = report.equity
    paid, funding = float(equity["costs"].sum()), float(equity["funding"].sum())
    after = float(equity["equity"][-1]) - report.capital
    before = after + paid + funding
    return section(
        "costs",
        "What did trading cost?",
        f"Before costs and funding: {money(before)}. Costs: {money(paid)}. Funding: {money(funding)} (below 0 it was got, "
        f"not paid). What was left: {money(after)}. An edge that is there before costs and gone after them cannot be "
        "traded. These are the costs that were assumed, below under how it was made; real ones may be higher.",
        chart(
            costs_chart(equity, report.capital),
            "costs-chart",
            "Profit before and after costs, costs and funding, since the start",
            keys=[
                key("profit before costs", COLOURS["before"], dash="dashed"),
                key("profit after costs", COLOURS["strategy"]),
                key("costs paid", COLOURS["costs"]),
                key("funding paid", COLOURS["funding"], dash="dotted"),
            ],
        ),
        "<h3>Turnover</h3><p>How many times the equity was traded in each month: all that was bought and sold, by the "
        "month's mean equity.</p>",
        chart(turnover_chart(equity), "turnover-chart", "Turnover of each month, in times of the equity"),
    )


def _market(report: BacktestReport) -> str:
    beta, leader = beta_to_btc(report), html.escape(report.leaders[0])
    if beta.beta is None or beta.stderr is None:
        return section(
            "beta",
            "How much of it is the market?",
            f"This cannot be told: there are {beta.pairs} bars with a return of both the strategy and {leader}, and it "
            f"takes {LEAST_BETA_ROWS} in which {leader} moved.",
        )
    drawn = beta.rows["beta"].drop_nulls().len() > 1
    days = beta.window * report.step_seconds / 86_400.0
    whole = (
        f"Over all {beta.pairs:,} bars the beta to {leader} is <b>{ratio(beta.beta)}</b>, standard error "
        f"{_error(beta.stderr)}: where {leader} moved by 1 % in a bar, the strategy moved by {ratio(beta.beta)} %."
    )
    how = (
        f" The line is the same over the last {days:.3g} days up to each bar, the band its 95 % interval. At 0 the "
        "strategy does not ride the market; a gain with a high beta may be no more than the market's. The error takes "
        "bars for independent, so the truth is a little wider."
        if drawn
        else f" There are too few bars for a beta over {days:.3g} days at a time."
    )
    return section(
        "beta",
        "How much of it is the market?",
        whole + how,
        *(
            [chart(beta_chart(beta), "beta-chart", f"Beta of the strategy to {report.leaders[0]} over time")]
            if drawn
            else []
        ),
    )


def _regimes(report: BacktestReport) -> str:
    rows = report.metrics.get("by_regime") or []
    return section(
        "regimes", "In which markets did it earn?", "", rows_table("by-regime", rows, "By regime") if rows else ""
    )


def _months(report: BacktestReport) -> str:
    rows = report.metrics.get("monthly") or []
    return section("months", "How was each month?", "", monthly_table(rows, report.leaders[0]) if rows else "")


def _sources(report: BacktestReport) -> str:
    rows = report.metrics.get("by_source") or []
    return section(
        "sources", "Whose word earned the money?", "", rows_table("by-source", rows, "By source") if rows else ""
    )


def _trades(report: BacktestReport) -> str:
    trades = report.trades
    if trades.is_empty():
        return section("trades", "What were the trades like?", "No position was closed, so there is nothing to show.")
    sized = trades.filter(pl.col("size") > 0.0)
    parts = (sized["net"] / sized["size"]).to_numpy()
    return section(
        "trades",
        "What were the trades like?",
        "",
        chart(
            spread_chart(parts, title="net by size at entry"), "spread-chart", "How many trades gained or lost how much"
        ),
        '<div class="pair">',
        rows_table("by-reason", report.metrics.get("by_reason") or [], "By reason of closing"),
        rows_table("by-side", side_rows(trades), "By side"),
        "</div>",
        *extreme_trades_tables(trades),
    )


def _numbers(report: BacktestReport) -> str:
    return section("numbers", "What are all the numbers?", "", metrics_table(report))


def _made(report: BacktestReport, defaults: Mapping[str, Any] | None) -> str:
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
        options_table(report.options, defaults),
        "</div>",
    )


def _error(value: float) -> str:
    digits = 2
    while 0.0 < value < 0.5 * 10.0**-digits and digits < 6:
        digits += 1
    return f"{value:.{digits}f}"


_ = (bar_chart, interval_chart, percent, Sequence)
