"""A policy on NumPy alone: its numbers, its file, what it earns on rows; and what training asks of its options."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest

from commands import run, write
from comove import ComoveError, DataError, ParameterError, StateError
from comove.features import FeatureRecipe
from comove.signals.rl import NumpyPolicy, TradingTable, TrainingOptions, evaluate, trading_tables, train
from comove.signals.rl.exact import ExactProduct
from rl_cases import FEATURES, drawn_policy, echo_market, following_policy, with_gap

RNG = np.random.default_rng(11)
ROWS = np.column_stack([RNG.uniform(-3.0, 3.0, (2_000, len(FEATURES))), RNG.integers(-1, 2, 2_000)])

# --- products ---


@pytest.mark.parametrize("terms", [1, 2, 33, 1024])
@pytest.mark.parametrize("size", [1e-8, 1.0, 3e5])
def test_products_are_right_and_in_no_order(terms, size):
    rng = np.random.default_rng(terms)
    weights, rows = size * rng.normal(0.0, 1.0, (5, terms)), rng.uniform(-3.0, 3.0, (7, terms))
    product = ExactProduct(weights, 3.0)(rows)
    true = [[sum(Fraction(a) * Fraction(b) for a, b in zip(w, r, strict=True)) for w in weights] for r in rows]
    bound = terms * np.abs(weights).max() * 3.0 * 2.0**-40
    assert max(abs(Fraction(product[i, j]) - true[i][j]) for i in range(7) for j in range(5)) < bound
    order = rng.permutation(terms)
    shuffled = ExactProduct(np.ascontiguousarray(weights[:, order]), 3.0)(np.ascontiguousarray(rows[:, order]))
    np.testing.assert_array_equal(product, shuffled)
    np.testing.assert_array_equal(product, [ExactProduct(weights, 3.0)(row[None])[0] for row in rows])


def test_more_terms_than_are_exact_are_refused():
    with pytest.raises(DataError, match="1025"):
        ExactProduct(np.zeros((1, 1025)), 1.0)


# --- what it prefers ---


def test_preferences_are_those_of_the_formula():
    policy = drawn_policy()
    (w1, b1), (w2, b2), (w3, b3) = policy.layers

    def soft(z):
        return z / (1.0 + np.abs(z))

    expected = soft(soft(ROWS @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
    found = policy.preferences(ROWS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(policy.action(ROWS), expected.argmax(axis=1))
    assert (np.bincount(policy.action(ROWS), minlength=3) > 100).all()
    shares = policy.probabilities(ROWS)
    np.testing.assert_allclose(shares, np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True), rtol=1e-8)


def test_an_observation_says_the_same_alone_and_in_company():
    policy = drawn_policy()
    together = policy.preferences(ROWS)
    for row in range(0, 2_000, 97):
        np.testing.assert_array_equal(policy.preferences(ROWS[row]), together[row])
        assert policy.action(ROWS[row]) == together[row].argmax()
    np.testing.assert_array_equal(policy.preferences(ROWS[300:341]), together[300:341])


def test_an_observation_is_standardised_clipped_and_missing_where_a_feature_is():
    policy = drawn_policy()
    row = dict.fromkeys(FEATURES, 0.01) | {"ret_1": 9.0, "close": 3.0}
    seen = policy.observation(row, -1)
    assert seen.tolist() == [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    # What is beyond the clip is at it.
    np.testing.assert_array_equal(policy.preferences([9.0, *seen[1:]]), policy.preferences(seen))
    for absent in (None, np.nan):
        seen = policy.observation(row | {"rsi_14": absent}, 0)
        assert np.isnan(seen).tolist() == [False, False, True, False, False, False, False]
        assert np.isnan(policy.preferences(seen)).all()
        with pytest.raises(DataError, match="missing"):
            policy.action(seen)


# --- what it is made of ---


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"features": ("ret_1", "no_such")}, ParameterError),
        ({"features": ()}, ParameterError),
        ({"mean": [0.0]}, DataError),
        ({"mean": [np.nan, 0.0]}, DataError),
        ({"std": [1.0, 0.0]}, DataError),
        ({"clip": 0.0}, ParameterError),
        ({"clip": True}, ParameterError),
        ({"horizon": 0}, ParameterError),
        ({"layers": []}, DataError),
        ({"layers": [(np.zeros((3, 2)), np.zeros(3))]}, DataError),
        ({"layers": [(np.zeros((2, 3)), np.zeros(2))]}, DataError),
        ({"layers": [(np.full((3, 3), np.inf), np.zeros(3))]}, DataError),
    ],
)
def test_what_does_not_fit_is_refused(changes, error):
    good = {
        "features": ("ret_1", "rsi_14"),
        "mean": [0.0, 0.0],
        "std": [1.0, 1.0],
        "clip": 5.0,
        "horizon": 1,
        "layers": [(np.zeros((3, 3)), np.zeros(3))],
    }
    NumpyPolicy(**good)
    with pytest.raises(error):
        NumpyPolicy(**good | changes)


@pytest.mark.parametrize("seen", [np.zeros(6), np.zeros((2, 8)), np.zeros((1, 2, 7)), 0.0])
def test_an_observation_of_another_shape_is_refused(seen):
    with pytest.raises(DataError, match="7 numbers"):
        drawn_policy().preferences(seen)


# --- its file ---


def test_a_file_gives_the_same_policy(tmp_path):
    note = {
        "seed": 7,
        "options": {"features": list(FEATURES), "cost": 0.001},
        "recipe": asdict(FeatureRecipe(fill=None)),
    }
    policy = drawn_policy(note=note, horizon=5)
    policy.save(tmp_path / "agent.policy")
    assert [file.name for file in tmp_path.iterdir()] == ["agent.policy"]
    again = NumpyPolicy.load(tmp_path / "agent.policy")
    assert again.to_bytes() == policy.to_bytes()
    np.testing.assert_array_equal(again.preferences(ROWS), policy.preferences(ROWS))
    assert (again.note, again.features, again.horizon, again.clip) == (note, FEATURES, 5, 3.0)


def test_a_file_that_is_none_is_refused(tmp_path):
    whole = drawn_policy().to_bytes()
    # The version follows the name and the kind.
    newer = whole[:23] + b"\x02\x00" + whole[25:]
    flipped = whole[:400] + bytes([whole[400] ^ 1]) + whole[401:]
    place = tmp_path / "bad.policy"
    for content in (b"", b"PK\x03\x04", whole[:-1], whole + b"\0", newer, flipped, whole[:7] + b"x" + whole[8:]):
        place.write_bytes(content)
        with pytest.raises(StateError):
            NumpyPolicy.load(place)
    with pytest.raises(FileNotFoundError):
        NumpyPolicy.load(tmp_path / "none.policy")


def test_a_market_of_another_recipe_is_refused():
    recipe = FeatureRecipe(fill=None)
    policy = drawn_policy(note={"recipe": asdict(replace(recipe, columns=FEATURES))})
    policy.check_recipe(recipe)
    assert policy.recipe == replace(recipe, columns=FEATURES)
    with pytest.raises(ParameterError, match=r"window_size=30, the market has 20"):
        policy.check_recipe(replace(recipe, window_size=20))
    with pytest.raises(ParameterError, match="fill"):
        policy.check_recipe(FeatureRecipe())
    with pytest.raises(ParameterError, match="ret_3, rsi_14"):
        policy.check_recipe(replace(recipe, columns=("ret_1", "realized_sigma_30", "trend_strength", "vol_jump_z")))
    with pytest.raises(DataError, match="no recipe"):
        drawn_policy().check_recipe(recipe)


FIRST = ("ret_1", "rs_score")


def noted(features, **note):
    recipe = FeatureRecipe(fill=None)
    return drawn_policy(features, note={"recipe": asdict(replace(recipe, columns=features)), **note})


def test_a_market_of_other_leaders_is_refused():
    recipe = FeatureRecipe(fill=None)
    noted(("ret_1", "eth_beta")).check_recipe(recipe, ("BTC", "ETH"))
    with pytest.raises(ParameterError, match=r"leaders BTC does not give .*'eth_beta'"):
        noted(("ret_1", "eth_beta")).check_recipe(recipe, ("BTC",))
    with pytest.raises(ParameterError, match="leaders none does not give"):
        noted(("ret_1", "eth_beta")).check_recipe(recipe, ())
    # Two columns are against the first leader, and do not name it: btc before eth, whatever the order.
    noted(FIRST, leaders=["ETH", "BTC"]).check_recipe(recipe, ("BTC", "SOL"))
    with pytest.raises(ParameterError, match="rs_score against eth, the market has btc"):
        noted(FIRST, leaders=["ETH"]).check_recipe(recipe, ("BTC", "ETH"))
    with pytest.raises(ParameterError, match="rs_score against none, the market has btc"):
        noted(FIRST, leaders=[]).check_recipe(recipe, ("BTC",))
    with pytest.raises(DataError, match="no leaders"):
        noted(FIRST).check_recipe(recipe, ("BTC",))


@pytest.mark.parametrize("recipe", [{"no_such": 1}, {"window_size": 0}, {"fill": 3}])
def test_a_note_whose_recipe_is_none_is_refused(recipe):
    with pytest.raises(DataError, match="recipe in the policy's note"):
        drawn_policy(note={"recipe": recipe}).check_recipe(FeatureRecipe(fill=None))


# --- numbers at the ends of float64 ---


def of_one_layer(weights=0.0, bias=0.0, **options):
    layers = [(np.full((3, 3), weights), np.array([0.0, bias, -bias]))]
    return NumpyPolicy(("ret_1", "ret_3"), **{"mean": [0, 0], "std": [1, 1], "clip": 5.0} | options, layers=layers)


@pytest.mark.parametrize(
    "options",
    [{"weights": 1e308}, {"bias": 1e200}, {"mean": [0, 1e308]}, {"std": [1, 1e308]}, {"clip": 1e308}],
    ids=lambda each: "".join(each),
)
def test_numbers_that_leave_float64_are_refused(options):
    with pytest.raises((DataError, ParameterError), match=r"1e\+100"):
        of_one_layer(**options)


@pytest.mark.parametrize("weight", [5e-324, 1e-300, 1e-200, 1e100])
def test_the_smallest_and_largest_weights_have_preferences(weight):
    policy = of_one_layer(weight, clip=1e100 if weight == 1e100 else 5.0)
    seen = np.array([policy.clip, 1.0, 1.0])
    np.testing.assert_allclose(policy.preferences(seen), weight * seen.sum(), rtol=1e-9, atol=1e-280)
    assert policy.probabilities(seen).sum() == pytest.approx(1.0)


def test_a_feature_far_beyond_what_was_seen_is_at_the_bound():
    policy = of_one_layer(mean=[-1e100, 0], std=[5e-324, 1e-300])
    np.testing.assert_array_equal(policy.standardise(np.array([[1e308, -1e308]])), [[5.0, -5.0]])
    assert of_one_layer(bias=1e100).probabilities(np.zeros(3)).tolist() == [0.0, 1.0, 0.0]


# --- what it earns ---


def by_hand(policy, table, cost):
    """The gain of each row, one row at a time."""
    gains, held = [], 0
    for row, usable in enumerate(table.usable):
        if not usable:
            continue
        features = dict(zip(policy.features, table.features[row], strict=True))
        wanted = int(policy.action(policy.observation(features, held))) - 1
        gain = wanted * table.returns[row] - cost * abs(wanted - held)
        held = wanted
        if not table.usable[row + 1]:
            gain -= cost * abs(held)
            held = 0
        gains.append(gain)
    return gains


@pytest.mark.parametrize("seed", range(3))
def test_an_evaluation_is_the_sum_of_its_rows(seed):
    frames = {"A": with_gap(echo_market(400, seed=seed), 200, 205), "B": echo_market(400, seed=9)}
    recipe = FeatureRecipe(fill=None, columns=FEATURES)
    policy = drawn_policy(seed=seed)
    one, other = trading_tables(frames, symbols=["A", "B"], leaders=[], recipe=recipe)
    assert 0 < one.usable.sum() < other.usable.sum()
    gains = by_hand(policy, one, 0.001)
    alone = evaluate(policy, [one], cost=0.001)
    assert alone.gain == pytest.approx(sum(gains), abs=1e-12)
    assert alone.rows == len(gains)
    assert alone.hold == pytest.approx(one.returns[one.usable].sum() - 0.002, abs=1e-12)
    both = evaluate(policy, [one, other], cost=0.001)
    assert both.rows == other.usable.sum()
    assert both.symbols == 2
    assert -1.0 < both.gain < 1.0
    # A row's gain is the mean of the symbols that could be traded in it.
    each = [np.full(400, np.nan) for _ in range(2)]
    for place, table in enumerate((one, other)):
        each[place][table.usable] = by_hand(policy, table, 0.001)
    assert both.gain == pytest.approx(np.nanmean(np.array(each)[:, other.usable], axis=0).sum(), abs=1e-12)


def test_holding_for_a_single_row_is_bought_and_sold_too():
    table = TradingTable("A", np.arange(3), np.array([[np.nan], [0.0], [0.0]]), np.array([0.01, 0.02, np.nan]))
    judged = evaluate(following_policy(), [table], cost=0.001)
    assert judged.rows == 1
    assert judged.hold == pytest.approx(0.02 - 0.002, abs=1e-15)


def test_a_policy_that_follows_an_echo_beats_holding_and_pays_its_costs():
    recipe = FeatureRecipe(fill=None, columns=["ret_1"])
    tables = trading_tables({"A": echo_market()}, symbols=["A"], leaders=[], recipe=recipe)
    free, dear = (evaluate(following_policy(), tables, cost=cost) for cost in (0.0, 0.001))
    # E |phi x| = phi sd sqrt(2 / pi), sd that of the returns.
    assert free.gain / free.rows == pytest.approx(0.25 * 0.01033 * 0.798, rel=0.15)
    assert free.gain - dear.gain == pytest.approx(0.001 * dear.turnover * dear.rows, rel=1e-9)
    assert dear.difference > 2.0
    assert abs(evaluate(following_policy(), tables, cost=0.0).long - 0.5) < 0.03
    # Holding on saves costs.
    assert evaluate(following_policy(hold=1.0), tables, cost=0.001).gain > dear.gain


def test_rows_of_training_earn_nothing_from_the_rows_after_them():
    (table,) = trading_tables(
        {"A": echo_market(300)}, symbols=["A"], leaders=[], recipe=FeatureRecipe(fill=None, columns=["ret_1"])
    )
    part = table.rows(0, 200)
    assert len(part.returns) == 200
    assert np.isnan(part.returns[-1])
    np.testing.assert_array_equal(part.returns[:-1], table.returns[:199])
    with pytest.raises(DataError, match="no row"):
        evaluate(following_policy(), [table.rows(0, 1)], cost=0.0)


def test_tables_hold_gaps_and_refuse_what_cannot_be():
    frames = {"A": with_gap(echo_market(60), 30, 33), "BTC": echo_market(60, seed=1)}
    recipe = FeatureRecipe(fill=None, columns=["ret_1", "btc_age"])
    (table,) = trading_tables(frames, symbols=["A"], leaders=["BTC"], recipe=recipe)
    assert isinstance(table, TradingTable)
    assert len(table.times) == 60
    # A return needs both neighbours; so does the feature.
    assert np.flatnonzero(np.isnan(table.returns)).tolist() == [29, 30, 31, 32, 59]
    assert np.flatnonzero(~table.known).tolist() == [0, 30, 31, 32, 33]
    bad = [
        ({"recipe": replace(recipe, fill="forward")}, "fill=None"),
        ({"recipe": replace(recipe, columns=None)}, "columns"),
        ({"symbols": ["BTC"]}, "BTC: .*btc_age"),
        ({"symbols": ["C"]}, "no candles of 'C'"),
    ]
    for change, message in bad:
        with pytest.raises(ParameterError, match=message):
            trading_tables(frames, **{"symbols": ["A"], "leaders": ["BTC"], "recipe": recipe} | change)


# --- options, and training without the extra ---


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("features", ("no_such",)),
        ("features", "ret_1"),
        ("seed", -1),
        ("seed", True),
        ("timesteps", 0),
        ("cost", -0.001),
        ("cost", np.nan),
        ("cost", "0.1"),
        ("clip", np.inf),
        ("validation", 0.0),
        ("validation", 1.0),
        ("gamma", 1.5),
        ("learning_rate", 0.0),
        ("batch", 1025),
        ("hidden", 0),
        ("episode", 1.5),
    ],
)
def test_options_out_of_their_bounds_are_refused(name, bad):
    with pytest.raises(ParameterError, match=name):
        TrainingOptions(**{name: bad})


def test_training_without_the_extra_says_what_is_lacking(monkeypatch, tmp_path):
    for module in ("gymnasium", "torch", "stable_baselines3"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ComoveError, match=r"pip install comove\[rl\]") as caught:
        train({"A": echo_market(300)})
    assert caught.value.code == "extra"
    folder = write({"A": echo_market(300)}, tmp_path / "candles")
    result = run("train-rl", "--data", folder, "--leaders", "none", "--out", tmp_path / "a.policy")
    assert result.exit_code == 1
    assert "gymnasium, which is not installed: pip install comove[rl]" in result.stderr
    assert not (tmp_path / "a.policy").exists()


def test_a_place_that_cannot_be_written_is_found_before_the_training(monkeypatch, tmp_path):
    def trained(*_, **__):
        raise AssertionError("it was trained")

    monkeypatch.setattr("comove.cli.train_rl.check_extra", lambda: None)
    monkeypatch.setattr("comove.cli.train_rl.train", trained)
    folder = write({"A": echo_market(300)}, tmp_path / "candles")
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "a.policy", tmp_path / (300 * "x" + ".policy")):
        result = run("train-rl", "--data", folder, "--leaders", "none", "--out", target)
        assert result.exit_code == 1, result.output
        assert f"cannot write {target}: " in " ".join(result.stderr.split())


def test_sources_need_no_package_of_the_extra():
    code = (
        "import sys, comove.cli, comove.signals.sources, comove.signals.rl as rl\n"
        "assert not {'torch', 'gymnasium', 'stable_baselines3'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
