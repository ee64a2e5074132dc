"""Standard errors of the volatility spillover against the regressions they come from, and the size of its tests."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from comove import ParameterError, arrays
from doors import assert_same
from test_spillover import NUMPY, P_VALUE, returns, rolling_std


def test_spaced_errors_are_those_of_the_spaced_regression():
    y, x = returns(900, 400, 0.003)
    answer = arrays.rolling_spillover(y, x, min_samples=60, inference=True, stderr="spaced")
    volatilities = [rolling_std(values, 20) for values in (y, x)]
    checked = 0
    for t in range(300, 900, 7):
        rows = np.arange(t, t - 240, -20)
        pairs = np.column_stack([v[rows] for v in volatilities])
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        stderr, p_value = (answer[name][t] for name in ("coefficient_stderr", "coefficient_p_value"))
        if len(pairs) < 10 or np.isnan(answer["coefficient"][t]):
            assert np.isnan(stderr)
            continue
        fit = sm.OLS(pairs[:, 0], sm.add_constant(pairs[:, 1])).fit()
        assert stderr == pytest.approx(fit.bse[1], rel=NUMPY)
        assert p_value == pytest.approx(fit.pvalues[1], rel=P_VALUE)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize(("gaps", "window_size", "vol_window"), [(0.0, 240, 20), (0.004, 300, 12), (0.01, 90, 2)])
def test_overlap_errors_are_those_of_the_covariance_matrix(gaps, window_size, vol_window):
    y, x = returns(700, 405, gaps)
    options = {"window_size": window_size, "vol_window": vol_window, "min_samples": 60}
    answer = arrays.rolling_spillover(y, x, inference=True, both=True, **options)
    volatilities = [rolling_std(values, vol_window) for values in (y, x)]
    checked = 0
    for t in range(window_size + vol_window, 700, 31):
        rows = np.arange(t - window_size + 1, t + 1)
        rows = rows[np.isfinite(volatilities[0][rows]) & np.isfinite(volatilities[1][rows])]
        for prefix, order in (("", (0, 1)), ("reverse_", (1, 0))):
            stderr = answer[f"{prefix}coefficient_stderr"][t]
            if len(rows) < max(60, 10 * vol_window):
                assert np.isnan(stderr)
                continue
            v, u = (volatilities[side][rows] - volatilities[side][rows].mean() for side in order)
            shared = np.maximum(0.0, 1.0 - np.abs(rows[:, None] - rows) / vol_window)
            slope, square = (u @ v) / (u @ u), u @ shared @ u
            freedom = len(rows) - shared.sum() / len(rows) - square / (u @ u)
            exact = np.sqrt(((v - slope * u) ** 2).sum() / freedom * square) / (u @ u)
            assert stderr == pytest.approx(exact, rel=NUMPY)
            degrees = len(rows) / (np.maximum(0.0, 1 - np.abs(np.arange(-99, 100)) / vol_window) ** 2).sum() - 1
            p_value = 2 * stats.t.sf(abs(answer[f"{prefix}coefficient"][t] / stderr), degrees)
            assert answer[f"{prefix}coefficient_p_value"][t] == pytest.approx(p_value, rel=P_VALUE)
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("lags", [1, 4, 25])
def test_newey_west_is_that_of_statsmodels(lags):
    y, x = returns(500, 410)
    options = {"window_size": 150, "vol_window": 10, "inference": True, "stderr": "newey_west"}
    answer = arrays.rolling_spillover(y, x, newey_west_lags=lags, **options)
    volatilities = [rolling_std(values, 10) for values in (y, x)]
    for t in range(200, 500, 23):
        window = [v[t - 149 : t + 1] for v in volatilities]
        fit = sm.OLS(window[0], sm.add_constant(window[1])).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
        assert answer["coefficient_stderr"][t] == pytest.approx(fit.bse[1], rel=NUMPY)


def test_the_usual_lags_and_spacing():
    y, x = returns(400, 420)
    rolling = {"inference": True, "window_size": 100, "vol_window": 8}
    for given_, named in (
        ({}, {"stderr": "overlap"}),
        ({"stderr": "spaced"}, {"spacing": 8}),
        ({"stderr": "newey_west"}, {"newey_west_lags": 8}),
    ):
        assert_same(
            arrays.rolling_spillover(y, x, **rolling, **given_),
            arrays.rolling_spillover(y, x, **rolling, **{**given_, **named}),
        )
    bar = {"inference": True, "window_size": 300, "vol": "given"}
    for given_, named in (({}, {"spacing": 1}), ({"stderr": "newey_west"}, {"newey_west_lags": 5})):
        assert_same(
            arrays.rolling_spillover(y, x, **bar, **given_),
            arrays.rolling_spillover(y, x, **bar, **{**given_, **named}),
        )


RUNS = 1500


@pytest.mark.parametrize("window_size", [240, 720])
def test_the_size_of_the_tests_on_independent_returns(window_size):
    """5 % tests of the coefficient reject 3 to 8 % of the time; three standard errors of 1500 runs are 1.7 %."""
    rng = np.random.default_rng(440)
    by_stderr = by_p_value = 0
    limit = stats.t.ppf(0.975, window_size // 20 - 2)
    for _ in range(RUNS):
        answer = arrays.rolling_spillover(
            *rng.normal(size=(2, window_size + 19)), window_size=window_size, inference=True
        )
        coefficient, stderr, p_value = (
            answer[name][-1] for name in ("coefficient", "coefficient_stderr", "coefficient_p_value")
        )
        by_stderr += abs(coefficient) / stderr > limit
        by_p_value += p_value < 0.05
    assert 0.03 < by_stderr / RUNS < 0.08
    assert 0.03 < by_p_value / RUNS < 0.08


@pytest.mark.parametrize("stderr", ["spaced", "newey_west"])
@pytest.mark.parametrize(("of_y", "of_x"), [(-300, 300), (300, -300), (-490, 490), (0, 0)])
def test_scales_far_apart_change_no_digit_of_an_error(stderr, of_y, of_x):
    rng = np.random.default_rng(8)
    x = rng.random(60)
    y = 0.5 * x + rng.random(60)
    plain = arrays.rolling_spillover(y, x, vol="given", window_size=60, inference=True, stderr=stderr)
    scaled = arrays.rolling_spillover(
        np.ldexp(y, of_y), np.ldexp(x, of_x), vol="given", window_size=60, inference=True, stderr=stderr
    )
    expected = np.ldexp(plain["coefficient_stderr"][-1], of_y - of_x)
    assert expected > 0
    np.testing.assert_allclose(scaled["coefficient_stderr"][-1], expected, rtol=1e-14)
    np.testing.assert_allclose(scaled["coefficient_p_value"][-1], plain["coefficient_p_value"][-1], rtol=1e-10)


def test_lags_that_the_window_does_not_hold_are_refused():
    x = np.arange(40.0)
    with pytest.raises(ParameterError, match=r"newey_west_lags must be at most 29 \(window_size - 1\), got 30"):
        arrays.rolling_spillover(x, x, vol="given", window_size=30, stderr="newey_west", newey_west_lags=30)


@pytest.mark.parametrize("rows", [150, 3_000, 1_000_000])
def test_p_values_keep_their_digits_in_long_windows(rows):
    rng = np.random.default_rng(rows)
    x = rng.random(rows)
    y = x * 1.5 / np.sqrt(rows) + rng.random(rows)
    answer = arrays.rolling_spillover(y, x, vol="given", window_size=rows, inference=True, stderr="spaced")
    coefficient, stderr, p_value = (
        answer[name][-1] for name in ("coefficient", "coefficient_stderr", "coefficient_p_value")
    )
    assert 1e-9 < p_value < 0.9
    assert p_value == pytest.approx(2 * stats.t.sf(abs(coefficient / stderr), rows - 2), rel=P_VALUE)
