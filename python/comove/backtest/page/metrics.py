"""The numbers of a backtest: how each is called, how it is written, and what it says in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comove.backtest.page.numbers import as_number, count, percent, plain, ratio

__all__ = ["METRIC_WORDS", "MetricWords", "Measure", "measure", "measure_text", "words_of"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its interval."""

    value: object
    low: float | None
    high: float | None
    reason: str
    """Why there is no value or no interval; "" where nothing is missing, or nothing is said."""


@dataclass(frozen=True, slots=True)
class MetricWords:
    """How a number is shown."""

    label: str
    form: Callable[[object], str]
    words: str


#: Every number that `comove.backtest.stats` gives. One without an entry is shown under its own name, as it is.
METRIC_WORDS: Final[Mapping[str, MetricWords]] = {
    "total_return": MetricWords("Total return", percent, "What became of the capital from the first bar to the last."),
    "cagr": MetricWords("Return a year", percent, "The same as growth a year, each year on top of the one before."),
    "excess_cagr": MetricWords(
        "Return a year above the leader", percent, "Return a year less that of holding the first leader."
    ),
    "excess_return": MetricWords(
        "Mean return above the leader", percent, "Mean return of a bar less the leader's, times the bars of a year."
    ),
    "volatility": MetricWords(
        "Volatility a year", percent, "How far returns swing about their mean: some two years in three stay within this."
    ),
    "sharpe": MetricWords(
        "Sharpe ratio", ratio, "Mean return over volatility, a year. 1 is good and rare; 0 is none, and chance is near 0."
    ),
    "sortino": MetricWords("Sortino ratio", ratio, "The same with losses alone as risk: swings upwards do not count."),
    "deflated_sharpe": MetricWords(
        "Deflated Sharpe ratio",
        ratio,
        "Chance that the true Sharpe ratio is above what the best of all tries has by luck; convincing from 0.95.",
    ),
    "max_drawdown": MetricWords("Worst drawdown", percent, "The deepest fall from a highest value to a lowest after it."),
    "calmar": MetricWords("Calmar ratio", ratio, "Return a year over the worst drawdown."),
    "skew": MetricWords("Skewness", ratio, "Below 0, large losses are more usual than large gains; 0 is even."),
    "kurtosis": MetricWords("Kurtosis", ratio, "How often returns are extreme; 3 of a normal distribution."),
    "beta": MetricWords("Beta", ratio, "Percent that it moves where the first leader moves by 1 %."),
    "beta_stderr": MetricWords("Error of beta", ratio, "Standard error, where bars are independent of each other."),
    "beta_stderr_hac": MetricWords(
        "Error of beta, robust", ratio, "Standard error, where bars follow each other and calm and wild times take turns."
    ),
    "alpha": MetricWords("Alpha a year", percent, "What is left of the mean return without beta times the leader's."),
    "correlation": MetricWords("Correlation", ratio, "How it moves with the first leader, from -1 to 1."),
    "r_squared": MetricWords("R²", ratio, "Part of its ups and downs that the first leader's explain, from 0 to 1."),
    "bars": MetricWords("Bars", count, "Bars with a return of both."),
}


def measure(metrics: Mapping[str, Any], of: str, name: str) -> Measure:
    """Return a number of "strategy", "btc" or "equal"; None in all parts where there is none."""
    given = (metrics.get(of) or {}).get(name)
    if not isinstance(given, Mapping):
        return Measure(given, None, None, "")
    return Measure(
        given.get("value"), as_number(given.get("low")), as_number(given.get("high")), str(given.get("reason") or "")
    )


def words_of(name: str) -> MetricWords:
    """Return how a number is shown."""
    return METRIC_WORDS.get(name) or MetricWords(name, plain, "")


def measure_text(one: Measure, form: Callable[[object], str]) -> tuple[str, str]:
    """Return the number and its interval as texts; the interval is "" where there is none."""
    interval = "" if one.low is None or one.high is None else f"{form(one.low)} to {form(one.high)}"
    return form(one.value), interval


