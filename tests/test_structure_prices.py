"""PriceData: every container, checked once, never changed."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from comove import DataError, OrderError, PriceData

TIMES = [datetime(2024, 1, 1, hour) for hour in range(3)]
PRICES = [1.0, None, 4.0]
NANOSECONDS = np.array(TIMES, "datetime64[ns]").astype(np.int64)
AWARE = [time.replace(tzinfo=UTC) for time in TIMES]
ELSEWHERE = [time.astimezone(timezone(timedelta(hours=5))) for time in AWARE]


@pytest.mark.parametrize(
    ("times", "prices"),
    [
        (TIMES, PRICES),
        (AWARE, [1, float("nan"), 4]),
        (ELSEWHERE, np.array([1.0, np.inf, 4.0])),
        (tuple(TIMES), np.array([1.0, -np.inf, 4.0])),
        (NANOSECONDS, pl.Series(PRICES)),
        (NANOSECONDS.tolist(), PRICES),
        (np.array(TIMES, "datetime64[s]"), np.array(PRICES, dtype=object)),
        (pl.Series(TIMES), pl.Series(PRICES, dtype=pl.Float32)),
        (pl.Series(AWARE), PRICES),
        (pl.Series(TIMES, dtype=pl.Datetime("ms")), PRICES),
        (pl.Series(NANOSECONDS), PRICES),
    ],
)
def test_any_container_gives_the_same(times, prices):
    data = PriceData(timestamps=times, prices=prices)
    assert (data.timestamps == NANOSECONDS).all()
    assert data.timestamps.dtype == np.int64
    assert data.prices.tobytes() == np.array([1.0, np.nan, 4.0]).tobytes()
    assert data == PriceData(TIMES, PRICES)
    assert hash(data) == hash(PriceData(TIMES, PRICES))
    assert data.version == PriceData(TIMES, PRICES).version
    assert (data.first, data.last, len(data)) == (AWARE[0], AWARE[-1], 3)


def test_a_frame():
    frame = pl.DataFrame({"ts": TIMES, "close": PRICES, "open": [1.0, 2.0, 3.0]})
    assert PriceData.from_frame(frame) == PriceData(TIMES, PRICES)
    assert PriceData.from_frame(frame, column="open").prices.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(DataError, match="no column 'high'; found: ts, close, open"):
        PriceData.from_frame(frame, column="high")


@pytest.mark.parametrize(
    ("times", "prices", "error", "code", "message"),
    [
        (TIMES, [1.0, 2.0], DataError, "length", "got 3 timestamps and 2 prices"),
        (TIMES, [1.0, 0.0, 2.0], DataError, "price_sign", "above 0, got 0.0 at row 1, 2024-01-01 01:00"),
        (TIMES, [1.0, 2.0, -3.0], DataError, "price_sign", "got -3.0 at row 2"),
        (TIMES, ["1", "2", "3"], DataError, "dtype", "prices must be numeric"),
        ([TIMES[0], TIMES[0]], [1.0, 2.0], OrderError, "ts_duplicate", "at row 1, the timestamp of the row before"),
        ([TIMES[1], TIMES[0]], [1.0, 2.0], OrderError, "ts_order", "got 2024-01-01 00:00:00.00:00 at row 1"),
        (["2024-01-01"], [1.0], DataError, "dtype", "timestamps must be datetimes or integer nanoseconds"),
        ([None], [1.0], DataError, "missing_time", "timestamps must not be missing"),
        ([[1]], [1.0], DataError, "shape", "timestamps must have 1 dimension"),
        ([1], [[1.0]], DataError, "shape", "prices must have 1 dimension"),
        ([1.5], [1.0], DataError, "dtype", "datetimes or integer nanoseconds"),
    ],
)
def test_wrong_data_is_refused(times, prices, error, code, message):
    with pytest.raises(error, match=message) as caught:
        PriceData(timestamps=times, prices=prices)
    assert caught.value.code == code


def test_it_does_not_change():
    times, prices = NANOSECONDS.copy(), np.array([1.0, 2.0, 4.0])
    data = PriceData(times, prices)
    times[0], prices[0] = 0, 9.0
    assert data.prices[0] == 1.0
    assert data.timestamps[0] == NANOSECONDS[0]
    for array in (data.timestamps, data.prices, data.returns):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    with pytest.raises(AttributeError, match="cannot be changed: prices"):
        data.prices = prices
    with pytest.raises(AttributeError, match="cannot be changed: prices"):
        del data.prices
    assert copy.copy(data) is copy.deepcopy(data) is data


def test_returns_are_made_once():
    data = PriceData([1, 2, 3, 4, 5], [1.0, 1.5, None, 3.0, 6.0])
    assert np.array_equal(data.returns, [np.nan, 0.5, np.nan, np.nan, 1.0], equal_nan=True)
    assert data.returns is data.returns
    assert PriceData([1, 2], [1e-300, 1e300]).returns[1] == np.inf


def test_until():
    data = PriceData(TIMES, [1.0, 2.0, 3.0])
    assert data.until(TIMES[1]) == PriceData(TIMES[:2], [1.0, 2.0])
    assert data.until(np.datetime64("2024-01-01T00:59")).prices.tolist() == [1.0]
    assert data.until(int(NANOSECONDS[-1])) is data
    assert len(data.until(0)) == 0
    with pytest.raises(DataError):
        data.until("now")


def test_empty_and_unlike():
    empty = PriceData([], [])
    assert (len(empty), empty.first, empty.last, repr(empty)) == (0, None, None, "PriceData(0 rows)")
    assert len(empty.returns) == 0
    data = PriceData(TIMES, PRICES)
    assert data != empty
    assert data != PriceData(TIMES, [1.0, 2.0, 4.0])
    assert data != 1
    assert repr(data) == "PriceData(3 rows, 2024-01-01 00:00:00+00:00 to 2024-01-01 02:00:00+00:00)"
    assert pickle.loads(pickle.dumps(data)) == data
