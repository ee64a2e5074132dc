"""The page of a report: charts and tables in the order of the questions, each with how to read it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

from comove.plots.page import document, figure_html
from comove.report.charts import beta_map, lead_map, regime_timeline, spillover_network
from comove.report.charts.network import LINKS_EACH
from comove.report.contents import MarketReport
from comove.report.tables import coin_table, evidence_table, state_line
from comove.report.words import span_text, time_text
from comove.structure import RegimeOptions
from comove.surveys.givers import KEPT, ROWS_PER_PARAMETER
from comove.surveys.significance import LEVEL

__all__ = ["report_page"]

_FIRST_CHART: Final = "regime-timeline"
#: Names in a sentence; of more, the number is told.
_MOST_NAMES: Final = 30
#: Rows of the evidence: a report takes the regimes as they are by default.
_WINDOW: Final = RegimeOptions().window_size


def report_page(report: MarketReport, *, title: str = "Market structure") -> str:
    """Return the report as an HTML page that opens without a network.

    Parameters
    ----------
    report : MarketReport
    title : str

    Returns
    -------
    str
        About 5 MB, nearly all of it plotly.js.

    Raises
    ------
    ComoveError
        plotly is not installed.
    """
    first = html.escape(report.leaders[0])
    parts = [
        _head(report, title),
        _section(
            "regimes",
            "What state was the market in?",
            f"The line is the price of {first}, the colours are the state of the whole market at that time, each found "
            "from the past alone: nothing is changed afterwards. The score below says how clear the state was; it is "
            "not a probability. Drag to zoom, double-click to go back.",
            _figure(
                regime_timeline(report), _FIRST_CHART, f"Regimes of the market over the price of {report.leaders[0]}"
            ),
        ),
        _section("betas", "How strongly does each coin move with its leaders?", _beta_words(report), *_betas(report)),
        _section("leads", "Who moves first?", _leads_words(report), *_leads(report)),
        _section("turbulence", "Who gives turbulence to whom?", _network_words(report), *_network(report)),
        _section(
            "now",
            "The market now",
            f"{state_line(report)} These numbers are what the state is made of; the window is the last {_WINDOW} "
            "candles of the leaders.",
            evidence_table(report),
        ),
        _section(
            "coins",
            "Every coin now",
            f"Beta, its standard error and R² are those to {first}. Corr to leaders is the mean correlation over the "
            f"last {_WINDOW} candles, divergence is 1 less that. Net given is the turbulence that the coin gives to "
            "all others less what it takes. A remark tells what is stale or missing, and where no regime is clear, "
            "which ones come closest.",
            coin_table(report),
        ),
    ]
    style = files("comove.report").joinpath("page.css").read_text(encoding="utf-8")
    return document(title, f"<main>{''.join(parts)}</main>", style)


def _head(report: MarketReport, title: str) -> str:
    step = span_text(timedelta(seconds=report.step)) if report.step == report.step else "unknown length"
    many, leading = len(report.coins) != 1, len(report.leaders) != 1
    later = ""
    if report.newest > report.last:
        why = f"there are none of {_names(report.ended)}" if report.ended else "none of them has all leaders"
        later = f" Later candles, up to {time_text(report.newest)}, are not looked at: {why}."
    absent = f" Without a price until then, and not shown: {_names(report.absent)}." if report.absent else ""
    return (
        f"<header><h1>{html.escape(title)}</h1><p>{len(report.coins)} coin{'s' * many} with {_names(report.leaders)} "
        f"as leader{'s' * leading}, candles of {step}, {time_text(report.first)} to {time_text(report.last)} UTC."
        f"{later}{absent}</p>"
        f"<p>{state_line(report)}</p></header>"
    )


def _section(name: str, question: str, words: str, *contents: str) -> str:
    """Return a part of the page; `words` and `contents` are HTML."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-question"><h2 id="{name}-question">{html.escape(question)}</h2>'
        f"<p>{words}</p>{''.join(contents)}</section>"
    )


