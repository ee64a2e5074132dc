"""`comove leadlag`: who moves first, an asset or a leader, for all pairs of a candle folder."""

from __future__ import annotations

from pathlib import Path

import click

from comove.cli import leadlag_report
from comove.cli.console import count_text, errors, fail, open_console
from comove.cli.folder import (
    asked,
    assets_option,
    check_outputs,
    data_option,
    file_option,
    leaders_option,
    max_lag_option,
    open_progress,
    read_each,
    refuse_failures,
    top_option,
    window_option,
    write_page,
    write_table,
)
from comove.data.candles import candle_files
from comove.features.grid import read_prices
from comove.options import Floats, Returns
from comove.surveys.leads import Lead, Sort, rank, scan, usual_step
from comove.surveys.pairs import pairs_of

__all__ = ["leadlag_command"]


@click.command("leadlag", short_help="Rank who moves first, coins or their leaders.")
@data_option
@assets_option("look at", ", the leaders among themselves included")
@leaders_option("--leaders", "that may move first")
@max_lag_option("")
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
        asset_names, leader_names, symbols = asked(files, assets, "--leaders", leaders)
        prices, failed = read_each(files, symbols, read_prices)
        names = pairs_of(asset_names, leader_names)
        if not names:
            raise fail(f"{data}: no pair of an asset and another leader in {', '.join(symbols)}")
        names = [(asset, leader) for asset, leader in names if asset in prices and leader in prices]
        pairs: list[Lead] = []
        with open_progress() as progress:
            task = progress.add_task("", total=len(names))
            for asset, leader in names:
                progress.update(task, description=asset)
                pairs.append(scan(prices[asset], prices[leader], max_lag, window, returns))
                progress.advance(task)
            progress.update(task, description="done")
        if pairs:
            table = rank(pairs, usual_step(prices), sort)
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


def _cross(pairs: list[Lead], leaders: list[str]) -> dict[tuple[str, str], Floats]:
    """Return the correlation at each lag of each pair, leaders in the order they were given."""
    return {(pair.asset, leader): pair.cross for leader in leaders for pair in pairs if pair.leader == leader}
