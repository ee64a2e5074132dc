"""The page of a backtest: the answer first, then charts and tables in the order of the questions."""

from __future__ import annotations

import html
from collections.abc import Mapping
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
    spread_chart,
    turnover_chart,
)
from comove.backtest.page.charts.frame import regime_name
from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.metrics import measure, measure_text
from comove.backtest.page.numbers import as_number, error_text, money, percent, ratio, signed_percent, when
from comove.backtest.page.parts import chart, key, log_switch, section
from comove.backtest.page.series import LEAST_ROWS, rolling_beta
from comove.backtest.page.tables import (
    REGIME_COLUMNS,
    SOURCE_COLUMNS,
    TRADE_COLUMNS,
    costs_table,
    extreme_trades_tables,
    folds_table,
    group_table,
    metrics_table,
    monthly_table,
    options_table,
)
from comove.backtest.page.words import ASSUMPTIONS, REASON_WORDS, what_ran
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
        _money(report),
        _held(report),
        _regimes(report),
        _costs(report),
        _market(report),
        _months(report),
        _sources(report),
        _trades(report),
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
        f"costs, and hold. Below is how far each was under its own highest at that time.{marks} One line is one past: "
        f"with other luck it would have gone elsewhere, and the intervals further down say how far.{without}{scale}",
        "" if ruined else log_switch("equity-chart"),
        chart(
            equity_chart(equity, leader, report.capital),
            "equity-chart",
            f"Equity of the strategy, of holding {leader}, and of equal weight over time",
            keys=[*keys, key("equal weight", COLOURS["equal"], dash="dotted")],
            first=True,
        ),
        f"<h3>Drawdown</h3><p>{_drawdown(report)}</p>",
        chart(drawdown_chart(equity, leader), "drawdown-chart", "Drawdown of the strategy over time", keys=keys),
    )


def _drawdown(report: BacktestReport) -> str:
    """Return the worst fall in words, as HTML."""
    found = report.metrics.get("strategy") or {}
    worst, begun = as_number(found.get("max_drawdown")), found.get("drawdown_from")
    if worst is None:
        return "The worst fall is not defined."
    if worst == 0.0 or begun is None:
        return "The strategy was never below its highest."
    days = as_number(found.get("drawdown_days"))
    after = "was not made good by the end" if days is None else f"was made good {days:,.0f} days after it began"
    return (
        f"The worst fall of the strategy, {percent(worst)}, began at {when(begun)}, was deepest at "
        f"{when(found.get('drawdown_low'))}, and {after}. Drawdowns of a longer run are deeper."
    )


