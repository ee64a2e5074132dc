"""The page of a backtest: it shows what the report holds, as it is."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from backtest_pages import CAPITAL, CODE, NO_SPACE, bare_of, cells_of, made, named, ruined, text_of
from commands import needs_plotly
from comove.backtest import WalkForward, run
from comove.backtest.page import answer_of, backtest_page
from comove.backtest.page.metrics import METRIC_WORDS, figures
from comove.backtest.page.numbers import money, plain
from comove.backtest.page.series import costs_over_time
from comove.backtest.page.words import ASSUMPTIONS, REASON_WORDS
from comove.data import simulate_market
from comove.engine import OrchestratorOptions
from comove.engine.assembly import plain_options
from comove.errors import DataError
from comove.report.words import REGIME_NAMES

SECTIONS = ("equity", "exposure", "regimes", "costs", "beta", "months", "sources", "trades", "numbers", "made")


@pytest.fixture(scope="module")
def report():
    return made()


@pytest.fixture(scope="module")
def page(report):
    pytest.importorskip("plotly")
    return backtest_page(report, title="Test <one>")


@needs_plotly
def test_the_page_has_all_parts_and_needs_no_network(page):
    places = [page.index(f'<section id="{name}"') for name in SECTIONS]
    assert places == sorted(places)
    assert "<h1>Test &lt;one&gt;</h1>" in page
    bare = bare_of(page)
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\b(src|href)=", bare)
    assert not re.search(r"<script[^>]*\bsrc=", page)
    assert not re.search(r"@import|url\(", bare)
    assert page.count("plotly.js v") == 1
    assert len(page) < 8e6
    # A question, and how to read it, in each part.
    for name in SECTIONS:
        part = bare[bare.index(f'<section id="{name}"') :]
        question, words = re.match(r"<section[^>]*><h2[^>]*>(.*?)</h2><p>(.*?)</p>", part, re.S).groups()
        assert question.endswith("?"), name
        assert len(words) > 60, name
    assert all(html.escape(rule) in bare for rule in ASSUMPTIONS)


@needs_plotly
def test_a_long_run_stays_small():
    assert len(backtest_page(made(24_000, 3000, 8, symbols=[f"C{place}" for place in range(50)]))) < 8e6


@needs_plotly
def test_the_same_report_gives_the_same_page(page):
    assert backtest_page(made(), title="Test <one>") == page


@needs_plotly
def test_the_head_says_what_was_run(page, report):
    head = text_of(page[page.index("<header>") : page.index("</header>")])
    assert "4 coins (BONK, WIF, PEPE, SOL) with BTC, ETH as leaders; 8,000 bars of 1 h, 2023-01-01 00:00 to" in head
    assert "in 4 folds" in head
    assert "It began with 10,000; every order cost a fee of 0.10 %, half a spread of 0.02 %, slippage" in head
    assert answer_of(report).sentence.replace(NO_SPACE, " ") in head


@needs_plotly
def test_the_trades_are_those_of_the_report(page, report):
    best = report.trades.sort("net", descending=True)
    for name, rows in (("best", best.head(10)), ("worst", best.tail(10)[::-1])):
        cells = cells_of(page, name)
        assert [row[0] for row in cells] == rows["symbol"].to_list()
        assert [row[7] for row in cells] == [f"{net:.2f}" for net in rows["net"]]
        assert [row[2] for row in cells] == [f"{ts:%Y-%m-%d %H:%M}" for ts in rows["opened"]]
    sides = {row[0]: row for row in cells_of(page, "by-side")}
    for side in ("long", "short"):
        part = report.trades.filter(side=side)
        assert sides[side][1] == str(len(part))
        assert sides[side][2] == f"{100 * (part['net'] > 0).mean():.1f} %"
        assert sides[side][3] == money(part["net"].sum())
    reasons = cells_of(page, "by-reason")
    assert {row[0] for row in reasons} == {REASON_WORDS[reason] for reason in report.trades["reason"]}
    assert sum(int(row[1]) for row in reasons) == len(report.trades)


@needs_plotly
def test_the_numbers_are_those_of_the_report(page, report):
    rows = {row[0]: row for row in cells_of(page, "metrics")}
    own, btc, interval = report.metrics["strategy"], report.metrics["btc"], report.metrics["intervals"]["strategy"]
    assert rows["Total return"][1] == (
        f"{100 * own['total_return']:.1f} %|{100 * interval['total_return']['low']:.2f} % to "
        f"{100 * interval['total_return']['high']:.1f} %"
    )
    assert rows["Total return"][2].split("|")[0] == f"{100 * btc['total_return']:.1f} %"
    assert rows["Sharpe ratio"][1].split("|")[0] == f"{own['sharpe']:.2f}"
    assert rows["Beta"][1].split("|")[0] == f"{report.metrics['market']['beta']:.2f}"
    assert rows["Beta"][2:4] == ["–", "–"]  # noqa: RUF001
    assert rows["Deflated Sharpe ratio"][1] == "0.62"
    assert rows["Turnover a year"][1] == f"{report.metrics['costs']['turnover']:.2f}"
    assert all(row[4] for row in rows.values())
    # All that the statistics give has words, and what they do not know is shown as it is.
    for of in ("strategy", "btc", "equal"):
        assert set(figures(report.metrics, of)) <= set(METRIC_WORDS)
    odd = {**report.metrics, "strategy": {**own, "new<number>": 0.25, "none": None}}
    rows = {row[0]: row for row in cells_of(backtest_page(replace(report, metrics=odd)), "metrics")}
    assert rows["new<number>"] == ["new<number>", "0.25", "–", "–", ""]  # noqa: RUF001
    assert rows["none"][1] == "–"  # noqa: RUF001


@needs_plotly
def test_months_are_those_of_the_report(page, report):
    rows = {row[0]: row[1:] for row in cells_of(page, "monthly")}
    assert list(rows) == ["2023", "2023, holding BTC"]
    for of, name in (("return", "2023"), ("btc", "2023, holding BTC")):
        months = [row[of] for row in report.metrics["months"]]
        assert rows[name][:11] == [f"{100 * value:+.1f}" for value in months]
        assert rows[name][11] == "–"  # noqa: RUF001
        assert rows[name][12] == f"{100 * (np.prod(1 + np.array(months)) - 1):+.1f}"
    assert float(rows["2023"][12]) == pytest.approx(100 * report.metrics["strategy"]["total_return"], abs=0.051)


@needs_plotly
def test_regimes_and_sources_are_those_of_the_report(page, report):
    regimes = report.metrics["regimes"]
    rows = {row[0]: row for row in cells_of(page, "by-regime")}
    assert set(rows) == {REGIME_NAMES[name] for name in regimes}
    for name, found in regimes.items():
        assert rows[REGIME_NAMES[name]][2] == f"{found['bars']:,}"
        assert rows[REGIME_NAMES[name]][6] == f"{found['sharpe']:.2f}"
    sources = report.attribution.group_by("source").agg(pl.col("net").sum()).sort("net", descending=True)
    assert [row[:2] for row in cells_of(page, "by-source")] == [[name, money(net)] for name, net in sources.rows()]


@needs_plotly
def test_options_at_their_defaults_are_not_shown(report):
    usual = plain_options(OrchestratorOptions())
    assert "All options are at their defaults." in backtest_page(replace(report, options=usual))
    other = {**usual, "risk": {**usual["risk"], "max_risk": 0.5}}
    assert cells_of(backtest_page(replace(report, options=other)), "options") == [
        ["risk.max_risk", "0.5", plain(usual["risk"]["max_risk"])]
    ]
    assert "no options that the report knows of" in backtest_page(replace(report, options={}))


@needs_plotly
def test_costs_are_told_in_numbers(page, report):
    equity = report.equity
    paid, funding = equity["costs"].sum(), equity["funding"].sum()
    after = equity["equity"][-1] - CAPITAL
    assert (
        f"Before costs and funding: {money(after + paid + funding)}. Costs: {money(paid)}. Funding: {money(funding)} "
        in text_of(page)
    )
    rows = costs_over_time(equity, CAPITAL)
    np.testing.assert_allclose(rows["before"] - rows["costs"] - rows["funding"], rows["after"], atol=1e-9)
    assert rows["costs"][-1] == pytest.approx(paid)


@needs_plotly
def test_names_are_shown_as_they_are():
    bare = bare_of(backtest_page(named()))
    assert not re.search(r"<(script|img|b>one|i>reason|u>regime|s>)", bare)
    for name in (CODE[0], "<img src=x onerror=alert(1)>", "<b>one", "<i>reason", "<u>regime", "<s>group.<s>option"):
        assert html.escape(name) in bare


@needs_plotly
@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (lambda: made(500, 0, 1), "No position was closed, so there is nothing to show."),
        (lambda: made(500, 20, 1, btc=False), "There is no price of BTC, so its line is missing."),
        (lambda: made(3, 1, 1), "How much of it is the market? This cannot be told"),
        (ruined, "A logarithmic scale has no place for 0 and less"),
        (lambda: replace(made(300, 5, 1), options={}, seed=None), "no seed"),
    ],
    ids=["no trade", "no BTC", "three bars", "ruin", "no options"],
)
def test_odd_reports_have_a_page(odd, words):
    page = backtest_page(odd())
    assert all(f'<section id="{name}"' in page for name in SECTIONS)
    assert words in re.sub(r"\s+", " ", text_of(page))
    assert "nan" not in text_of(page).lower().split()
    assert "None" not in text_of(page)


def test_a_report_without_bars_is_refused(report):
    with pytest.raises(DataError, match="equity must have at least one bar"):
        backtest_page(replace(report, equity=report.equity[:0]))
    with pytest.raises(DataError, match="leaders one name"):
        backtest_page(replace(report, leaders=()))


@needs_plotly
def test_the_switch_is_there_only_where_it_can_work(page):
    assert 'aria-controls="equity-chart"' in page
    assert 'aria-controls="equity-chart"' not in backtest_page(ruined())


@needs_plotly
def test_a_true_backtest_has_a_page():
    market = simulate_market(n_bars=360, assets=["BONK", "WIF"], late_listings=0, seed=1)
    report = run(market.frames, plan=WalkForward(folds=2, train=160), replications=0)
    page = backtest_page(report)
    words = re.sub(r"\s+", " ", text_of(page))
    assert answer_of(report).sentence.replace(NO_SPACE, " ") in words
    assert "200 bars of 1 h" in words
    assert "in 2 folds" in words
    assert len(cells_of(page, "folds")) == 2
    assert "All options are at their defaults." in words
    assert set(figures(report.metrics, "strategy")) <= set(METRIC_WORDS)
