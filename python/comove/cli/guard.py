"""`comove guard`: look for decisions of a backtest that change with what comes later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from comove.backtest import check_look_ahead
from comove.cli.backtest_options import backtest_options, read_asked
from comove.cli.console import count_text, errors, fail
from comove.files import whole_file

__all__ = ["guard_command"]


@click.command("guard", short_help="Look for decisions that look ahead.")
@backtest_options
@click.option(
    "--cuts",
    type=click.IntRange(min=1, max=1000),
    default=3,
    show_default=True,
    metavar="N",
    help="How many times the future is changed: each takes three runs that end there.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Folder for guard.json, which has what was tried and found.",
)
def guard_command(cuts: int, out: Path | None, **asked: Any) -> None:
    """Run a backtest again on other futures of the same past, and compare every decision.

    After a bar the future is cut off, replaced by other candles, or given other coins. No decision up to that bar may
    change by a bit; where one does, something looks ahead, and the exit code is 1.

    \b
    Example:
    comove guard --config strategy.toml --data candles
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        wanted = read_asked(**asked, out=out)
        found = check_look_ahead(
            wanted.frames,
            options=wanted.options,
            costs=wanted.costs,
            plan=wanted.plan,
            agent=wanted.agent,
            cuts=cuts,
            seed=wanted.seed,
            workers=wanted.workers,
            progress=True,
        )
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found.to_dict(), indent=1) + "\n"
            whole_file(out / "guard.json", lambda draft: draft.write_text(text, encoding="utf-8"))
    if found.found:
        raise fail("\n".join(str(each) for each in found.found))
    runs = len(found.cuts) * len(found.futures)
    click.echo(
        f"Nothing looks ahead: {count_text(found.decisions, 'decision')}, of which {found.acted} were more than to "
        f"hold, are the same in {count_text(runs, 'run')} on other futures."
    )
    if not found.acted:
        click.echo("Nothing was bought or sold, so that only predictions were tried.")
