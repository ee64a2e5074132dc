"""One fold, bar by bar: the strategy learns, then trades; what it has done is on disk every thousand bars.

A fold that was cut short goes on from there, with the same bytes as if it had not been: the chunk that was being made
is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from comove.backtest.broker import Broker
from comove.backtest.costs import Costs
from comove.backtest.files import read_table
from comove.backtest.folds import Fold
from comove.backtest.strategy import StrategyMaker
from comove.data import iterate_bars
from comove.data.bars import Bars
from comove.errors import StateError
from comove.files import whole_file
from comove.state import pack, unpack

__all__ = ["CHUNK", "FoldRun", "between"]

_KIND: Final = "backtest-fold"
#: Bars between two saves; one takes about as long as ten bars.
CHUNK: Final = 1000
_STATE: Final = "state.comove"
_LATEST: Final = 2**63 - 1
#: Bars between two words on how many are done.
_TELL: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRun:
    """All that one fold is made of; another process can run it.

    Parameters
    ----------
    fold : Fold
    maker : StrategyMaker
    costs : Costs
    capital : float
    max_gap : int
        A hole of more rows ends an instrument.
    folder : Path
        Of the fold's chunks and state.
    chunk : int
        Bars between two saves.
    """

    fold: Fold
    maker: StrategyMaker
    costs: Costs
    capital: float
    max_gap: int
    folder: Path
    chunk: int

    def run(self, frames: Mapping[str, pl.DataFrame], told: Callable[[int], None]) -> None:
        """Run what is still to be run.

        Parameters
        ----------
        frames : mapping of str to DataFrame
            Candles of all symbols, of more time than the fold's too.
        told : callable
            Called with the number of bars that are done, of training and test together.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self._saved()
        if state is not None and state["done"]:
            told(state["bars"])
            return
        fold = self.fold
        if state is None:
            strategy = self.maker.new(between(frames, fold.train_first, fold.fit_last))
        else:
            strategy = self.maker.restored(state["strategy"])
        broker = Broker(strategy, self.costs, self.capital, self.max_gap)
        if state is not None:
            broker.read(state["broker"])
        chunks, first = (0, fold.train_first) if state is None else (state["chunks"], state["ts"] + 1)
        bars = 0 if state is None else state["bars"]
        told(bars)
        ruined, ts = False, -1
        for ts, candles in _bars_of(frames, first, fold.test_last):
            if ts < fold.test_first:
                strategy.learn(ts, candles)
                broker.watch(ts, candles)
            else:
                before = broker.sums
                equity = broker.trade(ts, candles)
                ruined = not equity > 0.0
                last = ts == fold.test_last or ruined
                if not ruined:
                    decisions = strategy.update(ts, candles, equity=equity)
                    broker.records.decide(decisions)
                    broker.order(decisions, strategy.regime)
                if last:
                    reason = "liquidation" if ruined else "end"
                    broker.finish(ts, candles, reason)
                    if broker.halted:
                        # An account that is worth nothing is over at this bar, whatever comes later.
                        later = () if ruined else _bars_of(frames, ts + 1, _LATEST)
                        broker.settle(ts, later, reason)
                    # What closing costs may be more than what was left.
                    ruined = ruined or not broker.ledger.equity > 0.0
                broker.note(ts, before, None if ruined else strategy.regime, 0.0 if last else strategy.heat)
            bars += 1
            if bars % _TELL == 0:
                told(bars)
            if bars % self.chunk == 0 and not ruined and ts != fold.test_last:
                self._save(broker, chunks, bars, ts, done=False, ruined=False)
                chunks += 1
            if ruined:
                break
        self._save(broker, chunks, bars, ts, done=True, ruined=ruined)
        told(bars)

    def result(self) -> tuple[dict[str, pl.DataFrame], bool]:
        """Return the frames of a fold that is done but its decisions, and whether the account was ruined."""
        state = self._saved()
        if state is None or not state["done"]:
            raise StateError(f"{self.folder}: the fold is not done", "state_content")
        frames = {
            name: pl.concat([read_table(self._chunk(name, k)) for k in range(state["chunks"])])
            for name in ("equity", "trades", "attribution")
        }
        return frames, state["ruined"]

    def decisions(self) -> list[Path]:
        """Return the files of the decisions so far, in their order."""
        state = self._saved()
        return [] if state is None else [self._chunk("decisions", k) for k in range(state["chunks"])]

    def strategy(self) -> bytes:
        """Return the strategy's snapshot after the fold."""
        state = self._saved()
        if state is None:
            raise StateError(f"{self.folder}: the fold is not done", "state_content")
        snapshot: bytes = state["strategy"]
        return snapshot

    def _chunk(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number:04d}.parquet"

    def _save(self, broker: Broker, chunks: int, bars: int, ts: int, *, done: bool, ruined: bool) -> None:
        for name, frame in broker.records.take(self.fold.number).items():
            whole_file(self._chunk(name, chunks), frame.write_parquet)
        state = {
            "chunks": chunks + 1,
            "bars": bars,
            "ts": ts,
            "done": done,
            "ruined": ruined,
            "strategy": broker.strategy.to_bytes(),
            "broker": broker.to_state(),
        }
        content = pack(_KIND, state)
        # The chunks are there before the state that counts them.
        whole_file(self.folder / _STATE, lambda draft: draft.write_bytes(content))

    def _saved(self) -> dict[str, Any] | None:
        file = self.folder / _STATE
        if not file.exists():
            return None
        try:
            state: dict[str, Any] = unpack(_KIND, file.read_bytes())
        except StateError as error:
            raise StateError(f"{file}: {error}; without this file the fold is run anew", error.code) from error
        return state


def between(frames: Mapping[str, pl.DataFrame], first: int, last: int) -> dict[str, pl.DataFrame]:
    """Return the candles from one time to another, both included, of the symbols that have any."""
    cut = {}
    for symbol, frame in frames.items():
        inside = frame.filter(pl.col("ts").cast(pl.Datetime("ns", "UTC")).to_physical().is_between(first, last))
        if not inside.is_empty():
            cut[symbol] = inside
    return cut


def _bars_of(frames: Mapping[str, pl.DataFrame], first: int, last: int) -> Bars:
    return iterate_bars(between(frames, first, last), columns=("funding",))
