"""Returns, betas and exposures of books: closed forms, other libraries, and error bars by Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm

from comove import StateError
from comove.portfolio.betas import MomentBetas
from comove.portfolio.exposure import leader_exposures
from comove.portfolio.measured import Measured
from comove.portfolio.readings import read_heat
from comove.portfolio.regressions import Regressions
from comove.portfolio.returns import ReturnWindow
from portfolio_cases import LEADERS, hadamard, measured_of, window_of

NAN = float("nan")


# --- the window ---


def pushed(table, names, size, max_gap=72):
    window = ReturnWindow(size, max_gap)
    for row in table:
        window.push(dict(zip(names, row.tolist(), strict=True)))
    return window


def holed(rows, size, seed, share=0.1):
    rng = np.random.default_rng(seed)
    table = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.01, (rows, size)), axis=0)
    table[rng.random(table.shape) < share] = NAN
    table[: rows // 2, -1] = NAN
    return table


def test_the_window_holds_the_last_returns():
    table, names = holed(60, 4, 1), list("ABCD")
    moved = table[1:] / table[:-1] - 1.0
    for size in (3, 7, 59, 100):
        window = ReturnWindow(size, 72)
        for row in range(60):
            window.push(dict(zip(names, table[row].tolist(), strict=True)))
            for symbol in window.symbols:
                column = moved[max(0, row - size) : row, names.index(symbol)]
                np.testing.assert_array_equal(window.returns[:, window.place(symbol)], column)
        assert window.symbols == names


def test_pairs_are_those_of_their_common_rows():
    window = pushed(holed(90, 5, 2), list("ABCDE"), 60)
    moments, returns = window.moments(), window.returns
    for one in range(5):
        for other in range(5):
            common = ~np.isnan(returns[:, [one, other]]).any(axis=1)
            x, y = returns[common, one], returns[common, other]
            assert moments.n[one, other] == common.sum()
            assert moments.covariance[one, other] == pytest.approx(np.cov(x, y)[0, 1], rel=1e-11, abs=1e-18)
            assert moments.correlation[one, other] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-11, abs=1e-14)
    assert moments.full.tolist() == [not np.isnan(column).any() for column in returns.T]
    np.testing.assert_array_equal(moments.covariance, moments.covariance.T)
    np.testing.assert_array_equal(moments.correlation, moments.correlation.T)


def test_too_little_and_constant_is_missing_and_not_0():
    window = window_of(
        {
            "A": [0.1, -0.2, 0.1, 0.3],
            "B": [0.3] * 4,
            "C": [NAN] * 4,
            "D": [0.1, NAN, NAN, NAN],
            "E": [0.1, 0.1, 0.1, NAN],
        }
    )
    moments = window.moments()
    known = ~np.isnan(moments.correlation)
    assert known.tolist() == [[place == other == 0 for other in range(5)] for place in range(5)]
    assert moments.covariance[1, 1] == moments.covariance[4, 4] == 0.0
    assert np.isnan(moments.covariance[2]).all()
    assert np.isnan(moments.covariance[3]).all()


def test_what_has_left_leaves_no_trace():
    """The same bits, whatever came before and wherever the window lies in its memory."""
    table, names = holed(200, 4, 3), list("ABCD")
    # Columns come in the order in which symbols are first seen.
    table[0] = 100.0
    spoilt = table.copy()
    spoilt[:100] *= np.random.default_rng(1).choice([1e-9, 1.0, 1e9], (100, 4))
    before, after = (pushed(each, names, 50).moments() for each in (table, spoilt))
    first = next(row for row in range(105, 149) if not np.isnan(table[row]).any())
    short = pushed(table[first:], names, 50).moments()
    for name in ("n", "covariance", "correlation"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        np.testing.assert_array_equal(getattr(before, name), getattr(short, name))


def test_a_long_hole_ends_an_instrument():
    window = ReturnWindow(50, 3)
    prices = {"A": 1.0, "B": 2.0}
    for row in range(20):
        window.push({"A": prices["A"] + row % 3, "B": prices["B"] + row % 5})
    for missing in (3, 4):
        part = ReturnWindow.from_state(window.to_state())
        for _ in range(missing):
            part.push({"A": 1.0, "B": NAN})
        gone = missing > 3
        assert np.isnan(part.returns[:, 1]).all() == gone
        assert (part.price("B"), part.age("B")) == (window.price("B"), missing)
        part.push({"A": 1.0, "B": 1e6})
        # No return over the hole in any case.
        assert math.isnan(part.returns[-1, 1])
        assert part.born("B") == (20 + missing if gone else 0)
        part.push({"A": 1.0, "B": 2e6})
        assert part.returns[-1, 1] == 1.0
        assert (part.price("B"), part.age("B")) == (2e6, 0)


def test_a_restored_window_goes_on_bit_for_bit():
    table, names = holed(120, 4, 4), list("ABCD")
    whole = ReturnWindow(30, 5)
    for row in range(120):
        if row in (0, 1, 29, 31, 75, 119):
            part = ReturnWindow.from_state(whole.to_state())
            for later in table[row:]:
                part.push(dict(zip(names, later.tolist(), strict=True)))
            last = part
        whole.push(dict(zip(names, table[row].tolist(), strict=True)))
    np.testing.assert_array_equal(last.moments().covariance, whole.moments().covariance)
    assert {name: repr(value) for name, value in last.to_state().items()} == {
        name: repr(value) for name, value in whole.to_state().items()
    }


@pytest.mark.parametrize(
    "change",
    [
        {"row": 2},
        {"symbols": ["A"]},
        {"symbols": ["A", "A"]},
        {"last": np.array([1.0, -1.0])},
        {"previous": np.array([1.0, 0.0])},
        {"missed": np.zeros(3, np.int64)},
    ],
)
def test_forged_windows_are_refused(change):
    state = window_of({"A": [0.1, 0.2, 0.3], "B": [0.1, 0.2, 0.4]}).to_state()
    with pytest.raises(StateError):
        ReturnWindow.from_state({**state, **change})


# --- books with answers in closed form ---

H = hadamard(64)
BTC, ETH, SOL = 0.01 * H[:, 1], 0.02 * H[:, 2], 0.03 * H[:, 3]
ALT = 1.2 * BTC + 0.5 * ETH + 0.01 * H[:, 4]
MEME = 2.0 * BTC - 0.25 * SOL + 0.02 * H[:, 5]
CLOSED = {"BTC": BTC, "ETH": ETH, "SOL": SOL, "ALT": ALT, "MEME": MEME}


def exposures(weights, measured):
    return {each.leader: each for each in leader_exposures(weights, measured)}


def test_an_orthogonal_market_by_hand():
    found = exposures({"ALT": 0.3, "MEME": -0.2}, measured_of(CLOSED))
    nets = {"BTC": (0.36 - 0.4, 0.36 + 0.4), "ETH": (0.15, 0.15), "SOL": (0.05, 0.05)}
    # Residuals are 0.01 and 0.02 in size and orthogonal to each other: 64 (0.3² 0.01² + 0.2² 0.02²) / (64 - 4).
    variance = 64 * (0.3**2 * 0.01**2 + 0.2**2 * 0.02**2)
    for leader, size in (("BTC", 0.01), ("ETH", 0.02), ("SOL", 0.03)):
        joint, single = found[leader].joint, found[leader].single
        assert joint.net == pytest.approx(nets[leader][0], abs=1e-12)
        assert joint.gross == pytest.approx(nets[leader][1], abs=1e-12)
        assert joint.stderr == pytest.approx(math.sqrt(variance / 60 / (64 * size**2)), rel=1e-12)
        # Leaders that do not move together have the same betas alone; what the others do is noise then.
        assert single.net == pytest.approx(nets[leader][0], abs=1e-12)
        others = sum(
            nets[other][0] ** 2 * 64 * each**2
            for other, each in (("BTC", 0.01), ("ETH", 0.02), ("SOL", 0.03))
            if other != leader
        )
        assert single.stderr == pytest.approx(math.sqrt((variance + others) / 62 / (64 * size**2)), rel=1e-12)
        assert (found[leader].n, found[leader].reason) == (64, None)


def test_a_leader_is_itself():
    found = exposures({"BTC": 0.5, "ETH": -0.25}, measured_of(CLOSED))
    assert [(found[leader].joint.net, found[leader].joint.stderr) for leader in LEADERS] == [
        (0.5, 0),
        (-0.25, 0),
        (0, 0),
    ]
    assert [found[leader].n for leader in LEADERS] == [None] * 3
    correlated = {**CLOSED, "ETH": 0.8 * BTC + ETH}
    found = exposures({"BTC": 0.5}, measured_of(correlated))
    assert (found["BTC"].single.net, found["BTC"].single.stderr, found["BTC"].single.gross) == (0.5, 0.0, 0.5)
    # Alone, one leader's beta on another is measured: 0.8 0.01² / (0.8² 0.01² + 0.02²).
    assert found["ETH"].single.net == pytest.approx(0.5 * 0.8e-4 / (0.64e-4 + 4e-4), rel=1e-12)
    assert found["ETH"].single.stderr > 0.0
    assert found["ETH"].joint.net == 0.0


def test_an_empty_book_has_no_exposure():
    for each in leader_exposures({}, measured_of(CLOSED)):
        for kind in (each.single, each.joint):
            assert (kind.net, kind.stderr, kind.gross) == (0.0, 0.0, 0.0)
        assert (each.n, each.reason) == (None, None)


def test_a_perfect_hedge_lowers_net_beta_to_0():
    measured = measured_of({**CLOSED, "TWIN": 1.5 * BTC})
    open_, hedged = (exposures(weights, measured)["BTC"] for weights in ({"TWIN": 0.2}, {"TWIN": 0.2, "BTC": -0.3}))
    assert open_.joint.net == pytest.approx(0.3, abs=1e-12)
    for kind in (hedged.joint, hedged.single):
        assert kind.net == pytest.approx(0.0, abs=1e-12)
        assert kind.gross == pytest.approx(0.6, abs=1e-12)
        assert kind.stderr < 1e-8


def test_a_hedge_lowers_net_beta_and_its_error_stays():
    measured = measured_of(CLOSED)
    alone, hedged = (
        exposures(weights, measured)["BTC"].joint for weights in ({"ALT": 0.25}, {"ALT": 0.25, "BTC": -0.3})
    )
    assert alone.net == pytest.approx(0.3, abs=1e-12)
    assert hedged.net == pytest.approx(0.0, abs=1e-12)
    assert hedged.stderr == pytest.approx(alone.stderr, rel=1e-9)
    assert hedged.gross == pytest.approx(0.6, abs=1e-12)


def test_heat_in_closed_form():
    """Orthogonal columns: correlations are known, and so is what each bet is worth."""
    measured = measured_of(CLOSED)
    heat = read_heat({"BTC": 0.3, "ETH": -0.4}, 0.05, (), measured)
    assert (heat.gross, heat.risk, heat.shift, heat.assumed, heat.reason) == (0.7, 0.05, 0.0, (), None)
    assert heat.net == pytest.approx(-0.1, abs=1e-15)
    assert heat.correlated == pytest.approx(0.5, abs=1e-12)
    # Parts of the variance: 0.3² 0.01² and 0.4² 0.02².
    p = 0.09 / (0.09 + 0.64)
    assert heat.bets == pytest.approx(math.exp(-p * math.log(p) - (1 - p) * math.log(1 - p)), rel=1e-12)
    equal = read_heat({"BTC": 0.2, "ETH": 0.1, "SOL": 0.2 / 3}, 0.0, (), measured)
    assert equal.bets == pytest.approx(3.0, rel=1e-12)
    twin = read_heat({"BTC": 0.2, "TWIN": 0.2}, 0.0, (), measured_of({**CLOSED, "TWIN": 3.0 * BTC}))
    assert twin.correlated == pytest.approx(0.4, abs=1e-12)
    assert twin.bets == pytest.approx(1.0, abs=1e-9)


def test_what_is_not_known_is_taken_to_move_with_the_rest():
    fresh = np.full(64, NAN)
    fresh[-10:] = 0.01 * H[-10:, 6]
    measured = measured_of({**CLOSED, "FRESH": fresh})
    for weight in (0.1, -0.1):
        heat = read_heat({"BTC": 0.3, "FRESH": weight, "ETH": 0.4, "NEVER": -0.05}, 0.0, ("NEVER",), measured)
        assert heat.correlated == pytest.approx(0.5 + 0.1 + 0.05, abs=1e-12)
        assert heat.assumed == ("FRESH", "NEVER")
        assert "FRESH, NEVER have fewer than 20 common rows" in heat.reason
        assert "NEVER had no price in the last bar" in heat.reason
    found = exposures({"FRESH": 0.1, "ALT": 0.1}, measured)
    for each in found.values():
        assert (each.joint.net, each.joint.stderr, each.joint.gross) == (None, None, None)
        assert each.reason == "FRESH has 10 rows with its leaders, 20 are needed"
    assert exposures({"NEVER": 0.1}, measured)["BTC"].reason == "NEVER has no returns"


def test_a_leader_without_data_is_not_known_and_the_others_are():
    without = {symbol: column for symbol, column in CLOSED.items() if symbol != "SOL"}
    found = exposures({"ALT": 0.3}, measured_of(without))
    assert found["BTC"].joint.net == pytest.approx(0.36, abs=1e-12)
    assert (found["SOL"].joint.net, found["SOL"].single.net) == (None, None)
    assert found["SOL"].reason == "SOL has fewer than 20 returns in the window"
    leaders_only = exposures({"BTC": 0.3}, measured_of(without))
    assert (leaders_only["SOL"].joint.net, leaders_only["SOL"].single.net) == (0.0, None)


@pytest.mark.parametrize("sol", [2.0 * BTC - ETH, np.zeros(64), np.full(64, 0.001)])
def test_leaders_that_cannot_be_told_apart(sol):
    measured = measured_of({**CLOSED, "SOL": sol})
    found = exposures({"ALT": 0.3}, measured)
    assert found["BTC"].joint.net is None
    assert found["BTC"].reason == "in the rows of ALT a leader does not vary, or is made of the others"
    assert found["BTC"].single.net == pytest.approx(0.36, abs=1e-12)


# --- against other libraries, and one path against the other ---


def market_of(rows, seed, holes=()):
    """Three leaders that move together, three assets; `holes` are (asset, first row) of late listings."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, 0.01, rows)
    columns = {leader: factor + rng.normal(0.0, 0.006, rows) for leader in LEADERS}
    x = np.column_stack(list(columns.values()))
    common = rng.normal(0.0, 0.008, rows)
    for asset, betas in {"ONE": (0.8, 0.3, 0.1), "TWO": (0.2, 1.0, 0.4), "THREE": (1.5, -0.3, 0.0)}.items():
        columns[asset] = x @ betas + common + rng.normal(0.0, 0.006, rows)
    for asset, first in holes:
        columns[asset][:first] = NAN
    return columns


