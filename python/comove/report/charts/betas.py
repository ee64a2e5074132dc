"""How strongly each coin moves with each leader."""

from __future__ import annotations

from typing import Any

import numpy as np

from comove.plots.heat import heat_figure
from comove.report.contents import MarketReport
from comove.report.words import UNKNOWN_NUMBER
from comove.structure import BetaMetrics

__all__ = ["beta_map"]


def beta_map(report: MarketReport) -> Any:
    """Return the figure, the strongest on top; white is a beta of 1."""
    first = report.leaders[0]

    def strength(coin: str) -> float:
        # The first leader's own place is among the others with a beta of 1.
        beta = 1.0 if coin == first else report.betas[coin, first].beta
        return -np.inf if beta is None else beta

    coins = sorted(report.coins, key=strength, reverse=True)
    cells = [[report.betas.get((coin, leader)) for leader in report.leaders] for coin in coins]
    values = np.array([[_value(cell) for cell in row] for row in cells], dtype=np.float64)
    figure = heat_figure(
        values.reshape(len(coins), len(report.leaders)),
        coins,
        report.leaders,
        texts=[[_text(cell) for cell in row] for row in cells],
        hovers=[[_told(cell) for cell in row] for row in cells],
        title="",
        scale="diverging",
        middle=1.0,
        value_title="beta",
    )
    figure.update_layout(margin={"t": 50, "r": 20, "b": 30})
    return figure


def _value(beta: BetaMetrics | None) -> float:
    return np.nan if beta is None or beta.beta is None else beta.beta


def _text(beta: BetaMetrics | None) -> str:
    if beta is None:
        return ""
    if beta.beta is None:
        return UNKNOWN_NUMBER
    error = "" if beta.stderr is None else f" ± {beta.stderr:.2f}"
    return f"{beta.beta:.2f}{error}{' *' if beta.reason else ''}"


def _told(beta: BetaMetrics | None) -> str:
    if beta is None:
        return "itself"
    if beta.beta is None or beta.r_squared is None:
        return beta.reason or UNKNOWN_NUMBER
    lines = [f"beta {_text(beta)}", f"R² {beta.r_squared:.2f}", f"{beta.sample_size} pairs of returns"]
    return "\n".join([*lines, *([beta.reason] if beta.reason else [])])
