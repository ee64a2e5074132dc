"""The coordinator fed bar by bar says what it says from history, bit for bit, and refuses what comes too late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove import DataError, MarketStructureCoordinator, OrderError, ParameterError, PriceData, RegimeOptions, arrays
from structure_cases import HOUR, LEADERS, bars_of, feed, hours, market, same, with_leaders

WINDOWS = [
    {"window_size": 25, "lag_window": 20, "spillover_window": 30, "vol_window": 3, "max_lag": 2},
    {"window_span": "40h", "max_rows": 200, "lag_window": 30, "spillover_window": 40, "vol_window": 2, "max_lag": 1},
]
JOINS = [{}, {"join": "asof", "tolerance": "2h"}]
SMALL = RegimeOptions(window_size=30, past_window=40, vol_window=4, min_dwell=2)


def gappy(seed, rows=160, missing=0.1):
    """Series with missing rows, missing prices, late starts, holes, and times of their own."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, each in market(rows, seed).items():
        ts, values = np.array(each.timestamps), np.array(each.prices)
        values[rng.random(rows) < missing / 2] = np.nan
        ts += HOUR // 2 * (rng.random(rows) < missing / 2)
        kept = rng.random(rows) > missing
        kept[: rng.integers(0, 30)] = False
        hole = rng.integers(0, rows)
        kept[hole : hole + rng.integers(0, 25)] = False
        kept[rows - rng.integers(0, 10) :] = False
        out[name] = PriceData(ts[kept], values[kept])
    return out


def history_says(data, coordinator, asset, leader, now):
    of = {"current_time": now}
    return (
        coordinator.get_beta(asset, data[asset], leader, **of),
        coordinator.get_lead_lag(asset, data[asset], leader, **of),
        coordinator.get_volatility_spillover(asset, data[asset], leader, **of),
    )


def live_says(coordinator, asset, leader, now=None):
    of = {"current_time": now}
    return (
        coordinator.get_beta(asset, benchmark=leader, **of),
        coordinator.get_lead_lag(asset, leader=leader, **of),
        coordinator.get_volatility_spillover(asset, source=leader, **of),
    )


@pytest.mark.parametrize("join", JOINS, ids=["union", "asof"])
@pytest.mark.parametrize("windows", WINDOWS, ids=["rows", "span"])
@given(seed=st.integers(0, 10_000), max_gap=st.sampled_from([3, 12, 72]), cut=st.integers(100, 400))
def test_live_is_history_bit_for_bit(windows, join, seed, max_gap, cut):
    data = gappy(seed)
    history = with_leaders(data, **windows, **join, max_gap=max_gap)
    live = MarketStructureCoordinator(**windows, **join, max_gap=max_gap)
    bars = bars_of(data)[:cut]
    for ts, bar in bars:
        live.update_bar(ts, bar)
    now = bars[-1][0]
    for asset in ("BONK", "WIF", "ETH"):
        for leader in LEADERS:
            if asset == leader:
                continue
            for mine, theirs in zip(
                live_says(live, asset, leader), history_says(data, history, asset, leader, now), strict=True
            ):
                if mine.last_updated is None:
                    # What never came is called missing in other words.
                    assert theirs.last_updated is None
                    assert mine.sample_size == theirs.sample_size == 0
                else:
                    assert same(mine, theirs)


@pytest.mark.parametrize("join", JOINS, ids=["union", "asof"])
@given(seed=st.integers(0, 10_000), max_gap=st.sampled_from([3, 12, 72]))
def test_live_regimes_are_those_of_history(join, seed, max_gap):
    data = gappy(seed, missing=0.05)
    options = {"max_rows": 400, "max_gap": max_gap, "regimes": SMALL, **join}
    live, history = feed(MarketStructureCoordinator(**options), data), with_leaders(data, **options)
    now = live.last_bar
    assert same(live.detect_market_regime(), history.detect_market_regime(None, data, current_time=now))
    for asset in ("BONK", "ETH"):
        one, other = (
            live.detect_market_regime(asset),
            history.detect_market_regime(asset, data[asset], current_time=now),
        )
        assert same(one, other)


