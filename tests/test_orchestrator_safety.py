"""No money out of nothing, no state that does not come back, no decision by the order of keys."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress

import numpy as np
import polars as pl
import pytest

from comove import BreakdownRule, DataError, FeatureRecipe, MasterOrchestrator, ParameterError
from comove.engine import AlphaEngineOptions, DecisionOptions, OrchestratorOptions
from comove.portfolio import PortfolioLimits, RiskOptions
from comove.signals import SignalMarket
from comove.signals.ensemble import EnsembleOptions
from orchestrator_cases import Scripted, always, market, plain, traded
from recorded_data import HOURS, needs
from rl_cases import drawn_policy
from signal_cases import bars_of_frames

WARM = 120
BARS = market(260)


def long_in_aaa(**options):
    """An orchestrator that has just bought AAA at the close, and what it paid."""
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)}, **options)
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)["AAA"]
    engine.opened("AAA", "long", last.size, last.price)
    return engine, last


def scaled(candles, symbol, factor):
    """The candles with the prices of one symbol times a factor."""
    changed = {name: value if name == "volume" else factor * value for name, value in candles[symbol].items()}
    return {**candles, symbol: changed}


def at(candles, symbol, price):
    return {**candles, symbol: {"open": price, "high": price, "low": price, "close": price, "volume": 1.0}}


# --- what the account is worth ---


def test_after_the_owner_has_spoken_profits_go_on():
    engine, bought = long_in_aaa(decisions=DecisionOptions(hold_rows=1_000))
    ts, candles = BARS[WARM + 1]
    engine.update(ts, at(candles, "AAA", bought.price), equity=20_000.0)
    assert engine.equity == 20_000.0
    ts, candles = BARS[WARM + 2]
    engine.update(ts, at(candles, "AAA", 0.5 * bought.price))
    assert engine.equity == pytest.approx(20_000.0 - 0.5 * bought.size, abs=1e-6)
    assert engine.risk.equity == engine.equity == engine.book.capital


def test_a_fill_does_not_undo_what_the_owner_said():
    engine, bought = long_in_aaa(decisions=DecisionOptions(hold_rows=1_000))
    ts, candles = BARS[WARM + 1]
    engine.update(ts, at(candles, "AAA", 1.02 * bought.price), equity=20_000.0)
    # At the price of the bar, so that only the cost is lost.
    engine.closed("AAA", 1.02 * bought.price, cost=3.0)
    assert engine.equity == pytest.approx(20_000.0 - 3.0, abs=1e-6)
    engine.update(*BARS[WARM + 2])
    assert engine.equity == pytest.approx(20_000.0 - 3.0, abs=1e-6)


# --- nobody earns a redenomination ---


@pytest.mark.parametrize("factor", [1_000.0, 0.001])
def test_what_trades_under_the_name_after_a_long_hole_is_not_what_was_bought(factor):
    engine, bought = long_in_aaa(decisions=DecisionOptions(hold_rows=10_000))
    for ts, candles in BARS[WARM + 1 : WARM + 81]:
        engine.update(ts, {symbol: each for symbol, each in candles.items() if symbol != "AAA"})
    stop, before = engine.trade("AAA").stop, engine.equity
    for row in range(WARM + 81, WARM + 84):
        ts, candles = BARS[row]
        decision = engine.update(ts, scaled(candles, "AAA", factor))["AAA"]
        assert engine.equity == before
        assert engine.risk.equity == before
        assert engine.book.capital == before
        assert engine.trade("AAA").stop == stop
        # Neither a target nor a stop was reached by the price of something else, and no order is sized by it.
        assert decision.size <= 2.0 * bought.size
        assert "take_profit" not in decision.reasons[0]
        assert any("instrument" in reason for reason in decision.reasons), decision.reasons


@needs(HOURS)
def test_luna_bought_before_its_end_earns_nothing_of_luna_2():
    window = pl.col("ts").is_between(pl.datetime(2022, 5, 1, time_zone="UTC"), pl.datetime(2022, 6, 2, time_zone="UTC"))
    names = ("BTC", "ETH", "SOL", "LUNA")
    frames = {name: pl.read_parquet(HOURS / f"{name}.parquet").filter(window) for name in names}
    bars = bars_of_frames(frames)
    last = max(row for row, (_, candles) in enumerate(bars) if candles.get("LUNA", {}).get("close", 1.0) < 1e-3)
    # With rules that let it buy in the crash: no breakdown is one, and any size will do.
    engine = plain(
        {"LUNA": always(0.9, last, last + 1)},
        risk=RiskOptions(min_size=0.0, volatility_cap=10.0),
        breakdown=BreakdownRule(fall_at=1_000.0),
        limits=PortfolioLimits(max_leader_beta=1e6),
    )
    for ts, candles in bars[: last + 1]:
        decision = engine.update(ts, candles)["LUNA"]
    assert decision.action == "buy", decision
    engine.opened("LUNA", "long", 10.0, decision.price)
    for ts, candles in bars[last + 1 :]:
        engine.update(ts, candles)
        assert engine.equity <= 10_010.0


def test_features_of_a_new_instrument_remember_nothing_of_the_old_one():
    # Times a power of two, so that all that has no unit is the same to the bit.
    seen = []
    for factor in (1.0, 1024.0):
        signals = SignalMarket()
        for row, (ts, candles) in enumerate(BARS):
            if row < 150:
                contexts = signals.update(ts, candles)
            elif row < 230:
                signals.update(ts, {symbol: each for symbol, each in candles.items() if symbol != "AAA"})
            else:
                contexts = signals.update(ts, scaled(candles, "AAA", factor))
                context = contexts["AAA"]
                features = [context.features[name] for name in ("rsi_14", "adx", "ema_slope", "breakout_thrust")]
                seen.append((factor, row, *features, context.feature("atr") / context.close))
    half = len(seen) // 2
    assert [repr(each[1:]) for each in seen[:half]] == [repr(each[1:]) for each in seen[half:]]


# --- parts that fail ---


def broken(*_, **__):
    raise RuntimeError("it is broken")


@pytest.mark.parametrize("part", ["take_bar", "set_capital"])
def test_a_snapshot_after_the_book_failed_comes_back(part, monkeypatch):
    engine = MasterOrchestrator()
    for ts, candles in BARS[:60]:
        engine.update(ts, candles)
    with monkeypatch.context() as patch:
        patch.setattr(f"comove.portfolio.MultiSymbolCoordinator.{part}", broken)
        engine.update(*BARS[60])
    restored = MasterOrchestrator.from_bytes(engine.to_bytes())
    assert repr(restored.update(*BARS[61])) == repr(engine.update(*BARS[61]))
    # The rows of the book are those of the market, or holes are counted wrongly from here on.
    assert restored.book.row == restored.market.row


GUARDED = {
    "leader_status": "comove.structure.MarketStructureCoordinator.leader_status",
    "halt_reason": "comove.portfolio.RiskManager.halt_reason",
    "attribution": "comove.signals.ensemble.EnsemblePrediction.attribution",
}


@pytest.mark.parametrize("part", GUARDED)
def test_whatever_fails_means_hold_and_no_exception(part, monkeypatch):
    engine = plain({"*": always(0.6, WARM)})
    for ts, candles in BARS[:WARM]:
        engine.update(ts, candles)
    with monkeypatch.context() as patch:
        patch.setattr(GUARDED[part], broken if part == "leader_status" else property(broken))
        decisions = engine.update(*BARS[WARM])
    assert set(decisions) == set(BARS[WARM][1])
    assert {each.action for each in decisions.values()} == {"hold"}
    assert any("it is broken" in each.error for each in engine.health().failures)
    assert engine._desk.orders == {}


@pytest.mark.parametrize("part", ["leader_status", "detect_market_regime", "update_bar"])
def test_an_order_is_void_after_the_next_bar_whatever_failed_in_it(part, monkeypatch):
    engine = plain({"AAA": always(0.6, WARM, WARM + 1)})
    for ts, candles in BARS[: WARM + 1]:
        last = engine.update(ts, candles)["AAA"]
    assert last.action == "buy"
    with monkeypatch.context() as patch:
        patch.setattr(f"comove.structure.MarketStructureCoordinator.{part}", broken)
        with suppress(RuntimeError):
            engine.update(*BARS[WARM + 1])
    if engine.market.row == WARM + 1:
        with pytest.raises(DataError, match="no order"):
            engine.opened("AAA", "long", last.size, last.price)


def test_what_the_owner_said_holds_though_the_book_failed(monkeypatch):
    engine = plain({})
    for ts, candles in BARS[:20]:
        engine.update(ts, candles)
    with monkeypatch.context() as patch:
        patch.setattr("comove.portfolio.MultiSymbolCoordinator.take_bar", broken)
        engine.update(*BARS[20], equity=5_000.0)
    assert engine.equity == 5_000.0


def test_a_failing_exit_keeps_the_stop(monkeypatch):
    engine, _ = long_in_aaa()
    stop = engine.trade("AAA").stop
    monkeypatch.setattr("comove.portfolio.RiskManager.trailing_stop", broken)
    decision = engine.update(*BARS[WARM + 1])["AAA"]
    # A stop of None would take the order off the exchange.
    assert (decision.action, decision.stop) == ("hold", stop)
    assert decision.take_profit == engine.trade("AAA").take_profit


def test_a_source_that_fails_is_not_all_well():
    class Failing(Scripted):
        name = "failing"

        def predict(self, context):
            raise RuntimeError("no power")

    engine = MasterOrchestrator(sources=[Failing(), Scripted({"*": always(0.6)})])
    for ts, candles in BARS[:10]:
        last = engine.update(ts, candles)
    # The other source still speaks.
    assert last["AAA"].confidence is not None
    health = engine.health()
    assert not health.ok
    assert "no power" in health.sources["failing"]
    # In words, and not as Python writes an object.
    assert "SourceStatus(" not in str(health)


def test_other_sources_are_copied_too():
    engine = plain({"*": always(0.6, WARM)})
    for ts, candles in BARS[:WARM]:
        engine.update(ts, candles)
    for other in (copy.copy(engine), copy.deepcopy(engine), pickle.loads(pickle.dumps(engine)), engine.copy()):
        assert other.to_bytes() == engine.to_bytes()
    assert repr(engine.copy().update(*BARS[WARM])) == repr(engine.update(*BARS[WARM]))


# --- the order of keys ---


def test_the_order_of_symbols_in_a_bar_does_not_matter():
    options = OrchestratorOptions(
        horizon=6,
        sources=("alpha", "structure", "regime"),
        limits=PortfolioLimits(max_positions=2),
        decisions=DecisionOptions(enter_at=0.501, cost=0.0, hold_rows=12),
    )
    bars = market(200, coins=("AAA", "BBB", "CCC", "DDD"))
    rng = np.random.default_rng(2)
    turned = [(ts, {name: candles[name] for name in rng.permutation(list(candles)).tolist()}) for ts, candles in bars]

    def shown(each):
        return [repr(sorted(bar.items())) for bar in traded(MasterOrchestrator(options), each)]

    assert shown(turned) == shown(bars)


# --- orders that leave dust ---


@pytest.mark.parametrize(("share", "levels"), [(1 / 3, 3), (1 / 7, 7)])
def test_the_last_part_of_a_position_is_an_exit(share, levels):
    risk = RiskOptions(scale_share=share, scale_levels=levels, scale_first=0.2, scale_step=0.2, reward_ratio=4.0)
    engine, bought = long_in_aaa(risk=risk, decisions=DecisionOptions(hold_rows=10_000))
    actions = []
    for level in range(1, levels + 1):
        ts, candles = BARS[WARM + level]
        price = bought.price + (0.2 * level + 0.01) * (bought.price - bought.stop)
        decision = engine.update(ts, at(candles, "AAA", price))["AAA"]
        actions.append(decision.action)
        whole = abs(engine.book.position("AAA").exposure(price))
        engine.closed("AAA", price, fraction=1.0 if decision.action == "exit" else decision.size / whole)
    assert actions == ["reduce"] * (levels - 1) + ["exit"]
    assert engine.book.position("AAA") is None


def test_what_no_exchange_takes_is_not_left_over():
    # Half of the position is below the least size: all of it goes.
    crash = market(420, crash=(200, 6, 0.03))
    engine = plain(
        {"AAA": always(0.6, 195, 196)},
        decisions=DecisionOptions(hold_rows=200, breakdown_reduction=0.5),
        risk=RiskOptions(max_stop=0.45, min_stop=0.45, min_size=10.0),
    )
    for ts, candles in crash[:196]:
        last = engine.update(ts, candles)["AAA"]
    assert last.action == "buy"
    engine.opened("AAA", "long", 15.0, last.price)
    told = [engine.update(ts, candles)["AAA"] for ts, candles in crash[196:206]]
    closing = next(each for each in told if each.action != "hold")
    assert "leader_breakdown" in closing.reasons[0]
    assert closing.action == "exit"


# --- options ---


@pytest.mark.parametrize("sources", [None, 5, "rl", {"rl": 1}])
def test_sources_of_another_type_are_refused(sources):
    with pytest.raises(ParameterError, match="sources"):
        OrchestratorOptions(sources=sources)


def test_alpha_engines_can_be_left_out():
    options = OrchestratorOptions(sources=("alpha",), alpha=AlphaEngineOptions(engines=["sweep", "trend"]))
    engine = MasterOrchestrator(options)
    source = engine.ensemble.source("alpha")
    assert [each.name for each in source.engines] == ["sweep", "trend"]
    assert source.weights["risk_off"] == {"trend": 1.25, "sweep": 1.5}
    for ts, candles in BARS[:60]:
        engine.update(ts, candles)
    assert not engine.health().failures
    assert MasterOrchestrator.from_bytes(engine.to_bytes()).options == options


@pytest.mark.parametrize("engines", [(), None, "trend", ("oracle",), ("trend", "trend"), (1,)])
def test_engines_are_different_names_of_those_there_are(engines):
    with pytest.raises(ParameterError, match="engines"):
        AlphaEngineOptions(engines=engines)


def test_a_prior_of_no_source_is_refused():
    with pytest.raises(ParameterError, match="alhpa"):
        MasterOrchestrator(OrchestratorOptions(ensemble=EnsembleOptions(prior={"alhpa": 2.0})))


FEATURES = ("ret_1", "rsi_14", "btc_beta")


@pytest.mark.parametrize(
    "recipe", [FeatureRecipe(fill=None, window_size=20), FeatureRecipe()], ids=["window", "filled"]
)
def test_a_policy_of_other_features_is_refused(tmp_path, recipe):
    note = {"recipe": {name: getattr(recipe, name) for name in recipe.__slots__}}
    drawn_policy(FEATURES, note=note).save(tmp_path / "a.policy")
    with pytest.raises(ParameterError, match="the policy was trained with"):
        MasterOrchestrator(OrchestratorOptions(policy=str(tmp_path / "a.policy")))


def test_a_policy_of_other_leaders_is_refused(tmp_path):
    recipe = FeatureRecipe(fill=None)
    note = {"recipe": {name: getattr(recipe, name) for name in recipe.__slots__}}
    drawn_policy(("ret_1", "doge_beta"), note=note).save(tmp_path / "a.policy")
    with pytest.raises(ParameterError, match="doge_beta"):
        MasterOrchestrator(OrchestratorOptions(policy=str(tmp_path / "a.policy")))
    drawn_policy(FEATURES, note=note).save(tmp_path / "b.policy")
    MasterOrchestrator(OrchestratorOptions(policy=str(tmp_path / "b.policy")))
