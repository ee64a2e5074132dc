"""What is asked of all symbols at once is what is asked of one by one, also when it is read in later bars."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from comove.features.row import FeatureRow, FeatureTable
from comove.signals import (
    Abstention,
    AlphaSource,
    BreakoutEngine,
    EnsemblePredictor,
    LeaderEngine,
    MarketStructurePredictor,
    Opinions,
    OpinionSource,
    PatternSource,
    RangeEngine,
    RegimeSource,
    Signal,
    SignalMarket,
    SimilaritySource,
    SweepEngine,
    TapeEngine,
    TrendEngine,
)
from comove.signals.context import columns, last_candles
from comove.signals.engines import LeaderOptions
from comove.signals.protocol import AlphaEngine, Answers
from comove.signals.sources import SimilarityOptions
from engine_cases import noise_market, trending_market
from signal_cases import bars_of_candles, walk

ROWS = 320


def market():
    """Holes, missing values, a coin that comes late, one that goes, one that follows, one that rests."""
    candles = {**noise_market(3, ROWS), **trending_market(4, ROWS, symbols=("D", "E", "F"), drift=0.006)}
    rng = np.random.default_rng(5)
    candles["A"] = [None if 100 <= row < 103 else each for row, each in enumerate(candles["A"])]
    candles["B"] = [{**each, "volume": None} if rng.random() < 0.1 else each for each in candles["B"]]
    candles["C"] = [None if row < 150 else each for row, each in enumerate(candles["C"])]
    candles["D"] = candles["D"][:250]
    # It is where Bitcoin was two hours ago.
    candles["E"] = candles["BTC"][:1] * 2 + candles["BTC"][:-2]
    still = dict.fromkeys(("open", "high", "low", "close"), 5.0)
    candles["F"] = [{**still, "volume": 0.0} if 80 <= row < 130 else each for row, each in enumerate(candles["F"])]
    return list(bars_of_candles(candles))


BARS = market()

ENGINES = {
    "trend": TrendEngine,
    "range": RangeEngine,
    "breakout": BreakoutEngine,
    "sweep": SweepEngine,
    "tape": TapeEngine,
    "leader": lambda: LeaderEngine(LeaderOptions(refresh_rows=4)),
}


SOURCES = {
    "alpha": lambda: AlphaSource([TrendEngine(), RangeEngine(), BreakoutEngine(), SweepEngine(), TapeEngine()]),
    "patterns": PatternSource,
    "regime": RegimeSource,
    "similarity": lambda: SimilaritySource(SimilarityOptions(least_rows=50, neighbours=10)),
    "structure": MarketStructurePredictor,
}


@pytest.mark.parametrize("name", ENGINES)
def test_all_at_once_is_one_by_one(name):
    together, apart = ENGINES[name](), ENGINES[name]()
    signals = quiet = 0
    waiting = None
    for contexts in walk(BARS):
        there = tuple(contexts.values())
        together.observe(there)
        apart.observe(there)
        answers = together.evaluate_all(there)
        expected = AlphaEngine.evaluate_all(apart, there)
        # Those of the bar before are put into words only now: this bar has written over its candles.
        if waiting is not None:
            assert list(waiting[0]) == waiting[1]
        waiting = answers, expected
        assert isinstance(answers, Answers)
        for at, direction in answers.leans.items():
            assert (direction, answers.confidence) == (expected[at].direction, expected[at].confidence)
        signals += sum(isinstance(each, Signal) for each in expected)
        quiet += sum(isinstance(each, Abstention) for each in expected)
        assert together.to_bytes() == apart.to_bytes()
    assert list(waiting[0]) == waiting[1]
    assert signals > 5
    assert quiet > 500


class Deaf(TrendEngine):
    """Looks away from some coins."""

    kind = "test-deaf"

    def _look(self, context, bar):
        return "never these" if context.symbol in "DEF" else super()._look(context, bar)


class Half(BreakoutEngine):
    """Measures one coin less."""

    kind = "test-half"

    def _measure(self, contexts):
        return {**super()._measure(contexts), "D": ()}


class Contrary(TapeEngine):
    """Goes the other way."""

    kind = "test-contrary"

    def _signal(self, context, lean):
        other = {"long": "short", "short": "long"}[lean.direction]
        return super()._signal(context, lean._replace(direction=other))


class Falls(TrendEngine):
    """Falls over one coin."""

    kind = "test-falls"

    def _look(self, context, bar):
        if context.symbol == "A":
            raise ValueError("boom")
        return super()._look(context, bar)


class Shut(LeaderEngine):
    """Says nothing of its own."""

    kind = "test-shut"

    def evaluate(self, context):
        return Abstention(f"mine of {context.symbol}")


@pytest.mark.parametrize("kind", [Deaf, Half, Contrary, Falls, Shut])
def test_an_engine_that_refines_a_look_is_asked_one_by_one(kind):
    together, apart = kind(), kind()
    for contexts in walk(BARS[:160]):
        there = tuple(contexts.values())
        together.observe(there)
        apart.observe(there)
        answers, expected = together.evaluate_all(there), AlphaEngine.evaluate_all(apart, there)
        assert list(map(repr, answers)) == list(map(repr, expected))
        assert together.to_bytes() == apart.to_bytes()


@pytest.mark.parametrize("name", ENGINES)
def test_an_empty_bar_is_asked_nothing(name):
    engine = ENGINES[name]()
    engine.observe(())
    assert list(engine.evaluate_all(())) == []
    *_, contexts = walk(BARS[:60])
    engine.observe(tuple(contexts.values()))
    for each in (engine, type(engine).from_bytes(engine.to_bytes())):
        each.observe(())
        assert list(each.evaluate_all(())) == []


class OutOfWords(Opinions):
    def __init__(self, symbols):
        self.ups = dict.fromkeys(symbols, np.nan)

    def words(self, symbol):
        raise ZeroDivisionError("in words")


class Broken(OpinionSource):
    """Speaks of some coins only, and cannot say why."""

    kind = "test-out-of-words"
    name = "broken"

    def __init__(self, horizon=6):
        super().__init__(horizon)

    def observe(self, contexts):
        self._row = contexts[0].row
        self._opinions = OutOfWords([each.symbol for each in contexts if each.symbol != "E"])

    def to_state(self):
        return self._opinions_state()

    @classmethod
    def from_state(cls, state):
        source = cls()
        source._read_opinions(state)
        return source


def test_what_falls_over_when_it_is_read_undoes_nothing():
    *_, contexts = walk(BARS[:200])
    there = tuple(contexts.values())
    ensemble = EnsemblePredictor([Broken()])
    ensemble.observe(there)
    said = ensemble.predict_all(there)
    assert set(said.values()) == {None}
    known = {"broken": Broken}
    assert EnsemblePredictor.from_bytes(ensemble.to_bytes(), known).abstained == ensemble.abstained


def test_a_coin_that_a_source_does_not_speak_of_is_silent_alone():
    *_, contexts = walk(BARS[:200])
    there = tuple(contexts.values())
    ensemble = EnsemblePredictor([Broken()])
    ensemble.observe(there)
    ensemble.predict_all(there)
    assert ensemble.abstained["E"] == "all sources sleep: broken: E was not observed in row 199"
    assert ensemble.abstained["D"] == "all sources sleep: broken: failed: ZeroDivisionError: in words"
    assert ensemble.status["broken"].failures == 0


def test_a_source_with_predictions_of_its_own_is_asked_for_them():
    class Never(RegimeSource):
        def predict(self, context):
            self.abstained = {context.symbol: "never"}

    ensemble = EnsemblePredictor([Never()])
    for contexts in walk(BARS[:160]):
        there = tuple(contexts.values())
        ensemble.observe(there)
        assert set(ensemble.predict_all(there).values()) == {None}
    assert ensemble.abstained["BTC"] == "all sources sleep: regime: never"


@pytest.mark.parametrize("name", SOURCES)
def test_after_a_bar_that_failed_nothing_is_said(name, monkeypatch):
    source = SOURCES[name]()
    bars = walk(BARS[:300])
    for contexts in islice(bars, 299):
        source.observe(tuple(contexts.values()))
    # Not all have something to say in that bar; those that have must not say it again.
    spoke = [each for each in contexts.values() if source.predict(each) is not None]
    assert spoke or name in ("alpha", "structure")
    now = next(bars)
    monkeypatch.setattr("comove.signals.outcomes.Outcomes.settle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        source.observe(tuple(now.values()))
    assert all(source.predict(each) is None for each in now.values())


def test_who_is_asked_for_and_is_not_there_is_in_a_snapshot():
    source = RegimeSource()
    *_, before, now = walk(BARS[:200])
    source.observe(tuple(now.values()))
    source.predict(before["A"])
    assert source.abstained["A"] == "A was not observed in row 198"
    assert RegimeSource.from_bytes(source.to_bytes()).abstained == source.abstained


def test_words_do_not_follow_a_list_that_is_used_once_more():
    source = AlphaSource([LeaderEngine(LeaderOptions(refresh_rows=4)), TrendEngine()])
    *_, contexts = walk(BARS[:200])
    reused = list(contexts.values())
    source.observe(reused)
    fresh = AlphaSource.from_bytes(source.to_bytes()).opinions()
    reused.reverse()
    reused.pop()
    assert str(source.opinions().to_state()) == str(fresh.to_state())


def test_contexts_that_were_not_observed_together_are_asked_one_by_one():
    engine = TrendEngine()
    *_, contexts = walk(BARS[:200])
    there = tuple(contexts.values())
    engine.observe(there)
    some = engine.evaluate_all(list(there[2:]))
    assert some == [engine.evaluate(each) for each in there[2:]]
    *_, before = walk(BARS[:199])
    assert all(isinstance(each, Exception) for each in engine.evaluate_all(tuple(before.values())))


def test_answers_are_a_sequence():
    answers = Answers("abcd", {1: Abstention("made")}, {}, 0.5, lambda context: Abstention(f"of {context}"))
    assert len(answers) == 4
    assert [each.reason for each in answers] == ["of a", "made", "of c", "of d"]
    assert [each.reason for each in answers[1:3]] == ["made", "of c"]
    assert answers[-1] == Abstention("of d")
    with pytest.raises(IndexError):
        answers[4]


@pytest.mark.parametrize("name", SOURCES)
def test_words_of_a_source_are_those_of_its_bar(name):
    source = SOURCES[name]()
    said = awake = 0
    waiting = None
    for contexts in walk(BARS):
        source.observe(tuple(contexts.values()))
        now = source.opinions()
        if waiting is not None:
            opinions, kept = waiting
            assert str(opinions.to_state()) == kept
        told = {}
        for symbol, context in contexts.items():
            prediction = source.predict(context)
            up = now.ups[symbol]
            if prediction is None:
                assert up != up
                told[symbol] = [up, source.abstained[symbol]]
            else:
                assert prediction.up == pytest.approx(up, abs=1e-15)
                told[symbol] = [up, prediction.reason]
                awake += 1
            said += 1
        # Read only after the next bar.
        waiting = now, str(told)
    assert said > 2_000
    assert awake > 100


def test_columns_of_symbols_with_other_leaders_stand_side_by_side():
    *_, contexts = walk(BARS[:200])
    there = tuple(contexts.values())
    names = ("adx", "btc_beta", "eth_correlation", "no such column", "atr")
    for some in (there, there[3:], there[::-1]):
        for name, column in zip(names, columns(some, *names), strict=True):
            assert column.tolist() == pytest.approx([each.feature(name) for each in some], nan_ok=True, abs=0.0)
    (row, *_) = [each.features for each in there if isinstance(each.features, FeatureRow)]
    table = FeatureTable([dict(row), {"adx": None}, row, {}])
    assert table.column("adx").tolist() == pytest.approx([row["adx"], np.nan] * 2, nan_ok=True)


def test_candles_side_by_side_are_those_of_each():
    for contexts in walk(BARS[:160]):
        there = tuple(contexts.values())
        for some in (there, there[1:], there[::-2]):
            found = last_candles(some, 25)
            assert np.array_equal(found, np.array([each.candles[-25:] for each in some]), equal_nan=True)


def test_a_row_of_features_is_a_mapping():
    stream_row = next(iter(SignalMarket().update(0, BARS[0][1]).values())).features
    plain = dict(stream_row)
    assert stream_row == plain
    assert plain == stream_row
    assert repr(stream_row) == repr(plain)
    assert stream_row.get("no such column") is None
    assert stream_row.get("no such column", 3) == 3
    with pytest.raises(KeyError):
        stream_row["no such column"]
    assert list(stream_row) == list(plain)
