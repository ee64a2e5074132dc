"""Engines with an edge are believed as far as they have been right, others are not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from comove import OrderError, ParameterError, StateError
from comove.signals import Abstention, AlphaEngine, Prediction, PredictionSource, Signal, SignalMarket
from comove.signals.context import VOLUME
from comove.signals.sources import AlphaOptions, AlphaSource
from comove.signals.sources.calibration import Calibration
from signal_cases import walk
from source_cases import HORIZON, Scores, assert_goes_on, grow, noise, noisy, recorded_bars, said

ASSETS = ("BONK", "WIF", "PEPE")


class Hint(AlphaEngine):
    """Believes what the volume hints at: above 1000 for a rise, below it for a fall, 1000 for nothing."""

    __slots__ = ("confidence", "seen")

    kind = "test-hint"
    name = "hint"

    def __init__(self, confidence=0.6):
        self.confidence, self.seen = confidence, 0

    def observe(self, contexts):
        self.seen += len(contexts)

    def evaluate(self, context):
        volume = context.candles[-1, VOLUME]
        if volume == 1_000.0:
            return Abstention("no hint")
        direction = "long" if volume > 1_000.0 else "short"
        return Signal(direction=direction, strength=1.0, confidence=self.confidence, horizon=3, reason=f"{volume:g}")

    def to_state(self):
        return {"confidence": self.confidence, "seen": self.seen}

    @classmethod
    def from_state(cls, state):
        engine = cls(state["confidence"])
        engine.seen = state["seen"]
        return engine


class Candle(Hint):
    """Believes that a rise goes on, which on noise it does not."""

    kind = "test-candle"
    name = "candle"

    def evaluate(self, context):
        if context.row < 1:
            return Abstention("no return yet")
        moved = context.returns()[-1]
        direction = "long" if moved > 0.0 else "short"
        return Signal(direction=direction, strength=0.2, confidence=self.confidence, horizon=9, reason=f"{moved:.2%}")


class Broken(Hint):
    """Fails in one of its two parts."""

    kind = "test-broken"
    name = "broken"

    def observe(self, contexts):
        if self.confidence == 0.0:
            raise RuntimeError("the feed is gone")

    def evaluate(self, context):
        if self.confidence == 0.5 and context.symbol == "WIF":
            return "long"
        if context.symbol in ("BONK", "WIF"):
            raise ZeroDivisionError("a price of 0")
        return Abstention("fine")


class Cut(Hint):
    """Answers to some of what it is asked, or to nothing."""

    kind = "test-cut"
    name = "cut"

    def evaluate_all(self, contexts):
        if contexts[0].row % 2:
            raise KeyError("all of them")
        return super().evaluate_all(contexts)[:2]


def hinted(seed, rows, right, sd=0.01):
    """A market whose volumes tell of the next rows' moves as often as `right`."""
    names, moves = noise(seed, rows + HORIZON, ASSETS, sd)
    rng = np.random.default_rng(seed + 1_000)
    ahead = {
        name: np.array([np.prod(1.0 + moves[row + 1 : row + 1 + HORIZON, place]) > 1.0 for row in range(rows)])
        for place, name in enumerate(names)
    }
    true = {name: rng.random(rows) < right for name in names}
    return grow(
        rows,
        names,
        lambda row, _: dict(zip(names, moves[row], strict=True)),
        volume=lambda row, name: 1_500.0 if ahead[name][row] == true[name][row] else 500.0,
    )


@pytest.mark.parametrize("confidence", [0.6, 0.7, 0.95])
def test_an_edge_is_given_as_the_probability_it_has(confidence):
    """Too modest, right, or too sure of itself: the record makes the same of it."""
    scores = Scores(said(AlphaSource([Hint(confidence)]), hinted(1, 1_500, 0.7)))
    late = scores.row > 1_000
    claimed = np.maximum(scores.up, 1.0 - scores.up)[late]
    right = ((scores.up > 0.5) == scores.rose)[late]
    assert abs(right.mean() - 0.7) < 0.04
    # A prior of 25 against 160 to 250 episodes takes a tenth to an eighth of the distance to 1/2.
    assert 0.655 < claimed.mean() < 0.715
    assert scores.brier(late) < 0.222


def test_what_one_engine_knows_is_not_drowned_by_one_that_knows_nothing():
    source = AlphaSource([Hint(0.7), Candle(0.53)])
    scores = Scores(said(source, hinted(2, 1_500, 0.7)))
    late = scores.row > 700
    assert scores.brier(late) < 0.228
    # The mean of log odds halves what the engine that knows says: the slope doubles it again.
    assert 1.3 < source.slope < 2.3


