"""One bar of a panel with lags: 500 assets by 3 leaders by 21 lags, all correlations read after each bar."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

import oracles
from accuracy import EASY
from comove.live import Panel
from measure import Bench, Error, Floats, Line, Scale, line, race
from panel import ASSETS, DAY, JUDGED_PAIRS, LEADERS, MINUTE_NS, SPIKE, loop, market, single_bars

WINDOW = 30
WINDOWS = (30, 240, DAY)
MAX_LAG = 10
JUDGED_LAGS = (-MAX_LAG, -1, 0, 1, MAX_LAG)
SHAPE = (ASSETS, LEADERS, 2 * MAX_LAG + 1)
# NumPy grows with the window: so many rows of all windows a turn.
NUMPY_ROWS = 2000
# Bars after the first windows are there, on which both must agree; NumPy loses some digits of a return of 0.1 %.
COMPARED, AGREEMENT = 3, 1e-9

COMOVE = "comove update, 21 lags"
NUMPY = "NumPy, the window again"

# Takes a bar of prices, returns the correlations as (assets, leaders, lags).
Bar = Callable[[Floats], Floats]


def comove_bars(history: Floats, window_size: int) -> Bar:
    names = [f"A{i}" for i in range(ASSETS)], [f"L{i}" for i in range(LEADERS)]
    panel = Panel(*names, window_size=window_size, max_lag=MAX_LAG)
    now = 0

    def bar(prices: Floats) -> Floats:
        nonlocal now
        now += MINUTE_NS
        panel.update(now, prices)
        return panel.cross_correlation

    for prices in history:
        bar(prices)
    return bar


def unit(rows: Floats) -> Floats:
    """Columns of mean 0 and length 1: the product of two is a correlation."""
    centred = rows - rows.mean(axis=0)
    return centred / np.sqrt((centred * centred).sum(axis=0))


def numpy_bars(history: Floats, window_size: int) -> Bar:
    """A ring of returns, written twice so that any window is one block; each bar correlates the windows of all lags."""
    size = window_size + MAX_LAG
    returns = history[1:] / history[:-1] - 1.0
    ring = np.concatenate([returns[-size:]] * 2)
    last, place = history[-1], 0

    def bar(prices: Floats) -> Floats:
        nonlocal last, place
        ring[[place, place + size]] = prices / last - 1.0
        last, place = prices, (place + 1) % size
        seen = ring[place : place + size]
        now = unit(seen[MAX_LAG:])
        corr = np.empty(SHAPE)
        corr[:, :, MAX_LAG] = now[:, :ASSETS].T @ now[:, ASSETS:]
        for lag in range(1, MAX_LAG + 1):
            before = unit(seen[MAX_LAG - lag : size - lag])
            corr[:, :, MAX_LAG - lag] = now[:, :ASSETS].T @ before[:, ASSETS:]
            corr[:, :, MAX_LAG + lag] = before[:, :ASSETS].T @ now[:, ASSETS:]
        return corr

    return bar


Maker = Callable[[Floats, int], Bar]
MAKERS: dict[str, Maker] = {COMOVE: comove_bars, NUMPY: numpy_bars}


def warmed(prices: Floats, window_size: int) -> tuple[Floats, Floats]:
    """The prices before the first bar at which every lag is there, and from it on."""
    first = window_size + MAX_LAG + 1
    return prices[:first], prices[first:]


def check(bench: str, prices: Floats, window_size: int) -> None:
    """Stop if a result is not of the right shape, not finite, or not what NumPy says."""
    history, rest = warmed(prices, window_size)
    ours, theirs = (make(history, window_size) for make in MAKERS.values())
    for row in rest[:COMPARED]:
        found, expected = ours(row), theirs(row)
        if found.shape != SHAPE:
            raise SystemExit(f"{bench}: shape {found.shape} instead of {SHAPE}")
        np.testing.assert_allclose(found, expected, rtol=0, atol=AGREEMENT, err_msg=bench)


def error(make: Maker, prices: Floats, window_size: int) -> Error:
    """The error of some pairs at some lags after the last bar, against exact arithmetic on the prices."""
    history, rest = warmed(prices, window_size)
    bar = make(history, window_size)
    for row in rest:
        corr = bar(row)
    worst = 0.0
    for asset, leader in JUDGED_PAIRS:
        for lag in JUDGED_LAGS:
            # A negative lag has the leader's past, a positive one the asset's.
            ends = len(prices) - max(lag, 0), len(prices) - max(-lag, 0)
            y, x = (
                prices[end - window_size - 1 : end, i] for end, i in zip(ends, (asset, ASSETS + leader), strict=True)
            )
            exact = oracles.cross_asset_features(y, x, window_size=window_size, rows=[window_size])
            worst = max(worst, abs(corr[asset, leader, MAX_LAG + lag] - exact["correlation"][0]))
    return Error(float(worst), len(JUDGED_PAIRS) * len(JUDGED_LAGS))


def errors(make: Maker) -> dict[str, Error]:
    easy = market(4 * WINDOW, 7)
    spiked = easy.copy()
    spiked[WINDOW, [0, ASSETS, ASSETS + 1]] *= SPIKE
    return {EASY: error(make, easy, WINDOW), "after spikes of 1e12": error(make, spiked, WINDOW)}


def lag_panel(window_size: int, scale: Scale) -> list[Line]:
    bench = f"panel/lags/{'x'.join(map(str, SHAPE))}, w{window_size}"
    prices = market(window_size + MAX_LAG + 1 + scale.bars)
    check(bench, prices, window_size)
    history, rows = warmed(prices, window_size)
    rest = list(rows)
    bars = {name: make(history, window_size) for name, make in MAKERS.items()}
    shares = {COMOVE: rest, NUMPY: rest[: max(2, NUMPY_ROWS // window_size)]}
    spent = race({name: partial(loop, bars[name], shares[name]) for name in MAKERS}, scale)
    single = {COMOVE: single_bars(bars[COMOVE], rest, scale)} if window_size == DAY else {}
    return [
        line(
            bench,
            name,
            "ns/bar",
            [t / len(shares[name]) for t in spent[name]],
            errors=errors(make) if window_size == WINDOW else {},
            percentiles=single.get(name, {}),
        )
        for name, make in MAKERS.items()
    ]


BENCHES = [
    Bench(
        f"panel/lags/{'x'.join(map(str, SHAPE))}, w{window_size}",
        "A bar in as an array of prices, one (500, 3, 21) array of correlations out. Slower: less of the bar is left "
        "for decisions.",
        partial(lag_panel, window_size),
    )
    for window_size in WINDOWS
]
