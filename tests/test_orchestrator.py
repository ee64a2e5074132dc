"""The orchestrator: its decisions, its account, what it does when parts fail, and its snapshots."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from comove import DataError, FeatureRecipe, MasterOrchestrator, OrderError, ParameterError
from comove.engine import DecisionOptions, MarketOptions, OrchestratorOptions
from comove.portfolio import PortfolioLimits, RiskOptions
from comove.signals.ensemble import EnsemblePredictor
from orchestrator_cases import always, fill, market, plain, recorded, traded
from rl_cases import following_policy
from structure_cases import HOUR, START

BARS = market(260)
WARM = 120


def decided(engine, bars=BARS):
    return list(traded(engine, bars))


def actions(decisions, symbol):
    return [bar[symbol].action for bar in decisions if symbol in bar]


def test_a_sure_rise_is_bought_and_its_end_is_sold():
    up = {**always(0.6, WARM, WARM + 10), **always(0.4, WARM + 10, WARM + 11)}
    engine = plain({"AAA": up}, decisions=DecisionOptions(allow_short=False))
    decisions = decided(engine, BARS[: WARM + 14])
    bought = [bar["AAA"] for bar in decisions if bar["AAA"].action == "buy"]
    assert bought[0].ts == BARS[WARM][0]
    assert bought[0].stop < bought[0].price < bought[0].take_profit
    assert 0 < bought[0].size <= 0.2 * 10_000
    assert bought[0].confidence == pytest.approx(0.6)
    assert bought[0].attribution["scripted"] == pytest.approx(0.1)
    assert "scripted says up 0.600" in bought[0].reasons[0]
    assert any(reason.startswith("stop: ") for reason in bought[0].reasons)
    assert engine.book.position("AAA") is None


def test_shorts_mirror_longs():
    engine = plain({"AAA": always(0.4, WARM, WARM + 5)})
    sold = next(bar["AAA"] for bar in decided(engine, BARS[: WARM + 5]) if bar["AAA"].action == "sell")
    assert sold.stop > sold.price > sold.take_profit
    assert engine.book.position("AAA").side == "short"


def test_an_edge_below_its_cost_is_not_traded():
    engine = plain({"*": always(0.53, WARM)}, decisions=DecisionOptions(cost=0.5))
    decisions = decided(engine)
    assert {each.action for bar in decisions for each in bar.values()} == {"hold"}
    assert "below its cost of 50.00%" in decisions[-1]["AAA"].reasons[0]


@pytest.mark.parametrize(("up", "text"), [(0.505, "below enter_at"), (None, "the script says nothing")])
def test_holding_has_its_reason(up, text):
    engine = plain({} if up is None else {"*": always(up)})
    (reason,) = decided(engine, BARS[:WARM])[-1]["AAA"].reasons
    assert text in reason


def test_a_closed_symbol_rests():
    engine = plain({"AAA": always(0.6, WARM)}, decisions=DecisionOptions(hold_rows=3, cooldown_rows=5))
    decisions = decided(engine, BARS[: WARM + 40])
    rows = [row for row, bar in enumerate(decisions) if bar["AAA"].action == "buy"]
    # Held for 3 rows, rested for 5.
    assert len(rows) > 2
    assert min(np.diff(rows)) == 3 + 5


def test_limits_count_what_the_same_bar_opens():
    script = {"*": always(0.6, WARM, WARM + 1)}
    engine = plain(script, limits=PortfolioLimits(max_positions=1))
    last = decided(engine, BARS[: WARM + 1])[-1]
    assert sorted(each.action for each in last.values()).count("buy") == 1
    refused = [each for each in last.values() if "max_positions" in " ".join(each.reasons)]
    assert len(refused) == len(last) - 1
    assert engine.book.positions == ()


def test_the_surest_comes_first():
    script = {"AAA": always(0.58, WARM), "BBB": always(0.59, WARM)}
    engine = plain(script, limits=PortfolioLimits(max_positions=1))
    last = decided(engine, BARS[: WARM + 1])[-1]
    assert (last["AAA"].action, last["BBB"].action) == ("hold", "buy")


def test_cash_is_counted_to_the_cent():
    cash = [10_000.0]

    def after(engine, decisions):
        held = sum(each.exposure(engine.book.price(each.symbol)) for each in engine.book.positions)
        assert engine.equity == pytest.approx(cash[0] + held, abs=1e-9)

    engine = plain({"AAA": always(0.6, WARM), "BBB": always(0.4, WARM)}, decisions=DecisionOptions(hold_rows=4))
    opened, closed = engine.opened, engine.closed

    class Counting:
        def __getattr__(self, name):
            return getattr(engine, name)

        def opened(self, symbol, side, size, price, *, cost):
            opened(symbol, side, size, price, cost=cost)
            cash[0] -= (size if side == "long" else -size) + cost

        def closed(self, symbol, price, *, fraction, cost):
            position = engine.book.position(symbol)
            cash[0] += fraction * position.sign * position.units * price - cost
            return closed(symbol, price, fraction=fraction, cost=cost)

    trades = 0
    for bar in traded(Counting(), BARS, lambda _, decisions: after(engine, decisions)):
        trades += sum(each.action != "hold" for each in bar.values())
    assert trades > 20
    assert engine.costs > 0


def test_an_order_that_is_not_filled_is_void():
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)
    assert last["AAA"].action == "buy"
    engine.update(*BARS[WARM + 1])
    with pytest.raises(DataError, match="no order to open a long in AAA"):
        engine.opened("AAA", "long", 100.0, 1.0)


@pytest.mark.parametrize("rows", [1, 5])
def test_an_order_of_a_halted_symbol_waits_for_its_next_candle(rows):
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)["AAA"]
    for ts, candles in BARS[WARM + 1 : WARM + 1 + rows]:
        engine.update(ts, {symbol: candle for symbol, candle in candles.items() if symbol != "AAA"})
    again = MasterOrchestrator.from_bytes(engine.to_bytes())
    for each in (engine, again):
        each.opened("AAA", "long", last.size, last.price)
        assert each.trade("AAA").stop == pytest.approx(last.stop)
    assert engine.to_bytes() == again.to_bytes()


def test_an_order_does_not_outlive_its_instrument():
    """A candle after a hole of four rows, one more than it may have, is the first one of another instrument."""
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)}, market=MarketOptions(max_gap=3))
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)["AAA"]
    assert last.action == "buy"
    for ts, candles in BARS[WARM + 1 : WARM + 5]:
        assert engine.copy().opened("AAA", "long", last.size, last.price) is None
        engine.update(ts, {symbol: candle for symbol, candle in candles.items() if symbol != "AAA"})
    with pytest.raises(DataError, match="no order"):
        engine.opened("AAA", "long", last.size, last.price)


@pytest.mark.parametrize("side", ["long", "short"])
def test_nothing_is_left_of_a_position_that_is_closed_at_0(side):
    engine = plain({"AAA": always(0.6 if side == "long" else 0.4, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        engine.update(ts, candles)
    engine.opened("AAA", side, 100.0, 2.0)
    assert engine.closed("AAA", 0.0) == (-100.0 if side == "long" else 100.0)
    assert engine.equity == pytest.approx(10_000.0 + (-100.0 if side == "long" else 100.0))
    for price in (-1.0, math.nan, True):
        with pytest.raises((ParameterError, DataError)):
            engine.closed("AAA", price)


BAD_FILLS = {
    "other side": (("AAA", "short", 100.0, 1.0), {}, DataError),
    "other symbol": (("BBB", "long", 100.0, 1.0), {}, DataError),
    "size": (("AAA", "long", math.nan, 1.0), {}, ParameterError),
    "price": (("AAA", "long", 100.0, 0.0), {}, ParameterError),
    "cost": (("AAA", "long", 100.0, 1.0), {"cost": -1.0}, ParameterError),
    "size of a bool": (("AAA", "long", True, 1.0), {}, ParameterError),
}


@pytest.mark.parametrize("what", BAD_FILLS)
def test_a_bad_fill_leaves_all_as_it_was(what):
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        engine.update(ts, candles)
    before = engine.to_bytes()
    arguments, options, kind = BAD_FILLS[what]
    with pytest.raises(kind):
        engine.opened(*arguments, **options)
    with pytest.raises(DataError):
        engine.closed("AAA", 1.0)
    assert engine.to_bytes() == before


def test_a_stop_moves_with_the_fill():
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)["AAA"]
    engine.opened("AAA", "long", last.size, last.price * 0.5)
    assert engine.trade("AAA").stop == pytest.approx(last.stop * 0.5)
    assert engine.trade("AAA").take_profit == pytest.approx(last.take_profit * 0.5)


def test_a_bar_out_of_order_leaves_all_as_it_was():
    engine = plain({})
    for ts, candles in BARS[:20]:
        engine.update(ts, candles)
    before = engine.to_bytes()
    for ts, candles, equity, kind in (
        (BARS[19][0], BARS[19][1], None, OrderError),
        (BARS[20][0], [1], None, DataError),
        (BARS[20][0], BARS[20][1], 0.0, ParameterError),
        (BARS[20][0], BARS[20][1], math.nan, ParameterError),
    ):
        with pytest.raises(kind):
            engine.update(ts, candles, equity=equity)
        assert engine.to_bytes() == before


def test_a_bad_candle_is_left_out_and_told():
    engine = plain({"*": always(0.6, WARM)})
    for ts, candles in BARS[: WARM + 1]:
        engine.update(ts, candles)
    ts, candles = BARS[WARM + 1]
    decisions = engine.update(ts, {**candles, "AAA": {**candles["AAA"], "low": -1.0}})
    assert "AAA" not in decisions
    assert "AAA" in engine.health().refused
    assert not engine.health().ok
    assert "low of AAA must be above 0" in str(engine.health())


def test_health_tells_of_leaders_and_stale_symbols():
    engine = plain({})
    for ts, candles in BARS[:40]:
        engine.update(ts, candles)
    assert engine.health().ok
    for ts, candles in BARS[40:43]:
        engine.update(ts, {symbol: each for symbol, each in candles.items() if symbol not in ("BTC", "BBB")})
    health = engine.health()
    assert health.missing_leaders == ("BTC",)
    assert health.stale == {"BTC": 3, "BBB": 3}
    assert set(health.latency) == {
        "align", "structure", "features", "regime", "sources", "ensemble", "risk", "decisions", "bar",
    }  # fmt: skip
    assert health.latency["bar"].median > 0


def test_a_position_without_candle_is_held_and_told():
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    decided(engine, BARS[: WARM + 2])
    assert engine.book.position("AAA") is not None
    ts, candles = BARS[WARM + 2]
    decision = engine.update(ts, {symbol: each for symbol, each in candles.items() if symbol != "AAA"})["AAA"]
    assert (decision.action, decision.price) == ("hold", None)
    assert "no candle for 1 rows" in decision.reasons[0]


def test_a_refused_candle_of_a_held_symbol_is_told():
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    decided(engine, BARS[: WARM + 2])
    ts, candles = BARS[WARM + 2]
    decision = engine.update(ts, {**candles, "AAA": {"close": -1.0}})["AAA"]
    assert decision.action == "hold"
    assert "its candle was refused: close of AAA must be above 0" in decision.reasons[0]


def test_nobody_earns_a_redenomination():
    """After a hole that ends the instrument, what trades under the name is another one."""
    options = {"market": MarketOptions(max_gap=5), "decisions": DecisionOptions(hold_rows=1_000)}
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)}, **options)
    decided(engine, BARS[: WARM + 2])
    entry, before = engine.book.position("AAA").entry, engine.equity
    for ts, candles in BARS[WARM + 2 : WARM + 9]:
        engine.update(ts, {symbol: each for symbol, each in candles.items() if symbol != "AAA"})
    for ts, candles in BARS[WARM + 9 : WARM + 12]:
        grown = {name: value * 1_000.0 for name, value in candles["AAA"].items()}
        decision = engine.update(ts, {**candles, "AAA": grown})["AAA"]
        assert (decision.action, decision.price) == ("hold", None)
        assert "the instrument ended in a hole of more than 5 rows" in decision.reasons[0]
        assert engine.equity == before
    restored = MasterOrchestrator.from_bytes(engine.to_bytes())
    assert restored.equity == before
    assert engine.closed("AAA", entry * 0.01) < 0
    assert engine.equity < before


def test_the_owner_says_what_the_account_is_worth():
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)}, decisions=DecisionOptions(hold_rows=1_000))
    decided(engine, BARS[: WARM + 2])
    ts, candles = BARS[WARM + 2]
    engine.update(ts, candles, equity=12_345.0)
    assert engine.equity == pytest.approx(12_345.0, rel=1e-12)
    assert engine.book.capital == pytest.approx(12_345.0, rel=1e-12)
    position, price = engine.book.position("AAA"), engine.book.price("AAA")
    ts, candles = BARS[WARM + 3]
    engine.update(ts, candles)
    moved = position.units * (engine.book.price("AAA") - price)
    assert engine.equity == pytest.approx(12_345.0 + moved, rel=1e-12)
    assert engine.closed("AAA", engine.book.price("AAA"), cost=1.0) == pytest.approx(
        position.profit(engine.book.price("AAA"))
    )
    assert engine.equity == pytest.approx(12_345.0 + moved - 1.0, rel=1e-12)


def test_the_order_of_candles_does_not_matter():
    script = {"*": always(0.6, WARM)}
    one, other = plain(script), plain(script)
    turned = [(ts, dict(reversed(list(candles.items())))) for ts, candles in BARS[: WARM + 20]]
    assert shown(traded(one, BARS[: WARM + 20])) == shown(traded(other, turned))
    assert one.to_bytes() == other.to_bytes()


def test_a_policy_is_asked(tmp_path):
    note = {"recipe": asdict(FeatureRecipe(fill=None))}
    following_policy(note=note).save(tmp_path / "own.policy")
    engine = MasterOrchestrator(OrchestratorOptions(policy=str(tmp_path / "own.policy"), horizon=6))
    decided(engine, BARS[:120])
    assert engine.ensemble.status["rl"].awake_share > 0


# --- what fails means hold ---


def broken(*_, **__):
    raise RuntimeError("it is broken")


PARTS = {
    "features": "comove.features.FeatureStream.update_values",
    "ensemble": "comove.signals.ensemble.EnsemblePredictor.predict_all",
    "observe": "comove.signals.ensemble.EnsemblePredictor.observe",
    "sizing": "comove.portfolio.RiskManager.position_size",
    "entries": "comove.portfolio.MultiSymbolCoordinator.can_enter",
    "book": "comove.portfolio.MultiSymbolCoordinator.take_bar",
    "worth": "comove.engine.deciding.worth",
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_means_hold(part, monkeypatch):
    engine = plain({"*": always(0.6, WARM)})
    for ts, candles in BARS[:WARM]:
        engine.update(ts, candles)
    with monkeypatch.context() as patch:
        patch.setattr(PARTS[part], broken)
        decisions = engine.update(*BARS[WARM])
    assert {each.action for each in decisions.values()} == {"hold"}, part
    assert all(each.reasons for each in decisions.values())
    failures = engine.health().failures
    assert failures
    assert all("it is broken" in each.error for each in failures)
    assert engine.book.positions == ()
    # It goes on with the next bar.
    assert engine.update(*BARS[WARM + 1])


def test_a_failing_exit_means_hold(monkeypatch):
    engine = plain({"AAA": {**always(0.6, WARM, WARM + 2), **always(0.1, WARM + 2)}})
    decided(engine, BARS[: WARM + 2])
    monkeypatch.setattr("comove.engine.deciding.manage", broken)
    decision = engine.update(*BARS[WARM + 2])["AAA"]
    assert decision.action == "hold"
    assert "looking after the position failed" in decision.reasons[0]
    monkeypatch.undo()
    assert engine.update(*BARS[WARM + 3])["AAA"].action == "exit"


# --- a leader that crashes ---

CRASH = market(420, crash=(200, 6, 0.03))


def test_no_new_altcoin_longs_until_the_leader_has_stabilised():
    engine = plain({"*": always(0.6, 150)}, decisions=DecisionOptions(hold_rows=6, cooldown_rows=0))
    bought, breaking, told = [], [], []

    def after(engine, decisions):
        broken_leaders = engine.health().breaking_leaders
        row = engine.market.row
        if broken_leaders:
            breaking.append(row)
        for symbol in ("AAA", "BBB"):
            if decisions[symbol].action == "buy":
                bought.append(row)
            if broken_leaders and "leader_breakdown" in " ".join(decisions[symbol].reasons):
                told.append(decisions[symbol])

    list(traded(engine, CRASH, after))
    assert breaking[0] in range(200, 206)
    assert not set(bought) & set(breaking)
    assert any(row < breaking[0] for row in bought)
    assert any(row > breaking[-1] for row in bought)
    assert any("stabilised" in " ".join(each.reasons) or "low is" in " ".join(each.reasons) for each in told)


def test_open_altcoin_longs_are_reduced_once():
    engine = plain(
        {"AAA": always(0.6, 195, 199)},
        decisions=DecisionOptions(hold_rows=200),
        risk=RiskOptions(max_stop=0.45, min_stop=0.45),
    )
    decisions = decided(engine, CRASH[:230])
    reduced = [bar["AAA"] for bar in decisions if bar["AAA"].action == "reduce"]
    assert len(reduced) == 1
    assert "leader_breakdown" in reduced[0].reasons[0]
    assert engine.trade("AAA").reduced


# --- the same to the bit ---


def shown(decisions):
    return [repr(sorted(bar.items())) for bar in decisions]


@pytest.fixture(scope="module")
def full():
    """A run with all sources over simulated coins: decisions, and snapshots on the way."""
    options = OrchestratorOptions(horizon=6, decisions=DecisionOptions(enter_at=0.501, cost=0.0, hold_rows=12))
    engine = MasterOrchestrator(options)
    snapshots = []
    decisions = list(traded(engine, BARS, lambda each, _: snapshots.append(each.to_bytes())))
    return options, decisions, snapshots


def test_two_runs_decide_the_same(full):
    options, decisions, snapshots = full
    engine = MasterOrchestrator(options)
    assert shown(traded(engine, BARS)) == shown(decisions)
    assert engine.to_bytes() == snapshots[-1]


@pytest.mark.parametrize("cut", [0, 1, 31, 77, 130, 131, 200, 258])
def test_a_restored_run_goes_on_the_same(full, cut):
    _, decisions, snapshots = full
    engine = MasterOrchestrator.from_bytes(snapshots[cut])
    assert engine.to_bytes() == snapshots[cut]
    # What waits to be filled is told by the decisions of the bar of the snapshot.
    waiting = {symbol: each for symbol, each in decisions[cut].items() if each.action != "hold"}
    for symbol, decision in waiting.items():
        fill(engine, decision, BARS[cut + 1][1][symbol]["open"])
    assert shown(traded(engine, BARS[cut + 1 :])) == shown(decisions[cut + 1 :])
    assert engine.to_bytes() == snapshots[-1]


def test_a_month_of_recorded_candles_twice_and_from_snapshots():
    bars = recorded(1_000)
    # Trades often, so that all that positions need is in the snapshots.
    options = OrchestratorOptions(decisions=DecisionOptions(enter_at=0.505, cost=0.0001))
    engine, kept = MasterOrchestrator(options), {}
    cuts = np.random.default_rng(8).integers(300, 980, 5).tolist()

    def keep(each, _):
        if each.market.row in cuts:
            kept[each.market.row] = each.to_bytes()

    first = list(traded(engine, bars, keep))
    end = engine.to_bytes()
    second = MasterOrchestrator(options)
    assert shown(traded(second, bars)) == shown(first)
    assert second.to_bytes() == end
    for cut, snapshot in kept.items():
        restored = MasterOrchestrator.from_bytes(snapshot)
        for symbol, decision in first[cut].items():
            if decision.action != "hold" and symbol in bars[cut + 1][1]:
                fill(restored, decision, bars[cut + 1][1][symbol]["open"])
        assert shown(traded(restored, bars[cut + 1 : cut + 25])) == shown(first[cut + 1 : cut + 25])
    traded_bars = sum(any(each.action != "hold" for each in bar.values()) for bar in first)
    assert traded_bars > 20
    for bar in first:
        for decision in bar.values():
            assert decision.reasons
            assert all(len(reason) > 10 and "nan" not in reason.lower().split() for reason in decision.reasons)


def test_nothing_depends_on_what_comes_later(full):
    options, decisions, _ = full
    rng = np.random.default_rng(1)
    cut = 150
    other = [
        (ts, {symbol: {name: value * scale for name, value in each.items()} for symbol, each in candles.items()})
        for (ts, candles), scale in zip(BARS[cut:], np.exp(rng.normal(0, 0.1, len(BARS) - cut)), strict=True)
    ]
    engine = MasterOrchestrator(options)
    assert shown(traded(engine, BARS[:cut] + other))[:cut] == shown(decisions)[:cut]


def test_it_says_what_it_is():
    engine = plain({})
    engine.update(START, {})
    assert "1 bars" in repr(engine)
    assert engine.update(START + HOUR, {}) == {}
    assert isinstance(engine.ensemble, EnsemblePredictor)
