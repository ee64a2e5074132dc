"""The numbers of a backtest: how each is called, how it is written, and what it says in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comove.backtest.page.numbers import as_number, count, money, percent, plain, ratio

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


_ = (count, money)
