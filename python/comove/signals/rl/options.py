"""Options of training, and the features an agent looks at where none are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from comove.errors import ParameterError
from comove.features import CROSS_ASSET
from comove.features.plan import checked_columns
from comove.options import MAX_LIVE_ROWS, positive, whole

__all__ = ["TrainingOptions", "usual_features"]

# None is in units of price or volume, so that one policy serves many coins.
_USUAL: Final = (
    "ret_1",
    "ret_3",
    "ret_5",
    "zscore_ret_1",
    "rsi_14",
    "realized_sigma_30",
    "range_pct",
    "volatility_regime",
    "price_position_in_range",
    "mean_revert_bias",
    "trend_strength",
    "momentum_slope",
    "vol_jump_z",
)
#: Bounds of whole numbers.
_WHOLE: Final = {
    "seed": (0, 2**32 - 1),
    "timesteps": (1, 10**9),
    "horizon": (1, MAX_LIVE_ROWS),
    "episode": (2, MAX_LIVE_ROWS),
    "environments": (1, 256),
    "steps": (2, 1 << 16),
    "batch": (2, 1 << 20),
    "epochs": (1, 100),
    "hidden": (1, 512),
}
#: Bounds of other numbers.
_NUMBERS: Final = {
    "cost": (0.0, 0.1),
    "validation": (0.05, 0.9),
    "gamma": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "entropy": (0.0, 1.0),
}


def usual_features(leaders: Sequence[str]) -> tuple[str, ...]:
    """Return the names of 13 features of the coin itself, and of all five against each leader."""
    return (*_USUAL, *(f"{leader.lower()}_{kind}" for leader in leaders for kind in CROSS_ASSET))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What an agent sees, what trading costs it, and how it learns.

    It learns by PPO (Schulman et al. 2017, "Proximal Policy Optimization Algorithms").

    Raises
    ------
    ParameterError
        An option out of its bounds.
    """

    features: tuple[str, ...] = ()
    """Columns of the recipe; none for the usual ones: returns, RSI, volatility, ranges, trend, volume, and all five
    against each leader."""
    seed: int = 0
    """Of the network's first weights, the episodes and the actions that are tried; the same one gives the same policy
    on the same machine and versions."""
    cost: float = 0.001
    """Of a change of the position by 1, as a part of the price: fee and half the spread."""
    horizon: int = 1
    """Rows over which the live source's predictions are judged."""
    clip: float = 5.0
    """Bound of a standardised feature, in standard deviations of the training rows."""
    validation: float = 0.25
    """Share of the rows, the last ones, that training does not see."""
    timesteps: int = 200_000
    """Rows the agent lives through, all episodes together; the last round of `steps` is finished."""
    episode: int = 256
    """Rows of an episode at the most."""
    environments: int = 8
    """Episodes side by side."""
    steps: int = 128
    """Rows of each of them between two updates."""
    batch: int = 256
    """Rows of one step of the optimiser, at most `environments` times `steps`."""
    epochs: int = 5
    """How often an update goes through its rows."""
    hidden: int = 32
    """Units of each of the two hidden layers."""
    learning_rate: float = 0.001
    """Of the optimiser, Adam."""
    gamma: float = 0.95
    """Discount a row. Costs make a position worth holding for some ten rows; a longer view only adds noise."""
    gae_lambda: float = 0.9
    """Of generalised advantage estimation (Schulman et al. 2016)."""
    entropy: float = 0.003
    """Weight of the entropy of actions, which keeps the agent trying."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            checked: object
            if name == "features":
                checked = _columns(value)
            elif name in _WHOLE:
                least, most = _WHOLE[name]
                checked = whole(name, value, least=least, most=most, because="")
            elif name in _NUMBERS:
                checked = _within(name, value, *_NUMBERS[name])
            else:
                checked = positive(name, value)
            object.__setattr__(self, name, checked)
        if self.batch > self.environments * self.steps:
            raise ParameterError(
                f"batch must be at most environments * steps = {self.environments * self.steps}, got {self.batch}",
                "too_large",
            )


def _columns(features: object) -> tuple[str, ...]:
    if features == ():
        return ()
    try:
        return checked_columns(features)
    except ParameterError as error:
        raise ParameterError(str(error).replace("columns", "features", 1), error.code) from error


def _within(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ParameterError(f"{name} must be a number, got {value!r}", "type")
    # Written so that NaN is outside too.
    if not least <= value <= most:
        raise ParameterError(
            f"{name} must be from {least:g} to {most:g}, got {value!r}", "too_large" if value > most else "too_small"
        )
    return float(value)
