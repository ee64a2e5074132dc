"""The Sharpe ratio of one that was chosen among several: how likely it is above what luck alone would show.

Letters: S Sharpe ratio per bar (not annualised), n its bars, g3 skewness and g4 kurtosis of the returns (3 of a normal
one), Z the distribution of the standard normal, N trials, V the variance of their Sharpe ratios per bar.

    PSR(S*) = Z[(S - S*) sqrt(n - 1) / sqrt(1 - g3 S + (g4 - 1) / 4 S²)]
    S0      = sqrt(V) ((1 - gamma) Z^-1[1 - 1 / N] + gamma Z^-1[1 - 1 / (N e)]),  gamma = 0.5772...
    DSR     = PSR(S0)

Bailey and Lopez de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15 (2), 3-44; (2014), The
deflated Sharpe ratio, Journal of Portfolio Management 40 (5), 94-107.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from comove.backtest.stats.returns import bar_sharpe, given_returns, moments
from comove.errors import DataError, ParameterError
from comove.options import count, within

__all__ = ["DeflatedSharpe", "deflated_sharpe", "deflated_sharpe_of", "expected_best_sharpe", "probabilistic_sharpe"]

_NORMAL: Final = NormalDist()
#: Euler's.
_GAMMA: Final = float(np.euler_gamma)
_MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflatedSharpe:
    """The Sharpe ratio of the variant that was chosen, and what is left of it; Sharpe ratios are per bar."""

    sharpe: float
    """Of the variant."""
    expected_best: float
    """What the best of as many trials without any skill has on average."""
    trials: int
    """How many variants were tried."""
    variance: float
    """Of their Sharpe ratios."""
    probabilistic: float | None
    """Chance that the true Sharpe ratio is above 0, as if nothing else had been tried."""
    deflated: float | None
    """Chance that it is above `expected_best`; convincing from 0.95."""


def probabilistic_sharpe(
    sharpe: float, *, rows: int, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float | None:
    """Return the chance that the true Sharpe ratio is above `benchmark`, PSR of this file's head.

    Parameters
    ----------
    sharpe, benchmark : float
        Per bar, not annualised.
    rows : int, at least 2
        Bars that `sharpe` is of.
    skew : float
    kurtosis : float, at least 1
        3 of a normal distribution.

    Returns
    -------
    float or None
        None where the variance of the estimate is not above 0, as no returns with such moments have.

    Raises
    ------
    ParameterError

    Notes
    -----
    Bars count as independent; where returns follow each other it is too sure of itself.

    Examples
    --------
    >>> from comove.backtest.stats import probabilistic_sharpe
    >>> round(probabilistic_sharpe(0.1, rows=401), 4)
    0.977
    """
    sharpe = within("sharpe", sharpe, -math.inf, math.inf)
    rows = count("rows", rows, 2, _MOST)
    skew = within("skew", skew, -math.inf, math.inf)
    kurtosis = within("kurtosis", kurtosis, 1.0, math.inf)
    benchmark = within("benchmark", benchmark, -math.inf, math.inf)
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if not 0.0 < variance < math.inf:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt((rows - 1) / variance))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of `trials` without skill has on average, S0 of this file's head.

    Parameters
    ----------
    trials : int, at least 1
        Independent ones; variants that trade alike count for fewer, and the number of all is the cautious one.
    variance : float, at least 0
        Of their Sharpe ratios; in its unit is the answer.

    Returns
    -------
    float
        0 of a single trial.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from comove.backtest.stats import expected_best_sharpe
    >>> round(expected_best_sharpe(100, 0.5), 3)
    1.789
    """
    trials = count("trials", trials, 1, _MOST)
    variance = within("variance", variance, 0.0, math.inf)
    if trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _GAMMA) * first + _GAMMA * second)


def deflated_sharpe(
    sharpe: float, *, rows: int, trials: int, variance: float, skew: float = 0.0, kurtosis: float = 3.0
) -> DeflatedSharpe:
    """Return what is left of a Sharpe ratio that is the best of several, DSR of this file's head.

    Parameters, errors and notes as `probabilistic_sharpe` and `expected_best_sharpe`; all per bar.

    Examples
    --------
    The example of the paper: 2.5 a year over five years of 250 days, 100 trials with a variance of 1/2 a year.

    >>> from comove.backtest.stats import deflated_sharpe
    >>> found = deflated_sharpe(
    ...     2.5 / 250**0.5, rows=1250, trials=100, variance=0.5 / 250, skew=-3.0, kurtosis=10.0
    ... )
    >>> round(found.expected_best, 4), round(found.deflated, 4)
    (0.1132, 0.9004)
    """
    best = expected_best_sharpe(trials, variance)
    return DeflatedSharpe(
        sharpe=sharpe,
        expected_best=best,
        trials=trials,
        variance=variance,
        probabilistic=probabilistic_sharpe(sharpe, rows=rows, skew=skew, kurtosis=kurtosis),
        deflated=probabilistic_sharpe(sharpe, rows=rows, skew=skew, kurtosis=kurtosis, benchmark=best),
    )


def deflated_sharpe_of(chosen: object, tried: Sequence[object]) -> DeflatedSharpe | None:
    """Return what is left of the Sharpe ratio of `chosen`, of all that was `tried`.

    Parameters
    ----------
    chosen : float64, shape (n,)
        Returns per bar of the variant.
    tried : sequence of float64, shape (n,)
        Returns of all variants that were tried, the chosen one among them, over the same bars. One that never trades
        counts as a trial with a Sharpe ratio of 0.

    Returns
    -------
    DeflatedSharpe or None
        None where the returns of `chosen` do not vary.

    Raises
    ------
    DataError
        Other lengths, values that are missing.
    ParameterError
        Nothing was tried.
    """
    if not tried:
        raise ParameterError("tried must hold at least the variant that was chosen, got none", "trials")
    returns = given_returns("chosen", chosen)
    sharpe = bar_sharpe(returns)
    if sharpe is None:
        return None
    others = []
    for place, one in enumerate(tried):
        values = given_returns(f"tried[{place}]", one)
        if len(values) != len(returns):
            raise DataError(f"tried[{place}] must have length {len(returns)}, got {len(values)}", "length")
        others.append(bar_sharpe(values) or 0.0)
    variance = float(np.var(others, ddof=1)) if len(others) > 1 else 0.0
    skew, kurtosis = moments(returns)
    return deflated_sharpe(
        sharpe, rows=len(returns), trials=len(others), variance=variance, skew=skew, kurtosis=kurtosis
    )
