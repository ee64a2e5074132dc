"""The numbers of a backtest: how each is called, how it is written, and what it says in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comove.backtest.page.numbers import as_number, count, error_text, percent, plain, ratio

__all__ = ["METRIC_WORDS", "Measure", "MetricWords", "figures", "measure", "measure_text", "words_of"]


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


#: Numbers of the strategy and of the benchmarks in the order of their table. One without an entry comes after these,
#: under its own name and as it is.
METRIC_WORDS: Final[Mapping[str, MetricWords]] = {
    "total_return": MetricWords("Total return", percent, "What became of the capital from the first bar to the last."),
    "cagr": MetricWords("Return a year", percent, "The same as growth a year, each year on top of the one before."),
    "excess_cagr": MetricWords("Return a year above the leader", percent, "Less that of holding the first leader."),
    "excess_return": MetricWords(
        "Mean return above the leader", percent, "Mean return of a bar less the leader's, times the bars of a year."
    ),
    "volatility": MetricWords(
        "Volatility a year",
        percent,
        "How far returns swing about their mean: some two years in three stay within this.",
    ),
    "sharpe": MetricWords(
        "Sharpe ratio",
        ratio,
        "Mean return over volatility, a year. 0 is no gain; more than 1 over years is rare.",
    ),
    "sortino": MetricWords("Sortino ratio", ratio, "The same with losses alone as risk: swings upwards do not count."),
    "probabilistic": MetricWords(
        "Probabilistic Sharpe ratio",
        ratio,
        "Chance that the true Sharpe ratio is above 0, had nothing else been tried.",
    ),
    "deflated": MetricWords(
        "Deflated Sharpe ratio",
        ratio,
        "Chance that it is above what the best of all tries has by luck alone; convincing from 0.95.",
    ),
    "trials": MetricWords("Variants tried", count, "What the deflated Sharpe ratio counts."),
    "max_drawdown": MetricWords(
        "Worst drawdown",
        percent,
        "The deepest fall from a highest value; its interval is of other such pasts.",
    ),
    "drawdown_days": MetricWords(
        "Days of it", count, "From the highest value until it was reached again; a dash where not yet."
    ),
    "calmar": MetricWords("Calmar ratio", ratio, "Return a year over the worst drawdown."),
    "skew": MetricWords("Skewness", ratio, "Below 0, large losses are more usual than large gains; 0 is even."),
    "kurtosis": MetricWords("Kurtosis", ratio, "How often returns are extreme; 3 of a normal distribution."),
    "beta": MetricWords("Beta", ratio, "Percent that it moves where the first leader moves by 1 %."),
    "beta_stderr": MetricWords(
        "Error of beta", error_text, "Standard error, where bars are independent of each other."
    ),
    "beta_stderr_hac": MetricWords(
        "Error of beta, robust",
        error_text,
        "Standard error, where bars follow each other and calm and wild times take turns.",
    ),
    "alpha": MetricWords("Alpha a year", percent, "What is left of the mean return without beta times the leader's."),
    "correlation": MetricWords("Correlation", ratio, "How it moves with the first leader, from -1 to 1."),
    "r_squared": MetricWords("R²", ratio, "Part of its ups and downs that the first leader's explain, from 0 to 1."),
    "time_in_market": MetricWords("Time in the market", percent, "Part of the bars with a position."),
    "mean_gross": MetricWords("Mean gross exposure", percent, "Longs and shorts together over the equity."),
    "mean_net": MetricWords("Mean net exposure", percent, "Longs less shorts over the equity."),
    "mean_positions": MetricWords("Mean positions", ratio, "How many were open at a time."),
    "turnover": MetricWords("Turnover a year", ratio, "Value of all fills, in times of the mean equity."),
    "costs_per_year": MetricWords("Costs a year", percent, "Fees, spread and slippage over the mean equity."),
    "funding_per_year": MetricWords("Funding a year", percent, "Over the mean equity; below 0 it was got, not paid."),
}
#: Groups whose numbers are the strategy's own.
_GROUPS: Final = ("strategy", "market", "deflated", "exposure", "costs")
#: Told elsewhere on the page, or in other words by a number that is told.
_ELSEWHERE: Final = frozenset({
    "bars", "costs", "funding", "traded", "drawdown_from", "drawdown_low", "drawdown_to", "expected_best", "variance",
})  # fmt: skip


def figures(metrics: Mapping[str, Any], of: str) -> dict[str, object]:
    """Return the numbers of "strategy", "btc" or "equal" by name, the known ones first and in their order."""
    groups = _GROUPS if of == "strategy" else (of,)
    found: dict[str, object] = {}
    for group in groups:
        for name, value in (metrics.get(group) or {}).items():
            if name not in _ELSEWHERE:
                found.setdefault(name, value)
    known = {name: found[name] for name in METRIC_WORDS if name in found}
    return known | found


def measure(metrics: Mapping[str, Any], of: str, name: str) -> Measure:
    """Return a number of "strategy", "btc" or "equal" with its interval; None in all parts where there is none."""
    value = figures(metrics, of).get(name)
    interval = ((metrics.get("intervals") or {}).get(of) or {}).get(name) or {}
    return Measure(
        value, as_number(interval.get("low")), as_number(interval.get("high")), str(interval.get("reason") or "")
    )


def words_of(name: str) -> MetricWords:
    """Return how a number is shown."""
    return METRIC_WORDS.get(name) or MetricWords(name, plain, "")


def measure_text(one: Measure, form: Callable[[object], str]) -> tuple[str, str]:
    """Return the number and its interval as texts; the interval is "" where there is none."""
    interval = "" if one.low is None or one.high is None else f"{form(one.low)} to {form(one.high)}"
    return form(one.value), interval
