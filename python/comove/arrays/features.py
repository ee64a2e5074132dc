"""Feature columns: of a symbol from its candles, and of an asset and one leader."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comove import _comove, options
from comove.arrays.calls import block, checked_out
from comove.options import Floats, Returns

_CROSS_ASSET = ("beta", "correlation", "divergence", "volatility", "relative_momentum")


def cross_asset_features(
    asset_price: object,
    leader_price: object,
    *,
    window_size: int = 30,
    vol_window: int = 20,
    short: int = 5,
    long: int = 20,
    momentum: int = 10,
    min_samples: int | None = None,
    returns: Returns = "simple",
    out: Floats | None = None,
) -> dict[str, Floats]:
    """Five features of an asset and one leader, from their prices on one grid.

    - beta, correlation of the one-row returns over `window_size` rows
    - divergence = clip(rs_short - rs_long, -0.2, 0.2) / 0.2, rs_n the n-row return of the asset minus the leader's
    - volatility: standard deviation (ddof 1) of the leader's returns over `vol_window` rows
    - relative_momentum: the `momentum`-row return of the asset minus the leader's

    Parameters
    ----------
    asset_price : float64, shape (n,) or (n, k)
        Prices, above 0; NaN where there is none. A return needs both neighbouring rows.
    leader_price : float64, shape (n,)
    window_size : int, at least 3
    vol_window : int, at least 2
    short, long, momentum : int, at least 1
        Rows.
    min_samples : int, optional
        Of beta and correlation, as in `rolling_beta`.
    returns : {"simple", "log"}
    out : float64, shape (5, n) or (5, n, k), optional

    Returns
    -------
    dict of float64 arrays of the shape of `asset_price`
        NaN where not defined; nothing is filled.

    Raises
    ------
    ParameterError
        An option out of its bounds.
    DataError
        Shapes that do not fit; a price that is not above 0.

    Notes
    -----
    Constant work a row; precision as `rolling_beta`. Logarithms are those of the pure-Rust libm on every door.
    """
    lookbacks = {"vol_window": vol_window, "short": short, "long": long, "momentum": momentum}
    chosen = options.cross_asset(window_size, min_samples, lookbacks, returns)
    y = options.floats("asset_price", asset_price)
    x = options.series("leader_price", leader_price, len(y))
    return block("cross_asset_features", chosen, y, [x], None, _CROSS_ASSET, out)


def base_features(
    ts: object,
    *,
    open: object = None,
    high: object = None,
    low: object = None,
    close: object = None,
    volume: object = None,
    leader_close: object = None,
    bid: object = None,
    ask: object = None,
    bid_volume: object = None,
    ask_volume: object = None,
    funding_rate: object = None,
    columns: Sequence[str] | None = None,
    threads: int | None = None,
    out: Floats | None = None,
) -> dict[str, Floats]:
    """Compute the base columns of the feature recipe, from the candles of one symbol on one grid.

    Parameters
    ----------
    ts : int64 nanoseconds, datetime64 or a sequence of datetimes, shape (n,)
        Rising without repeats.
    open, high, low, close, volume : float64, shape (n,), optional
        Prices above 0, volumes not below; NaN where the symbol has no candle. All five, or those `columns` need.
    leader_close : float64, shape (n,), optional
        For `leader_bias` and `rs_score`, which are NaN without it.
    bid, ask, bid_volume, ask_volume, funding_rate : float64, shape (n,), optional
        For `orderbook_imbalance`, `microprice` and `funding_rate_trend`.
    columns : sequence of str, optional
        As in `comove.base_features`.
    threads : int, at least 1, optional
        At most so many; all processors by default.
    out : float64, shape (columns, n), optional

    Returns
    -------
    dict of float64 arrays, shape (n,)
        NaN where not defined; nothing is filled.

    Raises
    ------
    ParameterError
        A name that is no column, an input that is not given.
    DataError
        Lengths that do not fit, a price not above 0 or outside its candle, a volume below 0.
    OrderError
        Times that do not rise.

    Notes
    -----
    Constant work a row. `comove.features.BASE_COLUMNS` describes each column.
    """
    bar = {"open": open, "high": high, "low": low, "close": close, "volume": volume, "leader_close": leader_close}
    book = {"bid": bid, "ask": ask, "bid_volume": bid_volume, "ask_volume": ask_volume, "funding_rate": funding_rate}
    given = {name: values for name, values in {**bar, **book}.items() if values is not None}
    names, inputs = options.base_columns(columns, given)
    times = options.timestamps("ts", ts)
    series = [options.series(name, given[name], len(times)) for name in inputs]
    if out is None:
        out = np.empty((len(names), len(times)))
    else:
        checked_out(out, (len(names), len(times)), [times, *series])
    places = [row if row.flags.c_contiguous else np.empty(len(times)) for row in out]
    chosen = {"columns": names, "inputs": inputs, "threads": options.thread_count(threads)}
    _comove.run({"estimator": "base_columns", **chosen}, series, times, places)
    for row, place in zip(out, places, strict=True):
        if place is not row:
            row[:] = place
    return dict(zip(names, out, strict=True))
