"""How tests run commands, and read what they print and draw."""

from __future__ import annotations

import importlib.util
import json

import pytest
from click.testing import CliRunner

from comove.cli import main

needs_plotly = pytest.mark.skipif(importlib.util.find_spec("plotly") is None, reason="needs the extra viz")


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def write(frames, folder):
    folder.mkdir()
    for symbol, frame in frames.items():
        frame.write_parquet(folder / f"{symbol}.parquet")
    return folder


def printed(result):
    """The rows of all printed tables, as lists of cells."""
    lines = [line for line in result.stdout.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def trace_of(page):
    """What a page of a heat map gives to plotly."""
    text = page.read_text(encoding="utf-8")
    at = text.index("[", text.rindex("Plotly.newPlot("))
    (trace,), _ = json.JSONDecoder().raw_decode(text, at)
    return trace
