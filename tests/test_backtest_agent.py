"""Agents in a walk-forward: each fold has one of its own, trained on what lies before its embargo."""

from __future__ import annotations

import importlib.util

import numpy as np
import polars as pl
import pytest

from comove import MasterOrchestrator
from comove.backtest import OrchestratorMaker, WalkForward, run
from comove.data import simulate_market
from comove.engine import DecisionOptions, MarketOptions, OrchestratorOptions
from comove.errors import ParameterError
from comove.signals.rl import TrainingOptions
from rl_cases import following_policy

OPTIONS = OrchestratorOptions(
    horizon=3,
    sources=("alpha", "rl"),
    market=MarketOptions(leaders=("BTC", "ETH"), window_size=60, lag_window=60),
    decisions=DecisionOptions(enter_at=0.505, cost=0.0),
)
PLAN = WalkForward(folds=2, train=150, embargo=12)
#: Training needs a hundred rows with all features, which look back on sixty.
LONG = WalkForward(folds=2, train=400, embargo=12)
QUICK = TrainingOptions(timesteps=600, steps=64, environments=4, batch=64, epochs=2, hidden=8)
needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("gymnasium", "torch", "stable_baselines3")),
    reason="needs the extra rl; make test-rl runs it",
)


@pytest.fixture(scope="module")
def market():
    return simulate_market(n_bars=560, assets=["AAA", "BBB"], leaders=["BTC", "ETH"], late_listings=0, seed=5).frames


@pytest.fixture
def trained(monkeypatch):
    """What training was asked for; it gives a policy made by hand."""
    calls = []

    def fake(history, *, leaders, options):
        calls.append((history, leaders, options))
        return following_policy(horizon=options.horizon)

    monkeypatch.setattr("comove.backtest.makers.train", fake)
    monkeypatch.setattr("comove.backtest.running.check_extra", lambda: None)
    return calls


def test_each_fold_trains_on_the_past_before_its_embargo(market, trained):
    report = run(market, OPTIONS, plan=PLAN, agent=QUICK, seed=40, replications=0)
    assert [options.seed for _, _, options in trained] == [40, 41]
    assert all(options.horizon == 3 and options.timesteps == 600 for _, _, options in trained)
    assert all(list(leaders) == ["BTC", "ETH"] for _, leaders, _ in trained)
    for (history, _, _), fold in zip(trained, report.folds, strict=True):
        times = pl.concat([frame["ts"] for frame in history.values()]).unique().sort()
        assert times[0].strftime("%Y-%m-%dT%H:%M:%SZ") == fold["train_first"]
        assert times[-1].strftime("%Y-%m-%dT%H:%M:%SZ") == fold["fit_last"]
        assert len(times) == 150 - 12
    # The agent's opinion is among those that a decision is made of.
    assert "rl" in report.attribution["source"].unique().to_list()
    assert report.about["agent"]["timesteps"] == 600
    assert report.seed == 40


def test_what_comes_after_the_embargo_does_not_change_the_agent(market, trained):
    """Prices from the embargo on are others: training sees the same."""
    run(market, OPTIONS, plan=WalkForward(folds=1, train=150, embargo=12), agent=QUICK, replications=0)
    cut = market["BTC"]["ts"][150 - 12]
    prices = ("open", "high", "low", "close")
    other = {
        symbol: frame.with_columns(pl.when(pl.col("ts") < cut).then(pl.col(prices)).otherwise(pl.col(prices) * 2.0))
        for symbol, frame in market.items()
    }
    run(other, OPTIONS, plan=WalkForward(folds=1, train=150, embargo=12), agent=QUICK, replications=0)
    before, after = (history for history, _, _ in trained)
    assert all(before[symbol].equals(after[symbol]) for symbol in market)


def test_a_strategy_without_the_source_trains_nothing(market, trained):
    maker = OrchestratorMaker(options=OrchestratorOptions(sources=("alpha",)), agent=QUICK)
    assert isinstance(maker.new(market), MasterOrchestrator)
    assert trained == []


def test_an_agent_that_has_nothing_to_train_on_is_refused(market, trained):
    with pytest.raises(ParameterError, match="more than the embargo of 12 rows for an agent, got 10"):
        run(market, OPTIONS, plan=WalkForward(folds=1, train=10, embargo=12), agent=QUICK, replications=0)


@needs_torch
def test_a_walk_forward_with_agents_gives_the_same_bytes_twice(market, tmp_path):
    reports = [
        run(market, OPTIONS, plan=LONG, agent=QUICK, seed=3, replications=0, out=tmp_path / name, workers=workers)
        for name, workers in (("one", 1), ("two", 2))
    ]
    assert reports[0].decisions.equals(reports[1].decisions)
    for name in ("equity.parquet", "trades.parquet", "decisions.parquet", "strategy.comove", "metrics.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    engine = MasterOrchestrator.from_bytes((tmp_path / "two" / "strategy.comove").read_bytes())
    policy = engine.ensemble.source("rl").policy
    assert policy.note["seed"] == 4
    last = np.datetime64(policy.note["validation"]["last"][:19])
    assert last <= np.datetime64(reports[0].folds[1]["fit_last"][:19])
