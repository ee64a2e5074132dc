"""What an ablation brings back: a strategy beside the same without parts of it, in tables and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import polars as pl

from comove.backtest.stats import DeflatedSharpe
from comove.backtest.variants import BASE
from comove.backtest.verdicts import Verdict, verdict_of
from comove.errors import DataError
from comove.files import whole_file

__all__ = ["LEVEL", "Ablation"]

LEVEL: Final = 0.95
"""Of intervals; differences are significant where chance makes as much less often than in the rest."""
_TABLE: Final = "ablation.parquet"
_RETURNS: Final = "returns.parquet"
_ABOUT: Final = "ablation.json"
#: What is said of a difference that is more than chance.
_MEANINGS: Final[Mapping[Verdict, str]] = {
    "helps": ": that part helps.",
    "harms": ": that part harms.",
    "costs": ", but not before costs: it is what trading costs that differs.",
    "risk": ", but not at the same risk: it is how much is risked that differs.",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Ablation:
    """A strategy, and what it is without parts of market structure."""

    table: pl.DataFrame
    """A row a strategy, the base first: ``name``, ``words``; ``total_return``, ``cagr``, ``sharpe`` (a year) and
    ``max_drawdown``; ``trades``, ``turnover`` (value of all fills over the equity, a year) and ``paid`` (fees, funding
    and spread over the equity, a year). Of a variant against the base, net of costs: ``value`` (what it earned more a
    year, a fraction of equity), ``low`` and ``high`` (95 %, null where there is no bound), ``p_value``, ``adjusted``
    (for the number of variants), ``reason`` (why there is no p-value), ``differing`` (bars), ``episodes`` and
    ``effective``; the same with ``gross_`` before it, before costs, and with ``scaled_``, at the base's risk."""
    returns: pl.DataFrame
    """A row a bar and strategy: ``ts``, ``name``, ``net`` and ``gross``."""
    best: str | None
    """The strategy with the highest Sharpe ratio, the base among them; None where none has one."""
    deflated: DeflatedSharpe | None
    """What is left of its Sharpe ratio after all that were tried; None where `best` is."""
    about: Mapping[str, Any]
    """What was run: ``options`` of the base, ``costs``, ``plan``, ``seed``, ``variants`` (words and the options that
    are different), ``level``, ``step_seconds``, ``bars``, ``first`` and ``last``."""

    @property
    def significant(self) -> tuple[str, ...]:
        """Names of the variants without a part that helps or harms: `verdict_of` has the rule."""
        return tuple(row["name"] for row in self._variants() if verdict_of(row) in ("helps", "harms"))

    @property
    def answer(self) -> str:
        """What came out, in sentences: each difference that is more than chance, and how many are none."""
        rows = self._variants()
        if not rows:
            return "The strategy has no part of market structure that could be switched off."
        verdicts = [verdict_of(row) for row in rows]
        said = [
            f"{_sentence(row)}{_MEANINGS[verdict]}"
            for row, verdict in zip(rows, verdicts, strict=True)
            if verdict in _MEANINGS
        ]
        if rest := verdicts.count("chance"):
            said.append(f"No significant difference: {_counted(rest)}.")
        if silent := verdicts.count("unknown"):
            said.append(f"Too little differs to be judged: {_counted(silent)}.")
        return " ".join(said)

    def _variants(self) -> list[dict[str, Any]]:
        return self.table.filter(pl.col("name") != BASE).to_dicts()

    def write(self, folder: str | PathLike[str]) -> None:
        """Write ``ablation.parquet``, ``returns.parquet`` and ``ablation.json``, which has the table too.

        Raises
        ------
        OSError
            A folder that cannot be written to.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        whole_file(place / _TABLE, self.table.write_parquet)
        whole_file(place / _RETURNS, self.returns.write_parquet)
        tree = {
            "about": self.about,
            "answer": self.answer,
            "best": self.best,
            "deflated": None if self.deflated is None else asdict(self.deflated),
            "significant": self.significant,
            "table": self.table.to_dicts(),
        }
        text = json.dumps(tree, indent=1, sort_keys=True, allow_nan=False) + "\n"
        whole_file(place / _ABOUT, lambda draft: draft.write_text(text, encoding="utf-8"))

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> Ablation:
        """Return the ablation that `write` wrote.

        Raises
        ------
        DataError
            No such ablation, or a part of one.
        """
        place = Path(folder)
        absent = [name for name in (_TABLE, _RETURNS, _ABOUT) if not (place / name).exists()]
        if absent:
            raise DataError(f"{place}: no ablation, there is no {', '.join(absent)}", "path")
        tree = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
        return cls(
            table=pl.read_parquet(place / _TABLE),
            returns=pl.read_parquet(place / _RETURNS),
            best=tree["best"],
            deflated=None if tree["deflated"] is None else DeflatedSharpe(**tree["deflated"]),
            about=tree["about"],
        )


def _counted(number: int) -> str:
    return f"{number} variants" if number > 1 else "1 variant"


def _sentence(row: Mapping[str, Any]) -> str:
    between = ""
    if row["low"] is not None and row["high"] is not None:
        between = f", between {row['low']:+.1%} and {row['high']:+.1%}"
    words = (
        f"Where {row['words']}, it earns {_more(row['value'])} (p = {row['adjusted']:.2g} for all variants "
        f"together{between})"
    )
    if row["scaled_value"] is None:
        return words
    sure = "" if row["scaled_adjusted"] is None else f", p = {row['scaled_adjusted']:.2g}"
    return f"{words}; at the same volatility {_more(row['scaled_value'])}{sure}"


def _more(value: float) -> str:
    return f"{abs(value):.1%} a year {'less' if value < 0.0 else 'more'}"
