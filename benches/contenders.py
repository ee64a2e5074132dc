"""A contender of a batch bench, and the race that measures and judges all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from accuracy import EASY, Columns, Input, Judge
from measure import Error, Floats, Line, Scale, line, race


@dataclass(frozen=True)
class Contender:
    """A way to compute something."""

    name: str
    prepare: Callable[[Columns], Callable[[], Any]]
    """Set up, not timed; returns what is timed."""
    read: Callable[[Any], Mapping[str, Floats]]
    """The readings of what that returned, as arrays; not timed."""
    rows: int | None = None
    """Fewer rows than the others get, for the very slow."""

    def answer(self, columns: Columns) -> Mapping[str, Floats]:
        return self.read(self.prepare(columns)())

    def share(self, columns: Columns) -> Columns:
        return {name: values[: self.rows] for name, values in columns.items()}


def compare(
    bench: str, contenders: Sequence[Contender], easy: Input, hard: Mapping[str, Input], judge: Judge, scale: Scale
) -> list[Line]:
    """One line a contender: nanoseconds a row of the easy input, errors on all inputs."""
    shares = {c.name: c.share(easy.columns) for c in contenders}
    runs = {c.name: c.prepare(shares[c.name]) for c in contenders}
    rows = {name: len(next(iter(columns.values()))) for name, columns in shares.items()}
    first = {c.name: c.read(runs[c.name]()) for c in contenders}
    errors = {}
    for c in contenders:
        check(f"{bench}, {c.name}", first[c.name], rows[c.name], easy.start)
        shortened = Input(shares[c.name], easy.start)
        # The judge remembers rows by the input's name: a shorter input is another input.
        label = EASY if c.rows is None else f"{EASY} {c.name}"
        errors[c.name] = {EASY: judge.error(label, shortened, first[c.name])} | judged(c, hard, judge)
    del first
    times = race(runs, scale, warm=False)
    return [
        line(bench, name, "ns/row", [t / rows[name] for t in spent], errors=errors[name])
        for name, spent in times.items()
    ]


def judged(contender: Contender, hard: Mapping[str, Input], judge: Judge) -> dict[str, Error]:
    return {name: judge.error(name, given, contender.answer(given.columns)) for name, given in hard.items()}


def check(what: str, answer: Mapping[str, Floats], rows: int, start: int) -> None:
    """Stop if a result is not of the right length, or not finite where it should be."""
    for reading, values in answer.items():
        if values.shape != (rows,):
            raise SystemExit(f"{what}: {reading} has shape {values.shape} instead of {(rows,)}")
        if not np.isfinite(values[start:]).all():
            raise SystemExit(f"{what}: {reading} is not finite from row {start} on")


def floats(series: pl.Series) -> Floats:
    """A Polars column as an array, null as NaN."""
    return series.cast(pl.Float64).fill_null(np.nan).to_numpy()


def column(name: str) -> Callable[[pl.DataFrame], Mapping[str, Floats]]:
    """Reads the only column of a frame, as the reading `name`."""
    return lambda frame: {name: floats(frame.to_series())}


def pair_frame(columns: Columns) -> pl.DataFrame:
    return pl.DataFrame(dict(columns))


def read_struct(frame: pl.DataFrame) -> Mapping[str, Floats]:
    """Reads the only column of a frame, a struct, as a reading a field."""
    fields = frame.to_series().struct.unnest()
    return {name: floats(fields[name]) for name in fields.columns}


def threads() -> str:
    """The number of threads of Polars, for names; it is fixed when Polars is imported."""
    return f"{pl.thread_pool_size()} thread{'s' * (pl.thread_pool_size() > 1)}"
