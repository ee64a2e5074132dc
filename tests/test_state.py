"""Trees of plain values and arrays as bytes: what comes back, and forged bytes that are refused by one class."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from comove import StateError
from comove.envelope import Blocks, seal
from comove.state import Sealed, pack, unpack


def forged(tree, *blocks):
    return seal("kind", tree, Blocks(list(blocks)))


def forged_text(text):
    """Bytes whose tree is any text, with a length and a checksum that agree."""
    content = struct.pack("<Q", len(text)) + text
    head = b"COMOVE\0" + b"kind".ljust(16, b"\0") + struct.pack("<HQ", 1, len(content))
    return head + content + hashlib.blake2b(head + content, digest_size=16).digest()


def test_values_come_back_as_they_were():
    tree = {"a": [None, True, -0.0, 5e-324, float("inf"), 1 << 80, "\ud800\0"], "b": b"\0", "c": {"d": np.arange(3)}}
    back = unpack("kind", pack("kind", tree))
    assert repr(back["a"]) == repr(tree["a"])
    assert back["b"] == b"\0"
    np.testing.assert_array_equal(back["c"]["d"], tree["c"]["d"])


@pytest.mark.parametrize(
    ("value", "plain"), [(np.bool_(True), True), (np.int64(3), 3), (np.float64(0.5), 0.5)], ids=["bool", "int", "float"]
)
def test_values_of_numpy_come_back_as_those_of_python(value, plain):
    back = unpack("kind", pack("kind", [value]))[0]
    assert (type(back), back) == (type(plain), plain)


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array(2.5), np.array([True, False]), np.ones((2, 3)).T])
def test_arrays_come_back_with_their_shape(array):
    back = unpack("kind", pack("kind", array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("value", [np.float32(1.0), np.zeros(2, np.float32), np.array(["a"]), {1: 2}, {1}, 1j])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(TypeError, match="in a snapshot"):
        pack("kind", value)


EIGHT = b"\0" * 8
FORGED = {
    "length -1": forged({"\0array": ["<f8", [-1], 0]}, EIGHT),
    "no shape": forged({"\0array": ["<f8", None, 0]}, EIGHT),
    "shape of bools": forged({"\0array": ["<f8", [True], 0]}, EIGHT),
    "shape of floats": forged({"\0array": ["<f8", [1.0], 0]}, EIGHT),
    "too large": forged({"\0array": ["<f8", [1 << 70], 0]}, EIGHT),
    "another size": forged({"\0array": ["<f8", [2], 0]}, EIGHT),
    "objects": forged({"\0array": ["|O", [1], 0]}, EIGHT),
    "bool of 2": forged({"\0array": ["|b1", [1], 0]}, b"\2"),
    "no block": forged({"\0bytes": 1}, EIGHT),
    "lists": forged_text(b"[" * 900 + b"]" * 900),
    "dicts": forged_text(b'{"a":' * 700 + b"1" + b"}" * 700),
    "deeper": forged_text(b"[" * 200_000),
    "digits": forged_text(b"1" * 5_000),
    "no UTF-8": forged_text(b'"\xff"'),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_bytes_are_refused(what):
    with pytest.raises(StateError):
        unpack("kind", FORGED[what])


def test_whatever_a_class_makes_of_forged_content_is_one_error():
    class Deep(Sealed):
        kind = "kind"

        def to_state(self):
            return {}

        @classmethod
        def from_state(cls, state):
            return cls.from_state(state)

    with pytest.raises(StateError, match="unusable"):
        Deep.from_bytes(forged({}))
