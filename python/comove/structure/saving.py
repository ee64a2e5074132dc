"""The state of a live market as a tree of plain values and blocks of bytes, and back.

What is read is checked against the options it comes with: a snapshot that passes its checksum can still have been made
by hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from comove.envelope import Blocks
from comove.errors import StateError
from comove.live import LagScanner, Panel, RollingPair, SpilloverMonitor
from comove.structure.bars import FormingBar
from comove.structure.breakdown import BreakdownRule
from comove.structure.describing import tell
from comove.structure.evidence import LeaderEvidence, LeaderState
from comove.structure.feeds import AssetFeed, PairFeed, Past, new_pair
from comove.structure.market import LiveMarket
from comove.structure.prices import PriceData
from comove.structure.regimes import EVIDENCE, RegimeOptions
from comove.structure.settings import Settings, settings
from comove.structure.tracker import RegimeTracker, Row

__all__ = ["read_options", "read_state", "write_options", "write_state"]


def write_options(chosen: Settings, regimes: RegimeOptions, breakdown: BreakdownRule) -> dict[str, Any]:
    """Return the options as a tree."""
    return {"settings": asdict(chosen), "regimes": asdict(regimes), "breakdown": asdict(breakdown)}


def read_options(tree: Mapping[str, Any]) -> tuple[Settings, RegimeOptions, BreakdownRule]:
    """Return the options of a tree, checked as those of a new coordinator are."""
    given = dict(tree["settings"])
    grid = given.pop("laying")

    def span(value: int | None) -> str | None:
        return None if value is None else f"{value}ns"

    given["window_span"] = span(given["window_span"])
    given["reuse_within"] = {question: span(value) for question, value in given.pop("reuse")} or False
    given |= {**grid, "tolerance": span(grid["tolerance"]), "max_age": span(grid["max_age"])}
    return settings(given), RegimeOptions(**tree["regimes"]), BreakdownRule(**tree["breakdown"])


def write_state(market: LiveMarket, data: Mapping[str, PriceData], blocks: Blocks) -> dict[str, Any]:
    """Return what is kept of a market and of its leaders' history as a tree."""
    bar = market.bar
    return {
        "data": [[name, _put(each.timestamps, blocks), _put(each.prices, blocks)] for name, each in data.items()],
        "bar": {"ts": bar.ts, "closed": bar.closed, "prices": bar.prices, "times": _put(bar.times, blocks)},
        "leader_rows": _write_past(market.leader_rows, blocks),
        "held": {symbol: list(seen) for symbol, seen in market.held.items()},
        "feeds": [[symbol, _write_feed(feed, blocks)] for symbol, feed in market.feeds.items()],
        "tracker": _write_tracker(market.tracker, blocks),
        "breakdowns": market.breakdowns.to_state(),
    }


def read_state(
    tree: Mapping[str, Any], blocks: Blocks, chosen: Settings, regimes: RegimeOptions, breakdown: BreakdownRule
) -> tuple[LiveMarket, dict[str, PriceData]]:
    """Return the market and the leaders' history of a tree."""
    data = {
        _among(name, chosen.leaders): PriceData(_take(ts, blocks, np.int64), _take(prices, blocks))
        for name, ts, prices in tree["data"]
    }
    market = LiveMarket(chosen, regimes, breakdown)
    _read_bar(market.bar, tree["bar"], blocks)
    market.leader_rows = _read_past(tree["leader_rows"], blocks)
    market.held = {str(symbol): (_integer(seen), _price(price)) for symbol, (seen, price) in tree["held"].items()}
    market.feeds = {str(symbol): _read_feed(symbol, part, blocks, chosen) for symbol, part in tree["feeds"]}
    market.tracker = _read_tracker(tree["tracker"], blocks, chosen, regimes)
    market.breakdowns.read(tree["breakdowns"])
    market.told = tell(market.tracker)
    return market, data


def _read_bar(bar: FormingBar, tree: Mapping[str, Any], blocks: Blocks) -> None:
    bar.ts, bar.closed = _whole_or_none(tree["ts"]), _whole_or_none(tree["closed"])
    bar.prices = {str(symbol): _price(price) for symbol, price in tree["prices"].items()}
    bar.times = deque(_take(tree["times"], blocks, np.int64).tolist())


def _write_past(past: Past, blocks: Blocks) -> list[Any]:
    return [past.count, past.last, _put(past.within, blocks)]


