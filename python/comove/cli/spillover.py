"""`comove spillover`: how turbulence travels between the coins of a candle folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import click
import numpy as np
import polars as pl

from comove import arrays
from comove.cli import spillover_report
from comove.cli.console import errors, fail, open_console
from comove.cli.folder import (
    check_outputs,
    chosen,
    data_option,
    named,
    open_progress,
    pairs_of,
    read_each,
    refuse_failures,
    write_page,
    write_table,
)
from comove.cli.givers import Givers, find_givers
from comove.cli.significance import LEVEL, holm
from comove.cli.spacing import spacing_of
from comove.data.align import align
from comove.data.candles import candle_files
from comove.errors import DataError
from comove.features.grid import read_prices
from comove.live import SpilloverMonitor
from comove.options import Floats

__all__ = ["spillover_command"]

#: Complete pairs a window needs, as in `comove leadlag`.
_LEAST_PAIRS: Final = 30
#: Rows a window has at least, the bound of `SpilloverMonitor`.
_LEAST_WINDOW: Final = 3
#: Rows of returns of a rolling volatility, where nothing else is asked for.
_USUAL_VOL_WINDOW: Final = 20
#: Columns of the candles that each kind of volatility is made of.
_COLUMNS: Final = {
    "parkinson": ("high", "low"),
    "garman_klass": ("open", "high", "low", "close"),
    "rolling": ("close",),
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """What one asset and one source gave; None is missing."""

    asset: str
    source: str
    n: int
    coefficient: float | None = None
    stderr: float | None = None
    corr: float | None = None
    r_squared: float | None = None
    half_life: float | None = None
    p_value: float | None = None
    reverse_coefficient: float | None = None
    reverse_stderr: float | None = None
    reverse_half_life: float | None = None
    reverse_p_value: float | None = None
    spacing: int | None = None


@dataclass(frozen=True, slots=True)
class _Options:
    """How volatilities are made and how many rows count."""

    vol: str
    vol_window: int | None
    window: int

    @property
    def columns(self) -> tuple[str, ...]:
        return _COLUMNS[self.vol]


@click.command("spillover", short_help="Rank how turbulence travels between coins.")
@data_option
@click.option(
    "--assets",
    default="all",
    show_default=True,
    metavar="A,B,...|all",
    help="Coins to look at; 'all' is every symbol of the folder, the sources among themselves included.",
)
@click.option(
    "--sources",
    default="BTC,ETH,SOL",
    show_default=True,
    metavar="A,B,...",
    help="Coins the turbulence may come from; from the same folder.",
)
@click.option(
    "--window",
    type=click.IntRange(min=0),
    default=0,
    metavar="ROWS",
    help="Only the last candles of each asset, at least 3; 0, the default, takes all.",
)
@click.option(
    "--vol",
    type=click.Choice(list(_COLUMNS)),
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
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="ROWS",
    help="Candles its forecast looks ahead.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="ROWS",
    help="Rows to print of each table; 0 prints all. Files hold all.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write all pairs, as .csv, .parquet or .json, and the table of connectedness beside them, "
    "as in out.csv and out_connectedness.csv.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Also draw a heat map of the table of connectedness, or of the pairs without it.",
)
def spillover_command(
    data: Path,
    assets: str,
    sources: str,
    window: int,
    vol: str,
    vol_window: int | None,
    connectedness: bool,
    lags: int,
    horizon: int,
    top: int,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Rank how strongly the volatility of coins moves with that of sources, and who gives turbulence to whom.

    First the volatility of each asset is regressed on that of each source, in the same candle. Then one model of all
    coins together says how much of each coin's turbulence comes from shocks to the others. A window needs half of its
    candles, and at least 30. Of two sources, the later in the list counts as the asset.

    \b
    Example:
    comove spillover --data candles --sources BTC,ETH,SOL --out spillover.csv --plot spillover.html
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        if 0 < window < _LEAST_WINDOW:
            raise click.UsageError(f"--window must be 0 or at least {_LEAST_WINDOW}, got {window}")
        if vol_window is not None and vol != "rolling":
            raise click.UsageError(f"--vol-window goes with --vol rolling, got {vol_window} with {vol}")
        check_outputs(data, out, plot)
        options = _Options(vol, (vol_window or _USUAL_VOL_WINDOW) if vol == "rolling" else None, window)
        files = candle_files(data)
        source_names = chosen("--sources", sources, files)
        asset_names = list(files) if assets.strip().lower() == "all" else chosen("--assets", assets, files)
        symbols = list(dict.fromkeys([*source_names, *asset_names]))
        names = pairs_of(asset_names, source_names)
        if not names:
            raise fail(f"{data}: no pair of an asset and another source in {', '.join(symbols)}")
        frames, failed = read_each(files, symbols, lambda frame, _: frame)
        spacings, refused = _spacings(frames, options)
        failed += refused
        pairs: list[_Pair] = []
        with open_progress() as progress:
            task = progress.add_task("", total=len(names))
            for asset, source in names:
                progress.update(task, description=asset)
                if asset in spacings and source in spacings:
                    spacing = max(spacings[asset], spacings[source])
                    pairs.append(_regress(asset, source, frames, options, spacing))
                progress.advance(task)
            progress.update(task, description="done")
        if pairs:
            good = {symbol: frames[symbol] for symbol in symbols if symbol in spacings}
            givers = find_givers(good, lags, horizon, window) if connectedness else None
            table = _table(pairs, givers)
            page = spillover_report.page(table, givers, options.vol) if plot else None
            spillover_report.show(table, givers, top, open_console())
            _write(table, givers, out)
            if plot and page:
                write_page(page, plot)
                click.echo(f"Drew {plot}")
        refuse_failures(failed, len(symbols), "symbols")


def _spacings(frames: dict[str, pl.DataFrame], options: _Options) -> tuple[dict[str, int], list[str]]:
    """Return for each symbol after how many candles its volatility has forgotten its past; what fails, as messages."""
    spacings: dict[str, int] = {}
    failed: list[str] = []
    for symbol, frame in frames.items():
        try:
            read_prices(frame, symbol)
            (sides,) = _laid({symbol: frame}, options)
            vol = _volatility(sides, options)
        except DataError as error:
            failed.append(named(symbol, str(error)))
            continue
        spacings[symbol] = max(spacing_of(vol[-options.window :]), options.vol_window or 1)
    return spacings, failed


def _laid(frames: dict[str, pl.DataFrame], options: _Options) -> list[list[Floats]]:
    """Return what `SpilloverMonitor` takes for each symbol, on the union of their timestamps."""
    grid = align(frames, column=options.columns, how="outer").frame
    sides = []
    for symbol in frames:
        columns = [grid[f"{symbol}_{name}"].fill_null(float("nan")).to_numpy() for name in options.columns]
        if options.vol == "rolling":
            columns = [np.append(np.nan, columns[0][1:] / columns[0][:-1] - 1.0)]
        sides.append(columns)
    return sides


def _volatility(sides: list[Floats], options: _Options) -> Floats:
    if options.vol_window:
        return np.sqrt(arrays.rolling_var(sides[0], window_size=options.vol_window))
    return arrays.parkinson(*sides) if options.vol == "parkinson" else arrays.garman_klass(*sides)


def _regress(asset: str, source: str, frames: dict[str, pl.DataFrame], options: _Options, spacing: int) -> _Pair:
    """Regress volatility on volatility over the last rows of the grid of the two, up to the asset's last row."""
    ends = frames[asset]["ts"][-1]
    y, x = _laid({name: frames[name].filter(pl.col("ts") <= ends) for name in (asset, source)}, options)
    present = [np.isfinite(np.column_stack(side)).all(axis=1) for side in (y, x)]
    if not all(there.any() for there in present):
        return _Pair(asset, source, 0)
    start = max(int(np.argmax(there)) for there in present)
    # The first of the returns fills the window of the volatility, not that of the regression.
    lost = options.vol_window - 1 if options.vol_window else 0
    size = options.window or len(y[0]) - start - lost
    if size < _LEAST_PAIRS and not options.window:
        return _Pair(asset, source, int(np.logical_and(*present).sum()))
    rows = slice(max(start, len(y[0]) - size - lost), None)
    monitor = SpilloverMonitor(
        window_size=size,
        min_samples=min(size, max(_LEAST_PAIRS, size // 2)),
        vol=options.vol,  # type: ignore[arg-type]
        vol_window=options.vol_window,
        stderr="spaced",
        spacing=spacing,
        both=True,
    )
    y, x = ([column[rows] for column in side] for side in (y, x))
    if options.vol == "rolling":
        monitor.update_many(y[0], x[0])
    else:
        monitor.update_many(y, x)
    if monitor.coefficient is None:
        return _Pair(asset, source, monitor.n)
    return _Pair(
        asset=asset,
        source=source,
        n=monitor.n,
        coefficient=monitor.coefficient,
        stderr=monitor.coefficient_stderr,
        corr=monitor.corr,
        r_squared=monitor.r_squared,
        half_life=monitor.half_life,
        p_value=monitor.coefficient_p_value,
        reverse_coefficient=monitor.reverse_coefficient,
        reverse_stderr=monitor.reverse_coefficient_stderr,
        reverse_half_life=monitor.reverse_half_life,
        reverse_p_value=monitor.reverse_coefficient_p_value,
        spacing=spacing,
    )


def _table(pairs: list[_Pair], givers: Givers | None) -> pl.DataFrame:
    """Return all pairs with adjusted p-values and verdicts, ranked by correlation; missing values are null."""
    whole = ("n", "spacing")
    types = {
        one.name: pl.Int64 if one.name in whole else pl.String if one.name in ("asset", "source") else pl.Float64
        for one in fields(_Pair)
    }
    table = pl.DataFrame([asdict(pair) for pair in pairs], schema=types)
    # The p-values of the two directions are those of one correlation: one test a pair.
    adjusted = holm(table["p_value"].to_numpy())
    verdicts = [
        spillover_report.verdict(row["corr"], row["p_value"], bool(p_value <= LEVEL))
        for row, p_value in zip(table.iter_rows(named=True), adjusted, strict=True)
    ]
    net = [None if givers is None else givers.given(row["source"], row["asset"]) for row in table.to_dicts()]
    table = table.with_columns(
        p_adjusted=pl.Series(adjusted).fill_nan(None),
        net_from_source=pl.Series(net, dtype=pl.Float64),
        verdict=pl.Series(verdicts, dtype=pl.String),
    )
    return table.sort(-pl.col("corr").abs(), nulls_last=True, maintain_order=True)


def _write(table: pl.DataFrame, givers: Givers | None, out: Path | None) -> None:
    if out is None:
        return
    write_table(table, out)
    click.echo(f"Wrote {len(table)} pair{'s' * (len(table) > 1)} to {out}")
    if givers is not None and givers.result is not None:
        beside = out.with_name(f"{out.stem}_connectedness{out.suffix}")
        write_table(givers.result.to_frame(), beside)
        click.echo(f"Wrote the table of connectedness to {beside}")
