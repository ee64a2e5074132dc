"""`comove report`: one page about the structure of the market in a candle folder."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from comove.cli.console import count_text, errors, fail
from comove.cli.folder import (
    asked,
    assets_option,
    check_page,
    data_option,
    leaders_option,
    max_lag_option,
    read_each,
    refuse_failures,
    window_option,
    write_page,
)
from comove.data.candles import candle_files
from comove.features.grid import read_prices
from comove.options import nanoseconds
from comove.progress import progress_bar
from comove.report import market_report, report_page

__all__ = ["report_command"]


@click.command("report", short_help="Draw one page: regimes, betas, leads, turbulence, every coin now.")
@data_option
@assets_option("look at", "")
@leaders_option("--leaders", "the others are compared with; the first gives the timeline")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE.html",
    help="The page to write.",
)
@click.option(
    "--beta-span",
    default="30d",
    show_default=True,
    metavar="SPAN",
    help="Time that betas look back, as in 30d or 12h.",
)
@window_option
@max_lag_option(" for who moves first")
@click.option("--title", default="Market structure", show_default=True, help="Heading of the page.")
def report_command(
    data: Path, assets: str, leaders: str, out: Path, beta_span: str, window: int, max_lag: int, title: str
) -> None:
    """Draw the structure of a market as one HTML page that opens without a network.

    It shows the state of the market over the price of the first leader, how strongly each coin moves with its leaders,
    who moves first, who gives turbulence to whom, and every coin at the last candle that all leaders have.

    --window is that of who moves first and of turbulence. Needs plotly: pip install comove[viz].

    \b
    Example:
    comove report --data candles --assets all --out report.html
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        check_page("--out", data, out)
        nanoseconds("--beta-span", beta_span)
        files = candle_files(data)
        _, leader_names, symbols = asked(files, assets, "--leaders", leaders)

        def read(frame: pl.DataFrame, symbol: str) -> pl.DataFrame:
            read_prices(frame, symbol)
            return frame

        frames, failed = read_each(files, symbols, read)
        there = [leader for leader in leader_names if leader in frames]
        if not there:
            raise fail("\n  ".join(["no leader could be read:", *failed]))
        report = market_report(frames, there, window_span=beta_span, window=window, max_lag=max_lag, progress=True)
        with progress_bar("drawing", shown=True):
            write_page(report_page(report, title=title), out)
        click.echo(f"Drew {count_text(len(report.coins), 'coin')} on {out}")
        refuse_failures(failed, len(symbols), "symbols")
