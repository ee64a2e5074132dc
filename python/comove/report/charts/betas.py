"""How strongly each coin moves with each leader."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from comove.plots.heat import heat_figure
from comove.report.contents import MarketReport
from comove.report.words import UNKNOWN_NUMBER, beta_texts, fits
from comove.structure import BetaMetrics

__all__ = ["beta_map"]

#: Distance from 1 at which colours end: a coin with a wild beta, and a wild error, would take them from the rest.
_MOST_STRENGTH: Final = 2.0


def beta_map(report: MarketReport) -> Any:
    """Return the figure, the strongest on top; white is a beta of 1."""
    first = report.leaders[0]

    def strength(coin: str) -> float:
        # The first leader's own place is among the others with a beta of 1.
        beta = 1.0 if coin == first else report.betas[coin, first].beta
        return -np.inf if beta is None else beta

    coins = sorted(report.coins, key=strength, reverse=True)
    cells = [[report.betas.get((coin, leader)) for leader in report.leaders] for coin in coins]
    texts = [[_text(cell) for cell in row] for row in cells]
    if not fits(texts, coins):
        texts = [[_text(cell, with_error=False) for cell in row] for row in cells]
    values = np.array([[_value(cell) for cell in row] for row in cells], dtype=np.float64)
    figure = heat_figure(
        values.reshape(len(coins), len(report.leaders)),
        coins,
        report.leaders,
        texts=texts,
        hovers=[[_told(cell) for cell in row] for row in cells],
        title="",
        scale="diverging",
        middle=1.0,
        value_title="beta",
    )
    figure.update_layout(margin={"t": 50, "r": 20, "b": 30})
    (trace,) = figure.data
    if trace.zmax > 1.0 + _MOST_STRENGTH:
        figure.update_traces(zmin=1.0 - _MOST_STRENGTH, zmax=1.0 + _MOST_STRENGTH)
    return figure


def _value(beta: BetaMetrics | None) -> float:
    return np.nan if beta is None or beta.beta is None else beta.beta


def _text(beta: BetaMetrics | None, *, with_error: bool = True) -> str:
    if beta is None:
        return ""
    if beta.beta is None:
        return UNKNOWN_NUMBER
    value, error = beta_texts(beta)
    error = f" {error}" if with_error and beta.stderr is not None else ""
    return f"{value}{error}{' *' if beta.reason else ''}"


def _told(beta: BetaMetrics | None) -> str:
    if beta is None:
        return "itself"
    if beta.beta is None or beta.r_squared is None:
        return beta.reason or UNKNOWN_NUMBER
    lines = [f"beta {_text(beta)}", f"R² {beta.r_squared:.2f}", f"{beta.sample_size} pairs of returns"]
    return "\n".join([*lines, *([beta.reason] if beta.reason else [])])
