"""Live objects: verbs, readings, what they say before there is enough data, and the order of time."""

from __future__ import annotations

import copy
import datetime as dt
import pickle

import numpy as np
import pytest

import oracles
from cases import NAN, irregular_times, joint, market
from comove import DataError, OrderError, arrays
from comove.live import EwmPair, JointPair, LagScanner, RollingPair
from doors import assert_same_bits, number

READINGS = (
    "beta", "alpha", "corr", "cov", "var", "var_benchmark", "r_squared", "residual_std", "beta_stderr",
)  # fmt: skip
ASSET, BENCHMARK = market(200, 140)
MINUTE = 60_000_000_000


@pytest.fixture(params=["rows", "span", "ewm"])
def pair(request):
    """One object of each kind, all of them ready after twenty rows."""
    if request.param == "rows":
        return RollingPair(window_size=20)
    if request.param == "span":
        return RollingPair(window_span="20m", max_rows=64, min_samples=20)
    return EwmPair(half_life=7.0, min_samples=20)


def times(rows):
    return np.arange(rows) * MINUTE + 1_700_000_000_000_000_000


def feed(pair, rows, start=0):
    """Rows of the market, with times where the object wants them."""
    for i in range(start, start + rows):
        stamp = (int(times(start + rows)[i]),) if getattr(pair, "window_span", None) else ()
        answer = pair.update(ASSET[i], BENCHMARK[i], *stamp)
    return answer


def test_warmup_is_known_before_any_data_and_true(pair):
    assert pair.warmup == 20
    assert (pair.is_ready, pair.n, pair.beta) == (False, 0, None)
    assert feed(pair, 19) is None
    assert (pair.is_ready, pair.n) == (False, 19)
    assert feed(pair, 1, start=19) == pair.beta
    assert (pair.is_ready, pair.n) == (True, 20)
    assert isinstance(pair.beta, float)
    assert isinstance(pair.n, int)
    assert isinstance(pair.warmup, int)


def test_readings_are_none_before_there_is_enough_data():
    pair = RollingPair(window_size=5)
    for _ in range(5):
        assert [getattr(pair, name) for name in READINGS] == [None] * len(READINGS)
        pair.update(0.5, 0.1)
    assert pair.n == 5
    assert (pair.beta, pair.corr, pair.alpha, pair.residual_std) == (None, None, None, None)
    assert (pair.cov, pair.var, pair.var_benchmark) == (0.0, 0.0, 0.0)


def test_every_reading_is_the_definition():
    pair = RollingPair(window_size=20)
    feed(pair, 60)
    exact = oracles.pair(ASSET[:60], BENCHMARK[:60], window_size=20, rows=[59])
    for name in READINGS:
        assert getattr(pair, name) == pytest.approx(exact[name][0], rel=1e-10), name


@pytest.mark.parametrize("ddof", [0, 1, 2])
def test_ddof_of_a_live_pair(ddof):
    pair = RollingPair(window_size=20, ddof=ddof)
    feed(pair, 30)
    assert pair.cov == arrays.rolling_cov(ASSET[:30], BENCHMARK[:30], window_size=20, ddof=ddof)[-1]
    assert pair.var == arrays.rolling_var(ASSET[:30], window_size=20, ddof=ddof)[-1]
    assert pair.var_benchmark == arrays.rolling_var(BENCHMARK[:30], window_size=20, ddof=ddof)[-1]


@pytest.mark.parametrize("missing", [None, NAN, np.inf, -np.inf, np.float64("nan")])
@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_side_ages_the_window_and_nothing_more(missing, side):
    pair = RollingPair(window_size=5, min_samples=2)
    feed(pair, 5)
    row = [0.5, 0.25]
    row[side] = missing
    pair.update(*row)
    assert pair.n == 4
    nan = [NAN if value is None else value for value in row]
    expected = arrays.rolling_beta(np.r_[ASSET[:5], nan[0]], np.r_[BENCHMARK[:5], nan[1]], window_size=5, min_samples=2)
    assert pair.beta == expected[-1]
    for i in range(5):
        pair.update(ASSET[i], BENCHMARK[i])
    assert pair.n == 5


@pytest.mark.parametrize("value", [2, np.float64(2.0), np.float32(2.0), np.int64(2)])
def test_a_row_may_be_any_number(value):
    pair, plain = RollingPair(window_size=3), RollingPair(window_size=3)
    for x in (1.0, 0.0, 5.0):
        pair.update(value, x)
        plain.update(2.0, x)
    assert pair.to_bytes() == plain.to_bytes()


