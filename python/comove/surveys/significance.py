"""Many tests at once: p-values that account for how many there are, and words for them."""

from __future__ import annotations

from typing import Final

import numpy as np

from comove.options import Floats

__all__ = ["LEVEL", "MOST_EVIDENCE", "evidence", "holm", "p_text"]

#: Chance that a family of tests without any effect yields even one verdict.
LEVEL: Final = 0.05
#: Evidence beyond one in ten thousand million says no more, and would take the colours of a map from the rest.
MOST_EVIDENCE: Final = 10.0
#: Least p-value that is written out. Beyond it the normal tail is no longer what limits the truth of a p-value.
_LEAST_SHOWN: Final = 1e-4


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted for their number (Holm 1979, Scandinavian Journal of Statistics 6, 65-70).

    Of m p-values p_(1) <= p_(2) <= ...: max over j <= i of min(1, (m - j + 1) p_(j)). Whatever the tests have to do
    with each other, taking those at most 0.05 is wrong anywhere with a chance of at most 5 %. NaN is no test.
    """
    adjusted = np.full(p_values.shape, np.nan)
    there = np.flatnonzero(np.isfinite(p_values))
    order = there[np.argsort(p_values[there], kind="stable")]
    scaled = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def evidence(p_value: float | None) -> float:
    """Return -log10 of a p-value, at most `MOST_EVIDENCE`; NaN where there is none."""
    if p_value is None:
        return float("nan")
    return float(min(MOST_EVIDENCE, -np.log10(max(p_value, 10.0**-MOST_EVIDENCE))))


def p_text(p_value: float) -> str:
    """Return a p-value as it is shown, "-" where there is none."""
    if not np.isfinite(p_value):
        return "-"
    return f"<{_LEAST_SHOWN:.4f}" if p_value < _LEAST_SHOWN else f"{p_value:.4f}"
