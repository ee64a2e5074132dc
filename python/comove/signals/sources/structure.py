"""Plays by the structure of the market, each as far as its own record supports it.

Three states of an asset are looked for in each bar, and what followed each of them is recorded:

    breakdown     a leader is breaking down, and the asset is none of the leaders: reduce altcoins
    above, below  the asset has parted from its leader by `gap_at` (see `gaps`): a reversal or a breakaway, whichever
                  followed
    follow        the asset's leader is in an uptrend, and its beta is high beyond its error

An asset can be in several; a record takes in each of them. The first in this order that its record supports speaks:
the probability by the record is at least `margin` of its own standard deviations from 1/2, on the side that the play is
for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isnan, nan
from typing import ClassVar, Final, NamedTuple, Self

from comove.options import MAX_LIVE_ROWS, positive, whole
from comove.signals.context import Context
from comove.signals.opinions import KeptOpinions, Opinions
from comove.signals.protocol import bar_row
from comove.signals.sources.followed import USUAL_HORIZON, FollowingSource, Past
from comove.signals.sources.gaps import Gap, gaps

__all__ = ["MarketStructureOptions", "MarketStructurePredictor"]

_BREAKDOWN: Final = "breakdown"
_ABOVE: Final = "above"
_BELOW: Final = "below"
_FOLLOW: Final = "follow"
_LEAST: Final = {"horizon": 1, "gap_rows": 2, "least_pairs": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketStructureOptions:
    """When a play is looked at, and how much its record must say.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    horizon: int = USUAL_HORIZON
    """Rows ahead; at least 1."""
    pooled_prior: float = 60.0
    """Episodes that 1/2 is worth against the record of all assets; above 0. Twice that of the regimes, for a play
    speaks only where its record is away from 1/2, and on noise those are the records that went wrong: of coins that
    move as one, what is said then loses 0.0036 of a Brier score at the most with 60 and 120, and 0.0078 with 30 and
    60."""
    asset_prior: float = 120.0
    """Episodes that the record of all assets is worth against the asset's own; above 0."""
    margin: float = 0.5
    """Standard deviations from 1/2 that a record must be; above 0. Not many, for the probability is shrunk already and
    a standard deviation of it has the doubt in that: half of one is 2 % from 1/2 with 60 episodes."""
    gap_rows: int = 20
    """Rows over which an asset parts from its leader; at least 2. Those of the longer return of the features'
    divergence."""
    gap_at: float = 2.0
    """Gap from which it has parted, in its own noise; above 0. Chance alone goes beyond 2 in 5 % of rows."""
    least_pairs: int = 30
    """Pairs of returns before the gap that beta and noise need; at least 10. Contexts must show `gap_rows` + 1 + this
    many rows."""
    trend_at: float = 0.65
    """Trend of a leader from which it is in an uptrend, in standard deviations of the regime's window; above 0. That of
    the regimes."""
    beta_at: float = 1.1
    """Beta that an asset's must exceed by its error to be high; above 0."""
    beta_errors: float = 1.96
    """Standard errors of beta by which it must exceed that; above 0. 1.96 is the lower end of 95 %."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in _LEAST:
                checked: float = whole(name, value, least=_LEAST[name], most=MAX_LIVE_ROWS, because="2^24")
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)


class _Falling(NamedTuple):
    """A leader that is breaking down."""

    leader: str
    rows: int
    fall: float
    score: float


class _Seen(NamedTuple):
    """An asset in a bar."""

    gap: Gap | None
    """None where no leader can be measured against."""
    states: list[tuple[str, Past | None]]
    """The states it is in, and what followed each; None where nothing has yet."""


class MarketStructurePredictor(FollowingSource[MarketStructureOptions]):
    """Probability of a rise by what followed the same structure of the market.

    It abstains where no play applies, where the record of none that does is clear, and where a leader is breaking down
    and only a rise of an altcoin has support: then altcoins are to be reduced, or let alone.

    Parameters
    ----------
    options : MarketStructureOptions, optional

    Raises
    ------
    ParameterError
        Other options.

    Notes
    -----
    Beta and noise are those of the rows that contexts show, all assets at once: to ask the coordinator for the betas of
    47 coins with 3 leaders each would take longer than all else here.
    """

    __slots__ = ()

    kind = "structure-source"
    name: ClassVar[str] = "structure"
    options_type = MarketStructureOptions

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: what followed earlier states, and the states each asset is in now.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the predictor is as it was.
        """
        self._row = bar_row(contexts, self._row)
        self.abstained, self._opinions = {}, KeptOpinions({})
        if not contexts:
            return
        self._followed.learn(contexts)
        market = _Leaders.of(contexts[0])
        measured = gaps(contexts, self.options.gap_rows, self.options.least_pairs)
        seen = {}
        for context, gap in zip(contexts, measured, strict=True):
            states = self._look(context.symbol, gap, market)
            if states:
                self._followed.note(context, states)
            seen[context.symbol] = _Seen(gap, [(state, self._followed.past(context.symbol, state)) for state in states])
        self._opinions = _OfPlays(self.options, market, seen)

    def _look(self, symbol: str, gap: Gap | None, market: _Leaders) -> list[str]:
        o = self.options
        states = [_BREAKDOWN] if market.falling is not None and symbol not in market.trends else []
        if gap is not None:
            if abs(gap.gap) >= o.gap_at:
                states.append(_ABOVE if gap.gap > 0.0 else _BELOW)
            if market.trends[gap.leader] >= o.trend_at and _least_beta(o, gap) > o.beta_at:
                states.append(_FOLLOW)
        return states


