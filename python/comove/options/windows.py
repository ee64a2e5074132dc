"""Windows, and the estimators that have little else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comove.errors import DataError, ParameterError
from comove.options.scalars import choice, nanoseconds, positive, symbols, whole
from comove.options.types import LEAST_PAIR_WINDOW, MAX_LIVE_ROWS, MOST_LAG


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


def least_joint_window(leaders: int) -> int:
    """Return the least rows of a window for a regression on several leaders: more than leaders and intercept."""
    return max(LEAST_PAIR_WINDOW, leaders + 2)


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
