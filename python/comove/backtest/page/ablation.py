"""The page of an ablation: what the strategy does without each of its parts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from comove.backtest.page.charts import COLOURS, curve_styles, curves_chart, interval_chart
from comove.backtest.page.contents import AblationReport, Variant
from comove.backtest.page.metrics import measure
from comove.backtest.page.numbers import as_number, percent, ratio, signed_percent, when
from comove.backtest.page.parts import chart, key, log_switch, section, table
from comove.errors import DataError
from comove.plots.page import document
from comove.report.words import UNKNOWN_NUMBER

__all__ = ["LEVEL", "ablation_page", "ablation_table", "overall_words", "variant_words"]

#: Chance of even one false verdict on all parts together.
LEVEL: Final = 0.05
_HEAD: Final = (
    "part switched off", "return", "Sharpe ratio", "difference a year", "95 % interval", "p", "p for all",
    "what it means",
)  # fmt: skip
_KINDS: Final = ("name", "number", "number", "number", "number text", "number", "number", "long")


def ablation_page(report: AblationReport, *, title: str = "Does market structure help?") -> str:
    """Return an ablation as an HTML page that opens without a network.

    Parameters
    ----------
    report : AblationReport
        Anything that has its attributes.
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
        No variant, no bar, or a variant without a curve.
    """
    names = [variant.name for variant in report.variants]
    absent = [name for name in ("ts", "strategy", *names) if name not in report.curves.columns]
    if not names or report.curves.is_empty() or absent:
        what = f"no column {', '.join(absent)}" if names and absent else "none" if names else "no variant"
        raise DataError(f"curves must hold the strategy and each of its variants, got {what}", "curves")
    differences = [variant.difference for variant in report.variants]
    parts = [
        _head(report, title),
        section(
            "equity",
            "What became of the money with and without each part?",
            "Each line is the same strategy on the same bars, with one part switched off; the thick one has all its "
            "parts. Where lines lie close together, the part changed little. A line that ends higher is not yet a "
            "better strategy: whether the distance is more than chance is told below.",
            log_switch("curves") if _all_above_0(report, names) else "",
            chart(
                curves_chart(report.curves, names, report.capital),
                "curves",
                "Equity of the strategy and of its variants over time",
                first=True,
                keys=[
                    key("all parts", COLOURS["strategy"]),
                    *(
                        key(f"without {name}", colour, dash=dash)
                        for name, (colour, _, dash) in zip(names, curve_styles(names), strict=True)
                    ),
                ],
            ),
        ),
        section(
            "differences",
            "What is different without each part?",
            "The strategy without the part less the strategy with all of them, paired bar by bar, in return a year. "
            "Left of 0 it earned less without the part, which helps; right of 0 the part harms. The line is the 95 % "
            "interval; where it crosses 0, chance alone can do this. Each interval is of its part alone, the verdicts "
            "below count that several were tried. The return and the Sharpe ratio are those of what is left.",
            chart(
                interval_chart(
                    names,
                    [as_number(one.get("mean_per_year")) for one in differences],
                    [as_number(one.get("low")) for one in differences],
                    [as_number(one.get("high")) for one in differences],
                    title="difference a year without the part",
                    form=".3~%",
                ),
                "differences-chart",
                "What a year brings less or more without each part, with its 95 % interval",
            ),
            ablation_table(report.variants, base=report.metrics),
        ),
    ]
    style = files("comove.backtest.page").joinpath("page.css").read_text(encoding="utf-8")
    return document(title, f"<main>{''.join(parts)}</main>", style)


def ablation_table(rows: Sequence[Variant], *, base: Mapping[str, Any] | None = None) -> str:
    """Return the table of an ablation as HTML.

    Parameters
    ----------
    rows : sequence of Variant
        A line each.
    base : mapping, optional
        Metrics of the strategy with all its parts, for a first line.
    """
    lines = []
    if base is not None:
        lines.append(["none: all parts", *_results(base), *[""] * 4, "what the others are compared with"])
    for one in rows:
        difference = one.difference
        words = f'<span class="interval">{html.escape(one.words)}</span>' if one.words else ""
        low, high = as_number(difference.get("low")), as_number(difference.get("high"))
        lines.append([
            f"<b>{html.escape(one.name)}</b>{words}",
            *_results(one.metrics),
            signed_percent(difference.get("mean_per_year")),
            UNKNOWN_NUMBER if low is None or high is None else f"{signed_percent(low)} to {signed_percent(high)}",
            _p_text(difference.get("p_value")),
            _p_text(difference.get("p_holm")),
            html.escape(variant_words(one)),
        ])  # fmt: skip
    return table("ablation", _HEAD, lines, _KINDS, caption="The strategy without each of its parts")


def variant_words(variant: Variant) -> str:
    """Return what the difference to a variant says, as text.

    A part helps or harms where Holm's p-value is below 0.05; otherwise there is no significant difference, and that is
    what is said, however large the difference is.
    """
    difference = variant.difference
    mean, low, high = (as_number(difference.get(name)) for name in ("mean_per_year", "low", "high"))
    p_value, corrected = as_number(difference.get("p_value")), as_number(difference.get("p_holm"))
    if mean is None:
        return f"cannot be told: {difference.get('reason') or 'there is no difference to look at'}"
    verdict = _verdict(variant)
    if verdict:
        side = "less" if verdict == "helps" else "more"
        return f"this part {verdict}: without it the strategy earned {percent(abs(mean))} a year {side}"
    reach = (
        ""
        if low is None or high is None
        else f"; without it a year may bring anything from {signed_percent(low)} to {signed_percent(high)}"
    )
    if corrected is None:
        why = f" ({difference['reason']})" if difference.get("reason") else ""
        return f"no significant difference was shown, for there is no p-value{why}"
    if p_value is not None and p_value < LEVEL:
        return f"no significant difference once it is counted how many parts were tried{reach}"
    return f"no significant difference{reach}"


def overall_words(variants: Sequence[Variant]) -> str:
    """Return the answer on all parts in one sentence, as text."""
    helping = [one.name for one in variants if _verdict(one) == "helps"]
    harming = [one.name for one in variants if _verdict(one) == "harms"]
    unknown = [one.name for one in variants if as_number(one.difference.get("p_holm")) is None]
    rest = len(variants) - len(helping) - len(harming) - len(unknown)
    found = [
        *([f"{', '.join(helping)} help{'s' * (len(helping) == 1)}"] if helping else []),
        *([f"{', '.join(harming)} harm{'s' * (len(harming) == 1)}"] if harming else []),
    ]
    many = f"{len(variants)} part{'s' * (len(variants) != 1)}"
    left = f" Nothing can be told of {', '.join(unknown)}." if unknown else ""
    if not found:
        if not rest:
            return f"Nothing can be told of any of {many}."
        return (
            f"No significant difference: of {many} none changes the result beyond chance "
            f"(a chance of {100 * LEVEL:.0f} % for even one false verdict). That is not proof that they do nothing."
            f"{left}"
        )
    others = f"; for the other {rest} there is no significant difference" if rest else ""
    return (
        f"Of {many}, {' and '.join(found)} beyond chance (a chance of {100 * LEVEL:.0f} % "
        f"for even one false verdict){others}.{left}"
    )


def _head(report: AblationReport, title: str) -> str:
    curves = report.curves
    total = measure(report.metrics, "strategy", "total_return").value
    items = "".join(
        f"<li><b>{html.escape(one.name)}</b>: {html.escape(variant_words(one))}.</li>" for one in report.variants
    )
    helps = any(_verdict(one) == "helps" for one in report.variants)
    return (
        f"<header><h1>{html.escape(title)}</h1><p>The same strategy over the same {len(curves):,} bars, "
        f"{when(curves['ts'][0])} to {when(curves['ts'][-1])} UTC, once with all its parts (return {percent(total)}) "
        "and once without each.</p>"
        f'<p class="answer{" edge" if helps else ""}" id="answer">{html.escape(overall_words(report.variants))}</p>'
        f"<ul>{items}</ul></header>"
    )


def _verdict(variant: Variant) -> str:
    """Return "helps", "harms", or "" where no difference was shown."""
    mean, corrected = as_number(variant.difference.get("mean_per_year")), as_number(variant.difference.get("p_holm"))
    if mean is None or corrected is None or corrected >= LEVEL or mean == 0.0:
        return ""
    return "helps" if mean < 0.0 else "harms"


def _results(metrics: Mapping[str, Any]) -> tuple[str, str]:
    return (
        percent(measure(metrics, "strategy", "total_return").value),
        ratio(measure(metrics, "strategy", "sharpe").value),
    )


def _p_text(value: object) -> str:
    number = as_number(value)
    return UNKNOWN_NUMBER if number is None else "< 0.001" if number < 0.001 else f"{number:.3f}"


def _all_above_0(report: AblationReport, names: Sequence[str]) -> bool:
    lowest = report.curves.select("strategy", *names).min().row(0)
    return all(value is not None and value > 0.0 for value in lowest)
