"""What the page of a backtest reckons and writes by itself: thinned lines, series, numbers in words."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace

import numpy as np
import polars as pl
import pytest

from backtest_pages import CAPITAL, NO_SPACE, made, ruined
from commands import needs_plotly
from comove.backtest import Costs
from comove.backtest.page.charts import equity_chart, spread_chart
from comove.backtest.page.numbers import count, error_text, money, percent, plain, ratio, signed_percent, when
from comove.backtest.page.series import exposures, monthly_turnover, rolling_beta
from comove.backtest.page.thin import thin
from comove.backtest.page.words import COST_WORDS, REASON_WORDS, cost_rows, costs_line, option_rows


@pytest.fixture(scope="module")
def report():
    return made()


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
    assert [error_text(one) for one in (0.25, 0.0031, 0.0, None)] == ["0.25", "0.003", "0.00", "–"]  # noqa: RUF001
    assert [count(one) for one in (12_000, 3.5, 4.0)] == ["12,000", "3.5", "4"]
    assert [plain(one) for one in ("a", 3, 0.123456789, None, True)] == ["a", "3", "0.123457", "–", "True"]  # noqa: RUF001
    assert when("2024-01-02T03:04:05Z") == "2024-01-02 03:04"
    assert when(None) == "–"  # noqa: RUF001
    assert when("soon") == "soon"


def test_every_cost_and_reason_has_words():
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
