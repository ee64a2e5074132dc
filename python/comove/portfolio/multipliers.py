"""The multipliers of a size, one function each, and the caps.

Letters: c confidence; p probability of winning; b payoff ratio; r size of a correlation of n pairs; z standard errors.

Each falls, or rises, with its input in every rounding: its steps are + - * / and square root, each of which keeps
order. So a size, their product, never grows when volatility, a leader's volatility, |beta|, drawdown, heat or the score
of risk-off grows, and never shrinks when confidence grows, to the last bit.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from comove.portfolio.numbers import share
from comove.portfolio.risk_options import RiskOptions
from comove.portfolio.shrinkage import beta_bound
from comove.portfolio.sizing import Cap, Multiplier, SizingInputs

__all__ = [
    "caps_of",
    "for_beta",
    "for_confidence",
    "for_divergence",
    "for_drawdown",
    "for_heat",
    "for_kelly",
    "for_leader_volatility",
    "for_regime",
    "for_volatility",
]

#: Fisher's transformation has the standard error 1 / sqrt(n - 3).
_LEAST_SAMPLES: Final = 4
#: Depth of the continued fraction of tanh, an odd one: within 1e-15 up to 1, and always from above.
_DEPTH: Final = 17.0


def for_confidence(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return (c - 1/2) / (`confidence_full` - 1/2), from 0 to 1."""
    c, full = inputs.confidence, options.confidence_full
    if c <= 0.5:
        return Multiplier("confidence", 0.0, f"confidence {c:.3g} is no better than a coin's 0.5")
    value = min(1.0, (c - 0.5) / (full - 0.5))
    return Multiplier("confidence", value, f"confidence {c:.3g}; 0.5 is none, {full:g} is full")


