"""P-values of the lag scan: straight from their formulas, and by how often they reject."""

from __future__ import annotations

import numpy as np
import pytest

import lag_oracles
from cases import NAN, market, with_gaps
from check_size import LEVEL, NULLS, Market, rejections
from comove import arrays
from comove.live import LagScanner
from doors import LAG_TESTS

# Largest difference found between the two ways of summing, over 720 windows: 6e-15.
P_VALUE = 1e-10

# The contract: sizes at 5 %, in 2000 runs.
SIZE = (0.03, 0.07)


def of_window(asset, leader, max_lag):
    """The p-values of one window, whose first `max_lag` rows are those before it."""
    answer = arrays.lag_scan(
        asset, leader, window_size=len(asset) - max_lag, max_lag=max_lag, min_samples=2, inference=True
    )
    return [answer[name][-1] for name in LAG_TESTS]


# --- straight from the formulas ---


@pytest.mark.parametrize("max_lag", [1, 3, 10, 20])
@pytest.mark.parametrize("window_size", [40, 120, 300])
@pytest.mark.parametrize("kind", ["related", "memory", "gaps", "level", "spike", "tiny"])
def test_definition(kind, window_size, max_lag):
    rows = window_size + max_lag
    asset, leader = market(rows, 10 * window_size + max_lag)
    if kind == "memory":
        asset, leader = (np.convolve(v, 0.8 ** np.arange(30))[:rows] for v in (asset, leader))
    elif kind == "gaps":
        asset, leader = with_gaps(asset, 1, 0.1), with_gaps(leader, 2, 0.1)
    elif kind == "level":
        asset = asset + 1e3
    elif kind == "spike":
        asset[rows // 2] = 1.0
    elif kind == "tiny":
        asset = asset * 1e-60
    exact = lag_oracles.p_values(asset, leader, max_lag)
    assert np.allclose(of_window(asset, leader, max_lag), exact, rtol=0.0, atol=P_VALUE, equal_nan=True)
    if kind != "gaps" or window_size > 40:
        assert np.isfinite(exact).all()


def test_far_scales():
    asset, leader = market(140, 3)
    ordinary = of_window(asset, leader, 10)
    for scale in (1e-150, 1e150):
        assert np.allclose(of_window(asset * scale, leader / scale, 10), ordinary, rtol=0.0, atol=P_VALUE)


def test_missing():
    asset, leader = market(60, 4)
    gone = np.full(60, NAN)
    for pair in [(asset, gone), (gone, leader), (asset, np.ones(60)), (asset[:13], leader[:13])]:
        assert np.isnan(of_window(*pair, 4)).all()
    # A missing row far before the window does not count.
    early = asset.copy()
    early[0] = np.inf
    assert np.isfinite(of_window(early, leader, 4)).all()


def test_readings_made_of_them():
    asset, leader = market(140, 5)
    scanner = LagScanner(10, window_size=120)
    assert (scanner.confidence, scanner.leads_by) == (None, None)
    scanner.update_many(asset, leader)
    assert [scanner.p_value, scanner.lead_p_value, scanner.follow_p_value] == of_window(asset[10:], leader[10:], 10)
    assert scanner.confidence == 1.0 - scanner.lead_p_value
    assert scanner.leads_by == 0


# --- how often they reject ---


@pytest.mark.parametrize("window_size", [120, 240, 500])
@pytest.mark.parametrize("name", ["iid", "AR 0.5"])
def test_size(name, window_size):
    found = rejections(NULLS[name], window_size, 10)
    assert ((found >= SIZE[0]) & (found <= SIZE[1])).all(), found


@pytest.mark.parametrize("window_size", [120, 240])
@pytest.mark.parametrize("name", ["volatility 0.5", "volatility 1", "volatility 0.7, t(4)", "t(3)"])
def test_size_where_volatility_is_shared(name, window_size):
    found = rejections(NULLS[name], window_size, 10)
    assert (found <= SIZE[1]).all(), found


@pytest.mark.parametrize("name", ["corr 0.7", "AR 0.5, corr 0.7", "AR 0.8, 0.3, corr 0.7"])
@pytest.mark.parametrize("max_lag", [3, 10])
def test_what_moves_in_the_same_row_is_no_lead(name, max_lag):
    related, *sides = rejections(NULLS[name], 120, max_lag)
    assert related > 0.99
    assert all(SIZE[0] <= side <= SIZE[1] for side in sides), sides


def test_then_lag_is_0_and_nobody_leads():
    rng = np.random.default_rng(6)
    scanner, lags, said, p = LagScanner(10, window_size=120), [], [], []
    for _ in range(2000):
        leader, own = rng.standard_normal((2, 130))
        scanner.reset()
        scanner.update_many(0.7 * leader + np.sqrt(1.0 - 0.7**2) * own, leader)
        lags.append(scanner.lag)
        said.append(scanner.leads_by)
        p.append(scanner.lead_p_value)
    assert set(lags) == {0}
    assert SIZE[0] <= np.mean(np.array(p) < LEVEL) <= SIZE[1]
    assert [rows == 0 for rows in said] == [value >= LEVEL for value in p]


def test_nor_under_shared_volatility():
    related, *sides = rejections(NULLS["AR 0.5, corr 0.7, volatility 0.7"], 120, 10)
    assert related > 0.8
    assert max(sides) <= SIZE[1], sides


def test_a_lead_is_found_and_on_its_side_alone():
    related, lead, follow = rejections(Market(lead=0.3), 240, 10)
    assert related > 0.9
    assert lead > 0.9
    assert SIZE[0] <= follow <= SIZE[1]
    related, lead, follow = rejections(Market(corr=0.7, follow=0.3), 240, 10)
    assert SIZE[0] <= lead <= SIZE[1]
    assert follow > 0.9
