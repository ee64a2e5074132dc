"""Training by PPO (Schulman et al. 2017), as stable-baselines3 implements it. Needs the extra `rl`.

The rows are cut once, at the same time for all symbols. Normalisation and training see the rows before the cut only; no
return they see ends after it. The rows after it judge the policy, once, and the result goes into its note.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl

from comove.errors import ComoveError, DataError, ParameterError
from comove.features import FeatureRecipe
from comove.options import Floats, symbols
from comove.progress import Report, progress_bar
from comove.signals.rl.evaluation import evaluate
from comove.signals.rl.options import TrainingOptions, usual_features
from comove.signals.rl.policy import NumpyPolicy
from comove.signals.rl.tables import TradingTable, trading_tables

__all__ = ["check_extra", "train"]

#: Rows of training below which nothing can be learnt, all symbols together.
_LEAST_ROWS = 100
_PACKAGES = ("comove", "gymnasium", "numpy", "stable-baselines3", "torch")


def train(
    candles: Mapping[str, pl.DataFrame],
    *,
    leaders: Sequence[str] = (),
    assets: Sequence[str] | None = None,
    options: TrainingOptions | None = None,
    recipe: FeatureRecipe | None = None,
    progress: bool = False,
) -> NumpyPolicy:
    """Train one policy on the candles of some symbols.

    Parameters
    ----------
    candles : mapping of str to DataFrame
        As `read_candles` gives them.
    leaders : sequence of str
        Symbols among them; the usual features have five columns against each.
    assets : sequence of str, optional
        Symbols to trade; by default all but the leaders, which lack the columns against themselves.
    options : TrainingOptions, optional
    recipe : FeatureRecipe, optional
        Windows of the features; its `fill` must be None, its `columns` are the options'. By default as `SignalMarket`.
    progress : bool
        Shows a bar on the standard error.

    Returns
    -------
    NumpyPolicy
        Its note holds ``seed``, ``options``, ``versions``, ``symbols``, ``leaders``, ``recipe``, ``training`` and
        ``validation``: rows and times, and the `Evaluation` of the rows that were held out.

    Raises
    ------
    ComoveError
        The extra is not installed.
    ParameterError, DataError, OrderError
        As `trading_tables`; too few rows to train on, a feature that does not vary in them, none to validate.

    Notes
    -----
    The same seed on the same machine and versions gives the same weights: one thread, deterministic algorithms. The
    generators, threads and settings of Python, NumPy and torch are left as they were. Some 3000 rows a second.
    """
    check_extra()
    chosen = TrainingOptions() if options is None else options
    names = symbols("leaders", leaders) if len(leaders) else []
    traded = [name for name in candles if name not in names] if assets is None else symbols("assets", assets)
    if not traded:
        raise ParameterError("assets must hold at least 1 symbol, got 0", "too_small")
    base = FeatureRecipe(fill=None) if recipe is None else recipe
    laid = replace(base, columns=chosen.features or usual_features(names))
    tables = trading_tables(candles, symbols=traded, leaders=names, recipe=laid)
    rows = len(tables[0].times)
    cut = round(rows * (1.0 - chosen.validation))
    past = [table.rows(0, cut) for table in tables]
    later = [table.rows(cut, rows) for table in tables]
    features = tuple(laid.columns or ())
    mean, std = _normalisation(features, past)
    note = {
        "seed": chosen.seed,
        "options": asdict(chosen),
        "versions": _versions(),
        "symbols": traded,
        "leaders": names,
        "recipe": asdict(laid),
        "training": _span(past),
    }
    untrained = NumpyPolicy(
        features,
        mean,
        std,
        clip=chosen.clip,
        layers=[(np.zeros((3, len(features) + 1)), np.zeros(3))],
        horizon=chosen.horizon,
    )
    seen = [table.with_features(untrained.standardise(table.features)) for table in past]
    with progress_bar("training", shown=progress) as report:
        layers = _learn(seen, chosen, report)
    policy = NumpyPolicy(features, mean, std, clip=chosen.clip, layers=layers, horizon=chosen.horizon, note=note)
    judged = evaluate(policy, later, cost=chosen.cost)
    policy.note["validation"] = {**_span(later), **asdict(judged)}
    return policy


def check_extra() -> None:
    """Refuse to begin without the extra.

    Raises
    ------
    ComoveError
        A package of it is not installed.
    """
    for module in ("gymnasium", "torch", "stable_baselines3"):
        _module(module)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise ComoveError(
            f"training needs {package}, which is not installed: pip install comove[rl]", "extra"
        ) from error


def _normalisation(features: Sequence[str], tables: Sequence[TradingTable]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each feature in the rows that can be traded."""
    stacked = np.concatenate([table.features[table.usable] for table in tables])
    if len(stacked) < _LEAST_ROWS:
        every = np.concatenate([table.features for table in tables])
        known = np.isfinite(every).sum(axis=0)
        scarce = ", ".join(f"{features[at]} in {known[at]}" for at in np.argsort(known, kind="stable")[:3])
        raise DataError(
            f"training needs at least {_LEAST_ROWS} rows with all features, got {len(stacked)} of {len(every)};"
            f" known least: {scarce}",
            "too_short",
        )
    mean, std = stacked.mean(axis=0), stacked.std(axis=0)
    still = [name for name, column in zip(features, stacked.T, strict=True) if column.min() == column.max()]
    if still:
        raise DataError(f"features that do not vary in the rows of training: {', '.join(still)}", "constant")
    return mean, std


