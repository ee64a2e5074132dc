"""Questions about history: the calculators, the leaders' data, and the answers kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

import polars as pl

from comove.errors import DataError
from comove.options import epoch_nanoseconds, symbol_name
from comove.structure.answers import Standing
from comove.structure.cache import AnswerCache
from comove.structure.calculators import BetaCalculator, LeadLagTracker, VolatilitySpilloverMonitor, moment
from comove.structure.describing import describe
from comove.structure.metrics import BetaMetrics, LeadLagMetrics, VolatilitySpillover
from comove.structure.prices import PriceData, utc
from comove.structure.regimes import RegimeOptions
from comove.structure.replay import Replay, history_frame
from comove.structure.settings import Settings
from comove.structure.snapshots import MarketStructureSnapshot

__all__ = ["HistoryDesk"]

# Each holds its prices on the grid.
KEPT_REPLAYS: Final = 8

Metrics = TypeVar("Metrics", BetaMetrics, LeadLagMetrics, VolatilitySpillover)


class HistoryDesk:
    """Answers from the data given with a question and from the leaders' own.

    Parameters
    ----------
    chosen : Settings
    regimes : RegimeOptions
    """

    def __init__(self, chosen: Settings, regimes: RegimeOptions) -> None:
        grid = chosen.laying
        laid: dict[str, Any] = {
            "join": grid.join,
            "tolerance": _text(grid.tolerance),
            "max_gap": grid.max_gap,
            "max_age": _text(grid.max_age),
        }
        self._settings, self._regimes = chosen, regimes
        self.beta = BetaCalculator(window_size=chosen.window_size, window_span=_text(chosen.window_span), **laid)
        self.lags = LeadLagTracker(max_lag=chosen.max_lag, window_size=chosen.lag_window, **laid)
        self.spillover = VolatilitySpilloverMonitor(
            window_size=chosen.spillover_window, vol_window=chosen.vol_window, **laid
        )
        self.cache: AnswerCache[Any] = AnswerCache(chosen.cache_size)
        self.leader_data: dict[str, PriceData] = {}
        self._lock = threading.Lock()
        self._replays: dict[Hashable, Replay] = {}
        self._replay_lock = threading.Lock()

    def put(self, leader: str, data: PriceData) -> None:
        """Take in the history of a leader."""
        if not isinstance(data, PriceData):
            raise DataError(f"{leader}: expected a PriceData, got {type(data).__name__}", "price_data")
        with self._lock:
            # A new mapping: who reads the old one in another thread is not disturbed.
            self.leader_data = {**self.leader_data, leader: data}

    def ask(
        self,
        question: str,
        asset: str,
        data: PriceData,
        leader: str,
        current_time: object,
        calculate: Callable[..., Metrics],
        without: Callable[[Standing], Metrics],
    ) -> Metrics:
        """Answer from history, or from the cache."""
        leaders = self.series({asset: data})
        if leader not in leaders:
            now = moment(current_time, [data])
            cause = f"{leader} has no data: give it to update_leader_data"
            return without(Standing(asset, leader, now, None, cause=cause))
        now = moment(current_time, (data, leaders[leader]))
        version = tuple((symbol, prices.version) for symbol, prices in leaders.items())
        subject, within = (question, asset, leader), dict(self._settings.reuse).get(question)
        kept: tuple[Metrics, bool] | None = self.cache.find(
            subject, version, now, within, lambda answer: self._may_serve(answer, now)
        )
        if kept is not None:
            return kept[0] if kept[1] else _reused(kept[0], now)
        others = [prices for symbol, prices in leaders.items() if symbol not in (asset, leader)]
        found = calculate(asset, data, leader, leaders[leader], current_time=now, grid=others)
        self.cache.keep(subject, version, now, found)
        return found

    def _may_serve(self, answer: Metrics, now: int) -> bool:
        """Whether an answer may serve newer data: one that nothing is wrong with, and that is not too old."""
        oldest = self._settings.laying.max_age
        if answer.reason is not None or answer.last_updated is None:
            return False
        return oldest is None or now - epoch_nanoseconds(answer.last_updated) <= oldest

    def regime(self, asset: str | None, data: object, current_time: object) -> MarketStructureSnapshot:
        """Return the regime of an asset, or of the market, after its last row."""
        known = self.series(data if asset is None else {asset: data})
        now = moment(current_time, known.values())
        version = tuple((symbol, prices.version) for symbol, prices in known.items())
        kept: tuple[MarketStructureSnapshot, bool] | None = self.cache.find(("regime", asset), version, now)
        if kept is not None:
            return kept[0]
        s = self._settings
        with self._replay_lock:
            replay = self._replays.pop((asset, version), None)
            if replay is None or replay.is_past(now):
                replay = Replay(known, s.leaders, self._regimes, s.laying)
            found = describe(replay.advance(now), asset, now, s.laying.max_age)
            # A later question about the same data goes on from here.
            self._replays[asset, version] = replay
            while len(self._replays) > KEPT_REPLAYS:
                del self._replays[next(iter(self._replays))]
        self.cache.keep(("regime", asset), version, now, found)
        return found

    def regime_frame(self, data: object, symbol: str | None, current_time: object) -> pl.DataFrame:
        """Return the regime at every row."""
        known, s = self.series(data), self._settings
        if symbol is not None and symbol not in known and symbol not in s.leaders:
            raise DataError(f"symbol must be one of the data or a leader, got {symbol!r}", "symbol")
        return history_frame(known, s.leaders, moment(current_time, known.values()), self._regimes, s.laying, symbol)

    def series(self, data: object) -> dict[str, PriceData]:
        """Return the data of the assets, and those of the leaders that are not among them."""
        if not isinstance(data, Mapping):
            raise DataError(f"data must be a mapping of symbol to PriceData, got {type(data).__name__}", "price_data")
        for symbol, prices in data.items():
            symbol_name("asset", symbol)
            if not isinstance(prices, PriceData):
                raise DataError(f"{symbol}: expected a PriceData, got {type(prices).__name__}", "price_data")
        return {**self.leader_data, **data}


def _reused(answer: Metrics, now: int) -> Metrics:
    """Return an answer from before, with its age now."""
    updated = answer.last_updated
    if updated is None:
        return answer
    age = utc(now) - updated
    return replace(answer, age=age, reason=f"kept from {age} before: reuse_within lets it serve newer data")


def _text(nanoseconds: int | None) -> str | None:
    """Return a span as an option takes it; a timedelta would cut nanoseconds."""
    return None if nanoseconds is None else f"{nanoseconds}ns"