@pytest.mark.parametrize("holes", [(), [("TWO", 60)], [("TWO", 60), ("ONE", 30), ("BTC", 10)]])
def test_betas_and_errors_are_those_of_statsmodels(holes):
    columns = market_of(150, 5, holes)
    measured = measured_of(columns)
    for asset in ("ONE", "TWO", "THREE"):
        table = np.column_stack([columns[asset], *(columns[leader] for leader in LEADERS)])
        table = table[~np.isnan(table).any(axis=1)]
        expected = sm.OLS(table[:, 0], sm.add_constant(table[:, 1:])).fit()
        for at, found in enumerate(exposures({asset: -0.5}, measured).values()):
            assert found.joint.net == pytest.approx(-0.5 * expected.params[1 + at], rel=1e-9, abs=1e-12)
            assert found.joint.stderr == pytest.approx(0.5 * expected.bse[1 + at], rel=1e-9)
            assert found.n == len(table)
        for found in exposures({asset: 2.0}, measured).values():
            pair = np.column_stack([columns[asset], columns[found.leader]])
            pair = pair[~np.isnan(pair).any(axis=1)]
            alone = sm.OLS(pair[:, 0], sm.add_constant(pair[:, 1])).fit()
            assert found.single.net == pytest.approx(2.0 * alone.params[1], rel=1e-9)
            assert found.single.stderr == pytest.approx(2.0 * alone.bse[1], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_moments_and_regressions_say_the_same(seed, monkeypatch):
    columns = market_of(200, seed)
    weights = {"ONE": 0.3, "BTC": -0.2, "TWO": -0.25, "THREE": 0.1}
    quick = leader_exposures(weights, measured_of(columns))
    monkeypatch.setattr(Measured, "moment_betas", lambda _: None)
    slow = leader_exposures(weights, measured_of(columns))
    for one, other in zip(quick, slow, strict=True):
        assert (one.leader, one.n) == (other.leader, other.n)
        for kind in ("single", "joint"):
            a, b = getattr(one, kind), getattr(other, kind)
            for name in ("net", "stderr", "gross"):
                assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-10, abs=1e-14)


