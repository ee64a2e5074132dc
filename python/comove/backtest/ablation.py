"""Does market structure help? A strategy and the same without parts of it, compared bar by bar.

Letters: E_t equity after bar t, F_t fees and funding of the bar, S_t what the spread took of its market orders, s
standard deviation of returns per bar.

    net return of bar t     r_t = E_t / E_{t-1} - 1
    gross return            g_t = r_t + (F_t + S_t) / E_{t-1}
    at the base's risk      r_t s(base) / s(variant)

A difference is that of a variant less the base: below 0 where the part that is off was worth something. Whether it is
more than chance is judged for each (`comove.backtest.stats.paired_difference`), and all p-values of a kind are adjusted
for how many variants there are (Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian
Journal of Statistics 6, 65-70). Two things look like worth and are none, and so are told apart: a variant that trades
less also pays less, hence gross differences; and one whose sizes are not cut earns more by risking more, hence
differences at the base's risk. What an order moves its own price by stays in the gross ones, and so does what differs
because of costs: the equity that sizes are reckoned from.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from comove.backtest.costs import Costs
from comove.backtest.files import whole_file
from comove.backtest.folds import WalkForward
from comove.backtest.report import Report
from comove.backtest.running import run
from comove.backtest.stats import (
    DeflatedSharpe,
    Difference,
    compare_variants,
    curve_returns,
    deflated_sharpe_of,
    return_metrics,
)
from comove.backtest.strategy import StrategyMaker
from comove.backtest.variants import BASE, Variant, changed, variants
from comove.engine import OrchestratorOptions
from comove.engine.assembly import plain_options
from comove.errors import DataError
from comove.options import Floats, options_of
from comove.signals.rl import TrainingOptions

__all__ = ["Ablation", "ablate", "compared"]

_LEVEL: Final = 0.95
_TABLE: Final = "ablation.parquet"
_RETURNS: Final = "returns.parquet"
_ABOUT: Final = "ablation.json"
_BASE_WORDS: Final = "the strategy as it is"
#: What is before the columns of each kind of difference.
_KINDS: Final = ("", "gross_", "scaled_")
_DIFFERENCE: Final = {
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "p_value": pl.Float64(),
    "adjusted": pl.Float64(),
    "reason": pl.String(),
    "differing": pl.Int64(),
    "episodes": pl.Int64(),
    "effective": pl.Float64(),
}
_SCHEMA: Final = pl.Schema(
    {
        "name": pl.String(),
        "words": pl.String(),
        "total_return": pl.Float64(),
        "cagr": pl.Float64(),
        "sharpe": pl.Float64(),
        "max_drawdown": pl.Float64(),
        "trades": pl.Int64(),
        "turnover": pl.Float64(),
        "paid": pl.Float64(),
        **_DIFFERENCE,
        **{f"{kind}{name}": type_ for kind in _KINDS[1:] for name, type_ in _DIFFERENCE.items()},
    }
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Ablation:
    """A strategy, and what it is without parts of market structure."""

    table: pl.DataFrame
    """A row a strategy, the base first: ``name``, ``words``; ``total_return``, ``cagr``, ``sharpe`` (a year) and
    ``max_drawdown``; ``trades``, ``turnover`` (value of all fills over the equity, a year) and ``paid`` (fees, funding
    and spread over the equity, a year). Of a variant against the base, net of costs: ``value`` (what it earned more a
    year, a fraction of equity), ``low`` and ``high`` (95 %, null where there is no bound), ``p_value``, ``adjusted``
    (for the number of variants), ``reason`` (why there is no p-value), ``differing`` (bars), ``episodes`` and
    ``effective``; the same with ``gross_`` before it, before costs, and with ``scaled_``, at the base's risk."""
    returns: pl.DataFrame
    """A row a bar and strategy: ``ts``, ``name``, ``net`` and ``gross``."""
    best: str | None
    """The strategy with the highest Sharpe ratio, the base among them; None where none has one."""
    deflated: DeflatedSharpe | None
    """What is left of its Sharpe ratio after all that were tried; None where `best` is."""
    about: Mapping[str, Any]
    """What was run: ``options`` of the base, ``costs``, ``plan``, ``seed``, ``variants`` (words and the options that
    are different), ``level``, ``step_seconds``, ``bars``, ``first`` and ``last``."""

    @property
    def significant(self) -> tuple[str, ...]:
        """Names of the variants whose net difference is more than chance at 5 %, all of them taken together."""
        return tuple(self.table.filter(pl.col("adjusted") < 1.0 - _LEVEL)["name"])

    @property
    def answer(self) -> str:
        """What came out, in sentences: each significant difference, and how many are none."""
        rows = self.table.filter(pl.col("name") != BASE)
        if rows.is_empty():
            return "The strategy has no part of market structure that could be switched off."
        judged = rows.filter(pl.col("p_value").is_not_null())
        found = judged.filter(pl.col("adjusted") < 1.0 - _LEVEL)
        said = [_sentence(row) for row in found.iter_rows(named=True)]
        if rest := judged.height - found.height:
            said.append(f"No significant difference: {_counted(rest)}.")
        if silent := rows.height - judged.height:
            said.append(f"Too little differs to be judged: {_counted(silent)}.")
        return " ".join(said)

    def write(self, folder: str | PathLike[str]) -> None:
        """Write ``ablation.parquet``, ``returns.parquet`` and ``ablation.json``, which has the table too.

        Raises
        ------
        OSError
            A folder that cannot be written to.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        whole_file(place / _TABLE, self.table.write_parquet)
        whole_file(place / _RETURNS, self.returns.write_parquet)
        tree = {
            "about": self.about,
            "answer": self.answer,
            "best": self.best,
            "deflated": None if self.deflated is None else asdict(self.deflated),
            "significant": self.significant,
            "table": self.table.to_dicts(),
        }
        text = json.dumps(tree, indent=1, sort_keys=True, allow_nan=False) + "\n"
        whole_file(place / _ABOUT, lambda draft: draft.write_text(text, encoding="utf-8"))

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> Ablation:
        """Return the ablation that `write` wrote.

        Raises
        ------
        DataError
            No such ablation, or a part of one.
        """
        place = Path(folder)
        absent = [name for name in (_TABLE, _RETURNS, _ABOUT) if not (place / name).exists()]
        if absent:
            raise DataError(f"{place}: no ablation, there is no {', '.join(absent)}", "path")
        tree = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
        return cls(
            table=pl.read_parquet(place / _TABLE),
            returns=pl.read_parquet(place / _RETURNS),
            best=tree["best"],
            deflated=None if tree["deflated"] is None else DeflatedSharpe(**tree["deflated"]),
            about=tree["about"],
        )


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
    tried = {BASE: Variant(name=BASE, words=_BASE_WORDS, options=base), **variants(base, names)}
    with ExitStack() as stack:
        # Decisions of many runs are too many to be held in memory.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        reports = {
            name: run(
                frames,
                each.options if maker is None else None,
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


def compared(
    reports: Mapping[str, Report], tried: Mapping[str, Variant], *, seed: int = 0, replications: int = 1999
) -> Ablation:
    """Return the comparison of strategies that were run over the same bars.

    Parameters
    ----------
    reports : mapping of str to Report
        Of the base, by the name "base", and of its variants.
    tried : mapping of str to Variant
        Of the same names.
    seed : int
    replications : int

    Raises
    ------
    DataError
        Reports of other bars than those of the base; bars beyond the ruin of an account are not missed.
    """
    base = reports[BASE]
    curves = {name: _curves(name, report, base) for name, report in reports.items()}
    sound = {name: each for name, each in curves.items() if each is not None}
    given: dict[str, Any] = {
        "step_seconds": base.step_seconds,
        "level": _LEVEL,
        # A position may make a difference for so long.
        "block_rows": max(tried[BASE].options.decisions.hold_rows, -(-base.equity.height // 32)),
        "replications": replications,
        "seed": seed,
    }
    differences: dict[str, dict[str, Difference]] = {kind: {} for kind in _KINDS}
    if BASE in sound:
        net, gross = sound[BASE]
        others = {name: each for name, each in sound.items() if name != BASE}
        differences = {
            "": compare_variants({name: each[0] for name, each in others.items()}, net, **given),
            "gross_": compare_variants({name: each[1] for name, each in others.items()}, gross, **given),
            "scaled_": compare_variants(_scaled(others, net), net, **given),
        }
    rows = [
        {
            "name": name,
            "words": tried[name].words,
            **_figures(report, curves[name]),
            **{key: value for kind in _KINDS for key, value in _difference(kind, name, differences[kind], reports)},
        }
        for name, report in reports.items()
    ]
    returns = {name: each[0] for name, each in sound.items()}
    sharpes = {name: float(r.mean()) / risk for name, r in returns.items() if (risk := _risk(r))}
    best = max(sharpes, key=lambda name: sharpes[name]) if sharpes else None
    times = base.equity["ts"]
    return Ablation(
        table=pl.DataFrame(rows, schema=_SCHEMA),
        returns=pl.concat(
            [
                pl.DataFrame({"ts": times, "name": [name] * len(times), "net": each[0], "gross": each[1]})
                for name, each in sound.items()
            ]
        )
        if sound
        else pl.DataFrame(schema={"ts": times.dtype, "name": pl.String, "net": pl.Float64, "gross": pl.Float64}),
        best=best,
        deflated=None if best is None else deflated_sharpe_of(returns[best], list(returns.values())),
        about={
            "options": plain_options(tried[BASE].options),
            "costs": dict(base.costs),
            "plan": base.about["plan"],
            "symbols": list(base.symbols),
            "seed": seed,
            "level": _LEVEL,
            "step_seconds": base.step_seconds,
            "bars": len(times),
            "first": times[0].isoformat(),
            "last": times[-1].isoformat(),
            "variants": {
                name: {"words": each.words, "changed": list(changed(tried[BASE].options, each.options))}
                for name, each in tried.items()
                if name != BASE
            },
        },
    )


def _curves(name: str, report: Report, base: Report) -> tuple[Floats, Floats] | None:
    """Return net and gross returns per bar; None where the account was ruined."""
    if report.ruined is not None:
        return None
    if base.ruined is None and not report.equity["ts"].equals(base.equity["ts"]):
        raise DataError(f"{name} must have the bars of the base, got others", "bars")
    net = curve_returns(report.equity["equity"].to_numpy(), report.capital)
    if net is None:
        return None
    equity = report.equity["equity"].to_numpy()
    before = np.concatenate(([report.capital], equity[:-1]))
    gross: Floats = net + _paid(report) / before
    return net, gross


def _paid(report: Report) -> Floats:
    """Return fees, funding and spread of each bar, in quote currency."""
    # Targets are limit orders, which no spread is paid for.
    limits = (
        report.trades.filter(pl.col("reason") == "take_profit")
        .group_by(ts="closed")
        .agg((pl.col("units") * pl.col("exit")).sum().alias("limits"))
    )
    half = float(report.costs["half_spread"])
    spread = (pl.col("traded") - pl.col("limits").fill_null(0.0)) * half
    joined = report.equity.join(limits, on="ts", how="left", maintain_order="left")
    paid: Floats = joined.select(pl.col("costs") + pl.col("funding") + spread).to_series().to_numpy()
    return paid


def _figures(report: Report, curves: tuple[Floats, Floats] | None) -> dict[str, Any]:
    equity = report.equity["equity"].to_numpy()
    years = len(equity) * report.step_seconds / (365.25 * 86_400)
    figures: dict[str, Any] = {"trades": report.trades.height}
    if curves is None:
        return figures
    metrics = return_metrics(curves[0], report.step_seconds)
    figures |= {name: metrics[name] for name in ("total_return", "cagr", "sharpe", "max_drawdown")}
    before = np.concatenate(([report.capital], equity[:-1]))
    figures["turnover"] = float((report.equity["traded"].to_numpy() / before).sum()) / years
    figures["paid"] = float((curves[1] - curves[0]).sum()) / years
    return figures


def _scaled(others: Mapping[str, tuple[Floats, Floats]], base: Floats) -> dict[str, Floats]:
    """Return the net returns of variants at the volatility of the base; without those that have none."""
    risk = _risk(base)
    return {name: net * (risk / own) for name, (net, _) in others.items() if risk and (own := _risk(net))}


def _risk(returns: Floats) -> float:
    # Exactly: the deviations of equal values from their mean may be rounding.
    return 0.0 if len(returns) < 2 or returns.min() == returns.max() else float(returns.std(ddof=1))


def _difference(
    kind: str, name: str, found: Mapping[str, Difference], reports: Mapping[str, Report]
) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a difference; only a reason where there is none."""
    ruined = next((which for which in (BASE, name) if reports[which].ruined is not None), None)
    if name in found:
        each = asdict(found[name])
        yield from ((f"{kind}{column}", each[column]) for column in _DIFFERENCE)
    elif name != BASE:
        flat = "one of them never trades: at no size has it the other's risk"
        yield f"{kind}reason", flat if ruined is None else f"nothing is left of {ruined} at {reports[ruined].ruined}"


def _counted(number: int) -> str:
    return f"{number} variants" if number > 1 else "1 variant"


def _sentence(row: Mapping[str, Any]) -> str:
    between = ""
    if row["low"] is not None and row["high"] is not None:
        between = f", between {row['low']:+.1%} and {row['high']:+.1%}"
    words = (
        f"Where {row['words']}, it earns {_more(row['value'])} (p = {row['adjusted']:.2g} for all variants "
        f"together{between})"
    )
    if row["scaled_value"] is None:
        return f"{words}."
    sure = "" if row["scaled_adjusted"] is None else f", p = {row['scaled_adjusted']:.2g}"
    return f"{words}; at the same volatility {_more(row['scaled_value'])}{sure}."


def _more(value: float) -> str:
    return f"{abs(value):.1%} a year {'less' if value < 0.0 else 'more'}"
