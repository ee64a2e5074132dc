"""Engines see nothing ahead, go on from a snapshot bit for bit, refuse what is no bar, and say what is missing."""

from __future__ import annotations

import copy
import pickle
from functools import cache

import numpy as np
import polars as pl
import pytest

from comove import DataError, MarketStructureCoordinator, OrderError, StateError
from comove.signals import Abstention, Context, Signal, SignalMarket
from comove.signals.engines import (
    ENGINE_NAMES,
    ENGINES,
    BreakoutEngine,
    BreakoutOptions,
    LeaderEngine,
    LeaderOptions,
    RangeEngine,
    RangeOptions,
    SweepEngine,
    TapeEngine,
    TapeOptions,
    TrendEngine,
    usual_engines,
)
from engine_cases import brier, candles_from, listen, noise_market
from recorded_data import HOURS_2024, present
from signal_cases import bars_of_candles, bars_of_frames
from structure_cases import HOUR, START

EAGER = LeaderOptions(refresh_rows=6, believe_at=0.05, noise_at=0.05, cost=0.0)


def engines():
    return [*usual_engines()[:-1], LeaderEngine(EAGER)]


@cache
def market():
    """A leader and a follower of two rows, a coin that comes late, and candles that are missing."""
    rng = np.random.default_rng(1)
    rows = 420
    moves = {name: rng.normal(0.0, 0.01, rows) for name in ("BTC", "ETH")}
    moves["A"] = np.concatenate([[0.0, 0.0], moves["BTC"][:-2]]) + rng.normal(0.0, 0.007, rows)
    made = {name: candles_from(each, rng) for name, each in moves.items()}
    made |= noise_market(2, rows, ("LATE",))
    made["LATE"][:200] = [None] * 200
    for name, missing in {"A": [250, 300, 301, 302], "BTC": [280, 302], "ETH": [350], "LATE": [260]}.items():
        for row in missing:
            made[name][row] = None
    return made


@cache
def contexts_said():
    """Answers of all engines to each context, bar by bar."""
    return said(engines(), SignalMarket(), bars_of_candles(market()))


def said(asked, signal_market, bars):
    out = []
    for ts, candles in bars:
        contexts = list(signal_market.update(ts, candles).values())
        for engine in asked:
            engine.observe(contexts)
        out.append([repr(engine.evaluate(context)) for engine in asked for context in contexts])
    return out


def test_all_engines_speak_in_the_market_of_these_tests():
    heard = listen(market(), engines())
    assert all(len(heard.signals(name)) >= 3 for name in ENGINE_NAMES)
    assert len(heard.outcomes("leader")) > 100


@pytest.mark.parametrize("cut", [30, 150, 303])
def test_nothing_is_seen_ahead(cut):
    bars = list(bars_of_candles(market()))
    changed = bars[:cut] + [(ts, {s: each for s, each in candles.items() if s != "BTC"}) for ts, candles in bars[cut:]]
    assert said(engines(), SignalMarket(), changed)[:cut] == contexts_said()[:cut]


@pytest.mark.parametrize("cut", [0, 1, 90, 251, 281, 301, 303, 400])
def test_a_restored_engine_goes_on_bit_for_bit(cut):
    bars = list(bars_of_candles(market()))
    signal_market, first = SignalMarket(), engines()
    said(first, signal_market, bars[:cut])
    restored = [type(engine).from_bytes(engine.to_bytes()) for engine in first]
    assert [engine.to_bytes() for engine in restored] == [engine.to_bytes() for engine in first]
    end = min(cut + 60, len(bars))
    assert said(restored, signal_market, bars[cut:end]) == contexts_said()[cut:end]


def test_a_snapshot_between_observing_and_evaluating():
    bars = list(bars_of_candles(market()))[:330]
    signal_market, first = SignalMarket(), engines()
    for ts, candles in bars:
        contexts = list(signal_market.update(ts, candles).values())
        for engine in first:
            engine.observe(contexts)
        second = [copy.deepcopy(engine) for engine in first] if ts >= bars[-40][0] else first
        third = [pickle.loads(pickle.dumps(engine)) for engine in first] if ts >= bars[-2][0] else first
        answers = [[repr(engine.evaluate(context)) for context in contexts] for engine in first]
        assert [[repr(engine.evaluate(context)) for context in contexts] for engine in second] == answers
        assert [[repr(engine.evaluate(context)) for context in contexts] for engine in third] == answers
        assert [engine.to_bytes() for engine in second] == [engine.to_bytes() for engine in first]


