"""What all alpha engines but the leaders' share: options, a ledger of signals, and a record of what came."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from math import isfinite, nan
from typing import Any, ClassVar, Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from comove.errors import DataError
from comove.options import Floats, options_of
from comove.signals.context import HIGH, LOW, VOLUME, Context, last_candles
from comove.signals.engines.bar_record import BarRecord
from comove.signals.engines.options import EngineOptions
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import Abstention, AlphaEngine, Answer, Answers, Direction, Signal, bar_row
from comove.signals.record import hit

__all__ = [
    "Lean",
    "Measures",
    "RecordingEngine",
    "by_symbol",
    "channels",
    "last_rows",
    "lean_to",
    "measures",
    "missing",
    "places",
    "sides",
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
    return np.ascontiguousarray(last_candles(contexts, rows).transpose(2, 1, 0))


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


def measures(contexts: Sequence[Context], bar: Measures, width: int) -> list[Floats]:
    """Return what was measured of all symbols, `width` arrays; NaN where nothing was."""
    nothing = (nan,) * width
    return list(np.array([bar[context.symbol] or nothing for context in contexts], dtype=np.float64).T)


def places(wanted: npt.NDArray[np.bool_]) -> list[int]:
    """Return where something holds."""
    found: list[int] = np.flatnonzero(wanted).tolist()
    return found


def sides(wanted: npt.NDArray[np.bool_], sign: Floats) -> dict[int, Direction]:
    """Return the side of each sign, as `lean_to`, where something holds."""
    at = np.flatnonzero(wanted)
    return {place: "long" if up else "short" for place, up in zip(at.tolist(), (sign[at] > 0.0).tolist(), strict=True)}


def by_symbol(contexts: Sequence[Context], *columns: list[float]) -> Measures:
    """Return what was measured of each symbol, from columns in the order of the contexts."""
    return dict(zip([context.symbol for context in contexts], zip(*columns, strict=True), strict=True))


#: What a signal is made by.
_LOOKS: Final = ("evaluate", "_look", "_measure", "_measured", "_note", "_signal", "_worded")


@lru_cache(maxsize=256)
def _leans_as_it_looks(kind: type[RecordingEngine[Any]]) -> bool:
    """Tell whether no class refines what is looked at without saying anew where the engine leans."""
    for each in kind.__mro__:
        if "_leaning" in vars(each):
            return True
        if (
            not vars(each)
            .keys()
            .isdisjoint(("evaluate", "_look", "_measure", "_measured", "_note", "_signal", "_worded"))
        ):
            return False
    return False


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

    __slots__ = ("_bar", "_contexts", "_noted", "_outcomes", "_row", "_told", "hits", "options")

    options_type: ClassVar[type[Any]]

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options_of(options, self.options_type)
        self.hits = BarRecord(self.options.prior, self.options.horizon)
        self._outcomes = Outcomes(self.options.horizon)
        self._row = NONE
        # Symbols with a signal in the last bar, so that one who asks twice is not counted twice.
        self._noted: dict[str, None] = {}
        self._bar: Measures = {}
        # Those of the last bar, which what was measured is in the order of.
        self._contexts: Sequence[Context] = ()
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
        self._row, self._contexts = row, contexts
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
        found = self._look(context, self._bar)
        return Abstention(found) if isinstance(found, str) else self._signal(context, found)

    def evaluate_all(self, contexts: Sequence[Context]) -> Sequence[Answer]:
        """Return `evaluate` of each symbol, and in its place what it raised.

        Of the very tuple that was observed, only those are looked at that may have a signal; the others are put into
        words when they are read.
        """
        observed = bool(contexts) and contexts is self._contexts and type(contexts) is tuple
        if not observed or not _leans_as_it_looks(type(self)):
            return AlphaEngine.evaluate_all(self, contexts)
        bar, confidence, record = self._bar, self.hits.probability, self._told
        found: dict[int, Answer] = {}
        leans, candidates = self._leaning(contexts)
        # In the order of the contexts, so that what is noted is what `evaluate` of each would note.
        for at in sorted({*leans, *candidates}):
            context = contexts[at]
            if at in leans:
                self._note(context, leans[at])
                continue
            try:
                found[at] = self.evaluate(context)
            except Exception as error:
                found[at] = error

        def make(context: Context) -> Answer:
            try:
                looked = self._look(context, bar)
                return Abstention(looked) if isinstance(looked, str) else self._worded(looked, confidence, record)
            except Exception as error:
                return error

        return Answers(contexts, found, leans, confidence, make)

    def _leaning(self, contexts: Sequence[Context]) -> tuple[dict[int, Direction], Iterable[int]]:
        """Return the places of the contexts of the bar that have a signal, and of those that may have one.

        Where both are not all, `_look` leans to the direction of the first, says why it abstains of the places in
        neither, and reads no candles for that: it is asked in later bars, too, when these have written over the
        candles. By default all may have one. A class that refines what is looked at has to say it anew: where it does
        not, each symbol is asked for.
        """
        return {}, range(len(contexts))

    def _signal(self, context: Context, lean: Lean) -> Signal:
        """Return the signal of a lean, and note it."""
        self._note(context, lean.direction)
        return self._worded(lean, self.hits.probability, self._told)

    def _note(self, context: Context, direction: Direction) -> None:
        if context.symbol not in self._noted:
            self._noted[context.symbol] = None
            self._outcomes.note(context, direction)

    def _worded(self, lean: Lean, confidence: float, record: str) -> Signal:
        return Signal(
            direction=lean.direction,
            strength=lean.strength,
            confidence=confidence,
            horizon=self.options.horizon,
            reason=f"{lean.reason}; {record}",
        )

    def _measure(self, contexts: Sequence[Context]) -> Measures:
        """Return what is measured of all symbols at once, by symbol."""
        return {}

    def _measured(self, context: Context, bar: Measures) -> tuple[float, ...]:
        """Return what was measured of a symbol.

        Raises
        ------
        DataError
            The symbol was not among the contexts of the bar.
        """
        try:
            return bar[context.symbol]
        except KeyError:
            raise DataError(f"{context.symbol} was not observed in row {context.row}", "symbol") from None

    @abstractmethod
    def _look(self, context: Context, bar: Measures) -> Lean | str:
        """Return where the engine leans, by what was measured in the bar, or why it abstains."""

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
