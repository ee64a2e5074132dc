"""Names, colours and short forms that the parts of a report share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from comove.structure import BetaMetrics, MarketRegime

__all__ = [
    "REGIME_COLOURS",
    "REGIME_NAMES",
    "UNKNOWN_NUMBER",
    "beta_texts",
    "fits",
    "number",
    "price_text",
    "share_text",
    "span_text",
    "time_text",
]

#: Digits of a price that has a fraction. One from `_LEAST_PLAIN` on is written without an exponent.
_PRICE_DIGITS: Final = 6
_LEAST_PLAIN: Final = 1e-9
_MOST_DIGITS: Final = 6
#: Letters that stand side by side in a map of the page, and those of the frame of a cell.
_LETTERS: Final = 140
_CELL_FRAME: Final = 2
#: Spans of so many units have no fraction.
_WHOLE_FROM: Final = 100
#: Told apart by the colour-blind (Okabe and Ito).
REGIME_COLOURS: Final = {
    MarketRegime.RISK_ON.value: "#009E73",
    MarketRegime.RISK_OFF.value: "#D55E00",
    MarketRegime.ROTATION.value: "#56B4E9",
    MarketRegime.DIVERGENCE.value: "#CC79A7",
    MarketRegime.UNKNOWN.value: "#DDDDDD",
}
REGIME_NAMES: Final = {
    MarketRegime.RISK_ON.value: "risk on",
    MarketRegime.RISK_OFF.value: "risk off",
    MarketRegime.ROTATION.value: "rotation",
    MarketRegime.DIVERGENCE.value: "divergence",
    MarketRegime.UNKNOWN.value: "no clear regime",
}
UNKNOWN_NUMBER: Final = "–"  # noqa: RUF001 (a dash that is as wide as a digit)


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as it is shown, without the sign of a zero; a dash where there is none."""
    return UNKNOWN_NUMBER if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def price_text(price: float) -> str:
    """Return a price with six digits, or all before the point where there are more."""
    if abs(price) < _LEAST_PLAIN:
        return f"{price:.{_PRICE_DIGITS}g}"
    digits = max(_PRICE_DIGITS, int(np.floor(np.log10(abs(price)))) + 1)
    return np.format_float_positional(price, precision=digits, fractional=False, trim="-")


def beta_texts(beta: BetaMetrics | None) -> tuple[str, str]:
    """Return a beta and its standard error with two decimals, or more where the error would read 0."""
    if beta is None or beta.beta is None:
        return UNKNOWN_NUMBER, UNKNOWN_NUMBER
    if beta.stderr is None:
        return number(beta.beta), UNKNOWN_NUMBER
    digits = 2
    while 0 < beta.stderr < 0.5 * 10.0**-digits and digits < _MOST_DIGITS:
        digits += 1
    return number(beta.beta, digits), f"± {beta.stderr:.{digits}f}"


def fits(texts: Sequence[Sequence[str]], labels: Sequence[str]) -> bool:
    """Whether the texts in the cells of a map have room beside the labels of its rows; plotly would shrink them."""
    room = _LETTERS - max(map(len, labels), default=0)
    return all((max(map(len, row)) + _CELL_FRAME) * len(row) <= room for row in texts if row)


def share_text(part: int, whole: int) -> str:
    """Return a part in percent."""
    return f"{100 * part / whole:.0f} %" if whole else UNKNOWN_NUMBER


def time_text(time: datetime) -> str:
    """Return a time to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def span_text(span: timedelta) -> str:
    """Return a span in its largest fitting unit, as in "26 h"."""
    seconds = span.total_seconds()
    for unit, length, least in (("d", 86_400, 2), ("h", 3_600, 1), ("min", 60, 1)):
        if seconds >= least * length:
            count = seconds / length
            return f"{count:,.0f} {unit}" if count >= _WHOLE_FROM else f"{count:.3g} {unit}"
    return f"{seconds:.3g} s"
