"""One bar of a panel: 500 assets by 3 leaders, beta and correlation of each pair read after each bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from time import perf_counter_ns

import numpy as np

import oracles
from accuracy import EASY
from comove.live import Panel
from measure import QUICK, Bench, Error, Floats, Line, Scale, clock_overhead, line, percentiles, race, undisturbed

ASSETS, LEADERS = 500, 3
WINDOW = 30
WINDOWS = (30, 1000, 1440, 10_000)
# Bars are sampled one by one at a day of minutes.
DAY = 1440
QUICK_DAY = 200
MINUTE_NS = 60_000_000_000
JUDGED_PAIRS = ((0, 0), (1, 1), (250, 2), (499, 0))
SPIKE = 1e12

COMOVE = "comove update, beta, corr"
NUMPY = "NumPy, the window again"

# Takes a bar of prices, returns (assets, leaders) arrays of beta and corr.
Bar = Callable[[Floats], tuple[Floats, Floats]]
# The same, whatever it returns.
AnyBar = Callable[[Floats], object]


def market(bars: int, seed: int = 6) -> Floats:
    """Prices (bars, assets + leaders), moved by one factor."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.001, (bars, ASSETS + LEADERS))
    moves += rng.normal(0.0, 0.001, (bars, 1))
    return 100.0 * np.exp(np.cumsum(moves, axis=0))


def comove_panel(history: Floats, window_size: int) -> Bar:
    panel = Panel([f"A{i}" for i in range(ASSETS)], [f"L{i}" for i in range(LEADERS)], window_size=window_size)
    panel.update_many(np.arange(len(history)) * MINUTE_NS, history)
    now = len(history) * MINUTE_NS

    def bar(prices: Floats) -> tuple[Floats, Floats]:
        nonlocal now
        now += MINUTE_NS
        panel.update(now, prices)
        return panel.beta, panel.corr

    return bar


def numpy_panel(history: Floats, window_size: int) -> Bar:
    """A ring of returns; each bar centres the window and multiplies it by itself."""
    returns = history[1:] / history[:-1] - 1.0
    ring = np.ascontiguousarray(returns[-window_size:])
    average = np.full(window_size, 1.0 / window_size)
    last, place = history[-1], 0

    def bar(prices: Floats) -> tuple[Floats, Floats]:
        nonlocal last, place
        ring[place] = prices / last - 1.0
        last, place = prices, (place + 1) % window_size
        centred = ring - average @ ring
        products = centred[:, ASSETS:].T @ centred[:, :ASSETS]
        centred *= centred
        squares = np.add.reduce(centred, 0)
        of_leaders = squares[ASSETS:, np.newaxis]
        return products / of_leaders, products / np.sqrt(of_leaders * squares[:ASSETS])

    return bar


def loop(bar: AnyBar, bars: Sequence[Floats]) -> None:
    for prices in bars:
        bar(prices)


def sample(bar: AnyBar, bars: Sequence[Floats]) -> list[int]:
    clock = perf_counter_ns
    samples = [0] * len(bars)
    for i, prices in enumerate(bars):
        start = clock()
        bar(prices)
        samples[i] = clock() - start
    return samples


def single_bars(bar: AnyBar, rest: Sequence[Floats], scale: Scale) -> dict[str, float]:
    """Percentiles of bars timed one by one; each turn is a whole day, so that what happens once a window is in it."""
    day = list(islice(cycle(rest), QUICK_DAY if scale == QUICK else DAY))
    overhead = clock_overhead()
    turns = []
    for _ in range(max(3, scale.turns // 2)):
        with undisturbed():
            turns.append(np.maximum(np.array(sample(bar, day), dtype=float) - overhead, 0.0))
    return percentiles(turns)


def error(make: Callable[[Floats, int], Bar], prices: Floats, window_size: int) -> Error:
    """The error of some pairs after the last bar, against exact arithmetic on the prices."""
    bar = make(prices[: window_size + 1], window_size)
    for row in prices[window_size + 1 :]:
        beta, corr = bar(row)
    if beta.shape != (ASSETS, LEADERS):
        beta, corr = beta.T, corr.T
    if not np.isfinite(beta).all() or not np.isfinite(corr).all():
        raise SystemExit(f"panel, window {window_size}: not finite")
    worst = 0.0
    for asset, leader in JUDGED_PAIRS:
        seen = prices[-window_size - 1 :, [asset, ASSETS + leader]]
        exact = oracles.cross_asset_features(seen[:, 0], seen[:, 1], window_size=window_size, rows=[window_size])
        natural = exact["sd_asset"][0] / exact["sd_benchmark"][0]
        worst = max(
            worst,
            abs(beta[asset, leader] - exact["beta"][0]) / natural,
            abs(corr[asset, leader] - exact["correlation"][0]),
        )
    return Error(float(worst), len(JUDGED_PAIRS))


def errors(make: Callable[[Floats, int], Bar]) -> dict[str, Error]:
    easy = market(4 * WINDOW, 7)
    spiked = easy.copy()
    spiked[2 * WINDOW, [0, ASSETS, ASSETS + 1]] *= SPIKE
    return {EASY: error(make, easy, WINDOW), "after spikes of 1e12": error(make, spiked, WINDOW)}


def panel(window_size: int, scale: Scale) -> list[Line]:
    bench = f"panel/live/{ASSETS}x{LEADERS}, w{window_size}"
    prices = market(window_size + 1 + scale.bars)
    history, rest = prices[: window_size + 1], list(prices[window_size + 1 :])
    makers = {COMOVE: comove_panel, NUMPY: numpy_panel}
    bars = {name: make(history, window_size) for name, make in makers.items()}
    # NumPy grows with the window: fewer bars a turn.
    share = max(2, min(len(rest), 20_000 // window_size))
    shares = {COMOVE: rest, NUMPY: rest[:share]}
    spent = race({name: partial(loop, bars[name], shares[name]) for name in makers}, scale)
    single: dict[str, dict[str, float]] = {name: {} for name in makers}
    if window_size == DAY:
        single[COMOVE] = single_bars(bars[COMOVE], rest, scale)
    return [
        line(
            bench,
            name,
            "ns/bar",
            [t / len(shares[name]) for t in spent[name]],
            errors=errors(makers[name]) if window_size == WINDOW else {},
            percentiles=single[name],
        )
        for name in makers
    ]


BENCHES = [
    Bench(
        f"panel/live/{ASSETS}x{LEADERS}, w{window_size}",
        "A bar in as an array of prices, two (500, 3) arrays out. Slower: less of the bar is left for decisions.",
        partial(panel, window_size),
    )
    for window_size in WINDOWS
]
