"""The regime of a book, assets that part from their leaders, and the screens for other plays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from comove import ParameterError
from comove.portfolio import MultiSymbolCoordinator
from comove.portfolio.divergences import divergences
from portfolio_cases import LEADERS, LIMITS, fed, measured_of, moves_of, parted, position


@pytest.fixture(scope="module")
def calm():
    """A book of nothing on a calm market."""
    return fed(moves_of(200)).to_bytes()


@pytest.fixture
def book(calm):
    return MultiSymbolCoordinator.from_bytes(calm)


def test_the_regime_of_the_book(book):
    empty = book.regime()
    assert empty.label == empty.market.regime
    assert repr(empty.market) == repr(book.structure.detect_market_regime())
    book.open_position(position(book, "ONE", size=3_000.0))
    book.open_position(position(book, "FOUR", size=1_000.0))
    held = book.regime()
    assert sum(held.shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert held.shares[book.structure.detect_market_regime("ONE").regime.value] >= 0.75 - 1e-12
    assert held.label == book.structure.detect_market_regime("ONE").regime
    assert held.reason.startswith("of the exposure: ")


def test_a_divergence_is_found_with_its_figures():
    book = fed(parted())
    (found,) = book.divergence_opportunities()
    assert (found.symbol, found.direction, found.rows, found.n) == ("TWO", "above", 12, 108)
    returns = book._window.returns
    x, y = np.column_stack([np.ones(120), returns[:, :3]]), returns[:, 4]
    old, new = slice(0, 108), slice(108, 120)
    coefficients = np.linalg.lstsq(x[old], y[old], rcond=None)[0]
    residuals = y - x @ coefficients
    z = x[new].sum(axis=0)
    s = math.sqrt((residuals[old] ** 2).sum() / 104)
    error = s * math.sqrt(12 + z @ np.linalg.inv(x[old].T @ x[old]) @ z)
    assert found.gap == pytest.approx(residuals[new].sum(), abs=1e-12)
    assert found.score == pytest.approx(residuals[new].sum() / error, rel=1e-9)
    assert [leader for leader, _ in found.betas] == list(LEADERS)
    np.testing.assert_allclose([beta for _, beta in found.betas], coefficients[1:], rtol=1e-9)
    # 10 rows of the drift are in the gap, and it took some of them to be sure.
    assert 3 <= found.age <= 9
    assert found.reason.startswith("TWO is ")
    assert f"for {found.age} rows at 2.5 or more" in found.reason
    (below,) = fed(parted(each=-0.012, asset="FOUR")).divergence_opportunities()
    assert (below.symbol, below.direction) == ("FOUR", "below")
    assert below.score < 0 > below.gap


def test_divergences_are_ranked_and_leaders_are_none():
    moves = parted(each=0.01)
    moves["FOUR"][190:] -= 0.03
    moves["SOL"][190:] += 0.03
    found = fed(moves).divergence_opportunities()
    assert [abs(each.score) for each in found] == sorted((abs(each.score) for each in found), reverse=True)
    assert found[0].symbol == "FOUR"
    assert not {each.symbol for each in found} & set(LEADERS)


def test_noise_diverges_as_often_as_student_says():
    """Of 2,000 assets without a divergence: 1.4 % are beyond 2.5 with 104 degrees of freedom."""
    count = 0
    for seed in range(500):
        measured = measured_of(moves_of(120, seed), gap_rows=12)
        count += len(divergences(measured))
    assert 0.007 < count / 2_000 < 0.022


def test_too_little_data_diverge_from_nothing():
    assert fed(moves_of(LIMITS.min_samples + LIMITS.gap_rows)).divergence_opportunities() == []
    assert MultiSymbolCoordinator(capital=1.0).divergence_opportunities() == []


def test_screens_find_what_was_planted(book):
    (low,) = book.screen("low_beta")
    assert low.symbol == "FOUR"
    assert low.figures["upper"] == -low.score <= LIMITS.low_beta_at
    assert "is low" in low.reason
    assert book.screen("rotation") == []
    moves = moves_of(200, 5)
    for symbol, beta in {"BTC": 1.0, "ONE": 1.5, "TWO": 0.5, "THREE": 0.3}.items():
        moves[symbol][120:] += 0.004 * beta
    rising = fed(moves)
    assert rising.structure.detect_market_regime().evidence["trend_BTC"] > rising.structure.regime_options.trend_at
    found = rising.screen("high_beta_momentum")
    assert found[0].symbol == "ONE"
    assert found[0].figures["lower"] >= LIMITS.high_beta_at
    assert found[0].score == pytest.approx(found[0].figures["lower"] * found[0].figures["trend"], rel=1e-12)
    assert "rises by" in found[0].reason
    with pytest.raises(ParameterError, match="screen must be one of"):
        book.screen("best")


def test_a_rotation_is_found():
    moves = moves_of(200, 6)
    for symbol in ("SOL", "THREE"):
        moves[symbol][150:] += 0.006
    book = fed(moves)
    found = book.screen("rotation")
    assert found[0].symbol == "THREE"
    assert not {each.symbol for each in found} & set(LEADERS)
    assert all(each.score >= LIMITS.strength_at for each in found)
    assert "SOL outruns BTC by" in found[0].reason
    returns = book._window.returns
    excess = returns[:, 5] - returns[:, 0]
    assert found[0].score == pytest.approx(excess[-40:].sum() / (excess.std(ddof=1) * math.sqrt(40)), rel=1e-12)


def test_answers_do_not_look_ahead():
    moves = moves_of(160, 8)
    other = {symbol: np.concatenate([each[:140], -each[140:]]) for symbol, each in moves.items()}
    one, two = (fed({symbol: each[:140] for symbol, each in these.items()}) for these in (moves, other))
    assert one.to_bytes() == two.to_bytes()
