"""From what is known of a bar to a decision for each symbol: first open positions, then new ones, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from comove.engine.decision import Action, Decision
from comove.engine.desk import Desk
from comove.engine.entries import Plan, Refusal, plan_entry, worth
from comove.engine.exits import manage
from comove.engine.options import DecisionOptions
from comove.engine.trades import Order, Trade
from comove.portfolio import BetaPrior, Position, Side, beta_prior
from comove.signals import Context
from comove.signals.ensemble import EnsemblePrediction
from comove.structure import LeaderStatus
from comove.structure.snapshots import Fixed

__all__ = ["Known", "decide"]

_NOTHING: Final[Fixed[float]] = Fixed({})
_LONG_AGO: Final = -(1 << 62)

Fail: TypeAlias = Callable[[str, str | None, object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a bar."""

    ts: int
    contexts: Mapping[str, Context]
    predictions: Mapping[str, EnsemblePrediction | None]
    silence: Callable[[str], str]
    """Why nothing is predicted of a symbol."""
    absence: Callable[[str], str]
    """Why a symbol with a position has no candle that tells its price."""
    statuses: Sequence[LeaderStatus]
    """Of all leaders."""
    unvalued: str | None
    """Why the book does not know the prices of the bar; None where it does."""
    fail: Fail
    """Takes the stage, the symbol and the error of a part that failed."""


class _Candidate(NamedTuple):
    """A symbol that may be entered."""

    context: Context
    said: EnsemblePrediction
    sigma: float


def decide(desk: Desk, known: Known, options: DecisionOptions) -> dict[str, Decision]:
    """Return a decision for each symbol with a candle or a position, and add the orders to those on the desk."""
    if not any(status.breaking for status in known.statuses):
        for trade in desk.trades.values():
            trade.reduced = False
    found: dict[str, Decision] = {}
    ended = desk.book.ended
    for position in desk.book.positions:
        symbol = position.symbol
        if symbol in known.contexts and symbol not in ended:
            found[symbol] = _held(desk, known, options, position)
        else:
            found[symbol] = _untouched(desk, known, position)
    candidates: list[_Candidate] = []
    for symbol, context in known.contexts.items():
        if symbol in found:
            continue
        judged = _judged(desk, known, options, context)
        if isinstance(judged, Decision):
            found[symbol] = judged
        else:
            candidates.append(judged)
    # Of equals those that came first: each takes room that the next one does not have.
    candidates.sort(key=lambda each: -each.said.probability)
    found.update(_entered(desk, known, candidates))
    return {symbol: found[symbol] for symbol in (*known.contexts, *(s for s in found if s not in known.contexts))}


def _held(desk: Desk, known: Known, options: DecisionOptions, position: Position) -> Decision:
    """Return what to do with an open position; hold where finding out fails."""
    symbol = position.symbol
    context, said, trade = known.contexts[symbol], known.predictions.get(symbol), desk.trades[symbol]
    try:
        found = manage(position, trade, context, said, known.statuses, desk.risk, options)
        action: Action = "hold"
        size, reasons = 0.0, found.reasons
        if found.rule is not None:
            fraction = desk.least_parts(position, context.close, found.fraction)
            action = "exit" if fraction == 1.0 else "reduce"
            size = abs(position.exposure(context.close)) * fraction
            if fraction != found.fraction:
                reasons = (*reasons, f"all of it: a part would be below the least size, {desk.risk.options.min_size:g}")
        decision = _decision(
            context,
            said,
            action,
            reasons,
            size=size,
            stop=trade.stop,
            take_profit=trade.take_profit,
            side=position.side,
            rule=found.rule,
        )
    except Exception as error:
        known.fail("exits", symbol, error)
        return _failed(context, f"looking after the position failed: {error}", desk.trades[symbol])
    if found.rule is not None:
        desk.orders[symbol] = Order(side=None, price=context.close, taken=found.taken, reduced=found.reduced)
    return decision


def _untouched(desk: Desk, known: Known, position: Position) -> Decision:
    """Return that a position is held because nothing is known of its price."""
    trade = desk.trades[position.symbol]
    return Decision(
        symbol=position.symbol,
        ts=known.ts,
        action="hold",
        size=0.0,
        price=None,
        stop=trade.stop,
        take_profit=trade.take_profit,
        confidence=None,
        reasons=(known.absence(position.symbol),),
        attribution=_NOTHING,
    )


