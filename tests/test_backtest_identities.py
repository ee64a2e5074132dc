"""What must hold of any backtest: arithmetic, symmetry, the two sides of the account, and the decisions made live."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np
import polars as pl
import pytest

from backtest_cases import Maker, candles, flat, replayed, walk
from comove import MasterOrchestrator
from comove.backtest import Costs, WalkForward, run
from comove.backtest.ledger import Ledger
from comove.data import iterate_bars, simulate_market
from comove.engine import DecisionOptions, MarketOptions, OrchestratorOptions
from comove.errors import ComoveError

CAPITAL = 10_000.0


def test_buying_and_holding_is_the_arithmetic_of_prices_without_costs():
    btc = walk(500, seed=1)
    report, _ = replayed({"BTC": btc}, {0: {"BTC": ("buy", CAPITAL)}})
    bought = btc["open"][1]
    expected = CAPITAL * btc["close"] / bought
    assert report.equity["equity"][0] == CAPITAL
    np.testing.assert_allclose(report.equity["equity"][1:].to_numpy(), expected[1:].to_numpy(), rtol=1e-12)
    assert report.trades["net"].sum() == pytest.approx(report.equity["equity"][-1] - CAPITAL, rel=1e-12)


def test_buying_and_holding_is_the_arithmetic_of_prices_less_all_costs():
    """Every cost by hand: spread, slippage by Parkinson's volatility and the volume, both fees, funding."""
    costs = Costs()
    btc = walk(500, seed=2)
    size = 5_000.0
    report, strategy = replayed({"BTC": btc}, {9: {"BTC": ("buy", size)}}, costs=costs)
    open_, high, low, close, volume = (btc[name].to_numpy() for name in ("open", "high", "low", "close", "volume"))

    def moved(row, value):
        before = slice(max(0, row - 24), row)
        s = sqrt(np.mean(np.log(high[before] / low[before]) ** 2) / (4.0 * log(2.0)))
        return 1.0 + 0.0002 + s * sqrt(value / np.mean(volume[before] * close[before]))

    entry = open_[10] * moved(10, size)
    units = size / entry
    assert strategy.fills[0] == ("open", "BTC", "long", size, pytest.approx(entry, rel=1e-14), pytest.approx(5.0))
    hours = np.arange(500) % 24
    paid = np.cumsum(np.where((hours % 8 == 0) & (np.arange(500) > 10), 0.0001 * units * open_, 0.0))
    expected = CAPITAL - 0.001 * size - units * entry + units * close - paid
    np.testing.assert_allclose(report.equity["equity"][10:-1].to_numpy(), expected[10:-1], rtol=1e-9)
    # At the end it is sold at the last close; what is usual in the last bar is known by then.
    sold = close[-1] / moved(500, units * close[-1])
    assert report.equity["equity"][-1] == pytest.approx(
        CAPITAL - 0.001 * size + units * (sold - entry) - paid[-1] - 0.001 * units * sold, rel=1e-9
    )
    assert report.equity["funding"].sum() == pytest.approx(paid[-1], rel=1e-12)


def test_the_benchmark_of_the_first_leader_is_that_strategy_but_for_funding_and_the_end():
    frames = {"BTC": walk(300, seed=3), "ETH": walk(300, seed=4)}
    costs = Costs(funding_rate=0.0, fee=0.002)
    report, _ = replayed(frames, {}, costs=costs)
    btc = frames["BTC"]
    entry = btc["open"][0] * (1.0 + costs.half_spread)
    units = CAPITAL / 1.002 / entry
    np.testing.assert_allclose(report.equity["btc"].to_numpy(), (units * btc["close"]).to_numpy(), rtol=1e-12)


def test_a_benchmark_begins_with_its_first_price():
    report, _ = replayed({"BTC": walk(60, seed=3)[20:], "ETH": walk(60, seed=4)[10:], "AAA": flat(1.0, 60)}, {})
    assert report.equity["btc"].null_count() == 20
    assert report.equity["btc"].is_null().to_list() == [True] * 20 + [False] * 40
    assert report.equity["equal"].null_count() == 0
    assert report.metrics["market"]["bars"] == 40


