"""Candlestick patterns: TA-Lib's own, learned from what followed, and calibrated where nothing follows."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from comove import DataError, OrderError, ParameterError, StateError
from comove.signals import SignalMarket
from comove.signals.sources import PatternOptions, PatternSource
from comove.signals.sources.candlesticks import PATTERNS, Candlesticks, rounded
from recorded_data import HOURS_2024, present
from signal_cases import bars_of_frames, walk
from walk_cases import CLOSE, brier, contexts_of, predictions, scored, walks

needs_talib = pytest.mark.skipif(not Candlesticks().available, reason="needs the extra signals")
OPEN = 0
HORIZON = 6


def windows(table, rows):
    """All runs of so many rows, as if each were a symbol."""
    return np.lib.stride_tricks.sliding_window_view(table[:, :4], rows, axis=0).transpose(0, 2, 1)


def talib_signs(table):
    talib = pytest.importorskip("talib")
    columns = [np.ascontiguousarray(table[:, column]) for column in range(4)]
    return np.stack([np.sign(getattr(talib, name)(*columns)) for name in PATTERNS], axis=1)


def in_ticks(table, tick, decimals):
    """The candles on a grid of ticks, where bodies and shadows are often equal."""
    return np.round(np.round(table[:, :4] / tick) * tick, decimals)


@needs_talib
def test_the_patterns_are_all_of_talib():
    talib = pytest.importorskip("talib")
    assert list(PATTERNS) == talib.get_function_groups()["Pattern Recognition"]
    assert Candlesticks().rows == 15


@needs_talib
@pytest.mark.parametrize(
    ("scale", "tick", "decimals"), [(1.0, 0.1, 1), (1e-4, 1e-7, 7), (4e2, 1e-2, 2), (1e-7, 1e-11, 11)]
)
def test_one_call_for_all_is_one_call_each(scale, tick, decimals):
    sticks = Candlesticks()
    found = 0
    for table in walks(6, 1500, seed=3).values():
        ticked = in_ticks(table * scale, tick, decimals)
        expected = talib_signs(rounded(ticked[np.newaxis])[0])[sticks.rows - 1 :]
        signs = sticks.signs(windows(ticked, sticks.rows))
        np.testing.assert_array_equal(signs, expected)
        found += np.count_nonzero(signs)
    assert found > 5_000


@needs_talib
def test_other_symbols_and_the_past_leave_no_trace():
    sticks = Candlesticks()
    tables = list(walks(8, 200, seed=4).values())
    block = np.concatenate(
        [windows(table * 10.0**power, sticks.rows) for power, table in zip(range(-9, 15, 3), tables, strict=True)]
    )
    together = sticks.signs(block)
    for place in range(0, len(block), 7):
        np.testing.assert_array_equal(together[place], sticks.signs(block[place : place + 1])[0])
    assert sticks.signs(block[:0]).shape == (0, 61)


@needs_talib
def test_what_is_equal_in_ticks_is_equal():
    # A spinning top has shadows longer than its body; here they are as long, three ticks of 0.1.
    sticks = Candlesticks()
    spinning = PATTERNS.index("CDLSPINNINGTOP")
    raw, ours = [], []
    for level in range(1_000, 1_400):
        before = [[level + 0, level + 9, level - 9, level + 8]] * 14
        table = np.array([*before, [level, level + 6, level - 3, level + 3]]) / 10.0
        raw.append(talib_signs(table)[-1, spinning])
        ours.append(sticks.signs(table[np.newaxis])[0, spinning])
    assert set(raw) == {0, 1}
    assert set(ours) == {0}


def test_rounding_hardly_changes_patterns_of_recorded_candles():
    pytest.importorskip("talib")
    present(HOURS_2024)
    sticks = Candlesticks()
    other = total = 0
    for symbol in ("BTC", "ETH", "XRP", "PEPE", "DOGE", "APT"):
        table = (
            pl.read_parquet(HOURS_2024 / f"{symbol}.parquet")
            .tail(1500)
            .select("open", "high", "low", "close")
            .to_numpy()
        )
        expected = talib_signs(table)[sticks.rows - 1 :]
        other += np.count_nonzero(sticks.signs(windows(table, sticks.rows)) != expected)
        total += np.count_nonzero(expected)
    assert total > 5_000
    assert other / total < 0.02


def planted(symbols, rows, seed, chance=0.8, drift=0.004, sd=0.004):
    """Random walks in which the rows after a candle that engulfs a falling one rise, more often than not."""
    rng = np.random.default_rng(seed)
    found = {}
    for place in range(symbols):
        table, price, pushes, left = np.empty((rows, 5)), 100.0, 0.0, 0
        for row in range(rows):
            start = price * np.exp(rng.normal(0.0, sd / 8))
            price = start * np.exp(rng.normal(pushes if left else 0.0, sd))
            left = max(0, left - 1)
            top, bottom = max(start, price), min(start, price)
            wick = np.exp(np.abs(rng.normal(0.0, sd / 2, 2)))
            table[row] = start, top * wick[0], bottom / wick[1], price, 1_000.0
            before = table[row - 1] if row else table[row]
            engulfs = before[CLOSE] < before[OPEN] and start < before[CLOSE] and price > before[OPEN]
            if engulfs and not left:
                pushes, left = (drift if rng.random() < chance else -drift), HORIZON
        found[f"C{place:02d}"] = table
    return found


@needs_talib
def test_a_planted_pattern_is_found():
    for seed in (1, 2):
        tables = planted(8, 1400, seed)
        source = PatternSource()
        found = predictions(source, contexts_of(tables, rows=15))[700:]
        later = {symbol: table[700:] for symbol, table in tables.items()}
        seen = [one for said in found for one in said.values() if one is not None]
        engulfing = [one for one in seen if one.reason.startswith("after CDLENGULFING+")]
        assert len(engulfing) > 100
        assert np.mean([one.up for one in engulfing]) > 0.6
        chosen = [
            {symbol: one for symbol, one in said.items() if one is not None and "CDLENGULFING+" in one.reason}
            for said in found
        ]
        pairs = scored(chosen, later, HORIZON)
        # Right more often than not, and shrunk: not surer than it may be.
        assert 0.6 < pairs[:, 0].mean() < pairs[:, 1].mean() + 0.02
        assert brier(pairs) < 0.24


@needs_talib
@pytest.mark.parametrize(("symbols", "factor"), [(6, 0.0), (24, 0.7)])
def test_noise_leaves_probabilities_at_a_half(symbols, factor):
    pairs = []
    for seed in (1, 2, 3):
        tables = walks(symbols, 1200, seed, factor)
        pairs.append(scored(predictions(PatternSource(), contexts_of(tables, rows=15)), tables, HORIZON))
    together = np.concatenate(pairs)
    assert len(together) > 5_000
    assert brier(together) <= 0.255
    assert np.abs(together[:, 0] - 0.5).max() < 0.2


def engulfed(events, symbols, every=20, up=True):
    """Equal symbols in which a falling candle is engulfed every so many rows, and the price then goes one way."""
    calm = [[100.0, 101.0, 99.0, 100.5]] * (every - 2 - HORIZON)
    pattern = [[100.5, 100.6, 100.0, 100.1], [100.0, 101.1, 99.9, 101.0]]
    after = [[101.0, 103.0, 100.0, 102.0 if up else 100.2]] * HORIZON
    rows = np.array([*calm, *pattern, *after] * events)
    return {f"C{place}": np.column_stack([rows, np.full(len(rows), 10.0)]) for place in range(symbols)}


@needs_talib
@pytest.mark.parametrize("up", [True, False])
def test_outcomes_of_one_row_are_worth_less(up):
    options = PatternOptions(least_outcomes=1.0, prior=4.0)
    tables = engulfed(6, 4, up=up)
    found = predictions(PatternSource(options), contexts_of(tables, rows=15))
    said = found[5 * 20 + 13]["C0"]
    # Four events of 4 / (1 + 3 / 2) = 1.6 each; the first of all came before there were 15 rows.
    share = "100.0%" if up else "0.0%"
    assert f"after CDLENGULFING+ {share} rose in 16 outcomes worth 6" in said.reason
    assert said.direction == ("long" if up else "short")
    # All that are present there have the same record.
    assert said.probability == pytest.approx((6.4 + 2.0) / (6.4 + 4.0), abs=1e-12)
    alone = predictions(PatternSource(options), contexts_of({"C0": tables["C0"]}, rows=15))[5 * 20 + 13]["C0"]
    assert f"after CDLENGULFING+ {share} rose in 4 outcomes worth 4" in alone.reason
    assert alone.probability == pytest.approx((4.0 + 2.0) / (4.0 + 4.0), abs=1e-12)


MIXED = walks(5, 260, seed=9, factor=0.3)
MIXED["C01"][40:44] = np.nan
MIXED["C02"][:30] = np.nan
MIXED["C03"][100, :3] = np.nan
QUICK = PatternOptions(least_outcomes=2.0, prior=10.0)


@needs_talib
def test_a_restored_source_goes_on_bit_for_bit():
    bars = list(contexts_of(MIXED, rows=15))
    source = PatternSource(QUICK)
    for row, contexts in enumerate(bars):
        source.observe(contexts)
        other = source.copy()
        assert [other.predict(each) for each in contexts] == [source.predict(each) for each in contexts]
        assert other.abstained == source.abstained
        if row in (3, 43, 101, 180):
            for later in bars[row + 1 :]:
                other.observe(later)
            whole = source.copy()
            for later in bars[row + 1 :]:
                whole.observe(later)
            assert other.to_bytes() == whole.to_bytes()


@needs_talib
def test_nothing_depends_on_what_comes_later():
    cut = 150
    scrambled = {symbol: table.copy() for symbol, table in MIXED.items()}
    for place, symbol in enumerate(scrambled):
        scrambled[symbol][cut:] = walks(5, 260, seed=20)[f"C{place:02d}"][cut:]
    one = predictions(PatternSource(QUICK), contexts_of(MIXED, rows=15))
    other = predictions(PatternSource(QUICK), contexts_of(scrambled, rows=15))
    assert one[:cut] == other[:cut]
    assert one[cut:] != other[cut:]
    assert sum(each is not None for said in one[:cut] for each in said.values()) > 50


@needs_talib
def test_it_says_why_it_abstains():
    source = PatternSource()
    reasons = []
    for contexts in contexts_of(MIXED, rows=15):
        source.observe(contexts)
        said = {context.symbol: source.predict(context) for context in contexts}
        assert {symbol for symbol, one in said.items() if one is None} == set(source.abstained)
        reasons.append(dict(source.abstained))
    assert reasons[5]["C00"] == "6 rows so far, patterns need 15"
    assert reasons[46]["C01"] == "4 of the last 15 candles are missing or incomplete"
    assert reasons[35]["C02"] == "9 of the last 15 candles are missing or incomplete"
    assert reasons[100]["C03"] == "1 of the last 15 candles are missing or incomplete"
    late = {reason.split(" has ")[-1] for row in reasons[60:] for reason in row.values()}
    assert "no pattern ends at the last candle" in late
    assert any(reason.endswith("30 are needed") for reason in late)


@needs_talib
def test_what_is_not_of_the_last_bar_is_not_predicted():
    source = PatternSource(QUICK)
    bars = list(contexts_of(MIXED, rows=15))
    predictions(source, bars[:200])
    assert source.predict(bars[150][0]) is None
    source.observe([])
    assert all(source.predict(context) is None for context in bars[199])
    assert source.abstained == {
        context.symbol: f"{context.symbol} was not observed in row 199" for context in bars[199]
    }


def test_without_talib_it_abstains(monkeypatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    source = PatternSource()
    bars = list(contexts_of(MIXED, rows=15))
    for said in predictions(source, bars[:60]):
        assert set(said.values()) == {None}
    reason = "TA-Lib cannot be imported: pip install comove[signals]"
    assert source.abstained == {context.symbol: reason for context in bars[59]}
    assert PatternSource.from_bytes(source.to_bytes()).abstained == source.abstained


@needs_talib
def test_records_outlive_a_time_without_talib(monkeypatch):
    bars = list(contexts_of(MIXED, rows=15))
    source = PatternSource(QUICK)
    predictions(source, bars[:200])
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "talib", None)
        without = source.copy()
        predictions(without, bars[200:210])
    again = without.copy()
    predictions(again, bars[210:230])
    assert any(again.predict(context) is not None for context in bars[229])


BAD = [
    {"horizon": 0}, {"horizon": 1.5}, {"horizon": True}, {"horizon": 1 << 13}, {"prior": 0.0}, {"prior": float("nan")},
    {"prior": float("inf")}, {"prior": "1"}, {"least_outcomes": -1.0}, {"least_outcomes": True}, {"outcome_corr": 1.1},
    {"outcome_corr": float("nan")}, {"outcome_corr": False}, {"outcome_corr": "0.5"},
]  # fmt: skip


@pytest.mark.parametrize("options", BAD)
def test_a_bad_option_is_named(options):
    (name,) = options
    with pytest.raises(ParameterError, match=name):
        PatternOptions(**options)
    with pytest.raises(ParameterError, match="options must be PatternOptions"):
        PatternSource(options)


def test_a_refused_bar_changes_nothing():
    bars = list(contexts_of(MIXED, rows=15))
    source = PatternSource(QUICK)
    predictions(source, bars[:90])
    before = source.to_bytes()
    for error, contexts in (
        (OrderError, bars[89]),
        (OrderError, bars[3]),
        (DataError, [bars[90][0], bars[91][1]]),
        (DataError, [bars[90][0], bars[90][0]]),
    ):
        with pytest.raises(error):
            source.observe(contexts)
    assert source.to_bytes() == before
    with pytest.raises(StateError):
        PatternSource.from_bytes(before[:-3])


def test_recorded_candles_are_predicted():
    pytest.importorskip("talib")
    present(HOURS_2024)
    frames = {
        symbol: pl.read_parquet(HOURS_2024 / f"{symbol}.parquet").tail(500)
        for symbol in ("BTC", "ETH", "SOL", "BONK", "WIF", "XRP")
    }
    source = PatternSource()
    said = 0
    for contexts in walk(bars_of_frames(frames), SignalMarket()):
        source.observe(list(contexts.values()))
        for context in contexts.values():
            one = source.predict(context)
            said += one is not None
            assert (one is None) == (context.symbol in source.abstained)
            assert one is None or (one.horizon == HORIZON and "rose in" in one.reason and 0.3 < one.up < 0.7)
    assert said > 500
