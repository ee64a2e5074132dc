"""What every estimator is, straight from its definition, without rounding until the last step.

A float64 is an integer times a power of two, so a series becomes integers over one common denominator.
Sums of such integers are exact, and so are their differences: prefix sums give every window at once. Only
roots are inexact; they carry more than 64 bits beyond a float64. Exponential weights are irrational: they
are taken to 120 decimal digits.

Letters: x benchmark, y asset, n complete pairs, p = sum x, q = sum y, and centred sums times n, as in
nxy = n * sum(xy) - p * q. `None` in a time argument means a window by rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cases import NAN, Floats

Readings = dict[str, Floats]
PAIR_READINGS = ("beta", "alpha", "corr", "cov", "var", "r_squared", "residual_std", "beta_stderr", "n")


# --- exact building blocks ---


def integers(values: Floats) -> tuple[list[int], int]:
    """The series as integers over one denominator, a power of two; a missing row counts as 0."""
    ratios = [float(v).as_integer_ratio() if math.isfinite(v) else (0, 1) for v in values]
    scale = max((q for _, q in ratios), default=1)
    return [p * (scale // q) for p, q in ratios], scale


def divided(numerator: int, denominator: int) -> float:
    """Correctly rounded quotient; NaN beyond the range of float64."""
    try:
        return numerator / denominator
    except OverflowError:
        return NAN


def root(numerator: int, denominator: int) -> float:
    """Square root of a ratio, from more than 128 correct bits."""
    if numerator == 0:
        return 0.0
    shift = max(0, 280 - numerator.bit_length() + denominator.bit_length())
    shift += shift % 2
    return divided(math.isqrt((numerator << shift) // denominator), 1 << (shift // 2))


def prefix(values: Sequence[int]) -> list[int]:
    return list(accumulate(values, initial=0))


def window_starts(
    rows: int, window_size: int | None, span_ns: int | None, times: NDArray[np.int64] | None
) -> list[int]:
    """First row of each window: the last `window_size` rows, or the rows later than t - span."""
    if window_size is not None:
        return [max(0, t + 1 - window_size) for t in range(rows)]
    assert times is not None
    assert span_ns is not None
    return [int(i) for i in np.searchsorted(times, times - span_ns, side="right")]


# --- one pair ---


def pair(
    asset: Floats,
    benchmark: Floats,
    *,
    window_size: int | None = None,
    span_ns: int | None = None,
    times: NDArray[np.int64] | None = None,
    min_samples: int | None = None,
    ddof: int = 1,
    rows: Sequence[int] | None = None,
) -> Readings:
    """Every reading of a pair, at every row or at the rows asked for, with the moments that scale its error.

    Beside the readings: `var_benchmark`, `mean_asset`, `mean_benchmark`, `sd_asset`, `sd_benchmark` (ddof 1).
    """
    need = min_samples if min_samples is not None else window_size
    assert need is not None
    both = np.isfinite(asset) & np.isfinite(benchmark)
    y, y_unit = integers(np.where(both, asset, 0.0))
    x, x_unit = integers(np.where(both, benchmark, 0.0))
    counts = prefix([int(b) for b in both])
    p, q = prefix(x), prefix(y)
    pp = prefix([a * a for a in x])
    qq = prefix([b * b for b in y])
    pq = prefix([a * b for a, b in zip(x, y, strict=True)])
    starts = window_starts(len(asset), window_size, span_ns, times)
    wanted = range(len(asset)) if rows is None else rows
    names = (*PAIR_READINGS, "var_benchmark", "mean_asset", "mean_benchmark", "sd_asset", "sd_benchmark")
    out = {name: np.full(len(wanted), NAN) for name in names}
    for i, t in enumerate(wanted):
        lo, hi = starts[t], t + 1
        n = counts[hi] - counts[lo]
        out["n"][i] = n
        if n < need:
            continue
        sx, sy = p[hi] - p[lo], q[hi] - q[lo]
        nxx = n * (pp[hi] - pp[lo]) - sx * sx
        nyy = n * (qq[hi] - qq[lo]) - sy * sy
        nxy = n * (pq[hi] - pq[lo]) - sx * sy
        out["mean_benchmark"][i] = divided(sx, n * x_unit)
        out["mean_asset"][i] = divided(sy, n * y_unit)
        out["sd_benchmark"][i] = root(nxx, n * (n - 1) * x_unit**2)
        out["sd_asset"][i] = root(nyy, n * (n - 1) * y_unit**2)
        if n > ddof:
            out["cov"][i] = divided(nxy, n * (n - ddof) * x_unit * y_unit)
            out["var"][i] = divided(nyy, n * (n - ddof) * y_unit**2)
            out["var_benchmark"][i] = divided(nxx, n * (n - ddof) * x_unit**2)
        if nxx == 0:
            continue
        out["beta"][i] = divided(nxy * x_unit, nxx * y_unit)
        out["alpha"][i] = divided(sy * nxx - nxy * sx, n * nxx * y_unit)
        if nyy:
            out["corr"][i] = (1 if nxy >= 0 else -1) * root(nxy * nxy, nxx * nyy)
            out["r_squared"][i] = divided(nxy * nxy, nxx * nyy)
        if n >= 3:
            residual = nxx * nyy - nxy * nxy  # n * nxx * y_unit^2 * SSE
            out["residual_std"][i] = root(residual, n * (n - 2) * nxx * y_unit**2)
            out["beta_stderr"][i] = root(residual * x_unit**2, (n - 2) * nxx * nxx * y_unit**2)
    return out


def var(values: Floats, **window: object) -> Floats:
    """Variance of one series: a row counts if it is there, whatever its neighbours do."""
    return pair(values, values, **window)["var"]  # type: ignore[arg-type]


# --- exponential weights ---


def ewm(asset: Floats, benchmark: Floats, *, half_life: float, min_samples: int = 2) -> Readings:
    """beta, corr, cov and n from moments with weights 2^(-age / half_life), age in rows."""
    names = ("beta", "corr", "cov", "n", "sd_asset", "sd_benchmark")
    out = {name: np.full(len(asset), NAN) for name in names}
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 120, -999999, 999999
        fade = Decimal(2) ** (-1 / Decimal(half_life))
        w = ww = wx = wy = wxx = wyy = wxy = Decimal(0)
        seen_x: set[float] = set()
        seen_y: set[float] = set()
        n = 0
        for t, (b, a) in enumerate(zip(asset.tolist(), benchmark.tolist(), strict=True)):
            w, wx, wy, wxx, wyy, wxy = (s * fade for s in (w, wx, wy, wxx, wyy, wxy))
            ww *= fade * fade
            if math.isfinite(a) and math.isfinite(b):
                x, y = Decimal(a), Decimal(b)
                w, wx, wy, ww = w + 1, wx + x, wy + y, ww + 1
                wxx, wyy, wxy = wxx + x * x, wyy + y * y, wxy + x * y
                seen_x.add(a)
                seen_y.add(b)
                n += 1
            out["n"][t] = n
            if n < min_samples:
                continue
            vary_x, vary_y = len(seen_x) > 1, len(seen_y) > 1
            xx = (wxx - wx * wx / w) if vary_x else Decimal(0)
            yy = (wyy - wy * wy / w) if vary_y else Decimal(0)
            xy = (wxy - wx * wy / w) if vary_x and vary_y else Decimal(0)
            unbiased = w / (w * w - ww)  # (1 / w) * (w^2 / (w^2 - sum of squared weights))
            out["cov"][t] = float(xy * unbiased)
            out["sd_asset"][t] = float((yy * unbiased).sqrt())
            out["sd_benchmark"][t] = float((xx * unbiased).sqrt())
            if vary_x:
                out["beta"][t] = float(xy / xx)
                if vary_y:
                    out["corr"][t] = float(xy / (xx.sqrt() * yy.sqrt()))
    return out


# --- several leaders at once ---


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """Gauss-Jordan elimination without rounding; None for a singular matrix."""
    size = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = next((r for r in range(i, size) if rows[r][i]), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        lead = rows[i][i]
        rows[i] = [v / lead for v in rows[i]]
        for r in range(size):
            if r != i and rows[r][i]:
                factor = rows[r][i]
                rows[r] = [v - factor * u for v, u in zip(rows[r], rows[i], strict=True)]
    return [row[-1] for row in rows]


def joint(
    asset: Floats,
    leaders: Floats,
    *,
    window_size: int | None = None,
    span_ns: int | None = None,
    times: NDArray[np.int64] | None = None,
    min_samples: int | None = None,
    rows: Sequence[int] | None = None,
) -> Readings:
    """Least squares of the asset on all leaders and a constant: beta (n, k), alpha, r_squared, n.

    Missing below k + 2 pairs: with as many pairs as unknowns every line fits, and says nothing.
    """
    need = min_samples if min_samples is not None else window_size
    assert need is not None
    starts = window_starts(len(asset), window_size, span_ns, times)
    wanted = range(len(asset)) if rows is None else rows
    k = leaders.shape[1]
    there = np.isfinite(asset) & np.isfinite(leaders).all(axis=1)
    columns = [
        [Fraction(v) if ok else Fraction(0) for v, ok in zip(column.tolist(), there, strict=True)]
        for column in (*leaders.T, asset)
    ]
    out = {name: np.full(len(wanted), NAN) for name in ("alpha", "r_squared", "n")}
    out["beta"] = np.full((len(wanted), k), NAN)
    for i, t in enumerate(wanted):
        inside = [r for r in range(starts[t], t + 1) if there[r]]
        n = len(inside)
        out["n"][i] = n
        if n < max(need, k + 2):
            continue
        means = [sum(column[r] for r in inside) / n for column in columns]
        centred = [[column[r] - m for r in inside] for column, m in zip(columns, means, strict=True)]
        products = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in centred] for u in centred]
        beta = solve([row[:k] for row in products[:k]], [row[k] for row in products[:k]])
        if beta is None:
            continue
        out["beta"][i] = [float(b) for b in beta]
        out["alpha"][i] = float(means[k] - sum(b * m for b, m in zip(beta, means[:k], strict=True)))
        if products[k][k]:
            explained = sum(b * products[j][k] for j, b in enumerate(beta))
            out["r_squared"][i] = float(explained / products[k][k])
    return out


# --- features from prices ---

FEATURES = ("beta", "correlation", "divergence", "volatility", "relative_momentum")


def _returns(price: Floats, rows: int, kind: str) -> list[Fraction | None]:
    """Return over `rows` rows, where both ends are there."""

    def between(now: float, then: float) -> Fraction | None:
        if not (math.isfinite(now) and math.isfinite(then)):
            return None
        ratio = Fraction(now) / Fraction(then)
        if kind == "simple":
            return ratio - 1
        with localcontext(prec=60):
            return Fraction((Decimal(ratio.numerator) / Decimal(ratio.denominator)).ln())

    values = price.tolist()
    return [None if t < rows else between(values[t], values[t - rows]) for t in range(len(values))]


def cross_asset_features(
    asset_price: Floats,
    leader_price: Floats,
    *,
    window_size: int = 30,
    vol_window: int = 20,
    short: int = 5,
    long: int = 20,
    momentum: int = 10,
    min_samples: int | None = None,
    returns: str = "simple",
    rows: Sequence[int] | None = None,
) -> Readings:
    """The five columns of one leader, with the same moments beside them as `pair`."""
    wanted = range(len(asset_price)) if rows is None else rows
    y, x = (_returns(price, 1, returns) for price in (asset_price, leader_price))
    gap = {
        n: [
            None if a is None or b is None else a - b
            for a, b in zip(_returns(asset_price, n, returns), _returns(leader_price, n, returns), strict=True)
        ]
        for n in (short, long, momentum)
    }
    out = {name: np.full(len(wanted), NAN) for name in (*FEATURES, "sd_asset", "sd_benchmark")}
    need = min_samples if min_samples is not None else window_size
    for i, t in enumerate(wanted):
        window = range(max(0, t + 1 - window_size), t + 1)
        pairs = [(x[r], y[r]) for r in window if x[r] is not None and y[r] is not None]
        if len(pairs) >= need:
            n = len(pairs)
            mx, my = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
            xx = sum((a - mx) ** 2 for a, _ in pairs)
            yy = sum((b - my) ** 2 for _, b in pairs)
            xy = sum((a - mx) * (b - my) for a, b in pairs)
            out["sd_benchmark"][i], out["sd_asset"][i] = (root(s.numerator, s.denominator * (n - 1)) for s in (xx, yy))
            if xx:
                out["beta"][i] = float(xy / xx)
                if yy:
                    square = xy * xy / (xx * yy)
                    out["correlation"][i] = (1 if xy >= 0 else -1) * root(square.numerator, square.denominator)
        leader = [x[r] for r in range(max(0, t + 1 - vol_window), t + 1) if x[r] is not None]
        if len(leader) >= vol_window:
            mean = sum(leader) / len(leader)
            square = sum((a - mean) ** 2 for a in leader) / (len(leader) - 1)
            out["volatility"][i] = root(square.numerator, square.denominator)
        near, far = gap[short][t], gap[long][t]
        if near is not None and far is not None:
            limit = Fraction(1, 5)
            out["divergence"][i] = float(min(max(near - far, -limit), limit) / limit)
        if gap[momentum][t] is not None:
            out["relative_momentum"][i] = float(gap[momentum][t])
    return out


# --- the same question to other libraries, for the cases they pass ---


def numpy_pair(asset: Floats, benchmark: Floats, window_size: int, min_samples: int) -> Readings:
    """Two-pass formulas in float64 on every window alone: right where no window mixes magnitudes."""
    out = {name: np.full(len(asset), NAN) for name in PAIR_READINGS}
    for t in range(len(asset)):
        y, x = asset[max(0, t + 1 - window_size) : t + 1], benchmark[max(0, t + 1 - window_size) : t + 1]
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both], y[both]
        n = len(x)
        out["n"][t] = n
        if n < min_samples:
            continue
        out["cov"][t] = np.cov(x, y)[0, 1]
        out["var"][t] = y.var(ddof=1)
        if np.ptp(x) == 0:
            continue
        dx, dy = x - x.mean(), y - y.mean()
        beta = (dx @ dy) / (dx @ dx)
        out["beta"][t] = beta
        out["alpha"][t] = y.mean() - beta * x.mean()
        if np.ptp(y):
            out["corr"][t] = np.corrcoef(x, y)[0, 1]
            out["r_squared"][t] = out["corr"][t] ** 2
        if n >= 3:
            out["residual_std"][t] = math.sqrt(np.sum((dy - beta * dx) ** 2) / (n - 2))
            out["beta_stderr"][t] = out["residual_std"][t] / math.sqrt(dx @ dx)
    return out


def pandas_pair(asset: Floats, benchmark: Floats, window_size: int, min_samples: int) -> Readings:
    """`var` takes the rows of its own side, so gaps are put into both. Loses digits after a spike."""
    import pandas as pd

    both = np.isfinite(asset) & np.isfinite(benchmark)
    y, x = pd.Series(np.where(both, asset, NAN)), pd.Series(np.where(both, benchmark, NAN))
    window = y.rolling(window_size, min_periods=min_samples)
    return {
        name: values.to_numpy()
        for name, values in {"corr": window.corr(x), "cov": window.cov(x), "var": window.var()}.items()
    }


def pandas_ewm(asset: Floats, benchmark: Floats, half_life: float, min_samples: int) -> Readings:
    """`ignore_na=False` lets missing rows age the rest; `adjust` and `bias` are the pandas defaults."""
    import pandas as pd

    both = np.isfinite(asset) & np.isfinite(benchmark)
    y, x = pd.Series(np.where(both, asset, NAN)), pd.Series(np.where(both, benchmark, NAN))
    fading = y.ewm(halflife=half_life, min_periods=min_samples, ignore_na=False)
    return {"cov": fading.cov(x).to_numpy(), "corr": fading.corr(x).to_numpy()}


def polars_pair(asset: Floats, benchmark: Floats, window_size: int, min_samples: int) -> Readings:
    """polars: wrong at a high level and after a spike, and silent about it."""
    import polars as pl

    both = np.isfinite(asset) & np.isfinite(benchmark)
    frame = pl.DataFrame({"y": np.where(both, asset, NAN), "x": np.where(both, benchmark, NAN)}).fill_nan(None)
    options = {"window_size": window_size, "min_samples": min_samples}
    out = frame.select(corr=pl.rolling_corr("y", "x", **options), cov=pl.rolling_cov("y", "x", **options))
    return {name: out[name].to_numpy() for name in out.columns}


def statsmodels_joint(asset: Floats, leaders: Floats, window_size: int, min_samples: int) -> Readings:
    """RollingOLS; `missing="drop"` skips incomplete rows ("skip" would blank every window that has one)."""
    from statsmodels.regression.rolling import RollingOLS
    from statsmodels.tools.tools import add_constant

    there = np.isfinite(asset) & np.isfinite(leaders).all(axis=1)
    y = np.where(there, asset, NAN)
    x = np.where(there[:, None], leaders, NAN)
    fit = RollingOLS(
        y,
        add_constant(x, has_constant="add"),
        window=window_size,
        min_nobs=min_samples,
        missing="drop",
        expanding=True,
    ).fit()
    return {
        "alpha": fit.params[:, 0],
        "beta": fit.params[:, 1:],
        "stderr": fit.bse[:, 1:],
        "r_squared": fit.rsquared,
        "residual_std": np.sqrt(fit.mse_resid),
    }


Oracle = Callable[[Floats, Floats, int, int], Readings]
