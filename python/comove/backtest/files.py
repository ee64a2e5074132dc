"""Folders that one process works in, and tables that are damaged."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from comove.errors import DataError, StateError

__all__ = ["alone", "read_table", "scan_table"]


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep other processes from this place as long as this one works there; the end of a process frees it.

    Raises
    ------
    StateError
        Another one works there. Where the system or the disk cannot tell, nobody is kept away.
    """
    fcntl = _locks()
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


def _locks() -> Any | None:
    """Return the module of file locks; Windows has none."""
    try:
        return importlib.import_module("fcntl")
    except ImportError:
        return None


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
