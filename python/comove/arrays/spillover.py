"""How volatility travels, and volatilities of bars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from comove import options
from comove.arrays.calls import block, checked_out, run
from comove.options import Floats, Stderr, Vol


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

    Parameters and errors are those of `parkinson`; open and close lie from low to high. Seven times as efficient as the
    squared return (Garman and Klass 1980). Within 1e-11 of itself, for the two squares nearly cancel where a bar opens
    and closes at its ends.
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
    newey_west_lags : int, 1 to `window_size` - 1
        Default the larger of 4 (window_size / 100)^(2/9) and the default spacing. Only with stderr="newey_west".
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
    windows of 240 and 720 it rejects 12 to 24 % of true nulls at 5 %, because of the overlap, at 60 rows 46 %, and the
    more the more lags there are; missing below 10 pairs.

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
    return block("rolling_spillover", chosen, y, others, None, names, out)


def _bars(estimator: str, columns: Mapping[str, object], out: Floats | None) -> Floats:
    """Run a volatility of each bar."""
    (name, first), *rest = columns.items()
    y = options.series(name, first)
    others = [options.series(name, column, len(y)) for name, column in rest]
    block = None if out is None else checked_out(out, y.shape, [y, *others])[np.newaxis]
    result: Floats = run(estimator, {}, y, others, None, 1, block)[0]
    return result if out is None else out
