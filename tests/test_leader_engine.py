"""The leader engine: what a leader has yet to bring, without bias at planted lags, and when it is a signal."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from comove import StateError
from comove.data import simulate_market
from comove.signals.engines import LeaderEngine, LeaderOptions
from comove.signals.engines.lead_record import LeadRecords
from comove.signals.engines.leads import Lead
from engine_cases import candles_from, hit_rate, listen, mirrored, noise_market
from signal_cases import bars_of_frames

LAGS = [1, 2, 3, 5]


def followers(answer, rows, seed, noise=1.0):
    """Returns of a leader and of an asset that answers a move with the share `answer[m]` after m rows."""
    rng = np.random.default_rng(seed)
    leader = rng.normal(0.0, 0.01, rows)
    asset = np.convolve(leader, answer)[:rows] + rng.normal(0.0, 0.01 * noise, rows)
    return asset, leader


def expectations(answer, lag, rows=12_000, seed=1):
    """Gap, standard error, what came, and the asset's own move over the lag, of each row after the first 300."""
    asset, leader = followers(answer, rows, seed)
    lead = Lead("BTC", lag, 240, 60)
    lead.start(lag, asset[: lag + 1], leader[: lag + 1])
    found = []
    for row in range(lag + 1, rows - lag):
        moves = leader[row - lag : row + 1][::-1].tolist()
        lead.push(row, float(asset[row]), moves)
        if row >= 300:
            one = lead.expect(moves)
            came = asset[row + 1 : row + 1 + lag].sum()
            found.append((one.gap, one.stderr, came, asset[row + 1 - lag : row + 1].sum(), one.full))
    return np.array(found).T


def slope_and_error(y, x, overlap):
    """Slope of y on x and its standard error, where rows overlap (Newey and West 1987)."""
    x, y = x - x.mean(), y - y.mean()
    slope = (x @ y) / (x @ x)
    scores = x * (y - slope * x)
    spread = scores @ scores
    for back in range(1, overlap + 1):
        spread += 2.0 * (1.0 - back / (overlap + 1)) * (scores[back:] @ scores[:-back])
    return slope, np.sqrt(spread) / (x @ x)


ANSWERS = {f"exact {lag}": ([0.0] * lag + [1.2], lag) for lag in LAGS}
ANSWERS["with a part at once"] = ([0.8, 0.0, 0.6], 2)
ANSWERS["spread over rows"] = ([0.4, 0.3, 0.3, 0.5], 3)
ANSWERS["against the leader"] = ([0.0, 0.0, -0.9], 2)


@pytest.mark.parametrize("case", ANSWERS)
def test_the_gap_is_what_comes_without_bias(case):
    answer, lag = ANSWERS[case]
    gap, stderr, came, own, full = expectations(answer, lag)
    slope, error = slope_and_error(came, gap, 2 * lag)
    # The error of the betas, 1 / sqrt(240) of the noise, is in the gap too and makes the slope smaller by its square.
    assert abs(slope - 1.0) < 3.0 * error + 0.02
    assert abs((came - gap).mean()) < 4.0 * (came - gap).std() * np.sqrt(lag / len(gap))
    # Nothing of the asset's own move is missing in it: to subtract that move would make an error that follows it.
    ours, error = slope_and_error(came - gap, own, 2 * lag)
    assert abs(ours) < 3.5 * error + 0.02
    # The standard error is that of what comes.
    assert 0.85 < ((came - gap) / stderr).std() < 1.2
    # What has come and what is to come are the whole answer.
    np.testing.assert_allclose(np.median(full[gap != 0] / gap[gap != 0]), _full_over_gap(answer, lag), rtol=0.5)


def _full_over_gap(answer, lag):
    return 1.0 if not any(answer[:lag]) else sum(answer) * lag / sum(m * b for m, b in enumerate(answer))


