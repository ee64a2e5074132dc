"""Agents are trained: they find an edge in rows they have not seen, and NumPy does what torch does."""

from __future__ import annotations

import importlib.util
import random

import numpy as np
import polars as pl
import pytest

from commands import printed, run, write
from comove import DataError, ParameterError
from comove.features import FeatureRecipe
from comove.signals.rl import NumpyPolicy, TrainingOptions, evaluate, trading_tables, train, training
from comove.signals.sources import ReinforcementSource
from rl_cases import FEATURES, echo_market
from signal_cases import bars_of_frames, walk

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("gymnasium", "torch", "stable_baselines3")),
    reason="needs the extra rl; make test-rl runs it",
)
SEEDS = range(5)
QUICK = {"timesteps": 600, "steps": 64, "environments": 4, "batch": 64, "epochs": 2, "hidden": 8}


@pytest.fixture(scope="module")
def trained():
    """An agent a seed and its policy in torch, each of a market of its own: returns are 0.25 of the one before."""
    found, torch_policies = {}, []
    honest = training.export
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "export", lambda policy: (torch_policies.append(policy), honest(policy))[1])
        for seed in SEEDS:
            options = TrainingOptions(features=FEATURES, seed=seed, timesteps=25_000)
            found[seed] = train({"A": echo_market(seed=seed)}, options=options), torch_policies[-1]
    return found


@pytest.fixture
def agents(trained):
    return {seed: policy for seed, (policy, _) in trained.items()}


# --- they learn ---


@pytest.mark.parametrize("seed", SEEDS)
def test_an_agent_beats_holding_on_rows_it_has_not_seen(agents, seed):
    """2000 rows: agents earn 2.1 to 3.6, costs on; holding gives 0 in the mean, with a deviation of 0.6."""
    judged = agents[seed].note["validation"]
    assert judged["rows"] > 1_900
    assert judged["gain"] > judged["hold"] + 0.75
    assert judged["gain"] > 1.0
    assert judged["difference"] > 1.5
    # Costs on: it does not change sides in every row.
    assert 0.05 < judged["turnover"] < 0.9


def test_agents_beat_holding_together_beyond_chance(agents):
    apart = [policy.note["validation"]["difference"] for policy in agents.values()]
    # Stouffer: the sum of five standard errors over the root of five.
    assert sum(apart) / np.sqrt(len(apart)) > 5.0


def test_agents_earn_on_markets_of_other_seeds_too(agents):
    recipe = FeatureRecipe(fill=None, columns=FEATURES)
    tables = trading_tables({"A": echo_market(4_000, seed=77)}, symbols=["A"], leaders=[], recipe=recipe)
    noise = trading_tables({"A": echo_market(4_000, 0.0, seed=78)}, symbols=["A"], leaders=[], recipe=recipe)
    for policy in agents.values():
        assert evaluate(policy, tables, cost=0.001).difference > 2.0
        # On noise there is nothing to earn, and costs to pay.
        assert evaluate(policy, noise, cost=0.001).gain < 0.0


def test_an_agent_trades_live_through_its_source(agents):
    frame = echo_market(1_500, seed=79)
    source = ReinforcementSource(agents[0])
    up = []
    for contexts in walk(bars_of_frames({"A": frame})):
        source.observe(list(contexts.values()))
        said = source.predict(contexts["A"])
        up.append(np.nan if said is None else said.up)
    rose = (np.diff(frame["close"].to_numpy()) > 0)[500:]
    told = np.array(up[500:-1])
    acted = np.isfinite(told)
    assert acted.mean() > 0.5
    assert ((told > 0.5) == rose)[acted].mean() > 0.53
    assert np.mean((told - rose)[acted] ** 2) < 0.25


# --- NumPy does what torch does ---


@pytest.mark.parametrize("seed", SEEDS)
def test_the_export_takes_the_same_actions(trained, seed):
    import torch

    exported, policy = trained[seed]
    rng = np.random.default_rng(seed)
    seen = rng.normal(0.0, 2.0, (20_000, len(FEATURES) + 1)).clip(-5.0, 5.0).astype(np.float32)
    seen[:, -1] = rng.integers(-1, 2, len(seen))
    actions, _ = policy.predict(seen, deterministic=True)
    np.testing.assert_array_equal(exported.action(seen), actions)
    assert {0, 2} <= set(actions.tolist())
    with torch.no_grad():
        shares = policy.get_distribution(torch.as_tensor(seen)).distribution.probs.numpy()
    np.testing.assert_allclose(exported.probabilities(seen), shares, atol=2e-6)


# --- the same again ---


def test_the_same_seed_gives_the_same_weights_and_disturbs_nothing():
    import torch

    options = TrainingOptions(features=FEATURES, seed=3, **QUICK)
    frames = {"A": echo_market(600), "B": echo_market(600, seed=1)}
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    before = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    one = train(frames, options=options)
    assert (random.random(), np.random.random(), torch.rand(1).item()) == before
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, strict)
    assert train(frames, options=options).to_bytes() == one.to_bytes()
    other = train(frames, options=TrainingOptions(features=FEATURES, seed=4, **QUICK))
    assert not np.array_equal(other.layers[0][0], one.layers[0][0])


