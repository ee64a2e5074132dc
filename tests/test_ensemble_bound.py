"""The mixture's loss stays within its bound of each source, over the rounds in which it was awake, whatever comes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from comove.signals.ensemble.aggregation import mix
from comove.signals.ensemble.copies import REGIME_COUNT, Copies, RegimeCopies
from comove.signals.ensemble.elementary import artanh_ratio, exp, log
from ensemble_cases import bars_of_closes, ensemble_of, outcomes_of, random_closes, random_tables, run

# Rounding of a few thousand sums below 1e4.
ROUNDING = 1e-9
ALONE = np.array([0])


def play(copies, predictions, outcome):
    """Losses of mixture and sources over the rounds in which each was awake: `outcome(up, row)` answers the mixture."""
    mixture, own = np.zeros((2, predictions.shape[1]))
    for row, said in enumerate(predictions):
        column = said[:, None]
        up = copies.mix(0, ALONE, column).up
        if np.isnan(up[0]):
            continue
        y = outcome(up[0], row)
        copies.learn(0, up, column, np.array([y]))
        awake = ~np.isnan(said)
        mixture[awake] += (up[0] - y) ** 2
        own[awake] += (said[awake] - y) ** 2
    return mixture, own


def alone(priors, share=0.0, symbols=1):
    copies = Copies(1, share)
    for each in priors:
        copies.add_source(each)
    copies.add_symbols(symbols)
    return copies


def within(copies, mixture, own):
    np.testing.assert_array_less(mixture - own, copies.bounds() + ROUNDING)


# --- the functions the weights are made of ---


def test_exponential_and_logarithm_are_those_of_the_system():
    x = np.concatenate([np.linspace(-699.0, 5.0, 20_001), np.linspace(-1e-3, 1e-3, 101), [0.0]])
    np.testing.assert_allclose(exp(x), [math.exp(each) for each in x], rtol=5e-16)
    assert exp(np.array([0.0]))[0] == 1.0
    assert (exp(np.array([-1e9, -np.inf])) == 0.0).all()
    x = np.concatenate([np.geomspace(1e-300, 1e300, 20_001), 1.0 + np.linspace(-0.5, 0.5, 1001)])
    np.testing.assert_allclose(log(x), [math.log(each) for each in x], rtol=5e-16, atol=1e-16)
    z = np.concatenate([np.linspace(-0.77, 0.77, 4001), [1e-300, 0.0]])
    expected = [math.atanh(each) / each if each else 1.0 for each in z]
    np.testing.assert_allclose(artanh_ratio(z), expected, rtol=2e-15)


shares = st.floats(0.0, 1.0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(shares, st.floats(-30.0, 0.0)), min_size=1, max_size=8), shares)
def test_the_substitution_suffers_no_more_than_the_generalised_prediction(pairs, y):
    p, weights = np.array(pairs).T
    mixed = mix(weights[:, None], p[:, None])
    up = mixed.up[0]
    total = sum(math.exp(w) for w in weights)
    for each in (0.0, 1.0, y):
        g = -0.5 * math.log(sum(math.exp(w - 2.0 * (q - each) ** 2) for q, w in zip(p, weights, strict=True)) / total)
        assert (up - each) ** 2 <= g + 1e-14
    assert p.min() - 1e-15 <= up <= p.max() + 1e-15
    assert abs(mixed.parts.sum() - (up - 0.5)) <= 1e-14
    assert ((np.sign(mixed.parts[:, 0]) == np.sign(p - 0.5)) | (np.abs(p - 0.5) < 1e-15)).all()


def test_a_larger_rate_would_break_the_inequality():
    """At the rate 2.1, sources around 1/2 have a mean above the curve: 2 is the largest."""
    for eta, holds in ((2.0, True), (2.1, False)):
        p = np.array([0.48, 0.52])
        g = [-math.log(np.exp(-eta * (p - y) ** 2).mean()) / eta for y in (0.0, 1.0)]
        up = 0.5 + (g[0] - g[1]) / 2.0
        assert (up**2 <= g[0] + 1e-15) == holds


def test_the_mixture_is_the_definition():
    """Against the definition in rationals times the system's exponential."""
    p, w = [0.9, 0.4, 0.55], [0.2, 0.5, 0.3]
    g = [-0.5 * math.log(sum(wi * math.exp(-2.0 * (q - y) ** 2) for q, wi in zip(p, w, strict=True))) for y in (0, 1)]
    up = mix(np.log(w)[:, None], np.array(p)[:, None]).up[0]
    assert up == pytest.approx(0.5 + (g[0] - g[1]) / 2.0, abs=1e-15)
    one = mix(np.zeros((1, 1)), np.array([[0.3]])).up[0]
    assert abs(Fraction(one) - Fraction(0.3)) < Fraction(1, 10**15)


