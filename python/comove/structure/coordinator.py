"""One place to ask how a market holds together, from history or bar by bar."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import polars as pl

from comove.envelope import Blocks, seal, unseal
from comove.errors import ComoveError, DataError, ParameterError, StateError
from comove.options import Span, options_of, symbol_name
from comove.structure.answers import Standing, answer_beta, answer_lead_lag, answer_spillover
from comove.structure.breakdown import BreakdownRule, LeaderStatus
from comove.structure.cache import CacheInfo
from comove.structure.calculators import (
    USUAL_GAP,
    USUAL_LAG,
    USUAL_VOL_WINDOW,
    USUAL_WINDOW,
    window_shown,
)
from comove.structure.describing import describe_told, label_told, nothing_known
from comove.structure.feeds import PairFeed
from comove.structure.history import HistoryDesk
from comove.structure.laying import Join
from comove.structure.market import LiveMarket
from comove.structure.metrics import BetaMetrics, LeadLagMetrics, VolatilitySpillover
from comove.structure.prices import PriceData
from comove.structure.regimes import MarketRegime, RegimeOptions
from comove.structure.saving import read_options, read_state, write_options, write_state
from comove.structure.settings import Settings, settings
from comove.structure.snapshots import MarketStructureSnapshot, RegimeLabel

__all__ = ["MarketStructureCoordinator"]

_KIND: Final = "structure"
USUAL_LEADERS: Final = ("BTC", "ETH", "SOL")

Metrics = TypeVar("Metrics", BetaMetrics, LeadLagMetrics, VolatilitySpillover)


class MarketStructureCoordinator:
    """Beta, lead and lag, spillover and regime of assets against a few leaders.

    It works in two ways, and both give the same bits for the same rows from the same first row. **From history**: give
    it the leaders' prices with `update_leader_data`, and the asset's with each question. **Live**: feed it bars with
    `update`, `update_bar` and `close_bar`, and ask without data.

    Parameters
    ----------
    leaders : sequence of str, default BTC, ETH, SOL
        The first is the one that others are measured against when leadership rotates. At most 64.
    window_size : int, at least 20, optional
        Rows of the window of beta.
    window_span : timedelta or str, optional
        Time of it instead; 30 days where neither is given.
    max_rows : int, at least 20, optional
        The most bars the span may ever hold: needed for live bars with a window by time, for memory is taken once. A
        burst beyond it is a `DataError`.
    max_lag, lag_window : int, default 10 and 240
        Largest lag and window of lead and lag, in rows.
    spillover_window, vol_window : int, default 240 and 20
        Window of volatilities, and of each volatility, in rows.
    join : {"union", "asof"}, default "union"
        The grid of an asset: all timestamps of it and of the leaders, each symbol having a price only at its own; or
        the asset's timestamps, where a leader shows its last price of at most `tolerance` ago. Regimes are on the
        leaders' timestamps.
    tolerance : timedelta or str
        Needed for "asof", and only for it.
    max_gap : int, 1 to 2^19, default 72
        A hole of more rows ends an instrument: what trades under the name afterwards has fresh windows.
    max_age : timedelta or str, optional
        An answer from rows that are older is withheld. By default it is given, with its age and a reason.
    cache_size : int, default 1024
        Answers from history that are kept; 0 for none.
    reuse_within : bool or mapping, default False
        Whether an answer may serve newer data: True for 1 hour of a beta, 2 of a spillover, 4 of a lead and lag, by the
        time of the rows; or a mapping of "beta", "spillover", "lead_lag" to spans. It never serves an earlier time.
    regimes : RegimeOptions, optional
    breakdown : BreakdownRule, optional
        When a leader breaks down, and when it has stabilised.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Notes
    -----
    A value that cannot be given is None, and the answer's `reason` says why. Calls from several threads are
    safe; live ones wait for each other. Memory of the live form is taken when a symbol is first seen.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import MarketStructureCoordinator, PriceData
    >>> hours = np.arange(200) * 3_600_000_000_000
    >>> moves = np.random.default_rng(1).normal(0.0, 0.01, 200)
    >>> coordinator = MarketStructureCoordinator()
    >>> coordinator.update_leader_data("BTC", PriceData(hours, 100.0 * np.cumprod(1.0 + moves)))
    >>> bonk = PriceData(hours, np.cumprod(1.0 + 1.5 * moves))
    >>> beta = coordinator.get_beta("BONK", bonk, "BTC", current_time=hours[-1])
    >>> round(beta.beta, 9), round(beta.r_squared, 9)
    (1.5, 1.0)
    >>> coordinator.get_beta("BONK", bonk, "ETH").reason
    'ETH has no data: give it to update_leader_data'
    """

    def __init__(
        self,
        leaders: Sequence[str] = USUAL_LEADERS,
        *,
        window_size: int | None = None,
        window_span: Span | None = None,
        max_rows: int | None = None,
        max_lag: int = USUAL_LAG,
        lag_window: int = USUAL_WINDOW,
        spillover_window: int = USUAL_WINDOW,
        vol_window: int = USUAL_VOL_WINDOW,
        join: Join = "union",
        tolerance: Span | None = None,
        max_gap: int = USUAL_GAP,
        max_age: Span | None = None,
        cache_size: int = 1024,
        reuse_within: bool | Mapping[str, Span] = False,
        regimes: RegimeOptions | None = None,
        breakdown: BreakdownRule | None = None,
    ) -> None:
        others = ("self", "regimes", "breakdown", "__class__")
        given = {name: value for name, value in locals().items() if name not in (*others, "others")}
        options = options_of(regimes, RegimeOptions, "regimes")
        self._begin(settings(given), options, options_of(breakdown, BreakdownRule, "breakdown"))

    def _begin(self, chosen: Settings, regimes: RegimeOptions, breakdown: BreakdownRule) -> None:
        self._settings, self._regimes, self._breakdown = chosen, regimes, breakdown
        self._desk = HistoryDesk(chosen, regimes)
        self._market = LiveMarket(chosen, regimes, breakdown)
        self._lock = threading.RLock()

    @property
    def leaders(self) -> tuple[str, ...]:
        """The leaders."""
        return self._settings.leaders

    @property
    def max_gap(self) -> int:
        """A hole of more rows ends an instrument."""
        return self._settings.laying.max_gap

    @property
    def regime_options(self) -> RegimeOptions:
        """Windows, thresholds and inertia of regimes."""
        return self._regimes

    @property
    def breakdown_rule(self) -> BreakdownRule:
        """When a leader breaks down, and when it has stabilised."""
        return self._breakdown

    @property
    def symbols(self) -> list[str]:
        """The symbols of all closed live bars."""
        with self._lock:
            return list(self._market.feeds)

    @property
    def last_bar(self) -> int | None:
        """Time of the last closed live bar in nanoseconds; None before it."""
        return self._market.bar.closed

    def update_leader_data(self, leader: str, data: PriceData) -> None:
        """Give the history of a leader, in the place of what was given before.

        Raises
        ------
        DataError
            Not a leader, or no `PriceData`.
        """
        self._leader(leader)
        self._desk.put(leader, data)

    def update(self, symbol: str, ts: object, price: object) -> None:
        """Take in one price of a live bar.

        Parameters
        ----------
        symbol : str
            A leader, or any other: assets join when they are first seen.
        ts : int, datetime or datetime64
            Of the bar. A later one closes the bar before; of one symbol the last price of a bar counts.
        price : float or None
            Above 0; None, NaN and infinities are missing: a row without a price.

        Raises
        ------
        OrderError
            The bar has closed. After any error all is as it was.
        DataError
            No time, no price, more than `max_rows` bars within the span.
        ParameterError
            A window by time without `max_rows`.
        """
        with self._lock:
            self._market.arrive(ts, {symbol_name("symbol", symbol): price})

    def update_bar(self, ts: object, prices: Mapping[str, object]) -> None:
        """Take in a whole live bar and close it; what `update` brought for the same bar belongs to it.

        Parameters
        ----------
        ts : int, datetime or datetime64
        prices : mapping of str to float or None
            Symbols that are absent have no row.

        Raises
        ------
        OrderError, DataError, ParameterError
            As `update`.
        """
        if not isinstance(prices, Mapping):
            raise DataError(f"prices must be a mapping of symbol to price, got {type(prices).__name__}", "prices")
        with self._lock:
            self._market.arrive(ts, prices)
            self._market.close()

    def close_bar(self) -> None:
        """Close the live bar that is being formed; nothing where there is none."""
        with self._lock:
            self._market.close()

    def get_beta(
        self,
        asset: str,
        data: PriceData | None = None,
        benchmark: str | None = None,
        *,
        current_time: object = None,
    ) -> BetaMetrics:
        """Return how strongly an asset moves with a leader.

        Parameters
        ----------
        asset : str
        data : PriceData, optional
            The asset's history. Without it the answer is that of the live bars.
        benchmark : str, optional
            The first leader by default.
        current_time : datetime, datetime64 or int, optional
            Later rows are not looked at, and `age` is counted from here. By default the last row of the two, or the
            last closed bar.

        Raises
        ------
        DataError
            Not a leader, no `PriceData`, no time.
        OrderError
            Live, a time before the last closed bar.
        ParameterError
            The asset against itself.
        """
        s = self._settings
        window = window_shown(s.window_size, s.window_span)

        def answer(pair: PairFeed | None, at: Standing) -> BetaMetrics:
            return answer_beta(None if pair is None else pair.beta, at, window)

        return self._ask(asset, data, benchmark, current_time, "beta", self._desk.beta.calculate, answer)

    def get_lead_lag(
        self, asset: str, data: PriceData | None = None, leader: str | None = None, *, current_time: object = None
    ) -> LeadLagMetrics:
        """Return who of an asset and a leader moves first; parameters and errors are those of `get_beta`.

        Live, the p-values are made of the rows of the window when they are first asked for after a bar.
        """
        s = self._settings

        def answer(pair: PairFeed | None, at: Standing) -> LeadLagMetrics:
            return answer_lead_lag(None if pair is None else pair.lags, at, s.lag_window, s.max_lag)

        return self._ask(asset, data, leader, current_time, "lead_lag", self._desk.lags.calculate, answer)

    def get_volatility_spillover(
        self, asset: str, data: PriceData | None = None, source: str | None = None, *, current_time: object = None
    ) -> VolatilitySpillover:
        """Return how an asset's volatility moves with a leader's; parameters and errors are those of `get_beta`."""
        s = self._settings

        def answer(pair: PairFeed | None, at: Standing) -> VolatilitySpillover:
            return answer_spillover(None if pair is None else pair.spillover, at, s.spillover_window, s.vol_window)

        return self._ask(asset, data, source, current_time, "spillover", self._desk.spillover.calculate, answer)

    def detect_market_regime(
        self,
        asset: str | None = None,
        data: PriceData | Mapping[str, PriceData] | None = None,
        *,
        current_time: object = None,
    ) -> MarketStructureSnapshot:
        """Return the regime an asset is in, or the market is.

        Parameters
        ----------
        asset : str, optional
            None for the market: all live symbols, or all of `data`.
        data : PriceData, or mapping of str to PriceData, optional
            The asset's history, or that of all assets. Without it the answer is that of the live bars.
        current_time : datetime, datetime64 or int, optional
            As in `get_beta`; by default the last row of all, or the last closed bar.

        Raises
        ------
        DataError, OrderError
            As `get_beta`.
        """
        if data is None:
            with self._lock:
                now = self._market.moment(current_time)
                if asset is not None:
                    symbol_name("asset", asset)
                if self._market.bar.closed is None:
                    return nothing_known(asset, "no bar has been closed")
                market = self._market
                return describe_told(market.tracker, market.told, asset, now, self._settings.laying.max_age)
        return self._desk.regime(asset, data, current_time)

    def regime_label(self, asset: str) -> RegimeLabel:
        """Return the regime of `detect_market_regime` after the last closed live bar, without what it is made of."""
        with self._lock:
            market = self._market
            now = market.bar.closed
            if now is None:
                return RegimeLabel(MarketRegime.UNKNOWN, False)
            return label_told(market.tracker, market.told, asset, now, self._settings.laying.max_age)

    def leader_status(self, leader: str) -> LeaderStatus:
        """Return whether a leader is breaking down after the last closed live bar.

        Raises
        ------
        DataError
            Not a leader.
        """
        name = self._leader(leader)
        with self._lock:
            return self._market.leader_status(name)

    def regime_history(
        self, data: Mapping[str, PriceData], *, symbol: str | None = None, current_time: object = None
    ) -> pl.DataFrame:
        """Return the regime of the market, or of one symbol, at every row of the leaders.

        Parameters
        ----------
        data : mapping of str to PriceData
            The assets; the leaders' history is that of `update_leader_data`, where it is not here.
        symbol : str, optional
            One of them, or a leader; None for the market.
        current_time : datetime, datetime64 or int, optional
            Later rows are not looked at.

        Returns
        -------
        DataFrame
            ``ts``; ``regime``, ``confidence``; ``score_<regime>`` of each; the evidence by name; ``leader``, the one
            ahead, and ``outperformer``. Each row is what `detect_market_regime` said then.

        Raises
        ------
        DataError
            As `detect_market_regime`; a symbol without data.
        """
        return self._desk.regime_frame(data, symbol, current_time)

    def cache_info(self) -> CacheInfo:
        """Return hits, misses, size and capacity of the cache."""
        return self._desk.cache.info()

    def cache_clear(self) -> None:
        """Forget all kept answers, and the counts."""
        self._desk.cache.clear()

    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit.

        It holds the options, the leaders' history and all that live bars have made, the forming bar too, but not the
        cache. Pickle and `copy` use it too.
        """
        blocks = Blocks()
        with self._lock:
            tree = write_options(self._settings, self._regimes, self._breakdown)
            tree["state"] = write_state(self._market, self._desk.leader_data, blocks)
        return seal(_KIND, tree, blocks)

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot; the coordinator goes on as the one it was taken of.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """
        tree, blocks = unseal(_KIND, snapshot)
        # Whatever is wrong with bytes that were made by hand, the caller hears of one class.
        try:
            options = read_options(tree)
            restored = cls.__new__(cls)
            restored._begin(*options)
            restored._market, restored._desk.leader_data = read_state(tree["state"], blocks, *options)
        except StateError:
            raise
        except (ArithmeticError, AttributeError, ComoveError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"the snapshot's content is unusable: {error}", "state_content") from error
        return restored

    def copy(self) -> Self:
        """Return an independent copy, with an empty cache."""
        return self.from_bytes(self.to_bytes())

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, _memo: object) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"MarketStructureCoordinator({', '.join(self.leaders)}; {len(self._market.feeds)} live symbols)"

    def _leader(self, name: object) -> str:
        if not isinstance(name, str) or name not in self.leaders:
            raise DataError(f"leader must be one of the leaders {', '.join(self.leaders)}, got {name!r}", "leader")
        return name

    def _ask(
        self,
        asset: str,
        data: PriceData | None,
        leader: str | None,
        current_time: object,
        question: str,
        calculate: Callable[..., Metrics],
        answer: Callable[[PairFeed | None, Standing], Metrics],
    ) -> Metrics:
        """Answer a question about a pair, from the live bars or from history."""
        name = self._leader(self.leaders[0] if leader is None else leader)
        if symbol_name("asset", asset) == name:
            raise ParameterError(f"asset and leader must differ, got {asset!r} twice", "same_symbol")
        if data is not None:
            return self._desk.ask(
                question, asset, data, name, current_time, calculate, lambda standing: answer(None, standing)
            )
        with self._lock:
            return answer(*self._market.standing(asset, name, self._market.moment(current_time)))