def test_training_sees_nothing_of_the_rows_held_out():
    options = TrainingOptions(features=FEATURES, validation=0.4, **QUICK)
    frame, other = echo_market(800), echo_market(800, seed=5)
    # The same rows until row 480, then another market, joined where the first one ends.
    factor = frame["close"][479] / other["close"][479]
    joined = other[480:].with_columns(*(other[name][480:] * factor for name in ("open", "high", "low", "close")))
    one, twin = train({"A": frame}, options=options), train({"A": frame[:480].vstack(joined)}, options=options)
    assert [w.tolist() for layer in one.layers for w in layer] == [w.tolist() for layer in twin.layers for w in layer]
    np.testing.assert_array_equal(one.mean, twin.mean)
    np.testing.assert_array_equal(one.std, twin.std)
    assert one.note["training"] == twin.note["training"]
    assert one.note["validation"]["gain"] != twin.note["validation"]["gain"]


def test_the_note_holds_all_that_it_was_made_with():
    frames = {name: echo_market(500, seed=k) for k, name in enumerate(("BTC", "X", "Y"))}
    policy = train(frames, leaders=["BTC"], options=TrainingOptions(seed=9, **QUICK))
    assert len(policy.features) == 18
    assert "btc_beta" in policy.features
    note = NumpyPolicy.from_bytes(policy.to_bytes()).note
    assert note["seed"] == note["options"]["seed"] == 9
    assert (note["symbols"], note["leaders"]) == (["X", "Y"], ["BTC"])
    assert {"torch", "stable-baselines3", "gymnasium", "numpy", "python"} <= set(note["versions"])
    assert note["training"]["last"] < note["validation"]["first"]
    policy.check_recipe(FeatureRecipe(fill=None))
    # Mean and deviation of the training rows, and of no others.
    tables = trading_tables(frames, symbols=["X", "Y"], leaders=["BTC"], recipe=policy.recipe)
    past = np.concatenate([table.features[:375][table.rows(0, 375).usable] for table in tables])
    np.testing.assert_array_equal(policy.mean, past.mean(axis=0))
    np.testing.assert_array_equal(policy.std, past.std(axis=0))


def test_stable_baselines_finds_nothing_wrong():
    from stable_baselines3.common.env_checker import check_env

    from comove.signals.rl.environment import TradingEnvironment

    (table,) = trading_tables(
        {"A": echo_market(300)}, symbols=["A"], leaders=[], recipe=FeatureRecipe(fill=None, columns=["ret_1", "ret_3"])
    )
    check_env(TradingEnvironment([table], clip=5.0, cost=0.001, episode=50))


# --- what cannot be trained on ---


def test_what_cannot_be_trained_on_is_refused():
    with pytest.raises(DataError, match=r"at least 100 rows with all features, got \d+ of \d+; known least: "):
        train({"A": echo_market(80)}, options=TrainingOptions(features=FEATURES, **QUICK))
    still = echo_market(700).with_columns(high=pl.max_horizontal("open", "close"), volume=pl.lit(1.0))
    with pytest.raises(DataError, match="do not vary in the rows of training: volume_mean_240"):
        train({"A": still}, options=TrainingOptions(features=("ret_1", "volume_mean_240"), **QUICK))
    with pytest.raises(ParameterError, match="assets must hold at least 1 symbol"):
        train({"BTC": echo_market(400)}, leaders=["BTC"])
    with pytest.raises(ParameterError, match="fill=None"):
        train({"A": echo_market(400)}, recipe=FeatureRecipe())


# --- the command ---


def test_the_command_writes_a_policy_and_says_how_it_did(tmp_path):
    folder = write(
        {"A": echo_market(900), "B": echo_market(900, seed=1), "BTC": echo_market(900, seed=2)}, tmp_path / "in"
    )
    out = tmp_path / "made" / "agent.policy"
    asked = ("--assets", "A,B", "--leaders", "BTC", "--features", "ret_1,btc_beta", "--timesteps", 2_000, "--seed", 4)
    result = run("train-rl", "--data", folder, "--out", out, *asked)
    assert result.exit_code == 0, result.output
    policy = NumpyPolicy.load(out)
    assert policy.features == ("ret_1", "btc_beta")
    assert policy.note["options"]["timesteps"] == 2_000
    judged = policy.note["validation"]
    rows = {row[0]: row for row in printed(result)}
    assert rows["the policy"][1] == f"{judged['gain']:+.1%}"
    assert rows["buy and hold"][1] == f"{judged['hold']:+.1%}"
    assert "The policy " in result.stdout
    assert f"Wrote {out}" in result.stdout
    again = run("train-rl", "--data", folder, "--out", tmp_path / "twice.policy", *asked)
    assert again.exit_code == 0
    assert (tmp_path / "twice.policy").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("--out", "agent.zip"), 2, "must end in .policy"),
        (("--features", "no_such"), 2, "no_such"),
        (("--features", ","), 2, "names no column"),
        (("--assets", "BTC", "--leaders", "BTC", "--features", "btc_beta"), 2, "BTC: "),
        (("--assets", "NONE"), 1, "no candle file of NONE"),
        (("--leaders", "A,B,BTC"), 1, "no symbols beside the leaders"),
    ],
)
def test_what_the_command_is_not_to_do(tmp_path, change, code, message):
    folder = write({name: echo_market(200, seed=k) for k, name in enumerate(("A", "B", "BTC"))}, tmp_path / "in")
    asked = {"--leaders": "BTC", "--out": tmp_path / "x.policy"} | dict(zip(change[::2], change[1::2], strict=True))
    result = run("train-rl", "--data", folder, *(each for pair in asked.items() for each in pair))
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "x.policy").exists()
