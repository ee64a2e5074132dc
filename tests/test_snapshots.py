"""Snapshots: restored objects go on bit for bit; a thousand ruined ones are refused, without a crash."""

from __future__ import annotations

import itertools
import pickle
import struct
import sys

import numpy as np
import pytest

from comove import ParameterError, StateError
from comove.live import EwmPair, JointPair, LagScanner, Panel, RollingPair, SpilloverMonitor
from doors import LIVE_QUESTIONS, live_rows, new_live, number, q, table

POLYNOMIAL = 0xC96C5795D7870F42
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    TABLE.append(byte)

MAGIC, KIND, VERSION, LENGTH, BODY = 0, 7, 8, 10, 18
HUGE = [2**24 + 1, 2**31, 2**40, 2**63 - 1, 2**63, 2**64 - 1]


def crc64(data):
    """CRC-64/XZ, so that forged bytes get past the checksum."""
    crc = 2**64 - 1
    for value in data:
        crc = TABLE[(crc ^ value) & 0xFF] ^ (crc >> 8)
    return crc ^ (2**64 - 1)


def sealed(content):
    """The content, its length field and its checksum made right."""
    content = bytearray(content)
    content[LENGTH:BODY] = struct.pack("<Q", len(content) - BODY)
    return bytes(content) + struct.pack("<Q", crc64(content))


def filled(rows=45):
    """Live objects of every kind, half way through their second block."""
    data = table(rows, 150)
    things = []
    for question in (
        q("rolling_regression", window_size=30, min_samples=5),
        q("rolling_regression", window_span="45m", min_samples=5),
        q("ewm_beta", half_life=10.0),
        q("joint_beta", window_size=20, min_samples=12),
        q("joint_beta", window_span="45m", min_samples=8),
        q("rolling_spillover", window_size=20, min_samples=5, vol_window=6),
        q("rolling_spillover", window_size=20, min_samples=5, vol="given", both=True),
        q("lag_scan", window_size=20, min_samples=5, max_lag=3),
        q("lag_scan", window_size=60, min_samples=5, max_lag=1),
    ):
        thing = new_live(question)
        for row in live_rows(question, data):
            thing.update(*row)
        things.append(thing)
    panel = Panel(["AAA", "BBB"], ["BTC", "AAA"], window_size=10, min_samples=4)
    for i in range(rows):
        panel.update(i, {"AAA": 1.0 + i % 7, "BBB": 3.0 + i % 5, "BTC": 100.0 + i % 11})
    return [*things, panel]


OBJECTS = filled()
KINDS = [RollingPair, EwmPair, JointPair, Panel, SpilloverMonitor, LagScanner]
by_object = pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)


def test_the_checksum_here_is_crc_64_xz():
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


@by_object
def test_the_layout_is_what_the_forgeries_assume(thing):
    snapshot = thing.to_bytes()
    assert snapshot[:KIND] == b"COMOVE\0"
    assert sealed(snapshot[:-8]) == snapshot


@by_object
def test_a_restored_object_is_the_same(thing):
    snapshot = thing.to_bytes()
    assert isinstance(snapshot, bytes)
    for restored in (type(thing).from_bytes(snapshot), pickle.loads(pickle.dumps(thing))):
        assert type(restored) is type(thing)
        assert restored.to_bytes() == snapshot
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(thing, protocol)).to_bytes() == snapshot


@by_object
def test_an_empty_object_is_restored_empty(thing):
    empty = thing.copy()
    empty.reset()
    assert type(thing).from_bytes(empty.to_bytes()).to_bytes() == empty.to_bytes()


@pytest.mark.parametrize("question", LIVE_QUESTIONS, ids=str)
def test_a_restored_object_goes_on_bit_for_bit(question):
    """Restored at every tenth row, and compared with one that never stopped."""
    steady, thing = new_live(question), new_live(question)
    for i, row in enumerate(live_rows(question, table(300, 151))):
        expected = steady.update(*row)
        answer = thing.update(*row)
        if isinstance(expected, tuple):
            assert answer == expected
        else:
            assert np.float64(number(answer)).tobytes() == np.float64(number(expected)).tobytes()
        if i % 10 == 0:
            thing = type(thing).from_bytes(thing.to_bytes())
        assert thing.to_bytes() == steady.to_bytes()


