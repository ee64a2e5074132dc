"""Progress bars, all on the standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Report", "open_progress", "progress_bar"]

#: Takes how much is done, and of how much.
Report: TypeAlias = Callable[[int, int], None]


def open_progress() -> Progress:
    """Return bars with a description, how much is done, and the time it still takes, or took."""
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        # That of this moment.
        console=Console(file=sys.stderr),
    )


@contextmanager
def progress_bar(description: str, *, shown: bool) -> Iterator[Report]:
    """Give what tells one bar how much is done; where none is shown it does nothing.

    The bar is full at the end, whatever it was told last.
    """
    if not shown:
        yield lambda done, total: None
        return
    with open_progress() as progress:
        task = progress.add_task(description, total=None)
        most = 1

        def report(done: int, total: int) -> None:
            nonlocal most
            most = total
            progress.update(task, completed=done, total=total)

        yield report
        progress.update(task, completed=most, total=most)
