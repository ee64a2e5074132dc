"""Correlations at every lag, and who moves first."""

from __future__ import annotations

import numpy as np

from comove import _comove, options
from comove.arrays.calls import block, checked_out
from comove.options import Floats

_LAG_SCAN = ("lag", "corr", "llr", "n")
_LAG_TESTS = ("p_value", "lead_p_value", "follow_p_value")


def cross_correlation(
    asset: object,
    leader: object,
    *,
    window_size: int,
    max_lag: int = 10,
    min_samples: int | None = None,
    threads: int | None = None,
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
    threads : int, at least 1, optional
        At most so many share the rows, as many as there are processors by default; short series take one. Their number
        changes no bit.
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
    chosen["threads"] = options.thread_count(threads)
    y = options.series("asset", asset)
    x = options.series("leader", leader, len(y))
    shape = (len(y), 2 * chosen["max_lag"] + 1)
    result = np.empty(shape) if out is None else checked_out(out, shape, [y, x])
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
    threads: int | None = None,
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
    pairs of every window at every lag.

    Returns
    -------
    dict of float64 arrays of the shape of `asset`
        NaN unless every lag is defined: the first value comes in row `min_samples` + `max_lag`.

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
    chosen["threads"] = options.thread_count(threads)
    y = options.floats("asset", asset)
    x = options.series("leader", leader, len(y))
    chosen["inference"] = options.flag("inference", inference)
    names = _LAG_SCAN + _LAG_TESTS if chosen["inference"] else _LAG_SCAN
    return block("lag_scan", chosen, y, [x], None, names, out)
