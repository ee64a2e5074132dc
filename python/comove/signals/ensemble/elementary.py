"""Exponential and logarithm of arrays, made of + - * / and square root: the same bits on every processor.

NumPy's own differ between processors in the last place, and a mixture adds up thousands of them.

Letters: ln 2 = hi + lo, where hi has so few digits that a whole multiple of it is exact (Cody and Waite 1980, Software
Manual for the Elementary Functions).

    exp(x) = 2^k exp(r)                   k the whole number next to x / ln 2, r = x - k hi - k lo, |r| <= 0.35
    exp(r) = 1 + r + r c / (2 - c)        c = r - r^2 (P_1 + P_2 r^2 + ... + P_5 r^8)
    ln(x)  = k ln 2 + 2 artanh(s)         x = 2^k m, 1/sqrt(2) <= m < sqrt(2), s = (m - 1) / (m + 1), |s| <= 0.172
    artanh(s) / s = 1 + s^2 (L_1 + L_2 s^2 + ... + L_7 s^12) / 2
    artanh(z) = 2 artanh(z / (1 + sqrt(1 - z^2)))

The polynomials and their constants are those of fdlibm (Sun Microsystems 1993, e_exp.c and e_log.c); their error is
below 2^-58.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final

import numpy as np

from comove.options import Floats

__all__ = ["added", "artanh_ratio", "exp", "log"]

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_PER_LN2: Final = 1.44269504088896338700
_HALF_ROOT: Final = 0.70710678118654752440
# There exp is 0 already.
_LEAST: Final = -800.0
# The highest power first.
_EXP_TERMS: Final = (
    4.13813679705723846039e-08,
    -1.65339022054652515390e-06,
    6.61375632143793436117e-05,
    -2.77777777770155933842e-03,
    1.66666666666666019037e-01,
)
_ARTANH_TERMS: Final = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)


def exp(x: Floats) -> Floats:
    """Return e^x within 2 ulp, for x of at most 700; 0 at -inf."""
    x = np.maximum(x, _LEAST)
    k = x * _PER_LN2
    np.rint(k, out=k)
    # In place from here on: the arrays are small, and making them is what takes time.
    x -= k * _LN2_HIGH
    x -= k * _LN2_LOW
    t = x * x
    c = _polynomial(t, _EXP_TERMS)
    c *= t
    np.subtract(x, c, out=c)
    np.subtract(2.0, c, out=t)
    c *= x
    c /= t
    c += x
    c += 1.0
    out: Floats = np.ldexp(c, k.astype(np.int32))
    return out


def log(x: Floats) -> Floats:
    """Return ln x within 2 ulp or 1e-16, for finite x above 0."""
    m, k = np.frexp(x)
    low = m < _HALF_ROOT
    m = np.where(low, m + m, m)
    e = (k - low).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    out: Floats = e * _LN2_HIGH + (e * _LN2_LOW + 2.0 * s * _artanh_series(s))
    return out


def artanh_ratio(z: Floats) -> Floats:
    """Return artanh(z) / z within 8 ulp, for |z| <= 0.8; 1 at 0."""
    w, out = z, np.full_like(z, 8.0)
    for _ in range(3):
        half = w * w
        np.subtract(1.0, half, out=half)
        np.sqrt(half, out=half)
        half += 1.0
        w = w / half
        out /= half
    out *= _artanh_series(w)
    return out


def added(rows: Floats) -> Floats:
    """Return the sum over the first axis in its order; NumPy's own order depends on the shape."""
    out: Floats = reduce(np.add, list(rows))
    return out


def _artanh_series(s: Floats) -> Floats:
    """Return artanh(s) / s for |s| <= 0.172."""
    t = s * s
    out = _polynomial(t, _ARTANH_TERMS)
    t *= 0.5
    out *= t
    out += 1.0
    return out


def _polynomial(x: Floats, terms: Sequence[float]) -> Floats:
    """Horner's rule."""
    out = x * terms[0]
    out += terms[1]
    for term in terms[2:]:
        out *= x
        out += term
    return out
