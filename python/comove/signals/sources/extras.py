"""Libraries that only some sources need: the extra `signals`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["extra", "lacks"]


def extra(module: str) -> Any:
    """Return a module of the extra `signals`, None where it cannot be imported."""
    try:
        return import_module(module)
    except ImportError:
        return None


def lacks(library: str) -> str:
    """Return the reason to abstain without a library."""
    return f"{library} cannot be imported: pip install comove[signals]"
