"""`comove spillover`: how turbulence travels between the coins of a candle folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final, Literal

import click
import numpy as np
import numpy.typing as npt
import polars as pl

from comove import arrays
from comove.cli import spillover_report
from comove.cli.console import errors, fail, open_console
from comove.cli.folder import (
    LEAST_PAIRS,
    assets_option,
    check_outputs,
    chosen,
    data_option,
    file_option,
    leaders_option,
    open_progress,
    pairs_of,
    read_each,
    refuse_failures,
    top_option,
    window_option,
    write_page,
    write_table,
)
from comove.cli.givers import Givers, find_givers
from comove.cli.significance import LEVEL, holm
from comove.cli.spacing import spacing_of
from comove.connectedness.inputs import MOST_STEPS
from comove.data.candles import candle_files
from comove.features.grid import read_prices
from comove.live import SpilloverMonitor
from comove.options import Floats

__all__ = ["spillover_command"]

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

    vol: Literal["parkinson", "garman_klass", "rolling"]
    vol_window: int | None
    window: int

    @property
    def columns(self) -> tuple[str, ...]:
        return _COLUMNS[self.vol]


@dataclass(frozen=True, slots=True, eq=False)
class _Candles:
    """One symbol: its candles, and of them the times, the columns its volatility needs, and how long that remembers."""

    frame: pl.DataFrame
    times: npt.NDArray[np.int64]
    columns: list[Floats]
    spacing: int = 1


@click.command("spillover", short_help="Rank how turbulence travels between coins.")
@data_option
@assets_option("look at", ", the sources among themselves included")
@leaders_option("--sources", "the turbulence may come from")
@window_option
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

    First the volatility of each asset is regressed on that of each source, in the same candle. Then one model of all
    coins together says how much of each coin's turbulence comes from shocks to the others. A window needs half of its
    candles, and at least 30. Of two sources, the later in the list counts as the asset.

    \b
    Example:
    comove spillover --data candles --sources BTC,ETH,SOL --out spillover.csv --plot spillover.html
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
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
        candles, failed = read_each(files, symbols, lambda frame, symbol: _read(frame, symbol, options))
        names = [(asset, source) for asset, source in names if asset in candles and source in candles]
        pairs: list[_Pair] = []
        givers = None
        with open_progress() as progress:
            task = progress.add_task("", total=len(names) + connectedness)
            for asset, source in names:
                progress.update(task, description=asset)
                pairs.append(_regress(asset, source, candles, options))
                progress.advance(task)
            if connectedness:
                progress.update(task, description="all together")
                givers = find_givers({symbol: one.frame for symbol, one in candles.items()}, lags, horizon, window)
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


def _read(frame: pl.DataFrame, symbol: str, options: _Options) -> _Candles:
    # Checks the times, and that prices are above 0.
    read_prices(frame, symbol)
    columns = [frame[name].fill_null(float("nan")).to_numpy() for name in options.columns]
    candles = _Candles(frame, frame["ts"].to_physical().to_numpy(), columns)
    vol = _volatility(_laid([candles], options)[0], options)
    return replace(candles, spacing=max(spacing_of(vol[-options.window :]), options.vol_window or 1))


def _laid(candles: Sequence[_Candles], options: _Options) -> list[list[Floats]]:
    """Return what `SpilloverMonitor` takes for each symbol, on the union of their timestamps up to the first's last."""
    grid = np.unique(np.concatenate([one.times for one in candles]))
    grid = grid[grid <= candles[0].times[-1]]
    sides = []
    for one in candles:
        there = one.times <= grid[-1]
        columns = np.full((len(one.columns), len(grid)), np.nan)
        columns[:, np.searchsorted(grid, one.times[there])] = [column[there] for column in one.columns]
        if options.vol == "rolling":
            columns = np.append(np.nan, columns[0, 1:] / columns[0, :-1] - 1.0)[np.newaxis]
        sides.append(list(columns))
    return sides


def _volatility(sides: list[Floats], options: _Options) -> Floats:
    if options.vol_window:
        return np.sqrt(arrays.rolling_var(sides[0], window_size=options.vol_window))
    return arrays.parkinson(*sides) if options.vol == "parkinson" else arrays.garman_klass(*sides)


def _regress(asset: str, source: str, candles: Mapping[str, _Candles], options: _Options) -> _Pair:
    """Regress volatility on volatility over the last rows of the grid of the two, up to the asset's last row."""
    y, x = _laid([candles[asset], candles[source]], options)
    present = [np.isfinite(np.column_stack(side)).all(axis=1) for side in (y, x)]
    if not all(there.any() for there in present):
        return _Pair(asset, source, 0)
    start = max(int(np.argmax(there)) for there in present)
    # The first of the returns fills the window of the volatility, not that of the regression.
    lost = options.vol_window - 1 if options.vol_window else 0
    size = options.window or len(y[0]) - start - lost
    if size < LEAST_PAIRS and not options.window:
        return _Pair(asset, source, int((present[0] & present[1]).sum()))
    rows = slice(max(start, len(y[0]) - size - lost), None)
    spacing = max(candles[asset].spacing, candles[source].spacing)
    monitor = SpilloverMonitor(
        window_size=size,
        min_samples=min(size, max(LEAST_PAIRS, size // 2)),
        vol=options.vol,
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
