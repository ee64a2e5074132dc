"""The pages of docs/: examples run and print what they show, and the table of features is that of the metadata."""

from __future__ import annotations

import pytest

import feature_table
from test_readme import ROOT, blocks_of, run

PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_run_and_print_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(page.read_text(encoding="utf-8"))
    assert any(block.language == "python" for block in blocks)
    run(blocks)


def test_the_table_of_features_is_that_of_the_metadata():
    text = feature_table.PAGE.read_text(encoding="utf-8")
    assert text == feature_table.page(text), "python tests/feature_table.py writes it anew"
    assert feature_table.table().count("\n| `") == 64 + 6
