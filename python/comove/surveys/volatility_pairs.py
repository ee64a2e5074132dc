"""How the volatility of one coin moves with that of another, and how sure that is.

All of it is on the logarithm of volatility. Volatilities are skewed to the right, and a few turbulent candles that two
unrelated coins happen to share decide the slope of levels, whatever the memory: of simulated folders of 47 unrelated
coins (log volatility of deviation 1 and memory 0.98, 2,000 rows) 26 to 35 % then had a pair that was called related,
after Holm's correction at 5 %; with logarithms 1 to 4 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from comove import arrays
from comove._comove import two_sided_student
from comove.features.grid import read_prices
from comove.live import SpilloverMonitor
from comove.options import Floats
from comove.surveys.effective import effective_pairs
from comove.surveys.pairs import LEAST_PAIRS

__all__ = ["COLUMNS", "LEAST_SEPARATE", "LEAST_TESTED", "Candles", "Cause", "Options", "Pair", "read", "regress"]

#: Columns of the candles that each kind of volatility is made of.
COLUMNS: Final = {
    "parkinson": ("high", "low"),
    "garman_klass": ("open", "high", "low", "close"),
    "rolling": ("close",),
}
#: Pairs that a test needs, the bound of `SpilloverMonitor`, and the separate ones they must be worth.
LEAST_TESTED: Final = 10
LEAST_SEPARATE: Final = 4
#: Of a line.
_PARAMETERS: Final = 2


class Cause(StrEnum):
    """Why a pair has no test; of `CONSTANT` it is the end of the sentence."""

    NOTHING_COMMON = "no common candles"
    LENGTHS = "candles differ in length"
    FEW_COMMON = "few common candles"
    TOO_LITTLE = "too little data"
    CONSTANT = "does not vary"
    STILL = "mostly still candles"
    PERFECT = "perfect fit"
    FEW_SEPARATE = "too few to test"


@dataclass(frozen=True, slots=True)
class Pair:
    """What one asset and one source gave; None is missing.

    Coefficient, standard error and p-value are of one regression over all `n` pairs, which are worth `n_effective`
    separate ones.
    """

    asset: str
    source: str
    n: int
    n_effective: float | None = None
    coefficient: float | None = None
    stderr: float | None = None
    corr: float | None = None
    r_squared: float | None = None
    half_life: float | None = None
    reverse_coefficient: float | None = None
    reverse_stderr: float | None = None
    reverse_half_life: float | None = None
    p_value: float | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How volatilities are made and how many rows count."""

    vol: Literal["parkinson", "garman_klass", "rolling"]
    vol_window: int | None
    window: int


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Of one symbol: times, and the volatility of each candle, or the close for a rolling one."""

    times: npt.NDArray[np.int64]
    values: Floats


def read(frame: pl.DataFrame, symbol: str, options: Options) -> Candles:
    """Take from candles what `regress` needs.

    Raises
    ------
    DataError, OrderError
        Times that do not rise, prices that are not above 0.
    """
    read_prices(frame, symbol)
    columns = [frame[name].fill_null(float("nan")).to_numpy() for name in COLUMNS[options.vol]]
    if options.vol == "rolling":
        values = columns[0]
    else:
        values = arrays.parkinson(*columns) if options.vol == "parkinson" else arrays.garman_klass(*columns)
    return Candles(frame["ts"].to_physical().to_numpy(), values)


def regress(asset: str, source: str, candles: Mapping[str, Candles], options: Options) -> Pair:
    """Regress log volatility on log volatility over the last rows of the grid of the two, up to the asset's last."""
    y, x = _volatilities(candles[asset], candles[source], options)
    there = np.isfinite(y), np.isfinite(x)
    if not (there[0].any() and there[1].any()):
        return Pair(asset, source, 0, cause=Cause.NOTHING_COMMON)
    start = max(int(np.argmax(one)) for one in there)
    size = options.window or len(y) - start
    needed = max(LEAST_PAIRS, size // 2)
    needed = min(size, needed) if options.window else needed
    rows = slice(max(start, len(y) - size), None)
    levels = {asset: y[rows], source: x[rows]}
    log_y, log_x = (_log(values) for values in levels.values())
    n = int((np.isfinite(log_y) & np.isfinite(log_x)).sum())
    cause = _why_not(levels, n, needed)
    if cause is not None:
        apart = cause == Cause.FEW_COMMON and _step(candles[asset]) != _step(candles[source])
        return Pair(asset, source, n, cause=Cause.LENGTHS if apart else cause)
    # With a spacing of 1 the standard errors are those of n separate pairs.
    monitor = SpilloverMonitor(window_size=size, min_samples=needed, vol="given", stderr="spaced", spacing=1, both=True)
    monitor.update_many(log_y, log_x)
    pair = Pair(
        asset=asset,
        source=source,
        n=n,
        n_effective=effective_pairs(log_y, log_x),
        coefficient=monitor.coefficient,
        stderr=monitor.coefficient_stderr,
        corr=monitor.corr,
        r_squared=monitor.r_squared,
        half_life=monitor.half_life,
        reverse_coefficient=monitor.reverse_coefficient,
        reverse_stderr=monitor.reverse_coefficient_stderr,
        reverse_half_life=monitor.reverse_half_life,
    )
    return _tested(pair)


def _tested(pair: Pair) -> Pair:
    """Turn the standard errors of n separate pairs into those of the pairs there are, and test."""
    if pair.coefficient is None or pair.stderr is None or pair.reverse_stderr is None or pair.n_effective is None:
        return replace(pair, stderr=None, reverse_stderr=None, cause=Cause.FEW_SEPARATE)
    if pair.stderr == 0:
        return replace(pair, cause=Cause.PERFECT)
    if pair.n_effective < LEAST_SEPARATE:
        return replace(pair, stderr=None, reverse_stderr=None, cause=Cause.FEW_SEPARATE)
    degrees = pair.n_effective - _PARAMETERS
    wider = float(np.sqrt((pair.n - _PARAMETERS) / degrees))
    stderr = pair.stderr * wider
    return replace(
        pair,
        stderr=stderr,
        reverse_stderr=pair.reverse_stderr * wider,
        p_value=two_sided_student(pair.coefficient / stderr, degrees),
    )


def _why_not(levels: Mapping[str, Floats], n: int, needed: int) -> str | None:
    """Return why two volatilities cannot be compared; n rows have both logarithms."""
    there = [np.isfinite(values) for values in levels.values()]
    common = there[0] & there[1]
    if not common.any():
        return Cause.NOTHING_COMMON
    if common.sum() < needed:
        short = min(int(one.sum()) for one in there) < min(needed, LEAST_PAIRS)
        return Cause.TOO_LITTLE if short else Cause.FEW_COMMON
    moving = np.all([values > 0 for values in levels.values()], axis=0)
    # Of a coin that stands still throughout there are no logarithms.
    for rows in (common, moving) if n >= needed else (common,):
        for symbol, values in levels.items():
            if (values[rows] == values[rows][0]).all():
                return f"{symbol} {Cause.CONSTANT}"
    return None if n >= needed else Cause.STILL


def _step(candles: Candles) -> float:
    """Return the usual distance of two candles."""
    return float(np.median(np.diff(candles.times)))


def _volatilities(asset: Candles, source: Candles, options: Options) -> tuple[Floats, Floats]:
    """Return both volatilities on the union of their timestamps, up to the asset's last."""
    grid = np.union1d(asset.times, source.times)
    grid = grid[grid <= asset.times[-1]]

    def laid(one: Candles) -> Floats:
        there = one.times <= grid[-1]
        values = np.full(len(grid), np.nan)
        values[np.searchsorted(grid, one.times[there])] = one.values[there]
        if options.vol_window is None:
            return values
        returns = np.append(np.nan, values[1:] / values[:-1] - 1.0)
        return np.sqrt(arrays.rolling_var(returns, window_size=options.vol_window))

    return laid(asset), laid(source)


def _log(vol: Floats) -> Floats:
    """Return the logarithm, missing where a candle stands still."""
    logs: Floats = np.log(vol, out=np.full(len(vol), np.nan), where=vol > 0)
    return logs
