"""All folds of a walk-forward: side by side in processes, with what is done told as it is done."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any, Final, TypeAlias

import polars as pl

from comove.backtest.replay import FoldRun
from comove.backtest.workers import worker_pool

__all__ = ["run_folds"]

#: Takes the number of a run and the bars of it that are done.
Told: TypeAlias = Callable[[int, int], None]
Beside: TypeAlias = Callable[[Mapping[str, pl.DataFrame]], pl.DataFrame]

_SECONDS: Final = 0.2
#: Of a worker: the candles, which all its runs share, and the way to tell.
_shared: dict[str, Any] = {}


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
    news: Any = multiprocessing.get_context("spawn").Queue()
    others = multiprocessing.active_children()
    with worker_pool(min(workers, len(runs)), _begin, dict(frames), news) as pool:
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


def _hear(news: Any, told: Told) -> None:
    while True:
        try:
            told(*news.get_nowait())
        except queue.Empty:
            return


def _begin(frames: Mapping[str, pl.DataFrame], news: Any) -> None:
    _shared.update(frames=frames, news=news)


def _make(make: Beside) -> pl.DataFrame:
    return make(_shared["frames"])


def _run(number: int, run: FoldRun) -> None:
    def told(bars: int) -> None:
        _shared["news"].put((number, bars))

    run.run(_shared["frames"], told)