def for_volatility(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return target volatility over volatility, at most `volatility_cap`; 0 where it is not known."""
    volatility, target, cap = inputs.volatility, options.target_volatility, options.volatility_cap
    if volatility is None:
        return Multiplier("volatility", 0.0, f"the volatility of {inputs.symbol} is not known")
    value = min(cap, target / volatility)
    return Multiplier(
        "volatility", value, f"{inputs.symbol} varies by {share(volatility)} a row, the target is {share(target)}"
    )


def for_drawdown(drawdown: float | None, halted: str | None, options: RiskOptions) -> Multiplier:
    """Return 1 - drawdown / `max_drawdown`; 0 where entries are halted, and where no equity is known."""
    if halted is not None:
        return Multiplier("drawdown", 0.0, halted)
    if drawdown is None:
        return Multiplier("drawdown", 0.0, "no equity is known: give it to update_equity")
    most = options.max_drawdown
    value = max(0.0, 1.0 - drawdown / most)
    return Multiplier("drawdown", value, f"{share(drawdown)} below the peak of equity; at {share(most)} entries halt")


def for_kelly(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return what fractional Kelly allows over what the base risks, at most 1; 0 where there is no edge.

    Kelly's stake is f = p - (1 - p) / b of the capital, lost at the stop (Kelly 1956, A new interpretation of
    information rate, Bell System Technical Journal 35, 917-926; Thorp 2006, The Kelly criterion in blackjack, sports
    betting, and the stock market). Of it `kelly_fraction` may be risked; the base risks `base_fraction` times the
    distance of the stop.

    p is not the confidence: a target twice as far as the stop is reached first by chance alone once in 3 times, not
    every other time. Where only the confidence is known, the price is taken for a random walk with a drift that goes
    one stop's distance up before as much down with probability c. With q = (1 - c) / c then p = (1 - q) / (1 - s),
    s = q^(1 + b) (the gambler's ruin), and f rises with b, from 1 + q ln q / (1 - q) as b goes to 0. 1 - sqrt(q) is
    below that, hence below Kelly's stake for every payoff, and is 0 at c = 1/2: it is what is staked.
    """
    p, b, c = inputs.win_probability, inputs.payoff_ratio, inputs.confidence
    if p is not None and b is not None:
        edge = p - (1.0 - p) / b
        what = f"a probability of winning of {p:.3g} at a payoff of {b:.3g}"
    else:
        # Above 1 below c = 1/2, where there is no edge anyway.
        edge = 1.0 - sqrt((1.0 - c) / c)
        what = f"confidence {c:.3g}"
    if not edge > 0.0:
        return Multiplier("kelly", 0.0, f"{what} has no edge: Kelly's stake is {share(edge)}")
    distance = 1.0 if inputs.stop_distance is None else inputs.stop_distance
    stake, risk = options.kelly_fraction * edge, options.base_fraction * distance
    value = 1.0 if stake >= risk else stake / risk
    return Multiplier(
        "kelly",
        value,
        f"{what}: Kelly's stake is {share(edge)}, {options.kelly_fraction:g} of it {share(stake)}; "
        f"the base risks {share(risk)}",
    )


def for_leader_volatility(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return `leader_volatility_at` over the ratio, at most 1."""
    ratio, at = inputs.leader_volatility_ratio, options.leader_volatility_at
    if ratio is None:
        ratio = options.leader_volatility_unknown
        reason = f"how turbulent leaders are is not known, taken for {ratio:.3g} times their past"
    else:
        reason = f"leaders are {ratio:.3g} times as volatile as in their past"
    return Multiplier("leader_volatility", 1.0 if ratio <= at else at / ratio, f"{reason}; up to {at:g} is calm")


def for_beta(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return `beta_at` over the upper bound of the size of the shrunk beta, at most 1."""
    beta, stderr, prior, at = inputs.beta, inputs.beta_stderr, inputs.beta_prior, options.beta_at
    bound = beta_bound(beta, stderr, prior, options.beta_errors)
    if bound is None:
        bound = options.beta_unknown if beta is None else max(abs(beta), options.beta_unknown)
        known = "beta is not known" if beta is None else f"the error of beta {beta:.3g} is not known"
        reason = f"{known}, taken for {bound:.3g}"
    elif beta is None:
        reason = f"beta is not known; those of other coins are up to {bound:.3g}"
    else:
        error = "of unknown error" if stderr is None else f"+- {stderr:.2g}"
        towards = "" if prior is None else f" shrunk towards {prior.mean:.3g}"
        reason = f"beta {beta:.3g} {error}{towards} is up to {bound:.3g}"
    return Multiplier("beta", 1.0 if bound <= at else at / bound, f"{reason}; up to {at:g} is full")


def for_divergence(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return 1 to `divergence_cap`, by the lower bound of 1 - r.

    Fisher's transformation makes an upper bound of r: tanh(artanh(r) + z / sqrt(n - 3)) = (r + t) / (1 + r t) with
    t = tanh(z / sqrt(n - 3)) (Fisher 1921, On the probable error of a coefficient of correlation, Metron 1, 3-32).
    """
    correlation, n, at = inputs.correlation, inputs.correlation_samples, options.divergence_at
    if correlation is None:
        return Multiplier("divergence", 1.0, "the correlation with leaders is not known")
    if n is None or n < _LEAST_SAMPLES:
        pairs = "an unknown number of" if n is None else f"{n}"
        return Multiplier("divergence", 1.0, f"correlation {correlation:.2f} of {pairs} pairs says nothing")
    r, t = abs(correlation), _tanh(options.divergence_errors / sqrt(n - 3.0))
    # 1 - (r + t) / (1 + r t), written so that no rounding makes it grow with r.
    divergence = (1.0 - r) * (1.0 - t) / (1.0 + r * t)
    above = max(0.0, divergence - at) / (1.0 - at)
    value = 1.0 + (options.divergence_cap - 1.0) * above
    return Multiplier(
        "divergence",
        min(value, options.divergence_cap),
        f"correlation {correlation:.2f} of {n} pairs, divergence at least {divergence:.2f}; "
        f"from {at:g} on it is uncorrelated for certain",
    )


def for_regime(inputs: SizingInputs, options: RiskOptions) -> Multiplier:
    """Return 1 less the share that risk-off takes; of a short also less the share that risk-on takes.

    A short is in the direction of risk-off, but its rebounds are as sharp as its falls: it shrinks too, by less.
    Rotation and divergence say which coins, not how much of them, and change nothing.
    """
    off = inputs.score("risk_off")
    long = inputs.side == "long"
    value = 1.0 - (options.risk_off_long if long else options.risk_off_short) * off
    reason = f"risk-off scores {off:.2f}"
    if not long:
        on = inputs.score("risk_on")
        value *= 1.0 - options.risk_on_short * on
        reason = f"{reason}, risk-on {on:.2f}"
    if not inputs.regime_scores:
        reason = "the regime is not known, taken for the worst"
    return Multiplier("regime", value, f"{reason}; for a {inputs.side} that leaves {share(value)}")


def for_heat(inputs: SizingInputs) -> Multiplier:
    """Return the part of the largest heat that is left."""
    heat, most = inputs.heat, inputs.max_heat
    value = max(0.0, 1.0 - heat / most)
    return Multiplier("heat", value, f"positions are worth {share(heat)} of the capital, at most {share(most)} may be")


def caps_of(inputs: SizingInputs, options: RiskOptions, fraction: float) -> tuple[Cap, ...]:
    """Return the caps below a fraction of the capital, the tightest first."""
    distance = 1.0 if inputs.stop_distance is None else inputs.stop_distance
    caps = []
    if options.max_fraction < fraction:
        caps.append(Cap("max_fraction", options.max_fraction, "the most of one position"))
    if (limit := options.max_risk / distance) < fraction:
        where = "without a stop all" if inputs.stop_distance is None else f"at the stop {share(distance)}"
        caps.append(Cap("max_risk", limit, f"{where} is lost, at most {share(options.max_risk)} of the capital may be"))
    if (limit := max(0.0, inputs.max_heat - inputs.heat)) < fraction:
        caps.append(Cap("max_heat", limit, f"what is left to the largest heat of {share(inputs.max_heat)}"))
    if (limit := max(0.0, options.max_leverage - inputs.heat)) < fraction:
        caps.append(Cap("max_leverage", limit, f"all positions may be worth {share(options.max_leverage)} together"))
    return tuple(sorted(caps, key=lambda cap: cap.limit)) if len(caps) > 1 else tuple(caps)


def _tanh(x: float) -> float:
    """Return tanh(x) for x of at least 0, by Lambert's continued fraction (Abramowitz and Stegun 4.5.70)."""
    square = x * x
    below = _DEPTH
    odd = _DEPTH - 2.0
    while odd >= 1.0:
        below = odd + square / below
        odd -= 2.0
    return min(1.0, x / below)
