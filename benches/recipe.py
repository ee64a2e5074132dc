"""The whole feature recipe: one symbol and one leader in Polars against plain Polars, and one bar live."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import polars as pl

import comove as cm
import recipe_plain
from contenders import threads
from measure import Bench, Line, Scale, line, percentiles, race, undisturbed
from recipe_data import made

NAME = f"recipe/polars/61 columns, {threads()}"
MEMORY = "recipe/memory/61 columns"
LIVE = "recipe/live/76 columns"
COMOVE = "comove expression"
RECIPE = "comove FeatureRecipe"
PLAIN = "plain Polars, lazy"
LEADERS = ("BTC", "ETH", "SOL")
# Averages of Wilder begin at a mean here and at the first value there: until they have forgotten it.
START = 1_000
# What the two may differ by where they mean the same, of the larger of a value and 1e-3.
ALIKE = 1e-5


def market(rows: int) -> pl.DataFrame:
    return pl.DataFrame(made(rows, 60, book=False))


def frames(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The symbol and its leader, as users have them."""
    timed = frame.with_columns(pl.from_epoch("ts", time_unit="ns").cast(pl.Datetime("us", "UTC")))
    return timed.drop("leader_close"), timed.select("ts", close="leader_close")


def expression(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.lazy().select(cm.base_features(leader_close="leader_close")).unnest("base_features").collect()


def apart(ours: pl.DataFrame, plain: pl.DataFrame) -> float:
    """The largest difference; it also shows that equal work is done."""
    worst = 0.0
    for one, other in zip(ours.iter_columns(), plain.iter_columns(), strict=True):
        a, b = (series.cast(pl.Float64).fill_null(np.nan).to_numpy()[START:] for series in (one, other))
        error = np.abs(a - b) / np.maximum(np.abs(a), 1e-3)
        # A sign or a rank may turn at a tie.
        worst = max(worst, float(np.nanquantile(error, 0.999))) if len(error) else worst
    return worst


def columns(scale: Scale) -> list[Line]:
    frame = market(scale.rows)
    symbol, leader = frames(frame)
    recipe = cm.FeatureRecipe(columns=list(cm.features.BASE_COLUMNS)[:61])
    runs: dict[str, Callable[[], pl.DataFrame]] = {
        COMOVE: lambda: expression(frame),
        PLAIN: lambda: recipe_plain.build(frame).collect(),
        RECIPE: lambda: recipe.build_with_market_context(symbol, btc_frame=leader),
    }
    difference = apart(runs[COMOVE](), runs[PLAIN]())
    if difference > ALIKE:
        raise SystemExit(f"{NAME}: plain Polars gives something else, by {difference:.3g}")
    times = race(runs, scale)
    return [line(NAME, name, "ns/row", [t / scale.rows for t in spent]) for name, spent in times.items()]


def memory(scale: Scale) -> list[Line]:
    """The most memory of the recipe, in a process of its own, in units of its output."""
    code = "import sys; sys.path[:0] = sys.argv[2:]; import recipe; recipe.tell_memory(int(sys.argv[1]))"
    here = Path(__file__).resolve().parent
    command = [sys.executable, "-c", code, str(scale.rows), str(here), str(here.parent / "tests")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line(MEMORY, RECIPE, "outputs", [float(told)])]


def tell_memory(rows: int) -> None:
    symbol, leader = frames(market(rows))
    recipe = cm.FeatureRecipe()
    recipe.build_with_market_context(symbol[:5_000], btc_frame=leader[:5_000])
    before = peak()
    built = recipe.build_with_market_context(symbol, btc_frame=leader)
    output = built.drop(symbol.columns).estimated_size()
    print((peak() - before) / output)


def peak() -> int:
    """The most memory of the process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage tells on Linux includes the parent's.
        found = dict(text.split(":", 1) for text in status.read_text().splitlines())
        return int(found["VmHWM"].split()[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def bars(rows: int) -> list[tuple[int, Mapping[str, float], Mapping[str, float]]]:
    frame = market(rows)
    closes = {name: made(rows, 70 + i, book=False)["close"].tolist() for i, name in enumerate(LEADERS)}
    times = frame["ts"].to_list()
    own = frame.select("open", "high", "low", "close", "volume").to_dicts()
    return [
        (ts, bar, {name: of[i] for name, of in closes.items()})
        for i, (ts, bar) in enumerate(zip(times, own, strict=True))
    ]


def live(scale: Scale) -> list[Line]:
    rows = bars(scale.ticks // 4 + 300)
    stream = cm.FeatureStream(leaders=LEADERS)
    for row in rows[:300]:
        stream.update(*row)
    spent, singles = [], []
    for _ in range(max(3, scale.turns // 2)):
        twin = stream.copy()
        with undisturbed():
            start = perf_counter_ns()
            for row in rows[300:]:
                twin.update(*row)
            spent.append((perf_counter_ns() - start) / (len(rows) - 300))
            twin, one = stream.copy(), []
            for row in rows[300:]:
                start = perf_counter_ns()
                twin.update(*row)
                one.append(float(perf_counter_ns() - start))
            singles.append(one)
    return [line(LIVE, "comove FeatureStream", "ns/bar", spent, percentiles=percentiles(singles))]


BENCHES = [
    Bench(
        NAME,
        "From the candles of one million rows to the 61 base columns; the recipe also lays the leader on the grid and "
        "fills. Slower: a feature run over all symbols takes longer.",
        columns,
    )
]
ALONE = [
    Bench(MEMORY, "The most memory a build of one million rows takes, in units of the columns it returns.", memory),
    Bench(LIVE, "One bar of a symbol and three leaders, as a dict of 76 values. Slower: less time to decide.", live),
]
