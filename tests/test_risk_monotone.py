"""Sizes of random trades: monotone to the last bit, and never above a cap."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from comove.portfolio import BetaPrior
from risk_cases import OPTIONS, number, or_none, sized, trades

many = settings(max_examples=400)


def grows(trade, name, more, options):
    """The sizes of a trade and of one in which a number is larger."""
    less, more = sorted((trade[name], more))
    return sized(options, **{**trade, name: less}).size, sized(options, **{**trade, name: more}).size


options_of = st.sampled_from(OPTIONS)


@many
@given(trades, number(0.0, 1e300) | st.floats(1e-4, 0.2), options_of)
def test_size_never_grows_with_volatility(trade, more, options):
    calm, wild = grows(trade, "volatility", more, options)
    assert wild <= calm


@many
@given(trades, st.floats(0.2, 5) | number(0.0, 1e300), st.floats(0.2, 5), options_of)
def test_size_never_grows_with_the_leaders_volatility(trade, one, more, options):
    calm, wild = grows({**trade, "leader_volatility_ratio": one}, "leader_volatility_ratio", more, options)
    assert wild <= calm


@many
@given(trades, st.floats(-4, 4) | st.floats(-1e9, 1e9), st.floats(-4, 4), options_of)
def test_size_never_grows_with_the_size_of_beta(trade, one, other, options):
    low, high = sorted((one, other), key=abs)
    small = sized(options, **{**trade, "beta": low}).size
    assert sized(options, **{**trade, "beta": high}).size <= small
    assert sized(options, **{**trade, "beta": -low}).size == small


@many
@given(trades, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), options_of)
def test_size_never_grows_with_the_error_of_a_beta_below_the_priors(trade, part, one, other, options):
    prior = trade["beta_prior"] or BetaPrior(mean=1.2, variance=0.2, n=9)
    trade = {**trade, "beta_prior": prior, "beta": part * prior.mean}
    # Rounding of a mean and a root; no promise to the last bit here.
    sure, unsure = grows({**trade, "beta_stderr": one}, "beta_stderr", other, options)
    assert unsure <= sure * (1 + 1e-12)


@many
@given(trades, st.floats(0, 1) | st.floats(0, 1e300), options_of)
def test_size_never_grows_with_heat(trade, more, options):
    cool, hot = grows(trade, "heat", more, options)
    assert hot <= cool


@many
@given(trades, st.floats(1e-3, 1) | number(0.0, 1.0), st.floats(1e-3, 1), options_of)
def test_size_never_grows_with_drawdown(trade, one, other, options):
    low, high = sorted((one, other))
    deep = sized(options, (10_000.0, 10_000.0 * low), **trade).size
    assert deep <= sized(options, (10_000.0, 10_000.0 * high), **trade).size


@many
@given(trades, st.floats(0, 1), st.floats(0, 1), options_of)
def test_size_never_grows_with_the_score_of_risk_off(trade, one, other, options):
    low, high = sorted((one, other))
    known = trade["regime_scores"] or {}
    calm = sized(options, **{**trade, "regime_scores": {**known, "risk_off": low}}).size
    fearful = sized(options, **{**trade, "regime_scores": {**known, "risk_off": high}}).size
    assert sized(options, **{**trade, "regime_scores": None}).size <= fearful <= calm


@many
@given(trades, st.floats(0.5, 0.7) | number(0.0, 1.0), options_of)
def test_size_never_shrinks_with_confidence(trade, more, options):
    doubtful, sure = grows(trade, "confidence", more, options)
    assert doubtful <= sure


@many
@given(trades, st.floats(-1, 1), st.floats(-1, 1), options_of)
def test_size_never_grows_with_the_size_of_a_correlation(trade, one, other, options):
    low, high = sorted((one, other), key=abs)
    apart = sized(options, **{**trade, "correlation": low}).size
    assert sized(options, **{**trade, "correlation": high}).size <= apart


@settings(max_examples=600)
@given(trades, or_none(st.floats(1e-3, 1)), options_of)
def test_no_size_is_above_a_cap(trade, fallen, options):
    sizing = sized(options, (10_000.0,) if fallen is None else (10_000.0, 10_000.0 * fallen), **trade)
    assert math.isfinite(sizing.size)
    assert (sizing.size == 0.0) == (sizing.refused is not None)
    assert sizing.size == sizing.fraction * trade["capital"]
    assert sizing.fraction <= options.max_fraction
    # One rounding each.
    loose = 1 + 1e-15
    distance = trade["stop_distance"] or 1.0
    assert sizing.fraction * distance <= options.max_risk * loose
    if sizing.size:
        assert trade["heat"] + sizing.fraction <= min(trade["max_heat"], options.max_leverage) * (1 + 1e-12)
        assert sizing.size >= options.min_size
    product = sizing.base
    for each in sizing.multipliers:
        assert 0.0 <= each.value <= max(options.volatility_cap, options.divergence_cap)
        assert each.value <= 1.0 or each.name in ("volatility", "divergence")
        assert each.reason
        product *= each.value
    if not sizing.caps and sizing.size:
        assert sizing.fraction == product
    for cap in sizing.caps:
        assert sizing.fraction <= cap.limit < product
    assert sizing.symbol in str(sizing)
