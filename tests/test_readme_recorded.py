"""The three questions of the README, as they stand there, on recorded candles."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from comove import FeatureRecipe, MarketRegime, MarketStructureCoordinator, PriceData
from comove.data import read_candles
from comove.features import BASE_COLUMNS, CROSS_ASSET
from recorded_data import HOURS_2024, needs
from test_readme import the_calls

pytestmark = needs(HOURS_2024)
AUGUST = datetime(2024, 8, 20, 5, tzinfo=UTC)
# The last candle of BTC; BONK's go on for a day.
LAST = datetime(2024, 9, 6, 3, tzinfo=UTC)


def ask(now):
    """Run the block of the README with what it takes from outside, and return all its names."""
    btc_df, sol_df, bonk_df = read_candles(HOURS_2024, symbols=["BTC", "SOL", "BONK"]).values()
    names = {
        "FeatureRecipe": FeatureRecipe,
        "MarketStructureCoordinator": MarketStructureCoordinator,
        "PriceData": PriceData,
        "btc_df": btc_df,
        "sol_df": sol_df,
        "bonk_df": bonk_df,
        "btc_times": btc_df["ts"],
        "btc_prices": btc_df["close"],
        "bonk_times": bonk_df["ts"],
        "bonk_prices": bonk_df["close"],
        "bonk_data": PriceData(timestamps=bonk_df["ts"], prices=bonk_df["close"]),
        "now": now,
    }
    exec(the_calls().text, names)
    return names


@pytest.fixture(scope="module")
def said():
    return {now: ask(now) for now in (AUGUST, LAST)}


def returns_of(prices):
    return prices[1:] / prices[:-1] - 1


@pytest.mark.parametrize(("now", "beta", "r_squared"), [(AUGUST, 1.463, 0.625), (LAST, 1.382, 0.606)])
def test_the_beta_of_bonk_is_above_1(said, now, beta, r_squared):
    answer = said[now]["beta"]
    assert (round(answer.beta, 3), round(answer.r_squared, 3)) == (beta, r_squared)
    assert answer.interval[0] > 1.0
    assert (answer.sample_size, answer.coverage, answer.reason) == (720, 1.0, None)
    assert (answer.last_updated, answer.age.total_seconds()) == (now, 0)
    # The same from NumPy alone: 30 days of hours, and the price before them.
    both = said[now]["bonk_df"].join(said[now]["btc_df"], on="ts", suffix="_btc").filter(pl.col("ts") <= now).tail(721)
    y, x = (returns_of(both[name].to_numpy()) for name in ("close", "close_btc"))
    assert answer.beta == pytest.approx(np.cov(y, x)[0, 1] / np.var(x, ddof=1), rel=1e-9)
    assert answer.r_squared == pytest.approx(np.corrcoef(y, x)[0, 1] ** 2, rel=1e-9)


def test_the_features_of_bonk(said):
    candles, features = said[LAST]["bonk_df"], said[LAST]["features"]
    base = list(BASE_COLUMNS)[:61]
    context = [f"{leader}_{name}" for leader in ("btc", "sol") for name in CROSS_ASSET]
    assert features.columns == [*candles.columns, *base, *context]
    assert features.select(candles.columns).equals(candles)
    # The recipe fills: columns of a leader have a default from the first row on, base columns carry on a value.
    assert features.select(context).null_count().row(0) == (0,) * 10
    warm = features.slice(max(column.warm_up for column in FeatureRecipe().metadata(()).values()))
    assert warm.height > 5_700
    for name in (*base, *context):
        assert warm[name].is_finite().all(), name
        assert warm[name].null_count() == 0, name
    metadata = FeatureRecipe().metadata(("BTC", "SOL"))
    for name in context:
        least, most = metadata[name].range
        assert features[name].is_between(-np.inf if least is None else least, np.inf if most is None else most).all()
    # The last beta, from NumPy: BTC's candles end before BONK's do.
    now = features.filter(ts=LAST)
    both = candles.join(said[LAST]["btc_df"], on="ts", suffix="_btc").filter(pl.col("ts") <= LAST).tail(31)
    y, x = (returns_of(both[name].to_numpy()) for name in ("close", "close_btc"))
    assert now["btc_beta"].item() == pytest.approx(np.cov(y, x)[0, 1] / np.var(x, ddof=1), rel=1e-9)


@pytest.mark.parametrize("now", [AUGUST, LAST])
def test_the_regime_of_bonk(said, now):
    snapshot = said[now]["snapshot"]
    assert snapshot.regime in MarketRegime
    assert snapshot.regime.value in ("risk_on", "risk_off", "rotation", "divergence", "unknown")
    assert 0.0 <= snapshot.regime_confidence <= 1.0
    assert (snapshot.timestamp, snapshot.n) == (now, 72)
    # The example gives the coordinator one leader of three.
    absent = "ETH has no price until then; SOL has no price until then"
    if snapshot.regime is MarketRegime.UNKNOWN:
        assert snapshot.reason.endswith(absent)
        assert snapshot.reason != absent
    else:
        assert snapshot.reason == absent
    assert 0.5 < snapshot.cross_asset_correlation < 1.0
    assert snapshot.divergence_score == 1.0 - snapshot.cross_asset_correlation
    btc = said[now]["btc_df"].filter(pl.col("ts") <= now)["close"].tail(21).to_numpy()
    assert snapshot.leader_volatilities.get("BTC") == pytest.approx(np.std(returns_of(btc), ddof=1), rel=1e-9)
    assert snapshot.leader_volatilities.get("SOL") is None
