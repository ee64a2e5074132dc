"""Does any decision see the future? A backtest, run again on other futures of the same past.

The future after a bar is cut off, replaced by other candles, or given other coins: no decision up to that bar may
change by a bit, in any of its fields. It is the whole way from candles to decisions that is tried, and not one column,
as `comove.features.audit` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from comove.backtest.changes import ChangedDecision, checked, first_change, text_of, until
from comove.backtest.costs import Costs
from comove.backtest.folds import Fold, WalkForward, bar_times
from comove.backtest.futures import FUTURES, Frames, changed_future
from comove.backtest.history import leaders_of, read_history
from comove.backtest.makers import OrchestratorMaker
from comove.backtest.replay import FoldRun
from comove.backtest.workers import worker_pool
from comove.engine import OrchestratorOptions
from comove.errors import DataError, ParameterError
from comove.options import count, flag, options_of
from comove.options import whole as whole_number
from comove.progress import progress_bar
from comove.signals.rl import TrainingOptions

__all__ = ["Decide", "LookAheadReport", "check_look_ahead"]

Decide: TypeAlias = Callable[[Frames], pl.DataFrame]
"""Takes candles of each symbol and returns the decisions on them, as `Report.decisions`."""

_HOLD: Final = "hold"
#: Bars between two saves of a replay, which is stopped at one of them.
_CHUNK: Final = 200
_MOST_CUTS: Final = 1000
_MOST_TIME: Final = 2**63 - 1
_MOST_SEED: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAheadReport:
    """What a guard tried and found."""

    cuts: tuple[int, ...]
    """Times after which the future was changed, in nanoseconds."""
    futures: tuple[str, ...]
    """What became of it each time."""
    decisions: int
    """Decisions up to the last cut, each compared once for every cut that it does not lie after, and future."""
    acted: int
    """Those of them that are more than to hold: where there are none, only predictions were tried."""
    found: tuple[ChangedDecision, ...]
    """The first decision that changed for each cut and future; empty where nothing looks ahead."""

    def check(self) -> None:
        """Raise where something looks ahead.

        Raises
        ------
        DataError
            Names the decision.
        """
        if self.found:
            tried = len(self.cuts) * len(self.futures)
            more = f"; so it is in {len(self.found)} of {tried} runs" if len(self.found) > 1 else ""
            raise DataError(f"{self.found[0]}{more}", "look_ahead")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON, times as texts of ISO 8601."""
        found = [{**asdict(each), "ts": text_of(each.ts), "cut": text_of(each.cut)} for each in self.found]
        return {
            "cuts": [text_of(cut) for cut in self.cuts],
            "futures": list(self.futures),
            "decisions": self.decisions,
            "acted": self.acted,
            "found": found,
        }


