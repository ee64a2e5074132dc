"""What the commands share: where they print, and how they fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from comove.errors import ComoveError, ParameterError

__all__ = ["errors", "fail", "open_console"]

# Without a terminal rich takes COLUMNS or 80 columns, and cuts tables; logs and files are wider.
_WIDTH_OF_FILES = 120


def open_console(*, stderr: bool = False) -> Console:
    """Return a console on the standard output, or error, of this moment."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _WIDTH_OF_FILES, highlight=False)


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
