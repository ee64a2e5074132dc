"""`comove spillover`: how turbulence travels between the coins of a candle folder."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Final, Literal

import click
import polars as pl

from comove.cli import spillover_report
from comove.cli.console import count_text, errors, fail, open_console
from comove.cli.folder import (
    asked,
    assets_option,
    check_outputs,
    data_option,
    file_option,
    leaders_option,
    open_progress,
    read_each,
    refuse_failures,
    top_option,
    window_option,
    write_page,
    write_table,
)
from comove.connectedness.inputs import MOST_STEPS
from comove.data.candles import candle_files
from comove.surveys import volatility_pairs
from comove.surveys.givers import Givers, find_givers
from comove.surveys.pairs import pairs_of
from comove.surveys.significance import LEVEL, holm
from comove.surveys.volatility_pairs import COLUMNS, Candles, Options, Pair

__all__ = ["spillover_command"]

#: Rows of returns of a rolling volatility, where nothing else is asked for.
_USUAL_VOL_WINDOW: Final = 20


@click.command("spillover", short_help="Rank how turbulence travels between coins.")
@data_option
@assets_option("look at", ", the sources among themselves included")
@leaders_option("--sources", "the turbulence may come from")
@window_option
@click.option(
    "--vol",
    type=click.Choice(list(COLUMNS)),
    default="parkinson",
    show_default=True,
    help="Volatility of the pairs: of each candle, from high and low, or from all four prices; or the standard "
    "deviation of the last --vol-window returns.",
)
@click.option(
    "--vol-window",
    type=click.IntRange(min=2),
    metavar="ROWS",
    help=f"Returns of a rolling volatility, {_USUAL_VOL_WINDOW} by default; only with --vol rolling.",
)
@click.option(
    "--connectedness/--no-connectedness",
    default=True,
    show_default=True,
    help="Also rank givers and takers by the table of Diebold and Yilmaz.",
)
@click.option(
    "--lags",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    metavar="ROWS",
    help="Candles its regression looks back on.",
)
@click.option(
    "--horizon",
    type=click.IntRange(min=1, max=MOST_STEPS),
    default=10,
    show_default=True,
    metavar="ROWS",
    help="Candles its forecast looks ahead.",
)
@top_option("Rows to print of each table", "ROWS")
@file_option(
    "--out",
    "FILE",
    "write all pairs, as .csv, .parquet or .json, and the table of connectedness beside them, as in out.csv and "
    "out_connectedness.csv",
)
@file_option("--plot", "FILE.html", "draw a heat map of the table of connectedness, or of the pairs without it")
def spillover_command(
    data: Path,
    assets: str,
    sources: str,
    window: int,
    vol: Literal["parkinson", "garman_klass", "rolling"],
    vol_window: int | None,
    connectedness: bool,
    lags: int,
    horizon: int,
    top: int,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Rank how strongly the volatility of coins moves with that of sources, and who gives turbulence to whom.

    First the logarithm of the volatility of each asset is regressed on that of each source, in the same candle. A
    window needs half of its candles, and at least 30, or all of a shorter --window. Of two sources, the later in the
    list counts as the asset.

    Then one model of all coins together says how much of each coin's turbulence comes from shocks to the others. With
    --window it takes the last candles up to the one that all sources and most coins have. Where candles are too few for
    all coins, it takes the sources first, then the most traded.

    \b
    The file of --out holds a row for each pair:
    asset, source      the two coins
    n, n_effective     pairs of log volatilities, and how many separate ones they are worth
    coefficient, stderr   how many percent more volatile the asset is where the source is by 1 %, and its error
    corr, r_squared    of the two log volatilities
    half_life          candles in which the asset's log volatility forgets half of a shock
    reverse_...        the same of the source on the asset
    p_value            chance of a coefficient this far from 0 if nothing relates the two
    p_adjusted         this for all pairs together (Holm)
    net_from_source    what the source gives to the asset less what it takes, in the table of all coins
    verdict            what the test says, or why there is none

    \b
    Example:
    comove spillover --data candles --sources BTC,ETH,SOL --out spillover.csv --plot spillover.html
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        if vol_window is not None and vol != "rolling":
            raise click.UsageError(f"--vol-window goes with --vol rolling, got {vol_window} with {vol}")
        check_outputs(data, out, plot)
        options = Options(vol, (vol_window or _USUAL_VOL_WINDOW) if vol == "rolling" else None, window)
        files = candle_files(data)
        asset_names, source_names, symbols = asked(files, assets, "--sources", sources)
        names = pairs_of(asset_names, source_names)
        if not names:
            raise fail(f"{data}: no pair of an asset and another source in {', '.join(symbols)}")
        frames: dict[str, pl.DataFrame] = {}

        def read(frame: pl.DataFrame, symbol: str) -> Candles:
            candles = volatility_pairs.read(frame, symbol, options)
            if connectedness:
                frames[symbol] = frame
            return candles

        candles, failed = read_each(files, symbols, read)
        names = [(asset, source) for asset, source in names if asset in candles and source in candles]
        pairs: list[Pair] = []
        givers = None
        with open_progress() as progress:
            task = progress.add_task("", total=len(names) + connectedness)
            for asset, source in names:
                progress.update(task, description=asset)
                pairs.append(volatility_pairs.regress(asset, source, candles, options))
                progress.advance(task)
            if connectedness:
                progress.update(task, description="all together")
                givers = find_givers(frames, source_names, lags=lags, horizon=horizon, window=window)
                progress.advance(task)
            progress.update(task, description="done")
        if pairs:
            table = _table(pairs, givers)
            page = spillover_report.page(table, givers, options.vol) if plot else None
            spillover_report.show(table, givers, top, open_console())
            _write(table, givers, out)
            if plot and page:
                write_page(page, plot)
                click.echo(f"Drew {plot}")
        refuse_failures(failed, len(symbols), "symbols")


def _table(pairs: list[Pair], givers: Givers | None) -> pl.DataFrame:
    """Return all pairs with adjusted p-values and verdicts, ranked by correlation; missing values are null."""
    types = dict.fromkeys((one.name for one in fields(Pair)), pl.Float64()) | {
        **dict.fromkeys(("asset", "source", "cause"), pl.String()),
        "n": pl.Int64(),
    }
    table = pl.DataFrame([asdict(pair) for pair in pairs], schema=types)
    # The p-values of the two directions are those of one correlation: one test a pair.
    adjusted = holm(table["p_value"].to_numpy())
    net = [None if givers is None else givers.given(pair.source, pair.asset) for pair in pairs]
    verdicts = [
        spillover_report.verdict(pair, bool(p_value <= LEVEL)) for pair, p_value in zip(pairs, adjusted, strict=True)
    ]
    table = table.with_columns(
        p_adjusted=pl.Series(adjusted).fill_nan(None),
        net_from_source=pl.Series(net, dtype=pl.Float64),
        verdict=pl.Series(verdicts, dtype=pl.String),
    )
    # The verdict says it.
    return table.drop("cause").sort(-pl.col("corr").abs(), nulls_last=True, maintain_order=True)


def _write(table: pl.DataFrame, givers: Givers | None, out: Path | None) -> None:
    if out is None:
        return
    write_table(table, out)
    click.echo(f"Wrote {count_text(len(table), 'pair')} to {out}")
    if givers is not None and givers.result is not None:
        beside = out.with_name(f"{out.stem}_connectedness{out.suffix}")
        write_table(givers.result.to_frame(), beside)
        click.echo(f"Wrote the table of connectedness to {beside}")