def test_equal_shares_are_brought_back_each_month():
    """Two coins, one of which doubles in January: in February half of the gain is in the other one."""
    hours = 31 * 24
    up = candles([(1.0, 2.0, 1.0, 2.0)] + [(2.0, 2.0, 2.0, 2.0)] * hours + [(4.0, 4.0, 4.0, 4.0)] * 5)
    frames = {"BTC": up, "ETH": flat(5.0, hours + 6)}
    report, _ = replayed(frames, {})
    assert report.equity["equal"][1] == pytest.approx(1.5 * CAPITAL)
    # From the first bar of February on each has 7,500; the doubling of BTC comes later than that.
    assert report.equity["equal"][-1] == pytest.approx(0.75 * CAPITAL * 2.0 + 0.75 * CAPITAL)


def test_a_strategy_that_never_trades_keeps_its_capital():
    report, strategy = replayed({"BTC": walk(200, seed=5)}, {}, costs=Costs())
    assert report.equity["equity"].unique().to_list() == [CAPITAL]
    assert set(strategy.equities) == {CAPITAL}
    assert report.trades.is_empty()
    assert report.equity["drawdown"].unique().to_list() == [0.0]


@pytest.mark.parametrize("seed", range(5))
def test_flipping_every_side_flips_the_result(seed):
    """With fixed quantities, no stops and no costs."""
    frames = {name: walk(300, seed=10 * seed + k) for k, name in enumerate(("BTC", "AAA", "BBB"))}
    rng = np.random.default_rng(seed)
    scripts = {"buy": {}, "sell": {}}
    for symbol in frames:
        for k, row in enumerate(sorted(rng.choice(290, 12, replace=False).tolist())):
            for side, script in scripts.items():
                other = "sell" if side == "buy" else "buy"
                action = "exit" if k % 2 else (side if k % 4 == 0 else other, 1_000.0)
                script.setdefault(row, {})[symbol] = action
    results = [replayed(frames, script)[0] for script in scripts.values()]
    gains = [result.equity["equity"].to_numpy() - CAPITAL for result in results]
    assert np.abs(gains[0]).max() > 1.0
    np.testing.assert_allclose(gains[0], -gains[1], atol=1e-9)
    assert results[0].trades["net"].to_list() == pytest.approx([-net for net in results[1].trades["net"]])


@pytest.mark.parametrize("seed", range(10))
def test_the_account_adds_up_from_its_fills_alone(seed):
    """Cash by the fills that the strategy heard of, coins by the closes: nothing of the ledger is used."""
    rng = np.random.default_rng(100 + seed)
    frames = {name: walk(250, seed=1000 * seed + k, sd=0.03) for k, name in enumerate(("BTC", "AAA", "BBB"))}
    frames["BBB"] = frames["BBB"].filter(pl.Series(rng.random(250) > 0.2))
    script = {}
    for row in range(250):
        for symbol in frames:
            draw = rng.random()
            if draw < 0.1:
                script.setdefault(row, {})[symbol] = ("buy" if draw < 0.05 else "sell", float(rng.uniform(10, 4_000)))
            elif draw < 0.2:
                script.setdefault(row, {})[symbol] = "exit" if draw < 0.15 else ("reduce", float(rng.uniform(0.1, 0.9)))
    report, strategy = replayed(frames, script, {"AAA": (0.03, 0.05)}, costs=Costs(funding_rate=0.0), capital=CAPITAL)
    assert len(strategy.fills) > 20
    cash = CAPITAL
    units = {}
    for fill in strategy.fills:
        if fill[0] == "open":
            _, symbol, side, size, price, cost = fill
            units[symbol] = size / price * (1.0 if side == "long" else -1.0)
            cash -= units[symbol] * price + cost
        else:
            _, symbol, price, fraction, cost = fill
            sold = units[symbol] * fraction
            units[symbol] -= sold
            cash += sold * price - cost
    # What had no candle in the last bar could not be closed.
    left = {symbol: held for symbol, held in units.items() if abs(held) > 1e-9}
    assert set(left) == set(report.trades.filter(pl.col("reason") == "open")["symbol"])
    cash += sum(held * frames[symbol]["close"][-1] for symbol, held in left.items())
    assert report.equity["equity"][-1] == pytest.approx(cash, rel=1e-9)
    assert report.trades["net"].sum() == pytest.approx(cash - CAPITAL, rel=1e-9, abs=1e-6)
    assert report.trades["costs"].sum() == pytest.approx(report.equity["costs"].sum(), rel=1e-9)
    assert report.equity["traded"].sum() == pytest.approx(
        report.trades["size"].sum()
        + report.trades.filter(pl.col("reason") != "open").select(pl.col("units") * pl.col("exit")).to_series().sum(),
        rel=1e-9,
    )


