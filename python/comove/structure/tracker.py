"""The regimes of all assets and of the market, one row of the leaders at a time.

Rows are those of the leaders: an asset's price between two of them is not seen. History is this tracker fed row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from comove.options import Floats
from comove.structure.companions import Companions
from comove.structure.evidence import LeaderEvidence, LeaderState, leader_evidence, push_leaders
from comove.structure.labels import Labels
from comove.structure.regimes import RegimeOptions, regime_scores

__all__ = ["MARKET", "RegimeTracker", "Row"]

MARKET = 0
"""The column of the market; a symbol has the column of its place + 1."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known after a row."""

    ts: int
    step: int
    """Nanoseconds since the row before; 0 for the first."""
    leaders: LeaderEvidence
    evidence: Mapping[str, Floats | float]


class RegimeTracker:
    """Evidence, scores and labels.

    Parameters
    ----------
    leaders : sequence of str
    options : RegimeOptions
    max_gap : int
        More rows without a price end an instrument.
    """

    __slots__ = ("companions", "labels", "leaders", "max_gap", "now", "options", "row", "states")

    def __init__(self, leaders: Sequence[str], options: RegimeOptions, max_gap: int) -> None:
        o = options
        self.leaders, self.options, self.max_gap = tuple(leaders), options, max_gap
        self.states = [LeaderState(o.window_size, o.past_window, o.vol_window) for _ in leaders]
        self.companions = Companions(self.leaders, o.window_size, o.past_window, max_gap)
        self.labels = Labels(options, len(self.leaders) + 1)
        # Counted from 0.
        self.row = -1
        self.now: Row | None = None

    @property
    def symbols(self) -> list[str]:
        """All symbols, the leaders first, in the order of their columns."""
        return list(self.companions.place)

    def add(self, symbol: str) -> None:
        """Add an asset, which has no past."""
        self.companions.add(symbol)
        self.labels.add()

    def push(self, ts: int, prices: Mapping[str, float]) -> None:
        """Take in a row: a price, or NaN, for some of the symbols; new ones are added."""
        place = self.companions.place
        for symbol in prices:
            if symbol not in place:
                self.add(symbol)
        laid = np.full(len(place), nan)
        for symbol, price in prices.items():
            laid[place[symbol]] = price
        self.push_laid(ts, laid)

    def push_laid(self, ts: int, prices: Floats) -> None:
        """Take in a row of prices in the order of `symbols`, NaN where missing."""
        self.row += 1
        row, states, companions, window = self.row, self.states, self.companions, self.options.window_size
        push_leaders(states, row, prices[: len(states)].tolist(), self.max_gap)
        leaders = leader_evidence(states, row, window, self.max_gap)
        among = companions.push(row, ts, prices)
        cross = companions.cross
        evidence: dict[str, Floats | float] = {
            "leaders_trend": leaders.trend,
            "leaders_agreement": leaders.agreement,
            "volatility_ratio": leaders.volatility_ratio,
            "leader_correlation": among,
            "relative_momentum": leaders.momentum,
            "momentum_change": leaders.momentum - leaders.momentum_before,
            "cross_asset_correlation": cross,
            "divergence_score": np.minimum(np.maximum(1.0 - cross, 0.0), 1.0),
            "correlation_drop": companions.drop(),
        }
        self.labels.push(row, regime_scores(evidence, self.options))
        companions.remember()
        self.now = Row(ts, 0 if self.now is None else ts - self.now.ts, leaders, evidence)
