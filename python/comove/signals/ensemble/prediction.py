"""What the ensemble says of a symbol, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeAlias

import numpy as np

from comove.errors import StateError
from comove.options import Floats
from comove.signals.opinions import Opinions
from comove.signals.protocol import Direction
from comove.structure import MarketRegime
from comove.structure.snapshots import Fixed

__all__ = ["CALIBRATION_TERM", "REGIME_TERM", "EnsemblePrediction", "Said", "Silence", "in_words", "joined"]

REGIME_TERM: Final = "stage:regime"
CALIBRATION_TERM: Final = "stage:calibration"

Silence: TypeAlias = str | tuple[Opinions, str]
"""Why a source sleeps: the words, or the opinions that have them and the symbol."""


def in_words(asleep: Mapping[str, Silence]) -> dict[str, str]:
    """Return why each source sleeps, in words."""
    return {name: why if isinstance(why, str) else why[0].told(why[1]) for name, why in asleep.items()}


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of some symbols of a bar: one column a symbol, one row a source."""

    row: int
    horizon: int
    symbols: tuple[str, ...]
    sources: tuple[str, ...]
    mixture: list[float]
    adjusted: list[float]
    final: list[float]
    agreement: list[float]
    said: Floats
    weights: Floats
    parts: Floats
    regimes: list[MarketRegime] | None
    """None where stage 2 is off."""
    calibrated: bool
    asleep: list[dict[str, Silence]]
    columns: tuple[list[list[float]], list[list[float]], list[list[float]]] = field(init=False, repr=False)
    """`said`, `weights` and `parts`, a list a symbol: read one by one, an array takes five times as long."""

    def __post_init__(self) -> None:
        columns = tuple([array.T.tolist() for array in (self.said, self.weights, self.parts)])
        object.__setattr__(self, "columns", columns)

    def predictions(self) -> dict[str, EnsemblePrediction | None]:
        """Return what was said of each symbol, None where all sources sleep."""
        return {
            symbol: EnsemblePrediction(symbol, self, at) if up == up else None
            for at, (symbol, up) in enumerate(zip(self.symbols, self.final, strict=True))
        }

    def to_state(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        state = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        regimes = None if self.regimes is None else [regime.value for regime in self.regimes]
        return {**state, "regimes": regimes, "asleep": [in_words(each) for each in self.asleep]}

    def __reduce__(self) -> tuple[Any, ...]:
        return Said.from_state, (self.to_state(),)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Said:
        """Return what was said, of a state.

        Raises
        ------
        StateError
            Columns of different lengths.
        """
        regimes = None if state["regimes"] is None else [MarketRegime(value) for value in state["regimes"]]
        names = {name: tuple(map(str, state[name])) for name in ("symbols", "sources")}
        said = cls(**{**state, **names, "regimes": regimes})
        columns = (
            said.mixture,
            said.adjusted,
            said.final,
            said.agreement,
            said.asleep,
            said.symbols if regimes is None else regimes,
        )
        shape = len(said.sources), len(said.symbols)
        if {len(each) for each in columns} != {shape[1]} or {
            each.shape for each in (said.said, said.weights, said.parts)
        } != {shape}:
            raise StateError("what the snapshot says of the last bar has different lengths", "state_content")
        return said


def joined(bars: Sequence[Said], place: Mapping[str, int]) -> list[Said]:
    """Return what was said in a bar as if all symbols had been asked for at once, in their order.

    Several only where sources came or left in between.
    """
    groups: dict[tuple[str, ...], list[tuple[int, Said, int]]] = {}
    for bar in bars:
        group = groups.setdefault(bar.sources, [])
        group.extend((place[symbol], bar, at) for at, symbol in enumerate(bar.symbols))
    found = []
    for group in groups.values():
        columns = [(bar, at) for _, bar, at in sorted(group, key=lambda each: each[0])]
        first = columns[0][0]
        changed: dict[str, Any] = {
            name: [getattr(bar, name)[at] for bar, at in columns]
            for name in ("symbols", "mixture", "adjusted", "final", "agreement", "asleep")
        }
        for name in ("said", "weights", "parts"):
            changed[name] = np.stack([getattr(bar, name)[:, at] for bar, at in columns], axis=1)
        if first.regimes is not None:
            changed["regimes"] = [bar.regimes[at] for bar, at in columns if bar.regimes is not None]
        found.append(replace(first, **{**changed, "symbols": tuple(changed["symbols"])}))
    return found


class EnsemblePrediction:
    """Where a symbol will be after `horizon` rows, by all sources that are awake.

    It cannot be changed. All it tells is made when it is read, of what it keeps of its bar: some 200 kB of 47 symbols,
    which all predictions of a bar share. Who keeps those of many bars had better keep `to_dict`.
    """

    __slots__ = ("_at", "_bar", "_symbol")

    def __init__(self, symbol: str, bar: Said, at: int) -> None:
        self._symbol, self._bar, self._at = symbol, bar, at

    @property
    def symbol(self) -> str:
        """The symbol."""
        return self._symbol

    @property
    def row(self) -> int:
        """Number of the bar in which it was said."""
        return self._bar.row

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self._bar.horizon

    @property
    def direction(self) -> Direction:
        """The likelier one; long where both are as likely."""
        return "long" if self._bar.final[self._at] >= 0.5 else "short"

    @property
    def probability(self) -> float:
        """Probability of the direction, after all stages."""
        up = self._bar.final[self._at]
        return up if up >= 0.5 else 1.0 - up

    @property
    def up(self) -> float:
        """Probability that the price rises, after all stages."""
        return self._bar.final[self._at]

    @property
    def mixture_up(self) -> float:
        """The same after stage 1, the mixture."""
        return self._bar.mixture[self._at]

    @property
    def regime_up(self) -> float | None:
        """After stage 2, the specialists of the regimes; None where the stage is off."""
        return None if self._bar.regimes is None else self._bar.adjusted[self._at]

    @property
    def calibrated_up(self) -> float | None:
        """After stage 3, the calibration; None where the stage is off."""
        return self.up if self._bar.calibrated else None

    @property
    def regime(self) -> str | None:
        """The symbol's regime; None where stage 2 is off."""
        return None if self._bar.regimes is None else self._bar.regimes[self._at].value

    @property
    def agreement(self) -> float:
        """Weight of the sources that say the same direction, of those awake; one that says 1/2 says neither."""
        return self._bar.agreement[self._at]

    @property
    def said(self) -> Mapping[str, float]:
        """Probability that the price rises, by each source awake."""
        return Fixed(self._awake(0))

    @property
    def weights(self) -> Mapping[str, float]:
        """Weight of each source awake, stages 1 and 2 together; adds up to 1."""
        return Fixed(self._awake(1))

    @property
    def attribution(self) -> Mapping[str, float]:
        """What each source awake, and each stage that is on (``stage:regime``, ``stage:calibration``), adds.

        It adds up to `up` - 1/2 within 1e-12. A source's part has the sign of what it said less 1/2.
        """
        bar, at = self._bar, self._at
        found = self._awake(2)
        if bar.regimes is not None:
            found[REGIME_TERM] = bar.adjusted[at] - bar.mixture[at]
        if bar.calibrated:
            found[CALIBRATION_TERM] = bar.final[at] - bar.adjusted[at]
        return Fixed(found)

    @property
    def asleep(self) -> Mapping[str, str]:
        """Why each of the others said nothing."""
        return Fixed(in_words(self._bar.asleep[self._at]))

    @property
    def reason(self) -> str:
        """All of it in words."""
        said, weights, parts = self.said, self.weights, self.attribution
        n = len(said)
        told = [
            f"{self.direction} {self.probability:.3f} over {self.horizon} rows",
            f"{n} of {n + len(self.asleep)} sources awake, {self.agreement:.0%} of their weight agrees",
        ]
        for name in sorted(said, key=lambda each: -abs(parts[each])):
            told.append(
                f"{name} says up {said[name]:.3f} and adds {parts[name]:+.3f} with a weight of {weights[name]:.0%}"
            )
        if REGIME_TERM in parts:
            told.append(f"regime {self.regime} adds {parts[REGIME_TERM]:+.3f}")
        if CALIBRATION_TERM in parts:
            told.append(f"calibration adds {parts[CALIBRATION_TERM]:+.3f}")
        told.extend(f"{name} sleeps: {reason}" for name, reason in self.asleep.items())
        return "; ".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it but the words, by name."""
        told: dict[str, Any] = {name: getattr(self, name) for name in _NAMES}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in told.items()}

    def _awake(self, which: int) -> dict[str, float]:
        """Return one of `columns` by source, of those awake."""
        bar, at = self._bar, self._at
        told = bar.columns[0][at]
        values = bar.columns[which][at]
        return {name: value for name, said, value in zip(bar.sources, told, values, strict=True) if said == said}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnsemblePrediction) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.symbol, self.row, self.up))

    def __repr__(self) -> str:
        return f"EnsemblePrediction({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return EnsemblePrediction, (self._symbol, self._bar, self._at)


_NAMES: Final = (
    "symbol", "row", "horizon", "direction", "up", "mixture_up", "regime_up", "calibrated_up", "regime", "agreement",
    "said", "weights", "attribution", "asleep",
)  # fmt: skip