@pytest.mark.parametrize("confidence", [0.55, 0.95])
def test_on_noise_it_stays_calibrated(confidence):
    up, rose = [], []
    for seed in range(4):
        source = AlphaSource([Candle(confidence)])
        scores = Scores(said(source, noisy(seed, 1_000)))
        up.append(scores.up)
        rose.append(scores.rose)
        assert abs(source.slope) * (confidence - 0.5) < 0.06
    up, rose = np.concatenate(up), np.concatenate(rose)
    assert len(up) > 5_000
    assert np.mean((up - rose) ** 2) <= 0.255
    assert np.mean((up - 0.5) ** 2) < 0.0025


def test_engines_that_are_wrong_are_not_turned_around():
    source = AlphaSource([Hint(0.7)])
    answers = list(said(source, hinted(3, 500, 0.3)))
    assert source.slope < -0.3
    late = [answer for row, _, answer, _ in answers if row > 200]
    assert late
    assert all(isinstance(answer, str) and "have not been right: slope -" in answer for answer in late)


def test_the_combination_is_the_weighted_mean_of_log_odds():
    weights = {regime: {"hint": 3.0} for regime in ("risk_on", "risk_off", "rotation", "divergence", "unknown")}
    plain, weighted = AlphaSource([Hint(0.8), Candle(0.6)]), AlphaSource([Hint(0.8), Candle(0.6)], weights=weights)
    compared = 0
    for contexts in hinted(4, 200, 0.8):
        for source in (plain, weighted):
            source.observe(list(contexts.values()))
        for symbol, context in contexts.items():
            if context.row < 1:
                continue
            hint = math.copysign(math.log(4.0), context.candles[-1, VOLUME] - 1_000.0)
            candle = math.copysign(math.log(1.5), context.returns()[-1])
            for source, share in ((plain, 0.5), (weighted, 0.75)):
                score = share * hint + (1.0 - share) * candle
                opinion = 1.0 / (1.0 + math.exp(-score)) - 0.5
                prediction = source.predict(context)
                if prediction is None:
                    assert source.slope <= 0.0
                    continue
                compared += 1
                expected = min(max(0.5 + source.slope * opinion, 0.01), 0.99)
                assert prediction.up == pytest.approx(expected, abs=1e-12)
                assert prediction.horizon == HORIZON
                assert ("times 3" in prediction.reason) == (source is weighted)
                assert "hint " in prediction.reason
                assert "candle " in prediction.reason
            assert symbol not in plain.abstained or symbol not in weighted.abstained or plain.slope <= 0.0
    assert compared > 1_000


def test_weights_are_those_of_the_regime():
    source = AlphaSource([Hint(0.8), Candle(0.6)], weights={"unknown": {"candle": 0.0}})
    seen = set()
    for contexts in hinted(5, 200, 0.8):
        source.observe(list(contexts.values()))
        for context in contexts.values():
            regime = context.regime.regime.value
            words = source.opinions().words(context.symbol)
            seen.add(regime)
            assert ("candle" in words) == (regime != "unknown" and context.row > 0)
    assert len(seen) > 2


def test_an_engine_of_weight_0_is_named_where_no_other_signals():
    source = AlphaSource([Candle(0.6)], weights={"unknown": {"candle": 0}})
    answers = list(said(source, noisy(5, 3)))
    assert answers[-1][2] == "no engine signals: candle: not heard in the regime unknown"


def test_it_abstains_with_the_reason_of_each_engine():
    source = AlphaSource([Hint(), Candle(), Broken(0.5)])
    answers = {symbol: answer for row, symbol, answer, _ in said(source, noisy(6, 1)) if row == 0}
    assert answers["BTC"] == "no engine signals: hint: no hint; candle: no return yet; broken: fine"
    assert answers["BONK"].endswith("broken failed: ZeroDivisionError: a price of 0")
    assert answers["WIF"].endswith("broken failed: evaluate returned str")
    assert source.abstained == answers


