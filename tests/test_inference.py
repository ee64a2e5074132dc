"""P-values of the lag scan: straight from their formulas, and by how often they reject."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cases import NAN, market, with_gaps
from check_size import NULLS, Market, rejections
from comove import DataError, _comove

# Largest difference found between the two ways of summing, over 720 windows: 6e-15.
P_VALUE = 1e-10

# The contract: sizes at 5 %, in 2000 runs.
SIZE = (0.03, 0.07)
MIN_PAIRS = 10


# --- straight from the formulas of rust/comove-core/src/inference.rs ---


def whitened(values, first):
    """The residual of each row on the row before, fitted to the rows from `first` on."""
    values = np.where(np.isfinite(values), values, NAN)
    values = values - np.nanmean(values[first:])
    before = np.concatenate([[NAN], values[:-1]])
    fitted = (np.arange(len(values)) >= first) & np.isfinite(before) & np.isfinite(values)
    phi, level = np.polyfit(before[fitted], values[fitted], 1)
    return values - level - phi * before, before


def p_of(products):
    squares = np.sum(products**2)
    z = abs(np.sum(products)) / math.sqrt(squares)
    q = np.sum(products**4) / squares**2
    normal = math.erfc(z / math.sqrt(2.0))
    density = math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    return max(normal - q / 6.0 * (z**3 - 3.0 * z) * density, normal / 4.0)


def one_side(own, other, max_lag):
    (u, before), (v, _) = own, other
    found = []
    for lag in range(1, max_lag + 1):
        now, lagged = u[max_lag:], v[max_lag - lag : len(v) - lag]
        both = np.isfinite(now) & np.isfinite(lagged)
        if both.sum() < MIN_PAIRS:
            return [NAN]
        w, z = before[max_lag:][both], lagged[both]
        w, z = w - w.mean(), z - z.mean()
        found.append(p_of(now[both] * (z - w * (w @ z) / (w @ w))))
    return found


def definition(asset, leader, max_lag):
    y, x = whitened(asset, max_lag), whitened(leader, max_lag)
    lead, follow = one_side(y, x, max_lag), one_side(x, y, max_lag)
    u, v = y[0][max_lag:], x[0][max_lag:]
    both = np.isfinite(u) & np.isfinite(v)
    u, v = u[both] - u[both].mean(), v[both] - v[both].mean()
    everything = [*lead, *follow, p_of(u * v)]
    return [1.0 - (1.0 - min(p)) ** len(p) if np.isfinite(p).all() else NAN for p in (everything, lead, follow)]


@pytest.mark.parametrize("max_lag", [1, 3, 10, 20])
@pytest.mark.parametrize("window_size", [40, 120, 500])
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
    exact = definition(asset, leader, max_lag)
    assert np.allclose(_comove.lag_tests(asset, leader, max_lag), exact, rtol=0.0, atol=P_VALUE, equal_nan=True)


def test_far_scales():
    asset, leader = market(140, 3)
    ordinary = _comove.lag_tests(asset, leader, 10)
    for scale in (1e-150, 1e150):
        assert np.allclose(_comove.lag_tests(asset * scale, leader / scale, 10), ordinary, rtol=0.0, atol=P_VALUE)


def test_missing():
    asset, leader = market(60, 4)
    gone = np.full(60, NAN)
    for pair in [(asset, gone), (gone, leader), (asset, np.ones(60)), (asset[:13], leader[:13])]:
        assert np.isnan(_comove.lag_tests(*pair, 4)).all()
    # A missing row far before the window does not count.
    early = asset.copy()
    early[0] = np.inf
    assert np.isfinite(_comove.lag_tests(early, leader, 4)).all()
    with pytest.raises(DataError, match="leader"):
        _comove.lag_tests(asset, leader[1:], 4)


# --- how often they reject ---


@pytest.mark.parametrize("name", ["iid", "AR 0.5"])
def test_size(name):
    found = rejections(NULLS[name], 120, 10)
    assert ((found >= SIZE[0]) & (found <= SIZE[1])).all(), found


@pytest.mark.parametrize("name", ["volatility 0.5", "volatility 1", "volatility 0.7, t(4)", "t(3)"])
def test_size_where_volatility_is_shared(name):
    found = rejections(NULLS[name], 120, 10)
    assert (found <= SIZE[1]).all(), found


@pytest.mark.parametrize("name", ["corr 0.7", "AR 0.5, corr 0.7", "AR 0.8, 0.3, corr 0.7"])
@pytest.mark.parametrize("max_lag", [3, 10])
def test_what_moves_in_the_same_row_is_no_lead(name, max_lag):
    related, *sides = rejections(NULLS[name], 120, max_lag)
    assert related > 0.99
    assert all(SIZE[0] <= side <= SIZE[1] for side in sides), sides


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
