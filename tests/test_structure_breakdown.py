"""A leader breaks down when it falls beyond its noise, and has stabilised when all that is asked for holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from comove import DataError, MarketStructureCoordinator, ParameterError, StateError
from comove.structure import BreakdownRule
from comove.structure.breakdown import Breakdowns
from comove.structure.evidence import LeaderState, push_leaders
from structure_cases import HOUR, START, at, bars_of, prices, recorded

MAX_GAP = 72
RULE = BreakdownRule()


def statuses(series, rule=RULE, windows=(72, 720, 20)):
    """The status of one leader after each row."""
    states, breakdowns = [LeaderState(*windows)], Breakdowns(["BTC"], rule)
    for row, price in enumerate(np.asarray(series).tolist()):
        push_leaders(states, row, [price], MAX_GAP)
        breakdowns.push(row, states, MAX_GAP)
        yield breakdowns.status("BTC", row, states)


def zigzag(rows, size=0.01):
    """Returns up and down by turns: their volatility is known, and each low is a little above the one before."""
    return np.where(np.arange(rows) % 2, -0.999 * size / (1.0 + size), size)


def crash(before=300, falls=4, after=120, fall=-0.05):
    return prices(np.concatenate([zigzag(before), np.full(falls, fall), zigzag(after)]))


def test_a_random_walk_is_rarely_that_far_below_its_high():
    beyond, rows, breaking = 0, 0, 0
    for seed in range(25):
        moves = np.random.default_rng(seed).normal(0.0, 0.005, 5_000)
        told = [status for status in statuses(prices(moves)) if status.breaking is not None]
        beyond += sum(status.fall_score <= -RULE.fall_at for status in told)
        breaking += sum(status.breaking for status in told)
        rows += len(told)
    # 0.9 % by 400,000 drawn windows; rows of one walk hang together, so that 125,000 make some 5,000 windows.
    assert 0.005 < beyond / rows < 0.014
    # It takes a day or two to be sure that it is over.
    assert 0.02 < breaking / rows < 0.08


def test_the_fall_is_measured_as_the_definition_says():
    series = prices(np.random.default_rng(3).normal(0.0, 0.01, 400))
    moves = series[1:] / series[:-1] - 1.0
    for row, status in enumerate(statuses(series, windows=(72, 100, 20))):
        if row < 30:
            assert (status.breaking, status.fall, status.fall_score) == (None, None, None)
            assert status.reason == f"BTC has {row} returns, 30 are needed"
            continue
        high = series[max(0, row - RULE.window_size) : row + 1].max()
        past, recent = moves[max(0, row - 100) : row], moves[row - 20 : row]
        assert status.fall == pytest.approx(series[row] / high - 1.0, abs=1e-13)
        expected = status.fall / (past.std(ddof=1) * math.sqrt(RULE.window_size))
        assert status.fall_score == pytest.approx(expected, rel=1e-12, abs=1e-13)
        assert status.volatility_ratio == pytest.approx(recent.std(ddof=1) / past.std(ddof=1), rel=1e-12)


def test_a_crash_begins_it_and_both_conditions_end_it():
    told = list(statuses(crash()))
    began = next(row for row, status in enumerate(told) if status.breaking)
    ended = next(row for row in range(began, len(told)) if not told[row].breaking)
    # 5 % a row are 5 standard deviations of a row, and 2.5 of 24 rows are 12 of a row.
    assert began == 302
    assert told[began].fall_score <= -RULE.fall_at < told[began - 1].fall_score
    low = 303
    for row in range(began, ended):
        status = told[row]
        assert status.breaking
        assert status.rows_breaking == row - began
        assert status.rows_since_low == row - min(row, low)
        young, wild = status.rows_since_low < RULE.calm_rows, status.volatility_ratio > RULE.calm_volatility
        far = status.fall_score <= -RULE.fall_at
        assert young or wild or far
        assert ("its low is" in status.reason) == young
        assert ("its volatility is" in status.reason) == wild
        assert ("below its high of 24 rows" in status.reason) == far
        assert status.reason.startswith(f"BTC has been breaking down for {row - began} rows: ")
    after = told[ended]
    assert ended - low >= RULE.calm_rows
    assert after.volatility_ratio <= RULE.calm_volatility
    assert (after.rows_breaking, after.rows_since_low) == (None, None)
    assert after.reason.endswith("2.5 would be a breakdown")


def test_neither_condition_ends_it_alone():
    # Without a new low for long, but wild.
    wild = prices(np.concatenate([zigzag(300), np.full(4, -0.05), np.tile([0.03, -0.029], 30)]))
    last = list(statuses(wild))[-1]
    assert last.breaking
    assert last.rows_since_low >= RULE.calm_rows
    assert "its volatility is" in last.reason
    assert "its low is" not in last.reason
    # Calm, but lower row by row.
    sinking = prices(np.concatenate([zigzag(300), np.full(4, -0.05), np.full(60, -0.0001)]))
    last = list(statuses(sinking))[-1]
    assert last.breaking
    assert last.volatility_ratio < RULE.calm_volatility
    assert last.rows_since_low == 0
    assert "its low is 0 rows old, 24 are needed" in last.reason


def test_a_second_fall_above_the_low_does_not_end_it():
    """Else there would be one row of calm in the middle of it."""
    rule = BreakdownRule(calm_volatility=20.0)
    series = prices(
        np.concatenate([zigzag(300), np.full(4, -0.05), np.full(17, 0.015), np.full(8, -0.03), np.full(6, 0.001)])
    )
    told = list(statuses(series, rule))
    began = next(row for row, status in enumerate(told) if status.breaking)
    assert all(status.breaking for status in told[began:])
    late = [status for status in told if status.rows_since_low is not None and status.rows_since_low >= rule.calm_rows]
    again = [status for status in late if status.fall_score <= -rule.fall_at]
    assert again
    assert all("standard deviations below its high of 24 rows, less than 2.5 is needed" in one.reason for one in again)


def test_a_hole_is_forgotten():
    series = crash(after=10).tolist()
    for hole, breaking in ((MAX_GAP, True), (MAX_GAP + 1, None)):
        told = list(statuses([*series, *[math.nan] * hole, series[-1] * 5.0, series[-1] * 5.0]))
        assert told[len(series) - 1].breaking
        assert told[len(series) + hole - 1].breaking is breaking
        assert told[-1].breaking is breaking
        if breaking is None:
            assert told[len(series) + hole - 1].reason == f"BTC has had no price for {hole} rows"
            assert told[-1].reason == "BTC has 1 returns, 30 are needed"


def test_constant_prices_tell_nothing():
    last = list(statuses([100.0] * 60))[-1]
    assert last.breaking is None
    assert last.reason == "the returns of BTC do not vary"


def test_a_restored_market_goes_on_bit_for_bit():
    bars = [(START + HOUR * row, {"BTC": price}) for row, price in enumerate(crash().tolist())]
    whole = MarketStructureCoordinator(["BTC", "ETH"], window_size=100)
    seen = []
    for bar in bars:
        whole.update_bar(*bar)
        seen.append(whole.leader_status("BTC"))
    assert {status.breaking for status in seen} == {None, False, True}
    for cut in (0, 1, 20, 305, 310, 330):
        part = MarketStructureCoordinator(["BTC", "ETH"], window_size=100)
        for bar in bars[:cut]:
            part.update_bar(*bar)
        part = MarketStructureCoordinator.from_bytes(part.to_bytes())
        for row in range(cut, len(bars)):
            part.update_bar(*bars[row])
            assert repr(part.leader_status("BTC")) == repr(seen[row])
        assert part.to_bytes() == whole.to_bytes()


def test_the_rule_is_that_of_the_coordinator():
    strict = BreakdownRule(fall_at=1.0, calm_rows=5)
    coordinator = MarketStructureCoordinator(["BTC"], window_size=100, breakdown=strict)
    for row, price in enumerate(crash(falls=2, after=0).tolist()):
        coordinator.update_bar(START + HOUR * row, {"BTC": price})
    assert coordinator.breakdown_rule == strict
    assert MarketStructureCoordinator.from_bytes(coordinator.to_bytes()).breakdown_rule == strict
    assert coordinator.leader_status("BTC").breaking
    with pytest.raises(DataError, match="leader must be one of the leaders BTC, got 'ETH'"):
        coordinator.leader_status("ETH")
    before = MarketStructureCoordinator().leader_status("SOL")
    assert (before.breaking, before.reason) == (None, "SOL has 0 returns, 30 are needed")


@pytest.mark.parametrize("name", ["window_size", "fall_at", "calm_rows", "calm_volatility"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "2"])
def test_bad_rules_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        BreakdownRule(**{name: value})


def test_forged_states_are_refused():
    breakdowns = Breakdowns(["BTC"], BreakdownRule(window_size=2))
    good = breakdowns.to_state()
    breakdowns.read(good)
    with pytest.raises(StateError, match="breakdowns of 1 leaders"):
        breakdowns.read([])
    with pytest.raises(StateError, match="more rows"):
        breakdowns.read([[[1.0] * 4, *good[0][1:]]])
    with pytest.raises(ParameterError, match="index"):
        breakdowns.read([[[0.0], *good[0][1:]]])


def test_ftx_and_luna_were_breakdowns():
    candles = {symbol: data for symbol, data in recorded("1h").items() if symbol in ("BTC", "ETH", "SOL")}
    coordinator, told = MarketStructureCoordinator(window_size=720), {}
    for ts, bar in bars_of(candles):
        if at("2022-03-01") <= ts < at("2022-12-01"):
            coordinator.update_bar(ts, bar)
            told[ts] = {leader: coordinator.leader_status(leader).breaking for leader in candles}
    # By noon of the days on which they fell.
    for day in ("2022-05-09T12", "2022-06-13T12", "2022-11-08T22"):
        assert told[at(day)]["BTC"], day
    calm = [ts for ts in told if at("2022-10-10") <= ts < at("2022-11-05")]
    assert sum(told[ts]["BTC"] for ts in calm) < 0.15 * len(calm)


def test_without_a_price_nobody_knows_but_of_one_that_falls():
    calm = prices(np.random.default_rng(4).normal(0.0, 0.01, 200))
    last = list(statuses([*calm, np.nan, np.nan]))[-1]
    assert last.breaking is None
    assert last.reason == "BTC has had no price for 2 rows"
    falling = [*calm, *(calm[-1] * 0.9 ** np.arange(1, 5))]
    assert list(statuses([*falling, np.nan, np.nan]))[-1].breaking is True


@pytest.mark.parametrize("hole", [0, 1, 5, MAX_GAP])
def test_a_fall_across_a_hole_is_a_fall(hole):
    rng = np.random.default_rng(4)
    calm = prices(rng.normal(0.0, 0.01, 200))
    after = calm[-1] * 0.5 * np.cumprod(1.0 + rng.normal(0.0, 0.01, 40))
    told = list(statuses([*calm, *[np.nan] * hole, *after]))
    first = told[200 + hole]
    assert first.breaking
    assert first.rows_breaking == 0
    assert first.fall == pytest.approx(after[0] / max(calm[-24:]) - 1.0 if hole < 24 else after[0] / calm[-1] - 1.0)
    # A rise is none, and without a hole nothing is different.
    up = list(statuses([*calm, *[np.nan] * hole, *(after * 8.0)]))
    assert up[200 + hole].breaking is False


def test_it_has_not_stabilised_while_there_is_no_price():
    rule = BreakdownRule(window_size=4, calm_rows=3, calm_volatility=50.0)
    series = crash(after=0).tolist()
    told = list(statuses([*series, *[np.nan] * 8, series[-1]], rule))
    assert [status.breaking for status in told[-9:-1]] == [True] * 8
    assert told[-2].reason == ("BTC has been breaking down for 11 rows: it has had no price for 8 rows")
    # ... and has with the first one that is no lower.
    assert told[-1].breaking is False


def test_a_volatility_that_is_not_known_is_no_number():
    series = crash(after=10).tolist()
    told = list(statuses([*series, *[np.nan] * 30]))[-1]
    assert told.reason.endswith("rows: its volatility is not known and it has had no price for 30 rows")


def test_holes_are_restored_bit_for_bit():
    rng = np.random.default_rng(8)
    series = prices(rng.normal(0.0, 0.01, 120)) * np.where(np.arange(120) >= 80, 0.6, 1.0)
    series[[40, 41, 78, 79, 100]] = np.nan
    bars = [(START + HOUR * row, {"BTC": price, "ETH": 1.0 + row}) for row, price in enumerate(series.tolist())]
    whole = MarketStructureCoordinator(["BTC", "ETH"], window_size=100)
    for cut in (41, 79, 80, 81, 101):
        for bar in bars[whole.last_bar is not None and (whole.last_bar - START) // HOUR + 1 : cut]:
            whole.update_bar(*bar)
        part = MarketStructureCoordinator.from_bytes(whole.to_bytes())
        assert part.to_bytes() == whole.to_bytes()
        for each in (part, ahead := whole.copy()):
            for bar in bars[cut:]:
                each.update_bar(*bar)
        assert part.to_bytes() == ahead.to_bytes()
        assert repr(part.leader_status("BTC")) == repr(ahead.leader_status("BTC"))
    assert ahead.leader_status("BTC").breaking