# --- ruined ---


def flipped(rng, good):
    bad = bytearray(good)
    for at in rng.integers(0, len(good) * 8, rng.integers(1, 9)):
        bad[at // 8] ^= 1 << (at % 8)
    return bytes(bad)


def truncated(rng, good):
    return good[: rng.integers(0, len(good))]


def without(rng, good):
    at, size = rng.integers(0, len(good)), rng.integers(1, 40)
    return good[:at] + good[at + size :]


def inserted(rng, good):
    at = rng.integers(0, len(good) + 1)
    return good[:at] + rng.bytes(rng.integers(1, 40)) + good[at:]


def overwritten(rng, good):
    at = rng.integers(0, len(good))
    return good[:at] + rng.bytes(rng.integers(1, 40)) + good[at + 40 :]


def swapped(rng, good):
    """Two pieces of equal size change places."""
    size = int(rng.integers(1, len(good) // 3))
    a, b = sorted(int(at) for at in rng.integers(0, len(good) - size, 2))
    if b < a + size:
        return good[size:] + good[:size]
    return good[:a] + good[b : b + size] + good[a + size : b] + good[a : a + size] + good[b + size :]


def noise(rng, good):
    return rng.bytes(rng.integers(0, 200))


def noise_after_the_header(rng, good):
    return good[:BODY] + rng.bytes(len(good) - BODY)


RUINS = [flipped, truncated, without, inserted, overwritten, swapped, noise, noise_after_the_header]


@by_object
@pytest.mark.parametrize("ruin", RUINS, ids=lambda ruin: ruin.__name__)
def test_ruined_snapshots_are_refused(ruin, thing):
    """Ten objects, eight ways, twenty-five times each: two thousand snapshots."""
    rng, good = np.random.default_rng(152), thing.to_bytes()
    refused = 0
    while refused < 25:
        bad = ruin(rng, good)
        if bad == good:
            continue
        with pytest.raises(StateError) as error:
            type(thing).from_bytes(bad)
        assert error.value.code == "snapshot"
        refused += 1


def accepted_or_refused(kind, snapshot):
    """A forged snapshot that is accepted is an ordinary object; anything but StateError fails the test."""
    try:
        thing = kind.from_bytes(snapshot)
    except StateError:
        return None
    assert kind.from_bytes(thing.to_bytes()).to_bytes() == thing.to_bytes()
    thing.reset()
    return thing


def peak_memory():
    resource = pytest.importorskip("resource", reason="until Windows has it")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@by_object
def test_forged_numbers_with_a_right_checksum_never_crash_or_take_memory(thing):
    """Every field at the head of the body in turn becomes huge; checksum and length are made right."""
    content, before = thing.to_bytes()[:-8], peak_memory()
    for at in range(BODY, min(len(content) - 8, BODY + 120)):
        for value in HUGE:
            accepted_or_refused(type(thing), sealed(content[:at] + struct.pack("<Q", value) + content[at + 8 :]))
    assert peak_memory() - before < 256 * 2**20


@by_object
def test_forged_bytes_with_a_right_checksum_never_crash(thing):
    rng, content = np.random.default_rng(153), thing.to_bytes()[:-8]
    for ruin, _ in itertools.product(RUINS[:6], range(30)):
        body = ruin(rng, content[BODY:])
        accepted_or_refused(type(thing), sealed(content[:BODY] + body))
    for _ in range(60):
        accepted_or_refused(type(thing), sealed(content[:BODY] + rng.bytes(rng.integers(0, 300))))


@by_object
def test_a_body_with_more_or_less_than_it_says_is_refused(thing):
    content = thing.to_bytes()[:-8]
    for body in (content[BODY:] + b"\0", content[BODY:] + bytes(8), content[BODY:-1], content[BODY:-8], b""):
        with pytest.raises(StateError):
            type(thing).from_bytes(sealed(content[:BODY] + body))
    for length in (0, 1, 2**32, 2**64 - 1):
        lying = content[:LENGTH] + struct.pack("<Q", length) + content[BODY:]
        with pytest.raises(StateError):
            type(thing).from_bytes(lying + struct.pack("<Q", crc64(lying)))


@by_object
def test_newer_and_foreign_snapshots_are_refused(thing):
    content = thing.to_bytes()[:-8]
    for version in (0, 2, 3, 2**16 - 1):
        with pytest.raises(StateError, match="version"):
            type(thing).from_bytes(sealed(content[:VERSION] + struct.pack("<H", version) + content[LENGTH:]))
    for magic in (b"comove\0", b"COMOVE\1", bytes(7), b"PK\3\4abc"):
        with pytest.raises(StateError):
            type(thing).from_bytes(sealed(magic + content[KIND:]))
    for kind in (0, 99, 255):
        with pytest.raises(StateError):
            type(thing).from_bytes(sealed(content[:KIND] + bytes([kind]) + content[VERSION:]))


@by_object
def test_a_snapshot_of_another_object_is_refused(thing):
    for kind in KINDS:
        if not isinstance(thing, kind):
            with pytest.raises(StateError):
                kind.from_bytes(thing.to_bytes())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("junk", [b"", b"\0", b"COMOVE", pickle.dumps({"beta": 1.0}), bytes(10_000)])
def test_junk_is_refused(kind, junk):
    with pytest.raises(StateError):
        kind.from_bytes(junk)


def test_a_refusal_leaves_the_object_that_asked_as_it_was():
    """from_bytes is a class method: called on an object, it must not touch it."""
    thing = OBJECTS[0]
    before = thing.to_bytes()
    with pytest.raises(StateError):
        thing.from_bytes(before[:-1])
    assert thing.to_bytes() == before


def panel_parts(panel):
    """The body of a panel of one asset and one leader: to the flag of its last time, to its volatility, the rest."""
    content = panel.to_bytes()[:-8]
    flag = BODY + 2 * (8 + 8 + 1) + 8 + 8 + 8 + 1
    volatility = flag + 1 + 8 + 21 * 2 * 8
    return content, flag, volatility


def test_a_panel_whose_parts_contradict_each_other_is_refused():
    empty, full = (Panel(["A"], ["B"], window_size=3) for _ in range(2))
    for t in range(5):
        full.update(t, {"A": 1.0 + t, "B": 2.0 + t * t})
    content, flag, _ = panel_parts(empty)
    assert content[flag] == 0
    with pytest.raises(StateError, match="contradict"):
        Panel.from_bytes(sealed(content[:flag] + b"\1" + content[flag + 1 :]))

    content, flag, volatility = panel_parts(full)
    assert content[flag] == 1
    rows = sum(struct.unpack("<3Q", content[volatility : volatility + 24])[1:])
    after = volatility + 24 + 8 * rows
    assert rows == 5
    Panel.from_bytes(sealed(content))
    with pytest.raises(StateError, match="contradict"):
        Panel.from_bytes(sealed(content[:volatility] + bytes(24) + content[after:]))


def test_memory_has_a_bound():
    for make in (
        lambda: JointPair(8, window_span="1h", max_rows=2**24, min_samples=10),
        lambda: JointPair(8, window_size=2**24),
        lambda: Panel(["A"], ["B"], window_size=2**24),
        lambda: LagScanner(1, window_size=2**24 + 1),
        lambda: Panel([f"A{i}" for i in range(256)], [f"B{i}" for i in range(256)], window_size=200_000),
    ):
        with pytest.raises(ParameterError, match="at most"):
            make()
    before = peak_memory()
    RollingPair(window_span="1h", max_rows=2**22, min_samples=2)
    assert peak_memory() - before < 2**26
