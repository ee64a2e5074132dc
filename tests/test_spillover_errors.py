"""Volatility spillover: what it refuses, and the state that stays as it was."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import comove as cm
from comove import DataError, ParameterError, arrays
from comove.live import SpilloverMonitor
from test_spillover import returns

Y, X = returns(50, 430)
BAR_COLUMNS = [np.full(5, 2.0), np.full(5, 1.0)]
BAD_OPTIONS = {
    "window_size of 2": ({"window_size": 2}, r"window_size.*3.*2"),
    "window_size of text": ({"window_size": "9"}, "window_size"),
    "no window": ({"window_size": None}, "window_size"),
    "min_samples": ({"window_size": 9, "min_samples": 10}, r"min_samples.*9.*10"),
    "vol_window": ({"vol_window": 1}, r"vol_window.*2.*1"),
    "vol_window without rolling": ({"vol": "given", "vol_window": 20}, "vol_window.*rolling.*20"),
    "vol": ({"vol": "yang_zhang"}, "vol.*parkinson.*yang_zhang"),
    "stderr": ({"stderr": "white"}, "stderr.*newey_west.*white"),
    "spacing": ({"stderr": "spaced", "spacing": 0}, r"spacing.*1.*0"),
    "lags": ({"stderr": "newey_west", "newey_west_lags": 0}, r"newey_west_lags.*1.*0"),
    "lags of another": ({"newey_west_lags": 4}, "newey_west_lags.*4"),
    "overlap of bars": ({"vol": "parkinson", "stderr": "overlap"}, "stderr.*rolling.*parkinson"),
    "spacing of another": ({"stderr": "newey_west", "spacing": 4}, "spacing.*4"),
    "both": ({"both": 1}, "both.*1"),
}


@pytest.mark.parametrize("what", list(BAD_OPTIONS))
def test_bad_options(what):
    options, match = BAD_OPTIONS[what]
    for call in (
        lambda: cm.rolling_spillover("y", "x", **options),
        lambda: arrays.rolling_spillover(Y, X, **options),
        *([lambda: SpilloverMonitor(**options)] if options != {"window_size": None} else []),
    ):
        with pytest.raises(ParameterError, match=match):
            call()


def test_inference_is_true_or_false():
    for call in (
        lambda: cm.rolling_spillover("y", "x", inference="yes"),
        lambda: arrays.rolling_spillover(Y, X, inference="yes"),
    ):
        with pytest.raises(ParameterError, match=r"inference.*yes"):
            call()


def test_windows_of_live_objects_have_a_bound():
    for options in ({"window_size": 2**24 + 1}, {"window_size": 9, "vol_window": 2**24 + 1}):
        with pytest.raises(ParameterError, match=r"2\^24"):
            SpilloverMonitor(**options)


@pytest.mark.parametrize(
    "side", ["asset", X, [X], [X, X, X], {"high": X}, {"high": X, "low": X, "open": X}, {"hi": X, "lo": X}, None]
)
def test_columns_that_do_not_go_with_the_volatility(side):
    for call in (
        lambda: arrays.rolling_spillover(side, BAR_COLUMNS, vol="parkinson"),
        lambda: arrays.rolling_spillover(BAR_COLUMNS, side, vol="parkinson"),
        lambda: cm.rolling_spillover(side, ["high", "low"], vol="parkinson"),
        lambda: SpilloverMonitor(vol="parkinson").update_many(BAR_COLUMNS, side),
    ):
        with pytest.raises(ParameterError, match="high, low"):
            call()


def test_lengths():
    with pytest.raises(DataError, match=r"source.*50.*49"):
        arrays.rolling_spillover(Y, X[1:])
    with pytest.raises(DataError, match=r"asset low.*5.*4"):
        arrays.rolling_spillover([np.ones(5), np.ones(4)], BAR_COLUMNS, vol="parkinson")
    with pytest.raises(DataError, match=r"low.*5.*4"):
        arrays.parkinson(np.ones(5), np.ones(4))


BAD_BARS = {
    "no price": ([2.0, 0.0], "price", r"asset low.*above 0.*0 at row 3"),
    "negative": ([-2.0, 1.0], "price", r"asset high.*above 0.*-2 at row 3"),
    "high below low": ([1.0, 2.0], "bar", r"asset high.*low.*high.*2 above 1 at row 3"),
}


@pytest.mark.parametrize("what", list(BAD_BARS))
def test_impossible_bars(what):
    bar, code, match = BAD_BARS[what]
    columns = [column.copy() for column in BAR_COLUMNS]
    for column, price in zip(columns, bar, strict=True):
        column[3] = price
    options = {"vol": "parkinson", "window_size": 3}
    monitor = SpilloverMonitor(**options)
    monitor.update((2.0, 1.0), (2.0, 1.0))
    before = monitor.to_bytes()
    for call in (
        lambda: arrays.rolling_spillover(columns, BAR_COLUMNS, **options),
        lambda: monitor.update_many(columns, BAR_COLUMNS),
    ):
        with pytest.raises(DataError, match=match) as error:
            call()
        assert error.value.code == code
    for call in (
        lambda: monitor.update(bar, (2.0, 1.0)),
        lambda: monitor.update((2.0, 1.0), bar),
        lambda: monitor.peek(bar, (2.0, 1.0)),
        lambda: monitor.amend(bar, (2.0, 1.0)),
    ):
        with pytest.raises(DataError) as error:
            call()
        assert error.value.code == code
    assert monitor.to_bytes() == before
    with pytest.raises(DataError, match=match.replace("asset ", "")):
        arrays.parkinson(*columns)
    frame = pl.DataFrame({"high": columns[0], "low": columns[1]})
    with pytest.raises(pl.exceptions.ComputeError, match=rf"\[{code}\]"):
        frame.select(cm.rolling_spillover(["high", "low"], ["high", "low"], **options))
    with pytest.raises(pl.exceptions.ComputeError, match=rf"\[{code}\]"):
        frame.select(cm.parkinson("high", "low"))


@pytest.mark.parametrize("close", [0.9, 2.1])
def test_a_close_outside_the_bar(close):
    with pytest.raises(DataError, match=rf"close.*1 to 2.*{close} at row 0"):
        arrays.garman_klass([1.5], [2.0], [1.0], [close])


BAD_ROWS = {
    "a number for a bar": lambda m: m.update(1.0, (2.0, 1.0)),
    "one price": lambda m: m.update((2.0,), (2.0, 1.0)),
    "a set of prices": lambda m: m.update({2.0, 1.0}, (2.0, 1.0)),
    "three prices": lambda m: m.update((2.0, 1.0), (2.0, 1.0, 1.0)),
    "another name": lambda m: m.update({"high": 2.0, "lo": 1.0}, (2.0, 1.0)),
    "one name more": lambda m: m.update({"high": 2.0, "low": 1.0, "open": 1.0}, (2.0, 1.0)),
    "text": lambda m: m.update((2.0, "1.0"), (2.0, 1.0)),
    "lengths": lambda m: m.update_many(BAR_COLUMNS, [np.ones(4), np.ones(4)]),
}


@pytest.mark.parametrize("what", list(BAD_ROWS))
def test_a_refused_row_leaves_the_state_as_it_was(what):
    monitor = SpilloverMonitor(vol="parkinson", window_size=3)
    monitor.update({"low": 1.0, "high": 2.0}, (2.0, 1.5))
    before = monitor.to_bytes()
    with pytest.raises(DataError):
        BAD_ROWS[what](monitor)
    assert monitor.to_bytes() == before


def test_amend_needs_a_row():
    with pytest.raises(DataError, match="amend"):
        SpilloverMonitor().amend(0.1, 0.2)
