"""Each base column against its definition, on recorded candles with holes and on made ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import recipe_oracles
from comove.features import BASE_COLUMNS
from recipe_data import candles, columns_of, made, on_grid, real_data

# Relative to the column's own scale, as below; the worst measured on recorded candles is 4e-12.
RELATIVE = 1e-10
ROWS = 1_500

# What a value is small against: a difference of prices against the price, a return against 1.
SCALES = {
    **dict.fromkeys(("bb_lower", "ema_diff_5_21", "ema_diff_8_34"), lambda f: f["close"]),
    **dict.fromkeys(("bb_width", "close_to_vwap"), lambda f: np.ones(len(f["ts"]))),
}


def check(frame, name, found):
    expected = recipe_oracles.exact(frame, name)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), err_msg=f"{name}: missing rows")
    there = np.isfinite(expected)
    scale = np.abs(expected)
    if BASE_COLUMNS[name].unit != "price" or name in SCALES:
        scale = np.maximum(scale, SCALES.get(name, lambda f: np.ones(len(f["ts"])))(frame))
    if BASE_COLUMNS[name].unit == "fraction":
        scale = np.maximum(np.abs(expected), 1e-3)
    error = np.abs(found - expected)[there] / scale[there]
    assert not len(error) or error.max() <= RELATIVE, (
        f"{name}: {error.max():.3g} in row {there.nonzero()[0][error.argmax()]}"
    )


@pytest.fixture(scope="module")
def recorded():
    frames = {}
    for symbol in ("LUNA", "USDC", "ETH"):
        frame = on_grid(candles(symbol), candles("BTC"), ROWS)
        frames[symbol] = (frame, columns_of(frame))
    hole = candles("LUNA")["ts"].diff().dt.total_hours().arg_max()
    frame = on_grid(candles("LUNA")[hole - 500 : hole + 500], candles("BTC"), 4 * ROWS)
    frames["LUNA, halt"] = (frame, columns_of(frame))
    return frames


@real_data
@pytest.mark.parametrize("name", list(BASE_COLUMNS)[:61])
@pytest.mark.parametrize("symbol", ["LUNA", "USDC", "ETH", "LUNA, halt"])
def test_recorded_candles(recorded, symbol, name):
    frame, found = recorded[symbol]
    check(frame, name, found[name])


MADE = {gaps: made(700, 5, gaps=gaps) for gaps in (0.0, 0.01, 0.2)}
FOUND = {gaps: columns_of(frame) for gaps, frame in MADE.items()}


@pytest.mark.parametrize("name", BASE_COLUMNS)
@pytest.mark.parametrize("gaps", MADE)
def test_made_candles(gaps, name):
    check(MADE[gaps], name, FOUND[gaps][name])


@pytest.mark.parametrize("name", BASE_COLUMNS)
def test_flat_candles(name):
    """A coin that does not move, and then does."""
    frame = made(400, 6)
    for column in ("open", "high", "low", "close"):
        frame[column][50:320] = 7.0
    frame["volume"][100:300] = 0.0
    check(frame, name, columns_of(frame, [name])[name])


@pytest.mark.parametrize("span", [5, 21, 8, 34])
def test_averages_are_those_of_pandas(span):
    close = MADE[0.0]["close"]
    expected = pd.Series(close).ewm(span=span, adjust=False).mean()
    np.testing.assert_allclose(FOUND[0.0][f"ema_{span}"], expected, rtol=1e-12)


def test_kurtosis_is_that_of_pandas():
    returns = pd.Series(MADE[0.0]["close"]).pct_change()
    np.testing.assert_allclose(FOUND[0.0]["kurtosis"], returns.rolling(60).kurt(), rtol=1e-8)


def test_warm_up_is_the_first_row_with_a_value():
    for name, column in BASE_COLUMNS.items():
        first = int(np.isfinite(FOUND[0.0][name]).argmax()) + 1
        assert first == column.warm_up, name


def rising():
    """Candles of which each is above the one before: all of the strength is on one side."""
    frame = made(700, 7)
    frame["close"] = 100 * np.exp(np.cumsum(np.abs(np.random.default_rng(7).normal(0, 0.01, 700))))
    frame["open"] = frame["low"] = np.concatenate([[100.0], frame["close"][:-1]])
    frame["high"] = frame["close"]
    return frame


def test_values_keep_to_their_range():
    for found in (*FOUND.values(), columns_of(rising())):
        for name, column in BASE_COLUMNS.items():
            low, high = column.range
            values = found[name][np.isfinite(found[name])]
            assert low is None or (values >= low).all(), name
            assert high is None or (values <= high).all(), name


def test_lookback_is_what_a_value_depends_on():
    """Another candle so many rows back changes the value, one row further back does not."""
    frame, at = MADE[0.0], 500
    inputs = ("open", "high", "low", "close", "volume", "leader_close", "bid_volume", "funding_rate")
    for name, column in BASE_COLUMNS.items():
        if not isinstance(column.lookback, int) or not column.inputs:
            continue
        for back, matters in ((column.lookback - 1, True), (column.lookback, False)):
            changed = {key: values.copy() for key, values in frame.items()}
            for key in inputs:
                changed[key][at - back] *= 0.2 if key != "volume" else 30
            changed["leader_close"][at - back] *= 3
            differs = columns_of(changed, [name])[name][at] != FOUND[0.0][name][at]
            # A maximum, a share or a cut may hide a change; nothing may come from before.
            assert not differs or matters, name
            if column.unit not in ("ratio", "points", "flag", "bps", "fraction"):
                assert differs == matters, name


def test_a_lookback_of_all_rows_has_no_end():
    frame = MADE[0.0]
    later = {name: values[300:] for name, values in frame.items()}
    for name, column in BASE_COLUMNS.items():
        if isinstance(column.lookback, int):
            np.testing.assert_allclose(
                columns_of(later, [name])[name][300], FOUND[0.0][name][600], rtol=1e-9, atol=1e-12, err_msg=name
            )
    assert BASE_COLUMNS["coin_age_days"].lookback == "all"
    assert columns_of(later, ["coin_age_days"])["coin_age_days"][300] == FOUND[0.0]["coin_age_days"][600] - 12.5
