"""What a bar fills: gaps, stops and targets within it, halts, ends, funding, margin, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt

import numpy as np
import polars as pl
import pytest

from backtest_cases import AT_ONCE, Maker, Scripted, candles, flat, replayed, walk
from comove.backtest import Costs, WalkForward, run
from comove.engine import MarketOptions, OrchestratorOptions
from comove.errors import DataError, ParameterError
from comove.signals.rl import TrainingOptions

FREE = Costs.none()


def one_trade(rows, guard, side="buy", costs=FREE, **options):
    """The only trade of a position that is opened at the second bar."""
    frame = candles([(100, 100, 100, 100), *rows, (100, 100, 100, 100)])
    report, _ = replayed({"BTC": frame}, {0: {"BTC": (side, 1_000.0)}}, {"BTC": guard}, costs=costs, **options)
    assert report.trades.height == 1
    return report.trades.row(0, named=True)


@pytest.mark.parametrize(
    ("bar", "guard", "price", "reason", "gap"),
    [
        # A bar after that of the fill: open, high, low, close.
        ((100, 101, 94, 100), (0.05, 0.10), 95.0, "stop", False),
        ((100, 111, 99, 100), (0.05, 0.10), 110.0, "take_profit", False),
        # Both: the worse one.
        ((100, 111, 94, 100), (0.05, 0.10), 95.0, "stop", False),
        # Gapped through: the open, whichever way it is.
        ((90, 91, 85, 90), (0.05, 0.10), 90.0, "stop", True),
        ((120, 121, 119, 120), (0.05, 0.10), 120.0, "take_profit", True),
        # Neither.
        ((100, 109, 96, 100), (0.05, 0.10), 100.0, "end", False),
        # Gapped through the target, and down to the stop later: the target's limit order was filled at the open.
        ((112, 113, 94, 100), (0.05, 0.10), 112.0, "take_profit", True),
        ((95, 95, 95, 95), (0.05, 0.10), 95.0, "stop", True),
        ((110.5, 110.5, 110.5, 110.5), (0.05, 0.10), 110.5, "take_profit", True),
        ((100, 111, 94, 100), (None, 0.10), 110.0, "take_profit", False),
        ((100, 111, 94, 100), (0.05, None), 95.0, "stop", False),
    ],
)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_stops_and_targets_within_a_bar(bar, guard, price, reason, gap, side):
    def seen(value):
        """A short sees the mirror image in 100."""
        return value if side == "buy" else 200.0 - value

    opened, high, low, close = bar
    mirrored = bar if side == "buy" else (seen(opened), seen(low), seen(high), seen(close))
    trade = one_trade([(100, 100, 100, 100), mirrored], guard, side)
    assert (trade["exit"], trade["reason"], trade["gap"]) == (pytest.approx(seen(price)), reason, gap)
    assert trade["net"] == pytest.approx(10.0 * (price - 100.0))


def test_the_bar_of_the_fill_can_reach_the_stop_too():
    trade = one_trade([(100, 100, 90, 99)], (0.05, 0.1))
    assert (trade["exit"], trade["rows"], trade["opened"] == trade["closed"]) == (95.0, 0, True)


def test_an_open_beyond_both_is_a_fill_at_the_open():
    """The stop was passed before the bar: what the low says does not matter."""
    trade = one_trade([(100, 100, 100, 100), (80, 130, 70, 100)], (0.05, 0.1))
    assert (trade["exit"], trade["reason"], trade["gap"]) == (80.0, "stop", True)


def test_a_stop_costs_as_a_market_order_and_a_target_as_a_limit_order():
    costs = Costs(fee=0.01, maker_fee=0.001, half_spread=0.004, impact=0.0, funding_rate=0.0)
    stopped = one_trade([(100, 100, 100, 100), (100, 101, 90, 100)], (0.05, None), costs=costs)
    entry = 100.0 * 1.004
    assert stopped["entry"] == pytest.approx(entry)
    assert stopped["exit"] == pytest.approx(0.95 * entry / 1.004)
    assert stopped["costs"] == pytest.approx(10.0 + 0.01 * 1_000.0 / entry * 0.95 * entry / 1.004)
    target = one_trade([(100, 100, 100, 100), (100, 120, 100, 100)], (None, 0.1), costs=costs)
    assert target["exit"] == pytest.approx(1.1 * entry)
    assert target["costs"] == pytest.approx(10.0 + 0.001 * 1_100.0)


# --- halts and ends ---


def test_a_halted_position_is_closed_at_the_next_candle_that_exists():
    """BTC goes on; the coin is halted for five bars, in which its exit waits."""
    coin = candles([(10, 10, 10, 10)] * 4 + [None] * 5 + [(6, 7, 6, 7)] * 3)
    report, strategy = replayed({"BTC": flat(1.0, 12), "AAA": coin}, {0: {"AAA": ("buy", 100.0)}, 3: {"AAA": "exit"}})
    trade = report.trades.row(0, named=True)
    assert (trade["exit"], trade["reason"], trade["rows"]) == (6.0, "script", 8)
    # Until then it is worth what it was worth last.
    assert report.equity["equity"][8] == 10_000.0
    assert len(strategy.bars) == 12


def test_an_entry_waits_through_a_halt_too():
    coin = candles([(10, 10, 10, 10)] * 4 + [None] * 5 + [(6, 7, 6, 7)] * 3)
    report, _ = replayed({"BTC": flat(1.0, 12), "AAA": coin}, {3: {"AAA": ("buy", 100.0)}})
    assert report.trades.row(0, named=True)["entry"] == 6.0


def test_nothing_is_traded_in_a_candle_without_volume():
    frame = candles([(10, 10, 10, 10, 5e6)] * 3 + [(8, 8, 2, 8, 0.0)] + [(9, 9, 9, 9, 5e6)] * 2)
    report, _ = replayed({"BTC": frame}, {0: {"BTC": ("buy", 100.0)}, 2: {"BTC": "exit"}}, {"BTC": (0.5, None)})
    trade = report.trades.row(0, named=True)
    # Neither the order nor the stop at 5: both would have to be asked for again.
    assert (trade["exit"], trade["reason"]) == (9.0, "end")


def ending(gap, side, recovery=0.0):
    """A coin that trades for ten bars at 10, then not for `gap` bars, then at 50,000 under the same name."""
    coin = candles([(10, 10, 10, 10)] * 10 + [None] * gap + [(50_000, 50_000, 50_000, 50_000)] * 5)
    report, strategy = replayed(
        {"BTC": flat(1.0, 15 + gap), "AAA": coin},
        {0: {"AAA": (side, 1_000.0)}},
        {"AAA": (0.5, 0.5)},
        costs=Costs(fee=0.0, maker_fee=0.0, half_spread=0.0, impact=0.0, funding_rate=0.0, recovery=recovery),
    )
    return report, strategy


@pytest.mark.parametrize("gap", [73, 100, 437])
@pytest.mark.parametrize(("recovery", "left"), [(0.0, 9_000.0), (0.25, 9_250.0)])
def test_nobody_earns_a_redenomination(gap, recovery, left):
    report, strategy = ending(gap, "buy", recovery)
    trade = report.trades.row(0, named=True)
    assert (trade["reason"], trade["exit"]) == ("ended", 10.0 * recovery)
    assert report.equity["equity"][-1] == left
    # Known as soon as the hole is too long, whatever comes after it.
    assert report.equity["equity"][10 + 72] == 10_000.0
    assert report.equity["equity"][10 + 73] == left
    assert strategy.fills[-1] == ("close", "AAA", 10.0 * recovery, 1.0, 0.0)


def test_a_short_of_an_instrument_that_ended_is_closed_at_its_last_price():
    report, _ = ending(80, "sell")
    assert report.trades.row(0, named=True)["net"] == 0.0
    assert report.equity["equity"][-1] == 10_000.0


def test_a_hole_of_72_rows_ends_nothing():
    report, _ = ending(72, "buy")
    trade = report.trades.row(0, named=True)
    # The target at 15 was gapped through.
    assert (trade["reason"], trade["exit"], trade["gap"]) == ("take_profit", 50_000.0, True)


def test_an_order_does_not_outlive_its_instrument():
    coin = candles([(10, 10, 10, 10)] * 4 + [None] * 80 + [(6, 7, 6, 7)] * 3)
    report, _ = replayed({"BTC": flat(1.0, 87), "AAA": coin}, {3: {"AAA": ("buy", 100.0)}})
    assert report.trades.is_empty()


def test_what_is_halted_in_the_end_stays_open_at_its_last_price():
    coin = candles([(10, 10, 10, 10)] * 4 + [(10, 12, 10, 12)] + [None] * 5)
    report, strategy = replayed({"BTC": flat(1.0, 10), "AAA": coin}, {0: {"AAA": ("buy", 100.0)}})
    trade = report.trades.row(0, named=True)
    assert (trade["reason"], trade["exit"], trade["net"]) == ("open", 12.0, pytest.approx(20.0))
    assert report.equity["positions"][-1] == 0
    assert report.equity["equity"][-1] == pytest.approx(10_020.0)
    assert [fill[0] for fill in strategy.fills] == ["open"]


def test_what_ended_while_it_was_learned_from_is_not_what_is_usual_later():
    """The coin of before the hole traded a thousand times as much, and moved."""
    old, new = (10, 20, 5, 10, 1e6), (10, 10, 10, 10, 1e3)
    coin = candles([old] * 10 + [None] * 80 + [new] * 6)
    costs = Costs(fee=0.0, half_spread=0.0, funding_rate=0.0)
    plan = WalkForward(folds=1, train=93)
    script = {93: {"AAA": ("buy", 5_000.0)}}
    _, strategy = replayed({"BTC": flat(1.0, 96), "AAA": coin}, script, costs=costs, plan=plan)
    assert strategy.fills[0] == ("open", "AAA", "long", pytest.approx(0.1 * 1e4), 10.0, 0.0)


@pytest.mark.parametrize(
    ("hole", "price", "reason"), [(6, 7.0, "end"), (72, 7.0, "end"), (73, 0.0, "ended"), (400, 0.0, "ended")]
)
def test_what_is_halted_at_the_end_of_a_fold_is_followed_to_its_next_candle_or_its_end(hole, price, reason):
    """The first fold ends four bars into the hole: money that waits there is not for nothing, nor is it safe."""
    rows = 2 * 100
    coin = candles([(10, 10, 10, 10)] * 96 + [None] * hole + [(7, 7, 7, 7)] * max(0, rows - 96 - hole))
    frames = {"BTC": flat(1.0, rows + 400), "AAA": coin}
    plan = WalkForward(folds=6, train=0)
    report, strategy = replayed(frames, {0: {"AAA": ("buy", 1_000.0)}}, plan=plan)
    trade = report.trades.row(0, named=True)
    assert (trade["exit"], trade["reason"], trade["fold"]) == (price, reason, 0)
    left = 10_000.0 - 100.0 * (10.0 - price)
    assert report.equity["equity"][99] == pytest.approx(left)
    assert report.equity["positions"][99] == 0
    # The folds after it go on from there.
    assert report.trades["net"].sum() == pytest.approx(report.equity["equity"][-1] - 10_000.0)
    assert strategy.row == 99


def test_buying_with_all_there_is_leaves_the_fee_to_be_paid():
    report, _ = replayed({"BTC": flat(1.0, 6)}, {0: {"BTC": ("buy", 20_000.0)}}, costs=Costs(**_zero() | {"fee": 0.01}))
    assert report.equity["cash"][1] == pytest.approx(0.0, abs=1e-9)
    assert report.equity["long"][1] == pytest.approx(10_000.0 / 1.01)


# --- funding ---


def test_longs_pay_shorts_every_eight_hours():
    costs = Costs(fee=0.0, maker_fee=0.0, half_spread=0.0, impact=0.0, funding_rate=0.001)
    frames = {"BTC": flat(10.0, 49), "AAA": flat(5.0, 49)}
    report, _ = replayed(frames, {0: {"BTC": ("buy", 1_000.0), "AAA": ("sell", 400.0)}}, costs=costs)
    # From 01:00 on: 08:00, 16:00 and 00:00, twice.
    by_symbol = dict(report.trades.select("symbol", "funding").iter_rows())
    assert by_symbol["BTC"] == pytest.approx(6 * 1.0)
    assert by_symbol["AAA"] == pytest.approx(-6 * 0.4)
    assert report.equity.filter(pl.col("funding") != 0.0)["ts"].dt.hour().to_list() == [8, 16, 0] * 2
    assert report.equity["equity"][-1] == pytest.approx(10_000.0 - 3.6)
    assert report.equity["cash"][-1] == report.equity["equity"][-1]


def test_daily_bars_pay_for_each_of_their_eight_hours():
    costs = Costs(fee=0.0, maker_fee=0.0, half_spread=0.0, impact=0.0, funding_rate=0.001)
    report, _ = replayed({"BTC": flat(10.0, 5, step=timedelta(days=1))}, {0: {"BTC": ("buy", 1_000.0)}}, costs=costs)
    assert report.trades["funding"].to_list() == [pytest.approx(3 * 3 * 1.0)]


def test_a_column_has_the_rates_that_are_paid():
    rates = [None, 0.05, None, 0.01, -0.02, float("nan"), 0.0]
    frame = flat(10.0, 7).with_columns(pl.Series("funding", rates))
    report, _ = replayed({"BTC": frame, "AAA": flat(1.0, 7)}, {0: {"BTC": ("buy", 1_000.0)}}, costs=FREE)
    # The rate at the bar of the fill was paid by those who were there before it opened.
    assert report.equity["funding"].to_list() == pytest.approx([0, 0, 0, 10.0, -20.0, 0, 0])


# --- slippage, volume and margin ---


def test_slippage_grows_with_the_square_root_of_size_against_volume():
    costs = Costs(fee=0.0, maker_fee=0.0, half_spread=0.0, funding_rate=0.0, max_participation=1.0)
    frames = {"BTC": candles([(100, 102, 99, 100)] * 30, volume=1_000.0)}
    paid = {}
    for size in (100.0, 400.0, 1_600.0):
        _, strategy = replayed(frames, {26: {"BTC": ("buy", size)}}, costs=costs)
        paid[size] = strategy.fills[0][4] / 100.0 - 1.0
    s = np.log(102 / 99) / sqrt(4 * np.log(2))
    assert paid[100.0] == pytest.approx(s * sqrt(100.0 / 100_000.0), rel=1e-9)
    assert paid[400.0] == pytest.approx(2 * paid[100.0], rel=1e-9)
    assert paid[1_600.0] == pytest.approx(4 * paid[100.0], rel=1e-9)


def test_what_is_usual_is_that_of_the_bars_before_the_order():
    """A later flood of volume and range changes nothing."""
    quiet = [(100, 101, 99, 100, 1_000.0)] * 30
    costs = Costs()
    script = {26: {"BTC": ("buy", 1_000.0)}}
    _, before = replayed({"BTC": candles(quiet)}, script, costs=costs)
    _, after = replayed({"BTC": candles([*quiet[:27], (100, 150, 50, 100, 1e9), *quiet[28:]])}, script, costs=costs)
    assert before.fills[0] == after.fills[0]


def test_orders_to_open_are_cut_to_a_part_of_the_volume():
    costs = Costs(max_participation=0.05)
    frames = {"BTC": candles([(100, 102, 99, 100)] * 30, volume=100.0)}
    report, strategy = replayed(frames, {26: {"BTC": ("buy", 5_000.0)}}, costs=costs)
    assert strategy.fills[0][3] == pytest.approx(0.05 * 10_000.0)
    assert report.trades["size"][0] == pytest.approx(500.0)


def test_an_unknown_volume_is_no_free_ride():
    costs = Costs(fee=0.0, half_spread=0.0)
    frames = {"BTC": candles([(100, 102, 99, 100, None)] * 30)}
    _, strategy = replayed(frames, {26: {"BTC": ("buy", 1.0)}}, costs=costs)
    s = np.log(102 / 99) / sqrt(4 * np.log(2))
    assert strategy.fills[0][4] == pytest.approx(100.0 * (1.0 + s * sqrt(0.1)))


def test_orders_are_cut_to_the_margin():
    frames = {"BTC": flat(1.0, 6), "AAA": flat(1.0, 6)}
    script = {0: {"BTC": ("buy", 8_000.0)}, 1: {"AAA": ("sell", 8_000.0)}, 2: {"AAA": "exit"}}
    _, strategy = replayed(frames, script)
    assert [fill[3] for fill in strategy.fills if fill[0] == "open"] == [8_000.0, pytest.approx(2_000.0)]
    _, lent = replayed(frames, script, costs=Costs(**{**_zero(), "leverage": 3.0}))
    assert [fill[3] for fill in lent.fills if fill[0] == "open"] == [8_000.0, 8_000.0]


def _zero():
    return {"fee": 0.0, "maker_fee": 0.0, "half_spread": 0.0, "impact": 0.0, "funding_rate": 0.0}


def test_closing_makes_room_for_opening_in_the_same_bar():
    frames = {"BTC": flat(1.0, 6), "AAA": flat(1.0, 6)}
    script = {0: {"BTC": ("buy", 10_000.0)}, 2: {"AAA": ("buy", 10_000.0), "BTC": "exit"}}
    _, strategy = replayed(frames, script)
    assert [(fill[0], fill[1]) for fill in strategy.fills[:3]] == [("open", "BTC"), ("close", "BTC"), ("open", "AAA")]
    assert strategy.fills[2][3] == pytest.approx(10_000.0)


def test_a_position_without_margin_is_closed_at_the_next_open():
    """Lent three times the capital: at 71 the equity is 6.1 % of what is held, at 70 it is 4.8 %."""
    frame = candles([(100,) * 4] * 2 + [(100, 100, 71, 71), (71, 71, 70, 70), (67.5, 68, 60, 60), (60,) * 4])
    costs = Costs(**{**_zero(), "leverage": 3.0})
    report, strategy = replayed({"BTC": frame}, {0: {"BTC": ("buy", 30_000.0)}}, costs=costs)
    trade = report.trades.row(0, named=True)
    assert (trade["reason"], trade["exit"]) == ("liquidation", 67.5)
    assert report.equity["equity"][-1] == pytest.approx(10_000.0 - 300.0 * 32.5)
    assert report.ruined is None
    assert len(strategy.bars) == 6


def test_a_ruined_account_trades_no_more():
    frame = candles([(100, 100, 100, 100)] * 2 + [(100, 100, 100, 100), (60, 60, 60, 60)] + [(200,) * 4] * 4)
    costs = Costs(**{**_zero(), "leverage": 3.0})
    report, _ = replayed(
        {"BTC": frame}, {0: {"BTC": ("buy", 30_000.0)}}, costs=costs, plan=WalkForward(folds=2, train=0)
    )
    assert report.ruined == "2024-01-01T03:00:00Z"
    assert report.equity["equity"].to_list() == pytest.approx([10_000.0, 10_000.0, 10_000.0, -2_000.0])
    assert report.equity["drawdown"][-1] == pytest.approx(-1.2)
    assert report.trades["reason"].to_list() == ["liquidation"]


def test_an_account_that_is_worth_nothing_hears_of_no_bar():
    frame = candles([(100, 100, 100, 100)] * 2 + [(10, 10, 10, 10)] + [(200,) * 4] * 4)
    _, strategy = replayed({"BTC": frame}, {0: {"BTC": ("buy", 30_000.0)}}, costs=Costs(**{**_zero(), "leverage": 3.0}))
    assert len(strategy.bars) == 2


def test_closing_in_the_end_can_cost_all_that_is_left():
    """Worth 200 before its positions are closed, and 375.2 less after: the next fold has no account to go on with."""
    frame = candles([(100,) * 4] * 5 + [(100, 100, 67, 67)] + [(67,) * 4] * 6)
    costs = Costs(**{**_zero(), "leverage": 3.0, "fee": 0.02, "maintenance": 0.0})
    script = {0: {"BTC": ("buy", 28_000.0)}}
    report, _ = replayed({"BTC": frame}, script, costs=costs, plan=WalkForward(folds=2, train=0))
    assert report.ruined == "2024-01-01T05:00:00Z"
    assert report.equity["equity"][-1] == pytest.approx(-175.2)
    assert report.trades["net"].to_list() == pytest.approx([-10_175.2])


# --- walk-forward ---


def test_folds_are_one_account():
    """The second fold begins with what the first one has left, and its money is scaled to that."""
    frame = candles(
        [(100, 100, 100, 100)] * 2 + [(100, 150, 100, 150)] * 3 + [(150,) * 4] * 2 + [(150, 165, 150, 165)] * 3
    )
    script = {0: {"BTC": ("buy", 5_000.0)}}
    report, _ = replayed({"BTC": frame}, script, plan=WalkForward(folds=2, train=0))
    equity = report.equity["equity"]
    assert report.equity["fold"].to_list() == [0] * 5 + [1] * 5
    # Half of the capital, up by 50 %, then by 10 %.
    assert equity[4] == pytest.approx(12_500.0)
    assert equity[9] == pytest.approx(12_500.0 * 1.05)
    assert report.trades["net"].to_list() == pytest.approx([2_500.0, 625.0])
    assert report.trades["fold"].to_list() == [0, 1]
    assert report.decisions["fold"].unique().to_list() == [0, 1]
    for money in ("size", "units", "profit"):
        assert report.trades[money][1] == pytest.approx(
            {"size": 6_250.0, "units": 6_250.0 / 150, "profit": 625.0}[money]
        )


def test_training_bars_are_learned_from_and_not_traded():
    report, strategy = replayed(
        {"BTC": walk(100, seed=1)}, {k: {"BTC": ("buy", 100.0)} for k in range(40)}, plan=WalkForward(folds=1, train=40)
    )
    assert report.equity.height == 60
    assert strategy.row == 99
    assert len(strategy.bars) == 60
    assert strategy.fills == []


@pytest.mark.parametrize(("shift", "seconds"), [(0, 3600.0), (1, 1800.0), (300, 1800.0), (1800, 1800.0)])
@pytest.mark.parametrize("bars", [40, 41])
def test_bars_take_as_much_time_as_they_do(shift, seconds, bars):
    """Candles at other minutes are more bars in the same time, and a hole is as long as a candle."""
    rows = [(10, 10, 10, 10)]
    coin = candles(rows * bars, first=shift / 3600) if shift else flat(1.0, bars)
    btc = candles(rows * bars)
    report, _ = replayed({"BTC": btc, "AAA": coin}, {})
    assert report.step_seconds == pytest.approx(seconds, rel=0.03)
    report, _ = replayed({"BTC": candles([*rows * 20, *[None] * 50, *rows * 20])}, {})
    assert report.step_seconds == 3600.0


@pytest.mark.parametrize("training", ["rolling", "expanding"])
def test_folds_follow_one_another(training):
    times = np.arange(1_000, dtype=np.int64) * 10
    folds = WalkForward(folds=3, train=100, embargo=7, training=training).share_out(times)
    assert [(fold.test_first, fold.test_last) for fold in folds] == [(1_000, 3_990), (4_000, 6_990), (7_000, 9_990)]
    assert [fold.train_first for fold in folds] == ([0, 3_000, 6_000] if training == "rolling" else [0, 0, 0])
    for fold in folds:
        assert fold.train_last == fold.test_first - 10
        assert fold.fit_last == fold.train_last - 70


# --- what is refused ---


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fee", -0.1), ("fee", float("nan")), ("fee", True), ("fee", "0"), ("maker_fee", 1.0), ("half_spread", 0.2),
        ("impact", -1.0), ("max_participation", 0.0), ("volume_bars", 0), ("funding_rate", 1.0), ("funding_hours", 7),
        ("recovery", 1.1), ("leverage", 0.0), ("leverage", 1e3), ("maintenance", 1.0),
    ],
)  # fmt: skip
def test_costs_out_of_bounds_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        Costs(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("folds", 0), ("train", -1), ("embargo", 1.5), ("training", "all"), ("folds", True)]
)
def test_plans_out_of_bounds_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        WalkForward(**{name: value})


def test_too_few_bars_are_refused():
    with pytest.raises(DataError, match="at least 102 bars, got 101"):
        replayed({"BTC": flat(1.0, 101)}, {}, plan=WalkForward(folds=1, train=100))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"workers": 0}, ParameterError, "workers"),
        ({"seed": -1}, ParameterError, "seed"),
        ({"replications": 99}, ParameterError, "0 or at least 100, got 99"),
        ({"replications": True}, ParameterError, "replications"),
        ({"capital": 0.0}, ParameterError, "capital"),
        ({"progress": 1}, ParameterError, "progress"),
    ],
)
def test_options_of_a_run_out_of_bounds_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        replayed({"BTC": flat(1.0, 10)}, {}, **options)


@pytest.mark.parametrize(
    ("frames", "match"),
    [({}, "frames"), ({"AAA": flat(1.0, 10)}, "leader"), ({"BTC": flat(1.0, 10)[:0]}, "no rows")],
)
def test_markets_that_cannot_be_replayed_are_refused(frames, match):
    with pytest.raises(DataError, match=match):
        replayed(frames, {})


def test_an_agent_needs_its_source():
    options = OrchestratorOptions(sources=("alpha",))
    with pytest.raises(ParameterError, match="agent needs 'rl' among the sources, which are alpha"):
        run({"BTC": flat(1.0, 10)}, options, agent=TrainingOptions(), plan=AT_ONCE, replications=0)
    with pytest.raises(ParameterError, match="strategy excludes agent"):
        run({"BTC": flat(1.0, 10)}, strategy=Maker({}), agent=TrainingOptions(), plan=AT_ONCE, replications=0)


def test_the_market_of_the_options_is_that_of_another_strategy_too():
    """DOGE leads, a hole of four rows ends an instrument, and there are 5,000 to begin with."""
    options = OrchestratorOptions(capital=5_000.0, market=MarketOptions(leaders=("DOGE",), max_gap=3))
    coin = candles([(10, 10, 10, 10)] * 4 + [None] * 4 + [(10, 10, 10, 10)] * 4)
    maker = Maker({0: {"AAA": ("buy", 1_000.0)}})
    report = run(
        {"DOGE": flat(1.0, 12), "AAA": coin}, options, strategy=maker, costs=FREE, plan=AT_ONCE, replications=0
    )
    assert report.leaders == ("DOGE",)
    assert report.trades["reason"].to_list() == ["ended"]
    assert report.equity["equity"][-1] == 4_000.0
    assert report.options["market"]["max_gap"] == 3


@pytest.mark.parametrize("start", [1e-150, 1e150, 1e250])
def test_prices_of_any_size_add_up(start):
    frame = flat(start, 12)
    script = {
        0: {"BTC": ("buy", 1_000.0)},
        3: {"BTC": ("reduce", 0.3)},
        5: {"BTC": "exit"},
        7: {"BTC": ("sell", 900.0)},
    }
    report, _ = replayed({"BTC": frame.with_columns(volume=None)}, script, costs=Costs(impact=0.0))
    assert report.trades["net"].sum() == pytest.approx(report.equity["equity"][-1] - 10_000.0)
    assert report.trades.height == 3


@pytest.mark.parametrize("frame", [None, flat(1.0, 10).lazy()])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(ParameterError, match="BTC is"):
        replayed({"BTC": frame}, {})


class Forgetful(Scripted):
    """Does not remember what it holds."""

    def opened(self, *args, **options):
        super().opened(*args, **options)
        self.held.clear()


class MakesForgetful(Maker):
    def new(self, history):
        return Forgetful(self.script)


def test_opening_what_is_open_is_refused():
    maker = MakesForgetful({0: {"BTC": ("buy", 10.0)}, 1: {"BTC": ("buy", 10.0)}})
    with pytest.raises(DataError, match="BTC has a position"):
        run({"BTC": flat(1.0, 10)}, strategy=maker, plan=AT_ONCE, replications=0)


# --- what cannot be carried out ---


@pytest.mark.parametrize(
    ("action", "size", "message"),
    [
        ("buy", 0.0, r"BTC: size to buy must be above 0 and finite, got 0\.0"),
        ("sell", float("nan"), r"BTC: size to sell must be above 0 and finite, got nan"),
        ("buy", float("inf"), r"BTC: size to buy must be above 0 and finite, got inf"),
        ("sell", -5.0, r"BTC: size to sell must be above 0 and finite, got -5\.0"),
        ("short", 5.0, r"BTC: action must be hold, buy, sell, reduce, exit, got 'short'"),
    ],
)
def test_an_order_that_cannot_be_is_refused(action, size, message):
    with pytest.raises(DataError, match=message):
        replayed({"BTC": flat(10.0, 5)}, {0: {"BTC": (action, size)}})


def test_a_negative_part_is_refused():
    script = {0: {"BTC": ("buy", 100.0)}, 3: {"BTC": ("reduce", -0.5)}}
    with pytest.raises(DataError, match=r"BTC: size to reduce must be above 0 and finite, got -50\.0"):
        replayed({"BTC": flat(10.0, 8)}, script, costs=FREE)


def test_funding_is_found_in_any_case_and_has_bounds():
    rates = [0.0, 0.0, 0.01, 0.0, 0.0]
    frames = {"BTC": flat(10.0, 5).with_columns(pl.Series("Funding", rates))}
    report, _ = replayed(frames, {0: {"BTC": ("buy", 1_000.0)}}, costs=FREE)
    assert report.equity["funding"].sum() == pytest.approx(10.0)
    frames = {"BTC": flat(10.0, 5).with_columns(pl.Series("funding", [0.0, 1.5, 0.0, 0.0, 0.0]))}
    with pytest.raises(DataError, match=r"BTC: funding must be a part of the value, within -0\.1 and 0\.1, got 1\.5"):
        replayed(frames, {})
    frames = {"BTC": frames["BTC"].with_columns(pl.lit(0.0).alias("FUNDING"))}
    with pytest.raises(DataError, match="funding and FUNDING are both the column funding"):
        replayed(frames, {})


def test_what_is_no_strategy_or_symbol_is_refused():
    frames = {"BTC": flat(10.0, 5)}
    with pytest.raises(ParameterError, match="strategy must have new and restored, as StrategyMaker, got 3"):
        run(frames, strategy=3)
    with pytest.raises(ParameterError, match="frames must have names of symbols, got 3"):
        run({3: frames["BTC"], **frames})


# --- the end of an account ---


def test_ruin_does_not_wait_for_better_prices():
    """The short cannot be closed in the bar of its ruin; that it would have come back is not known then."""
    coin = candles([(10,) * 4] * 4 + [(30, 30, 30, 30, 0.0)] + [None] * 3 + [(5,) * 4] * 6)
    costs = Costs(**{**_zero(), "leverage": 3.0})
    report, _ = replayed({"BTC": flat(1.0, 14), "AAA": coin}, {0: {"AAA": ("sell", 9_000.0)}}, costs=costs)
    assert report.ruined == "2024-01-01T04:00:00Z"
    assert report.equity["equity"][-1] == pytest.approx(10_000.0 - 900.0 * 20.0)
    assert report.trades.select("reason", "exit", "net").rows() == [("open", 30.0, pytest.approx(-18_000.0))]
    assert report.metrics["ruined"] is True


def test_nothing_is_told_of_what_comes_after_ruin():
    frame = candles([(100, 100, 100, 100)] * 3 + [(60, 60, 60, 60)] + [(200,) * 4] * 4)
    costs = Costs(**{**_zero(), "leverage": 3.0})
    script = {0: {"BTC": ("buy", 30_000.0)}}
    report, _ = replayed({"BTC": frame}, script, costs=costs, plan=WalkForward(folds=2, train=0))
    assert report.decisions["ts"].max() < report.equity["ts"][-1]
    assert set(report.decisions["fold"]) == {0}
    assert [fold["number"] for fold in report.folds] == [0]


# --- benchmarks ---


@pytest.mark.parametrize("capital", [1_000.0, 5_000.0, 10_000.0, 25_000.0, 100_000.0])
@pytest.mark.parametrize("price", [10.0, 97.0, 42_000.0, 0.3, 61_234.5])
def test_equal_shares_of_what_cannot_be_sold(capital, price):
    """All is in a coin without a candle at the first open of the month, in which another one is listed."""
    btc = candles([(price,) * 4] * 744 + [None] + [(price,) * 4] * 20)
    new = candles([(7.0,) * 4] * 30, first=744)
    report, _ = replayed({"BTC": btc, "NEW": new}, {}, costs=Costs(), capital=capital)
    bought = capital / (1.0 + Costs().fee) / (1.0 + Costs().half_spread)
    assert report.equity["equal"][-1] == pytest.approx(bought, rel=1e-9)
