"""Bars made by hand and sources that say what they are told, for the tests of the ensemble."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from comove.signals import Context, Prediction, PredictionSource
from comove.signals.ensemble import EnsembleOptions, EnsemblePredictor
from comove.structure import MarketRegime
from comove.structure.describing import nothing_known
from structure_cases import HOUR, START

REGIME = dataclasses.replace(nothing_known(None, "made by hand"), asset="made by hand")


def context_of(row, symbol, close, regime=MarketRegime.UNKNOWN):
    """A context with a close and a regime, and nothing else."""
    context = Context(symbol, START + HOUR * row, row, np.array([[close] * 5]), {}, {}, None)
    context._regime = dataclasses.replace(REGIME, asset=symbol, regime=regime)
    return context


def bars_of_closes(closes, regimes=None):
    """Contexts of each row: from closes of shape (rows, symbols), NaN for no candle."""
    for row, each in enumerate(np.asarray(closes, float)):
        regime = MarketRegime.UNKNOWN if regimes is None else regimes[row]
        yield [context_of(row, f"S{k}", close, regime) for k, close in enumerate(each) if close == close]


class Told(PredictionSource):
    """Says the row's entry of a table of shape (rows, symbols): NaN abstains, 9 raises.

    It counts what it observed, so that its snapshot tells bars apart.
    """

    kind = "told"
    name = "told"

    def __init__(self, name, table, horizon=1):
        self.name, self.table, self.horizon = name, np.asarray(table, float), horizon
        self.abstained, self.seen, self.asked, self.broken = {}, 0, 0, False

    def observe(self, contexts):
        self.abstained = {}
        self.seen += len(contexts)
        if self.broken:
            raise RuntimeError("the line\nis dead")

    def predict(self, context):
        self.asked += 1
        up = self.table[context.row, int(context.symbol[1:])]
        if up == 9.0:
            raise ArithmeticError("9 is no probability")
        if np.isnan(up):
            self.abstained[context.symbol] = f"nothing to say in row {context.row}"
            return None
        return Prediction.of(float(up), self.horizon, "told so")

    def to_state(self):
        return {name: getattr(self, name) for name in ("name", "table", "horizon", "seen", "asked", "broken")}

    @classmethod
    def from_state(cls, state):
        source = cls(state["name"], state["table"], state["horizon"])
        source.seen, source.asked, source.broken = state["seen"], state["asked"], state["broken"]
        return source


class Odd(PredictionSource):
    kind = "odd"
    name = "odd"
    horizon = 1
    answers: ClassVar = [0.5, "long", object(), None]

    def observe(self, contexts):
        pass

    def predict(self, context):
        return self.answers[context.row % 4]

    def to_state(self):
        return {}

    @classmethod
    def from_state(cls, state):
        return cls()


def ensemble_of(tables, horizon=1, **options):
    """An ensemble of sources that say what tables of shape (rows, symbols) hold."""
    sources = [Told(name, table, horizon) for name, table in tables.items()]
    return EnsemblePredictor(sources, EnsembleOptions(horizon=horizon, **options))


def run(ensemble, bars):
    """What the ensemble says in each row, by symbol."""
    said = []
    for contexts in bars:
        ensemble.observe(contexts)
        said.append(ensemble.predict_all(contexts))
    return said


def random_closes(rng, rows, symbols, gaps=0.0, ties=0.0):
    """Closes of random walks, some steps without a move, some rows without a candle."""
    steps = rng.choice([-0.01, 0.01], (rows, symbols)) * (rng.random((rows, symbols)) >= ties)
    closes = 100.0 * np.exp(np.cumsum(steps, axis=0))
    closes[rng.random((rows, symbols)) < gaps] = np.nan
    return closes


def random_tables(rng, names, rows, symbols, sleep=0.3):
    """What sources say at random, sleeping now and then."""
    tables = {}
    for name in names:
        table = rng.random((rows, symbols))
        table[rng.random((rows, symbols)) < sleep] = np.nan
        tables[name] = table
    return tables


def outcomes_of(closes, horizon):
    """1, 0 or 1/2 of each row and symbol; NaN where it never comes."""
    closes = np.asarray(closes, float)
    later = np.full_like(closes, np.nan)
    later[:-horizon] = closes[horizon:]
    out = np.where(later > closes, 1.0, np.where(later < closes, 0.0, 0.5))
    return np.where(np.isnan(later) | np.isnan(closes), np.nan, out)


# A market, and what six sources say of it, for the tests of the ensemble while it runs.
ROWS, SYMBOLS = 90, 4
NAMES = ("patterns", "similarity", "regime", "alpha", "structure", "rl")
_RNG = np.random.default_rng(12)
CLOSES = random_closes(_RNG, ROWS, SYMBOLS, gaps=0.05, ties=0.05)
TABLES = random_tables(_RNG, NAMES, ROWS, SYMBOLS, sleep=0.4)
TURNS = (MarketRegime.RISK_ON, MarketRegime.DIVERGENCE, MarketRegime.UNKNOWN)
REGIMES = [TURNS[row // 7 % 3] for row in range(ROWS)]
REGISTRY = dict.fromkeys((*NAMES, "late"), Told)


def bars(first=0, last=ROWS):
    return list(bars_of_closes(CLOSES, REGIMES))[first:last]


def said_of(said):
    """All that was said, with all digits."""
    return [repr(each) for each in said]
