"""Live updates of one pair through Python: the mean of a tight loop, and percentiles of single calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle, islice
from time import perf_counter_ns

import numpy as np
import talib.stream
from river import stats, utils

from accuracy import EASY, Columns, Input, Judge, easy_pair, exact_pair, hard_pairs
from comove.live import RollingPair
from contenders import check
from measure import Bench, Error, Floats, Line, Scale, clock_overhead, line, percentiles, race, undisturbed

WINDOW = 30
WINDOWS = (10, 30, 100, 1000, 10_000)
# Exact rows with long windows take time: this many rows of all windows together.
JUDGED_WINDOW_ROWS = 100_000
# Turns of the slow contenders are shorter.
SLOW_TICKS = 20

COMOVE = "comove update"
TA_LIB = "TA-Lib stream CORREL"
RIVER = "river Rolling(PearsonCorr)"
CLOCK = "the clock alone"

# Takes a row, returns the main reading.
Update = Callable[[float, float], float | None]


def comove_update(history: Columns, window_size: int) -> Update:
    pair = RollingPair(window_size=window_size)
    pair.update_many(history["asset"], history["benchmark"])
    return pair.update


def comove_all(history: Columns, window_size: int) -> Update:
    """The update, and each reading asked for."""
    pair = RollingPair(window_size=window_size)
    pair.update_many(history["asset"], history["benchmark"])

    def update(asset: float, benchmark: float) -> float | None:
        pair.update(asset, benchmark)
        pair.beta, pair.alpha, pair.corr, pair.cov, pair.var, pair.var_benchmark  # noqa: B018
        pair.r_squared, pair.residual_std, pair.beta_stderr, pair.n  # noqa: B018
        return pair.beta

    return update


def talib_update(history: Columns, window_size: int) -> Update:
    return talib.stream.CORREL(history["asset"], history["benchmark"], timeperiod=window_size).update


def river_update(history: Columns, window_size: int) -> Update:
    """The correlation; its variances and covariance, hence beta, stay readable."""
    rolling = utils.Rolling(stats.PearsonCorr, window_size=window_size)
    push, corr = rolling.update, rolling.obj

    def update(asset: float, benchmark: float) -> float:
        push(asset, benchmark)
        return corr.get()

    for asset, benchmark in zip(history["asset"].tolist(), history["benchmark"].tolist(), strict=True):
        update(asset, benchmark)
    return update


Opener = Callable[[Columns, int], Update]
OPENERS: dict[str, Opener] = {
    COMOVE: comove_update,
    TA_LIB: talib_update,
    "comove update, ten readings": comove_all,
    RIVER: river_update,
}


def ticks_of(columns: Columns, ticks: int) -> list[tuple[float, float]]:
    rows = zip(columns["asset"].tolist(), columns["benchmark"].tolist(), strict=True)
    return list(islice(cycle(rows), ticks))


def loop(update: Update, ticks: Sequence[tuple[float, float]]) -> None:
    for asset, benchmark in ticks:
        update(asset, benchmark)


def sample(update: Update, ticks: Sequence[tuple[float, float]]) -> list[int]:
    """Nanoseconds of each call, the clock included."""
    clock = perf_counter_ns
    samples = [0] * len(ticks)
    for i, (asset, benchmark) in enumerate(ticks):
        start = clock()
        update(asset, benchmark)
        samples[i] = clock() - start
    return samples


def sample_clock(ticks: Sequence[tuple[float, float]]) -> list[int]:
    """The same loop around nothing: what the clock and the machine add."""
    clock = perf_counter_ns
    samples = [0] * len(ticks)
    for i, (_asset, _benchmark) in enumerate(ticks):
        start = clock()
        samples[i] = clock() - start
    return samples


def read_all(opener: Opener, reading: str, given: Input, window_size: int) -> Mapping[str, Floats]:
    """What a contender says row by row; it opens on the first window, which no judged row needs."""
    rows = given.rows
    history = {name: values[:window_size] for name, values in given.columns.items()}
    said = np.full(rows, np.nan)
    # A refused row leaves a gap.
    with suppress(ValueError, ZeroDivisionError):
        update = opener(history, window_size)
        for row in range(window_size, rows):
            value = update(float(given.columns["asset"][row]), float(given.columns["benchmark"][row]))
            said[row] = np.nan if value is None else value
    return {reading: said}


def judged(
    bench: str,
    openers: Mapping[str, Opener],
    readings: Mapping[str, str],
    inputs: Mapping[str, Input],
    window_size: int,
    judge: Judge,
) -> dict[str, dict[str, Error]]:
    """The errors of each contender, whose main reading is named in `readings`, on each input."""
    errors = {}
    for name, opener in openers.items():
        answers = {key: read_all(opener, readings[name], given, window_size) for key, given in inputs.items()}
        check(f"{bench}, {name}", answers[EASY], inputs[EASY].rows, inputs[EASY].start)
        errors[name] = {key: judge.error(key, inputs[key], said) for key, said in answers.items()}
    return errors


def rounds(runs: Mapping[str, Callable[[], list[int]]], scale: Scale) -> Iterator[dict[str, list[int]]]:
    for turn in range(max(3, scale.turns // 2)):
        order = list(runs) if turn % 2 == 0 else list(reversed(runs))
        with undisturbed():
            yield {name: runs[name]() for name in order}


def measured(
    bench: str,
    updates: Mapping[str, Update],
    shares: Mapping[str, Sequence[tuple[float, float]]],
    errors: Mapping[str, Mapping[str, Error]],
    scale: Scale,
) -> list[Line]:
    """A line a contender, from the ticks it is fed in a turn, and the line of the clock."""
    spent = race({name: partial(loop, update, shares[name]) for name, update in updates.items()}, scale)

    overhead = clock_overhead()
    longest = max(shares.values(), key=len)
    sampled: dict[str, list[Floats]] = {name: [] for name in (*updates, CLOCK)}
    runs = {name: partial(sample, update, shares[name]) for name, update in updates.items()}
    for samples in rounds({**runs, CLOCK: partial(sample_clock, longest)}, scale):
        for name, values in samples.items():
            sampled[name].append(np.maximum(np.array(values, dtype=float) - overhead, 0.0))
    lines = [
        line(
            bench,
            name,
            "ns/update",
            [t / len(shares[name]) for t in spent[name]],
            errors=errors[name],
            percentiles=percentiles(sampled[name]),
        )
        for name in updates
    ]
    return [*lines, line(bench, CLOCK, "ns/update", [0.0], percentiles=percentiles(sampled[CLOCK]))]


def live(window_size: int, names: Sequence[str], scale: Scale) -> list[Line]:
    bench = f"pair/live/w{window_size}"
    easy, hard = easy_pair(max(scale.ticks, 2 * window_size), window_size), hard_pairs(window_size)
    easy = Input(easy.columns, start=window_size)
    judge = Judge(exact_pair(window_size), max(2, min(scale.judged, JUDGED_WINDOW_ROWS // window_size)))
    openers = {name: OPENERS[name] for name in names}
    readings = {name: "beta" if name.startswith("comove") else "corr" for name in names}
    errors = judged(bench, openers, readings, {EASY: easy, **hard}, window_size, judge)
    history = {column: values[:window_size] for column, values in easy.columns.items()}
    updates = {name: opener(history, window_size) for name, opener in openers.items()}
    ticks = ticks_of(easy.columns, scale.ticks)
    shares = {name: ticks[: max(50, scale.ticks // SLOW_TICKS)] if name == RIVER else ticks for name in names}
    return measured(bench, updates, shares, errors, scale)


BENCHES = [
    Bench(
        f"pair/live/w{WINDOW}",
        "One row through Python, beta or the correlation returned; all readings of comove are kept, TA-Lib keeps the "
        "correlation. The mean is of a tight loop, the loop included. Slower: less time a tick for everything else.",
        partial(live, WINDOW, list(OPENERS)),
    ),
    *(
        Bench(
            f"pair/live/w{window_size}",
            "The same at another window. Slower than at 30: cost grows with the window.",
            partial(live, window_size, [COMOVE, TA_LIB]),
        )
        for window_size in WINDOWS
        if window_size != WINDOW
    ),
]
