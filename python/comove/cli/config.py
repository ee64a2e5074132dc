"""`comove config`: print the options of the orchestrator, or check a file of them."""

from __future__ import annotations

from pathlib import Path

import click

from comove.backtest import Costs
from comove.cli.console import errors
from comove.config import commented
from comove.engine.files import options_text, read_options_file

__all__ = ["config_command"]

_COSTS = "What trading costs in a backtest of comove. What is left out has the value shown here."


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
@click.option("--costs", "costs", is_flag=True, help="Print the costs of a backtest, for its --costs.")
def config_command(default: bool, check: Path | None, costs: bool) -> None:
    """Print the options of the orchestrator as one TOML file.

    A file needs only what differs from the usual. What is unknown, of another type or out of its bounds is refused, by
    name.

    \b
    Example:
    comove config --default > strategy.toml
    comove config --check strategy.toml
    comove config --costs > costs.toml
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    if [default, check is not None, costs].count(True) != 1:
        raise click.UsageError("say one of --default, --check and --costs")
    with errors():
        if costs:
            click.echo(commented(Costs(), heading=_COSTS), nl=False)
            return
        click.echo(options_text(None if check is None else read_options_file(check)), nl=False)
