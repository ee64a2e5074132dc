"""Markets of noise and with a leader that moves first, and strategies that trade on them, for ablations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from comove import MasterOrchestrator
from comove.backtest import Costs, WalkForward, ablate
from comove.data import simulate_market
from comove.engine import AlphaEngineOptions, DecisionOptions, MarketOptions, OrchestratorOptions
from comove.signals import Prediction, PredictionSource
from comove.signals.ensemble import EnsembleOptions, EnsemblePredictor

COINS = ("AAA", "BBB", "CCC", "DDD", "EEE")
#: Without what an order moves its own price by, so that gross differences are without any costs.
COSTS = Costs(impact=0.0)
PLAN = WalkForward(folds=1, train=200)
MARKET = MarketOptions(leaders=("BTC",), window_size=60, lag_window=120, max_lag=3, rows=64)
HORIZON = 3
DECISIONS = DecisionOptions(hold_rows=6, cooldown_rows=0)
LED = OrchestratorOptions(
    market=MARKET,
    horizon=HORIZON,
    sources=("alpha",),
    alpha=AlphaEngineOptions(engines=("leader", "trend")),
    decisions=DECISIONS,
)
"""Believes a leader that moves first, and trends."""
BLIND = OrchestratorOptions(
    market=MARKET,
    horizon=HORIZON,
    decisions=replace(DECISIONS, cost=0.0),
    ensemble=EnsembleOptions(calibration=False, regime_adjustment=False),
)
"""Trades what it is told."""


class Flips(PredictionSource):
    """Says of each coin in a tenth of the bars that it rises or falls, by chance."""

    kind = "flips"
    name = "flips"
    horizon = HORIZON

    def __init__(self, seed):
        self.seed = seed
        self.abstained = {}
        self._row = -1
        self._said = {}

    def observe(self, contexts):
        self.abstained = {}
        if contexts and contexts[0].row != self._row:
            self._row = contexts[0].row
            rng = np.random.default_rng((self.seed, self._row))
            names = sorted(context.symbol for context in contexts)
            self._said = dict(zip(names, rng.random(len(names)).tolist(), strict=True))

    def predict(self, context):
        drawn = self._said[context.symbol]
        if 0.05 < drawn < 0.95:
            self.abstained[context.symbol] = "nothing was drawn"
            return None
        return Prediction.of(0.58 if drawn >= 0.95 else 0.42, self.horizon, "drawn")

    def to_state(self):
        return {"seed": self.seed, "row": self._row, "said": self._said}

    @classmethod
    def from_state(cls, state):
        source = cls(int(state["seed"]))
        source._row, source._said = int(state["row"]), dict(state["said"])
        return source


EnsemblePredictor.register(Flips)


@dataclass(frozen=True)
class FlipsMaker:
    """Makes an orchestrator of options that trades by chance."""

    options: OrchestratorOptions
    seed: int

    def new(self, history: Mapping):
        return MasterOrchestrator(self.options, sources=[Flips(self.seed)])

    def restored(self, snapshot):
        return MasterOrchestrator.from_bytes(snapshot)


def noise(seed, rows=1000):
    """Candles of a leader and five coins that move with it; nothing says where to."""
    return simulate_market(
        n_bars=rows, assets=list(COINS), leaders=("BTC",), lags=0, spillover=0, regimes=False, late_listings=0, gaps=0,
        bad_ticks=0, volatility=0.01, seed=seed,
    ).frames  # fmt: skip


def led(seed, rows=1000):
    """The same, where the coins follow two bars behind."""
    return simulate_market(
        n_bars=rows, assets=list(COINS), leaders=("BTC",), lags=-2, spillover=0, regimes=False, late_listings=0, gaps=0,
        bad_ticks=0, volatility=0.006, noise=0.5, seed=seed,
    ).frames  # fmt: skip


def ablated_noise(seed, names, rows=1000):
    """What is left of variants of a strategy that trades by chance."""
    return ablate(
        noise(seed, rows), BLIND, costs=COSTS, plan=PLAN, names=names, seed=seed,
        maker=lambda options: FlipsMaker(options, seed),
    )  # fmt: skip
