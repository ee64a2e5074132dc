"""Several symbols on one time grid, and how much of it they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import DataError, ParameterError
from .columns import to_float
from .spans import parse_span
from .times import UTC_MICROSECONDS, check_order, to_utc

How = Literal["inner", "left", "outer", "asof"]

# The longest age an as-of value may have. Longer is a mistake of units more often than a wish.
_MOST_TOLERANCE = timedelta(days=3650)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """What `align` returns.

    Attributes
    ----------
    frame : DataFrame
        ``ts`` and the columns of every symbol, in rising time.
    coverage : DataFrame
        One row for each pair of symbols, in the order given: ``symbol_a``, ``symbol_b``; ``rows_a``,
        ``rows_b``, rows of each that hold a value; ``common``, timestamps at which both do; ``share``,
        `common` over the smaller of the two (1.0 is all that could be shared, also for a late listing;
        near 0 means stamps that miss each other); ``first``, ``last``, the range of the common
        timestamps, null if there are none. For ``how="asof"`` rows are rows of the grid.
    """

    frame: pl.DataFrame
    coverage: pl.DataFrame


def align(
    frames: Mapping[str, pl.DataFrame],
    *,
    how: How = "inner",
    tolerance: timedelta | str | None = None,
    column: str | Sequence[str] = "close",
    with_age: bool = False,
) -> Aligned:
    """Lay a column of several candle frames on one time grid.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Symbol to a frame with ``ts`` and `column`, as from `read_candles`; rising time without repeats.
    how : {"inner", "left", "outer", "asof"}
        The grid: ``inner``, the timestamps at which every symbol has a value; ``left``, those of the
        first frame; ``outer``, those of any frame; ``asof``, those of the first frame, where each symbol
        shows its last value at or before, at most `tolerance` old.
    tolerance : timedelta or str, 0 to 3650 days
        Needed for ``asof``, and only for it. A string is a Polars duration in fixed units, as in
        ``"5m"``.
    column : str or sequence of str, default "close"
        With one name the result has a column ``<symbol>`` each, with a sequence ``<symbol>_<column>``.
    with_age : bool, default False
        Only for ``asof``: also ``<symbol>_age`` (Duration), how old the value is.

    Returns
    -------
    Aligned
        ``.frame`` and ``.coverage``. Values are Float64; NaN and infinity are null. Only ``asof`` ever
        shows a value on another timestamp than its own; ``inner`` has no nulls.

    Raises
    ------
    DataError
        No overlap: under ``inner`` a pair without a common timestamp (or all symbols together), under
        ``left`` and ``asof`` a symbol without one value on the grid; the message names the two ranges.
        Also a frame without ``ts`` or `column`, without any value, or not of numbers.
    OrderError
        Time runs backwards or stands still in a frame.
    ParameterError
        An unknown `how`, `tolerance` missing or not wanted, no frames, two result columns of one name.

    Notes
    -----
    A value is shown only at or after its own timestamp, so nothing looks ahead; note that a
    candle's ``ts`` is its open time, and its close is known one candle later. With several columns a row
    counts as a value only if it holds all of them, and ``asof`` takes them from one row. Cost is one pass
    per symbol and one per pair.

    Examples
    --------
    >>> from comove.data import align, simulate_market
    >>> market = simulate_market(n_bars=100, assets=["WIF"], late_listings=0, gaps=0, bad_ticks=0)
    >>> aligned = align({"WIF": market.frames["WIF"], "BTC": market.frames["BTC"][10:]})
    >>> aligned.frame.shape
    (90, 3)
    >>> aligned.coverage.select("rows_a", "rows_b", "common", "share").row(0)
    (100, 90, 90, 1.0)
    """
    if how not in get_args(How):
        raise ParameterError(f"how must be one of {', '.join(get_args(How))}, got {how!r}", "how")
    if not isinstance(frames, Mapping) or not all(isinstance(name, str) for name in frames):
        raise ParameterError(f"frames must be a mapping of symbols to frames, got {type(frames).__name__}", "frames")
    if not frames:
        raise ParameterError("frames must hold at least 1 symbol, got none", "frames")
    oldest = _oldest(how, tolerance, with_age)
    names = _result_names(list(frames), column, with_age)
    tables = {symbol: _values(symbol, frames[symbol], names[symbol]) for symbol in frames}
    whole = {symbol: table.drop_nulls() for symbol, table in tables.items()}

    if oldest is not None:
        frame = _asof(tables, whole, oldest, with_age)
        times = frame["ts"].to_physical().to_numpy()
        present = _on_grid(frame, names)
    else:
        times, present = _union(whole)
        frame = _grid(how, tables, times, present)
        for symbol in frames:
            table = whole[symbol] if how == "inner" else tables[symbol]
            frame = frame.join(table, on="ts", how="left", maintain_order="left")
    coverage = _coverage(list(frames), times, present)

    if how == "inner":
        _refuse_disjoint_pairs(coverage, frame, whole)
    elif how in ("left", "asof"):
        _refuse_empty_columns(frame, names, whole)
    return Aligned(frame, coverage)


def _oldest(how: How, tolerance: timedelta | str | None, with_age: bool) -> timedelta | None:
    """Check the tolerance; None unless `how` is "asof"."""
    if how == "asof":
        if tolerance is None:
            raise ParameterError("tolerance must be given for how='asof', got None", "tolerance")
        return parse_span(tolerance, name="tolerance", at_least=timedelta(0), at_most=_MOST_TOLERANCE)
    if tolerance is not None:
        raise ParameterError(f"tolerance is for how='asof' only, got {tolerance!r} with {how!r}", "tolerance")
    if with_age:
        raise ParameterError(f"with_age is for how='asof' only, got True with {how!r}", "with_age")
    return None


def _result_names(symbols: list[str], column: str | Sequence[str], with_age: bool) -> dict[str, dict[str, str]]:
    """For each symbol: column of its frame to column of the result."""
    if isinstance(column, str):
        names = {symbol: {column: symbol} for symbol in symbols}
    else:
        if not column:
            raise ParameterError("column must name at least 1 column, got none", "column")
        if len(set(column)) < len(column):
            raise ParameterError(f"column names a column twice: {list(column)!r}", "column")
        names = {symbol: {name: f"{symbol}_{name}" for name in column} for symbol in symbols}
    results = ["ts", *(result for of_symbol in names.values() for result in of_symbol.values())]
    if with_age:
        results += [f"{symbol}_age" for symbol in symbols]
    twice = sorted({name for name in results if results.count(name) > 1})
    if twice:
        raise ParameterError(f"frames: two columns of the result would be named {', '.join(twice)}", "frames")
    return names


def _values(symbol: str, frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """``ts`` and the chosen columns under their result names, checked."""
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"{symbol}: expected a Polars DataFrame, got {type(frame).__name__}", "frames")
    for name in ("ts", *names):
        if name not in frame.columns:
            raise DataError(f"{symbol}: no column {name!r}; found: {', '.join(frame.columns)}", "columns_missing")
    ts = to_utc(frame["ts"], source=symbol)
    check_order(ts, source=symbol)
    values = [to_float(frame[name], name, source=symbol).alias(result) for name, result in names.items()]
    table = pl.DataFrame([ts.alias("ts"), *values])
    if table.drop_nulls().is_empty():
        raise DataError(f"{symbol}: no row holds a value of {', '.join(names)}", "no_values")
    return table


def _union(whole: Mapping[str, pl.DataFrame]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All timestamps with a value of any symbol, and who has one where, shape (symbols, times)."""
    each = [table["ts"].to_physical().to_numpy() for table in whole.values()]
    times = np.unique(np.concatenate(each))
    present = np.zeros((len(each), len(times)), dtype=np.bool_)
    for row, own in zip(present, each, strict=True):
        row[np.searchsorted(times, own)] = True
    return times, present


