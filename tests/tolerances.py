"""How far an answer may be from exact arithmetic, each bound with its reason, and in which scale.

An error of 1e-12 means nothing without a scale: a covariance of 1e-9 between two series at 1e12 is right
or wrong by sd(x) sd(y) of its window, whatever the level. `judge` is the only place where answers
and exact readings are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cases import Floats

# The contract (design.md section 5): corr absolute, beta, cov and var of their natural scale.
CORR = 1e-12
BETA = 1e-12
COV = 1e-12
VAR = 1e-12

# r_squared = corr^2, so its error is twice that of corr.
R_SQUARED = 2e-12

# alpha = mean(y) - beta mean(x): each term may be wrong by 1e-12 of its own scale.
ALPHA = 1e-12

# The contract (section 4): 1e-8 relative at noise-to-signal 1e-3. SSE = Syy - beta Sxy has an error in
# proportion to Syy, so below that noise the relative error of the root may grow as (signal / noise)^2:
# 1e-14 of Syy in SSE is 0.5e-8 of residual_std at 1e-3.
RESIDUAL_STD = 1e-8
SSE_OF_SYY = 1e-14

# sqrt(SSE_OF_SYY (n - 1) / (n - 2)), n = 3: all that may be left of a perfect fit.
PERFECT_FIT = 1.5e-7

# Exponential weights come from one rounded power each; errors fade with the rows that made them.
EWM = 1e-10

# Solving for k leaders multiplies errors by the condition of their correlations: below 1e2 in the cases here.
JOINT = 1e-10

# Returns are rounded before they are used (half an ulp of 1 on a return of 1e-3 is 1e-13 of it).
FEATURES = 1e-12

# The contrast of ticks, of sqrt(sum of x^2 sum of y^2): what the core promises; the worst measured is below 1e-14.
TICKS = 1e-12
# NumPy's differences of logs lose the digits of the level, 1e-16 of 5 on steps of 1e-3; the worst is below 1e-13.
TICKS_NUMPY = 1e-12

# Other libraries, on the cases they pass: they round more than we do.
NUMPY = 1e-9
PANDAS = 1e-9
POLARS = 1e-9
STATSMODELS = 1e-8

# Two answers for the same window from different first rows (section 2).
OTHER_FIRST_ROW = 1e-12

# float64 holds squares from here (smallest normal number) to there; outside, a reading may be missing.
SMALLEST_SQUARE = 2.3e-308
LARGEST_SQUARE = 1.7e308


@dataclass(frozen=True)
class Bound:
    """|answer - exact| <= relative * scale, entry by entry."""

    relative: float
    scale: Floats


def pair_bounds(exact: Mapping[str, Floats]) -> dict[str, Bound]:
    """The bound of every reading of a pair, from the moments that `oracles.pair` gives beside it."""
    sd_y, sd_x = exact["sd_asset"], exact["sd_benchmark"]
    with np.errstate(all="ignore"):
        slope = sd_y / sd_x
        one = np.ones_like(sd_x)
        noise = np.abs(exact["residual_std"])
        n = exact["n"]
        # d(std) = d(SSE) / (2 std (n - 2)), Syy = sd_y^2 (n - 1); where std is 0 the root of the error stays.
        from_sse = np.where(noise > 0, 0.5 * SSE_OF_SYY * sd_y / noise * (n - 1) / (n - 2), np.inf) * sd_y
        residual = np.maximum(RESIDUAL_STD * noise, np.minimum(from_sse, PERFECT_FIT * sd_y))
        sxx_root = sd_x * np.sqrt(n - 1)
        bounds = {
            "beta": Bound(BETA, slope),
            "alpha": Bound(ALPHA, np.abs(exact["mean_asset"]) + slope * np.abs(exact["mean_benchmark"]) + sd_y),
            "corr": Bound(CORR, one),
            "cov": Bound(COV, sd_x * sd_y),
            "var": Bound(VAR, sd_y**2),
            "var_benchmark": Bound(VAR, sd_x**2),
            "r_squared": Bound(R_SQUARED, one),
            "residual_std": Bound(1.0, residual),
            "beta_stderr": Bound(1.0, residual / sxx_root + 1e-15 * np.abs(exact["beta_stderr"])),
            "n": Bound(0.0, one),
        }
    return bounds


def ewm_bounds(exact: Mapping[str, Floats]) -> dict[str, Bound]:
    sd_y, sd_x = exact["sd_asset"], exact["sd_benchmark"]
    with np.errstate(all="ignore"):
        return {
            "beta": Bound(EWM, sd_y / sd_x),
            "cov": Bound(EWM, sd_x * sd_y),
            "corr": Bound(EWM, np.ones_like(sd_x)),
            "n": Bound(0.0, np.ones_like(sd_x)),
        }


def out_of_range(exact: Mapping[str, Floats]) -> np.ndarray:
    """Rows in which a sum of squares, or one product in it, is not an ordinary float64."""
    with np.errstate(all="ignore"):
        degrees = np.maximum(exact["n"] - 1, 1)
        squares = [exact[name] ** 2 * degrees for name in ("sd_asset", "sd_benchmark")]
        small = [
            (s < SMALLEST_SQUARE) & (exact[name] > 0)
            for s, name in zip(squares, ("sd_asset", "sd_benchmark"), strict=True)
        ]
        large = [s > LARGEST_SQUARE for s in squares]
    return np.logical_or.reduce([*small, *large])


def worst(answer: Floats, exact: Floats, bound: Bound) -> tuple[float, int]:
    """The largest error over its bound, and its row. Missing must answer missing; inf is never an answer."""
    answer, exact = np.asarray(answer, dtype=float), np.asarray(exact, dtype=float)
    assert answer.shape == exact.shape, (answer.shape, exact.shape)
    if not exact.size:
        return 0.0, -1
    with np.errstate(all="ignore"):
        allowed = bound.relative * np.broadcast_to(bound.scale, exact.shape)
        error = np.abs(answer - exact)
        ratio = np.where(error == 0, 0.0, error / allowed)
    ratio = np.where(np.isnan(answer) & np.isnan(exact), 0.0, ratio)
    ratio = np.where(np.isnan(ratio) | np.isinf(answer), np.inf, ratio)
    row = int(np.argmax(ratio))
    return float(ratio.flat[row]), row


def judge(what: str, answer: Floats, exact: Floats, bound: Bound, *, allow_missing: np.ndarray | None = None) -> None:
    """Fail with the row and both numbers when an answer is further from exact than its bound allows."""
    answer = np.asarray(answer, dtype=float)
    if allow_missing is not None:
        answer = np.where(allow_missing & np.isnan(answer), exact, answer)
    ratio, row = worst(answer, exact, bound)
    assert ratio <= 1.0, (
        f"{what}: error {ratio:.3g} times the bound at flat row {row}: "
        f"{answer.flat[row]!r} instead of {np.asarray(exact).flat[row]!r}"
    )
