"""The three questions about a pair, asked of its history.

Each calculator feeds the live object of `comove.live` with the rows of the history, so that a coordinator that was fed
the same rows one by one has the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from comove.errors import DataError, ParameterError
from comove.live import LagScanner, RollingPair, SpilloverMonitor
from comove.options import (
    LEAST_VARIANCE_WINDOW,
    MAX_LIVE_ROWS,
    MOST_LAG,
    Span,
    Timestamps,
    epoch_nanoseconds,
    nanoseconds,
    symbol_name,
    whole,
)
from comove.structure.answers import Standing, answer_beta, answer_lead_lag, answer_spillover
from comove.structure.laying import Join, Laying, PairRows, lay_pair, laying
from comove.structure.limits import LEAST_BETA, LEAST_LAGS, LEAST_SPILLOVER
from comove.structure.metrics import BetaMetrics, LeadLagMetrics, VolatilitySpillover
from comove.structure.prices import PriceData

__all__ = ["BetaCalculator", "LeadLagTracker", "VolatilitySpilloverMonitor"]

USUAL_SPAN = "30d"
USUAL_GAP = 72
USUAL_WINDOW = 240
USUAL_LAG = 10
USUAL_VOL_WINDOW = 20


class _Calculator:
    """What the three share: the grid, and where a pair stands on it."""

    __slots__ = ("_laying",)

    def __init__(self, options: Laying) -> None:
        self._laying = options

    def _shown(self, **options: object) -> str:
        """Return a repr: the class, its own options, and the join."""
        told = ", ".join(f"{name}={value}" for name, value in (options | {"join": self._laying.join}).items())
        return f"{type(self).__name__}({told})"

    def _lay(
        self,
        asset: str,
        asset_data: PriceData,
        leader: str,
        leader_data: PriceData,
        current_time: object,
        grid: Iterable[PriceData],
        span: int | None = None,
    ) -> tuple[PairRows | None, Standing]:
        for role, name in (("asset", asset), ("leader", leader)):
            symbol_name(role, name)
        if asset == leader:
            raise ParameterError(f"asset and leader must differ, got {asset!r} twice", "same_symbol")
        others = list(grid)
        for name, data in ((asset, asset_data), (leader, leader_data), *(("grid", other) for other in others)):
            if not isinstance(data, PriceData):
                raise DataError(f"{name}: expected a PriceData, got {type(data).__name__}", "price_data")
        now = moment(current_time, (asset_data, leader_data))
        rows = lay_pair(asset_data, leader_data, others, now, self._laying, span)
        oldest = self._laying.max_age
        if rows is None:
            cause = without_rows({asset: asset_data, leader: leader_data}, now)
            return None, Standing(asset, leader, now, None, max_age=oldest, cause=cause)
        return rows, Standing(
            asset, leader, now, rows.last, rows.index, rows.in_span, rows.step, rows.hole, max_age=oldest
        )


class BetaCalculator(_Calculator):
    """Beta, correlation and their errors of an asset against a benchmark, from history.

    Definitions and precision are those of `comove.arrays.rolling_regression`.

    Parameters
    ----------
    window_size : int, at least 20, optional
        Rows of the window.
    window_span : timedelta or str, optional
        Time of the window instead, (t - span, t]; 30 days where neither is given.
    join : {"union", "asof"}, default "union"
        The grid: all timestamps of the two (and of `grid`), or those of the asset, where the benchmark shows its last
        price of at most `tolerance` ago.
    tolerance : timedelta or str
        Needed for "asof", and only for it.
    max_gap : int, 1 to 2^19, default 72
        More rows than this without both prices end the pair: its window begins anew.
    max_age : timedelta or str, optional
        An older answer is withheld.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import BetaCalculator, PriceData
    >>> hours = np.arange(100) * 3_600_000_000_000
    >>> moves = np.random.default_rng(1).normal(0.0, 0.01, 100)
    >>> btc = PriceData(hours, 100.0 * np.cumprod(1.0 + moves))
    >>> bonk = PriceData(hours, np.cumprod(1.0 + 1.5 * moves))
    >>> beta = BetaCalculator().calculate("BONK", bonk, "BTC", btc)
    >>> round(beta.beta, 9), beta.sample_size, beta.reason
    (1.5, 99, None)
    """

    __slots__ = ("_size", "_span")

    def __init__(
        self,
        *,
        window_size: int | None = None,
        window_span: Span | None = None,
        join: Join = "union",
        tolerance: Span | None = None,
        max_gap: int = USUAL_GAP,
        max_age: Span | None = None,
    ) -> None:
        super().__init__(laying(join, tolerance, max_gap, max_age))
        self._size, self._span = beta_window(window_size, window_span)

    def __repr__(self) -> str:
        return self._shown(window=window_shown(self._size, self._span))

    def calculate(
        self,
        asset: str,
        asset_data: PriceData,
        benchmark: str,
        benchmark_data: PriceData,
        *,
        current_time: object = None,
        grid: Iterable[PriceData] = (),
    ) -> BetaMetrics:
        """Return the metrics as of the last common row at or before a time.

        Parameters
        ----------
        asset, benchmark : str
            Their names.
        asset_data, benchmark_data : PriceData
        current_time : datetime, datetime64 or int, optional
            Later rows are not looked at. By default the last row of the two.
        grid : iterable of PriceData
            Further series whose timestamps are rows too: the other leaders.

        Raises
        ------
        ParameterError, DataError
            The asset against itself; what is no `PriceData`.
        """
        rows, standing = self._lay(asset, asset_data, benchmark, benchmark_data, current_time, grid, self._span)
        pair = None if rows is None else self._fed(rows)
        return answer_beta(pair, standing, window_shown(self._size, self._span))

    def _fed(self, rows: PairRows) -> RollingPair:
        most = None if self._span is None else max(LEAST_BETA, most_within(rows.ts, self._span))
        pair = new_beta(self._size, self._span, most)
        pair.update_many(rows.asset, rows.leader, None if self._span is None else rows.ts)
        return pair


class LeadLagTracker(_Calculator):
    """Who of an asset and a leader moves first, from history. A negative lag means that the leader does.

    Definitions, p-values and their limits are those of `comove.arrays.lag_scan`.

    Parameters
    ----------
    max_lag : int, 1 to 4096, default 10
        The largest lag, in rows.
    window_size : int, at least 20, default 240
        Rows of the window at each lag.
    join, tolerance, max_gap, max_age
        As in `BetaCalculator`.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import LeadLagTracker, PriceData
    >>> hours = np.arange(200) * 3_600_000_000_000
    >>> moves = np.random.default_rng(1).normal(0.0, 0.01, 202)
    >>> btc = PriceData(hours, 100.0 * np.cumprod(1.0 + moves[2:]))
    >>> wif = PriceData(hours, np.cumprod(1.0 + moves[:-2]))
    >>> found = LeadLagTracker().calculate("WIF", wif, "BTC", btc)
    >>> found.optimal_lag, found.leads_by
    (-2, 2)
    """

    __slots__ = ("_lag", "_size")

    def __init__(
        self,
        *,
        max_lag: int = USUAL_LAG,
        window_size: int = USUAL_WINDOW,
        join: Join = "union",
        tolerance: Span | None = None,
        max_gap: int = USUAL_GAP,
        max_age: Span | None = None,
    ) -> None:
        super().__init__(laying(join, tolerance, max_gap, max_age))
        self._lag = whole("max_lag", max_lag, least=1, most=MOST_LAG, because="2^12")
        self._size = rows_of("window_size", window_size, LEAST_LAGS)

    def __repr__(self) -> str:
        return self._shown(max_lag=self._lag, window_size=self._size)

    def calculate(
        self,
        asset: str,
        asset_data: PriceData,
        leader: str,
        leader_data: PriceData,
        *,
        current_time: object = None,
        grid: Iterable[PriceData] = (),
    ) -> LeadLagMetrics:
        """Return the metrics as of the last common row at or before a time; as `BetaCalculator.calculate`."""
        rows, standing = self._lay(asset, asset_data, leader, leader_data, current_time, grid)
        scanner = None
        if rows is not None:
            scanner = new_lags(self._size, self._lag)
            scanner.update_many(rows.asset, rows.leader)
        return answer_lead_lag(scanner, standing, self._size, self._lag)


class VolatilitySpilloverMonitor(_Calculator):
    """How an asset's volatility moves with that of a source, from history.

    Definitions and limits are those of `comove.arrays.rolling_spillover` on rolling volatilities.

    Parameters
    ----------
    window_size : int, at least 30, default 240
        Rows of the window of volatilities.
    vol_window : int, at least 2, default 20
        Rows of returns of one volatility.
    join, tolerance, max_gap, max_age
        As in `BetaCalculator`.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.
    """

    __slots__ = ("_size", "_vol")

    def __init__(
        self,
        *,
        window_size: int = USUAL_WINDOW,
        vol_window: int = USUAL_VOL_WINDOW,
        join: Join = "union",
        tolerance: Span | None = None,
        max_gap: int = USUAL_GAP,
        max_age: Span | None = None,
    ) -> None:
        super().__init__(laying(join, tolerance, max_gap, max_age))
        self._size = rows_of("window_size", window_size, LEAST_SPILLOVER)
        self._vol = rows_of("vol_window", vol_window, LEAST_VARIANCE_WINDOW)

    def __repr__(self) -> str:
        return self._shown(window_size=self._size, vol_window=self._vol)

    def calculate(
        self,
        asset: str,
        asset_data: PriceData,
        source: str,
        source_data: PriceData,
        *,
        current_time: object = None,
        grid: Iterable[PriceData] = (),
    ) -> VolatilitySpillover:
        """Return the metrics as of the last common row at or before a time; as `BetaCalculator.calculate`."""
        rows, standing = self._lay(asset, asset_data, source, source_data, current_time, grid)
        monitor = None
        if rows is not None:
            monitor = new_spillover(self._size, self._vol)
            monitor.update_many(rows.asset, rows.leader)
        return answer_spillover(monitor, standing, self._size, self._vol)


def beta_window(window_size: object, window_span: object) -> tuple[int | None, int | None]:
    """Return rows and nanoseconds of a window, one of them None.

    Raises
    ------
    ParameterError
        Both given, or out of bounds.
    """
    if window_size is not None and window_span is not None:
        raise ParameterError(
            f"at most one of window_size and window_span may be given, got {window_size!r} and {window_span!r}",
            "window",
        )
    if window_size is not None:
        return rows_of("window_size", window_size, LEAST_BETA), None
    return None, nanoseconds("window_span", USUAL_SPAN if window_span is None else window_span)


def rows_of(name: str, value: object, least: int) -> int:
    """Return a number of rows that a live object may hold."""
    return whole(name, value, least=least, most=MAX_LIVE_ROWS, because="2^24")


def window_shown(size: int | None, span: int | None) -> int | timedelta:
    """Return a window as metrics show it."""
    return size if size is not None else timedelta(microseconds=(span or 0) // 1_000)


def new_beta(size: int | None, span: int | None, max_rows: int | None) -> RollingPair:
    """Return the empty live object behind a beta."""
    if size is not None:
        return RollingPair(window_size=size, min_samples=LEAST_BETA)
    # Nanoseconds: a timedelta would cut them.
    return RollingPair(window_span=f"{span}ns", max_rows=max_rows, min_samples=LEAST_BETA)


def new_lags(size: int, max_lag: int) -> LagScanner:
    """Return the empty live object behind a lead and lag."""
    return LagScanner(max_lag, window_size=size, min_samples=LEAST_LAGS)


def new_spillover(size: int, vol_window: int) -> SpilloverMonitor:
    """Return the empty live object behind a spillover."""
    return SpilloverMonitor(window_size=size, min_samples=LEAST_SPILLOVER, vol_window=vol_window)


def most_within(ts: Timestamps, span: int) -> int:
    """Return the most rows that any window of a span holds."""
    # A window may begin before the first time there is.
    begins = np.maximum(ts, span - (1 << 63)) - span
    first = np.where(ts < span - (1 << 63), 0, np.searchsorted(ts, begins, side="right"))
    return int((np.arange(1, len(ts) + 1) - first).max())


def moment(current_time: object, data: Iterable[PriceData]) -> int:
    """Return the time of a question in nanoseconds; by default that of the last row."""
    if current_time is not None:
        return epoch_nanoseconds(current_time, "current_time")
    return max((int(each.timestamps[-1]) for each in data if len(each)), default=0)


def without_rows(data: dict[str, PriceData], now: int) -> str | None:
    """Return whose lack of prices is the cause that there is no common row."""
    without = [name for name, each in data.items() if not np.isfinite(each.until(now).prices).any()]
    return f"{' and '.join(without)} {'has' if len(without) == 1 else 'have'} no price until then" if without else None
