"""The page of an ablation: what the strategy does without each of its parts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import polars as pl

from comove.backtest.page.charts import COLOURS, curve_styles, curves_chart, interval_chart
from comove.backtest.page.contents import AblationReport
from comove.backtest.page.numbers import as_number, percent, ratio, signed_percent, when
from comove.backtest.page.parts import chart, key, log_switch, section, table
from comove.backtest.verdicts import SIGNIFICANT, verdict_of
from comove.errors import DataError
from comove.plots.page import document
from comove.report.words import UNKNOWN_NUMBER

__all__ = ["BASE", "ablation_page", "ablation_table", "verdict_words"]

#: Name of the strategy with all its parts.
BASE: Final = "base"
#: What all curves begin with.
_START: Final = 100.0
_HEAD: Final = (
    "strategy", "return", "Sharpe ratio", "difference a year", "95 % interval", "p", "p for all", "before costs",
    "at the same risk",
    "what it means",
)  # fmt: skip
_KINDS: Final = ("name", *("number",) * 8, "long")


def ablation_page(report: AblationReport, *, title: str = "Does market structure help?") -> str:
    """Return an ablation as an HTML page that opens without a network.

    Parameters
    ----------
    report : AblationReport
        Anything that has its attributes, such as `comove.backtest.Ablation`.
    title : str

    Returns
    -------
    str
        About 5 MB, nearly all of it plotly.js.

    Raises
    ------
    ComoveError
        plotly is not installed.
    DataError
        The table does not begin with the base, or has nothing else.
    """
    rows = report.table.to_dicts()
    if len(rows) < 2 or rows[0]["name"] != BASE:
        raise DataError(
            f"table must hold {BASE!r} and at least one variant, got {[row['name'] for row in rows]}", "rows"
        )
    variants = rows[1:]
    drawn = set(report.returns["name"].unique().to_list())
    parts = [
        _head(report, variants, title),
        *([_curves(report, [row["name"] for row in variants if row["name"] in drawn])] if BASE in drawn else []),
        section(
            "differences",
            "What is different without each part?",
            "The strategy without the part less the strategy with all of them, paired bar by bar, in return a year. "
            "Left of 0 it earned less without the part, which helps; right of 0 the part harms. The line is the 95 % "
            "interval; where it crosses 0, chance alone can do this. Each interval is of its part alone; verdicts "
            "count that several were tried. Two more columns tell what only looks like worth: before costs, for who "
            "trades less also pays less, and at the same risk, for larger positions earn more by risking more. A part "
            "helps or harms where the difference is more than chance before costs too, and goes the same way at the "
            "same risk; below them stands p for all parts.",
            chart(
                interval_chart(
                    [row["name"] for row in variants],
                    *([as_number(row[name]) for row in variants] for name in ("value", "low", "high")),
                    title="difference a year without the part",
                    form=".3~%",
                ),
                "differences-chart",
                "What a year brings less or more without each part, with its 95 % interval",
                first=BASE not in drawn,
            ),
            ablation_table(rows),
        ),
    ]
    style = files("comove.backtest.page").joinpath("page.css").read_text(encoding="utf-8")
    return document(title, f"<main>{''.join(parts)}</main>", style)


def ablation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of an ablation as HTML; `rows` are those of `AblationReport.table`."""
    lines = []
    for row in rows:
        low, high = as_number(row["low"]), as_number(row["high"])
        base = row["name"] == BASE
        interval = UNKNOWN_NUMBER if low is None or high is None else f"{signed_percent(low)} to {signed_percent(high)}"
        lines.append([
            f'<b>{html.escape(row["name"])}</b><span class="interval">{html.escape(row["words"])}</span>',
            percent(row["total_return"]),
            ratio(row["sharpe"]),
            "" if base else signed_percent(row["value"]),
            "" if base else interval,
            "" if base else _p_text(row["p_value"]),
            "" if base else _p_text(row["adjusted"]),
            "" if base else _with_p(row, "gross_"),
            "" if base else _with_p(row, "scaled_"),
            "what the others are compared with" if base else html.escape(verdict_words(row)),
        ])  # fmt: skip
    return table("ablation", _HEAD, lines, _KINDS, caption="The strategy, and the same without each of its parts")


