"""Rolling connectedness: the static answer of each window, nothing before it, nothing after it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from comove.connectedness import diebold_yilmaz, rolling_diebold_yilmaz
from comove.connectedness import rolling as module
from comove.errors import ParameterError
from recorded_data import SPILLOVER, present
from test_connectedness import SHARE, autoregression

ARRAYS = ("total", "total_corrected", "to_others", "from_others", "net")
Y = autoregression(150, 3, seed=11)


def same(one, other, rows=slice(None)):
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[rows], rtol=0, atol=SHARE, err_msg=name)


@pytest.mark.parametrize("method", ["generalized", "cholesky"])
@pytest.mark.parametrize("batch", [1, 20_000, 1 << 18])
def test_each_window_is_the_static_answer(monkeypatch, method, batch):
    monkeypatch.setattr(module, "_BATCH", batch)
    paper = pl.read_parquet(present(SPILLOVER / "dy2012.parquet"))[:700]
    rolling = rolling_diebold_yilmaz(paper, window_size=200, method=method, step=50)
    assert rolling.row.tolist() == list(range(199, 700, 50))
    for at, row in enumerate(rolling.row):
        window = diebold_yilmaz(paper[row - 199 : row + 1], method=method)
        for name in ARRAYS:
            np.testing.assert_allclose(getattr(rolling, name)[at], getattr(window, name), rtol=0, atol=SHARE)
        assert rolling.n[at] == window.n
        assert rolling.ts[at] == paper["ts"][int(row)]


def test_windows_with_holes_are_the_static_answer():
    y = Y.copy()
    y[[40, 41, 90], 1] = np.nan
    rolling = rolling_diebold_yilmaz(y, window_size=60, lags=2, min_samples=40)
    assert set(rolling.n.tolist()) == {51, 52, 53, 54, 55, 56, 57}
    for at, row in enumerate(rolling.row):
        window = diebold_yilmaz(y[row - 59 : row + 1], 2)
        assert rolling.n[at] == window.n
        np.testing.assert_allclose(rolling.net[at], window.net, rtol=0, atol=SHARE)


def test_too_few_rows_give_a_reason():
    y = Y.copy()
    y[100, 0] = np.nan
    rolling = rolling_diebold_yilmaz(y, window_size=60, lags=2)
    touched = (rolling.row >= 100) & (rolling.row - 59 <= 100)
    # A hole in the very first rows of a window costs that window the rows that look back on it.
    np.testing.assert_array_equal(np.isnan(rolling.total), touched)
    np.testing.assert_array_equal([one is not None for one in rolling.reason], touched)
    assert rolling.reason[rolling.row.tolist().index(130)] == "55 usable rows, at least 58 needed"


def test_what_cannot_be_decomposed_gives_a_reason():
    y = Y.copy()
    y[:70, 1] = 5.0
    y[80:, 2] = 2 * y[80:, 0] + 1
    rolling = rolling_diebold_yilmaz(y, window_size=60, lags=1)
    by_row = dict(zip(rolling.row.tolist(), rolling.reason, strict=True))
    assert by_row[59] == "'column_1' does not vary"
    assert by_row[69] == "'column_1' does not vary"
    # Row 70 alone differs, and no row looks back on it yet.
    assert by_row[70] == "lag 1 of 'column_1' is a combination of the other regressors"
    assert by_row[100] is None
    assert by_row[149] == "lag 1 of 'column_2' is a combination of the other regressors"
    np.testing.assert_array_equal(np.isnan(rolling.total), [one is not None for one in rolling.reason])
    for name in ("to_others", "from_others", "net"):
        np.testing.assert_array_equal(
            np.isnan(getattr(rolling, name)), np.broadcast_to(np.isnan(rolling.total)[:, None], (91, 3))
        )


def test_nothing_looks_ahead():
    whole = rolling_diebold_yilmaz(Y, window_size=60, lags=2, step=7)
    prefix = rolling_diebold_yilmaz(Y[:100], window_size=60, lags=2, step=7)
    assert prefix.row.tolist() == [row for row in whole.row.tolist() if row < 100]
    same(prefix, whole, slice(0, len(prefix.row)))


def test_what_has_left_the_window_leaves_no_trace():
    spoilt = Y.copy()
    spoilt[30, 0] = 1e12
    clean, after = (rolling_diebold_yilmaz(y, window_size=60, lags=2) for y in (Y, spoilt))
    gone = clean.row - 59 > 30
    assert np.abs(after.total - clean.total)[~gone & (clean.row >= 30)].min() > SHARE
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(after, name)[gone], getattr(clean, name)[gone], rtol=0, atol=SHARE)


def test_fewer_rows_than_a_window():
    rolling = rolling_diebold_yilmaz(Y[:59], window_size=60, lags=2)
    assert rolling.total.shape == (0,)
    assert rolling.net.shape == (0, 3)
    assert rolling.to_frame().is_empty()
    assert "0 windows" in repr(rolling)


def test_frame():
    y = {"ts": np.arange(150) * 3_600_000_000_000, "a": Y[:, 0].tolist(), "b": Y[:, 1], "c": Y[:, 2]}
    y["a"][0] = None
    rolling = rolling_diebold_yilmaz(y, window_size=100, lags=2)
    frame = rolling.to_frame()
    shares = [f"{name}_{part}" for name in "abc" for part in ("to", "from", "net")]
    assert frame.columns == ["ts", "row", "total", "total_corrected", "n", "reason", *shares]
    assert frame.schema["ts"] == pl.Datetime("us", "UTC")
    assert frame.schema["reason"] == pl.String
    assert frame.row(0)[2:6] == (None, None, 97, "97 usable rows, at least 98 needed")
    np.testing.assert_array_equal(frame["b_net"][1:], rolling.net[1:, 1])
    assert frame["ts"].dt.epoch("s").to_list() == [row * 3600 for row in range(99, 150)]
    assert "ts" not in rolling_diebold_yilmaz(Y, window_size=100).to_frame().columns


def test_repr():
    y = Y.copy()
    y[0, 0] = np.nan
    assert repr(rolling_diebold_yilmaz(y, window_size=100, lags=2)).endswith(
        ", 1 missing (97 usable rows, at least 98 needed)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_size": 19}, "window_size must be at least 20, got 19"),
        ({"window_size": 50, "step": 0}, "step must be at least 1, got 0"),
        ({"window_size": 50, "min_samples": 15}, "min_samples must be at least 16, got 15"),
        ({"window_size": 50, "min_samples": 47}, r"min_samples must be at most 46 \(window_size - lags\), got 47"),
        ({"window_size": 50, "progress": 1}, "progress must be True, False or None, got 1"),
    ],
)
def test_options_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        rolling_diebold_yilmaz(Y, **options)


def test_the_bar_is_shown_when_asked(capsys):
    rolling_diebold_yilmaz(Y, window_size=100, progress=True)
    shown = capsys.readouterr()
    assert "51/51" in shown.err
    assert not shown.out
    rolling_diebold_yilmaz(Y, window_size=100)
    rolling_diebold_yilmaz(Y, window_size=100, progress=False)
    assert not capsys.readouterr().err
