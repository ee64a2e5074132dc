"""The options of an orchestrator as a TOML file."""

from __future__ import annotations

from os import PathLike
from typing import Final

from comove.config import commented, read_file, read_text
from comove.engine.options import OrchestratorOptions

__all__ = ["options_text", "read_options_file", "read_options_text"]

_HEADING: Final = "Options of comove's orchestrator. What is left out has the value shown by `comove config --default`."
# One horizon for all, at the top.
_HIDDEN: Final = ("horizon",)


def read_options_file(path: str | PathLike[str]) -> OrchestratorOptions:
    """Return the options of a file.

    Raises
    ------
    ParameterError
        No TOML, an unknown name, a value of another type or out of its bounds; the message begins with the file.
    OSError
        A file that cannot be read.
    """
    return read_file(path, OrchestratorOptions, hidden=_HIDDEN)


def read_options_text(text: str) -> OrchestratorOptions:
    """Return the options of a text; errors are those of `read_options_file`."""
    return read_text(text, OrchestratorOptions, hidden=_HIDDEN)


def options_text(options: OrchestratorOptions | None = None) -> str:
    """Return options as a commented TOML text; the usual ones by default."""
    return commented(OrchestratorOptions() if options is None else options, heading=_HEADING, hidden=_HIDDEN)
