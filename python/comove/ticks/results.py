"""What the ticks of pairs say: `LeadLag` and `LeadLagMatrix`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from comove.options import Floats, Timestamps

__all__ = ["LeadLag", "LeadLagMatrix"]

_UNITS: Final = (("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


@dataclass(frozen=True, eq=False, repr=False)
class LeadLag:
    """What the ticks of an asset and a leader say about who moves first.

    Attributes
    ----------
    lags : int64 array, shape (n_lags,)
        The lags, in nanoseconds.
    contrasts : float64 array, shape (n_lags,)
        The contrast at each lag; NaN where no two intervals overlap.
    corr : float64 array, shape (n_lags,)
        The contrasts divided by sqrt(sum of squared increments of the asset times that of the leader). It may exceed
        1: it is a quotient of sums over different intervals.
    lag : int or None
        The lag with the largest absolute contrast, in nanoseconds (ties: the smallest, then the negative one). None
        unless every lag has a contrast, and where all are 0.
    llr : float or None
        Sum of the squared contrasts at lags below 0 divided by the same above 0; above 1 the leader is ahead. None
        without a `lag`, without lags on both sides of 0, or where it is not finite.
    n_asset, n_leader : int
        Ticks at different times with a price.
    """

    lags: Timestamps
    contrasts: Floats
    corr: Floats
    lag: int | None
    llr: float | None
    n_asset: int
    n_leader: int

    @property
    def leads_by(self) -> int | None:
        """Nanoseconds by which the leader is ahead: -`lag`; below 0 the asset is ahead, at 0 nobody is."""
        return None if self.lag is None else -self.lag

    def to_frame(self) -> pl.DataFrame:
        """Return the columns ``lag``, ``contrast`` and ``corr``, one row a lag."""
        columns = {"lag": self.lags, "contrast": self.contrasts, "corr": self.corr}
        return pl.DataFrame(columns, nan_to_null=True)

    def __str__(self) -> str:
        if self.lag is None:
            return "not defined"
        if self.lag == 0:
            return "nobody is ahead"
        return f"the {'leader' if self.lag < 0 else 'asset'} is ahead by {_readable(abs(self.lag))}"

    def __repr__(self) -> str:
        lag = "None" if self.lag is None else _readable(self.lag)
        llr = "None" if self.llr is None else f"{self.llr:.4g}"
        first, last = _readable(int(self.lags[0])), _readable(int(self.lags[-1]))
        return (
            f"LeadLag({self}; lag={lag}, llr={llr}, {len(self.lags)} lags from {first} to {last}, "
            f"n_asset={self.n_asset}, n_leader={self.n_leader})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LeadLagMatrix(Mapping[tuple[str, str], LeadLag]):
    """The lead-lag of many pairs: a mapping from (asset, leader) to `LeadLag`.

    Attributes
    ----------
    assets, leaders : tuple of str
        A symbol with itself is left out.
    lags : int64 array, shape (n_lags,)
    pairs : dict of (asset, leader) to LeadLag
    """

    assets: tuple[str, ...]
    leaders: tuple[str, ...]
    lags: Timestamps
    pairs: dict[tuple[str, str], LeadLag]

    def __getitem__(self, pair: tuple[str, str]) -> LeadLag:
        return self.pairs[pair]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def leads_by(self) -> Floats:
        """Nanoseconds by which each leader is ahead of each asset, shape (assets, leaders); NaN where not defined."""
        return self._table((), lambda one: one.leads_by)

    @property
    def llr(self) -> Floats:
        """The ratios `LeadLag.llr`, shape (assets, leaders); NaN where not defined."""
        return self._table((), lambda one: one.llr)

    def contrasts(self) -> Floats:
        """Return the contrasts, shape (assets, leaders, lags); NaN where not defined."""
        return self._table(self.lags.shape, lambda one: one.contrasts)

    def to_frame(self) -> pl.DataFrame:
        """Return one row a pair: ``asset``, ``leader``, ``lag``, ``leads_by``, ``llr``, ``corr`` at that lag."""
        rows = [
            (asset, leader, one.lag, one.leads_by, one.llr, _at(one.corr, one.lags, one.lag))
            for (asset, leader), one in self.pairs.items()
        ]
        schema = {"asset": pl.String, "leader": pl.String, "lag": pl.Int64, "leads_by": pl.Int64}
        return pl.DataFrame(rows, {**schema, "llr": pl.Float64, "corr": pl.Float64}, orient="row")

    def __repr__(self) -> str:
        return f"LeadLagMatrix({len(self.assets)} assets, {len(self.leaders)} leaders, {len(self.lags)} lags)"

    def _table(self, shape: tuple[int, ...], reading: Callable[[LeadLag], Floats | float | None]) -> Floats:
        """Lay a reading of each pair, None for missing, in a table of assets by leaders."""
        rows, columns = ({symbol: place for place, symbol in enumerate(side)} for side in (self.assets, self.leaders))
        table = np.full((len(rows), len(columns), *shape), np.nan)
        for (asset, leader), one in self.pairs.items():
            value = reading(one)
            if value is not None:
                table[rows[asset], columns[leader]] = value
        return table


def _at(values: Floats, lags: Timestamps, lag: int | None) -> float | None:
    return None if lag is None else float(values[np.searchsorted(lags, lag)])


def _readable(nanoseconds: int) -> str:
    """Write a duration in the largest unit that divides it."""
    for unit, size in _UNITS:
        if nanoseconds % size == 0 and nanoseconds:
            return f"{nanoseconds // size}{unit}"
    return "0s"