def _held(report: BacktestReport) -> str:
    means = report.metrics.get("exposure") or {}
    told = (
        f"A position was open in {percent(means.get('time_in_market'))} of the bars, "
        f"{ratio(means.get('mean_positions'))} at a time in the mean; net exposure was "
        f"{percent(means.get('mean_net'))} of the equity in the mean. "
    )
    return section(
        "exposure",
        "How much was held, and how much was at risk?",
        f"{told}Above: the value of longs (up) and of shorts (down) as parts of the equity, and the net of both; at 0 "
        "% all is cash. Below: heat, how large all of it is as one bet, as a part of the capital: positions that move "
        "together count in full, those that offset each other less. Neither says how much can be lost: a coin may "
        "fall further than its stop.",
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
        f"Before costs and funding: {money(before)}. Costs: {money(paid)}. Funding: {money(funding)} (below 0 it was "
        f"got, not paid). What was left: {money(after)}. An edge that is there before costs and gone after them "
        "cannot be traded. These are the costs that were assumed, below under how it was made; real ones may be "
        "higher.",
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
    leader = html.escape(report.leaders[0])
    whole, error, robust, alpha = (
        measure(report.metrics, "strategy", name) for name in ("beta", "beta_stderr", "beta_stderr_hac", "alpha")
    )
    pairs = as_number((report.metrics.get("market") or {}).get("bars")) or 0.0
    if as_number(whole.value) is None or as_number(error.value) is None or pairs < LEAST_ROWS:
        return section(
            "beta",
            "How much of it is the market?",
            f"This cannot be told: it takes at least {LEAST_ROWS} bars with a return of both the strategy and {leader}, "
            f"in which {leader} moved; there are {pairs:,.0f}.",
        )
    beta = rolling_beta(report)
    drawn = beta.rows["beta"].drop_nulls().len() > 1
    days = f"{beta.window * report.step_seconds / 86_400.0:.3g} days"
    errors = f"standard error {error_text(error.value)}"
    if as_number(robust.value) is not None:
        errors += f", or {error_text(robust.value)} where bars are not taken for independent"
    _, interval = measure_text(whole, ratio)
    words = (
        f"Over all bars the beta to {leader} is <b>{ratio(whole.value)}</b> ({errors}"
        f"{f'; 95 % interval {interval}' if interval else ''}): where {leader} moved by 1 % in a bar, the strategy "
        f"moved by {ratio(whole.value)} %."
    )
    if as_number(alpha.value) is not None:
        words += f" What the mean return has beyond that, alpha, is {signed_percent(alpha.value)} a year."
    words += (
        f" The line is the beta of the last {days} up to each bar, the band its 95 % interval. At 0 the strategy does "
        "not ride the market; a gain with a high beta may be no more than the market's. The band takes bars for "
        "independent, so the truth is a little wider."
        if drawn
        else f" There are too few bars for a beta of {days} at a time."
    )
    label = f"Beta of the strategy to {report.leaders[0]} over time"
    return section(
        "beta",
        "How much of it is the market?",
        words,
        *([chart(beta_chart(beta), "beta-chart", label)] if drawn else []),
    )


def _regimes(report: BacktestReport) -> str:
    question = "In which markets did it earn?"
    regimes = report.metrics.get("regimes") or {}
    names = sorted(regimes, key=lambda name: -(as_number(regimes[name].get("share")) or 0.0))
    found = [(name, as_number(regimes[name].get("mean_return"))) for name in names]
    drawn = [(regime_name(name), mean) for name, mean in found if mean is not None]
    if not drawn:
        return section("regimes", question, "This cannot be told: there is no return in any regime of the market.")
    entries = (report.metrics.get("trades") or {}).get("by_regime") or {}
    return section(
        "regimes",
        question,
        "The mean return a year while the market was in each state, the most usual on top; below, its numbers. The "
        "return of a bar belongs to the state that was known before it. States that were rare say little: a mean over "
        "a few bars is mostly luck, and no interval is shown for these.",
        chart(
            bar_chart(*zip(*drawn, strict=True), title="mean return a year", form=".3~%"),
            "regimes-chart",
            "Mean return a year in each regime of the market",
        ),
        group_table(
            "by-regime",
            {name: regimes[name] for name in names},
            REGIME_COLUMNS,
            caption="Returns by regime of the market",
            first="regime",
            label=regime_name,
        ),
        group_table(
            "trades-by-regime",
            entries,
            TRADE_COLUMNS,
            caption="Trades by the regime at their entry",
            first="regime",
            label=regime_name,
        )
        if entries
        else "",
    )


def _months(report: BacktestReport) -> str:
    rows = report.metrics.get("months") or []
    leader = html.escape(report.leaders[0])
    return section(
        "months",
        "How was each month?",
        f"Returns in percent, blue for gains and orange for losses, stronger from 0 to 15 %; below each year those of "
        f"holding {leader}. The last column is the year, or what there is of it. A good month among bad ones is no "
        "evidence; look for whether most are alike.",
        monthly_table(rows, report.leaders[0]),
    )


def _sources(report: BacktestReport) -> str:
    question = "Whose word earned the money?"
    sources = report.metrics.get("attribution") or {}
    names = sorted(sources, key=lambda name: -(as_number(sources[name].get("net")) or 0.0))
    if not names:
        return section("sources", question, "This cannot be told: no trade that was closed has a share of a source.")
    return section(
        "sources",
        question,
        "Each trade's net is shared out among the sources by what each added to the probability that the trade was "
        "opened at; a source that spoke against a trade that was made gets its share with the other sign. This says "
        "who was heard when money was made, not that the money would be missing without them.",
        chart(
            bar_chart(names, [as_number(sources[name].get("net")) or 0.0 for name in names], title="net", form=",.4~g"),
            "sources-chart",
            "Net by source",
        ),
        group_table(
            "by-source",
            {name: sources[name] for name in names},
            SOURCE_COLUMNS,
            caption="Net by source, after costs",
            first="source",
        ),
    )


def _trades(report: BacktestReport) -> str:
    trades = report.trades
    if trades.is_empty():
        return section("trades", "What were the trades like?", "No position was closed, so there is nothing to show.")
    sized = trades.filter(pl.col("size") > 0.0)
    parts = (sized["net"] / sized["size"]).to_numpy()
    groups = report.metrics.get("trades") or {}
    every = groups.get("all") or {}
    gaps = int(trades["gap"].sum())
    drawn = (
        [
            chart(
                spread_chart(parts, title="net by size at entry"),
                "spread-chart",
                "How many trades gained or lost how much",
                keys=[key("gained", COLOURS["gain"], dash="box"), key("lost", COLOURS["loss"], dash="box")],
            )
        ]
        if len(parts)
        else []
    )
    return section(
        "trades",
        "What were the trades like?",
        f"{len(trades):,} positions or parts of them were closed; {percent(every.get('hit_rate'))} won, and a trade "
        f"brought {money(every.get('mean_net'))} in the mean after costs. {gaps:,} of them were closed beyond their "
        "stop or target, at an open. Bars show how many trades gained or lost how much of their size; the outermost "
        "hold all beyond. Many small gains do not make up for a few large losses: look at both ends. The best trades "
        "are chosen afterwards, and say nothing on the next ones.",
        *drawn,
        group_table(
            "by-reason",
            groups.get("by_reason") or {},
            TRADE_COLUMNS,
            caption="By why they were closed",
            first="closed because",
            label=lambda reason: REASON_WORDS.get(reason, reason),
        ),
        group_table("by-side", groups.get("by_side") or {}, TRADE_COLUMNS, caption="By side", first="side"),
        *extreme_trades_tables(trades),
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
