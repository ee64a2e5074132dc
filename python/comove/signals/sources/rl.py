"""`ReinforcementSource`: a trained agent as a source of predictions, on NumPy alone.

The policy's preference for long is no probability of a rise: it was learnt for gains after costs, from other rows. The
probability that is said is a record: how often the price then moved with the policy, when it said the same as now as
clearly as now, shrunk to 1/2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import inf
from operator import itemgetter
from os import PathLike
from typing import Any, Final, Self, TypeAlias

import numpy as np

from comove.errors import StateError
from comove.options import options_of, positive, whole
from comove.signals.context import Context
from comove.signals.outcomes import Outcomes
from comove.signals.protocol import Prediction, PredictionSource
from comove.signals.record import HitRecord, hit
from comove.signals.rl.policy import ACTIONS, FLAT, LONG, NumpyPolicy, softmax

__all__ = ["ReinforcementOptions", "ReinforcementSource"]

#: Records: of shorts and of longs, narrow and clear ones.
_RECORDS: Final = (("narrow", "short"), ("clear", "short"), ("narrow", "long"), ("clear", "long"))
_Features: TypeAlias = Mapping[str, float | int | None]
_NO_POLICY: Final = "there is no policy: comove train-rl makes one"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinforcementOptions:
    """How a policy's actions become probabilities.

    Raises
    ------
    ParameterError
        An option out of its bounds.
    """

    horizon: int | None = None
    """Rows ahead of what is said, at least 1; by default those that the policy was trained for. Its record is of this
    horizon, whatever that was."""
    prior: float = 50.0
    """Bars at 1/2 that each record begins with, for each row of the horizon: outcomes over h rows overlap, and h of
    them tell as much as one. On noise a record of n bars costs the Brier score n / (n + prior)^2 / 4 in the mean, at
    the most 1 / (16 prior): 0.00125."""
    clear_at: float = 1.0
    """Distance of the preferred action to the second one, in logits, from which it is clear; 1 is odds of 2.7 to 1."""

    def __post_init__(self) -> None:
        if self.horizon is not None:
            object.__setattr__(self, "horizon", whole("horizon", self.horizon, least=1, most=4096, because="2^12"))
        for name in ("prior", "clear_at"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))


class ReinforcementSource(PredictionSource):
    """What a trained policy would do, with the probability that its own record supports.

    It lets the policy trade each symbol without money, from flat: an observation holds the position that was taken
    before. Where a feature is missing, or the candle, the position is flat again, as in training. It abstains there,
    where the policy prefers to be flat, and where there is no policy.

    Parameters
    ----------
    policy : NumpyPolicy or path, optional
        The policy, or the file of one; without it the source abstains.
    options : ReinforcementOptions, optional

    Raises
    ------
    StateError
        A file that is no policy.
    OSError
        A file that cannot be read.

    Notes
    -----
    Records are kept for longs and shorts, narrow and clear ones, over all symbols; the symbols of one bar move together
    and count as one outcome, their mean. All symbols of a bar go through the policy at once.
    """

    __slots__ = ("_outcomes", "_position", "_records", "_row", "_said", "abstained", "horizon", "options", "policy")

    name = "rl"
    kind = "source-rl"

    def __init__(
        self,
        policy: NumpyPolicy | str | PathLike[str] | None = None,
        *,
        options: ReinforcementOptions | None = None,
    ) -> None:
        self.policy = policy if policy is None or isinstance(policy, NumpyPolicy) else NumpyPolicy.load(policy)
        self.options = options_of(options, ReinforcementOptions)
        own = 1 if self.policy is None else self.policy.horizon
        self.horizon = own if self.options.horizon is None else self.options.horizon
        self._row = _reader(() if self.policy is None else self.policy.features)
        self.abstained: dict[str, str] = {}
        self._records = [HitRecord(self.options.prior * self.horizon) for _ in _RECORDS]
        self._outcomes = Outcomes(self.horizon)
        # Position of each symbol that has one; the number of the record and the words of the last bar.
        self._position: dict[str, int] = {}
        self._said: dict[str, tuple[int, str]] = {}

    def observe(self, contexts: Sequence[Context]) -> None:
        """Take in a bar: learn from what came true, then let the policy act on each symbol."""
        self._learn(contexts)
        before, self._position = self._position, {}
        self.abstained, self._said = {}, {}
        policy = self.policy
        if policy is None:
            self.abstained = dict.fromkeys((context.symbol for context in contexts), _NO_POLICY)
            return
        if not contexts:
            return
        rows = np.array([self._row(context.features) for context in contexts], dtype=np.float64)
        finite = np.isfinite(rows)
        known = np.logical_and.reduce(finite, axis=1)
        for at in np.flatnonzero(~known).tolist():
            lacking = [policy.features[place] for place in np.flatnonzero(~finite[at])]
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            self.abstained[contexts[at].symbol] = f"no {', '.join(lacking[:3])}{more}"
        acting = [contexts[at] for at in np.flatnonzero(known).tolist()]
        held = [before.get(context.symbol, 0) for context in acting]
        seen = np.column_stack([policy.standardise(rows[known]), np.array(held, dtype=np.float64)])
        preferences = policy.preferences(seen)
        actions = np.argmax(preferences, axis=1)
        _, second, best = np.sort(preferences, axis=1).T
        records = np.where(actions == LONG, 2, 0) + (best - second >= self.options.clear_at)
        for context, action, record, position, shares in zip(
            acting, actions.tolist(), records.tolist(), held, softmax(preferences).tolist(), strict=True
        ):
            told = f"short {shares[0]:.0%}, flat {shares[1]:.0%}, long {shares[2]:.0%}"
            if action == FLAT:
                self.abstained[context.symbol] = f"the policy prefers to be flat: {told}"
                continue
            self._position[context.symbol] = action - FLAT
            self._said[context.symbol] = record, f"from {ACTIONS[position + FLAT]}: {told}"
            self._outcomes.note(context, record)

    def _learn(self, contexts: Sequence[Context]) -> None:
        hits: list[list[float]] = [[] for _ in _RECORDS]
        for outcome in self._outcomes.settle(contexts):
            hits[outcome.said].append(hit(_RECORDS[outcome.said][1], outcome.moved))
        for record, rights in zip(self._records, hits, strict=True):
            if rights:
                record.add(sum(rights) / len(rights))

    def predict(self, context: Context) -> Prediction | None:
        """Return the prediction for a symbol of the last bar; None where it abstains, and `abstained` says why."""
        said = self._said.get(context.symbol)
        if said is None:
            return None
        number, told = said
        how, direction = _RECORDS[number]
        record = self._records[number]
        right = record.probability
        return Prediction.of(
            right if direction == "long" else 1.0 - right,
            self.horizon,
            f"the policy goes {direction}, {told}; its {how} {direction}s were right in {record.hits:.1f} of {record.n}"
            f" bars, hence {right:.1%}",
        )

    def to_state(self) -> dict[str, Any]:
        """Return policy, options, records, positions and what was said in the last bar."""
        return {
            "policy": None if self.policy is None else self.policy.to_bytes(),
            "options": asdict(self.options),
            "records": [record.to_state() for record in self._records],
            "outcomes": self._outcomes.to_state(),
            "position": self._position,
            "said": self._said,
            "abstained": self.abstained,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the source of a state."""
        held = state["policy"]
        policy = None if held is None else NumpyPolicy.from_bytes(held)
        source = cls(policy, options=ReinforcementOptions(**state["options"]))
        for record, kept in zip(source._records, state["records"], strict=True):
            record.read(kept)
        source._outcomes.read(state["outcomes"])
        source._position = {str(symbol): int(position) for symbol, position in state["position"].items()}
        source._said = {str(symbol): (int(number), str(told)) for symbol, (number, told) in state["said"].items()}
        source.abstained = dict(state["abstained"])
        waiting = [each for _, noted in source._outcomes.to_state() for each in noted.values()]
        numbers = [number for number, _ in source._said.values()] + [number for _, number in waiting]
        if any(type(number) is not int or number not in range(len(_RECORDS)) for number in numbers):
            raise StateError("the snapshot has a record that is none", "state_content")
        if not all(0.0 < close < inf for close, _ in waiting):
            raise StateError("the snapshot has a close that is not above 0", "state_content")
        if not set(source._position.values()) <= {-1, 1}:
            raise StateError(f"the snapshot has the positions {source._position}", "state_content")
        return source


def _reader(names: Sequence[str]) -> Callable[[_Features], Sequence[float | int | None]]:
    """Return what takes these features out of a row of them; None where missing."""
    at_once = itemgetter(*names) if len(names) > 1 else None

    def read(features: _Features) -> Sequence[float | int | None]:
        if at_once is not None:
            # A leader lacks the columns against itself.
            with suppress(KeyError):
                row: tuple[float | int | None, ...] = at_once(features)
                return row
        return [features.get(name) for name in names]

    return read
