"""How sure the figures of a backtest are: intervals by the stationary bootstrap.

Replications are made of blocks of bars with a random beginning and a geometric length, so that what follows each other
stays together (Politis and Romano 1994, The stationary bootstrap, Journal of the American Statistical Association 89,
1303-1313). The mean length is chosen from the data (Politis and White 2004, Econometric Reviews 23 (1), 53-70, as
corrected by Patton, Politis and White 2009, 28 (4), 372-375), as the longest of those of

- the returns: what trends or reverts;
- their squared deviations: volatility clusters where the returns themselves look independent;
- with a benchmark, of (x - mean(x)) e, x its returns and e the residuals of the regression on it, of which beta's error
  is made.

Drawing and block lengths are those of the package arch.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from comove.backtest.stats.returns import CURVE_METRICS, bars_a_year, curve_values, given_returns, known
from comove.errors import ComoveError, DataError
from comove.options import Floats, count, within

__all__ = ["INTERVALS", "Interval", "block_length", "bootstrap_intervals", "check_arch"]

#: Names of the intervals; the last three need a benchmark.
INTERVALS: Final = (*CURVE_METRICS, "beta", "excess_cagr", "excess_return")
#: Fewer bars have no blocks to speak of.
_LEAST_ROWS: Final = 30
_MOST_REPLICATIONS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and between what it may lie."""

    value: float
    """As it was measured."""
    low: float
    high: float


def check_arch() -> None:
    """Refuse to begin what is to end in intervals without arch.

    Raises
    ------
    ComoveError
        arch is not installed.
    """
    _arch()


def block_length(returns: object, benchmark: object = None) -> float:
    """Return the mean length of blocks that `bootstrap_intervals` chooses, in bars.

    Parameters
    ----------
    returns, benchmark : as of `bootstrap_intervals`

    Returns
    -------
    float, at least 1
        At most 3 sqrt(n), or a third of n. 1 where nothing varies.

    Raises
    ------
    ComoveError
        arch is not installed.
    DataError
        As `bootstrap_intervals`, and fewer than 30 returns.
    """
    y = given_returns("returns", returns)
    x = None if benchmark is None else _benchmark(benchmark, len(y))
    if len(y) < _LEAST_ROWS:
        raise DataError(f"returns must have at least {_LEAST_ROWS} rows, got {len(y)}", "too_few")
    return _block_length(y, x)


