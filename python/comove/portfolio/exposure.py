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
from typing import Final

import numpy as np

from comove.portfolio.measured import Measured
from comove.portfolio.numbers import scale_of

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


_UNKNOWN: Final = NetExposure(None, None, None)


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
    scale = scale_of(weights.values())
    unit = {symbol: weight / scale for symbol, weight in weights.items()}
    found = _without_holes(unit, measured) or _with_holes(unit, measured)
    return found if scale == 1.0 else tuple(_times(each, scale) for each in found)


def _times(exposure: LeaderExposure, scale: float) -> LeaderExposure:
    single, joint = (
        each if each.net is None or each.stderr is None or each.gross is None
        else NetExposure(each.net * scale, each.stderr * scale, each.gross * scale)
        for each in (exposure.single, exposure.joint)
    )  # fmt: skip
    return LeaderExposure(leader=exposure.leader, single=single, joint=joint, n=exposure.n, reason=exposure.reason)


def _with_holes(weights: Mapping[str, float], measured: Measured) -> tuple[LeaderExposure, ...]:
    """Return the exposures of any symbols, by the regressions of each on its own rows."""
    joint, n, causes = _joint(weights, measured)
    out = []
    for leader, found in zip(measured.leaders, joint, strict=True):
        single, _, cause = _exposures(weights, measured, (leader,), (leader,))
        reason = "; ".join(dict.fromkeys([*causes, *cause]))
        unknown = found.net is None or single[0].net is None
        out.append(
            LeaderExposure(leader=leader, single=single[0], joint=found, n=n, reason=reason if unknown else None)
        )
    return tuple(out)


def _without_holes(weights: Mapping[str, float], measured: Measured) -> tuple[LeaderExposure, ...] | None:
    """Return the exposures of symbols that have all rows of the window; None where one has not."""
    betas, places = measured.moment_betas(), measured.places(list(weights))
    if betas is None or len(places) < len(weights) or not measured.moments.full[places].all():
        return None
    single, joint = betas.of_book(places, np.array(list(weights.values())))
    # Moments beyond the range of float64 make none.
    if joint is None or not np.isfinite([single.variance, joint.variance]).all():
        return None
    n = None if all(symbol in measured.leaders for symbol in weights) else betas.rows
    each = [
        [
            NetExposure(*values)
            for values in zip(kind.net.tolist(), np.sqrt(kind.variance).tolist(), kind.gross.tolist(), strict=True)
        ]
        for kind in (single, joint)
    ]
    return tuple(
        LeaderExposure(leader=leader, single=alone, joint=together, n=n, reason=None)
        for leader, alone, together in zip(measured.leaders, *each, strict=True)
    )


def _joint(weights: Mapping[str, float], measured: Measured) -> tuple[list[NetExposure], int | None, list[str]]:
    """Return the exposures to all leaders by joint betas, the fewest rows, and why something is not known."""
    used, least = measured.used, measured.limits.min_samples
    # Alone, the other leaders are measured like any asset; of joint betas theirs are exact too.
    found, n, causes = _exposures(weights, measured, used, measured.leaders)
    given = dict(zip(used, found, strict=True))
    others = any(symbol not in measured.leaders for symbol in weights)
    for leader in measured.leaders:
        if leader not in used and others:
            given[leader] = _UNKNOWN
            causes.append(f"{leader} has fewer than {least} returns in the window")
        elif leader not in used:
            given[leader] = _exact(weights.get(leader, 0.0))
    return [given[leader] for leader in measured.leaders], n, causes


def _exposures(
    weights: Mapping[str, float], measured: Measured, leaders: tuple[str, ...], exact: tuple[str, ...]
) -> tuple[list[NetExposure], int | None, list[str]]:
    """Return the exposure to each of the leaders that are regressed on together, fewest rows, and what is wrong.

    Symbols of `exact` have beta 1 on themselves and 0 on others.
    """
    own = [weights.get(leader, 0.0) for leader in leaders]
    measure = [symbol for symbol in weights if symbol not in exact]
    if not measure:
        return [_exact(weight) for weight in own], None, []
    least = measured.limits.min_samples
    causes = [
        f"{leader} has fewer than {least} returns in the window" for leader in leaders if leader not in measured.used
    ]
    causes += [f"{symbol} has no returns" for symbol in measure if measured.window.place(symbol) is None]
    if causes or not leaders:
        return [_UNKNOWN] * len(leaders), 0, causes
    w = np.array([weights[symbol] for symbol in measure])
    slopes = measured.slopes(leaders, measure, w)
    n = int(slopes.n.min())
    if slopes.variances is None:
        for symbol, rows, known in zip(measure, slopes.n.tolist(), slopes.known.tolist(), strict=True):
            if not known and rows < least:
                causes.append(f"{symbol} has {rows:g} rows with its leaders, {least} are needed")
            elif not known:
                causes.append(f"in the rows of {symbol} a leader does not vary, or is made of the others")
        if not causes:
            causes.append(f"returns of {', '.join(measure)} are too large to be squared")
        return [_UNKNOWN] * len(leaders), n, causes
    parts = w[:, np.newaxis] * slopes.betas
    nets, grosses = parts.sum(axis=0).tolist(), np.abs(parts).sum(axis=0).tolist()
    # Rounding may take the variance of a perfect fit below 0.
    errors = np.sqrt(np.maximum(slopes.variances, 0.0)).tolist()
    found = [
        NetExposure(weight + net, error, abs(weight) + gross)
        for weight, net, error, gross in zip(own, nets, errors, grosses, strict=True)
    ]
    return found, n, causes


def _exact(weight: float) -> NetExposure:
    return NetExposure(weight, 0.0, abs(weight))
