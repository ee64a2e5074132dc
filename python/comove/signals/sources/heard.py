"""What the alpha engines say of the symbols of a bar, heard together: see `comove.signals.sources.alpha`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log, nan
from typing import Final, TypeAlias

from comove.signals.context import Context
from comove.signals.opinions import Opinions, told_error
from comove.signals.protocol import Abstention, Answers, Direction, Signal
from comove.signals.sources.calibration import Calibration

__all__ = ["Heard"]

#: No engine is believed to be wrong less often than this: log odds have no bound.
_LEAST_DOUBT: Final = 0.01

#: Name and weight of an engine, direction and confidence of its signal.
_Said: TypeAlias = tuple[str, float, Direction, float]


class Heard(Opinions):
    """The opinions of all engines on each symbol of a bar.

    Parameters
    ----------
    contexts : sequence of Context
    asked : mapping of str to sequence
        By name of the engine, what it answered of each context.
    weights : mapping of str to mapping of str to float
        Of each regime, by its value, the weights of engines.
    record : Calibration
        Of such opinions.

    Attributes
    ----------
    opinions : list of float or None
        Of each context, from -1/2 to 1/2; None where no engine signals.
    broken : dict of str to str
        Of each engine that gave an answer that is none, the first one.
    failed : dict of str to str
        Engines that could not be asked, and why.
    """

    __slots__ = (
        "_asked", "_bars", "_counts", "_most", "_places", "_signals", "_slope", "_unheard", "broken", "failed",
        "opinions",
    )  # fmt: skip

    def __init__(
        self,
        contexts: Sequence[Context],
        asked: Mapping[str, Sequence[object]],
        weights: Mapping[str, Mapping[str, float]],
        record: Calibration,
    ) -> None:
        # An engine of somebody's may use its list once more.
        self._asked = {name: each if isinstance(each, Answers) else list(each) for name, each in asked.items()}
        self._slope, self._most, self._bars, self._counts = record.slope, record.most, record.bars, record.words
        self._places = {context.symbol: at for at, context in enumerate(contexts)}
        self.broken: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        # Of each place: what is said by the engines that are heard, and regimes in which others are not.
        self._signals: dict[int, list[_Said]] = {}
        self._unheard: dict[int, dict[str, str]] = {}
        for name, answers in self._asked.items():
            if isinstance(answers, Answers):
                for at, direction in answers.leans.items():
                    self._hear(name, at, direction, answers.confidence, contexts[at], weights)
            for at, answer in answers.found.items() if isinstance(answers, Answers) else enumerate(answers):
                # Most abstain; a look at the class takes a third of the time.
                if type(answer) is Abstention:
                    continue
                if isinstance(answer, Signal):
                    self._hear(name, at, answer.direction, answer.confidence, contexts[at], weights)
                elif not isinstance(answer, Abstention) and name not in self.broken:
                    told = f"evaluate raised {told_error(answer)}" if isinstance(answer, Exception) else _wrong(answer)
                    self.broken[name] = f"{told} for {contexts[at].symbol}"
        self.opinions: list[float | None] = [None] * len(contexts)
        for at, signals in self._signals.items():
            self.opinions[at] = _together(signals)
        self.ups = {context.symbol: self._up(opinion) for context, opinion in zip(contexts, self.opinions, strict=True)}

    def _hear(
        self,
        name: str,
        at: int,
        direction: Direction,
        confidence: float,
        context: Context,
        weights: Mapping[str, Mapping[str, float]],
    ) -> None:
        weight = 1.0
        if weights:
            regime = context.label.regime.value
            weight = weights.get(regime, {}).get(name, 1.0)
            if weight == 0.0:
                self._unheard.setdefault(at, {})[name] = regime
                return
        self._signals.setdefault(at, []).append((name, weight, direction, confidence))

    def _up(self, opinion: float | None) -> float:
        """Return the probability of a rise; NaN without an opinion, or where the record does not support it."""
        if not opinion or not self._bars or self._slope <= 0.0:
            return nan
        # The line may leave the probabilities where the engines have been too modest.
        return min(max(0.5 + self._slope * self._counted(opinion), _LEAST_DOUBT), 1.0 - _LEAST_DOUBT)

    def _counted(self, opinion: float) -> float:
        return min(max(opinion, -self._most), self._most)

    def words(self, symbol: str) -> str:
        """Return who says what of a symbol, and what the record leaves of it."""
        at = self._places[symbol]
        opinion, slope = self.opinions[at], self._slope
        if opinion is None:
            return self._silence(at)
        heard = ", ".join(self._heard(at, *each) for each in self._signals[at])
        if opinion == 0.0:
            return f"the engines cancel out: {heard}"
        if not self._bars:
            return f"no outcome yet of what the engines say: {heard}"
        if slope <= 0.0:
            return f"the engines have not been right: slope {slope:.2f} in {self._counts}; {heard}"
        counted = self._counted(opinion)
        cut = "" if counted == opinion else f", counted as {0.5 + counted:.1%} for opinions were smaller so far"
        return (
            f"{heard}; together {0.5 + opinion:.1%} up{cut}, of which a slope of {slope:.2f} in {self._counts} leaves "
            f"{self.ups[symbol]:.1%}"
        )

    def _heard(self, at: int, name: str, weight: float, direction: Direction, confidence: float) -> str:
        answer = self._asked[name][at]
        reason = answer.reason if isinstance(answer, Signal) else _wrong(answer)
        times = "" if weight == 1.0 else f" times {weight:g}"
        return f"{name} {direction} {confidence:.1%}{times} ({reason})"

    def _silence(self, at: int) -> str:
        """Return why no engine signals."""
        silent = [f"{name} failed: {why}" for name, why in self.failed.items()]
        for name, answers in self._asked.items():
            answer = answers[at]
            if isinstance(answer, Abstention):
                silent.append(f"{name}: {answer.reason}")
            elif isinstance(answer, Signal) and name in self._unheard.get(at, ()):
                silent.append(f"{name}: not heard in the regime {self._unheard[at][name]}")
            else:
                silent.append(f"{name} failed: {_wrong(answer)}")
        return "no engine signals: " + "; ".join(silent)


def _together(signals: Sequence[_Said]) -> float:
    """Return the mean of the log odds of signals as an opinion."""
    total = score = 0.0
    for _, weight, direction, confidence in signals:
        sure = min(max(confidence, _LEAST_DOUBT), 1.0 - _LEAST_DOUBT)
        odds = log(sure / (1.0 - sure))
        score += weight * (odds if direction == "long" else -odds)
        total += weight
    return 1.0 / (1.0 + exp(-score / total)) - 0.5


def _wrong(answer: object) -> str:
    """Return what is wrong with an answer that is none."""
    return told_error(answer) if isinstance(answer, Exception) else f"evaluate returned {type(answer).__name__}"