def _read_past(tree: Any, blocks: Blocks) -> Past:
    past = Past()
    past.count, past.last = _integer(tree[0]), _whole_or_none(tree[1])
    past.within = deque(_take(tree[2], blocks, np.int64).tolist())
    return past


def _write_feed(feed: AssetFeed, blocks: Blocks) -> dict[str, Any]:
    return {
        "past": _write_past(feed.past, blocks),
        "price": feed.price,
        "prices": list(feed.prices),
        "pairs": [None if pair is None else _write_pair(pair, blocks) for pair in feed.pairs],
    }


def _read_feed(symbol: str, tree: Mapping[str, Any], blocks: Blocks, chosen: Settings) -> AssetFeed:
    feed = AssetFeed.without_pairs(_read_past(tree["past"], blocks))
    feed.price, feed.prices = _price(tree["price"]), [_price(price) for price in tree["prices"]]
    feed.pairs = [None if part is None else _read_pair(part, blocks, chosen) for part in tree["pairs"]]
    _agree("leaders of an asset", len(feed.pairs), len(chosen.leaders))
    _agree("leaders' prices", len(feed.prices), len(chosen.leaders))
    for leader, pair in zip(chosen.leaders, feed.pairs, strict=True):
        _agree(f"pair of {symbol} and {leader}", pair is None, leader == symbol)
    return feed


_STANDING = ("last", "index", "in_span", "step", "hole")


def _write_pair(pair: PairFeed, blocks: Blocks) -> dict[str, Any]:
    return {
        "objects": [blocks.add(each.to_bytes()) for each in (pair.beta, pair.lags, pair.spillover)],
        "standing": [getattr(pair, name) for name in _STANDING],
        "waiting": [list(row) for row in pair.waiting],
    }


def _read_pair(tree: Mapping[str, Any], blocks: Blocks, chosen: Settings) -> PairFeed:
    beta, lags, spillover = (blocks[number] for number in tree["objects"])
    pair = PairFeed(RollingPair.from_bytes(beta), LagScanner.from_bytes(lags), SpilloverMonitor.from_bytes(spillover))
    new = new_pair(chosen)
    for mine, fresh in ((pair.beta, new.beta), (pair.lags, new.lags), (pair.spillover, new.spillover)):
        _same_options(mine, fresh)
    for name, value in zip(_STANDING, tree["standing"], strict=True):
        setattr(pair, name, _whole_or_none(value) if name == "last" else _integer(value))
    pair.waiting = [(float(asset), float(leader), _integer(ts)) for asset, leader, ts in tree["waiting"]]
    return pair


def _write_tracker(tracker: RegimeTracker, blocks: Blocks) -> dict[str, Any]:
    companions, labels, now = tracker.companions, tracker.labels, tracker.now
    return {
        "row": tracker.row,
        "symbols": tracker.symbols,
        "states": [
            {
                **{name: blocks.add(getattr(state, name).to_bytes()) for name in _OF_LEADER},
                "ring": _put(np.array(state.ring), blocks),
                "standing": [state.price, state.index, state.hole, state.born],
            }
            for state in tracker.states
        ],
        "panel": blocks.add(companions.panel.to_bytes()),
        "companions": {name: _put(getattr(companions, name), blocks) for name in _COMPANIONS},
        "labels": {name: _put(getattr(labels, name), blocks) for name in _LABELS},
        "now": None if now is None else _write_row(now, blocks),
    }


_OF_LEADER = ("past", "excess", "recent")
_COMPANIONS = {"last": np.int64, "last_ts": np.int64, "leaving": np.int64, "n": np.float64, "cross": np.float64,
               "usual": np.float64, "count": np.int64}  # fmt: skip
_LABELS = {"label": np.int64, "since": np.int64, "scores": np.float64}
# One value for the market besides those of the symbols.
_WITH_MARKET = ("cross", "usual", "count", "label", "since")


