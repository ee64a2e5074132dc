"""Options and data as users give them, checked once for all three doors.

Everything here raises comove's own exceptions, naming the parameter, the value and the bound, before any
state is touched or a plugin call is built.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from comove.errors import DataError, ParameterError

__all__ = ["Floats", "Returns", "Span", "Stderr", "Timestamps", "Vol"]

Returns: TypeAlias = Literal["simple", "log"]
Vol: TypeAlias = Literal["rolling", "parkinson", "garman_klass", "given"]
Stderr: TypeAlias = Literal["overlap", "spaced", "newey_west"]
Span: TypeAlias = dt.timedelta | str
Floats: TypeAlias = npt.NDArray[np.float64]
Timestamps: TypeAlias = npt.NDArray[np.int64]

#: The least rows of a window for beta, correlation and regressions, and for variance and covariance.
LEAST_PAIR_WINDOW = 3
LEAST_VARIANCE_WINDOW = 2
#: The most rows of any window: more than any column has.
MAX_ROWS = 1 << 48
#: The most rows a live object holds (2^24).
MAX_LIVE_ROWS = 1 << 24
#: The largest lag of a scan (2^12).
MOST_LAG = 1 << 12
#: The most leaders of a joint regression.
MOST_LEADERS = 8
#: Rows of the window of a volatility spillover, and of the returns a rolling volatility is made of.
USUAL_SPILLOVER_WINDOW = 240
USUAL_VOL_WINDOW = 20
#: Where volatilities and standard errors come from, and the prices of a bar that some volatilities are made of.
VOLATILITIES = ("rolling", "parkinson", "garman_klass", "given")
STDERRS = ("overlap", "spaced", "newey_west")
PRICES = {"parkinson": ("high", "low"), "garman_klass": ("open", "high", "low", "close")}

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = re.compile(r"([0-9]{1,19})(ns|us|µs|ms|s|m|h|d|w)")
_LARGEST = np.iinfo(np.int64).max


def whole(name: str, value: object, *, least: int, most: int = MAX_ROWS, because: str = "2^48") -> int:
    """Return `value` as an int within its bounds.

    Raises
    ------
    ParameterError
        Not a whole number, below `least` or above `most`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, SupportsIndex):
        raise ParameterError(f"{name} must be a whole number, got {value!r}", "type")
    number = value.__index__()
    if number < least:
        raise ParameterError(f"{name} must be at least {least}, got {number}", "too_small")
    if number > most:
        reason = f" ({because})" if because else ""
        raise ParameterError(f"{name} must be at most {most}{reason}, got {number}", "too_large")
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a finite float above 0.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a number, got {value!r}", "type")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not (np.isfinite(number) and number > 0):
        raise ParameterError(f"{name} must be finite and above 0, got {value!r}", "not_positive")
    return number


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if not isinstance(value, str) or value not in choices:
        allowed = ", ".join(repr(one) for one in choices)
        raise ParameterError(f"{name} must be one of {allowed}, got {value!r}", "choice")
    return value


