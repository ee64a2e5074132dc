"""Pages of documentation: finding them, running their examples, following their links."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from comove.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
# Those whose examples run; benches/README.md and CHANGELOG.md are only linked to.
PAGES = [README, *sorted(DOCS.rglob("*.md"))]

# A line of a text block that stands for any lines.
ANY_LINES = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is the first one inside it, counted from 1."""

    language: str
    text: str
    line: int


def name_of(page):
    return page.relative_to(ROOT).with_suffix("").as_posix()


def text_of(page):
    return page.read_text(encoding="utf-8")


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


def shows(shown, printed):
    """Whether a text block shows what was printed; the first ANY_LINES in it stands for any lines."""
    shown, printed = ([line.rstrip() for line in text.splitlines()] for text in (shown, printed))
    if ANY_LINES not in shown:
        return shown == printed
    at = shown.index(ANY_LINES)
    head, tail = shown[:at], shown[at + 1 :]
    end = len(printed) - len(tail)
    return end >= at and printed[:at] == head and printed[end:] == tail


def run(blocks, page=README):
    """Run the blocks in their order, as a reader would: Python in one namespace, `comove ...` in the same folder."""
    namespace, printed = {"__name__": "__main__"}, None
    for block in blocks:
        if block.language == "python":
            # Empty lines in front, so that a traceback has the lines of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(code, namespace)
            printed = stream.getvalue()
        elif block.language == "text":
            assert printed is not None, f"line {block.line}: shows the output of nothing"
            assert shows(block.text, printed), f"line {block.line}: shows another output:\n{printed}"
            printed = None
        elif block.language == "sh":
            printed = None
            for line, (program, *arguments) in commands_of([block]):
                if program == "comove":
                    result = CliRunner().invoke(main, arguments)
                    assert result.exit_code == 0, f"line {line}: {result.output}"
                    printed = result.stdout
        else:
            pytest.fail(f"line {block.line}: no way to check a block of {block.language!r}")
    return namespace


def prose_of(text):
    """The page without its fenced blocks, in which a # is no heading and a bracket no link."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings_of(text, level=None):
    marks = "#{1,6}" if level is None else "#" * level
    return re.findall(rf"^{marks} (.+)$", prose_of(text), re.MULTILINE)


def anchors_of(text):
    """The anchors of the headings, as GitHub makes them: lower case, no punctuation, a hyphen a space."""
    found = []
    for heading in headings_of(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        again = sum(1 for one in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", one))
        found.append(f"{anchor}-{again}" if again else anchor)
    return found


def links_of(text):
    return re.findall(r"\]\(([^)\s]+)\)", prose_of(text))


def dead_links(page):
    """The links that lead nowhere: to no file, or to no heading of one. Those into the web are not looked at."""
    dead = []
    for link in links_of(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        known = target.is_file() and (not anchor or anchor in anchors_of(text_of(target)))
        if not known:
            dead.append(link)
    return dead
