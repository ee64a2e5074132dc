"""Do the files of `comove features` hold what the raw candles say? Random cells against exact arithmetic.

    python tests/check_features.py DATA OUT [--cells 2000] [--seed 1] [--leaders BTC,ETH,SOL] [--window 30]
        [--fill forward|none] [--fill-limit 24] [--returns simple|log]

The options are those the files were made with. Nothing of comove is imported: raw Parquet files, fractions, and the
definitions in `oracles.py`. Half of the cells are drawn from all rows, half near the edges, where an asset or a leader
starts, ends or has a hole.
"""

from __future__ import annotations

import argparse
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

import oracles
import tolerances as tol
from tolerances import Bound, worst

DEFAULTS = {"beta": 1.0, "correlation": 0.0, "divergence": 0.0, "volatility": 0.02, "relative_momentum": 0.0}
# Rows before the window of a value that could matter: the longest lookback of the other columns.
OTHER_LOOKBACK = 20


@dataclass
class Result:
    """What a check found: how many cells of which kind, the worst error in units of its bound, and what is wrong."""

    cells: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    wrong: list[str] = field(default_factory=list)


def raw(file: Path) -> dict[int, float]:
    """Time in microseconds to close, from a raw Parquet file, in the order of the file."""
    frame = pl.read_parquet(file, columns=["ts", "close"])
    return dict(zip(frame["ts"].to_physical().to_list(), frame["close"].to_list(), strict=True))


class Grid:
    """An asset and its leaders on the union of their timestamps, one value at a time from its definition."""

    def __init__(self, asset: dict[int, float], leaders: dict[str, dict[int, float]], **options: object) -> None:
        self.times = sorted(set(asset).union(*leaders.values()))
        self.asset = asset
        self.leaders = leaders
        self.options = options
        self.reach = max(int(str(options["window_size"])), OTHER_LOOKBACK) + 1

    def row(self, time: int) -> int:
        return bisect_left(self.times, time)

    def exact(self, row: int, leader: str) -> oracles.Readings:
        """The five columns of one leader at a row of the grid; NaN where not defined."""
        part = self.times[max(0, row + 1 - self.reach) : row + 1]
        prices = [np.array([series.get(t, math.nan) for t in part]) for series in (self.asset, self.leaders[leader])]
        return oracles.cross_asset_features(*prices, rows=[len(part) - 1], **self.options)

    def edges(self, own: Sequence[int]) -> list[int]:
        """Rows of `own` at most 60 rows after the asset or a leader starts, stops or has a hole, or at its end."""
        every = [self.asset, *self.leaders.values()]
        there = np.array([[t in series for t in self.times] for series in every])
        change = np.flatnonzero((there[:, 1:] != there[:, :-1]).any(axis=0)) + 1
        starts = [0, *change.tolist()]
        near = {row for start in starts for row in range(start, start + 60)}
        rows = [i for i, t in enumerate(own) if self.row(t) in near]
        return [*rows, len(own) - 1]


def bound(kind: str, exact: oracles.Readings) -> Bound:
    """How far a value may be from exact."""
    with np.errstate(all="ignore"):
        scales = {
            "beta": exact["sd_asset"] / exact["sd_benchmark"],
            "correlation": np.ones(1),
            "divergence": np.ones(1),
            "volatility": np.abs(exact["volatility"]),
            "relative_momentum": 1.0 + np.abs(exact["relative_momentum"]),
        }
    return Bound(tol.FEATURES, scales[kind])


