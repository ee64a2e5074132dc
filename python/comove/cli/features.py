"""`comove features`: candles of a folder in, feature columns of each asset out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from comove.cli.console import count_text, errors, fail, number_text, open_console
from comove.cli.folder import (
    assets_option,
    candles_of,
    chosen,
    data_option,
    leaders_option,
    open_progress,
    refuse_failures,
    write_table,
)
from comove.data.candles import candle_files
from comove.errors import ComoveError, ParameterError
from comove.features import CROSS_ASSET, FeatureRecipe
from comove.options import Returns

__all__ = ["features_command"]


@click.command("features", short_help="Turn candles into feature columns.")
@data_option
@assets_option("make columns for", " that is no leader")
@leaders_option("--leaders", "to measure them against")
@click.option(
    "--window",
    type=click.IntRange(min=3),
    default=30,
    show_default=True,
    metavar="ROWS",
    help="Candles of beta and correlation, at least 3.",
)
@click.option(
    "--columns",
    default="all",
    show_default=True,
    metavar="all|base|context|A,B,...",
    help="Columns to write: 'base' are those of the asset's own candles, 'context' those against the leaders; or "
    "names, as in rsi_14,btc_beta.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the results, <SYMBOL>.parquet each; it is made, and files of those names replaced.",
)
@click.option(
    "--fill",
    type=click.Choice(["forward", "none", "forward_backward"]),
    default="forward",
    show_default=True,
    help="Where a value is not defined: 'forward' carries the last one on for --fill-limit candles, then takes a "
    "neutral default (beta 1, correlation 0, volatility 0.02, the others of a leader 0; base columns have none); "
    "'none' leaves it missing; 'forward_backward' LOOKS AHEAD: never train or backtest with it.",
)
@click.option(
    "--fill-limit",
    type=click.IntRange(min=0),
    default=24,
    show_default=True,
    metavar="ROWS",
    help="Candles a value is carried on for; a gap in the asset's candles counts.",
)
@click.option(
    "--returns",
    type=click.Choice(["simple", "log"]),
    default="simple",
    show_default=True,
    help="Of prices p to q: q / p - 1, or ln(q / p).",
)
def features_command(
    data: Path,
    assets: str,
    leaders: str,
    window: int,
    columns: str,
    out: Path,
    fill: Literal["forward", "none", "forward_backward"],
    fill_limit: int,
    returns: Returns,
) -> None:
    """Write the feature columns of every asset: 61 of its own candles, and five per leader.

    \b
    <leader>_beta               how far the asset moves when the leader moves by 1
    <leader>_correlation        how reliably, from -1 to 1
    <leader>_divergence         short against long relative strength, from -1 to 1
    <leader>_volatility         standard deviation of the leader's returns
    <leader>_relative_momentum  10-candle return minus the leader's

    OUT/<SYMBOL>.parquet holds ts and close, then the base columns (returns, averages, volatility, ranges, volume and
    so on; comove.features.BASE_COLUMNS describes each), then these. A value uses its own candle and earlier ones
    only. The table at the end shows, for each asset, the share of candles whose columns all hold true values, not
    filled ones ("covered"), and the last true beta and correlation with each leader.

    \b
    Example:
    comove features --data candles --assets BONK,WIF --leaders BTC,ETH,SOL --out features
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        if out.resolve() == data.resolve():
            raise click.UsageError(f"--out must be another folder than --data, or {data} would be written over.")
        files = candle_files(data)
        leader_names = chosen("--leaders", leaders, files)
        asset_names = (
            [symbol for symbol in files if symbol not in leader_names]
            if assets.strip().lower() == "all"
            else chosen("--assets", assets, files)
        )
        if not asset_names:
            raise fail(f"{data}: no symbols beside the leaders {', '.join(leader_names)}")
        recipe = FeatureRecipe(
            window_size=window,
            fill=None if fill == "none" else fill,
            fill_limit=fill_limit,
            returns=returns,
            columns=_column_names(columns, leader_names),
        )
        leader_frames = {symbol: candles_of(files[symbol], symbol).select("ts", "close") for symbol in leader_names}
        out.mkdir(parents=True, exist_ok=True)

        done: list[_Summary] = []
        failed: list[str] = []
        with open_progress() as progress:
            task = progress.add_task("", total=len(asset_names))
            for symbol in asset_names:
                progress.update(task, description=symbol)
                try:
                    done.append(_one_asset(symbol, files[symbol], leader_frames, recipe, out))
                except ParameterError:
                    raise
                except ComoveError as error:
                    failed.append(f"{symbol}: {error}")
                progress.advance(task)
            progress.update(task, description="done")
        if done:
            _show(done, leader_names, open_console())
            click.echo(f"Wrote {count_text(len(done), 'file')} to {out}")
        refuse_failures(failed, len(asset_names), "assets")


