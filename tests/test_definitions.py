"""The estimators against independent libraries, on easy data, and against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import comove as cm
import oracles
import tolerances as tol
from cases import CASES, NAN, joint, market, prices
from comove import arrays

WINDOWS = [(5, 5), (5, 2), (30, 10), (64, 64)]
EASY = ["plain", "gaps", "long_holes", "late_start"]


def scaled(answer, expected, relative):
    """Equal within `relative` of the largest value of the series."""
    scale = np.nanmax(np.abs(expected), initial=0.0) or 1.0
    assert_allclose(answer, expected, rtol=0, atol=relative * scale, equal_nan=True)


def ask(case, window_size, min_samples):
    window = {"window_size": window_size, "min_samples": min_samples}
    answer = dict(arrays.rolling_regression(case.asset, case.benchmark, **window))
    both = np.isfinite(case.asset) & np.isfinite(case.benchmark)
    answer["cov"] = arrays.rolling_cov(case.asset, case.benchmark, **window)
    answer["var"] = arrays.rolling_var(np.where(both, case.asset, NAN), **window)
    return answer


@pytest.mark.parametrize(("window_size", "min_samples"), WINDOWS)
@pytest.mark.parametrize("name", EASY)
@pytest.mark.parametrize(
    ("oracle", "relative"),
    [(oracles.numpy_pair, tol.NUMPY), (oracles.pandas_pair, tol.PANDAS), (oracles.polars_pair, tol.POLARS)],
)
def test_rolling_readings_are_those_of_other_libraries(oracle, relative, name, window_size, min_samples):
    case = CASES[name]
    answer = ask(case, window_size, min_samples)
    for reading, expected in oracle(case.asset, case.benchmark, window_size, min_samples).items():
        scaled(answer[reading], expected, relative)


@pytest.mark.parametrize("name", EASY)
@pytest.mark.parametrize("half_life", [7.5, 30.0, 100.0])
def test_ewm_readings_are_those_of_pandas(name, half_life):
    case = CASES[name]
    expected = oracles.pandas_ewm(case.asset, case.benchmark, half_life, 3)
    for reading in ("cov", "corr"):
        function = getattr(arrays, f"ewm_{reading}")
        scaled(
            function(case.asset, case.benchmark, half_life=half_life, min_samples=3),
            expected[reading],
            tol.PANDAS,
        )


@pytest.mark.parametrize("leaders", [1, 2, 3, 8])
def test_joint_beta_is_the_rolling_ols_of_statsmodels(leaders):
    asset, columns = joint(200, leaders, 60, gaps=True)
    answer = arrays.joint_beta(asset, columns, window_size=40, min_samples=20)
    expected = oracles.statsmodels_joint(asset, columns, 40, 20)
    # RollingOLS fits no window before row `min_samples`; ours may, as soon as there are enough pairs.
    for reading in ("beta", "alpha", "r_squared"):
        scaled(answer[reading], expected[reading], tol.STATSMODELS)


def test_regression_errors_are_those_of_statsmodels():
    case = CASES["gaps"]
    answer = arrays.rolling_regression(case.asset, case.benchmark, window_size=30, min_samples=10)
    expected = oracles.statsmodels_joint(case.asset, case.benchmark[:, None], 30, 10)
    scaled(answer["beta_stderr"], expected["stderr"][:, 0], tol.STATSMODELS)
    scaled(answer["residual_std"], expected["residual_std"], tol.STATSMODELS)
    scaled(answer["r_squared"], expected["r_squared"], tol.STATSMODELS)


@pytest.mark.parametrize("name", ["plain", "gaps", "near_perfect", "integers"])
def test_the_exact_oracle_is_right_where_numpy_is(name):
    case = CASES[name]
    exact = oracles.pair(case.asset, case.benchmark, window_size=20, min_samples=4)
    for reading, expected in oracles.numpy_pair(case.asset, case.benchmark, 20, 4).items():
        scaled(exact[reading], expected, tol.NUMPY)


# --- worked out by hand ---


def test_regression_of_four_points():
    # x = 0 1 2 3, y = 1 3 2 6: means 1.5 and 3, Sxx = 5, Syy = 14, Sxy = 7, SSE = 14 - 49/5 = 4.2.
    answer = arrays.rolling_regression([1.0, 3.0, 2.0, 6.0], [0.0, 1.0, 2.0, 3.0], window_size=4)
    expected = {
        "beta": 1.4,
        "alpha": 0.9,
        "corr": 7 / math.sqrt(70),
        "r_squared": 0.7,
        "beta_stderr": math.sqrt(2.1 / 5),
        "residual_std": math.sqrt(2.1),
        "n": 4.0,
    }
    assert list(answer) == ["beta", "alpha", "corr", "r_squared", "beta_stderr", "residual_std", "n"]
    for name, value in expected.items():
        assert answer[name][-1] == pytest.approx(value, rel=1e-15), name
    assert answer["n"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert all(np.isnan(answer[name][:3]).all() for name in expected if name != "n")


def test_the_asset_comes_first():
    beta = arrays.rolling_beta([0.0, 2.0, 4.0], [0.0, 1.0, 2.0], window_size=3)
    assert beta[-1] == 2.0


@pytest.mark.parametrize(("ddof", "cov", "var"), [(0, 1.75, 3.5), (1, 7 / 3, 14 / 3), (2, 3.5, 7.0)])
def test_ddof(ddof, cov, var):
    y, x = [1.0, 3.0, 2.0, 6.0], [0.0, 1.0, 2.0, 3.0]
    assert arrays.rolling_cov(y, x, window_size=4, ddof=ddof)[-1] == pytest.approx(cov, rel=1e-15)
    assert arrays.rolling_var(y, window_size=4, ddof=ddof)[-1] == pytest.approx(var, rel=1e-15)


def test_ddof_is_one_by_default():
    y, x = market(50, 61)
    assert arrays.rolling_cov(y, x, window_size=9)[-1] == arrays.rolling_cov(y, x, window_size=9, ddof=1)[-1]
    assert arrays.rolling_var(y, window_size=9)[-1] == arrays.rolling_var(y, window_size=9, ddof=1)[-1]


def test_two_pairs_give_beta_and_corr_but_no_errors():
    y = np.array([1.0, NAN, 3.0, NAN])
    x = np.array([0.0, 1.0, 4.0, 9.0])
    answer = {k: v[-1] for k, v in arrays.rolling_regression(y, x, window_size=4, min_samples=2).items()}
    assert (answer["beta"], answer["corr"], answer["n"]) == (0.5, 1.0, 2.0)
    assert answer["alpha"] == 1.0
    assert math.isnan(answer["residual_std"])
    assert math.isnan(answer["beta_stderr"])


def test_min_samples_defaults_to_the_window():
    y, x = market(40, 62)
    y[20] = NAN
    beta = arrays.rolling_beta(y, x, window_size=10)
    assert np.flatnonzero(np.isfinite(beta)).tolist() == [*range(9, 20), *range(30, 40)]
    assert np.isfinite(arrays.rolling_beta(y, x, window_size=10, min_samples=9)[8:]).all()


def test_a_missing_row_takes_its_place_in_the_window():
    y = np.array([1.0, 2.0, NAN, 4.0, 8.0])
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    n = arrays.rolling_regression(y, x, window_size=3, min_samples=2)["n"]
    assert n.tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]


def test_n_is_given_where_the_readings_are_missing():
    answer = arrays.rolling_regression([1.0, 2.0, NAN], [0.5, 0.5, 0.5], window_size=3)
    assert answer["n"].tolist() == [1.0, 2.0, 2.0]
    assert np.isnan(answer["beta"]).all()


def test_a_constant_benchmark_has_no_beta_and_a_constant_asset_no_corr():
    row = np.arange(10.0)
    flat = np.full(10, 0.1)
    on_flat = arrays.rolling_regression(row, flat, window_size=5)
    assert np.isnan(np.array([v for k, v in on_flat.items() if k != "n"])).all()
    of_flat = {k: v[-1] for k, v in arrays.rolling_regression(flat, row, window_size=5).items()}
    assert (of_flat["beta"], of_flat["residual_std"], of_flat["beta_stderr"]) == (0.0, 0.0, 0.0)
    assert of_flat["alpha"] == 0.1
    assert math.isnan(of_flat["corr"])
    assert math.isnan(of_flat["r_squared"])


def test_a_window_by_time_is_open_at_its_old_end():
    minute = 60_000_000_000
    ts = np.array([0, 1, 2, 3, 10]) * minute
    n = arrays.rolling_regression(
        np.arange(5.0), np.array([0.0, 1.0, 0.0, 2.0, 5.0]), window_span="3m", by=ts, min_samples=2
    )["n"]
    assert n.tolist() == [1.0, 2.0, 3.0, 3.0, 1.0]


def test_a_row_does_not_see_later_rows_of_the_same_time():
    ts = np.array([0, 5, 5, 5])
    n = arrays.rolling_regression(
        np.arange(4.0), np.array([0.0, 1.0, 0.0, 2.0]), window_span="1s", by=ts, min_samples=2
    )["n"]
    assert n.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_ewm_with_a_half_life_of_one_row():
    # Weights 1/4, 1/2, 1 on x = 0 1 3, y = 0 2 1: W = 7/4, means 2 and 8/7 (x: 3.5 / 1.75, y: 2 / 1.75).
    y, x = [0.0, 2.0, 1.0], [0.0, 1.0, 3.0]
    xx = 0.25 * 4 + 0.5 * 1 + 1.0
    xy = 0.25 * 2 * 8 / 7 + 0.5 * -1 * (2 - 8 / 7) + 1 * (1 - 8 / 7)
    assert arrays.ewm_beta(y, x, half_life=1)[-1] == pytest.approx(xy / xx, rel=1e-14)
    w, ww = 1.75, 1 + 0.25 + 0.0625
    unbiased = xy / w * (w * w / (w * w - ww))
    assert arrays.ewm_cov(y, x, half_life=1)[-1] == pytest.approx(unbiased, rel=1e-14)


def test_a_missing_row_ages_the_exponential_weights():
    y, x = market(30, 63)
    y[20:25] = NAN
    with_gap = arrays.ewm_beta(y, x, half_life=3)
    exact = oracles.ewm(y, x, half_life=3)["beta"]
    assert_allclose(with_gap, exact, rtol=1e-12)
    assert with_gap[-1] != pytest.approx(
        arrays.ewm_beta(np.delete(y, slice(20, 25)), np.delete(x, slice(20, 25)), half_life=3)[-1], rel=1e-6
    )


def test_joint_beta_splits_what_single_betas_count_twice():
    rng = np.random.default_rng(64)
    first = rng.integers(-8, 8, 60).astype(float)
    second = first + rng.integers(-2, 3, 60)
    asset = 2.0 * first - 0.5 * second + 3.0
    answer = arrays.joint_beta(asset, np.column_stack([first, second]), window_size=30)
    assert_allclose(answer["beta"][-1], [2.0, -0.5], rtol=1e-10)
    assert answer["alpha"][-1] == pytest.approx(3.0, rel=1e-10)
    assert answer["r_squared"][-1] == pytest.approx(1.0, rel=1e-12)
    assert answer["n"][-1] == 30.0


def test_joint_beta_of_one_leader_is_beta():
    y, x = market(100, 65)
    one = arrays.joint_beta(y, x[:, None], window_size=20)
    assert_array_equal(arrays.joint_beta(y, x, window_size=20)["beta"], one["beta"])
    assert_allclose(one["beta"][:, 0], arrays.rolling_beta(y, x, window_size=20), rtol=1e-11)


def test_joint_beta_is_missing_where_leaders_do_not_differ():
    y, x = market(60, 66)
    twice = arrays.joint_beta(y, np.column_stack([x, x]), window_size=20)
    assert np.isnan(twice["beta"]).all()
    constant = arrays.joint_beta(y, np.column_stack([x, np.full(60, 0.1)]), window_size=20)
    assert np.isnan(constant["beta"]).all()
    assert constant["n"][-1] == 20.0


def test_features_by_hand():
    asset = np.array([100.0, 110.0, 99.0, 121.0, 121.0])
    leader = np.array([50.0, 51.0, 52.0, 50.0, 55.0])
    answer = arrays.cross_asset_features(asset, leader, window_size=4, vol_window=2, short=1, long=3, momentum=2)
    assert list(answer) == ["beta", "correlation", "divergence", "volatility", "relative_momentum"]
    r = leader[1:] / leader[:-1] - 1
    assert answer["volatility"][-1] == pytest.approx(r[-2:].std(ddof=1), rel=1e-13)
    assert answer["relative_momentum"][-1] == pytest.approx((121 / 99 - 1) - (55 / 52 - 1), rel=1e-13)
    # short: 0 - 0.1; long: (121/110 - 1) - (55/51 - 1); their difference is within 0.2.
    difference = (0.0 - 0.1) - ((121 / 110) - (55 / 51))
    assert answer["divergence"][-1] == pytest.approx(difference / 0.2, rel=1e-12)
    returns = asset[1:] / asset[:-1] - 1
    assert answer["beta"][-1] == pytest.approx(np.cov(returns, r)[0, 1] / r.var(ddof=1), rel=1e-12)
    assert answer["correlation"][-1] == pytest.approx(np.corrcoef(returns, r)[0, 1], rel=1e-12)


def test_divergence_is_clipped():
    leader, asset = np.full(30, 10.0), np.full(30, 10.0)
    asset[29] = 11.0
    asset[:10] = 10.5
    # short: 11/10 - 1; long: 11/10.5 - 1.
    divergence = arrays.cross_asset_features(asset, leader, short=5, long=20)["divergence"]
    assert divergence[-1] == pytest.approx((1.1 - 11 / 10.5) / 0.2, rel=1e-12)
    asset[:10] = 1.0
    assert arrays.cross_asset_features(asset, leader, short=5, long=20)["divergence"][-1] == -1.0
    asset[:10] = 100.0
    assert arrays.cross_asset_features(asset, leader, short=5, long=20)["divergence"][-1] == 1.0


def test_returns_across_a_hole_are_missing():
    asset, leader = prices(60, 67), prices(60, 68)
    asset[20] = NAN
    n_row = arrays.cross_asset_features(asset, leader, window_size=5, momentum=10, vol_window=5)
    missing = np.flatnonzero(np.isnan(n_row["beta"]))
    assert missing.tolist() == [*range(5), *range(20, 26)]
    assert np.flatnonzero(np.isnan(n_row["relative_momentum"])).tolist() == [*range(10), 20, 30]
    assert np.isfinite(n_row["volatility"][5:]).all()


def test_expressions_are_exported_by_name():
    frame = pl.DataFrame({"bonk": [0.0, 2.0, 4.0, 5.0], "btc": [0.0, 1.0, 2.0, 3.0]})
    beta = frame.select(cm.rolling_beta("bonk", "btc", window_size=3)).to_series()
    assert beta.to_list()[:3] == [None, None, 2.0]
