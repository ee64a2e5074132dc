"""TA-Lib's candlestick patterns of many symbols at once.

TA-Lib compares bodies and shadows with each other and with averages of those before them, in float64. There a body of
three ticks and a shadow of three ticks may differ, for 0.3 - 0.2 is not 0.2 - 0.1; and its averages are running sums,
in which what has left leaves its rounding, so that the same candles may be a pattern after one past and none after
another. Here the prices of each symbol are made whole numbers first: rounded to eleven or twelve significant decimal
digits of the highest, more than exchanges quote. What is equal in decimals then is equal, sums of whole numbers are
exact up to 2^53, and what has left them leaves no trace. So the symbols can be laid one after another in one array, as
many rows of each as the longest pattern needs, and each pattern is one call a bar for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from comove.options import Floats
from comove.signals.context import HIGH
from comove.signals.sources.extras import extra

__all__ = ["PATTERNS", "PRICES", "Candlesticks", "rounded"]

_DIGITS: Final = 12
#: Open, high, low and close, the first columns of a context's candles.
PRICES: Final = 4
#: log10(2), of which only whole parts are used.
_LOG2: Final = 0.30103
_MOST: Final = 290
# By text, which rounds correctly on every machine.
_TENS: Final = np.array([float(f"1e{power}") for power in range(-_MOST, _MOST + 1)])

#: TA-Lib's "Pattern Recognition" functions, in its order.
PATTERNS: Final = (
    "CDL2CROWS", "CDL3BLACKCROWS", "CDL3INSIDE", "CDL3LINESTRIKE", "CDL3OUTSIDE", "CDL3STARSINSOUTH",
    "CDL3WHITESOLDIERS", "CDLABANDONEDBABY", "CDLADVANCEBLOCK", "CDLBELTHOLD", "CDLBREAKAWAY", "CDLCLOSINGMARUBOZU",
    "CDLCONCEALBABYSWALL", "CDLCOUNTERATTACK", "CDLDARKCLOUDCOVER", "CDLDOJI", "CDLDOJISTAR", "CDLDRAGONFLYDOJI",
    "CDLENGULFING", "CDLEVENINGDOJISTAR", "CDLEVENINGSTAR", "CDLGAPSIDESIDEWHITE", "CDLGRAVESTONEDOJI", "CDLHAMMER",
    "CDLHANGINGMAN", "CDLHARAMI", "CDLHARAMICROSS", "CDLHIGHWAVE", "CDLHIKKAKE", "CDLHIKKAKEMOD", "CDLHOMINGPIGEON",
    "CDLIDENTICAL3CROWS", "CDLINNECK", "CDLINVERTEDHAMMER", "CDLKICKING", "CDLKICKINGBYLENGTH", "CDLLADDERBOTTOM",
    "CDLLONGLEGGEDDOJI", "CDLLONGLINE", "CDLMARUBOZU", "CDLMATCHINGLOW", "CDLMATHOLD", "CDLMORNINGDOJISTAR",
    "CDLMORNINGSTAR", "CDLONNECK", "CDLPIERCING", "CDLRICKSHAWMAN", "CDLRISEFALL3METHODS", "CDLSEPARATINGLINES",
    "CDLSHOOTINGSTAR", "CDLSHORTLINE", "CDLSPINNINGTOP", "CDLSTALLEDPATTERN", "CDLSTICKSANDWICH", "CDLTAKURI",
    "CDLTASUKIGAP", "CDLTHRUSTING", "CDLTRISTAR", "CDLUNIQUE3RIVER", "CDLUPSIDEGAP2CROWS", "CDLXSIDEGAP3METHODS",
)  # fmt: skip


def rounded(block: Floats) -> Floats:
    """Return the prices of each symbol as whole numbers.

    Parameters
    ----------
    block : float64, shape (k, rows, 4)
        Of k symbols: open, high, low, close; finite and above 0.

    Returns
    -------
    float64, shape (k, rows, 4)
        A power of ten times the prices of a symbol, the same for all its rows, so that the highest lies between 5 10^10
        and 10^12.
    """
    _, exponents = np.frexp(block[:, :, HIGH].max(axis=1))
    powers = np.clip(_DIGITS - np.ceil(exponents * _LOG2).astype(np.int64), -_MOST, _MOST)
    found: Floats = np.rint(block * _TENS[powers + _MOST][:, np.newaxis, np.newaxis])
    return found


class Candlesticks:
    """The patterns of TA-Lib, where it can be imported.

    Attributes
    ----------
    available : bool
    rows : int
        Candles of a symbol that the longest pattern and its averages need; 0 without TA-Lib.
    """

    __slots__ = ("_calls", "available", "rows")

    def __init__(self) -> None:
        talib, abstract = extra("talib"), extra("talib.abstract")
        self.available = talib is not None and abstract is not None
        # Each with the candles that it needs.
        self._calls: list[tuple[Callable[..., npt.NDArray[Any]], int]] = []
        self.rows = 0
        if self.available:
            calls = [getattr(talib, name) for name in PATTERNS]
            needs = [1 + int(abstract.Function(name).lookback) for name in PATTERNS]
            # What is wrapped looks for frames among its arguments; here they are arrays.
            self._calls = [(getattr(call, "__wrapped__", call), rows) for call, rows in zip(calls, needs, strict=True)]
            self.rows = max(needs)

    def signs(self, block: Floats) -> npt.NDArray[np.int8]:
        """Return which patterns end at the last row of each symbol.

        Parameters
        ----------
        block : float64, shape (k, `rows`, 4)
            As in `rounded`.

        Returns
        -------
        int8, shape (k, 61)
            1 or -1 by the sign that TA-Lib gives, 0 for no pattern.

        Notes
        -----
        61 calls on arrays of k times 3 to 15 rows, 0.9 ms for 47 symbols; with 15 rows each 1.0 ms, with 40 rows
        1.7 ms. One call a symbol and pattern takes 22 ms, TA-Lib's handles, one a symbol and pattern and fed row by
        row, 2.3 ms.
        """
        if not len(block):
            return np.zeros((0, len(PATTERNS)), dtype=np.int8)
        prices = rounded(block)
        # No more rows than a pattern needs: what they cost is what TA-Lib takes.
        shown = {
            rows: list(np.ascontiguousarray(prices[:, -rows:].reshape(-1, PRICES).T))
            for rows in {rows: None for _, rows in self._calls}
        }
        found = np.array([call(*shown[rows])[rows - 1 :: rows] for call, rows in self._calls])
        # TA-Lib's values are -200, -100, -80, 80, 100 and 200.
        signs: npt.NDArray[np.int8] = np.sign(found).astype(np.int8).T
        return signs
