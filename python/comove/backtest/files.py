"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["whole_file"]


def whole_file(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that then takes the place of `file`; a process that is killed leaves the old one."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        write(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
