"""The promises of design.md section 5, judged by exact arithmetic on the given float64 input."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
import oracles
import tolerances as tol
from cases import CASES, IN_RANGE, NAMES, NAN, SPIKE
from comove import arrays
from comove.live import RollingPair
from doors import (
    DOORS,
    MAX_ROWS,
    REGRESSION,
    ask_arrays,
    ask_live,
    assert_same_bits,
    of_case,
    q,
    table,
)
from tolerances import Bound, judge

WINDOWS = [(3, 3), (3, 2), (7, 2), (30, 30), (30, 5), (64, 20)]


@cache
def exact_pair(name, window_size, min_samples):
    case = CASES[name]
    return oracles.pair(case.asset, case.benchmark, window_size=window_size, min_samples=min_samples)


def judge_pair(what, answer, exact):
    bounds = tol.pair_bounds(exact)
    for reading, values in answer.items():
        judge(f"{what} {reading}", values, exact[reading], bounds[reading])


def answers(door, case, window_size, min_samples):
    """All readings of a pair through one door; var over the complete pairs, as the live object has it."""
    window = {"window_size": window_size, "min_samples": min_samples}
    data = of_case(case)
    answer = DOORS[door](q("rolling_regression", **window), data)
    for reading in ("beta", "corr", "cov"):
        answer |= {reading: DOORS[door](q(f"rolling_{reading}", **window), data)[f"rolling_{reading}"]}
    complete = np.isfinite(case.asset) & np.isfinite(case.benchmark)
    alone = {"y": np.where(complete, case.asset, NAN)}
    answer["var"] = DOORS[door](q("rolling_var", **window), alone)["rolling_var"]
    return answer


@pytest.mark.parametrize(("window_size", "min_samples"), WINDOWS)
@pytest.mark.parametrize("name", IN_RANGE)
def test_every_reading_is_right_on_every_case(name, window_size, min_samples):
    answer = answers("arrays", CASES[name], window_size, min_samples)
    judge_pair(name, answer, exact_pair(name, window_size, min_samples))


@pytest.mark.parametrize("door", ["polars", "live"])
@pytest.mark.parametrize("name", IN_RANGE)
def test_every_door_is_right_on_every_case(name, door):
    judge_pair(f"{door} {name}", answers(door, CASES[name], 30, 5), exact_pair(name, 30, 5))


@pytest.mark.parametrize("name", ["underflowing", "overflowing"])
@pytest.mark.parametrize("window_size", [3, 30])
def test_beyond_float64_a_reading_is_right_or_missing(name, window_size):
    exact = exact_pair(name, window_size, window_size)
    bounds = tol.pair_bounds(exact)
    outside = tol.out_of_range(exact)
    assert outside[window_size - 1 :].all()
    for reading, values in answers("arrays", CASES[name], window_size, window_size).items():
        judge(f"{name} {reading}", values, exact[reading], bounds[reading], allow_missing=outside)


@pytest.mark.parametrize("name", ["near_perfect", "near_perfect_at_level"])
@pytest.mark.parametrize("window_size", [10, 30, 200])
def test_residual_std_of_a_near_perfect_fit_keeps_eight_digits(name, window_size):
    exact = exact_pair(name, window_size, window_size)
    answer = answers("arrays", CASES[name], window_size, window_size)
    for reading in ("residual_std", "beta_stderr"):
        bound = Bound(tol.RESIDUAL_STD, np.abs(exact[reading]))
        judge(f"{name} {reading}", answer[reading], exact[reading], bound)


@pytest.mark.parametrize(("beta", "asset"), [(2.0, "perfect_double"), (-1.0, "perfect_inverse")])
def test_a_perfect_fit_leaves_nothing(beta, asset):
    answer = answers("arrays", CASES[asset], 30, 30)
    assert (answer["beta"][29:] == beta).all()
    assert (answer["residual_std"][29:] == 0.0).all()
    assert (answer["beta_stderr"][29:] == 0.0).all()


# --- constants ---


@pytest.mark.parametrize("name", IN_RANGE)
@pytest.mark.parametrize("window_size", [3, 30])
def test_a_constant_has_variance_and_covariance_exactly_zero(name, window_size):
    """Whatever came before, and for values that are not exact in binary."""
    exact = exact_pair(name, window_size, 2)
    answer = answers("arrays", CASES[name], window_size, 2)
    constant_asset, constant_benchmark = exact["sd_asset"] == 0, exact["sd_benchmark"] == 0
    assert (answer["var"][constant_asset] == 0.0).all()
    assert (answer["cov"][constant_asset | constant_benchmark] == 0.0).all()
    assert np.isnan(answer["beta"][constant_benchmark]).all()
    assert np.isnan(answer["corr"][constant_asset | constant_benchmark]).all()
    assert (answer["beta"][constant_asset & ~constant_benchmark] == 0.0).all()


@pytest.mark.parametrize("value", [0.1, 0.3, 1e12 + 0.1, 1e-150, -1e150, 5e-324])
@pytest.mark.parametrize("door", list(DOORS))
def test_a_constant_after_noise_and_a_spike(value, door):
    asset, benchmark = cases.market(160, 70)
    asset[50] = SPIKE
    asset[60:] = value
    data = {"y": asset, "x": benchmark}
    window = {"window_size": 30}
    assert (DOORS[door](q("rolling_var", **window), data)["rolling_var"][89:] == 0.0).all()
    assert (DOORS[door](q("rolling_cov", **window), data)["rolling_cov"][89:] == 0.0).all()
    assert (DOORS[door](q("rolling_beta", **window), data)["rolling_beta"][89:] == 0.0).all()
    swapped = DOORS[door](q("rolling_beta", **window), {"y": benchmark, "x": asset})["rolling_beta"]
    assert np.isnan(swapped[89:]).all()


# --- no trace ---


@pytest.mark.parametrize("spike", [SPIKE, -1e300, 1e154, NAN, np.inf])
@pytest.mark.parametrize("window_size", [3, 30, 100])
@pytest.mark.parametrize("sides", [("y",), ("x",), ("y", "x")], ids="".join)
def test_what_has_left_the_window_leaves_no_trace(sides, window_size, spike):
    clean = table(400, 71, gaps=False)
    dirty = {name: values.copy() for name, values in clean.items()}
    for side in sides:
        dirty[side][[150, 163]] = spike
    untouched = np.r_[0:150, 163 + window_size : 400]
    for function in ("rolling_regression", "rolling_cov", "rolling_var"):
        question = q(function, window_size=window_size, min_samples=2)
        for ask in (ask_arrays, ask_live):
            answer, expected = ask(question, dirty), ask(question, clean)
            for name in expected:
                assert_same_bits(answer[name][untouched], expected[name][untouched], f"{function} {name}")


@pytest.mark.parametrize("spike", [SPIKE, 1e300, NAN])
def test_what_has_left_a_span_leaves_no_trace(spike):
    clean = table(400, 72, gaps=False)
    dirty = {name: values.copy() for name, values in clean.items()}
    dirty["y"][150], dirty["x"][151] = spike, -spike
    span = 45 * 60_000_000_000
    untouched = np.flatnonzero((clean["ts"] >= clean["ts"][151] + span) | (np.arange(400) < 150))
    assert untouched.size > 300
    question = q("rolling_regression", window_span="45m", min_samples=2)
    for ask in (ask_arrays, ask_live):
        answer, expected = ask(question, dirty), ask(question, clean)
        for name in REGRESSION:
            assert_same_bits(answer[name][untouched], expected[name][untouched], name)


def test_what_has_left_the_window_leaves_no_trace_in_joint_beta_and_features():
    clean = table(300, 73, gaps=False)
    dirty = {name: values.copy() for name, values in clean.items()}
    dirty["jy"][100], dirty["l1"][110] = SPIKE, -SPIKE
    dirty["py"][100], dirty["px"][110] = SPIKE, 1e-12
    for question in (q("joint_beta", window_size=40), q("cross_asset_features", window_size=30)):
        answer, expected = ask_arrays(question, dirty), ask_arrays(question, clean)
        for name in expected:
            assert_same_bits(answer[name][151:], expected[name][151:], f"{question} {name}")


@pytest.mark.parametrize("name", ["plain", "level_1e12", "level_shifts", "gaps_and_spikes", "shrinking"])
@pytest.mark.parametrize("dropped", [1, 7, 45])
def test_the_answer_does_not_depend_on_the_first_row_beyond_rounding(name, dropped):
    case = CASES[name]
    whole = answers("arrays", case, 30, 5)
    later = cases.Case(name, case.asset[dropped:], case.benchmark[dropped:])
    exact = exact_pair(name, 30, 5)
    bounds = tol.pair_bounds(exact)
    settled = slice(dropped + 29, None)
    for reading, values in answers("arrays", later, 30, 5).items():
        scale = np.broadcast_to(bounds[reading].scale, exact[reading].shape)[settled]
        bound = Bound(max(bounds[reading].relative, tol.OTHER_FIRST_ROW), 2 * scale)
        judge(f"{name} {reading}", values[29:], whole[reading][settled], bound)


# --- correlation ---


@pytest.mark.parametrize("name", NAMES)
def test_corr_is_never_outside_one(name):
    for window_size, min_samples in [(3, 2), (7, 2), (30, 2)]:
        corr = answers("arrays", CASES[name], window_size, min_samples)["corr"]
        assert (np.abs(corr[~np.isnan(corr)]) <= 1.0).all()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40),
    st.floats(-1e3, 1e3).filter(lambda slope: abs(slope) > 1e-6),
    st.floats(-1e9, 1e9),
)
def test_corr_of_a_line_is_one(values, slope, level):
    x = np.array(values)
    y = level + slope * x
    corr = arrays.rolling_corr(y, x, window_size=3)
    given = corr[~np.isnan(corr)]
    assert (np.abs(given) <= 1.0).all()
    exact = oracles.pair(y, x, window_size=3)["corr"]
    judge("corr", corr, exact, Bound(tol.CORR, np.ones_like(exact)))


# --- window sizes and long streams ---


@pytest.mark.parametrize("window_size", [3, 10, 100, 1000, 10_000])
@pytest.mark.parametrize("level", [0.0, 6e4, 1e12])
def test_windows_from_3_to_10000(window_size, level):
    asset, benchmark = cases.market(25_000, 74)
    step = max(1.0, level * 1e-13)
    asset, benchmark = level + asset * step, benchmark * step - level
    asset[9_000], benchmark[9_100] = SPIKE, -SPIKE
    rows = np.unique(np.linspace(0, 24_999, 400).astype(int))
    exact = oracles.pair(asset, benchmark, window_size=window_size, rows=rows)
    answer = arrays.rolling_regression(asset, benchmark, window_size=window_size)
    answer["cov"] = arrays.rolling_cov(asset, benchmark, window_size=window_size)
    answer["var"] = arrays.rolling_var(asset, window_size=window_size)
    judge_pair(f"window {window_size}", {name: values[rows] for name, values in answer.items()}, exact)


def stream(chunks, rows, seed):
    """Returns whose level, scale and gaps change from chunk to chunk, now and then with a bad print."""
    rng = np.random.default_rng(seed)
    for chunk in range(chunks):
        scale = 10.0 ** rng.integers(-6, 3)
        benchmark = rng.standard_normal(rows) * scale
        asset = 0.8 * benchmark + rng.standard_normal(rows) * scale
        asset += 1e9 * scale * (chunk % 3 == 1)
        asset[rng.integers(0, rows, 3)] = [SPIKE, -SPIKE, NAN]
        benchmark[rng.integers(0, rows, 2)] = [SPIKE, np.inf]
        yield asset, benchmark


def follow(chunks, rows, window_size=300):
    """Feed a stream and judge the last readings of every chunk exactly."""
    pair = RollingPair(window_size=window_size, min_samples=50)
    tail = [np.empty(0), np.empty(0)]
    for asset, benchmark in stream(chunks, rows, 75):
        beta = pair.update_many(asset, benchmark)
        tail = [
            np.concatenate([old, new])[-2 * window_size :] for old, new in zip(tail, (asset, benchmark), strict=True)
        ]
        at = range(len(tail[0]) - 20, len(tail[0]))
        exact = oracles.pair(*tail, window_size=window_size, min_samples=50, rows=at)
        bounds = tol.pair_bounds(exact)
        judge("beta", beta[-20:], exact["beta"], bounds["beta"])
        for reading in oracles.PAIR_READINGS:
            last = Bound(bounds[reading].relative, np.broadcast_to(bounds[reading].scale, 20)[-1:])
            judge(reading, np.array([getattr(pair, reading)]), exact[reading][-1:], last)


def test_a_stream_of_1e8_rows_stays_exact():
    follow(chunks=200, rows=500_000)


# --- time spans ---


@pytest.mark.parametrize("name", ["plain", "constants_between_moves", "spike_both", "level_1e12", "gaps_and_spikes"])
@pytest.mark.parametrize(("span", "minutes", "min_samples"), [("10m", 10, 2), ("45m", 45, 5), ("8h", 480, 30)])
def test_spans_are_right(name, span, minutes, min_samples):
    case = CASES[name]
    times = cases.irregular_times(len(case), 76)
    exact = oracles.pair(
        case.asset, case.benchmark, span_ns=minutes * 60_000_000_000, times=times, min_samples=min_samples
    )
    window = {"window_span": span, "min_samples": min_samples}
    answer = arrays.rolling_regression(case.asset, case.benchmark, by=times, **window)
    answer["cov"] = arrays.rolling_cov(case.asset, case.benchmark, by=times, **window)
    judge_pair(f"{name} {span}", answer, exact)
    live = ask_live(q("rolling_regression", **window), {**of_case(case), "ts": times})
    judge_pair(f"live {name} {span}", live, exact)
    assert np.max(exact["n"], initial=0) <= MAX_ROWS


# --- the other estimators ---


@pytest.mark.parametrize("half_life", [1.0, 7.5, 60.0])
@pytest.mark.parametrize("name", IN_RANGE)
def test_ewm_is_right_on_every_case(name, half_life):
    case = CASES[name]
    exact = oracles.ewm(case.asset, case.benchmark, half_life=half_life, min_samples=2)
    bounds = tol.ewm_bounds(exact)
    for reading in ("beta", "corr", "cov"):
        function = getattr(arrays, f"ewm_{reading}")
        answer = function(case.asset, case.benchmark, half_life=half_life)
        judge(f"{name} {reading}", answer, exact[reading], bounds[reading])


@pytest.mark.parametrize("leaders", [1, 2, 3, 8])
@pytest.mark.parametrize("level", [0.0, 1e6, 1e12])
def test_joint_beta_is_right(leaders, level):
    asset, columns = cases.joint(160, leaders, 77, gaps=True)
    step = max(1.0, level * 1e-9)
    asset, columns = asset * step + level, columns * step - level
    asset[60], columns[70, 0] = SPIKE, -SPIKE
    rows = range(0, 160, 3 if leaders < 8 else 17)
    exact = oracles.joint(asset, columns, window_size=40, min_samples=12, rows=rows)
    answer = arrays.joint_beta(asset, columns, window_size=40, min_samples=12)
    singles = [oracles.pair(asset, x, window_size=40, min_samples=2, rows=rows) for x in columns.T]
    slopes = [one["sd_asset"] / one["sd_benchmark"] for one in singles]
    for i, slope in enumerate(slopes):
        judge(f"beta {i}", answer["beta"][rows, i], exact["beta"][:, i], Bound(tol.JOINT, slope))
    terms = [slope * np.abs(one["mean_benchmark"]) for slope, one in zip(slopes, singles, strict=True)]
    scale = np.abs(singles[0]["mean_asset"]) + sum(terms) + singles[0]["sd_asset"]
    judge("alpha", answer["alpha"][rows], exact["alpha"], Bound(tol.JOINT, scale))
    judge("n", answer["n"][rows], exact["n"], Bound(0.0, np.ones(len(rows))))
    judge("r_squared", answer["r_squared"][rows], exact["r_squared"], Bound(tol.JOINT, np.ones(len(rows))))


def test_joint_beta_by_span_is_right():
    asset, columns = cases.joint(160, 3, 78, gaps=True)
    times = cases.irregular_times(160, 79)
    rows = range(0, 160, 3)
    exact = oracles.joint(asset, columns, span_ns=45 * 60_000_000_000, times=times, min_samples=8, rows=rows)
    answer = arrays.joint_beta(asset, columns, window_span="45m", by=times, min_samples=8)
    judge("beta", answer["beta"][rows, :], exact["beta"], Bound(tol.JOINT, np.full(exact["beta"].shape, 5.0)))
    judge("alpha", answer["alpha"][rows], exact["alpha"], Bound(tol.JOINT, np.full(len(rows), 0.1)))
    judge("n", answer["n"][rows], exact["n"], Bound(0.0, np.ones(len(rows))))


def feature_cases():
    asset, leader = cases.prices(150, 80, start=1.2e-5, tick=1e-8), cases.prices(150, 81)
    gapped = cases.with_gaps(asset, 82, 0.05), cases.with_gaps(leader, 83, 0.03)
    redenominated = np.where(np.arange(150) < 70, asset, asset * 1e6)
    halted = np.where((np.arange(150) > 50) & (np.arange(150) < 100), asset[50], asset)
    late = np.where(np.arange(150) < 60, NAN, asset)
    return {
        "plain": (asset, leader),
        "gaps": gapped,
        "redenominated": (redenominated, leader),
        "halted": (halted, leader),
        "flat_leader": (asset, np.where(np.arange(150) > 60, 0.9997, leader)),
        "late": (late, leader),
        "bad_tick": (asset, np.where(np.arange(150) == 75, SPIKE, leader)),
        "short": (asset[:8], leader[:8]),
    }


@pytest.mark.parametrize("returns", ["simple", "log"])
@pytest.mark.parametrize("name", list(feature_cases()))
def test_features_are_right(name, returns):
    asset, leader = feature_cases()[name]
    options = {"window_size": 20, "vol_window": 12, "min_samples": 8, "returns": returns}
    rows = range(0, len(asset), 2)
    exact = oracles.cross_asset_features(asset, leader, rows=rows, **options)
    answer = arrays.cross_asset_features(asset, leader, **options)
    assert list(answer) == list(oracles.FEATURES)
    with np.errstate(all="ignore"):
        slope = exact["sd_asset"] / exact["sd_benchmark"]
    one = np.ones(len(rows))
    bounds = {
        "beta": Bound(tol.FEATURES, slope),
        "correlation": Bound(tol.FEATURES, one),
        "divergence": Bound(tol.FEATURES, one),
        "volatility": Bound(tol.FEATURES, np.abs(exact["volatility"])),
        "relative_momentum": Bound(tol.FEATURES, 1.0 + np.abs(exact["relative_momentum"])),
    }
    for feature, bound in bounds.items():
        judge(f"{name} {feature}", answer[feature][rows], exact[feature], bound)
