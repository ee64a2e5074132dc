"""What engines and sources say, and how they are asked.

Once a bar, `observe` brings the contexts of all symbols that have a candle in it: there outcomes of what was said
before are learnt. Then each symbol is asked for. What is said at t uses rows up to and including t.

Of thousands of reasons a minute few are ever read. So a reason may be given as a call that makes it, which must hold
the figures of its bar and no context: those are written over.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from comove.errors import DataError, OrderError, ParameterError
from comove.state import Sealed

if TYPE_CHECKING:
    from comove.signals.context import Context

__all__ = [
    "Abstention",
    "AlphaEngine",
    "Direction",
    "Prediction",
    "PredictionSource",
    "Reasons",
    "Signal",
    "Words",
    "bar_row",
    "in_words",
]

Direction: TypeAlias = Literal["long", "short"]
Words: TypeAlias = str | Callable[[], str]
"""A reason, or a call that makes it when it is read; the same whenever that is."""

_put = object.__setattr__


def in_words(reason: Words) -> str:
    """Return a reason."""
    return reason if isinstance(reason, str) else reason()


class _Reasoned:
    """Something that was said, and why; it cannot be changed."""

    __slots__ = ("_reason",)

    _reason: Words
    # All that it says, as the arguments it is made of.
    _names: ClassVar[tuple[str, ...]]

    @property
    def reason(self) -> str:
        """Why, in words."""
        reason = self._reason
        if not isinstance(reason, str):
            reason = reason()
            _put(self, "_reason", reason)
        return reason

    def _told(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Reasoned) and self._told() == other._told()

    def __hash__(self) -> int:
        return hash(tuple(self._told().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._told().items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), self._told())


def _made(kind: type[_Reasoned], told: Mapping[str, Any]) -> _Reasoned:
    return kind(**told)


class Signal(_Reasoned):
    """What an alpha engine expects of a symbol.

    Parameters
    ----------
    direction : {"long", "short"}
    strength : float, 0 to 1
        Size of the evidence, in the engine's own measure.
    confidence : float, 0 to 1
        Probability that the direction is right over the horizon, by the engine's own past signals, shrunk to 1/2.
    horizon : int, at least 1
        Rows ahead.
    reason : str, or a call without arguments that returns it

    Raises
    ------
    ParameterError
        A strength or a confidence that is not from 0 to 1, NaN too; a horizon below 1; another direction.
    """

    __slots__ = ("confidence", "direction", "horizon", "strength")

    _names = ("direction", "strength", "confidence", "horizon", "reason")

    direction: Direction
    strength: float
    confidence: float
    horizon: int

    def __init__(
        self, *, direction: Direction, strength: float, confidence: float, horizon: int, reason: Words
    ) -> None:
        _check_direction(direction)
        _check_share("strength", strength)
        _check_share("confidence", confidence)
        _check_horizon(horizon)
        _put(self, "direction", direction)
        _put(self, "strength", strength)
        _put(self, "confidence", confidence)
        _put(self, "horizon", horizon)
        _put(self, "_reason", reason)


class Abstention(_Reasoned):
    """That an engine says nothing, and why.

    Parameters
    ----------
    reason : str, or a call without arguments that returns it
    """

    __slots__ = ()

    _names = ("reason",)

    def __init__(self, reason: Words) -> None:
        _put(self, "_reason", reason)


class Prediction(_Reasoned):
    """What a source expects of a symbol.

    Parameters
    ----------
    direction : {"long", "short"}
    probability : float, 0 to 1
        That the price moves in the direction over the horizon.
    horizon : int, at least 1
        Rows ahead.
    reason : str, or a call without arguments that returns it

    Raises
    ------
    ParameterError
        A probability that is not from 0 to 1, NaN too; a horizon below 1; another direction.
    """

    __slots__ = ("direction", "horizon", "probability")

    _names = ("direction", "probability", "horizon", "reason")

    direction: Direction
    probability: float
    horizon: int

    def __init__(self, *, direction: Direction, probability: float, horizon: int, reason: Words) -> None:
        _check_direction(direction)
        _check_share("probability", probability)
        _check_horizon(horizon)
        _put(self, "direction", direction)
        _put(self, "probability", probability)
        _put(self, "horizon", horizon)
        _put(self, "_reason", reason)

    @property
    def up(self) -> float:
        """Probability that the price rises."""
        return self.probability if self.direction == "long" else 1.0 - self.probability

    @classmethod
    def of(cls, up: float, horizon: int, reason: Words) -> Prediction:
        """Return the prediction of a probability that the price rises."""
        if up >= 0.5:
            return cls(direction="long", probability=up, horizon=horizon, reason=reason)
        return cls(direction="short", probability=1.0 - up, horizon=horizon, reason=reason)


class Reasons(Mapping[str, str]):
    """Why nothing was said, by symbol; each is made when it is read.

    Parameters
    ----------
    told : mapping of str to str, or to a call without arguments that returns it
    """

    __slots__ = ("_told",)

    def __init__(self, told: Mapping[str, Words] | None = None) -> None:
        self._told: dict[str, Words] = {} if told is None else dict(told)

    def __setitem__(self, symbol: str, reason: Words) -> None:
        self._told[symbol] = reason

    def __getitem__(self, symbol: str) -> str:
        reason = self._told[symbol]
        if not isinstance(reason, str):
            reason = self._told[symbol] = reason()
        return reason

    def __contains__(self, symbol: object) -> bool:
        # What a Mapping does of itself would make the reason.
        return symbol in self._told

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Reasons, (dict(self),)


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


class PredictionSource(Sealed):
    """One opinion on where a symbol will be after `horizon` rows."""

    __slots__ = ()

    name: ClassVar[str]
    horizon: int
    abstained: Mapping[str, str]
    """Why it said nothing, by symbol, in the last bar. Where these are `Reasons`, each bar has its own."""

    @abstractmethod
    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: the contexts of all symbols that have a candle in it, before any of them is predicted."""

    @abstractmethod
    def predict(self, context: Context) -> Prediction | None:
        """Return the prediction for a symbol of the last bar; None where it abstains, and `abstained` says why."""


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
    rows = {context.row for context in contexts}
    row = max(rows)
    if len(rows) > 1:
        raise DataError(f"contexts must be of one row, got rows {min(rows)} and {row}", "row")
    if row <= last:
        raise OrderError(f"row must be after the last one, {last}, got {row}", "time_order")
    if len({context.symbol for context in contexts}) < len(contexts):
        symbols = [context.symbol for context in contexts]
        twice = next(symbol for symbol in symbols if symbols.count(symbol) > 1)
        raise DataError(f"contexts must be of different symbols, got {twice!r} twice", "symbol")
    return row


def _check_direction(direction: object) -> None:
    if direction not in ("long", "short"):
        raise ParameterError(f"direction must be one of 'long', 'short', got {direction!r}", "choice")


def _check_share(name: str, value: float) -> None:
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
