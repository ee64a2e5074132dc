"""Decisions of the past must not change with the future: what looks ahead is found, and what does not passes."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import polars as pl
import pytest

import comove.backtest.replay as replay
from comove import DataError, MasterOrchestrator, ParameterError
from comove.backtest import WalkForward, check_look_ahead
from comove.backtest.changes import checked, first_change
from comove.backtest.futures import FUTURES, changed_future
from comove.backtest.records import Records
from comove.data import iterate_bars, simulate_market
from comove.engine import MarketOptions, OrchestratorOptions
from comove.signals import EnsembleOptions, Prediction, PredictionSource
from orchestrator_cases import traded

LEADERS = ("BTC", "ETH", "SOL")
CHEAP = OrchestratorOptions(
    market=MarketOptions(window_size=60, lag_window=60, max_lag=3, rows=64),
    sources=("structure", "regime"),
    horizon=6,
)
PLAIN = OrchestratorOptions(market=CHEAP.market, ensemble=EnsembleOptions(calibration=False, regime_adjustment=False))


def frames_of(rows=150, coins=("AAA", "BBB", "CCC"), **options):
    given = {"late_listings": 0, "gaps": 0, "bad_ticks": 0, "seed": 5, **options}
    return simulate_market(n_bars=rows, assets=list(coins), **given).frames


FRAMES = frames_of()
TIMES = FRAMES["BTC"]["ts"].dt.timestamp("ns").to_numpy()


# --- sources that are made of whole frames, as a column of a data frame is ---


class Tabled(PredictionSource):
    """Says of a symbol and a time what a table says."""

    kind = "tabled"
    name = "tabled"
    horizon = 24

    def __init__(self, table):
        self.table = table
        self.abstained = {}

    def observe(self, contexts):
        self.abstained = {}

    def predict(self, context):
        up = self.table[context.symbol].get(context.ts)
        if up is None or not math.isfinite(up):
            self.abstained[context.symbol] = "the table says nothing"
            return None
        return Prediction.of(up, self.horizon, "the table says it")

    def to_state(self):
        raise NotImplementedError

    @classmethod
    def from_state(cls, state):
        raise NotImplementedError


def decide(feature, frames):
    """Decisions of an orchestrator whose only source reads a column that was made of whole frames."""
    table = {}
    for symbol, frame in frames.items():
        column = 0.5 + 0.1 * feature(frame, frames).tanh()
        table[symbol] = dict(zip(frame["ts"].dt.timestamp("ns"), column, strict=True))
    engine, records = MasterOrchestrator(PLAIN, sources=[Tabled(table)]), Records()
    for decisions in traded(engine, iterate_bars(frames)):
        records.decide(decisions)
    assert not engine.health().failures
    return records.take(0)["decisions"]


def one_bar_ahead(frame, frames):
    return 100.0 * (frame["close"].shift(-1) / frame["close"] - 1.0)


def by_the_whole_sample(frame, frames):
    return (frame["close"] - frame["close"].mean()) / frame["close"].std()


def by_the_list_of_coins(frame, frames):
    return 20.0 * frame["close"].pct_change() * len(frames)


def in_a_centred_window(frame, frames):
    return (frame["close"] / frame["close"].rolling_mean(5, center=True) - 1.0) * 50.0


def by_the_end(frame, frames):
    return pl.Series(np.full(len(frame), float(np.sign(frame["close"][-1] / frame["close"][0] - 1.0))))


def in_a_window(frame, frames):
    return (frame["close"] / frame["close"].rolling_mean(20) - 1.0) * 50.0


LEAKS = (one_bar_ahead, by_the_whole_sample, by_the_list_of_coins, in_a_centred_window, by_the_end)


@pytest.mark.parametrize("feature", LEAKS)
def test_what_looks_ahead_is_caught(feature):
    found = check_look_ahead(FRAMES, partial(decide, feature), cuts=1)
    assert found.found
    first = found.found[0]
    assert first.ts <= first.cut
    assert first.field in ("size", "confidence", "action", "stop", "reason", "take_profit")
    with pytest.raises(DataError, match=r" when the future after 2024-01-\d\dT\d\d:00:00Z is ") as raised:
        found.check()
    assert raised.value.code == "look_ahead"
    assert str(first) in str(raised.value)


def test_the_place_of_a_leak_is_told():
    cut = int(TIMES[90])
    found = check_look_ahead(FRAMES, partial(decide, one_bar_ahead), cuts=[cut]).found
    # Only the last bar before the cut looks beyond it.
    assert {(each.ts, each.cut) for each in found} == {(cut, cut)}
    assert {"cut off", "scrambled"} <= {each.future for each in found}
    listed = check_look_ahead(FRAMES, partial(decide, by_the_list_of_coins), cuts=[cut]).found
    assert [each.future for each in listed] == ["of other coins"]


def test_what_looks_back_passes():
    found = check_look_ahead(FRAMES, partial(decide, in_a_window), cuts=2, seed=3)
    found.check()
    assert (found.found, len(found.cuts), found.futures) == ((), 2, tuple(FUTURES))
    assert found.cuts[0] < found.cuts[1] < TIMES[-1]
    assert found.decisions == 6 * (int(np.searchsorted(TIMES, found.cuts[1])) + 1)
    assert found.acted > 10


# --- backtests ---

PLAN = WalkForward(folds=2, train=80)


@pytest.fixture(scope="module")
def backtest():
    frames = frames_of(220, coins=("AAA", "BBB", "CCC", "DDD"), late_listings=1, gaps=2, bad_ticks=1)
    return frames, check_look_ahead(frames, options=CHEAP, plan=PLAN, cuts=2)


def test_a_backtest_does_not_look_ahead(backtest):
    _, found = backtest
    found.check()
    assert found.decisions > 200
    assert found.acted > 0


def test_processes_change_nothing(backtest):
    frames, found = backtest
    assert check_look_ahead(frames, options=CHEAP, plan=PLAN, cuts=2, workers=2) == found


@pytest.mark.parametrize("form", ["other names", "whole numbers"])
def test_candles_of_another_form_are_tried_too(backtest, form):
    frames, _ = backtest
    if form == "other names":
        frames = {symbol: frame.rename({"ts": "Open time"}) for symbol, frame in frames.items()}
    else:
        frames = {symbol: frame.with_columns(pl.col("ts").dt.epoch("ms")) for symbol, frame in frames.items()}
    assert check_look_ahead(frames, options=CHEAP, plan=PLAN, cuts=1).decisions > 200


def test_a_replay_gets_the_whole_of_the_candles(monkeypatch):
    # A leak in what the replay itself makes of the candles.
    def leaking(frames, *args, **kwargs):
        prices = pl.col("open", "high", "low", "close")
        each = {symbol: frame.with_columns(prices / frame["close"].mean()) for symbol, frame in frames.items()}
        return iterate_bars(each, *args, **kwargs)

    monkeypatch.setattr(replay, "iterate_bars", leaking)
    found = check_look_ahead(FRAMES, options=CHEAP, plan=WalkForward(folds=1, train=90), cuts=1).found
    assert {(each.future, each.field) for each in found} >= {("cut off", "price"), ("scrambled", "price")}


# --- futures ---


def later(frame, cut):
    return frame.filter(pl.col("ts").dt.timestamp("ns") > cut)


def before(frame, cut):
    return frame.filter(pl.col("ts").dt.timestamp("ns") <= cut)


@pytest.mark.parametrize("future", FUTURES)
@pytest.mark.parametrize("row", [0, 40, 148])
def test_the_past_stays_as_it_was(future, row):
    frames = frames_of(coins=("AAA", "BBB", "CCC", "DDD"), late_listings=2, gaps=3, bad_ticks=2)
    cut = int(TIMES[row])
    made = changed_future(future, frames, cut, LEADERS, np.random.default_rng(1))
    for symbol, frame in frames.items():
        if len(past := before(frame, cut)):
            assert before(made[symbol], cut).equals(past, null_equal=True)
    changed = [symbol for symbol in frames if symbol not in made or not made[symbol].equals(frames[symbol])]
    assert changed or set(made) - set(frames)


def test_a_scrambled_future_is_one_that_could_have_been():
    frames = {
        symbol: frame.with_columns(funding=pl.Series(np.arange(len(frame)) * 1e-6))
        for symbol, frame in frames_of(400, coins=("AAA", "BBB"), late_listings=1, gaps=3, bad_ticks=2).items()
    }
    holed = frames["AAA"].with_columns(
        close=pl.when(pl.int_range(pl.len()) == 300).then(None).otherwise(pl.col("close"))
    )
    frames["AAA"] = holed
    cut = int(TIMES[100])
    made = changed_future("scrambled", frames, cut, LEADERS, np.random.default_rng(2))
    for symbol, frame in frames.items():
        old, new = later(frame, cut), later(made[symbol], cut)
        assert new["ts"].equals(old["ts"])
        assert new.schema == old.schema
        for name in ("volume", "funding"):
            assert sorted(new[name]) == sorted(old[name])
            assert not new[name].equals(old[name])
        assert new["close"].is_null().equals(old["close"].is_null())
        whole = new.drop_nulls()
        assert (whole["low"] > 0.0).all()
        assert (whole["high"] >= whole.select(pl.max_horizontal("open", "close"))["open"]).all()
        assert (whole["low"] <= whole.select(pl.min_horizontal("open", "close"))["open"]).all()
        assert (whole["close"] != old.drop_nulls()["close"]).all()
    # No jump where the future begins: the first open is as near to the last close as opens are.
    step = later(made["BTC"], cut)["open"][0] / before(frames["BTC"], cut)["close"][-1] - 1.0
    assert abs(step) < 0.1


def test_coins_vanish_and_appear():
    cut = int(TIMES[100])
    made = changed_future("of other coins", FRAMES, cut, LEADERS, np.random.default_rng(0))
    (new,) = set(made) - set(FRAMES)
    assert made[new]["ts"].dt.timestamp("ns").min() > cut
    gone = [symbol for symbol in FRAMES if symbol not in made or not len(later(made[symbol], cut))]
    assert len(gone) == 2
    assert not set(gone) & set(LEADERS)
    again = changed_future("of other coins", {**FRAMES, new: FRAMES["AAA"]}, cut, LEADERS, np.random.default_rng(0))
    assert len(set(again) - {*FRAMES, new}) == 1
    leaders = {symbol: FRAMES[symbol] for symbol in LEADERS}
    alone = changed_future("of other coins", leaders, cut, LEADERS, np.random.default_rng(0))
    assert len(set(alone) - set(leaders)) == 1


# --- comparing ---


def decisions(**columns):
    given = {"ts": [1_000, 1_000, 2_000], "symbol": ["A", "B", "A"], "size": [1.0, 0.0, 2.0], **columns}
    return pl.DataFrame(given).with_columns(pl.col("ts").cast(pl.Datetime("ns", "UTC")))


def change(one, other, cut=5_000):
    found = first_change(checked(one), checked(other), cut, "scrambled")
    return None if found is None else (found.ts, found.symbol, found.field)


def test_decisions_are_compared_to_the_bit():
    nan = math.nan
    assert change(decisions(), decisions()) is None
    assert change(decisions(), decisions()[::-1]) is None
    assert change(decisions(), decisions(size=[1.0, -0.0, 2.0])) == (1_000, "B", "size")
    assert change(decisions(), decisions(size=[1.0, 0.0, math.nextafter(2.0, 3.0)])) == (2_000, "A", "size")
    assert change(decisions(size=[nan, 0.0, 2.0]), decisions(size=[nan, 0.0, 2.0])) is None
    assert change(decisions(size=[nan, 0.0, 2.0]), decisions(size=[None, 0.0, 2.0])) == (1_000, "A", "size")
    assert change(decisions(size=[0.0, 0.0, 2.0]), decisions(size=[None, 0.0, 2.0])) == (1_000, "A", "size")
    assert change(decisions(), decisions(size=[1, 0, 2])) == (1_000, "A", "size")
    assert change(decisions(why=["a", None, "c"]), decisions(why=["a", "b", "d"])) == (1_000, "B", "why")
    assert change(decisions(), decisions()[:2]) == (2_000, "A", "row")
    assert change(decisions()[1:], decisions()) == (1_000, "A", "row")
    # What lies after the cut may be anything.
    assert change(decisions(), decisions()[:2], cut=1_999) is None


def test_a_change_can_be_read():
    found = first_change(checked(decisions()), checked(decisions(size=[3.0, 0.0, 2.0])), 1_500, "cut off")
    assert str(found) == (
        "size of A at 1970-01-01T00:00:00Z changes from 1.0 to 3.0 when the future after 1970-01-01T00:00:00Z "
        "is cut off"
    )


def test_a_report_is_plain_values():
    found = check_look_ahead(FRAMES, lambda frames: frames["BTC"].select("ts", symbol=pl.lit("BTC")), cuts=[TIMES[9]])
    told = json.loads(json.dumps(found.to_dict()))
    assert told == {
        "cuts": ["2024-01-01T09:00:00Z"], "futures": list(FUTURES), "decisions": 10, "acted": 0, "found": [],
    }  # fmt: skip


# --- what is refused ---


def nothing(frames):
    return decisions()[:0]


SHORT = WalkForward(folds=1, train=9)
BAD = {
    "no frames": (({},), {}, ParameterError, "frames must be a mapping"),
    "a list": (([1],), {}, ParameterError, "frames must be a mapping"),
    "no frame": ((FRAMES, lambda frames: 5), {}, DataError, "decide must return a Polars DataFrame, got int"),
    "no symbol": ((FRAMES, lambda frames: frames["BTC"]), {}, DataError, "must have a column 'symbol'"),
    "twice": (
        (FRAMES, lambda frames: pl.concat([decisions(), decisions()])), {}, DataError, "one row for a time",
    ),
    "none": ((FRAMES, nothing), {}, DataError, "3 cuts need at least 4 bars that are decided on, got 0"),
    "both": ((FRAMES, nothing), {"options": CHEAP}, ParameterError, "decide excludes options"),
    "no leader": (({"AAA": FRAMES["AAA"]},), {"plan": SHORT}, DataError, "frames must hold a leader.*got AAA"),
    "no cut": ((FRAMES,), {"cuts": 0, "plan": SHORT}, ParameterError, "cuts must be at least 1, got 0"),
    "half a cut": ((FRAMES,), {"cuts": 1.5, "plan": SHORT}, ParameterError, "cuts must be a whole number"),
    "text": ((FRAMES,), {"cuts": "3", "plan": SHORT}, ParameterError, "cuts must be a whole number"),
    "no cuts": ((FRAMES,), {"cuts": [], "plan": SHORT}, ParameterError, "at least 1 time"),
    "too late": (
        (FRAMES,), {"cuts": [int(TIMES[-1])], "plan": SHORT}, DataError, "to before the last",
    ),
    "too early": (
        (FRAMES,), {"cuts": [int(TIMES[3])], "plan": SHORT}, DataError, "cuts must lie from",
    ),
    "seed": ((FRAMES,), {"seed": -1}, ParameterError, "seed must be"),
    "workers": ((FRAMES,), {"workers": 0}, ParameterError, "workers must be"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_tried_is_refused(name):
    args, options, error, text = BAD[name]
    with pytest.raises(error, match=text):
        check_look_ahead(*args, **options)


def test_other_columns_in_another_run_are_refused():
    def fickle(frames):
        extra = {} if len(frames["BTC"]) == len(FRAMES["BTC"]) else {"more": pl.lit(1)}
        return frames["BTC"].select("ts", symbol=pl.lit("BTC"), **extra)

    with pytest.raises(DataError, match="same columns"):
        check_look_ahead(FRAMES, fickle, cuts=1)