@pytest.mark.parametrize("join", JOINS, ids=["union", "asof"])
def test_at_every_row_live_and_history_know_of_the_same_symbols(join):
    """An asset that lists later is in the data of history from the beginning."""
    data = market(80, 5)
    values = np.array(data["WIF"].prices)
    values[40:45] = np.nan
    data["WIF"] = PriceData(hours(80)[40:], values[40:])
    options = {"max_rows": 100, "regimes": SMALL, **join}
    live, history = MarketStructureCoordinator(**options), with_leaders(data, **options)
    for ts, bar in bars_of(data):
        live.update_bar(ts, bar)
        for asset in ("WIF", "BONK", "ETH"):
            said = live.detect_market_regime(asset)
            assert same(said, history.detect_market_regime(asset, data[asset], current_time=ts))
        assert same(live.detect_market_regime(), history.detect_market_regime(None, data, current_time=ts))
        if ts == hours(80)[39]:
            assert live.detect_market_regime().coverage == 1.0
            never = history.detect_market_regime("WIF", data["WIF"], current_time=ts)
            assert never.reason == "WIF has no price in a row of the leaders until then"
            assert never.evidence["leaders_trend"] is not None
    assert live.detect_market_regime().coverage == 1.0


def test_the_history_frame_is_what_was_said_then():
    data = market(200, 3)
    live, history = MarketStructureCoordinator(max_rows=300, regimes=SMALL), with_leaders(data, regimes=SMALL)
    frames = {symbol: history.regime_history(data, symbol=symbol) for symbol in (None, "BONK")}
    for row, (ts, bar) in enumerate(bars_of(data)):
        live.update_bar(ts, bar)
        for symbol, frame in frames.items():
            said, shown = live.detect_market_regime(symbol), frame.row(row, named=True)
            assert shown["ts"] == said.timestamp
            assert shown["regime"] == said.regime.value
            assert shown["confidence"] == said.regime_confidence
            assert {name: shown[f"score_{name}"] for name in said.scores} == dict(said.scores)
            assert all(shown[name] == value for name, value in said.evidence.items() if name in shown)
            assert (shown["leader"], shown["outperformer"]) == (said.leader, said.outperformer)


@pytest.mark.parametrize("windows", WINDOWS, ids=["rows", "span"])
def test_the_readings_are_those_of_the_arrays(windows):
    data = market(200)
    beta = with_leaders(data, **windows).get_beta("BONK", data["BONK"], "BTC")
    window = {k: v for k, v in windows.items() if k in ("window_size", "window_span")}
    ts = {"by": data["BONK"].timestamps} if "window_span" in window else {}
    y, x = data["BONK"].returns, data["BTC"].returns
    said = arrays.rolling_regression(y, x, **window, **ts, min_samples=20)
    assert (beta.beta, beta.alpha, beta.correlation) == tuple(said[name][-1] for name in ("beta", "alpha", "corr"))
    assert (beta.r_squared, beta.stderr) == (said["r_squared"][-1], said["beta_stderr"][-1])
    assert beta.sample_size == beta.n == said["n"][-1]
    assert beta.coverage == 1.0
    lags = with_leaders(data, **windows).get_lead_lag("BONK", data["BONK"], "BTC")
    said = arrays.lag_scan(
        y, x, window_size=windows["lag_window"], max_lag=windows["max_lag"], min_samples=20, inference=True
    )
    assert (lags.optimal_lag, lags.max_correlation) == (said["lag"][-1], said["corr"][-1])
    assert (lags.lead_p_value, lags.confidence) == (said["lead_p_value"][-1], 1.0 - said["lead_p_value"][-1])


def test_one_symbol_at_a_time_is_a_bar_at_once():
    data = market(120)
    whole = feed(MarketStructureCoordinator(window_size=30), data)
    single = MarketStructureCoordinator(window_size=30)
    rng = np.random.default_rng(5)
    for ts, bar in bars_of(data):
        for symbol in rng.permutation(list(bar)).tolist():
            single.update(symbol, ts, 1.0)
            single.update(symbol, ts, bar[symbol])
    # The last bar is still being formed.
    before = {symbol: each.until(each.timestamps[-2]) for symbol, each in data.items()}
    assert same(single.get_beta("BONK"), feed(MarketStructureCoordinator(window_size=30), before).get_beta("BONK"))
    single.close_bar()
    single.close_bar()
    for asset in ("BONK", "WIF", "ETH"):
        for one, other in zip(live_says(single, asset, "SOL"), live_says(whole, asset, "SOL"), strict=True):
            assert same(one, other)
        assert same(single.detect_market_regime(asset), whole.detect_market_regime(asset))


