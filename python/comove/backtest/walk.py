"""All folds of a walk-forward: side by side in processes, with what is done told as it is done."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import polars as pl

from comove.backtest.replay import FoldRun

__all__ = ["run_folds"]

#: Takes the number of a run and the bars of it that are done.
Told: TypeAlias = Callable[[int, int], None]
Beside: TypeAlias = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]

_SECONDS: Final = 0.2
#: Read by a library of linear algebra when it is loaded. A bar's matrices are small: threads that wait for one another
#: took half of the processors' time, and the processes are as many as the processors already.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")

#: Of a worker: the candles, which all its runs share, the way to tell, and the process that wants to know.
_shared: dict[str, Any] = {}


class _Orphaned(Exception):
    """The process that waits for the result is gone; another one may go on with the same folder."""


def run_folds(
    runs: Sequence[FoldRun],
    frames: Mapping[str, pl.DataFrame],
    workers: int,
    told: Told,
    beside: Sequence[Beside] = (),
) -> list[pl.DataFrame]:
    """Run what of these folds is still to be run, and what else is to be made of the candles.

    Parameters
    ----------
    runs : sequence of FoldRun
        Each with a folder of its own.
    frames : mapping of str to DataFrame
        Candles of all symbols.
    workers : int
        Processes; with 1 all happens in this one. Others begin with a new interpreter, so a script that asks for them
        needs ``if __name__ == "__main__":``.
    told : callable
    beside : sequence of callable
        Each is called with the candles, by a process that has no fold to run any more; they can be pickled.

    Returns
    -------
    list of DataFrame
        What `beside` returned.

    Raises
    ------
    Exception
        What a fold raised first; folds that are done stay done, and the others are stopped where they were saved last.
    """
    if workers == 1 or len(runs) == 1:
        for number, run in enumerate(runs):
            run.run(frames, partial(told, number))
        return [make(frames) for make in beside]
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    others = multiprocessing.active_children()
    with (
        _single_threads(),
        ProcessPoolExecutor(
            min(workers, len(runs)), mp_context=context, initializer=_begin, initargs=(dict(frames), news, os.getpid())
        ) as pool,
    ):
        waiting: set[Future[Any]] = {pool.submit(_run, number, run) for number, run in enumerate(runs)}
        made = [pool.submit(_make, make) for make in beside]
        waiting.update(made)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_SECONDS, return_when=FIRST_COMPLETED)
                _hear(news, told)
                for each in done:
                    each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # They would go on to the end of their folds.
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise
        _hear(news, told)
        return [each.result() for each in made]


@contextmanager
def _single_threads() -> Iterator[None]:
    """Let processes that begin meanwhile use one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _hear(news: Any, told: Told) -> None:
    while True:
        try:
            told(*news.get_nowait())
        except queue.Empty:
            return


def _begin(frames: Mapping[str, pl.DataFrame], news: Any, parent: int) -> None:
    _shared.update(frames=frames, news=news, parent=parent)


def _make(make: Beside) -> pl.DataFrame:
    return make(_shared["frames"])


def _run(number: int, run: FoldRun) -> None:
    def told(bars: int) -> None:
        if os.getppid() != _shared["parent"]:
            raise _Orphaned
        _shared["news"].put((number, bars))

    run.run(_shared["frames"], told)
