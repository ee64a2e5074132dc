"""Small books with answers in closed form: exposure, risk, heat, groups, how many bets."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.errors import DataError, ParameterError
from comove.portfolio import (
    Position,
    correlated_heat,
    correlation_groups,
    effective_bets,
    gross_heat,
    nearest_correlation,
    risk_heat,
)

LONG = Position(symbol="BONK", side="long", size=1000.0, entry=2.0, stop=1.5)
SHORT = Position(symbol="WIF", side="short", size=500.0, entry=4.0, stop=5.0)
NAN = float("nan")


def _pair(rho):
    return [[1.0, rho], [rho, 1.0]]


def test_a_long_and_a_short():
    long = LONG.units, LONG.exposure(2.2), LONG.profit(2.2), LONG.risk(2.2)
    assert long == pytest.approx((500.0, 1100.0, 100.0, 350.0), rel=1e-14)
    short = SHORT.units, SHORT.exposure(4.4), SHORT.profit(4.4), SHORT.risk(4.4)
    assert short == pytest.approx((125.0, -550.0, -50.0, 75.0), rel=1e-14)


def test_a_stop_that_is_passed_has_no_risk_left_and_none_risks_all():
    assert LONG.risk(1.4) == 0.0
    assert SHORT.risk(5.5) == 0.0
    assert Position(symbol="X", side="long", size=100.0, entry=1.0).risk(3.0) == 300.0


@pytest.mark.parametrize("value", [0, -1.0, NAN, float("inf"), "1", True])
@pytest.mark.parametrize("name", ["size", "entry", "stop"])
def test_bad_numbers_make_no_position(name, value):
    with pytest.raises(ParameterError, match=name):
        Position(**{"symbol": "X", "side": "long", "size": 1.0, "entry": 1.0, "stop": 0.5, name: value})


def test_stops_stand_on_the_side_of_the_loss():
    for side, stop in (("long", 2.0), ("long", 2.5), ("short", 2.0), ("short", 1.5)):
        with pytest.raises(ParameterError, match=f"stop of a {side} must be"):
            Position(symbol="X", side=side, size=1.0, entry=2.0, stop=stop)
    with pytest.raises(ParameterError, match="side must be one of 'long', 'short', got 'buy'"):
        Position(symbol="X", side="buy", size=1.0, entry=2.0)
    with pytest.raises(ParameterError, match="size / entry must be finite and above 0, got inf"):
        Position(symbol="X", side="long", size=1e300, entry=1e-300)
    with pytest.raises(FrozenInstanceError):
        LONG.size = 2.0


def test_heat_of_two_positions():
    prices = {"BONK": 2.2, "WIF": 4.4}
    assert gross_heat([LONG, SHORT], prices, 10_000) == pytest.approx(0.165, rel=1e-15)
    assert risk_heat([LONG, SHORT], prices, 10_000) == pytest.approx(0.0425, rel=1e-14)
    assert gross_heat([], prices, 10_000) == 0.0
    with pytest.raises(DataError, match="prices must have one of WIF"):
        gross_heat([LONG, SHORT], {"BONK": 2.0}, 10_000)
    for capital in (0, NAN, -1):
        with pytest.raises(ParameterError, match="capital"):
            risk_heat([LONG], prices, capital)
    with pytest.raises(ParameterError, match="price must be finite and above 0"):
        risk_heat([LONG], {"BONK": NAN}, 10_000)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-1, 1))
def test_correlated_heat_of_two(a, b, rho):
    expected = math.sqrt(max(0.0, a * a + b * b + 2 * rho * a * b))
    assert correlated_heat([a, b], _pair(rho)) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_a_perfect_hedge_has_no_correlated_heat():
    assert correlated_heat([0.4, -0.4], _pair(1.0)) == 0.0
    assert correlated_heat([0.4, 0.4], _pair(1.0)) == pytest.approx(0.8, rel=1e-15)
    assert correlated_heat([], np.empty((0, 0))) == 0.0


def test_the_nearest_matrix_is_that_of_the_paper():
    given_matrix = [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    near = nearest_correlation(given_matrix)
    # Higham (2002), section 5.
    published = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(near.matrix, published, rtol=0, atol=5e-5)
    assert near.shift == pytest.approx(0.2393, abs=5e-5)
    assert np.linalg.eigvalsh(near.matrix)[0] > -1e-12


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.0, 0.999, 1.0])
def test_what_is_a_correlation_matrix_stays(rho):
    near = nearest_correlation(_pair(rho))
    assert near.shift == 0.0
    assert near.matrix.tolist() == _pair(rho)


def test_nothing_possible_is_nearer():
    rng = np.random.default_rng(3)
    for _ in range(20):
        wrong = np.clip(np.corrcoef(rng.normal(size=(8, 12))) + rng.normal(0, 0.4, (8, 8)), -1, 1)
        wrong = (wrong + wrong.T) / 2
        np.fill_diagonal(wrong, 1.0)
        near = nearest_correlation(wrong)
        assert np.linalg.eigvalsh(near.matrix)[0] > -1e-10
        assert (np.diag(near.matrix) == 1.0).all()
        assert near.shift == np.abs(near.matrix - wrong).max() > 0
        distance = np.linalg.norm(near.matrix - wrong)
        for _ in range(50):
            other = np.corrcoef(rng.normal(size=(8, 12)))
            mixed = near.matrix + rng.uniform(0, 0.2) * (other - near.matrix)
            assert np.linalg.norm(mixed - wrong) >= distance - 1e-9


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, NAN], [NAN, 1.0]], "must not be missing, got 2"),
        ([[1.0, 0.5], [0.4, 1.0]], "must be symmetric"),
        ([[1.0, 1.5], [1.5, 1.0]], "from -1 to 1"),
        ([[0.9, 0.5], [0.5, 1.0]], "1 on the diagonal"),
        ([[1.0, 0.5]], "must be square"),
        ([1.0], "must be square"),
        ([["a"]], "correlations"),
    ],
)
def test_what_is_no_correlation_matrix_is_refused(matrix, message):
    with pytest.raises(DataError, match=message):
        nearest_correlation(matrix)
    with pytest.raises(DataError, match=message):
        correlated_heat([0.1, 0.2], matrix)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="correlations must have 3 rows, one a weight, got 2"):
        correlated_heat([0.1, 0.2, 0.3], _pair(0.5))
    with pytest.raises(DataError, match="weights must not be missing"):
        correlated_heat([0.1, NAN], _pair(0.5))
    with pytest.raises(DataError, match="covariance must have shape"):
        effective_bets([0.1], _pair(0.5))
    with pytest.raises(DataError, match="positive semi-definite, got the eigenvalue -1"):
        effective_bets([0.1, 0.2], [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(DataError, match="symmetric"):
        effective_bets([0.1, 0.2], [[1.0, 0.2], [0.1, 1.0]])
    with pytest.raises(DataError, match="missing"):
        effective_bets([0.1, 0.2], _pair(NAN))


def test_effective_bets_in_closed_form():
    # One coin alone in a pair of correlation r: half of its square lies on each principal portfolio.
    for r in (0.2, -0.6, 0.95):
        shares = [(1 + r) / 2, (1 - r) / 2]
        expected = math.exp(-sum(p * math.log(p) for p in shares))
        assert effective_bets([1.0, 0.0], _pair(r)) == pytest.approx(expected, rel=1e-12)
        assert effective_bets([0.3, 0.3], _pair(r)) == pytest.approx(1.0, rel=1e-12)
    # Uncorrelated bets of equal variance; unequal volatilities keep the principal portfolios apart.
    sizes = np.array([1.0, 2.0, 4.0, 5.0])
    assert effective_bets(1 / sizes, np.diag(sizes**2)) == pytest.approx(4.0, rel=1e-12)
    assert effective_bets([0.0, 0.0], _pair(0.3)) == 0.0
    assert effective_bets([0.4, -0.4], _pair(1.0)) == 0.0


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=5), st.integers(0, 1000))
def test_effective_bets_lie_between_1_and_their_number(weights, seed):
    rows = np.random.default_rng(seed).normal(size=(40, 5))
    bets = effective_bets(weights, np.cov(rows.T))
    assert bets == 0.0 if not np.any(weights) else 1.0 - 1e-9 <= bets <= 5.0 + 1e-9 or bets == 0.0


def test_groups_are_connected_components():
    names = ["A", "B", "C", "D", "E"]
    matrix = np.eye(5)
    for one, other, corr in ((0, 2, 0.7), (2, 4, -0.9), (1, 3, 0.69)):
        matrix[one, other] = matrix[other, one] = corr
    matrix[0, 1] = matrix[1, 0] = NAN
    assert correlation_groups(names, matrix) == [("A", "C", "E"), ("B",), ("D",)]
    assert correlation_groups(names, matrix, at_least=0.69) == [("A", "C", "E"), ("B", "D")]
    with pytest.raises(ParameterError, match="names must hold at least 1 symbol"):
        correlation_groups([], np.empty((0, 0)))
    for bound in (0, 1.1, NAN):
        with pytest.raises(ParameterError, match="at_least"):
            correlation_groups(names, matrix, at_least=bound)
    with pytest.raises(DataError, match="correlations must have shape"):
        correlation_groups(names, np.eye(4))
    for value, message in ((0.9, "two that differ by 0.9"), (NAN, "missing on one side only")):
        lopsided = np.eye(5)
        lopsided[0, 1] = value
        with pytest.raises(DataError, match=message):
            correlation_groups(names, lopsided)