def _column_names(text: str, leaders: list[str]) -> list[str] | None:
    """Return the columns that --columns names, None for all."""
    of_leaders = [f"{leader.lower()}_{kind}" for leader in leaders for kind in CROSS_ASSET]
    match text.strip().lower():
        case "all":
            return None
        case "base":
            return list(FeatureRecipe().metadata(()))
        case "context":
            return of_leaders
    names = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not names:
        raise click.UsageError("--columns names no column.")
    return names


@dataclass(frozen=True, slots=True)
class _Summary:
    """A line of the table: an asset, and per leader the last true beta, its correlation, and whether it is old."""

    symbol: str
    rows: int
    first: str
    last: str
    covered: float
    latest: Mapping[str, tuple[float, float | None, bool] | None]


def _one_asset(
    symbol: str, file: Path, leaders: Mapping[str, pl.DataFrame], recipe: FeatureRecipe, out: Path
) -> _Summary:
    frame = candles_of(file, symbol)
    kept = ["ts", "close", *recipe.metadata(list(leaders))]
    built = recipe.build_with_market_context(frame, leaders=leaders).select(kept)
    true = built
    if recipe.fill is not None:
        true = replace(recipe, fill=None).build_with_market_context(frame, leaders=leaders).select(kept)
    write_table(built, out / f"{symbol}.parquet")
    known = true.select(pl.all_horizontal(pl.exclude("ts", "close").is_not_null()).mean()).item()
    return _Summary(
        symbol=symbol,
        rows=len(frame),
        first=f"{frame['ts'][0]:%Y-%m-%d %H:%M}",
        last=f"{frame['ts'][-1]:%Y-%m-%d %H:%M}",
        covered=known,
        latest={leader: _latest(true, leader.lower()) for leader in leaders},
    )


def _latest(true: pl.DataFrame, leader: str) -> tuple[float, float | None, bool] | None:
    """Return the last beta with its correlation, and whether it is older than the last row; None without."""
    if not {f"{leader}_beta", f"{leader}_correlation"} <= set(true.columns):
        return None
    beta, corr = true[f"{leader}_beta"], true[f"{leader}_correlation"]
    known = beta.is_not_null().arg_true()
    if not len(known):
        return None
    row = known[-1]
    return beta[row], corr[row], row < len(beta) - 1


def _show(lines: list[_Summary], leaders: list[str], console: Console) -> None:
    table = Table(title="Features, with the last true beta / correlation of each leader")
    table.add_column("asset", no_wrap=True)
    for name in ("rows", "first (UTC)", "last (UTC)", "covered", *leaders):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        readings = []
        for reading in line.latest.values():
            if reading is None:
                readings.append("-")
            else:
                beta, corr, old = reading
                readings.append(f"{number_text(beta)} / {number_text(corr)}{'*' if old else ' '}")
        table.add_row(line.symbol, f"{line.rows:,}", line.first, line.last, f"{line.covered:.1%}", *readings)
    console.print(table)
    if any(reading and reading[2] for line in lines for reading in line.latest.values()):
        console.print("* older than the asset's last candle, as where the leader's candles end earlier")
