"""Why a pair of `comove leadlag` has no lag, in the words of its verdict.

Letters: y returns of the asset, x those of the leader, NaN where a price is missing; k a lag, negative where the leader
moved first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from comove.features.grid import Prices
from comove.options import Floats

__all__ = ["CANNOT_TEST", "TOO_LITTLE", "reason_apart", "reason_in_window"]

TOO_LITTLE: Final = "too little data"
CANNOT_TEST: Final = "cannot be tested"
_NO_CANDLES: Final = "no common candles"
_NO_RETURNS: Final = "no common returns"
_LENGTHS: Final = "candles differ in length"


def reason_apart(asset: Prices, leader: Prices) -> str:
    """Return why the two have no return in common."""
    of_asset, of_leader = (one.times[np.isfinite(one.close)] for one in (asset, leader))
    if not len(np.intersect1d(of_asset, of_leader, assume_unique=True)):
        return _NO_CANDLES
    steps = {float(np.median(np.diff(one))) for one in (of_asset, of_leader) if len(one) > 1}
    return _LENGTHS if len(steps) > 1 else _NO_RETURNS


def reason_in_window(asset: str, leader: str, y: Floats, x: Floats, size: int, max_lag: int, needed: int) -> str:
    """Return why a window of `size` rows, the last ones of y and x, has no correlation at some lag."""
    first = len(y) - size
    for lag in sorted(range(-max_lag, max_lag + 1), key=abs):
        ahead, behind = (x, y) if lag <= 0 else (y, x)
        early = ahead[max(0, first - abs(lag)) : len(y) - abs(lag)]
        late = behind[len(y) - len(early) :]
        both = np.isfinite(early) & np.isfinite(late)
        if both.sum() < needed:
            return TOO_LITTLE
        for name, values in ((leader if lag <= 0 else asset, early[both]), (asset if lag <= 0 else leader, late[both])):
            if (values == values[0]).all():
                return f"{name} does not vary" if lag == 0 else f"{name} hardly varies"
    return CANNOT_TEST