def test_to_ask_twice_is_to_ask_once():
    bars = list(bars_of_candles(market()))[:150]
    once, twice = engines(), engines()
    signal_market = SignalMarket()
    for ts, candles in bars:
        contexts = list(signal_market.update(ts, candles).values())
        for asked, times in ((once, 1), (twice, 2)):
            for engine in asked:
                engine.observe(contexts)
                for _ in range(times):
                    for context in contexts:
                        engine.evaluate(context)
    assert [engine.to_bytes() for engine in once] == [engine.to_bytes() for engine in twice]


@pytest.mark.parametrize("kind", ENGINES.values(), ids=list(ENGINES))
def test_what_is_no_bar_is_refused(kind):
    engine, signal_market = kind(), SignalMarket()
    bars = list(bars_of_candles(market()))[:60]
    for ts, candles in bars:
        before = list(signal_market.update(ts, candles).values())
        engine.observe(before)
    state = engine.to_bytes()
    with pytest.raises(OrderError, match="row must be after the last one, 59, got 59"):
        engine.observe(before)
    later = list(signal_market.update(START + HOUR * 60, bars[-1][1]).values())
    with pytest.raises(DataError, match="contexts must be of one row, got rows 59 and 60"):
        engine.observe([before[0], later[1]])
    with pytest.raises(DataError, match="context must be of the last bar observed, row 59, got 60"):
        engine.evaluate(later[0])
    engine.observe([])
    assert engine.to_bytes() == state
    other = TrendEngine if kind is not TrendEngine else RangeEngine
    with pytest.raises(StateError):
        other.from_bytes(state)
    with pytest.raises(StateError):
        kind.from_bytes(state[:-1])


@pytest.mark.parametrize("kind", [BreakoutEngine, TapeEngine, SweepEngine, LeaderEngine])
def test_a_symbol_that_was_not_observed_is_refused(kind):
    engine, signal_market = kind(), SignalMarket()
    for ts, candles in list(bars_of_candles(market()))[:40]:
        contexts = list(signal_market.update(ts, candles).values())
        engine.observe(contexts[:1])
    other = contexts[2]
    with pytest.raises(DataError, match=f"{other.symbol} was not observed in row 39"):
        engine.evaluate(other)


FLAT = [100.0, 101.0, 99.0, 100.0, 10.0]
TREND = {"adx": 30.0, "atr": 1.0, "trend_strength": 0.8, "ema_diff_5_21": 1.0}
RANGE = {"adx": 15.0, "mean_revert_bias": 0.9, "trend_strength": 0.1, "volatility_regime": 1.0}
LOUD = {"atr": 1.0, "vol_jump_z": 3.0, "uptick_ratio": 0.5}


def ask(kind, features, last=FLAT, rows=96, *, hole=None, options=None):
    """What an engine says of flat candles but for the last one, with these features."""
    candles = np.array([FLAT] * (rows - 1) + [last])
    if rows > 20:
        # A swing on each side, ten rows ago.
        candles[-11, 1], candles[-11, 2] = 102.0, 98.0
    if hole is not None:
        candles[hole] = np.nan
    context = Context("A", START, rows - 1, candles, {}, features, MarketStructureCoordinator())
    engine = kind() if options is None else kind(options)
    engine.observe([context])
    return engine.evaluate(context)


