"""A market of candles shows each symbol what was known, and nothing later."""

from __future__ import annotations

import numpy as np
import pytest

from comove import DataError, FeatureStream, MarketStructureCoordinator, OrderError
from comove.features import FeatureRecipe
from comove.signals import SignalMarket
from signal_cases import bars_of_candles, candle, candles_of, walk
from structure_cases import HOUR, START, prices

RNG = np.random.default_rng(5)
MARKET = {name: candles_of(prices(RNG.normal(0, 0.01, 60)), seed=k) for k, name in enumerate(["BTC", "ETH", "BONK"])}
MARKET["BONK"][:7] = [None] * 7
MARKET["BONK"][20:23] = [None] * 3
BARS = list(bars_of_candles(MARKET))


@pytest.mark.parametrize("rows", [2, 5, 16, 59, 96])
def test_contexts_show_the_last_rows(rows):
    for row, contexts in enumerate(walk(BARS, rows=rows)):
        for symbol, context in contexts.items():
            shown = [MARKET[symbol][at] for at in range(max(0, row - rows + 1), row + 1)]
            expected = [[np.nan] * 5 if each is None else list(each.values()) for each in shown]
            np.testing.assert_array_equal(context.candles, expected)
            assert context.row == row
            assert context.close == MARKET[symbol][row]["close"]
            for leader, table in context.leader_candles.items():
                assert leader != symbol
                assert table[-1, 3] == MARKET[leader][row]["close"]
        assert list(contexts) == [symbol for symbol in MARKET if MARKET[symbol][row] is not None]


def test_features_and_regimes_are_those_of_stream_and_coordinator():
    stream = FeatureStream(FeatureRecipe(fill=None), leaders=["BTC", "ETH", "SOL"])
    structure = MarketStructureCoordinator(window_size=720)
    for (ts, candles), contexts in zip(BARS, walk(BARS), strict=True):
        structure.update_bar(ts, {symbol: each["close"] for symbol, each in candles.items()})
        if "BONK" in candles or stream.n:
            leaders = {name: candles[name]["close"] for name in ("BTC", "ETH")}
            expected = stream.update(ts, candles.get("BONK"), leaders)
            assert expected == (contexts["BONK"].features if "BONK" in candles else None)
        if "BONK" in contexts:
            assert repr(contexts["BONK"].regime) == repr(structure.detect_market_regime("BONK"))
            assert contexts["BONK"].beta("BTC") == structure.get_beta("BONK")


def test_a_restored_market_goes_on_bit_for_bit():
    for cut in (1, 8, 21, 40):
        first = SignalMarket(rows=16)
        for ts, candles in BARS[:cut]:
            first.update(ts, candles)
        second = SignalMarket.from_bytes(first.to_bytes())
        for ts, candles in BARS[cut:]:
            one, other = first.update(ts, candles), second.update(ts, candles)
            assert {s: repr(c.features) for s, c in one.items()} == {s: repr(c.features) for s, c in other.items()}
        assert first.to_bytes() == second.to_bytes()


BAD = {
    "not a mapping": 3.0,
    "price 0": candle(1.0, 1.0, 0.0, 1.0),
    "text": candle("1", 1.0, 1.0, 1.0),
    "high below close": candle(1.0, 1.0, 1.0, 2.0),
    "low above open": candle(1.0, 3.0, 2.0, 2.0),
    "negative volume": candle(1.0, 1.0, 1.0, 1.0, -1.0),
    "bool": candle(True, 1.0, 1.0, 1.0),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_candle_leaves_the_market_as_it_was(what):
    market = SignalMarket(rows=8)
    for ts, candles in BARS[:10]:
        market.update(ts, candles)
    before = market.to_bytes()
    with pytest.raises(DataError, match="BONK"):
        market.update(START + HOUR * 10, {"BTC": BARS[10][1]["BTC"], "BONK": BAD[what]})
    with pytest.raises(OrderError):
        market.update(START + HOUR * 9, BARS[10][1])
    with pytest.raises(DataError):
        market.update(START + HOUR * 10, [1])
    assert market.to_bytes() == before


def test_a_candle_without_close_is_none():
    market = SignalMarket()
    assert list(market.update(START, {"BTC": candle(1.0, 1.0, 1.0, None), "ETH": {"close": 2.0}})) == ["ETH"]
