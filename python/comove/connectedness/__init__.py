"""Connectedness: how much of each series' forecast error comes from shocks to the others.

One table over all rows (`diebold_yilmaz`), or one per window (`rolling_diebold_yilmaz`). Both take volatilities, such
as `log_range_volatility` makes from candles, but any stationary series will do.
"""

from __future__ import annotations

from comove.connectedness.inputs import Series, log_range_volatility
from comove.connectedness.rolling import RollingConnectedness, rolling_diebold_yilmaz
from comove.connectedness.static import Connectedness, diebold_yilmaz
from comove.connectedness.variance import Method

__all__ = [
    "Connectedness",
    "Method",
    "RollingConnectedness",
    "Series",
    "diebold_yilmaz",
    "log_range_volatility",
    "rolling_diebold_yilmaz",
]
