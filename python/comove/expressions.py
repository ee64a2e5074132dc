"""The Polars door: every batch estimator as an expression, and the namespace `.comove`.

Columns are names or expressions of any numeric dtype, cast to Float64 as `Expr.cast` does it (text that holds numbers
is parsed, dates become their integers). Null, NaN and infinities are missing; null comes out where a reading is not
defined. The value at row t uses rows up to and including t, in the order the rows have: sort by time after joins and
group_by. Use `.over("symbol")` to keep symbols apart. The same rows give bit for bit what the arrays
and the live objects give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import polars as pl

from comove import _plugin, options
from comove.errors import ParameterError
from comove.options import Returns, Span, Stderr, Vol

__all__ = [
    "base_features",
    "cross_asset_features",
    "cross_correlation",
    "ewm_beta",
    "ewm_corr",
    "ewm_cov",
    "garman_klass",
    "joint_beta",
    "lag_scan",
    "parkinson",
    "rolling_beta",
    "rolling_corr",
    "rolling_cov",
    "rolling_regression",
    "rolling_spillover",
    "rolling_var",
]

IntoColumn: TypeAlias = pl.Expr | str | float


def rolling_beta(
    asset: IntoColumn,
    benchmark: IntoColumn,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
) -> pl.Expr:
    """Slope of `asset` on `benchmark` over a sliding window.

    beta[t] = cov(asset, benchmark) / var(benchmark) over the complete pairs of the window that ends at row t.

    Parameters
    ----------
    asset, benchmark : str or Expr
        Returns per step as fractions (0.01 is 1 %), any numeric dtype.
    window_size : int, at least 3
        Rows of the window; rows with a missing side count, and are skipped. Exactly one of `window_size` and
        `window_span`.
    window_span : timedelta or str
        The window at t is (t - span, t]; "30d", "12h", "1h30m". Needs `by` and `min_samples`.
    by : str or Expr
        Times of the rows: Datetime, Date or integer nanoseconds, never decreasing; equal ones keep their order.
    min_samples : int, 2 to `window_size`, default `window_size`
        Complete pairs needed before a value is given.

    Returns
    -------
    Expr
        Float64, named as `asset`; null with fewer than `min_samples` pairs, or where `benchmark` does not vary.

    Raises
    ------
    ParameterError
        An option out of its bounds, when the expression is built.
    polars.exceptions.ComputeError
        When it runs: times that run backwards, missing times; the text holds the code of the error, as in "[order]".

    Notes
    -----
    Constant work a row, whatever the window; one call a group under `.over`. Precision and sources are those of
    `comove.arrays.rolling_beta`.

    Examples
    --------
    >>> import polars as pl
    >>> import comove as cm
    >>> frame = pl.DataFrame({"btc": [0.01, -0.01, 0.03, 0.0], "bonk": [0.02, -0.02, 0.06, 0.0]})
    >>> frame.select(cm.rolling_beta("bonk", "btc", window_size=3)).to_series().to_list()
    [None, None, 2.0, 2.0]
    """
    return _pair("rolling_beta", asset, benchmark, _window(window_size, window_span, min_samples, by), by)


def rolling_corr(
    asset: IntoColumn,
    benchmark: IntoColumn,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
) -> pl.Expr:
    """Correlation of `asset` and `benchmark` over a sliding window, in [-1, 1].

    corr[t] = Sxy / sqrt(Sxx Syy), S the centred sums of products over the complete pairs of the window.

    Parameters, errors and cost are those of `rolling_beta`. Null where either side does not vary.
    """
    return _pair("rolling_corr", asset, benchmark, _window(window_size, window_span, min_samples, by), by)


def rolling_cov(
    asset: IntoColumn,
    benchmark: IntoColumn,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
    ddof: int = 1,
) -> pl.Expr:
    """Covariance of `asset` and `benchmark` over a sliding window.

    cov[t] = Sxy / (n - ddof), n complete pairs in the window.

    Parameters, errors and cost are those of `rolling_beta`; `window_size` is at least 2, and `ddof` at least 0.
    """
    chosen = _window(window_size, window_span, min_samples, by, least=2)
    return _pair("rolling_cov", asset, benchmark, {**chosen, "ddof": options.degrees(ddof)}, by)


def rolling_var(
    values: IntoColumn,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
    ddof: int = 1,
) -> pl.Expr:
    """Variance of `values` over a sliding window.

    var[t] = S / (n - ddof), S the centred sum of squares, n values in the window.

    Parameters, errors and cost are those of `rolling_beta`; `window_size` is at least 2, and `ddof` at least 0. Exactly
    0 for a constant window, whatever came before it.
    """
    chosen = _window(window_size, window_span, min_samples, by, least=2)
    return _call("rolling_var", {**chosen, "ddof": options.degrees(ddof)}, [_column(values)], by)


def rolling_regression(
    asset: IntoColumn,
    benchmark: IntoColumn,
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
) -> pl.Expr:
    """All readings of the regression of `asset` on `benchmark` over a sliding window.

    A struct of beta, alpha, corr, r_squared, beta_stderr, residual_std (Float64) and n (UInt32); n is given also where
    the rest is missing. Definitions are those of `comove.arrays.rolling_regression`; parameters, errors and cost those
    of `rolling_beta`.
    """
    return _pair("rolling_regression", asset, benchmark, _window(window_size, window_span, min_samples, by), by)


def joint_beta(
    asset: IntoColumn,
    leaders: Sequence[IntoColumn] | Mapping[str, IntoColumn],
    *,
    window_size: int | None = None,
    window_span: Span | None = None,
    by: str | pl.Expr | None = None,
    min_samples: int | None = None,
) -> pl.Expr:
    """Betas of `asset` on several leaders at once, over a sliding window.

    A struct of one `beta_<name>` a leader, alpha, r_squared (Float64) and n (UInt32). The name of a leader is its key
    in a mapping, its column otherwise. 1 to 8 leaders; `window_size` is at least 2 more. Definitions are those of
    `comove.arrays.joint_beta`; other parameters, errors and cost those of `rolling_beta`.
    """
    if isinstance(leaders, Mapping):
        names, columns = [str(name) for name in leaders], [_column(column) for column in leaders.values()]
    elif isinstance(leaders, str) or not isinstance(leaders, Sequence):
        raise ParameterError(f"leaders must be a list or a mapping of columns, got {leaders!r}", "type")
    else:
        columns = [_column(column) for column in leaders]
        names = [column.meta.output_name(raise_if_undetermined=False) or str(j) for j, column in enumerate(columns)]
    options.whole("number of leaders", len(columns), least=1, most=options.MOST_LEADERS)
    if len(set(names)) < len(names):
        raise ParameterError(f"leaders must have different names, got {names}", "leaders")
    least = options.least_joint_window(len(columns))
    chosen = _window(window_size, window_span, min_samples, by, least=least)
    return _call("joint_beta", {**chosen, "leaders": names}, [_column(asset), *columns], by)


def ewm_beta(asset: IntoColumn, benchmark: IntoColumn, *, half_life: float, min_samples: int = 2) -> pl.Expr:
    """Slope of `asset` on `benchmark`, rows weighted by 2^(-age / half_life).

    `half_life` is in rows, above 0; `min_samples` at least 2. Definitions are those of `comove.arrays.ewm_beta`.
    """
    return _pair("ewm_beta", asset, benchmark, options.ewm(half_life, min_samples), None)


def ewm_corr(asset: IntoColumn, benchmark: IntoColumn, *, half_life: float, min_samples: int = 2) -> pl.Expr:
    """Correlation of `asset` and `benchmark`, rows weighted by 2^(-age / half_life).

    `half_life` is in rows, above 0; `min_samples` at least 2. Definitions are those of `comove.arrays.ewm_corr`.
    """
    return _pair("ewm_corr", asset, benchmark, options.ewm(half_life, min_samples), None)


def ewm_cov(asset: IntoColumn, benchmark: IntoColumn, *, half_life: float, min_samples: int = 2) -> pl.Expr:
    """Covariance of `asset` and `benchmark`, rows weighted by 2^(-age / half_life), corrected for bias.

    `half_life` is in rows, above 0; `min_samples` at least 2. Definitions are those of `comove.arrays.ewm_cov`.
    """
    return _pair("ewm_cov", asset, benchmark, options.ewm(half_life, min_samples), None)


def cross_asset_features(
    asset_price: IntoColumn,
    leader_price: IntoColumn,
    *,
    window_size: int = 30,
    vol_window: int = 20,
    short: int = 5,
    long: int = 20,
    momentum: int = 10,
    min_samples: int | None = None,
    returns: Returns = "simple",
) -> pl.Expr:
    """Five features of an asset and one leader, from their prices on one grid.

    A struct of beta, correlation, divergence, volatility and relative_momentum (Float64). Parameters and definitions
    are those of `comove.arrays.cross_asset_features`; nothing is filled. A price that is not above 0 raises a
    `ComputeError` when the expression runs.
    """
    lookbacks = {"vol_window": vol_window, "short": short, "long": long, "momentum": momentum}
    chosen = options.cross_asset(window_size, min_samples, lookbacks, returns)
    return _pair("cross_asset_features", asset_price, leader_price, chosen, None)


def base_features(
    columns: Sequence[str] | None = None,
    *,
    ts: IntoColumn = "ts",
    open: IntoColumn = "open",
    high: IntoColumn = "high",
    low: IntoColumn = "low",
    close: IntoColumn = "close",
    volume: IntoColumn = "volume",
    leader_close: IntoColumn | None = None,
    bid: IntoColumn | None = None,
    ask: IntoColumn | None = None,
    bid_volume: IntoColumn | None = None,
    ask_volume: IntoColumn | None = None,
    funding_rate: IntoColumn | None = None,
) -> pl.Expr:
    """Compute the base columns of the feature recipe, from the candles of one symbol on one grid.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns wanted, in this order; by default all 61, and of the three of order book and funding rate
        those whose inputs are given. `comove.features.BASE_COLUMNS` describes each.
    ts : str or Expr
        Datetime, Date or integer nanoseconds, rising without repeats.
    open, high, low, close, volume : str or Expr
        Prices above 0, volumes not below; null where the symbol has no candle. Only what `columns` need is read.
    leader_close : str or Expr, optional
        For `leader_bias` and `rs_score`, which are null without it.
    bid, ask, bid_volume, ask_volume, funding_rate : str or Expr, optional
        For `orderbook_imbalance`, `microprice` and `funding_rate_trend`.

    Returns
    -------
    Expr
        A struct named ``base_features`` of Float64; nothing is filled. ``.struct.unnest()`` gives the columns; with
        several symbols ``.over("symbol")`` first.

    Raises
    ------
    ParameterError
        A name that is no column, or an input that is not given, when the expression is built.
    polars.exceptions.ComputeError
        When it runs: prices that cannot be, times that do not rise.

    Notes
    -----
    Constant work a row. Long columns take as many threads as Polars has.

    Examples
    --------
    >>> import polars as pl
    >>> import comove as cm
    >>> frame = pl.DataFrame({"ts": [0, 1, 2], "close": [100.0, 110.0, 99.0]})
    >>> frame.select(cm.base_features(["ret_1", "ema_5"])).unnest("base_features")["ret_1"].round(2).to_list()
    [None, 0.1, -0.1]
    """
    bar = {"open": open, "high": high, "low": low, "close": close, "volume": volume, "leader_close": leader_close}
    book = {"bid": bid, "ask": ask, "bid_volume": bid_volume, "ask_volume": ask_volume, "funding_rate": funding_rate}
    given = {name: column for name, column in {**bar, **book}.items() if column is not None}
    names, inputs = options.base_columns(columns, given)
    chosen = {"columns": names, "inputs": inputs, "threads": pl.thread_pool_size()}
    expression = _plugin.call(
        {"estimator": "base_columns", **chosen}, [_column(given[name]) for name in inputs], _column(ts)
    )
    return expression.alias("base_features")


def parkinson(high: IntoColumn, low: IntoColumn) -> pl.Expr:
    """Volatility of each bar from its high and low: ln(high / low) / sqrt(4 ln 2).

    Float64, named as `high`; null where a price is missing. Prices that cannot be raise a `ComputeError` when the
    expression runs. Definition and source are those of `comove.arrays.parkinson`.
    """
    return _call("parkinson", {}, [_column(high), _column(low)], None)


def garman_klass(
    open: IntoColumn,
    high: IntoColumn,
    low: IntoColumn,
    close: IntoColumn,
) -> pl.Expr:
    """Volatility of each bar from its open, high, low and close.

    Float64, named as `open`; otherwise as `parkinson`. Definition and source are those of
    `comove.arrays.garman_klass`.
    """
    return _call("garman_klass", {}, [_column(price) for price in (open, high, low, close)], None)


def rolling_spillover(
    asset: IntoColumn | Sequence[IntoColumn] | Mapping[str, IntoColumn],
    source: IntoColumn | Sequence[IntoColumn] | Mapping[str, IntoColumn],
    *,
    window_size: int = 240,
    min_samples: int | None = None,
    vol: Vol = "rolling",
    vol_window: int | None = None,
    both: bool = False,
    inference: bool = False,
    stderr: Stderr | None = None,
    spacing: int | None = None,
    newey_west_lags: int | None = None,
) -> pl.Expr:
    """How the volatility of `asset` moves with that of `source`, and how long it remembers a shock.

    A struct, named as the first column of `asset`, of coefficient, corr, r_squared, half_life (Float64) and n (UInt32);
    with `inference` also coefficient_stderr and coefficient_p_value; with `both` the same of the source on the asset,
    as reverse_coefficient and so on. Definitions, options and cost are those of `comove.arrays.rolling_spillover`.

    Parameters
    ----------
    asset, source : str or Expr, or a list or mapping of such
        By `vol`: a column of returns; [high, low]; [open, high, low, close]; a column of volatilities. Prices also as a
        mapping by these names.
    window_size, min_samples, vol, vol_window, both, inference, stderr, spacing, newey_west_lags
        As in `comove.arrays.rolling_spillover`.

    Returns
    -------
    Expr

    Raises
    ------
    ParameterError
        An option out of its bounds, columns that do not go with `vol`, when the expression is built.
    polars.exceptions.ComputeError
        When it runs: a price that is not above 0 ("[price]"), or outside low to high ("[bar]").

    Notes
    -----
    Rolling volatilities overlap: on pure noise that alone gives a half-life of some ten rows. Prefer vol="parkinson".

    Examples
    --------
    >>> import polars as pl
    >>> import comove as cm
    >>> frame = pl.DataFrame({"bonk_vol": [0.04, 0.02, 0.06], "btc_vol": [0.02, 0.01, 0.03]})
    >>> spillover = cm.rolling_spillover("bonk_vol", "btc_vol", vol="given", window_size=3)
    >>> frame.select(spillover.struct.field("coefficient")).to_series().to_list()
    [None, None, 2.0]
    """
    chosen = options.spillover(
        window_size,
        min_samples,
        vol=vol,
        vol_window=vol_window,
        stderr=stderr,
        spacing=spacing,
        newey_west_lags=newey_west_lags,
        both=both,
    )
    chosen["inference"] = options.flag("inference", inference)
    columns = options.sides("asset", asset, chosen["vol"]) + options.sides("source", source, chosen["vol"])
    return _call("rolling_spillover", chosen, [_column(column) for _, column in columns], None)


def cross_correlation(
    asset: IntoColumn, leader: IntoColumn, *, window_size: int, max_lag: int = 10, min_samples: int | None = None
) -> pl.Expr:
    """Correlation of `asset` and `leader` at every lag, over a sliding window.

    An Array of 2 max_lag + 1 Float64, the lags from -max_lag to max_lag; an element is null where it is not defined. A
    negative lag means that the leader moved first: lag k pairs leader[t + k] with asset[t]. Parameters and definitions
    are those of `comove.arrays.cross_correlation`; long columns take as many threads as Polars has.

    Examples
    --------
    >>> import polars as pl
    >>> import comove as cm
    >>> frame = pl.DataFrame({"btc": [0.3, -0.1, 0.4, 0.1, -0.5, 0.9], "bonk": [0.0, 0.3, -0.1, 0.4, 0.1, -0.5]})
    >>> lags = frame.select(cm.cross_correlation("bonk", "btc", window_size=3, max_lag=1).alias("corr"))
    >>> lags["corr"].arr.get(0).round(3).to_list()  # lag -1: the leader one row ago
    [None, None, None, 1.0, 1.0, 1.0]
    """
    chosen = {**options.lags(window_size, min_samples, max_lag), "threads": pl.thread_pool_size()}
    return _pair("cross_correlation", asset, leader, chosen, None)


def lag_scan(
    asset: IntoColumn,
    leader: IntoColumn,
    *,
    window_size: int,
    max_lag: int = 10,
    min_samples: int | None = None,
    inference: bool = False,
) -> pl.Expr:
    """Which lag has the largest correlation, over a sliding window.

    A struct of lag (Int64), corr, llr (Float64) and n (UInt32); null unless every lag is defined, but for n. With
    `inference` also p_value, lead_p_value and follow_p_value (Float64). A negative lag means that the leader moved
    first. Parameters and definitions are those of `comove.arrays.lag_scan`.
    """
    chosen = {**options.lags(window_size, min_samples, max_lag), "threads": pl.thread_pool_size()}
    return _pair("lag_scan", asset, leader, {**chosen, "inference": options.flag("inference", inference)}, None)


def _window(
    window_size: object, window_span: object, min_samples: object, by: object, *, least: int = 3
) -> dict[str, Any]:
    return options.window(window_size, window_span, min_samples, least=least, by=by)


def _column(column: IntoColumn) -> pl.Expr:
    if isinstance(column, pl.Expr):
        return column
    return pl.col(column) if isinstance(column, str) else pl.lit(column)


def _pair(
    estimator: str, asset: IntoColumn, benchmark: IntoColumn, chosen: dict[str, Any], by: str | pl.Expr | None
) -> pl.Expr:
    return _call(estimator, chosen, [_column(asset), _column(benchmark)], by)


def _call(estimator: str, chosen: dict[str, Any], columns: list[pl.Expr], by: str | pl.Expr | None) -> pl.Expr:
    if by is not None and not isinstance(by, str | pl.Expr):
        raise ParameterError(f"by must be a column or an expression, got {by!r}", "by")
    times = None if by is None else _column(by)
    return _plugin.call({"estimator": estimator, **chosen}, columns, times)


@pl.api.register_expr_namespace("comove")
class ComoveNamespace:
    """The estimators as methods of the asset's expression: `pl.col("bonk").comove.rolling_beta("btc", ...)`."""

    def __init__(self, expr: pl.Expr) -> None:
        self._asset = expr

    def rolling_beta(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_beta`."""
        return rolling_beta(self._asset, benchmark, **kwargs)

    def rolling_corr(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_corr`."""
        return rolling_corr(self._asset, benchmark, **kwargs)

    def rolling_cov(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_cov`."""
        return rolling_cov(self._asset, benchmark, **kwargs)

    def rolling_var(self, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_var`."""
        return rolling_var(self._asset, **kwargs)

    def rolling_regression(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_regression`."""
        return rolling_regression(self._asset, benchmark, **kwargs)

    def joint_beta(self, leaders: Sequence[IntoColumn] | Mapping[str, IntoColumn], **kwargs: Any) -> pl.Expr:
        """See `comove.joint_beta`."""
        return joint_beta(self._asset, leaders, **kwargs)

    def ewm_beta(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.ewm_beta`."""
        return ewm_beta(self._asset, benchmark, **kwargs)

    def ewm_corr(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.ewm_corr`."""
        return ewm_corr(self._asset, benchmark, **kwargs)

    def ewm_cov(self, benchmark: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.ewm_cov`."""
        return ewm_cov(self._asset, benchmark, **kwargs)

    def parkinson(self, low: IntoColumn) -> pl.Expr:
        """See `comove.parkinson`."""
        return parkinson(self._asset, low)

    def rolling_spillover(self, source: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.rolling_spillover`; for columns of returns or of volatilities."""
        return rolling_spillover(self._asset, source, **kwargs)

    def cross_asset_features(self, leader_price: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.cross_asset_features`."""
        return cross_asset_features(self._asset, leader_price, **kwargs)

    def cross_correlation(self, leader: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.cross_correlation`."""
        return cross_correlation(self._asset, leader, **kwargs)

    def lag_scan(self, leader: IntoColumn, **kwargs: Any) -> pl.Expr:
        """See `comove.lag_scan`."""
        return lag_scan(self._asset, leader, **kwargs)
