"""`FeatureStream`: the rows of the batch form bit for bit, snapshots, and what it refuses."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove import DataError, FeatureRecipe, FeatureStream, OrderError, ParameterError, StateError
from comove.data import simulate_market
from comove.features import BASE_COLUMNS
from recipe_data import candles, real_data
from test_snapshots import sealed

RECIPES = [
    FeatureRecipe(),
    FeatureRecipe(fill=None, ages=True),
    FeatureRecipe(lag=3, ages=True, fill_limit=2),
    FeatureRecipe(
        window_size=17, vol_window=9, short=3, long=13, momentum=4, min_samples=6, returns="log", fill_limit=0, lag=1
    ),
    FeatureRecipe(columns=["sol_age", "rs_score", "btc_beta", "coin_age_days", "btc_volatility", "rsi_7"], lag=2),
]
BOOK = ("bid", "ask", "bid_volume", "ask_volume", "funding_rate")


def replay(recipe, frame, leaders, *, snapshots=1, inputs=()):
    """Feed a stream with all timestamps, restoring it now and then, and compare each row with the batch form."""
    built = recipe.build_with_market_context(frame, leaders=leaders)
    stream = FeatureStream(recipe, list(leaders), inputs=inputs)
    assert list(stream.columns) == built.columns[frame.width :]
    assert list(stream.columns) == list(recipe.metadata(list(leaders), inputs=inputs))
    keys = frame["ts"].to_physical().to_list()
    bars = dict(zip(keys, frame.to_dicts(), strict=True))
    rows = dict(zip(keys, built.select(stream.columns).to_dicts(), strict=True))
    closes = {
        name: dict(zip(one["ts"].to_physical().to_list(), one["close"].to_list(), strict=True))
        for name, one in leaders.items()
    }
    times = sorted(set(bars).union(*closes.values()))
    every = len(times) // (snapshots + 1) + 1
    for i, ts in enumerate(times):
        if i % every == every - 1:
            stream = FeatureStream.from_bytes(stream.to_bytes())
        prices = {name: of[ts] for name, of in closes.items() if ts in of}
        row = stream.update(ts * 1_000, bars.get(ts), prices)
        # Floats compare by value, and no NaN comes out: equal means the same bits but for the sign of zero.
        assert row == rows.get(ts), (ts, i)
        assert row is None or repr(list(row.values())) == repr(list(rows[ts].values()))
    assert stream.n == len(frame)
    return stream


@real_data
@pytest.mark.parametrize(
    ("symbol", "recipe", "last"),
    [
        ("LUNA", RECIPES[0], 4_000),
        ("LUNA", RECIPES[3], 4_000),
        ("USDC", RECIPES[1], 3_000),
        ("ETH", RECIPES[2], 3_000),
        ("SRM", RECIPES[4], 6_000),
        ("BTC", RECIPES[0], 2_000),
    ],
)
def test_recorded_candles(symbol, recipe, last):
    names = ("BTC", "ETH", "SOL")
    frame = candles(symbol)
    if symbol == "LUNA":
        hole = int(frame["ts"].diff().dt.total_hours().arg_max())
        frame = frame[hole - last // 2 : hole + last // 2]
    else:
        frame = frame[:last]
    start, end = frame["ts"][0], frame["ts"][-1]
    inside = pl.col("ts").is_between(start - pl.duration(days=3), end)
    replay(recipe, frame, {name: candles(name).filter(inside) for name in names})


@settings(max_examples=15)
@given(st.sampled_from(RECIPES), st.integers(0, 10_000), st.integers(0, 3), st.booleans())
def test_simulated_candles(recipe, seed, snapshots, alone):
    market = simulate_market(n_bars=120, assets=["AAA"], gaps=4, bad_ticks=1, late_listings=1, seed=seed)
    leaders = {} if alone and recipe.columns is None else {name: market.frames[name] for name in ("BTC", "ETH", "SOL")}
    hole = pl.when(pl.int_range(pl.len()) % 31 == 30).then(None).otherwise(pl.col("close")).alias("close")
    replay(recipe, market.frames["AAA"].with_columns(hole), leaders, snapshots=snapshots)


def test_order_book_and_funding_rate():
    frame = simulate_market(n_bars=250, assets=["AAA"], gaps=3, seed=1).frames["AAA"]
    frame = frame.with_columns(
        bid=pl.col("close") * 0.99, ask=pl.col("close") * 1.01, bid_volume="volume",
        ask_volume=pl.col("volume").reverse(), funding_rate=pl.lit(1e-4),
    )  # fmt: skip
    stream = replay(FeatureRecipe(), frame, {}, inputs=BOOK)
    assert len(stream.columns) == 64


def fed(rows=60, recipe=RECIPES[2]):
    stream = FeatureStream(recipe, ["BTC", "SOL"])
    for i in range(rows):
        bar = None if i % 9 == 4 else bar_of(i)
        stream.update(i, bar, {"BTC": 100.0 + i % 7, "SOL": None if i % 5 else 20.0 + i % 3})
    return stream


def bar_of(i):
    close = 10.0 + i % 11
    return {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 5.0 + i % 4}


NEXT = (60, bar_of(60), {"btc": 103.0, "SOL": 21.0})


def test_copies_and_pickles_go_on_alike():
    stream = fed()
    peeked = stream.peek(*NEXT)
    twins = [stream.copy(), copy.copy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))]
    before = stream.to_bytes()
    row = stream.update(*NEXT)
    assert row == peeked
    for twin in twins:
        assert twin.to_bytes() == before
        assert twin.recipe == stream.recipe
        assert twin.leaders == ("btc", "sol")
        assert twin.update(*NEXT) == row
        assert twin.to_bytes() == stream.to_bytes()
    stream.reset()
    assert stream.to_bytes() == FeatureStream(RECIPES[2], ["sol", "btc"]).to_bytes()
    assert (stream.n, stream.last_ts, stream.is_ready) == (0, None, False)


def test_readings():
    recipe = FeatureRecipe(columns=["ema_5", "btc_beta"], fill=None)
    stream = FeatureStream(recipe, ["BTC"])
    assert stream.warmup == 31
    for i in range(31):
        assert not stream.is_ready
        stream.update(i, bar_of(i), {"BTC": 50.0 + (i * i) % 13})
    assert stream.is_ready
    assert (stream.n, stream.last_ts) == (31, 30)
    stream.update(31, {"close": None}, {"BTC": 50.0})
    assert not stream.is_ready
    assert FeatureStream().warmup == 240
    assert FeatureStream(FeatureRecipe(lag=2)).warmup == 242
    assert "61 columns, leaders none, n=0" in repr(FeatureStream())


def test_a_stream_without_leaders_can_be_ready():
    stream = FeatureStream()
    rows = [stream.update(i * 10**13, bar_of(i)) for i in range(240)]
    assert stream.is_ready
    assert [name for name, value in rows[-1].items() if value is None] == ["leader_bias", "rs_score"]


@pytest.mark.parametrize(
    ("row", "error", "match"),
    [
        ((59, bar_of(0), {}), OrderError, "ts"),
        ((60, {**bar_of(0), "close": -1.0}, {}), DataError, "close"),
        ((60, {**bar_of(0), "high": 1.0}, {}), DataError, "the low of a bar"),
        ((60, {**bar_of(0), "volume": -2.0}, {}), DataError, "volume"),
        ((60, {**bar_of(0), "close": "ten"}, {}), DataError, "numbers or None, got 'ten'"),
        ((60, {"close": 1.0}, {}), DataError, "bar: no 'open'; found: close"),
        ((60, 1.0, {}), DataError, "bar must be a mapping"),
        ((60, bar_of(0), {"ETH": 1.0}), DataError, "leaders: 'ETH' is none of btc, sol"),
        ((60, bar_of(0), {"BTC": 0.0}), DataError, "leaders"),
        ((60, bar_of(0), {"BTC": 1.0, "btc": None}), DataError, "leaders: 'btc' is there twice"),
        ((60, None, {"SOL": -1.0}), DataError, "leaders"),
        ((60, bar_of(0), [1.0]), DataError, "leaders must be a mapping"),
        (("now", bar_of(0), {}), DataError, "ts must be"),
    ],
)
def test_a_refused_row_changes_nothing(row, error, match):
    stream = fed()
    before = stream.to_bytes()
    for verb in (stream.update, stream.peek):
        with pytest.raises(error, match=match):
            verb(*row)
        assert stream.to_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"recipe": "all"}, "recipe must be a FeatureRecipe"),
        ({"recipe": FeatureRecipe(fill="forward_backward")}, "looks ahead"),
        ({"leaders": "BTC"}, "leaders must be a sequence"),
        ({"leaders": ["BTC", "btc"]}, "different names"),
        ({"leaders": [" "]}, "leaders must be named"),
        ({"inputs": ["spread"]}, "inputs must be one of"),
        ({"recipe": FeatureRecipe(columns=["btc_beta"])}, "'btc_beta' is not among the 61 columns"),
        ({"recipe": FeatureRecipe(window_size=2**40), "leaders": ["BTC"]}, "window_size must be at most"),
        ({"recipe": FeatureRecipe(long=2**40), "leaders": ["BTC"]}, "at most"),
        ({"recipe": FeatureRecipe(lag=2**40)}, "lag must be at most"),
        ({"recipe": FeatureRecipe(lag=2**26, columns=["ret_1", "ret_3"])}, "lag must be at most"),
        ({"recipe": FeatureRecipe(window_size=2**21), "leaders": [f"x{i}" for i in range(20)]}, "bytes of leaders"),
    ],
)
def test_bad_options(arguments, match):
    with pytest.raises(ParameterError, match=match):
        FeatureStream(**arguments)


def test_ruined_snapshots_are_refused():
    snapshot = fed(rows=50).to_bytes()
    assert FeatureStream.from_bytes(snapshot).to_bytes() == snapshot
    step = max(1, len(snapshot) // 300)
    for at in range(0, len(snapshot), step):
        ruined = bytearray(snapshot)
        ruined[at] ^= 0x41
        for bad in (bytes(ruined), snapshot[:at]):
            with pytest.raises(StateError):
                FeatureStream.from_bytes(bad)
    for bad in (b"", "text", snapshot + b"\0"):
        with pytest.raises(StateError):
            FeatureStream.from_bytes(bad)


def test_forged_snapshots_are_refused_or_work():
    """With a checksum that is right: an object that takes rows, or a `StateError`, and never a crash."""
    snapshot = fed(rows=50, recipe=replace(RECIPES[4], lag=1)).to_bytes()
    content = snapshot[:-8]
    for at in range(18, len(content), 29):
        for value in (0x00, 0x01, 0x7F, 0xFF):
            forged = bytearray(content)
            forged[at] = value
            try:
                stream = FeatureStream.from_bytes(sealed(forged))
            except StateError:
                continue
            try:
                stream.update(10**18, bar_of(1), {})
            except OrderError:
                continue
            stream.to_bytes()


def test_another_version_of_the_columns_is_refused():
    """A note that tells of other rows than the core makes."""
    snapshot = fed().to_bytes()
    for written, forged in (
        (b'"ages": true', b'"ages":false'),
        (b'"lag": 3', b'"lag": 2'),
        (b'"fill_limit": 2', b'"fill_limit": 3'),
        (b'"momentum": 10', b'"momentum": 11'),
        (b'"returns": "simple"', b'"returns":    "log"'),
    ):
        assert snapshot.count(written) == 1
        with pytest.raises(StateError, match="makes other rows than its recipe says"):
            FeatureStream.from_bytes(sealed(snapshot[:-8].replace(written, forged)))
    with pytest.raises(StateError, match="its recipe is none"):
        FeatureStream.from_bytes(sealed(snapshot[:-8].replace(b'"fill": "forward"', b'"fill": "upwards"')))


def test_options_may_be_numbers_of_numpy():
    recipe = FeatureRecipe(
        window_size=np.int64(17), min_samples=np.int32(6), lag=np.int8(1), fill_limit=np.uint8(3), ages=np.bool_(True)
    )
    assert recipe == FeatureRecipe(window_size=17, min_samples=6, lag=1, fill_limit=3, ages=True)
    stream = fed(recipe=recipe)
    assert FeatureStream.from_bytes(stream.to_bytes()).recipe == recipe


def test_all_base_columns_are_there():
    assert FeatureStream(leaders=["BTC"]).columns[:61] == tuple(BASE_COLUMNS)[:61]


def test_values_in_their_order_give_the_same_rows():
    rng = np.random.default_rng(3)
    named, ordered = FeatureStream(leaders=["ETH", "BTC"]), FeatureStream(leaders=["ETH", "BTC"])
    assert ordered.leaders == ("btc", "eth")
    for row in range(300):
        close = float(100.0 + rng.random())
        values = [close, close + 1.0, close - 1.0, close, float(rng.random()) if row % 7 else math.nan]
        candle = None if row % 11 == 5 else dict(zip(("open", "high", "low", "close", "volume"), values, strict=True))
        btc, eth = float(rng.random() + 9.0), None if row % 5 == 2 else float(rng.random() + 3.0)
        expected = named.update(row, candle, {"BTC": btc, "ETH": eth})
        closes = [btc, math.nan if eth is None else eth]
        assert ordered.update_values(row, None if candle is None else values, closes) == expected
    assert ordered.to_bytes() == named.to_bytes()


@pytest.mark.parametrize(
    ("values", "closes"), [([1.0] * 4, [1.0]), ([1.0] * 6, [1.0]), ([1.0] * 5, []), ([-1.0] * 5, [1.0])]
)
def test_values_that_do_not_fit_change_nothing(values, closes):
    stream = FeatureStream(leaders=["BTC"])
    stream.update_values(0, [1.0] * 5, [2.0])
    before = stream.to_bytes()
    with pytest.raises(DataError):
        stream.update_values(1, values, closes)
    assert stream.to_bytes() == before


def test_values_have_no_place_for_an_order_book():
    stream = FeatureStream(inputs=["bid_volume", "ask_volume"])
    with pytest.raises(DataError, match="bid_volume, ask_volume"):
        stream.update_values(0, [1.0] * 5, [])
