"""Bytes with a name, a version, a length and a checksum; in them a tree of plain values, and blocks of bytes.

Layout: the name, the kind of object (16 bytes, filled with zeros), version (2), length of the content (8), content,
BLAKE2b of all before (16). The content is the length of the tree (8), the tree as JSON, and each block with its length
(8) before it; integers are little endian. A tree holds no code: what is read can be wrong, but it cannot run.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, Final

from comove.errors import StateError

__all__ = ["Blocks", "seal", "unseal"]

_NAME: Final = b"COMOVE\0"
_KIND: Final = 16
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<HQ")
_LENGTH: Final = struct.Struct("<Q")
_DIGEST: Final = 16


class Blocks:
    """Blocks of bytes that a tree refers to by their number."""

    def __init__(self, held: list[bytes] | None = None) -> None:
        self.held = [] if held is None else held

    def add(self, block: bytes) -> int:
        """Add a block and return its number."""
        self.held.append(block)
        return len(self.held) - 1

    def __getitem__(self, number: Any) -> bytes:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self.held):
            raise StateError(f"the snapshot has no block {number!r}", "state_content")
        return self.held[number]


def seal(kind: str, tree: Any, blocks: Blocks) -> bytes:
    """Return a tree and its blocks as bytes, marked with the kind of the object, at most 16 letters."""
    text = json.dumps(tree, separators=(",", ":")).encode()
    parts = [_LENGTH.pack(len(text)), text]
    for block in blocks.held:
        parts += [_LENGTH.pack(len(block)), block]
    content = b"".join(parts)
    head = _mark(kind) + _HEAD.pack(_VERSION, len(content))
    return head + content + hashlib.blake2b(head + content, digest_size=_DIGEST).digest()


def unseal(kind: str, snapshot: bytes) -> tuple[Any, Blocks]:
    """Return the tree and the blocks of bytes that `seal` made of an object of this kind.

    Raises
    ------
    StateError
        Foreign, truncated, corrupted or newer bytes.
    """
    if not isinstance(snapshot, bytes | bytearray | memoryview):
        raise StateError(f"a snapshot must be bytes, got {type(snapshot).__name__}", "state_foreign")
    data = bytes(snapshot)
    mark = _mark(kind)
    start = len(mark) + _HEAD.size
    if not data.startswith(mark):
        if data.startswith(_NAME):
            other = data[len(_NAME) : len(mark)].rstrip(b"\0").decode("ascii", "replace")
            raise StateError(f"the snapshot must be of kind {kind}, got {other}", "state_foreign")
        raise StateError(f"these bytes are no snapshot of kind {kind}", "state_foreign")
    if len(data) < start + _DIGEST:
        raise StateError(f"the snapshot is truncated: {len(data)} bytes", "state_truncated")
    version, length = _HEAD.unpack_from(data, len(mark))
    if version != _VERSION:
        raise StateError(f"the snapshot has version {version}, this comove reads {_VERSION}", "state_version")
    if len(data) != start + length + _DIGEST:
        raise StateError(f"the snapshot must have {start + length + _DIGEST} bytes, got {len(data)}", "state_truncated")
    if hashlib.blake2b(data[:-_DIGEST], digest_size=_DIGEST).digest() != data[-_DIGEST:]:
        raise StateError("the snapshot is corrupted: its checksum does not agree", "state_corrupted")
    parts = _split(data[start:-_DIGEST])
    try:
        return json.loads(parts[0]), Blocks(parts[1:])
    except (ValueError, RecursionError) as error:
        raise StateError(f"the snapshot's content cannot be read: {error}", "state_content") from error


def _mark(kind: str) -> bytes:
    return _NAME + kind.encode("ascii").ljust(_KIND, b"\0")


def _split(content: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(content):
        if len(content) - at < _LENGTH.size:
            raise StateError("the snapshot's content ends within a length", "state_content")
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if length > len(content) - at:
            raise StateError(f"the snapshot's content ends within a block of {length} bytes", "state_content")
        parts.append(content[at : at + length])
        at += length
    if not parts:
        raise StateError("the snapshot is empty", "state_content")
    return parts
