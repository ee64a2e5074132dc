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
from typing import Any, ClassVar, Self

# A saved source finds the classes of its engines by their kind: those of comove must have been loaded.
import comove.signals.engines  # noqa: F401
from comove.errors import DataError, ParameterError, StateError
from comove.options import MAX_LIVE_ROWS, options_of, positive, whole
from comove.signals.context import Context
from comove.signals.opinions import KeptOpinions, OpinionSource, told_error
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import AlphaEngine, bar_row
from comove.signals.sources.calibration import Calibration
from comove.signals.sources.followed import USUAL_HORIZON
from comove.signals.sources.heard import Heard
from comove.structure import MarketRegime

__all__ = ["AlphaOptions", "AlphaSource"]


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


class AlphaSource(OpinionSource):
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

    __slots__ = ("_calibration", "_outcomes", "engines", "failures", "options", "weights")

    kind = "alpha-source"
    name: ClassVar[str] = "alpha"

    def __init__(
        self,
        engines: Sequence[AlphaEngine],
        options: AlphaOptions | None = None,
        *,
        weights: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        chosen = options_of(options, AlphaOptions)
        super().__init__(chosen.horizon)
        self.engines = _engines(engines)
        self.options = chosen
        self.weights = _weights(weights, [engine.name for engine in self.engines])
        self.failures: dict[str, str] = {}
        """What the engines that failed in the last bar raised first, by name."""
        self._outcomes = Outcomes(chosen.horizon)
        self._calibration = Calibration(chosen.horizon, chosen.prior)

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
        self.abstained, self.failures, self._opinions = {}, {}, KeptOpinions({})
        self._calibration.add([(each.said, each.rose) for each in self._outcomes.settle(contexts)])
        asked: dict[str, Sequence[object]] = {}
        for engine in self.engines:
            doing = "observe"
            try:
                engine.observe(contexts)
                doing = "evaluate_all"
                answers = engine.evaluate_all(contexts)
                if len(answers) != len(contexts):
                    raise DataError(f"{len(answers)} answers to {len(contexts)} contexts", "length")
                asked[engine.name] = answers
            # An engine may be anybody's, and one that fails must not take the others with it.
            except Exception as error:
                self.failures[engine.name] = f"{doing} raised {told_error(error)}"
        heard = Heard(contexts, asked, self.weights, self._calibration)
        heard.failed.update(self.failures)
        for name, told in heard.broken.items():
            self.failures.setdefault(name, told)
        for context, opinion in zip(contexts, heard.opinions, strict=True):
            if opinion:
                self._outcomes.note(context, opinion)
        self._opinions = heard

    def to_state(self) -> dict[str, Any]:
        """Return all that is kept, options and engines included."""
        return {
            "options": asdict(self.options),
            "weights": self.weights,
            "engines": [[engine.kind, engine.to_bytes()] for engine in self.engines],
            **self._opinions_state(),
            "failures": self.failures,
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
        source.failures = {str(name): str(reason) for name, reason in state["failures"].items()}
        source._read_opinions(state)
        source._outcomes.read(state["outcomes"])
        source._calibration.read(state["calibration"])
        return source


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
