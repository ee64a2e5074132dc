"""`FeatureStream`: the rows of a recipe, one timestamp at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from comove import _comove, options
from comove.errors import ComoveError, DataError, ParameterError, StateError
from comove.features import columns as registry
from comove.features.plan import Plan, ordered_leaders
from comove.features.recipe import FeatureRecipe
from comove.features.row import FeatureRow, layout_of
from comove.options import BAR_INPUTS, BASE_INPUTS, BOOK_INPUTS

__all__ = ["FeatureStream"]

_NAN = math.nan


class FeatureStream:
    """The row of a recipe after each bar of one symbol, with the bits of `FeatureRecipe.build_with_market_context`.

    Parameters
    ----------
    recipe : FeatureRecipe, optional
        Any but one that fills backwards.
    leaders : sequence of str
        Names of the leaders, in any case.
    inputs : collection of str
        Columns of order book and funding rate that bars will have: `bid`, `ask`, `bid_volume`, `ask_volume`,
        `funding_rate`.

    Attributes
    ----------
    recipe : FeatureRecipe
    leaders : tuple of str
        In the order of their columns.
    columns : tuple of str
        Names of what `update` gives.

    Raises
    ------
    ParameterError
        A recipe that looks ahead, a leader twice, `columns` that these leaders and inputs do not give, windows beyond
        what a live object holds.

    Notes
    -----
    Feed every timestamp at which the symbol or a leader has a candle, once and in order: that is the grid on which the
    batch form lays its frames. Then rows are equal bit for bit, fill, lag and ages included, also after a snapshot and
    restore half way. A refused row leaves the stream as it was, byte for byte. A row costs some 10 us, whatever the
    windows.

    Examples
    --------
    >>> from comove import FeatureRecipe, FeatureStream
    >>> stream = FeatureStream(FeatureRecipe(columns=["ret_1", "btc_age"]), leaders=["BTC"])
    >>> stream.update(0, {"close": 2.0}, {"BTC": 60_000.0})
    {'ret_1': None, 'btc_age': 0}
    >>> stream.update(1, {"close": 3.0}, {"BTC": None})
    {'ret_1': 0.5, 'btc_age': 1}
    """

    __slots__ = ("_core", "_empty", "_given", "_keys", "_layout", "_plan", "columns", "leaders", "recipe")

    recipe: FeatureRecipe
    leaders: tuple[str, ...]
    columns: tuple[str, ...]

    def __init__(
        self, recipe: FeatureRecipe | None = None, leaders: Sequence[str] = (), *, inputs: Collection[str] = ()
    ) -> None:
        recipe = FeatureRecipe() if recipe is None else recipe
        if not isinstance(recipe, FeatureRecipe):
            raise ParameterError(f"recipe must be a FeatureRecipe, got {type(recipe).__name__}", "type")
        if recipe.fill == "forward_backward":
            raise ParameterError("fill='forward_backward' looks ahead; a stream takes 'forward' or None", "choice")
        if isinstance(leaders, str) or not isinstance(leaders, Sequence):
            raise ParameterError(f"leaders must be a sequence of names, got {leaders!r}", "type")
        if len({name.lower() for name in leaders if isinstance(name, str)}) < len(leaders):
            raise ParameterError(f"leaders must be different names, got {leaders!r}", "leaders")
        self._given = tuple(options.choice("inputs", name, BOOK_INPUTS) for name in inputs)
        ordered = ordered_leaders({}, dict.fromkeys(leaders))
        plan = recipe.plan(ordered, self._given)
        self._take(recipe, plan, self._new(recipe, plan))

    def _new(self, recipe: FeatureRecipe, plan: Plan) -> _comove.RecipeStream:
        places = {name: place for place, name in enumerate(plan.base)}
        for leader in plan.leaders:
            for kind in (*registry.CROSS_ASSET, registry.AGE):
                places[f"{leader}_{kind}"] = len(places)
        note = {"recipe": asdict(recipe), "leaders": plan.leaders, "inputs": self._given}
        return _comove.RecipeStream(
            list(plan.base),
            len(plan.leaders),
            recipe.kernel_options(),
            [(places[c.name], _NAN if c.default is None else c.default) for c in plan.columns],
            carry=None if recipe.fill is None else recipe.fill_limit,
            lag=recipe.lag,
            note=json.dumps(note),
        )

    def _take(self, recipe: FeatureRecipe, plan: Plan, core: _comove.RecipeStream) -> None:
        self.recipe = recipe
        self.leaders = plan.leaders
        self.columns = tuple(column.name for column in plan.columns)
        self._plan = plan
        # Copied and filled for each row: a dict that grows takes twice as long.
        self._empty: dict[str, Any] = dict.fromkeys(self.columns)
        self._layout = layout_of(self.columns, tuple(name for name in self.columns if plan.is_age(name)))
        self._keys = {name: place for place, name in enumerate(plan.leaders)}
        self._core = core

    def update(
        self,
        ts: int | datetime,
        bar: Mapping[str, float | None] | None,
        leaders: Mapping[str, float | None] | None = None,
    ) -> dict[str, float | int | None] | None:
        """Take in one timestamp.

        Parameters
        ----------
        ts : int or datetime
            Nanoseconds, or a time, naive ones in UTC; after the last one.
        bar : mapping of str to float, or None
            The candle of the symbol: ``open``, ``high``, ``low``, ``close``, ``volume`` and the stream's other inputs,
            or as many of them as its columns need; None where missing. None for all: the symbol has no candle.
        leaders : mapping of str to float, optional
            Close of each leader that has a candle, by its name in any case.

        Returns
        -------
        dict of str to float, int or None
            The row of the recipe, None where a column has no value. None without a bar: then there is no row.

        Raises
        ------
        DataError
            A price that cannot be, a value that is no number, an input that is not there, an unknown leader.
        OrderError
            `ts` is not after the last one.
        """
        return self._core.update_named(ts, self._bar(bar), self._closes(leaders), self._empty)

    def update_values(self, ts: int, values: Sequence[float] | None, closes: Sequence[float]) -> FeatureRow | None:
        """Take in one timestamp as numbers in their order: `update` in half of the time.

        Parameters
        ----------
        ts : int
            Nanoseconds, after the last one.
        values : sequence of float, or None
            Open, high, low, close and volume, NaN where missing; None where the symbol has no candle.
        closes : sequence of float
            Of each leader in the order of `leaders`, NaN where it has no candle.

        Returns
        -------
        mapping of str to float, int or None
            As `update`.

        Raises
        ------
        DataError, OrderError
            As `update`; another number of values or closes, a stream with inputs of order book or funding rate.
        """
        if self._given:
            raise DataError(f"values have no place for {', '.join(self._given)}: use update", "inputs")
        bar = None
        if values is not None:
            if len(values) != len(BAR_INPUTS):
                raise DataError(f"values must be {len(BAR_INPUTS)} numbers, got {len(values)}", "shape")
            bar = [*values, *_NO_OTHERS]
        row = self._core.update_floats(ts, bar, closes)
        return None if row is None else FeatureRow(self._layout, row)

    def peek(
        self,
        ts: int | datetime,
        bar: Mapping[str, float | None] | None,
        leaders: Mapping[str, float | None] | None = None,
    ) -> dict[str, float | int | None] | None:
        """Return what `update` would return, and change nothing: the candle that is still forming."""
        row = self._core.peek(ts, self._bar(bar), self._closes(leaders))
        return None if row is None else dict(zip(self.columns, row, strict=True))

    def _bar(self, bar: Mapping[str, float | None] | None) -> list[float | None] | None:
        if bar is None:
            return None
        row: list[float | None] = [_NAN] * len(BASE_INPUTS)
        try:
            for name in self._plan.inputs:
                row[_PLACES[name]] = bar[name]
            if self.leaders:
                row[_CLOSE] = bar["close"]
        except KeyError as error:
            raise DataError(f"bar: no {error.args[0]!r}; found: {', '.join(map(str, bar)) or 'none'}", "bar") from None
        except TypeError:
            raise DataError(f"bar must be a mapping of names to numbers or None, got {bar!r}", "type") from None
        return row

    def _closes(self, leaders: Mapping[str, float | None] | None) -> list[float | None]:
        row: list[float | None] = [None] * len(self.leaders)
        if leaders is None:
            return row
        if not isinstance(leaders, Mapping):
            raise DataError(f"leaders must be a mapping of names to closes, got {leaders!r}", "type")
        taken = 0
        for name, close in leaders.items():
            place = self._keys.get(name)
            if place is None:
                place = self._keys.get(name.lower()) if isinstance(name, str) else None
                if place is None:
                    raise DataError(f"leaders: {name!r} is none of {', '.join(self.leaders) or 'none'}", "symbol")
            if taken >> place & 1:
                raise DataError(f"leaders: {name!r} is there twice", "symbol")
            taken |= 1 << place
            row[place] = close
        return row

    @property
    def n(self) -> int:
        """Bars of the symbol taken in."""
        return self._core.n

    @property
    def is_ready(self) -> bool:
        """Whether every column had a value of its own in the symbol's last bar, before filling and lag."""
        return self._core.is_ready

    @property
    def warmup(self) -> int:
        """Bars until every column has a value of its own, where nothing is missing."""
        against = () if self.leaders else ("leader_bias", "rs_score")
        return max((column.warm_up for column in self._plan.columns if column.name not in against), default=1)

    @property
    def last_ts(self) -> int | None:
        """Time of the last row in nanoseconds."""
        return self._core.last_ts

    def reset(self) -> None:
        """Forget all rows; the options stay."""
        self._core.reset()

    def copy(self) -> Self:
        """Return an independent copy."""
        twin = type(self).__new__(type(self))
        twin._given = self._given
        twin._take(self.recipe, self._plan, self._core.copy())
        return twin

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def to_bytes(self) -> bytes:
        """Return a versioned snapshot with a checksum, which `from_bytes` restores bit for bit."""
        return self._core.to_bytes()

    @classmethod
    def from_bytes(cls, snapshot: bytes, /) -> Self:
        """Restore a snapshot, recipe and leaders included.

        Raises
        ------
        StateError
            Bytes that are truncated, corrupted, newer, or of another object.
        """
        core = _comove.RecipeStream.from_bytes(snapshot)
        try:
            note = json.loads(core.note)
            twin = cls(FeatureRecipe(**note["recipe"]), note["leaders"], inputs=note["inputs"])
        except (ComoveError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"the snapshot is unusable: its recipe is none: {error}", "snapshot") from error
        if not core.makes_what(twin._core):
            raise StateError("the snapshot is unusable: it makes other rows than its recipe says", "snapshot")
        twin._core = core
        return twin

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return type(self).from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return (
            f"<FeatureStream of {len(self.columns)} columns, leaders {', '.join(self.leaders) or 'none'}, n={self.n}>"
        )


_NO_OTHERS = [_NAN] * (len(BASE_INPUTS) - len(BAR_INPUTS))
_PLACES = {name: place for place, name in enumerate(BASE_INPUTS)}
_CLOSE = _PLACES["close"]