def test_an_engine_that_fails_takes_no_other_with_it():
    alone = AlphaSource([Hint(0.7)])
    expected = list(said(alone, hinted(7, 200, 0.8)))
    in_observe, in_evaluate = AlphaSource([Broken(0.0), Hint(0.7)]), AlphaSource([Hint(0.7), Broken(0.6)])
    assert list(said(in_observe, hinted(7, 200, 0.8))) == expected
    assert list(said(in_evaluate, hinted(7, 200, 0.8))) == expected
    assert in_observe.failures == {"broken": "observe raised RuntimeError: the feed is gone"}
    assert in_evaluate.failures == {"broken": "evaluate raised ZeroDivisionError: a price of 0 for BONK"}
    assert alone.failures == {}
    assert any(isinstance(answer, Prediction) for _, _, answer, _ in expected)
    only = AlphaSource([Broken(0.0)])
    assert {answer for _, _, answer, _ in said(only, noisy(7, 2))} == {
        "no engine signals: broken failed: observe raised RuntimeError: the feed is gone"
    }


def test_opinions_that_cancel_are_none():
    class Against(Hint):
        kind = "test-against"
        name = "against"

        def evaluate(self, context):
            answer = super().evaluate(context)
            other = "short" if answer.direction == "long" else "long"
            return Signal(direction=other, strength=1.0, confidence=answer.confidence, horizon=3, reason="no")

    source = AlphaSource([Hint(0.7), Against(0.7)])
    answers = list(said(source, hinted(8, 30, 0.8)))
    assert all(answer.startswith("the engines cancel out: hint ") for _, _, answer, _ in answers)
    assert source.slope == 0.0


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_certainty_is_not_believed(confidence):
    source = AlphaSource([Hint(confidence)])
    answers = [answer for _, _, answer, _ in said(source, hinted(9, 400, 1.0 if confidence else 0.0))]
    ups = [answer.up for answer in answers if isinstance(answer, Prediction)]
    assert ups
    assert all(0.01 <= up <= 0.99 for up in ups)
    assert max(abs(up - 0.5) for up in ups) > 0.3


class Sudden(Candle):
    """Nearly silent for 300 bars, then sure of itself."""

    kind = "test-sudden"
    name = "sudden"

    def evaluate(self, context):
        self.confidence = 0.501 if context.row < 300 else 0.95
        return super().evaluate(context)


def test_what_was_learnt_of_small_opinions_is_not_carried_to_large_ones():
    first, all_after, cut = [], [], []
    for seed in range(8):
        scores = Scores(said(AlphaSource([Sudden()]), noisy(seed, 500)))
        # No outcome of a large opinion is known in the first rows.
        first.extend(np.abs(scores.up - 0.5)[(scores.row >= 300) & (scores.row < 306)])
        all_after.extend(((scores.up - scores.rose) ** 2)[scores.row >= 300])
        cut.extend("counted as" in reason for reason in scores.reason[scores.row == 300])
    assert len(first) > 50
    assert max(first) < 0.2
    assert np.mean(all_after) <= 0.255
    assert all(cut)
    assert len(cut) > 10


def test_the_slope_is_that_of_its_definition():
    rng = np.random.default_rng(1)
    calibration = Calibration(4, 10.0)
    assert calibration.slope == 0.0
    moved, squares = [], []
    for bar in range(50):
        pairs = [(x, float(rng.random() < 0.5 + 0.5 * x)) for x in rng.uniform(-0.4, 0.4, 1 + bar % 3)]
        calibration.add(pairs)
        moved.append(np.mean([x * (y - 0.5) for x, y in pairs]))
        squares.append(np.mean([x * x for x, _ in pairs]))
        n = (bar + 1) / 4
        assert calibration.slope == pytest.approx(np.sum(moved) / np.sum(squares) * n / (n + 10.0), rel=1e-12)
    calibration.add([])
    assert calibration.bars == 50
    assert calibration.outcomes == sum(1 + bar % 3 for bar in range(50))


def test_prefixes_say_the_same():
    whole = list(said(AlphaSource([Hint(0.6), Candle(0.55)]), noisy(10, 120)))
    for rows in (30, 77, 119):
        assert list(said(AlphaSource([Hint(0.6), Candle(0.55)]), noisy(10, rows))) == whole[: 5 * rows]


def test_it_goes_on_from_any_bar():
    source = AlphaSource([Hint(0.7), Candle(0.6), Broken(0.6)], weights={"unknown": {"hint": 2.0}})
    assert_goes_on(lambda: hinted(11, 80, 0.8), source, cuts=(0, 4, 7, 31, 79))
    assert source.copy().engines[0].seen == 400


def test_a_snapshot_with_an_unknown_engine_is_refused():
    source = AlphaSource([Hint()])
    state = source.to_state()
    state["engines"][0][0] = "test-nobody"
    with pytest.raises(StateError, match="no class"):
        AlphaSource.from_state(state)

    # Kept until the end of the test, for a class is known as long as it is there.
    class Double(Hint):
        kind = "test-double"
        name = "double"

    class Twin(Hint):
        kind = "test-double"
        name = "twin"

    state["engines"][0][0] = "test-double"
    with pytest.raises(StateError, match="2 classes"):
        AlphaSource.from_state(state)
    assert Double.kind == Twin.kind


