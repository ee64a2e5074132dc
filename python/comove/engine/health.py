"""Whether all parts work: stale data, missing leaders, sources, failures, and the time that each stage takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = ["Failure", "HealthReport", "StageClock", "StageTime"]

#: Bars whose times are kept.
_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that failed in a bar."""

    ts: int
    stage: str
    symbol: str | None
    """None for all symbols."""
    error: str


@dataclass(frozen=True, slots=True)
class StageTime:
    """Milliseconds that a stage takes, over the last 1000 bars."""

    last: float
    median: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The state of all parts after a bar."""

    ts: int | None
    """Time of the last bar in nanoseconds."""
    bars: int
    stale: Mapping[str, int]
    """Rows since the last candle of each symbol that had none in the last bar."""
    missing_leaders: tuple[str, ...]
    """Leaders without a candle in the last bar."""
    breaking_leaders: tuple[str, ...]
    refused: Mapping[str, str]
    """Candles of the last bar that were refused, and why."""
    sources: Mapping[str, str]
    """Status of each prediction source, in words."""
    failing_sources: tuple[str, ...]
    """Those that failed in the last bar, or were turned off for it."""
    failures: tuple[Failure, ...]
    """The last ones, the newest last."""
    halted: str | None
    """Why no positions are opened; None where they may be."""
    latency: Mapping[str, StageTime]
    """Of each stage in their order, and of ``bar``, the whole."""

    @property
    def ok(self) -> bool:
        """Whether nothing is stale, missing, refused or failed in the last bar."""
        failed = any(failure.ts == self.ts for failure in self.failures)
        return not (self.stale or self.missing_leaders or self.refused or self.failing_sources or failed)

    def __str__(self) -> str:
        lines = [f"{self.bars} bars; {'all well' if self.ok else 'not all well'}"]
        if self.missing_leaders:
            lines.append(f"leaders without a candle: {', '.join(self.missing_leaders)}")
        if self.breaking_leaders:
            lines.append(f"leaders breaking down: {', '.join(self.breaking_leaders)}")
        lines += [f"{symbol} is stale for {rows} rows" for symbol, rows in self.stale.items()]
        lines += [f"{symbol} was refused: {why}" for symbol, why in self.refused.items()]
        lines += [f"source {name}: {status}" for name, status in self.sources.items()]
        lines += [f"{each.stage} failed for {each.symbol or 'all'}: {each.error}" for each in self.failures]
        if self.halted:
            lines.append(f"halted: {self.halted}")
        lines += [
            f"{stage}: {each.median:.2f} ms (last {each.last:.2f}, p99 {each.p99:.2f})"
            for stage, each in self.latency.items()
        ]
        return "\n".join(lines)


class StageClock:
    """Times of the stages of a bar. It is not part of any state: decisions do not depend on it."""

    __slots__ = ("_at", "_began", "_now", "_times")

    def __init__(self) -> None:
        self._times: dict[str, deque[int]] = {}
        self._now: dict[str, int] = {}
        self._began = self._at = 0

    def start(self) -> None:
        """Begin a bar."""
        self._began = self._at = time.perf_counter_ns()
        self._now = {}

    def mark(self, stage: str) -> None:
        """End a stage that began where the one before ended; one that comes several times in a bar is summed."""
        now = time.perf_counter_ns()
        self._now[stage] = self._now.get(stage, 0) + now - self._at
        self._at = now

    def stop(self) -> None:
        """End the bar."""
        self._now["bar"] = time.perf_counter_ns() - self._began
        for stage, spent in self._now.items():
            self._times.setdefault(stage, deque(maxlen=_KEPT)).append(spent)

    def report(self) -> dict[str, StageTime]:
        """Return the times of each stage in milliseconds."""
        out = {}
        for stage, spent in self._times.items():
            each = np.array(spent) / 1e6
            out[stage] = StageTime(float(each[-1]), float(np.median(each)), float(np.quantile(each, 0.99)))
        return out
