"""Where the recorded market data lies. It is no part of the repository; tests that need it are skipped without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("COMOVE_DATA") or Path(__file__).parents[2] / "shared" / "data")
HOURS = DATA / "ohlcv" / "1h"
HOURS_2024 = DATA / "ohlcv" / "1h_2024"
MINUTES = DATA / "ohlcv" / "1m"
VENUES = DATA / "ticks"
SPILLOVER = DATA / "spillover"


def _missing(place):
    return f"the recorded data is not at {place}; COMOVE_DATA names the folder of all of it"


def present(place):
    """The same place; the test is skipped where there is nothing."""
    if not place.exists():
        pytest.skip(_missing(place))
    return place


def needs(place):
    """A mark: the test is skipped where there is nothing at a place."""
    return pytest.mark.skipif(not place.exists(), reason=_missing(place))
