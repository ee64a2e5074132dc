"""The probabilistic and the deflated Sharpe ratio against the papers and against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from comove.backtest.stats import (
    deflated_sharpe,
    deflated_sharpe_of,
    expected_best_sharpe,
    probabilistic_sharpe,
)
from comove.errors import DataError, ParameterError

NAN = float("nan")


def test_the_example_of_the_paper():
    found = deflated_sharpe(2.5 / 250**0.5, rows=1250, trials=100, variance=0.5 / 250, skew=-3.0, kurtosis=10.0)
    assert found.expected_best == pytest.approx(0.1132, abs=5e-5)
    assert found.deflated == pytest.approx(0.9004, abs=5e-5)
    assert found.probabilistic > 0.99 > found.deflated
    # The paper goes on: 46 trials would have reached 95 %.
    fewer = deflated_sharpe(2.5 / 250**0.5, rows=1250, trials=46, variance=0.5 / 250, skew=-3.0, kurtosis=10.0)
    assert fewer.deflated == pytest.approx(0.9505, abs=5e-4)


def test_the_expected_best_is_that_of_simulated_trials():
    # The formula is the limit of many trials; of 50 it is 1 % too high.
    draws = np.random.default_rng(2).standard_normal((20_000, 50)) * 0.3
    assert expected_best_sharpe(50, 0.09) == pytest.approx(draws.max(axis=1).mean(), rel=0.015)
    assert expected_best_sharpe(1, 0.09) == 0.0
    assert expected_best_sharpe(50, 0.0) == 0.0
    assert expected_best_sharpe(51, 0.09) > expected_best_sharpe(50, 0.09)


def test_the_probabilistic_ratio_is_the_chance_it_says():
    # Of skewed returns without an edge, it is above 0.95 in one of twenty.
    rng = np.random.default_rng(4)
    high = 0
    for _ in range(2000):
        r = rng.exponential(0.01, 500) - 0.01
        sharpe = r.mean() / r.std(ddof=1)
        high += probabilistic_sharpe(sharpe, rows=500, skew=2.0, kurtosis=9.0) > 0.95
    # Two standard errors of 2000 draws are 0.01.
    assert high / 2000 == pytest.approx(0.05, abs=0.015)


def test_of_variants_without_skill_the_best_is_deflated():
    rng = np.random.default_rng(6)
    best, plain = [], []
    for _ in range(300):
        tried = list(rng.standard_normal((40, 500)) * 0.01)
        chosen = max(tried, key=lambda r: r.mean() / r.std(ddof=1))
        found = deflated_sharpe_of(chosen, tried)
        best.append(found.deflated)
        plain.append(found.probabilistic)
    assert found.trials == 40
    assert np.mean(np.array(plain) > 0.95) > 0.7
    # The best is above what the best has on average in about half of the cases, and rarely far above.
    assert 0.35 < np.mean(np.array(best) > 0.5) < 0.65
    assert np.mean(np.array(best) > 0.95) < 0.1


def test_what_cannot_be_said():
    flat = np.zeros(50)
    moving = np.random.default_rng(1).standard_normal(50) * 0.01
    assert deflated_sharpe_of(flat, [flat, moving]) is None
    alone = deflated_sharpe_of(moving, [moving])
    assert alone.deflated == alone.probabilistic
    # A variant that never trades is a trial, with a ratio of 0.
    two = deflated_sharpe_of(moving, [moving, flat])
    assert two.variance == pytest.approx(two.sharpe**2 / 2, rel=1e-12)
    # No returns have a skewness as large with so small a kurtosis.
    assert probabilistic_sharpe(1.0, rows=10, skew=5.0, kurtosis=1.0) is None
    with pytest.raises(ParameterError, match="tried must hold"):
        deflated_sharpe_of(moving, [])
    with pytest.raises(DataError, match=r"tried\[1\] must have length 50, got 49"):
        deflated_sharpe_of(moving, [moving, moving[1:]])
    bad = [
        ({"rows": 1}, "rows"),
        ({"sharpe": NAN}, "sharpe"),
        ({"kurtosis": 0.5}, "kurtosis"),
        ({"skew": float("inf")}, "skew"),
        ({"trials": 0}, "trials"),
        ({"variance": -1.0}, "variance"),
    ]
    for change, name in bad:
        options = {"sharpe": 0.1, "rows": 10, "trials": 2, "variance": 0.1} | change
        with pytest.raises(ParameterError, match=name):
            deflated_sharpe(options.pop("sharpe"), **options)