def verdict_words(row: Mapping[str, Any]) -> str:
    """Return what a difference says, as text: how large it is says nothing as long as chance can do it."""
    value, low, high = (as_number(row[name]) for name in ("value", "low", "high"))
    p_value, adjusted = as_number(row["p_value"]), as_number(row["adjusted"])
    if value is None or adjusted is None:
        return f"cannot be judged: {row['reason'] or 'there is no difference to look at'}"
    verdict = verdict_of(row)
    side = "less" if value < 0.0 else "more"
    told = f"without it the strategy earned {percent(abs(value))} a year {side}"
    if verdict in ("helps", "harms"):
        return f"the part {verdict}: {told}"
    if verdict == "costs":
        return f"{told}, but not before costs: it is what trading costs that differs"
    if verdict == "risk":
        return f"{told}, but not at the same risk: it is how much is risked that differs"
    reach = (
        ""
        if low is None or high is None
        else f"; without it a year may bring anything from {signed_percent(low)} to {signed_percent(high)}"
    )
    if p_value is not None and p_value < SIGNIFICANT:
        return f"no significant difference once it is counted how many parts were tried{reach}"
    return f"no significant difference{reach}"


def _head(report: AblationReport, variants: Sequence[Mapping[str, Any]], title: str) -> str:
    items = "".join(
        f"<li><b>{html.escape(row['name'])}</b>: {html.escape(verdict_words(row))}.</li>" for row in variants
    )
    helps = any(verdict_of(row) == "helps" for row in variants)
    times = report.returns["ts"]
    over = (
        ""
        if times.is_empty()
        else f" over the same {times.n_unique():,} bars, {when(times.min())} to {when(times.max())} UTC,"
    )
    return (
        f"<header><h1>{html.escape(title)}</h1><p>The same strategy{over} once with all its parts and once without "
        f"each.</p>"
        f'<p class="answer{" edge" if helps else ""}" id="answer">{html.escape(report.answer)}</p>'
        '<p class="note">No significant difference is not proof that a part does nothing: it is that this past cannot '
        f"tell it from chance, with a chance of {100 * SIGNIFICANT:.0f} % for even one false verdict.</p>"
        f"<ul>{items}</ul></header>"
    )


def _curves(report: AblationReport, names: Sequence[str]) -> str:
    curves = _curves_of(report.returns, [BASE, *names])
    keys = [
        key("all parts", COLOURS["strategy"]),
        *(key(name, colour, dash=dash) for name, (colour, _, dash) in zip(names, curve_styles(names), strict=True)),
    ]
    return section(
        "equity",
        "What became of the money with and without each part?",
        f"Each line is the same strategy on the same bars with one part switched off, all from {_START:.0f} on; the "
        "thick one has all its parts. Where lines lie close together, the part changed little. A line that ends "
        "higher is not yet a better strategy: whether the distance is more than chance is told below. One that lost "
        "everything has no line.",
        log_switch("curves"),
        chart(
            curves_chart(curves, names, _START),
            "curves",
            "Equity of the strategy and of its variants over time",
            first=True,
            keys=keys,
        ),
    )


def _curves_of(returns: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return ``ts`` and a column of equity for each name."""
    each = returns.partition_by("name", as_dict=True, maintain_order=True)
    columns = [
        each[(name,)].select(((1.0 + pl.col("net")).cum_prod() * _START).alias(name)).to_series() for name in names
    ]
    return each[(names[0],)].select("ts").with_columns(columns)


def _with_p(row: Mapping[str, Any], kind: str) -> str:
    p_value = _p_text(row[f"{kind}adjusted"])
    return f'{signed_percent(row[f"{kind}value"])}<span class="interval">p {p_value}</span>'


def _p_text(value: object) -> str:
    number = as_number(value)
    return UNKNOWN_NUMBER if number is None else "< 0.001" if number < 0.001 else f"{number:.3f}"
