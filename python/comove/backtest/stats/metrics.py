"""All figures of a backtest as one dict, from its frames.

Letters: n bars, years = n bars over the bars of a year of 365.25 days, so a hole in the candles is no time.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from comove.backtest.stats.market import MARKET_METRICS, market_metrics
from comove.backtest.stats.returns import YEAR_SECONDS, bars_a_year, curve_returns, known, return_metrics
from comove.backtest.stats.tables import (
    attribution_by_source,
    drawdown_times,
    months_of,
    regimes_of,
    trades_by,
    trades_of,
)
from comove.errors import DataError
from comove.options import Floats, positive

__all__ = ["ATTRIBUTION_COLUMNS", "EQUITY_COLUMNS", "TRADE_COLUMNS", "metrics", "returns_of"]

#: What `metrics` reads of each frame.
EQUITY_COLUMNS: Final = (
    *("ts", "equity", "long", "short", "regime", "positions", "costs", "funding", "traded", "btc", "equal"),
)
TRADE_COLUMNS: Final = ("side", "costs", "funding", "net", "rows", "reason", "regime")
ATTRIBUTION_COLUMNS: Final = ("trade", "source", "net")
_BENCHMARKS: Final = ("btc", "equal")


def returns_of(equity: pl.DataFrame, name: str, capital: float) -> Floats | None:
    """Return the simple returns of a curve of `Report.equity`, NaN where it has no price yet; None is ruin.

    Parameters
    ----------
    equity : polars.DataFrame
        `Report.equity`.
    name : {"equity", "btc", "equal"}
        The first bar that has a value is compared with the capital.
    capital : float, above 0

    Raises
    ------
    DataError
        No such column; a value that is missing, but for the first ones of a benchmark.
    ParameterError
    """
    _has("equity", equity, (name,))
    values = equity[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    absent = 0
    if name != "equity":
        there = equity[name].is_not_null().to_numpy()
        absent = int(there.argmax()) if there.any() else len(values)
    returns = curve_returns(values[absent:], capital)
    if returns is None:
        return None
    answer = values.copy()
    answer[:absent] = float("nan")
    answer[absent:] = returns
    return answer


def metrics(
    equity: pl.DataFrame,
    trades: pl.DataFrame,
    attribution: pl.DataFrame | None = None,
    *,
    capital: float,
    step_seconds: float,
) -> dict[str, Any]:
    """Return all figures of a backtest, ready for JSON: numbers, texts, None, and dicts and lists of these.

    Parameters
    ----------
    equity, trades, attribution : polars.DataFrame
        As `Report` has them; `EQUITY_COLUMNS`, `TRADE_COLUMNS` and `ATTRIBUTION_COLUMNS` are read.
    capital : float, above 0
        What the account began with.
    step_seconds : float, above 0
        Length of a bar.

    Returns
    -------
    dict of str to object
        None wherever a figure is not defined: it is never 0 or infinite instead. Fractions, not percent.

        - bars, years, year_days (365.25), ruined (whether equity was once 0 or below)
        - strategy, btc, equal: `return_metrics`, and the largest drawdown in time: drawdown_from, drawdown_low,
          drawdown_to (ISO texts) and drawdown_days (from its peak to its recovery; None where it did not recover)
        - market: `market_metrics` on btc, and over the bars with both excess_cagr and excess_return (of the means, a
          year)
        - exposure: time_in_market (part of the bars with a position), mean_gross and mean_net (of equity),
          mean_positions
        - costs: costs, funding (paid; negative is received) and traded in money; costs_per_year, funding_per_year and
          turnover, these over the mean equity and the years
        - trades: all (count, net, mean_net, hit_rate, profit_factor, mean_rows, costs, funding), by_side, by_reason,
          by_regime (at the entry): the same by name
        - regimes: by name bars, share, total_return, mean_return (a year), volatility, sharpe; a bar's return belongs
          to the regime that was known before the bar
        - months: a list of year, month, return, btc, equal, compounded; a bar belongs to the month of its ts
        - attribution: by source trades and net

    Raises
    ------
    DataError
        A column that is not there; equity that is missing.
    ParameterError
        `capital` or `step_seconds` is not above 0.

    Examples
    --------
    >>> import datetime as dt
    >>> import polars as pl
    >>> from comove.backtest.stats import metrics
    >>> hours = [dt.datetime(2024, 1, 1, hour, tzinfo=dt.UTC) for hour in range(4)]
    >>> zeros = [0.0] * 4
    >>> equity = pl.DataFrame(
    ...     {
    ...         "ts": hours, "equity": [100.0, 120.0, 90.0, 120.0], "long": zeros, "short": zeros,
    ...         "regime": ["calm", "calm", "storm", "storm"], "positions": [0, 1, 1, 0], "costs": zeros,
    ...         "funding": zeros, "traded": zeros, "btc": [100.0, 110.0, 95.0, 100.0], "equal": zeros,
    ...     }
    ... ).with_columns(equal=None)
    >>> names = ("side", "costs", "funding", "net", "rows", "reason", "regime")
    >>> found = metrics(equity, pl.DataFrame({name: [] for name in names}), capital=100.0, step_seconds=3600.0)
    >>> found["strategy"]["max_drawdown"], found["strategy"]["drawdown_low"], found["exposure"]["time_in_market"]
    (-0.25, '2024-01-01T02:00:00+00:00', 0.5)
    """
    _has("equity", equity, EQUITY_COLUMNS)
    _has("trades", trades, TRADE_COLUMNS)
    # A sum goes chunk by chunk, and where chunks lie is chance.
    equity, trades = equity.rechunk(), trades.rechunk()
    start = positive("capital", capital)
    years = equity.height / bars_a_year(step_seconds)
    curves = {name: returns_of(equity, name, start) for name in ("equity", *_BENCHMARKS)}
    own = curves["equity"]
    return {
        "bars": equity.height,
        "years": years,
        "year_days": YEAR_SECONDS / 86_400.0,
        "ruined": own is None,
        "strategy": _curve(equity, "equity", own, start, step_seconds),
        **{name: _curve(equity, name, curves[name], start, step_seconds) for name in _BENCHMARKS},
        "market": _market(own, curves["btc"], step_seconds),
        "exposure": _exposure(equity, own is None),
        "costs": _costs(equity, years),
        "trades": {
            "all": trades_of(trades),
            **{f"by_{name}": trades_by(trades, name) for name in ("side", "reason", "regime")},
        },
        "regimes": regimes_of(equity["regime"], own, step_seconds),
        "months": months_of(equity["ts"], {"return": own, **{name: curves[name] for name in _BENCHMARKS}}),
        "attribution": {} if attribution is None else _sources(attribution),
    }


def _curve(
    equity: pl.DataFrame, name: str, returns: Floats | None, capital: float, step_seconds: float
) -> dict[str, Any]:
    there = None if returns is None else returns[returns == returns]
    values = equity.filter(pl.col(name).is_not_null())
    times = drawdown_times(values["ts"], None if there is None else values[name].to_numpy(), capital, step_seconds)
    return {**return_metrics(there, step_seconds), **times}


def _market(own: Floats | None, btc: Floats | None, step_seconds: float) -> dict[str, float | None]:
    if own is None or btc is None:
        return dict.fromkeys((*MARKET_METRICS, "excess_cagr", "excess_return"))
    there = btc == btc
    y, x = own[there], btc[there]
    mine, other = return_metrics(y, step_seconds)["cagr"], return_metrics(x, step_seconds)["cagr"]
    return {
        **market_metrics(y, x, step_seconds),
        "excess_cagr": None if mine is None or other is None else mine - other,
        "excess_return": known(float((y - x).mean()) * bars_a_year(step_seconds)) if len(y) else None,
    }


def _exposure(equity: pl.DataFrame, ruined: bool) -> dict[str, float | None]:
    if not equity.height:
        return dict.fromkeys(("time_in_market", "mean_gross", "mean_net", "mean_positions"))
    worth = pl.col("equity")
    means = equity.select(
        time_in_market=(pl.col("positions") > 0).mean(),
        mean_gross=((pl.col("long") + pl.col("short")) / worth).mean(),
        mean_net=((pl.col("long") - pl.col("short")) / worth).mean(),
        mean_positions=pl.col("positions").mean(),
    ).row(0, named=True)
    if ruined:
        means |= dict.fromkeys(("mean_gross", "mean_net"))
    return {name: None if value is None else known(value) for name, value in means.items()}


def _costs(equity: pl.DataFrame, years: float) -> dict[str, float | None]:
    sums = {name: float(equity[name].sum()) for name in ("costs", "funding", "traded")}
    rates = dict(zip(("costs_per_year", "funding_per_year", "turnover"), sums.values(), strict=True))
    mean = float(np.mean(equity["equity"].to_numpy())) if equity.height else 0.0
    base = mean * years
    return {**sums, **{name: known(value / base) if base > 0.0 else None for name, value in rates.items()}}


def _sources(attribution: pl.DataFrame) -> dict[str, Any]:
    _has("attribution", attribution, ATTRIBUTION_COLUMNS)
    return attribution_by_source(attribution.rechunk())


def _has(name: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"{name} must be a polars DataFrame, got {type(frame).__name__}", "type")
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise DataError(f"{name} must have the columns {', '.join(absent)}, got {', '.join(frame.columns)}", "columns")
