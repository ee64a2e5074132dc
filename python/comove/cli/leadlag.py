"""`comove leadlag`: who moves first, an asset or a leader, for all pairs of a candle folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import click
import numpy as np
import polars as pl

from comove.cli import leadlag_report
from comove.cli.console import count_text, errors, fail, open_console
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
from comove.cli.leadlag_reason import CANNOT_TEST, TOO_LITTLE, reason_apart, reason_in_window
from comove.cli.significance import LEVEL, holm
from comove.data.candles import candle_files
from comove.features.grid import Prices, lay_on_union, read_prices
from comove.live import LagScanner
from comove.options import MOST_LAG, Floats, Returns

__all__ = ["leadlag_command"]

Sort = Literal["lead", "follow", "corr", "llr", "asset"]


@dataclass(frozen=True, slots=True)
class _Pair:
    """What one asset and one leader gave; NaN and None are missing. `reason` says why there is no test."""

    asset: str
    leader: str
    n: int
    cross: Floats
    corr_same: float = float("nan")
    lag: int | None = None
    corr: float = float("nan")
    llr: float = float("nan")
    p_value: float = float("nan")
    lead_p: float = float("nan")
    follow_p: float = float("nan")
    reason: str | None = None


@click.command("leadlag", short_help="Rank who moves first, coins or their leaders.")
@data_option
@assets_option("look at", ", the leaders among themselves included")
@leaders_option("--leaders", "that may move first")
@click.option(
    "--max-lag",
    type=click.IntRange(min=1, max=MOST_LAG),
    default=10,
    show_default=True,
    metavar="ROWS",
    help="Candles to look back and ahead.",
)
@window_option
@click.option(
    "--returns",
    type=click.Choice(["simple", "log"]),
    default="simple",
    show_default=True,
    help="Of prices p to q: q / p - 1, or ln(q / p).",
)
@click.option(
    "--sort",
    type=click.Choice(["lead", "follow", "corr", "llr", "asset"]),
    default="lead",
    show_default=True,
    help="By evidence that the leader moves first, that the asset does, by same-candle correlation, llr, or name.",
)
@top_option("Pairs to print", "PAIRS")
@file_option("--out", "FILE", "write all pairs, as .csv, .parquet or .json")
@file_option("--plot", "FILE.html", "draw a heat map: assets by leaders, or assets by lags for a single leader")
def leadlag_command(
    data: Path,
    assets: str,
    leaders: str,
    max_lag: int,
    window: int,
    returns: Returns,
    sort: Sort,
    top: int,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Rank the pairs of asset and leader by the evidence that the leader moves first.

    The returns of the two are compared at each lag up to --max-lag. A negative lag means the leader moved first. A
    window needs half of its candles, and at least 30. Of two leaders, the later in the list counts as the asset.

    \b
    The file of --out holds a row for each pair:
    asset, leader      the two coins
    n                  complete pairs of returns, at the lag that has the fewest
    corr_same          correlation in the same candle
    lag                candles to the strongest correlation; negative: the leader moved first
    lag_seconds        the same in seconds, by the usual distance of two candles
    corr               correlation at that lag
    llr                squared correlations with the leader ahead over those with the asset ahead
    p_value            chance of correlations this strong, at all lags, if nothing relates the two
    lead_p, follow_p   the same where the leader moves first, and where the asset does
    lead_p_adjusted, follow_p_adjusted   these for all pairs together (Holm)
    verdict            who leads, or why there is no test

    \b
    Example:
    comove leadlag --data candles --assets BONK,WIF --leaders BTC,ETH,SOL --out leadlag.csv
    """  # noqa: D301 (click's mark for "keep these lines" is a backspace)
    with errors():
        check_outputs(data, out, plot)
        files = candle_files(data)
        leader_names = chosen("--leaders", leaders, files)
        asset_names = list(files) if assets.strip().lower() == "all" else chosen("--assets", assets, files)
        symbols = list(dict.fromkeys([*leader_names, *asset_names]))
        prices, failed = read_each(files, symbols, read_prices)
        names = pairs_of(asset_names, leader_names)
        if not names:
            raise fail(f"{data}: no pair of an asset and another leader in {', '.join(symbols)}")
        names = [(asset, leader) for asset, leader in names if asset in prices and leader in prices]
        pairs: list[_Pair] = []
        with open_progress() as progress:
            task = progress.add_task("", total=len(names))
            for asset, leader in names:
                progress.update(task, description=asset)
                pairs.append(_scan(prices[asset], prices[leader], max_lag, window, returns))
                progress.advance(task)
            progress.update(task, description="done")
        if pairs:
            table = _table(pairs, _usual_step(prices), sort)
            page = leadlag_report.page(table, _cross(pairs, leader_names), max_lag) if plot else None
            leadlag_report.show(table, top, open_console())
            leadlag_report.explain(table, max_lag, open_console())
            if out:
                write_table(table, out)
                click.echo(f"Wrote {count_text(len(table), 'pair')} to {out}")
            if plot and page:
                write_page(page, plot)
                click.echo(f"Drew {plot}")
        refuse_failures(failed, len(symbols), "symbols")