def test_reset_forgets_everything(pair):
    empty = pair.to_bytes()
    feed(pair, 50)
    assert pair.to_bytes() != empty
    pair.reset()
    assert pair.to_bytes() == empty
    assert (pair.n, pair.beta, pair.is_ready) == (0, None, False)


def test_readings_change_nothing(pair):
    feed(pair, 50)
    before = pair.to_bytes()
    for name in (*READINGS, "n", "is_ready", "warmup"):
        getattr(pair, name, None)
    assert pair.to_bytes() == before


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_by_any_protocol_are_independent(pair, duplicate):
    feed(pair, 50)
    other = duplicate(pair)
    assert type(other) is type(pair)
    assert other.to_bytes() == pair.to_bytes()
    before = pair.to_bytes()
    other.reset()
    assert pair.to_bytes() == before


def test_options_can_be_read():
    by_rows = RollingPair(window_size=20, min_samples=5)
    assert (by_rows.window_size, by_rows.window_span, by_rows.min_samples) == (20, None, 5)
    by_time = RollingPair(window_span=dt.timedelta(minutes=3), max_rows=10, min_samples=2)
    assert by_time.window_size is None
    assert by_time.window_span is not None
    assert by_time.min_samples == 2
    assert EwmPair(half_life=3.0).min_samples == 2


# --- time ---


def test_times_come_in_any_usual_form():
    stamps = [dt.datetime(2024, 1, 1, 0, minute, tzinfo=dt.UTC) for minute in range(5)]
    forms = [
        [int(stamp.timestamp()) * 10**9 for stamp in stamps],
        stamps,
        [stamp.replace(tzinfo=None) for stamp in stamps],
        [np.datetime64(stamp.replace(tzinfo=None), "ns") for stamp in stamps],
        [np.datetime64(stamp.replace(tzinfo=None), "us") for stamp in stamps],
        [stamp.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))) for stamp in stamps],
    ]
    states = []
    for form in forms:
        pair = RollingPair(window_span="3m", max_rows=10, min_samples=2)
        for i, stamp in enumerate(form):
            pair.update(ASSET[i], BENCHMARK[i], stamp)
        states.append(pair.to_bytes())
    assert states == [states[0]] * len(forms)


@pytest.mark.parametrize("span", ["3m", "180s", "0h3m", dt.timedelta(minutes=3)])
def test_spans_come_in_any_usual_form(span):
    pair = RollingPair(window_span=span, max_rows=10, min_samples=2)
    same = RollingPair(window_span="3m", max_rows=10, min_samples=2)
    assert pair.to_bytes() == same.to_bytes()


def test_equal_times_are_taken_in_order_of_arrival():
    pair = RollingPair(window_span="1m", max_rows=100, min_samples=2)
    for i in range(40):
        pair.update(ASSET[i], BENCHMARK[i], 7)
        assert pair.n == i + 1


def test_time_may_not_run_backwards():
    pair = RollingPair(window_span="1m", max_rows=100, min_samples=2)
    pair.update(0.1, 0.2, 1000)
    before = pair.to_bytes()
    for verb in (pair.update, pair.peek):
        with pytest.raises(OrderError) as error:
            verb(0.1, 0.2, 999)
        assert error.value.code == "order"
        assert pair.to_bytes() == before


def test_a_burst_beyond_max_rows_is_refused_and_the_next_span_goes_on():
    pair = RollingPair(window_span="1m", max_rows=8, min_samples=2)
    for i in range(8):
        pair.update(ASSET[i], BENCHMARK[i], i)
    before = pair.to_bytes()
    for verb in (pair.update, pair.peek):
        with pytest.raises(DataError, match="max_rows") as error:
            verb(0.1, 0.2, 8)
        assert error.value.code == "burst"
    with pytest.raises(DataError):
        pair.update_many(ASSET[:3], BENCHMARK[:3], np.array([MINUTE, MINUTE + 1, MINUTE + 1]) - 10)
    assert pair.to_bytes() == before
    pair.update(ASSET[8], BENCHMARK[8], MINUTE + 3)
    assert pair.n == 5  # of the times 0 to 7, those later than 3 are left


