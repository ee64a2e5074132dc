"""How much a book moves with its leaders: net and gross, with an error bar.

Letters: w_i signed exposure of position i over the capital; b_il its beta on leader l.

    net_l = sum of w_i b_il         Var(net_l) = sum over i, j of w_i w_j Cov(b_il, b_jl)
    gross_l = sum of |w_i b_il|

`regressions` has the covariances of betas. A leader is its own market without an error: beta 1 on itself and, of the
joint betas, 0 on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from comove.options import Floats
from comove.portfolio.measured import Measured
from comove.portfolio.regressions import Regressions

__all__ = ["LeaderExposure", "NetExposure", "leader_exposures"]


@dataclass(frozen=True, slots=True)
class NetExposure:
    """Exposure of a book to a leader by one kind of betas, over the capital; None where a beta is not known."""

    net: float | None
    """Part of the capital that moves as the leader does; negative where it moves against it."""
    stderr: float | None
    """Standard error of `net`, of the betas alone: the weights are known."""
    gross: float | None
    """The same without hedging: the sum of the sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderExposure:
    """Exposure of a book to a leader."""

    leader: str
    single: NetExposure
    """By betas on this leader alone: what the book does when the leader moves as it usually does, and the others
    with it."""
    joint: NetExposure
    """By betas on all leaders at once: what it does when this leader moves and the others do not."""
    n: int | None
    """Rows of the joint betas, of the position that has the fewest; None where no beta had to be measured."""
    reason: str | None
    """Why something is not known."""


def leader_exposures(weights: Mapping[str, float], measured: Measured) -> tuple[LeaderExposure, ...]:
    """Return the exposure of a book to every leader.

    Parameters
    ----------
    weights : mapping of str to float
        Exposures over the capital, negative of shorts.
    measured : Measured

    Returns
    -------
    tuple of LeaderExposure
        In the order of the leaders. An empty book has 0 without an error.

    Notes
    -----
    Errors of betas are those of least squares with errors that are alike in all rows; heavy tails and volatility that
    comes in clusters make true ones larger.
    """
    joint = _exposures(weights, measured, measured.joint, measured.used)
    out = []
    for leader in measured.leaders:
        single = _exposures(weights, measured, measured.single(leader), (leader,))[leader]
        found, missing = joint.get(leader), _missing(weights, measured, leader)
        if found is None:
            held = {symbol: weight for symbol, weight in weights.items() if symbol not in measured.leaders}
            own = weights.get(leader, 0.0)
            found = NetExposure(None, None, None) if held else NetExposure(own, 0.0, abs(own))
        unknown = found.net is None or single.net is None
        out.append(
            LeaderExposure(
                leader=leader,
                single=single,
                joint=found,
                n=_fewest(weights, measured),
                reason=missing if unknown else None,
            )
        )
    return tuple(out)


def _exposures(
    weights: Mapping[str, float], measured: Measured, fit: Regressions | None, leaders: tuple[str, ...]
) -> dict[str, NetExposure]:
    """Return the exposure to each of the leaders that are regressed on together."""
    own = np.array([weights.get(leader, 0.0) for leader in leaders])
    # With several leaders all of them are exact; alone, the others are measured like any asset.
    measure = [
        symbol for symbol in weights if symbol not in leaders and (len(leaders) == 1 or symbol not in measured.leaders)
    ]
    if not measure:
        return {leader: NetExposure(float(w), 0.0, abs(float(w))) for leader, w in zip(leaders, own, strict=True)}
    places = [measured.window.place(symbol) for symbol in measure]
    known = [place for place in places if place is not None]
    if fit is None or len(known) < len(measure) or not fit.known[known].all():
        return {leader: NetExposure(None, None, None) for leader in leaders}
    w = np.array([weights[symbol] for symbol in measure])
    parts: Floats = w[:, np.newaxis] * fit.betas[known]
    variances = [float(w @ covariance @ w) for covariance in fit.covariances(known)]
    # Rounding may take the variance of a perfect fit below 0.
    return {
        leader: NetExposure(
            float(own[at] + parts[:, at].sum()),
            sqrt(max(0.0, variances[at])),
            float(abs(own[at]) + np.abs(parts[:, at]).sum()),
        )
        for at, leader in enumerate(leaders)
    }


def _fewest(weights: Mapping[str, float], measured: Measured) -> int | None:
    places = [measured.window.place(symbol) for symbol in weights if symbol not in measured.leaders]
    if not places:
        return None
    fit = measured.joint
    return int(min(0.0 if fit is None or place is None else fit.n[place] for place in places))


def _missing(weights: Mapping[str, float], measured: Measured, leader: str) -> str:
    """Say why an exposure to a leader is not known."""
    least = measured.limits.min_samples
    if leader not in measured.used:
        return f"{leader} has fewer than {least} returns in the window"
    causes = []
    for symbol in weights:
        place = measured.window.place(symbol)
        if symbol == leader:
            continue
        for fit in (measured.single(leader), None if symbol in measured.leaders else measured.joint):
            if fit is None or (place is not None and fit.known[place]):
                continue
            rows = 0 if place is None else int(fit.n[place])
            if rows < least:
                causes.append(f"{symbol} has {rows} rows with its leaders, {least} are needed")
            else:
                causes.append(f"in the rows of {symbol} a leader does not vary, or is made of the others")
            break
    return "; ".join(causes)