ABSTAINS = [
    (TrendEngine, {**TREND, "adx": None}, {}, "not known: adx"),
    (TrendEngine, {}, {}, "not known: adx, atr, ema_diff_5_21, trend_strength"),
    (TrendEngine, {**TREND, "atr": 0.0}, {}, "the candles have no range"),
    (TrendEngine, {**TREND, "adx": 12.0}, {}, "no trend: adx is 12.0, 20 would be one"),
    (TrendEngine, {**TREND, "trend_strength": -0.2}, {}, "no straight trend: R^2 of 20 closes on time is 0.20, 0.3"),
    (TrendEngine, {**TREND, "trend_strength": -0.8}, {}, "averages and line do not agree: ema 5 - ema 21 is +1.00 atr"),
    (TrendEngine, {**TREND, "ema_diff_5_21": 0.1}, {}, "averages and line do not agree: ema 5 - ema 21 is +0.10 atr"),
    (RangeEngine, {**RANGE, "mean_revert_bias": None}, {}, "not known: mean_revert_bias"),
    (RangeEngine, {**RANGE, "adx": np.nan}, {}, "not known: adx"),
    (TrendEngine, {**TREND, "atr": np.nan}, {}, "not known: atr"),
    (BreakoutEngine, {**LOUD, "atr": np.nan}, {}, "not known: atr"),
    (TapeEngine, {**LOUD, "uptick_ratio": np.nan}, {}, "not known: uptick_ratio"),
    (SweepEngine, {"atr": np.nan}, {"last": [100, 101, 97, 100, 9]}, "not known: atr"),
    (RangeEngine, {**RANGE, "adx": 40.0}, {}, "a trend and no range: adx is 40.0, a range has less than 25"),
    (RangeEngine, {**RANGE, "trend_strength": -0.7}, {}, "a trend and no range: R^2 of 20 closes on time is 0.70"),
    (RangeEngine, {**RANGE, "volatility_regime": 2.0}, {}, "the range is breaking: volatility is 2.00 times that"),
    (RangeEngine, {**RANGE, "mean_revert_bias": -0.2}, {}, "inside the range: +0.4 sd from the mean of 20 closes, 1.2"),
    (BreakoutEngine, LOUD, {"rows": 20}, "19 rows before this one, 20 are needed"),
    (BreakoutEngine, LOUD, {"hole": -5}, "a candle of the last 20 is missing"),
    (BreakoutEngine, {}, {}, "not known: atr"),
    (BreakoutEngine, LOUD, {}, "not out of the range of 20 rows: the close is -2.00 atr beyond it, 0.1 is needed"),
    (BreakoutEngine, {**LOUD, "vol_jump_z": 0.5}, {"last": [100, 104, 100, 104, 9]}, "out of the range by 2.00"),
    (BreakoutEngine, {"atr": 1.0}, {"last": [100, 104, 100, 104, 9]}, "out of the range by 2.00 atr, but nothing "
     "confirms: volume not known"),
    (TapeEngine, LOUD, {"rows": 9}, "9 rows, 10 are needed"),
    (TapeEngine, LOUD, {"hole": -3}, "a candle of the last 10 is missing, or nothing was traded"),
    (TapeEngine, {"vol_jump_z": 1.0}, {}, "not known: uptick_ratio"),
    (TapeEngine, LOUD, {}, "no clear flow: +0.00, 0.25 is needed"),
    (SweepEngine, LOUD, {"rows": 24}, "23 rows before this one, 24 are needed"),
    (SweepEngine, LOUD, {"hole": -25}, "a candle of the last 25 is missing"),
    (SweepEngine, LOUD, {}, "no sweep: 99 to 101 is inside the 24 rows before"),
    (SweepEngine, LOUD, {"last": [100, 103, 97, 100, 9]}, "both sides were taken: 97 to 103 about 98 to 102"),
    (SweepEngine, {}, {"last": [100, 101, 97, 100, 9]}, "not known: atr"),
    (SweepEngine, LOUD, {"last": [100, 101, 97, 97.5, 9]}, "the swing low 98 is broken: the close is 0.50 atr beyond"),
    (SweepEngine, LOUD, {"last": [97, 97, 97, 97, 9]}, "the swing low 98 is broken: the close is 1.00 atr beyond"),
    (SweepEngine, LOUD, {"last": [100, 101, 97.95, 100, 9]}, "the swing low 98 is hardly swept: by 0.05 atr"),
    (SweepEngine, LOUD, {"last": [98.5, 101, 97.5, 101, 9]}, "the swing low 98 is hardly swept: by 0.50 atr"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "features", "options", "reason"), ABSTAINS)
def test_reasons_to_abstain(kind, features, options, reason):
    found = ask(kind, features, **options)
    assert isinstance(found, Abstention)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, None])
