"""What a source says of all symbols of a bar: numbers at once, words when they are read.

Nobody reads most reasons: a year of hours has two million of them. So a source keeps what they are made of, which the
next bar does not change, and puts it into words when somebody asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from comove.signals.context import Context
from comove.signals.protocol import Prediction, PredictionSource

__all__ = ["KeptOpinions", "OpinionSource", "Opinions", "told_error"]


def told_error(error: Exception) -> str:
    """Return kind and text of an error."""
    return f"{type(error).__name__}: {error}"


class Opinions(ABC):
    """Of each symbol of a bar a probability of a rise, and why.

    Attributes
    ----------
    ups : mapping of str to float
        By symbol, in the order of the contexts; NaN where the source abstains. Of others nothing is said.
    """

    __slots__ = ("ups",)

    ups: dict[str, float]

    @abstractmethod
    def words(self, symbol: str) -> str:
        """Return the reason, of what is said or of the silence, of a symbol that is in `ups`."""

    def told(self, symbol: str) -> str:
        """Return `words`, or that they failed: what is said is not undone by them."""
        try:
            return self.words(symbol)
        except Exception as error:
            return f"failed: {told_error(error)}"

    def to_state(self) -> dict[str, list[Any]]:
        """Return all of it as plain values."""
        return {symbol: [up, self.told(symbol)] for symbol, up in self.ups.items()}


class KeptOpinions(Opinions):
    """Opinions in words already: none, or those of a snapshot.

    Parameters
    ----------
    state : mapping
        Of `Opinions.to_state`.
    """

    __slots__ = ("_words",)

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.ups = {str(symbol): float(up) for symbol, (up, _) in state.items()}
        self._words = {str(symbol): str(words) for symbol, (_, words) in state.items()}

    def words(self, symbol: str) -> str:
        """Return the reason that was kept."""
        return self._words[symbol]


class OpinionSource(PredictionSource):
    """A source that makes up its mind about all symbols in `observe`."""

    __slots__ = ("_opinions", "_row", "_strangers", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._row = -1
        self._opinions: Opinions = KeptOpinions({})
        # Why nothing is said of contexts that were asked for and are not of the bar.
        self._strangers: dict[str, str] = {}

    @property
    def abstained(self) -> dict[str, str]:
        """Why it says nothing, by symbol, in the last bar."""
        opinions = self._opinions
        return {symbol: opinions.words(symbol) for symbol, up in opinions.ups.items() if up != up} | self._strangers

    @abstained.setter
    def abstained(self, strangers: dict[str, str]) -> None:
        self._strangers = strangers

    def opinions(self) -> Opinions | None:
        """Return what is said of all symbols of the last bar; None in a class that has a `predict` of its own."""
        return self._opinions if type(self).predict is OpinionSource.predict else None

    def predict(self, context: Context) -> Prediction | None:
        """Return the prediction for a symbol of the last bar; None where it abstains, and `abstained` says why."""
        symbol = context.symbol
        up = self._opinions.ups.get(symbol)
        if up is None or context.row != self._row:
            self._strangers[symbol] = f"{symbol} was not observed in row {context.row}"
            return None
        self._strangers.pop(symbol, None)
        return None if up != up else Prediction.of(up, self.horizon, self._opinions.words(symbol))

    def _opinions_state(self) -> dict[str, Any]:
        """Return row and opinions, which are part of a source's state."""
        return {"row": self._row, "opinions": self._opinions.to_state(), "strangers": self._strangers}

    def _read_opinions(self, state: Mapping[str, Any]) -> None:
        """Take over what `_opinions_state` gave."""
        self._row = int(state["row"])
        self._opinions = KeptOpinions(state["opinions"])
        self._strangers = {str(symbol): str(why) for symbol, why in state["strangers"].items()}
