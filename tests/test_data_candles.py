"""Reading candles: every form that is accepted gives the same frame, everything else its error."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from comove.data import CANDLE_SCHEMA, as_candles, read_candles
from comove.errors import ComoveError, DataError, OrderError, ParameterError
from recorded_data import DATA, present

SETS = ("1h", "1h_2024", "5m_2024", "1m", "1h_perp", "1h_2017_2022", "1d")
STARTS = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(4)]


def candles(**changed: Any) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "ts": pl.Series(STARTS, dtype=pl.Datetime("us", "UTC")),
        "open": [10.0, 11.0, 12.5, 12.0],
        "high": [12.0, 13.0, 13.0, 12.25],
        "low": [9.5, 10.0, 11.0, 11.5],
        "close": [11.0, 12.5, 12.0, 11.75],
        "volume": [1.0, 0.0, 3.5, 1e9],
    }
    return pl.DataFrame(columns | changed)


def one(path: Path, **options: Any) -> pl.DataFrame:
    frame = read_candles(path, **options)
    assert isinstance(frame, pl.DataFrame)
    return frame


def folder(path: Path, **options: Any) -> dict[str, pl.DataFrame]:
    frames = read_candles(path, **options)
    assert isinstance(frames, dict)
    return frames


def gzipped(frame: pl.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(frame.write_csv().encode()))


WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "x.parquet": lambda frame, path: frame.write_parquet(path),
    "x.PQ": lambda frame, path: frame.write_parquet(path),
    "x.csv": lambda frame, path: frame.write_csv(path),
    "semicolon.csv": lambda frame, path: frame.write_csv(path, separator=";"),
    "mark.csv": lambda frame, path: frame.write_csv(path, include_bom=True),
    "x.tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "x.csv.gz": gzipped,
    "x.feather": lambda frame, path: frame.write_ipc(path, compression="zstd"),
    "x.ipc": lambda frame, path: frame.write_ipc(path),
    "x.arrow": lambda frame, path: frame.write_ipc_stream(path),
    "odd [1]*.parquet": lambda frame, path: frame.write_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_frame(name: str, tmp_path: Path) -> None:
    WRITERS[name](candles().with_columns(extra=pl.lit("x")), tmp_path / name)
    frame = one(tmp_path / name)
    assert frame.schema == CANDLE_SCHEMA
    assert_frame_equal(frame, candles())
    assert_frame_equal(one(Path(str(tmp_path)) / name), frame)


@given(
    names=st.tuples(
        st.sampled_from(["ts", "timestamp", "time", "open_time", "openTime", "Open Time", "date", "datetime"]),
        st.sampled_from(["o", "open"]),
        st.sampled_from(["h", "high"]),
        st.sampled_from(["l", "low"]),
        st.sampled_from(["c", "close"]),
        st.sampled_from(["v", "volume", "vol"]),
    ),
    case=st.sampled_from([str.lower, str.upper, str.title, lambda name: f" {name} "]),
    order=st.permutations(range(6)),
)
def test_common_spellings(names: tuple[str, ...], case: Callable[[str], str], order: list[int]) -> None:
    plain = candles()
    spelled = plain.rename(dict(zip(plain.columns, map(case, names), strict=True)))
    assert_frame_equal(as_candles(spelled[:, order]), plain)


UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31, 23), timezones=st.just(UTC))


@given(first=MOMENTS, unit=st.sampled_from(sorted(UNITS)), form=st.sampled_from(["int", "text", "float"]))
def test_numbers_as_time(first: datetime, unit: str, form: str) -> None:
    first = first.replace(microsecond=0)
    ts = [first + timedelta(minutes=n) for n in range(4)]
    exact = [int((t - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * int(1_000_000 / UNITS[unit]) for t in ts]
    values = pl.Series([str(n) for n in exact] if form == "text" else exact)
    frame = candles(ts=values.cast(pl.Float64) if form == "float" else values)
    assert as_candles(frame)["ts"].to_list() == ts


def test_fractions_of_a_second() -> None:
    expected = [start + timedelta(milliseconds=250) for start in STARTS]
    seconds = [start.timestamp() + 0.25 for start in STARTS]
    assert as_candles(candles(ts=seconds))["ts"].to_list() == expected
    assert as_candles(candles(ts=[f"{s:.2f}" for s in seconds]))["ts"].to_list() == expected
    # Below a microsecond time is cut.
    assert as_candles(candles(ts=[int(s * 1_000_000) * 1_000 + 999 for s in seconds]))["ts"].to_list() == expected


@pytest.mark.parametrize(
    "ts",
    [
        pl.Series(STARTS).cast(pl.Datetime("ns", "UTC")),
        pl.Series(STARTS).cast(pl.Datetime("ms", "UTC")),
        pl.Series(STARTS).dt.replace_time_zone(None),
        pl.Series(STARTS).dt.convert_time_zone("Asia/Tokyo"),
        [t.strftime("%Y-%m-%d %H:%M:%S") for t in STARTS],
        [t.strftime("%Y-%m-%dT%H:%M") for t in STARTS],
        [t.isoformat() for t in STARTS],
        [t.strftime("%Y-%m-%dT%H:%M:%S.000000000Z") for t in STARTS],
        [t.strftime("%Y-%m-%d %H:%M:%S UTC") for t in STARTS],
        [t.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat() for t in STARTS],
        [t.astimezone(timezone(timedelta(hours=-4))).strftime("%Y-%m-%d %H:%M:%S%z") for t in STARTS],
        [f" {'2024-01-01' if n == 0 else STARTS[n].isoformat()}" for n in range(4)],
        pl.Series([t.isoformat() for t in STARTS], dtype=pl.Categorical),
    ],
)
def test_dates_as_time(ts: Any) -> None:
    assert as_candles(candles(ts=ts))["ts"].to_list() == STARTS


def test_days_are_midnight() -> None:
    days = [date(2024, 2, day) for day in (27, 28, 29)]
    expected = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    assert as_candles(candles()[:3].with_columns(ts=pl.Series(days)))["ts"].to_list() == expected
    assert as_candles(candles()[:3].with_columns(ts=pl.Series(map(str, days))))["ts"].to_list() == expected


@pytest.mark.parametrize(
    ("ts", "code"),
    [
        ([0, 1, 2, 3], "ts_unit"),  # row numbers
        ([20240101, 20240102, 20240103, 20240104], "ts_unit"),
        ([1704067200, 1704067260, 1704067320000, 1704067380000], "ts_unit"),  # one file, two units
        ([1704067200000000, 1704067200000, 1704067320000, 1704067380000], "ts_unit"),
        ([-1, 1704067260, 1704067320, 1704067380], "ts_unit"),
        (pl.Series([2**64 - 1] * 4, dtype=pl.UInt64), "ts_missing"),
        ([1704067200, None, 1704067320, 1704067380], "ts_missing"),
        ([1704067200.0, float("nan"), 1704067320.0, 1704067380.0], "ts_missing"),
        ([STARTS[0], None, *STARTS[2:]], "ts_missing"),
        (["2024-01-01", None, "2024-01-03", "2024-01-04"], "ts_format"),
        (["01/02/2024", "02/02/2024", "03/02/2024", "04/02/2024"], "ts_format"),  # day or month first?
        (["2024-02-28", "2024-02-29", "2024-02-30", "2024-03-01"], "ts_format"),
        (["2024-01-01", "1704067260", "2024-01-03", "2024-01-04"], "ts_format"),
        ([True, False, True, False], "ts_dtype"),
        (pl.Series([[1], [2], [3], [4]]), "ts_dtype"),
    ],
)
def test_time_of_uncertain_meaning_is_refused(ts: Any, code: str) -> None:
    with pytest.raises(DataError, match="frame: ts") as caught:
        as_candles(candles(ts=ts))
    assert caught.value.code == code


def test_time_that_runs_backwards_names_the_row_and_both_times() -> None:
    with pytest.raises(OrderError, match=r"row 2: 2024-01-01 02:00:00.* followed by 2024-01-01 01:00:00") as caught:
        as_candles(candles()[[0, 2, 1, 3]])
    assert caught.value.code == "ts_order"
    with pytest.raises(OrderError, match="oldest first"):
        as_candles(candles().reverse())
    with pytest.raises(OrderError, match=r"row 2 repeats the timestamp of row 1, 2024-01-01 01:00:00") as caught:
        as_candles(candles()[[0, 1, 1, 2]])
    assert caught.value.code == "ts_duplicate"


@pytest.mark.parametrize(
    ("changed", "code", "match"),
    [
        (
            {"close": [11.0, 0.0, 12.0, 11.75]},
            "price_sign",
            r"close must be above 0; row 1 at 2024-01-01 01:00.*close 0.0",
        ),
        ({"open": [10.0, 11.0, -12.5, 12.0]}, "price_sign", "open must be above 0; row 2"),
        (
            {"high": [12.0, 13.0, 12.0, 12.25]},
            "candle_shape",
            "high must not be below open, low or close; row 2",
        ),
        (
            {"high": [12.0, 9.0, 13.0, 12.25], "open": [None] * 4, "close": [None] * 4},
            "candle_shape",
            "row 1",
        ),
        ({"low": [9.5, 11.5, 11.0, 11.5]}, "candle_shape", "low must not be above open or close; row 1"),
        ({"volume": [1.0, 0.0, 3.5, -1.0]}, "volume_sign", "volume must not be negative; row 3"),
        ({"close": ["11", "12.5", "twelve", "11.75"]}, "not_a_number", "close in row 2 is 'twelve'"),
        ({"close": [True] * 4}, "column_dtype", "close has dtype Boolean"),
    ],
)
def test_impossible_candles_are_refused(changed: dict[str, Any], code: str, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        as_candles(candles(**changed))
    assert caught.value.code == code


def test_missing_values_become_null() -> None:
    frame = as_candles(candles(close=[float("nan"), float("inf"), None, 11.75], volume=[None] * 4))
    assert frame["close"].to_list() == [None, None, None, 11.75]
    assert frame.schema == CANDLE_SCHEMA
    text = as_candles(candles(close=["", " NaN", "null", "+1175e-2"]))
    assert text["close"].to_list() == [None, None, None, 11.75]


@pytest.mark.parametrize(
    "dtype", [pl.Float32, pl.Int16, pl.UInt64, pl.Int128, pl.UInt128, pl.Decimal(10, 2), pl.String]
)
def test_prices_of_any_numeric_dtype(dtype: Any) -> None:
    whole = candles().with_columns(pl.col("open", "high", "low", "close").round(0) + pl.Series([0, 1, 1, 0]))
    whole = whole.with_columns(high=pl.lit(20.0), low=pl.lit(5.0))
    assert_frame_equal(as_candles(whole.with_columns(pl.col("close", "high").cast(dtype))), whole)


def test_decimal_is_not_cut() -> None:
    close = pl.Series([Decimal("11.01"), Decimal("12.5"), Decimal("12.0"), Decimal("11.75")])
    assert as_candles(candles(close=close))["close"].to_list() == [11.01, 12.5, 12.0, 11.75]


def test_missing_and_ambiguous_columns() -> None:
    with pytest.raises(DataError, match=r"no column for close, volume .*found: ts, open, high, low, last") as caught:
        as_candles(candles().drop("volume").rename({"close": "last"}))
    assert caught.value.code == "columns_missing"
    both = candles().with_columns(Date=pl.col("ts"))
    with pytest.raises(DataError, match="'ts' and 'Date' could each be ts") as caught:
        as_candles(both)
    assert caught.value.code == "columns_ambiguous"
    assert_frame_equal(as_candles(both, columns={"ts": "Date"}), candles())
    assert_frame_equal(as_candles(candles().rename({"close": "last"}), columns={"close": "last"}), candles())
    assert as_candles(candles(), columns={"open": "close"})["open"].to_list() == candles()["close"].to_list()
    with pytest.raises(DataError, match="no column 'x' for close"):
        as_candles(candles(), columns={"close": "x"})
    with pytest.raises(ParameterError, match="'last' is not one of"):
        as_candles(candles(), columns={"last": "close"})


def test_lazy_frames_are_read_by_their_six_columns() -> None:
    lazy = candles().lazy().with_columns(boom=pl.col("open").map_batches(lambda s: 1 / 0, return_dtype=pl.Int64))
    assert_frame_equal(as_candles(lazy), candles())


def test_input_is_not_modified() -> None:
    raw = candles(close=[float("nan"), 12.5, 12.0, 11.75])
    before = raw.clone()
    as_candles(raw)
    assert_frame_equal(raw, before)


def test_a_file_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1704067200000,10,12,9,11,5\n1704067260000,10,12,9,11,5\n")
    with pytest.raises(DataError, match="header line is needed"):
        read_candles(tmp_path / "x.csv")


@pytest.mark.parametrize("late", ["0.5", "1e3", "12345678901234567890"])
def test_a_csv_column_may_change_its_look_half_way(late: str, tmp_path: Path) -> None:
    rows = [f"{1704067200 + 60 * n},10,12,9,11,{n}" for n in range(3000)]
    rows[-1] = rows[-1].rsplit(",", 1)[0] + f",{late}"
    (tmp_path / "x.csv").write_text("\n".join(["time,o,h,l,c,v", *rows]))
    assert one(tmp_path / "x.csv")["volume"][-1] == float(late)


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.feather", "x.csv.gz"])
def test_empty_and_foreign_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(DataError, match="the file is empty") as caught:
        read_candles(path)
    assert caught.value.code == "file_empty"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(DataError):
        read_candles(path)
    WRITERS[name](candles().clear(), path)
    with pytest.raises(DataError, match="there are no rows") as caught:
        read_candles(path)
    assert caught.value.code == "file_empty"


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.feather", "x.arrow", "x.csv.gz"])
def test_damaged_files_never_raise_anything_else(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](candles(), path)
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(3)
    # A cut CSV file or stream is a shorter one; the other formats notice.
    for turn in range(60):
        bad = whole[: rng.integers(1, len(whole))] if turn % 2 else whole.copy()
        bad = bad ^ (rng.random(len(bad)) < 0.02) * rng.integers(1, 256, len(bad)).astype(np.uint8)
        path.write_bytes(bad.astype(np.uint8).tobytes())
        with contextlib.suppress(DataError):
            assert one(path).schema == CANDLE_SCHEMA
        if turn % 2 and name not in ("x.csv", "x.arrow"):
            path.write_bytes(whole[: rng.integers(1, len(whole))].tobytes())
            with pytest.raises(DataError):
                read_candles(path)


def test_wrong_paths(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_candles(tmp_path / "none.csv")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match=r"extension must be one of .parquet") as caught:
        read_candles(tmp_path / "x.json")
    assert caught.value.code == "file_format"
    not_a_path: Any = 7
    with pytest.raises(ParameterError, match="got int"):
        read_candles(not_a_path)


def fill(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        WRITERS["x" + name[name.index(".") :]](candles(), path / name)
    return path


@pytest.mark.parametrize(
    ("stems", "symbols"),
    [
        (["ETH", "BTC"], ["BTC", "ETH"]),
        (["BTC", "ETH", "USDC"], ["BTC", "ETH", "USDC"]),
        (["BTCUSDT", "ETHUSDT", "USDCUSDT", "TUSDT"], ["BTC", "ETH", "T", "USDC"]),
        (["BTC_USDT", "1000SATS_USDT"], ["1000SATS", "BTC"]),
        (["BTC_USDT-1h", "ETH_USDT-1h"], ["BTC", "ETH"]),
        (["BTCUSDT_1h", "ETHUSDT_1h"], ["BTC", "ETH"]),
        (["BTC_USDT_USDT-1m-futures", "ADA_USDT_USDT-1m-futures"], ["ADA", "BTC"]),
        (["BTC-USD", "ETH_USD"], ["BTC", "ETH"]),
        (["btcusdt", "ethusdt"], ["btc", "eth"]),
        (["BTCFDUSD", "FDUSD"], ["BTCFDUSD", "FDUSD"]),
        (["BTCUSDT", "ETHBTC"], ["BTCUSDT", "ETHBTC"]),  # quotes differ: names stay whole
        (["BTCUSDT-1h", "ETHBTC-1h"], ["BTCUSDT", "ETHBTC"]),
        (["BTCUSDT", "ETHUSDC"], ["BTCUSDT", "ETHUSDC"]),
        (["BTCUSDT"], ["BTC"]),
        (["USDT"], ["USDT"]),
        (["BTC-1h", "ETH"], ["BTC-1h", "ETH"]),
    ],
)
def test_symbols_come_from_file_names(stems: list[str], symbols: list[str], tmp_path: Path) -> None:
    fill(tmp_path / "in", *(f"{stem}.parquet" for stem in stems))
    frames = folder(tmp_path / "in")
    assert list(frames) == symbols
    assert all(frame.equals(candles()) for frame in frames.values())


def test_a_selection_of_symbols(tmp_path: Path) -> None:
    place = fill(tmp_path / "in", "BTCUSDT.csv", "ETHUSDT.csv", "SOLUSDT.csv")
    assert list(folder(place, symbols=["SOL", "BTC"])) == ["SOL", "BTC"]
    # A file that was not asked for is not opened.
    (place / "ETHUSDT.csv").write_text("broken")
    assert list(folder(place, symbols=["BTC"])) == ["BTC"]
    with pytest.raises(DataError, match=r"ETHUSDT.csv: no column for ts"):
        read_candles(place)
    with pytest.raises(DataError, match=r"no file for WIF, eth; there are: BTC, ETH, SOL") as caught:
        read_candles(place, symbols=["WIF", "BTC", "eth"])
    assert caught.value.code == "symbol_unknown"
    with pytest.raises(ParameterError, match="got the string 'BTC'"):
        read_candles(place, symbols="BTC")
    with pytest.raises(ParameterError, match="at least 1 symbol"):
        read_candles(place, symbols=[])
    with pytest.raises(ParameterError, match="symbols is for a folder"):
        read_candles(place / "BTCUSDT.csv", symbols=["BTC"])


def test_folders_without_or_with_mixed_candles(tmp_path: Path) -> None:
    fill(tmp_path / "up" / "1h", "BTC.csv")
    (tmp_path / "up" / "README.md").write_text("about")
    (tmp_path / "up" / ".hidden.csv").write_text("x")
    with pytest.raises(DataError, match=r"no candle files .* it has the subfolders 1h") as caught:
        read_candles(tmp_path / "up")
    assert caught.value.code == "folder_empty"
    (tmp_path / "up" / "ETH.csv").write_bytes((tmp_path / "up" / "1h" / "BTC.csv").read_bytes())
    assert list(folder(tmp_path / "up")) == ["ETH"]
    with pytest.raises(DataError, match=r"several formats in one folder: csv \(1\), parquet \(2\)") as caught:
        read_candles(fill(tmp_path / "formats", "BTC.csv", "ETH.parquet", "SOL.parquet"))
    assert caught.value.code == "folder_mixed"
    with pytest.raises(DataError, match=r"several lengths in one folder: 1h \(2\), 5m \(1\)") as caught:
        read_candles(fill(tmp_path / "lengths", "BTC-1h.csv", "BTC-5m.csv", "ETH-1h.csv"))
    assert caught.value.code == "folder_mixed"
    with pytest.raises(DataError, match=r"both of symbol BTC") as caught:
        read_candles(fill(tmp_path / "twice", "BTC_USDT.csv", "BTCUSDT.csv"))
    assert caught.value.code == "symbol_duplicate"


@pytest.mark.parametrize("name", SETS)
def test_real_candles_are_returned_as_they_are(name: str) -> None:
    place = present(DATA / "ohlcv" / name)
    frames = folder(place)
    assert list(frames) == sorted(path.stem for path in place.glob("*.parquet"))
    for symbol, frame in frames.items():
        assert frame.schema == CANDLE_SCHEMA
        assert_frame_equal(frame, pl.read_parquet(place / f"{symbol}.parquet"), check_exact=True)


@settings(max_examples=50)
@given(st.data())
def test_any_frame_gives_candles_or_a_comove_error(data: st.DataObject) -> None:
    number = st.one_of(st.floats(), st.integers(-3, 3), st.none())
    size = data.draw(st.integers(0, 4))
    columns: dict[str, Any] = {}
    for name in CANDLE_SCHEMA:
        value = data.draw(st.sampled_from([number, st.text(max_size=4), st.booleans(), MOMENTS]))
        columns[name] = data.draw(st.lists(value, min_size=size, max_size=size))
    with contextlib.suppress(ComoveError):
        assert as_candles(pl.DataFrame(columns, strict=False)).schema == CANDLE_SCHEMA


def test_columns_must_be_a_mapping():
    frame = pl.DataFrame(
        {"ts": [1704067200], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1.0]}
    )
    with pytest.raises(ParameterError, match="columns must be a mapping"):
        as_candles(frame, columns=["ts"])


@pytest.mark.parametrize("zone", ["+99:99", "+15:00", "+02:60"])
def test_offsets_that_no_zone_has(zone):
    frame = pl.DataFrame(
        {"ts": [f"2024-01-01T00:00:00{zone}"], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}
    )
    with pytest.raises(DataError, match="ISO 8601"):
        as_candles(frame)
