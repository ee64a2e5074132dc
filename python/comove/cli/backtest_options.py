"""What the commands that replay history share: the strategy, the market, the folds, the costs, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, get_args

import click
import polars as pl

from comove.backtest import Costs, WalkForward
from comove.backtest.folds import Training
from comove.backtest.history import FUNDING
from comove.cli.console import fail
from comove.cli.folder import assets_option, chosen, data_option, read_each, refuse_failures
from comove.config import read_file
from comove.data.candles import candle_files
from comove.data.times import to_utc
from comove.engine import OrchestratorOptions
from comove.engine.files import read_options_file
from comove.signals.rl import TrainingOptions

__all__ = ["Asked", "backtest_options", "read_asked"]

_Command: TypeAlias = Callable[..., None]

_USUAL: Final = WalkForward()
_TIMES: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])

_OPTIONS: Final = (
    click.option(
        "--config",
        type=click.Path(dir_okay=False, exists=True, path_type=Path),
        metavar="FILE.toml",
        help="The strategy, as `comove config` prints it; without one all options are the usual ones.",
    ),
    data_option,
    assets_option("trade", "; the leaders of the strategy come along"),
    click.option("--from", "first", type=_TIMES, metavar="TIME", help="Candles from this time on, as 2022-01-31, UTC."),
    click.option("--until", "last", type=_TIMES, metavar="TIME", help="Candles before this time."),
    click.option(
        "--costs",
        "costs_file",
        type=click.Path(dir_okay=False, exists=True, path_type=Path),
        metavar="FILE.toml",
        help="Fees, spread, slippage and funding, as `comove config --costs` prints them; by default the usual ones.",
    ),
    click.option(
        "--folds",
        type=click.IntRange(min=1),
        default=_USUAL.folds,
        show_default=True,
        metavar="N",
        help="Test parts, one after the other; each has a strategy of its own.",
    ),
    click.option(
        "--train",
        type=click.IntRange(min=0),
        default=_USUAL.train,
        show_default=True,
        metavar="ROWS",
        help="Candles before a test part that the strategy learns from.",
    ),
    click.option(
        "--training",
        type=click.Choice(get_args(Training)),
        default=_USUAL.training,
        show_default=True,
        help="Whether later test parts learn from as many candles, or from all before them.",
    ),
    click.option(
        "--embargo",
        type=click.IntRange(min=0),
        default=_USUAL.embargo,
        show_default=True,
        metavar="ROWS",
        help="Candles before a test part that an agent is not trained on.",
    ),
    click.option(
        "--agent", is_flag=True, help="Train an agent on each fold's past, for the source rl; needs comove[rl]."
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1, max=256),
        default=None,
        metavar="N",
        help="Processes; by default as many as processors.",
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all that is drawn by chance."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What such a command was asked for, read and checked."""

    options: OrchestratorOptions
    frames: dict[str, pl.DataFrame]
    costs: Costs
    plan: WalkForward
    agent: TrainingOptions | None
    workers: int
    seed: int


def backtest_options(command: Callable[..., None]) -> _Command:
    """Add the options to a command; it gets them as keywords, for `read_asked`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_asked(
    *,
    config: Path | None,
    data: Path,
    assets: str,
    first: datetime | None,
    last: datetime | None,
    costs_file: Path | None,
    folds: int,
    train: int,
    training: Training,
    embargo: int,
    agent: bool,
    workers: int | None,
    seed: int,
    out: Path | None = None,
) -> Asked:
    """Return what was asked for; errors are those of the files and options.

    Parameters
    ----------
    out : Path, optional
        Where the answer goes; the others are those of the command.
    """
    if out is not None and out.resolve() == data.resolve():
        # The next run would take its tables for candles.
        raise click.UsageError(f"--out must be another folder than --data, got {out}")
    options = OrchestratorOptions() if config is None else read_options_file(config)
    costs = Costs() if costs_file is None else read_file(costs_file, Costs)
    plan = WalkForward(folds=folds, train=train, training=training, embargo=embargo)
    return Asked(
        options=options,
        frames=_candles(data, assets, options.market.leaders, first, last),
        costs=costs,
        plan=plan,
        agent=TrainingOptions() if agent else None,
        workers=_processors() if workers is None else workers,
        seed=seed,
    )


def _candles(
    data: Path, assets: str, leaders: tuple[str, ...], first: datetime | None, last: datetime | None
) -> dict[str, pl.DataFrame]:
    files = candle_files(data)
    known = {symbol.upper(): symbol for symbol in files} | {
        leader.upper(): leader for leader in leaders if leader in files
    }
    spelled = {known[leader.upper()]: leader for leader in leaders if leader.upper() in known}
    there = list(spelled)
    if not there:
        raise fail(f"{data}: none of the strategy's leaders has a candle file: {', '.join(leaders)}")
    names = list(files) if assets.strip().lower() == "all" else chosen("--assets", assets, files)
    symbols = list(dict.fromkeys([*there, *names]))

    def cut(frame: pl.DataFrame, symbol: str) -> pl.DataFrame:
        frame = frame.with_columns(to_utc(frame["ts"], source=symbol).alias("ts"))
        if first is not None:
            frame = frame.filter(pl.col("ts") >= pl.lit(first).dt.replace_time_zone("UTC"))
        if last is not None:
            frame = frame.filter(pl.col("ts") < pl.lit(last).dt.replace_time_zone("UTC"))
        return frame

    frames, failed = read_each(files, symbols, cut, more=[FUNDING])
    refuse_failures(failed, len(symbols), "symbols")
    # The strategy knows its leaders as it spells them.
    inside = {spelled.get(symbol, symbol): frame for symbol, frame in frames.items() if not frame.is_empty()}
    if not inside:
        raise fail(f"{data}: no candles between --from and --until")
    return inside


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
