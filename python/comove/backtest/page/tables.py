"""The tables of a backtest as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import polars as pl

from comove.backtest.page.contents import BacktestReport
from comove.backtest.page.metrics import figures, measure, measure_text, words_of
from comove.backtest.page.numbers import as_number, count, money, percent, ratio, signed_percent, when
from comove.backtest.page.parts import table
from comove.backtest.page.words import REASON_WORDS, cost_rows, option_rows
from comove.report.words import UNKNOWN_NUMBER, price_text

__all__ = [
    "REGIME_COLUMNS",
    "SOURCE_COLUMNS",
    "TRADE_COLUMNS",
    "costs_table",
    "extreme_trades_tables",
    "folds_table",
    "group_table",
    "metrics_table",
    "monthly_table",
    "options_table",
]

_EXTREMES: Final = 10
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Return of a month from which its colour is no stronger.
_FULL_COLOUR: Final = 0.15
#: Blue for gains, orange for losses; black letters can be read on either (contrast above 7).
_GAIN, _LOSS = (86, 180, 233), (240, 152, 78)
_Columns: TypeAlias = Mapping[str, tuple[str, Callable[[object], str]]]
#: Numbers of a group of trades: heading, and how they are written.
TRADE_COLUMNS: Final[_Columns] = {
    "count": ("trades", count),
    "hit_rate": ("won", percent),
    "net": ("net", money),
    "mean_net": ("net a trade", money),
    "profit_factor": ("profit factor", ratio),
    "mean_rows": ("bars held", count),
    "costs": ("costs", money),
    "funding": ("funding", money),
}
REGIME_COLUMNS: Final[_Columns] = {
    "share": ("of all bars", percent),
    "bars": ("bars", count),
    "total_return": ("return in them", signed_percent),
    "mean_return": ("mean return a year", signed_percent),
    "volatility": ("volatility a year", percent),
    "sharpe": ("Sharpe ratio", ratio),
}
SOURCE_COLUMNS: Final[_Columns] = {"net": ("net", money), "trades": ("trades with a share", count)}


def metrics_table(report: BacktestReport) -> str:
    """Return every number of the strategy beside those of the benchmarks, with intervals and what they say."""
    curves = ("strategy", "btc", "equal")
    rows = []
    for name in dict.fromkeys(name for of in curves for name in figures(report.metrics, of)):
        shown = words_of(name)
        cells = []
        for of in curves:
            one = measure(report.metrics, of, name)
            value, interval = measure_text(one, shown.form)
            below = interval or one.reason
            cells.append(html.escape(value) + (f'<span class="interval">{html.escape(below)}</span>' if below else ""))
        rows.append([html.escape(shown.label), *cells, html.escape(shown.words)])
    return table(
        "metrics",
        ("number", "strategy", f"holding {report.leaders[0]}", "equal weight", "what it says"),
        rows,
        ("name", "number", "number", "number", "long"),
        caption="All numbers; below them their 95 % intervals, where there are some",
    )


def monthly_table(rows: Sequence[Mapping[str, Any]], leader: str) -> str:
    """Return the returns of months in colours, a line a year and one below it of holding the first leader."""
    years: dict[int, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        years.setdefault(int(row["year"]), {})[int(row["month"])] = row
    lines = []
    for year, months in years.items():
        for of, label in (("return", f"{year}"), ("btc", f"{year}, holding {leader}")):
            found = {month: as_number(row.get(of)) for month, row in months.items()}
            cells = [_month_cell(found.get(month)) for month in range(1, 13)]
            whole = 1.0
            for value in found.values():
                whole *= 1.0 + (value or 0.0)
            known = any(value is not None for value in found.values())
            if of == "btc" and not known:
                continue
            lines.append([html.escape(label), *cells, _month_cell(whole - 1.0 if known else None, year=True)])
    return table(
        "monthly",
        ("year", *_MONTHS, "year"),
        lines,
        ("text", *["number"] * 13),
        caption="Return of each month",
    )


def group_table(
    name: str,
    groups: Mapping[str, Mapping[str, Any]],
    columns: _Columns,
    *,
    caption: str,
    first: str,
    label: Callable[[str], str] = str,
) -> str:
    """Return a line of numbers for each group, in the order of `groups`; `label` says what a group is called."""
    lines = [
        [html.escape(label(group)), *(html.escape(form(row.get(column))) for column, (_, form) in columns.items())]
        for group, row in groups.items()
    ]
    head = (first, *(heading for heading, _ in columns.values()))
    return table(name, head, lines, ("name", *["number"] * len(columns)), caption=caption)


def extreme_trades_tables(trades: pl.DataFrame) -> list[str]:
    """Return the ten trades that brought the most money after costs, and the ten that brought the least.

    One table of all, the best first, where they are no more than 20.
    """
    ordered = trades.sort("net", descending=True, maintain_order=True)
    if len(ordered) <= 2 * _EXTREMES:
        return [_trades_table("every-trade", ordered, "Every trade, the best first")]
    return [
        _trades_table("best", ordered.head(_EXTREMES), f"The {_EXTREMES} best trades, in money after costs"),
        _trades_table("worst", ordered.tail(_EXTREMES)[::-1], f"The {_EXTREMES} worst trades, in money after costs"),
    ]


def _trades_table(name: str, rows: pl.DataFrame, caption: str) -> str:
    lines = [
        [
            html.escape(row["symbol"]),
            html.escape(row["side"]),
            when(row["opened"]),
            when(row["closed"]),
            price_text(row["entry"]),
            price_text(row["exit"]),
            money(row["size"]),
            money(row["net"]),
            signed_percent(row["net"] / row["size"] if row["size"] else None),
            html.escape(REASON_WORDS.get(row["reason"], row["reason"]).split(":")[0]),
        ]
        for row in rows.iter_rows(named=True)
    ]
    return table(
        name,
        ("coin", "side", "opened", "closed", "entry", "exit", "size", "net", "of size", "closed because"),
        lines,
        ("name", "text", "text", "text", "number", "number", "number", "number", "number", "text"),
        caption=caption,
    )


def folds_table(folds: Sequence[Mapping[str, Any]]) -> str:
    """Return where the training and the test of each fold begin and end."""
    names = ("train_first", "fit_last", "train_last", "test_first", "test_last")
    lines = [
        [str(place), *(html.escape(when(fold.get(name))) for name in names)] for place, fold in enumerate(folds, 1)
    ]
    return table(
        "folds",
        ("fold", "training from", "fits see up to", "training to", "test from", "test to"),
        lines,
        ("number", "text", "text", "text", "text", "text"),
        caption="Folds (UTC); only the tests are on this page",
    )


def costs_table(costs: Mapping[str, Any]) -> str:
    """Return the options of the costs."""
    return table(
        "costs-options",
        ("cost", "value", "what it is"),
        cost_rows(costs),
        ("name", "number", "long"),
        caption="What was reckoned for trading",
    )


def options_table(options: Mapping[str, Any], defaults: Mapping[str, Any] | None) -> str:
    """Return the options of the run; with their defaults, only those that differ."""
    rows = option_rows(options, defaults)
    if not rows:
        return "<p>All options are at their defaults.</p>"
    differ = defaults is not None
    return table(
        "options",
        ("option", "value", "default") if differ else ("option", "value"),
        [row if differ else row[:2] for row in rows],
        ("name", "long", "long") if differ else ("name", "long"),
        caption="Options that differ from their defaults" if differ else "Options",
    )


def _month_cell(value: float | None, *, year: bool = False) -> str:
    kind = "month year" if year else "month"
    if value is None:
        return f'<td class="{kind}">{UNKNOWN_NUMBER}</td>'
    strength = min(1.0, abs(value) / _FULL_COLOUR)
    red, green, blue = (round(255 + strength * (part - 255)) for part in (_GAIN if value >= 0.0 else _LOSS))
    return f'<td class="{kind}" style="background:rgb({red},{green},{blue})">{_month_text(value)}</td>'


def _month_text(value: float) -> str:
    part = round(100.0 * value, 1) + 0.0
    return f"{part:+.1f}" if abs(part) < 1_000.0 else f"{part:+,.0f}"
