"""How often the p-values of the lag scan reject, by simulation: where nothing leads, and where something does.

python tests/check_size.py                       every case at windows 120 to 1000
python tests/check_size.py --window 120 --lags 3 --runs 10000

In percent, at 5 %: any lag / the leader first / the asset first. With r runs the standard error of a
size of 5 % is 22 / sqrt(r) percent: 0.5 at 2000 runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from comove.live import LagScanner

Floats = NDArray[np.float64]

LEVEL = 0.05
# The planted lead moves this many rows first.
LEAD_ROWS = 3
# Rows until the start of a simulation is forgotten: 0.97^200 = 0.002.
BURN_IN = 200
VOLATILITY_MEMORY = 0.97
RUNS = 2000
# Runs simulated at once, for memory.
CHUNK = 500
# Characters of the table.
WIDTH_OF_NAME, WIDTH_OF_CELL = 40, 24


@dataclass(frozen=True)
class Market:
    """Two series. Each value: `memory` times the one before, plus a shock times the volatility both share."""

    asset_memory: float = 0.0
    leader_memory: float = 0.0
    # Correlation of the shocks of the same row.
    corr: float = 0.0
    # Correlation of the asset's shock with the leader's of `LEAD_ROWS` rows before, and the other way round.
    lead: float = 0.0
    follow: float = 0.0
    # Degrees of freedom of Student's t, one draw of the tail for both; 0 is normal.
    freedom: float = 0.0
    # Standard deviation of the logarithm of the shared volatility.
    volatility: float = 0.0

    def simulate(self, runs: int, rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        shape = (rows + BURN_IN, runs)
        leader, own = rng.standard_normal(shape), rng.standard_normal(shape)
        asset = self.corr * leader + np.sqrt(1.0 - self.corr**2) * own
        if self.freedom:
            if self.corr:
                leader, asset = np.array([leader, asset]) / np.sqrt(rng.chisquare(self.freedom, shape) / self.freedom)
            else:
                leader, asset = rng.standard_t(self.freedom, (2, *shape))
        if self.volatility:
            shock = self.volatility * np.sqrt(1.0 - VOLATILITY_MEMORY**2) * rng.standard_normal(shape)
            level = np.exp(remember(shock, VOLATILITY_MEMORY))
            leader, asset = leader * level, asset * level
        if self.lead:
            asset = led(asset, leader, self.lead)
        if self.follow:
            leader = led(leader, asset, self.follow)
        asset, leader = remember(asset, self.asset_memory), remember(leader, self.leader_memory)
        return asset[BURN_IN:].T.copy(), leader[BURN_IN:].T.copy()


def remember(shocks: Floats, memory: float) -> Floats:
    """v[t] = memory v[t - 1] + shock[t], along the first axis."""
    values = shocks.copy()
    for t in range(1, len(values)):
        values[t] += memory * values[t - 1]
    return values


def led(series: Floats, by: Floats, share: float) -> Floats:
    """Correlate a series with another of `LEAD_ROWS` rows before; its variance stays."""
    moved = np.sqrt(1.0 - share**2) * series
    moved[LEAD_ROWS:] += share * by[:-LEAD_ROWS]
    return moved


NULLS = {
    "iid": Market(),
    "AR 0.5": Market(0.5, 0.5),
    "AR 0.5, 0": Market(0.5, 0.0),
    "AR 0.8, 0.3": Market(0.8, 0.3),
    "AR -0.5": Market(-0.5, -0.5),
    "corr 0.7": Market(corr=0.7),
    "AR 0.5, corr 0.7": Market(0.5, 0.5, corr=0.7),
    "AR 0.8, 0.3, corr 0.7": Market(0.8, 0.3, corr=0.7),
    "t(4)": Market(freedom=4.0),
    "t(3)": Market(freedom=3.0),
    "volatility 0.5": Market(volatility=0.5),
    "volatility 1": Market(volatility=1.0),
    "volatility 0.7, t(4)": Market(volatility=0.7, freedom=4.0),
    "AR 0.5, corr 0.7, volatility 0.7": Market(0.5, 0.5, corr=0.7, volatility=0.7),
    "AR 0.8, 0.3, corr 0.7, vol. 1, t(4)": Market(0.8, 0.3, corr=0.7, volatility=1.0, freedom=4.0),
}
LEADS = {
    "lead 0.15": Market(lead=0.15),
    "lead 0.2": Market(lead=0.2),
    "lead 0.3": Market(lead=0.3),
    "lead 0.2, AR 0.5, corr 0.7": Market(0.5, 0.5, corr=0.7, lead=0.2),
    "lead 0.2, volatility 0.7": Market(volatility=0.7, lead=0.2),
    "follow 0.3, corr 0.7": Market(corr=0.7, follow=0.3),
}


def p_values(market: Market, window_size: int, max_lag: int, *, runs: int, seed: int) -> Iterator[Floats]:
    """`p_value`, `lead_p_value` and `follow_p_value` of independent windows, in chunks of shape (runs, 3)."""
    rng = np.random.default_rng(seed)
    scanner = LagScanner(max_lag, window_size=window_size)
    for begin in range(0, runs, CHUNK):
        pairs = market.simulate(min(CHUNK, runs - begin), window_size + max_lag, rng)
        yield np.array([of_window(scanner, y, x) for y, x in zip(*pairs, strict=True)])


def of_window(scanner: LagScanner, asset: Floats, leader: Floats) -> tuple[float, float, float]:
    """The three of one window, whose first `max_lag` rows are those before it; NaN where missing."""
    scanner.reset()
    scanner.update_many(asset, leader)
    found = scanner.p_value, scanner.lead_p_value, scanner.follow_p_value
    return tuple(np.nan if p is None else p for p in found)


def rejections(market: Market, window_size: int, max_lag: int, *, runs: int = RUNS, seed: int = 1) -> Floats:
    """Shares of the runs in which each of the three rejects at `LEVEL`."""
    found = np.concatenate(list(p_values(market, window_size, max_lag, runs=runs, seed=seed)))
    if np.isnan(found).any():
        raise AssertionError(f"{market} gives a window without p-values, seed {seed}")
    return (found < LEVEL).mean(axis=0)


def show(windows: Sequence[int], lags: Sequence[int], runs: int, seed: int) -> None:
    cases = NULLS | LEADS
    columns = [(w, lag) for lag in lags for w in windows]
    console = Console(width=WIDTH_OF_NAME + WIDTH_OF_CELL * len(columns))
    table = Table("case", *(f"{w} rows\n{lag} lags" for w, lag in columns), title=f"Rejections in percent, {runs} runs")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("simulating", total=len(cases) * len(columns))
        for name, market in cases.items():
            cells = []
            for window_size, max_lag in columns:
                shares = rejections(market, window_size, max_lag, runs=runs, seed=seed)
                cells.append(" / ".join(f"{100 * share:.1f}" for share in shares))
                progress.advance(task)
            table.add_row(name, *cells, end_section=name == list(NULLS)[-1])
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, action="append")
    parser.add_argument("--lags", type=int, action="append")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    show(args.window or [120, 240, 500, 1000], args.lags or [10], args.runs, args.seed)


if __name__ == "__main__":
    main()
