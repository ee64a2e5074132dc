"""The truth beside a simulated market is true, and its candles have exactly the defects it names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from comove.data import CANDLE_SCHEMA, SimulatedMarket, as_candles, simulate_market
from comove.errors import ParameterError

Floats = NDArray[np.float64]

CLEAN: dict[str, Any] = {"late_listings": 0, "gaps": 0, "bad_ticks": 0}
# Estimates are compared with the truth in their own robust standard errors. Over all estimates of a test
# the largest of about 100 normal deviations stays below 5 but for one seed in 20000; the seeds are fixed.
MOST_ERRORS = 5.0


def columns(market: SimulatedMarket, names: tuple[str, ...]) -> Floats:
    return np.column_stack([market.returns[name].to_numpy() for name in names])


def leaders_at(leaders: Floats, lag: int) -> Floats:
    """Row t holds leader[t + lag]; rows beyond the ends are NaN."""
    shifted = np.full_like(leaders, np.nan)
    n = len(leaders)
    shifted[max(0, -lag) : n - max(0, lag)] = leaders[max(0, lag) : n - max(0, -lag)]
    return shifted


def regression(y: Floats, x: Floats, memory: int = 0) -> tuple[Floats, Floats]:
    """Slopes and their standard errors, robust to changing variance and to `memory` rows of autocorrelation.

    White (1980); Newey and West (1987) with Bartlett weights. An intercept is fitted too.
    """
    kept = np.isfinite(x).all(axis=1) & np.isfinite(y)
    design = np.column_stack([np.ones(kept.sum()), x[kept]])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ y[kept]
    score = design * (y[kept] - design @ slopes)[:, None]
    middle = score.T @ score
    for back in range(1, memory + 1):
        cross = score[back:].T @ score[:-back]
        middle += (1 - back / (memory + 1)) * (cross + cross.T)
    errors = np.sqrt(np.diag(inverse @ middle @ inverse))
    return slopes[1:], errors[1:]


def own_part(market: SimulatedMarket) -> Floats:
    """Returns of the assets without what comes from the leaders, (bars, assets); NaN where not known."""
    truth = market.truth
    leaders = columns(market, truth.leaders)
    rest = columns(market, truth.assets)
    for a in range(len(truth.assets)):
        for j in range(len(truth.leaders)):
            rest[:, a] -= truth.betas[a, j] * leaders_at(leaders[:, [j]], int(truth.lags[a, j]))[:, 0]
    return rest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_least_squares_finds_the_betas(seed: int) -> None:
    market = simulate_market(n_bars=20_000, n_assets=8, seed=seed, **CLEAN)
    truth = market.truth
    leaders, assets = columns(market, truth.leaders), columns(market, truth.assets)
    for a in range(len(truth.assets)):
        shifted = np.column_stack(
            [leaders_at(leaders[:, [j]], int(truth.lags[a, j])) for j in range(len(truth.leaders))]
        )
        slopes, errors = regression(assets[:, a], shifted)
        assert np.all(np.abs(slopes - truth.betas[a]) < MOST_ERRORS * errors)
        assert np.all(errors < 0.1)
        for j in range(len(truth.leaders)):
            for x, expected in (
                (leaders[:, [j]], truth.single_betas[a, j]),
                (shifted[:, [j]], truth.lagged_single_betas[a, j]),
            ):
                slopes, errors = regression(assets[:, a], x)
                assert abs(slopes[0] - expected) < MOST_ERRORS * errors[0]
    assert np.array_equal(truth.single_betas[truth.lags == 0], truth.lagged_single_betas[truth.lags == 0])
    assert np.abs(truth.single_betas[truth.lags != 0]).max() < 0.02


def test_single_betas_of_mixed_lags() -> None:
    lags = [[0, -2, -2], [3, 3, -1], [0, 1, 0]]
    market = simulate_market(n_bars=20_000, n_assets=3, betas=0.8, lags=lags, seed=5, **CLEAN)
    truth = market.truth
    leaders, assets = columns(market, truth.leaders), columns(market, truth.assets)
    for a, j in np.ndindex(3, 3):
        for lag, expected in ((0, truth.single_betas), (lags[a][j], truth.lagged_single_betas)):
            slopes, errors = regression(assets[:, a], leaders_at(leaders[:, [j]], lag))
            assert abs(slopes[0] - expected[a, j]) < MOST_ERRORS * errors[0]


def best_lag(asset: Floats, leader: Floats, most: int) -> int:
    """The k in -most..most with the largest |corr(leader[t + k], asset[t])|."""
    inside = slice(most, len(asset) - most)
    shifted = [leaders_at(leader[:, None], k)[inside, 0] for k in range(-most, most + 1)]
    return int(np.argmax([abs(np.corrcoef(asset[inside], x)[0, 1]) for x in shifted])) - most


def test_planted_lags_are_found_and_have_the_sign_of_the_contract() -> None:
    lags = np.array([[-10], [-3], [-1], [0], [1], [4]])
    market = simulate_market(n_bars=3_000, n_assets=6, betas=0.7, lags=lags, seed=11, **CLEAN)
    leaders, assets = columns(market, market.truth.leaders), columns(market, market.truth.assets)
    for a, j in np.ndindex(6, 3):
        assert best_lag(assets[:, a], leaders[:, j], 12) == lags[a, 0]
    # In words: at lag -3 the asset does now what the leader did three rows ago.
    quiet = simulate_market(n_bars=200, leaders=["BTC"], n_assets=1, betas=2, lags=-3, noise=0, spillover=0)
    asset, leader = quiet.returns["COIN01"].to_numpy(), quiet.returns["BTC"].to_numpy()
    np.testing.assert_allclose(asset[3:], 2 * leader[:-3], rtol=1e-12)


def test_without_planted_lags_none_is_found() -> None:
    market = simulate_market(n_bars=3_000, n_assets=6, lags=0, seed=12, **CLEAN)
    leaders, assets = columns(market, market.truth.leaders), columns(market, market.truth.assets)
    strong = market.truth.lagged_single_betas > 0.3
    assert strong.sum() > 10
    assert all(best_lag(assets[:, a], leaders[:, j], 12) == 0 for a, j in np.argwhere(strong))


@pytest.mark.parametrize("regimes", [True, False])
@pytest.mark.parametrize("planted", [None, 0.0, 0.8])
def test_spillover_is_what_was_planted(planted: float | None, regimes: bool) -> None:
    market = simulate_market(n_bars=20_000, n_assets=4, spillover=planted, regimes=regimes, seed=21, **CLEAN)
    truth = market.truth
    rest = own_part(market)
    before = leaders_at(truth.leader_volatility, -1)
    for a in range(4):
        # E|z| = sqrt(2 / pi) turns the size of a return into its volatility. What the asset's own
        # volatility adds to it has a half-life of 23 bars, hence the memory.
        size = np.abs(rest[:, a]) * np.sqrt(np.pi / 2)
        slopes, errors = regression(size, before, memory=100)
        assert np.all(np.abs(slopes - truth.spillover[a]) < MOST_ERRORS * errors)
        assert np.all(errors < 0.15)


def test_spillover_comes_one_row_later() -> None:
    planted = np.array([[0.5, 0.0, 0.0], [0.0, 0.3, 1.2]])
    truth = simulate_market(n_bars=500, n_assets=2, spillover=planted, noise=0).truth
    np.testing.assert_array_equal(truth.spillover, planted)
    expected = truth.leader_volatility[:-1] @ planted.T
    np.testing.assert_allclose(truth.asset_volatility[1:], expected, rtol=1e-12)


def test_without_spillover_the_assets_do_not_know_the_leaders() -> None:
    options: dict[str, Any] = {"n_bars": 2_000, "n_assets": 4, "betas": 0, "spillover": 0, **CLEAN}
    wild, calm = simulate_market(**options), simulate_market(regimes=False, **options)
    assert wild.truth.leader_volatility.max() > 1.5 * calm.truth.leader_volatility.max()
    np.testing.assert_array_equal(wild.truth.asset_volatility, calm.truth.asset_volatility)
    assert_frame_equal(wild.frames["COIN01"], calm.frames["COIN01"])


def parkinson(frame: pl.DataFrame) -> Floats:
    """Volatility of each bar from its high and low (Parkinson 1980)."""
    spread = np.log(frame["high"].to_numpy() / frame["low"].to_numpy())
    return np.asarray(spread / np.sqrt(4 * np.log(2)))


def test_spillover_can_be_seen_in_the_candles() -> None:
    def slopes(planted: float) -> list[float]:
        market = simulate_market(
            n_bars=10_000, n_assets=4, leaders=["BTC"], betas=0, spillover=planted, seed=4, **CLEAN
        )
        source = parkinson(market.frames["BTC"])[:-1, None]
        found = []
        for name in market.truth.assets:
            slope, error = regression(parkinson(market.frames[name])[1:], source, memory=100)
            found.append(float(slope[0] / error[0]))
        return found

    assert min(slopes(0.8)) > 10
    assert max(map(abs, slopes(0.0))) < MOST_ERRORS


def test_high_and_low_tell_the_volatility_of_the_bar() -> None:
    lags = [[0], [-2], [3]]
    market = simulate_market(n_bars=20_000, n_assets=3, betas=0.8, lags=lags, noise=0.5, seed=6, **CLEAN)
    truth = market.truth
    for j, leader in enumerate(truth.leaders):
        ratio = parkinson(market.frames[leader]) ** 2 / truth.leader_volatility[:, j] ** 2
        # High and low are drawn apart, which adds about 3 % to the mean square of the range.
        assert 1.0 < ratio.mean() < 1.06
    for asset in truth.assets:
        square = (parkinson(market.frames[asset]) ** 2).mean()
        assert 1.0 < square / (market.returns[asset] ** 2).mean() < 1.06


def test_regimes_are_a_markov_chain_that_moves_the_market() -> None:
    market = simulate_market(n_bars=200_000, n_assets=1, leaders=["BTC", "ETH"], seed=8, **CLEAN)
    truth = market.truth
    assert truth.regime_names == ("range", "bull", "bear", "stress")
    counts = np.zeros((4, 4))
    np.add.at(counts, (truth.regimes[:-1], truth.regimes[1:]), 1)
    assert counts.min() > 0
    expected = truth.transition * counts.sum(axis=1, keepdims=True)
    assert np.all(np.abs(counts - expected) < MOST_ERRORS * np.sqrt(expected))
    leaders = columns(market, truth.leaders)
    parts = [leaders[truth.regimes == regime] for regime in range(4)]
    spread = [part[:, 0].std() for part in parts]
    assert spread[3] > 1.4 * spread[2] > 1.4 * spread[0]
    scaled = leaders / truth.leader_volatility
    corr = [float(np.corrcoef(scaled[truth.regimes == regime].T)[0, 1]) for regime in range(4)]
    np.testing.assert_allclose(corr, [0.50, 0.55, 0.65, 0.85], atol=0.02)
    assert parts[1].mean() > 0 > parts[2].mean()
    still = simulate_market(n_bars=500, n_assets=1, regimes=False)
    assert not still.truth.regimes.any()


def test_frames_are_the_returns() -> None:
    market = simulate_market(n_bars=1_000, n_assets=3, **CLEAN)
    for symbol, frame in market.frames.items():
        assert frame["ts"].equals(market.returns["ts"])
        close, opened = frame["close"].to_numpy(), frame["open"].to_numpy()
        np.testing.assert_array_equal(opened[1:], close[:-1])
        np.testing.assert_allclose(close / opened - 1, market.returns[symbol].to_numpy(), atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(
    n_bars=st.integers(100, 400),
    n_assets=st.integers(1, 5),
    leaders=st.sampled_from([["BTC"], ["BTC", "ETH", "SOL"], ["BTC", "ETH", "SOL", "BNB", "XRP", "ADA"]]),
    volatility=st.sampled_from([1e-6, 0.004, 0.02]),
    noise=st.sampled_from([0.0, 1.0, 3.0]),
    regimes=st.booleans(),
    seed=st.integers(0, 2**64),
    data=st.data(),
)
def test_every_market_is_well_formed_but_for_its_planted_defects(
    data: st.DataObject, n_bars: int, n_assets: int, **options: Any
) -> None:
    defects: dict[str, Any] = {
        "late_listings": data.draw(st.integers(0, n_assets)),
        "gaps": data.draw(st.integers(0, n_bars // 25)),
        "bad_ticks": data.draw(st.integers(0, n_bars // 25)),
    }
    market = simulate_market(n_bars=n_bars, n_assets=n_assets, **defects, **options)
    clean = simulate_market(n_bars=n_bars, n_assets=n_assets, **CLEAN, **options)
    assert_frame_equal(market.returns, clean.returns)
    truth = market.truth
    assert sum(row > 0 for row in truth.listing_rows.values()) == defects["late_listings"]
    assert sum(map(len, truth.bad_tick_rows.values())) == defects["bad_ticks"]
    assert (sum(map(len, truth.gap_rows.values())) > 0) == (defects["gaps"] > 0)
    for symbol, frame in market.frames.items():
        assert frame.schema == CANDLE_SCHEMA
        assert_frame_equal(as_candles(frame), frame, check_exact=True)
        whole = clean.frames[symbol].with_row_index("bar")
        listed, holes, bad = truth.listing_rows[symbol], truth.gap_rows[symbol], truth.bad_tick_rows[symbol]
        assert not (set(holes) | set(bad)) & set(range(listed))
        assert not set(holes) & {listed, n_bars - 1, *bad}
        kept = whole.filter((pl.col("bar") >= listed) & ~pl.col("bar").is_in(holes.tolist()))
        assert frame["ts"].equals(kept["ts"])
        right = ~kept["bar"].is_in(bad.tolist())
        assert_frame_equal(frame.filter(right), kept.filter(right).drop("bar"), check_exact=True)
        ratio = frame.filter(~right)["close"] / kept.filter(~right)["close"]
        assert all(round(np.log10(factor), 9) in (-3, -2, -1, 1, 2, 3) for factor in ratio)


def test_the_same_seed_gives_the_same_market() -> None:
    one, two, other = simulate_market(seed=5), simulate_market(seed=5), simulate_market(seed=6)
    for symbol, frame in one.frames.items():
        assert_frame_equal(frame, two.frames[symbol], check_exact=True)
    assert not one.returns.equals(other.returns)
    np.testing.assert_array_equal(one.truth.betas, two.truth.betas)


@pytest.mark.parametrize(
    "changed",
    [
        {"n_assets": 3},
        {"assets": ["WIF"]},
        {"betas": 0},
        {"lags": [-9, 0, 9]},
        {"spillover": 0.3},
        {"noise": 2},
        {"gaps": 0, "bad_ticks": 0},
        {"interval": "1m", "start": datetime(2020, 1, 1)},
    ],
)
def test_leaders_stay_as_they_are_when_the_rest_changes(changed: dict[str, Any]) -> None:
    names = ["BTC", "ETH", "SOL"]
    assert_frame_equal(
        simulate_market(**changed).returns.select(names),
        simulate_market().returns.select(names),
        check_exact=True,
    )


def test_names_time_and_table() -> None:
    market = simulate_market(
        n_bars=100,
        assets=("WIF", "BONK"),
        leaders=("BTC",),
        interval="15m",
        start=datetime(2023, 5, 1),
        betas=[[1], [2]],
    )
    assert list(market.frames) == ["BTC", "WIF", "BONK"]
    assert market.returns.columns == ["ts", "BTC", "WIF", "BONK"]
    ts = market.returns["ts"]
    assert ts[0] == datetime(2023, 5, 1, tzinfo=UTC)
    assert set(ts.diff().drop_nulls()) == {timedelta(minutes=15)}
    table = market.truth.table()
    assert table.select("asset", "leader", "beta", "single_beta").rows() == [
        ("WIF", "BTC", 1.0, 1.0),
        ("BONK", "BTC", 2.0, 2.0),
    ]
    assert simulate_market().truth.table().height == 36
    with pytest.raises(ValueError, match="read-only"):
        market.truth.betas[0, 0] = 9.0


def test_the_default_has_everything_planted() -> None:
    truth = simulate_market().truth
    assert (truth.lags < 0).any()
    assert (truth.lags == 0).any()
    assert (truth.spillover > 0).any()
    assert (truth.spillover == 0).all(axis=1).any()
    assert len(set(truth.regimes)) > 2
    assert any(truth.listing_rows.values())
    assert sum(map(len, truth.gap_rows.values())) > 0
    assert sum(map(len, truth.bad_tick_rows.values())) == 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_bars": 99}, r"n_bars must be an integer from 100 to 10000000, got 99"),
        ({"n_bars": 1e3}, "n_bars must be an integer"),
        ({"n_bars": True}, "n_bars must be an integer"),
        ({"n_bars": 10_000_000}, "n_bars times symbols must be at most 50000000, got 10000000 times 15"),
        ({"n_assets": 0}, "n_assets must be an integer from 1 to 500, got 0"),
        ({"n_assets": 2, "assets": ["A", "B"]}, "n_assets and assets exclude each other"),
        ({"assets": []}, "assets must hold from 1 to 500 names, got 0"),
        ({"assets": "WIF"}, "assets must be a sequence of names, got 'WIF'"),
        ({"assets": ["WIF", "WIF"]}, "'WIF' is named twice"),
        ({"assets": ["BTC"]}, "'BTC' is named twice"),
        ({"assets": ["ts"]}, "'ts' is the name of the time column"),
        ({"leaders": []}, "leaders must hold from 1 to 16 names, got 0"),
        ({"leaders": ["BTC", 7]}, "leaders must be a sequence of names"),
        ({"betas": 11}, r"betas\[0, 0\] must be from -10 to 10, got 11"),
        ({"betas": float("nan")}, r"betas\[0, 0\] must be from -10 to 10, got nan"),
        ({"betas": [1, 2]}, r"betas must be numbers that broadcast to \(assets, leaders\) = \(12, 3\)"),
        ({"betas": "x"}, "betas must be numbers that broadcast"),
        ({"lags": 51}, r"lags\[0, 0\] must be from -50 to 50, got 51"),
        ({"lags": 30, "n_bars": 100}, r"lags\[0, 0\] must be from -25 to 25, got 30"),
        ({"lags": [0, 0, 1.5]}, r"lags\[0, 2\] must be a whole number of rows, got 1.5"),
        ({"spillover": -0.1}, r"spillover\[0, 0\] must be from 0 to 2, got -0.1"),
        ({"regimes": 1}, "regimes must be True or False, got 1"),
        ({"late_listings": 13}, "late_listings must be an integer from 0 to 12, got 13"),
        ({"gaps": 81}, "gaps must be an integer from 0 to 80, got 81"),
        ({"bad_ticks": -1}, "bad_ticks must be an integer from 0 to 80, got -1"),
        ({"volatility": 0}, "volatility must be from 1e-06 to 0.05, got 0"),
        ({"volatility": float("nan")}, "volatility must be from 1e-06 to 0.05, got nan"),
        ({"volatility": "x"}, "volatility must be a number from 1e-06 to 0.05, got 'x'"),
        (
            {"volatility": 0.05, "betas": 10},
            "volatility 0.05 with these betas, noise and spillover gives a simple return",
        ),
        ({"volatility": 0.05, "betas": 1.3, "n_bars": 200_000, "n_assets": 1}, "gives "),
        ({"noise": 21}, "noise must be from 0.0 to 20.0, got 21"),
        ({"interval": "1mo"}, "interval must be a timedelta or a duration string"),
        ({"interval": timedelta(0)}, "interval must be from 0:00:01 to 30 days"),
        ({"start": "2024-01-01"}, "start must be a datetime, got '2024-01-01'"),
        ({"start": datetime(1960, 1, 1)}, "start must be from 1970-01-01"),
        ({"start": datetime(9998, 12, 31), "interval": "1d"}, "start must be from 1970-01-01"),
        ({"seed": -1}, "seed must be an integer at least 0, got -1"),
        ({"seed": 1.5}, "seed must be an integer at least 0, got 1.5"),
    ],
)
def test_options_out_of_bounds(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        simulate_market(**options)
