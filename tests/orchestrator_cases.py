"""Bars, fills and scripted sources for the tests of the orchestrator."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from comove import MasterOrchestrator
from comove.engine import OrchestratorOptions
from comove.signals import EnsembleOptions, EnsemblePredictor, Prediction, PredictionSource
from recorded_data import HOURS_2024, present
from signal_cases import bars_of_candles, bars_of_frames, candles_of
from structure_cases import prices

COST = 0.001


class Scripted(PredictionSource):
    """Says of every symbol what a mapping of row to probability says; nothing of other rows."""

    kind = "scripted"
    name = "scripted"

    def __init__(self, script=None, horizon=24):
        self.script = {} if script is None else script
        self.horizon = horizon
        self.abstained = {}

    def observe(self, contexts):
        self.abstained = {}

    def predict(self, context):
        up = self.script.get(context.symbol, self.script.get("*", {})).get(context.row)
        if up is None:
            self.abstained[context.symbol] = "the script says nothing"
            return None
        return Prediction.of(up, self.horizon, f"the script says {up}")

    def to_state(self):
        each = {symbol: [[row, up] for row, up in rows.items()] for symbol, rows in self.script.items()}
        return {"script": each, "horizon": self.horizon}

    @classmethod
    def from_state(cls, state):
        return cls({symbol: dict(map(tuple, rows)) for symbol, rows in state["script"].items()}, state["horizon"])


# So that an orchestrator with it can be restored.
EnsemblePredictor.register(Scripted)


def always(up, first=0, last=10_000):
    return {row: up for row in range(first, last)}


def market(rows, coins=("AAA", "BBB"), seed=3, sd=0.008, crash=None):
    """Candles of three leaders and some coins that move with one factor; `crash` is (first row, rows, fall of each)."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, sd, rows)
    if crash is not None:
        first, length, fall = crash
        factor[first : first + length] -= fall
    names = ("BTC", "ETH", "SOL", *coins)
    made = {}
    for place, name in enumerate(names):
        own = rng.normal(0.0, sd * (0.3 if place < 3 else 0.8), rows)
        made[name] = candles_of(prices((1.0 + 0.1 * place) * factor + own), seed=place)
    return list(bars_of_candles(made))


def traded(engine, bars, after=None):
    """Decisions of each bar, where orders are filled at the next bar's open."""
    waiting = {}
    for ts, candles in bars:
        for symbol, decision in waiting.items():
            candle = candles.get(symbol)
            if candle is not None:
                fill(engine, decision, candle["open"])
        decisions = engine.update(ts, candles)
        if after is not None:
            after(engine, decisions)
        waiting = {symbol: each for symbol, each in decisions.items() if each.action != "hold"}
        yield decisions


def fill(engine, decision, price):
    symbol = decision.symbol
    if decision.action in ("buy", "sell"):
        side = "long" if decision.action == "buy" else "short"
        engine.opened(symbol, side, decision.size, price, cost=COST * decision.size)
        return
    position = engine.book.position(symbol)
    whole = abs(position.exposure(decision.price))
    fraction = 1.0 if decision.action == "exit" else decision.size / whole
    engine.closed(symbol, price, fraction=fraction, cost=COST * decision.size)


@cache
def recorded(rows, last=0):
    """Bars of all coins of the folder of 2024."""
    frames = {path.stem: pl.read_parquet(path) for path in sorted(present(HOURS_2024).glob("*.parquet"))}
    return bars_of_frames(frames)[-rows - last or None : -last or None]


def scripted(script, **options):
    return MasterOrchestrator(OrchestratorOptions(**options), sources=[Scripted(script)])


def plain(script, **options):
    """The script is the only source and counts as it is: neither regimes nor calibration change it."""
    return scripted(script, ensemble=EnsembleOptions(calibration=False, regime_adjustment=False), **options)