def test_the_residual_covariance_of_other_rows_has_its_exact_divisor():
    """The trace of M_i M_j with the matrices written out."""
    returns = np.column_stack(list(market_of(40, 9, [("TWO", 15), ("ONE", 8)]).values()))
    fit = Regressions(returns, [0, 1, 2], 5)
    x = np.column_stack([np.ones(40), returns[:, :3]])
    makers, inverses = [], []
    for column in (3, 4):
        rows = np.diag((~np.isnan(returns[:, column])).astype(float))
        inverses.append(np.linalg.inv(x.T @ rows @ x))
        makers.append(rows - rows @ x @ inverses[-1] @ x.T @ rows)
    residuals = [maker @ np.nan_to_num(returns[:, column]) for maker, column in zip(makers, (3, 4), strict=True)]
    s = residuals[0] @ residuals[1] / np.trace(makers[0] @ makers[1])
    both = np.diag((~np.isnan(returns[:, 3:5])).all(axis=1).astype(float))
    expected = s * (inverses[0] @ x.T @ both @ x @ inverses[1])[[1, 2, 3], [1, 2, 3]]
    np.testing.assert_allclose(fit.covariances([3, 4])[:, 0, 1], expected, rtol=1e-9)


def test_moment_betas_without_a_market():
    assert MomentBetas(np.zeros((4, 4)), 50, [0, 1]).joint is None
    assert np.isnan(MomentBetas(np.zeros((4, 4)), 50, [0, 1]).single).all()


