"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from comove.errors import DataError, StateError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["alone", "read_table", "scan_table", "whole_file"]


def whole_file(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that then takes the place of `file`; a process that is killed leaves the old one."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        write(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep other processes from this place as long as this one works there; the end of a process frees it.

    Raises
    ------
    StateError
        Another one works there. Where the system or the disk cannot tell, nobody is kept away.
    """
    with file.open("rb") as held:
        if fcntl is not None:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(
                    f"{file.parent}: another process is at work there; take another folder", "busy"
                ) from error
            except OSError:
                pass
        yield


def read_table(file: Path) -> pl.DataFrame:
    """Return the table of a Parquet file.

    Raises
    ------
    DataError
        There is none, or it is damaged.
    """
    with _named(file):
        return pl.read_parquet(file)


def scan_table(file: Path) -> pl.LazyFrame:
    """Return the table of a Parquet file to be read later; raise as `read_table`, where not its rows are damaged."""
    with _named(file):
        pl.read_parquet_schema(file)
        return pl.scan_parquet(file)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{file}: cannot be read as Parquet: {reason[0]}", "file_unreadable") from error
