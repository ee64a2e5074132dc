"""Figures of trades, regimes, months, sources and of the largest drawdown in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from comove.backtest.stats.returns import bar_sharpe, bars_a_year, known
from comove.errors import DataError
from comove.options import Floats

__all__ = ["UNKNOWN", "attribution_by_source", "drawdown_times", "months_of", "regimes_of", "trades_by", "trades_of"]

#: What has no regime, or no name.
UNKNOWN: Final = "unknown"
_TIMES: Final = ("drawdown_from", "drawdown_low", "drawdown_to", "drawdown_days")
_NS: Final = 1_000_000_000

# Groups keep their order: without it threads share the rows of a group out by chance, and its sum with them.


def trades_of(trades: pl.DataFrame) -> dict[str, Any]:
    """Return count, net, mean_net, hit_rate, profit_factor, mean_rows, costs and funding of trades.

    hit_rate is the part with a net above 0; profit_factor the sum of these nets over the sum of the losses, None where
    nothing was lost. Without trades all but the count are None.
    """
    return _stats(trades.select(_TRADES).row(0, named=True))


def trades_by(trades: pl.DataFrame, name: str) -> dict[str, dict[str, Any]]:
    """Return the figures of `trades_of` by the values of a column, in the order of their names."""
    groups = trades.with_columns(_named(name)).group_by(name, maintain_order=True).agg(_TRADES).sort(name)
    return {row.pop(name): _stats(row) for row in groups.iter_rows(named=True)}


def regimes_of(regimes: pl.Series, returns: Floats | None, step_seconds: float) -> dict[str, dict[str, Any]]:
    """Return how much was earned in which regime, in the order of their names.

    Parameters
    ----------
    regimes : polars.Series of str, shape (n,)
        Of the market after each bar: the return of a bar belongs to that of the bar before, which was known when the
        positions were taken. The first bar, and bars after one without a regime, are of "unknown".
    returns : float64, shape (n,), or None
        Simple returns; None is ruin.
    step_seconds : float, above 0

    Returns
    -------
    dict of str to dict
        bars; share of all bars; total_return, of these bars one after the other; mean_return and volatility a year;
        sharpe.
    """
    per_year = bars_a_year(step_seconds)
    before = regimes.cast(pl.String).shift(1).fill_null(UNKNOWN).to_numpy()
    answer = {}
    for name in sorted(set(before.tolist())):
        chosen = before == name
        bars = int(chosen.sum())
        found: dict[str, Any] = {"bars": bars, "share": bars / len(before)}
        figures = dict.fromkeys(("total_return", "mean_return", "volatility", "sharpe"))
        answer[name] = found | (figures if returns is None else _regime(returns[chosen], per_year))
    return answer


def months_of(times: pl.Series, curves: Mapping[str, Floats | None]) -> list[dict[str, Any]]:
    """Return the compounded return of each month (UTC) in which there is a bar, in the order of time.

    Parameters
    ----------
    times : polars.Series of Datetime, shape (n,)
    curves : mapping of str to float64, shape (n,), or None
        Simple returns by name; NaN is a bar without one. None is ruin.

    Returns
    -------
    list of dict
        year, month, and the return of each curve by name, None where it has none in that month.
    """
    frame = pl.DataFrame({"ts": times}).select(year=pl.col("ts").dt.year(), month=pl.col("ts").dt.month())
    growth = [
        pl.Series(name, [None] * len(times) if returns is None else np.log1p(returns), pl.Float64).fill_nan(None)
        for name, returns in curves.items()
    ]
    sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).otherwise(None).alias(name) for name in curves]
    months = frame.with_columns(growth).group_by("year", "month", maintain_order=True).agg(sums).sort("year", "month")
    return [
        {
            name: value if name in ("year", "month") or value is None else known(float(np.expm1(value)))
            for name, value in row.items()
        }
        for row in months.iter_rows(named=True)
    ]


def attribution_by_source(attribution: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the trades each source had a share in, and its part of their net, in the order of names."""
    groups = (
        attribution.with_columns(_named("source"))
        .group_by("source", maintain_order=True)
        .agg(trades=pl.col("trade").n_unique(), net=pl.col("net").sum())
        .sort("source")
    )
    return {row["source"]: {"trades": row["trades"], "net": row["net"]} for row in groups.iter_rows(named=True)}