def test_the_ledger_refuses_an_account_that_does_not_add_up():
    ledger = Ledger(100.0)
    ledger.trade("BTC", 2.0, 30.0, 1.0)
    assert ledger.check() == pytest.approx(99.0)
    ledger.cash += 1e-6
    with pytest.raises(ComoveError, match="equity"):
        ledger.check()


# --- the orchestrator ---

OPTIONS = OrchestratorOptions(
    sources=("alpha", "structure", "regime"),
    market=MarketOptions(window_size=120, lag_window=120),
    horizon=6,
    decisions=DecisionOptions(enter_at=0.505, exit_at=0.505, cost_multiple=0.0, hold_rows=12, cooldown_rows=1),
)


@pytest.fixture(scope="module")
def market():
    return simulate_market(n_bars=700, assets=["AAA", "BBB", "CCC"], seed=11).frames


class Journal:
    """An orchestrator that writes down all it is told, and what it decides."""

    def __init__(self, engine):
        self.engine, self.calls = engine, []

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def learn(self, ts, candles):
        self.calls.append(("learn", (ts, candles), {}))
        self.engine.learn(ts, candles)

    def update(self, ts, candles, *, equity):
        decisions = self.engine.update(ts, candles, equity=equity)
        self.calls.append(("update", (ts, candles), {"equity": equity}))
        self.calls.append(("decided", repr(decisions), self.engine.equity))
        return decisions

    def opened(self, *args, **options):
        self.calls.append(("opened", args, options))
        self.engine.opened(*args, **options)

    def closed(self, *args, **options):
        self.calls.append(("closed", args, options))
        return self.engine.closed(*args, **options)

    def to_bytes(self):
        return self.engine.to_bytes()


class JournalMaker:
    def __init__(self):
        self.made = []

    def new(self, history):
        self.made.append(Journal(MasterOrchestrator(OPTIONS)))
        return self.made[-1]

    def restored(self, snapshot):
        raise NotImplementedError


def test_the_decisions_are_those_of_the_live_orchestrator_fed_bar_by_bar(market):
    plan = WalkForward(folds=1, train=200)
    report = run(market, OPTIONS, plan=plan, replications=0)
    maker = JournalMaker()
    run(market, strategy=maker, plan=plan, capital=OPTIONS.capital, replications=0)
    journal = maker.made[0]
    assert sum(call[0] == "opened" for call in journal.calls) > 20
    live = MasterOrchestrator(OPTIONS)
    bars = dict(iterate_bars(market))
    told = {}
    for name, *call in journal.calls:
        if name == "decided":
            assert repr(told["decisions"]) == call[0]
            assert live.equity == pytest.approx(call[1], rel=1e-12)
        elif name == "update":
            (ts, _), options = call
            told["decisions"] = live.update(ts, bars[ts], **options)
            rows = report.decisions.filter(pl.col("ts") == pl.lit(ts).cast(pl.Datetime("ns", "UTC")))
            assert rows["reason"].to_list() == ["; ".join(each.reasons) for each in told["decisions"].values()]
            for field in ("symbol", "action", "size", "price", "stop", "take_profit", "confidence"):
                assert rows[field].to_list() == [getattr(each, field) for each in told["decisions"].values()]
        else:
            args, options = call
            getattr(live, name)(*args, **options)
    assert live.to_bytes() == journal.engine.to_bytes()


