"""A row of a recipe as a mapping that makes what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import nan
from typing import Any, overload

import numpy as np

from comove.options import Floats

__all__ = ["FeatureRow", "FeatureTable", "layout_of"]


@lru_cache(maxsize=256)
def layout_of(columns: tuple[str, ...], ages: tuple[str, ...]) -> Layout:
    """Return the layout of columns, of which `ages` are whole numbers: one for all streams that have the same."""
    return Layout(columns, ages)


class Layout:
    """Where the columns of a stream lie in its rows.

    Parameters
    ----------
    columns : sequence of str
    ages : sequence of str
        Those of whole numbers.
    """

    __slots__ = ("ages", "places")

    def __init__(self, columns: Sequence[str], ages: Sequence[str]) -> None:
        self.places = {name: place for place, name in enumerate(columns)}
        self.ages = frozenset(self.places[name] for name in ages)


class FeatureRow(Mapping[str, float | int | None]):
    """The row of a stream: None where a column has no value, as `FeatureStream.update` gives it.

    Attributes
    ----------
    floats : float64, shape (columns,)
        All of it, NaN where missing. Not to be written to.
    """

    __slots__ = ("floats", "layout")

    def __init__(self, layout: Layout, floats: Floats) -> None:
        self.layout, self.floats = layout, floats

    def __getitem__(self, name: str) -> float | int | None:
        return self._at(self.layout.places[name])

    @overload
    def get(self, name: str, /) -> float | int | None: ...
    @overload
    def get(self, name: str, /, default: Any) -> Any: ...
    def get(self, name: str, /, default: Any = None) -> Any:
        """Return a value, or another thing where there is no column of the name."""
        place = self.layout.places.get(name)
        return default if place is None else self._at(place)

    def _at(self, place: int) -> float | int | None:
        value = self.floats.item(place)
        if value != value:
            return None
        return int(value) if place in self.layout.ages else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.places)

    def __len__(self) -> int:
        return len(self.layout.places)

    def __repr__(self) -> str:
        return repr(dict(self))


class FeatureTable:
    """Rows of several symbols after one bar, to be read by column.

    Parameters
    ----------
    rows : sequence of mapping
        `FeatureRow` or plain mappings of names to values.
    """

    __slots__ = ("_columns", "_layouts", "_plain", "_rows", "_table")

    def __init__(self, rows: Sequence[Mapping[str, float | int | None]]) -> None:
        self._rows = rows
        self._columns: dict[str, Floats] = {}
        # Rows of all layouts one below the other, their places by layout, and those of the plain rows.
        self._table: Floats | None = None
        self._layouts: dict[Layout, list[int]] = {}
        self._plain: list[int] = []

    def column(self, name: str) -> Floats:
        """Return a column, NaN where missing, or where there is none of the name. Not to be written to."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._made(name)
        return found

    def _made(self, name: str) -> Floats:
        table = self._stacked()
        where = {layout.places.get(name) for layout in self._layouts}
        if not self._plain and len(where) == 1:
            # Mostly it is in the same place of all layouts, for what is made of a symbol's own candles comes first.
            place = where.pop()
            return np.full(len(table), nan) if place is None else table[:, place]
        column = np.full(len(table), nan)
        for layout, rows in self._layouts.items():
            place = layout.places.get(name)
            if place is not None:
                column[rows] = table[rows, place]
        for at in self._plain:
            value = self._rows[at].get(name)
            column[at] = nan if value is None else value
        return column

    def _stacked(self) -> Floats:
        if self._table is None:
            for at, row in enumerate(self._rows):
                if isinstance(row, FeatureRow):
                    self._layouts.setdefault(row.layout, []).append(at)
                else:
                    self._plain.append(at)
            width = max((len(layout.places) for layout in self._layouts), default=0)
            self._table = np.full((len(self._rows), width), nan)
            for layout, rows in self._layouts.items():
                found = [row.floats for row in map(self._rows.__getitem__, rows) if isinstance(row, FeatureRow)]
                self._table[rows, : len(layout.places)] = found
        return self._table