def drawdown_times(times: pl.Series, equity: Floats | None, capital: float, step_seconds: float) -> dict[str, Any]:
    """Return when the largest drawdown began, was deepest and was made good, and the days from first to last.

    Parameters
    ----------
    times : polars.Series of Datetime, shape (n,)
    equity : float64, shape (n,), or None
        All above 0; None is ruin.
    capital : float, above 0
        The first peak, a bar before the first.
    step_seconds : float, above 0

    Returns
    -------
    dict
        drawdown_from, drawdown_low, drawdown_to as ISO texts, drawdown_days; None where there is none, and of the last
        two where it was not made good.

    Raises
    ------
    DataError
        Times that do not rise.
    """
    answer: dict[str, Any] = dict.fromkeys(_TIMES)
    if equity is None or not len(equity):
        return answer
    bars = times.dt.epoch("ns").to_numpy()
    if (np.diff(bars) <= 0).any():
        raise DataError("ts must rise from row to row", "order")
    when = np.concatenate(([bars[0] - round(step_seconds * _NS)], bars))
    worth = np.concatenate(([capital], equity))
    peaks = np.maximum.accumulate(worth)
    low = int((worth / peaks).argmin())
    if not worth[low] < peaks[low]:
        return answer
    top = peaks[low]
    # The last bar at the peak: from there on it went down.
    first = int(np.flatnonzero(worth[:low] == top)[-1])
    answer |= {"drawdown_from": _iso(when[first]), "drawdown_low": _iso(when[low])}
    again = np.flatnonzero(worth[low:] >= top)
    if len(again):
        last = low + int(again[0])
        days = float(when[last] - when[first]) / (86_400.0 * _NS)
        answer |= {"drawdown_to": _iso(when[last]), "drawdown_days": days}
    return answer


_NET: Final = pl.col("net")
_TRADES: Final = (
    pl.len().alias("count"),
    _NET.sum().alias("net"),
    (_NET > 0).sum().alias("hits"),
    _NET.filter(_NET > 0).sum().alias("won"),
    _NET.filter(_NET < 0).sum().alias("lost"),
    pl.col("rows").cast(pl.Float64).mean().alias("mean_rows"),
    pl.col("costs").sum(),
    pl.col("funding").sum(),
)


def _stats(row: Mapping[str, Any]) -> dict[str, Any]:
    count = row["count"]
    if not count:
        names = ("net", "mean_net", "hit_rate", "profit_factor", "mean_rows", "costs", "funding")
        return {"count": 0, **dict.fromkeys(names)}
    return {
        "count": count,
        "net": row["net"],
        "mean_net": row["net"] / count,
        "hit_rate": row["hits"] / count,
        "profit_factor": known(row["won"] / -row["lost"]) if row["lost"] < 0 else None,
        "mean_rows": row["mean_rows"],
        "costs": row["costs"],
        "funding": row["funding"],
    }


def _regime(returns: Floats, per_year: float) -> dict[str, float | None]:
    sharpe = bar_sharpe(returns)
    return {
        "total_return": known(float(np.expm1(np.log1p(returns).sum()))),
        "mean_return": known(float(returns.mean()) * per_year),
        # Of a regime of a single bar nobody knows.
        "volatility": known(float(returns.std(ddof=1)) * per_year**0.5) if len(returns) > 1 else None,
        "sharpe": None if sharpe is None else sharpe * per_year**0.5,
    }


def _named(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null(UNKNOWN)


def _iso(nanoseconds: int) -> str:
    whole, rest = divmod(int(nanoseconds), _NS)
    return (dt.datetime.fromtimestamp(whole, dt.UTC) + dt.timedelta(microseconds=rest // 1000)).isoformat()
