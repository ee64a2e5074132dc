"""From a TOML text to a tree of frozen dataclasses; what is unknown, of another type or out of bounds is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from comove.errors import ParameterError

__all__ = ["read_file", "read_text"]

Options = TypeVar("Options")


def read_file(path: str | PathLike[str], kind: type[Options], *, hidden: Collection[str] = ()) -> Options:
    """Return the options of a file.

    Parameters
    ----------
    path : path
    kind : type
        A dataclass, whose fields may be dataclasses; each is a table of the file.
    hidden : collection of str
        Options that tables below the top do not have, though the dataclasses do.

    Raises
    ------
    ParameterError
        No TOML, an unknown name, a value of another type or out of its bounds; the message begins with the file.
    OSError
        A file that cannot be read.
    """
    place = Path(path)
    try:
        # Some editors put a mark before UTF-8.
        text = place.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(f"{place}: must be text in UTF-8: {error}", "toml") from error
    return read_text(text, kind, source=str(place), hidden=hidden)


def read_text(text: str, kind: type[Options], *, source: str = "config", hidden: Collection[str] = ()) -> Options:
    """Return the options of a text; parameters and errors are those of `read_file`.

    Examples
    --------
    >>> from comove import RegimeOptions
    >>> from comove.config import read_text
    >>> read_text("min_dwell = 4", RegimeOptions).min_dwell
    4
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{source}: is no TOML: {error}", "toml") from error
    except RecursionError as error:
        raise ParameterError(f"{source}: is nested too deep", "toml") from error
    for path, known in _unknown(tree, kind, (), hidden):
        raise ParameterError(f"{source}: no option {path!r}; there are {', '.join(known)}", "unknown_option")
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise ParameterError(f"{source}: {_told(str(error), kind)}", "option") from error


def _unknown(
    tree: Mapping[str, Any], kind: type, path: tuple[str, ...], hidden: Collection[str]
) -> Iterator[tuple[str, list[str]]]:
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind) if each.init and not (path and each.name in hidden)]
    for name, value in tree.items():
        if name not in names:
            yield ".".join((*path, name)), [".".join((*path, known)) for known in names]
        elif is_dataclass(hints[name]) and isinstance(value, Mapping):
            yield from _unknown(value, hints[name], (*path, name), hidden)


def _told(message: str, kind: type) -> str:
    """Return msgspec's message in words of TOML, with the place before it.

    "x must be 0 - at `$.risk`" becomes "risk: x must be 0".
    """
    what, _, place = message.partition(" - at `$.")
    place = place.rstrip("`")
    choices = _choices(kind, place.split("."))
    if choices and (bad := what.removeprefix("Invalid enum value ")) != what:
        what = f"must be one of {', '.join(map(repr, choices))}, got {bad}"
    what = what.replace("`object`", "`table`").replace(" | null`", "`")
    return f"{place}: {what}" if place else what


def _choices(kind: Any, path: Iterable[str]) -> tuple[Any, ...]:
    """Return what an option may be, where it is one of a few; else nothing."""
    for name in path:
        hints = get_type_hints(kind) if is_dataclass(kind) else {}
        if name not in hints:
            return ()
        kind = hints[name]
    return get_args(kind) if get_origin(kind) is Literal else ()