def _read_tracker(tree: Mapping[str, Any], blocks: Blocks, chosen: Settings, regimes: RegimeOptions) -> RegimeTracker:
    tracker = RegimeTracker(chosen.leaders, regimes, chosen.laying.max_gap)
    tracker.row = _integer(tree["row"])
    symbols = [str(symbol) for symbol in tree["symbols"]]
    _agree("symbols", symbols[: len(chosen.leaders)], list(chosen.leaders))
    _agree("states of leaders", len(tree["states"]), len(chosen.leaders))
    for state, part in zip(tracker.states, tree["states"], strict=True):
        _read_leader(state, part, blocks)
    companions, labels, size = tracker.companions, tracker.labels, len(symbols)
    panel = Panel.from_bytes(blocks[tree["panel"]])
    _same_options(panel, companions.panel)
    # The panel counts the same rows.
    _agree("rows of the panel", -1 if panel.last_ts is None else panel.last_ts, tracker.row)
    _agree("assets of the panel", panel.assets, symbols)
    _agree("leaders of the panel", panel.leaders, list(chosen.leaders))
    companions.panel, companions.place = panel, {symbol: place for place, symbol in enumerate(symbols)}
    for part, target, kinds in ((tree["companions"], companions, _COMPANIONS), (tree["labels"], labels, _LABELS)):
        for name, kind in kinds.items():
            values = _take(part[name], blocks, kind)
            if name == "scores":
                values = values.reshape(labels.scores.shape[0], -1)
            _agree(name, values.shape[-1], size + (name in _WITH_MARKET or name == "scores"))
            setattr(target, name, values)
    if ((labels.label < 0) | (labels.label > len(labels.scores))).any():
        raise StateError("the snapshot has a label that is no regime", "state_content")
    tracker.now = None if tree["now"] is None else _read_row(tree["now"], blocks, size + 1, len(chosen.leaders))
    return tracker


def _read_leader(state: LeaderState, tree: Mapping[str, Any], blocks: Blocks) -> None:
    for name in _OF_LEADER:
        mine = RollingPair.from_bytes(blocks[tree[name]])
        _same_options(mine, getattr(state, name))
        setattr(state, name, mine)
    ring = [_price(index) for index in _take(tree["ring"], blocks).tolist()]
    _agree("ring", len(ring), len(state.ring))
    state.ring = ring
    price, index, hole, born = tree["standing"]
    state.price, state.index, state.hole, state.born = _price(price), _price(index), _integer(hole), _integer(born)


def _write_row(row: Row, blocks: Blocks) -> dict[str, Any]:
    evidence = {
        name: value if isinstance(value, float) else [_put(value, blocks)] for name, value in row.evidence.items()
    }
    return {"ts": row.ts, "step": row.step, "leaders": asdict(row.leaders), "evidence": evidence}


def _read_row(tree: Mapping[str, Any], blocks: Blocks, size: int, leaders: int) -> Row:
    found = LeaderEvidence(**tree["leaders"])
    for name in ("trends", "volatilities"):
        values = [float(value) for value in getattr(found, name)]
        _agree(name, len(values), leaders)
        setattr(found, name, values)
    for name in ("ahead", "ahead_before", "outperformer"):
        place = _integer(getattr(found, name))
        _agree(name, -1 <= place < leaders, True)
        setattr(found, name, place)
    evidence: dict[str, Any] = {}
    for name, value in tree["evidence"].items():
        evidence[name] = _take(value[0], blocks) if isinstance(value, list) else float(value)
        if isinstance(value, list):
            _agree(name, len(evidence[name]), size)
    _agree("evidence", sorted(evidence), sorted(EVIDENCE))
    return Row(_integer(tree["ts"]), _integer(tree["step"]), found, evidence)


def _put(values: Any, blocks: Blocks) -> int:
    return blocks.add(np.asarray(values, np.int64 if isinstance(values, deque) else None).tobytes())


def _take(number: Any, blocks: Blocks, kind: Any = np.float64) -> npt.NDArray[Any]:
    return np.frombuffer(blocks[number], kind).copy()


def _integer(value: Any) -> int:
    """Return a value as an int of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise StateError(f"the snapshot has {value!r} where a whole number must be", "state_content")
    return value


def _price(value: Any) -> float:
    """Return a value as a price, or as an index of prices: above 0, or NaN."""
    price = float(value)
    if price <= 0.0 or price == inf:
        raise StateError(f"the snapshot has {value!r} where a price must be", "state_content")
    return price


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else _integer(value)


def _among(name: Any, leaders: tuple[str, ...]) -> str:
    if name not in leaders:
        raise StateError(f"the snapshot has data of {name!r}, which is no leader", "state_content")
    return str(name)


def _agree(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise StateError(f"the snapshot's {what} must be {expected!r}, got {got!r}", "state_content")


def _same_options(mine: Any, fresh: Any) -> None:
    for name in ("window_size", "window_span", "max_rows", "min_samples", "max_lag", "vol_window"):
        _agree(f"{name} of {type(fresh).__name__}", getattr(mine, name, None), getattr(fresh, name, None))
