"""Processes side by side, of one thread each, which are gone as soon as the one that began them is."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["worker_pool"]

#: Read by a library of linear algebra when it is loaded. A bar's matrices are small: threads that wait for one another
#: took half of the processors' time, and the processes are as many as the processors already.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@contextmanager
def worker_pool(workers: int, begin: Callable[..., None], *common: Any) -> Iterator[ProcessPoolExecutor]:
    """Let a number of processes wait for work.

    Parameters
    ----------
    workers : int
        How many. They begin with a new interpreter, so a script needs ``if __name__ == "__main__":``.
    begin : callable
        Called in each of them with what their work has in `common`; both can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    with (
        _single_threads(),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(begin, common)) as pool,
    ):
        yield pool


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


def _begin(begin: Callable[..., None], common: tuple[Any, ...]) -> None:
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    begin(*common)


def _leave_with_parent() -> None:
    """End this process where the one that began it has been killed: nobody wants its work, and another may do it again.

    A process that waits for work would wait for ever: it holds both ends of the pipe that work comes through.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # What is written is whole at any time; there is nobody to tell.
        os._exit(1)