def check(
    data: Path,
    out: Path,
    *,
    cells: int = 300,
    seed: int = 0,
    leaders: Sequence[str] = ("BTC", "ETH", "SOL"),
    assets: Sequence[str] | None = None,
    window_size: int = 30,
    fill: str | None = "forward",
    fill_limit: int = 24,
    returns: str = "simple",
) -> Result:
    """Compare `cells` random values of the files in `out` with exact ones; every asset gets its share."""
    rng = Random(seed)
    leader_prices = {name.lower(): raw(data / f"{name}.parquet") for name in leaders}
    expected = {file.stem for file in data.glob("*.parquet")} - set(leaders)
    names = sorted(expected) if assets is None else list(assets)
    result = Result()
    written = {file.stem for file in out.iterdir()}
    if assets is None and written != expected:
        result.wrong.append(f"files: {sorted(written ^ expected)}")
    columns = [f"{leader}_{kind}" for leader in leader_prices for kind in oracles.FEATURES]
    for i, asset in enumerate(names):
        frame = pl.read_parquet(out / f"{asset}.parquet")
        prices = raw(data / f"{asset}.parquet")
        own = list(prices)
        found = [*frame.columns[:2], *frame.columns[-len(columns) :]]
        if found != ["ts", "close", *columns] or frame["ts"].to_physical().to_list() != own:
            result.wrong.append(f"{asset}: columns or timestamps")
            continue
        if frame["close"].to_list() != list(prices.values()):
            result.wrong.append(f"{asset}: close")
        if fill is not None and any(frame.select(columns).null_count().row(0)):
            result.wrong.append(f"{asset}: nulls in a filled file")
        if any(frame[name].is_nan().any() or frame[name].is_infinite().any() for name in frame.columns[2:]):
            result.wrong.append(f"{asset}: NaN or infinity")
        grid = Grid(prices, leader_prices, window_size=window_size, returns=returns)
        edges = grid.edges(own)
        share = cells // len(names) + (i < cells % len(names))
        for cell in range(share):
            at = rng.choice(edges) if cell % 2 else rng.randrange(len(own))
            leader, kind = rng.choice(list(leader_prices)), rng.choice(oracles.FEATURES)
            _check_cell(result, grid, frame, own, at, leader, kind, asset, fill, fill_limit)
    return result


def _check_cell(
    result: Result,
    grid: Grid,
    frame: pl.DataFrame,
    own: list[int],
    at: int,
    leader: str,
    kind: str,
    asset: str,
    fill: str | None,
    fill_limit: int,
) -> None:
    exact = grid.exact(grid.row(own[at]), leader)
    how = "true"
    if math.isnan(exact[kind][0]):
        how = "missing" if fill is None else "default"
    if how == "default":
        # The last defined value among the asset's rows, unless it is more than `fill_limit` rows of the grid old.
        for back in reversed(own[:at]):
            if grid.row(own[at]) - grid.row(back) > fill_limit:
                break
            earlier = grid.exact(grid.row(back), leader)
            if not math.isnan(earlier[kind][0]):
                exact, how = earlier, "carried on"
                break
        if how == "default":
            exact = exact | {kind: np.array([DEFAULTS[kind]])}
    value = frame[f"{leader}_{kind}"][at]
    answer = np.array([math.nan if value is None else value])
    allowed = Bound(0.0, np.ones(1)) if how in ("default", "missing") else bound(kind, exact)
    ratio, _ = worst(answer, exact[kind], allowed)
    result.cells += 1
    result.kinds[how] += 1
    result.worst = max(result.worst, ratio)
    if ratio > 1.0:
        result.wrong.append(
            f"{asset} {leader}_{kind} at {frame['ts'][at]} ({how}): {value!r} instead of {exact[kind][0]!r}, "
            f"{ratio:.3g} times the bound"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the files of `comove features` against exact arithmetic.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leaders", default="BTC,ETH,SOL")
    parser.add_argument("--window", type=int, default=30)
    parser.add_argument("--fill", default="forward", choices=["forward", "none"])
    parser.add_argument("--fill-limit", type=int, default=24)
    parser.add_argument("--returns", default="simple", choices=["simple", "log"])
    args = parser.parse_args()
    result = check(
        args.data,
        args.out,
        cells=args.cells,
        seed=args.seed,
        leaders=args.leaders.split(","),
        window_size=args.window,
        fill=None if args.fill == "none" else args.fill,
        fill_limit=args.fill_limit,
        returns=args.returns,
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in result.kinds.most_common())
    print(f"{result.cells} cells ({kinds}); largest error {result.worst:.2g} times its bound")
    for line in result.wrong:
        print(f"WRONG: {line}")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
