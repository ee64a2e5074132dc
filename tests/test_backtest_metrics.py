"""Figures of curves whose answers are known, and of a market against statsmodels."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from comove.backtest.stats import curve_returns, market_metrics, metrics, return_metrics, returns_of
from comove.backtest.stats.market import hac_lags
from comove.backtest.stats.metrics import ATTRIBUTION_COLUMNS, EQUITY_COLUMNS, TRADE_COLUMNS
from comove.errors import DataError, ParameterError

DAY = 86_400.0
NAN = float("nan")
START = dt.datetime(2023, 12, 30, tzinfo=dt.UTC)


def equity_of(values, *, step=DAY, **columns):
    rows = len(values)
    zeros = [0.0] * rows
    given = {
        "ts": [START + dt.timedelta(seconds=step * row) for row in range(rows)],
        "equity": values,
        "regime": ["calm"] * rows,
        "positions": [0] * rows,
        **{name: zeros for name in ("long", "short", "costs", "funding", "traded")},
        "btc": [100.0] * rows,
        "equal": [100.0] * rows,
    }
    floats = ("equity", "long", "short", "costs", "funding", "traded", "btc", "equal")
    return pl.DataFrame(given | columns, strict=False).with_columns(
        pl.col("ts").cast(pl.Datetime("ns", "UTC")), pl.col(floats).cast(pl.Float64), pl.col("regime").cast(pl.String)
    )


def trades_of(rows=()):
    types = dict(zip(TRADE_COLUMNS, (pl.String, *[pl.Float64] * 3, pl.Int64, pl.String, pl.String), strict=True))
    return pl.DataFrame(rows, schema=types, orient="row")


TRADES = trades_of(
    [
        ("long", 1.0, 0.5, 30.0, 4, "take_profit", "calm"),
        ("long", 1.0, 0.0, -10.0, 2, "stop", "calm"),
        ("short", 2.0, -1.0, -5.0, 6, "stop", None),
        ("short", 1.0, 0.0, 0.0, 8, "hold_rows", "storm"),
    ]
)


def test_a_curve_with_a_known_drawdown():
    curve = [110.0, 120.0, 90.0, 60.0, 90.0, 120.0, 130.0, 117.0]
    found = metrics(equity_of(curve), TRADES, capital=100.0, step_seconds=DAY)["strategy"]
    assert found["total_return"] == pytest.approx(0.17, abs=1e-15)
    assert found["max_drawdown"] == pytest.approx(-0.5, abs=1e-15)
    assert found["drawdown_from"] == "2023-12-31T00:00:00+00:00"
    assert found["drawdown_low"] == "2024-01-02T00:00:00+00:00"
    assert found["drawdown_to"] == "2024-01-04T00:00:00+00:00"
    assert found["drawdown_days"] == 4.0
    assert found["cagr"] == pytest.approx(1.17 ** (365.25 / 8) - 1, rel=1e-12)
    assert found["calmar"] == pytest.approx(2 * found["cagr"], rel=1e-12)


def test_a_drawdown_that_is_not_made_good_and_one_from_the_capital():
    found = metrics(equity_of([90.0, 80.0, 99.0]), TRADES, capital=100.0, step_seconds=DAY)["strategy"]
    assert found["max_drawdown"] == pytest.approx(-0.2, abs=1e-15)
    assert found["drawdown_from"] == "2023-12-29T00:00:00+00:00"
    assert found["drawdown_low"] == "2023-12-31T00:00:00+00:00"
    assert (found["drawdown_to"], found["drawdown_days"]) == (None, None)


def test_returns_against_their_definitions_and_scipy():
    r = np.random.default_rng(3).standard_t(4, 700) * 0.004 + 0.0002
    found = return_metrics(r, 3600.0)
    year = 8766.0
    assert found["volatility"] == pytest.approx(r.std(ddof=1) * year**0.5, rel=1e-12)
    assert found["sharpe"] == pytest.approx(r.mean() / r.std(ddof=1) * year**0.5, rel=1e-12)
    below = math.sqrt(np.mean(np.minimum(r, 0.0) ** 2))
    assert found["sortino"] == pytest.approx(r.mean() / below * year**0.5, rel=1e-12)
    assert found["skew"] == pytest.approx(stats.skew(r), rel=1e-11)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(r, fisher=False), rel=1e-11)
    curve = np.concatenate(([1.0], np.cumprod(1.0 + r)))
    worst = min(curve[at] / curve[: at + 1].max() - 1.0 for at in range(len(curve)))
    assert found["max_drawdown"] == pytest.approx(worst, rel=1e-12)
    assert found["total_return"] == pytest.approx(curve[-1] - 1.0, rel=1e-12)
    assert found["cagr"] == pytest.approx(curve[-1] ** (year / 700) - 1.0, rel=1e-11)


def test_what_is_not_defined_is_missing():
    flat = return_metrics(np.zeros(50), 3600.0)
    assert {name: flat[name] for name in ("total_return", "cagr", "volatility", "max_drawdown")} == {
        "total_return": 0.0,
        "cagr": 0.0,
        "volatility": 0.0,
        "max_drawdown": 0.0,
    }
    assert all(flat[name] is None for name in ("sharpe", "sortino", "calmar", "skew", "kurtosis"))
    # Equal returns that are not 0, whose deviations from the mean are rounding.
    steady = return_metrics(np.full(50, 0.1), 3600.0)
    assert steady["sharpe"] is None
    assert steady["volatility"] == 0.0
    assert steady["sortino"] is None
    assert set(return_metrics(None, 3600.0).values()) == {None}
    assert set(return_metrics([], 3600.0).values()) == {None}
    one = return_metrics([0.5], 3600.0)
    assert (one["total_return"], one["volatility"], one["sharpe"]) == (0.5, None, None)
    # A year of hours that rise by a half is beyond float64, and so is the growth of many bars.
    assert one["cagr"] is None
    assert return_metrics(np.array([1.0, 1.5] * 1500), 3600.0)["total_return"] is None


def test_ruin_has_no_returns_and_missing_equity_is_refused():
    assert curve_returns([100.0, -1.0, 5.0], 100.0) is None
    assert curve_returns([100.0, 1e-20, 5.0], 100.0) is None
    found = metrics(equity_of([100.0, 50.0, 0.0]), TRADES, capital=100.0, step_seconds=DAY)
    assert found["ruined"] is True
    assert set(found["strategy"].values()) == {None}
    assert set(found["market"].values()) == {None}
    assert found["exposure"]["mean_gross"] is None
    assert all(month["return"] is None and month["btc"] == 0.0 for month in found["months"])
    assert found["regimes"]["calm"]["total_return"] is None
    assert found["costs"]["turnover"] == 0.0
    with pytest.raises(DataError, match="equity must be finite, got nan at row 1"):
        metrics(equity_of([100.0, None, 90.0]), TRADES, capital=100.0, step_seconds=DAY)
    with pytest.raises(DataError, match=r"returns must be finite and above -1, got -1\.0 at row 1"):
        return_metrics([0.0, -1.0], DAY)
    with pytest.raises(ParameterError, match="capital"):
        metrics(equity_of([100.0]), TRADES, capital=0.0, step_seconds=DAY)
    with pytest.raises(ParameterError, match="step_seconds"):
        metrics(equity_of([100.0]), TRADES, capital=1.0, step_seconds=0.0)
    with pytest.raises(DataError, match="trades must have the columns net"):
        metrics(equity_of([100.0]), TRADES.drop("net"), capital=1.0, step_seconds=DAY)
    with pytest.raises(DataError, match="ts must rise"):
        metrics(equity_of([100.0, 90.0]).reverse(), TRADES, capital=100.0, step_seconds=DAY)


@pytest.mark.parametrize("gaps", [False, True])
def test_beta_and_its_errors_against_statsmodels(gaps):
    rng = np.random.default_rng(5)
    x = rng.standard_t(5, 900) * 0.006
    noise = rng.standard_normal(900) * 0.004
    # Residuals that follow each other, and spread with the market.
    noise[1:] += 0.6 * noise[:-1]
    y = 0.0001 + 0.7 * x + noise * (1.0 + 80.0 * np.abs(x))
    if gaps:
        x[::50], y[7::90] = NAN, NAN
    found = market_metrics(y, x, 3600.0)
    there = np.isfinite(x) & np.isfinite(y)
    model = sm.OLS(y[there], sm.add_constant(x[there]))
    plain = model.fit()
    lags = hac_lags(int(there.sum()))
    robust = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    assert lags == 6
    assert found["bars"] == there.sum()
    assert found["beta"] == pytest.approx(plain.params[1], rel=1e-10)
    assert found["beta_stderr"] == pytest.approx(plain.bse[1], rel=1e-10)
    assert found["beta_stderr_hac"] == pytest.approx(robust.bse[1], rel=1e-9)
    assert found["beta_stderr_hac"] > 1.2 * found["beta_stderr"]
    assert found["alpha"] == pytest.approx(plain.params[0] * 8766, rel=1e-8)
    assert found["correlation"] == pytest.approx(np.corrcoef(y[there], x[there])[0, 1], rel=1e-10)
    assert found["r_squared"] == pytest.approx(plain.rsquared, rel=1e-9)


def test_a_market_that_does_not_vary_has_no_beta():
    r = np.random.default_rng(1).standard_normal(20) * 0.01
    flat = market_metrics(r, np.full(20, 0.001), DAY)
    assert {name for name, value in flat.items() if value is not None} == {"bars"}
    still = market_metrics(np.zeros(20), r, DAY)
    assert (still["beta"], still["correlation"]) == (0.0, None)
    assert market_metrics(r[:2], r[:2], DAY)["beta"] is None
    assert market_metrics([], [], DAY)["bars"] == 0


def test_a_benchmark_begins_when_it_has_a_price():
    frame = equity_of([101.0, 102.0, 103.0, 104.0], btc=[None, None, 110.0, 99.0], equal=[None] * 4)
    btc = returns_of(frame, "btc", 100.0)
    assert np.isnan(btc[:2]).all()
    assert btc[2:] == pytest.approx([0.1, -0.1], abs=1e-15)
    found = metrics(frame, TRADES, capital=100.0, step_seconds=DAY)
    assert found["btc"]["total_return"] == pytest.approx(-0.01, abs=1e-15)
    assert found["btc"]["drawdown_from"] == "2024-01-01T00:00:00+00:00"
    assert found["market"]["bars"] == 2
    excess = np.mean([103 / 102 - 1 - 0.1, 104 / 103 - 1 + 0.1]) * 365.25
    assert found["market"]["excess_return"] == pytest.approx(excess, rel=1e-12)
    assert set(found["equal"].values()) == {None}
    with pytest.raises(DataError, match="equity must be finite"):
        returns_of(equity_of([1.0] * 3, btc=[1.0, None, 1.0]), "btc", 1.0)


def test_a_return_belongs_to_the_regime_before_it():
    # What happens while the storm begins was earned with the positions of the calm.
    frame = equity_of([100.0, 110.0, 55.0, 55.0, 66.0], regime=["calm", "calm", "storm", None, "calm"])
    found = metrics(frame, TRADES, capital=100.0, step_seconds=DAY)["regimes"]
    assert list(found) == ["calm", "storm", "unknown"]
    assert found["calm"]["bars"] == 2
    assert found["calm"]["share"] == 0.4
    assert found["calm"]["total_return"] == pytest.approx(-0.45, abs=1e-14)
    assert found["calm"]["mean_return"] == pytest.approx(-0.2 * 365.25, rel=1e-12)
    assert (found["storm"]["total_return"], found["storm"]["volatility"]) == (0.0, None)
    assert found["unknown"]["total_return"] == pytest.approx(0.2, abs=1e-14)


def test_regimes_and_months_compound_to_the_whole():
    rng = np.random.default_rng(8)
    curve = 100.0 * np.cumprod(1.0 + rng.standard_normal(400) * 0.01)
    frame = equity_of(curve, regime=rng.choice(["a", "b", "c"], 400), btc=curve[::-1].copy())
    found = metrics(frame, TRADES, capital=100.0, step_seconds=DAY)
    whole = 1.0 + found["strategy"]["total_return"]
    assert math.prod(1.0 + each["total_return"] for each in found["regimes"].values()) == pytest.approx(
        whole, rel=1e-12
    )
    assert sum(each["bars"] for each in found["regimes"].values()) == 400
    assert math.prod(1.0 + each["return"] for each in found["months"]) == pytest.approx(whole, rel=1e-12)
    btc = math.prod(1.0 + each["btc"] for each in found["months"])
    assert btc == pytest.approx(1.0 + found["btc"]["total_return"], rel=1e-12)
    assert [(each["year"], each["month"]) for each in found["months"][:3]] == [(2023, 12), (2024, 1), (2024, 2)]
    assert found["months"][0]["return"] == pytest.approx(curve[1] / 100.0 - 1.0, rel=1e-12)


def test_no_figure_of_the_past_sees_the_future():
    rng = np.random.default_rng(9)
    curve = 100.0 * np.cumprod(1.0 + rng.standard_normal(90) * 0.01)
    frame = equity_of(curve, regime=rng.choice(["a", "b"], 90))
    longer, shorter = (metrics(part, TRADES, capital=100.0, step_seconds=DAY) for part in (frame, frame.head(33)))
    # 2 bars of December, all of January.
    assert longer["months"][:2] == shorter["months"]


def test_trades_by_side_reason_and_regime():
    found = metrics(equity_of([100.0, 101.0]), TRADES, capital=100.0, step_seconds=DAY)["trades"]
    assert found["all"] == {
        "count": 4,
        "net": 15.0,
        "mean_net": 3.75,
        "hit_rate": 0.25,
        "profit_factor": 2.0,
        "mean_rows": 5.0,
        "costs": 5.0,
        "funding": -0.5,
    }
    assert list(found["by_side"]) == ["long", "short"]
    assert found["by_side"]["long"]["profit_factor"] == 3.0
    assert found["by_reason"]["take_profit"]["profit_factor"] is None
    assert found["by_reason"]["hold_rows"]["hit_rate"] == 0.0
    assert {name: each["count"] for name, each in found["by_regime"].items()} == {"calm": 2, "storm": 1, "unknown": 1}
    assert sum(each["net"] for each in found["by_reason"].values()) == 15.0
    none = metrics(equity_of([100.0]), trades_of(), capital=100.0, step_seconds=DAY)["trades"]
    assert none["all"].pop("count") == 0
    assert set(none["all"].values()) == {None}
    assert none["by_side"] == {}


def test_exposure_costs_and_attribution():
    frame = equity_of(
        [100.0, 200.0, 100.0, 200.0],
        positions=[0, 2, 1, 0],
        long=[0.0, 100.0, 50.0, 0.0],
        short=[0.0, 50.0, 0.0, 0.0],
        costs=[0.0, 1.0, 1.0, 1.0],
        funding=[0.0, 0.5, -0.25, 0.0],
        traded=[0.0, 150.0, 100.0, 50.0],
    )
    shares = pl.DataFrame(
        [(0, "rl", 18.0), (0, "pattern", 12.0), (1, "rl", -10.0), (2, None, -5.0)],
        schema=dict(zip(ATTRIBUTION_COLUMNS, (pl.Int64, pl.String, pl.Float64), strict=True)),
        orient="row",
    )
    found = metrics(frame, TRADES, shares, capital=100.0, step_seconds=DAY)
    assert found["exposure"] == {
        "time_in_market": 0.5,
        "mean_gross": 0.3125,
        "mean_net": 0.1875,
        "mean_positions": 0.75,
    }
    years = 4 / 365.25
    assert found["years"] == pytest.approx(years, rel=1e-15)
    assert found["costs"] == pytest.approx(
        {
            "costs": 3.0,
            "funding": 0.25,
            "traded": 300.0,
            "costs_per_year": 0.02 / years,
            "funding_per_year": 0.25 / 150 / years,
            "turnover": 2 / years,
        },
        rel=1e-14,
    )
    assert found["attribution"] == {
        "pattern": {"trades": 1, "net": 12.0},
        "rl": {"trades": 2, "net": 8.0},
        "unknown": {"trades": 1, "net": -5.0},
    }


@pytest.mark.parametrize("rows", [0, 1, 2, 40])
def test_all_of_it_is_json(rows):
    rng = np.random.default_rng(rows)
    frame = equity_of((100.0 * np.cumprod(1.0 + rng.standard_normal(rows) * 0.01)).tolist())
    assert set(EQUITY_COLUMNS) <= set(frame.columns)
    found = metrics(frame, TRADES, capital=100.0, step_seconds=3600.0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["bars"] == rows


def test_the_same_rows_have_the_same_figures_whatever_their_chunks_and_threads():
    """Sums of floats depend on their order: by chunks, and of groups by which thread had which rows."""
    rng = np.random.default_rng(8)
    rows = 4_000
    curve = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, rows)))
    amounts = rng.lognormal(0.0, 3.0, (3, rows))
    equity = equity_of(curve, step=3_600.0, costs=amounts[0], funding=amounts[1], traded=amounts[2], btc=curve[::-1])
    trades = trades_of(
        [
            (side, *each, 3, reason, "calm")
            for side, reason, each in zip(
                rng.choice(["long", "short"], rows), rng.choice(["stop", "end"], rows), amounts.T.tolist(), strict=True
            )
        ]
    )
    attribution = pl.DataFrame(
        dict(zip(ATTRIBUTION_COLUMNS, (range(rows), rng.choice(["alpha", "rl"], rows), amounts[0]), strict=True))
    )

    def chunked(frame, size):
        return pl.concat([frame[at : at + size] for at in range(0, frame.height, size)], rechunk=False)

    found = set()
    for size in (rows, 7, 100, 999) * 15:
        frames = [chunked(frame, size) for frame in (equity, trades, attribution)]
        found.add(json.dumps(metrics(*frames, capital=100.0, step_seconds=3_600.0)))
    assert len(found) == 1
