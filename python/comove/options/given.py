"""Options given as one object, or the usual ones."""

from __future__ import annotations

from typing import TypeVar

from comove.errors import ParameterError

__all__ = ["options_of"]

Kind = TypeVar("Kind")


def options_of(given: object, kind: type[Kind], name: str = "options") -> Kind:
    """Return the options given, or the usual ones for None.

    Raises
    ------
    ParameterError
        Options of something else.
    """
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise ParameterError(f"{name} must be {kind.__name__}, got {type(given).__name__}", "type")
    return given
