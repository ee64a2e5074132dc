"""Whether a leader is breaking down, and since when it has been stable again.

Letters: i the leader's returns chained, H the highest value it has had since W rows ago, s the standard deviation of
the returns over the past window of the regimes. A hole that did not end the leader gives no return, but what its price
did across it is in i: a fall that happened while there were no prices is a fall.

    fall       = i / H - 1
    fall_score = fall / (s sqrt(W))

A leader breaks down where `fall_score` is at most -`fall_at`. It has stabilised once its low since then is `calm_rows`
rows old and its recent volatility is at most `calm_volatility` times that of its past, unless it falls as far again
from a later high or has no price. On a random walk seen at all times the score is minus the size of a standard normal
(Levy 1948), below -2.5 for 1.2 % of the time; highs between rows are not seen, which leaves 0.9 % of rows at W = 24.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import inf, isnan, nan, sqrt
from typing import Any

from comove.errors import StateError
from comove.options import MAX_LIVE_ROWS, positive, whole
from comove.structure.evidence import LeaderState
from comove.structure.limits import LEAST_REGIME

__all__ = ["BreakdownRule", "Breakdowns", "LeaderStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownRule:
    """When a leader breaks down, and when it has stabilised.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    window_size: int = 24
    """W: rows over which a fall is measured; at least 2."""
    fall_at: float = 2.5
    """Fall from the high of the window at which it begins, in standard deviations of W rows."""
    calm_rows: int = 24
    """Rows without a new low before it has ended; at least 1."""
    calm_volatility: float = 1.25
    """Recent over past volatility, above which it has not ended."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in ("window_size", "calm_rows"):
                least = 2 if name == "window_size" else 1
                checked: float = whole(name, value, least=least, most=MAX_LIVE_ROWS, because="2^24")
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderStatus:
    """Whether a leader is breaking down."""

    leader: str
    breaking: bool | None
    """None where it is not known."""
    fall: float | None
    """From the high of the window, a fraction of at most 0."""
    fall_score: float | None
    """The fall in standard deviations of the window."""
    volatility_ratio: float | None
    """Recent over past volatility."""
    rows_breaking: int | None
    """Rows since it began to break down; None where it does not."""
    rows_since_low: int | None
    """Rows since the lowest price of the breakdown; None where there is none."""
    reason: str
    """In words; where it breaks down, what is still missing to an end."""


class _Leader:
    """The breakdown of one leader."""

    __slots__ = ("began", "fall", "hole", "low", "low_row", "moved", "price", "recent", "score")

    def __init__(self, rows: int) -> None:
        # W returns lie between as many indices and one.
        self.recent: deque[float] = deque(maxlen=rows + 1)
        self.began = self.low_row = -1
        self.low = self.fall = self.score = nan
        # The last price, the rows since then, and how far prices moved in all holes.
        self.price, self.hole, self.moved = nan, 0, 1.0

    def forget(self) -> None:
        """Begin anew: what was before is another instrument."""
        self.recent.clear()
        self.began = self.low_row = -1
        self.low = self.fall = self.score = self.price = nan
        self.hole, self.moved = 0, 1.0

    def chained(self, state: LeaderState) -> float:
        """Return the leader's returns chained, those across holes too; not above 0 or infinite beyond float64."""
        if state.hole == 0:
            if self.hole:
                self.moved *= state.price / self.price
            self.price = state.price
        self.hole = state.hole
        return state.index * self.moved