def test_an_engine_whose_class_was_made_again_is_found():
    @dataclass(slots=True)
    class Slotted(Hint):
        kind = "test-slotted"
        name = "slotted"
        confidence: float = 0.6
        seen: int = 0

    # Slots make the class a second time.
    assert isinstance(AlphaSource([Slotted()]).copy().engines[0], Slotted)


def test_bad_state_is_refused():
    state = AlphaSource([Hint()]).to_state()
    for sums in ([float("nan"), 1.0, 1, 1], [0.0, -1.0, 1, 1], [0.0, 1.0, 2, 1], [0.0, float("inf"), 1, 1]):
        state["calibration"] = sums
        with pytest.raises(StateError, match="sums"):
            AlphaSource.from_state(state)


def test_bars_of_the_past_are_refused_and_leave_it_as_it_was():
    source = AlphaSource([Hint()])
    *_, contexts = noisy(12, 3)
    source.observe(list(contexts.values()))
    before = source.to_bytes()
    with pytest.raises(OrderError, match="after the last one, 2, got 2"):
        source.observe(list(contexts.values()))
    assert source.to_bytes() == before
    assert source.engines[0].seen == 5


def test_an_engine_that_cannot_answer_for_all_is_left_out():
    source, alone = AlphaSource([Cut(0.7), Candle(0.6)]), AlphaSource([Candle(0.6)])
    for contexts in noisy(6, 40):
        there = tuple(contexts.values())
        source.observe(there)
        alone.observe(there)
        odd = there[0].row % 2
        told = "evaluate_all raised KeyError: 'all of them'" if odd else "evaluate_all raised DataError: 2 answers to "
        assert source.failures["cut"].startswith(told)
        assert source.opinions().ups == pytest.approx(alone.opinions().ups, nan_ok=True, abs=0.0)
        words = source.opinions().words("BTC")
        assert words.startswith("no engine signals: cut failed: evaluate_all raised ") or "cut" not in words


def test_a_symbol_that_was_not_observed_has_no_answer():
    source = AlphaSource([Hint(), Candle()])
    *_, before, now = noisy(13, 20)
    source.observe([each for symbol, each in now.items() if symbol != "WIF"])
    assert source.predict(now["WIF"]) is None
    assert source.abstained["WIF"] == "WIF was not observed in row 19"
    source.predict(before["BONK"])
    assert source.abstained["BONK"] == "BONK was not observed in row 18"


@pytest.mark.parametrize("name", ["horizon", "prior"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "6", None])
def test_options_out_of_bounds_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        AlphaOptions(**{name: value})


@pytest.mark.parametrize(
    ("engines", "words"),
    [([], "at least 1"), ([Hint(), Hint()], "'hint' twice"), ([3], "int"), ("hint", "str"), (Hint(), "Hint")],
)
def test_what_is_no_list_of_engines_is_refused(engines, words):
    with pytest.raises(ParameterError, match=words):
        AlphaSource(engines)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1], "list"),
        ({"calm": {}}, "'calm'"),
        ({"risk_on": 1.0}, "float"),
        ({"risk_on": {"sweep": 1.0}}, "'sweep'"),
        ({"risk_on": {"hint": -1.0}}, "hint in risk_on"),
        ({"risk_on": {"hint": float("nan")}}, "hint in risk_on"),
        ({"risk_on": {"hint": float("inf")}}, "hint in risk_on"),
        ({"risk_on": {"hint": True}}, "hint in risk_on"),
        ({"risk_on": {"hint": False}}, "hint in risk_on"),
        ({"risk_on": {"hint": "1"}}, "hint in risk_on"),
    ],
)
def test_bad_weights_are_refused(weights, words):
    with pytest.raises(ParameterError, match=words):
        AlphaSource([Hint()], weights=weights)


def test_other_options_are_refused():
    with pytest.raises(ParameterError, match="dict"):
        AlphaSource([Hint()], {"horizon": 6})
    assert isinstance(AlphaSource([Hint()]), PredictionSource)


def test_recorded_candles():
    scores = Scores(said(AlphaSource([Candle(0.55)]), walk(recorded_bars(400), SignalMarket())))
    assert len(scores) > 100
    assert scores.brier() < 0.26
