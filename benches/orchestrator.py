"""A market of 47 coins through the orchestrator, bar by bar, with the time of each stage."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comove import MasterOrchestrator
from measure import QUICK, Bench, Line, Scale, line, percentiles, undisturbed
from structure import ASSETS, HOUR_NS, LEADERS

# Sources have records, neighbours and windows by then.
HISTORY = 900
QUICK_HISTORY = 40
BARS = 100
QUICK_BARS = 5

BENCH = f"orchestrator/live/{len(ASSETS) + len(LEADERS)} coins"

Candles = dict[str, dict[str, float]]


def market(bars: int, seed: int = 9) -> Iterator[Candles]:
    """Candles of each bar, moved by one factor."""
    rng = np.random.default_rng(seed)
    names = (*LEADERS, *ASSETS)
    moves = rng.normal(0.0, 0.005, (bars, len(names))) + rng.normal(0.0, 0.007, (bars, 1))
    closes = 100.0 * np.exp(np.cumsum(moves, axis=0))
    opens = np.vstack([np.full(len(names), 100.0), closes[:-1]])
    wicks = 1.0 + np.abs(rng.normal(0.0, 0.003, (2, *closes.shape)))
    highs, lows = np.maximum(opens, closes) * wicks[0], np.minimum(opens, closes) / wicks[1]
    volumes = rng.lognormal(5.0, 0.5, closes.shape)
    for row in np.stack([opens, highs, lows, closes, volumes], axis=-1).tolist():
        yield {
            name: dict(zip(("open", "high", "low", "close", "volume"), values, strict=True))
            for name, values in zip(names, row, strict=True)
        }


def live(scale: Scale) -> list[Line]:
    history, bars = (QUICK_HISTORY, QUICK_BARS) if scale == QUICK else (HISTORY, BARS)
    engine = MasterOrchestrator()
    spent: dict[str, list[float]] = {}
    with undisturbed():
        for row, candles in enumerate(market(history + bars)):
            decisions = engine.update(row * HOUR_NS, candles)
            if row < history:
                continue
            for stage, time in engine.health().latency.items():
                spent.setdefault(stage, []).append(time.last * 1e6)
    if len(decisions) != len(ASSETS) + len(LEADERS) or not all(each.reasons for each in decisions.values()):
        raise SystemExit(f"{BENCH}: a coin has no decision, or one without a reason")
    if scale != QUICK and sum(each.confidence is not None for each in decisions.values()) < len(ASSETS):
        raise SystemExit(f"{BENCH}: hardly anything is predicted")
    return [
        line(BENCH, stage, "ns/bar", [float(np.mean(each))], percentiles=percentiles([each]))
        for stage, each in spent.items()
    ]


BENCHES = [
    Bench(
        BENCH,
        "A bar of candles of 47 coins into the orchestrator with three leaders and all sources but the trained agent, "
        "whose policy is not given: the time of each stage, and of the whole bar. Slower: later decisions.",
        live,
    )
]
