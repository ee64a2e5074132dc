"""What to do with an open position after a bar: named rules, of which the first that applies decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comove.engine.options import DecisionOptions
from comove.engine.trades import Trade
from comove.portfolio import Position, RiskManager
from comove.signals import Context
from comove.signals.ensemble import EnsemblePrediction
from comove.structure import LeaderStatus

__all__ = ["Exit", "manage", "passed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """What part of a position is closed; none of it where it is held."""

    rule: str | None
    """None where it is held."""
    fraction: float
    """Of what is open: 1 for all of it, 0 for none."""
    reasons: tuple[str, ...]
    taken: int = 0
    """Levels of scaling out that closing it takes."""
    reduced: bool = False
    """Whether closing it is what the breakdown of a leader asks for."""


def manage(
    position: Position,
    trade: Trade,
    context: Context,
    prediction: EnsemblePrediction | None,
    leaders: Sequence[LeaderStatus],
    risk: RiskManager,
    options: DecisionOptions,
) -> Exit:
    """Return what to do with a position; the trade's stop is moved behind the price, and nothing else changes.

    Parameters
    ----------
    position : Position
        What is open.
    trade : Trade
    context : Context
        Of its symbol.
    prediction : EnsemblePrediction or None
    leaders : sequence of LeaderStatus
        What each leader does.
    risk : RiskManager
    options : DecisionOptions
    """
    price, long = context.close, position.side == "long"
    gone = passed(position, trade, price)
    if gone is not None:
        return Exit(rule=gone[0], fraction=1.0, reasons=(gone[1],))
    moved = risk.trailing_stop(position.side, trade.stop, price, trade.distance)
    trade.stop = trade.stop if moved.price is None else moved.price
    against = None if prediction is None or prediction.direction == position.side else prediction
    if against is not None and against.probability >= options.exit_at:
        reason = f"the prediction is against the {position.side}, exit_at is {options.exit_at:g}"
        return Exit(rule="prediction", fraction=1.0, reasons=(f"{reason}: {against.reason}",))
    held = context.row - trade.row
    if held >= options.hold_rows:
        reason = f"held for {held} rows, hold_rows is {options.hold_rows}"
        return Exit(rule="hold_rows", fraction=1.0, reasons=(reason,))
    broken = [status for status in leaders if status.breaking]
    if long and broken and not trade.reduced and options.breakdown_reduction and _is_altcoin(context):
        reason = f"leader_breakdown: {options.breakdown_reduction:.0%} of a long in another coin is closed"
        return Exit(
            rule="leader_breakdown",
            fraction=options.breakdown_reduction,
            reasons=(reason, *(status.reason for status in broken)),
            reduced=True,
        )
    opened = Position(
        symbol=position.symbol, side=position.side, size=trade.size, entry=position.entry, stop=trade.first_stop
    )
    levels = risk.scale_out(opened, price, taken=trade.taken)
    if levels:
        # Of the position as it was opened, in parts of what is left of it.
        fraction = min(1.0, sum(level.size for level in levels) / position.size)
        return Exit(
            rule="scale_out", fraction=fraction, reasons=tuple(level.reason for level in levels), taken=len(levels)
        )
    sure = "nothing is predicted" if prediction is None else f"{prediction.direction} {prediction.probability:.3f}"
    return Exit(rule=None, fraction=0.0, reasons=(f"held for {held} rows: {sure}", f"the stop: {moved.reason}"))


def passed(position: Position, trade: Trade, price: float) -> tuple[str, str] | None:
    """Return the rule and the reason where a price is at or beyond the stop or the target; None where it is between."""
    sign = position.sign
    if (price - trade.stop) * sign <= 0.0:
        return "stop", f"the close {price:.6g} has reached the stop {trade.stop:.6g}"
    target = trade.take_profit
    if target is not None and (price - target) * sign >= 0.0:
        return "take_profit", f"the close {price:.6g} has reached the target {target:.6g}"
    return None


def _is_altcoin(context: Context) -> bool:
    return context.symbol not in context.structure.leaders
