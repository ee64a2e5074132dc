"""The opinions of the alpha engines, made one probability.

Letters: w_e the weight of engine e in the regime of the asset, c_e the confidence of its signal, s_e 1 for long and -1
for short.

    score = sum w_e s_e ln(c_e / (1 - c_e)) / sum w_e,  over the engines that signal
    x     = 1 / (1 + exp(-score)) - 1/2, for `up` cut at twice its usual size
    up    = 1/2 + slope x

The mean of log odds and not the sum: the engines look at the same candles, and five that agree are not five witnesses
(the logarithmic opinion pool: Genest and Zidek 1986, Combining probability distributions, Statistical Science 1). The
slope is what the record of such scores over the horizon of this source supports (see `calibration`): engines have
horizons of their own, and may be too sure of themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import exp, log
from typing import Any, ClassVar, Final, Self

# A saved source finds the classes of its engines by their kind: those of comove must have been loaded.
import comove.signals.engines  # noqa: F401
from comove.errors import ParameterError, StateError
from comove.options import MAX_LIVE_ROWS, positive, whole
from comove.signals.context import Context
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import (
    Abstention,
    AlphaEngine,
    Prediction,
    PredictionSource,
    Reasons,
    Signal,
    Words,
    bar_row,
    in_words,
)
from comove.signals.sources.calibration import Calibration
from comove.signals.sources.followed import USUAL_HORIZON
from comove.structure import MarketRegime

__all__ = ["AlphaOptions", "AlphaSource"]

#: No engine is believed to be wrong less often than this: log odds have no bound.
_LEAST_DOUBT: Final = 0.01
_ALL_ALIKE: Final[Mapping[str, float]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlphaOptions:
    """Horizon and prior of the combined engines.

    Raises
    ------
    ParameterError
        A value out of its bounds.
    """

    horizon: int = USUAL_HORIZON
    """Rows ahead, whatever the engines' own horizons are; at least 1."""
    prior: float = 25.0
    """Outcomes that do not overlap that a slope of 0 is worth; above 0. A Brier score on noise then loses 1 / (16 times
    25) = 0.0025 at the most, however sure the engines are."""

    def __post_init__(self) -> None:
        checked = whole("horizon", self.horizon, least=1, most=MAX_LIVE_ROWS, because="2^24")
        object.__setattr__(self, "horizon", checked)
        object.__setattr__(self, "prior", positive("prior", self.prior))


class _Heard:
    """What the engines say of a symbol."""

    __slots__ = ("said", "score", "silent", "total", "weights")

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = weights
        self.score = self.total = 0.0
        self.said: list[tuple[str, float, Signal]] = []
        self.silent: list[tuple[str, Abstention | str]] = []

    @property
    def opinion(self) -> float | None:
        """x, None where no engine signals."""
        return 1.0 / (1.0 + exp(-self.score / self.total)) - 0.5 if self.said else None