def _grid(
    how: How, tables: Mapping[str, pl.DataFrame], times: NDArray[np.int64], present: NDArray[np.bool_]
) -> pl.DataFrame:
    if how == "left":
        return next(iter(tables.values())).select("ts")
    if how == "outer":
        # Not `times`: a timestamp at which nobody has a value still ages a window.
        return pl.concat([table.select("ts") for table in tables.values()]).unique().sort("ts")
    return pl.DataFrame({"ts": pl.Series(times[present.all(axis=0)], dtype=pl.Int64).cast(UTC_MICROSECONDS)})


def _asof(
    tables: Mapping[str, pl.DataFrame],
    whole: Mapping[str, pl.DataFrame],
    tolerance: timedelta,
    with_age: bool,
) -> pl.DataFrame:
    frame = next(iter(tables.values())).select("ts")
    for symbol, table in whole.items():
        stamp = f"{symbol}_age"
        right = table.with_columns(pl.col("ts").alias(stamp)) if with_age else table
        frame = frame.join_asof(right, on="ts", strategy="backward", tolerance=tolerance)
        if with_age:
            frame = frame.with_columns((pl.col("ts") - pl.col(stamp)).alias(stamp))
    return frame


def _on_grid(frame: pl.DataFrame, names: Mapping[str, Mapping[str, str]]) -> NDArray[np.bool_]:
    firsts = [next(iter(of_symbol.values())) for of_symbol in names.values()]
    return np.array([frame[name].is_not_null().to_numpy() for name in firsts])


