"""The error of an answer against exact rational arithmetic, on inputs that are easy and on inputs that are not.

The judge is `tests/oracles.py`. A row is judged by its window alone, which is all that an answer may depend on.
Errors are in units of the reading's natural scale: 1 for a correlation, sd(asset) / sd(benchmark) for a beta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

import cases
import oracles
from measure import Error, Floats

# What is said of a row: the exact reading and its natural scale.
Exact = Mapping[str, tuple[float, float]]
Columns = Mapping[str, Floats]
EASY = "easy"

HARD_WINDOWS = 4
SPIKE = cases.SPIKE


@dataclass(frozen=True)
class Input:
    """Columns, and the first row that is judged."""

    columns: Columns
    start: int

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))


def easy_pair(rows: int, window_size: int) -> Input:
    asset, benchmark = cases.market(rows, 1)
    return Input({"asset": asset, "benchmark": benchmark}, start=min(window_size, rows) - 1)


def hard_pairs(window_size: int) -> dict[str, Input]:
    """Pairs on which rolling statistics are known to go wrong, each at least `HARD_WINDOWS` windows long."""
    rows = max(HARD_WINDOWS * window_size, 400)
    asset, benchmark = cases.market(rows, 2)
    spiked = asset.copy(), benchmark.copy()
    for values, spike in zip(spiked, (SPIKE, -0.7 * SPIKE), strict=True):
        values[window_size // 2] = spike
    fading = 10.0 ** np.linspace(0.0, -8.0, rows)
    stopped = asset.copy(), benchmark.copy()
    for values, last in zip(stopped, (0.1, 0.3), strict=True):
        values[window_size:] = last
    pairs = {
        "level 1e9": (asset + 1e9, benchmark + 1e9),
        "after spikes of 1e12": spiked,
        "fading to 1e-8": (asset * fading, benchmark * fading),
        "stopped": stopped,
        "scale 1e-150": (asset * 1e-148, benchmark * 1e-148),
    }
    start = 2 * window_size
    return {name: Input({"asset": y, "benchmark": x}, start) for name, (y, x) in pairs.items()}


def exact_pair(window_size: int) -> Callable[[Columns, int], Exact]:
    """Exact beta and correlation of the window that ends at a row."""

    def judge(columns: Columns, row: int) -> Exact:
        window = slice(row + 1 - window_size, row + 1)
        exact = oracles.pair(
            columns["asset"][window],
            columns["benchmark"][window],
            window_size=window_size,
            rows=[window_size - 1],
        )
        sd_asset, sd_benchmark = exact["sd_asset"][0], exact["sd_benchmark"][0]
        natural = float(sd_asset / sd_benchmark) if sd_benchmark > 0 else np.nan
        return {"beta": (float(exact["beta"][0]), natural), "corr": (float(exact["corr"][0]), 1.0)}

    return judge


@dataclass
class Judge:
    """Judges answers; an exact value is worked out once for all contenders."""

    exact: Callable[[Columns, int], Exact]
    judged: int

    def __post_init__(self) -> None:
        self._known: dict[tuple[str, int], Exact] = {}

    def rows(self, given: Input) -> list[int]:
        """Rows spread over the input, the first and the last that count among them."""
        return sorted({round(r) for r in np.linspace(given.start, given.rows - 1, self.judged)})

    def error(self, name: str, given: Input, answer: Mapping[str, Floats]) -> Error:
        """The largest error of any reading the answer has."""
        worst, rows = 0.0, self.rows(given)
        invented: set[int] = set()
        lost: set[int] = set()
        for row in rows:
            if (name, row) not in self._known:
                self._known[name, row] = self.exact(given.columns, row)
            for reading, (value, natural) in self._known[name, row].items():
                if reading not in answer:
                    continue
                said = float(answer[reading][row])
                if np.isnan(value):
                    if np.isfinite(said):
                        invented.add(row)
                elif not np.isfinite(said):
                    lost.add(row)
                else:
                    worst = max(worst, abs(said - value) / natural)
        return Error(worst, len(rows), len(invented), len(lost))
