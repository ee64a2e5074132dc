"""Types and bounds that options share."""

from __future__ import annotations

import datetime as dt
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Returns: TypeAlias = Literal["simple", "log"]
Vol: TypeAlias = Literal["rolling", "parkinson", "garman_klass", "given"]
Stderr: TypeAlias = Literal["overlap", "spaced", "newey_west"]
Span: TypeAlias = dt.timedelta | str
Floats: TypeAlias = npt.NDArray[np.float64]
Timestamps: TypeAlias = npt.NDArray[np.int64]

#: The least rows of a window for beta, correlation and regressions, and for variance and covariance.
LEAST_PAIR_WINDOW = 3
LEAST_VARIANCE_WINDOW = 2
#: The most rows of any window: more than any column has.
MAX_ROWS = 1 << 48
#: The most rows a live object holds (2^24).
MAX_LIVE_ROWS = 1 << 24
#: The largest lag of a scan (2^12).
MOST_LAG = 1 << 12
#: The most leaders of a joint regression.
MOST_LEADERS = 8
#: Rows of the window of a volatility spillover, and of the returns a rolling volatility is made of.
USUAL_SPILLOVER_WINDOW = 240
USUAL_VOL_WINDOW = 20
#: Where volatilities and standard errors come from, and the prices of a bar that some volatilities are made of.
VOLATILITIES = ("rolling", "parkinson", "garman_klass", "given")
STDERRS = ("overlap", "spaced", "newey_west")
PRICES = {"parkinson": ("high", "low"), "garman_klass": ("open", "high", "low", "close")}
#: The largest time in nanoseconds.
LARGEST = np.iinfo(np.int64).max
#: More threads than any machine has; one more is a typing error.
MOST_THREADS = 1024
