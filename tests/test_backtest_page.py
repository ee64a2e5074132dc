"""The pages of a backtest and of an ablation: they show what the report holds, and claim no more than it shows."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from backtest_pages import CAPITAL, CODE, MIXED, ablation, difference, made, named, ruined
from commands import needs_plotly
from comove.backtest.page import ablation_page, ablation_table, backtest_page
from comove.backtest.page.ablation import overall_words, variant_words
from comove.backtest.page.answer import answer_of
from comove.backtest.page.charts import equity_chart, spread_chart
from comove.backtest.page.metrics import METRIC_WORDS, figures
from comove.backtest.page.numbers import count, money, percent, plain, ratio, signed_percent, when
from comove.backtest.page.series import costs_over_time, exposures, monthly_turnover, rolling_beta
from comove.backtest.page.thin import thin
from comove.backtest.page.words import ASSUMPTIONS, COST_WORDS, REASON_WORDS, cost_rows, costs_line, option_rows
from comove.engine import OrchestratorOptions
from comove.engine.assembly import plain_options
from comove.errors import DataError
from comove.report.words import REGIME_NAMES

SECTIONS = ("equity", "exposure", "regimes", "costs", "beta", "months", "sources", "trades", "numbers", "made")
NO_SPACE = "\u00a0"


def text_of(page):
    """What a reader sees, without the scripts."""
    bare = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", " ", bare)).replace(NO_SPACE, " ")


def cells_of(page, name):
    """The rows of a table as texts; intervals follow their values after a bar."""
    start = page.index(f'<table id="{name}">')
    body = page[page.index("<tbody>", start) : page.index("</tbody>", start)].replace('<span class="interval">', "|")
    return [
        [
            html.unescape(re.sub(r"<.*?>", "", cell)).replace(NO_SPACE, " ")
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


def bare_of(page):
    return re.sub(r"<script.*?</script>", "", page, flags=re.S)


@pytest.fixture(scope="module")
def report():
    return made()


@pytest.fixture(scope="module")
def page(report):
    pytest.importorskip("plotly")
    return backtest_page(report, title="Test <one>")


def given(total, sharpe=None, deflated=None, *, excess=None, end=1.1, held=1.4, trades=10, reason=None):
    """A report that ends with so many times the capital, and has these intervals."""
    base = made(200, trades, 1)
    equity = base.equity.with_columns(
        equity=pl.Series(np.linspace(CAPITAL, CAPITAL * end, 200)),
        btc=pl.Series(np.linspace(CAPITAL, CAPITAL * held, 200)),
    )

    def one(interval):
        low, high = interval or (None, None)
        return {"low": low, "high": high, "reason": reason}

    metrics = {
        "strategy": {"total_return": end - 1.0, "sharpe": 1.0},
        "market": {"excess_return": end - held},
        "intervals": {"strategy": {"total_return": one(total), "sharpe": one(sharpe), "excess_return": one(excess)}},
        "deflated": None if deflated is None else {"deflated": deflated},
    }
    return replace(base, equity=equity, metrics=metrics)


def said(report):
    answer = answer_of(report)
    return answer.sentence.replace(NO_SPACE, " "), answer.edge


class TestAnswer:
    def test_a_gain_beyond_chance_is_an_edge(self):
        words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.97, held=0.9))
        assert edge
        assert words == (
            "The strategy gained 10.0 % (95 % interval 2.0 % to 20.0 %), while holding BTC lost 10.0 %: evidence of an "
            "edge in these markets, before it is asked how much of it the market gave."
        )
        assert said(given((0.02, 0.2), (0.3, 2.0)))[1]
        assert said(given((0.02, 0.2)))[1]

    def test_an_edge_that_earned_less_than_the_market_says_so(self):
        words, edge = said(given((0.02, 0.2), (0.3, 2.0), held=1.4, excess=(-0.5, -0.1)))
        assert edge
        assert words.endswith(
            "how much of it the market gave. In the mean it earned 30.0 % a year less than holding BTC (95 % interval "
            "-50.0 % to -10.0 %): beyond chance."
        )
        assert said(given((0.02, 0.2), (0.3, 2.0), held=0.9, excess=(-0.1, 0.5)))[0].endswith(
            "In the mean it earned 20.0 % a year more than holding BTC (95 % interval -10.0 % to +50.0 %): not beyond "
            "chance."
        )

    def test_an_interval_with_0_is_no_edge(self):
        words, edge = said(given((-0.05, 0.3), (-0.1, 2.0)))
        assert not edge
        assert "gained 10.0 % (95 % interval -5.0 % to 30.0 %), while holding BTC gained 40.0 %: no evidence" in words
        assert "the interval holds 0" in words

    def test_one_interval_with_0_is_enough(self):
        words, edge = said(given((0.01, 0.3), (-0.1, 2.0)))
        assert not edge
        assert "no evidence of an edge, for the interval of its Sharpe ratio holds 0" in words
        assert not said(given((0.0, 0.3), (0.1, 2.0)))[1]

    def test_a_low_deflated_sharpe_ratio_takes_the_edge(self):
        words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.61))
        assert not edge
        assert "no evidence of an edge" in words
        assert "deflated Sharpe ratio 0.61, less than 0.95" in words
        assert said(given((0.02, 0.2), (0.3, 2.0), 0.95))[1]

    def test_a_loss_beyond_chance_is_told(self):
        words, edge = said(given((-0.3, -0.02), (-2.0, -0.1), 0.99, end=0.877))
        assert not edge
        assert words.startswith("The strategy lost 12.3 % (95 % interval -30.0 % to -2.0 %)")
        assert words.endswith("evidence that it loses, beyond bad luck.")

    def test_without_intervals_nothing_is_claimed(self):
        words, edge = said(given(None, None, 0.99, reason="fewer than 30 bars"))
        assert not edge
        assert "without an interval (fewer than 30 bars) nobody can tell this from chance" in words
        assert "95 %" not in words
        assert "evidence of an edge" not in words.replace("no evidence of an edge", "")

    def test_no_trade_says_nothing(self):
        words, edge = said(given((0.02, 0.2), (0.3, 2.0), 0.99, end=1.0, trades=0))
        assert not edge
        assert words == (
            "The strategy closed no trade, and its capital stayed as it was, while holding BTC gained 40.0 %: this "
            "backtest says nothing on whether it has an edge."
        )

    def test_ruin_is_ruin(self):
        lost = ruined()
        gained = given((0.5, 2.0), (1.0, 2.0), 0.99).metrics
        for one in (lost, replace(lost, metrics=gained), replace(lost, ruined=None)):
            words, edge = said(one)
            assert not edge
            assert words.startswith("The strategy lost all its capital: nothing was left of it at 2023-02-03 08:00 UTC")

    def test_without_a_benchmark_it_says_so(self):
        base = given((-0.05, 0.3))
        none = base.equity.with_columns(btc=pl.lit(None, pl.Float64))
        assert "; there is no price of BTC to compare it with: no evidence" in said(replace(base, equity=none))[0]


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


def test_thinning_keeps_extremes_breaks_and_ends():
    rng = np.random.default_rng(11)
    rows = 30_000
    one, other = np.cumsum(rng.normal(size=rows)), rng.normal(size=rows)
    other[17_000:17_500] = np.nan
    frame = pl.DataFrame({"place": np.arange(rows), "one": one, "other": other}).with_columns(
        pl.col("other").fill_nan(None)
    )
    kept = thin(frame, ["one", "other"], buckets=500)
    assert len(kept) <= 500 * 7
    assert kept["place"].is_sorted()
    assert {0, rows - 1} <= set(kept["place"])
    edges = np.linspace(0, rows, 501).astype(int)
    for first, after in itertools.pairwise(edges):
        run, left = frame[first:after], kept.filter(pl.col("place").is_between(first, after - 1))
        for column in ("one", "other"):
            assert left[column].min() == run[column].min()
            assert left[column].max() == run[column].max()
        assert left["other"].null_count() > 0 or run["other"].null_count() == 0
    assert kept.rows() == frame.filter(pl.col("place").is_in(kept["place"].implode())).rows()
    assert thin(frame[:1500], ["one"], buckets=500).equals(frame[:1500])
    flat = pl.DataFrame({"one": np.ones(10_000)})
    assert len(thin(flat, ["one"], buckets=100)) <= 300


@needs_plotly
def test_a_chart_shows_the_extremes(report):
    figure = equity_chart(made(24_000, 10, 3).equity, "BTC", CAPITAL)
    equity = made(24_000, 10, 3).equity
    for trace, column in zip(figure.data, ("equal", "btc", "equity"), strict=True):
        assert max(trace.y) == pytest.approx(equity[column].max(), rel=1e-6)
        assert min(trace.y) == pytest.approx(equity[column].min(), rel=1e-6)
        assert trace.y[-1] == pytest.approx(equity[column][-1], rel=1e-6)
        assert len(trace.y) < 10_000
    # One line where each fold begins, and that of the capital.
    assert len(figure.layout.shapes) == 4
    assert len(equity_chart(made(300, 10, 1).equity, "BTC", CAPITAL).layout.shapes) == 1


@needs_plotly
def test_no_bar_of_the_distribution_has_gains_and_losses():
    amounts = np.concatenate([np.random.default_rng(2).normal(0.001, 0.02, 500), [9.0]])
    (bars,) = spread_chart(amounts, title="net").data
    assert sum(bars.y) == len(amounts)
    assert all(low >= 0.0 or high <= 1e-12 for low, high in bars.customdata)
    gains = sum(number for (low, _), number in zip(bars.customdata, bars.y, strict=True) if low >= -1e-12)
    assert gains == (amounts >= 0.0).sum()
    (alone,) = spread_chart(np.array([-0.01]), title="net").data
    assert sum(alone.y) == 1
    (zero,) = spread_chart(np.zeros(3), title="net").data
    assert sum(zero.y) == 3


def test_beta_over_time_sees_the_past_alone(report):
    whole = rolling_beta(report).rows
    cut = rolling_beta(replace(report, equity=report.equity[:5000])).rows
    assert whole[:5000].equals(cut)
    equity = report.equity
    returns = {
        name: np.diff(np.concatenate([[CAPITAL], equity[name]])) / np.concatenate([[CAPITAL], equity[name][:-1]])
        for name in ("equity", "btc")
    }
    window = slice(4000 - 719, 4001)
    y, x = returns["equity"][window], returns["btc"][window]
    slope, level = np.polyfit(x, y, 1)
    error = np.sqrt(((y - slope * x - level) ** 2).sum() / 718 / ((x - x.mean()) ** 2).sum())
    row = whole.row(4000, named=True)
    assert row["beta"] == pytest.approx(slope, rel=1e-9)
    assert row["high"] - row["beta"] == pytest.approx(1.959964 * error, rel=1e-6)
    assert row["beta"] - row["low"] == pytest.approx(1.959964 * error, rel=1e-6)


def test_exposures_are_parts_of_what_is_there():
    rows = exposures(ruined().equity)
    equity = ruined().equity
    alive = equity["equity"] > 0.0
    assert rows["net"].is_null().to_list() == (~alive).to_list()
    row, given_row = rows.row(10, named=True), equity.row(10, named=True)
    assert row["net"] == pytest.approx((given_row["long"] - given_row["short"]) / given_row["equity"])
    assert row["short"] <= 0.0
    assert row["heat"] == given_row["heat"]


def test_turnover_is_that_of_each_month(report):
    rows = monthly_turnover(report.equity)
    assert rows["month"].is_sorted()
    assert len(rows) == 11
    first = report.equity.filter(pl.col("ts").dt.month() == 1)
    assert rows["turnover"][0] == pytest.approx(first["traded"].sum() / first["equity"].mean())


def test_numbers_in_words():
    numbers = (0.1234, -0.005, 0.0, 12.5, None, float("nan"), True)
    assert [percent(one).replace(NO_SPACE, " ") for one in numbers] == [
        "12.3 %", "-0.50 %", "0.00 %", "1,250 %", "–", "–", "–",  # noqa: RUF001
    ]  # fmt: skip
    assert [signed_percent(one).replace(NO_SPACE, " ") for one in (0.1, -0.1, 0.0, 1e-9)] == [
        "+10.0 %", "-10.0 %", "0.00 %", "0.00 %",
    ]  # fmt: skip
    assert [money(one) for one in (12_345.678, 99.999, -0.5, 0.00123, 0.0, None)] == [
        "12,346", "100.00", "-0.50", "0.00123", "0.00", "–",  # noqa: RUF001
    ]  # fmt: skip
    assert [ratio(one) for one in (1.234, -0.0001, None)] == ["1.23", "0.00", "–"]  # noqa: RUF001
    assert [count(one) for one in (12_000, 3.5, 4.0)] == ["12,000", "3.5", "4"]
    assert [plain(one) for one in ("a", 3, 0.123456789, None, True)] == ["a", "3", "0.123457", "–", "True"]  # noqa: RUF001
    assert when("2024-01-02T03:04:05Z") == "2024-01-02 03:04"
    assert when(None) == "–"  # noqa: RUF001
    assert when("soon") == "soon"


def test_every_cost_and_reason_has_words():
    from dataclasses import asdict

    from comove.backtest import Costs

    assert set(COST_WORDS) == set(asdict(Costs()))
    assert all(words for _, _, words in cost_rows(asdict(Costs())))
    assert {"stop", "take_profit", "prediction", "hold_rows", "leader_breakdown", "scale_out"} <= set(REASON_WORDS)
    assert costs_line(asdict(Costs.none())).startswith("no costs at all were reckoned")
    assert "funding of 0.01 %" in costs_line(asdict(Costs())).replace(NO_SPACE, " ")
    assert cost_rows({"new<": 3}) == [("new&lt;", "3", "")]


def test_options_that_differ_are_shown_with_their_defaults():
    defaults = {"a": 1, "group": {"b": 2.0, "c": ["x"]}, "same": 5}
    options = {"a": 3, "group": {"b": 2.0, "c": ["x", "y"]}, "same": 5, "new": None}
    assert option_rows(options, defaults) == [("a", "3", "1"), ("group.c", "x, y", "x"), ("new", "–", "")]  # noqa: RUF001
    assert [name for name, _, _ in option_rows(options)] == ["a", "group.b", "group.c", "same", "new"]
    assert option_rows(defaults, defaults) == []


def one(**changes):
    return ablation({"part": difference(**changes)}, rows=40).variants[0]


class TestAblation:
    def test_verdicts_are_those_for_all_parts_together(self):
        helps, harms = difference(-0.04, -0.07, -0.01, 0.01, 0.03), difference(0.04, 0.01, 0.07, 0.01, 0.03)
        words = variant_words(one(mean=-0.04, low=-0.07, high=-0.01, p_value=0.01, p_holm=0.03)).replace(NO_SPACE, " ")
        assert words == "this part helps: without it the strategy earned 4.0 % a year less"
        report = ablation({"first": helps, "second": harms, "third": difference()}, rows=40)
        assert overall_words(report.variants) == (
            "Of 3 parts, first helps and second harms beyond chance (a chance of 5 % for even one false verdict); for "
            "the other 1 there is no significant difference."
        )

    def test_what_is_significant_alone_is_not_significant_among_many(self):
        words = variant_words(one(mean=-0.04, low=-0.07, high=-0.01, p_value=0.02, p_holm=0.08))
        assert words.startswith("no significant difference once it is counted how many parts were tried; without it a")

    def test_no_difference_is_said_as_it_is(self):
        report = ablation({"first": difference(), "second": difference()}, rows=40)
        words = overall_words(report.variants)
        assert words.startswith("No significant difference: of 2 parts none changes the result beyond chance")
        assert "not proof that they do nothing" in words
        assert "helps" not in words

    def test_what_cannot_be_told_has_its_reason(self):
        none = one(mean=None, low=None, high=None, p_value=None, p_holm=None, reason="no bar differs")
        assert variant_words(none) == "cannot be told: no bar differs"
        few = one(low=None, high=None, p_value=None, p_holm=None, reason="too little differs")
        assert "there is no p-value (too little differs)" in variant_words(few)
        assert overall_words([none]) == "Nothing can be told of any of 1 part."

    def test_a_difference_of_0_neither_helps_nor_harms(self):
        assert variant_words(one(mean=0.0, low=0.0, high=0.0, p_value=0.001, p_holm=0.001)).startswith("no significant")

    def test_the_table_holds_the_numbers(self):
        report = ablation(MIXED, rows=40)
        cells = cells_of(ablation_table(report.variants, base=report.metrics), "ablation")
        assert len(cells) == 1 + len(MIXED)
        assert cells[0][0] == "none: all parts"
        assert cells[1][0] == "beta sizing|as if there were no beta sizing"
        assert cells[1][3:7] == ["-4.2 %", "-7.3 % to -1.1 %", "0.003", "0.015"]
        assert cells[5][3:7] == ["–"] * 4  # noqa: RUF001
        assert len(cells_of(ablation_table(report.variants), "ablation")) == len(MIXED)

    @needs_plotly
    def test_the_page_shows_it_all(self):
        report = ablation({**MIXED, "<script>x</script>": difference()})
        page = ablation_page(report)
        assert html.escape(overall_words(report.variants)) in page
        assert "<script>x</script>" not in page
        assert html.escape("<script>x</script>") in page
        assert page.count("plotly.js v") == 1
        assert page == ablation_page(report)

    def test_what_is_incomplete_is_refused(self):
        report = ablation(MIXED, rows=40)
        with pytest.raises(DataError, match="got no variant"):
            ablation_page(replace(report, variants=()))
        with pytest.raises(DataError, match="got no column regimes"):
            ablation_page(replace(report, curves=report.curves.drop("regimes")))
        with pytest.raises(DataError, match="got none"):
            ablation_page(replace(report, curves=report.curves[:0]))
