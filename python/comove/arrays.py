"""The array door: every batch estimator on NumPy arrays.

Inputs are anything NumPy takes: arrays of any numeric dtype and any strides, read-only ones, pandas and Polars
Series, lists. NaN, infinities and None are missing. They are not modified, and copied only where they are not
contiguous float64. `asset` may be two-dimensional, one column an asset, against one benchmark.

The same rows give bit for bit what the Polars expressions and the live objects give. The GIL is released.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from comove import _comove, options
from comove.errors import DataError, ParameterError
from comove.options import Floats, Returns, Span, Stderr, Vol

__all__ = [
    "cross_asset_features",
    "cross_correlation",
    "ewm_beta",
    "ewm_corr",
    "ewm_cov",
    "garman_klass",
    "joint_beta",
    "lag_scan",
    "parkinson",
    "rolling_beta",
    "rolling_corr",
    "rolling_cov",
    "rolling_regression",
    "rolling_spillover",
    "rolling_var",
]

_REGRESSION = ("beta", "alpha", "corr", "r_squared", "beta_stderr", "residual_std", "n")
_LAG_SCAN = ("lag", "corr", "llr", "n")
_LAG_TESTS = ("p_value", "lead_p_value", "follow_p_value")
_CROSS_ASSET = ("beta", "correlation", "divergence", "volatility", "relative_momentum")


def rolling_beta(
    asset: object,
    benchmark: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
    out: Floats | None = None,
) -> Floats:
    """Slope of `asset` on `benchmark` over a sliding window.

    beta[t] = cov(asset, benchmark) / var(benchmark) over the complete pairs of the window that ends at row t.

    Parameters
    ----------
    asset : float64, shape (n,) or (n, k)
        Returns per step as fractions (0.01 is 1 %), oldest first; NaN and infinities are missing.
    benchmark : float64, shape (n,)
    window_size : int, at least 3
        Rows of the window; rows with a missing side count, and are skipped. Exactly one of `window_size` and
        `window_span`.
    window_span : timedelta or str
        The window at t is (t - span, t]; "30d", "12h", "1h30m". Needs `by` and `min_samples`.
    by : datetime64 or int64 nanoseconds, shape (n,)
        Times of the rows, never decreasing; equal ones keep their order.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs needed before a value is given.
    out : float64, same shape as the result, optional
        Where to put it, and what is returned then; quickest where it is contiguous along the rows.

    Returns
    -------
    float64, shape of `asset`
        NaN with fewer than `min_samples` pairs, or where `benchmark` does not vary in the window (all its values
        equal).

    Raises
    ------
    ParameterError
        An option out of its bounds.
    DataError
        Shapes that do not fit, values that are not numbers.
    OrderError
        `by` runs backwards.

    Notes
    -----
    Work per row is constant, whatever the window; memory is a few blocks of `window_size` rows. Within 1e-12 of
    sd(asset) / sd(benchmark) against exact arithmetic (tests/test_accuracy.py); what has left the window leaves no
    trace. Moments are combined as in Chan, Golub and LeVeque (1979), eq. 2.1, over the blocks of van Herk (1992).

    Examples
    --------
    >>> import numpy as np
    >>> from comove import arrays
    >>> btc = np.array([0.01, -0.01, 0.03, 0.00])
    >>> arrays.rolling_beta(2 * btc + 0.001, btc, window_size=3).round(12)
    array([nan, nan,  2.,  2.])
    """
    chosen = options.window(window_size, window_span, min_samples, by=by)
    return _single("rolling_beta", chosen, asset, benchmark, by, out)


def rolling_corr(
    asset: object,
    benchmark: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
    out: Floats | None = None,
) -> Floats:
    """Correlation of `asset` and `benchmark` over a sliding window, in [-1, 1].

    corr[t] = Sxy / sqrt(Sxx Syy), S the centred sums of products over the complete pairs of the window.

    Parameters, errors, cost and sources are those of `rolling_beta`. NaN where either side does not vary. Within
    1e-12 of exact arithmetic.
    """
    chosen = options.window(window_size, window_span, min_samples, by=by)
    return _single("rolling_corr", chosen, asset, benchmark, by, out)


def rolling_cov(
    asset: object,
    benchmark: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
    ddof: int = 1,
    out: Floats | None = None,
) -> Floats:
    """Covariance of `asset` and `benchmark` over a sliding window.

    cov[t] = Sxy / (n - ddof), n complete pairs in the window.

    Parameters, errors, cost and sources are those of `rolling_beta`; `window_size` is at least 2, and `ddof` at
    least 0. Exactly 0 where either side is constant. Within 1e-12 of sd(asset) sd(benchmark).
    """
    chosen = options.window(window_size, window_span, min_samples, least=2, by=by)
    chosen["ddof"] = options.degrees(ddof)
    return _single("rolling_cov", chosen, asset, benchmark, by, out)


def rolling_var(
    values: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
    ddof: int = 1,
    out: Floats | None = None,
) -> Floats:
    """Variance of `values` over a sliding window.

    var[t] = S / (n - ddof), S the centred sum of squares, n values in the window.

    Parameters, errors, cost and sources are those of `rolling_beta`; `window_size` is at least 2, and `ddof` at
    least 0. Exactly 0 for a constant window, whatever came before it. Within 1e-12 of itself.
    """
    chosen = options.window(window_size, window_span, min_samples, least=2, by=by)
    chosen["ddof"] = options.degrees(ddof)
    return _single("rolling_var", chosen, values, None, by, out)


def rolling_regression(
    asset: object,
    benchmark: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
    out: Floats | None = None,
) -> dict[str, Floats]:
    """All readings of the regression of `asset` on `benchmark` over a sliding window.

    - beta = Sxy / Sxx; alpha = mean(asset) - beta mean(benchmark); corr; r_squared = corr^2
    - residual_std = sqrt(SSE / (n - 2)), beta_stderr = residual_std / sqrt(Sxx); 0 for a perfect fit, missing for
      n < 3
    - n, the complete pairs in the window; given also where the rest is missing

    Parameters, errors, cost and sources are those of `rolling_beta`. `out` is one block of shape (7, n), or (7, n, k)
    for k assets; the result's arrays are its rows, in the order of the list above: beta, alpha, corr, r_squared,
    beta_stderr, residual_std, n.

    Returns
    -------
    dict of float64 arrays of the shape of `asset`

    Notes
    -----
    The residual sum of squares is carried in the state and only ever added to (Gentleman 1974), so residual_std
    keeps its digits where the fit is nearly perfect.
    """
    chosen = options.window(window_size, window_span, min_samples, by=by)
    y, x, times = _inputs(asset, benchmark, chosen, by)
    return _block("rolling_regression", chosen, y, [x], times, _REGRESSION, out)


def joint_beta(
    asset: object,
    leaders: object,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: object = None,
    min_samples: int | None = None,
) -> dict[str, Floats]:
    """Betas of `asset` on several leaders at once, over a sliding window.

    Leaders move together, so single betas count one risk several times; these are the coefficients of the multiple
    regression with an intercept.

    Parameters
    ----------
    asset : float64, shape (n,)
    leaders : float64, shape (n, k), or a list or a mapping of arrays of shape (n,)
        1 to 8 leaders, one a column.
    window_size, window_span, by, min_samples
        As in `rolling_beta`, but `window_size` is at least k + 2. A row counts where the asset and all leaders are
        given.

    Returns
    -------
    dict
        "beta" of shape (n, k); "alpha", "r_squared" and "n" of shape (n,). NaN unless n > k + 1, and where a leader
        does not vary or the others explain all but 2^-40 of it.

    Raises
    ------
    ParameterError, DataError, OrderError

    Notes
    -----
    Cholesky factorisation of the leaders' correlation matrix; O(k^2) a row for the window, O(k^3) for the solve.
    """
    y = options.series("asset", asset)
    if not isinstance(leaders, Mapping):
        if not isinstance(leaders, list | tuple):
            table = options.floats("leaders", leaders)
            leaders = list((table[:, np.newaxis] if table.ndim == 1 else table).T)
        leaders = dict(enumerate(leaders))
    options.whole("number of leaders", len(leaders), least=1, most=options.MOST_LEADERS)
    least = options.least_joint_window(len(leaders))
    chosen = options.window(window_size, window_span, min_samples, least=least, by=by)
    columns = [options.series(f"leaders[{name!r}]", values, len(y)) for name, values in leaders.items()]
    times = None if by is None else options.timestamps("by", by, len(y))
    chosen["leaders"] = [str(j) for j in range(len(columns))]
    rows = np.empty((len(columns) + 3, len(y)))
    _comove.run({"estimator": "joint_beta", **chosen}, [y, *columns], times, list(rows))
    return {"beta": rows[: len(columns)].T, "alpha": rows[-3], "r_squared": rows[-2], "n": rows[-1]}


def ewm_beta(
    asset: object, benchmark: object, *, half_life: float, min_samples: int = 2, out: Floats | None = None
) -> Floats:
    """Slope of `asset` on `benchmark`, rows weighted by 2^(-age / half_life).

    Parameters
    ----------
    asset : float64, shape (n,) or (n, k)
    benchmark : float64, shape (n,)
    half_life : float, above 0
        Rows after which a weight has halved. Age is counted in rows, missing ones included.
    min_samples : int, at least 2
        Complete pairs seen before a value is given.
    out : float64, same shape as the result, optional

    Returns
    -------
    float64, shape of `asset`
        NaN where not defined.

    Raises
    ------
    ParameterError, DataError

    Notes
    -----
    Constant work a row. An exponential memory fades but never ends: a bad print leaves a trace of its weight. The
    same as pandas ``ewm(halflife=..., adjust=True, ignore_na=False)`` of the complete pairs (West 1979).
    """
    return _single("ewm_beta", options.ewm(half_life, min_samples), asset, benchmark, None, out)


def ewm_corr(
    asset: object, benchmark: object, *, half_life: float, min_samples: int = 2, out: Floats | None = None
) -> Floats:
    """Correlation of `asset` and `benchmark`, rows weighted by 2^(-age / half_life).

    Parameters, errors, cost and source are those of `ewm_beta`.
    """
    return _single("ewm_corr", options.ewm(half_life, min_samples), asset, benchmark, None, out)


def ewm_cov(
    asset: object, benchmark: object, *, half_life: float, min_samples: int = 2, out: Floats | None = None
) -> Floats:
    """Covariance of `asset` and `benchmark`, rows weighted by 2^(-age / half_life), corrected for bias.

    cov = S / W * W^2 / (W^2 - sum w^2), W the sum of the weights w, S the weighted centred products.

    Parameters, errors, cost and source are those of `ewm_beta`.
    """
    return _single("ewm_cov", options.ewm(half_life, min_samples), asset, benchmark, None, out)


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
    return _block("cross_asset_features", chosen, y, [x], None, _CROSS_ASSET, out)


def parkinson(high: object, low: object, *, out: Floats | None = None) -> Floats:
    """Volatility of each bar from its high and low.

    parkinson = ln(high / low) / sqrt(4 ln 2)

    Parameters
    ----------
    high, low : float64, shape (n,)
        Prices, above 0; NaN where there is none.
    out : float64, shape (n,), optional

    Returns
    -------
    float64, shape (n,)
        Volatility of one bar as a fraction; NaN where a price is missing.

    Raises
    ------
    DataError
        A price that is not above 0, `high` below `low`; shapes that do not fit.

    Notes
    -----
    The standard deviation of the log return of a bar, if prices go without drift or jumps within it. Five times as
    efficient as the squared return (Parkinson 1980). Logarithms are those of the pure-Rust libm, within 1e-15 of
    themselves however narrow the bar.

    Examples
    --------
    >>> from comove import arrays
    >>> arrays.parkinson([101.0, 103.0], [99.0, 103.0]).round(6)
    array([0.012012, 0.      ])
    """
    return _bars("parkinson", {"high": high, "low": low}, out)


def garman_klass(
    open: object,
    high: object,
    low: object,
    close: object,
    *,
    out: Floats | None = None,
) -> Floats:
    """Volatility of each bar from its open, high, low and close.

    garman_klass = sqrt(ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2)

    Parameters, errors and precision are those of `parkinson`; open and close lie from low to high. Seven times as
    efficient as the squared return (Garman and Klass 1980).
    """
    return _bars("garman_klass", {"open": open, "high": high, "low": low, "close": close}, out)


def rolling_spillover(
    asset: object,
    source: object,
    *,
    window_size: int = 240,
    min_samples: int | None = None,
    vol: Vol = "rolling",
    vol_window: int | None = None,
    both: bool = False,
    inference: bool = False,
    stderr: Stderr | None = None,
    spacing: int | None = None,
    newey_west_lags: int | None = None,
    out: Floats | None = None,
) -> dict[str, Floats]:
    """How the volatility of `asset` moves with that of `source`, and how long it remembers a shock.

    Letters: y volatility of the asset, x of the source, S the centred sums of products over the n rows of the window in
    which both are there, m the mean of all y in the window.

    - coefficient = Sxy / Sxx; corr = Sxy / sqrt(Sxx Syy); r_squared = corr^2
    - half_life = ln(1/2) / ln(phi) rows, phi = sum (y_t - m)(y_(t-1) - m) / sum (y_t - m)^2, the first sum over
      neighbours that are both there and in the window; missing unless 0 < phi < 1
    - n, given also where the rest is missing
    - with `inference`: coefficient_stderr and coefficient_p_value (two-sided, of a coefficient of 0)
    - with `both`: reverse_coefficient = Sxy / Syy and reverse_half_life, of x; with `inference` also
      reverse_coefficient_stderr and reverse_coefficient_p_value. corr and r_squared are those of both directions.

    Parameters
    ----------
    asset, source : float64, shape (n,), or a list or mapping of such
        By `vol`: returns; [high, low]; [open, high, low, close]; volatilities. Prices also as a mapping by these
        names. NaN and infinities are missing. Of returns and volatilities `asset` may also have shape (n, k).
    window_size : int, at least 3
        Rows of the window of volatilities.
    min_samples : int, 2 to `window_size`, default `window_size`
        Pairs of volatilities needed before a value is given.
    vol : {"rolling", "parkinson", "garman_klass", "given"}
        Where volatilities come from: the standard deviation (ddof 1) of the returns of `vol_window` rows, all of them
        there; `parkinson` or `garman_klass` of each bar; or they are given.
    vol_window : int, at least 2, default 20
        Only with vol="rolling".
    both : bool
        Whether the source on the asset is wanted too.
    inference : bool
        Whether standard errors and p-values are wanted; they cost a look at every row of every window.
    stderr : {"overlap", "spaced", "newey_west"}, default "overlap" for vol="rolling", "spaced" otherwise
        From all rows, by the returns that rolling volatilities share; from the rows t, t - spacing, t - 2 spacing, ...;
        or from all rows with the Bartlett kernel.
    spacing : int, at least 1, default `vol_window`, or 1 unless vol="rolling"
        Only with stderr="spaced".
    newey_west_lags : int, at least 1, default the larger of 4 (window_size / 100)^(2/9) and the default spacing
        Only with stderr="newey_west".
    out : float64, shape (k, n), optional
        One row for each reading, in the order of the result.

    Returns
    -------
    dict of float64 arrays, shape (n,)
        NaN where not defined.

    Raises
    ------
    ParameterError
        An option out of its bounds; columns that do not go with `vol`.
    DataError
        Shapes that do not fit; a price that is not above 0, or outside low to high.

    Notes
    -----
    "overlap": sqrt(s Q) / Sxx, Q = sum over rows i, j of w(i - j) u_i u_j with u = x - mean(x) and
    w(k) = max(0, 1 - |k| / vol_window), the returns that volatilities share; s = SSE / (n - A - Q / Sxx), A the sum of
    w(i - j) over n. The p-value is Student's with n / sum w(k)^2 - 1 degrees of freedom; missing below 10 vol_window
    pairs. "spaced": the textbook error of the line through the spaced pairs, missing below 10 of them, and the p-value
    of the slope of that line. "newey_west": products of u and residual at lags l, weighted 1 - l / (lags + 1); at
    windows of 240 and 720 it rejects 12 to 24 % of true nulls at 5 %, because of the overlap.

    Of independent returns, "overlap" rejects 4 to 5 % at these windows. It accounts for overlap, and not for volatility
    that clusters: where both series cluster by themselves it rejects some 15 %. The same holds for bars with spacing=1:
    choose a spacing at which the volatility has forgotten its past.

    Rolling volatilities overlap: on pure noise that alone gives a half-life of some ten rows, and makes any two series
    look related. Prefer vol="parkinson", whose bars share nothing. Constant work a row (inference aside), memory of
    eleven columns. What has left the window leaves no trace.

    Examples
    --------
    >>> from comove import arrays
    >>> answer = arrays.rolling_spillover([0.04, 0.02, 0.06], [0.02, 0.01, 0.03], vol="given", window_size=3)
    >>> answer["coefficient"]
    array([nan, nan,  2.])
    """
    chosen = options.spillover(
        window_size,
        min_samples,
        vol=vol,
        vol_window=vol_window,
        stderr=stderr,
        spacing=spacing,
        newey_west_lags=newey_west_lags,
        both=both,
    )
    chosen["inference"] = options.flag("inference", inference)
    (name, first), *rest = options.sides("asset", asset, chosen["vol"])
    y = options.floats(name, first) if not rest else options.series(name, first)
    rest += options.sides("source", source, chosen["vol"])
    others = [options.series(name, column, len(y)) for name, column in rest]
    names = options.spillover_readings(inference=chosen["inference"], both=chosen["both"])
    return _block("rolling_spillover", chosen, y, others, None, names, out)


def _bars(estimator: str, columns: Mapping[str, object], out: Floats | None) -> Floats:
    """Run a volatility of each bar."""
    (name, first), *rest = columns.items()
    y = options.series(name, first)
    others = [options.series(name, column, len(y)) for name, column in rest]
    block = None if out is None else _checked_out(out, y.shape, [y, *others])[np.newaxis]
    result: Floats = _run(estimator, {}, y, others, None, 1, block)[0]
    return result if out is None else out


def cross_correlation(
    asset: object,
    leader: object,
    *,
    window_size: int,
    max_lag: int = 10,
    min_samples: int | None = None,
    out: Floats | None = None,
) -> Floats:
    """Correlation of `asset` and `leader` at every lag, over a sliding window.

    A negative lag means that the leader moved first: lag k pairs leader[t + k] with asset[t]. With s running over the
    rows of the window that ends at t, the pairs are (leader[s + k], asset[s]) for k <= 0 and (leader[s], asset[s - k])
    for k > 0: as many at every lag as the window has rows, and none after t.

    Parameters
    ----------
    asset, leader : float64, shape (n,)
        Returns per step as fractions, oldest first; NaN and infinities are missing. A pair with a missing side is
        skipped, at that lag.
    window_size : int, at least 3
        Rows of the window.
    max_lag : int, 1 to 4096, default 10
        The largest lag L, in rows.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs needed at a lag before its correlation is given.
    out : float64, shape (n, 2 L + 1), optional
        Where to put it, and what is returned then; quickest where it is contiguous.

    Returns
    -------
    float64, shape (n, 2 L + 1)
        Correlations at the lags -L to L; NaN where not defined. The one at lag 0 is `rolling_corr`, bit for bit.

    Raises
    ------
    ParameterError
        An option out of its bounds.
    DataError
        Shapes that do not fit, values that are not numbers.

    Notes
    -----
    At each lag constant work a row, whatever the window; what the lags share is worked out once. Precision as
    `rolling_corr`: within 1e-12 of exact arithmetic, and what has left the window leaves no trace. Box, Jenkins and
    Reinsel (2015), section 12.1, over a window.

    Examples
    --------
    >>> import numpy as np
    >>> from comove import arrays
    >>> leader = np.array([0.3, -0.1, 0.4, 0.1, -0.5, 0.9])
    >>> asset = np.append(np.nan, leader[:-1])  # does what the leader did one row ago
    >>> arrays.cross_correlation(asset, leader, window_size=3, max_lag=1)[-1].round(3)
    array([ 1.   , -0.715, -0.528])
    """
    chosen = options.lags(window_size, min_samples, max_lag)
    y = options.series("asset", asset)
    x = options.series("leader", leader, len(y))
    shape = (len(y), 2 * chosen["max_lag"] + 1)
    result = np.empty(shape) if out is None else _checked_out(out, shape, [y, x])
    place = result if result.flags.c_contiguous else np.empty(shape)
    _comove.run({"estimator": "cross_correlation", **chosen}, [y, x], None, [place.reshape(-1)])
    if place is not result:
        result[:] = place
    return result


def lag_scan(
    asset: object,
    leader: object,
    *,
    window_size: int,
    max_lag: int = 10,
    min_samples: int | None = None,
    inference: bool = False,
    out: Floats | None = None,
) -> dict[str, Floats]:
    """Which lag has the largest correlation, over a sliding window.

    Of the correlations of `cross_correlation`:

    - lag: that of the largest by size; of equal ones the smallest by size, then the negative one. Negative: the leader
      moved first
    - corr: the correlation there
    - llr: sum of the squared correlations at negative lags, divided by that at positive ones; above 1 speaks for the
      leader
    - n: the least number of complete pairs at any lag; given also where the rest is missing
    - with `inference`: p_value (of no relation at any lag), lead_p_value (at any negative lag: small where the leader
      moves first), follow_p_value (at any positive lag: small where the asset does)

    Parameters, errors and cost are those of `cross_correlation`; `asset` may have shape (n, k), and `out` has shape
    (4, n) or (4, n, k), with `inference` 7 instead of 4, in the order of the list. `inference` costs a look at all
    pairs of every window at every lag; the processors share the rows.

    Returns
    -------
    dict of float64 arrays of the shape of `asset`
        NaN unless every lag is defined: the first value comes after `window_size` + `max_lag` rows.

    Notes
    -----
    The largest correlation of many is large by chance, and that of coins is nearly always at lag 0: the whole market
    moves together. Whether anybody leads is another question, which the p-values answer: 1 - lead_p_value is the
    confidence that the leader moves first.

    u and v are what an AR(1) leaves of asset and leader in the window. At k < 0, z is the residual of v[s + k] on
    asset[s - 1] and a constant, and e[s] = u[s] z[s]; at k > 0 the two change places; at 0 e is the product of the
    centred u and v. With S = (sum e)^2 / sum e^2, q = sum e^4 / (sum e^2)^2, z = sqrt(S), f the normal density,
    p_k = P(|N| > z) - q / 6 (z^3 - 3 z) f(z), at least P(|N| > z) / 4; over m lags p = 1 - (1 - min p_k)^m. Missing
    below 10 pairs at any lag. At 5 % they reject 3.7 to 6.8 % of series without a lead, white or AR(1), whatever their
    correlation in the same row, and 2.8 to 6 % under shared volatility (tests/check_size.py). A memory other than an
    AR(1) is not removed: moving averages of -0.3 that correlate by 0.7 are said to lead in 7 to 22 % of windows of 120
    to 1000 rows.

    Lead-lag ratio: Huth and Abergel (2014), section 2.3. P-values: Haugh (1976), Robinson (1991), Lo and MacKinlay
    (1989), Wooldridge (1990), Hall (1992) section 2.3, Sidak (1967).

    Examples
    --------
    >>> import numpy as np
    >>> from comove import arrays
    >>> leader = np.array([0.3, -0.1, 0.4, 0.1, -0.5, 0.9, -0.2, 0.6])
    >>> asset = np.append(np.nan, leader[:-1])  # does what the leader did one row ago
    >>> arrays.lag_scan(asset, leader, window_size=3, max_lag=2)["lag"][-2:]
    array([-1., -1.])
    """
    chosen = options.lags(window_size, min_samples, max_lag)
    y = options.floats("asset", asset)
    x = options.series("leader", leader, len(y))
    chosen["inference"] = options.flag("inference", inference)
    names = _LAG_SCAN + _LAG_TESTS if chosen["inference"] else _LAG_SCAN
    return _block("lag_scan", chosen, y, [x], None, names, out)


def _inputs(
    asset: object, benchmark: object, chosen: Mapping[str, Any], by: object
) -> tuple[Floats, Floats, options.Timestamps | None]:
    y = options.floats("asset", asset)
    x = options.series("benchmark", benchmark, len(y))
    times = options.timestamps("by", by, len(y)) if "window_span" in chosen else None
    return y, x, times


def _single(
    estimator: str, chosen: dict[str, Any], asset: object, benchmark: object, by: object, out: Floats | None
) -> Floats:
    """Run an estimator of one output."""
    if estimator == "rolling_var":
        y = options.floats("values", asset)
        others: list[Floats] = []
        times = options.timestamps("by", by, len(y)) if "window_span" in chosen else None
    else:
        y, x, times = _inputs(asset, benchmark, chosen, by)
        others = [x]
    if out is None:
        result: Floats = _run(estimator, chosen, y, others, times, 1, None)[0]
        return result
    _run(estimator, chosen, y, others, times, 1, _checked_out(out, y.shape, [y, *others, times])[np.newaxis])
    return out


def _block(
    estimator: str,
    chosen: dict[str, Any],
    y: Floats,
    others: list[Floats],
    times: options.Timestamps | None,
    names: tuple[str, ...],
    out: Floats | None,
) -> dict[str, Floats]:
    """Run an estimator of several outputs into one block of memory."""
    block = None if out is None else _checked_out(out, (len(names), *y.shape), [y, *others, times])
    return dict(zip(names, _run(estimator, chosen, y, others, times, len(names), block), strict=True))


def _run(
    estimator: str,
    chosen: dict[str, Any],
    y: Floats,
    others: list[Floats],
    times: options.Timestamps | None,
    outputs: int,
    block: Floats | None,
) -> Floats:
    """Run an estimator column by column; the result has shape (outputs, *y.shape)."""
    if block is None:
        # Each column of each output is contiguous.
        block = np.empty((outputs, *y.shape[::-1]))
        block = block if y.ndim == 1 else block.transpose(0, 2, 1)
    for j in range(1 if y.ndim == 1 else y.shape[1]):
        column = np.ascontiguousarray(y if y.ndim == 1 else y[:, j])
        places = list(block if y.ndim == 1 else block[:, :, j])
        results = [place if place.flags.c_contiguous else np.empty(len(place)) for place in places]
        _comove.run({"estimator": estimator, **chosen}, [column, *others], times, results)
        for place, result in zip(places, results, strict=True):
            if place is not result:
                place[:] = result
    return block


def _checked_out(out: object, shape: tuple[int, ...], inputs: Sequence[npt.NDArray[Any] | None]) -> Floats:
    """Return `out` if results of `shape` can go there."""
    if not isinstance(out, np.ndarray) or out.dtype != np.float64:
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise ParameterError(f"out must be a float64 array, got {kind}", "out")
    if out.shape != shape:
        raise DataError(f"out must have shape {shape}, got {out.shape}", "shape")
    if not out.flags.writeable:
        raise ParameterError("out must be writeable, got a read-only array", "out")
    if any(values is not None and np.may_share_memory(out, values) for values in inputs):
        raise ParameterError("out must not share memory with an input", "out")
    if any(stride == 0 and length > 1 for stride, length in zip(out.strides, out.shape, strict=True)):
        raise ParameterError("out must have a place of its own for every value, got a stride of 0", "out")
    return out
