"""Parts of market structure against none: what is planted is found, what is not is not, and nothing is mixed up."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from ablation_cases import BLIND, COSTS, LED, FlipsMaker, ablated_noise, led, noise
from comove import DataError, ParameterError
from comove.backtest import Ablation, Costs, WalkForward, ablate, run
from comove.backtest.comparing import compared
from comove.backtest.variants import ALL, BASE, Variant, variants
from comove.portfolio import RiskOptions

SEEDS = 20
ROWS = 400
NOISE = ("beta_sizing", ALL)
YEAR = 365.25 * 24


def row_of(found, name):
    return found.table.row(by_predicate=pl.col("name") == name, named=True)


# --- a leader that moves first ---


@pytest.fixture(scope="module")
def planted():
    names = ["leader_engine", "leader_volatility", ALL]
    return ablate(led(3, 800), LED, costs=COSTS, plan=WalkForward(folds=2, train=250), names=names)


def test_a_planted_lead_is_found(planted):
    assert row_of(planted, BASE)["total_return"] > 0.1
    for name in ("leader_engine", ALL):
        row = row_of(planted, name)
        assert name in planted.significant
        assert row["high"] < 0.0
        assert row["adjusted"] < 0.05
        # It is neither the costs nor the risk that make the difference.
        assert row["gross_adjusted"] < 0.05
        assert row["gross_value"] < row["value"] < 0.0
    assert planted.best in (BASE, "leader_volatility")
    assert planted.deflated.trials == 4
    assert planted.deflated.deflated > 0.95
    assert "Where the alpha engine that waits for coins to catch up with a leader is off, it earns " in planted.answer


def test_p_values_are_adjusted_for_the_number_of_variants(planted):
    for kind in ("", "gross_", "scaled_"):
        given = [each for each in planted.table[f"{kind}p_value"] if each is not None]
        adjusted = [each for each in planted.table[f"{kind}adjusted"] if each is not None]
        assert len(given) == len(adjusted)
        assert min(adjusted) == pytest.approx(min(1.0, len(given) * min(given)))


# --- noise ---


@pytest.fixture(scope="module")
def by_chance():
    return [ablated_noise(seed, NOISE, ROWS) for seed in range(SEEDS)]


def test_on_noise_the_costs_are_lost(by_chance):
    net = np.array([each.returns.filter(pl.col("name") == BASE)["net"].sum() for each in by_chance])
    gross = np.array([each.returns.filter(pl.col("name") == BASE)["gross"].sum() for each in by_chance])
    paid = gross - net
    assert (paid > 0.002).all()
    error = gross.std(ddof=1) / math.sqrt(SEEDS)
    # Before costs nothing is earned or lost but by chance, so that after them they are what is lost.
    assert abs(gross.mean()) < 3.0 * error
    assert abs(net.mean() + paid.mean()) < 3.0 * error


@pytest.mark.parametrize("kind", ["gross_", "scaled_"])
def test_on_noise_nothing_is_significant_more_often_than_it_should_be(by_chance, kind):
    most = binom.ppf(0.999, SEEDS, 0.05)
    for name in NOISE:
        p_values = [row_of(each, name)[f"{kind}p_value"] for each in by_chance]
        assert sum(each is not None for each in p_values) > 0.8 * SEEDS
        assert sum(each is not None and each < 0.05 for each in p_values) <= most
    families = [each.table[f"{kind}adjusted"].min() for each in by_chance]
    assert sum(each is not None and each < 0.05 for each in families) <= most


# --- figures ---


# Targets that are reached.
NEAR = replace(BLIND, risk=RiskOptions(stop_sigmas=0.6, reward_ratio=1.0))


@pytest.fixture(scope="module")
def flips(tmp_path_factory):
    """An ablation, and the folder with the reports of its strategies."""
    folder = tmp_path_factory.mktemp("ablation")
    found = ablate(
        noise(5, 400), NEAR, costs=Costs(), plan=WalkForward(folds=2, train=100), names=["beta_sizing", "regimes"],
        maker=lambda options: FlipsMaker(options, 5), out=folder, replications=199,
    )  # fmt: skip
    return found, folder


def test_differences_are_those_of_the_reports(flips):
    found, folder = flips
    net = {name: curve(folder / name) for name in (BASE, "beta_sizing")}
    row = row_of(found, "beta_sizing")
    assert row["value"] == pytest.approx((net["beta_sizing"] - net[BASE]).mean() * YEAR, rel=1e-12)
    risk = net[BASE].std(ddof=1) / net["beta_sizing"].std(ddof=1)
    assert row["scaled_value"] == pytest.approx((risk * net["beta_sizing"] - net[BASE]).mean() * YEAR, rel=1e-9)
    assert found.returns.filter(pl.col("name") == BASE)["net"].to_numpy() == pytest.approx(net[BASE], abs=1e-15)


def curve(folder):
    equity = pl.read_parquet(folder / "equity.parquet")["equity"].to_numpy()
    return np.diff(np.concatenate([[10_000.0], equity])) / np.concatenate([[10_000.0], equity[:-1]])


def test_gross_is_net_and_what_was_paid(flips):
    found, folder = flips
    equity, trades = (pl.read_parquet(folder / BASE / f"{name}.parquet") for name in ("equity", "trades"))
    mine = found.returns.filter(pl.col("name") == BASE)
    before = np.concatenate([[10_000.0], equity["equity"].to_numpy()[:-1]])
    paid = ((mine["gross"] - mine["net"]).to_numpy() * before).sum()
    limits = trades.filter(pl.col("reason") == "take_profit")
    assert len(limits)
    at_market = equity["traded"].sum() - (limits["units"] * limits["exit"]).sum()
    fees = equity["costs"].sum() + equity["funding"].sum()
    assert paid == pytest.approx(fees + 0.0002 * at_market, rel=1e-9)
    row = row_of(found, BASE)
    assert row["paid"] == pytest.approx((mine["gross"] - mine["net"]).sum() / (len(mine) / YEAR), rel=1e-12)
    assert row["trades"] == len(trades)
    assert row["turnover"] == pytest.approx((equity["traded"].to_numpy() / before).sum() / (len(mine) / YEAR))


def test_without_costs_gross_is_net():
    found = ablate(
        noise(6, 300), BLIND, costs=Costs.none(), plan=WalkForward(folds=1, train=100), names=["beta_sizing"],
        maker=lambda options: FlipsMaker(options, 6), replications=199,
    )  # fmt: skip
    assert found.returns["net"].equals(found.returns["gross"])
    row = row_of(found, "beta_sizing")
    assert (row["gross_value"], row["gross_p_value"]) == (row["value"], row["p_value"])
    assert row["paid"] == 0.0


def test_the_base_is_the_backtest(flips):
    found, folder = flips
    alone = run(
        noise(5, 400), strategy=FlipsMaker(NEAR, 5), costs=Costs(), plan=WalkForward(folds=2, train=100),
        replications=0,
    )  # fmt: skip
    assert alone.equity.equals(pl.read_parquet(folder / BASE / "equity.parquet"))
    assert row_of(found, BASE)["total_return"] == pytest.approx(alone.equity["equity"][-1] / 10_000.0 - 1.0)


def test_an_ablation_is_written_and_read(flips):
    found, folder = flips
    again = Ablation.read(folder)
    assert again.table.equals(found.table)
    assert again.returns.equals(found.returns)
    assert (again.best, again.deflated, again.answer) == (found.best, found.deflated, found.answer)
    assert again.about == json.loads(json.dumps(found.about))
    tree = json.loads((folder / "ablation.json").read_text())
    assert [each["name"] for each in tree["table"]] == [BASE, "beta_sizing", "regimes"]
    assert tree["about"]["variants"]["beta_sizing"] == {
        "words": "position sizes ignore beta", "changed": ["risk.beta_sizing"],
    }  # fmt: skip
    assert tree["answer"] == found.answer
    (folder / "returns.parquet").rename(folder / "gone.parquet")
    with pytest.raises(DataError, match=r"no ablation, there is no returns\.parquet"):
        Ablation.read(folder)
    (folder / "gone.parquet").rename(folder / "returns.parquet")


def test_the_same_call_goes_on_where_it_was(flips):
    found, folder = flips
    before = (folder / BASE / "report.json").stat().st_mtime_ns
    again = ablate(
        noise(5, 400), NEAR, costs=Costs(), plan=WalkForward(folds=2, train=100), names=["beta_sizing", "regimes"],
        maker=lambda options: FlipsMaker(options, 5), out=folder, replications=199,
    )  # fmt: skip
    assert again.table.equals(found.table)
    assert (folder / BASE / "report.json").stat().st_mtime_ns == before


# --- what cannot be compared ---


def reports(**ruined):
    plan = WalkForward(folds=1, train=100)
    tried = {BASE: Variant(name=BASE, words="base", options=BLIND), **variants(BLIND, ["beta_sizing"])}
    found = {
        name: run(noise(7, 200), strategy=FlipsMaker(each.options, 7), plan=plan, replications=0)
        for name, each in tried.items()
    }
    for name, when in ruined.items():
        found[name] = replace(found[name], about={**found[name].about, "ruined": when})
    return found, tried


def test_what_is_ruined_has_no_difference():
    for name in (BASE, "beta_sizing"):
        found = compared(*reports(**{name: "2024-01-05T00:00:00Z"}), replications=199)
        row = row_of(found, "beta_sizing")
        for kind in ("", "gross_", "scaled_"):
            assert row[f"{kind}p_value"] is None
            assert row[f"{kind}reason"] == f"nothing is left of {name} at 2024-01-05T00:00:00Z"
        assert row_of(found, name)["total_return"] is None
        assert found.answer == "Too little differs to be judged: 1 variant."


def test_what_never_trades_has_no_risk():
    found = ablate(
        noise(8, 200), replace(LED, alpha=replace(LED.alpha, engines=("leader",))), names=["leader_engine"],
        plan=WalkForward(folds=1, train=100), replications=199,
    )  # fmt: skip
    row = row_of(found, "leader_engine")
    assert (row["trades"], row["turnover"], row["sharpe"]) == (0, 0.0, None)
    assert row["scaled_reason"] == "one of them never trades: at no size has it the other's risk"


def test_other_bars_are_refused():
    found, tried = reports()
    found["beta_sizing"] = replace(found["beta_sizing"], equity=found["beta_sizing"].equity[:-1])
    with pytest.raises(DataError, match="beta_sizing must have the bars of the base"):
        compared(found, tried)


def test_without_a_part_there_is_nothing_to_compare():
    bare = variants(LED)[ALL].options
    found = ablate(noise(9, 200), bare, plan=WalkForward(folds=1, train=100))
    assert found.table["name"].to_list() == [BASE]
    assert found.answer == "The strategy has no part of market structure that could be switched off."


def test_replications_are_looked_at_before_anything_is_run(monkeypatch):
    monkeypatch.setattr("comove.backtest.ablating.run", None)
    with pytest.raises(ParameterError, match="replications must be at least 199, got 100"):
        ablate(noise(9, 200), LED, replications=100)


@pytest.mark.parametrize("names", [["beta"], ["leader_engine", 3]])
def test_unknown_variants_are_refused(names):
    with pytest.raises(ParameterError, match="variants must be one of"):
        ablate(noise(9, 200), LED, names=names)
