"""A simulated crypto market, and beside it the truth it was made from. `market_model` has the formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from . import market_defects, market_model, market_options
from .spans import parse_span
from .times import UTC_MICROSECONDS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)

# (series, bars) float64 blocks: 5e7 is 0.4 GB each, and about ten of them live at once.
_MOST_CELLS = 50_000_000
_START_PRICES = (40_000.0, 2_500.0, 100.0)


@dataclass(frozen=True, slots=True, eq=False)
class MarketTruth:
    """What a simulated market was made from. Bars count from 0 on the full grid; arrays are read-only.

    Attributes
    ----------
    assets, leaders : tuple of str
        The order of the rows and columns below.
    betas : float64, (assets, leaders)
        Slopes on all leaders together, each leader taken at its lag.
    single_betas : float64, (assets, leaders)
        The slope on one leader alone **at the same row**, as a rolling beta over the whole series
        estimates it; the others' influence included, for leaders move together. About 0 where the lag is
        not 0.
    lagged_single_betas : float64, (assets, leaders)
        The same on the leader shifted by its lag.
    lags : int64, (assets, leaders)
        In rows; asset[t] goes with leader[t + lag], so **negative: the leader moved first**.
    spillover : float64, (assets, leaders)
        Rise of the asset's own volatility per unit of the leader's volatility one row before.
    regimes : int64, (bars,)
        Index into `regime_names`.
    regime_names : tuple of str
    transition : float64, (regimes, regimes)
        Chance of going from row to column in one bar.
    leader_volatility : float64, (bars, leaders)
        Standard deviation of each leader's return in each bar.
    asset_volatility : float64, (bars, assets)
        Of each asset's own part, without what comes through the betas.
    listing_rows : dict of str to int
        The bar at which each symbol's frame begins.
    gap_rows, bad_tick_rows : dict of str to int64 array
        Bars without a candle; bars whose close is wrong by a factor of 10, 100 or 1000 up or down.
    """

    assets: tuple[str, ...]
    leaders: tuple[str, ...]
    betas: Floats
    single_betas: Floats
    lagged_single_betas: Floats
    lags: Ints
    spillover: Floats
    regimes: Ints
    regime_names: tuple[str, ...]
    transition: Floats
    leader_volatility: Floats
    asset_volatility: Floats
    listing_rows: Mapping[str, int]
    gap_rows: Mapping[str, Ints]
    bad_tick_rows: Mapping[str, Ints]

    def table(self) -> pl.DataFrame:
        """One row per asset and leader.

        Returns
        -------
        DataFrame
            ``asset``, ``leader``, ``beta``, ``single_beta``, ``lagged_single_beta``, ``lag``,
            ``spillover``.
        """
        return pl.DataFrame(
            {
                "asset": np.repeat(self.assets, len(self.leaders)),
                "leader": list(self.leaders) * len(self.assets),
                "beta": self.betas.ravel(),
                "single_beta": self.single_betas.ravel(),
                "lagged_single_beta": self.lagged_single_betas.ravel(),
                "lag": self.lags.ravel(),
                "spillover": self.spillover.ravel(),
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMarket:
    """What `simulate_market` returns.

    Attributes
    ----------
    frames : dict of str to DataFrame
        Candles as from `read_candles`, leaders first, with late listings, gaps and bad ticks.
    returns : DataFrame
        ``ts`` and the clean simple return of every symbol in every bar, before any of these.
    truth : MarketTruth
    """

    frames: dict[str, pl.DataFrame]
    returns: pl.DataFrame
    truth: MarketTruth


def simulate_market(
    *,
    n_bars: int = 2_000,
    n_assets: int | None = None,
    assets: Sequence[str] | None = None,
    leaders: Sequence[str] = ("BTC", "ETH", "SOL"),
    betas: ArrayLike | None = None,
    lags: ArrayLike | None = None,
    spillover: ArrayLike | None = None,
    regimes: bool = True,
    late_listings: int | None = None,
    gaps: int = 3,
    bad_ticks: int = 2,
    volatility: float = 0.004,
    noise: float = 1.0,
    interval: timedelta | str = "1h",
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC),
    seed: int = 7,
) -> SimulatedMarket:
    """Simulate candles of leaders and assets with known betas, lags, spillover and defects.

    asset[t] = sum over leaders of beta * leader[t + lag] + own noise, in simple returns. Leaders share a
    market factor; the asset's own volatility is a base plus spillover * leader volatility of the row
    before; regimes, a Markov chain over range, bull, bear and stress, move the leaders' drift, volatility
    and correlation.

    Parameters
    ----------
    n_bars : int, 100 to 10000000
        Bars of the full grid; at most 5e7 bars times symbols.
    n_assets : int, 1 to 500, optional
        Assets named COIN01, COIN02, ...; 12 by default.
    assets : sequence of str, optional
        Their names instead.
    leaders : sequence of 1 to 16 names
    betas : array, broadcast to (assets, leaders), each -10 to 10, optional
        By default drawn: 0.4 to 1.8 in all for each asset, shared out among the leaders.
    lags : int array, broadcast to (assets, leaders), each -50 to 50 and at most n_bars // 4, optional
        In rows, **negative: the leader moved first**. By default every fourth asset follows all leaders
        by 1, 2 or 3 rows in turn, the others by none. 0 plants none.
    spillover : array, broadcast to (assets, leaders), each 0 to 2, optional
        By default every second asset takes 0.3 to 0.6 from one leader. 0 plants none: the own part of every
        asset then has a volatility independent of all leaders. (The whole return still grows wilder with
        its leaders, by its betas.)
    regimes : bool, default True
        False: the whole series is of the first regime.
    late_listings : int, 0 to the number of assets, optional
        Assets that start between 10 % and 60 % of the way; by default every sixth.
    gaps : int, 0 to n_bars // 25
        Holes of 1 to 24 bars, together at most a quarter of `n_bars`, each in a symbol drawn at random.
    bad_ticks : int, 0 to n_bars // 25
        Closes of assets wrong by a factor of 10, 100 or 1000 either way, for one bar; its high and low
        include it.
    volatility : float, 1e-6 to 0.05
        Of the first leader's return in one quiet bar, as a fraction; each further leader has a quarter
        more, to double.
    noise : float, 0 to 20
        The assets' own volatility in units of `volatility`, times 1 to 2 drawn for each asset.
    interval : timedelta or str, 1 second to 30 days
    start : datetime
        The first open time; naive is UTC.
    seed : int, 0 or more

    Returns
    -------
    SimulatedMarket
        ``.frames``, ``.returns``, ``.truth``. The same arguments give the same frames. Other assets,
        betas, lags, spillover, noise or defects leave the leaders' clean returns as they are.

    Raises
    ------
    ParameterError
        An option out of its bounds, or options that contradict each other.

    Notes
    -----
    Late listings, gaps and bad ticks are put on last, on the candles only: ``.returns`` has none. Work and memory are a
    few passes over bars times symbols; 15 symbols of 5000 bars take some tens of milliseconds. The betas of the truth
    are what least squares finds on ``.returns`` to within sampling error; over part of the bars, as for a late listing,
    single betas differ somewhat, because they depend on the volatilities of those bars.

    Examples
    --------
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=500, assets=["WIF", "BONK"], lags=[[-2], [0]], seed=1)
    >>> list(market.frames)
    ['BTC', 'ETH', 'SOL', 'WIF', 'BONK']
    >>> market.truth.lags.tolist()
    [[-2, -2, -2], [0, 0, 0]]
    """
    n_bars = market_options.check_int("n_bars", n_bars, 100, 10_000_000)
    seed = market_options.check_int("seed", seed, 0, None)
    asset_names, leader_names = market_options.check_names(n_assets, assets, leaders)
    symbols = leader_names + asset_names
    if n_bars * len(symbols) > _MOST_CELLS:
        raise ParameterError(
            f"n_bars times symbols must be at most {_MOST_CELLS}, got {n_bars} times {len(symbols)}", "n_bars"
        )
    gaps = market_options.check_int("gaps", gaps, 0, n_bars // 25)
    bad_ticks = market_options.check_int("bad_ticks", bad_ticks, 0, n_bars // 25)
    late = len(asset_names) // 6 if late_listings is None else late_listings
    late = market_options.check_int("late_listings", late, 0, len(asset_names))
    volatility = market_options.check_float("volatility", volatility, 1e-6, 0.05)
    noise = market_options.check_float("noise", noise, 0.0, 20.0)
    with_regimes = market_options.check_bool("regimes", regimes)
    step = parse_span(interval, name="interval", at_least=timedelta(seconds=1), at_most=timedelta(days=30))
    grid = market_options.time_grid(start, step, n_bars)

    # One stream a purpose: an option changed in one place leaves the rest of the market as it was.
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(10)]
    of_levels, of_betas, of_spillover, of_candles, of_listings, of_gaps, of_ticks = streams[3:]
    shape = (len(asset_names), len(leader_names))
    most_lag = min(market_model.MOST_LAG, n_bars // 4)
    beta = (
        market_options.default_betas(of_betas, shape)
        if betas is None
        else market_options.check_matrix("betas", betas, shape, -10, 10)
    )
    lag = (
        market_options.default_lags(shape)
        if lags is None
        else market_options.check_whole_matrix("lags", lags, shape, most_lag)
    )
    spill = (
        market_options.default_spillover(of_spillover, shape)
        if spillover is None
        else market_options.check_matrix("spillover", spillover, shape, 0, 2)
    )

    try:
        paths = market_model.draw_paths(
            streams[:3],
            n_bars=n_bars,
            leader_level=volatility * np.minimum(1.0 + 0.25 * np.arange(len(leader_names)), 2.0),
            asset_level=volatility * noise * of_levels.uniform(1.0, 2.0, len(asset_names)),
            betas=beta,
            lags=lag,
            spillover=spill,
            with_regimes=with_regimes,
        )
        returns = np.vstack([paths.leader_returns, paths.asset_returns])
        prices = [_START_PRICES[j] if j < len(_START_PRICES) else 10.0 for j in range(len(leader_names))]
        prices += (10.0 ** of_levels.uniform(-5.0, 2.0, len(asset_names))).tolist()
        candles = {
            symbol: market_model.draw_candles(of_candles, returns[row], paths.bar_volatility[row], prices[row])
            for row, symbol in enumerate(symbols)
        }
    except OverflowError as error:
        raise ParameterError(
            f"volatility {volatility} with these betas, noise and spillover gives {error}; "
            "returns must stay above -0.9 and prices from 1e-150 to 1e150",
            "volatility",
        ) from None

    listings = market_defects.draw_listings(of_listings, symbols, asset_names, late, n_bars)
    holes = market_defects.draw_gaps(of_gaps, symbols, listings, gaps, n_bars)
    keep = {symbol: market_defects.kept_bars(listings[symbol], holes[symbol], n_bars) for symbol in symbols}
    bad = market_defects.spoil_ticks(of_ticks, candles, asset_names, keep, bad_ticks)

    ts = pl.Series("ts", grid, dtype=pl.Int64).cast(UTC_MICROSECONDS)
    frames = {
        symbol: pl.DataFrame([ts, *(pl.Series(name, values) for name, values in candles[symbol].items())])[keep[symbol]]
        for symbol in symbols
    }
    truth = MarketTruth(
        assets=tuple(asset_names),
        leaders=tuple(leader_names),
        betas=_frozen(beta),
        single_betas=_frozen(paths.single_betas),
        lagged_single_betas=_frozen(paths.lagged_single_betas),
        lags=_frozen(lag),
        spillover=_frozen(spill),
        regimes=_frozen(paths.regimes),
        regime_names=market_model.REGIME_NAMES,
        transition=_frozen(market_model.TRANSITION),
        leader_volatility=_frozen(paths.leader_volatility.T),
        asset_volatility=_frozen(paths.asset_volatility.T),
        listing_rows=listings,
        gap_rows={symbol: _frozen(rows) for symbol, rows in holes.items()},
        bad_tick_rows={symbol: _frozen(rows) for symbol, rows in bad.items()},
    )
    clean = pl.DataFrame([ts, *(pl.Series(symbol, returns[row]) for row, symbol in enumerate(symbols))])
    return SimulatedMarket(frames=frames, returns=clean, truth=truth)


def _frozen(array: NDArray[_Number]) -> NDArray[_Number]:
    """Copy to a read-only array in C order."""
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy
