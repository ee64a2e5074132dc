"""Names, colours and short forms that the parts of a report share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from comove.structure import MarketRegime

__all__ = ["REGIME_COLOURS", "REGIME_NAMES", "UNKNOWN_NUMBER", "number", "share_text", "span_text", "time_text"]

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
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