def _scan(asset: Prices, leader: Prices, max_lag: int, window: int, returns: Returns) -> _Pair:
    """Scan the lags over the last rows of the grid of the two, up to the asset's last row."""
    y, laid, rows = lay_on_union(asset, {leader.name: leader})
    x = laid[leader.name]
    end = int(rows[-1]) + 1 if len(rows) else 0
    y, x = _changes(y[:end], returns), _changes(x[:end], returns)
    there = np.isfinite(y), np.isfinite(x)
    nothing = np.full(2 * max_lag + 1, np.nan)
    if not (there[0] & there[1]).any():
        return _Pair(asset.name, leader.name, 0, nothing, reason=reason_apart(asset, leader))
    start = max(int(np.argmax(side)) for side in there)
    y, x = y[start:], x[start:]
    size = window or len(y) - max_lag
    if size < LEAST_PAIRS and not window:
        n = int((np.isfinite(y) & np.isfinite(x)).sum())
        return _Pair(asset.name, leader.name, n, nothing, reason=TOO_LITTLE)
    least = min(size, max(LEAST_PAIRS, size // 2))
    scanner = LagScanner(max_lag, window_size=size, min_samples=least)
    rows_of_window = slice(-(size + max_lag), None)
    y, x = y[rows_of_window], x[rows_of_window]
    scanner.update_many(y, x)
    if scanner.lag is None:
        reason = reason_in_window(asset.name, leader.name, y, x, size, max_lag, least)
        return _Pair(asset.name, leader.name, scanner.n, nothing, reason=reason)
    cross = scanner.cross_correlation
    # Windows of a few rows have a lag, but no test.
    untested = CANNOT_TEST if scanner.n >= LEAST_PAIRS else TOO_LITTLE
    return _Pair(
        asset=asset.name,
        leader=leader.name,
        n=scanner.n,
        cross=cross,
        corr_same=float(cross[max_lag]),
        lag=scanner.lag,
        corr=_known(scanner.corr),
        llr=_known(scanner.llr),
        p_value=_known(scanner.p_value),
        lead_p=_known(scanner.lead_p_value),
        follow_p=_known(scanner.follow_p_value),
        reason=untested if scanner.lead_p_value is None else None,
    )


def _changes(prices: Floats, returns: Returns) -> Floats:
    """Return one-row returns, NaN where a price is missing."""
    ratio = prices[1:] / prices[:-1]
    return np.log(ratio) if returns == "log" else ratio - 1.0


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def _usual_step(prices: dict[str, Prices]) -> float:
    """Return the usual distance of two candles in seconds, NaN if nobody has two."""
    steps = [float(np.median(np.diff(one.times))) for one in prices.values() if len(one.times) > 1]
    return float(np.median(steps)) / 1e6 if steps else float("nan")


def _table(pairs: list[_Pair], step: float, sort: Sort) -> pl.DataFrame:
    """Return all pairs with adjusted p-values and verdicts, ranked; missing values are null."""
    plain = [one.name for one in fields(_Pair) if one.name not in ("cross", "reason")]
    table = pl.DataFrame([{name: getattr(pair, name) for name in plain} for pair in pairs], infer_schema_length=None)
    table = table.with_columns(pl.col("lag").cast(pl.Int64))
    # Both questions of all pairs are one family.
    adjusted = holm(np.concatenate([table["lead_p"].to_numpy(), table["follow_p"].to_numpy()]))
    lead, follow = np.split(adjusted, 2)
    verdicts = [
        # What has no lag has a reason.
        pair.reason
        or leadlag_report.verdict(pair.asset, pair.leader, pair.lag or 0, bool(leads <= LEVEL), bool(follows <= LEVEL))
        for pair, leads, follows in zip(pairs, lead, follow, strict=True)
    ]
    table = table.with_columns(
        lag_seconds=pl.col("lag") * step,
        lead_p_adjusted=lead,
        follow_p_adjusted=follow,
        verdict=pl.Series(verdicts, dtype=pl.String),
    )
    keys: dict[str, list[pl.Expr]] = {
        # p-values of 0 are told apart by the ratio.
        "lead": [pl.col("lead_p"), -pl.col("llr")],
        "follow": [pl.col("follow_p"), pl.col("llr")],
        "corr": [-pl.col("corr_same").abs()],
        "llr": [-pl.col("llr")],
        "asset": [pl.col("asset")],
    }
    return table.with_columns(pl.selectors.float().fill_nan(None)).sort(
        keys[sort], nulls_last=True, maintain_order=True
    )


def _cross(pairs: list[_Pair], leaders: list[str]) -> dict[tuple[str, str], Floats]:
    """Return the correlation at each lag of each pair, leaders in the order they were given."""
    return {(pair.asset, leader): pair.cross for leader in leaders for pair in pairs if pair.leader == leader}
