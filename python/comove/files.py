"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["draft_of", "whole_file"]


def draft_of(file: Path) -> Path:
    """Return the name under which this process makes a file, in the same folder."""
    return file.with_name(f".{file.name}.{os.getpid()}")


def whole_file(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that then takes the place of `file`; a process that is killed leaves the old one."""
    draft = draft_of(file)
    try:
        write(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
