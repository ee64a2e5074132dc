"""What engines and sources say, and how they are asked.

Once a bar, `observe` brings the contexts of all symbols that have a candle in it: there outcomes of what was said
before are learnt. Then each symbol is asked for. What is said at t uses rows up to and including t.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias, overload

from comove.errors import DataError, OrderError, ParameterError
from comove.state import Sealed

if TYPE_CHECKING:
    from comove.signals.context import Context
    from comove.signals.opinions import Opinions

__all__ = [
    "Abstention",
    "AlphaEngine",
    "Answer",
    "Answers",
    "Direction",
    "Prediction",
    "PredictionSource",
    "Signal",
    "bar_row",
    "check_share",
]

Direction: TypeAlias = Literal["long", "short"]
_SIDES: Final = ("long", "short")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What an alpha engine expects of a symbol.

    Raises
    ------
    ParameterError
        A strength or a confidence that is not from 0 to 1, NaN too; a horizon below 1.
    """

    direction: Direction
    strength: float
    """Size of the evidence from 0 to 1, in the engine's own measure."""
    confidence: float
    """Probability that the direction is right over the horizon, by the engine's own past signals, shrunk to 1/2."""
    horizon: int
    """Rows ahead."""
    reason: str

    def __post_init__(self) -> None:
        _check_direction(self.direction)
        check_share("strength", self.strength)
        check_share("confidence", self.confidence)
        _check_horizon(self.horizon)


@dataclass(frozen=True, slots=True)
class Abstention:
    """That an engine says nothing, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a source expects of a symbol.

    Raises
    ------
    ParameterError
        A probability that is not from 0 to 1, NaN too; a horizon below 1.
    """

    direction: Direction
    probability: float
    """That the price moves in the direction over the horizon, from 0 to 1."""
    horizon: int
    """Rows ahead."""
    reason: str

    def __post_init__(self) -> None:
        up, rows = self.probability, self.horizon
        # Nearly all are so; the looks below take as long as all else here.
        if self.direction in _SIDES and type(up) is float and 0.0 <= up <= 1.0 and type(rows) is int and rows >= 1:
            return
        _check_direction(self.direction)
        check_share("probability", up)
        _check_horizon(rows)

    @property
    def up(self) -> float:
        """Probability that the price rises."""
        return self.probability if self.direction == "long" else 1.0 - self.probability

    @classmethod
    def of(cls, up: float, horizon: int, reason: str) -> Prediction:
        """Return the prediction of a probability that the price rises."""
        if up >= 0.5:
            return cls(direction="long", probability=up, horizon=horizon, reason=reason)
        return cls(direction="short", probability=1.0 - up, horizon=horizon, reason=reason)


Answer: TypeAlias = Signal | Abstention | Exception
"""What an engine said, or what it raised."""


class Answers(Sequence[Answer]):
    """What an engine says of each symbol of a bar, put into words when it is read.

    Parameters
    ----------
    contexts : sequence of Context
    found : dict of int to Signal, Abstention or Exception
        Answers that are made already, by place.
    leans : dict of int to {"long", "short"}
        Directions of the signals that are not.
    confidence : float
        That of all these.
    make : callable
        Makes a signal that is not made, or the abstention of any other place, of its context, when it is read: also in
        later bars.
    """

    __slots__ = ("_contexts", "_make", "confidence", "found", "leans")

    def __init__(
        self,
        contexts: Sequence[Context],
        found: dict[int, Answer],
        leans: dict[int, Direction],
        confidence: float,
        make: Callable[[Context], Answer],
    ) -> None:
        self._contexts, self._make = tuple(contexts), make
        self.found, self.leans, self.confidence = found, leans, confidence

    @overload
    def __getitem__(self, place: int) -> Answer: ...
    @overload
    def __getitem__(self, place: slice) -> list[Answer]: ...
    def __getitem__(self, place: int | slice) -> Answer | list[Answer]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        answer = self.found.get(at)
        return self._make(self._contexts[at]) if answer is None else answer

    def __len__(self) -> int:
        return len(self._contexts)


class AlphaEngine(Sealed):
    """One way to trade: looks at a context, and gives a signal or says why it abstains."""

    __slots__ = ()

    name: ClassVar[str]

    @abstractmethod
    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: the contexts of all symbols that have a candle in it, before any of them is evaluated."""

    @abstractmethod
    def evaluate(self, context: Context) -> Signal | Abstention:
        """Return what is expected of a symbol of the last bar; the engine changes only by what it notes of it."""

    def evaluate_all(self, contexts: Sequence[Context]) -> Sequence[Answer]:
        """Return `evaluate` of each symbol, and in its place what it raised."""
        answers: list[Answer] = []
        for context in contexts:
            try:
                answers.append(self.evaluate(context))
            # An engine may be anybody's, and one that fails must not take the others with it.
            except Exception as error:
                answers.append(error)
        return answers


class PredictionSource(Sealed):
    """One opinion on where a symbol will be after `horizon` rows."""

    __slots__ = ()

    name: ClassVar[str]
    horizon: int
    abstained: dict[str, str]
    """Why it said nothing, by symbol, in the last bar."""

    @abstractmethod
    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: the contexts of all symbols that have a candle in it, before any of them is predicted."""

    @abstractmethod
    def predict(self, context: Context) -> Prediction | None:
        """Return the prediction for a symbol of the last bar; None where it abstains, and `abstained` says why."""

    def opinions(self) -> Opinions | None:
        """Return what `predict` says of all symbols of the last bar; None where it has to be asked for each."""
        return None


def bar_row(contexts: Sequence[Context], last: int) -> int:
    """Return the row of the contexts of a bar; `last` where there are none.

    Raises
    ------
    OrderError
        Not after the last row.
    DataError
        Of several rows, or a symbol twice.
    """
    if not contexts:
        return last
    row = contexts[0].row
    for context in contexts:
        if context.row != row:
            rows = [each.row for each in contexts]
            raise DataError(f"contexts must be of one row, got rows {min(rows)} and {max(rows)}", "row")
    if row <= last:
        raise OrderError(f"row must be after the last one, {last}, got {row}", "time_order")
    if len({context.symbol for context in contexts}) < len(contexts):
        symbols = [context.symbol for context in contexts]
        twice = next(symbol for symbol in symbols if symbols.count(symbol) > 1)
        raise DataError(f"contexts must be of different symbols, got {twice!r} twice", "symbol")
    return row


def _check_direction(direction: object) -> None:
    if direction not in _SIDES:
        raise ParameterError(f"direction must be one of 'long', 'short', got {direction!r}", "choice")


def check_share(name: str, value: float) -> None:
    """Refuse what is not from 0 to 1.

    Raises
    ------
    ParameterError
    """
    # Nearly all are plain floats; a look at the types takes as long as all else. Written so that NaN is outside too.
    if type(value) is float and 0.0 <= value <= 1.0:
        return
    if isinstance(value, bool) or not isinstance(value, float | int) or not 0.0 <= value <= 1.0:
        raise ParameterError(f"{name} must be from 0 to 1, got {value!r}", name)


def _check_horizon(horizon: int) -> None:
    if type(horizon) is int and horizon >= 1:
        return
    if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
        raise ParameterError(f"horizon must be a whole number of at least 1, got {horizon!r}", "horizon")
