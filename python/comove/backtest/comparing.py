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

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from comove.backtest.ablation import LEVEL, Ablation
from comove.backtest.report import Report
from comove.backtest.stats import Difference, compare_variants, curve_returns, deflated_sharpe_of, return_metrics
from comove.backtest.variants import BASE, Variant, changed
from comove.engine.assembly import plain_options
from comove.errors import DataError
from comove.options import Floats

__all__ = ["compared"]

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
        Reports of other bars than those of the base, unless the account was ruined.
    """
    base = reports[BASE]
    curves = {name: _curves(name, report, base) for name, report in reports.items()}
    sound = {name: each for name, each in curves.items() if each is not None}
    given: dict[str, Any] = {
        "step_seconds": base.step_seconds,
        "level": LEVEL,
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
            "level": LEVEL,
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
        .group_by(ts="closed", maintain_order=True)
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
