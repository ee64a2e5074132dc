"""What an entry is told is what the book says once it is open; instruments that end, leaders that fall silent, and
numbers at the ends of float64."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from comove import MarketStructureCoordinator, ParameterError
from comove.portfolio import MultiSymbolCoordinator, Position, correlated_heat, effective_bets
from comove.portfolio.regressions import Regressions
from comove.structure.breakdown import BreakdownRule
from portfolio_cases import LEADERS, LIMITS, bars, fed, moves_of, parted, position
from structure_cases import HOUR, START

SCREENS = ("low_beta", "high_beta_momentum", "rotation")


def book_of(rows, **options):
    book = MultiSymbolCoordinator(MarketStructureCoordinator(window_size=120), capital=10_000.0, **options)
    for ts, bar in rows:
        book.update_bar(ts, bar)
    return book


def with_holes(rows, symbols=("ONE", "TWO", "ETH"), at=(100, 130)):
    return [
        (ts, {symbol: price for symbol, price in bar.items() if row not in at or symbol not in symbols})
        for row, (ts, bar) in enumerate(rows)
    ]


def rule(entry, name):
    return next(result for result in entry.reasons if result.name == name)


# --- what an entry is told ---


@pytest.mark.parametrize("holes", [(), (100, 130)])
def test_what_an_entry_is_told_is_what_the_book_says_once_it_is_open(holes):
    book = book_of(with_holes(list(bars(moves_of(200))), at=holes), limits=LIMITS)
    for symbol, side, size, at in (("ONE", "long", 1_000.0, 0.9), ("TWO", "short", 333.3, 1.07), ("BTC", "long", 7, 0)):
        stop = at * book.price(symbol) if at else None
        entry = book.can_enter(symbol, side, size, stop)
        book.open_position(Position(symbol=symbol, side=side, size=size, entry=entry.price, stop=stop))
        assert book.heat() == entry.heat_after
        assert book.exposures() == entry.exposure_after


def test_a_price_that_is_not_the_last_one_does_not_make_an_entry_smaller():
    book = fed(moves_of(200))
    last = book.price("FOUR")
    # For 2,400 at half of the price the book has a position of 4,800.
    entry = book.can_enter("FOUR", "long", 2_400.0, 0.4 * last, 0.5 * last)
    assert entry.heat_after.gross == pytest.approx(0.48, rel=1e-12)
    assert entry.heat_after.risk == pytest.approx(0.288, rel=1e-12)
    assert [result.name for result in entry.refusals] == ["max_per_asset", "max_correlated_exposure"]
    # At twice the price it is paid for more than it is worth: what is paid counts.
    dear = book.can_enter("FOUR", "long", 2_400.0, 1.5 * last, 2.0 * last)
    assert dear.heat_after.gross == pytest.approx(0.24, rel=1e-12)
    assert dear.heat_after.risk == pytest.approx(0.06, rel=1e-12)
    # Of a short it is the lower price that is farther from the stop.
    short = book.can_enter("FOUR", "short", 1_000.0, 1.2 * last, 1.1 * last)
    assert short.heat_after.gross == pytest.approx(0.1, rel=1e-12)
    assert short.heat_after.risk == pytest.approx(0.1 * 0.2 / 1.1, rel=1e-12)
    book.open_position(Position(symbol="FOUR", side="short", size=1_000.0, entry=1.1 * last, stop=1.2 * last))
    assert book.heat().risk == pytest.approx(short.heat_after.risk, rel=1e-12)


def test_an_entry_at_an_old_price_is_stale():
    book = fed(moves_of(200), limits=replace(LIMITS, max_price_age=1))
    rest = {symbol: book.price(symbol) for symbol in (*LEADERS, "ONE")}
    book.update_bar(START + HOUR * 200, rest)
    entry = book.can_enter("FOUR", "long", 100.0)
    assert rule(entry, "fresh_price").passed
    assert (entry.heat_before.stale, entry.heat_after.stale) == ((), ("FOUR",))


def test_a_book_is_closed_by_rules_that_an_entry_the_other_way_breaks_too():
    book = fed(moves_of(200))
    book.open_position(position(book, "ONE", size=9_000.0))
    for side in ("long", "short"):
        shut = {result.name for result in book.closed_to("ONE", side)}
        for size in (1.0, 4_500.0, 9_000.0):
            assert shut <= {result.name for result in book.can_enter("ONE", side, size).refusals}, (side, size)
    assert {"max_heat", "max_correlated_exposure"} <= {result.name for result in book.closed_to("ONE", "long")}


def test_leaders_that_are_not_known_are_told_once():
    # SOL never varies, so that no joint beta is known.
    moves = moves_of(200)
    moves["SOL"] = np.zeros(200)
    text = rule(fed(moves).can_enter("ONE", "long", 100.0), "max_leader_beta").text
    assert text == (
        "net exposure to BTC and ETH and SOL is not known: in the rows of ONE a leader does not vary, or is made of "
        "the others"
    )


def test_regressions_are_made_once_a_bar(monkeypatch):
    book = book_of(with_holes(list(bars(moves_of(200)))), limits=LIMITS)
    book.open_position(position(book, "ONE"))
    made, begin = [], Regressions.__init__

    def counted(self, *given):
        made.append(given)
        begin(self, *given)

    monkeypatch.setattr(Regressions, "__init__", counted)
    for symbol in ("TWO", "THREE", "FOUR", "BTC"):
        book.can_enter(symbol, "long", 100.0)
    # On each leader alone, and on all of them.
    assert len(made) == 4


# --- rules that are switched off ---


def test_a_book_need_not_limit_the_exposure_to_leaders():
    tight = replace(LIMITS, max_leader_beta=0.01)
    refused = fed(moves_of(200), limits=tight).can_enter("ONE", "long", 1_000.0)
    assert [each.name for each in refused.refusals] == ["max_leader_beta"]
    entry = fed(moves_of(200), limits=replace(tight, leader_beta=False)).can_enter("ONE", "long", 1_000.0)
    assert entry.allowed
    assert entry.reasons == tuple(each for each in refused.reasons if each.name != "max_leader_beta")


def test_a_book_need_not_wait_for_leaders_that_break_down():
    wild = BreakdownRule(fall_at=1e-9, calm_rows=10_000)
    shut = fed(moves_of(200), breakdown=wild)
    assert [each.name for each in shut.closed_to("FOUR", "long")] == ["leader_breakdown"]
    refused = shut.can_enter("FOUR", "long", 100.0)
    book = fed(moves_of(200), limits=replace(LIMITS, leader_breakdown=False), breakdown=wild)
    assert book.closed_to("FOUR", "long") == ()
    entry = book.can_enter("FOUR", "long", 100.0)
    assert entry.allowed
    assert entry.reasons == tuple(each for each in refused.reasons if each.name != "leader_breakdown")


@pytest.mark.parametrize("name", ["leader_beta", "leader_breakdown"])
@pytest.mark.parametrize("value", [0, 1.0, "no", None])
def test_a_rule_is_on_or_off(name, value):
    with pytest.raises(ParameterError, match=name):
        replace(LIMITS, **{name: value})


# --- leaders that fall silent ---


@pytest.mark.parametrize("silent", [LEADERS, ("ETH",)])
def test_leaders_without_bars_are_not_known_to_stand(silent):
    rows = list(bars(moves_of(205)))
    book = book_of(rows[:200], limits=LIMITS)
    if not rule(book.can_enter("FOUR", "long", 100.0), "leader_breakdown").passed:
        pytest.fail("the market must be calm before")
    for row, (ts, bar) in enumerate(rows[200:], 1):
        book.update_bar(ts, {symbol: price for symbol, price in bar.items() if symbol not in silent})
        found = rule(book.can_enter("FOUR", "long", 100.0), "leader_breakdown")
        assert not found.passed
        assert f"it is not known whether ETH breaks down: ETH has had no price for {row} rows" in found.text
        assert "leader_breakdown" in {result.name for result in book.closed_to("FOUR", "long")}
        assert book.screen("high_beta_momentum") == []


def test_a_leader_without_a_price_since_the_book_began_is_not_known_to_stand():
    structure, rows = MarketStructureCoordinator(window_size=120), list(bars(moves_of(201)))
    for ts, bar in rows[:200]:
        structure.update_bar(ts, bar)
    book = MultiSymbolCoordinator(structure, capital=10_000.0, limits=LIMITS)
    book.update_bar(rows[200][0], {"FOUR": 1.0})
    found = rule(book.can_enter("FOUR", "long", 100.0), "leader_breakdown")
    assert "BTC has had no price in any bar of the book" in found.text


def test_another_structure_has_leaders_of_its_own():
    rows, rules = list(bars(moves_of(200))), (BreakdownRule(), BreakdownRule(fall_at=1e-9, calm_rows=10_000))
    markets = [MarketStructureCoordinator(window_size=120, breakdown=each) for each in rules]
    book = MultiSymbolCoordinator(markets[0], capital=10_000.0, limits=LIMITS, shared=True)
    for ts, bar in rows:
        for market in markets:
            market.update_bar(ts, bar)
        book.take_bar(ts, bar)
    assert rule(book.can_enter("FOUR", "long", 1.0), "leader_breakdown").passed
    book.attach(markets[1])
    assert not rule(book.can_enter("FOUR", "long", 1.0), "leader_breakdown").passed


def test_a_coin_without_a_price_is_no_opportunity():
    rows = list(bars(parted()))
    found = [one.symbol for one in book_of(rows, limits=LIMITS).divergence_opportunities()]
    assert found == ["TWO"]
    assert book_of(with_holes(rows, ("TWO",), (199,)), limits=LIMITS).divergence_opportunities() == []


# --- instruments that end ---


def test_a_position_is_not_measured_by_what_trades_under_its_name_afterwards():
    moves = moves_of(200)
    # The new ONE moves against BTC.
    moves["ONE"][60:] = -2.0 * moves["BTC"][60:]
    rows = with_holes(list(bars(moves)), ("ONE",), range(50, 60))
    book = book_of(rows[:50], limits=LIMITS, max_gap=5)
    book.open_position(position(book, "ONE"))
    book.open_position(position(book, "TWO", size=500.0))
    last = book.price("ONE")
    for ts, bar in rows[50:]:
        book.update_bar(ts, bar)
    for each in (book, book.copy()):
        heat = each.heat()
        assert (heat.assumed, heat.stale) == (("ONE (ended)",), ("ONE",))
        assert heat.gross == pytest.approx(0.1 + 0.05 * book.price("TWO") / book.position("TWO").entry, rel=1e-12)
        assert heat.correlated == pytest.approx(heat.gross, rel=1e-12)
        assert heat.bets == 1.0
        assert "the instrument that was ONE ended: counted at its last price" in heat.reason
        assert each.exposure("BTC").joint.net is None
        assert each.exposure("BTC").reason == "ONE (ended) has no returns"
        assert each.regime().shares["unknown"] >= 0.1 / heat.gross - 1e-12
        entry = each.can_enter("THREE", "long", 100.0)
        assert not rule(entry, "max_leader_beta").passed
        text = rule(entry, "max_correlated_exposure").text
        assert text.endswith("taken to be in it, for the correlation is not known: ONE (ended)")
        # There is a position under the name still.
        assert not rule(each.can_enter("ONE", "long", 100.0), "one_position").passed
    assert book.close_position("ONE").entry == last
    assert book.exposure("BTC").joint.net is not None


# --- the ends of float64 ---


def test_a_book_is_restored_whatever_its_capital_has_become():
    book = fed(moves_of(150))
    book.open_position(position(book, "ONE"))
    book.set_capital(1e-4)
    assert book.copy().to_bytes() == book.to_bytes()
    assert book.copy().heat() == book.heat()


@pytest.mark.parametrize("capital", [5e-324, 1e-300, 1e-150, 1e150, 1e300, 1.7e308])
def test_heat_keeps_its_proportions_at_any_capital(capital):
    book = fed(moves_of(150))
    book.open_position(position(book, "ONE", size=1_500.0))
    book.open_position(position(book, "TWO", "short", 500.0))
    plain, net = book.heat(), book.exposure("ETH").joint
    book.set_capital(capital)
    heat, now = book.heat(), book.exposure("ETH").joint
    assert all(math.isfinite(value) for value in (heat.gross, heat.correlated, heat.risk, heat.bets))
    assert all(math.isfinite(value) for value in (now.net, now.stderr, now.gross))
    assert heat.correlated > 0.0
    if 1e-290 < capital < 1e290:
        assert heat.correlated / heat.gross == pytest.approx(plain.correlated / plain.gross, rel=1e-12)
        assert now.stderr / now.net == pytest.approx(net.stderr / net.net, rel=1e-12)
        assert heat.bets == pytest.approx(plain.bets, rel=1e-12)
    elif capital < 1.0:
        assert not rule(book.can_enter("FOUR", "long", 1e5 * capital), "max_heat").passed


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e-200, 1e200, 1e300])
def test_closed_forms_hold_at_any_scale(scale):
    assert correlated_heat([scale], [[1]]) == scale
    assert correlated_heat([scale, scale], [[1, 1], [1, 1]]) == pytest.approx(2.0 * scale, rel=1e-12)
    assert effective_bets([scale, scale], [[1, 0], [0, 2]]) == pytest.approx(effective_bets([1, 1], [[1, 0], [0, 2]]))


@pytest.mark.parametrize("symbol", ["FOUR", "BTC"])
@pytest.mark.parametrize("spike", [1e100, 1e160, 1e200])
def test_returns_beyond_squares_make_nothing_known(symbol, spike):
    rows = list(bars(moves_of(200)))
    rows[180][1][symbol] /= spike
    book = book_of(rows, limits=LIMITS)
    book.open_position(position(book, "FOUR"))
    heat = book.heat()
    assert math.isfinite(heat.correlated)
    # What is not known is no bet.
    assert heat.bets == pytest.approx(0.0 if heat.assumed else 1.0, abs=1e-12)
    for one in book.exposures():
        for kind in (one.single, one.joint):
            assert kind.net is None or math.isfinite(kind.net + kind.stderr + kind.gross)
    if spike > 1e154:
        assert book.exposure("BTC").joint.net is None
        if symbol == "FOUR":
            assert book.exposure("BTC").reason == "returns of FOUR are too large to be squared"
        assert not rule(book.can_enter("TWO", "long", 100.0), "max_leader_beta").passed
    for screen in SCREENS:
        for found in book.screen(screen):
            assert all(math.isfinite(value) for value in (found.score, *found.figures.values()))
    assert all(math.isfinite(one.score) for one in book.divergence_opportunities())


def test_an_entry_so_small_that_it_has_no_coins_is_no_entry():
    book = fed(moves_of(150))
    book.set_capital(1e-300)
    before = book.to_bytes()
    with pytest.raises(ValueError, match="size / price must be finite and above 0"):
        book.can_enter("FOUR", "long", 5e-324, price=1e300)
    assert book.to_bytes() == before