@pytest.mark.parametrize("lag", LAGS)
def test_a_move_counts_until_it_has_arrived(lag):
    # The betas at the lags before, 0, are known to about 1 / sqrt(4000).
    asset, leader = followers([0.0] * lag + [1.0], 4_100, 3, noise=0.0)
    lead = Lead("BTC", lag, 4_000, 60)
    lead.start(4_099, asset, leader)
    for age in range(lag + 3):
        moves = [0.0] * (lag + 1)
        if age <= lag:
            moves[age] = 0.05
        one = lead.expect(moves)
        if age < lag:
            assert one.gap == pytest.approx(0.05, rel=0.1)
            assert one.fresh == pytest.approx((lag - age) / lag, abs=0.1)
        else:
            assert (one.gap, one.fresh) == (0.0, 0.0)


def test_pushed_followed_and_begun_at_once_are_the_same_bits():
    asset, leader = followers([0.0, 0.0, 0.0, 1.0], 200, 4)
    asset[50:55] = np.nan
    leader[120] = np.nan
    at_once, pushed, followed = (Lead("BTC", 3, 240, 60) for _ in range(3))
    at_once.start(199, asset, leader)
    pushed.start(9, asset[:10], leader[:10])
    followed.start(9, asset[:10], leader[:10])
    for row in range(10, 200):
        pushed.push(row, float(asset[row]), leader[row - 3 : row + 1][::-1].tolist())
        if row % 7 == 0 or row == 199:
            followed.follow(row, asset[max(0, row - 30) : row + 1], leader[max(0, row - 30) : row + 1])
    state = at_once.to_state()
    assert state == pushed.to_state() == followed.to_state()
    assert Lead.from_state(state).to_state() == state
    # Where fewer rows are shown than have passed, it begins anew.
    late = Lead.from_state(state)
    late.follow(400, asset[:30], leader[:30])
    anew = Lead("BTC", 3, 240, 60)
    anew.start(400, asset[:30], leader[:30])
    assert late.to_state() == anew.to_state()
    with pytest.raises(StateError, match="regressions"):
        Lead.from_state({**state, "pairs": state["pairs"][:-1]})


def test_what_is_not_known_is_said():
    asset, leader = followers([0.0, 1.0], 200, 5)
    lead = Lead("BTC", 1, 240, 60)
    lead.start(40, asset[:41], leader[:41])
    assert lead.expect([0.01, 0.0]) == "40 pairs of returns with BTC 1 rows before, 60 that vary are needed"
    lead.follow(199, asset, leader)
    assert lead.expect([np.nan, 0.0]) == "a price of BTC in the last 1 rows is missing"


@cache
def followed(lag):
    """A simulated market in which X follows BTC, and what was said of it."""
    market = simulate_market(
        n_bars=700,
        assets=["X"],
        betas=[[1.2, 0.0, 0.0]],
        lags=[[-lag, 0, 0]],
        spillover=0.0,
        regimes=False,
        gaps=0,
        bad_ticks=0,
        late_listings=0,
        volatility=0.006,
        noise=0.6,
        seed=lag,
    )
    engine = LeaderEngine()
    return listen(None, [engine], bars=bars_of_frames(market.frames)), engine, market


@pytest.mark.parametrize("lag", LAGS)
def test_a_planted_lead_is_found(lag):
    heard, engine, market = followed(lag)
    moves = market.returns["BTC"].to_numpy()
    signals = [each for each in heard.signals("leader") if each[1] == "X"]
    assert len(signals) > 100
    # The right leader, the right lag, and mostly the side to which the leader's pending move points.
    right = [s for s in signals if s[2].reason.startswith("BTC leads by") and s[2].horizon == lag]
    assert len(right) > 0.95 * len(signals)
    sides = [(said.direction == "long") == (moves[row + 1 - lag : row + 1].sum() > 0.0) for row, _, said in right]
    assert np.mean(sides) > 0.95
    outcomes = [each for each in heard.outcomes("leader") if each[0].horizon == lag]
    assert hit_rate(outcomes) > 0.75
    assert outcomes[-1][0].confidence > 0.6
    records = {(row["leader"], row["asset"], row["lag"]): row for row in engine.record().to_dicts()}
    record = records["BTC", "X", lag]
    assert record["information_coefficient"] > 0.4
    assert record["hit_rate"] > 0.75
    assert record["expected"] > record["signals"] > 100
    assert 0.6 < record["probability"] < record["hit_rate"]


