"""`comove backtest`: history through the orchestrator, and a folder with what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from comove.backtest import Report, run
from comove.backtest.page import answer_of, backtest_page
from comove.cli.backtest_options import backtest_options, read_asked
from comove.cli.console import count_text, errors, number_text, open_console, say
from comove.cli.folder import write_page
from comove.plots import check_plotly
from comove.progress import progress_bar

__all__ = ["backtest_command"]


@click.command("backtest", short_help="Replay history through the orchestrator, fold by fold, and report.")
@backtest_options
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the tables, the figures and the page. The same command goes on where it was cut short.",
)
@click.option("--title", default="Backtest", show_default=True, help="Heading of the page.")
def backtest_command(out: Path, title: str, **asked: Any) -> None:
    """Replay history through the orchestrator that runs live.

    Each fold learns from the candles before it and trades those after; decisions are filled at the next open, with
    fees, spread, slippage and funding. The folder then holds report.html, equity, trades, attribution and decisions as
    Parquet, metrics.json and report.json, and strategy.comove, with which MasterOrchestrator.from_bytes goes on live.

    Needs plotly and arch: pip install comove[backtest,viz].

    \b
    Example:
    comove backtest --config strategy.toml --data candles --out backtest
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        check_plotly()
        wanted = read_asked(**asked, out=out)
        report = run(
            wanted.frames,
            wanted.options,
            costs=wanted.costs,
            plan=wanted.plan,
            agent=wanted.agent,
            workers=wanted.workers,
            out=out,
            seed=wanted.seed,
            progress=True,
        )
        with progress_bar("drawing", shown=True):
            write_page(backtest_page(report, title=title), out / "report.html")
        _show(report)
        click.echo(f"Wrote {out / 'report.html'}")


def _show(report: Report) -> None:
    """Print how the strategy and the benchmarks did, what it paid, and the answer."""
    console = open_console()
    first, last = (report.equity["ts"][k].strftime("%Y-%m-%d %H:%M") for k in (0, -1))
    table = Table(title=f"{first} to {last} UTC, {count_text(report.trades.height, 'trade')}")
    for name in ("", "return", "Sharpe ratio", "volatility a year", "worst drawdown"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, words in (("strategy", "the strategy"), ("btc", f"{report.leaders[0]} held"), ("equal", "equal shares")):
        known = report.metrics[name]
        # Those of the benchmarks are on the page.
        sure = report.metrics["intervals"].get(name, {}) if name == "strategy" else {}
        table.add_row(words, *(_cell(known[key], sure.get(key), percent) for key, percent in _COLUMNS))
    console.print(table)
    paid = report.equity["costs"].sum(), report.equity["funding"].sum()
    say(
        console,
        answer_of(report).sentence,
        f"It paid {paid[0]:,.2f} for trading and {paid[1]:,.2f} for funding, of a capital of {report.capital:,.2f}. "
        "In brackets: 95 % intervals.",
    )


_COLUMNS: Final = (
    ("total_return", True),
    ("sharpe", False),
    ("volatility", True),
    ("max_drawdown", True),
)


def _cell(value: float | None, interval: Mapping[str, float] | None, percent: bool) -> str:
    def text(number: float | None) -> str:
        return "-" if number is None else f"{number:+.1%}" if percent else number_text(number)

    if interval is None:
        return text(value)
    return f"{text(value)} ({text(interval['low'])} to {text(interval['high'])})"
