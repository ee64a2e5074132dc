"""The source that asks a policy: it acts as in training, learns how often that was right, says why it abstains."""

from __future__ import annotations

import math

import numpy as np
import pytest

from comove import StateError
from comove.data import simulate_market
from comove.features import FeatureRecipe
from comove.signals import SignalMarket
from comove.signals.rl import trading_tables
from comove.signals.rl.evaluation import positions
from comove.signals.sources import ReinforcementOptions, ReinforcementSource
from rl_cases import FEATURES, drawn_policy, echo_market, following_policy, with_gap
from signal_cases import bars_of_frames, walk

LEADERS = ("BTC", "ETH", "SOL")
FRAMES = simulate_market(n_bars=260, assets=["BONK", "WIF"], late_listings=1, gaps=3, bad_ticks=0, seed=4).frames
BARS = bars_of_frames(FRAMES)
MIXED = (*FEATURES[:-1], "btc_beta", "sol_relative_momentum")


def played(source, bars=BARS, market=None):
    """The predictions of each bar, by symbol."""
    for contexts in walk(bars, market):
        source.observe(list(contexts.values()))
        yield {symbol: source.predict(context) for symbol, context in contexts.items()}


def brier(said, frame, horizon=1):
    """The mean Brier score of predictions by row, and how many there were."""
    closes = frame["close"].to_numpy()
    losses = [
        (prediction.up - float(closes[row + horizon] > closes[row])) ** 2
        for row, prediction in enumerate(said[:-horizon])
        if prediction is not None
    ]
    return float(np.mean(losses)), len(losses)


# --- it acts live as in rows ---


@pytest.mark.parametrize("seed", range(3))
def test_it_acts_live_as_in_the_rows_of_training(seed):
    policy = drawn_policy(MIXED, seed=seed)
    source = ReinforcementSource(policy)
    live = []
    for _ in played(source):
        live.append(dict(source._position))
    recipe = FeatureRecipe(fill=None, columns=MIXED)
    tables = trading_tables(FRAMES, symbols=["BONK", "WIF"], leaders=LEADERS, recipe=recipe)
    for table in tables:
        batch = positions(policy, table)
        rows = np.flatnonzero(table.usable)
        assert len(rows) > 100
        assert {-1.0, 1.0} <= set(batch[rows])
        assert [live[row].get(table.symbol, 0) for row in rows] == batch[rows].tolist()


def test_a_gap_makes_it_flat():
    bars = bars_of_frames({"A": with_gap(echo_market(120), 80, 83), "B": echo_market(120, seed=1)})
    source = ReinforcementSource(following_policy(hold=9.0))
    told = {}
    for row, said in enumerate(played(source, bars)):
        told[row] = said["A"].reason if said.get("A") else source.abstained.get("A")
    assert "from flat" not in told[79]
    assert [told[row] for row in (80, 81, 82)] == [None, None, None]
    assert told[83] == "no ret_1"
    assert "from flat" in told[84]


# --- it learns ---


def test_it_finds_an_edge_and_its_probability_tells_how_much():
    frame = echo_market(3_000, persistence=0.3)
    source = ReinforcementSource(following_policy())
    said = [each["A"] for each in played(source, bars_of_frames({"A": frame}))]
    last = [each for each in said[-500:] if each is not None]
    closes = frame["close"].to_numpy()
    rose = np.diff(closes) > 0
    right = [p.up > 0.5 for p in said[500:-1]] == rose[500:]
    assert right.mean() > 0.56
    assert max(p.probability for p in last) > 0.58
    score, n = brier(said, frame)
    assert n > 2_900
    assert score < 0.247


@pytest.mark.parametrize(("policy", "least"), [(drawn_policy(), 150), (following_policy(), 1_100)])
def test_on_noise_its_probability_stays_near_a_half(policy, least):
    rng = np.random.default_rng(2)
    frames = {f"C{k}": echo_market(1_200, persistence=0.0, seed=int(rng.integers(1 << 30))) for k in range(4)}
    source = ReinforcementSource(policy)
    said = list(played(source, bars_of_frames(frames)))
    for symbol, frame in frames.items():
        score, n = brier([each[symbol] for each in said], frame)
        assert n > least
        assert score < 0.252
    assert max(p.probability for bar in said[-100:] for p in bar.values() if p is not None) < 0.56


def test_symbols_that_move_as_one_count_as_one():
    frame = echo_market(200, persistence=0.0)
    alone, many = ReinforcementSource(following_policy()), ReinforcementSource(following_policy())
    one = [each["C0"] for each in played(alone, bars_of_frames({"C0": frame}))]
    all_of_them = [each["C0"] for each in played(many, bars_of_frames({f"C{k}": frame for k in range(6)}))]
    assert [p and p.probability for p in one] == [p and p.probability for p in all_of_them]


