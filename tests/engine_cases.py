"""Markets for the tests of alpha engines: noise, and noise with one structure planted in it."""

from __future__ import annotations

import numpy as np

from comove.signals import Signal
from comove.signals.record import hit
from signal_cases import bars_of_candles, candle, walk

STEPS = 8


def noise_returns(rng, rows, sd=0.01):
    return rng.normal(0.0, sd, rows)


def candles_from(returns, rng, *, volume=None, sd=0.01, start=100.0, pull=None):
    """Candles whose log closes move by `returns`, with a bridge of steps inside that makes highs and lows.

    `pull` moves the close towards an end of its candle: 1 to the high, -1 to the low.
    """
    returns = np.asarray(returns, dtype=float)
    rows = len(returns)
    ends = np.log(start) + np.cumsum(returns)
    starts = np.concatenate([[np.log(start)], ends[:-1]])
    steps = rng.normal(0.0, np.broadcast_to(sd, (rows,))[:, None] / np.sqrt(STEPS), (rows, STEPS))
    share = np.arange(1, STEPS + 1) / STEPS
    bridge = np.cumsum(steps, axis=1)
    path = starts[:, None] + share * returns[:, None] + bridge - share * bridge[:, -1:]
    top = np.maximum(path.max(axis=1), np.maximum(starts, ends))
    bottom = np.minimum(path.min(axis=1), np.minimum(starts, ends))
    if pull is not None:
        top = np.where(pull > 0.0, ends + (1.0 - pull) * (top - ends), top)
        top = np.maximum(top, np.maximum(starts, ends))
        bottom = np.where(pull < 0.0, ends - (1.0 + pull) * (ends - bottom), bottom)
        bottom = np.minimum(bottom, np.minimum(starts, ends))
    traded = np.exp(rng.normal(7.0, 0.4, rows)) if volume is None else volume
    columns = (*np.exp([starts, top, bottom, ends]), traded)
    out = []
    for row in zip(*(each.tolist() for each in columns), strict=True):
        first, high, low, close, amount = row
        out.append(candle(first, max(high, first, close), min(low, first, close), close, amount))
    return out


def noise_market(seed, rows, symbols=("BTC", "ETH", "SOL", "A", "B", "C")):
    """Independent random walks."""
    rng = np.random.default_rng(seed)
    return {symbol: candles_from(noise_returns(rng, rows), rng) for symbol in symbols}


def trending_market(seed, rows, symbols=("A", "B", "C", "D"), drift=0.004, stay=0.98):
    """Drifts up and down that each last 50 rows in the mean."""
    rng = np.random.default_rng(seed)
    market = {}
    for symbol in symbols:
        turns = np.where(rng.random(rows) < 1.0 - stay, -1.0, 1.0)
        market[symbol] = candles_from(drift * np.cumprod(turns) + noise_returns(rng, rows), rng)
    return market


def ranging_market(seed, rows, symbols=("A", "B", "C", "D"), half_life=5.0):
    """Log prices that return to a level: Ornstein and Uhlenbeck's process."""
    rng = np.random.default_rng(seed)
    keep = 0.5 ** (1.0 / half_life)
    market = {}
    for symbol in symbols:
        level, returns = 0.0, []
        for shock in noise_returns(rng, rows):
            returns.append((keep - 1.0) * level + shock)
            level = keep * level + shock
        market[symbol] = candles_from(returns, rng)
    return market


def breaking_market(seed, rows, symbols=("A", "B", "C", "D"), every=60, quiet=20, run=10):
    """Noise; every so often quiet rows without direction, then a run with volume to one side."""
    rng = np.random.default_rng(seed)
    market = {}
    for symbol in symbols:
        returns, sd, volume = noise_returns(rng, rows), np.full(rows, 0.01), np.exp(rng.normal(7.0, 0.4, rows))
        for first in range(int(rng.integers(0, every)) + every, rows - run, every):
            side = rng.choice([-1.0, 1.0])
            calm = slice(first - quiet, first)
            sd[calm] = 0.003
            returns[calm] = rng.normal(0.0, 0.003, quiet)
            returns[calm] -= returns[calm].mean()
            returns[first] = 0.03 * side
            returns[first + 1 : first + run] += 0.004 * side
            volume[first : first + 2] *= 4.0
        market[symbol] = candles_from(returns, rng, volume=volume, sd=sd)
    return market