@pytest.mark.parametrize(
    ("arrival", "error", "code"),
    [
        (("BONK", 0, 1.0), OrderError, "ts_order"),
        (("BONK", -1, 1.0), OrderError, "ts_order"),
        (("BONK", 1, 0.0), DataError, "price_sign"),
        (("BONK", 1, -1.0), DataError, "price_sign"),
        (("BONK", 1, "1"), DataError, "dtype"),
        (("BONK", 1, True), DataError, "dtype"),
        (("BONK", 1, 1j), DataError, "dtype"),
        (("", 1, 1.0), ParameterError, "type"),
        ((7, 1, 1.0), ParameterError, "type"),
        (([], 1, 1.0), ParameterError, "type"),
        # Half of a character.
        (("\ud800", 1, 1.0), ParameterError, "type"),
        (("BONK", 1, np.True_), DataError, "dtype"),
    ],
)
def test_a_refused_arrival_leaves_all_as_it_was(arrival, error, code):
    data = market(50)
    live = feed(MarketStructureCoordinator(window_size=20), data)
    before = live.to_bytes()
    symbol, step, price = arrival
    with pytest.raises(error) as caught:
        live.update(symbol, live.last_bar + step * HOUR, price)
    assert caught.value.code == code
    assert live.to_bytes() == before
    live.update("BONK", live.last_bar + HOUR, 1.0)
    before = live.to_bytes()
    with pytest.raises(OrderError, match="being formed"):
        live.update("BONK", live.last_bar + HOUR - 1, 1.0)
    with pytest.raises(DataError, match="NOPE must be above 0"):
        live.update_bar(live.last_bar + 2 * HOUR, {"BTC": 5.0, "NOPE": -5.0})
    with pytest.raises(DataError, match="ts must be a datetime"):
        live.update("BONK", "2024-01-01", 1.0)
    with pytest.raises(ParameterError, match="symbol must be a symbol"):
        live.update_bar(live.last_bar + 2 * HOUR, {"BTC": 5.0, "\udfff": 5.0})
    with pytest.raises(DataError, match="current_time must be a datetime"):
        live.get_beta("BONK", current_time="now")
    with pytest.raises(DataError, match="must be a mapping"):
        live.update_bar(live.last_bar + 2 * HOUR, [1.0])
    assert live.to_bytes() == before


def test_a_burst_beyond_max_rows_is_refused():
    live = MarketStructureCoordinator(window_span="1d", max_rows=24)
    for row in range(100):
        live.update("BTC", row * HOUR, 1.0 + row % 7)
    before = live.to_bytes()
    with pytest.raises(DataError, match="max_rows is 24, got 25 bars") as caught:
        live.update("BTC", 99 * HOUR + 1, 5.0)
    assert caught.value.code == "max_rows"
    assert live.to_bytes() == before
    live.update("BTC", 100 * HOUR, 5.0)


def test_a_span_needs_max_rows_live_and_only_there():
    data = market(100)
    coordinator = with_leaders(data)
    assert coordinator.get_beta("BONK", data["BONK"], "BTC").beta is not None
    with pytest.raises(ParameterError, match="needs max_rows for live bars"):
        coordinator.update("BTC", 0, 1.0)


def test_too_many_symbols_are_refused(monkeypatch):
    monkeypatch.setattr("comove.structure.market.MOST_PAIRS", 15)
    live = MarketStructureCoordinator(window_size=20)
    live.update_bar(0, {"BTC": 1.0, "A": 1.0})
    live.update("B", HOUR, 1.0)
    before = live.to_bytes()
    with pytest.raises(DataError, match="at most 15, got 6 times 3") as caught:
        live.update("C", 2 * HOUR, 1.0)
    assert caught.value.code == "symbols"
    assert live.to_bytes() == before


