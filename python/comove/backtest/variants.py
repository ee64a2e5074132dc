"""The same strategy with market structure switched off, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from statistics import mean
from typing import Any, Final

from comove.engine import OrchestratorOptions
from comove.options import choice, options_of
from comove.signals.engines import ENGINE_NAMES, EngineWeights, RegimeWeights

__all__ = ["ALL", "BASE", "PARTS", "Variant", "changed", "variants"]

ALL: Final = "all"
"""Name of the variant without any of the parts."""
BASE: Final = "base"
"""Name of the strategy as it is."""
#: What a name of a column has where the leader's comes.
_LEADER: Final = "{leader}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A strategy that differs from the base in one part."""

    name: str
    words: str
    """What is different, for people."""
    options: OrchestratorOptions


def _beta_sizing(options: OrchestratorOptions) -> OrchestratorOptions:
    return replace(options, risk=replace(options.risk, beta_sizing=False))


def _divergence_sizing(options: OrchestratorOptions) -> OrchestratorOptions:
    return replace(options, risk=replace(options.risk, divergence_sizing=False))


def _leader_volatility(options: OrchestratorOptions) -> OrchestratorOptions:
    return replace(options, risk=replace(options.risk, leader_volatility=False))


def _regimes(options: OrchestratorOptions) -> OrchestratorOptions:
    made = _without_source(options, "regime")
    made = replace(
        made,
        ensemble=replace(made.ensemble, regime_adjustment=False),
        risk=replace(made.risk, regime_sizing=False),
    )
    if "alpha" not in made.sources:
        return made
    # The mean of its weights in all regimes, so that an engine counts as much as before on the whole; it is exact where
    # the weights are the same.
    each = [getattr(made.alpha.weights, field.name) for field in fields(EngineWeights)]
    same = RegimeWeights(**{name: mean(getattr(regime, name) for regime in each) for name in ENGINE_NAMES})
    weights = EngineWeights(**{field.name: same for field in fields(EngineWeights)})
    return replace(made, alpha=replace(made.alpha, weights=weights))


def _leader_engine(options: OrchestratorOptions) -> OrchestratorOptions:
    if "alpha" not in options.sources:
        return options
    left = tuple(name for name in options.alpha.engines if name != "leader")
    if not left:
        return _without_source(options, "alpha")
    return replace(options, alpha=replace(options.alpha, engines=left))


def _structure_source(options: OrchestratorOptions) -> OrchestratorOptions:
    return _without_source(options, "structure")


def _leader_features(options: OrchestratorOptions) -> OrchestratorOptions:
    if "similarity" not in options.sources:
        return options
    left = tuple(name for name in options.similarity.features if _LEADER not in name)
    if not left:
        return _without_source(options, "similarity")
    return replace(options, similarity=replace(options.similarity, features=left))


def _breakdown(options: OrchestratorOptions) -> OrchestratorOptions:
    return replace(
        options,
        limits=replace(options.limits, leader_breakdown=False),
        decisions=replace(options.decisions, breakdown_reduction=0.0),
    )


def _leader_exposure(options: OrchestratorOptions) -> OrchestratorOptions:
    return replace(options, limits=replace(options.limits, leader_beta=False))


def _without_source(options: OrchestratorOptions, source: str) -> OrchestratorOptions:
    # A prior weight of a source that is not there is refused.
    prior = {name: weight for name, weight in options.ensemble.prior.items() if name != source}
    return replace(
        options,
        sources=tuple(name for name in options.sources if name != source),
        ensemble=replace(options.ensemble, prior=prior),
    )


_OFF: Final[Mapping[str, tuple[str, Callable[[OrchestratorOptions], OrchestratorOptions]]]] = {
    "beta_sizing": ("position sizes ignore beta", _beta_sizing),
    "leader_volatility": ("position sizes and stops ignore the leaders' volatility", _leader_volatility),
    "regimes": ("sizes, alpha engines and ensemble ignore the regime, and the regime source is off", _regimes),
    "leader_engine": ("the alpha engine that waits for coins to catch up with a leader is off", _leader_engine),
    "structure_source": ("the prediction source of market structure is off", _structure_source),
    "breakdown": ("entries and open longs ignore the breakdown of a leader", _breakdown),
    "divergence_sizing": ("position sizes ignore the correlation with the leaders", _divergence_sizing),
    "leader_exposure": ("the net exposure to the leaders has no limit", _leader_exposure),
    "leader_features": ("similar hours are looked for without the columns about a leader", _leader_features),
}

PARTS: Final = tuple(_OFF)
"""Names of the parts of market structure that can be switched off."""


def variants(options: OrchestratorOptions | None = None, names: Iterable[str] | None = None) -> dict[str, Variant]:
    """Return the strategy of some options without market structure, part by part.

    - **beta_sizing**: sizes do not look at beta;
    - **leader_volatility**: neither sizes nor stops look at the leaders' volatility;
    - **regimes**: no multiplier of the regime in sizes, no regime adjustment in the ensemble, the same weight of an
      alpha engine in each regime, the mean of those it had, and no regime source;
    - **leader_engine**: without the alpha engine `LeaderEngine`;
    - **structure_source**: without the source `MarketStructurePredictor`;
    - **breakdown**: longs are opened and held while a leader breaks down;
    - **divergence_sizing**: sizes do not look at the correlation with leaders;
    - **leader_exposure**: without the entry rule `max_leader_beta`;
    - **leader_features**: the source "similarity" compares rows without the columns about a leader;
    - **all**: without any of these.

    Parameters
    ----------
    options : OrchestratorOptions, optional
    names : iterable of str, optional
        Of `PARTS`, or "all"; by default each of them.

    Returns
    -------
    dict of str to Variant
        Without those that have nothing to switch off: what the options do not use is no part of the strategy.

    Raises
    ------
    ParameterError
        Options of another type, an unknown name.

    Notes
    -----
    What is left without all of them still looks at other coins than a position's own in the limit of correlated
    exposure, which needs no leader, and in what a trained agent of the source "rl" was trained on.

    Examples
    --------
    >>> from comove.backtest.variants import changed, variants
    >>> from comove.engine import OrchestratorOptions
    >>> usual = OrchestratorOptions()
    >>> changed(usual, variants(usual)["leader_volatility"].options)
    ('risk.leader_volatility',)
    """
    base = options_of(options, OrchestratorOptions)
    wanted = (*PARTS, ALL) if names is None else tuple(choice("variants", name, (*PARTS, ALL)) for name in names)
    found = {}
    for name in wanted:
        made, words = base, "all of market structure is off"
        for part in PARTS if name == ALL else (name,):
            told, off = _OFF[part]
            made, words = off(made), words if name == ALL else told
        if made != base:
            found[name] = Variant(name=name, words=words, options=made)
    return found


def changed(one: Any, other: Any, *, within: str = "") -> tuple[str, ...]:
    """Return the names of the options in which two trees of the same dataclasses differ, as ``risk.beta_at``."""
    names: list[str] = []
    for field in fields(one):
        name, old, new = f"{within}{field.name}", getattr(one, field.name), getattr(other, field.name)
        if is_dataclass(old):
            names += changed(old, new, within=f"{name}.")
        elif old != new:
            names.append(name)
    return tuple(names)
