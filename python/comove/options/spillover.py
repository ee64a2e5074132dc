"""Options of the volatility spillover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comove.errors import ParameterError
from comove.options.scalars import choice, flag, whole
from comove.options.types import (
    LEAST_PAIR_WINDOW,
    LEAST_VARIANCE_WINDOW,
    MAX_LIVE_ROWS,
    MAX_ROWS,
    PRICES,
    STDERRS,
    USUAL_SPILLOVER_WINDOW,
    USUAL_VOL_WINDOW,
    VOLATILITIES,
)
from comove.options.windows import window


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
    last = options["window_size"] - 1
    usual_of_window = min(max(apart, usual_lags(options["window_size"])), last)
    lags = usual_of_window if newey_west_lags is None else newey_west_lags
    options["newey_west_lags"] = whole("newey_west_lags", lags, least=1, most=last, because="window_size - 1")
    options["both"] = flag("both", both)
    return options


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


def spillover_readings(*, inference: bool, both: bool) -> tuple[str, ...]:
    """Return the names of the readings of a volatility spillover, in the core's order."""
    names = ["coefficient", "corr", "r_squared", "half_life", "n"]
    certainty = ["coefficient_stderr", "coefficient_p_value"] if inference else []
    names += certainty
    if both:
        names += [f"reverse_{name}" for name in ("coefficient", "half_life", *certainty)]
    return tuple(names)


def usual_lags(window_size: int) -> int:
    """Return the lags of Newey and West for a window, 4 (window_size / 100)^(2/9), in whole numbers."""
    lags = 1
    while (lags + 1) ** 9 * 10_000 <= window_size**2 << 18:
        lags += 1
    return lags


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


def _power_of_two(bound: int) -> str:
    return f"2^{bound.bit_length() - 1}"
