"""Scores move the right way, each regime is found where it was made, and no label ever changes afterwards."""

from __future__ import annotations

import dataclasses
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove import DataError, MarketRegime, MarketStructureCoordinator, ParameterError, PriceData, RegimeOptions
from comove.structure.labels import UNKNOWN, Labels
from comove.structure.regimes import EVIDENCE, REGIMES, regime_scores
from structure_cases import HOUR, LEADERS, bars_of, feed, hours, market, prices, same, with_leaders

ROWS = 400
LAST = slice(ROWS - 72, ROWS)

# How a score moves with a piece of evidence: up, down, or not at all.
DIRECTIONS = {
    "leaders_trend": {"risk_on": 1, "risk_off": -1},
    "leaders_agreement": {"risk_on": 1, "risk_off": 1},
    "volatility_ratio": {"risk_off": 1},
    "leader_correlation": {"risk_on": 1, "risk_off": 1},
    "relative_momentum": {"rotation": 1},
    "momentum_change": {"rotation": 1},
    "cross_asset_correlation": {"risk_on": 1, "risk_off": 1},
    "divergence_score": {"divergence": 1},
    "correlation_drop": {"divergence": 1},
}
BOUNDS = {
    "leaders_trend": (-5.0, 5.0),
    "leaders_agreement": (0.0, 1.0),
    "volatility_ratio": (0.0, 5.0),
    "leader_correlation": (-1.0, 1.0),
    "relative_momentum": (-5.0, 5.0),
    "momentum_change": (-5.0, 5.0),
    "cross_asset_correlation": (-1.0, 1.0),
    "divergence_score": (0.0, 1.0),
    "correlation_drop": (-1.0, 1.0),
}
SOME = st.fixed_dictionaries({name: st.floats(*bounds) for name, bounds in BOUNDS.items()})


def test_extreme_evidence_gives_ordinary_scores():
    for size in (1e8, 1e200, np.inf):
        for sign in (1.0, -1.0):
            said = regime_scores(dict.fromkeys(EVIDENCE, sign * size), RegimeOptions(trend_scale=1e-6))
            assert ((said >= 0.0) & (said <= 1.0)).all()


def test_every_piece_of_evidence_has_a_direction():
    assert set(DIRECTIONS) == set(BOUNDS) == set(EVIDENCE)
    assert [regime.value for regime in REGIMES] == ["risk_on", "risk_off", "rotation", "divergence"]
    assert MarketRegime("unknown") is MarketRegime.UNKNOWN


@given(evidence=SOME, name=st.sampled_from(EVIDENCE), share=st.floats(0.0, 1.0))
def test_scores_are_monotone_in_each_piece_of_evidence(evidence, name, share):
    low, high = BOUNDS[name]
    steps = np.sort(np.concatenate([np.linspace(low, high, 50), [evidence[name], low + share * (high - low)]]))
    said = regime_scores({**evidence, name: steps}, RegimeOptions())
    assert ((said >= 0.0) & (said <= 1.0)).all()
    for regime, scores in zip(REGIMES, said, strict=True):
        direction = DIRECTIONS[name].get(regime.value, 0)
        # A last bit may go the other way.
        moved = np.diff(scores)
        if direction:
            assert (direction * moved >= -1e-15).all()
            assert direction * (scores[-1] - scores[0]) > 0
        else:
            assert (moved == 0.0).all()


@given(evidence=SOME, name=st.sampled_from(EVIDENCE))
def test_missing_evidence_neither_strengthens_nor_invents(evidence, name):
    options = RegimeOptions()
    full = regime_scores(evidence, options)
    said = regime_scores({**evidence, name: np.nan}, options)
    if name in ("leaders_trend", "cross_asset_correlation"):
        assert np.isnan(said).all()
    elif name == "relative_momentum":
        assert said[2] == 0.0
        assert (said[[0, 1, 3]] == full[[0, 1, 3]]).all()
    elif name == "divergence_score":
        assert np.isnan(said[3])
    else:
        assert np.isfinite(said).all()


