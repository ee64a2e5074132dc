"""What a report on a market tells, gathered from its candles.

Regimes and betas are those of a live coordinator that was fed every bar in turn; who leads, and how turbulence travels,
are the surveys of all pairs that `comove leadlag` and `comove spillover` print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Final

import numpy as np
import polars as pl

from comove.data import align
from comove.data.times import to_utc
from comove.errors import DataError
from comove.features.grid import Prices, read_prices
from comove.options import MAX_LIVE_ROWS, Span, nanoseconds, whole
from comove.progress import Report, progress_bar
from comove.structure import BetaMetrics, MarketStructureCoordinator, MarketStructureSnapshot
from comove.structure.calculators import most_within
from comove.structure.limits import LEAST_BETA
from comove.surveys.givers import Givers, find_givers
from comove.surveys.leads import rank, scan, usual_step
from comove.surveys.pairs import pairs_of

__all__ = ["MarketReport", "market_report"]

#: Of the model of all coins together, as in `comove spillover`.
_LAGS: Final = 4
_HORIZON: Final = 10
_BARS_A_REPORT: Final = 100


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarketReport:
    """What `report_page` draws; `market_report` makes it."""

    leaders: tuple[str, ...]
    """The first is the one of the timeline."""
    coins: tuple[str, ...]
    """All that were looked at, the leaders among them."""
    first: datetime
    last: datetime
    """The last candle that all leaders have; later ones are not looked at."""
    newest: datetime
    """The last price of any coin, `last` or after it."""
    ended: tuple[str, ...]
    """Leaders that have no price after `last`, where some coin has."""
    absent: tuple[str, ...]
    """Coins without a price up to `last`; they are not among `coins`."""
    step: float
    """Usual distance of two candles in seconds."""
    regimes: pl.DataFrame
    """``ts``, ``regime``, ``confidence`` of the market, ``price`` of the first leader, at each row of the leaders."""
    market: MarketStructureSnapshot
    snapshots: Mapping[str, MarketStructureSnapshot]
    """Of each coin, at `last`."""
    prices: Mapping[str, tuple[datetime, float]]
    """The last price of each coin, and when it was."""
    betas: Mapping[tuple[str, str], BetaMetrics]
    """Of each coin and each other leader, at `last`."""
    leads: pl.DataFrame
    """All pairs of asset and leader, as `comove leadlag` writes them."""
    max_lag: int
    window: int
    """Rows of leads and of connectedness; 0 is all."""
    givers: Givers
    """The table of connectedness, as `comove spillover` prints it."""


def market_report(
    frames: Mapping[str, pl.DataFrame],
    leaders: Sequence[str] = ("BTC", "ETH", "SOL"),
    *,
    window_span: Span = "30d",
    window: int = 0,
    max_lag: int = 10,
    progress: bool = False,
) -> MarketReport:
    """Look at a market: its regimes, betas, leads and lags, and how turbulence travels.

    Parameters
    ----------
    frames : mapping of symbol to DataFrame
        Candles with ``ts``, ``open``, ``high``, ``low``, ``close`` and ``volume``, as `comove.data.read_candles` gives
        them; the leaders' too.
    leaders : sequence of str
    window_span : timedelta or str, default 30 days
        Window of the betas.
    window : int, default 0
        Rows of leads and lags and of connectedness, up to the last one; 0 takes all.
    max_lag : int, 1 to 2^12, default 10
        Rows to look back and ahead for who moves first.
    progress : bool, default False
        Show bars on the standard error.

    Returns
    -------
    MarketReport
        As of the last candle that all leaders have.

    Raises
    ------
    DataError
        A leader has no frame; the leaders have no candle in common; candles that cannot be used.
    ParameterError
        An option out of its bounds; the span holds more than 2^24 rows.

    Notes
    -----
    Costs about a millisecond for each row of 50 coins, and as much again for the rest.
    """
    unknown = [leader for leader in leaders if leader not in frames]
    if unknown or not leaders:
        raise DataError(f"leaders must be among the frames, got {', '.join(unknown) or 'none'}", "leader")
    window = whole("window", window, least=0, most=MAX_LIVE_ROWS, because="2^24")
    coins = list(dict.fromkeys([*leaders, *frames]))
    closes = {coin: read_prices(frames[coin], coin) for coin in coins}
    # In microseconds, as the prices that were read.
    given = {coin: frames[coin].with_columns(ts=to_utc(frames[coin]["ts"], source=coin)) for coin in coins}
    end = _last_common([closes[leader] for leader in leaders])
    cut = {coin: given[coin].filter(pl.col("ts").to_physical() <= end) for coin in coins}
    newest = {coin: _last_price(given[coin])[0] for coin in coins if given[coin]["close"].is_finite().any()}
    last = max(_last_price(cut[leader])[0] for leader in leaders)
    ended = tuple(leader for leader in leaders if newest[leader] <= last < max(newest.values()))
    absent = tuple(coin for coin in coins if not cut[coin]["close"].is_finite().any())
    coins = [coin for coin in coins if coin not in absent]
    closes = {coin: read_prices(cut[coin], coin) for coin in coins}

    table = align({coin: cut[coin] for coin in coins}, how="outer").frame
    held = most_within(table["ts"].to_physical().to_numpy() * 1_000, nanoseconds("window_span", window_span))
    coordinator = MarketStructureCoordinator(
        leaders, window_span=window_span, max_rows=max(held, LEAST_BETA), max_lag=max_lag
    )
    with progress_bar("regimes", shown=progress) as report:
        regimes = _feed(coordinator, table, leaders[0], report)
    betas = {
        (coin, leader): coordinator.get_beta(coin, benchmark=leader)
        for coin in coins
        for leader in leaders
        if coin != leader
    }
    with progress_bar("who leads", shown=progress) as report:
        names = pairs_of(coins, leaders)
        found = []
        for done, (asset, leader) in enumerate(names, 1):
            found.append(scan(closes[asset], closes[leader], max_lag, window, "simple"))
            report(done, len(names))
        leads = rank(found, usual_step(closes)) if found else pl.DataFrame()
    with progress_bar("turbulence", shown=progress):
        givers = find_givers({coin: cut[coin] for coin in coins}, leaders, lags=_LAGS, horizon=_HORIZON, window=window)
    return MarketReport(
        leaders=tuple(leaders),
        coins=tuple(coins),
        first=table["ts"][0],
        last=table["ts"][-1],
        newest=max(newest.values()),
        ended=ended,
        absent=absent,
        step=usual_step(closes),
        regimes=regimes,
        market=coordinator.detect_market_regime(),
        snapshots={coin: coordinator.detect_market_regime(coin) for coin in coins},
        prices={coin: _last_price(cut[coin]) for coin in coins},
        betas=betas,
        leads=leads,
        max_lag=max_lag,
        window=window,
        givers=givers,
    )


def _last_common(leaders: Sequence[Prices]) -> int:
    """Return the last time at which all leaders have a price."""
    common = reduce(np.intersect1d, (one.times[np.isfinite(one.close)] for one in leaders))
    if not len(common):
        raise DataError(f"{', '.join(one.name for one in leaders)} have no candle in common", "no_overlap")
    return int(common[-1])


def _feed(coordinator: MarketStructureCoordinator, table: pl.DataFrame, leader: str, report: Report) -> pl.DataFrame:
    """Feed all bars, and return the market's regime at each row of the leaders."""
    rows: list[tuple[datetime, str, float, float | None]] = []
    before: datetime | None = None
    for done, bar in enumerate(table.iter_rows(named=True), 1):
        ts = bar.pop("ts")
        coordinator.update_bar(ts, {coin: price for coin, price in bar.items() if price is not None})
        now = coordinator.detect_market_regime()
        if now.timestamp is not None and now.timestamp != before:
            rows.append((ts, now.regime.value, now.regime_confidence, bar[leader]))
            before = now.timestamp
        if done % _BARS_A_REPORT == 0:
            report(done, len(table))
    schema = {"ts": table.schema["ts"], "regime": pl.String(), "confidence": pl.Float64(), "price": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _last_price(frame: pl.DataFrame) -> tuple[datetime, float]:
    there = frame.filter(pl.col("close").is_finite())
    return there["ts"][-1], float(there["close"][-1])