def test_what_the_orchestrator_thinks_it_is_worth_is_what_the_account_is_worth(market):
    """Its own account, from what it was told of fills, agrees with the exchange's before it is corrected."""
    maker = JournalMaker()
    report = run(
        market,
        strategy=maker,
        plan=WalkForward(folds=1, train=200),
        capital=OPTIONS.capital,
        costs=Costs(funding_rate=0.0),
        replications=0,
    )
    worth = [call[2] for call in maker.made[0].calls if call[0] == "decided"]
    # After the last decision the positions are closed.
    np.testing.assert_allclose(worth[:-1], report.equity["equity"].to_numpy()[:-1], rtol=1e-9)
    own = maker.made[0].engine.costs
    assert own == pytest.approx(report.equity["costs"].sum(), rel=1e-9)


def test_an_exchange_that_pays_for_limit_orders():
    """The target of the orchestrator is filled at a fee below 0, which is the account's and no cost to be heard of."""
    frames = simulate_market(n_bars=420, assets=["AAA", "BBB", "CCC"], seed=1).frames
    decisions = DecisionOptions(enter_at=0.501, cost=0.0)
    market = MarketOptions(window_size=60, lag_window=60)
    options = replace(OPTIONS, sources=("alpha", "structure"), market=market, decisions=decisions)
    costs = Costs(fee=0.0, maker_fee=-0.0002, half_spread=0.0, impact=0.0, funding_rate=0.0)
    report = run(frames, options, costs=costs, plan=WalkForward(folds=1, train=100), replications=0)
    targets = report.trades.filter(pl.col("reason") == "take_profit")
    assert targets.height > 0
    np.testing.assert_allclose(targets["costs"], -0.0002 * targets["units"] * targets["exit"], rtol=1e-9)
    assert report.trades["net"].sum() == pytest.approx(report.equity["equity"][-1] - report.capital)


def test_learning_leaves_the_orchestrator_as_deciding_does_where_nothing_is_filled(market):
    bars = list(iterate_bars(market))[:300]
    engines = [MasterOrchestrator(OPTIONS) for _ in range(2)]
    for ts, bar in bars[:-1]:
        engines[0].update(ts, bar)
        assert engines[1].learn(ts, bar) is None
    ts, bar = bars[-1]
    assert repr(engines[0].update(ts, bar)) == repr(engines[1].update(ts, bar))
    assert engines[0].to_bytes() == engines[1].to_bytes()


def test_the_capital_is_that_of_the_run(market):
    frames = {symbol: frame[:320] for symbol, frame in market.items()}
    plan = WalkForward(folds=1, train=250)
    report = run(frames, OPTIONS, plan=plan, capital=500.0, replications=0)
    same = run(frames, replace(OPTIONS, capital=500.0), plan=plan, replications=0)
    assert report.equity["equity"][0] == 500.0
    assert report.equity.equals(same.equity)
    assert report.decisions.equals(same.decisions)


def test_history_is_all_that_is_fitted_on(market):
    maker = Maker({})
    plan = WalkForward(folds=2, train=100, embargo=10)
    run(market, strategy=maker, plan=plan, capital=1.0, replications=0)
    for history, first in zip(maker.histories, (0, 300), strict=True):
        times = sorted({ts for frame in history.values() for ts in frame["ts"]})
        assert len(times) == 90
        assert times[0] == min(frame["ts"][first] for frame in market.values() if len(frame) == 700)
