"""What the commands share: where they print, and how they fail."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from comove.errors import ComoveError, ParameterError

__all__ = ["errors", "fail", "open_console", "say"]

# Without a terminal rich takes COLUMNS or 80 columns, and cuts tables; logs and files are wider.
_WIDTH_OF_FILES = 120
# Longer lines of text are hard to read.
_WIDTH_OF_TEXT = 110


def open_console(*, stderr: bool = False) -> Console:
    """Return a console on the standard output, or error, of this moment."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _WIDTH_OF_FILES, highlight=False)


def say(console: Console, *paragraphs: str) -> None:
    """Print paragraphs, each broken into lines; what begins with "- " is indented below it."""
    width = min(console.width, _WIDTH_OF_TEXT)
    for text in paragraphs:
        indent = "  " if text.startswith("- ") else ""
        console.print(textwrap.fill(text, width, subsequent_indent=indent), soft_wrap=True, markup=False)


def fail(message: str) -> click.ClickException:
    """Return the exception that prints `message` and exits with 1."""
    return click.ClickException(message)


@contextmanager
def errors() -> Iterator[None]:
    """Turn the library's exceptions into messages without a traceback: options exit with 2, all else with 1."""
    try:
        yield
    except ParameterError as error:
        raise click.UsageError(str(error)) from error
    except ComoveError as error:
        raise fail(str(error)) from error
    except OSError as error:
        raise fail(f"{error.filename or 'file'}: {error.strerror or error}") from error