def flowing_market(seed, rows, symbols=("A", "B", "C", "D"), stay=0.95, drift=0.004):
    """Hidden order flow that moves prices, closes within their candles and volume."""
    rng = np.random.default_rng(seed)
    market = {}
    for symbol in symbols:
        flow = np.zeros(rows)
        for row in range(1, rows):
            flow[row] = stay * flow[row - 1] + np.sqrt(1.0 - stay**2) * rng.normal()
        pull = np.clip(0.6 * flow, -0.95, 0.95)
        volume = np.exp(rng.normal(7.0, 0.3, rows) + 0.5 * np.abs(flow))
        market[symbol] = candles_from(drift * flow + noise_returns(rng, rows), rng, volume=volume, pull=pull)
    return market


def hunted_market(seed, rows, symbols=("A", "B", "C", "D"), every=40, run=6, drift=0.004):
    """Noise; every so often a wick takes out the extreme of 24 rows and the price turns."""
    rng = np.random.default_rng(seed)
    market, hunts = {}, {}
    for symbol in symbols:
        returns = noise_returns(rng, rows)
        planned = {}
        for first in range(every, rows - run - 1, every):
            side = float(rng.choice([-1.0, 1.0]))
            planned[first] = side
            returns[first + 1 : first + 1 + run] += drift * side
        candles = candles_from(returns, rng)
        kept = {}
        for first, side in planned.items():
            before, now = candles[first - 24 : first], dict(candles[first])
            if side > 0.0:
                swing = min(each["low"] for each in before)
                if min(now["open"], now["close"]) > swing:
                    now["low"] = min(now["low"], swing * 0.992)
                    kept[first] = side
            else:
                swing = max(each["high"] for each in before)
                if max(now["open"], now["close"]) < swing:
                    now["high"] = max(now["high"], swing / 0.992)
                    kept[first] = side
            candles[first] = now
        market[symbol], hunts[symbol] = candles, kept
    return market, hunts


def mirrored(market):
    """The market with each price p turned into 1 / p."""
    return {
        symbol: [
            None
            if each is None
            else candle(1.0 / each["open"], 1.0 / each["low"], 1.0 / each["high"], 1.0 / each["close"], each["volume"])
            for each in candles
        ]
        for symbol, candles in market.items()
    }


class Heard:
    """What engines said of a market, bar by bar, and what came."""

    def __init__(self):
        self.closes = {}
        self.said = {}

    def outcomes(self, name):
        """Signal and hit of each signal of an engine whose horizon has passed."""
        found = []
        for row, symbol, answer in self.said.get(name, []):
            if isinstance(answer, Signal):
                later = self.closes.get((symbol, row + answer.horizon))
                if later is not None:
                    found.append((answer, hit(answer.direction, later / self.closes[symbol, row] - 1.0)))
        return found

    def signals(self, name):
        return [(row, symbol, each) for row, symbol, each in self.said[name] if isinstance(each, Signal)]

    def reasons(self, name):
        return [each.reason for _, _, each in self.said[name] if not isinstance(each, Signal)]


def listen(market, engines, *, signal_market=None, bars=None):
    heard = Heard()
    for contexts in walk(bars_of_candles(market) if bars is None else bars, signal_market):
        seen = list(contexts.values())
        for engine in engines:
            engine.observe(seen)
        for context in seen:
            heard.closes[context.symbol, context.row] = context.close
            for engine in engines:
                heard.said.setdefault(engine.name, []).append((context.row, context.symbol, engine.evaluate(context)))
    return heard


def hit_rate(outcomes):
    return float(np.mean([right for _, right in outcomes]))


def brier(outcomes):
    return float(np.mean([(said.confidence - right) ** 2 for said, right in outcomes]))
