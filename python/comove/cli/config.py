"""`comove config`: print the options of the orchestrator, or check a file of them."""

from __future__ import annotations

from pathlib import Path

import click

from comove.cli.console import errors
from comove.engine.files import options_text, read_options_file

__all__ = ["config_command"]


@click.command("config", short_help="Print the options of the orchestrator, or check a file.")
@click.option(
    "--default", "default", is_flag=True, help="Print every option with its usual value, as a commented file."
)
@click.option(
    "--check",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="FILE.toml",
    help="Read a file, and print all options as they are then.",
)
def config_command(default: bool, check: Path | None) -> None:
    """Print the options of the orchestrator as one TOML file.

    A file needs only what differs from the usual. What is unknown, of another type or out of its bounds is refused, by
    name.

    \b
    Example:
    comove config --default > strategy.toml
    comove config --check strategy.toml
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    if default == (check is not None):
        raise click.UsageError("say one of --default and --check")
    with errors():
        click.echo(options_text(None if check is None else read_options_file(check)), nl=False)