def test_an_outcome_is_learnt_after_the_horizon_and_not_before():
    frame = echo_market(80)
    source = ReinforcementSource(following_policy(horizon=5), options=ReinforcementOptions(prior=1.0))
    counts = []
    for _ in played(source, bars_of_frames({"A": frame})):
        counts.append(sum(record.n for record in source._records))
    # The first return is in row 1.
    assert counts == [0] * 6 + list(range(1, 75))
    assert source.horizon == 5
    assert source._records[0].prior == 5.0


def test_a_policy_that_is_always_wrong_is_read_the_other_way_round():
    source = ReinforcementSource(following_policy())
    said = [each["A"] for each in played(source, bars_of_frames({"A": echo_market(2_000, persistence=-0.6)}))]
    for prediction in said[-100:]:
        assert prediction.direction == ("short" if "goes long" in prediction.reason else "long")
    assert max(each.probability for each in said[-100:]) > 0.6


# --- it says why it says nothing ---


def test_it_says_why_it_abstains():
    idle = ReinforcementSource()
    for said in played(idle, BARS[:3]):
        assert set(said.values()) == {None}
        assert set(idle.abstained) == set(said)
        assert all("comove train-rl" in reason for reason in idle.abstained.values())
    source = ReinforcementSource(drawn_policy(MIXED))
    for said in played(source):
        assert {symbol for symbol, each in said.items() if each is None} == set(source.abstained)
    assert source.abstained["BTC"] == "no btc_beta"
    fresh = ReinforcementSource(drawn_policy(MIXED))
    next(played(fresh))
    assert fresh.abstained["ETH"] == "no ret_1, ret_3, rsi_14 and 4 more"
    flat = ReinforcementSource(following_policy(std=1e9))
    flat.policy.layers[0][1].flags.writeable = True
    flat.policy.layers[0][1][1] = 9.0
    for _ in played(flat, BARS[:9]):
        pass
    assert flat.abstained["BTC"] == "the policy prefers to be flat: short 0%, flat 100%, long 0%"


def test_reasons_hold_the_figures():
    source = ReinforcementSource(following_policy())
    for said in played(source, bars_of_frames({"A": echo_market(300)})):
        last = said["A"]
    assert "; its clear " in last.reason or "; its narrow " in last.reason
    assert " were right in " in last.reason
    assert "from " in last.reason


# --- its state ---


@pytest.mark.parametrize("cut", [0, 1, 5, 60, 130, 259])
def test_a_restored_source_goes_on_bit_for_bit(cut, tmp_path):
    place = tmp_path / "agent.policy"
    drawn_policy(MIXED, horizon=3).save(place)
    first, market = ReinforcementSource(place), SignalMarket()
    for ts, candles in BARS[:cut]:
        first.observe(list(market.update(ts, candles).values()))
    place.unlink()
    second = ReinforcementSource.from_bytes(first.to_bytes())
    assert second.abstained == first.abstained
    twin = SignalMarket.from_bytes(market.to_bytes())
    assert [*map(repr, played(first, BARS[cut:], market))] == [*map(repr, played(second, BARS[cut:], twin))]
    assert first.to_bytes() == second.to_bytes()


def test_what_was_said_in_the_last_bar_is_in_the_snapshot():
    source, market = ReinforcementSource(drawn_policy(MIXED)), SignalMarket()
    for ts, candles in BARS[:150]:
        contexts = market.update(ts, candles)
        source.observe(list(contexts.values()))
    again = source.copy()
    said = [source.predict(context) for context in contexts.values()]
    assert any(said)
    assert said == [again.predict(context) for context in contexts.values()]


def test_a_snapshot_that_cannot_be_is_refused():
    state = ReinforcementSource(drawn_policy()).to_state()
    broken = [
        {"said": {"A": [4, "x"]}},
        {"records": [[0.0, 0]] * 3},
        {"policy": b"x"},
        {"options": {"prior": 0.0}},
        {"position": {"A": 5}},
        {"position": {"A": 0}},
        {"outcomes": {"A": [[3, 100.0, 4]]}},
        {"outcomes": {"A": [[3, 100.0, -1]]}},
        {"outcomes": {"A": [[3, 100.0, "x"]]}},
        {"outcomes": {"A": [[3, 0.0, 1]]}},
        {"outcomes": {"A": [[3, math.nan, 1]]}},
    ]
    for change in broken:
        with pytest.raises((StateError, ValueError)):
            ReinforcementSource.from_state(state | change)
    with pytest.raises(StateError):
        ReinforcementSource.from_bytes(drawn_policy().to_bytes())
