"""What sizing is told, and what it answers: a size, the multipliers it is made of, and the caps that cut it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple, get_args

from comove.errors import ParameterError
from comove.options import MAX_ROWS, above, choice, count, symbol_name, within
from comove.portfolio.numbers import share
from comove.portfolio.positions import Side
from comove.portfolio.shrinkage import LARGEST_BETA, BetaPrior
from comove.structure.regimes import REGIMES
from comove.structure.snapshots import Fixed

__all__ = ["Cap", "Multiplier", "Sizing", "SizingInputs"]

_REGIMES: Final = tuple(regime.value for regime in REGIMES)
_SIDES: Final = get_args(Side)
# Distances within which no quotient leaves the range of float64.
_NEAREST: Final = 1e-9
_FARTHEST: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingInputs:
    """What is known of a trade before it is sized.

    None is not known, and never raises a size. A bad number is refused: it is not the same as none.

    Raises
    ------
    ParameterError
        A number out of its bounds, NaN, infinity, a bool or a text; an unknown side or regime; a probability of winning
        without its payoff.
    """

    symbol: str
    side: Side
    price: float
    """Above 0."""
    capital: float
    """In quote currency, above 0."""
    confidence: float
    """Probability that the price goes the trade's way, calibrated; above 0, at most 1."""
    volatility: float | None
    """Standard deviation of the asset's returns of one row, above 0. Not known: no size."""
    heat: float
    """Value of all open positions over the capital, at least 0."""
    max_heat: float
    """The most that heat may be, above 0."""
    stop_distance: float | None = None
    """From the price to the stop over the price, 1e-9 to 1e9. Not known: all of it is at risk, a distance of 1."""
    win_probability: float | None = None
    """That the take profit is reached before the stop, from 0 to 1, by the record of such trades. Not known: a lower
    bound of Kelly's stake is made of `confidence`, whatever the payoff."""
    payoff_ratio: float | None = None
    """Distance of the take profit over that of the stop, 1e-9 to 1e9."""
    leader_volatility_ratio: float | None = None
    """The leaders' recent volatility over that of their past, above 0. Not known: `leader_volatility_unknown`."""
    beta: float | None = None
    """To the first leader. Not known: the upper bound of the prior."""
    beta_stderr: float | None = None
    """At least 0. Not known: the larger of the beta and the upper bound of the prior."""
    beta_prior: BetaPrior | None = None
    """Of all coins. Not known: the estimate is not shrunk; without one, `beta_unknown`."""
    correlation: float | None = None
    """With the leaders, from -1 to 1. Not known: no larger size for divergence."""
    correlation_samples: int | None = None
    """Pairs of returns it is made of. Not known, or below 4: as if the correlation were not."""
    regime_scores: Mapping[str, float] | None = None
    """Of each regime by its name, from 0 to 1, as `MarketStructureSnapshot.scores`. One that is not known, as where
    there are none, counts as 1."""

    def __post_init__(self) -> None:
        # One by one and not in a loop over names: a third of the time, and this is done for each coin and bar.
        symbol_name("symbol", self.symbol)
        if self.side not in _SIDES:
            choice("side", self.side, _SIDES)
        put = object.__setattr__
        put(self, "price", above("price", self.price))
        put(self, "capital", above("capital", self.capital))
        above("capital / price", self.capital / self.price)
        put(self, "confidence", above("confidence", self.confidence, 0.0, 1.0))
        put(self, "heat", within("heat", self.heat, 0.0, inf))
        put(self, "max_heat", above("max_heat", self.max_heat))
        if self.volatility is not None:
            put(self, "volatility", above("volatility", self.volatility))
        if self.stop_distance is not None:
            put(self, "stop_distance", within("stop_distance", self.stop_distance, _NEAREST, _FARTHEST))
        if self.payoff_ratio is not None:
            put(self, "payoff_ratio", within("payoff_ratio", self.payoff_ratio, _NEAREST, _FARTHEST))
        if self.win_probability is not None:
            put(self, "win_probability", within("win_probability", self.win_probability, 0.0, 1.0))
            if self.payoff_ratio is None:
                raise ParameterError("payoff_ratio must be given with win_probability, got None", "payoff_ratio")
        if (ratio := self.leader_volatility_ratio) is not None:
            put(self, "leader_volatility_ratio", above("leader_volatility_ratio", ratio))
        if self.beta is not None:
            put(self, "beta", within("beta", self.beta, -LARGEST_BETA, LARGEST_BETA))
        if self.beta_stderr is not None:
            put(self, "beta_stderr", within("beta_stderr", self.beta_stderr, 0.0, LARGEST_BETA))
        if self.beta_prior is not None and not isinstance(self.beta_prior, BetaPrior):
            raise ParameterError(f"beta_prior must be a BetaPrior or None, got {self.beta_prior!r}", "type")
        if self.correlation is not None:
            put(self, "correlation", within("correlation", self.correlation, -1.0, 1.0))
        if (samples := self.correlation_samples) is not None:
            put(self, "correlation_samples", count("correlation_samples", samples, 0, MAX_ROWS))
        if self.regime_scores is not None:
            put(self, "regime_scores", _scores(self.regime_scores))

    def score(self, regime: str) -> float:
        """Return the score of a regime, 1 where it is not known."""
        return 1.0 if self.regime_scores is None else self.regime_scores.get(regime, 1.0)


def _scores(given: object) -> Fixed[float]:
    """Return the scores in a mapping that cannot be changed afterwards."""
    if not isinstance(given, Mapping):
        raise ParameterError(f"regime_scores must be a mapping of regime to score, got {given!r}", "type")
    scores = {}
    for name, score in given.items():
        if name not in _REGIMES:
            choice("regime_scores", name, _REGIMES)
        scores[name] = within(name, score, 0.0, 1.0)
    return Fixed(scores)


class Multiplier(NamedTuple):
    """One factor of a size."""

    name: str
    value: float
    """At least 0; 0 refuses the trade."""
    reason: str


class Cap(NamedTuple):
    """A cap that cut a size."""

    name: str
    limit: float
    """The most that the position may be worth, over the capital."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How large a trade may be, and why. Printed, it shows each step."""

    symbol: str
    side: Side
    price: float
    capital: float
    size: float
    """Value of the position in quote currency; 0 where it is refused."""
    fraction: float
    """`size` over the capital."""
    base: float
    """The fraction before the multipliers."""
    multipliers: tuple[Multiplier, ...]
    """In the order in which they are applied."""
    caps: tuple[Cap, ...]
    """Those below base times multipliers, the tightest first; it is the one that counts."""
    refused: str | None
    """Why there is no size; None where there is one."""

    @property
    def units(self) -> float:
        """How many coins: `size` / `price`."""
        return self.size / self.price

    def __str__(self) -> str:
        head = f"{self.symbol} {self.side} {self.size:.2f}, {share(self.fraction)} of {self.capital:.2f}"
        lines = [head if self.refused is None else f"{head}: refused, {self.refused}"]
        lines.append(f"  {'base':<19} {share(self.base):>8}  of the capital")
        lines.extend(f"  x {name:<17} {value:>8.3f}  {reason}" for name, value, reason in self.multipliers)
        lines.extend(f"  cap {name:<15} {share(limit):>8}  {reason}" for name, limit, reason in self.caps)
        return "\n".join(lines)
