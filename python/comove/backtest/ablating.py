"""`ablate`: a strategy, and the same with market structure switched off part by part, over one walk-forward."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Final

import polars as pl

from comove.backtest.ablation import Ablation
from comove.backtest.comparing import compared
from comove.backtest.costs import Costs
from comove.backtest.folds import WalkForward
from comove.backtest.running import run
from comove.backtest.strategy import StrategyMaker
from comove.backtest.variants import BASE, Variant, variants
from comove.engine import OrchestratorOptions
from comove.options import count, options_of
from comove.signals.rl import TrainingOptions

__all__ = ["ablate"]

_BASE_WORDS: Final = "the strategy as it is"


def ablate(
    frames: Mapping[str, pl.DataFrame],
    options: OrchestratorOptions | None = None,
    *,
    costs: Costs | None = None,
    plan: WalkForward | None = None,
    agent: TrainingOptions | None = None,
    names: Iterable[str] | None = None,
    maker: Callable[[OrchestratorOptions], StrategyMaker] | None = None,
    workers: int = 1,
    out: str | PathLike[str] | None = None,
    seed: int = 0,
    replications: int = 1999,
    progress: bool = False,
) -> Ablation:
    """Run a strategy, and the same without parts of market structure, over one walk-forward, and compare them.

    Parameters
    ----------
    frames, options, costs, plan, agent, workers, seed, progress
        As of `comove.backtest.run`; all strategies have the same seed.
    names : iterable of str, optional
        Variants, as of `comove.backtest.variants`; by default all there are.
    maker : callable, optional
        Returns what makes the strategy of some options, as an orchestrator with sources of your own; instead of
        `agent`. Its ``repr`` is to tell one set of options from another, for `out`.
    out : path, optional
        Folder for what `Ablation.write` writes, and for the report of each strategy, in a folder of its own. The same
        call goes on where it was cut short.
    replications : int, at least 199
        Of the draws of each difference, and of each interval in the reports in `out`.

    Returns
    -------
    Ablation

    Raises
    ------
    ComoveError
        As `comove.backtest.run`, and `variants` for the names.

    Notes
    -----
    A backtest for the base and for each variant.

    Examples
    --------
    >>> from comove.backtest import WalkForward, ablate
    >>> from comove.data import simulate_market
    >>> market = simulate_market(n_bars=400, assets=["BONK", "WIF"], seed=1)
    >>> found = ablate(market.frames, plan=WalkForward(folds=1, train=200), names=["regimes"], replications=199)
    >>> found.table["name"].to_list()
    ['base', 'regimes']
    """
    base = options_of(options, OrchestratorOptions)
    # Before many backtests are run.
    replications = count("replications", replications, 199, 1_000_000)
    tried = {BASE: Variant(name=BASE, words=_BASE_WORDS, options=base), **variants(base, names)}
    with ExitStack() as stack:
        # Decisions of many runs are too many to be held in memory.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        reports = {
            name: run(
                frames,
                each.options,
                costs=costs,
                plan=plan,
                strategy=None if maker is None else maker(each.options),
                agent=agent,
                capital=base.capital,
                workers=workers,
                out=folder / name,
                seed=seed,
                # Nobody reads the intervals of a folder that is thrown away.
                replications=0 if out is None else replications,
                progress=progress,
            )
            for name, each in tried.items()
        }
        found = compared(reports, tried, seed=seed, replications=replications)
        if out is not None:
            found.write(folder)
    return found
