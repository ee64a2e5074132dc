"""`hayashi_yoshida`, `lead_lag` and `lead_lag_matrix`: from ticks as users give them to results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from comove import _comove, options
from comove.errors import DataError, OrderError
from comove.options import Floats, Timestamps
from comove.progress import progress_bar
from comove.ticks.lags import Lags, read_lags
from comove.ticks.results import LeadLag, LeadLagMatrix

__all__ = ["hayashi_yoshida", "lead_lag", "lead_lag_matrix"]

Increments: TypeAlias = Literal["log", "difference"]


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
    lags : int64 nanoseconds, timedelta64, timedeltas or text as in ``["-1m30s", "0s"]``, strictly increasing
        Negative where b moved first; within 292 years; `lag_grid` makes them.
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
    tick, 32 bytes a lag for the result, and some 16 bytes a lag for each thread. Error: below 1e-12 of
    sqrt(sum of x_i^2 sum of y_j^2), whatever the number of ticks; ``tests/test_ticks.py`` shows it against exact
    fractions. Swapping a and b, with the lags negated, gives the same to rounding.

    Source: Hayashi and Yoshida (2005) for k = 0; Hoffmann, Rosenbaum and Yoshida (2013), for the shift.

    Examples
    --------
    >>> from comove import ticks
    >>> ticks.hayashi_yoshida([0, 2, 5], [1, 2, 4], [0, 3, 5], [1, 3, 2], lags=[-2, 2], increments="difference")
    array([ 4., -1.])
    """
    chosen = read_lags(lags)
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
    lags : int64 nanoseconds, timedelta64, timedeltas or text, strictly increasing
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
    chosen = read_lags(lags)
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
    lags : int64 nanoseconds, timedelta64, timedeltas or text, strictly increasing
    assets, leaders : sequence of str, optional
        Symbols of `ticks`; all of them by default. A symbol with itself is left out.
    increments : {"log", "difference"}
    threads : int, optional
    progress : bool
        Show a bar on the standard error.

    Returns
    -------
    LeadLagMatrix
        A mapping from (asset, leader) to `LeadLag`.

    Raises
    ------
    ParameterError, DataError, OrderError
        As `hayashi_yoshida`; a symbol without ticks is a `DataError`.

    Notes
    -----
    Memory: 16 bytes a tick of each series, 32 bytes a lag for each pair, and some 16 bytes a lag for each thread.

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
    chosen = read_lags(lags)
    workers = options.thread_count(threads)
    shown = options.flag("progress", progress)
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
    with progress_bar("lead-lag", shown=shown) as report:
        found = _comove.hayashi_yoshida(pairs, chosen, threads=workers, progress=report)
    results = {
        name: _result(one, chosen, asset, leader)
        for name, one, (asset, leader) in zip(names, found, pairs, strict=True)
    }
    return LeadLagMatrix(rows, columns, chosen, results)


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
