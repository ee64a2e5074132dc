"""Where a position is given up, where its profit is taken, and what is closed on the way.

Letters: d distance over the price; R the distance from entry to stop as the position was opened.

    stop of a long  entry (1 - d)      take profit  entry (1 + b d)
    of a short      entry (1 + d)                   entry (1 - b d)

Distances are simple and not in logs: what a position loses is linear in the price, so that a long and a short of one
size lose the same at their stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import get_args

from comove.errors import ParameterError
from comove.options import above, choice, whole, within
from comove.portfolio.numbers import share
from comove.portfolio.positions import Position, Side
from comove.portfolio.risk_options import RiskOptions

__all__ = ["PartialExit", "Stop", "scale_out", "stop_loss", "take_profit", "trailing_stop"]

_SIDES = get_args(Side)


@dataclass(frozen=True, slots=True)
class Stop:
    """A price at which a position ends, in loss or in profit."""

    price: float | None
    """None where it is not known."""
    distance: float | None
    """From the price it was made at, over that price; of a trailing stop that the price has passed at most 0."""
    reason: str


@dataclass(frozen=True, slots=True)
class PartialExit:
    """A part of a position that is to be closed."""

    level: int
    """Counted from 1."""
    multiple: float
    """Of the risk R."""
    price: float
    """At which the level lies."""
    size: float
    """What to close, in quote currency at the entry price, as `Position.size`."""
    share: float
    """Of the position as it was opened."""
    reason: str


def stop_loss(
    options: RiskOptions,
    side: Side,
    entry: float,
    *,
    volatility: float | None = None,
    atr: float | None = None,
    leader_volatility_ratio: float | None = None,
) -> Stop:
    """Return the stop of a position: as far as the asset's own noise goes, farther where leaders are turbulent.

    d = `stop_sigmas` times volatility times sqrt(`stop_rows`), or `stop_atrs` times atr / entry; times the leaders'
    ratio, from 1 to `leader_stop_cap`, unless `leader_volatility` is false; from `min_stop` to `max_stop`.

    Parameters
    ----------
    options : RiskOptions
    side : {"long", "short"}
    entry : float, above 0
    volatility : float, above 0, optional
        Standard deviation of the asset's returns of one row; used where `stop_basis` is "sigma".
    atr : float, above 0, optional
        Average true range in quote currency; used where `stop_basis` is "atr".
    leader_volatility_ratio : float, above 0, optional
        The leaders' recent volatility over that of their past; None for not known: `leader_volatility_unknown`.

    Returns
    -------
    Stop
        Without price and distance where what it is measured in is not known.

    Raises
    ------
    ParameterError
        A number out of its bounds, NaN too; an entry so near the ends of float64 that it has no stop.
    """
    sign, start = _sign(side), above("entry", entry)
    sigma = None if volatility is None else above("volatility", volatility)
    span = None if atr is None else above("atr", atr)
    ratio = None if leader_volatility_ratio is None else above("leader_volatility_ratio", leader_volatility_ratio)
    if options.stop_basis == "sigma":
        if sigma is None:
            return Stop(None, None, "the asset's volatility is not known")
        own = options.stop_sigmas * (sigma * sqrt(float(options.stop_rows)))
        what = f"{options.stop_sigmas:g} standard deviations of {options.stop_rows} rows at {share(sigma)} a row"
    else:
        if span is None:
            return Stop(None, None, "the asset's average true range is not known")
        own = options.stop_atrs * (span / start)
        what = f"{options.stop_atrs:g} average true ranges of {span:.4g}"
    wide, reason = own, f"{what} are {share(own)}"
    if options.leader_volatility:
        factor, leaders = _widening(options, ratio)
        wide, reason = own * factor, f"{reason}; {leaders}, x {factor:.3g}"
    distance = max(options.min_stop, min(wide, options.max_stop))
    if distance != wide:
        reason += f"; at {'least' if distance > wide else 'most'} {share(distance)}"
    return Stop(_beside("stop", start, -sign * distance), distance, reason)


def take_profit(options: RiskOptions, side: Side, entry: float, stop_distance: float | None) -> Stop:
    """Return where profit is taken: `reward_ratio` times as far as the stop, on the other side.

    Parameters
    ----------
    options : RiskOptions
    side : {"long", "short"}
    entry : float, above 0
    stop_distance : float, above 0, at most `max_stop`, or None
        That of `stop_loss`.

    Returns
    -------
    Stop
        Without price and distance where that of the stop is None.

    Raises
    ------
    ParameterError
        As `stop_loss`.
    """
    sign, start = _sign(side), above("entry", entry)
    if stop_distance is None:
        return Stop(None, None, "the distance of the stop is not known")
    risk = above("stop_distance", stop_distance, 0.0, options.max_stop)
    distance = options.reward_ratio * risk
    reason = f"{options.reward_ratio:g} times the distance of the stop, {share(risk)}"
    return Stop(_beside("take profit", start, sign * distance), distance, reason)


def trailing_stop(side: Side, stop: float, price: float, distance: float | None) -> Stop:
    """Return a stop that follows the price and never loosens.

    Parameters
    ----------
    side : {"long", "short"}
    stop : float, above 0
        Where it is now.
    price : float, above 0
    distance : float, 1e-9 to 0.999, or None
        How far behind the price it is to be, as `stop_loss` gives it; None for not known: it stays.

    Raises
    ------
    ParameterError
        A number out of its bounds, NaN too.
    """
    sign = _sign(side)
    old, now = above("stop", stop), above("price", price)
    kept = old
    reason = f"it stays at {old:.6g}"
    if distance is None:
        reason += ": how far behind the price it is to be is not known"
    else:
        follows = _beside("stop", now, -sign * within("distance", distance, 1e-9, 0.999))
        if (follows - old) * sign > 0.0:
            kept, reason = follows, f"{share(distance)} behind {now:.6g}, before at {old:.6g}"
        else:
            reason += f": {share(distance)} behind {now:.6g} would be looser"
    behind = (now - kept) * sign / now
    if behind <= 0.0:
        reason += "; the price has reached it"
    return Stop(kept, behind, reason)


def scale_out(options: RiskOptions, position: Position, price: float, *, taken: int = 0) -> tuple[PartialExit, ...]:
    """Return the partial exits whose levels a price has reached and that were not taken before.

    Level k lies at `scale_first` + (k - 1) `scale_step` times R of profit, and closes `scale_share` of the position.

    Parameters
    ----------
    options : RiskOptions
    position : Position
        As it was opened, with its first stop: that makes R, wherever the stop has moved since.
    price : float, above 0
    taken : int, 0 to `scale_levels`
        Levels taken so far. What is returned adds to it: each level is taken once, and a price that jumps over two
        levels takes both.

    Raises
    ------
    ParameterError
        A position without a stop, which has no R; a number out of its bounds.
    """
    now = above("price", price)
    first = whole("taken", taken, least=0, most=options.scale_levels, because="")
    if position.stop is None:
        raise ParameterError(f"stop of {position.symbol} must be given to scale out, got None", "stop")
    # Of a short this is below 0, as its profits lie below the entry.
    risk = position.entry - position.stop
    exits = []
    for level in range(first + 1, options.scale_levels + 1):
        multiple = options.scale_first + (level - 1) * options.scale_step
        at = position.entry + multiple * risk
        if (now - at) * position.sign < 0.0:
            break
        reason = (
            f"the price {now:.6g} has reached {multiple:g} times the risk of {abs(risk):.4g}, {at:.6g}: "
            f"{share(options.scale_share)} is closed, level {level} of {options.scale_levels}"
        )
        exits.append(PartialExit(level, multiple, at, options.scale_share * position.size, options.scale_share, reason))
    return tuple(exits)


def _widening(options: RiskOptions, ratio: float | None) -> tuple[float, str]:
    """Return by how much leaders widen a stop, and how turbulent they are in words."""
    if ratio is None:
        ratio = options.leader_volatility_unknown
        leaders = "it is not known how turbulent leaders are"
    else:
        leaders = f"leaders are {ratio:.3g} times as volatile as in their past"
    return max(1.0, min(ratio / options.leader_volatility_at, options.leader_stop_cap)), leaders


def _sign(side: object) -> float:
    # The checker takes as long as a stop.
    if side not in _SIDES:
        choice("side", side, _SIDES)
    return 1.0 if side == "long" else -1.0


def _beside(name: str, price: float, distance: float) -> float:
    """Return the price that lies a signed distance away."""
    other = price * (1.0 + distance)
    # At the ends of float64 it is infinite, or the same price.
    if other == price:
        raise ParameterError(f"{name} must differ from the price, got {other!r} for both", "stop")
    return above(name, other)
