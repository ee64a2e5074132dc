"""A market of 47 coins bar by bar, and the questions asked after each bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from time import perf_counter_ns

import numpy as np

from comove import MarketStructureCoordinator
from measure import QUICK, Bench, Line, Scale, clock_overhead, line, percentiles, undisturbed

LEADERS = ("BTC", "ETH", "SOL")
ASSETS = tuple(f"A{i}" for i in range(44))
HOUR_NS = 3_600_000_000_000
# A window of 30 days, and what regimes compare with, are full.
HISTORY = 800
QUICK_HISTORY = 100
BARS = 60

BENCH = f"structure/live/{len(ASSETS) + len(LEADERS)} coins"
REGIME = "detect_market_regime, an asset"
MARKET = "detect_market_regime, the market"
BETA = "get_beta"
SPILLOVER = "get_volatility_spillover"
LEAD_LAG = "get_lead_lag"
BAR = "update_bar"

Bars = list[dict[str, float]]


def market(bars: int, seed: int = 9) -> Bars:
    """Prices of each bar, moved by one factor."""
    rng = np.random.default_rng(seed)
    names = (*LEADERS, *ASSETS)
    moves = rng.normal(0.0, 0.005, (bars, len(names))) + rng.normal(0.0, 0.007, (bars, 1))
    return [dict(zip(names, row, strict=True)) for row in (100.0 * np.exp(np.cumsum(moves, axis=0))).tolist()]


def questions(coordinator: MarketStructureCoordinator) -> Mapping[str, Callable[[str], object]]:
    return {
        REGIME: coordinator.detect_market_regime,
        MARKET: lambda _: coordinator.detect_market_regime(),
        BETA: lambda asset: coordinator.get_beta(asset, benchmark="ETH"),
        SPILLOVER: lambda asset: coordinator.get_volatility_spillover(asset, source="ETH"),
        LEAD_LAG: lambda asset: coordinator.get_lead_lag(asset, leader="ETH"),
    }


def one_turn(coordinator: MarketStructureCoordinator, bars: Sequence[dict[str, float]]) -> dict[str, list[int]]:
    """Nanoseconds of each bar, and of each question about another asset after it."""
    clock = perf_counter_ns
    asked = questions(coordinator)
    spent: dict[str, list[int]] = {name: [] for name in (BAR, *asked)}
    now = coordinator.last_bar or 0
    for bar, asset in zip(bars, cycle(ASSETS), strict=False):
        now += HOUR_NS
        start = clock()
        coordinator.update_bar(now, bar)
        spent[BAR].append(clock() - start)
        for name, ask in asked.items():
            start = clock()
            answer = ask(asset)
            spent[name].append(clock() - start)
            if answer is None:
                raise SystemExit(f"{BENCH}: {name} has no answer")
    return spent


def live(scale: Scale) -> list[Line]:
    history = QUICK_HISTORY if scale == QUICK else HISTORY
    bars = market(history + BARS)
    coordinator = MarketStructureCoordinator(LEADERS, max_rows=HISTORY)
    for row, bar in enumerate(bars[:history]):
        coordinator.update_bar(row * HOUR_NS, bar)
    if coordinator.get_beta(ASSETS[0]).beta is None or not coordinator.detect_market_regime(ASSETS[0]).scores:
        raise SystemExit(f"{BENCH}: no answer after {history} bars")
    overhead = clock_overhead()
    turns: list[dict[str, list[int]]] = []
    for _ in range(max(3, scale.turns // 2)):
        with undisturbed():
            turns.append(one_turn(coordinator, list(islice(cycle(bars[history:]), BARS))))
    lines = []
    for name in turns[0]:
        samples = [np.maximum(np.array(turn[name], dtype=float) - overhead, 0.0) for turn in turns]
        unit = "ns/bar" if name == BAR else "ns/call"
        means = [float(np.mean(each)) for each in samples]
        lines.append(line(BENCH, name, unit, means, percentiles=percentiles(samples)))
    return lines


BENCHES = [
    Bench(
        BENCH,
        "A bar of prices into a coordinator with three leaders (a beta by span, 21 lags and a spillover of each pair, "
        "the regime of each coin and of the market), then one question of each kind, each about a coin not asked since "
        "the bar. A lead and lag makes its p-values from the window. Slower: less time a bar for decisions.",
        live,
    )
]
