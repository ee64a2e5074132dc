"""Whether a position may be opened: named rules, each with what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from comove.options import positive
from comove.portfolio.exposure import LeaderExposure, NetExposure
from comove.portfolio.limits import PortfolioLimits
from comove.portfolio.measured import Measured
from comove.portfolio.positions import Position, Side
from comove.portfolio.readings import Heat, MarginalHeat
from comove.structure import LeaderStatus

__all__ = ["ENTRY_RULES", "SIZELESS_RULES", "Entry", "Plan", "RuleResult", "at_stake", "judge", "refusals"]

#: A limit that is met exactly is met whatever rounding does to the last places.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says of an entry."""

    name: str
    passed: bool
    text: str
    """With its figures; of a refusal, why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Whether a position may be opened, and what it would change."""

    symbol: str
    side: Side
    size: float
    price: float | None
    """At which it would be opened; None where no price is known."""
    allowed: bool
    """Whether all rules passed."""
    reasons: tuple[RuleResult, ...]
    """Of every rule that the limits do not switch off, in the order of `ENTRY_RULES`."""
    marginal: MarginalHeat
    heat_before: Heat
    heat_after: Heat
    exposure_before: tuple[LeaderExposure, ...]
    exposure_after: tuple[LeaderExposure, ...]

    @property
    def refusals(self) -> tuple[RuleResult, ...]:
        """The rules that did not pass."""
        return tuple(result for result in self.reasons if not result.passed)

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "refused"
        told = self.reasons if self.allowed else self.refusals
        head = f"{self.side} {self.symbol} for {self.size:g} is {verdict}:"
        return "\n".join([head, *(f"- {result.name}: {result.text}" for result in told)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An entry and the book before and after it: all that rules look at."""

    symbol: str
    side: Side
    price: float | None
    stop: float | None
    held: Mapping[str, Position]
    weights: Mapping[str, float]
    """After the entry, over the capital."""
    gross: float
    """Sum of the sizes of all exposures over the capital, after the entry."""
    risk: float
    """What is lost if every stop is reached over the capital, after the entry."""
    measured: Measured
    leaders: Sequence[LeaderStatus]
    price_age: int | None
    """Rows since the last price in the bars; None where there is none."""
    exposure_before: Sequence[LeaderExposure] = ()
    exposure_after: Sequence[LeaderExposure] = ()

    @property
    def limits(self) -> PortfolioLimits:
        """The limits that hold."""
        return self.measured.limits


def at_stake(
    side: Side, size: float, price: float | None, stop: float | None, last: float | None
) -> tuple[float, float]:
    """Return exposure and loss at the stop of a position that would be opened, in quote currency.

    By the price it is opened at or the last one, whichever makes more: the book counts it by the last one.

    Raises
    ------
    ParameterError
        `size` / `price` is 0 or not finite.
    """
    if price is None:
        return size, size
    units = positive("size / price", size / price)
    marks = (price,) if last is None else (price, last)
    value = max(units * mark for mark in marks)
    sign = 1.0 if side == "long" else -1.0
    # A stop on the wrong side stops nothing.
    if stop is None or (price - stop) * sign <= 0.0:
        return value, value
    return value, max(sign * units * (mark - stop) for mark in marks)


#: Whether a rule passed, and what tells why: of most symbols nobody asks for the words of what passed.
Verdict: TypeAlias = tuple[bool, Callable[[], str]]


def judge(plan: Plan, rules: Iterable[str]) -> tuple[RuleResult, ...]:
    """Return what these rules say; nothing of one that the limits switch off."""
    return tuple(RuleResult(name, passed, tell()) for name, passed, tell in _verdicts(plan, rules))


def refusals(plan: Plan, rules: Iterable[str]) -> tuple[RuleResult, ...]:
    """Return what those of these rules say that do not pass; nothing of one that the limits switch off."""
    return tuple([RuleResult(name, False, tell()) for name, passed, tell in _verdicts(plan, rules) if not passed])


def _verdicts(plan: Plan, rules: Iterable[str]) -> list[tuple[str, bool, Callable[[], str]]]:
    off = [name for name, option in _SWITCHES.items() if not getattr(plan.limits, option)]
    return [(name, *ENTRY_RULES[name](plan)) for name in rules if name not in off]


def _fresh_price(plan: Plan) -> Verdict:
    age, most = plan.price_age, plan.limits.max_price_age
    if age is None:
        return False, lambda: f"{plan.symbol} had no price in any bar"
    return age <= most, lambda: f"the last price of {plan.symbol} is {age} rows old, at most {most} is fresh"


def _stop(plan: Plan) -> Verdict:
    stop, price = plan.stop, plan.price
    if stop is None:
        return True, lambda: "no stop: the whole value counts as risk"
    if price is None:
        return False, lambda: f"the stop {stop:g} cannot be judged without a price; the whole value counts as risk"
    where, sign = ("below", 1.0) if plan.side == "long" else ("above", -1.0)
    right = (price - stop) * sign > 0
    return (
        right,
        lambda: (
            f"the stop {stop:g} of a {plan.side} is {'' if right else 'not '}{where} the price {price:g}"
            f"{'' if right else '; the whole value counts as risk'}"
        ),
    )


def _one_position(plan: Plan) -> Verdict:
    held = plan.held.get(plan.symbol)
    if held is None:
        return True, lambda: f"there is no position in {plan.symbol}"
    kind = "the same way" if held.side == plan.side else "the other way: close it instead"
    return False, lambda: f"there is a {held.side} of {held.size:g} in {plan.symbol} already, {kind}"


def _max_positions(plan: Plan) -> Verdict:
    count, most = len(plan.weights), plan.limits.max_positions
    return count <= most, lambda: f"{count} positions with it, at most {most}"


def _max_per_asset(plan: Plan) -> Verdict:
    return _within(f"exposure to {plan.symbol}", abs(plan.weights[plan.symbol]), plan.limits.max_per_asset)


def _capital(plan: Plan) -> Verdict:
    return _within("risk to all stops", plan.risk, plan.limits.max_risk)


def _max_heat(plan: Plan) -> Verdict:
    return _within("gross exposure", plan.gross, plan.limits.max_heat)


def _max_correlated_exposure(plan: Plan) -> Verdict:
    measured, weights = plan.measured, plan.weights
    group = measured.members(plan.symbol)
    joined = [symbol for symbol in weights if symbol in group]
    others = [symbol for symbol in weights if symbol not in group]
    assumed = [symbol for symbol, known in zip(others, _are_known(plan, others), strict=True) if not known]
    total = sum([abs(weights[symbol]) for symbol in (*joined, *assumed)])
    what = f"exposure to the correlation group of {plan.symbol}"
    passed, tell = _within(what, total, plan.limits.max_correlated_exposure)

    def told() -> str:
        text, held = tell(), [symbol for symbol in joined if symbol != plan.symbol]
        if held:
            text += f"; in it: {', '.join(held)}"
        if assumed:
            text += f"; taken to be in it, for the correlation is not known: {', '.join(assumed)}"
        return text

    return passed, told


def _are_known(plan: Plan, others: Sequence[str]) -> list[bool]:
    """Return whether the correlation of the symbol with each of some others is known."""
    window = plan.measured.window
    own = window.place(plan.symbol)
    if not others:
        return []
    if own is None:
        return [False] * len(others)
    row = plan.measured.correlations[own].tolist()
    places = [window.place(symbol) for symbol in others]
    return [place is not None and row[place] == row[place] for place in places]


def _max_leader_beta(plan: Plan) -> Verdict:
    limits, passed, texts = plan.limits, True, []
    unknown: dict[str, list[str]] = {}
    for before, after in zip(plan.exposure_before, plan.exposure_after, strict=True):
        bound = _bound(after.joint, limits.beta_errors)
        if bound is None:
            passed = False
            unknown.setdefault(str(after.reason), []).append(after.leader)
            continue
        net, stderr = after.joint.net, after.joint.stderr
        text = f"net exposure to {after.leader} is {net:.3f} +- {stderr:.3f}"
        text += f", with {limits.beta_errors:g} errors {bound:.3f}"
        earlier = _bound(before.joint, limits.beta_errors)
        if bound <= limits.max_leader_beta + _ROUNDING:
            text += f", at most {limits.max_leader_beta:g}"
        elif earlier is not None and bound < earlier:
            text += f", above {limits.max_leader_beta:g} but less than the {earlier:.3f} before"
        else:
            passed = False
            text += f", above {limits.max_leader_beta:g}"
        texts.append(text)
    # Mostly one reason for all leaders.
    texts += [f"net exposure to {' and '.join(leaders)} is not known: {why}" for why, leaders in unknown.items()]
    return passed, lambda: "; ".join(texts)


def _bound(exposure: NetExposure, errors: float) -> float | None:
    if exposure.net is None or exposure.stderr is None:
        return None
    return abs(exposure.net) + errors * exposure.stderr


def _leader_breakdown(plan: Plan) -> Verdict:
    if plan.side == "short":
        return True, lambda: "shorts may be opened while a leader breaks down"
    own = [status for status in plan.leaders if status.leader == plan.symbol]
    watched = own or plan.leaders
    wrong = [status for status in watched if status.breaking is not False]
    if not wrong:
        kind = f"{plan.symbol} does not break down" if own else "no leader breaks down"
        return True, lambda: f"{kind}: {'; '.join(status.reason for status in watched)}"
    what = f"no long in {plan.symbol}" if own else "no longs in assets other than leaders"
    texts = [
        status.reason if status.breaking else f"it is not known whether {status.leader} breaks down: {status.reason}"
        for status in wrong
    ]
    return False, lambda: f"{what} until {_listed(wrong)} stabilised: {'; '.join(texts)}"


def _listed(statuses: Sequence[LeaderStatus]) -> str:
    return f"{' and '.join(status.leader for status in statuses)} {'has' if len(statuses) == 1 else 'have'}"


def _within(what: str, value: float, most: float) -> Verdict:
    return value <= most + _ROUNDING, lambda: f"{what} would be {value:.4g} of the capital, at most {most:g}"


#: Every rule by its name, in the order in which they are told.
ENTRY_RULES: Final[Mapping[str, Callable[[Plan], Verdict]]] = {
    "fresh_price": _fresh_price,
    "stop": _stop,
    "one_position": _one_position,
    "max_positions": _max_positions,
    "max_per_asset": _max_per_asset,
    "capital": _capital,
    "max_heat": _max_heat,
    "max_correlated_exposure": _max_correlated_exposure,
    "max_leader_beta": _max_leader_beta,
    "leader_breakdown": _leader_breakdown,
}

#: The option of the limits that switches a rule off, by the rule's name.
_SWITCHES: Final = {"max_leader_beta": "leader_beta", "leader_breakdown": "leader_breakdown"}

#: Those that can refuse an entry whatever its size.
SIZELESS_RULES: Final = (
    "fresh_price",
    "one_position",
    "max_positions",
    "max_heat",
    "max_correlated_exposure",
    "leader_breakdown",
)