# --- error bars ---

DRAWS = 4_000
# 1 / sqrt(2 DRAWS) is the standard error of a standard deviation: 1.1 %.
AGREE = 0.05


@pytest.mark.parametrize("listed", [{}, {"TWO": 70, "THREE": 35}], ids=["all rows", "other listing dates"])
def test_error_bars_agree_with_monte_carlo(listed):
    """Markets drawn anew, leaders too, from one truth: how nets spread, and what their error bars say on average."""
    rows, names = 120, ("BTC", "ETH")
    weights = {"ONE": 0.4, "TWO": -0.3, "ETH": -0.1, "THREE": 0.2}
    rng = np.random.default_rng(11)
    betas = np.array([[0.8, 0.4], [1.4, 0.1], [0.3, 0.9]])
    # Errors of different assets go together.
    mixed = np.linalg.cholesky(np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.5], [0.3, 0.5, 1.0]])) * 0.01
    nets, variances = [], []
    for _ in range(DRAWS):
        factor = rng.normal(0.0, 0.01, (rows, 1))
        x = factor + rng.normal(0.0, 0.007, (rows, 2))
        y = x @ betas.T + rng.normal(size=(rows, 3)) @ mixed.T
        columns = {"BTC": x[:, 0], "ETH": x[:, 1], "ONE": y[:, 0], "TWO": y[:, 1], "THREE": y[:, 2]}
        for asset, first in listed.items():
            columns[asset][:first] = NAN
        found = leader_exposures(weights, measured_of(columns, names))
        kinds = [kind for each in found for kind in (each.joint, each.single)]
        nets.append([kind.net for kind in kinds])
        variances.append([kind.stderr**2 for kind in kinds])
    spread, told = np.std(nets, axis=0, ddof=1), np.sqrt(np.mean(variances, axis=0))
    assert np.abs(told / spread - 1.0).max() < AGREE
    # ... around the truth.
    truth = np.array([0.4, -0.3, 0.2]) @ betas
    error = spread / math.sqrt(DRAWS)
    assert abs(np.mean(nets, axis=0)[0] - truth[0]) < 5 * error[0]
    assert abs(np.mean(nets, axis=0)[2] - (truth[1] - 0.1)) < 5 * error[2]
