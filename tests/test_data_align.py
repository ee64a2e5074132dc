"""Alignment against the same thing said in plain Python, and everything it refuses."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from comove.data import align, read_candles, simulate_market
from comove.errors import DataError, OrderError, ParameterError
from recorded_data import HOURS, present

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def series(values: dict[int, float | None], **more: Any) -> pl.DataFrame:
    """Closes by minute."""
    ts = pl.Series([START + MINUTE * at for at in values], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"ts": ts, "close": pl.Series(list(values.values()), dtype=pl.Float64), **more})


def rows(frame: pl.DataFrame, symbol: str) -> dict[int, Any]:
    return {(ts - START) // MINUTE: value for ts, value in frame.select("ts", symbol).iter_rows()}


A = series({0: 1.0, 1: 2.0, 2: 3.0, 4: 5.0})
B = series({1: 10.0, 2: None, 3: 40.0, 4: 50.0, 9: 100.0})


def test_inner_is_where_all_have_a_value() -> None:
    frame = align({"A": A, "B": B}).frame
    assert frame.columns == ["ts", "A", "B"]
    assert rows(frame, "A") == {1: 2.0, 4: 5.0}
    assert rows(frame, "B") == {1: 10.0, 4: 50.0}


def test_left_keeps_the_first_grid_and_fills_nothing() -> None:
    frame = align({"A": A, "B": B}, how="left").frame
    assert rows(frame, "A") == {0: 1.0, 1: 2.0, 2: 3.0, 4: 5.0}
    assert rows(frame, "B") == {0: None, 1: 10.0, 2: None, 4: 50.0}
    assert rows(align({"B": B, "A": A}, how="left").frame, "A") == {1: 2.0, 2: 3.0, 3: None, 4: 5.0, 9: None}


def test_outer_is_every_timestamp() -> None:
    late = series({20: None, 21: 7.0})
    frame = align({"A": A, "B": B, "C": late}, how="outer").frame
    assert rows(frame, "A") == {0: 1.0, 1: 2.0, 2: 3.0, 3: None, 4: 5.0, 9: None, 20: None, 21: None}
    assert rows(frame, "B")[2] is None


def test_asof_takes_the_last_value_within_the_tolerance() -> None:
    grid = series(dict.fromkeys(range(0, 10), 0.0))
    aligned = align({"G": grid, "A": A, "B": B}, how="asof", tolerance="2m", with_age=True)
    assert aligned.frame.columns == ["ts", "G", "G_age", "A", "A_age", "B", "B_age"]
    assert list(rows(aligned.frame, "A").values()) == [1.0, 2.0, 3.0, 3.0, 5.0, 5.0, 5.0, None, None, None]
    # The null at minute 2 is no value: the one before it is the last.
    assert list(rows(aligned.frame, "B").values()) == [
        None,
        10.0,
        10.0,
        40.0,
        50.0,
        50.0,
        50.0,
        None,
        None,
        100.0,
    ]
    assert aligned.frame.schema["B_age"] == pl.Duration("us")
    ages = [None if age is None else age // MINUTE for age in aligned.frame["B_age"]]
    assert ages == [None, 0, 1, 0, 0, 1, 2, None, None, 0]
    assert aligned.coverage.row(2)[:6] == ("A", "B", 7, 7, 6, 6 / 7)
    plain = align({"G": grid, "B": B}, how="asof", tolerance=2 * MINUTE)
    assert plain.frame.columns == ["ts", "G", "B"]
    exact = align({"G": grid, "B": B}, how="asof", tolerance=timedelta(0)).frame
    assert_frame_equal(exact, align({"G": grid, "B": B}, how="left").frame)


def test_coverage() -> None:
    coverage = align({"A": A, "B": B, "C": series({50: 1.0})}, how="outer").coverage
    assert coverage.columns == [
        "symbol_a",
        "symbol_b",
        "rows_a",
        "rows_b",
        "common",
        "share",
        "first",
        "last",
    ]
    assert coverage.rows() == [
        ("A", "B", 4, 4, 2, 0.5, START + MINUTE, START + 4 * MINUTE),
        ("A", "C", 4, 1, 0, 0.0, None, None),
        ("B", "C", 4, 1, 0, 0.0, None, None),
    ]
    assert align({"A": A}).coverage.is_empty()


def test_several_columns() -> None:
    a = A.with_columns(volume=pl.Series([1, 2, 3, None]))
    b = B.with_columns(volume=pl.Series([1, 2, 3, 4, 5]))
    frame = align({"A": a, "B": b}, column=["close", "volume"], how="left").frame
    assert frame.columns == ["ts", "A_close", "A_volume", "B_close", "B_volume"]
    assert rows(frame, "B_volume") == {0: None, 1: 1.0, 2: 2.0, 4: 4.0}
    # A row is a value only if it holds all columns, so minute 4 is none of A's.
    assert rows(align({"A": a, "B": b}, column=["close", "volume"]).frame, "A_close") == {1: 2.0}
    taken = align({"B": b, "A": a}, column=["close", "volume"], how="asof", tolerance="9m").frame
    assert rows(taken, "A_close")[4] == 3.0
    assert rows(taken, "A_volume")[4] == 3.0
    assert align({"A": a, "B": b}, column="volume").frame.columns == ["ts", "A", "B"]


MARKET = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.dictionaries(
        st.integers(0, 12),
        st.one_of(st.none(), st.just(float("nan")), st.floats(1, 9)),
        min_size=1,
        max_size=9,
    ).filter(lambda values: any(v is not None and v == v for v in values.values())),
    min_size=1,
    max_size=4,
)


@given(market=MARKET, how=st.sampled_from(["inner", "left", "outer", "asof"]), oldest=st.integers(0, 12))
def test_against_plain_python(
    market: dict[str, dict[int, float | None]], how: Literal["inner", "left", "outer", "asof"], oldest: int
) -> None:
    market = {symbol: dict(sorted(values.items())) for symbol, values in market.items()}
    known = {s: {at: v for at, v in values.items() if v is not None and v == v} for s, values in market.items()}
    first = next(iter(market))
    grid = {
        "inner": sorted(set.intersection(*map(set, known.values()))),
        "left": list(market[first]),
        "asof": list(market[first]),
        "outer": sorted(set.union(*map(set, market.values()))),
    }[how]
    expected: dict[str, dict[int, float | None]] = {}
    for symbol, values in known.items():
        if how != "asof":
            expected[symbol] = {at: values.get(at) for at in grid}
            continue
        stamps = list(values)
        found = {at: stamps[n - 1] if (n := bisect_right(stamps, at)) else -99 for at in grid}
        expected[symbol] = {at: values[found[at]] if at - found[at] <= oldest else None for at in grid}
    frames = {symbol: series(values) for symbol, values in market.items()}
    tolerance = MINUTE * oldest if how == "asof" else None
    nothing = [all(v is None for v in values.values()) for values in expected.values()]
    if how != "outer" and any(nothing):
        with pytest.raises(DataError) as caught:
            align(frames, how=how, tolerance=tolerance)
        assert caught.value.code == "no_overlap"
        return
    aligned = align(frames, how=how, tolerance=tolerance)
    assert {symbol: rows(aligned.frame, symbol) for symbol in market} == expected
    held = expected if how == "asof" else known
    for a, b, rows_a, rows_b, common, share, start, end in aligned.coverage.iter_rows():
        has_a, has_b = ({at for at, v in held[s].items() if v is not None} for s in (a, b))
        both = sorted(has_a & has_b)
        assert (rows_a, rows_b, common) == (len(has_a), len(has_b), len(both))
        assert share == len(both) / min(rows_a, rows_b)
        assert (start, end) == ((START + MINUTE * both[0], START + MINUTE * both[-1]) if both else (None, None))


def test_nothing_in_common_names_the_two_ranges() -> None:
    far = series({100: 1.0, 101: 2.0})
    ranges = (
        r"A 2024-01-01 00:00:00\+00:00 to 2024-01-01 00:04:00\+00:00 \(4 rows\); "
        r"F 2024-01-01 01:40:00\+00:00 to 2024-01-01 01:41:00\+00:00 \(2 rows\)"
    )
    with pytest.raises(DataError, match=ranges + r" \(1 more such pairs\)") as caught:
        align({"A": A, "B": B, "F": far})
    assert caught.value.code == "no_overlap"
    for how, tolerance in (("left", None), ("asof", "1m")):
        with pytest.raises(DataError, match=r"no value of F .*: F 2024-.* \(2 rows\); A 2024-.* \(4 rows\)"):
            align({"A": A, "F": far}, how=how, tolerance=tolerance)  # type: ignore[arg-type]
    assert align({"A": A, "F": far}, how="outer").frame.height == 6
    # Stamps half a minute apart: the ranges overlap, the candles never meet.
    shifted = A.with_columns(pl.col("ts") + timedelta(seconds=30))
    with pytest.raises(DataError, match="no timestamp in common"):
        align({"A": A, "S": shifted})
    with pytest.raises(DataError, match="no timestamp common to all 3 symbols"):
        align({"A": series({0: 1.0, 1: 1.0}), "B": series({1: 1.0, 2: 1.0}), "C": series({0: 1.0, 2: 1.0})})


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"how": "cross"}, "how must be one of inner, left, outer, asof, got 'cross'"),
        ({"how": "asof"}, "tolerance must be given"),
        ({"how": "asof", "tolerance": "1mo"}, "tolerance must be a timedelta or a duration string"),
        ({"how": "asof", "tolerance": 60}, "tolerance must be a timedelta or a duration string"),
        ({"how": "asof", "tolerance": ""}, "tolerance must be a timedelta or a duration string"),
        ({"how": "asof", "tolerance": "1ns"}, "tolerance must be whole microseconds"),
        ({"how": "asof", "tolerance": timedelta(-1)}, "tolerance must be from 0:00:00 to 3650 days"),
        ({"how": "asof", "tolerance": "999999999999w"}, "tolerance must be at most 3650 days"),
        ({"how": "left", "tolerance": "1h"}, "tolerance is for how='asof' only"),
        ({"with_age": True}, "with_age is for how='asof' only"),
        ({"column": []}, "column must name at least 1 column"),
        ({"column": ["close", "close"]}, "column names a column twice"),
    ],
)
def test_options_out_of_bounds(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        align({"A": A, "B": B}, **options)


def test_unusable_frames() -> None:
    with pytest.raises(ParameterError, match="at least 1 symbol"):
        align({})
    with pytest.raises(ParameterError, match="two columns of the result would be named ts"):
        align({"ts": A})
    with pytest.raises(ParameterError, match="named A_age"):
        align({"A": A, "A_age": B}, how="asof", tolerance="1m", with_age=True)
    with pytest.raises(DataError, match=r"B: no column 'close'; found: ts, last"):
        align({"A": A, "B": B.rename({"close": "last"})})
    with pytest.raises(DataError, match="A: no row holds a value of close"):
        align({"A": series({0: None, 1: float("inf")})})
    with pytest.raises(DataError, match="B: close has dtype Boolean"):
        align({"A": A, "B": B.with_columns(close=pl.lit(True))})
    with pytest.raises(OrderError, match="B: time runs backwards"):
        align({"A": A, "B": B.reverse()})
    with pytest.raises(OrderError, match="B: row 5 repeats"):
        align({"A": A, "B": pl.concat([B, B[-1:]])})
    not_a_frame: Any = {"A": A.to_dict()}
    with pytest.raises(DataError, match="A: expected a Polars DataFrame, got dict"):
        align(not_a_frame)


def test_units_and_zones_meet() -> None:
    naive = B.with_columns(pl.col("ts").dt.replace_time_zone(None).cast(pl.Datetime("ns")))
    assert_frame_equal(align({"A": A, "B": naive}).frame, align({"A": A, "B": B}).frame)


def test_inputs_are_not_modified() -> None:
    before = A.clone(), B.clone()
    align({"A": A, "B": B}, how="asof", tolerance="1m", with_age=True)
    assert_frame_equal(A, before[0])
    assert_frame_equal(B, before[1])


def test_asof_never_looks_ahead() -> None:
    market = simulate_market(n_bars=300, n_assets=2, gaps=6, seed=3)
    frames = dict(market.frames)
    whole = align(frames, how="asof", tolerance="6h").frame
    for cut in (150, 220, 299):
        end = frames["BTC"]["ts"][cut - 10]
        prefix = {symbol: frame.filter(pl.col("ts") <= end) for symbol, frame in frames.items()}
        assert_frame_equal(align(prefix, how="asof", tolerance="6h").frame, whole.filter(pl.col("ts") <= end))


def test_real_candles() -> None:
    frames = read_candles(present(HOURS), symbols=["BONK", "BTC", "FTT"])
    assert isinstance(frames, dict)
    aligned = align(frames, how="left")
    assert aligned.frame.height == 374
    bonk_btc, bonk_ftt, btc_ftt = aligned.coverage.iter_rows(named=True)
    assert (bonk_btc["rows_a"], bonk_btc["common"], bonk_btc["share"]) == (374, 372, 372 / 374)
    assert btc_ftt["common"] == frames["FTT"].join(frames["BTC"], on="ts").height
    assert bonk_ftt["first"] == frames["BONK"]["ts"][0]
    everything = read_candles(HOURS)
    assert isinstance(everything, dict)
    with pytest.raises(DataError, match=r"ARB 2023-03-23 .*; SRM 2021-04-04 .* to 2022-11-28"):
        align(everything)
    assert align(everything, how="outer").frame.shape == (23990, 51)


@pytest.mark.parametrize("frames", [[1, 2], {1: None}, "BTC"])
def test_frames_must_be_a_mapping_of_symbols(frames):
    with pytest.raises(ParameterError, match="frames must be a mapping"):
        align(frames)
