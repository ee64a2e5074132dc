"""Asynchronous ticks: who moves first, from trades or quotes as they come.

Nothing is put on a grid of time, so nothing is lost or invented by it: each interval between two ticks of one series
is multiplied with every interval of the other that it overlaps, after a shift by a lag (Hoffmann, Rosenbaum and Yoshida
2013). The lag at which that sum is largest says who leads.

Times and lags are whole nanoseconds. A negative lag means that the leader moved first. Of equal times the last price
counts; ticks whose price is missing (NaN, None, infinite) are left out. Inputs are not modified, and the interpreter
lock is released.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.progress import Progress

from comove import _comove, options
from comove.errors import DataError, OrderError, ParameterError
from comove.options import Floats, Span, Timestamps

__all__ = ["LeadLag", "LeadLagMatrix", "hayashi_yoshida", "lag_grid", "lead_lag", "lead_lag_matrix"]

Increments: TypeAlias = Literal["log", "difference"]
Lags: TypeAlias = npt.ArrayLike | Sequence[dt.timedelta]

#: Lags of a grid: more are a typing error, and would take gigabytes.
_MOST_LAGS = 1 << 24
_UNITS = (("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


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
        without a `lag`, or where it is not finite.
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
        return self._table(lambda one: one.leads_by)

    @property
    def llr(self) -> Floats:
        """The ratios `LeadLag.llr`, shape (assets, leaders); NaN where not defined."""
        return self._table(lambda one: one.llr)

    def contrasts(self) -> Floats:
        """Return the contrasts, shape (assets, leaders, lags); NaN where not defined."""
        table = np.full((len(self.assets), len(self.leaders), len(self.lags)), np.nan)
        for (asset, leader), one in self.pairs.items():
            table[self.assets.index(asset), self.leaders.index(leader)] = one.contrasts
        return table

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

    def _table(self, reading: Any) -> Floats:
        table = np.full((len(self.assets), len(self.leaders)), np.nan)
        for (asset, leader), one in self.pairs.items():
            value = reading(one)
            table[self.assets.index(asset), self.leaders.index(leader)] = np.nan if value is None else value
        return table


def lag_grid(max_lag: Span | int, *, step: Span | int) -> Timestamps:
    """Return the lags -`max_lag` to `max_lag` in steps, as int64 nanoseconds.

    Parameters
    ----------
    max_lag : timedelta, str or int
        A whole number of steps; ``"40s"``, ``"1m30s"``, integers are nanoseconds.
    step : timedelta, str or int
        Above 0.

    Returns
    -------
    int64 array, shape (2 max_lag / step + 1,)

    Raises
    ------
    ParameterError
        `step` not above 0; `max_lag` below 0 or not a whole number of steps; more than 2^24 lags.

    Examples
    --------
    >>> from comove import ticks
    >>> ticks.lag_grid("2s", step="1s")
    array([-2000000000, -1000000000,           0,  1000000000,  2000000000])
    """
    width = _lag("step", step)
    most = _lag("max_lag", max_lag)
    if width < 1:
        raise ParameterError(f"step must be above 0, got {step!r}", "too_small")
    if most < 0 or most % width:
        raise ParameterError(f"max_lag must be a whole number of steps ({step!r}), got {max_lag!r}", "lags")
    count = most // width
    if 2 * count + 1 > _MOST_LAGS:
        raise ParameterError(f"lags must be at most {_MOST_LAGS} (2^24), got {2 * count + 1}", "too_large")
    return np.arange(-count, count + 1, dtype=np.int64) * width


def hayashi_yoshida(
    ts_a: object,
    price_a: object,
    ts_b: object,
    price_b: object,
    *,
    lags: Lags = (0,),
    increments: Increments = "log",
    threads: int | None = None,
) -> Floats:
    """Contrast of two series of ticks at each lag; at lag 0 their covariation.

    C(k) = sum of x_i y_j over all i, j for which (s_{i-1}, s_i] and (t_{j-1} - k, t_j - k] share a point; x_i is the
    increment of `price_a` from s_{i-1} to s_i, y_j that of `price_b` from t_{j-1} to t_j. Touching ends share none.

    Parameters
    ----------
    ts_a, ts_b : int64 nanoseconds, datetime64 or datetimes, shape (n_a,) and (n_b,)
        Never decreasing; of equal times the last price counts.
    price_a, price_b : float64, shape (n_a,) and (n_b,)
        Above 0 for logs; NaN, None and infinities are missing, and their ticks left out.
    lags : int64 nanoseconds, timedelta64 or timedeltas, strictly increasing
        Negative where b moved first; `lag_grid` makes them.
    increments : {"log", "difference"}
        log(p_i / p_{i-1}), or p_i - p_{i-1}.
    threads : int, optional
        All processors by default. The result does not depend on it, bit for bit.

    Returns
    -------
    float64, shape (n_lags,)
        NaN where no two intervals overlap, or where float64 does not hold the contrast.

    Raises
    ------
    ParameterError
        `lags` that do not increase, unknown `increments`, `threads` below 1.
    DataError
        Other dtypes, different lengths, missing times; prices not above 0 with logs.
    OrderError
        Times that run backwards.

    Notes
    -----
    Time grows in proportion to the ticks. Where the lags are multiples of a step that is not much finer than the
    ticks, all lags share the search for overlaps; elsewhere each lag goes through both series once. Memory: 16 bytes a
    tick. Error: below 1e-12 of sqrt(sum of x_i^2 sum of y_j^2), whatever the number of ticks; ``tests/test_ticks.py``
    shows it against exact fractions. Swapping a and b, with the lags negated, gives the same to rounding.

    Source: Hayashi and Yoshida (2005) for k = 0; Hoffmann, Rosenbaum and Yoshida (2013), for the shift.

    Examples
    --------
    >>> from comove import ticks
    >>> ticks.hayashi_yoshida([0, 2, 5], [1, 2, 4], [0, 3, 5], [1, 3, 2], lags=[-2, 2], increments="difference")
    array([ 4., -1.])
    """
    chosen = _lags(lags)
    workers = options.thread_count(threads)
    a = _ticks("a", ts_a, price_a, increments, workers)
    b = _ticks("b", ts_b, price_b, increments, workers)
    ((contrasts, _, _, _),) = _comove.hayashi_yoshida([(a, b)], chosen, threads=workers)
    return contrasts


def lead_lag(
    ts_asset: object,
    price_asset: object,
    ts_leader: object,
    price_leader: object,
    *,
    lags: Lags,
    increments: Increments = "log",
    threads: int | None = None,
) -> LeadLag:
    """Which of two series of ticks moves first, and by how much time.

    lag = argmax over k of |C(k)|, C the contrast of `hayashi_yoshida`. A negative lag means the leader moved first.

    Parameters
    ----------
    ts_asset, ts_leader : int64 nanoseconds, datetime64 or datetimes, shape (n,) and (m,)
    price_asset, price_leader : float64, shape (n,) and (m,)
    lags : int64 nanoseconds, timedelta64 or timedeltas, strictly increasing
    increments : {"log", "difference"}
    threads : int, optional
        All as for `hayashi_yoshida`.

    Returns
    -------
    LeadLag
        `lag`, `contrasts`, `corr`, `llr`, `leads_by`, `lags`, `n_asset`, `n_leader`.

    Raises
    ------
    ParameterError, DataError, OrderError
        As `hayashi_yoshida`.

    Notes
    -----
    Cost and error as for `hayashi_yoshida`. The largest contrast of unrelated series is at some lag too: look at
    `corr`, and at `llr`, which takes all lags into account.

    Source: Hoffmann, Rosenbaum and Yoshida (2013); `corr` and `llr` as in Huth and Abergel (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from comove import ticks
    >>> rng = np.random.default_rng(1)
    >>> ts, price = np.arange(500) * 10**9, np.exp(np.cumsum(rng.normal(0, 1e-4, 500)))
    >>> late = ts + 2 * 10**9
    >>> ticks.lead_lag(late, price, ts, price, lags=ticks.lag_grid("5s", step="1s"))
    LeadLag(the leader is ahead by 2s; lag=-2s, llr=124.9, 11 lags from -5s to 5s, n_asset=500, n_leader=500)
    """
    chosen = _lags(lags)
    workers = options.thread_count(threads)
    asset = _ticks("asset", ts_asset, price_asset, increments, workers)
    leader = _ticks("leader", ts_leader, price_leader, increments, workers)
    (found,) = _comove.hayashi_yoshida([(asset, leader)], chosen, threads=workers)
    return _result(found, chosen, asset, leader)


def lead_lag_matrix(
    ticks: Mapping[str, tuple[object, object]],
    *,
    lags: Lags,
    assets: Sequence[str] | None = None,
    leaders: Sequence[str] | None = None,
    increments: Increments = "log",
    threads: int | None = None,
    progress: bool = False,
) -> LeadLagMatrix:
    """`lead_lag` of every asset with every leader, all pairs in parallel.

    Parameters
    ----------
    ticks : mapping of symbol to (ts, price)
        As for `hayashi_yoshida`; each series is read once.
    lags : int64 nanoseconds, timedelta64 or timedeltas, strictly increasing
    assets, leaders : sequence of str, optional
        Symbols of `ticks`; all of them by default. A symbol with itself is left out.
    increments : {"log", "difference"}
    threads : int, optional
    progress : bool
        Show a progress bar on the terminal.

    Returns
    -------
    LeadLagMatrix
        A mapping from (asset, leader) to `LeadLag`.

    Raises
    ------
    ParameterError, DataError, OrderError
        As `hayashi_yoshida`; a symbol without ticks is a `DataError`.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import ticks
    >>> rng = np.random.default_rng(1)
    >>> ts, price = np.arange(500) * 10**9, np.exp(np.cumsum(rng.normal(0, 1e-4, 500)))
    >>> market = {"SLOW": (ts + 2 * 10**9, price), "FAST": (ts, price)}
    >>> found = ticks.lead_lag_matrix(market, lags=ticks.lag_grid("5s", step="1s"))
    >>> found["SLOW", "FAST"].leads_by
    2000000000
    """
    chosen = _lags(lags)
    workers = options.thread_count(threads)
    everything = options.symbols("ticks", list(ticks))
    rows = tuple(everything if assets is None else options.symbols("assets", assets))
    columns = tuple(everything if leaders is None else options.symbols("leaders", leaders))
    for symbol in (*rows, *columns):
        if symbol not in ticks:
            raise DataError(f"ticks must hold every symbol, got none of {symbol!r}", "symbol")
    needed = {
        symbol: _ticks(symbol, *_two(symbol, ticks[symbol]), increments, workers)
        for symbol in dict.fromkeys((*rows, *columns))
    }
    names = [(asset, leader) for asset in rows for leader in columns if asset != leader]
    pairs = [(needed[asset], needed[leader]) for asset, leader in names]
    with _bar(progress) as report:
        found = _comove.hayashi_yoshida(pairs, chosen, threads=workers, progress=report)
    results = {
        name: _result(one, chosen, asset, leader)
        for name, one, (asset, leader) in zip(names, found, pairs, strict=True)
    }
    return LeadLagMatrix(rows, columns, chosen, results)


@contextmanager
def _bar(shown: bool) -> Iterator[Any]:
    """Give what tells a progress bar how much is done, or None."""
    if not shown:
        yield None
        return
    with Progress() as bar:
        task = bar.add_task("lead-lag", total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report
        bar.update(task, completed=1, total=1)


def _result(found: tuple[Floats, Floats, int | None, float | None], lags: Timestamps, *sides: _comove.Ticks) -> LeadLag:
    contrasts, corr, lag, llr = found
    for array in (contrasts, corr):
        array.setflags(write=False)
    n_asset, n_leader = map(len, sides)
    return LeadLag(lags, contrasts, corr, lag, llr, n_asset, n_leader)


def _ticks(name: str, ts: object, price: object, increments: object, threads: int) -> _comove.Ticks:
    """Read one series; errors name it."""
    log = options.choice("increments", increments, ("log", "difference")) == "log"
    times = options.timestamps(f"ts of {name}", ts)
    prices = options.series(f"price of {name}", price, len(times))
    try:
        return _comove.Ticks(name, times, prices, log=log, threads=threads)
    except OrderError as error:
        raise OrderError(f"ticks of {name}: {error}", error.code) from None


def _two(symbol: str, value: object) -> tuple[object, object]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise DataError(f"ticks of {symbol} must be (ts, price), got {type(value).__name__}", "type")
    return value[0], value[1]


def _lags(lags: Lags) -> Timestamps:
    """Return lags as a read-only int64 array of nanoseconds; the core sees whether they increase."""
    array = np.asarray(lags)
    if array.ndim != 1 or not array.size:
        raise ParameterError(f"lags must have 1 dimension and at least 1 lag, got shape {array.shape}", "lags")
    if array.dtype.kind not in "iu":
        array = np.array([_lag("lags", lag) for lag in array])
    if array.dtype.kind not in "iu" or int(array.max()) > np.iinfo(np.int64).max:
        raise ParameterError(f"lags must be within 292 years, got {lags!r}", "too_large")
    nanoseconds = array.astype(np.int64)
    nanoseconds.setflags(write=False)
    return nanoseconds


def _lag(name: str, value: object) -> int:
    """Return a lag in nanoseconds: a whole number of them, or a duration."""
    # A timedelta64 is an np.integer too.
    if isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64):
        return int(value)
    return options.duration(name, value)


def _at(values: Floats, lags: Timestamps, lag: int | None) -> float | None:
    return None if lag is None else float(values[np.searchsorted(lags, lag)])


def _readable(nanoseconds: int) -> str:
    """Write a duration in the largest unit that divides it."""
    for unit, size in _UNITS:
        if nanoseconds % size == 0 and nanoseconds:
            return f"{nanoseconds // size}{unit}"
    return "0s"
