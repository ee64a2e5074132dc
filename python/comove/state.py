"""Snapshots of objects that are made of plain values, arrays and other such objects.

An object says what it is made of as a tree: None, bool, int, float, str, bytes, NumPy arrays, and lists, tuples and
dicts of them with names as keys. A tuple comes back as a list. `Sealed` makes bytes of that, and all that goes with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np

from comove.envelope import Blocks, seal, unseal
from comove.errors import ComoveError, StateError

__all__ = ["Sealed", "pack", "unpack"]

#: What an array may hold.
_KINDS: Final = ("<f8", "<i8", "|b1", "<u8")
# Keys that no component uses mark what JSON has no form for.
_ARRAY: Final = "\0array"
_BYTES: Final = "\0bytes"


def pack(kind: str, tree: Any) -> bytes:
    """Return a tree as bytes with a version and a checksum.

    Parameters
    ----------
    kind : str
        What the tree is of, at most 16 letters; `unpack` takes no other.
    tree
        Of plain values and arrays.
    """
    blocks = Blocks()
    return seal(kind, _written(tree, blocks), blocks)


def unpack(kind: str, snapshot: bytes) -> Any:
    """Return the tree that `pack` made bytes of.

    Raises
    ------
    StateError
        Foreign, truncated, corrupted or newer bytes, or those of another kind.
    """
    tree, blocks = unseal(kind, snapshot)
    try:
        return _read(tree, blocks)
    except RecursionError as error:
        raise StateError("the snapshot's content is nested too deep", "state_content") from error


def _written(value: Any, blocks: Blocks) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    # Of NumPy's values too, which JSON does not know.
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return {_BYTES: blocks.add(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.str not in _KINDS:
            raise TypeError(f"an array of {value.dtype} has no form in a snapshot")
        return {_ARRAY: [value.dtype.str, list(value.shape), blocks.add(value.tobytes())]}
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"a key in a snapshot must be a name, got {name!r}")
        return {name: _written(each, blocks) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each, blocks) for each in value]
    raise TypeError(f"{type(value).__name__} has no form in a snapshot")


def _read(value: Any, blocks: Blocks) -> Any:
    if isinstance(value, list):
        return [_read(each, blocks) for each in value]
    if not isinstance(value, dict):
        return value
    if _BYTES in value:
        return blocks[value[_BYTES]]
    if _ARRAY not in value:
        return {name: _read(each, blocks) for name, each in value.items()}
    try:
        kind, shape, number = value[_ARRAY]
        if kind not in _KINDS:
            raise StateError(f"the snapshot has an array of {kind!r}", "state_content")
        # NumPy takes a length of -1, and no shape at all, for "as many as there are".
        if not isinstance(shape, list) or not all(type(each) is int and each >= 0 for each in shape):
            raise StateError(f"the snapshot has an array of the shape {shape!r}", "state_content")
        array = np.frombuffer(blocks[number], kind).reshape(shape).copy()
    except (TypeError, ValueError) as error:
        raise StateError(f"the snapshot has an array that cannot be read: {error}", "state_content") from error
    if kind == "|b1" and (array.view(np.uint8) > 1).any():
        raise StateError("the snapshot has an array of bool with other values than 0 and 1", "state_content")
    return array


class Sealed(ABC):
    """An object whose state can be saved, restored, copied and pickled.

    A class says its `kind`, at most 16 letters, what it is made of in `to_state`, options included, and makes an
    object of that in `from_state`.
    """

    __slots__ = ()

    kind: ClassVar[str]

    @abstractmethod
    def to_state(self) -> dict[str, Any]:
        """Return all that `from_state` needs, as a tree of plain values and arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return an object that goes on as the one the state is of."""

    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, options included, which `from_bytes` restores bit for bit."""
        return pack(self.kind, self.to_state())

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer than this version, or of another class.
        """
        tree = unpack(cls.kind, snapshot)
        # Whatever is wrong with bytes that were made by hand, the caller hears of one class.
        try:
            return cls.from_state(tree)
        except StateError:
            raise
        except (
            ArithmeticError,
            AttributeError,
            ComoveError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise StateError(f"the snapshot's content is unusable: {error}", "state_content") from error

    def copy(self) -> Self:
        """Return an independent copy."""
        return self.from_bytes(self.to_bytes())

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, _memo: object) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_bytes, (self.to_bytes(),)