class AlphaSource(PredictionSource):
    """Probability of a rise by the alpha engines together.

    Each engine is asked once a bar for each symbol, in `observe`. One that raises an error is left out, until its next
    bar, and `failures` tells.

    Parameters
    ----------
    engines : sequence of AlphaEngine
        At least one, with different names. They are fed here and nowhere else.
    options : AlphaOptions, optional
    weights : mapping of str to mapping of str to float, optional
        Of each regime, by its value as in ``"risk_off"``, the weights of engines by name; at least 0, and 1 where one
        is not named. An engine of weight 0 is not heard.

    Raises
    ------
    ParameterError
        Not an engine, a name twice, a regime or an engine that there is not, a weight out of its bounds.

    Notes
    -----
    It abstains where no engine signals, where their opinions cancel, and where the slope of its record is not above 0:
    that the engines have been wrong is no reason to believe the opposite.
    """

    __slots__ = (
        "_calibration",
        "_heard",
        "_outcomes",
        "_row",
        "abstained",
        "engines",
        "failures",
        "horizon",
        "options",
        "weights",
    )

    kind = "alpha-source"
    name: ClassVar[str] = "alpha"

    def __init__(
        self,
        engines: Sequence[AlphaEngine],
        options: AlphaOptions | None = None,
        *,
        weights: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        chosen = AlphaOptions() if options is None else options
        if not isinstance(chosen, AlphaOptions):
            raise ParameterError(f"options must be AlphaOptions, got {type(options).__name__}", "type")
        self.engines = _engines(engines)
        self.options, self.horizon = chosen, chosen.horizon
        self.weights = _weights(weights, [engine.name for engine in self.engines])
        self.abstained: Reasons = Reasons()
        self.failures: dict[str, str] = {}
        """What the engines that failed in the last bar raised first, by name."""
        self._row = -1
        self._outcomes = Outcomes(chosen.horizon)
        self._calibration = Calibration(chosen.horizon, chosen.prior)
        # Of each symbol of the bar: the opinion, None where there is none, and who said what.
        self._heard: dict[str, tuple[float | None, Words]] = {}

    @property
    def slope(self) -> float:
        """How much of the engines' opinion comes true, by the record."""
        return self._calibration.slope

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: outcomes first, then what each engine says of each symbol.

        Raises
        ------
        OrderError, DataError
            As `bar_row`, and the source is as it was.
        """
        self._row = bar_row(contexts, self._row)
        self.abstained, self.failures, self._heard = Reasons(), {}, {}
        self._calibration.add([(each.said, each.rose) for each in self._outcomes.settle(contexts)])
        for engine in self.engines:
            try:
                engine.observe(contexts)
            # An engine may be anybody's, and one that fails must not take the others with it.
            except Exception as error:
                self.failures[engine.name] = f"observe raised {_told(error)}"
        awake = [engine for engine in self.engines if engine.name not in self.failures]
        each = [_Heard(self._weights_of(context)) for context in contexts]
        # One engine after the other: in turns for each symbol they take a tenth longer.
        for engine in awake:
            for context, heard in zip(contexts, each, strict=True):
                self._listen(context, heard, engine)
        failed = [(f"{name} failed", why) for name, why in self.failures.items() if why.startswith("observe")]
        for context, heard in zip(contexts, each, strict=True):
            opinion = heard.opinion
            silent = [*failed, *heard.silent] if failed else heard.silent
            self._heard[context.symbol] = opinion, partial(_words, heard.said, silent)
            if opinion:
                self._outcomes.note(context, opinion)

    def _weights_of(self, context: Context) -> Mapping[str, float]:
        return self.weights.get(context.regime.regime.value, _ALL_ALIKE) if self.weights else _ALL_ALIKE

    def predict(self, context: Context) -> Prediction | None:
        """Return the combined opinion of the engines; None where there is none, or the record does not support it."""
        symbol = context.symbol
        opinion, words = self._heard.get(symbol, (None, f"{symbol} was not observed in the last bar"))
        if opinion is None or context.row != self._row:
            self.abstained[symbol] = words if context.row == self._row else f"row {context.row} was not observed last"
            return None
        # What is known of it here, for its type is lost in what is called later.
        score, record, slope = opinion, self._calibration, self._calibration.slope
        counts = record.words
        if score == 0.0:
            self.abstained[symbol] = lambda: f"the engines cancel out: {in_words(words)}"
            return None
        if not record.bars:
            self.abstained[symbol] = lambda: f"no outcome yet of what the engines say: {in_words(words)}"
            return None
        if slope <= 0.0:
            self.abstained[symbol] = lambda: (
                f"the engines have not been right: slope {slope:.2f} in {counts}; {in_words(words)}"
            )
            return None
        # The line may leave the probabilities where the engines have been too modest.
        counted = record.counted(score)
        up = min(max(0.5 + slope * counted, _LEAST_DOUBT), 1.0 - _LEAST_DOUBT)

        def reason() -> str:
            cut = "" if counted == score else f", counted as {0.5 + counted:.1%} for opinions were smaller so far"
            return (
                f"{in_words(words)}; together {0.5 + score:.1%} up{cut}, of which a slope of {slope:.2f} in {counts} "
                f"leaves {up:.1%}"
            )

        return Prediction.of(up, self.horizon, reason)

    def _listen(self, context: Context, heard: _Heard, engine: AlphaEngine) -> None:
        """Take in what an engine says of a symbol."""
        name = engine.name
        try:
            answer = engine.evaluate(context)
        # As in `observe`.
        except Exception as error:
            self.failures.setdefault(name, f"evaluate raised {_told(error)} for {context.symbol}")
            heard.silent.append((f"{name} failed", _told(error)))
            return
        if isinstance(answer, Abstention):
            heard.silent.append((name, answer))
            return
        if not isinstance(answer, Signal):
            wrong = f"evaluate returned {type(answer).__name__}"
            self.failures.setdefault(name, f"{wrong} for {context.symbol}")
            heard.silent.append((f"{name} failed", wrong))
            return
        weight = heard.weights.get(name, 1.0)
        if weight == 0.0:
            heard.silent.append((name, f"not heard in the regime {context.regime.regime.value}"))
            return
        sure = min(max(answer.confidence, _LEAST_DOUBT), 1.0 - _LEAST_DOUBT)
        odds = log(sure / (1.0 - sure))
        heard.score += weight * (odds if answer.direction == "long" else -odds)
        heard.total += weight
        heard.said.append((name, weight, answer))

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options and engines included."""
        return {
            "options": asdict(self.options),
            "weights": self.weights,
            "engines": [[engine.kind, engine.to_bytes()] for engine in self.engines],
            "row": self._row,
            "abstained": self.abstained,
            "failures": self.failures,
            "heard": {symbol: [opinion, in_words(words)] for symbol, (opinion, words) in self._heard.items()},
            "outcomes": self._outcomes.to_state(),
            "calibration": self._calibration.to_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the source of a state; the classes of its engines must have been loaded.

        Raises
        ------
        StateError
            An engine of a kind that there is not, or that several classes have.
        """
        engines = [_class_of(kind).from_bytes(snapshot) for kind, snapshot in state["engines"]]
        source = cls(engines, AlphaOptions(**state["options"]), weights=state["weights"])
        source._row = int(state["row"])
        source.abstained = Reasons({str(symbol): str(reason) for symbol, reason in state["abstained"].items()})
        source.failures = {str(name): str(reason) for name, reason in state["failures"].items()}
        source._heard = {
            str(symbol): (None if opinion is None else float(opinion), str(words))
            for symbol, (opinion, words) in state["heard"].items()
        }
        source._outcomes.read(state["outcomes"])
        source._calibration.read(state["calibration"])
        return source


def _words(said: Sequence[tuple[str, float, Signal]], silent: Sequence[tuple[str, Abstention | str]]) -> str:
    """Return who said what of a symbol, or why nobody did."""
    if said:
        return ", ".join(_opinion(*each) for each in said)
    return "no engine signals: " + "; ".join(_silence(*each) for each in silent)


def _opinion(name: str, weight: float, answer: Signal) -> str:
    times = "" if weight == 1.0 else f" times {weight:g}"
    return f"{name} {answer.direction} {answer.confidence:.1%}{times} ({answer.reason})"


def _silence(name: str, why: Abstention | str) -> str:
    return f"{name}: {why if isinstance(why, str) else why.reason}"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _engines(engines: object) -> tuple[AlphaEngine, ...]:
    if not isinstance(engines, Sequence) or isinstance(engines, str):
        raise ParameterError(f"engines must be a sequence of engines, got {type(engines).__name__}", "type")
    names = set()
    for engine in engines:
        if not isinstance(engine, AlphaEngine):
            raise ParameterError(f"engines must be AlphaEngines, got {type(engine).__name__}", "type")
        if engine.name in names:
            raise ParameterError(f"engines must have different names, got {engine.name!r} twice", "engines")
        names.add(engine.name)
    if not engines:
        raise ParameterError("engines must hold at least 1 engine, got 0", "too_small")
    return tuple(engines)


def _weights(weights: object, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the weights of each regime, checked."""
    if weights is None:
        return {}
    if not isinstance(weights, Mapping):
        raise ParameterError(f"weights must be a mapping of regimes, got {type(weights).__name__}", "type")
    regimes = [regime.value for regime in MarketRegime]
    checked: dict[str, dict[str, float]] = {}
    for regime, each in weights.items():
        if regime not in regimes:
            raise ParameterError(f"weights must be of the regimes {', '.join(regimes)}, got {regime!r}", "choice")
        if not isinstance(each, Mapping):
            raise ParameterError(f"weights of {regime} must be a mapping of engines, got {type(each).__name__}", "type")
        checked[regime] = {}
        for name, weight in each.items():
            if name not in names:
                raise ParameterError(f"weights must be of the engines {', '.join(names)}, got {name!r}", "choice")
            is_zero = isinstance(weight, int | float) and not isinstance(weight, bool) and weight == 0
            checked[regime][name] = 0.0 if is_zero else positive(f"weights of {name} in {regime}", weight)
    return checked


def _class_of(kind: str) -> type[AlphaEngine]:
    """Return the class of engines of a kind."""
    # By name, for a class that is made again, as with slots or when a module is loaded anew, leaves the old one behind.
    named: dict[tuple[str, str], type[AlphaEngine]] = {}
    waiting: list[type[Any]] = [AlphaEngine]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if each.__dict__.get("kind") == kind:
                named[each.__module__, each.__qualname__] = each
    found = list(named.values())
    if len(found) != 1:
        many = "no class" if not found else f"{len(found)} classes"
        raise StateError(f"the snapshot has an engine of the kind {kind!r}, {many} of which is loaded", "state_content")
    return found[0]
