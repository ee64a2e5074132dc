"""All options of the orchestrator, as one tree that a TOML file holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final

from comove.errors import ParameterError
from comove.options import choice, flag, positive, symbols, whole
from comove.portfolio import PortfolioLimits, RiskOptions
from comove.signals.engines import (
    ENGINE_NAMES,
    BreakoutOptions,
    EngineWeights,
    LeaderOptions,
    RangeOptions,
    SweepOptions,
    TapeOptions,
    TrendOptions,
)
from comove.signals.ensemble import EnsembleOptions
from comove.signals.sources import (
    AlphaOptions,
    MarketStructureOptions,
    PatternOptions,
    RegimeSourceOptions,
    ReinforcementOptions,
    SimilarityOptions,
)
from comove.structure import BreakdownRule, RegimeOptions

__all__ = ["SOURCES", "AlphaEngineOptions", "DecisionOptions", "MarketOptions", "OrchestratorOptions"]

SOURCES: Final = ("alpha", "structure", "regime", "similarity", "patterns", "rl")
"""Names of the six prediction sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions:
    """The leaders, and the windows of what is measured against them.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    leaders: tuple[str, ...] = ("BTC", "ETH", "SOL")
    """The first is the one that betas of sizing and relative strength refer to."""
    window_size: int = 720
    """Rows of beta: a month of hours; at least 20."""
    max_lag: int = 10
    """Largest lag at which a leader is looked for ahead, in rows."""
    lag_window: int = 240
    """Rows of lead and lag."""
    max_gap: int = 72
    """A hole of more rows ends an instrument."""
    rows: int = 96
    """Rows of candles that engines and sources see."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaders", tuple(symbols("leaders", self.leaders)))
        least = {"window_size": 20, "max_lag": 1, "lag_window": 20, "max_gap": 1, "rows": 32}
        for name, bound in least.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), least=bound, most=1 << 19, because="2^19"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """When positions are opened and closed.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    enter_at: float = 0.52
    """The least probability of a direction at which a position is opened; above 0.5, below 1."""
    exit_at: float = 0.52
    """The least probability against an open position at which it is closed."""
    cost: float = 0.002
    """Fees, spread and slippage of opening and closing together, as a fraction of the size."""
    cost_multiple: float = 1.0
    """The expected move must be at least so many times the cost: (2 p - 1) sqrt(2 / pi) s sqrt(h), with p the
    probability, s the volatility of a row and h the horizon, the mean size of a normal move."""
    allow_short: bool = True
    """Whether short positions are opened."""
    hold_rows: int = 48
    """A position is closed after so many rows."""
    cooldown_rows: int = 6
    """Rows after a close in which a symbol is not opened again; 0 for none."""
    breakdown_reduction: float = 0.5
    """Part of a long position in another coin than a leader that is closed when a leader breaks down; 0 for none."""

    def __post_init__(self) -> None:
        for each in fields(self):
            name, value = each.name, getattr(self, each.name)
            if name in ("hold_rows", "cooldown_rows"):
                least = 1 if name == "hold_rows" else 0
                checked: float = whole(name, value, least=least, most=1 << 32, because="2^32")
            elif name == "allow_short":
                checked = flag(name, value)
            elif value == 0 and not isinstance(value, bool) and name not in ("enter_at", "exit_at"):
                checked = 0.0
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)
        for name in ("enter_at", "exit_at"):
            if not 0.5 < getattr(self, name) < 1.0:
                raise ParameterError(f"{name} must be above 0.5 and below 1, got {getattr(self, name)}", name)
        for name in ("breakdown_reduction", "cost"):
            if getattr(self, name) > 1.0:
                raise ParameterError(f"{name} must be at most 1, got {getattr(self, name)}", "too_large")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlphaEngineOptions:
    """The alpha engines, how they are combined, and how much each counts in each regime.

    Raises
    ------
    ParameterError
        An unknown engine, one twice, or none.
    """

    engines: tuple[str, ...] = ("trend", "range", "breakout", "tape", "sweep", "leader")
    """Engines that are asked."""
    combined: AlphaOptions = field(default_factory=AlphaOptions)
    trend: TrendOptions = field(default_factory=TrendOptions)
    range: RangeOptions = field(default_factory=RangeOptions)
    breakout: BreakoutOptions = field(default_factory=BreakoutOptions)
    tape: TapeOptions = field(default_factory=TapeOptions)
    sweep: SweepOptions = field(default_factory=SweepOptions)
    leader: LeaderOptions = field(default_factory=LeaderOptions)
    weights: EngineWeights = field(default_factory=EngineWeights)

    def __post_init__(self) -> None:
        object.__setattr__(self, "engines", _names("engines", self.engines, ENGINE_NAMES))
        if not self.engines:
            raise ParameterError("engines must hold at least 1 name, got 0", "too_small")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorOptions:
    """Everything that a `MasterOrchestrator` is made of.

    Raises
    ------
    ParameterError
        A value out of its bounds, or an unknown source.
    """

    capital: float = 10_000.0
    """What the account begins with, in quote currency."""
    horizon: int = 24
    """Rows ahead that all sources and the ensemble predict; a day of hours. Wherever options have a horizon of their
    own, it is this one."""
    sources: tuple[str, ...] = ("alpha", "structure", "regime", "similarity", "patterns", "rl")
    """Prediction sources that are asked."""
    policy: str | None = None
    """File of the trained agent for the source "rl", as `comove train-rl` writes it; without one the source
    abstains."""
    market: MarketOptions = field(default_factory=MarketOptions)
    regimes: RegimeOptions = field(default_factory=RegimeOptions)
    breakdown: BreakdownRule = field(default_factory=BreakdownRule)
    alpha: AlphaEngineOptions = field(default_factory=AlphaEngineOptions)
    structure: MarketStructureOptions = field(default_factory=MarketStructureOptions)
    regime: RegimeSourceOptions = field(default_factory=RegimeSourceOptions)
    similarity: SimilarityOptions = field(default_factory=SimilarityOptions)
    patterns: PatternOptions = field(default_factory=PatternOptions)
    rl: ReinforcementOptions = field(default_factory=ReinforcementOptions)
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    risk: RiskOptions = field(default_factory=RiskOptions)
    limits: PortfolioLimits = field(default_factory=PortfolioLimits)
    decisions: DecisionOptions = field(default_factory=DecisionOptions)

    def __post_init__(self) -> None:
        object.__setattr__(self, "capital", positive("capital", self.capital))
        object.__setattr__(self, "horizon", whole("horizon", self.horizon, least=1, most=4096, because=""))
        object.__setattr__(self, "sources", _names("sources", self.sources, SOURCES))
        if self.policy is not None and (not isinstance(self.policy, str) or not self.policy):
            raise ParameterError(f"policy must be the name of a file, got {self.policy!r}", "policy")
        for each in fields(self):
            value = getattr(self, each.name)
            if callable(each.default_factory) and not isinstance(value, kind := type(each.default_factory())):
                raise ParameterError(f"{each.name} must be {kind.__name__}, got {type(value).__name__}", "type")
            if is_dataclass(value):
                object.__setattr__(self, each.name, _over(value, self.horizon))


def _names(name: str, value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Return different names of those that are known."""
    if not isinstance(value, tuple | list):
        raise ParameterError(f"{name} must be a sequence of names, got {value!r}", "type")
    names = tuple(choice(name, each, known) for each in value)
    if len(set(names)) < len(names):
        raise ParameterError(f"{name} must be different, got {names}", name)
    return names


def _over(options: Any, horizon: int) -> Any:
    """Return options whose horizon, and that of all within them, is this one."""
    changed: dict[str, Any] = {}
    for each in fields(options):
        value = getattr(options, each.name)
        if each.name == "horizon":
            changed["horizon"] = horizon
        elif is_dataclass(value):
            changed[each.name] = _over(value, horizon)
    return replace(options, **changed) if changed else options
