"""Market structure switched off part by part: what differs from the base, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from comove import MasterOrchestrator, ParameterError
from comove.backtest.variants import ALL, PARTS, changed, variants
from comove.engine import AlphaEngineOptions, DecisionOptions, OrchestratorOptions
from comove.engine.files import options_text, read_options_file
from comove.portfolio import PortfolioLimits, RiskOptions
from comove.signals.engines import EngineWeights, RegimeWeights
from comove.signals.ensemble import EnsembleOptions
from comove.structure import MarketRegime
from orchestrator_cases import Scripted, always, market, traded

USUAL = OrchestratorOptions()
REGIMES = [regime.value for regime in MarketRegime]
ENGINES = ("trend", "range", "breakout", "tape", "sweep", "leader")
WEIGHTS = {f"alpha.weights.{regime}.{engine}" for regime in REGIMES for engine in ENGINES}
LEAVES = {
    "beta_sizing": {"risk.beta_sizing"},
    "leader_volatility": {"risk.leader_volatility"},
    "regimes": {"risk.regime_sizing", "ensemble.regime_adjustment", "sources"},
    "leader_engine": {"alpha.engines"},
    "structure_source": {"sources"},
    "breakdown": {"limits.leader_breakdown", "decisions.breakdown_reduction"},
    "divergence_sizing": {"risk.divergence_sizing"},
    "leader_exposure": {"limits.leader_beta"},
    "leader_features": {"similarity.features"},
}
BARS = market(260, coins=("AAA", "BBB", "CCC"), crash=(150, 6, 0.02))
SCRIPT = {"AAA": always(0.6, 110), "BBB": always(0.4, 110), "CCC": always(0.57, 110)}


@pytest.mark.parametrize("name", PARTS)
def test_a_variant_differs_in_its_part_and_in_nothing_else(name):
    names = set(changed(USUAL, variants(USUAL)[name].options))
    assert names - WEIGHTS == LEAVES[name]
    # Some weights are their own mean.
    assert bool(names & WEIGHTS) == (name == "regimes")


def test_all_of_them_together():
    found = variants(USUAL)
    assert tuple(found) == (*PARTS, ALL)
    together = {leaf for name in PARTS for leaf in changed(USUAL, found[name].options)}
    assert set(changed(USUAL, found[ALL].options)) == together
    assert found[ALL].options.sources == ("alpha", "similarity", "patterns", "rl")
    assert variants(found[ALL].options) == {}


def test_a_variant_says_what_it_is():
    words = [each.words for each in variants().values()]
    assert len(set(words)) == len(words)
    assert variants()["beta_sizing"].words == "position sizes ignore beta"
    assert [each.name for each in variants(USUAL, ["regimes", "all"]).values()] == ["regimes", "all"]


@pytest.mark.parametrize("name", [*PARTS, ALL])
def test_a_variant_survives_a_file(name, tmp_path):
    made = variants(USUAL)[name].options
    file = tmp_path / "strategy.toml"
    file.write_text(options_text(made), encoding="utf-8")
    assert read_options_file(file) == made


@pytest.mark.parametrize("names", [["beta"], [5], ["all", "regime"]])
def test_an_unknown_variant_is_refused(names):
    with pytest.raises(ParameterError, match="variants must be one of 'beta_sizing'"):
        variants(USUAL, names)


def test_other_options_are_refused():
    with pytest.raises(ParameterError, match="options must be OrchestratorOptions"):
        variants({"capital": 1.0})


def test_weights_are_the_mean_over_all_regimes():
    made = variants(USUAL)["regimes"].options.alpha.weights
    for regime in REGIMES:
        assert getattr(made, regime) == made.unknown
    before = [getattr(USUAL.alpha.weights, regime) for regime in REGIMES]
    for engine in ENGINES:
        mean = sum(getattr(each, engine) for each in before) / len(before)
        assert getattr(made.unknown, engine) == pytest.approx(mean, rel=1e-15)


def test_weights_that_do_not_look_at_the_regime_stay():
    same = RegimeWeights(trend=0.1, range=0.7, leader=0.0)
    options = replace(USUAL, alpha=AlphaEngineOptions(weights=EngineWeights(**dict.fromkeys(REGIMES, same))))
    assert not set(changed(options, variants(options)["regimes"].options)) & WEIGHTS


def test_what_is_not_used_cannot_be_switched_off():
    options = OrchestratorOptions(
        sources=("patterns",),
        ensemble=EnsembleOptions(regime_adjustment=False),
        risk=RiskOptions(regime_sizing=False, beta_sizing=False),
    )
    assert set(variants(options)) == {
        "leader_volatility", "breakdown", "divergence_sizing", "leader_exposure", ALL,
    }  # fmt: skip


def test_a_source_goes_with_its_prior():
    options = OrchestratorOptions(ensemble=EnsembleOptions(prior={"structure": 2.0, "regime": 3.0, "alpha": 4.0}))
    for name, left in (("structure_source", {"regime", "alpha"}), ("regimes", {"structure", "alpha"})):
        made = variants(options)[name].options
        assert set(made.ensemble.prior) == left
        MasterOrchestrator(made)


def test_a_source_that_only_looks_at_leaders_goes_as_a_whole():
    options = replace(
        USUAL,
        alpha=AlphaEngineOptions(engines=("leader",)),
        similarity=replace(USUAL.similarity, features=("{leader}_correlation",)),
    )
    found = variants(options)
    assert found["leader_engine"].options.sources == ("structure", "regime", "similarity", "patterns", "rl")
    assert found["leader_features"].options.sources == ("alpha", "structure", "regime", "patterns", "rl")


# --- what the orchestrator makes of it ---


def told(options, script=SCRIPT, bars=BARS):
    """All reasons of a run, of those that hold and those that do not."""
    engine = MasterOrchestrator(options, sources=[Scripted(script)])
    decisions = [each for bar in traded(engine, bars) for each in bar.values()]
    assert not engine.health().failures
    assert any(each.action in ("buy", "sell") for each in decisions)
    return " | ".join("; ".join(each.reasons) for each in decisions)


# Entries that are soon over, some of them refused.
BASE = replace(
    USUAL,
    limits=PortfolioLimits(max_leader_beta=0.03),
    decisions=DecisionOptions(hold_rows=8, cooldown_rows=1),
)
NAMED = {
    "beta_sizing": ("beta x",),
    "leader_volatility": ("leader_volatility x", "as volatile as in their past"),
    "regimes": ("regime x",),
    "breakdown": ("leader_breakdown", "has been breaking down"),
    "divergence_sizing": ("divergence x",),
    "leader_exposure": ("max_leader_beta",),
}
FOUND = {
    **{name: words[:1] for name, words in NAMED.items()},
    "leader_volatility": NAMED["leader_volatility"],
}


@pytest.fixture(scope="module")
def base():
    return told(BASE)


@pytest.mark.parametrize("name", NAMED)
def test_no_reason_names_what_is_off(name, base):
    for words in FOUND[name]:
        assert words in base
    text = told(variants(BASE)[name].options)
    for words in NAMED[name]:
        assert words not in text
    # The others are still there.
    for other, words in FOUND.items():
        assert other == name or words[0] in text, other


def test_nothing_of_them_is_left_where_all_are_off():
    text = told(variants(BASE)[ALL].options)
    for words in NAMED.values():
        for each in words:
            assert each not in text


def test_sources_and_engines_are_not_there():
    found = {name: MasterOrchestrator(each.options).ensemble for name, each in variants(USUAL).items()}
    whole = MasterOrchestrator(USUAL).ensemble.sources
    assert found["structure_source"].sources == tuple(name for name in whole if name != "structure")
    assert found["regimes"].sources == tuple(name for name in whole if name != "regime")
    assert found["leader_engine"].sources == whole
    engines = [each.name for each in found["leader_engine"].source("alpha").engines]
    assert engines == [name for name in ENGINES if name != "leader"]
    assert not any("leader" in name for name in found["leader_features"].source("similarity").options.features)
