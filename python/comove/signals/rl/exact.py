"""Matrix products whose bits depend on no processor, no library and no other row: each sum in them is exact.

A library's product adds in an order of its own, so that the last bits differ between processors and with the number of
rows. Here both factors are cut into two parts of 21 bits each, as whole multiples of a unit: products of parts have 42
bits, sums of up to 1024 of them 52, hence fit into a float64 as they are, and in any order give the same (Ozaki, Ogita,
Oishi and Rump 2012, "Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications"). Of the four products of parts the least is left out: with bounds X and W of the
factors and n terms, the error is below ``n X W 2^-40``.
"""

from __future__ import annotations

from math import frexp, ldexp
from typing import Final

import numpy as np

from comove.errors import DataError
from comove.options import Floats

__all__ = ["ExactProduct"]

_BITS: Final = 20
_MOST_TERMS: Final = 1024
_LEAST_UNIT: Final = -900


class ExactProduct:
    """Rows times the transpose of weights.

    Parameters
    ----------
    weights : float64, shape (outputs, inputs)
        At most 1024 inputs.
    bound : float, above 0
        Rows are within it.

    Raises
    ------
    DataError
        More inputs.
    """

    __slots__ = ("_high", "_low", "_unit")

    def __init__(self, weights: Floats, bound: float) -> None:
        if weights.shape[1] > _MOST_TERMS:
            raise DataError(f"weights must have at most {_MOST_TERMS} inputs, got {weights.shape[1]}", "too_large")
        self._unit = _unit(bound)
        largest = float(np.abs(weights).max(initial=0.0))
        self._high, self._low = _parts(np.ascontiguousarray(weights.T), _unit(largest))

    def __call__(self, rows: Floats) -> Floats:
        """Return the product, shape (rows, outputs); NaN where a row has one."""
        high, low = _parts(rows, self._unit)
        out: Floats = high @ self._high + (high @ self._low + low @ self._high)
        return out


def _unit(bound: float) -> float:
    """Return a power of two of which numbers within `bound` are at most 2^20; one whose parts float64 has."""
    return ldexp(1.0, max(frexp(bound)[1] - _BITS, _LEAST_UNIT))


def _parts(values: Floats, unit: float) -> tuple[Floats, Floats]:
    """Return values in whole units, and what is left in whole units that are 2^21 times smaller."""
    high = np.rint(values / unit) * unit
    fine = ldexp(unit, -_BITS - 1)
    return high, np.rint((values - high) / fine) * fine
