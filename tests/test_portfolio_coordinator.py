"""A book on a live market: what may be added to it and why not, what it hangs on, and which plays there are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from comove import DataError, MarketStructureCoordinator, OrderError, ParameterError, StateError
from comove.portfolio import ENTRY_RULES, MultiSymbolCoordinator, PortfolioLimits, Position, correlation_groups
from comove.structure import BreakdownRule
from portfolio_cases import LIMITS, NAMES, bars, fed, moves_of, parted, position
from structure_cases import HOUR, START, at, bars_of, recorded

NAN = float("nan")


@pytest.fixture(scope="module")
def calm():
    """A book of nothing on a calm market."""
    return fed(moves_of(200)).to_bytes()


@pytest.fixture
def book(calm):
    return MultiSymbolCoordinator.from_bytes(calm)


def rule(entry, name):
    return next(result for result in entry.reasons if result.name == name)


# --- bars ---


def test_a_shared_structure_gives_the_same_answers():
    own, structure = fed(moves_of(150)), MarketStructureCoordinator(window_size=120)
    shared = MultiSymbolCoordinator(structure, capital=10_000.0, limits=LIMITS, shared=True)
    single = MultiSymbolCoordinator(MarketStructureCoordinator(window_size=120), capital=10_000.0, limits=LIMITS)
    for ts, bar in bars(moves_of(150)):
        structure.update_bar(ts, bar)
        shared.take_bar(ts, bar)
        for symbol, price in bar.items():
            single.update_price(symbol, ts, price)
    single.close_bar()
    single.close_bar()
    assert own.to_bytes() == single.to_bytes()
    for each in (own, shared, single):
        each.open_position(position(each, "ONE"))
    answers = [
        repr((each.heat(), each.exposures(), each.can_enter("TWO", "short", 500.0))) for each in (own, shared, single)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert own.structure.to_bytes() == structure.to_bytes()


def test_bars_are_fed_once_and_in_order(book):
    structure = MarketStructureCoordinator(window_size=120)
    shared = MultiSymbolCoordinator(structure, capital=1.0, limits=LIMITS, shared=True)
    structure.update_bar(START, {"BTC": 1.0})
    shared.take_bar(START, {"BTC": 1.0})
    before = shared.to_bytes(), structure.to_bytes()
    for feed in (
        lambda: shared.update_bar(START + HOUR, {}),
        lambda: shared.update_price("BTC", START, 1.0),
        shared.close_bar,
    ):
        with pytest.raises(DataError, match="its owner feeds it"):
            feed()
    with pytest.raises(OrderError, match="after the last bar"):
        shared.take_bar(START, {"BTC": 1.0})
    with pytest.raises(OrderError, match="feed it first"):
        shared.take_bar(START + HOUR, {"BTC": 1.0})
    with pytest.raises(DataError, match="mapping"):
        shared.take_bar(START + HOUR, [1.0])
    assert (shared.to_bytes(), structure.to_bytes()) == before
    structure.update_bar(START + HOUR, {"BTC": 1.0})
    with pytest.raises(DataError, match="price of BTC must be above 0"):
        shared.take_bar(START + HOUR, {"BTC": -1.0})
    assert shared.to_bytes() == before[0]
    shared.take_bar(START + HOUR, {"BTC": 1.0})
    state = book.to_bytes()
    with pytest.raises(DataError, match="take_bar is for a shared structure"):
        book.take_bar(START + HOUR * 999, {"BTC": 1.0})
    for ts, bar, error in ((START, {"BTC": 1.0}, OrderError), (START + HOUR * 999, {"BTC": 0.0}, DataError)):
        with pytest.raises(error):
            book.update_bar(ts, bar)
        with pytest.raises(error):
            book.update_price("BTC", ts, bar["BTC"])
    assert book.to_bytes() == state
    book.structure.update_bar(START + HOUR * 999, {"BTC": 1.0})
    with pytest.raises(OrderError, match="fed by somebody else, which needs shared=True"):
        book.update_bar(START + HOUR * 1000, {"BTC": 1.0})


def test_options_are_checked():
    with pytest.raises(ParameterError, match="capital"):
        MultiSymbolCoordinator(capital=0.0)
    with pytest.raises(ParameterError, match="limits must be PortfolioLimits"):
        MultiSymbolCoordinator(capital=1.0, limits={})
    with pytest.raises(ParameterError, match="structure must be"):
        MultiSymbolCoordinator({}, capital=1.0)
    with pytest.raises(ParameterError, match="shared needs a structure"):
        MultiSymbolCoordinator(capital=1.0, shared=True)
    for name in ("max_heat", "max_positions", "window_size", "beta_errors", "gap_at"):
        for value in (0, -1, NAN, math.inf, True, "1"):
            with pytest.raises(ParameterError, match=name):
                PortfolioLimits(**{name: value})
    for wrong in ({"group_at": 1.5}, {"window_size": 60}, {"gap_rows": 700}, {"screen_rows": 800}, {"beta_errors": 11}):
        with pytest.raises(ParameterError, match="must be at"):
            PortfolioLimits(**wrong)


# --- positions ---


def test_positions_come_and_go(book):
    book.open_position(position(book, "ONE", size=1_000.0))
    book.open_position(position(book, "TWO", "short", 500.0))
    assert [each.symbol for each in book.positions] == ["ONE", "TWO"]
    assert book.heat().gross == pytest.approx(0.15, abs=1e-12)
    closed = book.close_position("ONE", 0.25)
    assert closed == replace(position(book, "ONE"), size=250.0)
    assert book.position("ONE").size == 750.0
    assert book.heat().gross == pytest.approx(0.125, abs=1e-12)
    book.set_capital(20_000.0)
    assert book.heat().gross == pytest.approx(0.0625, abs=1e-12)
    state = book.to_bytes()
    for fraction in (0.0, -1.0, NAN, 1.1, True):
        with pytest.raises(ParameterError, match="fraction"):
            book.close_position("ONE", fraction)
    with pytest.raises(DataError, match="THREE has no position"):
        book.close_position("THREE")
    with pytest.raises(DataError, match="ONE has a position already"):
        book.open_position(position(book, "ONE"))
    with pytest.raises(ParameterError, match="position must be a Position"):
        book.open_position("ONE")
    with pytest.raises(ParameterError, match="times the capital"):
        book.open_position(Position(symbol="X", side="long", size=1e20, entry=1.0))
    with pytest.raises(ParameterError, match="capital"):
        book.set_capital(NAN)
    assert book.to_bytes() == state
    assert book.close_position("ONE").size == 750.0
    assert book.close_position("TWO").profit(book.price("TWO")) == 0.0
    assert book.positions == ()
    heat = book.heat()
    assert (heat.gross, heat.risk, heat.correlated, heat.bets) == (0.0, 0.0, 0.0, 0.0)


def test_heat_follows_prices(book):
    book.open_position(position(book, "ONE", size=1_000.0))
    book.open_position(position(book, "FOUR", "short", 500.0))
    one, four = (book.price(symbol) for symbol in ("ONE", "FOUR"))
    bar = {symbol: book.price(symbol) for symbol in NAMES} | {"ONE": one * 1.1, "FOUR": four * 1.02}
    book.update_bar(START + HOUR * 200, bar)
    heat = book.heat()
    assert heat.gross == pytest.approx((1_100.0 + 510.0) / 10_000.0, abs=1e-12)
    assert heat.net == pytest.approx((1_100.0 - 510.0) / 10_000.0, abs=1e-12)
    assert heat.risk == pytest.approx((200.0 + 40.0) / 10_000.0, abs=1e-12)
    window = book._window.returns
    rho = np.corrcoef(window[:, 3], window[:, 6])[0, 1]
    assert heat.correlated == pytest.approx(math.sqrt(0.11**2 + 0.051**2 - 2 * rho * 0.11 * 0.051), abs=1e-12)
    book.update_bar(START + HOUR * 201, {"BTC": 100.0})
    assert book.heat().stale == ("ONE", "FOUR")
    assert "had no price in the last bar" in book.heat().reason


def test_an_instrument_that_ended_keeps_its_last_price():
    moves = moves_of(60)
    small = MultiSymbolCoordinator(
        MarketStructureCoordinator(window_size=120), capital=10_000.0, limits=LIMITS, max_gap=5
    )
    rows = list(bars(moves))
    for ts, bar in rows[:40]:
        small.update_bar(ts, bar)
    small.open_position(position(small, "FOUR"))
    small.open_position(position(small, "ONE"))
    last = small.price("FOUR")
    for row, (ts, bar) in enumerate(rows[40:]):
        small.update_bar(
            ts,
            {symbol: price for symbol, price in bar.items() if symbol != "FOUR" or row > 6}
            | ({"FOUR": 1e5 * bar["FOUR"]} if row > 6 else {}),
        )
    small = small.copy()
    assert small.price("FOUR") > 1e4 * last
    assert small.heat().stale == ("FOUR",)
    assert small.heat().gross == pytest.approx(
        (1_000.0 + 1_000.0 * small.price("ONE") / small.position("ONE").entry) / 1e4
    )
    assert small.close_position("FOUR").entry == last
    small.open_position(position(small, "FOUR"))
    assert small.heat().stale == ()


def test_a_symbol_without_a_price_is_worth_its_entry():
    book = fed(moves_of(50))
    book.open_position(Position(symbol="NEW", side="long", size=1_000.0, entry=2.0))
    assert (book.heat().gross, book.heat().stale, book.heat().assumed) == (0.1, ("NEW",), ("NEW",))
    book.update_bar(START + HOUR * 50, {"NEW": 3.0})
    assert book.heat().gross == pytest.approx(0.15, abs=1e-12)
    book.update_bar(START + HOUR * 51, {"NEW": 1.0})
    assert book.heat().gross == pytest.approx(0.05, abs=1e-12)
    assert book.heat().stale == ()


# --- entries ---


def test_an_entry_is_allowed_with_its_figures(book):
    book.open_position(position(book, "FOUR", size=1_000.0))
    state, before = book.to_bytes(), book.heat()
    price = book.price("TWO")
    entry = book.can_enter("TWO", "long", 1_000.0, 0.95 * price)
    assert book.to_bytes() == state
    assert entry.allowed, str(entry)
    assert entry.refusals == ()
    assert [result.name for result in entry.reasons] == list(ENTRY_RULES)
    assert entry.marginal.gross == pytest.approx(0.1, abs=1e-12)
    assert entry.marginal.risk == pytest.approx(0.005, abs=1e-12)
    window = book._window.returns
    rho = np.corrcoef(window[:, 4], window[:, 6])[0, 1]
    assert entry.marginal.correlated == pytest.approx(math.sqrt(0.02 + 0.02 * rho) - 0.1, abs=1e-12)
    assert entry.heat_before == before
    # What it says is what comes of it.
    book.open_position(Position(symbol="TWO", side="long", size=1_000.0, entry=price, stop=0.95 * price))
    assert book.heat().gross == pytest.approx(entry.heat_after.gross, abs=1e-12)
    assert book.heat().risk == pytest.approx(entry.heat_after.risk, abs=1e-12)
    assert book.heat().correlated == pytest.approx(entry.heat_after.correlated, abs=1e-12)
    for found, told in zip(book.exposures(), entry.exposure_after, strict=True):
        assert found.joint.net == pytest.approx(told.joint.net, abs=1e-12)
        assert found.joint.stderr == pytest.approx(told.joint.stderr, abs=1e-12)


def test_every_limit_refuses_by_its_name(book):
    price = {symbol: book.price(symbol) for symbol in NAMES}
    strict = {
        "max_heat": ({"max_heat": 0.05}, "gross exposure would be 0.1 of the capital, at most 0.05"),
        "max_per_asset": ({"max_per_asset": 0.05}, "exposure to FOUR would be 0.1 of the capital, at most 0.05"),
        "capital": ({"max_risk": 0.005}, "risk to all stops would be 0.01 of the capital, at most 0.005"),
        "max_correlated_exposure": ({"max_correlated_exposure": 0.05}, "group of FOUR would be 0.1 of the capital"),
    }
    for name, (change, text) in strict.items():
        limited = MultiSymbolCoordinator.from_state(book.to_state() | {"limits": limits_of(**change)})
        entry = limited.can_enter("FOUR", "long", 1_000.0, 0.9 * price["FOUR"])
        assert [result.name for result in entry.refusals] == [name]
        assert not entry.allowed
        assert text in rule(entry, name).text
    limited = MultiSymbolCoordinator.from_state(book.to_state() | {"limits": limits_of(max_positions=1)})
    limited.open_position(position(limited, "ONE"))
    entry = limited.can_enter("FOUR", "short", 1_000.0, 1.1 * price["FOUR"])
    assert [result.text for result in entry.refusals] == ["2 positions with it, at most 1"]


def limits_of(**change):
    return {name: getattr(replace(LIMITS, **change), name) for name in LIMITS.__dataclass_fields__}


def test_a_limit_that_is_met_exactly_is_met(book):
    limited = MultiSymbolCoordinator.from_state(
        book.to_state() | {"limits": limits_of(max_per_asset=0.1, max_heat=0.3)}
    )
    limited.open_position(position(limited, "FOUR", size=1_000.0))
    limited.open_position(position(limited, "TWO", size=1_000.0))
    assert limited.can_enter("THREE", "short", 1_000.0, 1.1 * limited.price("THREE")).allowed


def test_net_leader_beta_is_limited_with_its_error_and_hedges_are_not(book):
    joint = book.can_enter("ONE", "long", 1_000.0).exposure_after[0].joint
    assert joint.stderr > 0.0
    # The estimate alone is within the limit, with its error it is not.
    for errors, passes in ((1.6, False), (1.7, True)):
        state = book.to_state() | {"limits": limits_of(max_leader_beta=joint.net + errors * joint.stderr)}
        entry = MultiSymbolCoordinator.from_state(state).can_enter("ONE", "long", 1_000.0)
        assert entry.allowed is passes
    limited = MultiSymbolCoordinator.from_state(book.to_state() | {"limits": limits_of(max_leader_beta=0.1)})
    (refusal,) = limited.can_enter("ONE", "long", 1_000.0).refusals
    assert refusal.name == "max_leader_beta"
    assert f"net exposure to BTC is {joint.net:.3f} +- {joint.stderr:.3f}" in refusal.text
    assert "above 0.1" in refusal.text
    limited.open_position(position(limited, "ONE", size=2_000.0))
    hedge = limited.can_enter("BTC", "short", 500.0)
    assert hedge.allowed, str(hedge)
    assert "above 0.1 but less than the" in rule(hedge, "max_leader_beta").text
    assert abs(hedge.exposure_after[0].joint.net) < abs(hedge.exposure_before[0].joint.net)
    assert not limited.can_enter("BTC", "long", 500.0).allowed


def test_a_group_counts_as_one(book):
    """TWO, THREE, ONE and the leaders hang together; FOUR does not."""
    groups = book.groups()
    together = next(group for group in groups if "ONE" in group)
    assert "BTC" in together
    assert ("FOUR",) in groups
    book.open_position(position(book, "BTC", size=2_000.0))
    book.open_position(position(book, "FOUR", size=2_000.0))
    # A hedge inside a group counts with its size.
    entry = book.can_enter("ONE", "short", 2_100.0)
    found = rule(entry, "max_correlated_exposure")
    assert not found.passed
    assert (
        found.text == "exposure to the correlation group of ONE would be 0.41 of the capital, at most 0.4; in it: BTC"
    )
    assert rule(book.can_enter("ONE", "short", 1_900.0), "max_correlated_exposure").passed


def test_groups_are_those_of_the_correlations(book):
    returns = book._window.returns
    assert book.groups() == correlation_groups(list(NAMES), np.corrcoef(returns.T), at_least=LIMITS.group_at)


def test_stops_positions_and_prices_that_do_not_fit_are_refused_and_not_raised(book):
    price = book.price("ONE")
    for side, stop in (("long", 1.1), ("short", 0.9), ("long", 1.0)):
        entry = book.can_enter("ONE", side, 1_000.0, stop * price)
        assert "the whole value counts as risk" in rule(entry, "stop").text
        assert not rule(entry, "stop").passed
        assert entry.marginal.risk == pytest.approx(0.1, abs=1e-12)
    book.open_position(position(book, "ONE"))
    assert "the same way" in rule(book.can_enter("ONE", "long", 10.0), "one_position").text
    assert "the other way: close it instead" in rule(book.can_enter("ONE", "short", 10.0), "one_position").text
    assert not book.can_enter("ONE", "short", 10.0).allowed
    new = book.can_enter("NEW", "long", 500.0, 1.0)
    names = {result.name for result in new.refusals}
    assert names >= {"fresh_price", "stop", "max_leader_beta"}
    assert new.price is None
    assert "NEW had no price in any bar" in rule(new, "fresh_price").text
    assert "taken to be in it, for the correlation is not known: ONE" in rule(new, "max_correlated_exposure").text
    assert "NEW has no returns" in rule(new, "max_leader_beta").text
    assert rule(book.can_enter("NEW", "long", 500.0, 1.0, 2.0), "stop").passed
    book.update_bar(START + HOUR * 200, {"BTC": book.price("BTC")})
    stale = book.can_enter("TWO", "long", 500.0)
    assert rule(stale, "fresh_price").text == "the last price of TWO is 1 rows old, at most 0 is fresh"
    assert not stale.allowed


@pytest.mark.parametrize("bad", [0, 0.0, -1.0, NAN, math.inf, True, "1"])
@pytest.mark.parametrize("name", ["size", "stop", "price"])
def test_bad_numbers_are_raised_and_change_nothing(book, name, bad):
    state = book.to_bytes()
    with pytest.raises(ParameterError, match=name):
        book.can_enter(**{"symbol": "ONE", "side": "long", "size": 1.0, "stop": 1.0, "price": 2.0, name: bad})
    with pytest.raises(ParameterError, match="side must be one of"):
        book.can_enter("ONE", "buy", 1.0)
    with pytest.raises(ParameterError, match="times the capital"):
        book.can_enter("ONE", "long", 1e12)
    assert book.to_bytes() == state


# --- leaders that break down ---


def crash(rows=330, at_row=200, leader="BTC", fall=-0.03, falls=6):
    """A calm market, a leader that falls, a market that is calm again; the low is not seen again."""
    moves = moves_of(rows, 4)
    moves[leader][at_row : at_row + falls] = fall
    moves[leader][at_row + falls : at_row + falls + 3] = 0.01
    return moves


@pytest.fixture(scope="module")
def crashed():
    """What is said of each entry at each bar of a market in which BTC falls and calms down."""
    book = MultiSymbolCoordinator(MarketStructureCoordinator(window_size=120), capital=10_000.0, limits=LIMITS)
    told = []
    for ts, bar in bars(crash()):
        book.update_bar(ts, bar)
        entries = {
            (symbol, side): book.can_enter(symbol, side, 500.0, bar[symbol] * (0.9 if side == "long" else 1.1))
            for symbol in ("FOUR", "ETH", "BTC")
            for side in ("long", "short")
        }
        told.append((book.structure.leader_status("BTC"), entries))
    return told


def test_no_longs_in_altcoins_while_a_leader_breaks_down(crashed):
    rows = [row for row, (status, _) in enumerate(crashed) if status.breaking]
    assert 200 <= rows[0] <= 206
    assert rows == list(range(rows[0], rows[-1] + 1))
    for row in rows:
        status, entries = crashed[row]
        found = rule(entries["FOUR", "long"], "leader_breakdown")
        assert not found.passed
        assert not entries["FOUR", "long"].allowed
        expected = f"no longs in assets other than leaders until BTC has stabilised: {status.reason}"
        assert found.text == expected
        assert f"BTC has been breaking down for {row - rows[0]} rows: " in found.text
        # The leader itself neither; another one, and shorts, may be.
        assert not rule(entries["BTC", "long"], "leader_breakdown").passed
        assert "no long in BTC until BTC has stabilised" in rule(entries["BTC", "long"], "leader_breakdown").text
        assert rule(entries["ETH", "long"], "leader_breakdown").passed
        assert all(rule(entries[symbol, "short"], "leader_breakdown").passed for symbol in ("FOUR", "ETH", "BTC"))


def test_longs_are_allowed_again_once_it_has_stabilised(crashed):
    breaking = [row for row, (status, _) in enumerate(crashed) if status.breaking]
    before, after = crashed[breaking[0] - 1][1], crashed[breaking[-1] + 1][1]
    for entries in (before, after):
        assert entries["FOUR", "long"].allowed, str(entries["FOUR", "long"])
        assert entries["BTC", "long"].allowed
        assert rule(entries["FOUR", "long"], "leader_breakdown").text.startswith("no leader breaks down: BTC is ")
    assert breaking[-1] - breaking[0] >= BreakdownRule().calm_rows
    assert breaking[-1] < 320


def test_a_leader_that_is_not_known_is_no_leave(crashed):
    for row in (0, 10, 29):
        status, entries = crashed[row]
        assert status.breaking is None
        found = rule(entries["FOUR", "long"], "leader_breakdown")
        assert not found.passed
        assert f"it is not known whether BTC breaks down: BTC has {row} returns, 30 are needed" in found.text
        assert "until BTC and ETH and SOL have stabilised" in found.text


# --- snapshots ---


def answers(book):
    return repr(
        (
            book.heat(),
            book.exposures(),
            book.groups(),
            book.regime(),
            book.divergence_opportunities(),
            [book.screen(screen) for screen in ("low_beta", "high_beta_momentum", "rotation")],
            book.can_enter("FOUR", "long", 500.0, 1.0),
        )
    )


@pytest.mark.parametrize("cut", [0, 1, 45, 119, 121, 160])
def test_a_restored_book_goes_on_bit_for_bit(cut):
    moves = parted(180, 165)
    rows = list(bars(moves))
    for row in (*range(20, 30), 50):
        rows[row][1].pop("THREE")
    first = MultiSymbolCoordinator(MarketStructureCoordinator(window_size=120), capital=10_000.0, limits=LIMITS)
    second = None
    for row, (ts, bar) in enumerate(rows):
        if row == cut:
            first.update_price("BTC", ts, 1.0)
            second = MultiSymbolCoordinator.from_bytes(first.to_bytes())
            assert second.to_bytes() == first.to_bytes()
        for each in (first, second) if second is not None else (first,):
            each.update_bar(ts, bar)
            if row == 40:
                each.open_position(position(each, "ONE"))
                each.open_position(position(each, "THREE", "short", 700.0))
            if row == 100:
                each.close_position("ONE", 0.5)
        if second is not None and row in (cut, cut + 1, 120, 179):
            assert answers(first) == answers(second)
    assert first.to_bytes() == second.to_bytes() == first.copy().to_bytes()


def test_a_shared_structure_is_saved_by_its_owner():
    structure = MarketStructureCoordinator(window_size=120)
    book = MultiSymbolCoordinator(structure, capital=10_000.0, limits=LIMITS, shared=True)
    rows = list(bars(moves_of(160)))
    for ts, bar in rows[:150]:
        structure.update_bar(ts, bar)
        book.take_bar(ts, bar)
    book.open_position(position(book, "ONE"))
    owner, restored = structure.copy(), MultiSymbolCoordinator.from_bytes(book.to_bytes())
    assert len(book.to_bytes()) < len(structure.to_bytes())
    # What needs no structure is answered.
    assert restored.heat() == book.heat()
    for ask in (restored.regime, lambda: restored.can_enter("TWO", "long", 1.0), lambda: restored.take_bar(*rows[150])):
        with pytest.raises(StateError, match="give it to attach"):
            ask()
    with pytest.raises(StateError, match="leaders must be"):
        restored.attach(MarketStructureCoordinator(["BTC"], window_size=120))
    with pytest.raises(StateError, match="last bar must be"):
        restored.attach(MarketStructureCoordinator(window_size=120))
    restored.attach(owner)
    for ts, bar in rows[150:]:
        for each, market in ((book, structure), (restored, owner)):
            market.update_bar(ts, bar)
            each.take_bar(ts, bar)
        assert answers(book) == answers(restored)
    assert book.to_bytes() == restored.to_bytes()
    with pytest.raises(StateError, match="structure of its own"):
        fed(moves_of(3)).attach(owner)


def test_forged_snapshots_are_refused(book):
    good = book.to_state()
    MultiSymbolCoordinator.from_state(good)
    for change in (
        {"leaders": ["BTC"]},
        {"limits": {**good["limits"], "window_size": 130}},
        {"window": {**good["window"], "row": 3}},
    ):
        with pytest.raises(StateError):
            MultiSymbolCoordinator.from_state({**good, **change})


# --- recorded candles ---


@pytest.mark.parametrize(
    ("start", "end", "crash_days"),
    [
        ("2022-04-25", "2022-06-03", ("2022-05-09T12", "2022-05-12T12")),
        ("2022-10-22", "2022-11-18", ("2022-11-08T22", "2022-11-10T00")),
    ],
    ids=["LUNA", "FTX"],
)
def test_no_altcoin_is_bought_in_a_crash(start, end, crash_days):
    candles = {symbol: data for symbol, data in recorded("1h").items() if symbol != "USDC"}
    structure = MarketStructureCoordinator(window_size=360)
    limits = PortfolioLimits(window_size=360)
    book = MultiSymbolCoordinator(structure, capital=10_000.0, limits=limits, shared=True)
    allowed, crashes = [], [at(day) for day in crash_days]
    coins = ("DOGE", "LUNA", "FTT", "LINK")
    for ts, bar in bars_of(candles):
        if not at(start) <= ts < at(end):
            continue
        structure.update_bar(ts, bar)
        book.take_bar(ts, bar)
        if ts == at(start) + 200 * HOUR:
            for symbol in ("DOGE", "LUNA", "FTT", "SRM", "MATIC"):
                if symbol in bar:
                    book.open_position(Position(symbol=symbol, side="long", size=800.0, entry=bar[symbol]))
        in_crash = crashes[0] <= ts <= crashes[1]
        if ts % (6 * HOUR) and not in_crash:
            continue
        heat, exposures = book.heat(), book.exposures()
        assert all(math.isfinite(value) for value in (heat.gross, heat.risk, heat.correlated, heat.bets, heat.shift))
        assert heat.correlated <= heat.gross + 1e-12
        assert all(each.joint.net is None or math.isfinite(each.joint.net) for each in exposures)
        book.divergence_opportunities()
        for screen in ("low_beta", "high_beta_momentum", "rotation"):
            book.screen(screen)
        for symbol in coins:
            entry = book.can_enter(symbol, "long", 100.0)
            if in_crash:
                assert not entry.allowed
                assert not rule(entry, "leader_breakdown").passed
                assert "until" in rule(entry, "leader_breakdown").text
        if book.can_enter("XRP", "long", 100.0).allowed:
            allowed.append(ts)
    # ... and it is neither before nor for ever.
    assert allowed[0] < crashes[0]
    assert allowed[-1] > crashes[1]


# --- what is refused whatever the size ---


def test_a_book_that_is_closed_to_a_symbol_refuses_its_least_entry():
    book = MultiSymbolCoordinator(MarketStructureCoordinator(window_size=120), capital=10_000.0, limits=LIMITS)
    seen = set()
    for row, (ts, bar) in enumerate(bars(crash(240))):
        book.update_bar(ts, bar)
        if row % 7:
            continue
        for symbol in ("FOUR", "BTC", "NONE"):
            for side in ("long", "short"):
                shut = book.closed_to(symbol, side)
                refusals = {result.name: result.text for result in book.can_enter(symbol, side, 1e-6).refusals}
                # Amounts aside, each is told in the same words.
                assert {result.name for result in shut} <= set(refusals)
                assert all(each.text == refusals[each.name] for each in shut if each.name == "leader_breakdown")
                seen |= {result.name for result in shut}
    assert seen == {"fresh_price", "leader_breakdown"}


def test_a_book_is_closed_by_each_rule_that_needs_no_size(book):
    assert book.closed_to("FOUR", "long") == ()
    book.open_position(position(book, "ONE", size=4_500.0))
    assert [result.name for result in book.closed_to("ONE", "long")] == ["one_position", "max_correlated_exposure"]
    full = fed(moves_of(200), limits=replace(LIMITS, max_positions=1, max_heat=0.1))
    full.open_position(position(full, "ONE", size=2_000.0))
    assert [result.name for result in full.closed_to("FOUR", "long")] == ["max_positions", "max_heat"]
    assert full.gross == pytest.approx(full.heat().gross, rel=1e-15)
