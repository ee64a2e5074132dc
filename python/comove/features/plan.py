"""Which columns a recipe makes of which inputs and leaders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from comove import options
from comove.errors import ParameterError
from comove.features import columns as registry
from comove.features.base import BASE_COLUMNS, base_columns
from comove.features.columns import ColumnMetadata

__all__ = ["NAMED_LEADERS", "Plan", "checked_columns", "ordered_leaders"]

#: The leaders with an argument of their own; their columns come first, in this order.
NAMED_LEADERS = ("btc", "eth", "sol")


@dataclass(frozen=True, slots=True)
class Plan:
    """The columns of a recipe for given inputs and leaders.

    Attributes
    ----------
    columns : tuple of ColumnMetadata
        What comes out, in its order.
    base : tuple of str
        The base columns among them.
    inputs : tuple of str
        What these are made of, but for the leader's close.
    leaders : tuple of str
        All that were given; they make the grid.
    """

    columns: tuple[ColumnMetadata, ...]
    base: tuple[str, ...]
    inputs: tuple[str, ...]
    leaders: tuple[str, ...]

    @classmethod
    def of(
        cls,
        columns: Sequence[str] | None,
        kernel: Mapping[str, Any],
        *,
        leaders: Collection[str],
        given: Collection[str],
        ages: bool,
        lag: int,
        causal: bool,
    ) -> Plan:
        """Pick the columns.

        Raises
        ------
        ParameterError
            A name in `columns` that these inputs and leaders do not give.
        """
        names = tuple(leaders)
        every = base_columns(list(given), names[0] if names else None)
        for leader in names:
            every += registry.cross_asset_columns(leader, kernel)
            every += [registry.age_column(leader)] if ages or columns is not None else []
        picked = registry.pick(every, columns)
        base = tuple(column.name for column in picked if column.name in BASE_COLUMNS)
        inputs = tuple(name for name in options.needed_inputs(columns, base) if name != "leader_close")
        made = tuple(replace(column.delayed(lag), causal=causal) for column in picked)
        return cls(made, base, inputs, names)

    def is_age(self, name: str) -> bool:
        """Whether a column is the age of a leader."""
        return name not in BASE_COLUMNS and name.endswith(f"_{registry.AGE}")

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns to read of the asset, `ts` not counted: against leaders, its close as well."""
        return self.inputs if "close" in self.inputs or not self.leaders else (*self.inputs, "close")

    def of_leader(self, leader: str) -> list[str]:
        """Return the cross-asset columns of a leader that are wanted."""
        kinds = [f"{leader}_{kind}" for kind in registry.CROSS_ASSET]
        return [column.name for column in self.columns if column.name in kinds]


def checked_columns(columns: object) -> tuple[str, ...]:
    """Return the names of columns as a tuple.

    Raises
    ------
    ParameterError
        Not a sequence of names, none, one twice, or no feature.
    """
    names = options.column_names(columns)
    kinds = (*registry.CROSS_ASSET, registry.AGE)
    for name in names:
        if name not in BASE_COLUMNS and not any(name.endswith(f"_{kind}") for kind in kinds):
            of_leaders = ", ".join(f"<leader>_{kind}" for kind in kinds)
            raise ParameterError(
                f"columns: {name!r} is no feature; there are {of_leaders} and {', '.join(BASE_COLUMNS)}", "columns"
            )
    return names


def ordered_leaders(named: Mapping[str, Any], others: object) -> dict[str, Any]:
    """Return leader (lowercased) to frame: btc, eth, sol, then the others by name.

    Raises
    ------
    ParameterError
        `others` is no mapping of names, or a leader is there twice.
    """
    if not isinstance(others, Mapping):
        raise ParameterError(f"leaders must be a mapping of names to frames, got {type(others).__name__}", "type")
    given = {name: frame for name, frame in named.items() if frame is not None}
    for name, frame in others.items():
        if not isinstance(name, str) or not name.strip():
            raise ParameterError(f"leaders must be named, got {name!r}", "leaders")
        if name.lower() in given:
            raise ParameterError(f"the leader {name!r} is given twice", "leaders")
        given[name.lower()] = frame
    first = [name for name in NAMED_LEADERS if name in given]
    return {name: given[name] for name in (*first, *sorted(given.keys() - set(first)))}
