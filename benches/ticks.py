"""Lead and lag of asynchronous ticks: the contrast of two series at 81 lags, all of it, from prices to contrasts."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np

import tick_oracles
from accuracy import EASY
from comove.ticks import hayashi_yoshida, lag_grid
from measure import FULL, Bench, Error, Floats, Line, Scale, line, race
from tick_oracles import SECOND, Times

LAGS = lag_grid("40s", step="1s")
# Ten ticks a second, as a busy pair has.
SPACING = SECOND / 10
MILLIONS = (0.1, 1, 10)
# NumPy takes a second for it.
SMALLEST = 0.1
JUDGED = 150
DIGITS_OF_NUMPY = 1e-9

COMOVE, ALL_THREADS, NUMPY = "comove, one thread", "comove, all threads", "NumPy, searchsorted"

Ticks = tuple[Times, Floats]
Contrast = Callable[[Ticks, Ticks], Floats]


def comove(a: Ticks, b: Ticks, *, threads: int | None) -> Floats:
    return hayashi_yoshida(*a, *b, lags=LAGS, threads=threads)


def in_numpy(a: Ticks, b: Ticks) -> Floats:
    return tick_oracles.in_numpy(*a, *b, LAGS)


CONTENDERS: dict[str, Contrast] = {
    COMOVE: partial(comove, threads=1),
    ALL_THREADS: partial(comove, threads=None),
    NUMPY: in_numpy,
}


def error(contrast: Contrast) -> Error:
    """The error against exact logs and fractions, of sqrt(sum of x^2 sum of y^2)."""
    a, b = (tick_oracles.series(seed, JUDGED) for seed in (1, 2))
    levels = [tick_oracles.levels(price, "log") for _, price in (a, b)]
    exact, scale = tick_oracles.shifted_contrast(a[0], levels[0], b[0], levels[1], LAGS.tolist())
    found = contrast(a, b)
    errors = [abs(Fraction(float(x)) - y) for x, y in zip(found, exact, strict=True) if y is not None]
    return Error(float(max(errors)) / scale, len(errors))


def contrast(millions: float, scale: Scale) -> list[Line]:
    bench = f"ticks/81 lags, {millions:g}M a side"
    n = int(millions * scale.rows)
    a, b = (tick_oracles.series(seed, n, spacing=SPACING) for seed in (3, 4))
    names = [COMOVE, *([ALL_THREADS] if os.cpu_count() != 1 else []), *([NUMPY] if millions == SMALLEST else [])]
    answers = {name: CONTENDERS[name](a, b) for name in names}
    if answers.get(ALL_THREADS, answers[COMOVE]).tobytes() != answers[COMOVE].tobytes():
        raise SystemExit(f"{bench}: the number of threads matters")
    if NUMPY in answers:
        np.testing.assert_allclose(
            answers[COMOVE], answers[NUMPY], rtol=0, atol=DIGITS_OF_NUMPY * np.abs(answers[NUMPY]).max()
        )
    spent = race({name: partial(CONTENDERS[name], a, b) for name in names}, scale, warm=False)
    judged = {name: {EASY: error(CONTENDERS[name])} for name in names}
    return [line(bench, name, "ns/tick", [t / n for t in spent[name]], errors=judged[name]) for name in names]


BENCHES = [
    Bench(
        f"ticks/81 lags, {millions:g}M a side",
        f"Who leads, at lags of -40 s to 40 s, from {millions * FULL.rows:,.0f} prices a side at 10 a second; time a "
        "tick of one side. Slower: fewer pairs, or shorter histories, can be scanned.",
        partial(contrast, millions),
    )
    for millions in MILLIONS
]
