"""Volatility spillover from returns: rolling volatilities, and the regression of one on the other, batch and live."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl

import comove as cm
import oracles
from accuracy import EASY, Columns, Exact, Input, Judge, easy_pair
from comove import arrays
from comove.live import SpilloverMonitor
from contenders import Contender, compare, floats, pair_frame, read_struct
from live import Opener, Update, judged, measured, ticks_of
from measure import Bench, Line, Scale

WINDOW, VOL_WINDOW = 240, 20
# Rows that an answer depends on.
REACH = WINDOW + VOL_WINDOW - 1
JUDGED = 50

ARRAYS_OUT = "comove arrays, out="
EXPRESSION = "comove expression"
POLARS = "polars expressions (coefficient, corr, r_squared)"
UPDATE = "comove update"
UPDATE_READ = "comove update, five readings"


def exact(columns: Columns, row: int) -> Exact:
    """From exact volatilities, each correctly rounded; a coefficient in units of sd(asset vol) / sd(source vol)."""
    seen = slice(row + 1 - REACH, row + 1)
    vols = oracles.pair(columns["asset"][seen], columns["benchmark"][seen], window_size=VOL_WINDOW)
    y, x = (vols[name][VOL_WINDOW - 1 :] for name in ("sd_asset", "sd_benchmark"))
    found = oracles.pair(y, x, window_size=WINDOW, rows=[WINDOW - 1])
    natural = float(found["sd_asset"][0] / found["sd_benchmark"][0])
    return {"coefficient": (float(found["beta"][0]), natural), "corr": (float(found["corr"][0]), 1.0)}


def judge_of(scale: Scale) -> Judge:
    return Judge(exact, min(scale.judged, JUDGED))


def inputs(rows: int) -> Input:
    return Input(easy_pair(max(rows, 4 * WINDOW), WINDOW).columns, start=REACH - 1)


# --- batch ---


def judged_readings(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the half-life, which is missing where a volatility does not fade."""
    return {name: answer[name] for name in ("coefficient", "corr", "r_squared")}


def in_arrays() -> Contender:
    def prepare(columns: Columns) -> Any:
        y, x = columns["asset"], columns["benchmark"]
        out = np.zeros((5, len(y)))
        return partial(arrays.rolling_spillover, y, x, window_size=WINDOW, vol_window=VOL_WINDOW, out=out)

    return Contender(ARRAYS_OUT, prepare, judged_readings)


def expression() -> Contender:
    def prepare(columns: Columns) -> Any:
        chosen = cm.rolling_spillover("asset", "benchmark", window_size=WINDOW, vol_window=VOL_WINDOW)
        return partial(pair_frame(columns).select, chosen)

    return Contender(EXPRESSION, prepare, lambda frame: judged_readings(read_struct(frame)))


def in_polars() -> Contender:
    """Three of the five readings, the shared moments computed once."""
    y, x = pl.col("asset"), pl.col("benchmark")
    vols = [column.rolling_std(VOL_WINDOW, min_samples=VOL_WINDOW) for column in (y, x)]
    options: dict[str, int] = {"window_size": WINDOW, "min_samples": WINDOW}
    moments = [
        (pl.rolling_cov(y, x, **options) / x.rolling_var(**options)).alias("coefficient"),
        pl.rolling_corr(y, x, **options).alias("corr"),
    ]

    def prepare(columns: Columns) -> Any:
        frame = pair_frame(columns)
        return lambda: frame.select(vols).select(moments).with_columns((pl.col("corr") ** 2).alias("r_squared"))

    return Contender(POLARS, prepare, lambda frame: {name: floats(frame[name]) for name in frame.columns})


def batch(scale: Scale) -> list[Line]:
    contenders = [in_arrays(), expression(), in_polars()]
    return compare(f"spillover/batch/w{WINDOW}", contenders, inputs(scale.rows), {}, judge_of(scale), scale)


# --- live ---


def monitor(history: Columns, window_size: int) -> SpilloverMonitor:
    opened = SpilloverMonitor(window_size=window_size, vol_window=VOL_WINDOW)
    opened.update_many(history["asset"], history["benchmark"])
    return opened


def update(history: Columns, window_size: int) -> Update:
    return monitor(history, window_size).update


def update_read(history: Columns, window_size: int) -> Update:
    """The update, and each reading asked for."""
    opened = monitor(history, window_size)

    def run(asset: float, source: float) -> float | None:
        opened.update(asset, source)
        opened.corr, opened.r_squared, opened.half_life, opened.n  # noqa: B018
        return opened.coefficient

    return run


def live(scale: Scale) -> list[Line]:
    bench = f"spillover/live/w{WINDOW}"
    openers: dict[str, Opener] = {UPDATE: update, UPDATE_READ: update_read}
    easy = inputs(scale.ticks)
    errors = judged(bench, openers, dict.fromkeys(openers, "coefficient"), {EASY: easy}, WINDOW, judge_of(scale))
    history = {name: values[:REACH] for name, values in easy.columns.items()}
    updates = {name: opener(history, WINDOW) for name, opener in openers.items()}
    ticks = ticks_of(easy.columns, scale.ticks)
    return measured(bench, updates, dict.fromkeys(updates, ticks), errors, scale)


BENCHES = [
    Bench(
        f"spillover/batch/w{WINDOW}",
        "From returns to coefficient, corr, r_squared, half_life and n, volatilities over 20 rows; the polars "
        "expressions have no half-life. Slower: fewer pairs can be followed over long histories.",
        batch,
    ),
    Bench(
        f"spillover/live/w{WINDOW}",
        "One row of returns through Python, the coefficient returned, all readings kept. Slower: less time a tick for "
        "everything else.",
        live,
    ),
]