def test_leaders_lead_nobody_on_noise():
    heard = listen(noise_market(11, 600), [LeaderEngine()])
    assert len(heard.signals("leader")) < 0.01 * len(heard.said["leader"])
    assert any(
        reason.startswith("no leader is believed to move first: the lowest p-value is")
        for reason in heard.reasons("leader")
    )


def test_reasons_to_abstain():
    heard = listen(noise_market(12, 300, ("BTC", "A")), [LeaderEngine()])
    reasons = {symbol: each.reason for row, symbol, each in heard.said["leader"] if row == 3}
    assert reasons["BTC"] == "no leader but the symbol itself has been seen"
    assert reasons["A"] == "not known yet who moves first: each leader is asked every 48 rows"
    heard, _, _ = followed(2)
    found = [reason for reason in heard.reasons("leader") if reason.startswith("BTC leads by 2 rows and moved")]
    assert found
    assert all("is to come" in reason and "errors is needed" in reason for reason in found)
    engine = LeaderEngine(LeaderOptions(most_lag=1))
    rng = np.random.default_rng(1)
    asset, leader = followers([0.0, 0.0, 1.0], 400, 6, noise=0.3)
    market = {"BTC": candles_from(leader, rng), "A": candles_from(asset, rng)}
    reasons = {each.reason for _, symbol, each in listen(market, [engine]).said["leader"] if symbol == "A"}
    assert "BTC leads by 2 rows, at most 1 are followed" in reasons


def test_costs_and_noise_hold_signals_back():
    asset, leader = followers([0.0, 0.0, 1.0], 500, 7)
    rng = np.random.default_rng(1)
    market = {"BTC": candles_from(leader, rng), "A": candles_from(asset, rng)}
    counts = [
        len(listen(market, [LeaderEngine(LeaderOptions(**options))]).signals("leader"))
        for options in ({"cost": 0.0, "noise_at": 0.0}, {}, {"cost": 0.02}, {"noise_at": 2.0})
    ]
    assert counts[0] > counts[1] > max(counts[2:])
    assert min(counts) > 0


def test_a_mirrored_market_flips_directions():
    asset, leader = followers([0.0, 0.0, 1.0], 500, 8)
    rng = np.random.default_rng(1)
    market = {"BTC": candles_from(leader, rng), "A": candles_from(asset, rng)}
    one, other = (
        {(row, symbol): each.direction for row, symbol, each in listen(each, [LeaderEngine()]).signals("leader")}
        for each in (market, mirrored(market))
    )
    both = one.keys() & other.keys()
    assert len(both) > 0.9 * max(len(one), len(other)) > 50
    assert all(one[key] != other[key] for key in both)


def test_a_record_is_shrunk_to_that_of_all():
    records = LeadRecords(20.0, 10, 240)
    key = ("BTC", "A", 2)
    assert records.probability(key) == 0.5
    for row in range(0, 400, 10):
        records.all.add(row, 1.0)
    assert records.probability(key) == records.all.probability == pytest.approx((40 + 10) / 60)
    records.add(key, 0.01, 0.02)
    for row in range(0, 40, 2):
        records.add_hit(key, row, 0.0)
    assert records.probability(key) == pytest.approx((20.0 * 50 / 60) / 40.0)
    frame = records.frame()
    assert frame.columns == [
        "leader", "asset", "lag", "expected", "information_coefficient", "signals", "hit_rate", "probability",
    ]  # fmt: skip
    assert frame.row(0)[:7] == ("BTC", "A", 2, 1, None, 20, 0.0)
    assert LeaderEngine().record().height == 0


def test_a_lone_pair_is_not_believed_twice():
    # Its signals are in its own record and in that of all: on noise both err to the same side.
    rng, walks, rows = np.random.default_rng(1), 300, 100
    squared = np.zeros(rows)
    for _ in range(walks):
        records, key = LeadRecords(LeaderOptions().prior, 2, 240), ("BTC", "A", 2)
        for row, right in enumerate(rng.integers(0, 2, rows).tolist()):
            records.add_hit(key, 2 * row, right)
            records.all.add(2 * row, right)
            squared[row] += (records.probability(key) - 0.5) ** 2 / walks
    assert 0.002 < squared.max() < 0.005
