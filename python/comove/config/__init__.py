"""Options as TOML files: frozen dataclasses read from text, and written as text with their own documentation."""

from __future__ import annotations

from comove.config.reading import read_file, read_text
from comove.config.writing import commented

__all__ = ["commented", "read_file", "read_text"]
