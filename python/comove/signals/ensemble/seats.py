"""A source's seat in the ensemble: asks it, catches what it raises, and keeps its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from comove.signals.context import Context
from comove.signals.ensemble.prediction import Silence
from comove.signals.protocol import Prediction, PredictionSource, check_share

__all__ = ["Seat", "SourceStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source fares."""

    name: str
    on: bool
    """False where it failed too often and was not revived."""
    awake_share: float | None
    """Of the times it was asked, those in which it said something; None before the first."""
    rounds: int
    """Outcomes of what it said."""
    loss: float
    """Sum of (p - y)^2 over these rounds, y being 1 for a rise, 0 for a fall and 1/2 for neither."""
    mixture_loss: float
    """That of the mixture, stage 1, over the same rounds."""
    copies: int
    """Copies of the mixture in which it was awake: one for each symbol and row modulo the horizon."""
    bound: float
    """The most that `mixture_loss` - `loss` can be."""
    failures: int
    """Bars in which it raised."""
    failures_in_row: int
    """Those in a row; a bar without one ends them, once the next bar begins."""
    failure: str | None
    """The last one; None where there was none."""


class Seat:
    """A source, and what the ensemble knows of it.

    Attributes
    ----------
    source : PredictionSource or None
        None once it was removed; the seat stays until its last prediction has its outcome.
    left : int
        Row after which it was removed; -1 while it is there.
    waiting : bool
        It came after the last bar was observed.
    failed : str or None
        Why it fails in this bar.
    """

    __slots__ = (
        "asked", "awake", "failed", "failure", "failures", "in_row", "left", "loss", "mixture_loss", "name", "off",
        "rounds", "source", "waiting",
    )  # fmt: skip

    def __init__(self, name: str, source: PredictionSource | None, waiting: bool = False) -> None:
        self.name, self.source, self.waiting = name, source, waiting
        self.left = -1
        self.off = False
        self.failed: str | None = None
        self.failure: str | None = None
        self.failures = self.in_row = self.asked = self.awake = self.rounds = 0
        self.loss = self.mixture_loss = 0.0

    def observe(self, contexts: Sequence[Context], max_failures: int) -> None:
        """Bring the source a bar."""
        self.waiting = False
        if self.failed is None and not self.off:
            self.in_row = 0
        self.failed = None
        if self.source is None or self.off:
            return
        try:
            self.source.observe(contexts)
        except Exception as error:
            self._fail(error, max_failures)

    def ask(
        self, contexts: Sequence[Context], asleep: Sequence[dict[str, Silence]], horizon: int, max_failures: int
    ) -> list[float]:
        """Return the probability of a rise of each symbol, NaN where the source sleeps; `asleep` is told why."""
        source, name = self.source, self.name
        told = [nan] * len(contexts)
        at = 0
        if source is not None and not self.off and not self.waiting and self.failed is None:
            predict = source.predict
            try:
                opinions = source.opinions()
                if opinions is not None:
                    ups, other = opinions.ups, None if source.horizon == horizon else _looks(source.horizon, horizon)
                    for at, context in enumerate(contexts):
                        symbol = context.symbol
                        up = ups.get(symbol)
                        if up is None:
                            asleep[at][name] = f"{symbol} was not observed in row {context.row}"
                        elif up != up:
                            # In words when they are read.
                            asleep[at][name] = opinions, symbol
                        elif other is not None:
                            asleep[at][name] = other
                        else:
                            check_share("probability", up)
                            # As `Prediction.up` of a fall, to the last bit.
                            told[at] = up if up >= 0.5 else 1.0 - (1.0 - up)
                    return told
                for at, context in enumerate(contexts):
                    said = predict(context)
                    if said is None:
                        asleep[at][name] = str(source.abstained.get(context.symbol, "gives no reason"))
                    elif not isinstance(said, Prediction):
                        raise TypeError(f"{type(said).__name__} is no prediction")
                    elif said.horizon != horizon:
                        asleep[at][name] = _looks(said.horizon, horizon)
                    else:
                        # As `said.up`, in half of the time.
                        told[at] = said.probability if said.direction == "long" else 1.0 - said.probability
                return told
            except Exception as error:
                self._fail(error, max_failures)
        why = self._why()
        for each in asleep[at:]:
            each[name] = why
        return told

    def _why(self) -> str:
        """Why it is not asked."""
        if self.off:
            return f"off after {self.in_row} failures in a row until it is revived, the last: {self.failure}"
        return f"failed: {self.failed}" if self.failed is not None else "came after this bar was observed"

    def _fail(self, error: Exception, max_failures: int) -> None:
        """Note that it raised in this bar, and turn it off where that was once too often."""
        text = " ".join(str(error).split())
        self.failed = self.failure = f"{type(error).__name__}: {text}" if text else type(error).__name__
        self.failures += 1
        self.in_row += 1
        self.off = self.in_row >= max_failures

    def revive(self) -> None:
        """Turn it on again."""
        self.off, self.in_row, self.failed = False, 0, None

    def to_state(self) -> dict[str, Any]:
        """Return the record and the source's own snapshot."""
        state = {name: getattr(self, name) for name in self.__slots__ if name != "source"}
        state["source"] = None if self.source is None else self.source.to_bytes()
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any], source: PredictionSource | None) -> Seat:
        """Return the seat of a state, with the source that was made of its snapshot."""
        seat = cls(state["name"], source)
        for name in cls.__slots__:
            if name not in ("name", "source"):
                setattr(seat, name, state[name])
        return seat


def _looks(horizon: int, wanted: int) -> str:
    return f"looks {horizon} rows ahead, the ensemble {wanted}"