@pytest.mark.parametrize(
    ("kind", "features", "last"),
    [
        (TrendEngine, TREND, FLAT),
        (RangeEngine, RANGE, FLAT),
        (BreakoutEngine, {"atr": 1.0}, [100, 103, 100, 103, 9]),
        (TapeEngine, {"uptick_ratio": 0.9}, FLAT),
        (SweepEngine, {"atr": 1.0}, [100, 101, 97, 100, 9]),
    ],
)
def test_a_feature_that_is_not_finite_is_missing(kind, features, last, value):
    for name in features:
        found = ask(kind, {**features, name: value}, last)
        assert isinstance(found, Abstention)
        assert found.reason == f"not known: {name}"


def test_what_confirms_is_missing_where_it_is_not_finite():
    loud = {"atr": 1.0, "uptick_ratio": 0.9}
    for value in (np.inf, -np.inf, np.nan):
        assert "volume not known" in ask(BreakoutEngine, {**loud, "vol_jump_z": value}, [100, 103, 100, 103, 9]).reason
        found = ask(TapeEngine, {**loud, "vol_jump_z": value, "orderbook_imbalance": value})
        assert (found.direction, found.strength) == ("long", 0.4)
        assert "surprise of volume not known, no order book" in found.reason


def test_volumes_beyond_the_numbers_there_are_are_not_known():
    found = ask(TapeEngine, LOUD, rows=15, options=TapeOptions(rows=2), last=[100, 101, 99, 100, 1.5e308])
    assert isinstance(found, Abstention)
    candles = np.array([[100.0, 101.0, 99.0, 100.0, 1.5e308]] * 96)
    context = Context("A", START, 95, candles, {}, LOUD, MarketStructureCoordinator())
    engine = TapeEngine()
    engine.observe([context])
    assert engine.evaluate(context).reason == "a candle of the last 10 is missing, or nothing was traded"


def test_where_there_is_no_side_there_is_no_signal():
    for found in (
        ask(RangeEngine, {**RANGE, "mean_revert_bias": 0.0}, options=RangeOptions(bias_at=0.0)),
        ask(TapeEngine, LOUD, options=TapeOptions(flow_at=0.0)),
    ):
        assert isinstance(found, Abstention)
    # A close at the top itself is not below the range.
    top = ask(BreakoutEngine, LOUD, [100, 102, 100, 102, 9], options=BreakoutOptions(thrust_at=0.0))
    assert (top.direction, top.reason.startswith("above the range")) == ("long", True)


SPEAKS = [
    (TrendEngine, TREND, {}, "long", 0.6 * 0.8, "rising trend: adx 30.0, ema 5 - ema 21 +1.00 atr, "
     "R^2 of the line 0.80"),
    (TrendEngine, {**TREND, "trend_strength": -0.8, "ema_diff_5_21": -1.0}, {}, "short", 0.48, "falling trend: adx"),
    (RangeEngine, RANGE, {}, "long", 0.9, "bottom of a range: -1.8 sd from the mean of 20 closes, adx 15.0"),
    (RangeEngine, {**RANGE, "mean_revert_bias": -1.0}, {}, "short", 1.0, "top of a range: +2.0 sd from the mean of 20 "
     "closes or further"),
    (BreakoutEngine, LOUD, {"last": [100, 103, 100, 103, 9]}, "long", (0.5 + 0.75) / 3, "above the range of 20 rows by "
     "1.00 atr, volume +3.0 sd, squeeze before "),
    (BreakoutEngine, LOUD, {"last": [100, 100, 97, 97, 9]}, "short", (0.5 + 0.75) / 3, "below the range of 20 rows"),
    (TapeEngine, {**LOUD, "uptick_ratio": 0.9, "orderbook_imbalance": 0.6}, {"last": [100, 104, 100, 104, 90]}, "long",
     (0.5 + 0.8 + 1.0 + 0.6) / 4, "buyers at work: flow +0.72, closes at +0.50 of their candles by volume, upticks "
     "+0.80, volume +3.0 sd, book +0.60"),
    (TapeEngine, {"uptick_ratio": 0.1}, {}, "short", 0.4, "sellers at work: flow -0.40, closes at +0.00 of their "
     "candles by volume, upticks -0.80, surprise of volume not known, no order book"),
    (SweepEngine, LOUD, {"last": [100, 101, 97.5, 100, 9]}, "long", (0.5 + 2.5 / 3.5) / 2, "the swing low 98 of 10 "
     "rows ago was swept by 0.50 atr and the close is 2.00 atr back inside, wick 71%"),
    (SweepEngine, LOUD, {"last": [100, 102.5, 99, 100, 9]}, "short", (0.5 + 2.5 / 3.5) / 2, "the swing high 102 of"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "features", "options", "direction", "strength", "reason"), SPEAKS)
