"""A coordinator is saved and restored bit for bit, and bytes that are no snapshot are refused without a crash."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove import MarketStructureCoordinator, RegimeOptions, StateError
from comove.envelope import Blocks, seal, unseal
from comove.live import RollingPair
from comove.structure.snapshots import Fixed
from structure_cases import HOUR, bars_of, feed, market, same, with_leaders

DATA = market(90, 4)
SMALL = {"lag_window": 20, "max_lag": 1, "spillover_window": 30, "vol_window": 2}
REGIMES = RegimeOptions(window_size=30, past_window=30, vol_window=4)


def filled(**options):
    coordinator = with_leaders(DATA, **SMALL, regimes=REGIMES, **options)
    return feed(coordinator, {symbol: each.until(each.timestamps[60]) for symbol, each in DATA.items()})


KINDS = {
    "rows": {"window_size": 25},
    "span": {"window_span": "30h", "max_rows": 40, "max_age": "5h", "reuse_within": True},
    "asof": {"window_size": 25, "join": "asof", "tolerance": "90m", "max_gap": 5, "reuse_within": {"beta": "7m"}},
}
FILLED = {kind: filled(**options) for kind, options in KINDS.items()}
SNAPSHOT = FILLED["rows"].to_bytes()
by_kind = pytest.mark.parametrize("kind", KINDS)


def answers(coordinator):
    data = DATA["WIF"]
    return [
        repr(answer)
        for answer in (
            coordinator.get_beta("BONK"),
            coordinator.get_lead_lag("BONK", leader="ETH"),
            coordinator.get_volatility_spillover("BONK", source="SOL"),
            coordinator.detect_market_regime(),
            coordinator.detect_market_regime("BONK"),
            coordinator.get_beta("WIF", data, "ETH"),
            coordinator.detect_market_regime("WIF", data),
        )
    ]


@by_kind
@pytest.mark.parametrize("way", ["bytes", "pickle", "copy", "deepcopy"])
def test_a_restored_one_goes_on_bit_for_bit(kind, way):
    original = MarketStructureCoordinator.from_bytes(FILLED[kind].to_bytes())
    original.update("BONK", original.last_bar + HOUR // 2, 3.0)
    restored = {
        "bytes": lambda: MarketStructureCoordinator.from_bytes(original.to_bytes()),
        "pickle": lambda: pickle.loads(pickle.dumps(original)),
        "copy": original.copy,
        "deepcopy": lambda: copy.deepcopy(original),
    }[way]()
    assert restored.to_bytes() == original.to_bytes()
    assert answers(restored) == answers(original)
    assert restored.leaders == original.leaders
    assert restored.regime_options == REGIMES
    assert restored.symbols == original.symbols
    for each in (original, restored):
        for ts, bar in bars_of(DATA)[62:]:
            each.update_bar(ts, {**bar, "NEW": 1.0 + ts % 7})
    assert restored.to_bytes() == original.to_bytes()
    assert answers(restored) == answers(original)
    assert original.detect_market_regime("NEW").n > 0


def test_an_empty_one():
    empty = MarketStructureCoordinator(["A", "B"], max_rows=30)
    restored = MarketStructureCoordinator.from_bytes(empty.to_bytes())
    assert restored.leaders == ("A", "B")
    assert restored.last_bar is None
    assert repr(restored) == "MarketStructureCoordinator(A, B; 0 live symbols)"
    restored.update_bar(0, {"A": 1.0})


def test_the_copy_is_independent():
    one = FILLED["rows"].copy()
    other = one.copy()
    one.update_bar(one.last_bar + HOUR, {"BTC": 1.0})
    assert other.to_bytes() == FILLED["rows"].to_bytes()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"", "state_foreign"),
        (b"COMOVE\0", "state_foreign"),
        (SNAPSHOT[:23], "state_truncated"),
        (SNAPSHOT[:-1], "state_truncated"),
        (SNAPSHOT + b"\0", "state_truncated"),
        (SNAPSHOT[:23] + b"\xff\0" + SNAPSHOT[17:], "state_version"),
        (SNAPSHOT[:-1] + bytes([SNAPSHOT[-1] ^ 1]), "state_corrupted"),
        (SNAPSHOT[:200] + bytes([SNAPSHOT[200] ^ 1]) + SNAPSHOT[201:], "state_corrupted"),
        (RollingPair(window_size=5).to_bytes(), "state_foreign"),
        ("text", "state_foreign"),
        (None, "state_foreign"),
    ],
)
def test_bytes_that_are_no_snapshot_are_refused(bad, code):
    with pytest.raises(StateError) as caught:
        MarketStructureCoordinator.from_bytes(bad)
    assert caught.value.code == code


@given(st.integers(0, len(SNAPSHOT) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_noticed(place, change):
    bad = bytearray(SNAPSHOT)
    bad[place] ^= change
    with pytest.raises(StateError):
        MarketStructureCoordinator.from_bytes(bytes(bad))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    head = SNAPSHOT[:23]
    for bad in (noise, head + noise, resealed(noise)):
        with pytest.raises(StateError):
            MarketStructureCoordinator.from_bytes(bad)


def resealed(content):
    head = SNAPSHOT[:23] + struct.pack("<HQ", 1, len(content))
    return head + content + hashlib.blake2b(head + content, digest_size=16).digest()


def paths(tree, path=()):
    """Every place of a tree."""
    yield path
    if isinstance(tree, dict):
        for name in tree:
            yield from paths(tree[name], (*path, name))
    elif isinstance(tree, list):
        for place in range(len(tree)):
            yield from paths(tree[place], (*path, place))


TREE, BLOCKS = unseal("structure", SNAPSHOT)
PLACES = list(paths(TREE))[1:]
WRONG = [None, -1, 0, 10**30, 1e308, "x", "", [], {}, [[]], True, float("nan")]


def forged(place, value):
    tree = json.loads(json.dumps(TREE))
    part = tree
    for step in place[:-1]:
        part = part[step]
    if value is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return seal("structure", tree, BLOCKS)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from([*WRONG, ...]))
def test_forged_trees_are_refused_or_usable(place, value):
    """A snapshot made by hand passes the checksum: it is refused, or what it makes still answers."""
    try:
        made = MarketStructureCoordinator.from_bytes(forged(place, value))
    except StateError:
        return
    made.detect_market_regime(current_time=10**18 * 2)
    made.update_bar(10**18 * 2, {"BTC": 1.0, "BONK": 2.0, "NEW": 3.0})
    made.get_lead_lag("BONK")
    made.to_bytes()


@pytest.mark.parametrize("price", [0.0, -1.0, float("inf")])
def test_what_is_no_price_is_refused(price):
    """It would be divided by."""
    original = FILLED["rows"].copy()
    original.update("BTC", original.last_bar + HOUR, 3.0)
    tree, blocks = unseal("structure", original.to_bytes())
    state = tree["state"]
    for part, name in (
        (state["bar"]["prices"], "BTC"),
        (state["feeds"][0][1], "price"),
        (state["feeds"][0][1]["prices"], 0),
        (state["tracker"]["states"][0]["standing"], 0),
        (state["tracker"]["states"][0]["standing"], 1),
    ):
        kept, part[name] = part[name], price
        with pytest.raises(StateError, match="where a price must be") as caught:
            MarketStructureCoordinator.from_bytes(seal("structure", tree, blocks))
        assert caught.value.code == "state_content"
        part[name] = kept
    assert MarketStructureCoordinator.from_bytes(seal("structure", tree, blocks)).to_bytes() == original.to_bytes()


def test_every_part_of_the_tree_is_needed():
    refused = 0
    for place in PLACES:
        if not isinstance(place[-1], str):
            continue
        try:
            MarketStructureCoordinator.from_bytes(forged(place, ...))
        except StateError:
            refused += 1
    names = sum(isinstance(place[-1], str) for place in PLACES)
    # Prices of a bar, held prices, and options with defaults may be absent.
    assert refused >= 0.5 * names


@given(st.integers(0, len(BLOCKS.held) - 1), st.integers(0, len(BLOCKS.held) - 1))
def test_blocks_of_another_place_are_refused_or_usable(one, other):
    held = list(BLOCKS.held)
    held[one] = held[other]
    try:
        made = MarketStructureCoordinator.from_bytes(seal("structure", TREE, Blocks(held)))
    except StateError:
        return
    made.detect_market_regime(current_time=10**18 * 2)


def test_answers_can_be_pickled_and_not_changed():
    said = FILLED["rows"].detect_market_regime("BONK")
    assert same(pickle.loads(pickle.dumps(said)), said)
    assert pickle.loads(pickle.dumps(said)) == said
    assert hash(said.scores) == hash(Fixed(dict(said.scores)))
    assert "BTC" in said.leader_volatilities
    with pytest.raises(TypeError):
        said.evidence["leaders_trend"] = 1.0
    with pytest.raises(AttributeError):
        said.evidence.held = {}
    beta = FILLED["rows"].get_beta("BONK")
    assert pickle.loads(pickle.dumps(beta)) == beta
    assert np.isfinite(beta.beta)
