"""How an equity curve moves with a market: beta with standard errors, alpha, correlation."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from comove import arrays
from comove.backtest.stats.returns import bars_a_year, known
from comove.errors import DataError
from comove.options import Floats, series

__all__ = ["MARKET_METRICS", "hac_lags", "market_metrics"]

#: Names of `market_metrics`, in its order.
MARKET_METRICS: Final = ("beta", "beta_stderr", "beta_stderr_hac", "alpha", "correlation", "r_squared", "bars")


def market_metrics(returns: object, market: object, step_seconds: float) -> dict[str, float | None]:
    """Return the regression of returns on those of a market, over all bars at once.

    Parameters
    ----------
    returns, market : float64, shape (n,), or None
        Simple returns per bar; NaN and infinities are missing, and such bars are left out. None is ruin.
    step_seconds : float, above 0
        Length of a bar.

    Returns
    -------
    dict of str to float or None
        beta, alpha (a year: of a bar times the bars of a year), correlation and r_squared as `rolling_regression` has
        them; beta_stderr, its error where residuals are independent and of equal variance; beta_stderr_hac, which needs
        neither; bars, those with both. None where not defined: fewer than 3 bars, a market that does not vary,
        correlation of returns that do not.

    Raises
    ------
    DataError, ParameterError

    Notes
    -----
    beta_stderr_hac = sqrt(sum over l of w_l G_l) / Sxx, with G_l the sums of products of (x - mean(x)) e at lag l, e
    the residuals, w_l = 1 - |l| / (L + 1) and L of `hac_lags`: Newey and West (1987), A simple, positive semi-definite,
    heteroskedasticity and autocorrelation consistent covariance matrix, Econometrica 55 (3), 703-708.
    """
    per_year = bars_a_year(step_seconds)
    if returns is None or market is None:
        return dict.fromkeys(MARKET_METRICS)
    y, x = series("returns", returns), series("market", market)
    if len(x) != len(y):
        raise DataError(f"market must have length {len(y)}, got {len(x)}", "length")
    there = np.isfinite(y) & np.isfinite(x)
    y, x = y[there], x[there]
    rows = len(y)
    if rows < 3:
        return {**dict.fromkeys(MARKET_METRICS), "bars": rows}
    whole = {name: float(values[-1]) for name, values in arrays.rolling_regression(y, x, window_size=rows).items()}
    found = (
        whole["beta"],
        whole["beta_stderr"],
        _hac(y, x, whole["alpha"], whole["beta"]) if math.isfinite(whole["beta"]) else math.nan,
        whole["alpha"] * per_year,
        whole["corr"],
        whole["r_squared"],
    )
    return {**{name: known(value) for name, value in zip(MARKET_METRICS, found, strict=False)}, "bars": rows}


def hac_lags(rows: int) -> int:
    """Return the lags of the Bartlett kernel, 4 (n / 100)^(2/9) rounded down.

    Newey and West (1994), Automatic lag selection in covariance matrix estimation, Review of Economic Studies 61 (4),
    631-653, as a rule of thumb that does not look at the data.
    """
    return min(int(4.0 * (rows / 100.0) ** (2.0 / 9.0)), rows - 1)


def _hac(y: Floats, x: Floats, alpha: float, beta: float) -> float:
    off = x - x.mean()
    scores = off * (y - alpha - beta * x)
    lags = hac_lags(len(y))
    total = float(scores @ scores)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(scores[lag:] @ scores[:-lag])
    return math.sqrt(max(total, 0.0)) / float(off @ off)
