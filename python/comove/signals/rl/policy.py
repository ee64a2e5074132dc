"""`NumpyPolicy`: what a trained agent does, without what it was trained with.

With x an observation, W and b the weights of a layer and s(z) = z / (1 + |z|) (softsign; Glorot and Bengio 2010,
"Understanding the difficulty of training deep feedforward neural networks"), the preferences are
``W3 s(W2 s(W1 x + b1) + b2) + b3``; the action is the one most preferred, and its probability is their softmax.
Softsign and not tanh, for it needs no function whose last bit differs between processors; products are those of
`comove.signals.rl.exact`. So an action is the same on any machine and in any company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from comove.errors import DataError, ParameterError
from comove.features import FeatureRecipe, FeatureStream
from comove.features.plan import checked_columns
from comove.options import MAX_LIVE_ROWS, Floats, positive, whole
from comove.signals.rl.exact import ExactProduct
from comove.state import Sealed

__all__ = ["ACTIONS", "FLAT", "LONG", "SHORT", "NumpyPolicy", "softmax"]

#: Actions by number; the position of an action is its number less 1.
ACTIONS: Final = ("short", "flat", "long")
SHORT: Final = 0
FLAT: Final = 1
LONG: Final = 2

#: Bound of all numbers of a policy: no product or sum of them leaves float64.
_LARGEST: Final = 1e100
#: Columns against the first leader that do not name it.
_OF_FIRST_LEADER: Final = ("leader_bias", "rs_score")

Layer: TypeAlias = tuple[Floats, Floats]


class NumpyPolicy(Sealed):
    """The policy of a trained agent, with the normalisation of its features and a note of where it comes from.

    An observation is a row of features, standardised and clipped, and then the position held: -1, 0 or 1.

    Parameters
    ----------
    features : sequence of str
        Columns of a `FeatureRecipe`, in the order of the observation.
    mean, std : float64, shape (features,)
        Of the training rows; `std` above 0.
    clip : float, above 0
        Bound of a standardised feature.
    layers : sequence of (weights, bias)
        Weights of shape (outputs, inputs), bias of shape (outputs,). The first takes an observation, the last gives
        three preferences: short, flat, long.
    horizon : int, at least 1
        Rows over which predictions made of it are judged.
    note : mapping, optional
        Plain values: seed, options, versions, rows, result of the validation; ``recipe`` holds the recipe's options.

    Raises
    ------
    ParameterError
        Features that are none, a clip or a horizon out of bounds.
    DataError
        Arrays whose shapes do not fit, values that are not finite or beyond 1e100.
    """

    __slots__ = ("_products", "clip", "features", "horizon", "layers", "mean", "note", "std")

    kind = "rl-policy"

    def __init__(
        self,
        features: Sequence[str],
        mean: npt.ArrayLike,
        std: npt.ArrayLike,
        *,
        clip: float,
        layers: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
        horizon: int = 1,
        note: Mapping[str, Any] | None = None,
    ) -> None:
        self.features = checked_columns(features)
        shape = (len(self.features),)
        self.mean = _array("mean", mean, shape)
        self.std = _array("std", std, shape)
        if not (self.std > 0.0).all():
            raise DataError(f"std must be above 0, got {self.std.min()}", "not_positive")
        self.clip = positive("clip", clip)
        if self.clip > _LARGEST:
            raise ParameterError(f"clip must be at most {_LARGEST:g}, got {self.clip:g}", "too_large")
        self.horizon = whole("horizon", horizon, least=1, most=MAX_LIVE_ROWS, because="2^24")
        self.layers: tuple[Layer, ...] = _checked_layers(layers, len(self.features) + 1)
        # Softsign leaves numbers within 1.
        bounds = [max(self.clip, 1.0), *(1.0 for _ in self.layers[1:])]
        self._products = [ExactProduct(weights, bound) for (weights, _), bound in zip(self.layers, bounds, strict=True)]
        self.note = {} if note is None else dict(note)

    @property
    def recipe(self) -> FeatureRecipe:
        """The recipe of its features.

        Raises
        ------
        DataError
            The note has none.
        """
        held = self.note.get("recipe")
        if not isinstance(held, Mapping):
            raise DataError("the policy's note has no recipe", "recipe")
        try:
            return FeatureRecipe(**{**held, "columns": self.features})
        except (ParameterError, TypeError) as error:
            raise DataError(f"the recipe in the policy's note cannot be one: {error}", "recipe") from error

    def check_recipe(self, recipe: FeatureRecipe, leaders: Sequence[str] | None = None) -> None:
        """Refuse a market whose features mean something else than those of training.

        Parameters
        ----------
        recipe : FeatureRecipe
            The market's.
        leaders : sequence of str, optional
            The market's; without them the columns against leaders are not looked at.

        Raises
        ------
        ParameterError
            A recipe that differs in anything but its columns, or that lacks one of the policy's; leaders that do not
            give all of these, or give some against another leader than in training.
        DataError
            The note has no recipe, or no leaders where they are needed.
        """
        own, other = asdict(self.recipe), asdict(recipe)
        for name, value in own.items():
            if name != "columns" and other[name] != value:
                raise ParameterError(
                    f"the policy was trained with {name}={value!r}, the market has {other[name]!r}", "recipe"
                )
        lacking = [] if recipe.columns is None else [name for name in self.features if name not in recipe.columns]
        if lacking:
            raise ParameterError(f"the market's recipe lacks the policy's columns {', '.join(lacking)}", "recipe")
        if leaders is not None:
            self._check_leaders(recipe, leaders)

    def _check_leaders(self, recipe: FeatureRecipe, leaders: Sequence[str]) -> None:
        try:
            found = FeatureStream(replace(recipe, columns=self.features), leaders=leaders).leaders
        except ParameterError as error:
            told = ", ".join(leaders) or "none"
            raise ParameterError(
                f"the market with the leaders {told} does not give what the policy sees: {error}", "leaders"
            ) from error
        shared = [name for name in self.features if name in _OF_FIRST_LEADER]
        if not shared:
            return
        held = self.note.get("leaders")
        if not isinstance(held, Sequence) or isinstance(held, str):
            raise DataError(f"the policy's note has no leaders, and it sees {', '.join(shared)}", "leaders")
        own = FeatureStream(recipe, leaders=held).leaders
        if own[:1] != found[:1]:
            first, other = (names[0] if names else "none" for names in (own, found))
            raise ParameterError(
                f"the policy was trained with {', '.join(shared)} against {first}, the market has {other}", "leaders"
            )

    def standardise(self, rows: Floats) -> Floats:
        """Return rows of features, shape (n, features), as observations see them; NaN where one is missing."""
        # What is beyond float64 is beyond the bound.
        with np.errstate(over="ignore"):
            scaled: Floats = np.minimum(np.maximum((rows - self.mean) / self.std, -self.clip), self.clip)
        return scaled

    def observation(self, features: Mapping[str, float | int | None], position: int) -> Floats:
        """Return the observation of one row of features; NaN where one is missing.

        Parameters
        ----------
        features : mapping of str to float, int or None
            As `FeatureStream.update` gives them.
        position : {-1, 0, 1}
        """
        row = np.array([[features.get(name) for name in self.features]], dtype=np.float64)
        return np.append(self.standardise(row)[0], float(position))

    def preferences(self, observation: npt.ArrayLike) -> Floats:
        """Return how much each action is preferred: logits of their probabilities.

        Parameters
        ----------
        observation : float64, shape (features + 1,) or (n, features + 1)
            As training would see it: beyond `clip`, what is at `clip`. Of NaN, all are NaN.

        Returns
        -------
        float64, shape (3,) or (n, 3)

        Raises
        ------
        DataError
            Another shape.
        """
        given = np.asarray(observation, dtype=np.float64)
        if given.ndim not in (1, 2) or given.shape[-1] != len(self.features) + 1:
            raise DataError(
                f"an observation must have {len(self.features) + 1} numbers, got the shape {given.shape}", "shape"
            )
        bound = max(self.clip, 1.0)
        out = self._forward(np.minimum(np.maximum(np.atleast_2d(given), -bound), bound))
        return out[0] if given.ndim == 1 else out

    def _forward(self, rows: Floats) -> Floats:
        last = len(self.layers) - 1
        for place, (product, (_, bias)) in enumerate(zip(self._products, self.layers, strict=True)):
            rows = product(rows)
            rows += bias
            if place < last:
                rows /= 1.0 + np.abs(rows)
        return rows

    def probabilities(self, observation: npt.ArrayLike) -> Floats:
        """Return the probability with which training would have tried each action; shapes as in `preferences`.

        It is no probability that a price moves.
        """
        return softmax(self.preferences(observation))

    def action(self, observation: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the action most preferred: 0 short, 1 flat, 2 long; the first of equals.

        Raises
        ------
        DataError
            An observation with a missing feature: there is no action then.
        """
        logits = self.preferences(observation)
        if not np.isfinite(logits).all():
            raise DataError("an observation must be finite: a feature is missing", "missing")
        best: npt.NDArray[np.int64] = np.argmax(logits, axis=-1)
        return best

    def save(self, path: str | PathLike[str]) -> None:
        """Write the policy into one file, as a whole or not at all."""
        place = Path(path)
        draft = place.with_name(f".{place.name}.part")
        try:
            draft.write_bytes(self.to_bytes())
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a policy that `save` wrote.

        Raises
        ------
        StateError
            A file that is foreign, truncated, corrupted or newer than this version.
        OSError
            A file that cannot be read.
        """
        return cls.from_bytes(Path(path).read_bytes())

    def to_state(self) -> dict[str, Any]:
        """Return all that it is made of."""
        return {
            "features": self.features,
            "mean": self.mean,
            "std": self.std,
            "clip": self.clip,
            "layers": self.layers,
            "horizon": self.horizon,
            "note": self.note,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the policy of a state."""
        return cls(
            state["features"],
            state["mean"],
            state["std"],
            clip=state["clip"],
            layers=[(weights, bias) for weights, bias in state["layers"]],
            horizon=state["horizon"],
            note=state["note"],
        )

    def __repr__(self) -> str:
        return f"<NumpyPolicy of {len(self.features)} features, seed {self.note.get('seed')}>"


def softmax(preferences: Floats) -> Floats:
    """Return the probability of each action, shape as of the preferences."""
    weights = np.exp(preferences - preferences.max(axis=-1, keepdims=True))
    shares: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def _array(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise DataError(f"{name} must have the shape {shape}, got {array.shape}", "shape")
    if not (np.abs(array) <= _LARGEST).all():
        raise DataError(f"{name} must be finite and within {_LARGEST:g}", "not_finite")
    array.flags.writeable = False
    return array


def _checked_layers(layers: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], inputs: int) -> tuple[Layer, ...]:
    checked = []
    for place, (weights, bias) in enumerate(layers):
        outputs = len(ACTIONS) if place == len(layers) - 1 else len(np.asarray(bias))
        checked.append(
            (
                _array(f"the weights of layer {place + 1}", weights, (outputs, inputs)),
                _array(f"the bias of layer {place + 1}", bias, (outputs,)),
            )
        )
        inputs = outputs
    if not checked:
        raise DataError("layers must hold at least 1 layer, got 0", "shape")
    return tuple(checked)
