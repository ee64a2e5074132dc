"""The answer on the page of a backtest: it claims no more than the intervals show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from backtest_pages import CAPITAL, NO_SPACE, made, ruined
from comove.backtest.page import answer_of


def given(total, sharpe=None, deflated=None, *, excess=None, end=1.1, held=1.4, trades=10, reason=None):
    """A report that ends with so many times the capital, and has these intervals."""
    base = made(200, trades, 1)
    equity = base.equity.with_columns(
        equity=pl.Series(np.linspace(CAPITAL, CAPITAL * end, 200)),
        btc=pl.Series(np.linspace(CAPITAL, CAPITAL * held, 200)),
    )

    def one(interval):
        low, high = interval or (None, None)
        return {"low": low, "high": high, "reason": reason}

    metrics = {
        "strategy": {"total_return": end - 1.0, "sharpe": 1.0},
        "market": {"excess_return": end - held},
        "intervals": {"strategy": {"total_return": one(total), "sharpe": one(sharpe), "excess_return": one(excess)}},
        "deflated": None if deflated is None else {"deflated": deflated},
    }
    return replace(base, equity=equity, metrics=metrics)


def said(report):
    answer = answer_of(report)
    return answer.sentence.replace(NO_SPACE, " "), answer.edge


def test_a_gain_beyond_chance_is_an_edge():
    words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.97, held=0.9))
    assert edge
    assert words == (
        "The strategy gained 10.0 % (95 % interval 2.0 % to 20.0 %), while holding BTC lost 10.0 %: evidence of an "
        "edge in these markets, before it is asked how much of it the market gave."
    )
    assert said(given((0.02, 0.2), (0.3, 2.0)))[1]
    assert said(given((0.02, 0.2)))[1]


def test_an_edge_that_earned_less_than_the_market_says_so():
    words, edge = said(given((0.02, 0.2), (0.3, 2.0), held=1.4, excess=(-0.5, -0.1)))
    assert edge
    assert words.endswith(
        "how much of it the market gave. In the mean it earned 30.0 % a year less than holding BTC (95 % interval "
        "-50.0 % to -10.0 %): beyond chance."
    )
    assert said(given((0.02, 0.2), (0.3, 2.0), held=0.9, excess=(-0.1, 0.5)))[0].endswith(
        "In the mean it earned 20.0 % a year more than holding BTC (95 % interval -10.0 % to +50.0 %): not beyond "
        "chance."
    )


def test_an_interval_with_0_is_no_edge():
    words, edge = said(given((-0.05, 0.3), (-0.1, 2.0)))
    assert not edge
    assert "gained 10.0 % (95 % interval -5.0 % to 30.0 %), while holding BTC gained 40.0 %: no evidence" in words
    assert "the interval holds 0" in words


def test_one_interval_with_0_is_enough():
    words, edge = said(given((0.01, 0.3), (-0.1, 2.0)))
    assert not edge
    assert "no evidence of an edge, for the interval of its Sharpe ratio holds 0" in words
    assert not said(given((0.0, 0.3), (0.1, 2.0)))[1]


def test_a_low_deflated_sharpe_ratio_takes_the_edge():
    words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.61))
    assert not edge
    assert "no evidence of an edge" in words
    assert "deflated Sharpe ratio 0.61, less than 0.95" in words
    assert said(given((0.02, 0.2), (0.3, 2.0), 0.95))[1]


def test_a_loss_beyond_chance_is_told():
    words, edge = said(given((-0.3, -0.02), (-2.0, -0.1), 0.99, end=0.877))
    assert not edge
    assert words.startswith("The strategy lost 12.3 % (95 % interval -30.0 % to -2.0 %)")
    assert words.endswith("evidence that it loses, beyond bad luck.")


def test_without_intervals_nothing_is_claimed():
    words, edge = said(given(None, None, 0.99, reason="fewer than 30 bars"))
    assert not edge
    assert "without an interval (fewer than 30 bars) nobody can tell this from chance" in words
    assert "95 %" not in words
    assert "evidence of an edge" not in words.replace("no evidence of an edge", "")


def test_no_trade_says_nothing():
    words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.99, end=1.0, trades=0))
    assert not edge
    assert words == (
        "The strategy closed no trade, and its capital stayed as it was, while holding BTC gained 40.0 %: this "
        "backtest says nothing on whether it has an edge."
    )


def test_ruin_is_ruin():
    lost = ruined()
    gained = given((0.5, 2.0), (1.0, 2.0), 0.99).metrics
    for one in (lost, replace(lost, metrics=gained), replace(lost, ruined=None)):
        words, edge = said(one)
        assert not edge
        assert words.startswith("The strategy lost all its capital: nothing was left of it at 2023-02-03 08:00 UTC")


def test_without_a_benchmark_it_says_so():
    base = given((-0.05, 0.3))
    none = base.equity.with_columns(btc=pl.lit(None, pl.Float64))
    assert "; there is no price of BTC to compare it with: no evidence" in said(replace(base, equity=none))[0]
