"""Markets with an edge that can be learnt or with none, and policies made by hand, for the tests of trading agents."""

from __future__ import annotations

import importlib.util

import numpy as np
import polars as pl
import pytest

from comove.signals.rl import NumpyPolicy
from structure_cases import HOUR, START

needs_gymnasium = pytest.mark.skipif(
    importlib.util.find_spec("gymnasium") is None, reason="needs the extra rl; make test-rl runs it"
)
FEATURES = ("ret_1", "ret_3", "rsi_14", "realized_sigma_30", "trend_strength", "vol_jump_z")


def echo_market(rows=8_000, persistence=0.25, sd=0.01, seed=0):
    """Candles without drift whose return is `persistence` times the one before, and noise."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0, sd, rows)
    for row in range(1, rows):
        returns[row] += persistence * returns[row - 1]
    closes = 100.0 * np.exp(np.cumsum(returns - returns.mean()))
    opens = np.concatenate([closes[:1], closes[:-1]])
    return pl.DataFrame(
        {
            "ts": pl.Series((START + HOUR * np.arange(rows)) // 1_000).cast(pl.Datetime("us", "UTC")),
            "open": opens,
            "high": np.maximum(opens, closes) * (1.0 + 0.001 * rng.random(rows)),
            "low": np.minimum(opens, closes) * (1.0 - 0.001 * rng.random(rows)),
            "close": closes,
            "volume": rng.lognormal(5.0, 1.0, rows),
        }
    )


def with_gap(frame, first, last):
    """The frame without the rows from `first` to before `last`."""
    return pl.concat([frame[:first], frame[last:]])


def drawn_policy(features=FEATURES, hidden=16, seed=0, **options):
    """A policy of random weights that takes every action now and then."""
    rng = np.random.default_rng(seed)
    shape = (hidden, len(features) + 1)
    return NumpyPolicy(
        features,
        np.full(len(features), 0.01),
        rng.uniform(0.01, 0.1, len(features)),
        clip=3.0,
        layers=[
            (rng.normal(0.0, 1.0, shape), rng.normal(0.0, 0.3, hidden)),
            (rng.normal(0.0, 1.0, (hidden, hidden)), rng.normal(0.0, 0.3, hidden)),
            (rng.normal(0.0, 1.0, (3, hidden)), np.zeros(3)),
        ],
        **options,
    )


def following_policy(feature="ret_1", std=0.01, hold=0.0, **options):
    """Long after a rise and short after a fall; `hold` standard deviations more to give a position up."""
    return NumpyPolicy(
        (feature,), [0.0], [std], clip=5.0, layers=[([[-1.0, -hold], [0.0, 0.0], [1.0, hold]], [0.0, -9.0, 0.0])],
        **options,
    )  # fmt: skip
