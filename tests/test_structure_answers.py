"""Questions about a pair: how much data they need, what time they are of, what is wrong with the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comove import (
    BetaCalculator,
    DataError,
    LeadLagTracker,
    MarketStructureCoordinator,
    ParameterError,
    PriceData,
    VolatilitySpilloverMonitor,
    arrays,
)
from comove.structure.laying import union_of
from comove.structure.limits import student_quantile
from structure_cases import HOUR, hours, market, prices, same, with_leaders

DATA = market(300)
BONK, BTC = DATA["BONK"], DATA["BTC"]
CALCULATORS = {
    "beta": (BetaCalculator(), 20, "beta"),
    "lead_lag": (LeadLagTracker(max_lag=1), 20, "optimal_lag"),
    "spillover": (VolatilitySpilloverMonitor(vol_window=2), 30, "spillover_coefficient"),
}
by_kind = pytest.mark.parametrize("kind", CALCULATORS)


def ask(kind, asset=BONK, leader=BTC, **options):
    return CALCULATORS[kind][0].calculate("BONK", asset, "BTC", leader, **options)


@by_kind
def test_the_least_data(kind):
    _, least, field = CALCULATORS[kind]
    # The first row has no return; a lag takes one row more, a volatility of two rows too.
    rows = least + (1 if kind == "beta" else 2)
    enough = ask(kind, current_time=hours(rows)[-1])
    assert enough.n == enough.sample_size == least
    assert getattr(enough, field) is not None
    assert enough.reason is None
    less = ask(kind, current_time=hours(rows - 1)[-1])
    assert less.n == least - 1
    assert getattr(less, field) is None
    assert less.reason.startswith(f"{least - 1} ")
    assert less.reason.endswith(f"in the window, {least} are needed")
    assert less.last_updated == datetime.fromtimestamp(hours(rows - 1)[-1] // 10**9, UTC)


@by_kind
def test_later_rows_are_not_looked_at(kind):
    now = hours(200)[-1]
    known = [each.until(now) for each in (BONK, BTC)]
    assert same(ask(kind, current_time=now), ask(kind, *known))
    assert same(ask(kind, current_time=now), ask(kind, *known, current_time=now))
    # Any form of a time, between two rows too.
    moment = datetime.fromtimestamp(now // 10**9, UTC)
    for form in (moment, moment.replace(tzinfo=None), np.datetime64(moment.replace(tzinfo=None)), np.int64(now)):
        assert same(ask(kind, current_time=form), ask(kind, *known))
    half = ask(kind, current_time=now + HOUR // 2)
    assert half.age == timedelta(minutes=30)
    assert half.reason is None
    assert half.last_updated == moment


@by_kind
def test_a_stale_leader_is_said_and_can_be_refused(kind):
    field = CALCULATORS[kind][2]
    old = BTC.until(hours(290)[-1])
    said = ask(kind, BONK, old)
    assert getattr(said, field) == getattr(ask(kind, current_time=hours(290)[-1]), field)
    assert said.age == timedelta(hours=10)
    assert said.reason == "the last common price of BONK and BTC is 10:00:00 old"
    strict = type(CALCULATORS[kind][0])(max_age="9h")
    withheld = strict.calculate("BONK", BONK, "BTC", old)
    assert getattr(withheld, field) is None
    assert withheld.reason == "the last common price of BONK and BTC is 10:00:00 old, max_age is 9:00:00"
    assert strict.calculate("BONK", BONK, "BTC", old, current_time=hours(299)[-1]).reason != withheld.reason
    # Nobody has newer rows, but the question is late.
    assert ask(kind, current_time=hours(300)[-1] + 2 * HOUR).reason is None
    assert "old" in ask(kind, current_time=hours(300)[-1] + 3 * HOUR).reason


@by_kind
def test_no_common_price_has_a_cause(kind):
    empty = PriceData([], [])
    none = PriceData(hours(50), [None] * 50)
    apart = PriceData(hours(300) + HOUR // 2, BTC.prices)
    for asset, leader, reason in (
        (BONK, empty, "BTC has no price until then"),
        (none, BTC, "BONK has no price until then"),
        (none, empty, "BONK and BTC have no price until then"),
        (BONK, apart, "BONK and BTC have no price at a common time"),
    ):
        said = ask(kind, asset, leader)
        assert (said.n, said.coverage, said.age, said.last_updated) == (0, 0.0, None, None)
        assert said.reason == reason
    assert ask(kind, current_time=0).reason == "BONK and BTC have no price until then"


@by_kind
def test_what_does_not_vary_has_a_reason(kind):
    flat = PriceData(hours(300), np.full(300, 7.0))
    said = ask(kind, BONK, flat)
    assert getattr(said, CALCULATORS[kind][2]) is None
    assert "BTC" in said.reason
    assert "does not vary in the window" in said.reason


def test_a_flat_asset_has_a_beta_of_zero_and_no_correlation():
    said = ask("beta", PriceData(hours(300), np.full(300, 7.0)))
    assert (said.beta, said.correlation) == (0.0, None)
    assert said.reason == "BONK does not vary in the window"


def test_a_flat_asset_has_a_spillover_of_zero_and_no_correlation():
    said = VolatilitySpilloverMonitor().calculate("BONK", PriceData(hours(300), np.full(300, 7.0)), "BTC", BTC)
    assert (said.spillover_coefficient, said.correlation, said.half_life_periods) == (0.0, None, None)
    assert said.reason == "the volatility of BONK does not vary in the window"
    flat = PriceData(hours(290), np.full(290, 7.0))
    for calculator in (BetaCalculator(), VolatilitySpilloverMonitor()):
        late = calculator.calculate("BONK", flat, "BTC", BTC)
        assert late.reason.endswith(
            "does not vary in the window; the last common price of BONK and BTC is 10:00:00 old"
        )


def test_a_spillover_without_a_standard_error_says_why():
    monitor = VolatilitySpilloverMonitor(vol_window=5)
    few, enough = (monitor.calculate("BONK", BONK, "BTC", BTC, current_time=hours(rows)[-1]) for rows in (54, 55))
    assert few.spillover_coefficient is not None
    assert few.stderr is few.p_value is None
    assert few.reason == "no standard error: 49 pairs of volatilities in the window, 50 are needed"
    assert None not in (enough.stderr, enough.p_value)
    assert enough.reason is None


def test_as_of_takes_the_last_price_within_the_tolerance():
    shifted = PriceData(hours(300) - HOUR // 4, BTC.prices)
    assert ask("beta", BONK, shifted).beta is None
    asof = BetaCalculator(join="asof", tolerance="15m")
    said = asof.calculate("BONK", BONK, "BTC", shifted)
    assert said.beta == ask("beta").beta
    assert said.coverage == 1.0
    assert BetaCalculator(join="asof", tolerance="14m").calculate("BONK", BONK, "BTC", shifted).beta is None
    # A finer leader is seen at the asset's times only.
    fine = np.repeat(BTC.prices, 4)
    fine[np.arange(1200) % 4 != 0] *= 1.5
    finer = PriceData(hours(300)[0] + HOUR // 4 * np.arange(1200), fine)
    assert asof.calculate("BONK", BONK, "BTC", finer, current_time=hours(300)[-1]).beta == said.beta


@given(st.lists(st.lists(st.integers(-9, 9) | st.sampled_from([-(2**63), 2**63 - 1]), unique=True), max_size=4))
def test_the_grid_holds_every_time_once(times):
    arrays_of = [np.array(sorted(each), np.int64) for each in times]
    union = union_of([*arrays_of, *arrays_of[:1]])
    assert union.dtype == np.int64
    assert union.tolist() == sorted(set().union(*times))


def test_gaps_show_in_the_coverage():
    values = np.array(BONK.prices)
    values[250:260] = np.nan
    said = BetaCalculator(window_size=100).calculate("BONK", PriceData(hours(300), values), "BTC", BTC)
    # Ten rows and the one after them.
    assert said.sample_size == 89
    assert said.coverage == 0.89
    span = BetaCalculator(window_span="100h").calculate("BONK", PriceData(hours(300), values), "BTC", BTC)
    assert (span.sample_size, span.coverage, span.window) == (89, 0.89, timedelta(hours=100))
    absent = PriceData(np.delete(hours(300), np.arange(250, 260)), np.delete(values, np.arange(250, 260)))
    assert BetaCalculator(window_size=100).calculate("BONK", absent, "BTC", BTC).beta == said.beta
    # Two series with the same rows missing have no such rows; the timestamps of a third make them.
    kept = (np.arange(300) < 250) | (np.arange(300) >= 260)
    both = [PriceData(hours(300)[kept], each.prices[kept]) for each in (BONK, BTC)]
    alone = BetaCalculator(window_size=100).calculate("BONK", both[0], "BTC", both[1])
    assert alone.sample_size == 100
    on_grid = BetaCalculator(window_size=100).calculate("BONK", both[0], "BTC", both[1], grid=[DATA["ETH"]])
    assert on_grid.sample_size == 89
    assert on_grid.beta == said.beta


def test_a_hole_of_more_than_max_gap_begins_anew():
    rows = np.arange(300)
    for hole, n in ((72, 299 - 73), (73, 300 - 200 - 1)):
        kept = (rows < 200 - hole) | (rows >= 200)
        data = PriceData(hours(300)[kept], BONK.prices[kept])
        said = BetaCalculator(window_size=300).calculate("BONK", data, "BTC", BTC)
        assert said.sample_size == n
        assert said.coverage == n / 299
    tight = BetaCalculator(window_size=300, max_gap=5).calculate("BONK", data, "BTC", BTC)
    assert tight.sample_size == 99


def test_the_interval_is_that_of_student():
    said = ask("beta", current_time=hours(60)[-1])
    assert said.stderr > 0
    reach = stats.t.ppf(0.975, said.sample_size - 2) * said.stderr
    assert said.interval == pytest.approx((said.beta - reach, said.beta + reach), rel=1e-6)
    for degrees in (18, 19, 25, 100, 718, 10**6):
        assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-6)


def test_the_spillover_is_that_of_the_arrays():
    said = VolatilitySpilloverMonitor(window_size=100, vol_window=5).calculate("BONK", BONK, "BTC", BTC)
    theirs = arrays.rolling_spillover(
        BONK.returns, BTC.returns, window_size=100, vol_window=5, min_samples=30, inference=True
    )
    assert said.spillover_coefficient == theirs["coefficient"][-1]
    assert said.correlation == theirs["corr"][-1]
    assert said.half_life_periods == theirs["half_life"][-1]
    assert said.stderr == theirs["coefficient_stderr"][-1]
    assert (said.source, said.target, said.window, said.vol_window) == ("BTC", "BONK", 100, 5)


def test_a_lead_is_found_and_named():
    moves = np.random.default_rng(2).normal(0.0, 0.01, 302)
    leader, follower = PriceData(hours(300), prices(moves[2:])), PriceData(hours(300), prices(moves[:-2]))
    said = LeadLagTracker().calculate("WIF", follower, "BTC", leader)
    assert (said.optimal_lag, said.leads_by, said.leader, said.follower) == (-2, 2, "BTC", "WIF")
    assert said.confidence == 1.0 - said.lead_p_value > 0.95
    assert LeadLagTracker().calculate("BTC", leader, "WIF", follower).optimal_lag == 2


def test_the_coordinator_answers_as_the_calculators():
    coordinator = with_leaders({"BTC": BTC})
    assert same(coordinator.get_beta("BONK", BONK, "BTC"), ask("beta"))
    assert same(coordinator.get_beta("BONK", BONK), ask("beta"))
    said = coordinator.get_beta("BONK", BONK, "ETH", current_time=hours(9)[-1])
    assert said.reason == "ETH has no data: give it to update_leader_data"
    assert (said.beta, said.n) == (None, 0)
    # Other leaders' timestamps are rows, not after the time of the question.
    coordinator.update_leader_data("ETH", PriceData(hours(300) + 1, BTC.prices))
    assert coordinator.get_beta("BONK", BONK, "BTC").sample_size == 0


def test_calculators_show_their_options():
    assert repr(BetaCalculator()) == "BetaCalculator(window=30 days, 0:00:00, join=union)"
    asof = BetaCalculator(window_size=50, join="asof", tolerance="1h")
    assert repr(asof) == "BetaCalculator(window=50, join=asof)"
    assert repr(LeadLagTracker(max_lag=3)) == "LeadLagTracker(max_lag=3, window_size=240, join=union)"
    monitor = VolatilitySpilloverMonitor(vol_window=5)
    assert repr(monitor) == "VolatilitySpilloverMonitor(window_size=240, vol_window=5, join=union)"


def test_a_leader_can_be_an_asset():
    coordinator = with_leaders(DATA)
    assert coordinator.get_beta("ETH", DATA["ETH"], "BTC").beta is not None
    with pytest.raises(ParameterError, match="asset and leader must differ, got 'BTC' twice"):
        coordinator.get_beta("BTC", BTC, "BTC")
    with pytest.raises(ParameterError, match="must differ"):
        BetaCalculator().calculate("BTC", BTC, "BTC", BTC)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.get_beta("BONK", BONK, "XRP"), DataError, "one of the leaders BTC, ETH, SOL, got 'XRP'"),
        (lambda c: c.get_beta("BONK", [1.0], "BTC"), DataError, "BONK: expected a PriceData, got list"),
        (lambda c: c.get_beta("", BONK, "BTC"), ParameterError, "asset must be a symbol, got ''"),
        (lambda c: c.get_beta("BONK", BONK, "BTC", current_time="now"), DataError, "^current_time must be a datetime"),
        (
            lambda c: c.get_beta("BONK", BONK, "BTC", current_time=np.datetime64("NaT")),
            DataError,
            "^current_time must not be missing",
        ),
        (lambda c: c.detect_market_regime("BONK", BONK, current_time=10**30), DataError, "^current_time must lie"),
        (lambda c: BONK.until("now"), DataError, "^time must be a datetime"),
        (lambda c: c.update_leader_data("XRP", BONK), DataError, "one of the leaders"),
        (lambda c: c.update_leader_data("BTC", [1.0]), DataError, "BTC: expected a PriceData, got list"),
        (lambda c: BetaCalculator().calculate("A", BONK, "B", 1), DataError, "B: expected a PriceData, got int"),
        (lambda c: BetaCalculator().calculate("A", BONK, "B", BTC, grid=[1]), DataError, "grid: expected a PriceData"),
        (lambda c: BetaCalculator().calculate(1, BONK, "B", BTC), ParameterError, "asset must be a symbol"),
    ],
)
def test_wrong_questions_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(with_leaders(DATA))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window_size": 19}, "too_small"),
        ({"window_size": 2**24 + 1}, "too_large"),
        ({"window_size": 30, "window_span": "1d"}, "window"),
        ({"window_span": "1mo"}, "duration"),
        ({"max_rows": 19}, "too_small"),
        ({"max_rows": 40, "window_size": 30}, "max_rows"),
        ({"max_lag": 0}, "too_small"),
        ({"lag_window": 19}, "too_small"),
        ({"spillover_window": 29}, "too_small"),
        ({"vol_window": 1}, "too_small"),
        ({"join": "inner"}, "choice"),
        ({"join": "asof"}, "tolerance"),
        ({"tolerance": "1h"}, "tolerance"),
        ({"join": "asof", "tolerance": "0h"}, "duration"),
        ({"max_gap": 0}, "too_small"),
        ({"max_age": -1}, "duration"),
        ({"leaders": []}, "too_small"),
        ({"leaders": "BTC"}, "type"),
        ({"leaders": 7}, "type"),
        ({"leaders": ["BTC", ""]}, "type"),
        ({"leaders": [str(n) for n in range(65)]}, "too_large"),
    ],
)
def test_options_out_of_bounds_are_refused(options, code):
    with pytest.raises(ParameterError) as caught:
        MarketStructureCoordinator(**options)
    assert caught.value.code == code
    assert any(name in str(caught.value) for name in options)


def test_a_leader_twice_is_refused():
    with pytest.raises(DataError, match="leaders must be different, got 'BTC' twice"):
        MarketStructureCoordinator(["BTC", "BTC"])
