"""How things are timed.

Contenders take turns, in one process, so that a slow minute of the machine hits all of them. Noise only ever adds
time: the smallest time is the best estimate of the cost, the median and the quartiles say how disturbed the run was.
The garbage collector rests meanwhile.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A contender whose time is used up still gets so many turns.
LEAST_TURNS = 3
CLOCK_READS = 20_000


@dataclass(frozen=True)
class Scale:
    """How much work a run does."""

    rows: int
    turns: int
    seconds: float
    """Time of one contender in one bench, after which it sits out."""
    ticks: int
    """Live updates a turn."""
    bars: int
    """Bars of a panel a turn."""
    judged: int
    """Rows of each input that are compared with exact arithmetic."""


FULL = Scale(rows=1_000_000, turns=21, seconds=2.0, ticks=20_000, bars=400, judged=200)
QUICK = Scale(rows=10_000, turns=3, seconds=0.1, ticks=300, bars=30, judged=10)


@dataclass(frozen=True)
class Error:
    """The largest error among the judged rows, in units of the reading's natural scale."""

    value: float
    judged: int
    invented: int = 0
    """Rows where a value is given and there is none."""
    lost: int = 0
    """Rows where there is a value and none is given."""


@dataclass(frozen=True)
class Line:
    """What one contender did in one bench."""

    bench: str
    contender: str
    unit: str
    least: float
    median: float
    quartiles: tuple[float, float]
    turns: int
    errors: Mapping[str, Error] = field(default_factory=dict)
    percentiles: Mapping[str, float] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        return self.quartiles[1] - self.quartiles[0]


@dataclass(frozen=True)
class Bench:
    """A bench: its name, what it measures and what a slower number would mean."""

    name: str
    about: str
    run: Callable[[Scale], list[Line]]


@contextmanager
def undisturbed() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def race(runs: Mapping[str, Callable[[], object]], scale: Scale, *, warm: bool = True) -> dict[str, list[float]]:
    """Nanoseconds of each run, taken in turns; every second turn goes backwards."""
    if warm:
        for run in runs.values():
            run()
    spent: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    with undisturbed():
        for turn in range(scale.turns):
            for name in order if turn % 2 == 0 else reversed(order):
                if len(spent[name]) >= LEAST_TURNS and sum(spent[name]) > scale.seconds * 1e9:
                    continue
                start = perf_counter_ns()
                runs[name]()
                spent[name].append(float(perf_counter_ns() - start))
    return spent


def line(
    bench: str,
    contender: str,
    unit: str,
    times: Sequence[float],
    *,
    errors: Mapping[str, Error] | None = None,
    percentiles: Mapping[str, float] | None = None,
) -> Line:
    """The line of a contender, from its time a unit in each turn."""
    low, middle, high = np.percentile(times, [25, 50, 75])
    return Line(
        bench=bench,
        contender=contender,
        unit=unit,
        least=float(min(times)),
        median=float(middle),
        quartiles=(float(low), float(high)),
        turns=len(times),
        errors=errors or {},
        percentiles=percentiles or {},
    )


def clock_overhead() -> float:
    """Nanoseconds that two reads of the clock see when nothing is between them."""
    gaps = []
    for _ in range(CLOCK_READS):
        start = perf_counter_ns()
        gaps.append(perf_counter_ns() - start)
    return float(np.median(gaps))


PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


def percentiles(samples: Sequence[Sequence[float]]) -> dict[str, float]:
    """Percentiles of single calls: of each turn, then the median over the turns; the maximum is over all."""
    table = np.array([np.percentile(turn, list(PERCENTILES.values())) for turn in samples])
    result = dict(zip(PERCENTILES, np.median(table, axis=0).tolist(), strict=True))
    result["max"] = float(table[:, -1].max())
    return result
