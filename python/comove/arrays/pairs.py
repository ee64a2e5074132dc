"""An asset and its benchmark, or several leaders at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from comove import _comove, options
from comove.arrays.calls import block, inputs, single
from comove.options import Floats, Span

_REGRESSION = ("beta", "alpha", "corr", "r_squared", "beta_stderr", "residual_std", "n")


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
    return single("rolling_beta", chosen, asset, benchmark, by, out)


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
    return single("rolling_corr", chosen, asset, benchmark, by, out)


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
    return single("rolling_cov", chosen, asset, benchmark, by, out)


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
    return single("rolling_var", chosen, values, None, by, out)


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
    y, x, times = inputs(asset, benchmark, chosen, by)
    return block("rolling_regression", chosen, y, [x], times, _REGRESSION, out)


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
    return single("ewm_beta", options.ewm(half_life, min_samples), asset, benchmark, None, out)


def ewm_corr(
    asset: object, benchmark: object, *, half_life: float, min_samples: int = 2, out: Floats | None = None
) -> Floats:
    """Correlation of `asset` and `benchmark`, rows weighted by 2^(-age / half_life).

    Parameters, errors, cost and source are those of `ewm_beta`.
    """
    return single("ewm_corr", options.ewm(half_life, min_samples), asset, benchmark, None, out)


def ewm_cov(
    asset: object, benchmark: object, *, half_life: float, min_samples: int = 2, out: Floats | None = None
) -> Floats:
    """Covariance of `asset` and `benchmark`, rows weighted by 2^(-age / half_life), corrected for bias.

    cov = S / W * W^2 / (W^2 - sum w^2), W the sum of the weights w, S the weighted centred products.

    Parameters, errors, cost and source are those of `ewm_beta`.
    """
    return single("ewm_cov", options.ewm(half_life, min_samples), asset, benchmark, None, out)
