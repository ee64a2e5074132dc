"""What a series of returns per bar says of itself, annualised for markets that never close.

Letters: r simple returns per bar, n of them, m their mean, s their standard deviation (ddof 1), k bars in a year of
365.25 days, E_t = (1 + r_1) ... (1 + r_t) with E_0 = 1.

- total_return = E_n - 1; cagr = E_n^(k / n) - 1; volatility = s sqrt(k)
- sharpe = m / s sqrt(k): of simple returns, without a risk-free rate
- sortino = m / sqrt(mean of min(r, 0)²) sqrt(k): the target is 0, and all bars are counted (Sortino and Price 1994,
  Performance measurement in a downside risk framework, Journal of Investing 3 (3), 59-64)
- max_drawdown = least E_t / max(E_0 ... E_t) - 1, at most 0; calmar = cagr / -max_drawdown
- skew and kurtosis: third and fourth moment of (r - m) over the standard deviation (ddof 0); kurtosis is 3 of a normal
  distribution

What is not defined is NaN in `curve_values` and None outside: ratios of returns that do not vary, growth that float64
cannot hold.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from comove.errors import DataError
from comove.options import Floats, positive, series

__all__ = [
    "CURVE_METRICS",
    "YEAR_SECONDS",
    "bar_sharpe",
    "bars_a_year",
    "curve_returns",
    "curve_values",
    "given_returns",
    "known",
    "moments",
    "return_metrics",
]

#: 365.25 days: leap years are no reason for another ratio, and crypto trades on all of them.
YEAR_SECONDS: Final = 365.25 * 86_400
#: Names of `curve_values`, in its order.
CURVE_METRICS: Final = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")
_NAN: Final = math.nan


def bars_a_year(step_seconds: float) -> float:
    """Return how many bars of `step_seconds` a year of 365.25 days has.

    Raises
    ------
    ParameterError
        `step_seconds` is not above 0.
    """
    return YEAR_SECONDS / positive("step_seconds", step_seconds)


def given_returns(name: str, values: object) -> Floats:
    """Return returns per bar as they are given, checked.

    Raises
    ------
    DataError
        Not a series of numbers, one that is missing, or one of -1 or below: nothing would be left.
    """
    returns = series(name, values)
    bad = ~(np.isfinite(returns) & (returns > -1.0))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{name} must be finite and above -1, got {returns[row]} at row {row}", "returns")
    return returns


def curve_returns(equity: object, capital: float) -> Floats | None:
    """Return the simple return of each bar, the first against the capital.

    Parameters
    ----------
    equity : float64, shape (n,)
        After each bar, finite.
    capital : float, above 0

    Returns
    -------
    float64, shape (n,), or None
        None where the equity is once 0 or below, or falls to less than rounding in a bar: ruin has no returns.

    Raises
    ------
    DataError, ParameterError
    """
    values = series("equity", equity)
    start = positive("capital", capital)
    if not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        raise DataError(f"equity must be finite, got {values[row]} at row {row}", "missing")
    if (values <= 0.0).any():
        return None
    if not len(values):
        return values
    returns = values / np.concatenate(([start], values[:-1])) - 1.0
    return returns if returns.min() > -1.0 else None


def curve_values(returns: Floats, per_year: float) -> tuple[float, ...]:
    """Return the values of `CURVE_METRICS`, NaN where not defined; at least 1 return, all above -1.

    One pass for each over the bars, without checks: a bootstrap calls it a thousand times.
    """
    rows = len(returns)
    # A growth beyond float64 is infinite, and what follows from it not defined.
    with np.errstate(over="ignore", invalid="ignore"):
        growth = np.cumprod(returns + 1.0)
        end = float(growth[-1])
        peak = np.maximum(np.maximum.accumulate(growth), 1.0)
        np.divide(growth, peak, out=growth)
    drawdown = min(float(growth.min()) - 1.0, 0.0)
    cagr = _annual_growth(end, per_year / rows)
    mean = float(returns.mean())
    root = math.sqrt(per_year)
    volatility = sharpe = _NAN
    if rows > 1:
        volatility = 0.0
        # Exactly: the deviations of equal values from their mean may be rounding.
        if returns.min() != returns.max():
            off = returns - mean
            spread = math.sqrt(float(off @ off) / (rows - 1))
            volatility = spread * root
            sharpe = mean / spread * root if spread > 0.0 else _NAN
    losses = np.minimum(returns, 0.0)
    below = math.sqrt(float(losses @ losses) / rows)
    sortino = mean / below * root if below > 0.0 else _NAN
    calmar = cagr / -drawdown if drawdown < 0.0 else _NAN
    return end - 1.0, cagr, volatility, sharpe, sortino, drawdown, calmar


def bar_sharpe(returns: Floats) -> float | None:
    """Return mean over standard deviation (ddof 1) per bar; None where the returns do not vary."""
    if len(returns) < 2 or returns.min() == returns.max():
        return None
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread if spread > 0.0 else None


def moments(returns: Floats) -> tuple[float, float]:
    """Return skewness and kurtosis (3 of a normal distribution); NaN where the returns do not vary."""
    if not len(returns) or returns.min() == returns.max():
        return _NAN, _NAN
    off = returns - returns.mean()
    largest = float(np.abs(off).max())
    if not largest > 0.0:
        return _NAN, _NAN
    off /= largest
    squares = off * off
    variance = float(squares.mean())
    return float((squares * off).mean()) / variance**1.5, float((squares * squares).mean()) / variance**2


def return_metrics(returns: object, step_seconds: float) -> dict[str, float | None]:
    """Return `CURVE_METRICS`, skew and kurtosis of returns per bar, by the formulas of this file's head.

    Parameters
    ----------
    returns : float64, shape (n,), or None
        Simple returns per bar, finite and above -1; None is ruin.
    step_seconds : float, above 0
        Length of a bar.

    Returns
    -------
    dict of str to float or None
        None where not defined: no bars, no variation, no loss (sortino, calmar), ruin.

    Raises
    ------
    DataError, ParameterError

    Examples
    --------
    >>> from comove.backtest.stats import return_metrics
    >>> found = return_metrics([0.10, -0.50, 0.25], 86_400.0)
    >>> found["total_return"], found["max_drawdown"]
    (-0.3125, -0.5)
    """
    per_year = bars_a_year(step_seconds)
    names = (*CURVE_METRICS, "skew", "kurtosis")
    if returns is None:
        return dict.fromkeys(names)
    values = given_returns("returns", returns)
    if not len(values):
        return dict.fromkeys(names)
    # A flat curve has no drawdown and no growth: both are defined, and 0.
    found = (*curve_values(values, per_year), *moments(values))
    return {name: known(value) for name, value in zip(names, found, strict=True)}


def known(value: float) -> float | None:
    """Return a number, or None for one that is not finite."""
    return float(value) if math.isfinite(value) else None


def _annual_growth(end: float, power: float) -> float:
    """Return end^power - 1; NaN beyond float64, which a few bars of a steep curve are."""
    if not 0.0 < end < math.inf:
        return _NAN
    try:
        return math.expm1(power * math.log(end))
    except OverflowError:
        return _NAN
