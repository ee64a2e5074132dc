"""From a prediction to a position that may be opened: is it worth its cost, how large, and does the book allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Final

from comove.engine.options import DecisionOptions
from comove.portfolio import BetaPrior, MultiSymbolCoordinator, RiskManager, RuleResult, Side, SizingInputs
from comove.signals import Context
from comove.signals.ensemble import EnsemblePrediction

__all__ = ["Plan", "Refusal", "plan_entry", "worth"]

#: Mean size of a normal deviate.
_MEAN_SIZE: Final = sqrt(2.0 / pi)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no position is opened."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A position to open."""

    side: Side
    size: float
    stop: float
    take_profit: float | None
    reasons: tuple[str, ...]


def volatility_of(context: Context) -> float | None:
    """Return the standard deviation of the symbol's returns of a row; None where it is not known."""
    for name in ("realized_sigma_60", "realized_sigma_30"):
        sigma = context.feature(name)
        if sigma > 0.0:
            return sigma
    return None


def worth(context: Context, prediction: EnsemblePrediction, options: DecisionOptions) -> Refusal | float:
    """Return the symbol's volatility where a prediction is worth its cost, and why not where it is not."""
    p, side = prediction.probability, prediction.direction
    if p < options.enter_at:
        return Refusal((f"{side} {p:.3f} is below enter_at {options.enter_at:g}",))
    if side == "short" and not options.allow_short:
        return Refusal((f"short {p:.3f}: allow_short is false",))
    sigma = volatility_of(context)
    if sigma is None:
        return Refusal((f"{side} {p:.3f}: its volatility is not known before 31 candles in a row that vary",))
    expected = (2.0 * p - 1.0) * _MEAN_SIZE * sigma * sqrt(float(prediction.horizon))
    least = options.cost_multiple * options.cost
    if expected < least:
        told = f"{side} {p:.3f}: the expected move of {expected:.2%} in {prediction.horizon} rows"
        return Refusal((f"{told} is below its cost of {least:.2%}",))
    return sigma


def plan_entry(
    context: Context,
    prediction: EnsemblePrediction,
    sigma: float,
    prior: Callable[[], BetaPrior | None],
    book: MultiSymbolCoordinator,
    risk: RiskManager,
) -> Plan | Refusal:
    """Return the position to open, sized and allowed, or why there is none.

    Parameters
    ----------
    context : Context
    prediction : EnsemblePrediction
        That `worth` let pass.
    sigma : float
        The symbol's volatility.
    prior : callable
        Returns what the betas of all symbols on the first leader say of any one's; asked where a size is reckoned.
    book : MultiSymbolCoordinator
        With what this bar has opened before.
    risk : RiskManager
    """
    symbol, side, price = context.symbol, prediction.direction, context.close
    shut = book.closed_to(symbol, side)
    if shut:
        return _refused(prediction, shut)
    first = book.leaders[0]
    ratio = context.leader_status(first).volatility_ratio
    atr = context.feature("atr")
    stop = risk.stop_loss(side, price, volatility=sigma, atr=atr if atr > 0.0 else None, leader_volatility_ratio=ratio)
    if stop.price is None:
        return Refusal((f"no stop: {stop.reason}",))
    target = risk.take_profit(side, price, stop.distance)
    regime = context.regime
    # A leader moves exactly as itself.
    beta, stderr = (1.0, 0.0) if symbol == first else _beta(context, first)
    sizing = risk.position_size(
        SizingInputs(
            symbol=symbol,
            side=side,
            price=price,
            capital=book.capital,
            confidence=prediction.probability,
            volatility=sigma,
            heat=book.gross,
            max_heat=book.limits.max_heat,
            stop_distance=stop.distance,
            payoff_ratio=None if target.distance is None or not stop.distance else target.distance / stop.distance,
            leader_volatility_ratio=ratio,
            beta=beta,
            beta_stderr=stderr,
            beta_prior=prior(),
            correlation=regime.cross_asset_correlation,
            correlation_samples=regime.n,
            regime_scores=regime.scores or None,
        )
    )
    if sizing.refused is not None:
        return Refusal((f"{side} {prediction.probability:.3f} has no size: {sizing.refused}",))
    entry = book.can_enter(symbol, side, sizing.size, stop.price, price)
    if not entry.allowed:
        return _refused(prediction, entry.refusals)
    steps = ", ".join(f"{each.name} x {each.value:.2f}" for each in sizing.multipliers)
    caps = f", cut by {sizing.caps[0].name}: {sizing.caps[0].reason}" if sizing.caps else ""
    marginal = entry.marginal
    return Plan(
        side=side,
        size=sizing.size,
        stop=stop.price,
        take_profit=target.price,
        reasons=(
            prediction.reason,
            f"size {sizing.fraction:.2%} of the capital: base {sizing.base:.0%}, {steps}{caps}",
            *(each.reason for each in sizing.multipliers if each.value < 1.0),
            f"stop: {stop.reason}",
            f"target: {target.reason}",
            f"heat {entry.heat_after.gross:.3f} after it, gross {marginal.gross:+.3f}, risk {marginal.risk:+.4f}, "
            f"correlated {marginal.correlated:+.3f}",
        ),
    )


def _refused(prediction: EnsemblePrediction, rules: Iterable[RuleResult]) -> Refusal:
    wanted = f"{prediction.direction} {prediction.probability:.3f} is refused"
    return Refusal((wanted, *(f"{rule.name}: {rule.text}" for rule in rules)))


def _beta(context: Context, leader: str) -> tuple[float | None, float | None]:
    metrics = context.beta(leader)
    return metrics.beta, metrics.stderr