def scenario(kind, seed=7):
    """Leaders and an asset that go together, and something that happens in the last three days."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, 0.005, ROWS)
    own = {name: rng.normal(0.0, 0.002, ROWS) for name in (*LEADERS, "BONK")}
    beta = dict.fromkeys(own, 1.0)
    # Without a drift by chance.
    factor[LAST] -= factor[LAST].mean()
    for noise in own.values():
        noise[LAST] -= noise[LAST].mean()
    if kind == "risk_on":
        factor[LAST] += 0.0015
    elif kind == "risk_off":
        factor[LAST] = 2.5 * factor[LAST] - 0.002
    elif kind == "rotation":
        own["ETH"][LAST] += 0.001
        own["SOL"][LAST] -= 0.001
    elif kind == "divergence":
        own["BONK"][LAST] = rng.normal(0.0, 0.006, 72)
        beta["BONK"] = np.where(np.arange(ROWS) < ROWS - 72, 1.0, 0.0)
    return {name: PriceData(hours(ROWS), prices(beta[name] * factor + noise)) for name, noise in own.items()}


@pytest.mark.parametrize("kind", ["risk_on", "risk_off", "rotation", "divergence", "unknown"])
@pytest.mark.parametrize("seed", range(5))
def test_each_regime_is_found_where_it_was_made(kind, seed):
    data = scenario(kind, seed)
    said = with_leaders(data).detect_market_regime("BONK", data["BONK"], current_time=hours(ROWS)[-1])
    assert said.regime is MarketRegime(kind)
    assert 0.0 < said.regime_confidence < 1.0
    assert (said.reason is None) == (kind != "unknown")
    if kind == "rotation":
        assert (said.outperformer, said.leader) == ("ETH", "ETH")
        assert said.evidence["relative_momentum"] > 1.25
    if kind == "divergence":
        assert said.divergence_score > 0.5
        # The leaders still go together, so the market as a whole has not parted.
        whole = with_leaders(data).detect_market_regime(None, data, current_time=hours(ROWS)[-1])
        assert whole.regime is not MarketRegime.DIVERGENCE
        assert whole.divergence_score < said.divergence_score
    if kind == "unknown":
        assert "no regime is clearly ahead" in said.reason
    assert said.cross_asset_correlation == said.evidence["cross_asset_correlation"]
    assert said.divergence_score == min(max(1.0 - said.cross_asset_correlation, 0.0), 1.0)
    assert set(EVIDENCE) | {f"trend_{leader}" for leader in LEADERS} == set(said.evidence)


def test_evidence_is_what_its_name_says():
    data = market(300, 2)
    said = with_leaders(data).detect_market_regime("BONK", data["BONK"])
    r = {name: each.returns for name, each in data.items()}
    last = slice(300 - 72, None)
    cross = np.mean([np.corrcoef(r["BONK"][last], r[leader][last])[0, 1] for leader in LEADERS])
    assert said.cross_asset_correlation == pytest.approx(cross, abs=1e-12)
    among = [np.corrcoef(r[one][last], r[other][last])[0, 1] for one, other in combinations(LEADERS, 2)]
    assert said.evidence["leader_correlation"] == pytest.approx(np.mean(among), abs=1e-12)
    moved = {leader: data[leader].prices[-1] / data[leader].prices[-73] - 1.0 for leader in LEADERS}
    trends = {leader: moved[leader] / (np.nanstd(r[leader], ddof=1) * np.sqrt(72)) for leader in LEADERS}
    for leader in LEADERS:
        assert said.evidence[f"trend_{leader}"] == pytest.approx(trends[leader], rel=1e-9)
        assert said.leader_volatilities[leader] == pytest.approx(np.std(r[leader][-20:], ddof=1), rel=1e-12)
    assert said.evidence["leaders_trend"] == pytest.approx(np.mean(list(trends.values())), rel=1e-9)
    excess = {leader: np.nanstd(r[leader] - r["BTC"], ddof=1) * np.sqrt(72) for leader in ("ETH", "SOL")}
    momenta = {leader: (moved[leader] - moved["BTC"]) / excess[leader] for leader in excess}
    assert said.outperformer == max(momenta, key=momenta.get)
    assert said.evidence["relative_momentum"] == pytest.approx(max(momenta.values()), rel=1e-9)
    assert said.leader == max(moved, key=moved.get)
    ratio = np.mean([said.leader_volatilities[leader] / np.nanstd(r[leader], ddof=1) for leader in LEADERS])
    assert said.evidence["volatility_ratio"] == pytest.approx(ratio, rel=1e-9)


def test_a_leader_is_not_compared_with_itself():
    data = market(300, 2)
    said = with_leaders(data).detect_market_regime("BTC", data["BTC"])
    r = {name: each.returns[-72:] for name, each in data.items()}
    cross = np.mean([np.corrcoef(r["BTC"], r[leader])[0, 1] for leader in ("ETH", "SOL")])
    assert said.cross_asset_correlation == pytest.approx(cross, abs=1e-12)


def test_too_little_data_is_unknown_with_a_reason():
    data = market(300, 2)
    coordinator = with_leaders(data)

    def after(rows):
        return coordinator.detect_market_regime("BONK", data["BONK"], current_time=hours(rows)[-1])

    early = after(30)
    assert (early.regime, early.regime_confidence, early.n) == (MarketRegime.UNKNOWN, 0.0, 29)
    assert early.reason == "no leader has a trend: 29 returns at the most, 30 are needed"
    assert dict(early.scores) == {}
    assert early.rows_in_regime is None
    assert after(31).scores
    nothing = "the leaders have no row until then"
    assert coordinator.detect_market_regime("BONK", data["BONK"], current_time=0).reason == nothing
    late = PriceData(hours(300)[280:], np.array(data["WIF"].prices)[280:])
    said = coordinator.detect_market_regime("WIF", late)
    assert said.reason == "19 pairs of returns of WIF with a leader in the window, 30 are needed"
    assert said.coverage == 19 / 72
    assert said.leader_volatilities["BTC"] is not None
    alone = MarketStructureCoordinator(["BTC"])
    alone.update_leader_data("BTC", data["BTC"])
    assert "no symbol has 30 pairs" in alone.detect_market_regime(None, {}).reason
    assert alone.detect_market_regime("BONK", data["BONK"]).scores["rotation"] == 0.0
    assert MarketStructureCoordinator().detect_market_regime("BONK", data["BONK"]).reason == nothing


def test_a_stale_asset_says_so_and_max_age_withholds():
    data = market(300, 2)
    old = data["BONK"].until(hours(300)[289])
    now = hours(300)[-1]
    said = with_leaders(data).detect_market_regime("BONK", old, current_time=now)
    assert said.scores
    assert said.age.total_seconds() == 10 * 3600
    assert "10:00:00 old" in said.reason or "no regime" in said.reason
    withheld = with_leaders(data, max_age="5h").detect_market_regime("BONK", old, current_time=now)
    assert withheld.regime is MarketRegime.UNKNOWN
    assert withheld.reason == "the last price of BONK is 10:00:00 old, max_age is 5:00:00"


def test_stale_and_absent_leaders_are_named():
    data, now = market(300, 2), hours(300)[-1]
    full = with_leaders(data).detect_market_regime("BONK", data["BONK"])
    assert full.reason is None
    stale = {**data, "SOL": data["SOL"].until(hours(290)[-1])}
    del stale["ETH"]
    for asset, of in (("BONK", data["BONK"]), (None, {"BONK": data["BONK"]})):
        said = with_leaders(stale).detect_market_regime(asset, of, current_time=now)
        assert said.reason.endswith("ETH has no price until then; the last price of SOL is 10:00:00 old")
        assert said.scores
    # Once each, and after what is wrong with the asset and its label.
    said = with_leaders(stale).detect_market_regime("SOL", stale["SOL"], current_time=now)
    assert said.reason.count("the last price of SOL is 10:00:00 old") == 1
    late = with_leaders(data, regimes=RegimeOptions(enter=1.0)).detect_market_regime(
        "BONK", data["BONK"].until(hours(290)[-1]), current_time=now
    )
    assert late.reason.startswith("no regime is clearly ahead, or not for long enough: ")
    assert late.reason.endswith("; the last price of BONK is 10:00:00 old")


def test_the_reason_of_missing_scores_is_the_true_one():
    data, now = market(300, 2), hours(300)[-1]
    flat = PriceData(hours(300), np.full(300, 7.0))
    said = with_leaders(dict.fromkeys(LEADERS, flat)).detect_market_regime("BONK", data["BONK"])
    assert said.reason == "no leader has a trend: their returns do not vary"
    ended = {leader: data[leader].until(hours(200)[-1]) for leader in LEADERS[:1]}
    said = with_leaders({**dict.fromkeys(LEADERS, flat), **ended}).detect_market_regime("BONK", data["BONK"])
    assert said.reason == "no leader has a trend: their returns do not vary"
    gone = with_leaders(data, max_gap=10).detect_market_regime(
        "BONK", data["BONK"].until(hours(270)[-1]), current_time=now
    )
    assert gone.reason == "BONK has had no price for 30 rows, max_gap is 10"


def test_the_label_at_t_does_not_depend_on_what_comes():
    data = market(500, 11, assets=("BONK", "WIF", "PEPE"))
    coordinator = with_leaders(data)
    whole = {symbol: coordinator.regime_history(data, symbol=symbol) for symbol in (None, "WIF", "ETH")}
    rng = np.random.default_rng(3)
    for cut in (1, 29, 31, 72, 73, 144, 145, 300, 499):
        changed = {}
        for name, each in data.items():
            values = np.array(each.prices)
            values[cut:] *= np.exp(rng.normal(0.0, 1.0, 500 - cut))
            values[cut:][rng.random(500 - cut) < 0.3] = np.nan
            changed[name] = PriceData(each.timestamps, values)
        for symbol, frame in whole.items():
            short = coordinator.regime_history(
                {name: each.until(hours(500)[cut - 1]) for name, each in data.items()}, symbol=symbol
            )
            noisy = with_leaders(changed).regime_history(changed, symbol=symbol)
            timed = coordinator.regime_history(data, symbol=symbol, current_time=hours(500)[cut - 1])
            for other in (short, noisy.head(cut), timed):
                assert other.equals(frame.head(cut), null_equal=True)


def labelled(scores, **options):
    labels = Labels(RegimeOptions(**options), 1)
    said = []
    for row, column in enumerate(scores):
        labels.push(row, np.array(column, dtype=float).reshape(4, 1))
        said.append(int(labels.label[0]))
    return said


def test_hysteresis_and_dwell():
    options = {"enter": 0.5, "lead": 0.05, "leave": 0.3, "overtake": 0.15, "min_dwell": 0}
    on, weak, gone = [0.6, 0, 0, 0], [0.4, 0, 0, 0], [0.2, 0, 0, 0]
    assert labelled([weak, on, weak, weak, gone, weak], **options) == [UNKNOWN, 0, 0, 0, UNKNOWN, UNKNOWN]
    # Close to each other: not entered, but not left either.
    tie, ahead = [0.6, 0.58, 0, 0], [0.6, 0.8, 0, 0]
    assert labelled([tie, on, tie, [0.6, 0.7, 0, 0], ahead, on], **options) == [UNKNOWN, 0, 0, 0, 1, 0]
    held = {**options, "min_dwell": 3}
    assert labelled([on, gone, gone, gone, gone, on, on], **held) == [0, 0, 0, UNKNOWN, UNKNOWN, UNKNOWN, 0]
    # Data that run out end a label at once, and what comes back need not wait.
    none = [np.nan] * 4
    assert labelled([on, none, on, gone, none, none, on], **held) == [0, UNKNOWN, 0, 0, UNKNOWN, UNKNOWN, 0]


@given(st.lists(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4), max_size=60), st.integers(1, 10))
def test_no_label_is_shorter_than_the_dwell(scores, dwell):
    said = labelled(scores, min_dwell=dwell)
    changes = [row for row in range(1, len(said)) if said[row] != said[row - 1]]
    # The first label is unknown from the beginning of time.
    assert all(later - earlier >= dwell for earlier, later in pairwise(changes))


def test_confidence_falls_with_a_rival():
    data = scenario("risk_on")
    said = with_leaders(data).detect_market_regime("BONK", data["BONK"])
    scores = dict(said.scores)
    mine = scores.pop("risk_on")
    assert said.regime_confidence == mine * (1.0 - 0.5 * max(scores.values()))


def test_a_hole_leaves_nothing_of_before():
    rows, seed = 400, 13
    data = market(rows, seed)
    values = np.array(data["BONK"].prices)
    kept = np.ones(rows, bool)
    kept[200:280] = False
    spoilt = values.copy()
    spoilt[:200] = np.exp(np.random.default_rng(1).normal(0.0, 1.0, 200))
    now = hours(rows)[340]
    said = [
        with_leaders(data).detect_market_regime("BONK", PriceData(hours(rows)[kept], each[kept]), current_time=now)
        for each in (values, spoilt)
    ]
    assert said[0].scores
    assert same(*said)
    holed = PriceData(hours(rows)[kept], values[kept])
    during = with_leaders(data).detect_market_regime("BONK", holed, current_time=hours(rows)[279])
    assert during.regime is MarketRegime.UNKNOWN
    # A leader's hole too; only the asset's usual correlation remembers, and fades.
    for each in (values, spoilt):
        holed = {**data, "ETH": PriceData(hours(rows)[kept], each[kept])}
        said.append(with_leaders(holed).detect_market_regime("BONK", data["BONK"], current_time=now))
    evidence = [{**each.evidence, "correlation_drop": None} for each in said[2:]]
    assert same(*evidence)
    assert evidence[0]["trend_ETH"] is not None


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, None, 2)], ids=["no data", "every other row"])
def test_a_leader_is_judged_by_its_own_returns(kept):
    """Whatever the first leader, with which the others are compared, has."""
    data = market(300, 2)
    full = with_leaders(data).detect_market_regime("BONK", data["BONK"])
    first = PriceData(data["BTC"].timestamps[kept], data["BTC"].prices[kept])
    said = with_leaders({**data, "BTC": first}).detect_market_regime("BONK", data["BONK"])
    for name in ("trend_ETH", "trend_SOL"):
        assert said.evidence[name] == full.evidence[name]
    assert said.evidence["trend_BTC"] is said.evidence["relative_momentum"] is None
    assert said.evidence["leaders_trend"] == (said.evidence["trend_ETH"] + said.evidence["trend_SOL"]) / 2
    assert said.scores["rotation"] == 0.0


def test_a_hole_of_the_first_leader_leaves_nothing_of_before():
    data, rows = market(400, 13), np.arange(400)
    kept = (rows < 200) | (rows >= 280)
    said = []
    for scale in (1.0, 10.0):
        values = np.array(data["BTC"].prices)
        values[:200] = prices(scale * data["BTC"].returns[1:201])
        first = PriceData(hours(400)[kept], values[kept])
        coordinator = with_leaders({**data, "BTC": first})
        assert coordinator.detect_market_regime("BONK", data["BONK"], current_time=hours(309)[-1]).outperformer is None
        said.append(coordinator.detect_market_regime("BONK", data["BONK"], current_time=hours(360)[-1]).evidence)
    assert said[0]["relative_momentum"] == said[1]["relative_momentum"]
    assert said[0]["relative_momentum"] is not None


def test_many_leaders_or_one():
    data = market(200, 5, assets=("XRP", "ADA", "BONK"))
    for leaders in (["XRP"], ["BTC", "ETH", "SOL", "XRP", "ADA"]):
        coordinator = feed(MarketStructureCoordinator(leaders, window_size=50), data)
        said = coordinator.detect_market_regime("BONK")
        assert set(said.leader_volatilities) == set(leaders)
        assert said.scores
        assert coordinator.detect_market_regime().n >= 5
    assert said.outperformer != "BTC"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"window_size": 29}, "too_small"),
        ({"past_window": 2}, "too_small"),
        ({"vol_window": 3}, "too_small"),
        ({"min_dwell": -1}, "too_small"),
        ({"window_size": 72.5}, "type"),
        ({"trend_at": float("nan")}, "type"),
        ({"trend_at": "1"}, "type"),
        ({"trend_at": True}, "type"),
        ({"trend_at": 10**400}, "type"),
        ({"trend_scale": 0.0}, "too_small"),
        ({"trend_at": 1e10}, "too_large"),
        ({"enter": 1.5}, "too_large"),
        ({"lead": -0.1}, "too_small"),
        ({"leave": 0.6}, "too_large"),
    ],
)
def test_options_out_of_bounds_are_refused(options, code):
    with pytest.raises(ParameterError, match=next(iter(options))) as caught:
        RegimeOptions(**options)
    assert caught.value.code == code


def test_options_are_frozen_and_used():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RegimeOptions().enter = 0.1
    data = scenario("risk_on")
    options = RegimeOptions(trend_at=5.0)
    coordinator = with_leaders(data, regimes=options)
    assert coordinator.regime_options is options
    assert coordinator.detect_market_regime("BONK", data["BONK"]).regime is not MarketRegime.RISK_ON
    with pytest.raises(ParameterError, match="regimes must be RegimeOptions"):
        MarketStructureCoordinator(regimes={"enter": 0.5})


def test_numbers_of_numpy_are_numbers():
    plain = RegimeOptions(window_size=48, min_dwell=3, trend_at=0.5, leave=0.0)
    given = RegimeOptions(window_size=np.int64(48), min_dwell=np.uint8(3), trend_at=np.float32(0.5), leave=np.int64(0))
    assert given == plain
    assert repr(given) == repr(plain)
    restored = MarketStructureCoordinator.from_bytes(MarketStructureCoordinator(regimes=given).to_bytes())
    assert restored.regime_options == plain


def test_wrong_data_is_refused():
    data = market(100)
    coordinator = with_leaders(data)
    for wrong in ([1.0], {"BONK": [1.0]}):
        with pytest.raises(DataError, match="PriceData"):
            coordinator.detect_market_regime(None, wrong)
    with pytest.raises(DataError, match="BONK: expected a PriceData"):
        coordinator.detect_market_regime("BONK", [1.0])
    with pytest.raises(DataError, match="symbol must be one of the data"):
        coordinator.regime_history(data, symbol="NOPE")
    with pytest.raises(ParameterError, match="asset must be a symbol"):
        coordinator.detect_market_regime(7)


def test_bars_without_leaders_do_not_move_regimes():
    data = market(100)
    live = feed(MarketStructureCoordinator(max_rows=200), data)
    before = live.detect_market_regime("BONK")
    live.update_bar(live.last_bar + HOUR, {"BONK": 1.0})
    assert live.detect_market_regime("BONK", current_time=live.last_bar).timestamp == before.timestamp
    assert len(bars_of(data)) == 100