class _Leaders(NamedTuple):
    """What the leaders do in a bar."""

    falling: _Falling | None
    """The one that falls most of those that break down."""
    unknown: list[str]
    """Those of which it is not known."""
    trends: dict[str, float]

    @classmethod
    def of(cls, context: Context) -> Self:
        """Return it from any context of the bar."""
        falling: _Falling | None = None
        unknown: list[str] = []
        leaders = context.structure.leaders
        for leader in leaders:
            status = context.leader_status(leader)
            if status.breaking is None:
                unknown.append(leader)
            elif status.breaking:
                score = _number(status.fall_score)
                if falling is None or score < falling.score:
                    falling = _Falling(leader, status.rows_breaking or 0, _number(status.fall), score)
        # The leaders' trends are the same for every asset.
        evidence = context.regime.evidence
        return cls(falling, unknown, {leader: _number(evidence.get(f"trend_{leader}")) for leader in leaders})


class _OfPlays(Opinions):
    """The plays that apply to each asset, and their records."""

    __slots__ = ("_market", "_options", "_seen")

    def __init__(self, options: MarketStructureOptions, market: _Leaders, seen: Mapping[str, _Seen]) -> None:
        self._options, self._market, self._seen = options, market, seen
        self.ups = {symbol: self._up(each) for symbol, each in seen.items()}

    def _up(self, seen: _Seen) -> float:
        """Return what the first play that applies, and that its record supports, says."""
        for state, past in seen.states:
            if past is not None and self._supports(state, past) and not self._forbids(past, seen):
                return past.up
        return nan

    def _forbids(self, past: Past, seen: _Seen) -> bool:
        """Tell whether a rise is expected while a leader breaks down."""
        return past.up > 0.5 and seen.states[0][0] == _BREAKDOWN

    def _supports(self, state: str, past: Past) -> bool:
        away, margin = (past.up - 0.5) / past.spread, self._options.margin
        if state == _BREAKDOWN:
            return -away >= margin
        if state == _FOLLOW:
            return away >= margin
        return abs(away) >= margin

    def words(self, symbol: str) -> str:
        """Return the play that is followed and why the others are not."""
        seen = self._seen[symbol]
        if not seen.states:
            return f"no play: {self._no_play(seen.gap)}"
        chosen = None
        others = []
        for state, past in seen.states:
            situation = self._situation(state, seen.gap)
            if past is None:
                others.append(f"{situation}, without an outcome yet")
            elif not self._supports(state, past):
                others.append(f"{situation}, and its record supports nothing: {_record(symbol, past)}")
            elif self._forbids(past, seen):
                others.append(f"{situation}, but no rise is said while a leader breaks down")
            elif chosen is None:
                chosen = f"{_play(state, past.up)}: {situation}; {_record(symbol, past)}"
            else:
                others.append(f"{_play(state, past.up)} would say {past.up:.1%} up")
        also = "; ".join(others)
        if chosen is None:
            return also
        return f"{chosen}; also: {also}" if also else chosen

    def _situation(self, state: str, gap: Gap | None) -> str:
        """Return what the market looks like, with the figures."""
        if state == _BREAKDOWN and self._market.falling is not None:
            leader, rows, fall, score = self._market.falling
            return f"{leader} has been breaking down for {rows} rows, now {-fall:.1%} below its high ({-score:.1f} sd)"
        if gap is None:
            return state
        if state == _FOLLOW:
            trend, least = self._market.trends[gap.leader], _least_beta(self._options, gap)
            return f"{gap.leader} is in an uptrend ({trend:.2f} sd), beta to it is {gap.beta:.2f}, at least {least:.2f}"
        return f"{state} {gap.leader} by {abs(gap.gap):.1f} sd in {self._options.gap_rows} rows (beta {gap.beta:.2f})"

    def _no_play(self, gap: Gap | None) -> str:
        o, market = self._options, self._market
        falling = "no leader is breaking down"
        if market.falling is not None:
            falling = f"{market.falling.leader} is breaking down, but this is a leader"
        elif market.unknown:
            falling = f"whether {', '.join(market.unknown)} breaks down is not known"
        if gap is None:
            return (
                f"{falling}; no leader has {o.least_pairs} pairs of returns with it before the last {o.gap_rows} rows, "
                f"or prices do not vary"
            )
        leader, trend = gap.leader, market.trends[gap.leader]
        away = "not known" if isnan(gap.gap) else f"{gap.gap:.1f} sd, {o.gap_at:g} is needed"
        rises = "not known" if isnan(trend) else f"{trend:.2f} sd, {o.trend_at:g} is needed"
        return (
            f"{falling}; gap to {leader} {away}; trend of {leader} {rises}, and beta is at least "
            f"{_least_beta(o, gap):.2f}, {o.beta_at:g} is needed"
        )


def _least_beta(options: MarketStructureOptions, gap: Gap) -> float:
    return gap.beta - options.beta_errors * gap.stderr


def _record(symbol: str, past: Past) -> str:
    return f"{past.words(symbol)}; shrunk to {past.up:.1%} +- {past.spread:.1%}"


def _number(value: float | None) -> float:
    return nan if value is None else value


def _play(state: str, up: float) -> str:
    """Return the name of a play, by what its record says."""
    if state in (_ABOVE, _BELOW):
        return "breakaway" if (up > 0.5) == (state == _ABOVE) else "reversal"
    return "reduce altcoins" if state == _BREAKDOWN else "follow the leader"
