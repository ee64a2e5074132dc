"""Candles of many symbols as bars: every candle once, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove import DataError, OrderError, ParameterError
from comove.data import iterate_bars, simulate_market

HOUR = 3_600_000_000_000
ROWS = st.lists(st.integers(0, 40), unique=True, min_size=1, max_size=20).map(sorted)


def frame_of(hours, price=1.0):
    times = pl.Series("ts", [hour * HOUR // 1000 for hour in hours], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    value = [price + hour for hour in hours]
    values = {name: pl.Series(value, dtype=pl.Float64) for name in ("open", "high", "low", "close", "volume")}
    return pl.DataFrame({"ts": times, **values})


@given(st.dictionaries(st.sampled_from(["BTC", "ETH", "BONK"]), ROWS))
def test_every_candle_comes_once_in_the_order_of_time(hours):
    frames = {symbol: frame_of(each, place * 100.0 + 1.0) for place, (symbol, each) in enumerate(hours.items())}
    bars = list(iterate_bars(frames))
    assert [ts for ts, _ in bars] == [
        hour * HOUR for hour in sorted({hour for each in hours.values() for hour in each})
    ]
    for ts, candles in bars:
        assert list(candles) == [symbol for symbol, each in hours.items() if ts // HOUR in each]
        for symbol, candle in candles.items():
            assert candle["close"] == list(hours).index(symbol) * 100.0 + 1.0 + ts // HOUR
    assert sum(len(candles) for _, candles in bars) == sum(map(len, hours.values()))


def test_missing_values_are_none_and_all_spellings_are_understood():
    raw = pl.DataFrame({"date": [datetime(2024, 1, 1, tzinfo=UTC)], "o": [1.0], "h": [2.0], "l": [1.0], "c": [None]})
    raw = raw.with_columns(c=pl.lit(None, pl.Float64), vol=pl.lit(0.0))
    ((ts, candles),) = iterate_bars({"BTC": raw})
    assert ts == 1_704_067_200_000_000_000
    assert candles["BTC"] == {"open": 1.0, "high": 2.0, "low": 1.0, "close": None, "volume": 0.0}


def test_what_is_wrong_is_said_before_the_first_bar():
    good = simulate_market(n_bars=100, assets=["BONK"], seed=1).frames
    with pytest.raises(ParameterError, match="frames must be a mapping"):
        iterate_bars([good["BTC"]])
    with pytest.raises(OrderError):
        iterate_bars({**good, "BTC": good["BTC"].reverse()})
    with pytest.raises(DataError):
        iterate_bars({**good, "BTC": good["BTC"].drop("close")})
    assert list(iterate_bars({})) == []
