"""The base columns behind three doors: the same bits, whatever the chunks, lanes, threads, groups or snapshots."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import comove as cm
from comove import DataError, OrderError, ParameterError, arrays
from comove.features import BASE_COLUMNS
from comove.options import BAR_INPUTS, BOOK_INPUTS
from recipe_data import columns_of, made

NAMES = list(BASE_COLUMNS)
BOOK = {name: name for name in ("leader_close", "bid", "ask", "bid_volume", "ask_volume", "funding_rate")}


def stream_of(frame, names):
    """A stream of base columns that fills nothing."""
    inputs = [name for name in BOOK_INPUTS if name in frame]
    return cm.FeatureStream(cm.FeatureRecipe(columns=names, fill=None), leaders=["btc"], inputs=inputs)


def live_of(frame, names=NAMES, snapshot_at=None):
    stream = stream_of(frame, names)
    rows = []
    for i, ts in enumerate(frame["ts"].tolist()):
        bar = {name: frame[name][i] for name in (*BAR_INPUTS, *BOOK_INPUTS)}
        leader = {"btc": frame["leader_close"][i]}
        if i == snapshot_at:
            stream = cm.FeatureStream.from_bytes(stream.to_bytes())
        if i % 7 == 3:
            before = stream.to_bytes()
            seen = stream.peek(ts, bar, leader)
            assert stream.to_bytes() == before
        found = stream.update(ts, bar, leader)
        assert i % 7 != 3 or seen == found
        rows.append([np.nan if value is None else value for value in found.values()])
    return np.array(rows).reshape(len(rows), len(names)).T


def equal(found, expected):
    for name, one, other in zip(NAMES, found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(one).view(np.int64), np.asarray(other).view(np.int64), err_msg=name)


def table(frame):
    return pl.DataFrame(frame).with_columns(pl.exclude("ts").fill_nan(None))


@given(st.integers(0, 400), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.3]), st.data())
def test_three_doors_give_the_same_bits(rows, seed, gaps, data):
    frame = made(rows, seed, gaps=gaps)
    whole = columns_of(frame, NAMES)
    equal(live_of(frame, snapshot_at=data.draw(st.integers(0, max(rows - 1, 0)))), whole.values())
    cuts = sorted(data.draw(st.lists(st.integers(0, rows), max_size=3)))
    pieces = [table(frame)[a:b] for a, b in zip([0, *cuts], [*cuts, rows], strict=True)]
    chunked = pl.concat(pieces, rechunk=False)
    built = chunked.lazy().select(cm.base_features(NAMES, **BOOK)).collect().unnest("base_features")
    equal([built[name].fill_null(float("nan")).to_numpy() for name in NAMES], whole.values())


def test_threads_do_not_matter():
    frame = made(20_000, 1, gaps=0.01)
    equal(columns_of(frame, NAMES, threads=4).values(), columns_of(frame, NAMES).values())


@pytest.mark.parametrize("lanes", ["1", "2", "4", "8"])
def test_lanes_do_not_matter(lanes, tmp_path):
    frame = made(3_000, 2, gaps=0.02)
    file = tmp_path / "columns.npy"
    code = (
        "import sys; import numpy as np; from recipe_data import made, columns_of;"
        "from comove.features import BASE_COLUMNS;"
        "np.save(sys.argv[1], np.array(list(columns_of(made(3_000, 2, gaps=0.02), list(BASE_COLUMNS)).values())))"
    )
    environment = {**os.environ, "COMOVE_LANES": lanes, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code, str(file)], env=environment, capture_output=True, text=True)
    if "COMOVE_LANES" in done.stderr:
        pytest.skip(f"this processor has no {lanes} lanes")
    assert done.returncode == 0, done.stderr
    equal(np.load(file), columns_of(frame, NAMES).values())


def test_groups_stay_apart():
    frames = [table(made(rows, seed)).with_columns(symbol=pl.lit(str(seed))) for rows, seed in ((120, 1), (90, 2))]
    mixed = pl.concat(frames).sort("ts", "symbol")
    built = mixed.with_columns(cm.base_features().over("symbol").struct.unnest())
    for frame in frames:
        alone = frame.with_columns(cm.base_features().struct.unnest())
        part = built.filter(symbol=frame["symbol"][0])
        assert_frame_equal(part, alone, check_exact=True)
    assert built.columns[len(mixed.columns) :] == NAMES[:61]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_recipe_keeps_symbols_apart(lazy):
    """Rows of three symbols in turn; a key of two columns, null among them; a column of any other name."""
    frames = {}
    for coin, rows in ((1, 150), (2, 90), (3, 1)):
        frame = table(made(rows, coin, gaps=0.05)).with_columns(pl.from_epoch("ts", time_unit="ns"))
        frames[coin] = frame.with_columns(venue=pl.lit(None if coin == 2 else "x"), coin=pl.lit(coin))
    mixed = pl.concat(frames.values()).sort("ts", "coin", descending=[False, True]).with_row_index("comove row")
    leader = frames[1].select("ts", close="leader_close")
    recipe = cm.FeatureRecipe(lag=1, ages=True)
    given = mixed.lazy() if lazy else mixed
    built = recipe.build_with_market_context(given, btc_frame=leader, over=["venue", "coin"]).lazy().collect()
    assert built.select(mixed.columns).equals(mixed)
    for coin in frames:
        alone = recipe.build_with_market_context(mixed.filter(coin=coin), btc_frame=leader)
        assert_frame_equal(built.filter(coin=coin), alone, check_exact=True)


@pytest.mark.parametrize(
    ("over", "match"),
    [
        (1, "over must be the name of a column or a sequence of names, got 1"),
        ("coin", "over: no column 'coin'"),
        (["ts", "ts"], "over names a column twice"),
    ],
)
def test_symbols_that_are_none(over, match):
    with pytest.raises(ParameterError, match=match):
        cm.FeatureRecipe(columns=["day_of_week"]).build(table(made(5, 1)), over=over)


def test_times_beyond_nanoseconds_are_refused():
    frame = pl.DataFrame({"ts": pl.Series([2**63 // 1000 + 1], dtype=pl.Int64).cast(pl.Datetime("us"))})
    with pytest.raises(DataError, match=r"frame: ts must lie between 1677 and 2262, got 2262-.* in row 0") as caught:
        cm.FeatureRecipe(columns=["tod_fraction"]).build(frame)
    assert caught.value.code == "ts_range"


def test_columns_come_in_the_order_asked_for_and_need_only_their_inputs():
    frame = made(300, 3)
    names = ["rsi_14", "ret_1", "ema_5"]
    few = arrays.base_features(frame["ts"], close=frame["close"], columns=names)
    assert list(few) == names
    whole = columns_of(frame, NAMES)
    for name in names:
        np.testing.assert_array_equal(few[name], whole[name])
    lone = table(frame).select("ts", "close").select(cm.base_features(names))
    assert [field.name for field in lone.schema["base_features"].fields] == names
    assert lone.select(pl.col("base_features").struct.field("rsi_14")).height == 300
    one = table(frame).select("ts").select(cm.base_features(["day_of_week"]))
    assert one.schema["base_features"] == pl.Struct({"day_of_week": pl.Float64})
    calendar = arrays.base_features(frame["ts"], columns=["day_of_week"])["day_of_week"]
    np.testing.assert_array_equal(calendar, whole["day_of_week"])


def test_out_is_written_to():
    frame = made(50, 4)
    out = np.full((2, 100), -1.0)
    found = arrays.base_features(frame["ts"], close=frame["close"], columns=["ret_1", "ema_5"], out=out[:, ::2])
    np.testing.assert_array_equal(found["ema_5"], columns_of(frame, ["ema_5"])["ema_5"])
    assert np.shares_memory(found["ema_5"], out)
    assert (out[:, 1::2] == -1.0).all()


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("bid", -1.0, "bid must be above 0.* got -1"),
        ("ask", 0.0, "ask must be above 0.* got 0"),
        ("bid_volume", -1.0, "bid_volume must .* got -1"),
        ("ask_volume", -2.0, "ask_volume must .* got -2"),
    ],
)
def test_an_order_book_that_cannot_be_is_refused_at_every_door(name, value, match):
    wrong = made(5, 1)
    wrong[name][3] = value
    names = ["microprice", "orderbook_imbalance"]
    with pytest.raises(DataError, match=match):
        columns_of(wrong, names)
    with pytest.raises(pl.exceptions.ComputeError, match=match):
        table(wrong).select(cm.base_features(names, **BOOK))
    frame = table(wrong).with_columns(pl.from_epoch("ts", time_unit="ns"))
    with pytest.raises(DataError, match=f"frame: {name} must"):
        cm.FeatureRecipe(columns=names).build(frame)
    stream = stream_of(wrong, names)
    before = stream.to_bytes()
    with pytest.raises(DataError, match=match):
        stream.update(0, {key: values[3] for key, values in wrong.items()})
    assert stream.to_bytes() == before


def test_a_missing_time_is_called_by_its_name():
    with pytest.raises(pl.exceptions.ComputeError, match=r"\[missing_time\] ts must not be missing, got null at row 1"):
        pl.DataFrame({"ts": [1, None]}).select(cm.base_features(["day_of_week"]))


def test_infinities_and_expressions():
    frame = made(80, 5, gaps=0.1)
    infinite = {name: values if name == "ts" else np.nan_to_num(values, nan=np.inf) for name, values in frame.items()}
    equal(columns_of(infinite, NAMES).values(), columns_of(frame, NAMES).values())
    scaled = table(frame).with_columns(pl.col("close") / 2)
    expression = cm.base_features(["ret_1"], close=pl.col("close") * 2)
    found = scaled.select(expression).unnest("base_features")["ret_1"].fill_null(float("nan")).to_numpy()
    np.testing.assert_array_equal(found, columns_of(frame, ["ret_1"])["ret_1"])


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ("ret_1", "must be a sequence of names"),
        ([], "at least 1 column"),
        (["ret_2"], "'ret_2' is no base column; did you mean"),
        (["ret_1", "ret_1"], "'ret_1' twice"),
        ([1], "columns must be names, got 1"),
        (["microprice"], "bid must be given for microprice"),
    ],
)
def test_bad_columns(columns, match):
    with pytest.raises(ParameterError, match=match):
        cm.base_features(columns)
    frame = made(5, 1, book=False)
    with pytest.raises(ParameterError, match=match):
        columns_of(frame, columns)


def test_bad_inputs():
    frame = made(5, 1, book=False)
    with pytest.raises(ParameterError, match="open must be given for the bar"):
        arrays.base_features(frame["ts"], close=frame["close"])
    with pytest.raises(ParameterError, match="high must be given for atr"):
        arrays.base_features(frame["ts"], close=frame["close"], columns=["atr"])
    with pytest.raises(DataError, match="volume must have length 5, got 4"):
        columns_of({**frame, "volume": frame["volume"][:4]})
    with pytest.raises(OrderError):
        columns_of({**frame, "ts": frame["ts"][::-1]})
    for name, value, match in (
        ("close", 0.0, "close.* got 0"), ("volume", -1.0, "volume.* got -1"), ("high", 1.0, "low of a bar"),
    ):  # fmt: skip
        wrong = {**frame, name: np.where(np.arange(5) == 3, value, frame[name])}
        with pytest.raises(DataError, match=match):
            columns_of(wrong)
        with pytest.raises(pl.exceptions.ComputeError, match=match):
            table(wrong).select(cm.base_features())
        stream = stream_of(wrong, NAMES[:61])
        before = stream.to_bytes()
        with pytest.raises(DataError, match=match):
            stream.update(0, {name: wrong[name][3] for name in BAR_INPUTS}, {"btc": 1.0})
        assert stream.to_bytes() == before
