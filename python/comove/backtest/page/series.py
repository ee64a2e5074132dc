"""Series that the charts draw, reckoned from the rows of equity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from comove.arrays import rolling_regression
from comove.backtest.page.contents import BacktestReport

__all__ = ["LEAST_ROWS", "RollingBeta", "costs_over_time", "drawdowns", "exposures", "monthly_turnover", "rolling_beta"]

_BETA_SECONDS: Final = 30 * 86_400
#: Of daily bars; fewer have errors that say next to nothing.
LEAST_ROWS: Final = 30
#: Of a normal distribution; the interval holds the true value in 95 of 100 cases.
_WIDTH: Final = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RollingBeta:
    """How the strategy's returns moved with those of its first leader, over time."""

    rows: pl.DataFrame
    """``ts``, ``beta``, ``low``, ``high``: over the `window` rows up to each; null with fewer returns than half of
    them."""
    window: int


def rolling_beta(report: BacktestReport) -> RollingBeta:
    """Return the regression of the strategy's returns on those of holding the first leader, over 30 days each.

    Notes
    -----
    Ordinary least squares with an intercept (`comove.arrays.rolling_regression`); its interval takes the returns of
    bars for independent. The value at t uses returns up to t. A row after equity of 0 or less has no return.
    """
    equity = report.equity
    asset, benchmark = _returns(equity["equity"], report.capital), _returns(equity["btc"], report.capital)
    window = max(LEAST_ROWS, round(_BETA_SECONDS / report.step_seconds))
    found = rolling_regression(asset, benchmark, window_size=window, min_samples=window // 2)
    rows = equity.select("ts").with_columns(
        beta=pl.Series(found["beta"]),
        low=pl.Series(found["beta"] - _WIDTH * found["beta_stderr"]),
        high=pl.Series(found["beta"] + _WIDTH * found["beta_stderr"]),
    )
    return RollingBeta(rows=rows.with_columns(pl.exclude("ts").fill_nan(None)), window=window)


def drawdowns(equity: pl.DataFrame) -> pl.DataFrame:
    """Return ``ts``, and how far the strategy and holding the first leader are below their highest so far."""
    held = pl.col("btc")
    return equity.select("ts", strategy="drawdown", btc=held / held.cum_max() - 1.0)


def exposures(equity: pl.DataFrame) -> pl.DataFrame:
    """Return ``ts``, ``long``, ``short`` (as 0 or less), ``net`` as parts of the equity, and ``heat`` as it is.

    Null where the equity is 0 or less: there is nothing that they would be a part of.
    """
    whole = pl.when(pl.col("equity") > 0.0).then("equity")
    return equity.select(
        "ts",
        long=pl.col("long") / whole,
        short=-pl.col("short") / whole + 0.0,
        net=(pl.col("long") - pl.col("short")) / whole,
        heat="heat",
    )


def costs_over_time(equity: pl.DataFrame, capital: float) -> pl.DataFrame:
    """Return ``ts``, profit ``after`` and ``before`` costs and funding, ``costs`` and ``funding``, all cumulated."""
    return equity.select(
        "ts",
        after=pl.col("equity") - capital,
        before=pl.col("equity") - capital + pl.col("costs").cum_sum() + pl.col("funding").cum_sum(),
        costs=pl.col("costs").cum_sum(),
        funding=pl.col("funding").cum_sum(),
    )


def monthly_turnover(equity: pl.DataFrame) -> pl.DataFrame:
    """Return ``month`` (its first day) and ``turnover``: the value of all fills by the mean equity of the month."""
    grouped = equity.group_by(month=pl.col("ts").dt.truncate("1mo"), maintain_order=True)
    rows = grouped.agg(pl.col("traded").sum(), pl.col("equity").mean())
    whole = pl.when(pl.col("equity") > 0.0).then("equity")
    return rows.select("month", turnover=pl.col("traded") / whole)


def _returns(values: pl.Series, capital: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return values by the ones before less 1, the first by the capital; NaN after a value of 0 or less."""
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    before = np.concatenate([[capital], numbers[:-1]])
    usable = before > 0.0
    return np.where(usable, numbers / np.where(usable, before, 1.0) - 1.0, np.nan)
