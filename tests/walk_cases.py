"""Contexts for the tests of sources without a market around them, and what came of predictions."""

from __future__ import annotations

import numpy as np

from comove import MarketStructureCoordinator
from comove.signals import Context
from structure_cases import HOUR, START

CLOSE = 3


def walks(symbols, rows, seed, factor=0.0, sd=0.004, steps=8):
    """Candles of random walks as arrays; `factor` is the share of the variance that all have in common."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(0.0, sd, (1, rows * steps)), rng.normal(0.0, sd, (symbols, rows * steps))
    moves = np.sqrt(factor) * common + np.sqrt(1.0 - factor) * own
    inner = 100.0 * np.exp(np.cumsum(moves, axis=1)).reshape(symbols, rows, steps)
    opens = np.concatenate([np.full((symbols, 1), 100.0), inner[:, :-1, -1]], axis=1)
    highs, lows = np.maximum(opens, inner.max(axis=2)), np.minimum(opens, inner.min(axis=2))
    table = np.stack([opens, highs, lows, inner[:, :, -1], np.full_like(opens, 1_000.0)], axis=2)
    return {f"C{place:02d}": each for place, each in enumerate(table)}


def contexts_of(tables, features=None, rows=20, leaders=()):
    """Contexts of each bar; a symbol without a close has none. `features` gives those of a symbol in a row."""
    structure = MarketStructureCoordinator()
    for row in range(max(map(len, tables.values()))):
        yield [
            Context(
                symbol,
                START + HOUR * row,
                row,
                table[max(0, row - rows + 1) : row + 1],
                {leader: tables[leader][max(0, row - rows + 1) : row + 1] for leader in leaders if leader != symbol},
                {} if features is None else features(symbol, row),
                structure,
            )
            for symbol, table in tables.items()
            if row < len(table) and np.isfinite(table[row, CLOSE])
        ]


def predictions(source, bars):
    """What a source says of each symbol in each bar."""
    found = []
    for contexts in bars:
        source.observe(contexts)
        found.append({context.symbol: source.predict(context) for context in contexts})
    return found


def scored(found, tables, horizon):
    """Probability of a rise and whether it came, of each prediction with an outcome; shape (n, 2)."""
    pairs = []
    for row, said in enumerate(found):
        for symbol, one in said.items():
            closes = tables[symbol][:, CLOSE]
            if one is not None and row + horizon < len(closes) and closes[row + horizon] != closes[row]:
                pairs.append((one.up, float(closes[row + horizon] > closes[row])))
    return np.array(pairs)


def brier(pairs):
    return float(np.mean((pairs[:, 0] - pairs[:, 1]) ** 2))
