"""Ablations of noise and of a planted lead: is what is called significant so by more than chance?

On driftless noise a strategy that trades by chance loses its costs, and switching a part of it off changes nothing but
by chance: the share of p-values below 5 % must not be more than that. Where coins follow a leader, what follows it must
be worth something.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from time import perf_counter_ns

import click
import numpy as np
import polars as pl
from scipy.stats import binom

from ablation_cases import COINS, COSTS, LED, PLAN, ablated_noise, led
from comove.backtest import Ablation, ablate
from comove.backtest.variants import ALL, BASE
from measure import QUICK, Bench, Line, Scale, line

SEEDS, QUICK_SEEDS = 200, 2
LED_SEEDS = 20
ROWS, QUICK_ROWS = 1000, 300
NOISE = ("beta_sizing", "leader_volatility", ALL)
LEADS = ("leader_engine", ALL)
KINDS = {"": "net", "gross_": "before costs", "scaled_": "at the same risk"}
LEVEL = 0.05
#: A bound that a test of the right size breaks once in a thousand runs.
SURE = 0.999

BENCH = f"ablation/noise, {len(COINS)} coins"


@dataclass(frozen=True)
class Outcome:
    """What is kept of an ablation."""

    p_values: dict[str, float | None]
    """By kind and variant; "adjusted" is the least one for all variants, before costs."""
    gross: float
    net: float
    """Sums of the base's returns."""
    spent: float
    """Nanoseconds a bar and backtest."""


def noise(job: tuple[int, int]) -> Outcome:
    seed, rows = job
    start = perf_counter_ns()
    found = ablated_noise(seed, NOISE, rows)
    return outcome(found, NOISE, (perf_counter_ns() - start) / (rows * (1 + len(NOISE))))


def leads(job: tuple[int, int]) -> Outcome:
    seed, rows = job
    start = perf_counter_ns()
    found = ablate(led(seed, rows), LED, costs=COSTS, plan=PLAN, names=LEADS, seed=seed)
    return outcome(found, LEADS, (perf_counter_ns() - start) / (rows * (1 + len(LEADS))))


def outcome(found: Ablation, names: Sequence[str], spent: float) -> Outcome:
    rows = {row["name"]: row for row in found.table.iter_rows(named=True)}
    base = found.returns.filter(pl.col("name") == BASE)
    p_values = {f"{kind}{name}": rows[name][f"{kind}p_value"] for kind in KINDS for name in names}
    for kind in KINDS:
        each = [rows[name][f"{kind}adjusted"] for name in names]
        p_values[f"{kind}adjusted"] = min((p for p in each if p is not None), default=None)
    return Outcome(p_values, float(base["gross"].sum()), float(base["net"].sum()), spent)


def below(found: Sequence[Outcome], name: str) -> tuple[int, int]:
    """How many p-values are below the level, and how many there are."""
    known = [each.p_values[name] for each in found if each.p_values[name] is not None]
    return sum(p < LEVEL for p in known), len(known)


def run(scale: Scale) -> list[Line]:
    quick = scale == QUICK
    rows = QUICK_ROWS if quick else ROWS
    # Each seed is a market of its own, and takes seconds.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        by_chance = list(pool.map(noise, [(seed, rows) for seed in range(QUICK_SEEDS if quick else SEEDS)]))
        led_by = list(pool.map(leads, [(seed, rows) for seed in range(1 if quick else LED_SEEDS)]))
    if not quick:
        judge(by_chance, led_by)
    return [
        line(BENCH, "one backtest, all processors busy", "ns/bar", [each.spent for each in by_chance]),
        line(f"ablation/leads, {len(COINS)} coins", "one backtest, all processors busy", "ns/bar",
             [each.spent for each in led_by]),
    ]  # fmt: skip


def judge(by_chance: Sequence[Outcome], led_by: Sequence[Outcome]) -> None:
    """Print what came out; stop where a bound is broken."""
    gross, net = (np.array([getattr(each, name) for each in by_chance]) for name in ("gross", "net"))
    error = gross.std(ddof=1) / math.sqrt(len(gross))
    click.echo(
        f"noise, {len(gross)} seeds: {gross.mean():+.3%} +- {error:.3%} before costs, {(net - gross).mean():+.3%} "
        f"costs, {net.mean():+.3%} after",
        err=True,
    )
    broken = []
    if abs(gross.mean()) > 3.3 * error:
        broken.append("noise earns or loses something before costs")
    for kind, words in KINDS.items():
        for name in (*NOISE, "adjusted"):
            count, known = below(by_chance, f"{kind}{name}")
            most = binom.ppf(SURE, known, LEVEL)
            click.echo(f"  {words}, {name}: {count} of {known} below {LEVEL:g}, at most {most:.0f}", err=True)
            # A variant that trades more also pays more: a net difference is a true one.
            if kind and count > most:
                broken.append(f"{words}, {name} is significant in {count} of {known}")
    for name in LEADS:
        count, known = below(led_by, name)
        click.echo(f"leads, {name}: {count} of {len(led_by)} found", err=True)
        if count < 0.8 * len(led_by):
            broken.append(f"a planted lead is found without {name} in {count} of {len(led_by)}")
    if broken:
        raise SystemExit(f"{BENCH}: {'; '.join(broken)}")


BENCHES = [
    Bench(
        BENCH,
        f"{SEEDS} markets of noise, each traded by chance with and without parts of market structure, and {LED_SEEDS} "
        "with a lead; it stops where more is significant than should be, or a lead is not found. Slower: a bar of the "
        "orchestrator.",
        run,
    )
]
