"""Series as users give them, and volatilities from candles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from comove import options
from comove.connectedness.variance import Method
from comove.data.align import align
from comove.data.columns import to_float
from comove.data.times import check_order, to_utc
from comove.errors import DataError
from comove.options import Floats

__all__ = ["Series", "log_range_volatility"]

Series: TypeAlias = pl.DataFrame | pl.LazyFrame | Mapping[str, Any] | npt.ArrayLike

#: The column of times, which is no series.
TIME: Final = "ts"
#: What a column of times may be besides what `options.timestamps` takes.
_TIMES: Final = (pl.Datetime, pl.Date, pl.String, pl.Categorical, pl.Enum)
#: The most steps of a forecast. Shares no longer change after far fewer.
MOST_STEPS: Final = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Series side by side: names, values of shape (rows, k) with NaN for missing, and their times where known."""

    names: tuple[str, ...]
    values: Floats
    ts: pl.Series | None


def read(vols: Any) -> Table:
    """Return series as a table.

    Raises
    ------
    DataError
        Not two or more numeric columns of one length with different names.
    OrderError
        A column `ts` that does not rise.
    """
    vols = vols.collect() if isinstance(vols, pl.LazyFrame) else vols
    # A pandas DataFrame is known by its columns, so that pandas need not be there.
    labels = vols if isinstance(vols, Mapping) else getattr(vols, "columns", None)
    if labels is not None:
        columns = {name: vols[name] for name in labels}
        for name in columns:
            if not isinstance(name, str):
                raise DataError(f"vols must name its columns by strings, got {name!r}", "type")
        ts = _times(columns.pop(TIME)) if TIME in columns else None
        names = tuple(columns)
        each = [_column(name, values) for name, values in columns.items()]
        rows = len(each[0]) if each else 0
        for name, values in zip(names, each, strict=True):
            if len(values) != rows:
                raise DataError(f"vols[{name!r}] must have length {rows}, got {len(values)}", "length")
        if ts is not None and len(ts) != rows:
            raise DataError(f"vols[{TIME!r}] must have length {rows}, got {len(ts)}", "length")
        values = np.column_stack(each) if each else np.empty((0, 0))
    else:
        values = options.floats("vols", vols)
        if values.ndim != 2:
            raise DataError(f"vols must have 2 dimensions, got {values.ndim}", "shape")
        names, ts = tuple(f"column_{j}" for j in range(values.shape[1])), None
    if len(names) < 2:
        raise DataError(f"vols must hold at least 2 series, got {len(names)}", "shape")
    return Table(names, np.where(np.isfinite(values), values, np.nan), ts)


def check_model(lags: object, horizon: object, method: object) -> tuple[int, int, str]:
    """Return the options of the model.

    Raises
    ------
    ParameterError
        `lags` or `horizon` below 1, `horizon` above 10,000, an unknown `method`.
    """
    return (
        options.whole("lags", lags, least=1),
        options.whole("horizon", horizon, least=1, most=MOST_STEPS, because=""),
        options.choice("method", method, get_args(Method)),
    )


def log_range_volatility(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Logarithm of the volatility of each candle, from its high and low.

    ln(ln(high / low) / sqrt(4 ln 2)): half the logarithm of Parkinson's variance.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Symbol to candles with ``ts``, ``high`` and ``low``, as from `comove.data.read_candles`.

    Returns
    -------
    DataFrame
        ``ts``, every timestamp of any symbol in rising order, and a Float64 column for each symbol. Null where it has
        no candle, or one whose high is not above its low (the logarithm of 0).

    Raises
    ------
    DataError, OrderError, ParameterError
        As `comove.data.align`.

    Notes
    -----
    One candle makes one value, so nothing overlaps and no row knows a later one. Taking the logarithm brings the heavy
    right tail of volatilities near to normal (Diebold and Yilmaz 2012, section 3). Parkinson (1980), Journal of
    Business 53, 61-65. The last bits follow the platform's logarithm.

    Examples
    --------
    >>> from comove.connectedness import log_range_volatility
    >>> from comove.data import simulate_market
    >>> market = simulate_market(assets=["BONK"], seed=1)
    >>> log_range_volatility(market.frames).columns
    ['ts', 'BTC', 'ETH', 'SOL', 'BONK']
    """
    prices = align(frames, how="outer", column=("high", "low")).frame
    return prices.select(
        TIME,
        *(
            pl.when((pl.col(f"{name}_low") > 0) & (pl.col(f"{name}_high") > pl.col(f"{name}_low")))
            # (high - low) / low keeps the digits of a small range, high / low - 1 would not.
            .then(
                (
                    ((pl.col(f"{name}_high") - pl.col(f"{name}_low")) / pl.col(f"{name}_low")).log1p()
                    / np.sqrt(4 * np.log(2))
                ).log()
            )
            .alias(name)
            for name in frames
        ),
    )


def _times(values: object) -> pl.Series:
    """Return times that rise; whole numbers are nanoseconds, whatever holds them."""
    name = f"vols[{TIME!r}]"
    if not isinstance(values, pl.Series) and _is_text(array := np.asarray(values)):
        values = pl.Series(array.tolist(), dtype=pl.String)
    if not isinstance(values, pl.Series) or not isinstance(values.dtype, _TIMES):
        values = pl.Series(options.timestamps(name, values)).cast(pl.Datetime("ns"))
    ts = to_utc(values, source=name)
    # Times in nanoseconds may differ by less than what is left of them.
    check_order(values if isinstance(values.dtype, pl.Datetime) else ts, source="vols")
    return ts


def _is_text(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind in "UO" and array.ndim == 1 and all(isinstance(one, str) for one in array)


def _column(name: str, values: object) -> Floats:
    if isinstance(values, pl.Series):
        values = to_float(values, repr(name), source="vols").to_numpy()
    return options.series(f"vols[{name!r}]", values)
