"""The cache: by the time of the rows, never an earlier question, bounded, and safe between threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove import MarketStructureCoordinator, ParameterError, PriceData
from comove.structure.cache import AnswerCache, CacheInfo
from structure_cases import HOUR, feed, hours, market, same, with_leaders


def counts(coordinator):
    info = coordinator.cache_info()
    return info.hits, info.misses


def test_the_same_question_is_answered_once():
    data = market(100)
    coordinator = with_leaders(data)
    first = coordinator.get_beta("BONK", data["BONK"], "BTC")
    assert counts(coordinator) == (0, 1)
    # Equal content is the same data.
    equal = PriceData(np.array(data["BONK"].timestamps), np.array(data["BONK"].prices))
    assert coordinator.get_beta("BONK", equal, "BTC") is first
    assert counts(coordinator) == (1, 1)
    for other in (
        coordinator.get_beta("BONK", data["BONK"], "ETH"),
        coordinator.get_beta("WIF", data["BONK"], "BTC"),
        coordinator.get_beta("BONK", data["WIF"], "BTC"),
        coordinator.get_beta("BONK", data["BONK"], "BTC", current_time=hours(99)[-1]),
        coordinator.get_lead_lag("BONK", data["BONK"], "BTC"),
    ):
        assert other is not first
    assert counts(coordinator) == (1, 6)
    regime = coordinator.detect_market_regime("BONK", data["BONK"])
    assert coordinator.detect_market_regime("BONK", data["BONK"]) is regime
    assert coordinator.cache_info() == CacheInfo(2, 7, 7, 1024)
    coordinator.cache_clear()
    assert coordinator.cache_info() == CacheInfo(0, 0, 0, 1024)


def test_new_leader_data_is_another_version():
    data = market(100)
    coordinator = with_leaders(data)
    first = coordinator.get_beta("BONK", data["BONK"], "BTC")
    coordinator.update_leader_data("BTC", data["WIF"])
    other = coordinator.get_beta("BONK", data["BONK"], "BTC")
    assert other.beta != first.beta
    # Timestamps of other leaders make rows too.
    coordinator.update_leader_data("ETH", data["ETH"].until(hours(50)[-1]))
    assert coordinator.get_beta("BONK", data["BONK"], "BTC") is not other
    coordinator.update_leader_data("BTC", data["BTC"])
    coordinator.update_leader_data("ETH", data["ETH"])
    assert coordinator.get_beta("BONK", data["BONK"], "BTC") is first


@pytest.mark.parametrize(
    ("ask", "span"),
    [
        (lambda coordinator, **of: coordinator.get_beta("BONK", **of), 1),
        (lambda coordinator, **of: coordinator.get_volatility_spillover("BONK", **of), 2),
        (lambda coordinator, **of: coordinator.get_lead_lag("BONK", **of), 4),
    ],
    ids=["beta", "spillover", "lead_lag"],
)
def test_reuse_serves_newer_data_and_never_an_earlier_time(ask, span):
    data = market(300)
    bonk = data["BONK"]
    plain, reusing = with_leaders(data), with_leaders(data, reuse_within=True)
    then = hours(280)[-1]
    kept = ask(reusing, data=bonk.until(then), current_time=then)
    assert same(kept, ask(plain, data=bonk.until(then), current_time=then))
    for step in range(1, 7):
        now = then + step * HOUR
        said = ask(reusing, data=bonk.until(now), current_time=now)
        fresh = ask(plain, data=bonk.until(now), current_time=now)
        if step <= span:
            assert said.last_updated == kept.last_updated
            assert said.age == timedelta(hours=step)
            assert said.reason == f"kept from {timedelta(hours=step)} before: reuse_within lets it serve newer data"
        elif step == span + 1:
            assert same(said, fresh)
    before = then - HOUR
    assert same(ask(reusing, data=bonk, current_time=before), ask(plain, data=bonk, current_time=before))


def test_what_is_wrong_or_too_old_is_not_reused():
    data = market(60)
    reusing = with_leaders(data, reuse_within={"beta": "10h"}, max_age="2h")
    bonk = data["BONK"]
    early = reusing.get_beta("BONK", bonk, "BTC", current_time=hours(20)[-1])
    assert early.beta is None
    assert reusing.get_beta("BONK", bonk, "BTC", current_time=hours(21)[-1]).beta is not None
    assert reusing.get_beta("BONK", bonk, "BTC", current_time=hours(23)[-1]).age == timedelta(hours=2)
    assert reusing.get_beta("BONK", bonk, "BTC", current_time=hours(24)[-1]).age == timedelta(0)
    # Only what is named is reused.
    reusing.get_lead_lag("BONK", bonk, "BTC", current_time=hours(50)[-1])
    assert reusing.get_lead_lag("BONK", bonk, "BTC", current_time=hours(51)[-1]).age == timedelta(0)


def test_later_questions_about_regimes_go_on_from_the_last_one():
    data = market(200)
    coordinator, times = with_leaders(data, cache_size=0), [hours(rows)[-1] for rows in (150, 50, 51, 180, 200, 10)]
    for _ in range(2):
        for time in times:
            fresh = with_leaders(data).detect_market_regime("BONK", data["BONK"], current_time=time)
            assert same(coordinator.detect_market_regime("BONK", data["BONK"], current_time=time), fresh)
            fresh = with_leaders(data).detect_market_regime(None, data, current_time=time)
            assert same(coordinator.detect_market_regime(None, data, current_time=time), fresh)
    for row in range(12):
        coordinator.detect_market_regime(f"A{row}", data["WIF"])


def test_live_questions_are_not_kept():
    live = feed(MarketStructureCoordinator(window_size=20, reuse_within=True), market(60))
    live.get_beta("BONK")
    live.detect_market_regime("BONK")
    assert counts(live) == (0, 0)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"reuse_within": 1}, "type"),
        ({"reuse_within": {"regime": "1h"}}, "choice"),
        ({"reuse_within": {"beta": "-1h"}}, "duration"),
        ({"cache_size": -1}, "too_small"),
        ({"cache_size": 1.5}, "type"),
    ],
)
def test_options_out_of_bounds_are_refused(options, code):
    with pytest.raises(ParameterError, match=next(iter(options))) as caught:
        MarketStructureCoordinator(**options)
    assert caught.value.code == code


def test_it_is_bounded_and_may_be_off():
    cache = AnswerCache(3)
    for time in range(5):
        cache.keep("a", 1, time, str(time))
        assert cache.find("a", 1, 2 if time >= 2 else 0) is not None
    assert cache.info().size == 3
    # The least recently used left.
    assert cache.find("a", 1, 2) == ("2", True)
    assert cache.find("a", 1, 0) is None
    off = AnswerCache(0)
    off.keep("a", 1, 0, "x")
    assert off.find("a", 1, 0) is None
    assert off.info() == CacheInfo(0, 1, 0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 30), st.booleans()), max_size=80),
    st.integers(0, 8),
    st.integers(1, 10),
)
def test_an_answer_is_of_the_past_and_of_its_subject(actions, capacity, within):
    cache, kept = AnswerCache(capacity), {}
    for subject, version, time, keep in actions:
        if keep:
            kept[subject, version, time] = (subject, version, time)
            cache.keep(subject, version, time, (subject, version, time))
            continue
        found = cache.find(subject, version, time, within)
        if found is not None:
            (whose, which, when), exact = found
            assert (whose, which, when) in kept
            assert whose == subject
            assert time - within <= when <= time
            assert exact == ((which, when) == (version, time))
    assert cache.info().size <= capacity


def test_many_threads_ask_and_feed():
    data = market(120)
    coordinator = with_leaders(data, window_size=30, cache_size=16)
    times = [int(time) for time in hours(120)[40:60]]
    alone = with_leaders(data, window_size=30)
    right = {time: alone.get_beta("BONK", data["BONK"], "BTC", current_time=time) for time in times}
    began = threading.Barrier(8)
    bars = [
        (int(ts), {name: float(each.prices[row]) for name, each in data.items()}) for row, ts in enumerate(hours(120))
    ]

    def work(seed):
        began.wait()
        if seed == 0:
            for ts, bar in bars:
                coordinator.update_bar(ts, bar)
            return 0
        rng = np.random.default_rng(seed)
        for time in rng.choice(times, 60).tolist():
            assert same(coordinator.get_beta("BONK", data["BONK"], "BTC", current_time=time), right[time])
            coordinator.update_leader_data("BTC", data["BTC"])
            live = coordinator.get_beta("BONK")
            assert live.beta is None or live.sample_size >= 20
            coordinator.detect_market_regime("BONK")
        return 60

    with ThreadPoolExecutor(8) as pool:
        asked = sum(pool.map(work, range(8)))
    info = coordinator.cache_info()
    assert info.hits + info.misses == asked
    assert info.size <= 16
    assert same(coordinator.get_beta("BONK"), feed(MarketStructureCoordinator(window_size=30), data).get_beta("BONK"))
    assert datetime.fromisoformat(str(coordinator.get_beta("BONK").last_updated))
