"""What the commands on a candle folder share: which symbols they take, their progress, and how they write files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import click
import polars as pl

from comove.cli.console import fail
from comove.data.candles import read_with
from comove.errors import ComoveError, ParameterError
from comove.files import draft_of, whole_file
from comove.options import LEAST_PAIR_WINDOW, MAX_LIVE_ROWS, MOST_LAG
from comove.plots import check_plotly
from comove.progress import open_progress

__all__ = [
    "TABLE_FORMATS",
    "asked",
    "assets_option",
    "candles_of",
    "check_outputs",
    "check_page",
    "chosen",
    "data_option",
    "file_option",
    "leaders_option",
    "max_lag_option",
    "open_progress",
    "read_each",
    "refuse_failures",
    "top_option",
    "try_writing",
    "window_option",
    "write_page",
    "write_table",
    "write_whole",
]

_Read = TypeVar("_Read")

#: Endings of a file of results.
TABLE_FORMATS: Final = (".csv", ".parquet", ".json")

#: Leaders, or sources, of a command that is not told any.
_USUAL_LEADERS: Final = "BTC,ETH,SOL"

_Command: TypeAlias = Callable[..., None]
_Option: TypeAlias = Callable[[_Command], _Command]

data_option = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder with one candle file per symbol (Parquet, CSV or Arrow), such as BTC.parquet.",
)


def _check_window(_context: click.Context, _option: click.Parameter, window: int) -> int:
    if 0 < window < LEAST_PAIR_WINDOW:
        raise click.UsageError(f"--window must be 0 or at least {LEAST_PAIR_WINDOW}, got {window}")
    return window


#: The last candles of each asset.
window_option = click.option(
    "--window",
    type=click.IntRange(min=0, max=MAX_LIVE_ROWS),
    default=0,
    callback=_check_window,
    metavar="ROWS",
    help="Only the last candles of each asset, at least 3; 0, the default, takes all.",
)


def assets_option(use: str, all_of_them: str) -> _Option:
    """Return the option of the coins a command looks at."""
    return click.option(
        "--assets",
        default="all",
        show_default=True,
        metavar="A,B,...|all",
        help=f"Coins to {use}; 'all' is every symbol of the folder{all_of_them}.",
    )


def leaders_option(name: str, use: str) -> _Option:
    """Return the option of the coins the others are compared with."""
    return click.option(
        name,
        default=_USUAL_LEADERS,
        show_default=True,
        metavar="A,B,...",
        help=f"Coins {use}; from the same folder.",
    )


def max_lag_option(use: str) -> _Option:
    """Return the option of how far apart moves are compared."""
    return click.option(
        "--max-lag",
        type=click.IntRange(min=1, max=MOST_LAG),
        default=10,
        show_default=True,
        metavar="ROWS",
        help=f"Candles to look back and ahead{use}.",
    )


def top_option(what: str, metavar: str) -> _Option:
    """Return the option of how much is printed."""
    return click.option(
        "--top",
        type=click.IntRange(min=0),
        default=20,
        show_default=True,
        metavar=metavar,
        help=f"{what}; 0 prints all. Files hold all.",
    )


def file_option(name: str, metavar: str, what: str) -> _Option:
    """Return the option of a file to write besides."""
    return click.option(name, type=click.Path(dir_okay=False, path_type=Path), metavar=metavar, help=f"Also {what}.")


def chosen(option: str, text: str, available: Iterable[str]) -> list[str]:
    """Return the symbols of a comma-separated list, in any case, each once."""
    known = {symbol.upper(): symbol for symbol in available}
    wanted = list(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not wanted:
        raise click.UsageError(f"{option} names no symbol.")
    unknown = [symbol for symbol in wanted if symbol not in known]
    if unknown:
        raise fail(f"{option}: no candle file of {', '.join(unknown)}; there are: {', '.join(known.values())}")
    return [known[symbol] for symbol in wanted]


def asked(files: Mapping[str, Path], assets: str, option: str, leaders: str) -> tuple[list[str], list[str], list[str]]:
    """Return the assets, "all" for every file, the leaders of an option of that name, and both, each once."""
    leader_names = chosen(option, leaders, files)
    asset_names = list(files) if assets.strip().lower() == "all" else chosen("--assets", assets, files)
    return asset_names, leader_names, list(dict.fromkeys([*leader_names, *asset_names]))


def candles_of(file: Path, symbol: str, more: Sequence[str] = ()) -> pl.DataFrame:
    """Return the candles of one file, with other columns of numbers where it has them."""
    if file.is_dir():
        raise fail(f"{symbol}: {file} is a folder")
    return read_with(file, more)


def read_each(
    files: Mapping[str, Path],
    symbols: Sequence[str],
    read: Callable[[pl.DataFrame, str], _Read],
    more: Sequence[str] = (),
) -> tuple[dict[str, _Read], list[str]]:
    """Read the files of some symbols; what fails comes back as messages, and does not stop the others."""
    good: dict[str, _Read] = {}
    failed: list[str] = []
    for symbol in symbols:
        try:
            good[symbol] = read(candles_of(files[symbol], symbol, more), symbol)
        except ParameterError:
            raise
        except ComoveError as error:
            message = str(error)
            failed.append(message if message.startswith(f"{symbol}:") else f"{symbol}: {message}")
    return good, failed


def refuse_failures(failed: Sequence[str], total: int, what: str) -> None:
    """End with code 1 if anything failed, and say what."""
    if failed:
        raise fail("\n  ".join([f"{len(failed)} of {total} {what} failed:", *failed]))


def check_outputs(data: Path, out: Path | None, plot: Path | None) -> None:
    """Refuse, before any work, files that could not be made, or that the next run would take for candles."""
    if out is not None:
        _check_output("--out", data, out, TABLE_FORMATS)
    if plot is not None:
        check_page("--plot", data, plot)


def check_page(option: str, data: Path, page: Path) -> None:
    """Refuse, before any work, a page that could not be made."""
    _check_output(option, data, page, (".html",))
    check_plotly()


def _check_output(option: str, data: Path, file: Path, endings: Sequence[str]) -> None:
    if file.suffix.lower() not in endings:
        raise click.UsageError(f"{option} must end in {' or '.join(endings)}, got {file}")
    if file.resolve().parent == data.resolve():
        raise click.UsageError(f"{option} must be in another folder than --data, got {file}")
    try_writing(file)


def write_table(frame: pl.DataFrame, file: Path) -> None:
    """Write a table in the format of the file's ending; the file is there as a whole or not at all."""
    writers: dict[str, Callable[[Path], object]] = {
        ".csv": frame.write_csv,
        ".parquet": frame.write_parquet,
        ".json": frame.write_json,
    }
    write_whole(file, writers[file.suffix.lower()])


def write_page(page: str, file: Path) -> None:
    """Write an HTML page; the file is there as a whole or not at all."""
    write_whole(file, lambda draft: draft.write_text(page, encoding="utf-8"))


def write_whole(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file that then replaces `file`, so that it is there as a whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        whole_file(file, write)
    except OSError as error:
        raise _unwritten(file, draft_of(file), error) from error


def try_writing(file: Path) -> None:
    """Make a file, and take it away, in the folder of `file` or where that folder is to be made."""
    draft = draft_of(file)
    try:
        place = next(folder for folder in file.absolute().parents if folder.exists())
        draft = place / draft.name
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise _unwritten(file, draft, error) from error


def _unwritten(file: Path, draft: Path, error: OSError) -> click.ClickException:
    # Those of Polars hold the name of the draft, and no other text.
    return fail(f"cannot write {file}: {error.strerror or str(error).replace(str(draft), str(file))}")
