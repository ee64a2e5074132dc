"""What `comove leadlag` says: the table, its explanation, and the heat map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from comove.cli.console import count_text, number_text, say
from comove.options import Floats
from comove.plots import heat_map
from comove.surveys.leads import BOTH
from comove.surveys.significance import LEVEL, MOST_EVIDENCE, evidence, p_text

__all__ = ["explain", "page", "show"]


def show(table: pl.DataFrame, top: int, console: Console) -> None:
    """Print the first pairs of the ranking."""
    shown = table.head(top) if top else table
    grid = Table(title=f"Who moves first: {len(shown)} of {len(table)} pairs")
    for name in ("\nasset", "\nleader"):
        grid.add_column(name, no_wrap=True)
    for name in (
        "corr,\nsame candle",
        "strongest\nat lag",
        "corr\nthere",
        "\nllr",
        "p leader\nfirst",
        "p asset\nfirst",
    ):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("verdict, for all\npairs together", no_wrap=True)
    for row in shown.iter_rows(named=True):
        grid.add_row(
            row["asset"],
            row["leader"],
            number_text(row["corr_same"]),
            _lag_text(row["lag"], row["lag_seconds"]),
            number_text(row["corr"]),
            number_text(row["llr"]),
            *(p_text(np.nan if row[name] is None else row[name]) for name in ("lead_p", "follow_p")),
            row["verdict"],
            style=None if " leads " in row["verdict"] else "dim",
        )
    console.print(grid)
    if len(shown) < len(table):
        console.print(f"{count_text(len(table) - len(shown), 'more pair')}: --top 0 prints them, --out writes them.")


def explain(table: pl.DataFrame, max_lag: int, console: Console) -> None:
    """Print what came out, and what the words mean."""
    tested = table.filter(pl.col("lead_p").is_not_null())
    low = int((tested["lead_p"] < LEVEL).sum())
    told = [f"{name} leads {', '.join(others)}" for name, others in _leading(table).items()]
    both = table.filter(verdict=BOTH).iter_rows(named=True)
    told += [f"{row['asset']} and {row['leader']} lead each other" for row in both]
    found = [f"Found: {'; '.join(told) or ('nobody leads anybody' if len(tested) else 'nothing')}."]
    reasons = Counter(table.filter(pl.col("lead_p").is_null())["verdict"].to_list())
    if reasons:
        counts = (f"{count_text(pairs, 'pair')} ({reason})" for reason, pairs in reasons.most_common())
        found.append(f"Not tested: {', '.join(counts)}.")
    say(
        console,
        "",
        " ".join(found),
        "",
        "What this means.",
        f"- lag: how many candles apart the moves are, up to {max_lag}. -1: the leader moved one candle before the "
        "asset. 0: both moved in the same candle, and then NOBODY leads, however strong the correlation.",
        "- corr: how alike the moves are, from -1 to 1. In the same candle most coins are: the market moves together.",
        "- llr: squared correlations with the leader ahead over those with the asset ahead; 1 is even.",
        "- p leader first: the chance of this much echo of the leader in later moves of the asset if there is "
        "none; small speaks for a lead. p asset first: the same the other way round.",
        f"- Of {count_text(len(tested), 'pair')} without any lead some {LEVEL * len(tested):.2g} would have p leader "
        f"first below {LEVEL} by mere chance; here: {low}. The verdict accounts for all {2 * len(tested)} p-values "
        '(Holm\'s method): if nothing leads anything, the chance of even one "leads" among them is about '
        f"{LEVEL:.0%}.",
        '- "leads by 2 candles": at that lag the moves are most alike. "leads a little": they are most alike at '
        'another lag, mostly 0, but a small echo comes after it. "nobody leads": no lead that chance could not '
        "have made; one too small for this many candles is not seen.",
        "- Each coin's memory of its own last candle is taken out first, a longer one is not. Prices that bounce "
        "between bid and ask or trade seldom, as on short candles, can therefore look like a lead. And a true lead "
        "may be smaller than the cost of trading on it.",
    )


def page(table: pl.DataFrame, cross: Mapping[tuple[str, str], Floats], max_lag: int) -> str:
    """Return the heat map: evidence of assets by leaders, or correlations of assets by lags for one leader."""
    leaders = list(dict.fromkeys(leader for _, leader in cross))
    # As ranked, the strongest evidence on top.
    assets = list(dict.fromkeys(table["asset"].to_list()))
    if len(leaders) == 1:
        return heat_map(
            [cross[asset, leaders[0]] for asset in assets],
            assets,
            range(-max_lag, max_lag + 1),
            title=f"Correlation with {leaders[0]} at each lag (negative: {leaders[0]} moved first)",
            row_title="asset",
            column_title="lag in candles",
            value_title="corr",
        )
    p_values = {(row["asset"], row["leader"]): row["lead_p"] for row in table.iter_rows(named=True)}
    return heat_map(
        [[evidence(p_values.get((asset, leader))) for leader in leaders] for asset in assets],
        assets,
        leaders,
        title=f"Evidence that the leader moves first: -log10 p, at most {MOST_EVIDENCE:g} (1.3: p = 0.05)",
        scale="sequential",
        row_title="asset",
        column_title="leader",
        value_title="-log10 p",
    )


def _leading(table: pl.DataFrame) -> dict[str, list[str]]:
    """Return who leads whom, the busiest first."""
    found: dict[str, list[str]] = {}
    for row in table.iter_rows(named=True):
        for first, second in ((row["leader"], row["asset"]), (row["asset"], row["leader"])):
            if row["verdict"].startswith(f"{first} leads "):
                found.setdefault(first, []).append(second)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _lag_text(lag: int | None, seconds: float | None) -> str:
    """Return a lag in candles and in time, as in "-2 (2 h before)"."""
    if lag is None:
        return "-"
    if lag == 0 or seconds is None:
        return f"{lag}"
    return f"{lag} ({_time_text(abs(seconds))} {'before' if lag < 0 else 'after'})"


def _time_text(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
