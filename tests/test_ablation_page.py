"""The page of an ablation: what is not significant is called so, whatever its size."""

from __future__ import annotations

import html
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from backtest_pages import MIXED, NO_SPACE, ablation, cells_of, difference, text_of
from commands import needs_plotly
from comove.backtest.page import ablation_page, ablation_table
from comove.backtest.page.ablation import verdict_words
from comove.backtest.verdicts import verdict_of
from comove.errors import DataError


def words(**changes):
    return verdict_words(difference(**changes)).replace(NO_SPACE, " ")


def test_verdicts_are_those_for_all_parts_together():
    helps, harms = difference(-0.04, -0.07, -0.01, 0.01, 0.03), difference(0.04, 0.01, 0.07, 0.01, 0.03)
    assert (verdict_of(helps), verdict_of(harms), verdict_of(difference())) == ("helps", "harms", "chance")
    assert words(value=-0.04, p_value=0.01, adjusted=0.03) == (
        "the part helps: without it the strategy earned 4.0 % a year less"
    )
    assert words(value=0.04, p_value=0.01, adjusted=0.03) == (
        "the part harms: without it the strategy earned 4.0 % a year more"
    )


@pytest.mark.parametrize("value", [-0.04, 0.04])
def test_a_difference_of_costs_or_of_risk_alone_is_no_verdict_on_the_part(value):
    sure = {"value": value, "p_value": 0.01, "adjusted": 0.03}
    side = "less" if value < 0.0 else "more"
    for other in ((value, 0.06), (-value, 0.001), (value, None), (None, None), (0.0, 0.001)):
        assert verdict_of(difference(**sure, gross=other)) == "costs"
        assert verdict_of(difference(**sure, gross=other, scaled=(-value, 0.5))) == "costs"
    for other in ((-value, 0.001), (-value, 1.0), (0.0, 0.001)):
        assert verdict_of(difference(**sure, scaled=other)) == "risk"
    for other in ((value, 1.0), (None, None)):
        assert verdict_of(difference(**sure, scaled=other)) in ("helps", "harms")
    assert words(**sure, gross=(value, 0.5)) == (
        f"without it the strategy earned 4.0 % a year {side}, but not before costs: it is what trading costs that "
        "differs"
    )
    assert words(**sure, scaled=(-value, 0.5)) == (
        f"without it the strategy earned 4.0 % a year {side}, but not at the same risk: it is how much is risked that "
        "differs"
    )


def test_what_is_significant_alone_is_not_significant_among_many():
    assert words(value=-0.04, low=-0.07, high=-0.01, p_value=0.02, adjusted=0.08) == (
        "no significant difference once it is counted how many parts were tried; without it a year may bring anything "
        "from -7.0 % to -1.0 %"
    )
    assert verdict_of(difference(-0.04, -0.07, -0.01, 0.02, 0.05)) == "chance"


def test_no_difference_is_said_as_it_is():
    assert words(value=-0.3, low=-0.7, high=0.1) == (
        "no significant difference; without it a year may bring anything from -70.0 % to +10.0 %"
    )
    assert words(low=None, high=None) == "no significant difference"
    assert words(value=0.0, low=0.0, high=0.0, p_value=0.001, adjusted=0.001).startswith("no significant difference")


def test_what_cannot_be_judged_has_its_reason():
    assert words(value=0.1, p_value=None, adjusted=None, reason="no bar differs") == "cannot be judged: no bar differs"
    assert words(value=None, adjusted=None) == "cannot be judged: there is no difference to look at"


def test_the_table_holds_the_numbers():
    rows = ablation(MIXED, rows=40).table.to_dicts()
    cells = cells_of(ablation_table(rows), "ablation")
    assert len(cells) == 1 + len(MIXED)
    assert cells[0] == ["base|base in other words", "10.0 %", "1.20", *[""] * 6, "what the others are compared with"]
    assert cells[1][3:9] == ["-4.2 %", "-7.3 % to -1.1 %", "0.003", "0.015", "-2.0 %|p 0.020", "-3.0 %|p 0.030"]
    assert cells[5][3:9] == ["0.00 %", "–", "–", "–", "0.00 %|p –", "0.00 %|p –"]  # noqa: RUF001
    assert cells[6][1:9] == [*["–"] * 6, "–|p –", "–|p –"]  # noqa: RUF001


@needs_plotly
def test_the_page_shows_it_all():
    report = ablation({**MIXED, "<script>x</script>": difference()})
    page = ablation_page(report)
    assert html.escape(report.answer) in page
    assert "<script>x</script>" not in page
    assert html.escape("<script>x</script>") in page
    assert page.count("plotly.js v") == 1
    assert page == ablation_page(report)
    told = text_of(page)
    assert all(verdict_words(row).replace(NO_SPACE, " ") in told for row in report.table[1:].to_dicts())
    # A line for each strategy that was not ruined.
    key = page[page.index('<p class="keys">') : page.index("</p>", page.index('<p class="keys">'))]
    assert key.count('class="key"') == 1 + len(MIXED)


@needs_plotly
def test_curves_are_what_returns_amount_to():
    from comove.backtest.page.ablation import _curves_of

    report = ablation(MIXED, rows=40)
    curves = _curves_of(report.returns, ["base", "regimes"])
    for name in ("base", "regimes"):
        net = report.returns.filter(name=name)["net"].to_numpy()
        np.testing.assert_allclose(curves[name], 100.0 * np.cumprod(1.0 + net))


@needs_plotly
def test_a_ruined_base_has_no_curves():
    report = ablation({"one": difference(None, None, None, None, None, "nothing was left of base", None)}, rows=40)
    page = ablation_page(replace(report, returns=report.returns[:0]))
    assert '<section id="equity"' not in page
    assert page.count("plotly.js v") == 1
    assert "cannot be judged: nothing was left of base" in text_of(page)


def test_what_is_incomplete_is_refused():
    report = ablation(MIXED, rows=40)
    with pytest.raises(DataError, match=r"at least one variant, got \['base'\]"):
        ablation_page(replace(report, table=report.table[:1]))
    with pytest.raises(DataError, match="table must hold 'base'"):
        ablation_page(replace(report, table=report.table.filter(pl.col("name") != "base")))
