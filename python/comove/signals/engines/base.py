"""What all alpha engines but the leaders' share: options, a ledger of signals, and a record of what came."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, ClassVar, Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np

from comove.errors import DataError
from comove.options import Floats, options_of
from comove.signals.context import HIGH, LOW, VOLUME, Context
from comove.signals.engines.bar_record import BarRecord
from comove.signals.engines.options import EngineOptions
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import Abstention, AlphaEngine, Direction, Signal, bar_row
from comove.signals.record import hit

__all__ = [
    "Lean",
    "Measures",
    "RecordingEngine",
    "by_symbol",
    "channels",
    "last_rows",
    "lean_to",
    "missing",
]

Measures: TypeAlias = dict[str, tuple[float, ...]]
"""What was measured of each symbol in a bar."""

Options = TypeVar("Options", bound=EngineOptions)


class Lean(NamedTuple):
    """Where an engine leans, before its record is asked."""

    direction: Direction
    strength: float
    reason: str


#: No bar yet.
NONE: Final = -1


def lean_to(sign: float, strength: float, reason: str) -> Lean:
    """Return a lean to the side of a sign, which is not 0, its strength cut to 0 to 1."""
    return Lean("long" if sign > 0.0 else "short", min(max(strength, 0.0), 1.0), reason)


def missing(context: Context, names: Sequence[str]) -> str:
    """Return that some features are not known, by name; an infinite one is not either."""
    unknown = [name for name in names if not isfinite(context.feature(name))]
    return f"not known: {', '.join(unknown)}"


def last_rows(contexts: Sequence[Context], rows: int) -> Floats:
    """Return the last rows of candles of all symbols.

    Returns
    -------
    float64, shape (5, n, symbols)
        n is `rows`, or the rows shown where these are fewer. A column's rows lie side by side, which is how they are
        summed up fastest.
    """
    table = np.concatenate([context.candles[-rows:] for context in contexts])
    return np.ascontiguousarray(table.reshape(len(contexts), -1, table.shape[1]).transpose(2, 1, 0))


def channels(contexts: Sequence[Context], rows: int) -> Measures:
    """Return the highest high and the lowest low of the previous rows, and the open, high, low and close of this one.

    Returns
    -------
    dict of str to tuple of float
        By symbol; empty where too few rows are shown, NaN where a candle is missing.
    """
    table = last_rows(contexts, 1 + rows)
    if table.shape[1] < 1 + rows:
        return {context.symbol: () for context in contexts}
    extremes = [table[HIGH, :-1].max(axis=0).tolist(), table[LOW, :-1].min(axis=0).tolist()]
    now = table[:VOLUME, -1].tolist()
    return by_symbol(contexts, *extremes, *now)


def by_symbol(contexts: Sequence[Context], *columns: list[float]) -> Measures:
    """Return what was measured of each symbol, from columns in the order of the contexts."""
    return dict(zip([context.symbol for context in contexts], zip(*columns, strict=True), strict=True))


class RecordingEngine(AlphaEngine, Generic[Options]):
    """An engine with a horizon, whose confidence is how often its own signals have been right.

    A confidence below 1/2 says that the opposite has come more often, and is given as it is.

    Parameters
    ----------
    options : EngineOptions, optional
        Of the engine's own class.

    Attributes
    ----------
    options : EngineOptions
    hits : BarRecord
        Of all signals whose horizon has passed.
    """

    __slots__ = ("_bar", "_noted", "_outcomes", "_row", "_told", "hits", "options")

    options_type: ClassVar[type[Any]]

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options_of(options, self.options_type)
        self.hits = BarRecord(self.options.prior, self.options.horizon)
        self._outcomes = Outcomes(self.options.horizon)
        self._row = NONE
        # Symbols with a signal in the last bar, so that one who asks twice is not counted twice.
        self._noted: dict[str, None] = {}
        self._bar: Measures = {}
        # The record in words: the same for all symbols of a bar.
        self._told = self.hits.told()

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.options.horizon

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: learn what has come of the signals of `horizon` rows ago.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the engine is as it was.
        """
        row = bar_row(contexts, self._row)
        if not contexts:
            return
        self._bar = self._measure(contexts)
        self._row = row
        self._noted.clear()
        settled = self._outcomes.settle(contexts)
        if settled:
            self.hits.add(settled[0].row, sum(hit(each.said, each.moved) for each in settled) / len(settled))
            self._told = self.hits.told()

    def evaluate(self, context: Context) -> Signal | Abstention:
        """Return what is expected of a symbol of the last bar.

        Raises
        ------
        DataError
            A context of another bar.
        """
        if context.row != self._row:
            raise DataError(f"context must be of the last bar observed, row {self._row}, got {context.row}", "row")
        found = self._look(context)
        return Abstention(found) if isinstance(found, str) else self._signal(context, found)

    def evaluate_all(self, contexts: Sequence[Context]) -> list[Signal | Abstention | Exception]:
        """Return `evaluate` of each symbol, and in its place what it raised."""
        if type(self).evaluate is not RecordingEngine.evaluate:
            return AlphaEngine.evaluate_all(self, contexts)
        answers: list[Signal | Abstention | Exception] = []
        row, look = self._row, self._look
        for context in contexts:
            try:
                if context.row != row:
                    answers.append(self.evaluate(context))
                    continue
                found = look(context)
                answers.append(Abstention(found) if isinstance(found, str) else self._signal(context, found))
            except Exception as error:
                answers.append(error)
        return answers

    def _signal(self, context: Context, lean: Lean) -> Signal:
        """Return the signal of a lean, and note it."""
        direction, strength, reason = lean
        if context.symbol not in self._noted:
            self._noted[context.symbol] = None
            self._outcomes.note(context, direction)
        return Signal(
            direction=direction,
            strength=strength,
            confidence=self.hits.probability,
            horizon=self.options.horizon,
            reason=f"{reason}; {self._told}",
        )

    def _measure(self, contexts: Sequence[Context]) -> Measures:
        """Return what is measured of all symbols at once, by symbol."""
        return {}

    def _measured(self, context: Context) -> tuple[float, ...]:
        """Return what was measured of a symbol.

        Raises
        ------
        DataError
            The symbol was not among the contexts of the bar.
        """
        try:
            return self._bar[context.symbol]
        except KeyError:
            raise DataError(f"{context.symbol} was not observed in row {self._row}", "symbol") from None

    @abstractmethod
    def _look(self, context: Context) -> Lean | str:
        """Return where the engine leans, or why it abstains."""

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options included."""
        return {
            "options": asdict(self.options),
            "row": self._row,
            "noted": list(self._noted),
            "bar": self._bar,
            "outcomes": self._outcomes.to_state(),
            "hits": self.hits.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the engine of a state."""
        engine = cls(cls.options_type(**state["options"]))
        engine._row = int(state["row"])
        engine._noted = {str(symbol): None for symbol in state["noted"]}
        engine._bar = {symbol: tuple(float(value) for value in values) for symbol, values in state["bar"].items()}
        engine._outcomes.read(state["outcomes"])
        engine.hits.read(state["hits"])
        engine._told = engine.hits.told()
        return engine
