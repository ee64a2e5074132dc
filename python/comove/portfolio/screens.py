"""Other plays: assets of low beta, of high beta while a leader rises, and those that outrun the first leader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Final, Literal, TypeAlias

import numpy as np

from comove.portfolio.measured import Measured
from comove.structure import LeaderStatus, MarketStructureSnapshot, RegimeOptions

__all__ = ["SCREENS", "Screen", "Screened", "screened"]

Screen: TypeAlias = Literal["low_beta", "high_beta_momentum", "rotation"]
SCREENS: Final[tuple[Screen, ...]] = ("low_beta", "high_beta_momentum", "rotation")


@dataclass(frozen=True, slots=True)
class Screened:
    """An asset that a screen found."""

    symbol: str
    score: float
    """By which it is ranked, in the screen's own measure."""
    figures: Mapping[str, float]
    """What it is made of, by name."""
    reason: str


def screened(
    screen: Screen,
    measured: Measured,
    market: MarketStructureSnapshot,
    leaders: Sequence[LeaderStatus],
    options: RegimeOptions,
) -> list[Screened]:
    """Return the assets that a screen finds, the best first.

    Parameters
    ----------
    screen : {"low_beta", "high_beta_momentum", "rotation"}
    measured : Measured
    market : MarketStructureSnapshot
        Of the market, for the leaders' trends and momentum.
    leaders : sequence of LeaderStatus
    options : RegimeOptions
        Whose `trend_at` and `momentum_at` say when a leader rises, and when another takes over.
    """
    if screen == "low_beta":
        found = _low_beta(measured)
    elif screen == "high_beta_momentum":
        found = _high_beta(measured, market, leaders, options)
    else:
        found = _rotation(measured, market, options)
    return sorted(found, key=lambda one: (-one.score, one.symbol))


def _low_beta(measured: Measured) -> Iterator[Screened]:
    """By single betas, for an asset that does not move when a leader does, whatever brings it about."""
    limits = measured.limits
    fits = [(leader, *measured.single(leader)) for leader in measured.used]
    # A leader that is not known may be the one it moves with.
    if len(fits) < len(measured.leaders):
        return
    bounds = [np.abs(beta) + limits.beta_errors * stderr for _, beta, stderr, _ in fits]
    for symbol, place in measured.assets():
        each = [float(bound[place]) for bound in bounds]
        # Not `max`, which passes over NaN.
        if not all(bound <= limits.low_beta_at for bound in each):
            continue
        most = int(np.argmax(each))
        leader, beta, stderr, n = fits[most]
        figures = {
            "beta": float(beta[place]),
            "stderr": float(stderr[place]),
            "upper": each[most],
            "n": float(n[place]),
        }
        yield Screened(
            symbol,
            -each[most],
            figures,
            f"the largest beta of {symbol} is {figures['beta']:.2f} +- {figures['stderr']:.2f} on {leader} over "
            f"{int(n[place])} rows: at most {each[most]:.2f} in size, {limits.low_beta_at:g} is low",
        )


def _high_beta(
    measured: Measured, market: MarketStructureSnapshot, leaders: Sequence[LeaderStatus], options: RegimeOptions
) -> Iterator[Screened]:
    """For each asset the leader that rises and makes the most of its beta."""
    limits = measured.limits
    calm = {status.leader for status in leaders if status.breaking is False}
    rising = []
    for leader in measured.used:
        trend = market.evidence.get(f"trend_{leader}")
        if trend is not None and trend >= options.trend_at and leader in calm:
            rising.append((leader, trend, *measured.single(leader)))
    for symbol, place in measured.assets():
        best: Screened | None = None
        for leader, trend, beta, stderr, n in rising:
            least = float(beta[place] - limits.beta_errors * stderr[place])
            if not least >= limits.high_beta_at or (best is not None and least * trend <= best.score):
                continue
            figures = {
                "beta": float(beta[place]),
                "stderr": float(stderr[place]),
                "lower": least,
                "trend": trend,
                "n": float(n[place]),
            }
            best = Screened(
                symbol,
                least * trend,
                figures,
                f"{leader} rises by {trend:.2f} standard deviations, and the beta of {symbol} on it is "
                f"{figures['beta']:.2f} +- {figures['stderr']:.2f}: at least {least:.2f}, {limits.high_beta_at:g} is "
                "high",
            )
        if best is not None:
            yield best


def _rotation(measured: Measured, market: MarketStructureSnapshot, options: RegimeOptions) -> Iterator[Screened]:
    """Strong against the first leader, while another leader or the asset's own group is too."""
    limits, first = measured.limits, measured.leaders[0]
    strengths = _strengths(measured)
    momentum, ahead = market.evidence.get("relative_momentum"), market.outperformer
    led = momentum is not None and ahead is not None and momentum >= options.momentum_at
    for symbol, place in measured.assets():
        strength = strengths.get(symbol)
        if strength is None or strength < limits.strength_at:
            continue
        group = [strengths[one] for one in measured.group_of(symbol) if one in strengths]
        together = len(group) >= limits.least_group and first not in measured.group_of(symbol)
        mean = sum(group) / len(group)
        figures = {"strength": strength, "n": float(measured.window.moments().n[place, place])}
        causes = []
        if led and momentum is not None:
            figures["momentum"] = momentum
            causes.append(f"{ahead} outruns {first} by {momentum:.2f} standard deviations")
        if together and mean >= limits.strength_at:
            figures["group"] = mean
            causes.append(f"its group of {len(group)} outruns {first} by {mean:.2f}")
        if causes:
            yield Screened(
                symbol,
                strength,
                figures,
                f"{symbol} outruns {first} by {strength:.2f} standard deviations over {limits.screen_rows} rows, and "
                f"{' and '.join(causes)}",
            )


def _strengths(measured: Measured) -> dict[str, float]:
    """Return the sum of returns beyond the first leader's over the last rows, in standard deviations of such a sum."""
    limits, window, first = measured.limits, measured.window, measured.leaders[0]
    leader = window.place(first)
    returns = window.returns
    if leader is None or not len(returns):
        return {}
    with np.errstate(over="ignore", invalid="ignore"):
        excess = returns - returns[:, leader : leader + 1]
    out = {}
    for symbol, place in measured.assets():
        own = excess[:, place]
        past = own[own == own]
        last = own[-limits.screen_rows :]
        last = last[last == last]
        if len(past) < limits.min_samples or 2 * len(last) < limits.screen_rows or past.max() == past.min():
            continue
        with np.errstate(all="ignore"):
            strength = float(last.sum() / (past.std(ddof=1) * sqrt(len(last))))
        # Beyond the range of float64 there is none.
        if isfinite(strength):
            out[symbol] = strength
    return out
