"""Reading candle files and checking candle frames."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, overload

import polars as pl

from ..errors import DataError, ParameterError
from .columns import match_columns, to_float
from .symbols import symbols_of
from .times import UTC_MICROSECONDS, check_order, to_utc

CANDLE_SCHEMA: Final = pl.Schema(
    {"ts": UTC_MICROSECONDS} | dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64())
)

_FORMATS: Final[dict[str, str]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".csv.gz": "csv",
    ".feather": "ipc",
    ".ipc": "ipc",
    ".arrow": "ipc",
}

# A damaged file can also make the Arrow reader panic, which is not an Exception.
_READ_ERRORS: Final = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    OSError,
    EOFError,
    zlib.error,
)


@overload
def read_candles(
    path: str | os.PathLike[str], *, symbols: Sequence[str], columns: Mapping[str, str] | None = None
) -> dict[str, pl.DataFrame]: ...
@overload
def read_candles(
    path: str | os.PathLike[str], *, symbols: None = None, columns: Mapping[str, str] | None = None
) -> pl.DataFrame | dict[str, pl.DataFrame]: ...
def read_candles(
    path: str | os.PathLike[str],
    *,
    symbols: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> pl.DataFrame | dict[str, pl.DataFrame]:
    """Read candles from one file, or from a folder with one file per symbol.

    Parameters
    ----------
    path : str or path
        A Parquet (``.parquet``, ``.pq``), CSV (``.csv``, ``.tsv``, ``.csv.gz``; comma, semicolon or tab,
        with a header) or Arrow IPC (``.feather``, ``.ipc``, ``.arrow``) file, or a folder of them in one
        format. Hidden files, files of other kinds and subfolders are passed over.
    symbols : sequence of str, optional
        Only for a folder: the symbols to read, in the order wanted; all by default. A symbol is the
        file's name without extension, and without a candle length (``-1h``, ``_1m``, ``-1m-futures``) and
        a quote currency (``USDT``, ``_USDT``, ``-USD``) where every file of the folder ends in the same
        one: ``BTC_USDT-1h.feather`` is BTC. Files of different candle lengths in one folder are refused.
    columns : mapping of str to str, optional
        Field (``ts``, ``open``, ``high``, ``low``, ``close``, ``volume``) to the file's column, where its
        name is not one of the common ones. Those are found whatever their case: ts, timestamp, time,
        open_time, date, datetime; open, o; high, h; low, l; close, c; volume, v, vol.

    Returns
    -------
    DataFrame, or dict of str to DataFrame for a folder
        Columns ``ts`` (Datetime("us", "UTC")), ``open``, ``high``, ``low``, ``close``, ``volume``
        (Float64), the rows of the file in their order. NaN and infinity are null. A dict is sorted by
        symbol, or in the order of `symbols`.

    Raises
    ------
    DataError
        No such path, an unknown extension, an unreadable or empty file, a missing or ambiguous column, a
        timestamp of no certain unit, a price of 0 or below, high or low that contradict the other prices,
        negative volume, a folder without candle files or with several formats, a symbol that is not
        there.
    OrderError
        Time runs backwards or a timestamp comes twice.
    ParameterError
        `symbols` with a single file, or a plain string for it.

    Notes
    -----
    Numbers as timestamps are in seconds, ms, us or ns, whichever puts them between the years 1980 and 2100; values
    outside, or of two units in one file, are refused. Text without an offset, and naive datetimes, are UTC.

    Only the six columns are read. Cost is that of reading them once, one file at a time, plus a few
    passes.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from comove.data import read_candles
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> lines = ["Open time,Open,High,Low,Close,Volume", "1704067200000,10,12,9,11,5"]
    >>> _ = (folder / "BTCUSDT.csv").write_text(chr(10).join(lines))
    >>> read_candles(folder / "BTCUSDT.csv")["close"].to_list()
    [11.0]
    >>> list(read_candles(folder))
    ['BTC']
    """
    if not isinstance(path, str | os.PathLike):
        raise ParameterError(f"path must be a str or a path, got {type(path).__name__}", "path")
    place = Path(path).expanduser()
    if place.is_dir():
        return _read_folder(place, symbols, columns)
    if symbols is not None:
        raise ParameterError(f"symbols is for a folder; {place} is not one", "symbols")
    if not place.exists():
        raise DataError(f"{place}: no such file or folder", "path")
    return _read_file(place, columns)


def as_candles(
    frame: pl.DataFrame | pl.LazyFrame, *, columns: Mapping[str, str] | None = None, source: str = "frame"
) -> pl.DataFrame:
    """Bring a frame of candles into the form `read_candles` returns, with the same checks.

    Parameters
    ----------
    frame : DataFrame or LazyFrame
        With the columns of a candle, spelled and typed in any way `read_candles` accepts; others are
        dropped.
    columns : mapping of str to str, optional
        As in `read_candles`.
    source : str
        What messages call the data.

    Returns
    -------
    DataFrame
        With the schema `CANDLE_SCHEMA`.

    Raises
    ------
    DataError, OrderError
        As `read_candles`.

    Examples
    --------
    >>> import polars as pl
    >>> from comove.data import as_candles
    >>> raw = pl.DataFrame({"date": ["2024-01-01"], "o": [1], "h": [2], "l": [1], "c": [2], "vol": [0]})
    >>> as_candles(raw).columns
    ['ts', 'open', 'high', 'low', 'close', 'volume']
    """
    lazy = frame.lazy()
    picked = match_columns(lazy.collect_schema().names(), columns, source=source)
    # Two fields may name one column, so they are taken one by one.
    raw = lazy.select([pl.col(column).alias(field) for field, column in picked.items()]).collect()
    if raw.is_empty():
        raise DataError(f"{source}: there are no rows", "file_empty")
    ts = to_utc(raw["ts"], source=source)
    check_order(ts, source=source)
    candles = pl.DataFrame(
        [
            ts.alias("ts"),
            *(to_float(raw[field], field, source=source).alias(field) for field in raw.columns[1:]),
        ]
    )
    _check_values(candles, source)
    return candles.rechunk()


def _check_values(candles: pl.DataFrame, source: str) -> None:
    prices = ("open", "high", "low", "close")
    rules = {
        **{price: (pl.col(price) <= 0, f"{price} must be above 0", "price_sign") for price in prices},
        "top": (
            pl.col("high") < pl.max_horizontal("open", "low", "close"),
            "high must not be below open, low or close",
            "candle_shape",
        ),
        "bottom": (
            pl.col("low") > pl.min_horizontal("open", "close"),
            "low must not be above open or close",
            "candle_shape",
        ),
        "volume": (pl.col("volume") < 0, "volume must not be negative", "volume_sign"),
    }
    broken = candles.select(mask.any().alias(rule) for rule, (mask, _, _) in rules.items()).row(0, named=True)
    for rule, (mask, text, code) in rules.items():
        if broken[rule]:
            row = candles.with_row_index("row").filter(mask).row(0, named=True)
            held = ", ".join(f"{field} {row[field]}" for field in (*prices, "volume"))
            raise DataError(f"{source}: {text}; row {row['row']} at {row['ts']} has {held}", code)


def _extension(place: Path) -> str:
    """Return the extension in lower case, ``""`` if it is none of a candle file."""
    name = place.name.lower()
    ends = [end for end in _FORMATS if name.endswith(end) and len(name) > len(end)]
    return max(ends, key=len, default="")


def read_with(path: str | os.PathLike[str], more: Sequence[str]) -> pl.DataFrame:
    """Read the candles of one file as `read_candles`, with other columns of numbers where it has them.

    Raises
    ------
    DataError, OrderError
        As `read_candles`, and where one of the columns holds something else than numbers.
    """
    return _read_file(Path(path), None, more)


def _read_file(place: Path, columns: Mapping[str, str] | None, more: Sequence[str] = ()) -> pl.DataFrame:
    extension = _extension(place)
    if not extension:
        raise DataError(
            f"{place}: the extension must be one of {', '.join(_FORMATS)}, got {place.suffix!r}",
            "file_format",
        )
    source = str(place)
    try:
        if place.stat().st_size == 0:
            raise DataError(f"{source}: the file is empty", "file_empty")
        lazy = _scan(place, extension)
        names = lazy.collect_schema().names()
        picked = match_columns(names, columns, source=source)
        others = [name for name in more if name in names]
        raw = lazy.select(list(dict.fromkeys([*picked.values(), *others]))).collect()
    except _READ_ERRORS as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{source}: cannot be read as {_FORMATS[extension]}: {reason[0]}", "file_unreadable") from error
    candles = as_candles(raw, columns=picked, source=source)
    return candles.with_columns(to_float(raw[name], name, source=source).alias(name) for name in others)


def _scan(place: Path, extension: str) -> pl.LazyFrame:
    """Open the file as a lazy frame, without globbing: brackets and stars are part of a name here."""
    if _FORMATS[extension] == "parquet":
        return pl.scan_parquet(place, glob=False, hive_partitioning=False)
    if _FORMATS[extension] == "ipc":
        with place.open("rb") as file:
            if file.read(6) == b"ARROW1":
                return pl.scan_ipc(place, glob=False, hive_partitioning=False)
        return pl.read_ipc_stream(place).lazy()
    # Polars reads a cut gzip file as far as it goes; this refuses it by its checksum.
    content = gzip.decompress(place.read_bytes()) if extension.endswith(".gz") else place
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        header = file.readline()
    separator = max((",", ";", "\t"), key=lambda mark: header.count(mark.encode()))
    # Everything as text: a dtype guessed from the first rows fails on a later one, and says so less clearly.
    return pl.scan_csv(content, separator=separator, infer_schema=False, glob=False)


def candle_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Find the candle files of a folder, without opening them.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    dict of str to Path
        Symbol, as in `read_candles`, to its file; sorted by symbol.

    Raises
    ------
    DataError
        No such folder, no candle files in it, files of several formats or candle lengths.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise DataError(f"{place}: no such folder", "path")
    entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file() and _extension(entry)]
    if not files:
        below = [entry.name for entry in entries if entry.is_dir()]
        hint = f"; it has the subfolders {', '.join(below)}" if below else ""
        raise DataError(f"{place}: no candle files (one of {', '.join(_FORMATS)}) in this folder{hint}", "folder_empty")
    formats = Counter(_FORMATS[_extension(file)] for file in files)
    if len(formats) > 1:
        held = ", ".join(f"{name} ({count})" for name, count in sorted(formats.items()))
        raise DataError(f"{place}: files of several formats in one folder: {held}; keep one", "folder_mixed")
    stems = [file.name[: len(file.name) - len(_extension(file))] for file in files]
    return dict(sorted(zip(symbols_of(stems, source=str(place)), files, strict=True)))


def _read_folder(
    folder: Path, symbols: Sequence[str] | None, columns: Mapping[str, str] | None
) -> dict[str, pl.DataFrame]:
    if isinstance(symbols, str):
        raise ParameterError(f"symbols must be a sequence of names, got the string {symbols!r}", "symbols")
    by_symbol = candle_files(folder)
    wanted = list(by_symbol) if symbols is None else list(dict.fromkeys(symbols))
    if not wanted:
        raise ParameterError("symbols must name at least 1 symbol, got none", "symbols")
    unknown = [symbol for symbol in wanted if symbol not in by_symbol]
    if unknown:
        raise DataError(
            f"{folder}: no file for {', '.join(map(str, unknown))}; there are: {', '.join(by_symbol)}",
            "symbol_unknown",
        )
    return {symbol: _read_file(by_symbol[symbol], columns) for symbol in wanted}
