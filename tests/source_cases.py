"""Markets that grow bar by bar as their own structure tells them, and how to walk sources through them."""

from __future__ import annotations

import numpy as np
import polars as pl

from comove import FeatureRecipe, MarketStructureCoordinator
from comove.signals import SignalMarket
from comove.structure import BreakdownRule, RegimeOptions
from recorded_data import HOURS_2024, present
from signal_cases import bars_of_frames, candle
from structure_cases import HOUR, START

LEADERS = ("BTC", "ETH")
HORIZON = 6
REGIMES = RegimeOptions(window_size=30, past_window=90, vol_window=10, min_dwell=4)


def small_market(rows=64):
    """A market with small windows, which records fill soon in, and few features."""
    return SignalMarket(
        MarketStructureCoordinator(
            LEADERS,
            window_size=60,
            regimes=REGIMES,
            lag_window=60,
            spillover_window=60,
            breakdown=BreakdownRule(window_size=12, calm_rows=12),
        ),
        FeatureRecipe(columns=["ret_1"], fill=None),
        rows=rows,
    )


def grow(rows, names, move, market=None, volume=lambda row, name: 1_000.0):
    """Contexts of each bar; `move(row, contexts)` gives the return of each symbol into a row, by what was before it."""
    market = small_market() if market is None else market
    closes, contexts = dict.fromkeys(names, 100.0), {}
    for row in range(rows):
        moves = move(row, contexts)
        candles = {}
        for name in names:
            before = closes[name]
            closes[name] = close = before * (1.0 + float(moves[name]))
            low, high = sorted((before, close))
            candles[name] = candle(before, high * 1.001, low * 0.999, close, volume(row, name))
        contexts = market.update(START + HOUR * row, candles)
        yield contexts


def noise(seed, rows, assets=("BONK", "WIF", "PEPE"), sd=0.01):
    """Returns of leaders and assets that move together and that nothing foretells, shape (rows, symbols)."""
    rng = np.random.default_rng(seed)
    names = (*LEADERS, *assets)
    # Row by row, so that a shorter market is the beginning of a longer one.
    drawn = rng.normal(0.0, sd, (rows, 1 + len(names)))
    return names, drawn[:, :1] + drawn[:, 1:] / 2.0


def noisy(seed, rows, **options):
    names, moves = noise(seed, rows)
    return grow(rows, names, lambda row, _: dict(zip(names, moves[row], strict=True)), **options)


def said(source, bars, check=None):
    """What a source says of each bar: (row, symbol, prediction or the reason of none, close)."""
    for contexts in bars:
        source.observe(list(contexts.values()))
        for symbol, context in contexts.items():
            prediction = source.predict(context)
            if check is not None:
                check(context)
            answer = source.abstained[symbol] if prediction is None else prediction
            yield context.row, symbol, answer, context.close


class Scores:
    """Predictions against what came: `up`, `rose` and the rest side by side."""

    def __init__(self, answers):
        answers = list(answers)
        closes = {(row, symbol): close for row, symbol, _, close in answers}
        rows = []
        for row, symbol, answer, close in answers:
            later = closes.get((row + HORIZON, symbol))
            if not isinstance(answer, str) and later is not None:
                assert answer.horizon == HORIZON
                rows.append((row, symbol, answer.up, 1.0 if later > close else 0.0, answer.reason))
        self.row, self.symbol, self.up, self.rose, self.reason = map(np.array, zip(*rows, strict=True))
        self.silent = [(row, symbol, answer) for row, symbol, answer, _ in answers if isinstance(answer, str)]

    def __len__(self):
        return len(self.up)

    def brier(self, of=slice(None)):
        return float(np.mean((self.up[of] - self.rose[of]) ** 2))

    def where(self, words, after=0):
        return np.array([words in reason for reason in self.reason]) & (self.row >= after)


def assert_goes_on(make_bars, source, cuts):
    """A source restored at any of the bars says and becomes the same as the one that was not."""
    expected = []
    kept = {}
    for row, contexts in enumerate(make_bars()):
        source.observe(list(contexts.values()))
        expected.append([(source.predict(each), source.abstained.get(symbol)) for symbol, each in contexts.items()])
        if row in cuts:
            kept[row] = source.to_bytes()
    last = source.to_bytes()
    restored = {}
    for row, contexts in enumerate(make_bars()):
        for other in restored.values():
            other.observe(list(contexts.values()))
            got = [(other.predict(each), other.abstained.get(symbol)) for symbol, each in contexts.items()]
            assert got == expected[row]
        if row in kept:
            restored[row] = type(source).from_bytes(kept[row])
            assert restored[row].to_bytes() == kept[row]
            # Asked again within the bar it was saved in, too.
            got = [restored[row].predict(each) for each in contexts.values()]
            assert got == [prediction for prediction, _ in expected[row]]
    assert len(restored) == len(cuts)
    assert all(other.to_bytes() == last for other in restored.values())


def recorded_bars(rows, symbols=("BTC", "ETH", "SOL", "DOGE", "WIF", "PEPE")):
    folder = present(HOURS_2024)
    frames = {
        name: pl.read_parquet(folder / f"{name}.parquet") for name in symbols if (folder / f"{name}.parquet").exists()
    }
    assert len(frames) > 3
    return bars_of_frames(frames, rows)
