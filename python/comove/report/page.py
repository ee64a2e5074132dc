"""The page of a report: charts and tables in the order of the questions, each with how to read it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any

from comove.plots.page import document, figure_html
from comove.report.charts import beta_map, lead_map, regime_timeline, spillover_network
from comove.report.charts.network import LINKS_EACH
from comove.report.contents import MarketReport
from comove.report.tables import coin_table, evidence_table, state_line
from comove.report.words import span_text, time_text
from comove.surveys.givers import KEPT, ROWS_PER_PARAMETER
from comove.surveys.significance import LEVEL

__all__ = ["report_page"]


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
            figure_html(regime_timeline(report), with_library=True, name="regime-timeline"),
        ),
        _section("betas", "How strongly does each coin move with its leaders?", _beta_words(report), *_betas(report)),
        _section("leads", "Who moves first?", _leads_words(report), *_leads(report)),
        _section("turbulence", "Who gives turbulence to whom?", _network_words(report), *_network(report)),
        _section(
            "now",
            "The market now",
            f"{state_line(report)} These numbers are what the state is made of.",
            evidence_table(report),
        ),
        _section(
            "coins",
            "Every coin now",
            f"Beta, its standard error and R² are those to {first}. Corr to leaders is the mean correlation over the "
            "window of the regimes, divergence is 1 less that. Net given is the turbulence that the coin gives to all "
            "others less what it takes. A remark tells what is stale or missing, and where no regime is clear, which "
            "ones come closest.",
            coin_table(report),
        ),
    ]
    style = files("comove.report").joinpath("page.css").read_text(encoding="utf-8")
    return document(title, f"<main>{''.join(parts)}</main>", style)


def _head(report: MarketReport, title: str) -> str:
    step = span_text(timedelta(seconds=report.step)) if report.step == report.step else "unknown length"
    ended = f" Later candles are not looked at: there are none of {_names(report.ended)}." if report.ended else ""
    return (
        f"<header><h1>{html.escape(title)}</h1><p>{len(report.coins)} coins with {_names(report.leaders)} as leaders, "
        f"candles of {step}, {time_text(report.first)} to {time_text(report.last)} UTC.{ended}</p>"
        f"<p>{state_line(report)}</p></header>"
    )


def _section(name: str, question: str, words: str, *contents: str) -> str:
    """Return a part of the page; `words` and `contents` are HTML."""
    return f'<section id="{name}"><h2>{html.escape(question)}</h2><p>{words}</p>{"".join(contents)}</section>'


def _betas(report: MarketReport) -> Sequence[str]:
    return [_figure(beta_map(report), "beta-map")] if report.betas else []


def _beta_words(report: MarketReport) -> str:
    if not report.betas:
        return "There is no pair of a coin and another leader."
    window = next(iter(report.betas.values())).window
    span = span_text(window) if isinstance(window, timedelta) else f"{window} candles"
    stale = (
        " * is an old value." if any(beta.reason and beta.beta is not None for beta in report.betas.values()) else ""
    )
    return (
        "Beta: where the leader moves by 1 %, the coin has moved by so many percent in the same candle; ± one standard "
        f"error. Over the last {span}, up to the end. White is 1, red is stronger, blue is weaker, grey has too little "
        f"data; the pointer tells more.{stale}"
    )


def _leads(report: MarketReport) -> Sequence[str]:
    return [] if report.leads.is_empty() else [_figure(lead_map(report), "lead-map")]


def _leads_words(report: MarketReport) -> str:
    if report.leads.is_empty():
        return "There is no pair of a coin and another leader."
    return (
        f"Moves are compared up to {report.max_lag} candles apart, over {_rows(report)}. Colours are the evidence of a "
        "pair by itself: red that the leader moves first, blue that the coin does, 1.3 is p = 0.05. Words are for all "
        f"pairs together (Holm's method: a chance of {LEVEL:.0%} for even one false lead). Coins that trade seldom can "
        "look like followers, and a true lead may be smaller than the cost of trading on it."
    )


def _network(report: MarketReport) -> Sequence[str]:
    result = report.givers.result
    return [] if result is None else [_figure(spillover_network(result), "spillover-network")]


def _network_words(report: MarketReport) -> str:
    givers = report.givers
    if givers.result is None:
        return f"There is no table of connectedness: {html.escape(givers.reason)}."
    result = givers.result
    words = [
        f"To each coin come arrows from the {LINKS_EACH} coins whose shocks disturb its volatility most, less what "
        "they take from it. Red coins give more than they take, blue ones take more (Diebold and Yilmaz 2012); "
        "clockwise from the top, the largest giver comes first and the largest taker last.",
        f"In all, {result.total:.0f} % of the turbulence of a coin comes from the others; coins with nothing in common "
        f"would show about {givers.by_chance:.0f} %.",
    ]
    if givers.absent:
        words.append(f"Left out, with fewer than {KEPT:.0%} of the usual candles: {_names(givers.absent)}.")
    if givers.crowded:
        words.append(
            f"Left out, for {ROWS_PER_PARAMETER} candles are needed for each parameter of a forecast, and the "
            f"leaders and the most traded come first: {_names(givers.crowded)}."
        )
    return " ".join(words)


def _rows(report: MarketReport) -> str:
    return f"the last {report.window} candles" if report.window else "all candles"


def _figure(figure: Any, name: str) -> str:
    return figure_html(figure, with_library=False, name=name)


def _names(coins: Sequence[str]) -> str:
    return html.escape(", ".join(coins))
