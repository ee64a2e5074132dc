"""`run`: candles in, a report out."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from comove import __version__
from comove.backtest.benchmarks import held
from comove.backtest.costs import Costs
from comove.backtest.figures import figures_of
from comove.backtest.files import alone
from comove.backtest.folds import Fold, WalkForward, bar_seconds, bar_times
from comove.backtest.history import leaders_of, read_history
from comove.backtest.makers import OrchestratorMaker
from comove.backtest.replay import CHUNK, FoldRun
from comove.backtest.report import Report
from comove.backtest.stats import check_arch
from comove.backtest.stitching import stitched, times_of
from comove.backtest.strategy import StrategyMaker
from comove.backtest.walk import Beside, run_folds
from comove.engine import OrchestratorOptions
from comove.engine.assembly import plain_options
from comove.errors import ParameterError, StateError
from comove.files import whole_file
from comove.options import count, flag, options_of, positive
from comove.progress import progress_bar
from comove.signals.rl import TrainingOptions
from comove.signals.rl.training import check_extra

__all__ = ["run"]

_RUN: Final = "run.json"
_FOLDS: Final = "folds"
_MOST_SEED: Final = 2**32 - 1
_LEAST_REPLICATIONS: Final = 100


def run(
    frames: Mapping[str, pl.DataFrame],
    options: OrchestratorOptions | None = None,
    *,
    costs: Costs | None = None,
    plan: WalkForward | None = None,
    strategy: StrategyMaker | None = None,
    agent: TrainingOptions | None = None,
    capital: float | None = None,
    workers: int = 1,
    out: str | PathLike[str] | None = None,
    seed: int = 0,
    replications: int = 1000,
    progress: bool = False,
) -> Report:
    """Replay history through the orchestrator that runs live, fold by fold, and say what came of it.

    What is decided at a bar's close is filled at the next open of its coin, at a price that the spread and the order's
    size have moved against it; stops and targets are filled within a bar, the worse one first, at the open where that
    lies beyond them. A coin without a candle, or in whose candle nothing was traded, is neither bought nor sold. A hole
    of more rows than the options' ``max_gap`` ends an instrument, and what was held of it is lost. At the end of a fold
    all is closed.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles of each symbol as `comove.data.read_candles` gives them, the leaders' too; a column ``funding`` has the
        rate that is paid at the opening of each candle.
    options : OrchestratorOptions, optional
        As of a TOML file: `comove.config.read_file`. With a `strategy`, leaders, ``max_gap`` and capital are theirs.
    costs : Costs, optional
        All are on by default.
    plan : WalkForward, optional
        By default four folds, each after 90 days of hours to learn from.
    strategy : StrategyMaker, optional
        Makes something else than the orchestrator of the options. Its ``repr`` is what `out` knows it by.
    agent : TrainingOptions, optional
        Trains an agent on the history of each fold, for the source "rl", which the options have to have; its seed is
        `seed` plus the fold's number.
    capital : float, above 0, optional
        In quote currency; by default that of the options.
    workers : int, 1 to 256
        Processes. Others than this one begin with a new interpreter: a script needs ``if __name__ == "__main__":``.
    out : path, optional
        Folder for the report and for what is done so far. The same call goes on where it was cut short, with the same
        bytes in the end, and returns at once what is finished.
    seed : int, 0 to 2^32 - 1
        Of agents and of intervals.
    replications : int, at least 100, or 0
        Of the intervals' bootstrap; 0 for no intervals.
    progress : bool
        Shows a bar on the standard error.

    Returns
    -------
    Report

    Raises
    ------
    DataError
        Candles that cannot be used, no leader among them, too few bars for the plan.
    OrderError
        Times that run backwards, or come twice.
    ParameterError
        An option out of its bounds.
    StateError
        `out` holds the run of other candles or options, or a part of one that cannot be read; another process is at
        work there.
    OSError
        `out` is no folder, or cannot be written to.
    ComoveError
        Intervals need the extra `backtest`; the account did not add up: a defect of this package.

    Notes
    -----
    Some 8 to 25 ms a bar of 50 coins and process, by the machine; about 0.6 GB a process. The same candles, options and
    seed give the same bytes on one machine, whatever the number of processes.

    Examples
    --------
    >>> from comove.backtest import WalkForward, run
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=400, assets=["BONK", "WIF"], seed=1)
    >>> report = run(market.frames, plan=WalkForward(folds=1, train=200))
    >>> report.equity.height
    200
    """
    chosen = options_of(options, OrchestratorOptions)
    if strategy is not None and not all(callable(getattr(strategy, verb, None)) for verb in ("new", "restored")):
        raise ParameterError(f"strategy must have new and restored, as StrategyMaker, got {strategy!r}", "strategy")
    charged, planned = options_of(costs, Costs, "costs"), options_of(plan, WalkForward, "plan")
    start = chosen.capital if capital is None else positive("capital", capital)
    workers = count("workers", workers, 1, 256)
    seed = count("seed", seed, 0, _MOST_SEED)
    replications = count("replications", replications, 0, 1_000_000)
    if 0 < replications < _LEAST_REPLICATIONS:
        raise ParameterError(
            f"replications must be 0 or at least {_LEAST_REPLICATIONS}, got {replications}", "replications"
        )
    if replications:
        check_arch()
    shown = flag("progress", progress)
    if agent is not None:
        _check_agent(chosen, strategy)
    candles = read_history(frames)
    leaders = leaders_of(candles, chosen.market.leaders)
    if capital is not None:
        chosen = replace(chosen, capital=start)
    times = bar_times(candles)
    folds = planned.share_out(times)
    if agent is not None:
        check_extra()
        if folds[0].fit_last < 0:
            raise ParameterError(
                f"train must be more than the embargo of {planned.embargo} rows for an agent, got {planned.train}",
                "train",
            )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "version": __version__,
            "symbols": list(candles),
            "candles": _digest(candles),
            "leaders": leaders,
            "capital": start,
            "costs": asdict(charged),
            "plan": asdict(planned),
            "options": {} if options is None and strategy is not None else plain_options(chosen),
            "strategy": "orchestrator" if strategy is None else repr(strategy),
            "agent": None if agent is None else asdict(agent),
            "policy": None if strategy is not None else _digest_of_file(chosen.policy),
            "seed": seed,
            "replications": replications,
            "step_seconds": bar_seconds(candles, times),
        }
        if _finished(folder, about):
            # A process that was killed at the very end has left them.
            shutil.rmtree(folder / _FOLDS, ignore_errors=True)
            return Report.read(folder)
        stack.enter_context(alone(folder / _RUN))
        runs = [
            FoldRun(
                fold=fold,
                maker=_maker(chosen, agent, seed + fold.number) if strategy is None else strategy,
                costs=charged,
                capital=start,
                max_gap=chosen.market.max_gap,
                folder=folder / _FOLDS / f"{fold.number:02d}",
                chunk=CHUNK,
            )
            for fold in folds
        ]
        curves = _run_all(runs, candles, times, workers, shown, _benchmarks(runs, folds, about))
        report = _report(runs, curves, about, start, seed, replications, shown)
        if out is None:
            # Before its files are gone.
            _ = report.decisions
            return report
        whole_file(folder / "strategy.comove", lambda draft: draft.write_bytes(runs[-1].strategy()))
        report.write(folder)
        shutil.rmtree(folder / _FOLDS)
        return Report.read(folder)


def _maker(options: OrchestratorOptions, agent: TrainingOptions | None, seed: int) -> OrchestratorMaker:
    return OrchestratorMaker(options=options, agent=None if agent is None else replace(agent, seed=seed))


def _check_agent(options: OrchestratorOptions, strategy: StrategyMaker | None) -> None:
    if strategy is not None:
        raise ParameterError("strategy excludes agent: it has its own", "strategy")
    if "rl" not in options.sources:
        raise ParameterError(f"agent needs 'rl' among the sources, which are {', '.join(options.sources)}", "agent")


def _digest(candles: Mapping[str, pl.DataFrame]) -> str:
    """Return a number of the candles that others do not have."""
    digest = hashlib.blake2b(digest_size=16)
    for symbol, frame in candles.items():
        digest.update(f"{symbol} {frame.columns} {frame.height} ".encode())
        for column in frame.iter_columns():
            plain = column.to_physical().to_numpy() if column.name == "ts" else column.to_numpy()
            digest.update(plain.tobytes())
    return digest.hexdigest()


def _digest_of_file(name: str | None) -> str | None:
    """Return a number of what a file holds; None where there is none, which whoever needs it will say."""
    if name is None or not Path(name).is_file():
        return None
    return hashlib.blake2b(Path(name).read_bytes(), digest_size=16).hexdigest()


def _finished(folder: Path, about: Mapping[str, Any]) -> bool:
    """Tell whether this very run is finished in a folder; begin it, or go on, where it is not.

    Raises
    ------
    StateError
        The folder is of another run, or nobody can tell of which.
    """
    file = folder / _RUN
    plain = json.loads(json.dumps(about))
    if not file.exists():
        if (folder / _FOLDS).exists():
            raise StateError(
                f"{folder} holds {_FOLDS} without {_RUN}, which tells of what run; delete them, or take another folder",
                "other_run",
            )
        whole_file(file, lambda draft: draft.write_text(json.dumps(plain, indent=1, sort_keys=True), encoding="utf-8"))
        return False
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StateError(f"{file}: cannot be read: {error}; take another folder", "other_run") from error
    if not isinstance(before, dict):
        raise StateError(f"{file} must hold an object, got {type(before).__name__}; take another folder", "other_run")
    other = sorted(name for name in {*before, *plain} if before.get(name) != plain.get(name))
    if other:
        verb = "differs" if len(other) == 1 else "differ"
        raise StateError(f"{folder} holds another run: {', '.join(other)} {verb}; take another folder", "other_run")
    return (folder / "report.json").exists()


def _run_all(
    runs: list[FoldRun],
    candles: Mapping[str, pl.DataFrame],
    times: np.ndarray[Any, Any],
    workers: int,
    shown: bool,
    benchmarks: Mapping[str, Beside],
) -> dict[str, pl.DataFrame]:
    """Run the folds; return the curves of the benchmarks."""
    totals = [
        int(np.searchsorted(times, run.fold.test_last, "right") - np.searchsorted(times, run.fold.train_first))
        for run in runs
    ]
    done = [0] * len(runs)
    with progress_bar("bars", shown=shown) as tell:

        def told(number: int, bars: int) -> None:
            done[number] = bars
            tell(sum(done), sum(totals))

        curves = run_folds(runs, candles, workers, told, list(benchmarks.values()))
    return dict(zip(benchmarks, curves, strict=True))


def _benchmarks(runs: list[FoldRun], folds: list[Fold], about: dict[str, Any]) -> dict[str, Beside]:
    """Return what makes the curves of the benchmarks of candles, by the names of their columns."""
    first, run = about["leaders"][0], runs[0]
    make = partial(
        held,
        first=folds[0].test_first,
        last=folds[-1].test_last,
        capital=run.capital,
        costs=run.costs,
        max_gap=run.max_gap,
    )
    return {"btc": partial(make, coins=[first], monthly=False), "equal": partial(make, coins=None, monthly=True)}


def _report(
    runs: list[FoldRun],
    curves: Mapping[str, pl.DataFrame],
    about: dict[str, Any],
    capital: float,
    seed: int,
    replications: int,
    shown: bool,
) -> Report:
    frames, ruined, used = stitched(runs, capital)
    for name, curve in curves.items():
        frames["equity"] = frames["equity"].join(
            curve.rename({"equity": name}), on="ts", how="left", maintain_order="left"
        )
    told = {name: value for name, value in about.items() if name != "candles"}
    told |= {"folds": [times_of(run) for run in runs[:used]], "ruined": ruined}
    with progress_bar("figures", shown=shown):
        metrics = figures_of(
            **frames, capital=capital, step_seconds=about["step_seconds"], seed=seed, replications=replications
        )
    files = tuple(file for run in runs[:used] for file in run.decisions())
    return Report(metrics=metrics, about=told, decision_files=files, **frames)