def bootstrap_intervals(
    returns: object,
    *,
    step_seconds: float,
    benchmark: object = None,
    replications: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval | None]:
    """Return percentile intervals of the figures of an equity curve.

    Parameters
    ----------
    returns : float64, shape (n,), or None
        Simple returns per bar, finite and above -1; None is ruin.
    step_seconds : float, above 0
        Length of a bar.
    benchmark : float64, shape (n,), optional
        Returns of the benchmark over the same bars: a replication draws both together.
    replications : int, at least 100
    level : float, 0.5 to 0.999
        How often such an interval is to hold the truth.
    seed : int, at least 0

    Returns
    -------
    dict of str to Interval or None
        The names of `INTERVALS`, without the last three where there is no benchmark: `CURVE_METRICS` as
        `return_metrics` has them; beta to the benchmark; excess_cagr = cagr less that of the benchmark; excess_return =
        the difference of the mean returns, a year. None where the figure is not defined, or is not in more than half of
        1 - `level` of the replications, as of a strategy that hardly ever trades; where returns do not vary; below 30
        bars.

    Raises
    ------
    ComoveError
        arch is not installed.
    DataError, ParameterError

    Notes
    -----
    How often nominal 95 % intervals hold the truth, measured over 300 series of 2,000 bars each (tests have fewer):

    - AR(1) with coefficient 0.3 and Student's t with 5 degrees of freedom: sharpe, sortino and cagr 95 to 96 %,
      volatility 92 %, beta with residuals that spread with the market 92 %, max_drawdown and calmar 95 to 97 %
    - GARCH(1,1) with persistence 0.98: all 94 to 95 %, volatility only 75 %: it forgets too slowly. At 6,000 bars
      volatility 88 %, beta 89 %. With blocks chosen from the returns alone, as is usual, volatility has 35 %.

    Basic and bias-corrected intervals are no better for those, and fail for max_drawdown (73 and 85 %). Its truth is
    the median of the drawdowns of such a market over as many bars. What was measured is one draw of many: another draw
    lies in the interval in only 82 to 87 %.

    24,000 bars and 1,000 replications take about two seconds; memory is that of a few columns, whatever the number of
    replications.
    """
    per_year = bars_a_year(step_seconds)
    draws = count("replications", replications, 100, _MOST_REPLICATIONS)
    level = within("level", level, 0.5, 0.999)
    seed = count("seed", seed, 0, 2**63 - 1)
    names = INTERVALS if benchmark is not None else CURVE_METRICS
    if returns is None:
        return dict.fromkeys(names)
    y = given_returns("returns", returns)
    x = None if benchmark is None else _benchmark(benchmark, len(y))
    if len(y) < _LEAST_ROWS or y.min() == y.max():
        return dict.fromkeys(names)
    measured = _figures(y, x, per_year)
    drawn = np.empty((draws, len(measured)))
    for place, rows in enumerate(_indices(len(y), _block_length(y, x), draws, seed)):
        drawn[place] = _figures(y.take(rows), None if x is None else x.take(rows), per_year)
    tail = (1.0 - level) / 2.0
    return {name: _interval(value, column, tail) for name, value, column in zip(names, measured, drawn.T, strict=True)}


def _figures(y: Floats, x: Floats | None, per_year: float) -> tuple[float, ...]:
    """Return the values of `INTERVALS`, or of `CURVE_METRICS` without a benchmark."""
    curve = curve_values(y, per_year)
    if x is None:
        return curve
    off = x - x.mean()
    # Exactly: what is left of equal values by rounding is no variation.
    beta = float(off @ y) / float(off @ off) if x.min() != x.max() else math.nan
    other = float(np.log1p(x).sum()) * per_year / len(x)
    growth = math.expm1(other) if other < 700.0 else math.nan
    return (*curve, beta, curve[1] - growth, float((y - x).mean()) * per_year)


def _interval(value: float, drawn: Floats, tail: float) -> Interval | None:
    there = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(drawn) - len(there) > tail * len(drawn):
        return None
    low, high = np.quantile(there, [tail, 1.0 - tail])
    return Interval(value=value, low=float(low), high=float(high))


def _block_length(y: Floats, x: Floats | None) -> float:
    off = y - y.mean()
    columns = [off, off * off]
    if x is not None and x.min() != x.max():
        around = x - x.mean()
        columns.append(around * (off - float(around @ off) / float(around @ around) * around))
    # Scaled: products of small returns are far from 1. What does not vary has no dependence to keep.
    told = [column / np.abs(column).max() for column in columns if column.min() != column.max()]
    if not told:
        return 1.0
    lengths = [known(float(each)) for each in _arch().optimal_block_length(np.column_stack(told))["stationary"]]
    return max(1.0, *(each for each in lengths if each is not None))


def _indices(rows: int, length: float, draws: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of each replication."""
    drawing = _arch().StationaryBootstrap(length, np.arange(rows), seed=np.random.default_rng(seed))
    for (index,), _ in drawing.bootstrap(draws):
        yield index


def _benchmark(values: object, rows: int) -> Floats:
    x = given_returns("benchmark", values)
    if len(x) != rows:
        raise DataError(f"benchmark must have length {rows}, got {len(x)}", "length")
    return x


def _arch() -> Any:
    try:
        return importlib.import_module("arch.bootstrap")
    except ImportError as error:
        raise ComoveError(
            "intervals need arch, which is not installed: pip install comove[backtest]", "extra"
        ) from error
