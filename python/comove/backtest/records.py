"""What a replay writes down: a row a bar, a row a closed part of a position, and a row a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from comove.engine import Decision

__all__ = ["ATTRIBUTION", "DECISIONS", "EQUITY", "TRADES", "Records"]

_TIME: Final = pl.Datetime("ns", "UTC")
_ROUNDING: Final = 1e-12

EQUITY: Final = pl.Schema(
    {
        "ts": _TIME,
        "equity": pl.Float64(),
        "cash": pl.Float64(),
        "long": pl.Float64(),
        "short": pl.Float64(),
        "heat": pl.Float64(),
        "regime": pl.String(),
        "positions": pl.Int32(),
        "costs": pl.Float64(),
        "funding": pl.Float64(),
        "traded": pl.Float64(),
    }
)
"""A row a bar, after its close: money in quote currency; `costs`, `funding` and `traded` are those of the bar."""

TRADES: Final = pl.Schema(
    {
        "symbol": pl.String(),
        "side": pl.String(),
        "opened": _TIME,
        "closed": _TIME,
        "entry": pl.Float64(),
        "exit": pl.Float64(),
        "units": pl.Float64(),
        "size": pl.Float64(),
        "profit": pl.Float64(),
        "costs": pl.Float64(),
        "funding": pl.Float64(),
        "net": pl.Float64(),
        "rows": pl.Int64(),
        "reason": pl.String(),
        "regime": pl.String(),
        "probability": pl.Float64(),
        "gap": pl.Boolean(),
    }
)
"""A row a closed part of a position; `net` is `profit` less `costs` and `funding`, its part of the entry's too."""

ATTRIBUTION: Final = pl.Schema({"trade": pl.Int64(), "source": pl.String(), "share": pl.Float64()})
"""What each source added to the probability a trade was opened at, over all that was added to 1/2."""

DECISIONS: Final = pl.Schema(
    {
        "ts": _TIME,
        "symbol": pl.String(),
        "action": pl.String(),
        "size": pl.Float64(),
        "price": pl.Float64(),
        "stop": pl.Float64(),
        "take_profit": pl.Float64(),
        "confidence": pl.Float64(),
        "reason": pl.String(),
    }
)
"""A row a decision, as it was made; all reasons in one text."""


@dataclass(slots=True)
class Records:
    """Rows since the last time they were taken."""

    equity: list[tuple[Any, ...]] = field(default_factory=list)
    trades: list[tuple[Any, ...]] = field(default_factory=list)
    attribution: list[tuple[int, str, float]] = field(default_factory=list)
    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    closed: int = 0
    """Trades so far, those that were taken too."""

    def trade(self, row: tuple[Any, ...], attribution: Mapping[str, float]) -> None:
        """Write down a closed part of a position."""
        self.trades.append(row)
        whole = sum(attribution.values())
        # What is left of them by rounding is nothing to share by.
        if abs(whole) > _ROUNDING * sum(map(abs, attribution.values())):
            self.attribution += [(self.closed, source, added / whole) for source, added in attribution.items()]
        self.closed += 1

    def decide(self, decisions: Mapping[str, Decision]) -> None:
        """Write down the decisions of a bar."""
        self.decisions += [
            (
                each.ts,
                each.symbol,
                each.action,
                each.size,
                each.price,
                each.stop,
                each.take_profit,
                each.confidence,
                "; ".join(each.reasons),
            )
            for each in decisions.values()
        ]

    def take(self, fold: int) -> dict[str, pl.DataFrame]:
        """Return the rows as frames, by their names, with the number of their fold, and begin anew."""
        frames = {
            name: _frame(rows, schema)
            for name, rows, schema in (
                ("equity", self.equity, EQUITY),
                ("trades", self.trades, TRADES),
                ("attribution", self.attribution, ATTRIBUTION),
                ("decisions", self.decisions, DECISIONS),
            )
        }
        self.equity, self.trades, self.attribution, self.decisions = [], [], [], []
        for name, place in (("equity", 1), ("trades", 2), ("decisions", 1)):
            frames[name].insert_column(place, pl.lit(fold, pl.Int32()).alias("fold"))
        return frames


def _frame(rows: Sequence[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    # Times come as integers of nanoseconds; a datetime of Python would lose them.
    plain = {name: pl.Int64() if kind == _TIME else kind for name, kind in schema.items()}
    return pl.DataFrame(rows, schema=plain, orient="row").cast(schema)