# --- adversaries ---


def test_worst_cases():
    rows = 1500
    turn = np.arange(rows) % 2
    right_wrong = np.stack([turn, 1 - turn], axis=1).astype(float)
    coin = np.full((rows, 1), 0.5)
    cases = {
        "alternating": right_wrong,
        "alternating and a coin": np.hstack([right_wrong, coin]),
        "constants": np.tile([0.0, 0.25, 0.5, 0.75, 1.0], (rows, 1)),
        "one sleeps in two rounds of three": np.where(np.arange(rows)[:, None] % 3 > 0, [[np.nan, 0.9]], [[0.1, 0.2]]),
        "never two awake": np.where(turn[:, None] == 0, [[0.0, np.nan]], [[np.nan, 1.0]]),
        "blocks": np.where(np.arange(rows)[:, None] // 250 % 2 == 0, [[0.05, 0.95, np.nan]], [[np.nan, 0.9, 0.1]]),
    }
    outcomes = {
        "against the mixture": lambda up, row: float(up < 0.5),
        "half against the mixture": lambda up, row: 0.5 + 0.5 * (1.0 if up < 0.5 else -1.0) * (row % 2),
        "with the first source": lambda up, row: 1.0 - row % 2,
        "always up": lambda up, row: 1.0,
        "halves": lambda up, row: 0.5,
        "in thirds": lambda up, row: row % 4 / 3.0,
    }
    for name, predictions in cases.items():
        for share in (0.0, 0.01):
            # One symbol an outcome, all in one go.
            copies = alone(np.ones(predictions.shape[1]), share, symbols=len(outcomes))
            columns = np.arange(len(outcomes))
            regret = np.zeros((predictions.shape[1], len(outcomes)))
            for row, said in enumerate(predictions):
                each = np.repeat(said[:, None], len(outcomes), axis=1)
                up = copies.mix(0, columns, each).up
                y = np.array([answer(p, row) for p, answer in zip(up, outcomes.values(), strict=True)])
                copies.learn(0, up, each, y)
                regret += np.nan_to_num((up - y) ** 2 - (each - y) ** 2)
            # What `bounds` adds up over the copies is the same for each of these.
            bound = copies.bounds()[:, None] / len(outcomes)
            assert (regret <= bound + ROUNDING).all(), (
                name,
                share,
                dict(zip(outcomes, regret.max(axis=0), strict=True)),
            )


def test_an_adversary_that_puts_sources_to_sleep():
    """Each round wakes those whose regret is largest so far, and answers what hurts the mixture."""
    rng = np.random.default_rng(3)
    for n in (2, 6):
        copies = alone(np.ones(n))
        regret = np.zeros(n)
        for _ in range(1000):
            said = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0], n)
            said[np.argsort(-regret, kind="stable")[n // 2 + 1 :]] = np.nan
            column = said[:, None]
            up = copies.mix(0, ALONE, column).up
            best = max((0.0, 0.5, 1.0), key=lambda y: np.nanmax((up - y) ** 2 - (said - y) ** 2 + regret))
            copies.learn(0, up, column, np.array([best]))
            gained = (up - best) ** 2 - (said - best) ** 2
            regret += np.where(np.isnan(gained), 0.0, gained)
            assert (regret <= copies.bounds() + ROUNDING).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_generated_sequences(data):
    n = data.draw(st.integers(1, 6))
    rows = data.draw(st.integers(1, 60))
    values = st.one_of(st.sampled_from([0.0, 0.5, 1.0, math.nan]), shares)
    predictions = data.draw(hnp.arrays(np.float64, (rows, n), elements=values))
    priors = data.draw(st.lists(st.floats(1e-6, 1e6), min_size=n, max_size=n))
    share = data.draw(st.sampled_from([0.0, 0.0, 0.05, 0.9]))
    answers = data.draw(hnp.arrays(np.float64, rows, elements=st.one_of(st.sampled_from([-1.0, 0.5]), shares)))
    copies = alone(priors, share)
    mixture, own = play(copies, predictions, lambda up, row: answers[row] if answers[row] >= 0.0 else float(up < 0.5))
    within(copies, mixture, own)
    if not share:
        # The weights are the regrets.
        expected = np.log(np.array(priors) / sum(priors)) + 2.0 * (mixture - own)
        np.testing.assert_allclose(copies.log_weights[0, :, 0], expected, atol=1e-9)
        np.testing.assert_allclose(copies.cost, -np.log(np.array(priors) / sum(priors)), atol=1e-9)


def test_the_bound_is_nearly_reached():
    """One source is right and n - 1 are as wrong, all near 1/2, where the curve is straight: ln(n) / 2 is lost."""
    for n in (2, 6, 50):
        copies = alone(np.ones(n))
        predictions = np.full((1000, n), 0.48)
        predictions[:, 0] = 0.52
        mixture, own = play(copies, predictions, lambda up, row: 1.0)
        regret, bound = (mixture - own)[0], copies.bounds()[0]
        assert bound == pytest.approx(math.log(n) / 2.0)
        assert 0.95 * bound <= regret <= bound + ROUNDING


# --- sources that come and go, fixed share, regimes ---


def test_sources_that_come_and_go_keep_the_bound():
    rng = np.random.default_rng(7)
    for trial in range(8):
        copies = alone(rng.uniform(0.1, 3.0, 3))
        mixture, own = np.zeros(3), np.zeros(3)
        for row in range(300):
            if row % 50 == 20:
                copies.add_source(float(rng.uniform(0.1, 3.0)))
                mixture, own = np.append(mixture, 0.0), np.append(own, 0.0)
            if row % 70 == 60:
                gone = int(rng.integers(len(own)))
                copies.drop_source(gone)
                mixture, own = np.delete(mixture, gone), np.delete(own, gone)
            said = rng.choice([0.0, 0.2, 0.8, 1.0, np.nan], len(own))
            up = copies.mix(0, ALONE, said[:, None]).up
            if np.isnan(up[0]):
                continue
            # Now for the last that came, now against the mixture.
            y = float(said[-1] > 0.5) if trial % 2 and said[-1] == said[-1] else float(up[0] < 0.5)
            copies.learn(0, up, said[:, None], np.array([y]))
            awake = said == said
            mixture[awake] += (up[0] - y) ** 2
            own[awake] += (said[awake] - y) ** 2
            within(copies, mixture, own)


def test_a_source_that_comes_takes_its_part_of_the_weight_there_is():
    copies = alone([1.0, 1.0])
    # Both lose against their mixture in turn: their weights fall far below the prior.
    play(copies, np.tile([[0.0, 1.0]], (400, 1)), lambda up, row: 0.5)
    assert copies.log_weights.max() < -90.0
    copies.add_source(2.0)
    weights = np.exp(copies.log_weights[0, :, 0] - copies.log_weights.max())
    np.testing.assert_allclose(weights / weights.sum(), [0.25, 0.25, 0.5], atol=1e-12)
    np.testing.assert_allclose(copies.cost, np.log([4.0, 4.0, 2.0]), atol=1e-15)


def test_fixed_share_follows_a_source_that_changes():
    """In each run of rounds the regret stays within the bound of a run; without a share it does not."""
    rows, run_of, share = 1200, 300, 0.01
    first_right = np.arange(rows) // run_of % 2 == 0
    predictions = np.where(first_right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    bound = 0.5 * (math.log(2.0 / share) + run_of * math.log(1.0 / (1.0 - share)))
    for a, holds in ((share, True), (0.0, False)):
        copies = alone([1.0, 1.0], a)
        ups = []
        play(copies, predictions, lambda up, row, ups=ups: ups.append(up) or 1.0)
        regret = (np.array(ups) - 1.0) ** 2 - 0.01
        runs = regret.reshape(-1, run_of).sum(axis=1)
        assert (runs <= bound).all() == holds, runs


def test_regimes_keep_their_bounds():
    """Of the first stage, ln(2) / 2; of each source within each regime, ln(2 R n) / 2."""
    rng = np.random.default_rng(11)
    n, rows = 4, 800
    for trial in range(4):
        stage = RegimeCopies(1)
        copies = alone(np.ones(n))
        for _ in range(n):
            stage.add_source(1.0)
        stage.add_symbols(1)
        mixture = np.zeros((REGIME_COUNT, n))
        own = np.zeros((REGIME_COUNT, n))
        first = second = 0.0
        for _ in range(rows):
            said = rng.choice([0.0, 0.3, 0.7, 1.0, np.nan], n)[:, None]
            regime = np.array([int(rng.integers(REGIME_COUNT))])
            raw = copies.mix(0, ALONE, said).up
            up = stage.mix(0, ALONE, regime, raw, said).up
            if np.isnan(raw[0]):
                continue
            right = said[regime[0] % n, 0]
            y = float((up if trial % 2 else raw)[0] < 0.5) if trial < 2 or np.isnan(right) else right
            outcome = np.array([y])
            copies.learn(0, raw, said, outcome)
            stage.learn(0, regime, up, raw, said, outcome)
            first, second = first + (raw[0] - y) ** 2, second + (up[0] - y) ** 2
            awake = said[:, 0] == said[:, 0]
            mixture[regime[0], awake] += (up[0] - y) ** 2
            own[regime[0], awake] += (said[awake, 0] - y) ** 2
            assert second - first <= 0.5 * math.log(2.0) + ROUNDING
        assert (mixture - own <= 0.5 * math.log(2 * REGIME_COUNT * n) + ROUNDING).all()
        assert stage.mixture_cost == pytest.approx(math.log(2.0))
        if trial >= 2:
            assert second < first - 10.0


# --- the whole ensemble: many symbols, interleaved copies, gaps ---


@pytest.mark.parametrize("horizon", [1, 2, 5])
@pytest.mark.parametrize("stages", [False, True])
def test_interleaved_copies(horizon, stages):
    rng = np.random.default_rng(horizon)
    rows, symbols = 260, 5
    closes = random_closes(rng, rows, symbols, gaps=0.05, ties=0.1)
    tables = random_tables(rng, "abc", rows, symbols)
    y = outcomes_of(closes, horizon)
    # One that knows, and sleeps most of the time; one that is always wrong.
    tables["knows"] = np.where(rng.random(y.shape) < 0.2, y, np.nan)
    tables["wrong"] = 1.0 - y
    ensemble = ensemble_of(tables, horizon, regime_adjustment=stages, calibration=stages)
    said = run(ensemble, bars_of_closes(closes))
    up = np.full((rows, symbols), np.nan)
    for row, each in enumerate(said):
        for symbol, prediction in each.items():
            if prediction is not None:
                up[row, int(symbol[1:])] = prediction.mixture_up
    for name, table in tables.items():
        both = ~np.isnan(table) & ~np.isnan(up) & ~np.isnan(y)
        mixture, own = ((up - y) ** 2)[both].sum(), ((table - y) ** 2)[both].sum()
        status = ensemble.status[name]
        copies = sum(both[k::horizon, s].any() for k in range(horizon) for s in range(symbols))
        assert status.rounds == both.sum()
        assert status.copies == copies
        assert status.loss == pytest.approx(own, abs=1e-9)
        assert status.mixture_loss == pytest.approx(mixture, abs=1e-9)
        assert status.bound == pytest.approx(copies * math.log(len(tables)) / 2.0, abs=1e-9)
        assert mixture - own <= status.bound + ROUNDING
    # Not for want of trying: against the one that knows, the mixture pays a good part of the bound.
    knows = ensemble.status["knows"]
    assert knows.mixture_loss - knows.loss > 0.25 * knows.bound


def test_each_copy_knows_the_outcome_of_its_round_before():
    """The mixture of row t is that of a copy fed with rows t - H, t - 2 H ... alone, whose outcomes are known by t."""
    rng = np.random.default_rng(2)
    horizon, rows = 3, 120
    closes = random_closes(rng, rows, 1, ties=0.1)
    tables = random_tables(rng, "abcd", rows, 1)
    y = outcomes_of(closes, horizon)[:, 0]
    ensemble = ensemble_of(tables, horizon, regime_adjustment=False, calibration=False)
    said = run(ensemble, bars_of_closes(closes))
    table = np.hstack(list(tables.values()))
    for k in range(horizon):
        copies = alone(np.ones(4))
        for row in range(k, rows, horizon):
            up = copies.mix(0, ALONE, table[row][:, None]).up
            prediction = said[row]["S0"]
            assert (prediction is None) == np.isnan(up[0])
            if prediction is not None:
                assert prediction.mixture_up == up[0]
                copies.learn(0, up, table[row][:, None], y[row : row + 1])
