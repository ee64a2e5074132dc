"""The command line: `comove demo`, `features`, `leadlag`, `spillover`, `report`, `config`, `train-rl`, `backtest`.

Exit codes: 0 done; 1 the data, or what came of it, is not right; 2 the command was not understood.
"""

from __future__ import annotations

import click

from comove import __version__
from comove.cli.backtest import backtest_command
from comove.cli.config import config_command
from comove.cli.demo import demo_command
from comove.cli.features import features_command
from comove.cli.leadlag import leadlag_command
from comove.cli.report import report_command
from comove.cli.spillover import spillover_command
from comove.cli.train_rl import train_rl_command

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="comove")
def main() -> None:
    """Measure how strongly coins move with their leaders (Bitcoin, Ether, ...).

    Try `comove demo` first: it needs no data and takes a few seconds.
    """


main.add_command(demo_command)
main.add_command(features_command)
main.add_command(leadlag_command)
main.add_command(spillover_command)
main.add_command(report_command)
main.add_command(config_command)
main.add_command(train_rl_command)
main.add_command(backtest_command)
