"""What is measured of a window of returns after a bar, each part when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comove.options import Floats
from comove.portfolio.correlation import correlation_groups
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.regressions import Regressions
from comove.portfolio.returns import ReturnWindow

__all__ = ["Measured"]


class Measured:
    """Correlations, groups and betas after a bar; it holds until the next.

    Parameters
    ----------
    window : ReturnWindow
    leaders : sequence of str
    limits : PortfolioLimits
    """

    __slots__ = ("_correlations", "_group_of", "_groups", "_joint", "_single", "_used", "leaders", "limits", "window")

    def __init__(self, window: ReturnWindow, leaders: Sequence[str], limits: PortfolioLimits) -> None:
        self.window, self.leaders, self.limits = window, tuple(leaders), limits
        self._correlations: Floats | None = None
        self._groups: list[tuple[str, ...]] | None = None
        self._group_of: dict[str, tuple[str, ...]] = {}
        self._used: tuple[str, ...] | None = None
        self._joint: Regressions | None = None
        self._single: dict[str, Regressions] = {}

    @property
    def correlations(self) -> Floats:
        """Of all symbols in the order of the window's; NaN below `min_samples` common rows."""
        if self._correlations is None:
            moments = self.window.moments()
            self._correlations = np.where(moments.n >= self.limits.min_samples, moments.correlation, np.nan)
        return self._correlations

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Symbols that hang together, the largest group first."""
        if self._groups is None:
            names = self.window.symbols
            self._groups = correlation_groups(names, self.correlations, at_least=self.limits.group_at) if names else []
            self._group_of = {symbol: group for group in self._groups for symbol in group}
        return self._groups

    def group_of(self, symbol: str) -> tuple[str, ...]:
        """Return the group a symbol is in; of one that had no price, itself."""
        return self._group_of.get(symbol, (symbol,)) if self.groups else (symbol,)

    @property
    def used(self) -> tuple[str, ...]:
        """The leaders that have `min_samples` returns in the window; the others take no part in joint betas."""
        if self._used is None:
            returns, least = self.window.returns, self.limits.min_samples
            found = []
            for leader in self.leaders:
                place = self.window.place(leader)
                if place is not None and np.count_nonzero(returns[:, place] == returns[:, place]) >= least:
                    found.append(leader)
            self._used = tuple(found)
        return self._used

    @property
    def joint(self) -> Regressions | None:
        """All symbols on the used leaders at once; None without any."""
        if self._joint is None and self.used:
            self._joint = self.regressions(self.used)
        return self._joint

    def single(self, leader: str) -> Regressions | None:
        """Return the regressions of all symbols on one leader; None where it is not one of the used."""
        if leader not in self.used:
            return None
        if leader not in self._single:
            self._single[leader] = self.regressions([leader])
        return self._single[leader]

    def regressions(self, leaders: Sequence[str], leave_out: int = 0) -> Regressions:
        """Return the regressions of all symbols on some leaders, without the last rows."""
        returns = self.window.returns
        places = [place for place in map(self.window.place, leaders) if place is not None]
        return Regressions(returns[: len(returns) - leave_out], places, self.limits.min_samples)