class Breakdowns:
    """The breakdowns of all leaders, one row at a time.

    Parameters
    ----------
    leaders : sequence of str
    rule : BreakdownRule
    """

    __slots__ = ("_each", "leaders", "rule")

    def __init__(self, leaders: Sequence[str], rule: BreakdownRule) -> None:
        self.leaders, self.rule = tuple(leaders), rule
        self._each = [_Leader(rule.window_size) for _ in leaders]

    def push(self, row: int, states: Sequence[LeaderState], max_gap: int) -> None:
        """Take in a row, after the leaders' states did."""
        rule = self.rule
        for each, state in zip(self._each, states, strict=True):
            if state.born < 0 or state.hole > max_gap or state.born == row:
                each.forget()
                if state.born != row:
                    continue
            index = each.chained(state)
            if not 0.0 < index < inf:
                each.forget()
                index = each.chained(state)
            each.recent.append(index)
            each.fall = index / max(each.recent) - 1.0
            variance = state.past.var
            each.score = each.fall / (sqrt(variance) * sqrt(float(rule.window_size))) if variance else nan
            if each.score <= -rule.fall_at and each.began < 0:
                each.began, each.low, each.low_row = row, index, row
            if each.began < 0:
                continue
            if index < each.low:
                each.low, each.low_row = index, row
            calm = row - each.low_row >= rule.calm_rows and _ratio(state) <= rule.calm_volatility
            # Without a price nobody knows that it is stable.
            if calm and each.score > -rule.fall_at and not state.hole:
                each.began = each.low_row = -1
                each.low = nan

    def status(self, leader: str, row: int, states: Sequence[LeaderState]) -> LeaderStatus:
        """Return the status of a leader after the last row."""
        place = self.leaders.index(leader)
        each, state, rule = self._each[place], states[place], self.rule
        ratio = _ratio(state)
        # One that falls is known to, with a price now or without; that it does not fall nobody knows without one.
        known = not isnan(each.score) and (state.hole == 0 or each.began >= 0)
        since = row - each.began if each.began >= 0 else None
        if not known:
            returns = state.past.n
            if state.hole:
                reason = f"{leader} has had no price for {state.hole} rows"
            elif returns < LEAST_REGIME:
                reason = f"{leader} has {returns} returns, {LEAST_REGIME} are needed"
            else:
                reason = f"the returns of {leader} do not vary"
        elif since is not None:
            reason = self._why(leader, each, row, ratio, state.hole)
        else:
            reason = (
                f"{leader} is {abs(each.fall):.1%} below its high of {rule.window_size} rows, {abs(each.score):.1f} "
                f"standard deviations; {rule.fall_at:g} would be a breakdown"
            )
        return LeaderStatus(
            leader=leader,
            breaking=since is not None if known else None,
            fall=each.fall if known else None,
            fall_score=each.score if known else None,
            volatility_ratio=None if isnan(ratio) else ratio,
            rows_breaking=since if known else None,
            rows_since_low=row - each.low_row if known and since is not None else None,
            reason=reason,
        )

    def _why(self, leader: str, each: _Leader, row: int, ratio: float, hole: int) -> str:
        rule, calm = self.rule, row - each.low_row
        waits = []
        if calm < rule.calm_rows:
            waits.append(f"its low is {calm} rows old, {rule.calm_rows} are needed")
        if isnan(ratio):
            waits.append("its volatility is not known")
        elif ratio > rule.calm_volatility:
            waits.append(f"its volatility is {ratio:.2f} times its past's, at most {rule.calm_volatility:g} is calm")
        if each.score <= -rule.fall_at:
            waits.append(
                f"it is {-each.score:.1f} standard deviations below its high of {rule.window_size} rows, "
                f"less than {rule.fall_at:g} is needed"
            )
        if hole:
            waits.append(f"it has had no price for {hole} rows")
        return f"{leader} has been breaking down for {row - each.began} rows: {' and '.join(waits)}"

    def to_state(self) -> list[list[Any]]:
        """Return the state of each leader as plain values."""
        return [
            [
                list(each.recent), each.began, each.low_row, each.low, each.fall, each.score, each.price, each.hole,
                each.moved,
            ]
            for each in self._each
        ]  # fmt: skip

    def read(self, state: Sequence[Any]) -> None:
        """Take over the state of `to_state`.

        Raises
        ------
        StateError
            Of other leaders, or another rule.
        """
        if len(state) != len(self._each):
            raise StateError(f"the snapshot must have breakdowns of {len(self._each)} leaders", "state_content")
        for each, (recent, began, low_row, low, fall, score, price, hole, moved) in zip(self._each, state, strict=True):
            if len(recent) > self.rule.window_size + 1:
                raise StateError("the snapshot has more rows of a leader than its rule", "state_content")
            each.recent.clear()
            each.recent.extend(positive("index", index) for index in recent)
            each.began, each.low_row = int(began), int(low_row)
            each.low, each.fall, each.score = float(low), float(fall), float(score)
            each.price, each.hole, each.moved = float(price), whole("hole", hole, least=0), positive("moved", moved)


def _ratio(state: LeaderState) -> float:
    """Return recent over past volatility, NaN where one is not known."""
    recent, past = state.recent.var, state.past.var
    return sqrt(recent) / sqrt(past) if recent is not None and past else nan
