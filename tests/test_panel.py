"""The panel: many assets by many leaders, bar by bar, with the bits of the batch doors on the same grid."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import cases
from cases import NAN
from comove import ComoveError, DataError, OrderError, ParameterError, arrays
from comove.live import Panel
from doors import assert_same_bits, number

ASSETS, LEADERS = ["AAA", "BBB", "CCC", "ETH"], ["BTC", "ETH"]
SYMBOLS = ["AAA", "BBB", "CCC", "ETH", "BTC"]
BARS = 150
FEATURES = ("beta", "correlation", "divergence", "volatility", "relative_momentum")
MATRICES = ("beta", "corr", "cov", "alpha", "r_squared", "residual_std", "beta_stderr", "n")
# Those at hand: what needs residuals is made when it is read.
PEEKED = tuple(name for name in MATRICES if name not in ("residual_std", "beta_stderr"))


def grid(seed=160, gaps=0.06):
    """Prices (bars, symbols): holes, one symbol that lists late and one that stops."""
    prices = np.column_stack(
        [cases.prices(BARS, seed + i, start=10.0 ** (i * 2 - 4), tick=10.0 ** (i * 2 - 8)) for i in range(len(SYMBOLS))]
    )
    prices = np.column_stack([cases.with_gaps(prices[:, i], seed + 50 + i, gaps) for i in range(len(SYMBOLS))])
    prices[:60, 1] = NAN
    prices[90:, 2] = NAN
    return prices


def new_panel(**options):
    return Panel(ASSETS, LEADERS, **{"window_size": 20, "min_samples": 8, **options})


def mapping(row, form=0):
    """A bar as a mapping; a missing price is left out, None, NaN or infinite in turn."""
    absent = [None, NAN, np.inf]
    bar = {}
    for i, (symbol, price) in enumerate(zip(SYMBOLS, row, strict=True)):
        if math.isfinite(price):
            bar[symbol] = float(price)
        elif (i + form) % 4:
            bar[symbol] = absent[(i + form) % 4 - 1]
    return bar


def returns(prices):
    return np.concatenate([[NAN], prices[1:] / prices[:-1] - 1])


def batch(prices, matrix, *, window_size=20, min_samples=8):
    """The reading of every asset and leader at every bar, from the array door: (bars, assets, leaders)."""
    window = {"window_size": window_size, "min_samples": min_samples}
    columns = {
        symbol: returns(np.where(np.isfinite(prices[:, i]), prices[:, i], NAN)) for i, symbol in enumerate(SYMBOLS)
    }
    out = np.empty((len(prices), len(ASSETS), len(LEADERS)))
    for a, asset in enumerate(ASSETS):
        for b, leader in enumerate(LEADERS):
            if matrix == "cov":
                out[:, a, b] = arrays.rolling_cov(columns[asset], columns[leader], **window)
            else:
                out[:, a, b] = arrays.rolling_regression(columns[asset], columns[leader], **window)[matrix]
    return out


def test_symbols_are_the_assets_then_the_other_leaders():
    panel = new_panel()
    assert list(panel.symbols) == SYMBOLS
    assert list(panel.assets) == ASSETS
    assert list(panel.leaders) == LEADERS
    assert panel.last_ts is None


@pytest.mark.parametrize("form", ["array", "list", "mapping", "column"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_every_matrix_has_the_bits_of_the_array_door(matrix, form):
    prices, panel = grid(), new_panel()
    expected = batch(prices, matrix)
    column = np.asfortranarray(np.repeat(prices, 2, axis=0))[::2]
    for t in range(BARS):
        bar = {
            "array": prices[t],
            "list": prices[t].tolist(),
            "mapping": mapping(prices[t], t),
            "column": column[t],
        }[form]
        assert panel.update(t, bar) is None
        answer = getattr(panel, matrix)
        assert answer.shape == (len(ASSETS), len(LEADERS))
        assert answer.dtype == np.float64
        assert_same_bits(answer, expected[t], f"{matrix} at bar {t}")


@pytest.mark.parametrize("kind", ["simple", "log"])
def test_features_have_the_bits_of_the_array_door(kind):
    prices, panel = grid(161), new_panel(returns=kind)
    at = {symbol: np.where(np.isfinite(prices[:, i]), prices[:, i], NAN) for i, symbol in enumerate(SYMBOLS)}
    expected = {
        (asset, leader): arrays.cross_asset_features(at[asset], at[leader], window_size=20, min_samples=8, returns=kind)
        for asset in ASSETS
        for leader in LEADERS
    }
    names = [f"{leader.lower()}_{feature}" for leader in LEADERS for feature in FEATURES]
    for t in range(BARS):
        panel.update(t, prices[t])
        for asset in ASSETS:
            answer = panel.features(asset)
            assert list(answer) == names
            for leader in LEADERS:
                for feature in FEATURES:
                    value = answer[f"{leader.lower()}_{feature}"]
                    assert value is None or (isinstance(value, float) and math.isfinite(value))
                    assert_same_bits(
                        np.array([number(value)]),
                        expected[asset, leader][feature][t : t + 1],
                        f"{asset} {leader} {feature} at bar {t}",
                    )


def test_an_asset_that_is_its_own_leader():
    prices, panel = grid(162, gaps=0.0), new_panel()
    panel.update_many(np.arange(BARS), prices)
    a, b = ASSETS.index("ETH"), LEADERS.index("ETH")
    assert panel.beta[a, b] == 1.0
    assert panel.corr[a, b] == pytest.approx(1.0, abs=1e-15)
    assert panel.residual_std[a, b] == 0.0
    assert panel.features("ETH")["eth_relative_momentum"] == 0.0


def test_update_many_is_update_bar_by_bar():
    prices, many, single = grid(163), new_panel(), new_panel()
    for t in range(BARS):
        single.update(t, prices[t])
    for a, b in [(0, 1), (1, 1), (1, 40), (40, 41), (41, BARS)]:
        assert many.update_many(np.arange(a, b), prices[a:b]) is None
    assert many.to_bytes() == single.to_bytes()
    assert many.last_ts == BARS - 1


def test_warmup_counts_bars():
    prices = grid(164, gaps=0.0)
    prices[:, 1:3] = prices[:, [0, 3]] * 2
    panel = Panel(ASSETS, LEADERS, window_size=20)
    assert panel.warmup == 21  # twenty returns need one bar more
    for t in range(panel.warmup):
        assert not panel.is_ready
        assert np.isnan(panel.beta).all()
        panel.update(t, prices[t])
    assert panel.is_ready
    assert np.isfinite(panel.beta).all()
    assert (panel.n == 20).all()


def test_matrices_are_copies():
    panel = new_panel()
    panel.update_many(np.arange(30), grid(165)[:30])
    before = panel.to_bytes()
    for matrix in MATRICES:
        values = getattr(panel, matrix)
        assert values.flags.writeable
        values[:] = 7.0
        assert not (getattr(panel, matrix) == 7.0).all()
    assert panel.to_bytes() == before


def test_inputs_are_not_kept():
    panel, prices = new_panel(), grid(166)
    row = prices[0].copy()
    panel.update(0, row)
    before = panel.to_bytes()
    row[:] = 1e12
    assert panel.to_bytes() == before


# --- joining, leaving ---


def test_a_late_joiner_is_one_with_leading_nulls():
    prices = grid(167)
    late, whole = Panel(["AAA", "CCC", "ETH"], LEADERS, window_size=20, min_samples=8), new_panel()
    order = [0, 2, 3, 4]
    for t in range(BARS):
        if t == 47:
            late.add_asset("BBB")
            order = [SYMBOLS.index(symbol) for symbol in late.symbols]
        late.update(t, prices[t, order])
        whole.update(t, prices[t] if t >= 47 else np.where(np.arange(5) == 1, NAN, prices[t]))
        for asset in late.assets:
            for matrix in ("beta", "corr", "n"):
                answer = getattr(late, matrix)[list(late.assets).index(asset)]
                assert_same_bits(answer, getattr(whole, matrix)[ASSETS.index(asset)], f"{asset} at bar {t}")
    assert list(late.assets) == ["AAA", "CCC", "ETH", "BBB"]
    for asset in ASSETS:
        assert late.features(asset) == whole.features(asset)


def test_a_removed_asset_does_not_disturb_the_others():
    prices, shrinking, whole = grid(168), new_panel(), new_panel()
    for t in range(BARS):
        if t == 31:
            shrinking.remove_asset("BBB")
        order = [SYMBOLS.index(symbol) for symbol in shrinking.symbols]
        shrinking.update(t, prices[t, order])
        whole.update(t, prices[t])
    assert list(shrinking.assets) == ["AAA", "CCC", "ETH"]
    assert shrinking.beta.shape == (3, 2)
    for matrix in MATRICES:
        assert_same_bits(getattr(shrinking, matrix), getattr(whole, matrix)[[0, 2, 3]], matrix)
    with pytest.raises(DataError):
        shrinking.features("BBB")


def test_an_asset_that_comes_back_begins_anew():
    prices, panel, expected = grid(169), new_panel(), new_panel()
    for t in range(BARS):
        if t == 70:
            panel.remove_asset("AAA")
            panel.add_asset("AAA")
        order = [SYMBOLS.index(symbol) for symbol in panel.symbols]
        panel.update(t, prices[t, order])
        expected.update(t, prices[t] if t >= 70 else np.where(np.arange(5) == 0, NAN, prices[t]))
    assert_same_bits(panel.beta[list(panel.assets).index("AAA")], expected.beta[0])


def test_an_asset_that_still_leads_stays_a_symbol():
    prices, panel, whole = grid(170), new_panel(), new_panel()
    for t in range(60):
        if t == 30:
            panel.remove_asset("ETH")
        panel.update(t, mapping(prices[t]))
        whole.update(t, mapping(prices[t]))
    assert "ETH" in panel.symbols
    assert_same_bits(panel.beta, whole.beta[:3])


# --- peek, amend ---


def test_peek_says_what_update_will_say():
    prices, panel = grid(171), new_panel()
    for t in range(60):
        before = panel.to_bytes()
        said = panel.peek(t, prices[t])
        assert panel.to_bytes() == before
        panel.update(t, prices[t])
        for matrix in PEEKED:
            assert_same_bits(getattr(said, matrix), getattr(panel, matrix), f"{matrix} at bar {t}")


def test_amend_is_as_if_the_right_bar_had_come_at_once():
    prices, panel, plain = grid(172), new_panel(), new_panel()
    for t in range(60):
        panel.update(t, np.where(np.arange(5) == t % 5, 1e12, prices[(t * 7) % BARS]))
        panel.amend(t, {})
        panel.amend(t, prices[t])
        plain.update(t, prices[t])
        assert panel.to_bytes() == plain.to_bytes()
        assert_same_bits(panel.beta, plain.beta, f"bar {t}")


def test_a_missing_bar_for_all_ages_the_window():
    prices, panel = grid(173, gaps=0.0), new_panel(min_samples=2)
    panel.update_many(np.arange(30), prices[:30])
    assert panel.n[0, 0] == 20
    for i in range(1, 22):
        panel.update(30 + i, {})
        assert panel.n[0, 0] == max(0, 20 - i)
    assert np.isnan(panel.beta).all()


# --- errors ---


def failing():
    """Calls that a panel at time 59 refuses, with the class of the refusal."""
    row = np.ones(5)
    return {
        "equal ts": (OrderError, lambda p: p.update(59, row)),
        "earlier ts": (OrderError, lambda p: p.update(3, row)),
        "earlier ts in peek": (OrderError, lambda p: p.peek(59, row)),
        "amend of another ts": (DataError, lambda p: p.amend(58, row)),
        "zero price": (DataError, lambda p: p.update(60, {"BTC": 0.0})),
        "negative price": (DataError, lambda p: p.update(60, np.array([1.0, 1.0, -1.0, 1.0, 1.0]))),
        "negative price in amend": (DataError, lambda p: p.amend(59, {"AAA": -5.0})),
        "unknown symbol": (DataError, lambda p: p.update(60, {"XYZ": 1.0})),
        "short row": (DataError, lambda p: p.update(60, np.ones(4))),
        "long row": (DataError, lambda p: p.update(60, np.ones(6))),
        "block as a row": (DataError, lambda p: p.update(60, np.ones((1, 5)))),
        "text as a price": (DataError, lambda p: p.update(60, {"AAA": "1.0"})),
        "narrow block": (DataError, lambda p: p.update_many(np.arange(60, 63), np.ones((3, 4)))),
        "short times": (DataError, lambda p: p.update_many(np.arange(60, 62), np.ones((3, 5)))),
        "last bar at a bad price": (
            DataError, lambda p: p.update_many(np.arange(60, 63), np.vstack([row, row, -row]))),
        "last bar out of order": (OrderError, lambda p: p.update_many([60, 61, 61], np.ones((3, 5)))),
        "added twice": (DataError, lambda p: p.add_asset("AAA")),
        "removed but unknown": (DataError, lambda p: p.remove_asset("XYZ")),
        "features of an unknown asset": (DataError, lambda p: p.features("XYZ")),
        "features of a leader that is no asset": (DataError, lambda p: p.features("BTC")),
    }  # fmt: skip


@pytest.mark.parametrize("what", list(failing()))
def test_a_refused_call_leaves_the_panel_as_it_was(what):
    panel = new_panel()
    panel.update_many(np.arange(60), grid(174)[:60])
    before = panel.to_bytes()
    expected, call = failing()[what]
    with pytest.raises(expected) as error:
        call(panel)
    assert error.value.code
    assert panel.to_bytes() == before


def test_messages_name_the_symbol_and_the_value():
    panel = new_panel()
    with pytest.raises(DataError, match=r"BTC.*-2"):
        panel.update(1, {"BTC": -2.0})
    with pytest.raises(DataError, match="XYZ"):
        panel.update(1, {"XYZ": 2.0})
    panel.update(5, {})
    with pytest.raises(OrderError, match=r"4.*5|5.*4"):
        panel.update(4, {})


@pytest.mark.parametrize(
    ("assets", "leaders"),
    [([], ["BTC"]), (["AAA"], []), (["AAA", "AAA"], ["BTC"]), (["AAA"], ["BTC", "BTC"])],
)
def test_bad_lists_of_symbols(assets, leaders):
    with pytest.raises(ComoveError):
        Panel(assets, leaders, window_size=20)


@pytest.mark.parametrize(
    "options",
    [
        {"window_size": 2},
        {"window_size": 20, "min_samples": 1},
        {"window_size": 20, "min_samples": 21},
        {"window_size": 20, "returns": "compound"},
        {"window_size": 2.5},
    ],
)
def test_bad_options(options):
    with pytest.raises(ParameterError):
        Panel(["AAA"], ["BTC"], **options)


def test_amend_needs_a_bar():
    with pytest.raises(DataError):
        new_panel().amend(1, np.ones(5))


# --- copies ---


def test_copies_and_snapshots_go_on_alike():
    prices, panel = grid(175), new_panel()
    for t in range(BARS):
        if t % 13 == 0:
            others = [panel.copy(), Panel.from_bytes(panel.to_bytes()), pickle.loads(pickle.dumps(panel))]
            before = panel.to_bytes()
            for other in others:
                assert other.to_bytes() == before
                other.update(t, prices[t])
            assert panel.to_bytes() == before
            panel.update(t, prices[t])
            for other in others:
                assert other.to_bytes() == panel.to_bytes()
                for matrix in MATRICES:
                    assert_same_bits(getattr(other, matrix), getattr(panel, matrix), matrix)
                assert other.features("AAA") == panel.features("AAA")
            panel = others[t % 3]
        else:
            panel.update(t, prices[t])
    assert_same_bits(panel.beta, batch(prices, "beta")[-1])


def test_reset_keeps_the_symbols_and_forgets_the_rest():
    panel = new_panel()
    fresh = panel.to_bytes()
    panel.update_many(np.arange(40), grid(176)[:40])
    panel.reset()
    assert panel.to_bytes() == fresh
    assert panel.last_ts is None
    assert (panel.n == 0).all()
