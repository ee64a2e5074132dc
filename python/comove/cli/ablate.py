"""`comove ablate`: a strategy with market structure switched off part by part, compared bar by bar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from comove.backtest import Ablation, ablate
from comove.backtest.page import ablation_page
from comove.backtest.variants import ALL, PARTS, variants
from comove.cli.backtest_options import backtest_options, read_asked
from comove.cli.console import errors, fail, number_text, open_console, say
from comove.cli.folder import write_page
from comove.plots import check_plotly

__all__ = ["ablate_command"]


@click.command("ablate", short_help="Does market structure help? The strategy with and without it.")
@backtest_options
@click.option(
    "--variants",
    "names",
    default=None,
    metavar="LIST",
    help=f"What is switched off, separated by commas, of {', '.join((*PARTS, ALL))}; by default each of them.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the tables, and the report of each strategy. The same command goes on where it was cut short.",
)
def ablate_command(names: str | None, out: Path, **asked: Any) -> None:
    """Run a strategy, and the same without parts of market structure, over the same history, and compare them.

    One backtest for the strategy and one for each variant. The folder then holds report.html, ablation.parquet with a
    row a strategy, returns.parquet with all returns, ablation.json with the table and the answer in words, and a folder
    for each backtest.

    Needs plotly and arch: pip install comove[backtest,viz].

    \b
    Example:
    comove ablate --config strategy.toml --data candles --out ablation
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        check_plotly()
        wanted = read_asked(**asked, out=out)
        chosen = None if names is None else [name.strip() for name in names.split(",") if name.strip()]
        if chosen == []:
            raise click.UsageError("--variants names no variant")
        if not variants(wanted.options, chosen):
            # Before a backtest is run for it.
            raise fail("The strategy has no part of market structure that could be switched off.")
        found = ablate(
            wanted.frames,
            wanted.options,
            costs=wanted.costs,
            plan=wanted.plan,
            agent=wanted.agent,
            names=chosen,
            workers=wanted.workers,
            out=out,
            seed=wanted.seed,
            progress=True,
        )
        write_page(ablation_page(found), out / "report.html")
        _show(found)
        click.echo(f"Wrote {out / 'report.html'}")


def _show(found: Ablation) -> None:
    """Print a row a strategy, and the answer."""
    console = open_console()
    table = Table(title=f"{found.about['first'][:16]} to {found.about['last'][:16]} UTC")
    for name in ("", "return", "Sharpe", "paid", "difference", "p", "before costs", "same risk"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in found.table.iter_rows(named=True):
        table.add_row(
            row["name"],
            _percent(row["total_return"]),
            "-" if row["sharpe"] is None else number_text(row["sharpe"]),
            _percent(row["paid"]),
            _difference(row),
            "" if row["adjusted"] is None else f"{row['adjusted']:.2g}",
            "" if row["gross_value"] is None else _percent(row["gross_value"]),
            "" if row["scaled_value"] is None else _percent(row["scaled_value"]),
        )
    console.print(table)
    sharpe = ""
    if found.deflated is not None and found.deflated.deflated is not None:
        sharpe = (
            f" Of {found.deflated.trials} strategies that were tried, {found.best} has the highest Sharpe ratio; the "
            f"chance that it is above what the best of as many without skill has is {found.deflated.deflated:.0%}."
        )
    say(
        console,
        f"{found.answer}{sharpe}",
        "Differences are those of a variant less the strategy as it is, a year: below 0 where the part that is off was "
        "worth something. In brackets: 95 % intervals. p: of no difference, for all variants together. Paid: fees, "
        "funding and spread, a year. Same risk: what the difference is at the strategy's volatility.",
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1%}"


def _difference(row: Mapping[str, Any]) -> str:
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return ""
    return _percent(value) if low is None or high is None else f"{value:+.1%} ({low:+.1%} to {high:+.1%})"
