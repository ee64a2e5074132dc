"""The least data each answer needs, and the Student quantile of an interval."""

from __future__ import annotations

from typing import Final

# Of the project's brief: a slope or a lag from fewer pairs, or a volatility's slope or a regime from fewer, is noise.
LEAST_BETA: Final = 20
LEAST_LAGS: Final = 20
LEAST_SPILLOVER: Final = 30
LEAST_REGIME: Final = 30
# Of the core: as many times the rows of a volatility must a window hold before its pairs tell a standard error.
LEAST_APART: Final = 10

_NORMAL: Final = 1.959963984540054  # 97.5 % of the standard normal


def student_quantile(degrees: int) -> float:
    """Return the 97.5 % point of Student's t, for at least 18 degrees of freedom.

    The expansion in 1 / degrees of Abramowitz and Stegun (1964), 26.7.5; within 2e-6 of the exact value from 18
    degrees on, and made of + * / only, so that its bits are the same on every processor.
    """
    z = _NORMAL
    z2 = z * z
    nu = float(degrees)
    first = z * (z2 + 1.0) / 4.0
    second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    fourth = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0
    return z + (first + (second + (third + fourth / nu) / nu) / nu) / nu
