"""What the commands share: where they print, and how they fail."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from comove.errors import ComoveError, ParameterError

__all__ = ["count_text", "errors", "fail", "number_text", "open_console", "say"]

# Without a terminal rich takes COLUMNS or 80 columns, and cuts tables; logs and files are wider.
_WIDTH_OF_FILES = 120
# Longer lines of text are hard to read.
_WIDTH_OF_TEXT = 110


def open_console() -> Console:
    """Return a console on the standard output of this moment."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES, highlight=False)


def number_text(value: float | None, digits: int = 2) -> str:
    """Return a number with some decimals, without the sign of a zero; "-" where there is none."""
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def count_text(count: int, what: str) -> str:
    """Return how many there are of something, as in "1 pair" and "2 pairs"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


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