def check_look_ahead(
    frames: Frames,
    decide: Decide | None = None,
    *,
    options: OrchestratorOptions | None = None,
    costs: Costs | None = None,
    plan: WalkForward | None = None,
    agent: TrainingOptions | None = None,
    cuts: int | Sequence[int] = 3,
    seed: int = 0,
    workers: int = 1,
    progress: bool = False,
) -> LookAheadReport:
    """Change the future of some candles, and see whether decisions of the past change with it.

    Each run gets the whole of the changed candles, for what looks ahead may sit wherever whole frames are read.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Candles of each symbol as for `comove.backtest.run`.
    decide : callable, optional
        What is tried: takes frames and returns decisions, a row for each time and symbol, of which all columns are
        compared. It may not choose which bars it decides on by how many there are. By default a backtest of `options`,
        whose folds are those of all the bars.
    options : OrchestratorOptions, optional
    costs : Costs, optional
    plan : WalkForward, optional
    agent : TrainingOptions, optional
        As of `comove.backtest.run`; for the default of `decide`.
    cuts : int, 1 to 1000, or sequence of int, optional
        How many times the future is changed, or the last times that are left as they are, in nanoseconds. A number of
        them lies in as many equal parts of the bars that are decided on, each drawn from its part.
    seed : int, 0 to 2^32 - 1
        Of cuts, candles and coins, and of an agent.
    workers : int, 1 to 256
        Processes; with more than one `decide` can be pickled.
    progress : bool
        Shows a bar on the standard error.

    Returns
    -------
    LookAheadReport
        ``.found`` is empty where nothing looks ahead; ``.check()`` raises otherwise.

    Raises
    ------
    DataError, OrderError
        Candles that cannot be used; no decision before a cut, two of one time and symbol.
    ParameterError
        An option out of its bounds.

    Notes
    -----
    One run to the last cut, and three to each cut: with the default, whose runs end there, about seven times half of a
    backtest for three cuts.

    A future of other coins: half of the coins but the leaders have no candles after the cut, and one appears that was
    not there before.

    Examples
    --------
    >>> from comove.backtest import WalkForward, check_look_ahead
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=200, assets=["BONK", "WIF"], seed=1)
    >>> found = check_look_ahead(market.frames, plan=WalkForward(folds=1, train=120), cuts=1)
    >>> found.check()
    """
    if not isinstance(frames, Mapping) or not frames:
        raise ParameterError(f"frames must be a mapping of symbols to DataFrames, got {frames!r:.80}", "type")
    frames = {symbol: frames[symbol] for symbol in sorted(frames)}
    chosen = options_of(options, OrchestratorOptions)
    seed = count("seed", seed, 0, _MOST_SEED)
    workers = count("workers", workers, 1, 256)
    shown = flag("progress", progress)
    whole: pl.DataFrame | None = None
    if decide is None:
        if agent is not None and "rl" not in chosen.sources:
            raise ParameterError(f"agent needs 'rl' among the sources, which are {', '.join(chosen.sources)}", "agent")
        frames = read_history(frames)
        leaders_of(frames, chosen.market.leaders)
        times = bar_times(frames)
        folds = options_of(plan, WalkForward, "plan").share_out(times)
        tried: _Tried = _Replayed(chosen, options_of(costs, Costs, "costs"), agent, seed, tuple(folds))
        times = times[times >= folds[0].test_first]
    else:
        if not (options is None and costs is None and plan is None and agent is None):
            raise ParameterError("decide excludes options, costs, plan and agent: it has its own", "decide")
        tried = _Given(decide)
        whole = checked(tried(frames, 0))
        times = whole["ts"].unique().sort().to_physical().to_numpy()
    at = _cuts(times, cuts, seed)
    leaders = tuple(leader for leader in chosen.market.leaders if leader in frames)
    jobs = [_Job(cut, future, (seed, 1 + number)) for number, (cut, future) in enumerate(product(at, FUTURES))]
    found = []
    with progress_bar("runs", shown=shown) as tell:
        if whole is None:
            whole = checked(tried(frames, at[-1]))
        for done, (job, run) in enumerate(zip(jobs, _runs(tried, frames, leaders, jobs, workers), strict=True)):
            tell(done + 1, len(jobs) + 1)
            each = first_change(whole, run, job.cut, job.future)
            if each is not None:
                found.append(each)
        tell(len(jobs) + 1, len(jobs) + 1)
    past = until(whole, at[-1])
    if past.is_empty():
        raise DataError(f"there must be a decision up to the last cut, {text_of(at[-1])}, got none", "decisions")
    acted = past.filter(pl.col("action") != _HOLD).height if "action" in past.columns else 0
    return LookAheadReport(cuts=at, futures=tuple(FUTURES), decisions=past.height, acted=acted, found=tuple(found))