def _coverage(symbols: list[str], times: NDArray[np.int64], present: NDArray[np.bool_]) -> pl.DataFrame:
    rows = present.sum(axis=1)
    first: list[int | None] = []
    last: list[int | None] = []
    common: list[int] = []
    for i in range(len(symbols) - 1):
        both = present[i] & present[i + 1 :]
        starts = both.argmax(axis=1)
        ends = both.shape[1] - 1 - both[:, ::-1].argmax(axis=1)
        counts = both.sum(axis=1)
        common += counts.tolist()
        first += [int(times[at]) if n else None for at, n in zip(starts, counts, strict=True)]
        last += [int(times[at]) if n else None for at, n in zip(ends, counts, strict=True)]
    pairs = list(combinations(range(len(symbols)), 2))
    return pl.DataFrame(
        {
            "symbol_a": pl.Series([symbols[i] for i, _ in pairs], dtype=pl.String),
            "symbol_b": pl.Series([symbols[j] for _, j in pairs], dtype=pl.String),
            "rows_a": pl.Series([int(rows[i]) for i, _ in pairs], dtype=pl.Int64),
            "rows_b": pl.Series([int(rows[j]) for _, j in pairs], dtype=pl.Int64),
            "common": pl.Series(common, dtype=pl.Int64),
            "share": pl.Series(
                [n / max(1, min(rows[i], rows[j])) for n, (i, j) in zip(common, pairs, strict=True)],
                dtype=pl.Float64,
            ),
            "first": pl.Series(first, dtype=pl.Int64).cast(UTC_MICROSECONDS),
            "last": pl.Series(last, dtype=pl.Int64).cast(UTC_MICROSECONDS),
        }
    )


def _range(symbol: str, whole: Mapping[str, pl.DataFrame]) -> str:
    ts = whole[symbol]["ts"]
    return f"{symbol} {ts[0]} to {ts[-1]} ({len(ts)} rows)"


def _refuse_disjoint_pairs(coverage: pl.DataFrame, frame: pl.DataFrame, whole: Mapping[str, pl.DataFrame]) -> None:
    disjoint = coverage.filter(pl.col("common") == 0)
    if not disjoint.is_empty():
        pair = disjoint.row(0, named=True)
        others = f" ({disjoint.height - 1} more such pairs)" if disjoint.height > 1 else ""
        raise DataError(
            f"no timestamp in common: {_range(pair['symbol_a'], whole)}; {_range(pair['symbol_b'], whole)}{others}",
            "no_overlap",
        )
    if frame.is_empty():
        latest = max(whole, key=lambda symbol: whole[symbol]["ts"][0])
        earliest = min(whole, key=lambda symbol: whole[symbol]["ts"][-1])
        raise DataError(
            f"no timestamp common to all {len(whole)} symbols: the last to start is {_range(latest, whole)}, "
            f"the first to end is {_range(earliest, whole)}",
            "no_overlap",
        )


def _refuse_empty_columns(
    frame: pl.DataFrame, names: Mapping[str, Mapping[str, str]], whole: Mapping[str, pl.DataFrame]
) -> None:
    first = next(iter(names))
    for symbol, of_symbol in names.items():
        if all(frame[result].null_count() == frame.height for result in of_symbol.values()):
            raise DataError(
                f"no value of {symbol} falls on the grid: {_range(symbol, whole)}; {_range(first, whole)}",
                "no_overlap",
            )
