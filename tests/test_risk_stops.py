"""Stops, targets and partial exits: closed forms, mirrored, wider with turbulence, and each level once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove.errors import ParameterError
from comove.portfolio import Position, RiskManager, RiskOptions, Stop, scale_out, stop_loss, take_profit, trailing_stop
from risk_cases import number

NAN = float("nan")
INF = float("inf")
PLAIN = RiskOptions()
BY_RANGE = RiskOptions(stop_basis="atr")
LONG = Position(symbol="BONK", side="long", size=900.0, entry=100.0, stop=90.0)
SHORT = Position(symbol="BONK", side="short", size=900.0, entry=100.0, stop=110.0)
many = settings(max_examples=500)
sides = st.sampled_from(["long", "short"])
entries = st.floats(1e-8, 1e6) | number(1e-300, 1e300)
volatilities = st.floats(1e-4, 0.2) | number(0.0, 1e300)
ratios = st.floats(0.2, 4) | number(0.0, 1e300)


def test_a_stop_by_volatility():
    # 2 standard deviations of 8 rows at 1 %.
    distance = 2 * 0.01 * math.sqrt(8)
    stop = stop_loss(PLAIN, "long", 50.0, volatility=0.01, leader_volatility_ratio=1.0)
    assert (stop.price, stop.distance) == pytest.approx((50 * (1 - distance), distance), rel=1e-14)
    assert stop.reason == (
        "2 standard deviations of 8 rows at 1 % a row are 5.66 %; leaders are 1 times as volatile as in their past, x 1"
    )
    short = stop_loss(PLAIN, "short", 50.0, volatility=0.01, leader_volatility_ratio=1.0)
    assert short.price == pytest.approx(50 * (1 + distance), rel=1e-14)


def test_a_stop_by_average_true_range():
    stop = stop_loss(BY_RANGE, "long", 50.0, atr=0.5, leader_volatility_ratio=1.5)
    assert (stop.price, stop.distance) == pytest.approx((50 * (1 - 0.045), 0.045), rel=1e-14)
    assert stop.reason.startswith("3 average true ranges of 0.5 are 3 %; leaders are 1.5 times")


@pytest.mark.parametrize(("ratio", "factor"), [(0.2, 1.0), (1.0, 1.0), (1.3, 1.3), (2.0, 2.0), (9.0, 2.0), (None, 2.0)])
def test_turbulent_leaders_widen_a_stop(ratio, factor):
    stop = stop_loss(PLAIN, "long", 50.0, volatility=0.01, leader_volatility_ratio=ratio)
    assert stop.distance == pytest.approx(factor * 0.02 * math.sqrt(8), rel=1e-14)
    assert f"x {factor:g}" in stop.reason
    assert ("not known" in stop.reason) == (ratio is None)


@pytest.mark.parametrize("ratio", [None, 0.2, 1.0, 9.0])
def test_stops_need_not_look_at_leaders(ratio):
    alone = RiskOptions(leader_volatility=False)
    stop = stop_loss(alone, "long", 50.0, volatility=0.01, leader_volatility_ratio=ratio)
    calm = stop_loss(PLAIN, "long", 50.0, volatility=0.01, leader_volatility_ratio=1.0)
    assert (stop.price, stop.distance) == (calm.price, calm.distance)
    assert stop.reason == "2 standard deviations of 8 rows at 1 % a row are 5.66 %"


def test_distances_have_bounds():
    far = stop_loss(PLAIN, "short", 50.0, volatility=0.5, leader_volatility_ratio=1.0)
    assert (far.price, far.distance) == (pytest.approx(60.0), 0.2)
    assert far.reason.endswith("; at most 20 %")
    near = stop_loss(PLAIN, "short", 50.0, volatility=1e-5, leader_volatility_ratio=1.0)
    assert near.distance == 0.005
    assert near.reason.endswith("; at least 0.5 %")


def test_what_is_not_known_makes_no_stop():
    assert stop_loss(PLAIN, "long", 50.0, atr=1.0) == Stop(None, None, "the asset's volatility is not known")
    unknown = Stop(None, None, "the asset's average true range is not known")
    assert stop_loss(BY_RANGE, "long", 50.0, volatility=0.01) == unknown
    assert take_profit(PLAIN, "long", 50.0, None) == Stop(None, None, "the distance of the stop is not known")


def test_profit_is_taken_at_a_multiple_of_the_stop():
    target = take_profit(PLAIN, "long", 50.0, 0.04)
    assert (target.price, target.distance) == pytest.approx((54.0, 0.08))
    assert target.reason == "2 times the distance of the stop, 4 %"
    assert take_profit(PLAIN, "short", 50.0, 0.04).price == pytest.approx(46.0)


@many
@given(entries, volatilities, ratios, st.booleans())
def test_long_and_short_are_mirrored(entry, volatility, ratio, by_range):
    options = BY_RANGE if by_range else PLAIN
    known = {"volatility": volatility, "atr": volatility, "leader_volatility_ratio": ratio}
    long, short = (stop_loss(options, side, entry, **known) for side in ("long", "short"))
    assert long.distance == short.distance
    assert 0 < long.price < entry < short.price < INF
    assert options.min_stop <= long.distance <= options.max_stop
    assert (entry - long.price) / entry == pytest.approx((short.price - entry) / entry, rel=1e-9)
    up, down = (take_profit(options, side, entry, long.distance) for side in ("long", "short"))
    assert 0 < down.price < entry < up.price < INF
    assert (up.price - entry) == pytest.approx(2 * (entry - long.price), rel=1e-9)
    assert (entry - down.price) == pytest.approx(2 * (short.price - entry), rel=1e-9)


@many
@given(sides, entries, volatilities, volatilities, ratios, ratios)
def test_stops_widen_with_volatility_and_with_that_of_leaders(side, entry, one, other, calm, wild):
    one, other = sorted((one, other))
    calm, wild = sorted((calm, wild))
    sign = 1 if side == "long" else -1
    for options in (PLAIN, BY_RANGE, RiskOptions(min_stop=1e-6, max_stop=0.99, reward_ratio=1.0, leader_stop_cap=10.0)):

        def stop(own, ratio, options=options):
            return stop_loss(options, side, entry, volatility=own, atr=own, leader_volatility_ratio=ratio)

        near, far = stop(one, calm), stop(other, wild)
        for wider in (stop(other, calm), stop(one, wild), far):
            assert near.distance <= wider.distance <= far.distance
            assert (near.price - wider.price) * sign >= 0
        assert stop(one, None).distance >= stop(one, min(calm, 2.0)).distance


@many
@given(
    sides, st.floats(50, 200), st.lists(st.tuples(st.floats(50, 200), st.floats(0.005, 0.2) | st.none()), max_size=9)
)
def test_a_trailing_stop_never_loosens(side, start, path):
    sign = 1 if side == "long" else -1
    stop = start
    for price, distance in path:
        moved = trailing_stop(side, stop, price, distance)
        assert (moved.price - stop) * sign >= 0
        if distance is None:
            assert moved.price == stop
        else:
            assert moved.price in (stop, pytest.approx(price * (1 - sign * distance)))
        assert (moved.distance > 0) == ((price - moved.price) * sign > 0)
        assert ("has reached it" in moved.reason) == (moved.distance <= 0)
        stop = moved.price


def test_a_trailing_stop_says_what_it_did():
    manager = RiskManager()
    moved = manager.trailing_stop("long", 90.0, 120.0, 0.1)
    assert (moved.price, moved.distance) == pytest.approx((108.0, 0.1))
    assert moved.reason == "10 % behind 120, before at 90"
    stays = manager.trailing_stop("long", 108.0, 115.0, 0.2)
    assert stays.price == 108.0
    assert stays.reason == "it stays at 108: 20 % behind 115 would be looser"
    reached = manager.trailing_stop("short", 110.0, 111.0, None)
    assert reached.reason.endswith("is not known; the price has reached it")
    assert reached.distance < 0


def test_partial_exits_at_multiples_of_the_risk():
    assert scale_out(PLAIN, LONG, 109.99) == ()
    (first,) = scale_out(PLAIN, LONG, 110.0)
    assert (first.level, first.multiple, first.price, first.size, first.share) == (1, 1.0, 110.0, 270.0, 0.3)
    assert first.reason == "the price 110 has reached 1 times the risk of 10, 110: 30 % is closed, level 1 of 2"
    assert scale_out(PLAIN, LONG, 114.0, taken=1) == ()
    assert [each.level for each in scale_out(PLAIN, LONG, 115.0, taken=1)] == [2]
    assert [each.level for each in scale_out(PLAIN, LONG, 200.0)] == [1, 2]
    assert scale_out(PLAIN, LONG, 200.0, taken=2) == ()
    assert scale_out(PLAIN, SHORT, 90.01) == ()
    assert [(each.level, each.price) for each in scale_out(PLAIN, SHORT, 85.0)] == [(1, 90.0), (2, 85.0)]
    assert scale_out(RiskOptions(scale_levels=0), LONG, 200.0) == ()


@many
@given(sides, st.lists(st.floats(1, 400), max_size=12), st.integers(0, 5), st.floats(0.2, 3), st.floats(0.2, 3))
def test_each_level_is_taken_once(side, path, levels, first, step):
    options = RiskOptions(scale_levels=levels, scale_first=first, scale_step=step, scale_share=0.2)
    position = LONG if side == "long" else SHORT
    taken = []
    for price in path:
        new = RiskManager(options).scale_out(position, price, taken=len(taken))
        assert all(position.profit(price) >= 0 for _ in new)
        taken.extend(new)
    assert [each.level for each in taken] == list(range(1, len(taken) + 1))
    assert sum(each.size for each in taken) <= position.size * (1 + 1e-12)
    best = max((position.profit(price) / 90.0 for price in path), default=-1.0)
    reached = sum(first + k * step <= best for k in range(levels))
    # A level on the price itself is a question of rounding.
    near = any(first + k * step == pytest.approx(best, rel=1e-9) for k in range(levels))
    assert len(taken) == reached or near


BAD = [0, -1.0, NAN, INF, True, "1", 10**400]


@pytest.mark.parametrize("value", BAD)
def test_bad_numbers_make_no_stop(value):
    known = {"volatility": 0.01, "atr": 0.5, "leader_volatility_ratio": 1.0}
    for name in known:
        # Those that the basis does not use as well.
        for options in (PLAIN, BY_RANGE):
            with pytest.raises(ParameterError, match=f"{name} must be"):
                stop_loss(options, "long", 50.0, **{**known, name: value})
    with pytest.raises(ParameterError, match="entry must be"):
        stop_loss(PLAIN, "long", value, **known)
    with pytest.raises(ParameterError, match="entry must be"):
        take_profit(PLAIN, "long", value, 0.05)
    with pytest.raises(ParameterError, match="stop_distance must be"):
        take_profit(PLAIN, "long", 50.0, value)
    for place, name in enumerate(("stop", "price", "distance")):
        given_numbers = [90.0, 100.0, 0.1]
        given_numbers[place] = value
        with pytest.raises(ParameterError, match=f"{name} must be"):
            trailing_stop("long", *given_numbers)
    with pytest.raises(ParameterError, match="price must be"):
        scale_out(PLAIN, LONG, value)


def test_other_refusals():
    with pytest.raises(ParameterError, match="side must be one of 'long', 'short', got 'buy'"):
        stop_loss(PLAIN, "buy", 50.0, volatility=0.01)
    with pytest.raises(ParameterError, match=r"stop_distance must be above 0 and at most 0\.2, got 0\.3"):
        take_profit(PLAIN, "long", 50.0, 0.3)
    with pytest.raises(ParameterError, match="stop must differ from the price, got 5e-324 for both"):
        stop_loss(PLAIN, "long", 5e-324, volatility=0.01)
    with pytest.raises(ParameterError, match="stop must be finite and above 0, got inf"):
        stop_loss(PLAIN, "short", 1.7e308, volatility=0.1)
    for taken in (-1, 3, 1.0, True, NAN):
        with pytest.raises(ParameterError, match="taken must be"):
            scale_out(PLAIN, LONG, 110.0, taken=taken)
    bare = Position(symbol="WIF", side="long", size=1.0, entry=1.0)
    with pytest.raises(ParameterError, match="stop of WIF must be given to scale out, got None"):
        scale_out(PLAIN, bare, 110.0)


def test_the_stop_of_a_manager_fits_a_position():
    manager = RiskManager()
    for side in ("long", "short"):
        stop = manager.stop_loss(side, 2.5e-5, volatility=0.012, leader_volatility_ratio=1.2)
        position = Position(symbol="BONK", side=side, size=500.0, entry=2.5e-5, stop=stop.price)
        assert position.risk(2.5e-5) == pytest.approx(500.0 * stop.distance, rel=1e-12)
        target = manager.take_profit(side, 2.5e-5, stop.distance)
        assert position.profit(target.price) == pytest.approx(1000.0 * stop.distance, rel=1e-12)
        assert len(manager.scale_out(position, target.price)) == 2
