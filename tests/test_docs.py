"""Every page, README.md and those below docs/: examples run and print what they show, links lead somewhere.

The page of each estimator has the same headings, and none is without one; tables are those of the code.
"""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

import comove
import feature_table
from comove import MarketRegime, RegimeOptions
from comove.structure.regimes import EVIDENCE
from pages import (
    DOCS,
    PAGES,
    README,
    ROOT,
    anchors_of,
    blocks_of,
    dead_links,
    headings_of,
    links_of,
    name_of,
    prose_of,
    run,
    shows,
    text_of,
)

# --- all pages ---


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_examples_run_and_print_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(text_of(page))
    assert any(block.language == "python" for block in blocks)
    run(blocks, page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert not dead_links(page)


def test_every_page_can_be_reached():
    """By links, from the README."""
    reached, new = set(), [README]
    while new:
        page = new.pop()
        if page in reached:
            continue
        reached.add(page)
        new += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links_of(text_of(page))
            if link.partition("#")[0].endswith(".md")
        ]
    assert not set(PAGES) - reached


# --- what the tests above would find ---


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```python\nassert 1 == 2, 'unequal'\n```", "unequal"),
        ("```python\nprint(1)\n```\n```text\n2\n```", "shows another output"),
        ("```text\n2\n```", "shows the output of nothing"),
        ("```python\nprint(1)\n```\n```sh\nmake demo\n```\n```text\n1\n```", "shows the output of nothing"),
        ("```sh\ncomove features --no-such-option\n```", "No such option"),
        ("```sh\ncomove --version\n```\n```text\ncomove, version 0\n```", "shows another output"),
        ("```python\n1 / 1", "has no end"),
    ],
)
def test_an_untrue_page_fails(page, message):
    with pytest.raises(AssertionError, match=re.escape(message)):
        run(blocks_of(page))


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nd\n", True),
        ("...", "", True),
        ("a\n...\nd", "a\nb\n", False),
        ("a\n...\na", "a\n", False),
        ("a\nb", "a\n", False),
    ],
)
def test_three_dots_stand_for_any_lines(shown, printed, agree):
    assert shows(shown, printed) == agree


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# A `name(x)`, once\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "## Here\n[1](there.md) [2](there.md#a-namex-once) [3](there.md#twice-1) [4](#here) [5](https://a.b)\n"
        "[6](gone.md) [7](there.md#gone) [8](#gone)\n```text\n[9](gone.md)\n# gone\n```\n"
    )
    assert anchors_of((tmp_path / "there.md").read_text()) == ["a-namex-once", "twice", "twice-1"]
    assert dead_links(page) == ["gone.md", "there.md#gone", "#gone"]


# --- estimators ---

ESTIMATORS = DOCS / "estimators"
INDEX = ESTIMATORS / "README.md"
ESTIMATOR_PAGES = [page for page in PAGES if page.parent == ESTIMATORS and page != INDEX]
HEADINGS = [
    "What it tells you", "Definition", "Window", "Missing data", "Precision", "Cost", "Source", "Example",
]  # fmt: skip
# Functions of the submodules that are no estimators.
HELPERS = {"ticks.lag_grid"}


def functions_of(module, prefix=""):
    return {f"{prefix}{name}" for name in module.__all__ if name.islower() and callable(getattr(module, name))}


PUBLIC = {
    *functions_of(comove.expressions),
    *functions_of(comove.arrays),
    *functions_of(comove.ticks, "ticks."),
    *functions_of(comove.connectedness, "connectedness."),
} - HELPERS


def estimators_of(page):
    """The names in the title of a page."""
    (title,) = headings_of(text_of(page), level=1)
    return re.findall(r"`([\w.]+)", title)


def test_every_estimator_has_one_page():
    assert {"rolling_beta", "ticks.lead_lag", "connectedness.diebold_yilmaz"} <= PUBLIC
    described = [name for page in ESTIMATOR_PAGES for name in estimators_of(page)]
    assert sorted(described) == sorted(PUBLIC)


@pytest.mark.parametrize("page", ESTIMATOR_PAGES, ids=name_of)
def test_the_page_of_an_estimator_is_whole(page):
    text = prose_of(text_of(page))
    assert headings_of(text, level=2) == HEADINGS
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        assert heading == "Example" or len(body.split()) >= 3, heading
    # One plain sentence.
    first = text.partition("## What it tells you\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"[.!?](?=\s)", first + "\n")) == 1
    names = {name.rpartition(".")[2] for name in estimators_of(page)}
    code = "\n".join(block.text for block in blocks_of(text_of(page)) if block.language == "python")
    assert not {name for name in names if not re.search(rf"\b{name}\(", code)}


@pytest.mark.parametrize("index", [README, INDEX], ids=name_of)
def test_every_estimator_is_in_the_index(index):
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \|", text_of(index), re.MULTILINE)
    linked = {(name, (index.parent / target).resolve()) for names, target in rows for name in names.split(", ")}
    expected = {(f"`{name}`", page) for page in ESTIMATOR_PAGES for name in estimators_of(page)}
    assert not expected - linked


def test_the_tests_that_pages_name_are_there():
    for page in PAGES:
        for path in re.findall(r"`((?:tests|benches)/\S+?)`", text_of(page)):
            assert (ROOT / path).is_file(), f"{name_of(page)}: {path}"


# --- tables that the code has too ---


def test_the_table_of_features_is_that_of_the_metadata():
    text = feature_table.PAGE.read_text(encoding="utf-8")
    assert text == feature_table.page(text), "python tests/feature_table.py writes it anew"
    assert feature_table.table().count("\n| `") == 64 + 6


def test_all_evidence_regimes_and_thresholds_are_explained():
    page = text_of(DOCS / "regimes.md")
    for name in (*EVIDENCE, *(regime.value for regime in MarketRegime)):
        assert f"`{name}`" in page
    rows = dict(re.findall(r"^\| ([a-z ]+) \| ([\d.]+) \| [\d.]+ \|", page, re.MULTILINE))
    shown = {
        "trend_at": "trend", "agreement_at": "agreement", "volatility_at": "volatility ratio",
        "correlation_at": "together", "momentum_at": "relative momentum", "change_at": "momentum change",
        "divergence_at": "divergence score", "drop_at": "correlation drop",
    }  # fmt: skip
    points = [field.name for field in fields(RegimeOptions) if field.name.endswith("_at")]
    assert set(points) == set(shown)
    for option, row in shown.items():
        assert float(rows[row]) == getattr(RegimeOptions(), option)


def test_the_errors_are_all_explained():
    rows = dict(re.findall(r"^\| `(\w+Error)` \| .* \| `(\w+)` \|$", text_of(DOCS / "errors.md"), re.MULTILINE))
    classes = {name for name in comove.__all__ if name.endswith("Error")}
    assert set(rows) == classes
    for name, also in rows.items():
        assert also in [base.__name__ for base in getattr(comove, name).__mro__]


def test_the_live_objects_are_all_explained():
    page = text_of(DOCS / "live.md")
    assert not {name for name in comove.live.__all__ if f"`{name}" not in page}
