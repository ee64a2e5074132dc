"""From the state of the regimes to the answer about an asset, or about the market."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from comove.structure.labels import UNKNOWN
from comove.structure.limits import LEAST_REGIME
from comove.structure.prices import utc
from comove.structure.regimes import REGIMES, MarketRegime
from comove.structure.snapshots import Fixed, MarketStructureSnapshot
from comove.structure.tracker import MARKET, RegimeTracker

__all__ = ["confidence", "describe", "nothing_known"]

_NAMES: Final = tuple(regime.value for regime in REGIMES)


def confidence(label: int, scores: list[float]) -> float:
    """Return how far a label is ahead, from 0 to 1; scores that are missing are an empty list."""
    if not scores:
        return 0.0
    if label == UNKNOWN:
        return 1.0 - max(scores)
    other = max(score for place, score in enumerate(scores) if place != label)
    return scores[label] * (1.0 - 0.5 * other)


def nothing_known(asset: str | None, reason: str) -> MarketStructureSnapshot:
    """Return the answer where there is no row."""
    return MarketStructureSnapshot(
        asset=asset, timestamp=None, regime=MarketRegime.UNKNOWN, regime_confidence=0.0, scores=Fixed({}),
        leader_volatilities=Fixed({}), cross_asset_correlation=None, divergence_score=None, leader=None,
        leader_before=None, outperformer=None, evidence=Fixed({}), rows_in_regime=None, n=0, age=None, coverage=0.0,
        reason=reason,
    )  # fmt: skip


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
    at = tracker.now
    if at is None:
        return nothing_known(asset, "the leaders have no row until then")
    companions, labels, leaders = tracker.companions, tracker.labels, at.leaders
    place = MARKET if asset is None else companions.place.get(asset, -1)
    if place < 0:
        return nothing_known(asset, f"{asset} has no row until then")
    column = place if asset is None else place + 1
    label = int(labels.label[column])
    scores: list[float] = labels.scores[:, column].tolist()
    known = scores[0] == scores[0]
    rows = min(tracker.options.window_size, tracker.row)
    if asset is None:
        size = len(companions.place)
        n = int((companions.cross[1:] == companions.cross[1:]).sum())
        coverage, last, last_ts = n / size, tracker.row, at.ts
    else:
        n = int(companions.n[place])
        coverage = n / rows if rows > 0 else 0.0
        last, last_ts = int(companions.last[place]), int(companions.last_ts[place])
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
    evidence: dict[str, float | None] = {}
    for name, value in at.evidence.items():
        number = value if isinstance(value, float) else float(value[column])
        evidence[name] = number if number == number else None
    for leader, trend in zip(tracker.leaders, leaders.trends, strict=True):
        evidence[f"trend_{leader}"] = trend if trend == trend else None
    cross, divergence = evidence["cross_asset_correlation"], evidence["divergence_score"]
    return MarketStructureSnapshot(
        asset=asset,
        timestamp=utc(at.ts),
        regime=REGIMES[label] if label < UNKNOWN else MarketRegime.UNKNOWN,
        regime_confidence=confidence(label, scores if known else []),
        scores=Fixed(dict(zip(_NAMES, scores, strict=True)) if known else {}),
        leader_volatilities=Fixed({
            leader: value if value == value else None
            for leader, value in zip(tracker.leaders, leaders.volatilities, strict=True)
        }),
        cross_asset_correlation=cross,
        divergence_score=divergence,
        leader=_leader(tracker, leaders.ahead),
        leader_before=_leader(tracker, leaders.ahead_before),
        outperformer=_leader(tracker, leaders.outperformer),
        evidence=Fixed(evidence),
        rows_in_regime=tracker.row - int(labels.since[column]) if known and labels.since[column] >= 0 else None,
        n=n,
        age=age,
        coverage=coverage,
        reason=reason,
    )  # fmt: skip


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
    first, second = sorted(range(len(scores)), key=lambda place: -scores[place])[:2]
    ahead = f"{_NAMES[first]} {scores[first]:.2f}, {_NAMES[second]} {scores[second]:.2f}"
    return f"no regime is clearly ahead, or not for long enough: {ahead}"
