"""What outcomes are worth that move together: coins of one hour, and hours that share most of their horizon.

Letters: m outcomes of which any two have the correlation c. Their mean has the variance of the mean of

    m / (1 + (m - 1) c)

outcomes that are independent (Kish 1965, Survey Sampling, the effect of clusters): 47 outcomes at c = 1/2 are worth 2.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from comove.options import Floats

__all__ = ["USUAL_CORR", "worth_of_each"]

#: Whether two coins rise over the same 6 hours has a mean correlation of 0.44 in hourly candles of 39 coins in 2024.
USUAL_CORR: Final = 0.5


def worth_of_each(together: Floats, corr: float) -> Floats:
    """Return what one of so many outcomes is worth; `together` may be more than whole where they overlap in part."""
    each: Floats = 1.0 / (1.0 + np.maximum(together - 1.0, 0.0) * corr)
    return each
