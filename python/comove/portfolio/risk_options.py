"""How much to risk: every threshold of sizes, stops, partial exits and the limit on drawdown."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias, get_args

from comove.errors import ParameterError
from comove.options import above, choice, flag, whole, within

__all__ = ["RiskOptions", "StopBasis"]

StopBasis: TypeAlias = Literal["sigma", "atr"]

# Least and most of each number, both included.
_WITHIN: Final = {
    "base_fraction": (1e-6, 10.0),
    "max_fraction": (1e-6, 10.0),
    "max_risk": (1e-6, 1.0),
    "max_leverage": (1e-6, 100.0),
    "min_size": (0.0, 1e12),
    "target_volatility": (1e-9, 1e3),
    "volatility_cap": (1e-3, 10.0),
    "kelly_fraction": (1e-3, 1.0),
    "leader_volatility_at": (1e-3, 1e3),
    "leader_volatility_unknown": (1e-3, 1e3),
    "beta_at": (1e-3, 1e3),
    "beta_errors": (0.0, 10.0),
    "beta_unknown": (1e-3, 1e3),
    "divergence_at": (0.0, 0.99),
    "divergence_cap": (1.0, 2.0),
    "divergence_errors": (0.0, 10.0),
    "risk_off_long": (0.0, 1.0),
    "risk_off_short": (0.0, 1.0),
    "risk_on_short": (0.0, 1.0),
    "max_drawdown": (1e-3, 0.99),
    "resume_drawdown": (0.0, 0.99),
    "stop_sigmas": (1e-3, 100.0),
    "stop_atrs": (1e-3, 100.0),
    "leader_stop_cap": (1.0, 10.0),
    "min_stop": (1e-6, 0.99),
    "max_stop": (1e-6, 0.99),
    "reward_ratio": (1e-3, 100.0),
    "scale_first": (1e-3, 100.0),
    "scale_step": (1e-3, 100.0),
    "scale_share": (1e-3, 1.0),
}
_FLAGS: Final = ("leader_volatility", "beta_sizing", "divergence_sizing", "regime_sizing")
_MOST_LEVELS: Final = 10
_MOST_ROWS: Final = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskOptions:
    """The thresholds of a `RiskManager`.

    Fractions are of the capital, distances of stops are of the price: 0.01 is 1 %. Volatilities are standard deviations
    of the returns of one row.

    Raises
    ------
    ParameterError
        A value out of its bounds, or two that contradict each other.
    """

    base_fraction: float = 0.1
    """Value of a position before the multipliers: ten such positions are the capital."""
    max_fraction: float = 0.2
    """The most that one position may be worth."""
    max_risk: float = 0.01
    """The most that one position may lose at its stop; without a stop its whole value counts."""
    max_leverage: float = 1.0
    """The most that all positions together may be worth."""
    min_size: float = 10.0
    """Quote currency below which a trade is not worth its trouble; exchanges refuse orders of a few dollars. 0 for
    none."""
    confidence_full: float = 0.6
    """Probability of being right from which the size is full; at 1/2 it is 0, and linear between. Above 0.5."""
    target_volatility: float = 0.01
    """Volatility at which the size is as it is: that of a middling coin in an hour."""
    volatility_cap: float = 1.5
    """The most by which a calm asset's size is raised."""
    kelly_fraction: float = 0.25
    """Part of Kelly's stake that is risked. Half of it has three quarters of the growth and half of the standard
    deviation (Thorp 2006); a quarter allows for edges that are less than they seem."""
    leader_volatility: bool = True
    """Whether sizes and stops look at the leaders' volatility."""
    leader_volatility_at: float = 1.0
    """Leader's recent over past volatility from which sizes shrink and stops widen."""
    leader_volatility_unknown: float = 2.0
    """What that ratio is taken for where it is not known; at least `leader_volatility_at`."""
    beta_sizing: bool = True
    """Whether sizes look at beta."""
    beta_at: float = 1.0
    """Upper bound of the size of beta from which sizes shrink: 1 moves as its leader."""
    beta_errors: float = 1.645
    """Standard errors of that bound: the upper 5 % of a normal distribution."""
    beta_unknown: float = 3.0
    """What the bound is taken for where neither beta nor those of other coins are known."""
    divergence_sizing: bool = True
    """Whether sizes look at the correlation with leaders."""
    divergence_at: float = 0.5
    """Divergence, 1 - |corr|, from which sizes grow, by its lower bound."""
    divergence_cap: float = 1.25
    """Multiplier of a coin that has no correlation for certain."""
    divergence_errors: float = 1.645
    """Standard errors of that lower bound."""
    regime_sizing: bool = True
    """Whether sizes look at the regime."""
    risk_off_long: float = 0.75
    """What a full score of risk-off takes from a long."""
    risk_off_short: float = 0.5
    """... and from a short: leaders that fall rebound sharply."""
    risk_on_short: float = 0.5
    """What a full score of risk-on takes from a short."""
    max_drawdown: float = 0.2
    """Drawdown at which new entries halt; on the way there sizes shrink to 0."""
    resume_drawdown: float = 0.1
    """Drawdown to which it must recover before they go on; below `max_drawdown`: hysteresis."""
    stop_basis: StopBasis = "sigma"
    """What stops are measured in: standard deviations, or average true ranges."""
    stop_sigmas: float = 2.0
    """Distance of a stop in standard deviations of `stop_rows` rows. A driftless price touches a line 2 of them away
    within these rows once in 22 times (reflection principle, Lévy 1948)."""
    stop_rows: int = 8
    """Rows of that standard deviation: about as long as a position is meant to last."""
    stop_atrs: float = 3.0
    """Distance of a stop in average true ranges (Wilder 1978)."""
    leader_stop_cap: float = 2.0
    """The most by which turbulent leaders widen a stop."""
    min_stop: float = 0.005
    """Least distance of a stop: beyond the spread and the noise of single trades."""
    max_stop: float = 0.2
    """Largest distance of a stop."""
    reward_ratio: float = 2.0
    """Distance of the take profit over that of the stop; `max_stop` times it is below 1, so that a short has one."""
    scale_first: float = 1.0
    """First partial exit, in multiples of the risk R, the distance from entry to stop."""
    scale_step: float = 0.5
    """R from one partial exit to the next."""
    scale_levels: int = 2
    """How many there are; 0 for none."""
    scale_share: float = 0.3
    """Part of the position as it was opened that each of them closes; together at most 1."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            # Plain values whatever was given, for a snapshot holds them.
            if name in _WITHIN:
                object.__setattr__(self, name, within(name, value, *_WITHIN[name]))
            elif name in _FLAGS:
                object.__setattr__(self, name, flag(name, value))
        above("confidence_full", self.confidence_full, 0.5, 1.0)
        object.__setattr__(self, "confidence_full", float(self.confidence_full))
        choice("stop_basis", self.stop_basis, get_args(StopBasis))
        object.__setattr__(self, "stop_rows", whole("stop_rows", self.stop_rows, least=1, most=_MOST_ROWS))
        levels = whole("scale_levels", self.scale_levels, least=0, most=_MOST_LEVELS, because="")
        object.__setattr__(self, "scale_levels", levels)
        if self.leader_volatility_unknown < self.leader_volatility_at:
            raise ParameterError(
                f"leader_volatility_unknown must be at least leader_volatility_at, {self.leader_volatility_at:g}, "
                f"got {self.leader_volatility_unknown!r}",
                "too_small",
            )
        if self.resume_drawdown >= self.max_drawdown:
            raise ParameterError(
                f"resume_drawdown must be below max_drawdown, {self.max_drawdown:g}, got {self.resume_drawdown!r}",
                "too_large",
            )
        if self.min_stop > self.max_stop:
            raise ParameterError(
                f"min_stop must be at most max_stop, {self.max_stop:g}, got {self.min_stop!r}", "too_large"
            )
        if self.max_stop * self.reward_ratio >= 1.0:
            raise ParameterError(
                f"reward_ratio must be below {1.0 / self.max_stop:g}, 1 / max_stop, got {self.reward_ratio!r}",
                "too_large",
            )
        if self.scale_levels * self.scale_share > 1.0:
            raise ParameterError(
                f"scale_share must be at most {1.0 / self.scale_levels:g}, 1 / scale_levels, got {self.scale_share!r}",
                "too_large",
            )
