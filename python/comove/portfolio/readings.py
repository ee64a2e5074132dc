"""The heat of a book in all its forms, from what is measured of its coins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from comove.options import Floats
from comove.portfolio.book import ended
from comove.portfolio.correlation import nearest_of
from comove.portfolio.heat import bets_of, heat_of
from comove.portfolio.measured import Measured

__all__ = ["Heat", "MarginalHeat", "read_heat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """How hot a book is, each a part of the capital, and how many bets it is."""

    gross: float
    """Sum of the sizes of all exposures."""
    net: float
    """Longs less shorts."""
    risk: float
    """What is lost if every stop is reached."""
    correlated: float
    """sqrt(w' C w), and the sizes of `assumed` on top of it."""
    shift: float
    """The largest change of a correlation that made C possible."""
    bets: float
    """Effective number of bets of the symbols whose correlations are known; 0 for none."""
    assumed: tuple[str, ...]
    """Symbols whose correlations are not known. Each is taken to have correlation 1 with the rest of the book, in the
    direction that adds: of all correlations that are possible these make the most heat."""
    stale: tuple[str, ...]
    """Symbols whose price is not of the last bar, those of instruments that ended too."""
    reason: str | None
    """What of it is assumed or old, in words."""


@dataclass(frozen=True, slots=True)
class MarginalHeat:
    """Heat after an entry minus heat before it."""

    gross: float
    risk: float
    correlated: float


def read_heat(weights: Mapping[str, float], risk: float, stale: Sequence[str], measured: Measured) -> Heat:
    """Return the heat of a book.

    Parameters
    ----------
    weights : mapping of str to float
        Exposures over the capital, negative of shorts.
    risk : float
        To the stops, over the capital.
    stale : sequence of str
    measured : Measured
    """
    known, places, given = _known(weights, measured)
    assumed = tuple(symbol for symbol in weights if symbol not in known)
    correlated, shift, bets = 0.0, 0.0, 0.0
    if known:
        w = np.array([weights[symbol] for symbol in known])
        matrix = given
        # Correlations of the same rows are those of some market as they are.
        if not measured.moments.full[places].all():
            near = nearest_of(given)
            matrix, shift = near.matrix, near.shift
        correlated = heat_of(w, matrix)
        deviation = np.sqrt(measured.moments.covariance[places, places])
        bets = bets_of(w, *np.linalg.eigh(matrix * deviation * deviation[:, np.newaxis]))
    sizes = [abs(weight) for weight in weights.values()]
    return Heat(
        gross=sum(sizes),
        net=sum(weights.values()),
        risk=risk,
        correlated=correlated + sum(abs(weights[symbol]) for symbol in assumed),
        shift=shift,
        bets=bets,
        assumed=assumed,
        stale=tuple(stale),
        reason=_reason(assumed, stale, weights, measured),
    )


def _known(weights: Mapping[str, float], measured: Measured) -> tuple[list[str], list[int], Floats]:
    """Return the symbols of which all correlations among them are known, their columns, and those correlations.

    Of pairs without a correlation the symbol that is in most of them is put aside, of equals the last one.
    """
    known = [symbol for symbol in weights if measured.window.place(symbol) is not None]
    places = measured.places(known)
    given = measured.correlations[places][:, places] if places else np.empty((0, 0))
    missing = given != given
    while missing.any():
        counts = missing.sum(axis=0)
        worst = len(counts) - 1 - int(np.argmax(counts[::-1]))
        del known[worst], places[worst]
        given, missing = (np.delete(np.delete(each, worst, axis=0), worst, axis=1) for each in (given, missing))
    return known, places, given


def _reason(
    assumed: Sequence[str], stale: Sequence[str], weights: Mapping[str, float], measured: Measured
) -> str | None:
    causes = []
    if assumed:
        verb = "has" if len(assumed) == 1 else "have"
        causes.append(
            f"{', '.join(assumed)} {verb} fewer than {measured.limits.min_samples} common rows or do not vary: taken "
            "to move with the rest of the book"
        )
    gone = [symbol for symbol in stale if ended(symbol) in weights]
    late = [symbol for symbol in stale if symbol not in gone]
    if late:
        causes.append(f"{', '.join(late)} had no price in the last bar: counted at the last one")
    if gone:
        causes.append(f"the instrument that was {', '.join(gone)} ended: counted at its last price")
    return "; ".join(causes) if causes else None
