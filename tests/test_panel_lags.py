"""A panel's correlations at every lag: the bits of lag scanners, one bar a call."""

from __future__ import annotations

import numpy as np
import pytest

from comove.errors import ParameterError
from comove.live import LagScanner, Panel

ASSETS, LEADERS = ["A", "B", "BTC", "LATE"], ["BTC", "ETH"]
SYMBOLS = ["A", "B", "BTC", "LATE", "ETH"]
BARS, WINDOW, MAX_LAG = 160, 60, 4


def bars() -> np.ndarray:
    """Prices; B does what BTC did two bars ago, A has gaps, LATE is listed after 40 bars."""
    rng = np.random.default_rng(20)
    returns = rng.normal(0, 0.01, (BARS, len(SYMBOLS)))
    returns[2:, 1] += 2 * returns[:-2, 2]
    prices = 100 * np.cumprod(1 + returns, axis=0)
    prices[rng.random(BARS) < 0.05, 0] = np.nan
    prices[:40, 3] = np.nan
    return prices


def scanners(prices: np.ndarray, min_samples: int) -> list[list[LagScanner]]:
    returns = np.vstack([np.full((1, len(SYMBOLS)), np.nan), prices[1:] / prices[:-1] - 1])
    table = []
    for asset in ASSETS:
        row = []
        for leader in LEADERS:
            scanner = LagScanner(MAX_LAG, window_size=WINDOW, min_samples=min_samples)
            scanner.update_many(returns[:, SYMBOLS.index(asset)], returns[:, SYMBOLS.index(leader)])
            row.append(scanner)
        table.append(row)
    return table


def as_float(value: float | None) -> float:
    return np.nan if value is None else float(value)


@pytest.mark.parametrize("min_samples", [30, 60])
def test_readings_are_those_of_scanners(min_samples):
    prices = bars()
    panel = Panel(ASSETS, LEADERS, window_size=WINDOW, min_samples=min_samples, max_lag=MAX_LAG)
    panel.update_many(np.arange(BARS - 1), prices[:-1])
    before = panel.to_bytes()
    peeked = panel.peek_cross_correlation(BARS, prices[-1])
    assert panel.to_bytes() == before
    panel.update(BARS, prices[-1])
    expected = scanners(prices, min_samples)
    shape = (len(ASSETS), len(LEADERS))
    lags = np.array([[one.cross_correlation for one in row] for row in expected])
    assert lags.shape == (*shape, 2 * MAX_LAG + 1)
    np.testing.assert_array_equal(panel.cross_correlation, lags)
    np.testing.assert_array_equal(peeked, lags)
    np.testing.assert_array_equal(Panel.from_bytes(panel.to_bytes()).cross_correlation, lags)
    for reading, of in [
        ("lag", "lag"),
        ("lag_corr", "corr"),
        ("llr", "llr"),
        ("p_value", "p_value"),
        ("lead_p_value", "lead_p_value"),
        ("follow_p_value", "follow_p_value"),
        ("leads_by", "leads_by"),
    ]:
        single = np.array([[as_float(getattr(one, of)) for one in row] for row in expected])
        np.testing.assert_array_equal(getattr(panel, reading), single, err_msg=reading)
    np.testing.assert_array_equal(panel.cross_correlation[:, :, MAX_LAG], panel.corr)
    assert panel.leads_by[1, 0] == 2
    assert panel.lag[1, 0] == -2


def test_without_lags_there_is_one():
    panel = Panel(ASSETS, LEADERS, window_size=WINDOW)
    panel.update_many(np.arange(BARS), bars())
    assert panel.max_lag == 0
    np.testing.assert_array_equal(panel.cross_correlation[:, :, 0], panel.corr)
    with pytest.raises(ParameterError, match="max_lag must be at least 1, got 0"):
        _ = panel.lead_p_value


@pytest.mark.parametrize("bad", [0, -1, 4097, 1.5, "4"])
def test_bad_lags_are_refused(bad):
    with pytest.raises(ParameterError, match="max_lag"):
        Panel(ASSETS, LEADERS, window_size=WINDOW, max_lag=bad)
