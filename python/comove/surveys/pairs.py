"""Which pairs of coins are looked at, and how much data one needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["LEAST_PAIRS", "pairs_of"]

#: Complete pairs a window needs: below some thirty, p-values that lean on large numbers mean little.
LEAST_PAIRS: Final = 30


def pairs_of(assets: Sequence[str], leaders: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs (asset, leader) to look at: none with itself, and two that are both once, the later as asset."""
    rank = {leader: place for place, leader in enumerate(leaders)}
    return [
        (asset, leader)
        for asset in assets
        for leader in leaders
        if asset != leader and (leader not in assets or rank.get(asset, len(rank)) > rank[leader])
    ]