def test_times_at_the_edge_of_what_there_is():
    edge = -(2**63)
    data = {symbol: PriceData(edge + np.arange(100) * HOUR, each.prices[:100]) for symbol, each in market(100).items()}
    options = {"window_span": "50000d", "max_rows": 200}
    said = with_leaders(data, **options).get_beta("BONK", data["BONK"], "BTC")
    assert (said.n, said.coverage) == (99, 1.0)
    assert same(said, feed(MarketStructureCoordinator(**options), data).get_beta("BONK"))


def test_questions_answer_as_of_the_last_closed_bar():
    data = market(60)
    live = feed(MarketStructureCoordinator(window_size=20), data)
    before = live.get_beta("BONK")
    live.update("BONK", live.last_bar + HOUR, 1e9)
    assert same(live.get_beta("BONK"), before)
    live.update_bar(live.last_bar + HOUR, {"BTC": 1.0})
    assert live.get_beta("BONK").last_updated > before.last_updated


def test_the_live_past_is_not_kept():
    live = feed(MarketStructureCoordinator(window_size=20), market(60))
    with pytest.raises(OrderError, match="before the last closed bar") as caught:
        live.get_beta("BONK", current_time=live.last_bar - 1)
    assert caught.value.code == "current_time"
    with pytest.raises(OrderError):
        live.detect_market_regime("BONK", current_time=live.last_bar - 1)
    later = live.get_beta("BONK", current_time=live.last_bar + 3 * HOUR)
    assert later.beta == live.get_beta("BONK").beta
    assert later.age.total_seconds() == 3 * 3600
    assert "is 3:00:00 old" in later.reason


def test_without_bars_nothing_is_known():
    live = MarketStructureCoordinator(window_size=20)
    beta = live.get_beta("BONK")
    assert (beta.beta, beta.n, beta.coverage, beta.last_updated) == (None, 0, 0.0, None)
    assert beta.reason == "BONK and BTC were not in any closed bar"
    assert live.detect_market_regime("BONK").reason == "no bar has been closed"
    assert live.symbols == []
    assert live.last_bar is None
    live.update_bar(0, {"BTC": 1.0})
    assert live.get_lead_lag("BONK").reason == "BONK was not in any closed bar"
    assert live.detect_market_regime("BONK").reason == "BONK has no price in a row of the leaders until then"
    live.update_bar(HOUR, {"BONK": 1.0})
    assert live.get_volatility_spillover("BONK").reason == "BONK and BTC have no price at a common time"


def test_a_late_asset_joins_and_a_hole_ends_an_instrument():
    rows = 400
    data = market(rows)
    late = PriceData(hours(rows)[150:], np.array(data["WIF"].prices)[150:])
    kept = np.ones(rows, bool)
    kept[200:280] = False
    # 1000 old units make a new one, after a hole.
    values = np.array(data["BONK"].prices)
    values[280:] *= 1000.0
    data |= {"WIF": late, "BONK": PriceData(hours(rows)[kept], values[kept])}
    live = MarketStructureCoordinator(window_size=200)
    betas = {}
    for ts, bar in bars_of(data):
        live.update_bar(ts, bar)
        betas[(ts - hours(1)[0]) // HOUR] = live.get_beta("BONK")
    assert betas[199].n == 199
    stale = betas[279]
    assert (stale.n, stale.beta) == (199, betas[199].beta)
    assert stale.reason == "the last common price of BONK and BTC is 3 days, 8:00:00 old"
    assert (betas[280].n, betas[280].beta) == (0, None)
    assert betas[280].reason == "0 complete pairs of returns in the window, 20 are needed"
    assert betas[280 + 20].n == 20
    assert betas[280 + 20].beta is not None
    assert betas[399].n == 119
    assert live.get_beta("WIF").n == 200
    # The same rows after the hole, alone, in other units.
    alone = with_leaders(data, window_size=200).get_beta("BONK", PriceData(hours(rows)[280:], values[280:] / 7), "BTC")
    assert alone.beta == pytest.approx(betas[399].beta, abs=1e-12)
