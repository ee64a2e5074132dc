"""What followed each state of an asset: rises, counted as episodes and shrunk twice.

Letters: h the horizon; of an asset in a state, r rises among k outcomes (half a rise where the price did not move); of
all assets together, R the sum of the shares of assets that rose, over the T bars with an outcome of the state; M and m
the priors of all assets and of one.

    pooled = (R / h + M / 2) / (T / h + M)
    up     = (r / h + m pooled) / (k / h + m)
    spread = sqrt(1/4 / (k / h + m) + (m / (k / h + m))^2 1/4 / (T / h + M))

An outcome over h rows shares h - 1 of them with the next, so that it weighs 1 / h: k outcomes are k / h episodes. All
assets together have one outcome a bar, their mean: coins move together, and forty-seven of them on one day are nearer
to one outcome than to forty-seven. Both means are those of Beta priors, the pooled one around 1/2, an asset's around
the pooled one.

An asset's outcomes are in the pooled share too, where all assets move as one a second time, and the priors are heavy
for that. On noise, after n episodes of coins that move as one, up - 1/2 has the variance W^2 / (4 n) with
W = (n + m n / (n + M)) / (n + m): 0.004 at the most with the usual priors. So much a Brier score may lose to a
constant's 0.25 while a record fills, and less before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, asdict
from math import sqrt
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, Self, TypeVar

from comove.errors import StateError
from comove.options import options_of, positive
from comove.signals.context import Context
from comove.signals.opinions import OpinionSource
from comove.signals.outcomes import Outcomes

__all__ = ["USUAL_ASSET_PRIOR", "USUAL_HORIZON", "USUAL_POOLED_PRIOR", "Followed", "FollowingSource", "Past"]

USUAL_HORIZON: Final = 6
USUAL_POOLED_PRIOR: Final = 30.0
USUAL_ASSET_PRIOR: Final = 60.0


class _Pooled(NamedTuple):
    """What followed a state of all assets."""

    share: float
    """`pooled`."""
    weight: float
    """Episodes, those of the prior too."""
    words: str


class Past(NamedTuple):
    """What followed a state."""

    up: float
    """Probability that the asset rises."""
    spread: float
    """Standard deviation of `up`, by the counts."""
    rises: float
    """Of the asset."""
    outcomes: int
    """Of the asset; they overlap."""
    episodes: float
    """Of the asset: `outcomes` over the horizon."""
    pooled: str
    """The record of all assets in words."""

    def words(self, symbol: str) -> str:
        """Return the record in words."""
        if not self.outcomes:
            return f"{symbol} has no outcome of it, {self.pooled}"
        return (
            f"{symbol} rose in {self.rises / self.outcomes:.0%} of {self.episodes:.1f} episodes ({self.outcomes} "
            f"overlapping outcomes), {self.pooled}"
        )


class Followed:
    """What followed each state, of each asset and of all.

    Parameters
    ----------
    horizon : int, at least 1
        Rows until the outcome.
    pooled_prior : float, above 0
        Episodes that 1/2 is worth against the record of all assets.
    asset_prior : float, above 0
        Episodes that the record of all assets is worth against the asset's own.
    """

    __slots__ = ("_assets", "_outcomes", "_pooled", "_read", "asset_prior", "pooled_prior")

    def __init__(self, horizon: int, pooled_prior: float, asset_prior: float) -> None:
        self._outcomes = Outcomes(horizon)
        self.pooled_prior = positive("pooled_prior", pooled_prior)
        self.asset_prior = positive("asset_prior", asset_prior)
        # Of each state: rises and bars; of each state and asset: rises and outcomes.
        self._pooled: dict[str, tuple[float, int]] = {}
        self._assets: dict[str, dict[str, tuple[float, int]]] = {}
        # What all assets share is made once a bar.
        self._read: dict[str, _Pooled] = {}

    def learn(self, contexts: Sequence[Context]) -> None:
        """Take in what has come of the states noted `horizon` rows ago."""
        found: dict[str, tuple[float, int]] = {}
        for outcome in self._outcomes.settle(contexts):
            symbol, rose = outcome.symbol, outcome.rose
            for state in outcome.said:
                own = self._assets.setdefault(state, {})
                rises, count = own.get(symbol, (0.0, 0))
                own[symbol] = rises + rose, count + 1
                rises, count = found.get(state, (0.0, 0))
                found[state] = rises + rose, count + 1
        for state, (rose, assets) in found.items():
            rises, bars = self._pooled.get(state, (0.0, 0))
            self._pooled[state] = rises + rose / assets, bars + 1
        self._read = {}

    def note(self, context: Context, states: Sequence[str]) -> None:
        """Keep the states that an asset is in now."""
        self._outcomes.note(context, states)

    def past(self, symbol: str, state: str) -> Past | None:
        """Return what followed a state; None where no asset has an outcome of it."""
        if state not in self._pooled:
            return None
        pooled = self._read.get(state)
        if pooled is None:
            pooled = self._read[state] = self._all(state)
        horizon, prior = self._outcomes.horizon, self.asset_prior
        rises, outcomes = self._assets[state].get(symbol, (0.0, 0))
        episodes = outcomes / horizon
        weight = episodes + prior
        kept = prior / weight
        # Rounding may take a record of rises alone beyond 1.
        up = min(1.0, (rises / horizon + prior * pooled.share) / weight)
        spread = sqrt(0.25 / weight + kept * kept * 0.25 / pooled.weight)
        return Past(up, spread, rises, outcomes, episodes, pooled.words)

    def _all(self, state: str) -> _Pooled:
        shares, bars = self._pooled[state]
        horizon = self._outcomes.horizon
        episodes = bars / horizon
        weight = episodes + self.pooled_prior
        words = f"all assets in {shares / bars:.0%} of {episodes:.1f} ({bars} bars)"
        return _Pooled((shares / horizon + 0.5 * self.pooled_prior) / weight, weight, words)

    def to_state(self) -> dict[str, Any]:
        """Return counts and what waits as plain values."""
        return {
            "outcomes": self._outcomes.to_state(),
            "pooled": {state: list(counts) for state, counts in self._pooled.items()},
            "assets": {
                state: {symbol: list(counts) for symbol, counts in own.items()} for state, own in self._assets.items()
            },
        }

    def read(self, state: Mapping[str, Any]) -> None:
        """Take over what `to_state` gave.

        Raises
        ------
        StateError
            More rises than outcomes, or below 0; states of all assets that are not those of each.
        """
        pooled = {str(name): _counts(counts) for name, counts in state["pooled"].items()}
        assets = {
            str(name): {str(symbol): _counts(counts) for symbol, counts in own.items()}
            for name, own in state["assets"].items()
        }
        if pooled.keys() != assets.keys():
            raise StateError("the snapshot has other states of all assets than of each", "state_content")
        self._outcomes.read(state["outcomes"])
        self._pooled, self._assets, self._read = pooled, assets, {}


class FollowingOptions(Protocol):
    """What the options of such a source have, a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def horizon(self) -> int:
        """Rows ahead."""

    @property
    def pooled_prior(self) -> float:
        """As in `Followed`."""

    @property
    def asset_prior(self) -> float:
        """As in `Followed`."""


Options = TypeVar("Options", bound=FollowingOptions)


class FollowingSource(OpinionSource, Generic[Options]):
    """A source whose opinions are what followed states, with its snapshot.

    Parameters
    ----------
    options : FollowingOptions, optional
        Of the source's own class.
    """

    __slots__ = ("_followed", "options")

    options_type: ClassVar[type[Any]]

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options_of(options, self.options_type)
        super().__init__(self.options.horizon)
        self._followed = Followed(self.options.horizon, self.options.pooled_prior, self.options.asset_prior)

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included."""
        return {
            "options": asdict(self.options),
            **self._opinions_state(),
            "followed": self._followed.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the source of a state."""
        source = cls(cls.options_type(**state["options"]))
        source._read_opinions(state)
        source._followed.read(state["followed"])
        return source


def _counts(counts: Sequence[Any]) -> tuple[float, int]:
    rises, outcomes = float(counts[0]), int(counts[1])
    # The sum of shares is rounded.
    if not (outcomes >= 1 and 0.0 <= rises <= outcomes * (1.0 + 1e-9)):
        raise StateError(f"the snapshot has {rises} rises in {outcomes} outcomes", "state_content")
    return rises, outcomes
