"""Strategies that do as they are told, and candles made by hand, for the tests of the backtest."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from comove.backtest import Costs, WalkForward, run
from comove.engine import Decision
from comove.errors import ComoveError

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_NS = 3_600_000_000_000
AT_ONCE = WalkForward(folds=1, train=0)


def candles(rows, first=0, step=HOUR, volume=1e6):
    """A frame of (open, high, low, close) or (open, high, low, close, volume); None leaves the bar out."""
    kept = [
        (START + (first + k) * step, *row, *([volume] if len(row) == 4 else [])) for k, row in enumerate(rows) if row
    ]
    return pl.DataFrame(
        kept,
        schema={"ts": pl.Datetime("us", "UTC")} | dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64),
        orient="row",
    )


def flat(price, bars, **options):
    return candles([(price, price, price, price)] * bars, **options)


def walk(bars, seed, sd=0.01, start=100.0):
    """Candles of a driftless price, each opening where the last one closed or some way off."""
    rng = np.random.default_rng(seed)
    closes = start * np.exp(np.cumsum(rng.normal(0.0, sd, bars)))
    opens = np.concatenate([[start], closes[:-1]]) * np.exp(rng.normal(0.0, sd / 5, bars))
    wicks = np.exp(np.abs(rng.normal(0.0, sd / 2, (2, bars))))
    highs, lows = np.maximum(opens, closes) * wicks[0], np.minimum(opens, closes) / wicks[1]
    return candles(list(zip(opens, highs, lows, closes, strict=True)), volume=1e5)


@dataclass
class Guard:
    stop: float | None = None
    take_profit: float | None = None


@dataclass
class Scripted:
    """Does in each bar, counted from the first one it sees, what the script says; hears of its fills.

    The script has for a bar and a symbol ("buy", size), ("sell", size), ("reduce", fraction) or "exit"; what is open is
    not opened again.
    """

    script: dict = field(default_factory=dict)
    guards: dict = field(default_factory=dict)
    """(stop, target) of each symbol, as distances of the fill: 0.1 is 10 %."""
    regime: str | None = None
    heat: float = 0.0
    row: int = -1
    fills: list = field(default_factory=list)
    equities: list = field(default_factory=list)
    held: dict = field(default_factory=dict)
    bars: list = field(default_factory=list)

    def learn(self, ts, candles):
        self.row += 1

    def update(self, ts, candles, *, equity):
        self.row += 1
        self.equities.append(equity)
        self.bars.append(ts)
        found = {}
        for symbol, candle in candles.items():
            action = self.script.get(self.row, {}).get(symbol, "hold")
            action, size = (action, 0.0) if isinstance(action, str) else action
            if action in ("exit", "reduce"):
                units = abs(self.held[symbol][0]) if symbol in self.held else 0.0
                size = units * candle["close"] * (1.0 if action == "exit" else size)
                if not units:
                    action = "hold"
            elif symbol in self.held:
                action = "hold"
            found[symbol] = Decision(
                symbol=symbol,
                ts=ts,
                action=action,
                size=size,
                price=candle["close"],
                stop=None,
                take_profit=None,
                confidence=0.6,
                reasons=("the script",),
                attribution={"script": 0.1},
                rule="script" if action in ("exit", "reduce") else None,
            )
        return found

    def opened(self, symbol, side, size, price, *, cost):
        sign = 1.0 if side == "long" else -1.0
        stop, target = self.guards.get(symbol, (None, None))
        guard = Guard(
            None if stop is None else price * (1.0 - sign * stop),
            None if target is None else price * (1.0 + sign * target),
        )
        self.held[symbol] = (sign * size / price, guard)
        self.fills.append(("open", symbol, side, size, price, cost))

    def closed(self, symbol, price, *, fraction, cost):
        units, guard = self.held.pop(symbol)
        if fraction < 1.0:
            self.held[symbol] = (units * (1.0 - fraction), guard)
        self.fills.append(("close", symbol, price, fraction, cost))

    def trade(self, symbol):
        return self.held[symbol][1] if symbol in self.held else None

    def to_bytes(self):
        return json.dumps([self.row, {symbol: units for symbol, (units, _) in self.held.items()}]).encode()


@dataclass
class Maker:
    """Makes a scripted strategy, and keeps the last one that it made."""

    script: dict
    guards: dict = field(default_factory=dict)
    made: list = field(default_factory=list)
    histories: list = field(default_factory=list)

    def new(self, history):
        self.histories.append(history)
        self.made.append(Scripted(self.script, self.guards))
        return self.made[-1]

    def restored(self, snapshot):
        raise ComoveError("a scripted strategy is not restored")


def replayed(frames, script, guards=None, *, costs=None, plan=AT_ONCE, capital=10_000.0, leaders=("BTC",), **options):
    """The report of a script, and the strategy that followed it."""
    maker = Maker(script, guards or {})
    report = run(
        frames,
        strategy=maker,
        costs=Costs.none() if costs is None else costs,
        plan=plan,
        capital=capital,
        **{"replications": 0} | options,
    )
    return report, maker.made[-1]