def _judged(desk: Desk, known: Known, options: DecisionOptions, context: Context) -> Decision | _Candidate:
    """Return a symbol that may be entered, or the decision to hold."""
    try:
        return _judge(desk, known, options, context)
    except Exception as error:
        known.fail("entries", context.symbol, error)
        return _failed(context, f"judging it failed: {error}")


def _judge(desk: Desk, known: Known, options: DecisionOptions, context: Context) -> Decision | _Candidate:
    symbol = context.symbol
    said = known.predictions.get(symbol)
    if said is None:
        return _decision(context, None, "hold", (f"nothing is predicted: {known.silence(symbol)}",))
    sigma = worth(context, said, options)
    if isinstance(sigma, Refusal):
        return _decision(context, said, "hold", sigma.reasons)
    rest = options.cooldown_rows - (context.row - desk.closed_rows.get(symbol, _LONG_AGO))
    why = None
    if known.unvalued is not None:
        why = f"no entries: the book could not be valued: {known.unvalued}"
    elif desk.risk.halt_reason is not None:
        why = f"no entries: {desk.risk.halt_reason}"
    elif rest > 0:
        why = f"no entry for {rest} rows more after the last close"
    return _Candidate(context, said, sigma) if why is None else _decision(context, said, "hold", (why,))


def _entered(desk: Desk, known: Known, candidates: Sequence[_Candidate]) -> dict[str, Decision]:
    """Return the decisions on symbols that may be entered, in their order."""
    book, found = desk.book, {}
    # What is opened in this bar is in the book while the next ones are judged.
    reserved: list[str] = []

    @cache
    def prior() -> BetaPrior | None:
        return _prior(book.leaders[0], known.contexts)

    for context, said, sigma in candidates:
        symbol = context.symbol
        try:
            plan = plan_entry(context, said, sigma, prior, book, desk.risk)
            found[symbol] = _planned(context, said, plan)
            if isinstance(plan, Refusal):
                continue
            book.open_position(
                Position(symbol=symbol, side=plan.side, size=plan.size, entry=context.close, stop=plan.stop)
            )
            reserved.append(symbol)
        except Exception as error:
            known.fail("entries", symbol, error)
            found[symbol] = _failed(context, f"planning it failed: {error}")
            continue
        desk.orders[symbol] = Order(side=plan.side, price=context.close, stop=plan.stop, take_profit=plan.take_profit)
    for symbol in reserved:
        book.close_position(symbol)
    return found


def _planned(context: Context, said: EnsemblePrediction, plan: Plan | Refusal) -> Decision:
    if isinstance(plan, Refusal):
        return _decision(context, said, "hold", plan.reasons)
    return _decision(
        context,
        said,
        "buy" if plan.side == "long" else "sell",
        plan.reasons,
        size=plan.size,
        stop=plan.stop,
        take_profit=plan.take_profit,
    )


def _prior(first: str, contexts: Mapping[str, Context]) -> BetaPrior | None:
    """Return what the betas of all symbols on the first leader say of any one's."""
    each = [context.beta(first) for symbol, context in contexts.items() if symbol != first]
    return beta_prior([metrics.beta for metrics in each], [metrics.stderr for metrics in each])


def _failed(context: Context, reason: str, trade: Trade | None = None) -> Decision:
    """Return to hold because deciding failed; the stop and the target of a position stay where they are."""
    return Decision(
        symbol=context.symbol,
        ts=context.ts,
        action="hold",
        size=0.0,
        price=context.close,
        stop=None if trade is None else trade.stop,
        take_profit=None if trade is None else trade.take_profit,
        confidence=None,
        reasons=(reason,),
        attribution=_NOTHING,
    )


def _decision(
    context: Context,
    said: EnsemblePrediction | None,
    action: Action,
    reasons: tuple[str, ...],
    *,
    size: float = 0.0,
    stop: float | None = None,
    take_profit: float | None = None,
    side: Side | None = None,
    rule: str | None = None,
) -> Decision:
    confidence = None if said is None else said.probability
    if said is not None and side is not None and said.direction != side:
        confidence = 1.0 - said.probability
    return Decision(
        symbol=context.symbol,
        ts=context.ts,
        action=action,
        size=size,
        price=context.close,
        stop=stop,
        take_profit=take_profit,
        confidence=confidence,
        reasons=reasons,
        attribution=_NOTHING if said is None else said.attribution,
        rule=rule,
    )
