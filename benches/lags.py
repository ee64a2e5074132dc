"""Correlations at 21 lags over a sliding window, which of them is the largest, and the same live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl

import cases
import comove as cm
import oracles
from accuracy import EASY, Columns, Exact, Input, Judge, hard_pairs
from comove import arrays
from comove.live import LagScanner
from contenders import Contender, compare, floats, pair_frame, read_struct, threads
from live import Opener, Update, judged, measured, ticks_of
from measure import Bench, Floats, Line, Scale

WINDOW = 30
WINDOWS = (30, 240, 1440, 10_000)
# The polars expressions take seconds; they have the same cost at any window.
POLARS_WINDOWS = (30, 240)
INFERENCE_WINDOW = 240
# Inference looks at every row of every window: one row in so many is enough.
INFERENCE_SHARE = 50
MAX_LAG = 10
LAGS = tuple(range(-MAX_LAG, MAX_LAG + 1))
# The asset of the easy input does what the leader did so many rows ago.
LED_BY = 2
# Lags whose correlations are compared with exact arithmetic: the ends, the one of the leader, the middle, one beyond.
JUDGED_LAGS = (-MAX_LAG, -LED_BY, 0, 1, MAX_LAG)
# Exact rows with long windows take time: this many rows of all windows and lags together.
JUDGED_WINDOW_ROWS = 200_000

ARRAYS_OUT = "comove arrays, out="
EXPRESSION = "comove expression"
POLARS = "21 polars expressions"
INFERENCE = "comove arrays, inference, all processors"
UPDATE = "comove update"
UPDATE_READ = "comove update, lag, corr, llr"


# --- inputs and exact answers; the leader is the benchmark of the pair ---


def led_pair(rows: int, window_size: int) -> Input:
    """Returns in which the leader moves first."""
    asset, leader = cases.market(rows + LED_BY, 1)
    return Input({"asset": asset[:rows].copy(), "benchmark": leader[LED_BY:].copy()}, start=window_size + MAX_LAG - 1)


def batch_rows(window_size: int, scale: Scale) -> int:
    return max(scale.rows, 4 * window_size)


def hard(window_size: int) -> dict[str, Input]:
    """At the shortest window alone: longer ones are judged by the tests."""
    return hard_pairs(window_size) if window_size == WINDOW else {}


def exact_corr(columns: Columns, row: int, lag: int, window_size: int) -> float:
    """Pairs leader[s + lag] with asset[s], or leader[s] with asset[s - lag], whichever is not after the row."""
    ends = {"asset": row + 1 - max(lag, 0), "benchmark": row + 1 - max(-lag, 0)}
    y, x = (columns[name][end - window_size : end] for name, end in ends.items())
    return float(oracles.pair(y, x, window_size=window_size, rows=[window_size - 1])["corr"][0])


def exact_lags(window_size: int) -> Callable[[Columns, int], Exact]:
    return lambda columns, row: {f"lag {lag}": (exact_corr(columns, row, lag, window_size), 1.0) for lag in JUDGED_LAGS}


def exact_scan(window_size: int) -> Callable[[Columns, int], Exact]:
    def judge(columns: Columns, row: int) -> Exact:
        corrs = {lag: exact_corr(columns, row, lag, window_size) for lag in LAGS}
        if np.isnan(list(corrs.values())).any():
            return {"lag": (np.nan, 1.0), "corr": (np.nan, 1.0)}
        best = min(corrs, key=lambda lag: (-abs(corrs[lag]), abs(lag), lag))
        return {"lag": (float(best), 1.0), "corr": (corrs[best], 1.0)}

    return judge


def judge_of(exact: Callable[[Columns, int], Exact], lags: int, window_size: int, scale: Scale) -> Judge:
    return Judge(exact, max(2, min(scale.judged // 4, JUDGED_WINDOW_ROWS // (lags * window_size))))


# --- correlations at every lag ---


def by_lag(table: Floats) -> Mapping[str, Floats]:
    return {f"lag {lag}": table[:, i] for i, lag in enumerate(LAGS)}


def corrs_arrays(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        y, x = columns["asset"], columns["benchmark"]
        out = np.zeros((len(y), len(LAGS)))
        return partial(
            arrays.cross_correlation,
            y,
            x,
            window_size=window_size,
            max_lag=MAX_LAG,
            threads=pl.thread_pool_size(),
            out=out,
        )

    return Contender(ARRAYS_OUT, prepare, by_lag)


def corrs_expression(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = cm.cross_correlation("asset", "benchmark", window_size=window_size, max_lag=MAX_LAG)
        return partial(pair_frame(columns).select, expression)

    def read(frame: pl.DataFrame) -> Mapping[str, Floats]:
        return by_lag(floats(frame.to_series().explode()).reshape(-1, len(LAGS)))

    return Contender(EXPRESSION, prepare, read)


def corrs_polars(window_size: int) -> Contender:
    """A rolling correlation of shifted columns for each lag, all of them in one select."""

    def at(lag: int) -> pl.Expr:
        y, x = pl.col("asset").shift(max(lag, 0)), pl.col("benchmark").shift(max(-lag, 0))
        return pl.rolling_corr(y, x, window_size=window_size, min_samples=window_size).alias(f"lag {lag}")

    def prepare(columns: Columns) -> Any:
        return partial(pair_frame(columns).select, [at(lag) for lag in LAGS])

    return Contender(POLARS, prepare, lambda frame: {name: floats(frame[name]) for name in frame.columns})


def corrs_name(window_size: int) -> str:
    return f"cross_correlation/batch, {threads()}/w{window_size}"


def corrs(window_size: int, scale: Scale) -> list[Line]:
    contenders = [corrs_arrays(window_size), corrs_expression(window_size)]
    if window_size in POLARS_WINDOWS:
        contenders.append(corrs_polars(window_size))
    judge = judge_of(exact_lags(window_size), len(JUDGED_LAGS), window_size, scale)
    easy = led_pair(batch_rows(window_size, scale), window_size)
    return compare(corrs_name(window_size), contenders, easy, hard(window_size), judge, scale)


# --- which lag ---


def scan_arrays(name: str, window_size: int, *, inference: bool = False, rows: int | None = None) -> Contender:
    def prepare(columns: Columns) -> Any:
        y, x = columns["asset"], columns["benchmark"]
        out = np.zeros((7 if inference else 4, len(y)))
        options = {
            "window_size": window_size,
            "max_lag": MAX_LAG,
            "inference": inference,
            "threads": pl.thread_pool_size(),
        }
        return partial(arrays.lag_scan, y, x, out=out, **options)

    return Contender(name, prepare, lambda answer: answer, rows=rows)


def scan_expression(window_size: int) -> Contender:
    def prepare(columns: Columns) -> Any:
        expression = cm.lag_scan("asset", "benchmark", window_size=window_size, max_lag=MAX_LAG)
        return partial(pair_frame(columns).select, expression)

    return Contender(EXPRESSION, prepare, read_struct)


def scan(window_size: int, scale: Scale) -> list[Line]:
    contenders = [scan_arrays(ARRAYS_OUT, window_size), scan_expression(window_size)]
    judge = judge_of(exact_scan(window_size), len(LAGS), window_size, scale)
    easy = led_pair(batch_rows(window_size, scale), window_size)
    return compare(f"lag_scan/batch/w{window_size}", contenders, easy, hard(window_size), judge, scale)


def scan_inference(scale: Scale) -> list[Line]:
    rows = max(2 * INFERENCE_WINDOW, scale.rows // INFERENCE_SHARE)
    contenders = [
        scan_arrays(ARRAYS_OUT, INFERENCE_WINDOW),
        scan_arrays(INFERENCE, INFERENCE_WINDOW, inference=True, rows=rows),
    ]
    judge = judge_of(exact_scan(INFERENCE_WINDOW), len(LAGS), INFERENCE_WINDOW, scale)
    easy = led_pair(batch_rows(INFERENCE_WINDOW, scale), INFERENCE_WINDOW)
    return compare(f"lag_scan/batch, inference/w{INFERENCE_WINDOW}", contenders, easy, {}, judge, scale)


# --- live ---


def scanner(history: Columns, window_size: int) -> LagScanner:
    opened = LagScanner(MAX_LAG, window_size=window_size)
    opened.update_many(history["asset"], history["benchmark"])
    return opened


def update(history: Columns, window_size: int) -> Update:
    return scanner(history, window_size).update


def update_read(history: Columns, window_size: int) -> Update:
    """The update, and each reading asked for; the correlation is returned."""
    opened = scanner(history, window_size)

    def run(asset: float, leader: float) -> float | None:
        opened.update(asset, leader)
        opened.lag, opened.llr  # noqa: B018
        return opened.corr

    return run


def live(window_size: int, scale: Scale) -> list[Line]:
    bench = f"lag_scan/live/w{window_size}"
    openers: dict[str, Opener] = {UPDATE: update}
    if window_size == WINDOW:
        openers[UPDATE_READ] = update_read
    easy = led_pair(max(scale.ticks, 2 * window_size), window_size)
    judge = judge_of(exact_scan(window_size), len(LAGS), window_size, scale)
    inputs = {EASY: easy, **hard(window_size)}
    errors = judged(bench, openers, {UPDATE: "lag", UPDATE_READ: "corr"}, inputs, window_size, judge)
    history = {name: values[: window_size + MAX_LAG] for name, values in easy.columns.items()}
    updates = {name: opener(history, window_size) for name, opener in openers.items()}
    ticks = ticks_of(easy.columns, scale.ticks)
    return measured(bench, updates, dict.fromkeys(updates, ticks), errors, scale)


def corrs_bench(window_size: int) -> Bench:
    return Bench(
        corrs_name(window_size),
        "Correlations at the lags -10 to 10, into memory that is there already if it says out=; 21 rolling "
        "correlations of shifted columns in one select beside it. Slower: fewer pairs of coins can be searched.",
        partial(corrs, window_size),
    )


# Again with as many threads as Polars takes by itself.
BENCHES_OF_POLARS = [corrs_bench(window_size) for window_size in POLARS_WINDOWS]
BENCHES = [
    *(corrs_bench(window_size) for window_size in WINDOWS),
    *(
        Bench(
            f"lag_scan/batch/w{window_size}",
            "The lag of the largest of 21 correlations, that correlation, llr and n. Slower: reading off the lags "
            "costs more than the correlations do.",
            partial(scan, window_size),
        )
        for window_size in WINDOWS
    ),
    Bench(
        f"lag_scan/batch, inference/w{INFERENCE_WINDOW}",
        "With the three p-values, on fewer rows: all pairs of each window at each lag are looked at. They alone use "
        "all processors. Slower: p-values can be had for fewer rows.",
        scan_inference,
    ),
    *(
        Bench(
            f"lag_scan/live/w{window_size}",
            "One row through Python, the lag returned, all readings kept. Slower: less time a tick for the rest.",
            partial(live, window_size),
        )
        for window_size in WINDOWS
    ),
]
