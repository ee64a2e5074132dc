"""The regime of a book: that of the market, and those of the symbols it holds by their exposure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from comove.structure import MarketRegime, MarketStructureCoordinator, MarketStructureSnapshot

__all__ = ["BookRegime", "book_regime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRegime:
    """The regime a book is in."""

    market: MarketStructureSnapshot
    """Of the whole market."""
    label: MarketRegime
    """The regime that holds more than half of the gross exposure; the market's where the book is empty, unknown where
    none holds so much."""
    shares: Mapping[str, float]
    """Part of the gross exposure that is in symbols of each regime, by its value."""
    reason: str


def book_regime(weights: Mapping[str, float], structure: MarketStructureCoordinator) -> BookRegime:
    """Return the regime of a book of exposures over the capital."""
    market = structure.detect_market_regime()
    gross = sum(abs(weight) for weight in weights.values())
    if not gross:
        return BookRegime(
            market=market,
            label=market.regime,
            shares={},
            reason=f"the book is empty; the market is {market.regime.value}",
        )
    shares = {regime.value: 0.0 for regime in MarketRegime}
    for symbol, weight in weights.items():
        shares[structure.detect_market_regime(symbol).regime.value] += abs(weight) / gross
    found = [regime for regime in MarketRegime if shares[regime.value] > 0.5]
    label = found[0] if found else MarketRegime.UNKNOWN
    told = ", ".join(f"{share:.0%} {name}" for name, share in shares.items() if share)
    return BookRegime(
        market=market,
        label=label,
        shares=shares,
        reason=f"of the exposure: {told}; the market is {market.regime.value}",
    )
