"""Sizes in closed form, each multiplier and cap with its reason, and no size of a bad number."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove.errors import DataError, ParameterError
from comove.portfolio import BetaPrior, RiskManager, RiskOptions, SizingInputs, beta_bound, beta_prior, shrunk_beta
from risk_cases import PLAIN, manager, multipliers, reasons, sized, trades

NAN = float("nan")
INF = float("inf")
PRIOR = BetaPrior(mean=1.0, variance=0.25, n=40)


def test_a_plain_trade_is_the_base():
    sizing = sized()
    assert (sizing.size, sizing.fraction, sizing.refused, sizing.caps) == (1000.0, 0.1, None, ())
    assert set(multipliers(sizing).values()) == {1.0}
    assert sizing.units == 500.0
    names = "confidence volatility drawdown kelly leader_volatility beta divergence regime heat"
    assert list(multipliers(sizing)) == names.split()


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"confidence": 0.55}, "confidence", 0.5),
        ({"confidence": 0.9}, "confidence", 1.0),
        ({"volatility": 0.025}, "volatility", 0.4),
        ({"volatility": 0.008}, "volatility", 1.25),
        ({"volatility": 0.001}, "volatility", 1.5),
        ({"equity": (20_000.0, 19_000.0)}, "drawdown", 0.75),
        ({"equity": (20_000.0, 19_000.0, 30_000.0)}, "drawdown", 1.0),
        ({"leader_volatility_ratio": 1.6}, "leader_volatility", 0.625),
        ({"leader_volatility_ratio": 0.4}, "leader_volatility", 1.0),
        ({"leader_volatility_ratio": None}, "leader_volatility", 0.5),
        ({"beta": 1.6}, "beta", 0.625),
        ({"beta": -1.6}, "beta", 0.625),
        ({"beta": 1.4, "beta_stderr": 0.2 / 1.645}, "beta", 0.625),
        ({"beta": 2.0, "beta_stderr": 0.5, "beta_prior": PRIOR}, "beta", 1 / (1.5 + 1.645 * math.sqrt(0.125))),
        ({"beta": None, "beta_prior": PRIOR}, "beta", 1 / (1 + 1.645 * 0.5)),
        ({"beta": 1.9, "beta_stderr": None, "beta_prior": PRIOR}, "beta", 1 / 1.9),
        ({"beta": None, "beta_stderr": None}, "beta", 1 / 3),
        ({"beta": 1.0, "beta_stderr": None}, "beta", 1 / 3),
        ({"beta": -4.0, "beta_stderr": None}, "beta", 1 / 4),
        ({"regime_scores": {"risk_on": 0.5, "risk_off": 0.4}}, "regime", 0.7),
        ({"regime_scores": {"risk_on": 0.5, "risk_off": 0.4}, "side": "short"}, "regime", 0.6),
        ({"regime_scores": {"risk_on": 0.5}}, "regime", 0.25),
        ({"regime_scores": {}}, "regime", 0.25),
        ({"regime_scores": None, "side": "short"}, "regime", 0.25),
        ({"heat": 0.28}, "heat", 0.6),
        ({"correlation": None}, "divergence", 1.0),
        ({"correlation": 0.0, "correlation_samples": None}, "divergence", 1.0),
        ({"correlation": 0.0, "correlation_samples": 3}, "divergence", 1.0),
    ],
)
def test_multipliers_in_closed_form(changed, name, value):
    changed = dict(changed)
    sizing = sized(equity=changed.pop("equity", (10_000.0,)), **changed)
    got = multipliers(sizing)
    assert got.pop(name) == pytest.approx(value, rel=1e-12)
    assert set(got.values()) == {1.0}
    # Two multiples of the base reach the cap of a position.
    assert sizing.fraction == pytest.approx(min(0.1 * value, 0.2), rel=1e-12)
    assert sizing.size == sizing.fraction * 10_000.0


@pytest.mark.parametrize("corr", [0.0, 0.1, -0.1, -0.35, 0.9, 1.0])
@pytest.mark.parametrize("n", [4, 20, 72, 5000])
def test_divergence_is_by_the_interval_of_fisher(corr, n):
    upper = math.tanh(math.atanh(abs(corr)) + 1.645 / math.sqrt(n - 3)) if abs(corr) < 1 else 1.0
    expected = 1 + 0.25 * max(0.0, 1 - upper - 0.5) / 0.5
    got = multipliers(sized(correlation=corr, correlation_samples=n))["divergence"]
    assert got == pytest.approx(expected, rel=1e-9)
    if n >= 20:
        assert got == pytest.approx(expected, rel=1e-13)


def test_divergence_says_its_lower_bound():
    sizing = sized(correlation=-0.1, correlation_samples=400)
    assert "correlation -0.10 of 400 pairs, divergence at least 0.82" in reasons(sizing)["divergence"]
    assert multipliers(sizing)["divergence"] == pytest.approx(1.16, abs=0.005)


def test_kelly_is_a_cap_on_what_the_base_risks():
    # f = 0.4 - 0.6 / 2 = 0.1; a quarter of it is 2.5 % of the capital, the base of 10 % risks all without a stop.
    without = sized(win_probability=0.4, payoff_ratio=2.0, stop_distance=None)
    assert multipliers(without)["kelly"] == pytest.approx(0.25, rel=1e-12)
    with_stop = sized(win_probability=0.4, payoff_ratio=2.0, stop_distance=0.5)
    assert multipliers(with_stop)["kelly"] == pytest.approx(0.5, rel=1e-12)
    assert multipliers(sized(win_probability=0.4, payoff_ratio=2.0))["kelly"] == 1.0


@pytest.mark.parametrize(("p", "b"), [(1 / 3, 2.0), (0.5, 1.0), (0.5, 0.9), (0.0, 5.0), (0.2, 3.0)])
def test_without_an_edge_there_is_no_size(p, b):
    sizing = sized(win_probability=p, payoff_ratio=b)
    assert (sizing.size, sizing.fraction) == (0.0, 0.0)
    assert "has no edge" in sizing.refused


def test_a_confidence_of_a_coin_has_no_size():
    for confidence in (0.5, 0.49, 0.01, 5e-324):
        sizing = sized(confidence=confidence)
        assert sizing.size == 0.0
        assert sizing.refused.startswith(f"confidence {confidence:.3g} is no better than a coin's 0.5; confidence")
        assert "has no edge" in sizing.refused


@pytest.mark.parametrize("b", [1, 2, 3, 8])
def test_the_stake_by_confidence_is_below_kelly_for_every_payoff(b):
    """The judge is a walk of single steps, solved: it stops one step below, or b steps above."""
    every = RiskOptions(kelly_fraction=1.0, base_fraction=10.0, max_risk=1.0, max_fraction=10.0, max_leverage=100.0)
    for confidence in (0.501, 0.52, 0.55, 0.6, 0.7, 0.9):
        # Places 1 to b of the walk, 0 the stop and b + 1 the target, begun at 1.
        system = np.eye(b) - confidence * np.eye(b, k=1) - (1 - confidence) * np.eye(b, k=-1)
        won = np.linalg.solve(system, confidence * (np.arange(1, b + 1) == b))[0]
        kelly = won - (1 - won) / b
        stake = 10.0 * multipliers(sized(every, confidence=confidence, stop_distance=1.0, max_heat=100.0))["kelly"]
        assert 0 < stake <= kelly
        # Small edges lose nothing by it.
        assert stake == pytest.approx(kelly, rel=12 * (confidence - 0.5))


def test_caps_cut_and_say_so():
    options = RiskOptions(base_fraction=0.5, max_leverage=0.6)
    sizing = sized(options, heat=0.3, max_heat=0.7, stop_distance=0.04)
    # 0.5 times 4 / 7 of the heat left.
    assert 0.5 * multipliers(sizing)["heat"] == pytest.approx(2 / 7)
    assert [(each.name, round(each.limit, 12)) for each in sizing.caps] == [("max_fraction", 0.2), ("max_risk", 0.25)]
    assert sizing.fraction == 0.2
    assert "the most of one position" in str(sizing)
    tight = sized(options, stop_distance=0.2)
    assert [(each.name, round(each.limit, 12)) for each in tight.caps] == [("max_risk", 0.05), ("max_fraction", 0.2)]
    assert tight.fraction == pytest.approx(0.05)
    assert tight.caps[0].reason == "at the stop 20 % is lost, at most 1 % of the capital may be"
    full = sized(RiskOptions(max_leverage=0.3), heat=0.3)
    assert full.size == 0.0
    assert full.refused == "0 is below the least size of 10; all positions may be worth 30 % together"


@pytest.mark.parametrize("part", [1 - 1e-9, 0.95, 0.5])
@pytest.mark.parametrize("name", ["max_fraction", "max_risk", "max_heat", "max_leverage"])
def test_each_cap_alone_cuts_to_its_limit(name, part):
    wide = {"max_fraction": 10.0, "max_risk": 1.0, "max_leverage": 100.0}
    limit = 0.1 * part
    if name == "max_heat":
        sizing = sized(RiskOptions(**wide), max_heat=limit)
    else:
        # At a stop 5 % away the whole limit loses 5 % of it.
        sizing = sized(RiskOptions(**{**wide, name: limit * 0.05 if name == "max_risk" else limit}))
    assert [each.name for each in sizing.caps] == [name]
    assert sizing.fraction == sizing.caps[0].limit == pytest.approx(limit, rel=1e-12)
    assert sizing.size == pytest.approx(10_000.0 * limit, rel=1e-12)


def test_heat_leaves_room():
    wide = RiskOptions(base_fraction=10.0, max_fraction=10.0, max_risk=1.0)
    # 10 times 1 / 14 of the heat is above what is left of it, and of the leverage.
    sizing = sized(wide, heat=0.65, stop_distance=0.001)
    assert [(each.name, round(each.limit, 12)) for each in sizing.caps] == [("max_heat", 0.05), ("max_leverage", 0.35)]
    assert sizing.fraction == pytest.approx(0.05, rel=1e-12)
    for heat in (0.7, 0.9, 1e300):
        refused = sized(wide, heat=heat)
        assert refused.size == 0.0
        assert "of the capital, at most 70 % may be" in refused.refused


def test_what_is_too_small_is_refused():
    sizing = sized(capital=99.0)
    assert sizing.size == 0.0
    assert sizing.refused.startswith("9.9 is below the least size of 10; confidence cuts it most: ")
    assert sized(capital=100.0).size == 10.0
    without_least = RiskOptions(min_size=0.0)
    assert sized(without_least, capital=1e-300).size == 1e-301
    # Below the smallest number it is nothing, whatever the least size.
    assert sized(without_least, capital=5e-324, price=0.5).refused.startswith("0 is below the least size of 0; ")


def test_what_is_not_known_never_raises_a_size():
    wide = RiskOptions(min_size=0.0)
    assert sized(wide, volatility=None).refused == "the volatility of BONK is not known"
    without_stop = sized(wide, stop_distance=None)
    assert without_stop.fraction == pytest.approx(0.01)
    assert without_stop.caps[0].reason == "without a stop all is lost, at most 1 % of the capital may be"
    for ratio in (0.3, 1.0, 2.0):
        assert sized(leader_volatility_ratio=None).size <= sized(leader_volatility_ratio=ratio).size
    for corr in (-1.0, 0.0, 0.3, 1.0):
        assert sized(correlation=None).size <= sized(correlation=corr).size
    for off in (0.0, 0.5, 1.0):
        for side in ("long", "short"):
            known = sized(side=side, regime_scores={"risk_off": off, "risk_on": 1.0})
            assert sized(side=side, regime_scores=None).size <= known.size
    no_equity = RiskManager().position_size(SizingInputs(**PLAIN))
    assert no_equity.refused == "no equity is known: give it to update_equity"


def test_a_bound_without_a_beta_is_that_of_a_beta_known_ever_less():
    for beta in (-3.0, 0.0, 0.5, 4.0):
        assert beta_bound(beta, 1e8, PRIOR, 1.645) == pytest.approx(beta_bound(None, None, PRIOR, 1.645), rel=1e-9)
    assert beta_bound(None, None, None, 1.645) is None
    assert beta_bound(2.0, None, None, 1.645) is None
    assert beta_bound(-2.0, 0.1, None, 2.0) == pytest.approx(2.2)


def test_shrinkage_by_hand():
    # Scatter of 0.5 1 1 1.5 2 about 1.2: (0.49 + 0.04 + 0.04 + 0.09 + 0.64) / 4 = 0.325; squares of errors: 0.08.
    prior = beta_prior([0.5, 1.0, NAN, 1.0, 1.5, 2.0, 7.0, None], [0.2, 0.1, 0.1, 0.3, 0.1, 0.5, INF, 0.1])
    assert (prior.mean, prior.n) == (1.2, 5)
    assert prior.variance == pytest.approx(0.245, rel=1e-14)
    # (2 * 0.25 + 1 * 0.75) / 1 and sqrt(0.25 * 0.75 / 1).
    prior = BetaPrior(mean=1.0, variance=0.25, n=40)
    assert shrunk_beta(2.0, math.sqrt(0.75), prior) == pytest.approx((1.25, math.sqrt(0.1875)), rel=1e-14)
    assert shrunk_beta(-2.0, 0.0, prior) == (2.0, 0.0)
    # All scatter is error: every coin has the mean.
    same = beta_prior([0.9, 1.0, 1.1, 1.0, 1.0], [0.5] * 5)
    assert same.variance == 0.0
    assert shrunk_beta(1.1, 0.5, same) == (1.0, 0.0)
    assert shrunk_beta(1.1, 0.0, same) == (1.1, 0.0)
    assert beta_prior([1.0] * 4, [0.1] * 4) is None


@pytest.mark.parametrize(("coins", "markets", "covered"), [(47, 200, 0.92), (2000, 5, 0.95)])
def test_shrunk_betas_are_nearer_to_the_true_ones_and_below_their_bounds(coins, markets, covered):
    rng = np.random.default_rng(11)
    near = raw = inside = 0.0
    for _ in range(markets):
        true = rng.normal(1.2, 0.3, coins)
        errors = rng.uniform(0.05, 0.6, coins)
        seen = true + rng.normal(0, errors)
        prior = beta_prior(seen.tolist(), errors.tolist())
        for beta, error, right in zip(seen.tolist(), errors.tolist(), true.tolist(), strict=True):
            near += (shrunk_beta(beta, error, prior)[0] - right) ** 2
            raw += (beta - right) ** 2
            inside += abs(right) <= beta_bound(beta, error, prior, 1.645)
    assert near < 0.5 * raw
    assert inside / (coins * markets) == pytest.approx(covered, abs=0.01)


@pytest.mark.parametrize(
    ("betas", "stderrs", "message"),
    [
        ([1.0], [0.1, 0.2], "stderrs must have 1 values, one a beta, got 2"),
        ([1.0], [-0.1], "stderrs must be at least 0, got -0.1"),
        ([1e10], [0.1], "must be within 1e"),
        (["a"], [0.1], "betas"),
    ],
)
def test_bad_betas_make_no_prior(betas, stderrs, message):
    with pytest.raises(DataError, match=message):
        beta_prior(betas, stderrs)


NUMBERS = [each.name for each in fields(SizingInputs) if each.name not in ("symbol", "side", "regime_scores")]
MAY_BE_ZERO = {"heat", "beta", "beta_stderr", "correlation", "correlation_samples", "win_probability"}
MAY_BE_NEGATIVE = {"beta", "correlation"}


@pytest.mark.parametrize("name", sorted(MAY_BE_ZERO | MAY_BE_NEGATIVE))
def test_some_numbers_may_be_0_or_negative(name):
    changed = {**PLAIN, "win_probability": 0.5, "payoff_ratio": 2.0}
    for value in (0, -0.25) if name in MAY_BE_NEGATIVE else (0,):
        assert getattr(SizingInputs(**{**changed, name: value}), name) == value


@pytest.mark.parametrize("value", [0, -1.0, NAN, INF, -INF, True, False, "1", b"1", [1.0], 10**400, 1j])
@pytest.mark.parametrize("name", NUMBERS)
def test_bad_numbers_never_size_a_trade(name, value):
    given_numbers = {**PLAIN, "win_probability": 0.5, "payoff_ratio": 2.0}
    if type(value) in (int, float) and (
        (value == 0 and name in MAY_BE_ZERO) or (value == -1 and name in MAY_BE_NEGATIVE)
    ):
        value = NAN
    with pytest.raises(ParameterError, match=f"{name} must be .*, got"):
        SizingInputs(**{**given_numbers, name: value})


@pytest.mark.parametrize("name", ["price", "capital", "confidence", "heat", "max_heat", "symbol", "side"])
def test_what_must_be_known_is_asked_for(name):
    with pytest.raises(ParameterError, match=f"{name} must be"):
        SizingInputs(**{**PLAIN, name: None})


@settings(max_examples=500)
@given(
    trades,
    st.sampled_from([name for name in NUMBERS if name not in ("beta_prior", "correlation_samples")]),
    st.floats(max_value=-1e-300) | st.sampled_from([NAN, INF, -INF]),
)
def test_random_bad_numbers_never_size_a_trade(trade, name, value):
    if name in MAY_BE_NEGATIVE:
        value *= 1e300 if abs(value) < 1e9 else 1.0
        if abs(value) <= 1e9:
            return
    with pytest.raises(ParameterError):
        sized(**{**trade, name: value})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"side": "buy"}, "side must be one of 'long', 'short', got 'buy'"),
        ({"symbol": ""}, "symbol must be a symbol"),
        ({"confidence": 1.1}, "confidence must be above 0 and at most 1, got 1.1"),
        ({"correlation": -1.1}, "correlation must be at least -1 and at most 1, got -1.1"),
        ({"stop_distance": 1e-10}, "stop_distance must be at least 1e-09"),
        ({"win_probability": 0.5}, "payoff_ratio must be given with win_probability, got None"),
        ({"beta_prior": 1.0}, "beta_prior must be a BetaPrior or None, got 1.0"),
        ({"regime_scores": {"crash": 1.0}}, "regime_scores must be one of 'risk_on'.*got 'crash'"),
        ({"regime_scores": {"risk_off": 1.1}}, "risk_off must be at least 0 and at most 1, got 1.1"),
        ({"regime_scores": {"risk_off": NAN}}, "risk_off must be at least 0 and at most 1, got nan"),
        ({"regime_scores": {"risk_off": True}}, "risk_off must be a number, got True"),
        ({"regime_scores": 0.5}, "regime_scores must be a mapping"),
        ({"capital": 1e300, "price": 1e-300}, "capital / price must be finite and above 0, got inf"),
        ({"capital": 1e-300, "price": 1e300}, "capital / price must be finite and above 0, got 0.0"),
    ],
)
def test_refusals_name_the_number_and_its_bound(changed, message):
    with pytest.raises(ParameterError, match=message):
        SizingInputs(**{**PLAIN, **changed})


def test_only_checked_inputs_are_sized():
    with pytest.raises(ParameterError, match="inputs must be SizingInputs, got"):
        manager().position_size(PLAIN)
    with pytest.raises(ParameterError, match="options must be RiskOptions"):
        RiskManager({"max_fraction": 1.0})
    with pytest.raises(FrozenInstanceError):
        SizingInputs(**PLAIN).heat = 0.0
    with pytest.raises(FrozenInstanceError):
        sized().size = 1e9
    scores = {"risk_off": 0.1}
    inputs = SizingInputs(**{**PLAIN, "regime_scores": scores})
    scores["risk_off"] = NAN
    assert inputs.regime_scores == {"risk_off": 0.1}


def test_numbers_of_numpy_size_as_those_of_python():
    of_numpy = {name: np.float64(value) if type(value) is float else value for name, value in PLAIN.items()}
    of_numpy |= {"correlation_samples": np.int64(72), "capital": np.int32(10_000)}
    assert sized(**of_numpy) == sized()
    assert type(sized(**of_numpy).size) is float


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("base_fraction", 0, "base_fraction must be at least 1e-06 and at most 10, got 0"),
        ("max_risk", NAN, "max_risk must be at least"),
        ("max_leverage", INF, "max_leverage"),
        ("kelly_fraction", 1.5, "kelly_fraction must be at least 0.001 and at most 1, got 1.5"),
        ("risk_off_long", True, "risk_off_long must be a number, got True"),
        ("target_volatility", "1 %", "target_volatility must be a number"),
        ("confidence_full", 0.5, "confidence_full must be above 0.5 and at most 1, got 0.5"),
        ("divergence_at", 1.0, "divergence_at must be at least 0 and at most 0.99"),
        ("divergence_cap", 0.9, "divergence_cap must be at least 1"),
        ("leader_volatility_unknown", 0.5, "leader_volatility_unknown must be at least leader_volatility_at, 1"),
        ("resume_drawdown", 0.2, "resume_drawdown must be below max_drawdown, 0.2, got 0.2"),
        ("stop_basis", "percent", "stop_basis must be one of 'sigma', 'atr', got 'percent'"),
        ("stop_rows", 0, "stop_rows must be at least 1, got 0"),
        ("stop_rows", 8.0, "stop_rows must be a whole number"),
        ("min_stop", 0.3, "min_stop must be at most max_stop, 0.2, got 0.3"),
        ("reward_ratio", 5.0, "reward_ratio must be below 5, 1 / max_stop, got 5.0"),
        ("scale_levels", 11, "scale_levels must be at most 10, got 11"),
        ("scale_share", 0.6, "scale_share must be at most 0.5, 1 / scale_levels, got 0.6"),
    ],
)
def test_bad_options_are_refused(name, value, message):
    with pytest.raises(ParameterError, match=message):
        RiskOptions(**{name: value})


SWITCHES = {
    "leader_volatility": "leader_volatility",
    "beta_sizing": "beta",
    "divergence_sizing": "divergence",
    "regime_sizing": "regime",
}
"""The multiplier that each option switches off."""


@pytest.mark.parametrize(("option", "name"), SWITCHES.items())
def test_what_is_switched_off_is_no_multiplier(option, name):
    turbulent = {
        "leader_volatility_ratio": 1.6, "beta": 1.6, "correlation": 0.1, "regime_scores": {"risk_off": 0.4},
    }  # fmt: skip
    whole, part = sized(**turbulent), sized(RiskOptions(**{option: False}), **turbulent)
    kept = multipliers(whole)
    assert kept.pop(name) != 1.0
    assert list(multipliers(part).items()) == list(kept.items())
    assert part.fraction == pytest.approx(whole.fraction / multipliers(whole)[name], rel=1e-14)
    # Nothing that it looks at changes the size any more.
    unknown = {"leader_volatility_ratio": None, "beta": None, "correlation": None, "regime_scores": None}
    mine = {"leader_volatility": "leader_volatility_ratio", "divergence": "correlation", "regime": "regime_scores"}
    key = mine.get(name, name)
    assert sized(RiskOptions(**{option: False}), **{**turbulent, key: unknown[key]}).size == part.size


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, "false", None, NAN])
def test_a_switch_is_true_or_false(name, value):
    with pytest.raises(ParameterError, match=name):
        RiskOptions(**{name: value})


@pytest.mark.parametrize("name", [each.name for each in fields(RiskOptions) if each.name not in SWITCHES])
@pytest.mark.parametrize("value", [NAN, INF, -INF, True, "text", None, -1.0])
def test_no_option_takes_what_is_no_number(name, value):
    with pytest.raises(ParameterError, match=name):
        RiskOptions(**{name: value})


def test_a_size_can_be_read():
    text = str(sized(volatility=0.02, regime_scores={"risk_off": 0.4}))
    assert text.splitlines()[0] == "BONK long 350.00, 3.5 % of 10000.00"
    assert "x volatility           0.500  BONK varies by 2 % a row, the target is 1 %" in text
    assert "x regime               0.700  risk-off scores 0.40; for a long that leaves 70 %" in text
    refused = str(sized(volatility=None)).splitlines()[0]
    assert refused == "BONK long 0.00, 0 % of 10000.00: refused, the volatility of BONK is not known"


@pytest.mark.parametrize(("capital", "price"), [(1.7e308, 2.0), (1e300, 1e-8)])
def test_a_size_that_cannot_be_counted_is_refused(capital, price):
    wide = RiskOptions(base_fraction=10.0, max_fraction=10.0, max_leverage=100.0, max_risk=1.0, min_size=0.0)
    found = sized(wide, capital=capital, price=price, stop_distance=0.005, max_heat=100.0)
    assert (found.size, found.units) == (0.0, 0.0)
    assert found.refused.endswith("is more than can be counted")