def test_signals_and_their_reasons(kind, features, options, direction, strength, reason):
    found = ask(kind, features, **options)
    assert isinstance(found, Signal)
    assert (found.direction, found.confidence, found.horizon) == (direction, 0.5, 6)
    assert found.strength == pytest.approx(strength)
    assert found.reason.startswith(reason)
    assert found.reason.endswith("; no outcome of its signals yet")


def test_a_young_extreme_is_no_swing():
    rows = [[100.0, 101.0, 99.0, 100.0, 10.0]] * 30
    rows[-3] = [100.0, 101.0, 98.0, 100.0, 10.0]
    rows[-1] = [100.0, 101.0, 97.5, 100.0, 10.0]
    context = Context("A", START, 29, np.array(rows), {}, LOUD, MarketStructureCoordinator())
    engine = SweepEngine()
    engine.observe([context])
    assert engine.evaluate(context).reason == "the low 98 is no swing: it has fewer than 3 rows on a side"


def test_a_squeeze_confirms_without_volume():
    rows = np.array([[100.0, 101.0, 99.0, 100.0, 10.0]] * 96)
    rows[-11:-1, 1], rows[-11:-1, 2] = 100.25, 99.75
    rows[-1] = [100.0, 103.0, 100.0, 103.0, 10.0]
    context = Context("A", START, 95, rows, {}, {"atr": 1.0}, MarketStructureCoordinator())
    engine = BreakoutEngine()
    engine.observe([context])
    found = engine.evaluate(context)
    assert found.direction == "long"
    assert found.strength == pytest.approx((1.0 + 0.0 + 1.0) / 3)
    assert "volume not known, squeeze before +0.75" in found.reason


def test_candles_without_range_or_volume():
    flat = [100.0, 100.0, 100.0, 100.0, 0.0]
    rows = np.array([flat] * 96)
    context = Context("A", START, 95, rows, {}, {"atr": 0.0, "uptick_ratio": 0.0}, MarketStructureCoordinator())
    for kind, reason in {
        BreakoutEngine: "the candles have no range",
        TapeEngine: "a candle of the last 10 is missing, or nothing was traded",
        SweepEngine: "no sweep: 100 to 100 is inside the 24 rows before",
    }.items():
        engine = kind()
        engine.observe([context])
        assert engine.evaluate(context).reason == reason
    # Traded at one price: the closes say nothing, the upticks do.
    rows[:, 4] = 1.0
    assert ask(TapeEngine, {"uptick_ratio": 0.0}, options=TapeOptions(rows=3)).strength == 0.5
    engine = BreakoutEngine(BreakoutOptions(range_rows=4, quiet_rows=2, past_rows=3))
    context = Context("A", START, 95, rows, {}, {"atr": 1.0}, MarketStructureCoordinator())
    engine.observe([context])
    assert engine.evaluate(context).reason.startswith("not out of the range of 4 rows")


def test_a_month_of_recorded_candles():
    folder = present(HOURS_2024)
    frames = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    asked = usual_engines()
    heard = listen(None, asked, bars=bars_of_frames(frames, 720))
    for name in ENGINE_NAMES:
        outcomes = heard.outcomes(name)
        assert all(said.reason and 0.2 < said.confidence < 0.8 for said, _ in outcomes)
        assert all(heard.reasons(name))
        if name != "leader":
            assert len(outcomes) > 200
            assert brier(outcomes) < 0.26
    # Hourly candles move in the same row.
    assert len(heard.signals("leader")) < 0.01 * len(heard.said["leader"])
    assert sum("no leader is believed to move first" in reason for reason in heard.reasons("leader")) > 10_000
