"""Numbers of a book: their scale, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable
from math import frexp

__all__ = ["scale_of", "share"]


def scale_of(values: Iterable[float]) -> float:
    """Return a power of two over which the squares of values stay within float64; 1 for most values.

    Dividing by it, and multiplying again, changes no digit.
    """
    largest = max(map(abs, values), default=0.0)
    if not largest or 1e-100 < largest < 1e100:
        return 1.0
    return 2.0 ** min(frexp(largest)[1], 1023)


def share(part: float) -> str:
    """Return a fraction in percent, three digits."""
    return f"{100.0 * part:.3g} %"
