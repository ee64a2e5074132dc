"""What `comove spillover` says: verdicts, the tables, their explanation, and the heat map."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from comove.cli.console import count_text, say
from comove.cli.console import number_text as _number
from comove.connectedness import Connectedness
from comove.plots import heat_map
from comove.surveys.givers import KEPT, PARTS, ROWS_PER_PARAMETER, Givers
from comove.surveys.significance import LEVEL, p_text
from comove.surveys.volatility_pairs import LEAST_SEPARATE, LEAST_TESTED, Cause, Pair

__all__ = ["page", "show", "verdict"]

_TOGETHER: Final = "rise together"
_AGAINST: Final = "move against"
_NOT_SHOWN: Final = "not shown"
_MEANINGS: Final = {
    _NOT_SHOWN: "not shown by these candles, not that there is nothing",
    Cause.NOTHING_COMMON: "no candle of the two has the same time",
    Cause.LENGTHS: "as of one minute and of one hour",
    Cause.FEW_COMMON: "fewer than half of the candles are there for both",
    Cause.TOO_LITTLE: "one of the two has too few candles",
    Cause.CONSTANT: "equally volatile in all candles",
    Cause.STILL: "in most candles the price of one of the two stands still, and 0 has no logarithm",
    Cause.PERFECT: "one follows exactly from the other, as in two copies of a file; no error, no test",
    Cause.FEW_SEPARATE: f"fewer than {LEAST_TESTED} candles, or worth fewer than {LEAST_SEPARATE} separate ones",
}


def verdict(pair: Pair, shown: bool) -> str:
    """Return in words what the test of a pair says, or why there is none."""
    if pair.cause is not None:
        return pair.cause
    if not shown or pair.coefficient is None:
        return _NOT_SHOWN
    return _TOGETHER if pair.coefficient > 0 else _AGAINST


def show(table: pl.DataFrame, givers: Givers | None, top: int, console: Console) -> None:
    """Print the tables, and what they mean."""
    _show_pairs(table, top, console)
    _explain_pairs(table, console)
    if givers is None:
        return
    if givers.result is None:
        say(console, "", f"No table of connectedness: {givers.reason}.")
        return
    _show_givers(givers, givers.result, top, console)
    _explain_givers(givers, givers.result, console)


def page(table: pl.DataFrame, givers: Givers | None, vol: str) -> str:
    """Return the heat map of the table of connectedness, or of the pairs where there is none."""
    if givers is not None and givers.result is not None:
        result = givers.result
        order = np.argsort(-result.net, kind="stable")
        shares = np.where(np.eye(len(order), dtype=bool), np.nan, result.table)[np.ix_(order, order)]
        names = [result.names[i] for i in order]
        return heat_map(
            shares,
            names,
            names,
            title="Turbulence of the row that comes from shocks to the column (its own left out)",
            scale="sequential",
            row_title="takes",
            column_title="gives",
            value_title="share",
            unit=" %",
            decimals=1,
        )
    found = {(row["asset"], row["source"]): row["corr"] for row in table.iter_rows(named=True)}
    assets, sources = (list(dict.fromkeys(table[name].to_list())) for name in ("asset", "source"))
    # None is missing.
    matrix = np.array([[found.get((asset, source)) for source in sources] for asset in assets], dtype=np.float64)
    return heat_map(
        matrix,
        assets,
        sources,
        title=f"Correlation of log volatilities ({vol})",
        row_title="asset",
        column_title="source",
        value_title="corr",
    )


def _show_pairs(table: pl.DataFrame, top: int, console: Console) -> None:
    shown = table.head(top) if top else table
    grid = Table(title=f"Volatility that moves together: {len(shown)} of {len(table)} pairs")
    for name in ("\nasset", "\nsource"):
        grid.add_column(name, no_wrap=True)
    for name in ("\ncoefficient", "other way\nround", "\ncorr", "\nR²", "separate\ncandles", "\np", "half-\nlife"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("verdict, for all\npairs together", no_wrap=True)
    for row in shown.iter_rows(named=True):
        grid.add_row(
            row["asset"],
            row["source"],
            _with_error(row["coefficient"], row["stderr"]),
            _with_error(row["reverse_coefficient"], row["reverse_stderr"]),
            _number(row["corr"]),
            _number(row["r_squared"]),
            _number(row["n_effective"], 0),
            p_text(np.nan if row["p_value"] is None else row["p_value"]),
            _number(row["half_life"], 1),
            row["verdict"],
            style=None if row["verdict"] in (_TOGETHER, _AGAINST) else "dim",
        )
    console.print(grid)
    if len(shown) < len(table):
        console.print(f"{len(table) - len(shown)} more pairs: --top 0 prints them, --out writes them.")


def _explain_pairs(table: pl.DataFrame, console: Console) -> None:
    tested = table.filter(pl.col("p_value").is_not_null())
    words = table["verdict"].to_list()
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    meanings = [
        f'"{word}": {meaning}' for word, meaning in _MEANINGS.items() if any(one.endswith(word) for one in words)
    ]
    say(
        console,
        "",
        f"Of {count_text(len(table), 'pair')}: {counts}.",
        "",
        "What this means.",
        "- All of it is about the logarithm of volatility: ratios count, and no single wild candle decides.",
        "- coefficient: where the source is 1 % more volatile, the asset is this many percent more volatile in the "
        "same candle; ± one standard error, the size of error that chance makes usual. Other way round: the source on "
        "the asset.",
        "- corr, R²: how alike the two are, and the part of one that a line through the other explains.",
        "- This says that turbulence is shared, NOT who gives it to whom: both are looked at in the same candle.",
        "- separate candles: turbulence comes in clusters, so neighbouring candles are not separate evidence. All "
        "candles together are worth so many separate ones (Bartlett 1935); ± and p account for that.",
        "- p: the chance of a coefficient this far from 0 if the two have nothing to do with each other.",
        f"- The verdict accounts for all {len(tested)} tests (Holm's method): if nothing were related, the chance of "
        f'even one "{_TOGETHER}" or "{_AGAINST}" is at most about {LEVEL:.0%}.',
        *([f"- {'; '.join(meanings)}."] if meanings else []),
        "- half-life: candles in which the asset's log volatility forgets half of a shock, as neighbouring candles "
        "show it.",
    )


def _show_givers(givers: Givers, result: Connectedness, top: int, console: Console) -> None:
    order = np.argsort(-result.net, kind="stable").tolist()
    shown = order if not top or len(order) <= top else [*order[: (top + 1) // 2], *order[len(order) - top // 2 :]]
    grid = Table(title=f"Givers and takers of turbulence, in percent: {len(shown)} of {len(order)} coins")
    grid.add_column("coin", no_wrap=True)
    for name in ("gives to others", "takes from others", "net", "net in each quarter"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("in words", no_wrap=True)
    for place, i in enumerate(shown):
        parts = [float(part[i]) for part in givers.parts]
        grid.add_row(
            result.names[i],
            *(_number(float(shares[i]), 1) for shares in (result.to_others, result.from_others)),
            f"{result.net[i]:+.1f}",
            " ".join(f"{value:+6.1f}" for value in parts) or "-",
            _role(float(result.net[i]), parts),
            end_section=len(shown) < len(order) and place == (top + 1) // 2 - 1,
        )
    console.print()
    console.print(grid)
    if len(shown) < len(order):
        console.print(f"{len(order) - len(shown)} coins between them: --top 0 prints them.")


def _role(net: float, parts: list[float]) -> str:
    """Return "gives" or "takes" where each part of the time agrees with the whole."""
    if not parts:
        return "too few to check"
    if all(np.sign(part) == np.sign(net) for part in parts):
        return "gives" if net > 0 else "takes"
    return "not steady"


def _explain_givers(givers: Givers, result: Connectedness, console: Console) -> None:
    facts = [
        f"Total: {result.total:.1f} % of the turbulence of a coin comes from the other {len(result.names) - 1} on "
        f"average, over {result.n:,} candles from {givers.first} to {givers.last}."
    ]
    facts.append(
        f"Coins with the same memory and nothing in common would show about {givers.by_chance:.0f} % here, by chance."
    )
    if givers.absent:
        facts.append(
            f"Left out, because fewer than {KEPT:.0%} of the usual number of candles would remain with them (a candle "
            f"that stands still does not count): {', '.join(givers.absent)}."
        )
    if givers.crowded:
        facts.append(
            f"Left out, because {ROWS_PER_PARAMETER} candles are needed for each of the {len(result.names)} x "
            f"{result.lags} + 1 parameters of a forecast (the sources come first, then the most traded; with fewer "
            f"--lags or more candles there is room for more): {', '.join(givers.crowded)}."
        )
    if result.spectral_radius >= 1:
        facts.append("WARNING: in this model shocks do not fade (it is not stationary); do not rely on the table.")
    say(
        console,
        "",
        *facts,
        "",
        "What this means (Diebold and Yilmaz 2012).",
        f"- All coins are forecast together, from the log range (high to low) of their last {result.lags} candles. "
        f"Of the error of each coin's forecast {result.horizon} candles ahead, a part comes from shocks to each "
        "other coin.",
        "- gives to others: those parts of the others' errors, summed; it may exceed 100. takes from others: of "
        "its own error.",
        "- net: gives less takes. Shocks count as they come, and coins move in the same candle: net says which "
        "coins are in the midst of the market's turbulence (above 0) and which at its edge (below 0), not which "
        "one causes it.",
        '- There is no test behind net. "gives" and "takes" stand only where each quarter of the time, taken '
        f'alone, has the same sign; "not steady" where not. Of coins without any net, one in {2 ** (PARTS - 1)} '
        "would still get a word.",
    )


def _with_error(value: float | None, stderr: float | None) -> str:
    return _number(value) if stderr is None else f"{_number(value)} ±{_number(stderr)}"
