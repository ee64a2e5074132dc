"""What is measured of a window of returns after a bar, each part when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.portfolio.betas import MomentBetas
from comove.portfolio.correlation import components
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.regressions import Regressions
from comove.portfolio.returns import PairMoments, ReturnWindow

__all__ = ["Measured", "Slopes"]


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Betas of c symbols on p leaders at once."""

    betas: Floats
    """Shape (c, p); NaN where not known."""
    n: Floats
    """Complete rows, shape (c,)."""
    variances: Floats | None
    """Of the betas of the whole book on each leader, shape (p,); None where a beta is not known, or they are beyond
    the range of float64."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Of which symbols the betas are known."""
        found: npt.NDArray[np.bool_] = (self.betas == self.betas).all(axis=1)
        return found


class Measured:
    """Correlations, groups and betas after a bar; it holds until the next.

    Parameters
    ----------
    window : ReturnWindow
    leaders : sequence of str
    limits : PortfolioLimits
    """

    __slots__ = (
        "_asked",
        "_betas",
        "_correlations",
        "_fits",
        "_group_of",
        "_groups",
        "_members",
        "_single",
        "_used",
        "leaders",
        "limits",
        "window",
    )

    def __init__(self, window: ReturnWindow, leaders: Sequence[str], limits: PortfolioLimits) -> None:
        self.window, self.leaders, self.limits = window, tuple(leaders), limits
        self._correlations: Floats | None = None
        self._groups: list[tuple[str, ...]] | None = None
        self._group_of: dict[str, tuple[str, ...]] | None = None
        self._members: dict[str, frozenset[str]] | None = None
        self._fits: dict[tuple[str, ...], Regressions] = {}
        self._used: tuple[str, ...] | None = None
        self._asked = False
        self._betas: MomentBetas | None = None
        self._single: dict[str, tuple[Floats, Floats, Floats]] = {}

    @property
    def moments(self) -> PairMoments:
        """Of every two symbols, in the order of the window's."""
        return self.window.moments()

    def places(self, symbols: Sequence[str]) -> list[int]:
        """Return the columns of those symbols that have one."""
        return [place for place in map(self.window.place, symbols) if place is not None]

    @property
    def correlations(self) -> Floats:
        """Of all symbols; NaN below `min_samples` common rows."""
        if self._correlations is None:
            moments = self.moments
            self._correlations = np.where(moments.n >= self.limits.min_samples, moments.correlation, np.nan)
        return self._correlations

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Symbols that hang together, as `correlation_groups` has them."""
        if self._groups is None:
            names = self.window.symbols
            joined = components(np.abs(self.correlations) >= self.limits.group_at) if names else []
            self._groups = [tuple(names[place] for place in group) for group in joined]
        return self._groups

    def group_of(self, symbol: str) -> tuple[str, ...]:
        """Return the group a symbol is in; of one that had no price, itself."""
        if self._group_of is None:
            self._group_of = {name: group for group in self.groups for name in group}
        return self._group_of.get(symbol, (symbol,))

    def members(self, symbol: str) -> frozenset[str]:
        """Return the group a symbol is in as a set."""
        if self._members is None:
            self._members = {name: each for group in self.groups for each in [frozenset(group)] for name in group}
        found = self._members.get(symbol)
        return frozenset((symbol,)) if found is None else found

    @property
    def used(self) -> tuple[str, ...]:
        """The leaders that have `min_samples` returns in the window; the others take no part in joint betas."""
        if self._used is None:
            counts, least = np.diag(self.moments.n), self.limits.min_samples
            places = [(leader, self.window.place(leader)) for leader in self.leaders]
            self._used = tuple(leader for leader, at in places if at is not None and counts[at] >= least)
        return self._used

    def assets(self) -> Iterator[tuple[str, int]]:
        """Return the symbols other than leaders that have a price in the last bar, and their columns."""
        for place, symbol in enumerate(self.window.symbols):
            if symbol not in self.leaders and self.window.age(symbol) == 0:
                yield symbol, place

    def moment_betas(self) -> MomentBetas | None:
        """Return the betas of the symbols without a missing row; None where a leader has one or rows are too few."""
        if not self._asked:
            self._asked = True
            places, rows = self.places(self.leaders), len(self.window.returns)
            least = max(self.limits.min_samples, len(self.leaders) + 2)
            if len(places) == len(self.leaders) and rows >= least and self.moments.full[places].all():
                self._betas = MomentBetas(self.moments.covariance, rows, places)
        return self._betas

    def fit(self, leaders: tuple[str, ...]) -> Regressions:
        """Return the regressions of all symbols on leaders that are used, made once a bar."""
        if leaders not in self._fits:
            self._fits[leaders] = Regressions(self.window.returns, self.places(leaders), self.limits.min_samples)
        return self._fits[leaders]

    def slopes(self, leaders: tuple[str, ...], symbols: Sequence[str], w: Floats) -> Slopes:
        """Return the betas of symbols that have columns on leaders that are used, and the errors for the weights w."""
        places, fit = self.places(symbols), self.fit(leaders)
        variances = None
        if fit.known[places].all():
            with np.errstate(all="ignore"):
                found = np.array([w @ each @ w for each in fit.covariances(places)])
            variances = found if np.isfinite(found).all() else None
        return Slopes(fit.betas[places], fit.n[places], variances)

    def single(self, leader: str) -> tuple[Floats, Floats, Floats]:
        """Return beta on a used leader alone, its standard error and its rows for all symbols; NaN where not known."""
        if leader not in self._single:
            size, moments = len(self.window.symbols), self.moments
            betas, stderr, n = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size)
            found = self.moment_betas()
            full = moments.full if found is not None else np.zeros(size, np.bool_)
            if found is not None:
                at = self.leaders.index(leader)
                betas[full], stderr[full], n[full] = found.single[full, at], found.single_stderr()[full, at], found.rows
            rest = np.flatnonzero(~full)
            if len(rest):
                fit = self.fit((leader,))
                betas[rest], stderr[rest], n[rest] = fit.betas[rest, 0], fit.stderr[rest, 0], fit.n[rest]
            self._single[leader] = betas, stderr, n
        return self._single[leader]
