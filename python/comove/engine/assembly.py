"""From options to the parts of an orchestrator, and from options to plain values and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec

from comove.engine.options import AlphaEngineOptions, OrchestratorOptions
from comove.features import FeatureRecipe
from comove.signals import AlphaEngine, PredictionSource, SignalMarket
from comove.signals.engines import (
    BreakoutEngine,
    LeaderEngine,
    RangeEngine,
    SweepEngine,
    TapeEngine,
    TrendEngine,
)
from comove.signals.sources import (
    AlphaSource,
    MarketStructurePredictor,
    PatternSource,
    RegimeSource,
    ReinforcementSource,
    SimilaritySource,
)
from comove.structure import MarketStructureCoordinator

__all__ = ["market_of", "plain_options", "read_options", "sources_of", "sources_registry"]

RECIPE: Final = FeatureRecipe(fill=None)
"""All columns, nothing filled: what is missing is for engines and sources to say."""


def market_of(options: OrchestratorOptions) -> SignalMarket:
    """Return a market that has seen nothing yet."""
    market = options.market
    structure = MarketStructureCoordinator(
        market.leaders,
        window_size=market.window_size,
        max_lag=market.max_lag,
        lag_window=market.lag_window,
        max_gap=market.max_gap,
        regimes=options.regimes,
        breakdown=options.breakdown,
    )
    return SignalMarket(structure, RECIPE, rows=market.rows)


def sources_of(options: OrchestratorOptions) -> list[PredictionSource]:
    """Return the prediction sources that the options name, which have seen nothing yet.

    Raises
    ------
    StateError
        A file that holds no policy.
    ParameterError
        A policy that was trained on other features, or against other leaders, than the market has.
    DataError
        A policy that does not say what it was trained on.
    OSError
        A policy that cannot be read.
    """
    return [_MAKERS[name](options) for name in options.sources]


def _alpha(options: OrchestratorOptions) -> AlphaSource:
    each = options.alpha
    engines = [_ENGINES[name](each) for name in each.engines]
    weights = {
        regime: {name: weight for name, weight in of_all.items() if name in each.engines}
        for regime, of_all in asdict(each.weights).items()
    }
    return AlphaSource(engines, each.combined, weights=weights)


def _rl(options: OrchestratorOptions) -> ReinforcementSource:
    source = ReinforcementSource(options.policy, options=options.rl)
    if source.policy is not None:
        source.policy.check_recipe(RECIPE, options.market.leaders)
    return source


_ENGINES: Final[Mapping[str, Callable[[AlphaEngineOptions], AlphaEngine]]] = {
    "trend": lambda each: TrendEngine(each.trend),
    "range": lambda each: RangeEngine(each.range),
    "breakout": lambda each: BreakoutEngine(each.breakout),
    "tape": lambda each: TapeEngine(each.tape),
    "sweep": lambda each: SweepEngine(each.sweep),
    "leader": lambda each: LeaderEngine(each.leader),
}

_MAKERS: Final[Mapping[str, Callable[[OrchestratorOptions], PredictionSource]]] = {
    "alpha": _alpha,
    "structure": lambda options: MarketStructurePredictor(options.structure),
    "regime": lambda options: RegimeSource(options.regime),
    "similarity": lambda options: SimilaritySource(options.similarity),
    "patterns": lambda options: PatternSource(options.patterns),
    "rl": _rl,
}


def sources_registry() -> dict[str, type[PredictionSource]]:
    """Return the class of each source by its name: what a snapshot is restored with."""
    classes: tuple[type[PredictionSource], ...] = (
        AlphaSource,
        MarketStructurePredictor,
        RegimeSource,
        SimilaritySource,
        PatternSource,
        ReinforcementSource,
    )
    return {each.name: each for each in classes}


def plain_options(options: OrchestratorOptions) -> dict[str, Any]:
    """Return options as a tree of plain values, which `read_options` takes back."""
    tree: dict[str, Any] = msgspec.to_builtins(options, enc_hook=dict)
    return tree


def read_options(tree: Mapping[str, Any]) -> OrchestratorOptions:
    """Return the options of a tree, checked as those of a new orchestrator are."""
    return msgspec.convert(tree, OrchestratorOptions)