@dataclass(frozen=True, slots=True)
class _Job:
    """One change of the future."""

    cut: int
    future: str
    seed: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Given:
    """Decisions of somebody else's, all of them."""

    decide: Decide

    def __call__(self, frames: Frames, last: int) -> pl.DataFrame:
        return self.decide(frames)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """Decisions of a backtest up to a time, and of some bars more."""

    options: OrchestratorOptions
    costs: Costs
    agent: TrainingOptions | None
    seed: int
    folds: tuple[Fold, ...]

    def __call__(self, frames: Frames, last: int) -> pl.DataFrame:
        times = bar_times(frames)
        parts: list[pl.DataFrame] = []
        with tempfile.TemporaryDirectory() as folder:
            for fold in self.folds:
                if fold.test_first > last:
                    break
                run = FoldRun(
                    fold=fold,
                    maker=OrchestratorMaker(options=self.options, agent=self._agent(fold)),
                    costs=self.costs,
                    capital=self.options.capital,
                    max_gap=self.options.market.max_gap,
                    folder=Path(folder) / f"{fold.number:02d}",
                    chunk=_CHUNK,
                )
                needed = int(((times >= fold.train_first) & (times <= last)).sum())
                # It gets all the candles, and is stopped where its decisions are known: what is done may not depend on
                # how far a replay goes.
                with suppress(_Enough):
                    run.run(frames, partial(_stop, needed))
                parts += [pl.read_parquet(file) for file in run.decisions()]
        return pl.concat(parts)

    def _agent(self, fold: Fold) -> TrainingOptions | None:
        # As `comove.backtest.run` has it.
        return None if self.agent is None else replace(self.agent, seed=self.seed + fold.number)


_Tried: TypeAlias = _Given | _Replayed


class _Enough(Exception):
    """The replay has gone far enough."""


def _stop(needed: int, bars: int) -> None:
    # All but the last chunk are on disk.
    if bars - _CHUNK >= needed:
        raise _Enough


def _cuts(times: npt.NDArray[np.int64], cuts: int | Sequence[int], seed: int) -> tuple[int, ...]:
    """Return the times after which the future is changed, rising."""
    # After the last bar there is none.
    able = times[:-1]
    if isinstance(cuts, Sequence) and not isinstance(cuts, str):
        given = sorted({whole_number("cuts", cut, least=0, most=_MOST_TIME) for cut in cuts})
        if not given:
            raise ParameterError("cuts must hold at least 1 time, got 0", "too_small")
        if not len(able) or given[0] < able[0] or given[-1] >= times[-1]:
            raise DataError(
                f"cuts must lie from the first bar that is decided on, {_ends(times)}, to before the last", "cuts"
            )
        return tuple(given)
    number = whole_number("cuts", cuts, least=1, most=_MOST_CUTS)
    if len(able) < number:
        raise DataError(f"{number} cuts need at least {number + 1} bars that are decided on, got {len(times)}", "bars")
    rng = np.random.default_rng((seed, 0))
    edges = [len(able) * k // number for k in range(number + 1)]
    return tuple(int(able[rng.integers(first, after)]) for first, after in pairwise(edges))


def _runs(
    tried: _Tried, frames: Frames, leaders: tuple[str, ...], jobs: Sequence[_Job], workers: int
) -> Iterator[pl.DataFrame]:
    """Yield the decisions of each job, in their order."""
    if workers == 1:
        for job in jobs:
            yield _run(tried, frames, leaders, job)
        return
    with worker_pool(min(workers, len(jobs)), _begin, tried, dict(frames), leaders) as pool:
        yield from pool.map(_shared_run, jobs)


#: Of a worker: what all its jobs have in common.
_shared: list[Any] = []


def _begin(*common: Any) -> None:
    _shared[:] = common


def _shared_run(job: _Job) -> pl.DataFrame:
    tried, frames, leaders = _shared
    return _run(tried, frames, leaders, job)


def _run(tried: _Tried, frames: Frames, leaders: tuple[str, ...], job: _Job) -> pl.DataFrame:
    changed = changed_future(job.future, frames, job.cut, leaders, np.random.default_rng(job.seed))
    return until(checked(tried(changed, job.cut)), job.cut)


def _ends(times: npt.NDArray[np.int64]) -> str:
    return text_of(int(times[0])) if len(times) else "of which there is none"
