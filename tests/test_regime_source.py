"""What followed a regime is found where something did, and nothing is found in noise."""

from __future__ import annotations

import numpy as np
import pytest

from comove import DataError, OrderError, ParameterError, StateError
from comove.signals import SignalMarket
from comove.signals.sources import RegimeSource, RegimeSourceOptions
from comove.signals.sources.followed import Followed
from ensemble_cases import context_of
from signal_cases import walk
from source_cases import HORIZON, Scores, assert_goes_on, grow, noise, noisy, recorded_bars, said

DRIFT = 0.004


def turning(seed, rows, signs):
    """A market whose altcoins drift against the regime they are in, or along with it, by their sign."""
    names, moves = noise(seed, rows, tuple(signs))

    def move(row, contexts):
        own = dict(zip(names, moves[row], strict=True))
        for symbol, sign in signs.items():
            regime = contexts[symbol].regime.regime.value if contexts else "unknown"
            own[symbol] += sign * DRIFT * {"risk_on": -1.0, "risk_off": 1.0}.get(regime, 0.0)
        return own

    return grow(rows, names, move)


def test_it_finds_what_follows_a_regime():
    answers = list(said(RegimeSource(), turning(1, 3_000, {"BONK": 1.0, "WIF": 1.0, "PEPE": 1.0})))
    scores = Scores(answers)
    late = 1_500
    altcoin = np.isin(scores.symbol, ["BONK", "WIF", "PEPE"])
    on, off = (scores.where(f"regime {name}:", late) & altcoin for name in ("risk_on", "risk_off"))
    assert on.sum() > 300
    assert off.sum() > 300
    assert scores.up[on].max() < 0.45
    assert scores.up[off].min() > 0.55
    # The priors keep back a part of what came, and nothing is claimed beyond it.
    for each in (on, off):
        assert 0.5 < (scores.up[each].mean() - 0.5) / (scores.rose[each].mean() - 0.5) < 1.1
    assert scores.brier(on | off) < 0.24
    assert all("overlapping outcomes" in reason and "episodes" in reason for reason in scores.reason[on | off])


def test_an_asset_that_answers_otherwise_has_its_own_record():
    # Two assets go against the regime, one along with it.
    scores = Scores(said(RegimeSource(), turning(2, 4_000, {"BONK": 1.0, "WIF": 1.0, "PEPE": -1.0})))
    for regime, with_the_rest in (("risk_on", -1.0), ("risk_off", 1.0)):
        late = scores.where(f"regime {regime}:", 3_000)
        own, rest = (scores.up[late & np.isin(scores.symbol, who)].mean() for who in (["PEPE"], ["BONK", "WIF"]))
        assert with_the_rest * (rest - own) > 0.08
        assert with_the_rest * (rest - 0.5) > 0.04


def test_on_noise_it_stays_calibrated():
    ups, roses = [], []
    for seed in range(3):
        scores = Scores(said(RegimeSource(), noisy(seed, 1_500)))
        ups.append(scores.up)
        roses.append(scores.rose)
    up, rose = np.concatenate(ups), np.concatenate(roses)
    assert len(up) > 15_000
    assert np.mean((up - rose) ** 2) <= 0.255
    # What the priors promise, also while records fill.
    assert np.mean((up - 0.5) ** 2) < 0.004
    assert len(np.unique(np.round(up, 3))) > 50


def test_the_record_is_that_of_its_definition():
    """Against plain sums over the whole past."""
    source = RegimeSource(RegimeSourceOptions(horizon=3, pooled_prior=5.0, asset_prior=7.0))
    states, closes = [], []
    for contexts in noisy(3, 200):
        source.observe(list(contexts.values()))
        states.append({s: c.regime.regime.value if c.regime.scores else None for s, c in contexts.items()})
        closes.append({s: c.close for s, c in contexts.items()})
        row = len(closes) - 1
        for symbol, context in contexts.items():
            now = states[-1][symbol]
            rises, outcomes, shares, bars = 0.0, 0, 0.0, 0
            for at in range(row - 2):
                rose = [closes[at + 3][s] > closes[at][s] for s in contexts if now is not None and states[at][s] == now]
                if rose:
                    shares, bars = shares + np.mean(rose), bars + 1
                if now is not None and states[at][symbol] == now:
                    rises, outcomes = rises + (closes[at + 3][symbol] > closes[at][symbol]), outcomes + 1
            prediction = source.predict(context)
            assert (prediction is None) == (not bars)
            if prediction is not None:
                pooled = (shares / 3 + 2.5) / (bars / 3 + 5.0)
                expected = (rises / 3 + 7.0 * pooled) / (outcomes / 3 + 7.0)
                assert prediction.up == pytest.approx(expected, abs=1e-12)
                if outcomes:
                    assert (
                        f"{symbol} rose in {rises / outcomes:.0%} of {outcomes / 3:.1f} episodes" in prediction.reason
                    )
                    assert f"({outcomes} overlapping outcomes)" in prediction.reason
                assert f"{bars} bars" in prediction.reason


