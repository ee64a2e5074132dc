"""The parts of a page on where the result came from: regimes, months, sources and trades."""

from __future__ import annotations

import html

import polars as pl

from comove.backtest.page.charts import COLOURS, bar_chart, spread_chart
from comove.backtest.page.charts.frame import regime_name
from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.numbers import as_number, money, percent
from comove.backtest.page.parts import chart, key, section
from comove.backtest.page.tables import (
    REGIME_COLUMNS,
    SOURCE_COLUMNS,
    TRADE_COLUMNS,
    extreme_trades_tables,
    group_table,
    monthly_table,
)
from comove.backtest.page.words import REASON_WORDS

__all__ = ["months_section", "regimes_section", "sources_section", "trades_section"]


def regimes_section(report: BacktestReport) -> str:
    """Return what was earned in which regime of the market."""
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


def months_section(report: BacktestReport) -> str:
    """Return the table of months."""
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


def sources_section(report: BacktestReport) -> str:
    """Return what each source brought."""
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


def trades_section(report: BacktestReport) -> str:
    """Return what the trades were like."""
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
            caption="By why they were closed; the profit factor is all gains over all losses",
            first="closed because",
            label=lambda reason: REASON_WORDS.get(reason, reason),
        ),
        group_table("by-side", groups.get("by_side") or {}, TRADE_COLUMNS, caption="By side", first="side"),
        *extreme_trades_tables(trades),
    )
