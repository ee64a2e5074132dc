"""The options of a coordinator, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from comove.errors import ParameterError
from comove.options import (
    LEAST_VARIANCE_WINDOW,
    MAX_LIVE_ROWS,
    MOST_LAG,
    flag,
    nanoseconds,
    symbols,
    whole,
)
from comove.structure.calculators import beta_window, rows_of
from comove.structure.laying import Laying, laying
from comove.structure.limits import LEAST_BETA, LEAST_LAGS, LEAST_SPILLOVER

__all__ = ["Settings", "settings"]

QUESTIONS: Final = ("beta", "spillover", "lead_lag")
# How long an answer may serve newer data, where that is switched on: those that change slowly serve longer.
USUAL_REUSE: Final = {"beta": "1h", "spillover": "2h", "lead_lag": "4h"}
MOST_CACHED: Final = 1 << 20
MOST_LEADERS: Final = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """All options but those of regimes; times in nanoseconds."""

    leaders: tuple[str, ...]
    window_size: int | None
    window_span: int | None
    max_rows: int | None
    max_lag: int
    lag_window: int
    spillover_window: int
    vol_window: int
    laying: Laying
    reuse: tuple[tuple[str, int], ...]
    """Question and nanoseconds an answer may serve newer data; empty where it may not."""
    cache_size: int


def settings(options: Mapping[str, Any]) -> Settings:
    """Check the options of a coordinator.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.
    DataError
        A leader twice.
    """
    names = _leaders(options["leaders"])
    size, span = beta_window(options["window_size"], options["window_span"])
    max_rows = options["max_rows"]
    if max_rows is not None:
        if span is None:
            raise ParameterError(f"max_rows goes with window_span, got max_rows={max_rows!r}", "max_rows")
        max_rows = whole("max_rows", max_rows, least=LEAST_BETA, most=MAX_LIVE_ROWS, because="2^24")
    return Settings(
        leaders=names,
        window_size=size,
        window_span=span,
        max_rows=max_rows,
        max_lag=whole("max_lag", options["max_lag"], least=1, most=MOST_LAG, because="2^12"),
        lag_window=rows_of("lag_window", options["lag_window"], LEAST_LAGS),
        spillover_window=rows_of("spillover_window", options["spillover_window"], LEAST_SPILLOVER),
        vol_window=rows_of("vol_window", options["vol_window"], LEAST_VARIANCE_WINDOW),
        laying=laying(options["join"], options["tolerance"], options["max_gap"], options["max_age"]),
        reuse=_reuse(options["reuse_within"]),
        cache_size=whole("cache_size", options["cache_size"], least=0, most=MOST_CACHED, because="2^20"),
    )


def _leaders(values: object) -> tuple[str, ...]:
    if not isinstance(values, Sequence):
        raise ParameterError(f"leaders must be a sequence of symbols, got {values!r}", "type")
    names = tuple(symbols("leaders", values))
    if len(names) > MOST_LEADERS:
        raise ParameterError(f"leaders must hold at most {MOST_LEADERS} symbols, got {len(names)}", "too_large")
    return names


def _reuse(value: object) -> tuple[tuple[str, int], ...]:
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in QUESTIONS]
        if unknown:
            raise ParameterError(
                f"reuse_within must name {', '.join(QUESTIONS)}, got {', '.join(map(repr, unknown))}", "choice"
            )
        return tuple((key, nanoseconds(f"reuse_within[{key!r}]", value[key])) for key in QUESTIONS if key in value)
    if not flag("reuse_within", value):
        return ()
    return tuple((key, nanoseconds("reuse_within", span)) for key, span in USUAL_REUSE.items())
