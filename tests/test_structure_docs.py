"""The pages about market structure are true: their examples run and print what they show."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from comove import MarketRegime, RegimeOptions
from comove.structure.regimes import EVIDENCE
from test_readme import blocks_of, run

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("coordinator", "regimes")}


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_run_and_print_what_is_shown(name):
    run(blocks_of(PAGES[name]))


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[name]):
        assert (DOCS / target).resolve().is_file(), target


def test_all_evidence_regimes_and_thresholds_are_explained():
    page = PAGES["regimes"]
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