def _learn(tables: Sequence[TradingTable], options: TrainingOptions, report: Report) -> list[tuple[Floats, Floats]]:
    """Return the weights of the trained policy, layer by layer."""
    from comove.signals.rl.environment import TradingEnvironment

    torch, baselines = _module("torch"), _module("stable_baselines3")
    vectorised = _module("stable_baselines3.common.vec_env")
    returns = np.concatenate([table.returns[table.usable] for table in tables])
    # Without a single move any scale does.
    scale = float(returns.std()) or 1.0

    def environment() -> TradingEnvironment:
        return TradingEnvironment(tables, clip=options.clip, cost=options.cost, episode=options.episode, scale=scale)

    def tell(inside: dict[str, Any], _outside: dict[str, Any]) -> bool:
        report(min(inside["self"].num_timesteps, options.timesteps), options.timesteps)
        return True

    with _undisturbed(torch):
        agent = baselines.PPO(
            "MlpPolicy",
            vectorised.DummyVecEnv([environment] * options.environments),
            n_steps=options.steps,
            batch_size=options.batch,
            n_epochs=options.epochs,
            learning_rate=options.learning_rate,
            gamma=options.gamma,
            gae_lambda=options.gae_lambda,
            ent_coef=options.entropy,
            policy_kwargs={"net_arch": [options.hidden] * 2, "activation_fn": torch.nn.Softsign},
            seed=options.seed,
            device="cpu",
        )
        agent.learn(options.timesteps, callback=tell)
    return export(agent.policy)


def export(policy: Any) -> list[tuple[Floats, Floats]]:
    """Return the weights of a torch policy of PPO as layers of a `NumpyPolicy`."""
    hidden = [layer for layer in policy.mlp_extractor.policy_net if hasattr(layer, "weight")]
    return [
        tuple(tensor.detach().cpu().numpy().astype(np.float64) for tensor in (layer.weight, layer.bias))
        for layer in (*hidden, policy.action_net)
    ]


@contextmanager
def _undisturbed(torch: Any) -> Iterator[None]:
    """Let torch work in one thread, deterministically; then put back what training sets for the whole process."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    threads = torch.get_num_threads()
    strict, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warned)
        torch.set_num_threads(threads)
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])


def _span(tables: Sequence[TradingTable]) -> dict[str, Any]:
    """Return the times of rows as text, and how many could be traded, all symbols together."""
    times = tables[0].times
    first, last = (str(each.astype("datetime64[us]").astype("datetime64[s]")) for each in (times[:1], times[-1:]))
    return {"first": first.strip("[]'"), "last": last.strip("[]'"), "traded": int(sum(t.usable.sum() for t in tables))}


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return versions
