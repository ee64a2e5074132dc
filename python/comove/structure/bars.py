"""Bars of prices as they arrive: one symbol at a time, or all at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import inf, nan
from typing import SupportsFloat, SupportsIndex

import numpy as np

from comove.errors import DataError, OrderError
from comove.options import epoch_nanoseconds, symbol_name
from comove.structure.prices import utc

__all__ = ["FormingBar", "price_of"]


def price_of(symbol: str, value: object) -> float:
    """Return a price as a float, NaN where it is missing.

    Raises
    ------
    DataError
        No number, or not above 0.
    """
    if value is None:
        return nan
    # A look at the protocols below takes as long as all else in a bar.
    price = value if type(value) is float else _as_float(symbol, value)
    if price != price or price in (inf, -inf):
        return nan
    if price <= 0.0:
        raise DataError(f"the price of {symbol} must be above 0, got {price}", "price_sign")
    return price


def _as_float(symbol: str, value: object) -> float:
    if isinstance(value, bool | np.bool_ | str | bytes) or not isinstance(value, SupportsFloat | SupportsIndex):
        raise DataError(f"the price of {symbol} must be a number or None, got {value!r}", "dtype")
    try:
        return float(value)
    except OverflowError:
        return nan
    except (TypeError, ValueError) as error:
        raise DataError(f"the price of {symbol} must be a number or None, got {value!r}", "dtype") from error


class FormingBar:
    """The bar that is being formed, and the order of bars.

    Parameters
    ----------
    span, max_rows : int or None
        At most `max_rows` bars may lie within any span of so many nanoseconds, for the memory of the windows is taken
        once.
    """

    __slots__ = ("closed", "max_rows", "prices", "span", "times", "ts")

    def __init__(self, span: int | None, max_rows: int | None) -> None:
        self.span, self.max_rows = span, max_rows
        self.ts: int | None = None
        self.prices: dict[str, float] = {}
        self.closed: int | None = None
        """Time of the last closed bar."""
        self.times: deque[int] = deque()

    def check(self, time: object, prices: Mapping[str, object]) -> tuple[int, dict[str, float]]:
        """Return the time and the prices of an arrival, and change nothing.

        Raises
        ------
        OrderError
            It is for a bar that has closed.
        DataError
            A time or a price that is none; more than `max_rows` bars within the span.
        """
        ts = epoch_nanoseconds(time)
        checked = {symbol_name("symbol", symbol): price_of(symbol, value) for symbol, value in prices.items()}
        if self.closed is not None and ts <= self.closed:
            raise OrderError(f"ts must be after the last closed bar, {utc(self.closed)}, got {utc(ts)}", "ts_order")
        if self.ts is not None and ts < self.ts:
            raise OrderError(f"ts must not be before the bar being formed, {utc(self.ts)}, got {utc(ts)}", "ts_order")
        if ts != self.ts and self.span is not None and self.max_rows is not None:
            held = len(self.times) + (self.ts is not None)
            if held >= self.max_rows:
                oldest = ts - self.span
                within = sum(1 for each in self.times if each > oldest) + (self.ts is not None and self.ts > oldest)
                if within >= self.max_rows:
                    raise DataError(
                        f"max_rows is {self.max_rows}, got {within + 1} bars within the window's span at {utc(ts)}",
                        "max_rows",
                    )
        return ts, checked

    def close(self) -> tuple[int, dict[str, float]] | None:
        """Close the bar and return it; None where none is being formed."""
        if self.ts is None:
            return None
        bar = self.ts, self.prices
        if self.span is not None:
            self.times.append(self.ts)
            while self.times and self.times[0] <= self.ts - self.span:
                self.times.popleft()
        self.closed, self.ts, self.prices = self.ts, None, {}
        return bar