def test_unknown_is_a_state_where_data_are_there_and_none_where_they_are_missing():
    answers = list(said(RegimeSource(), noisy(4, 300)))
    early = [answer for row, _, answer, _ in answers if row < 20]
    assert all(isinstance(answer, str) and answer.startswith("no regime: ") for answer in early)
    assert any("returns" in answer for answer in early)
    reasons = [answer.reason for _, _, answer, _ in answers if not isinstance(answer, str)]
    assert any(reason.startswith("regime unknown: ") for reason in reasons)
    first = [answer for _, _, answer, _ in answers if isinstance(answer, str) and "no outcome" in answer]
    assert first
    assert all(answer.endswith(f"it takes {HORIZON} rows") for answer in first)


def test_an_asset_without_a_past_has_that_of_all():
    followed = Followed(2, 30.0, 60.0)
    for row in range(8):
        contexts = [context_of(row, "BONK", 1.0 + row), context_of(row, "WIF", 3.0)]
        followed.learn(contexts)
        for context in contexts:
            followed.note(context, ("risk_on",))
    # Six bars, three episodes: one asset always rose and one stood still, half a rise: 3/4.
    pooled = (0.75 * 3.0 + 15.0) / 33.0
    new = followed.past("PEPE", "risk_on")
    assert new.up == pytest.approx(pooled)
    assert new.words("PEPE") == "PEPE has no outcome of it, all assets in 75% of 3.0 (6 bars)"
    assert new.spread == pytest.approx(np.sqrt(0.25 / 60.0 + 0.25 / 33.0))
    old = followed.past("BONK", "risk_on")
    assert (old.rises, old.outcomes, old.episodes) == (6.0, 6, 3.0)
    assert old.up == pytest.approx((3.0 + 60.0 * pooled) / 63.0)
    assert old.spread == pytest.approx(np.sqrt(0.25 / 63.0 + (60.0 / 63.0) ** 2 * 0.25 / 33.0))
    assert followed.past("BONK", "risk_off") is None


def test_prefixes_say_the_same():
    whole = list(said(RegimeSource(), noisy(5, 160)))
    for rows in (40, 97, 159):
        assert list(said(RegimeSource(), noisy(5, rows))) == whole[: 5 * rows]


def test_it_goes_on_from_any_bar():
    assert_goes_on(lambda: noisy(6, 140), RegimeSource(), cuts=(0, 5, 33, 60, 100, 139))


def test_bars_of_the_past_are_refused_and_leave_it_as_it_was():
    source, bars = RegimeSource(), list(noisy(7, 3))
    contexts = list(bars[-1].values())
    source.observe(contexts)
    before = source.to_bytes()
    with pytest.raises(OrderError, match="after the last one, 2, got 2"):
        source.observe(contexts)
    *_, now = noisy(7, 4)
    with pytest.raises(DataError, match="rows 2 and 3"):
        source.observe([now["BTC"], contexts[1]])
    assert source.to_bytes() == before
    source.observe([])
    assert source.to_bytes() == before


def test_a_symbol_without_a_candle_has_no_outcome():
    source = RegimeSource(RegimeSourceOptions(horizon=1))
    for row, contexts in enumerate(noisy(8, 120)):
        # WIF has a candle in every other bar only.
        given = [each for symbol, each in contexts.items() if symbol != "WIF" or row % 2 == 0]
        source.observe(given)
    assert source.predict(contexts["BONK"]) is not None
    assert all("WIF" not in own for own in source._followed._assets.values())
    assert all("BONK" in own for own in source._followed._assets.values())


@pytest.mark.parametrize("name", ["horizon", "pooled_prior", "asset_prior"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "6", None])
def test_options_out_of_bounds_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        RegimeSourceOptions(**{name: value})


def test_other_options_are_refused():
    with pytest.raises(ParameterError, match="dict"):
        RegimeSource({"horizon": 6})


@pytest.mark.parametrize("counts", [[3.0, 2], [-0.5, 2], [0.0, 0], [float("nan"), 4]])
def test_impossible_counts_are_refused(counts):
    source = RegimeSource()
    state = source.to_state()
    state["followed"]["pooled"] = {"risk_on": counts}
    state["followed"]["assets"] = {"risk_on": {}}
    with pytest.raises(StateError, match="outcomes"):
        RegimeSource.from_state(state)
    state["followed"] = {"waiting": [], "pooled": {}, "assets": {"risk_on": {}}}
    with pytest.raises(StateError, match="states"):
        RegimeSource.from_state(state)


def test_recorded_candles():
    scores = Scores(said(RegimeSource(), walk(recorded_bars(400), SignalMarket())))
    assert len(scores) > 1_000
    assert scores.brier() < 0.26
