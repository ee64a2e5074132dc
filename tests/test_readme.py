"""README.md is true: its examples run and print what it shows, its commands exist, it names what there is."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import comove
from comove.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is the first one inside it, counted from 1."""

    language: str
    text: str
    line: int


def blocks_of(text):
    found, inside, language, first = [], None, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("```"):
            if inside is not None:
                inside.append(line)
        elif inside is None:
            inside, language, first = [], line.removeprefix("```"), number + 1
        else:
            found.append(Block(language, "\n".join(inside), first))
            inside = None
    assert inside is None, f"the block at line {first} has no end"
    return found


def commands_of(blocks):
    return [
        (block.line + offset, shlex.split(line))
        for block in blocks
        if block.language == "sh"
        for offset, line in enumerate(block.text.splitlines())
    ]


def run(blocks):
    """Run the blocks in their order, as a reader would: Python in one namespace, `comove ...` in the same folder."""
    namespace, printed = {"__name__": "__main__"}, None
    for block in blocks:
        if block.language == "python":
            # Empty lines in front, so that a traceback has the lines of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(README), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(code, namespace)
            printed = stream.getvalue()
        elif block.language == "text":
            assert printed is not None, f"line {block.line}: shows the output of nothing"
            assert printed.splitlines() == block.text.splitlines(), f"line {block.line}: shows another output"
            printed = None
        elif block.language == "sh":
            for line, (program, *arguments) in commands_of([block]):
                if program == "comove":
                    result = CliRunner().invoke(main, arguments)
                    assert result.exit_code == 0, f"line {line}: {result.output}"
        else:
            pytest.fail(f"line {block.line}: no way to check a block of {block.language!r}")


BLOCKS = blocks_of(README.read_text(encoding="utf-8"))


def test_the_examples_run_and_print_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(BLOCKS)
    assert sorted(file.name for file in Path("features").iterdir()) == ["BONK.parquet", "WIF.parquet"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\nassert 1 == 2, 'unequal'\n```", "unequal"),
        ("```python\nprint(1)\n```\n```text\n2\n```", "shows another output"),
        ("```text\n2\n```", "shows the output of nothing"),
        ("```sh\ncomove features --no-such-option\n```", "No such option"),
        ("```python\n1 / 1", "has no end"),
    ],
)
def test_an_untrue_page_fails(page, message):
    with pytest.raises(AssertionError, match=re.escape(message)):
        run(blocks_of(page))


def test_every_command_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    (script,) = entry_points(group="console_scripts", name="comove")
    assert script.load() is main
    seen = []
    for line, (program, *arguments) in commands_of(BLOCKS):
        match program:
            case "make":
                assert arguments[0] in targets, f"line {line}: no target {arguments[0]}"
            case "comove":
                assert arguments[0] in main.commands, f"line {line}: no command {arguments[0]}"
            case "pip":
                # What `make wheel` puts there.
                assert arguments == ["install", "dist/*.whl"]
            case _:
                pytest.fail(f"line {line}: nobody said that {program} is needed")
        seen.append((program, arguments[0]))
    assert {("make", "demo"), ("make", "test"), ("make", "wheel"), ("comove", "features")} <= set(seen)
    for target in re.findall(r"`make ([a-z-]+)`", README.read_text(encoding="utf-8")):
        assert target in targets


@pytest.mark.parametrize("command", ["demo", "features", "leadlag", "spillover"])
def test_help_of_the_commands(command):
    result = CliRunner().invoke(main, [command, "--help"], prog_name="comove")
    assert result.exit_code == 0
    assert f"Usage: comove {command}" in result.output


def test_every_option_it_shows_is_in_the_help():
    for line, (program, *arguments) in commands_of(BLOCKS):
        if program == "comove":
            help_text = CliRunner().invoke(main, [arguments[0], "--help"]).output
            for option in (argument for argument in arguments if argument.startswith("--")):
                assert option in help_text, f"line {line}: no option {option}"


def test_every_public_name_is_there():
    text = README.read_text(encoding="utf-8")
    names = {*comove.__all__, *comove.live.__all__, *comove.arrays.__all__} - {"__version__"}
    missing = [name for name in sorted(names) if not re.search(rf"\b{name}\b", text)]
    assert not missing


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).is_file(), target


def test_the_columns_of_the_results_are_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(BLOCKS)
    text = README.read_text(encoding="utf-8")
    text = text[text.index("| column | |") : text.index("## Words and signs")]
    tables = [pl.read_csv("results/leadlag.csv"), pl.read_parquet("results/spillover.parquet")]
    missing = [name for table in tables for name in table.columns if f"`{name}`" not in text]
    assert not missing
