"""From the state of the regimes to the answer about an asset, or about the market."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from typing import Final

import numpy as np

from comove.structure.labels import UNKNOWN
from comove.structure.limits import LEAST_REGIME
from comove.structure.prices import utc
from comove.structure.regimes import REGIMES, MarketRegime
from comove.structure.snapshots import Fixed, MarketStructureSnapshot, RegimeLabel
from comove.structure.tracker import MARKET, RegimeTracker

__all__ = ["Told", "confidence", "describe", "describe_told", "label_told", "nothing_known", "tell"]

_NAMES: Final = tuple(regime.value for regime in REGIMES)
_LABELS: Final = (*REGIMES, MarketRegime.UNKNOWN)
_NOTHING: Final[Fixed[float]] = Fixed({})
_NO_TIME: Final = timedelta(0)


def confidence(label: int, scores: list[float]) -> float:
    """Return how far a label is ahead, from 0 to 1; scores that are missing are an empty list."""
    if not scores:
        return 0.0
    if label == UNKNOWN:
        return 1.0 - max(scores)
    other = max(scores[:label] + scores[label + 1 :])
    return scores[label] * (1.0 - 0.5 * other)


def nothing_known(asset: str | None, reason: str) -> MarketStructureSnapshot:
    """Return the answer where there is no row."""
    return MarketStructureSnapshot(
        asset=asset, timestamp=None, regime=MarketRegime.UNKNOWN, regime_confidence=0.0, scores=Fixed({}),
        leader_volatilities=Fixed({}), cross_asset_correlation=None, divergence_score=None, leader=None,
        leader_before=None, outperformer=None, evidence=Fixed({}), rows_in_regime=None, n=0, age=None, coverage=0.0,
        reason=reason,
    )  # fmt: skip


@dataclass(slots=True)
class Told:
    """The state after a row as plain Python values: what all answers share, and a value for each column."""

    timestamp: datetime
    volatilities: Fixed[float | None]
    evidence: dict[str, float | None]
    """That of the leaders."""
    leader: str | None
    leader_before: str | None
    outperformer: str | None
    own_evidence: dict[str, list[float | None]]
    """That of each column."""
    all_there: bool
    """Whether each leader has a price in the row."""
    labels: list[int]
    since: list[int]
    scores: list[list[float]]
    n: list[int]
    last: list[int]
    last_ts: list[int]
    coverage: list[float]


def tell(tracker: RegimeTracker) -> Told | None:
    """Return the state after the last row; None where there is none. A live market makes it when a bar closes."""
    at = tracker.now
    if at is None:
        return None
    companions, labels, leaders = tracker.companions, tracker.labels, at.leaders
    rows = min(tracker.options.window_size, tracker.row)
    pairs = companions.n.astype(np.int64).tolist()
    # A leader is missed from the beginning, an asset from its first price on: live and history know of the same.
    symbols = len(tracker.leaders) + int((companions.last[len(tracker.leaders) :] >= 0).sum())
    correlated = int((companions.cross[1:] == companions.cross[1:]).sum())
    evidence: dict[str, float | None] = {}
    own: dict[str, list[float | None]] = {}
    for name, value in at.evidence.items():
        if isinstance(value, float):
            evidence[name] = _given(value)
        else:
            own[name] = [each if each == each else None for each in value.tolist()]
    for leader, trend in zip(tracker.leaders, leaders.trends, strict=True):
        evidence[f"trend_{leader}"] = _given(trend)
    return Told(
        timestamp=utc(at.ts),
        volatilities=Fixed(dict(zip(tracker.leaders, map(_given, leaders.volatilities), strict=True))),
        evidence=evidence,
        leader=_leader(tracker, leaders.ahead),
        leader_before=_leader(tracker, leaders.ahead_before),
        outperformer=_leader(tracker, leaders.outperformer),
        own_evidence=own,
        all_there=bool((companions.last[: len(tracker.leaders)] == tracker.row).all()),
        labels=labels.label.tolist(),
        since=labels.since.tolist(),
        scores=labels.scores.T.tolist(),
        n=[correlated, *pairs],
        last=[tracker.row, *companions.last.tolist()],
        last_ts=[at.ts, *companions.last_ts.tolist()],
        coverage=[correlated / symbols, *(each / rows if rows > 0 else 0.0 for each in pairs)],
    )


def describe(tracker: RegimeTracker, asset: str | None, now: int, max_age: int | None) -> MarketStructureSnapshot:
    """Return the regime after the last row.

    Parameters
    ----------
    tracker : RegimeTracker
    asset : str, optional
        None for the market.
    now : int
        The time of the question.
    max_age : int, optional
        An older answer is withheld.
    """
    return describe_told(tracker, tell(tracker), asset, now, max_age)


def describe_told(
    tracker: RegimeTracker, told: Told | None, asset: str | None, now: int, max_age: int | None
) -> MarketStructureSnapshot:
    """Return the regime after the last row, of which `tell` has told."""
    if told is None:
        return nothing_known(asset, "the leaders have no row until then")
    column = _column(tracker, told, asset)
    evidence = told.evidence.copy()
    for name, values in told.own_evidence.items():
        evidence[name] = None if column is None else values[column]
    label, scores, n, since, age, coverage = UNKNOWN, [nan], 0, -1, None, 0.0
    if column is not None:
        label, scores, n, since = told.labels[column], told.scores[column], told.n[column], told.since[column]
        age, coverage = now - told.last_ts[column], told.coverage[column]
    known = scores[0] == scores[0]
    if age is not None and max_age is not None and age > max_age:
        label, known = UNKNOWN, False
        reason: str | None = f"{_old(asset or 'a leader', age)}, max_age is {_span(max_age)}"
    elif not known:
        reason = _missing(tracker, asset, column, n)
    else:
        reason = "; ".join(_remarks(tracker, told, asset, column or MARKET, now)) or None
    return MarketStructureSnapshot(
        asset=asset,
        timestamp=told.timestamp,
        regime=_LABELS[label],
        regime_confidence=confidence(label, scores) if known else 0.0,
        scores=Fixed(dict(zip(_NAMES, scores, strict=True))) if known else _NOTHING,
        leader_volatilities=told.volatilities,
        cross_asset_correlation=evidence["cross_asset_correlation"],
        divergence_score=evidence["divergence_score"],
        leader=told.leader,
        leader_before=told.leader_before,
        outperformer=told.outperformer,
        evidence=Fixed(evidence),
        rows_in_regime=tracker.row - since if known and since >= 0 else None,
        n=n,
        age=None if age is None else _span(age) if age else _NO_TIME,
        coverage=coverage,
        reason=reason,
    )


def label_told(tracker: RegimeTracker, told: Told | None, asset: str, now: int, max_age: int | None) -> RegimeLabel:
    """Return label and whether data are there of `describe_told`, in a tenth of the time."""
    column = None if told is None else _column(tracker, told, asset)
    if told is None or column is None:
        return RegimeLabel(MarketRegime.UNKNOWN, False)
    if max_age is not None and now - told.last_ts[column] > max_age:
        return RegimeLabel(MarketRegime.UNKNOWN, False)
    first = told.scores[column][0]
    return RegimeLabel(_LABELS[told.labels[column]], first == first)


def _column(tracker: RegimeTracker, told: Told, asset: str | None) -> int | None:
    """Return the column of an asset; None where it never had a price, whether it has a column already or not."""
    if asset is None:
        return MARKET
    place = tracker.companions.place.get(asset)
    return None if place is None or told.last[place + 1] < 0 else place + 1


def _given(value: float) -> float | None:
    return value if value == value else None


def _leader(tracker: RegimeTracker, place: int) -> str | None:
    return tracker.leaders[place] if place >= 0 else None


def _span(nanoseconds: int) -> timedelta:
    return timedelta(microseconds=nanoseconds // 1_000)


def _old(symbol: str, age: int) -> str:
    return f"the last price of {symbol} is {_span(age)} old"


def _missing(tracker: RegimeTracker, asset: str | None, column: int | None, n: int) -> str:
    """Why there are no scores."""
    if column is None:
        return f"{asset} has no price in a row of the leaders until then"
    at = tracker.now
    if at is not None and at.leaders.trend != at.leaders.trend:
        living = [state for state in tracker.states if state.born >= 0 and state.hole <= tracker.max_gap]
        returns = max((state.past.n for state in living), default=0)
        if returns < LEAST_REGIME:
            return f"no leader has a trend: {returns} returns at the most, {LEAST_REGIME} are needed"
        return "no leader has a trend: their returns do not vary"
    if asset is None:
        return f"no symbol has {LEAST_REGIME} pairs of returns with another leader"
    rows = tracker.row - int(tracker.companions.last[column - 1])
    if rows > tracker.max_gap:
        return f"{asset} has had no price for {rows} rows, max_gap is {tracker.max_gap}"
    if n < LEAST_REGIME:
        return f"{n} pairs of returns of {asset} with a leader in the window, {LEAST_REGIME} are needed"
    return f"{asset} or its leaders do not vary, or the window still holds rows from before a hole"


def _remarks(tracker: RegimeTracker, told: Told, asset: str | None, column: int, now: int) -> Iterator[str]:
    """Tell what is wrong with an answer that has scores: no label, an old price, leaders that are old or absent."""
    if told.labels[column] == UNKNOWN:
        yield _undecided(told.scores[column])
    at, age = tracker.now, now - told.last_ts[column]
    if told.last[column] < tracker.row or (at is not None and at.step and age > 2 * at.step):
        yield _old(asset or "a leader", age)
    if told.all_there:
        return
    for place, leader in enumerate(tracker.leaders):
        last = told.last[place + 1]
        if last < 0:
            yield f"{leader} has no price until then"
        elif last < tracker.row and leader != asset:
            yield _old(leader, now - told.last_ts[place + 1])


def _undecided(scores: list[float]) -> str:
    """Why there is no label though there are scores."""
    first, second = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:2]
    ahead = f"{_NAMES[first]} {scores[first]:.2f}, {_NAMES[second]} {scores[second]:.2f}"
    return f"no regime is clearly ahead, or not for long enough: {ahead}"
