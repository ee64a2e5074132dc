"""What a backtest replays: anything that decides on a bar, and hears of its fills, as `MasterOrchestrator` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import polars as pl

from comove.engine import Decision
from comove.portfolio import Side

__all__ = ["Guarded", "Strategy", "StrategyMaker"]


class Guarded(Protocol):
    """Prices at which an open position is closed within a bar."""

    @property
    def stop(self) -> float | None:
        """None for none."""

    @property
    def take_profit(self) -> float | None:
        """None for none."""


@runtime_checkable
class Strategy(Protocol):
    """Bars in, decisions out; `MasterOrchestrator` is one, and documents what each of these means.

    It is asked of the market's `regime` and of its `heat` after each bar, for the report.
    """

    @property
    def regime(self) -> str | None:
        """Name of the market's state; None where there is none."""

    @property
    def heat(self) -> float:
        """How hot the open positions are, over the capital."""

    def update(self, ts: int, candles: Mapping[str, Any], *, equity: float) -> Mapping[str, Decision]:
        """Take in a bar and what the account is worth at its closes; decide."""

    def learn(self, ts: int, candles: Mapping[str, Any]) -> None:
        """Take in a bar of history."""

    def opened(self, symbol: str, side: Side, size: float, price: float, *, cost: float) -> None:
        """Hear that a position was opened."""

    def closed(self, symbol: str, price: float, *, fraction: float, cost: float) -> object:
        """Hear that a position, or a part of it, was closed; the price is 0 where nothing is left of it.

        The cost is at least 0: what the exchange pays for a limit order is in the equity of the next `update`.
        """

    def trade(self, symbol: str) -> Guarded | None:
        """Return the stop and the target of an open position."""

    def to_bytes(self) -> bytes:
        """Return all that it knows."""


@runtime_checkable
class StrategyMaker(Protocol):
    """Makes the strategy of each fold; to be sent to other processes it can be pickled."""

    def new(self, history: Mapping[str, pl.DataFrame]) -> Strategy:
        """Return a strategy that has seen no bar; what is fitted at once is fitted on these candles."""

    def restored(self, snapshot: bytes) -> Strategy:
        """Return the strategy of which `to_bytes` made the snapshot."""