def duration(name: str, value: object) -> int:
    """Return a duration in nanoseconds, whatever its size and sign.

    Parameters
    ----------
    name : str
        Named in errors.
    value : timedelta, timedelta64 or str
        A Polars duration string in fixed units: ns, us, ms, s, m, h, d (24 hours), w; as in "1h30m".

    Raises
    ------
    ParameterError
        Another type, calendar units (mo, q, y) or unknown ones.
    """
    if isinstance(value, np.timedelta64) and not np.isnat(value):
        whole_ns = value.astype("timedelta64[ns]")
        # What is beyond 292 years wraps.
        return int(whole_ns.astype(np.int64)) if whole_ns.astype(value.dtype) == value else _LARGEST + 1
    if isinstance(value, dt.timedelta):
        return ((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds) * 1_000
    if isinstance(value, str):
        parts = _PART.findall(value)
        if parts and "".join(count + unit for count, unit in parts) == value:
            return sum(int(count) * _UNITS[unit] for count, unit in parts)
    raise ParameterError(
        f"{name} must be a timedelta or a duration string in fixed units (w, d, h, m, s, ms, us, ns) such as '30d'"
        f" or '1h30m', got {value!r}",
        "duration",
    )


def nanoseconds(name: str, value: object) -> int:
    """Return a positive duration in nanoseconds.

    Parameters
    ----------
    name, value
        As in `duration`.

    Raises
    ------
    ParameterError
        As `duration`; zero or negative, beyond 292 years.
    """
    total = duration(name, value)
    if not 1 <= total <= _LARGEST:
        raise ParameterError(f"{name} must be above 0 and below 292 years, got {value!r}", "duration")
    return total


def window(
    window_size: object,
    window_span: object,
    min_samples: object,
    *,
    least: int = LEAST_PAIR_WINDOW,
    by: object = None,
    needs_by: bool = True,
) -> dict[str, Any]:
    """Return the options of a window, by rows or by time, as the core takes them.

    Raises
    ------
    ParameterError
        Not exactly one of `window_size` and `window_span`; a span without `by` or `min_samples`; bounds.
    """
    if (window_size is None) == (window_span is None):
        raise ParameterError(
            "exactly one of window_size and window_span must be given, got "
            f"window_size={window_size!r} and window_span={window_span!r}",
            "window",
        )
    if window_size is not None:
        size = whole("window_size", window_size, least=least)
        if by is not None:
            raise ParameterError(f"by goes with window_span, got by={by!r} with window_size={size}", "by")
        options: dict[str, Any] = {"window_size": size}
        if min_samples is not None:
            options["min_samples"] = whole("min_samples", min_samples, least=2, most=size, because="window_size")
        return options
    span = nanoseconds("window_span", window_span)
    if needs_by and by is None:
        raise ParameterError(f"window_span={window_span!r} needs by, the column of timestamps", "by")
    if min_samples is None:
        raise ParameterError(f"window_span={window_span!r} needs min_samples", "min_samples")
    return {"window_span": span, "min_samples": whole("min_samples", min_samples, least=2)}


def live_window(
    window_size: object,
    window_span: object,
    max_rows: object,
    min_samples: object,
    least_size: int = LEAST_PAIR_WINDOW,
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return size, span in nanoseconds, max_rows and min_samples of a live window.

    Raises
    ------
    ParameterError
        As `window`; a span without `max_rows`, or `max_rows` without one; more than 2^24 rows.
    """
    options = window(window_size, window_span, min_samples, least=least_size, needs_by=False)
    size, span = options.get("window_size"), options.get("window_span")
    least = options.get("min_samples")
    if size is not None:
        whole("window_size", size, least=least_size, most=MAX_LIVE_ROWS, because="the most a live object holds")
        if max_rows is not None:
            raise ParameterError(f"max_rows goes with window_span, got max_rows={max_rows!r}", "max_rows")
        return size, None, None, least
    if max_rows is None:
        raise ParameterError(
            f"window_span={window_span!r} needs max_rows, the most rows the span may ever hold", "max_rows"
        )
    rows = whole("max_rows", max_rows, least=least or 2, most=MAX_LIVE_ROWS, because="2^24")
    return None, span, rows, least


def epoch_nanoseconds(ts: object) -> int:
    """Return one timestamp in nanoseconds since 1970, UTC.

    Parameters
    ----------
    ts : int, datetime or datetime64
        Integers are nanoseconds; naive datetimes count as UTC.

    Raises
    ------
    DataError
        Another type, or not a time.
    """
    number: int | None = None
    # pandas' missing time is a datetime that equals nothing.
    if isinstance(ts, dt.datetime) and ts == ts:
        aware = ts if ts.tzinfo is not None else ts.replace(tzinfo=dt.UTC)
        since = aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        # A datetime ends at microseconds, pandas' goes on.
        number = micros * 1_000 + int(getattr(ts, "nanosecond", 0))
    elif isinstance(ts, np.datetime64):
        return int(timestamps("ts", np.array([ts]))[0])
    elif isinstance(ts, SupportsIndex) and not isinstance(ts, bool | np.bool_):
        number = ts.__index__()
    if number is None:
        raise DataError(f"ts must be a datetime or integer nanoseconds, got {ts!r}", "ts")
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise DataError(f"ts must lie between 1677 and 2262, got {ts!r}", "ts_range")
    return number


def floats(name: str, values: object) -> Floats:
    """Return a contiguous float64 array of one or two dimensions; a copy only where it has to be.

    Raises
    ------
    DataError
        Not numeric, or of another number of dimensions.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            if array.dtype.kind != "O":
                raise DataError(f"{name} must be numeric, got dtype {array.dtype}", "dtype")
            # Objects: Decimal, Fraction, None for missing; text is not a number here.
            if any(isinstance(value, str | bytes) for value in array.flat):
                raise DataError(f"{name} must be numeric, got text", "dtype")
        # Aligned: what NumPy cuts out of records may not be.
        array = np.require(array, np.float64, "A")
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} must be numeric: {error}", "dtype") from error
    if array.ndim not in (1, 2):
        raise DataError(f"{name} must have 1 or 2 dimensions, got {array.ndim}", "shape")
    return array


def series(name: str, values: object, rows: int | None = None) -> Floats:
    """Return a contiguous one-dimensional float64 array, of `rows` values where that is given.

    Raises
    ------
    DataError
        Not numeric, not of one dimension, of another length.
    """
    array = floats(name, values)
    if array.ndim != 1:
        raise DataError(f"{name} must have 1 dimension, got {array.ndim}", "shape")
    if rows is not None and len(array) != rows:
        raise DataError(f"{name} must have length {rows}, got {len(array)}", "length")
    return np.ascontiguousarray(array)


def timestamps(name: str, values: object, rows: int | None = None) -> Timestamps:
    """Return timestamps as int64 nanoseconds.

    Parameters
    ----------
    name : str
        Named in errors.
    values : int64 or datetime64 array, or a sequence of datetimes
        Integers are nanoseconds; naive times count as UTC.
    rows : int, optional
        The length it must have.

    Raises
    ------
    DataError
        Another dtype, missing times, another length.
    """
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        row = int(np.ma.getmaskarray(values).argmax())
        raise DataError(f"{name} must not be missing, got a masked time at row {row}", "missing_time")
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{name} must have 1 dimension, got {array.ndim}", "shape")
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        if missing.any():
            raise DataError(f"{name} must not be missing, got NaT at row {int(missing.argmax())}", "missing_time")
        if np.datetime_data(array.dtype)[0] == "generic":
            raise DataError(f"{name} must be times with a unit, got dtype {array.dtype}", "dtype")
        with_unit, array = array, array.astype("datetime64[ns]")
        _refuse_wrapped(name, with_unit, array.astype(with_unit.dtype) != with_unit)
        array = array.astype(np.int64)
    elif array.dtype.kind == "O":
        array = np.array([epoch_nanoseconds(value) for value in array], dtype=np.int64)
    elif array.dtype.kind not in "iu" and array.size:
        raise DataError(f"{name} must be datetimes or integer nanoseconds, got dtype {array.dtype}", "dtype")
    if array.dtype.kind == "u":
        _refuse_wrapped(name, array, array > _LARGEST)
    if rows is not None and len(array) != rows:
        raise DataError(f"{name} must have length {rows}, got {len(array)}", "length")
    return np.ascontiguousarray(array, dtype=np.int64)


def _refuse_wrapped(name: str, values: npt.NDArray[Any], wrapped: npt.NDArray[np.bool_]) -> None:
    """Refuse times that nanoseconds in 64 bits do not reach."""
    if wrapped.any():
        row = int(wrapped.argmax())
        raise DataError(f"{name} must lie between 1677 and 2262, got {values[row]} at row {row}", "ts_range")


def ewm(half_life: object, min_samples: object) -> dict[str, Any]:
    """Return the options of an exponential weight.

    Raises
    ------
    ParameterError
        `half_life` not above 0, `min_samples` below 2.
    """
    return {
        "half_life": positive("half_life", half_life),
        "min_samples": whole("min_samples", min_samples, least=2),
    }


def cross_asset(
    window_size: object,
    min_samples: object,
    lookbacks: Mapping[str, object],
    returns: object,
) -> dict[str, Any]:
    """Return the options of the cross-asset features.

    Raises
    ------
    ParameterError
        Lookbacks out of bounds, unknown `returns`.
    """
    options = window(window_size, None, min_samples)
    for name, value in lookbacks.items():
        options[name] = whole(name, value, least=2 if name == "vol_window" else 1)
    options["returns"] = choice("returns", returns, ("simple", "log"))
    return options


def spillover(
    window_size: object,
    min_samples: object,
    *,
    vol: object,
    vol_window: object,
    stderr: object,
    spacing: object,
    newey_west_lags: object,
    both: object,
    most: int = MAX_ROWS,
) -> dict[str, Any]:
    """Return the options of a volatility spillover; `most` rows are the most of a window.

    Raises
    ------
    ParameterError
        Bounds, an unknown volatility or standard error, an option that the chosen one does not have.
    """
    options = window(window_size, None, min_samples)
    whole("window_size", window_size, least=LEAST_PAIR_WINDOW, most=most, because=_power_of_two(most))
    kind = options["vol"] = choice("vol", vol, VOLATILITIES)
    if kind == "rolling":
        rows = USUAL_VOL_WINDOW if vol_window is None else vol_window
        options["vol_window"] = whole(
            "vol_window", rows, least=LEAST_VARIANCE_WINDOW, most=most, because=_power_of_two(most)
        )
    elif vol_window is not None:
        raise ParameterError(f"vol_window goes with vol='rolling', got {vol_window!r} with vol={kind!r}", "vol_window")
    usual = "overlap" if kind == "rolling" else "spaced"
    error = options["stderr"] = choice("stderr", usual if stderr is None else stderr, STDERRS)
    if error == "overlap" and kind != "rolling":
        raise ParameterError(f"stderr='overlap' goes with vol='rolling', got vol={kind!r}", "stderr")
    for name, value, of in (("spacing", spacing, "spaced"), ("newey_west_lags", newey_west_lags, "newey_west")):
        if value is not None and error != of:
            raise ParameterError(f"{name} goes with stderr={of!r}, got {value!r} with stderr={error!r}", name)
    # Rolling volatilities that many rows apart share no return.
    apart = options.get("vol_window", 1)
    options["spacing"] = whole("spacing", apart if spacing is None else spacing, least=1)
    lags = max(apart, usual_lags(options["window_size"])) if newey_west_lags is None else newey_west_lags
    options["newey_west_lags"] = whole("newey_west_lags", lags, least=1)
    options["both"] = flag("both", both)
    return options


def spillover_readings(*, inference: bool, both: bool) -> tuple[str, ...]:
    """Return the names of the readings of a volatility spillover, in the core's order."""
    names = ["coefficient", "corr", "r_squared", "half_life", "n"]
    certainty = ["coefficient_stderr", "coefficient_p_value"] if inference else []
    names += certainty
    if both:
        names += [f"reverse_{name}" for name in ("coefficient", "half_life", *certainty)]
    return tuple(names)


def live_spillover(
    window_size: object,
    min_samples: object,
    vol: object,
    vol_window: object,
    stderr: object,
    spacing: object,
    newey_west_lags: object,
    both: object,
) -> tuple[int, int | None, str, int | None, str, int, int, bool]:
    """Return the options of a live volatility spillover, where None stands for the usual ones.

    Raises
    ------
    ParameterError
        As `spillover`; more than 2^24 rows.
    """
    options = spillover(
        USUAL_SPILLOVER_WINDOW if window_size is None else window_size,
        min_samples,
        vol="rolling" if vol is None else vol,
        vol_window=vol_window,
        stderr=stderr,
        spacing=spacing,
        newey_west_lags=newey_west_lags,
        both=False if both is None else both,
        most=MAX_LIVE_ROWS,
    )
    return (
        options["window_size"],
        options.get("min_samples"),
        options["vol"],
        options.get("vol_window"),
        options["stderr"],
        options["spacing"],
        options["newey_west_lags"],
        options["both"],
    )


def _power_of_two(bound: int) -> str:
    return f"2^{bound.bit_length() - 1}"


def usual_lags(window_size: int) -> int:
    """Return the lags of Newey and West for a window, 4 (window_size / 100)^(2/9), in whole numbers."""
    lags = 1
    while (lags + 1) ** 9 * 10_000 <= window_size**2 << 18:
        lags += 1
    return lags


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {value!r}", "type")
    return bool(value)


def sides(name: str, columns: object, vol: str) -> list[tuple[str, Any]]:
    """Return the columns that a volatility is made of, in the core's order, each with its name for errors.

    Parameters
    ----------
    name : str
        Named in errors.
    columns : object
        One series for "rolling" and "given"; otherwise a list or tuple in the order of `PRICES`, or a mapping by
        those names.
    vol : str
        One of `VOLATILITIES`.

    Raises
    ------
    ParameterError
        Other columns.
    """
    prices = PRICES.get(vol)
    if prices is None:
        return [(name, columns)]
    wanted = ", ".join(prices)
    if isinstance(columns, Mapping):
        if set(columns) != set(prices):
            raise ParameterError(f"{name} must hold {wanted} for vol={vol!r}, got {list(columns)}", "columns")
        columns = [columns[price] for price in prices]
    if not isinstance(columns, list | tuple) or len(columns) != len(prices):
        got = f"{len(columns)} columns" if isinstance(columns, list | tuple) else type(columns).__name__
        raise ParameterError(f"{name} must be a list or a mapping of {wanted} for vol={vol!r}, got {got}", "columns")
    return [(f"{name} {price}", column) for price, column in zip(prices, columns, strict=True)]


def lags(window_size: object, min_samples: object, max_lag: object) -> dict[str, Any]:
    """Return the options of correlations at every lag.

    Raises
    ------
    ParameterError
        `max_lag` outside 1 to 4096; as `window`.
    """
    options = window(window_size, None, min_samples)
    options["max_lag"] = whole("max_lag", max_lag, least=1, most=MOST_LAG, because="2^12")
    return options


def live_lags(window_size: object, min_samples: object, max_lag: object) -> tuple[int, int | None, int]:
    """Return window_size, min_samples and max_lag of a live lag scanner.

    Raises
    ------
    ParameterError
        As `lags`; more than 2^24 rows.
    """
    options = lags(window_size, min_samples, 10 if max_lag is None else max_lag)
    whole(
        "window_size", window_size, least=LEAST_PAIR_WINDOW, most=MAX_LIVE_ROWS, because="the most a live object holds"
    )
    return options["window_size"], options.get("min_samples"), options["max_lag"]


def degrees(ddof: object) -> int:
    """Return delta degrees of freedom.

    Raises
    ------
    ParameterError
        Not a whole number of at least 0.
    """
    return whole("ddof", ddof, least=0, most=(1 << 32) - 1)


def at_least_two(min_samples: object) -> int:
    """Return `min_samples` of an exponential weight.

    Raises
    ------
    ParameterError
        Not a whole number of at least 2.
    """
    return whole("min_samples", min_samples, least=2)


def least_joint_window(leaders: int) -> int:
    """Return the least rows of a window for a regression on several leaders: more than leaders and intercept."""
    return max(LEAST_PAIR_WINDOW, leaders + 2)


def leader_count(n_leaders: object) -> int:
    """Return a number of leaders.

    Raises
    ------
    ParameterError
        Not a whole number of 1 to 8.
    """
    return whole("n_leaders", n_leaders, least=1, most=MOST_LEADERS)


def table(name: str, values: object, rows: int, columns: int) -> Floats:
    """Return a contiguous float64 array of shape (rows, columns).

    Raises
    ------
    DataError
        Not numeric, of another shape.
    """
    array = floats(name, values)
    array = array[:, np.newaxis] if array.ndim == 1 and columns == 1 else array
    if array.shape != (rows, columns):
        raise DataError(f"{name} must have shape {(rows, columns)}, got {array.shape}", "shape")
    return np.ascontiguousarray(array)


def symbols(name: str, values: object) -> list[str]:
    """Return a list of different, non-empty symbols.

    Raises
    ------
    ParameterError
        Not a sequence of strings, or empty.
    DataError
        A symbol twice.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ParameterError(f"{name} must be a sequence of symbols, got {values!r}", "type")
    names = [symbol_name(name, value) for value in values]
    if not names:
        raise ParameterError(f"{name} must hold at least 1 symbol, got 0", "too_small")
    seen = set()
    for symbol in names:
        if symbol in seen:
            raise DataError(f"{name} must be different, got {symbol!r} twice", "symbol")
        seen.add(symbol)
    return names


def symbol_name(name: str, value: object) -> str:
    """Return a symbol.

    Raises
    ------
    ParameterError
        Not a string, or one that is empty or holds a zero character.
    """
    if not isinstance(value, str) or not value or "\0" in value:
        raise ParameterError(f"{name} must be a symbol, got {value!r}", "type")
    return value


def panel(
    assets: object, leaders: object, window_size: object, min_samples: object, returns: object, max_lag: object
) -> tuple[list[str], list[str], int, int | None, str, int]:
    """Return the options of a panel.

    Raises
    ------
    ParameterError, DataError
        As the checks above.
    """
    chosen = window(window_size, None, min_samples)
    whole("window_size", window_size, least=LEAST_PAIR_WINDOW, most=MAX_LIVE_ROWS, because="2^24")
    kind = choice("returns", "simple" if returns is None else returns, ("simple", "log"))
    size, least = chosen["window_size"], chosen.get("min_samples")
    names = symbols("leaders", leaders)
    # Features are named by the leader in lower case.
    lower = [leader.lower() for leader in names]
    if len(set(lower)) < len(lower):
        raise DataError(f"leaders must differ in more than case, got {names}", "symbol")
    lag = 0 if max_lag is None else whole("max_lag", max_lag, least=1, most=MOST_LAG, because="2^12")
    return symbols("assets", assets), names, size, least, kind, lag
