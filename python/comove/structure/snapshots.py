"""What `detect_market_regime` answers, and the mapping that cannot be changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from comove.structure.regimes import MarketRegime

__all__ = ["Fixed", "MarketStructureSnapshot", "RegimeLabel"]

Value = TypeVar("Value", covariant=True)


class Fixed(Mapping[str, Value], Generic[Value]):
    """A mapping by name that cannot be changed, and can be pickled. It takes over the dict it is made of."""

    __slots__ = ("_held",)
    _held: dict[str, Value]

    def __init__(self, held: Mapping[str, Value]) -> None:
        object.__setattr__(self, "_held", held if type(held) is dict else dict(held))

    def __getitem__(self, name: str) -> Value:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __hash__(self) -> int:
        return hash(frozenset(self._held.items()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a snapshot cannot be changed: {name}")

    def __repr__(self) -> str:
        return repr(self._held)

    def __reduce__(self) -> tuple[Any, ...]:
        return Fixed, (self._held,)


class RegimeLabel(NamedTuple):
    """The regime of a live asset and nothing else."""

    regime: MarketRegime
    known: bool
    """Whether there are scores; without them the regime is unknown because data are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketStructureSnapshot:
    """The regime of an asset, or of the market, and all that it was made of."""

    asset: str | None
    """None for the market: the mean over all assets."""
    timestamp: datetime | None
    """The row of the answer; None where there is none."""
    regime: MarketRegime
    regime_confidence: float
    """From 0 to 1, a score and not a probability: the regime's score s and the highest other score o give
    s (1 - o / 2); an unknown regime has 1 - the highest score, 0 where data are missing."""
    scores: Mapping[str, float]
    """Of each regime, by its value; empty where data are missing."""
    leader_volatilities: Mapping[str, float | None]
    """Standard deviation of each leader's recent returns."""
    cross_asset_correlation: float | None
    """Mean correlation of the asset with its leaders, itself excluded; of the market, the mean over all assets."""
    divergence_score: float | None
    """1 - `cross_asset_correlation`, from 0 to 1."""
    leader: str | None
    """The leader that is ahead: the one with the largest return over the window."""
    leader_before: str | None
    """The one that was ahead in the window before."""
    outperformer: str | None
    """The leader other than the first with the largest `relative_momentum`."""
    evidence: Mapping[str, float | None]
    """Every number the scores are made of, by name, and each leader's trend as ``trend_<leader>``."""
    rows_in_regime: int | None
    """Rows since the label last changed; None before its first change, and where data are missing."""
    n: int
    """Pairs of returns with the leaders in the window; of the market, assets with a correlation."""
    age: timedelta | None
    """From the asset's last price (of the market: from `timestamp`) to the time of the question."""
    coverage: float
    """`n` over the rows of the window so far; of the market, the share of the leaders and of the
    assets seen so far that have a correlation."""
    reason: str | None
    """Why the regime is unknown, and what is wrong with the answer: prices of the asset or of a leader that are old."""
