"""Options and data as users give them, checked once for all three doors.

Everything here raises comove's own exceptions, naming the parameter, the value and the bound, before any
state is touched or a plugin call is built.
"""

from __future__ import annotations

from comove.options.data import epoch_nanoseconds, floats, series, table, timestamps
from comove.options.scalars import (
    at_least_two,
    choice,
    degrees,
    duration,
    flag,
    leader_count,
    nanoseconds,
    positive,
    symbol_name,
    symbols,
    thread_count,
    whole,
)
from comove.options.spillover import live_spillover, sides, spillover, spillover_readings, usual_lags
from comove.options.types import (
    LEAST_PAIR_WINDOW,
    LEAST_VARIANCE_WINDOW,
    MAX_LIVE_ROWS,
    MAX_ROWS,
    MOST_LAG,
    MOST_LEADERS,
    PRICES,
    STDERRS,
    USUAL_SPILLOVER_WINDOW,
    USUAL_VOL_WINDOW,
    VOLATILITIES,
    Floats,
    Returns,
    Span,
    Stderr,
    Timestamps,
    Vol,
)
from comove.options.windows import cross_asset, ewm, lags, least_joint_window, live_lags, live_window, panel, window

__all__ = [
    "LEAST_PAIR_WINDOW",
    "LEAST_VARIANCE_WINDOW",
    "MAX_LIVE_ROWS",
    "MAX_ROWS",
    "MOST_LAG",
    "MOST_LEADERS",
    "PRICES",
    "STDERRS",
    "USUAL_SPILLOVER_WINDOW",
    "USUAL_VOL_WINDOW",
    "VOLATILITIES",
    "Floats",
    "Returns",
    "Span",
    "Stderr",
    "Timestamps",
    "Vol",
    "at_least_two",
    "choice",
    "cross_asset",
    "degrees",
    "duration",
    "epoch_nanoseconds",
    "ewm",
    "flag",
    "floats",
    "lags",
    "leader_count",
    "least_joint_window",
    "live_lags",
    "live_spillover",
    "live_window",
    "nanoseconds",
    "panel",
    "positive",
    "series",
    "sides",
    "spillover",
    "spillover_readings",
    "symbol_name",
    "symbols",
    "table",
    "thread_count",
    "timestamps",
    "usual_lags",
    "whole",
    "window",
]