def test_exactly_max_rows_fit():
    pair = RollingPair(window_span="1m", max_rows=8, min_samples=2)
    stamps = np.arange(0, 40) * (MINUTE // 8)
    pair.update_many(ASSET[:40], BENCHMARK[:40], stamps)
    assert pair.n == 8


def test_a_hole_longer_than_the_span_leaves_one_row():
    pair = RollingPair(window_span="1m", max_rows=100, min_samples=2)
    for i in range(40):
        pair.update(ASSET[i], BENCHMARK[i], i)
    pair.update(0.1, 0.2, 10**17)
    assert (pair.n, pair.beta) == (1, None)


@pytest.mark.parametrize("start", [-(2**63), 1 - 2**63, -1, 0, 2**63 - 1 - 3600 * 10**9])
def test_times_at_the_ends_of_the_range(start):
    """No stamp that fits in int64 may overflow anything."""
    pair = RollingPair(window_span="1m", max_rows=100, min_samples=2)
    for i in range(5):
        pair.update(ASSET[i], BENCHMARK[i], start + i * 10**10)
    exact = oracles.pair(ASSET[:5], BENCHMARK[:5], window_size=5, rows=[4])
    assert pair.n == 5
    assert pair.beta == pytest.approx(exact["beta"][0], rel=1e-12)
    pair.update(0.5, 0.1, 2**63 - 1)
    assert pair.n == 1


# --- amend ---


def test_amend_replaces_the_last_row_as_often_as_wanted():
    pair, plain = RollingPair(window_size=5), RollingPair(window_size=5)
    for i in range(30):
        pair.update(1e12, -1e12)
        pair.amend(None, 3.0)
        assert pair.amend(ASSET[i], BENCHMARK[i]) == plain.update(ASSET[i], BENCHMARK[i])
        assert pair.to_bytes() == plain.to_bytes()


def test_amend_needs_a_row():
    for pair in (RollingPair(window_size=5), EwmPair(half_life=3.0), LagScanner(window_size=5)):
        before = pair.to_bytes()
        with pytest.raises(DataError) as error:
            pair.amend(0.1, 0.2)
        assert error.value.code == "nothing_to_amend"
        assert pair.to_bytes() == before


# --- several leaders ---


def test_joint_pair():
    asset, leaders = joint(60, 2, 141)
    pair = JointPair(2, window_size=20)
    assert (pair.betas, pair.alpha, pair.r_squared, pair.n) == (None, None, None, 0)
    assert pair.warmup == 20
    for i in range(60):
        answer = pair.update(asset[i], leaders[i])
    batch = arrays.joint_beta(asset, leaders, window_size=20)
    assert answer == pair.betas == tuple(batch["beta"][-1])
    assert (pair.alpha, pair.r_squared, pair.n) == (batch["alpha"][-1], batch["r_squared"][-1], 20)
    assert pair.is_ready


@pytest.mark.parametrize("row", [[0.1, 0.2], (0.1, 0.2), np.array([0.1, 0.2])])
def test_leaders_come_in_any_sequence(row):
    pair, plain = JointPair(2, window_size=5), JointPair(2, window_size=5)
    pair.update(0.3, row)
    plain.update(0.3, (0.1, 0.2))
    assert pair.to_bytes() == plain.to_bytes()


def test_a_missing_leader_makes_the_row_incomplete():
    pair = JointPair(2, window_size=5, min_samples=4)
    pair.update(0.3, (0.1, None))
    pair.update(0.3, (0.1, NAN))
    assert pair.n == 0
    pair.update(0.3, (0.1, 0.2))
    assert pair.n == 1


# --- batch into live ---


def test_update_many_takes_what_arrays_take():
    by_rows, plain = RollingPair(window_size=20), RollingPair(window_size=20)
    wide = np.repeat(ASSET, 2)[::2]
    assert not wide.flags.c_contiguous
    answer = by_rows.update_many(wide, BENCHMARK.tolist())
    expected = [number(plain.update(a, b)) for a, b in zip(ASSET, BENCHMARK, strict=True)]
    assert answer.dtype == np.float64
    assert_same_bits(answer, expected)
    assert by_rows.to_bytes() == plain.to_bytes()
    assert by_rows.update_many([], []).shape == (0,)


def test_update_many_with_times():
    stamps = irregular_times(200, 142)
    pair, plain = (RollingPair(window_span="30m", max_rows=200, min_samples=3) for _ in range(2))
    answer = pair.update_many(ASSET, BENCHMARK, stamps)
    expected = [number(plain.update(*row)) for row in zip(ASSET, BENCHMARK, stamps.tolist(), strict=True)]
    assert_same_bits(answer, expected)
    as_dates = RollingPair(window_span="30m", max_rows=200, min_samples=3)
    as_dates.update_many(ASSET, BENCHMARK, stamps.astype("datetime64[ns]"))
    assert as_dates.to_bytes() == pair.to_bytes() == plain.to_bytes()


def test_a_refused_update_many_takes_no_row_at_all():
    pair = RollingPair(window_span="1m", max_rows=50, min_samples=2)
    pair.update(0.1, 0.2, 5)
    before = pair.to_bytes()
    with pytest.raises(OrderError):
        pair.update_many(ASSET[:4], BENCHMARK[:4], np.array([6, 7, 3, 8]))
    assert pair.to_bytes() == before
