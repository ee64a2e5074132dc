"""The parts of a page on the account over time: money, what was held, costs, and how much of it is the market."""

from __future__ import annotations

import html

from comove.backtest.page.charts import (
    COLOURS,
    beta_chart,
    costs_chart,
    drawdown_chart,
    equity_chart,
    exposure_chart,
    turnover_chart,
)
from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.metrics import measure, measure_text
from comove.backtest.page.numbers import as_number, error_text, money, percent, ratio, signed_percent, when
from comove.backtest.page.parts import chart, key, log_switch, section
from comove.backtest.page.series import LEAST_ROWS, rolling_beta

__all__ = ["costs_section", "exposure_section", "market_section", "money_section"]


def money_section(report: BacktestReport) -> str:
    """Return the equity against the benchmarks, and the drawdown."""
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


def exposure_section(report: BacktestReport) -> str:
    """Return what was held, and the heat."""
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


def costs_section(report: BacktestReport) -> str:
    """Return costs, funding and turnover."""
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


def market_section(report: BacktestReport) -> str:
    """Return the beta to the first leader."""
    leader = html.escape(report.leaders[0])
    whole, error, robust, alpha = (
        measure(report.metrics, "strategy", name) for name in ("beta", "beta_stderr", "beta_stderr_hac", "alpha")
    )
    pairs = as_number((report.metrics.get("market") or {}).get("bars")) or 0.0
    if as_number(whole.value) is None or as_number(error.value) is None or pairs < LEAST_ROWS:
        return section(
            "beta",
            "How much of it is the market?",
            f"This cannot be told: it takes at least {LEAST_ROWS} bars with a return of the strategy and of {leader}, "
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
