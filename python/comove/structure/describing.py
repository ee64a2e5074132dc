"""From the state of the regimes to the answer about an asset, or about the market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from comove.structure.labels import UNKNOWN
from comove.structure.limits import LEAST_REGIME
from comove.structure.prices import utc
from comove.structure.regimes import REGIMES, MarketRegime
from comove.structure.snapshots import Fixed, MarketStructureSnapshot
from comove.structure.tracker import MARKET, RegimeTracker

__all__ = ["Told", "confidence", "describe", "describe_told", "nothing_known", "tell"]

_NAMES: Final = tuple(regime.value for regime in REGIMES)
_LABELS: Final = (*REGIMES, MarketRegime.UNKNOWN)
_NOTHING: Final[Fixed[float]] = Fixed({})


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
    own_evidence: dict[str, list[float]]
    """That of each column."""
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
    symbols = len(companions.place)
    correlated = int((companions.cross[1:] == companions.cross[1:]).sum())
    evidence: dict[str, float | None] = {}
    own: dict[str, list[float]] = {}
    for name, value in at.evidence.items():
        if isinstance(value, float):
            evidence[name] = _given(value)
        else:
            own[name] = value.tolist()
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
    at = tracker.now
    if told is None or at is None:
        return nothing_known(asset, "the leaders have no row until then")
    column = MARKET
    if asset is not None:
        place = tracker.companions.place.get(asset)
        if place is None:
            return nothing_known(asset, f"{asset} has no row until then")
        column = place + 1
    label, scores, n = told.labels[column], told.scores[column], told.n[column]
    known = scores[0] == scores[0]
    last, last_ts = told.last[column], told.last_ts[column]
    age = timedelta(microseconds=(now - last_ts) // 1_000) if last >= 0 else None
    reason = None
    if max_age is not None and age is not None and now - last_ts > max_age:
        label, known = UNKNOWN, False
        reason = f"the last price of {asset or 'a leader'} is {age} old, max_age is {_span(max_age)}"
    elif not known:
        reason = _missing(tracker, asset, n)
    elif label == UNKNOWN:
        reason = _undecided(scores)
    elif last < tracker.row or (at.step and now - last_ts > 2 * at.step):
        reason = f"the last price of {asset or 'a leader'} is {age} old"
    evidence = told.evidence.copy()
    for name, values in told.own_evidence.items():
        evidence[name] = _given(values[column])
    since = told.since[column]
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
        age=age,
        coverage=told.coverage[column],
        reason=reason,
    )


def _given(value: float) -> float | None:
    return value if value == value else None


def _leader(tracker: RegimeTracker, place: int) -> str | None:
    return tracker.leaders[place] if place >= 0 else None


def _span(nanoseconds: int) -> timedelta:
    return timedelta(microseconds=nanoseconds // 1_000)


def _missing(tracker: RegimeTracker, asset: str | None, n: int) -> str:
    """Why there are no scores."""
    at = tracker.now
    if at is not None and at.leaders.trend != at.leaders.trend:
        rows = tracker.row
        return f"no leader has a trend: {rows} returns at the most, {LEAST_REGIME} are needed"
    if asset is None:
        return f"no symbol has {LEAST_REGIME} pairs of returns with another leader"
    if n < LEAST_REGIME:
        return f"{n} pairs of returns of {asset} with a leader in the window, {LEAST_REGIME} are needed"
    return f"{asset} or its leaders do not vary, or the window still holds rows from before a hole"


def _undecided(scores: list[float]) -> str:
    """Why there is no label though there are scores."""
    first, second = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:2]
    ahead = f"{_NAMES[first]} {scores[first]:.2f}, {_NAMES[second]} {scores[second]:.2f}"
    return f"no regime is clearly ahead, or not for long enough: {ahead}"
