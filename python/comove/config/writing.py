"""From a tree of frozen dataclasses to a TOML text, in which each option stands below its own documentation."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from typing import Any, Final

__all__ = ["commented"]

_WIDTH: Final = 100


def commented(options: Any, *, heading: str = "", hidden: Collection[str] = ()) -> str:
    """Return options as a TOML text that `read_text` takes back.

    Parameters
    ----------
    options : dataclass
        Its documentation is that of the class, and the text under each of its fields.
    heading : str
        Put before it, as a comment.
    hidden : collection of str
        Options that are left out in tables below the top.

    Notes
    -----
    An option that is None is written as a comment, for TOML has no word for it.
    """
    lines = [*_comment(heading), ""] if heading else []
    lines += _table(options, (), hidden)
    return "\n".join(lines).rstrip() + "\n"


def _table(options: Any, path: tuple[str, ...], hidden: Collection[str]) -> Iterator[str]:
    kind: Any = type(options)
    told = _documentation(kind)
    inner = []
    for field in fields(options):
        if not field.init or (path and field.name in hidden):
            continue
        value = getattr(options, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            inner.append((field.name, value))
            continue
        yield from _comment(told.get(field.name, ""))
        written = _value(value)
        yield f"# {field.name} =" if written is None else f"{field.name} = {written}"
        yield ""
    for name, value in inner:
        below = (*path, name)
        yield from _comment(told.get(name, "") or _summary(type(value)))
        yield f"[{'.'.join(below)}]"
        yield from _table(value, below, hidden)


def _value(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(name)} = {_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, tuple | list):
        each = [str(_value(one)) for one in value]
        line = "[" + ", ".join(each) + "]"
        return line if len(line) <= _WIDTH else "[\n" + "".join(f"    {one},\n" for one in each) + "]"
    raise TypeError(f"{type(value).__name__} has no form in TOML")


def _text(value: str) -> str:
    """Return a text as TOML has it: as JSON does, but that the last control character has no form of its own."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@cache
def _documentation(kind: type) -> dict[str, str]:
    """Return the text under each field of a class and of those it builds on; nothing where no source is at hand."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if is_dataclass(each):
            told |= _own_documentation(each)
    return told


def _own_documentation(kind: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        return {}
    (body,) = ast.parse(source).body
    told: dict[str, str] = {}
    if not isinstance(body, ast.ClassDef):
        return told
    for before, after in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            told[before.target.id] = after.value.value
    return told


def _summary(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _comment(text: str) -> list[str]:
    """Return a text as comments, one paragraph a line or more."""
    if not text:
        return []
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _WIDTH - 2)]
