"""The promises of market structure on recorded candles."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from comove import MarketRegime, MarketStructureCoordinator, PriceData, RegimeOptions, arrays
from structure_cases import HOUR, LEADERS, at, bars_of, recorded, same, with_leaders

NAMED = ("risk_on", "risk_off", "rotation", "divergence")


@pytest.fixture(scope="module")
def year_2024():
    return recorded("1h_2024")


@pytest.fixture(scope="module")
def years():
    """The coins of 2021 to 2023, without the dollar."""
    return {symbol: data for symbol, data in recorded("1h").items() if symbol != "USDC"}


@pytest.fixture(scope="module")
def regimes(years):
    return {
        dwell: with_leaders(years, regimes=RegimeOptions(min_dwell=dwell)).regime_history(years)
        for dwell in (RegimeOptions().min_dwell, 0)
    }


def between(frame, start, end):
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)]
    return frame.filter(pl.col("ts").is_between(*times, closed="left"))


def changes_back(labels, within=6):
    """Share of rows at which a label changes and the one before comes back within so many rows."""
    places = np.unique(labels, return_inverse=True)[1]
    changes = np.flatnonzero(places[1:] != places[:-1]) + 1
    back = sum((places[row + 1 : row + within + 1] == places[row - 1]).any() for row in changes)
    return back / len(places)


def test_the_beta_of_bonk(year_2024):
    """The example of the README."""
    btc, bonk = year_2024["BTC"], year_2024["BONK"]
    coordinator = MarketStructureCoordinator()
    coordinator.update_leader_data("BTC", PriceData(timestamps=btc.timestamps, prices=btc.prices))
    now = datetime(2024, 8, 20, 5)
    beta = coordinator.get_beta(
        "BONK", PriceData(timestamps=bonk.timestamps, prices=bonk.prices), "BTC", current_time=now
    )
    assert 1.0 < beta.interval[0] < beta.beta < 2.0
    assert 0.5 < beta.r_squared < 0.8
    assert (beta.sample_size, beta.coverage, beta.reason) == (720, 1.0, None)
    snapshot = with_leaders(year_2024).detect_market_regime("BONK", bonk, current_time=now)
    assert snapshot.regime.value in (*NAMED, "unknown")
    assert 0.001 < snapshot.leader_volatilities.get("BTC") < 0.05
    assert 0.5 < snapshot.cross_asset_correlation < 1.0
    assert snapshot.divergence_score == 1.0 - snapshot.cross_asset_correlation


def test_ftx_is_risk_off(regimes):
    """The fall began in the evening of 7 November 2022 and went on to the 10th."""
    for frame in regimes.values():
        week = between(frame, "2022-11-07T12:00", "2022-11-14")
        assert "risk_on" not in week["regime"].to_list()
        fall = between(frame, "2022-11-08", "2022-11-11")
        assert set(fall["regime"]) == {"risk_off"}


def test_2023_does_not_flicker(regimes):
    dwelling, free = (between(regimes[dwell], "2023-01-01", "2024-01-01") for dwell in regimes)
    assert changes_back(dwelling["regime"]) < 0.02
    assert changes_back(free["regime"]) < 0.10
    shares = dict(dwelling["regime"].value_counts(normalize=True).iter_rows())
    assert shares["unknown"] <= 0.5
    assert all(shares[name] >= 0.02 for name in NAMED)


def test_no_label_changes_when_data_are_appended(years, regimes):
    whole = regimes[RegimeOptions().min_dwell]
    coordinator = with_leaders(years)
    for text in ("2021-06-01", "2022-05-13T02:00", "2022-11-09T13:00"):
        cut = {symbol: data.until(at(text)) for symbol, data in years.items()}
        frame = with_leaders(cut).regime_history(cut)
        assert frame.height > 1000
        assert frame.equals(whole.head(frame.height), null_equal=True)
        said = coordinator.detect_market_regime(None, years, current_time=at(text))
        assert (said.regime.value, said.timestamp) == frame.select("regime", "ts").row(-1)


def test_luna_begins_anew(years):
    coordinator = with_leaders(years)
    first = datetime(2022, 5, 31, 6, tzinfo=UTC)
    assert coordinator.get_beta("LUNA", years["LUNA"], "BTC", current_time=datetime(2022, 5, 30)).age.days > 16
    early = coordinator.get_beta("LUNA", years["LUNA"], "BTC", current_time=first.replace(hour=20))
    assert (early.sample_size, early.beta) == (14, None)
    assert "14 complete pairs" in early.reason
    later = coordinator.get_beta("LUNA", years["LUNA"], "BTC", current_time=datetime(2022, 6, 10))
    assert later.sample_size == (datetime(2022, 6, 10) - first.replace(tzinfo=None)).total_seconds() // 3600
    luna = years["LUNA"]
    after = luna.timestamps >= at("2022-05-31T06:00")
    new = PriceData(luna.timestamps[after], luna.prices[after])
    assert with_leaders(years).get_beta("LUNA", new, "BTC", current_time=datetime(2022, 6, 10)).beta == later.beta


@pytest.fixture(scope="module")
def two_lives(year_2024):
    """The market bar by bar, and one price at a time with a restart on the way."""
    whole, ticks = (MarketStructureCoordinator(max_rows=721) for _ in range(2))
    bars = bars_of(year_2024)
    rng = np.random.default_rng(1)
    for row, (ts, bar) in enumerate(bars):
        whole.update_bar(ts, bar)
        symbols = rng.permutation(list(bar)).tolist()
        for place, symbol in enumerate(symbols):
            ticks.update(symbol, ts, bar[symbol])
            if row == 3000 and place == len(symbols) // 2:
                # In the middle of a bar that is being formed.
                ticks = MarketStructureCoordinator.from_bytes(ticks.to_bytes())
    ticks.close_bar()
    return whole, ticks


def test_all_lives_are_one_bit_for_bit(year_2024, two_lives):
    history = with_leaders(year_2024)
    whole, *others = two_lives
    now = whole.last_bar
    for asset, data in year_2024.items():
        for leader in LEADERS:
            if asset == leader:
                continue
            answers = [
                (
                    each.get_beta(asset, benchmark=leader),
                    each.get_lead_lag(asset, leader=leader),
                    each.get_volatility_spillover(asset, source=leader),
                )
                for each in two_lives
            ]
            answers.append((
                history.get_beta(asset, data, leader, current_time=now),
                history.get_lead_lag(asset, data, leader, current_time=now),
                history.get_volatility_spillover(asset, data, leader, current_time=now),
            ))  # fmt: skip
            assert answers[0][0].beta is not None
            assert all(same(answer, answers[0]) for answer in answers[1:])
    for asset in (None, *year_2024):
        regime = whole.detect_market_regime(asset)
        assert regime.scores
        assert all(same(each.detect_market_regime(asset), regime) for each in others)
    assert same(history.detect_market_regime(None, year_2024, current_time=now), whole.detect_market_regime())
    for asset in ("BONK", "NOT", "ETH"):
        said = history.detect_market_regime(asset, year_2024[asset], current_time=now)
        assert same(said, whole.detect_market_regime(asset))


def test_a_slice_of_history_agrees_with_the_live_beta(year_2024, two_lives):
    live = two_lives[0]
    now = live.last_bar
    for rows in (750, 1003, 2000):
        since = now - rows * HOUR
        part = {
            symbol: PriceData(*(each[data.timestamps >= since] for each in (data.timestamps, data.prices)))
            for symbol, data in year_2024.items()
        }
        history = with_leaders(part)
        for asset, data in part.items():
            for leader in LEADERS:
                if asset == leader:
                    continue
                one = live.get_beta(asset, benchmark=leader)
                other = history.get_beta(asset, data, leader, current_time=now)
                assert other.sample_size == one.sample_size
                # In units of the scale of beta, sd(asset) / sd(leader) = beta / corr.
                scale = abs(one.beta / one.correlation)
                assert abs(other.beta - one.beta) <= 1e-12 * scale
                assert abs(other.correlation - one.correlation) <= 1e-12


def test_the_live_beta_is_that_of_the_arrays(year_2024, two_lives):
    now = two_lives[0].last_bar
    asset, leader = year_2024["BONK"], year_2024["SOL"]
    ts = leader.timestamps
    assert (ts == asset.timestamps[asset.timestamps <= ts[-1]]).all()
    said = arrays.rolling_beta(asset.returns[: len(ts)], leader.returns, window_span="30d", by=ts, min_samples=20)
    live = two_lives[0].get_beta("BONK", benchmark="SOL")
    assert live.beta == said[ts.searchsorted(now)]


def test_regimes_of_single_coins_name_every_state(years):
    frame = with_leaders(years).regime_history(years, symbol="DOGE")
    assert set(frame["regime"]) == {regime.value for regime in MarketRegime}
    assert frame.filter(pl.col("regime") != "unknown")["confidence"].is_between(0.0, 1.0).all()
