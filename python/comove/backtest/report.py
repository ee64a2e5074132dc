"""What a backtest brings back: its frames, its figures, and the files of both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Final

import polars as pl

from comove.backtest.files import read_table, scan_table
from comove.errors import DataError
from comove.files import whole_file

__all__ = ["Report"]

_FRAMES: Final = ("equity", "trades", "attribution")
_ABOUT: Final = "report.json"
_METRICS: Final = "metrics.json"
_DECISIONS: Final = "decisions.parquet"


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """What `run` returns: tables of what happened, and what they amount to.

    Folds follow one another as one account: each begins with the equity that the one before ended with. It was run with
    the configured capital, and all money in these tables is scaled to the account's; decisions stand as they were made.
    """

    equity: pl.DataFrame
    """A row a bar, after its close: ``ts``, ``fold``, ``equity``, ``cash``, ``long`` and ``short`` (worth of all of
    them, at least 0), ``heat``, ``drawdown`` (at most 0), ``regime`` (of the market after the bar), ``positions``,
    ``costs``, ``funding`` and ``traded`` (of the bar), ``btc`` and ``equal`` (the first leader, and all coins in equal
    shares a month, bought with the same capital; null before there is a price)."""
    trades: pl.DataFrame
    """A row a closed part of a position: ``symbol``, ``side``, ``fold``, ``opened``, ``closed``, ``entry``, ``exit``,
    ``units``, ``size`` (at the entry), ``profit``, ``costs``, ``funding``, ``net``, ``rows`` (bars held), ``reason``,
    ``regime`` and ``probability`` (at the entry), ``gap`` (filled at an open beyond its stop or target)."""
    attribution: pl.DataFrame
    """``trade`` (row of `trades`), ``source``, ``share`` and ``net``: a trade's net shared out by what each source
    added to the probability it was opened at. Shares of a trade add up to 1, and may be negative."""
    metrics: Mapping[str, Any]
    """What it amounts to, as `metrics.json` holds it."""
    about: Mapping[str, Any]
    """What was run: ``symbols``, ``leaders``, ``capital``, ``costs``, ``options``, ``folds``, ``seed``,
    ``step_seconds``, ``ruined``, ``version``."""
    decision_files: Sequence[Path] = field(default=(), repr=False)
    """Where `decisions` is read from."""

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """A row a decision, read when it is asked for.

        ``ts``, ``fold``, ``symbol``, ``action``, ``size``, ``price``, ``stop``, ``take_profit``, ``confidence`` and
        ``reason``, which has all of them.
        """
        return pl.concat([read_table(file) for file in self.decision_files])

    @property
    def leaders(self) -> tuple[str, ...]:
        """The first is the one that `btc` holds."""
        return tuple(self.about["leaders"])

    @property
    def symbols(self) -> tuple[str, ...]:
        """All coins that had a candle."""
        return tuple(self.about["symbols"])

    @property
    def capital(self) -> float:
        """What the account began with, in quote currency."""
        return float(self.about["capital"])

    @property
    def costs(self) -> Mapping[str, Any]:
        """The options of `Costs`."""
        costs: Mapping[str, Any] = self.about["costs"]
        return costs

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the orchestrator; of another strategy those that were given with it, empty where none were."""
        options: Mapping[str, Any] = self.about["options"]
        return options

    @property
    def folds(self) -> Sequence[Mapping[str, Any]]:
        """Number and times of each fold, as texts."""
        folds: Sequence[Mapping[str, Any]] = self.about["folds"]
        return folds

    @property
    def seed(self) -> int:
        """Of all that is drawn by chance."""
        return int(self.about["seed"])

    @property
    def step_seconds(self) -> float:
        """Time of a bar: that of the usual candle, or less where coins have candles at other times."""
        return float(self.about["step_seconds"])

    @property
    def ruined(self) -> str | None:
        """When nothing was left of the account; None where something was."""
        ruined: str | None = self.about["ruined"]
        return ruined

    def write(self, folder: str | PathLike[str]) -> None:
        """Write ``equity``, ``trades``, ``attribution`` and ``decisions`` as Parquet, metrics and the rest as JSON.

        Raises
        ------
        OSError
            A folder that cannot be written to.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name in _FRAMES:
            frame: pl.DataFrame = getattr(self, name)
            whole_file(place / f"{name}.parquet", frame.write_parquet)
        if list(self.decision_files) == [place / _DECISIONS]:
            pass
        elif "decisions" in self.__dict__:
            # They were read, and their files may be gone.
            whole_file(place / _DECISIONS, self.decisions.write_parquet)
        else:
            decisions = pl.concat([scan_table(file) for file in self.decision_files])
            try:
                whole_file(place / _DECISIONS, lambda draft: decisions.sink_parquet(draft))
            except pl.exceptions.PolarsError as error:
                files = ", ".join(str(file) for file in self.decision_files)
                raise DataError(
                    f"a file of decisions is damaged, one of {files}: {error}", "file_unreadable"
                ) from error
        _write_json(place / _METRICS, self.metrics)
        # The last of all: where it is, the others are.
        _write_json(place / _ABOUT, self.about)

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> Report:
        """Return the report that `write` wrote.

        Raises
        ------
        DataError
            No such report, a part of one, or a file of it that cannot be read.
        """
        place = Path(folder)
        names = [_ABOUT, _METRICS, _DECISIONS, *(f"{name}.parquet" for name in _FRAMES)]
        absent = [name for name in names if not (place / name).exists()]
        if absent:
            raise DataError(f"{place}: no report of a backtest, there is no {', '.join(absent)}", "path")
        return cls(
            **{name: read_table(place / f"{name}.parquet") for name in _FRAMES},
            metrics=_read_json(place / _METRICS),
            about=_read_json(place / _ABOUT),
            decision_files=(place / _DECISIONS,),
        )


def _write_json(file: Path, tree: Mapping[str, Any]) -> None:
    text = json.dumps(tree, indent=1, sort_keys=True, allow_nan=False) + "\n"
    whole_file(file, lambda draft: draft.write_text(text, encoding="utf-8"))


def _read_json(file: Path) -> dict[str, Any]:
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: cannot be read: {error}", "file_unreadable") from error
    if not isinstance(tree, dict):
        raise DataError(f"{file} must hold an object, got {type(tree).__name__}", "file_unreadable")
    return tree