def _betas(report: MarketReport) -> Sequence[str]:
    return [_figure(beta_map(report), "beta-map", "Betas of coins by leaders")] if report.betas else []


def _beta_words(report: MarketReport) -> str:
    if not report.betas:
        return "There is no pair of a coin and another leader."
    window = next(iter(report.betas.values())).window
    span = span_text(window) if isinstance(window, timedelta) else f"{window} candles"
    stale = (
        " * comes with a warning, as of an old value; the pointer tells it."
        if any(beta.reason and beta.beta is not None for beta in report.betas.values())
        else ""
    )
    return (
        "Beta: where the leader moves by 1 %, the coin has moved by so many percent in the same candle; ± one standard "
        f"error. Over the last {span}, up to the end. White is 1, red is stronger, blue is weaker, grey is the coin "
        f"itself or has too little data; the pointer tells more.{stale}"
    )


def _leads(report: MarketReport) -> Sequence[str]:
    return (
        [] if report.leads.is_empty() else [_figure(lead_map(report), "lead-map", "Who moves first, coins by leaders")]
    )


def _leads_words(report: MarketReport) -> str:
    if report.leads.is_empty():
        return "There is no pair of a coin and another leader."
    return (
        f"Moves are compared up to {report.max_lag} candles apart, over {_rows(report)}. Colours are the evidence of a "
        "pair by itself: red that the leader moves first, blue that the coin does, 1.3 is p = 0.05. Words are for all "
        f"pairs together (Holm's method: a chance of {100 * LEVEL:.0f} % for even one false lead); <q>leads</q> "
        "and <q>follows</q> alone are said of the leader. Grey is no pair, or not tested. Coins that trade seldom can "
        "look like followers, and a true lead may be smaller than the cost of trading on it."
    )


def _network(report: MarketReport) -> Sequence[str]:
    result = report.givers.result
    return [] if result is None else [_figure(spillover_network(result), "spillover-network", "Network of turbulence")]


def _network_words(report: MarketReport) -> str:
    givers = report.givers
    if givers.result is None:
        return f"There is no table of connectedness: {html.escape(givers.reason)}."
    result = givers.result
    words = [
        f"To each coin come arrows from the {LINKS_EACH} coins whose shocks disturb its volatility most, less what "
        "they take from it. Red coins give more than they take, blue ones take more (Diebold and Yilmaz 2012); "
        "clockwise from the top, the largest giver comes first and the largest taker last.",
        f"On average {result.total:.0f} % of the turbulence of a coin comes from the others, over "
        f"{result.n:,} candles from {givers.first} to {givers.last}; coins with nothing in common would show about "
        f"{givers.by_chance:.0f} %. This tells who is in the midst of the turbulence, not who causes it.",
    ]
    if result.spectral_radius >= 1:
        words.append("Warning: in this model shocks do not fade (it is not stationary); do not rely on it.")
    if givers.absent:
        words.append(
            f"Left out, with fewer than {100 * KEPT:.0f} % of the usual candles in common: {_names(givers.absent)}."
        )
    if givers.crowded:
        words.append(
            f"Left out, for {ROWS_PER_PARAMETER} candles are needed for each parameter of a forecast, and the "
            f"leaders and the most traded come first: {_names(givers.crowded)}."
        )
    return " ".join(words)


def _rows(report: MarketReport) -> str:
    return f"the last {report.window} candles" if report.window else "all candles"


def _figure(figure: Any, name: str, label: str) -> str:
    """Return a chart that a screen reader can name; the first on the page brings plotly.js."""
    chart = figure_html(figure, with_library=name == _FIRST_CHART, name=name)
    return f'<div role="figure" aria-label="{html.escape(label)}">{chart}</div>'


def _names(coins: Sequence[str]) -> str:
    more = f" and {len(coins) - _MOST_NAMES} more" if len(coins) > _MOST_NAMES else ""
    return html.escape(", ".join(coins[:_MOST_NAMES]) + more)
