"""The mixture's weights: one copy for each symbol and each row modulo the horizon.

An outcome over H rows comes H rows later. Row t belongs to copy t mod H: the copy's round before was row t - H, whose
outcome comes with row t and is learnt before row t is predicted. So each copy is the mixture of one round after the
other, and keeps its bound (Weinberger and Ordentlich 2002, On delayed prediction of individual sequences, IEEE Trans.
Inf. Theory 48; Joulani, György and Szepesvári 2013, Online learning under delayed feedback, ICML). Over all that was
said, a source's bound is that of a copy times the copies in which it was awake. A round whose outcome never comes is
no round.

Specialists of the regimes keep to the same copies (`RegimeCopies`): experts are the mixture itself, with a prior of
1/2, and each source in each of the R regimes, with prior_i / (2 R), which sleeps in the others. So the second stage
loses at most ln(2) / 2 a copy to the first, and at most ln(2 R / prior_i) / 2 to source i over the rounds of a regime
in which it was awake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from comove.errors import StateError
from comove.options import Floats
from comove.signals.ensemble.aggregation import Mixed, log_total, mix, regrets, shared
from comove.signals.ensemble.elementary import log

__all__ = ["REGIME_COUNT", "Copies", "RegimeCopies", "Whole", "read_array"]

Whole = NDArray[np.int64]

REGIME_COUNT: Final = 5
"""The four regimes and the unknown one."""


class Copies:
    """The weights of all copies.

    Parameters
    ----------
    horizon : int
    share : float, 0 to below 1

    Attributes
    ----------
    log_weights : float64, shape (horizon, sources, symbols)
        ln prior_i + 2 R_i.
    used : bool, shape (horizon, sources, symbols)
        Where the source was awake in a round.
    rounds : int64, shape (horizon, symbols)
    mass, cost : float64, shape (sources,)
        Prior weight, not normalised; ln(1 / prior) of the bound.
    """

    __slots__ = ("cost", "horizon", "log_weights", "mass", "rounds", "share", "used")

    def __init__(self, horizon: int, share: float = 0.0) -> None:
        self.horizon, self.share = horizon, share
        self.log_weights: Floats = np.zeros((horizon, 0, 0))
        self.used: NDArray[np.bool_] = np.zeros((horizon, 0, 0), np.bool_)
        self.rounds: Whole = np.zeros((horizon, 0), np.int64)
        self.mass: Floats = np.zeros(0)
        self.cost: Floats = np.zeros(0)

    @property
    def prior(self) -> Floats:
        """Prior of the sources there are, adding up to 1."""
        out: Floats = self.mass / self.mass.sum()
        return out

    def add_source(self, mass: float) -> None:
        """Add a source with a prior weight; it takes its part of what weight there is in each copy."""
        horizon, n, symbols = self.log_weights.shape
        if n:
            part = mass / self.mass.sum()
            grown = log(np.array([1.0 + part, part]))
            row = (grown[1] + log_total(self.log_weights.transpose(1, 0, 2)))[:, None]
            self.cost = np.append(self.cost + grown[0], grown[0] - grown[1])
        else:
            row, self.cost = np.zeros((horizon, 1, symbols)), np.zeros(1)
        self.log_weights = np.concatenate([self.log_weights, row], axis=1)
        self.used = np.concatenate([self.used, np.zeros((horizon, 1, symbols), np.bool_)], axis=1)
        self.mass = np.append(self.mass, mass)

    def drop_source(self, place: int) -> None:
        """Forget a source that is in no round any more."""
        self.log_weights = np.delete(self.log_weights, place, axis=1)
        self.used = np.delete(self.used, place, axis=1)
        self.mass, self.cost = np.delete(self.mass, place), np.delete(self.cost, place)

    def add_symbols(self, count: int) -> None:
        """Add symbols, each with the prior in all of its copies."""
        shape = (self.horizon, len(self.mass), count)
        fresh = log(self.prior) if len(self.mass) else self.mass
        self.log_weights = np.concatenate([self.log_weights, np.broadcast_to(fresh[:, None], shape)], axis=2)
        self.used = np.concatenate([self.used, np.zeros(shape, np.bool_)], axis=2)
        self.rounds = np.concatenate([self.rounds, np.zeros((self.horizon, count), np.int64)], axis=1)

    def mix(self, copy: int, columns: Whole, predictions: Floats) -> Mixed:
        """Return the mixture of some symbols in a copy, `predictions` of shape (sources, len(columns))."""
        return mix(self.log_weights[copy][:, columns], predictions)

    def learn(self, copy: int, up: Floats, predictions: Floats, outcomes: Floats) -> None:
        """Take in the outcomes of a round of all symbols; NaN where there was none, or nothing was said."""
        weights = self.log_weights[copy]
        weights += regrets(up, predictions, outcomes)
        round_of = (up == up) & (outcomes == outcomes)
        self.used[copy] |= (predictions == predictions) & round_of
        self.rounds[copy] += round_of
        if self.share and len(self.mass):
            self.log_weights[copy] = np.where(round_of, shared(weights, self.prior, self.share), weights)

    def copies(self) -> Whole:
        """Return in how many copies each source was awake."""
        out: Whole = self.used.sum(axis=(0, 2))
        return out

    def bounds(self) -> Floats:
        """Return the most that the mixture can have lost to each source over the rounds in which it was awake."""
        out: Floats = 0.5 * self.copies() * self.cost
        if self.share:
            leaked = -float(log(np.array([1.0 - self.share]))[0])
            out = out + 0.5 * leaked * (self.used * self.rounds[:, None]).sum(axis=(0, 2))
        return out

    def to_state(self) -> dict[str, Any]:
        """Return the arrays."""
        return {name: getattr(self, name) for name in ("log_weights", "used", "rounds", "mass", "cost")}

    def read(self, state: Mapping[str, Any], sources: int, symbols: int) -> None:
        """Take over the arrays of `to_state`.

        Raises
        ------
        StateError
            Arrays of another shape or kind.
        """
        shape = (self.horizon, sources, symbols)
        self.log_weights = read_array(state, "log_weights", shape)
        self.used = read_array(state, "used", shape, "|b1")
        self.rounds = read_array(state, "rounds", (self.horizon, symbols), "<i8")
        self.mass, self.cost = (read_array(state, name, (sources,)) for name in ("mass", "cost"))


class RegimeCopies:
    """The weights of the mixture, and of each source in each regime, in all copies.

    Attributes
    ----------
    of_mixture : float64, shape (horizon, symbols)
    log_weights : float64, shape (horizon, regimes, sources, symbols)
    mixture_cost : float
        ln(1 / prior) of the mixture.
    """

    __slots__ = ("horizon", "log_weights", "mass", "mixture_cost", "of_mixture")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.of_mixture: Floats = np.zeros((horizon, 0))
        self.log_weights: Floats = np.zeros((horizon, REGIME_COUNT, 0, 0))
        self.mass: Floats = np.zeros(0)
        self.mixture_cost = float(log(np.array([2.0]))[0])

    def add_source(self, mass: float) -> None:
        """Add a source with a prior weight to each regime."""
        horizon, regimes, n, symbols = self.log_weights.shape
        part = mass / (2.0 * (self.mass.sum() if n else mass))
        grown = log(np.array([1.0 + part, part / regimes]))
        each = self.log_weights.reshape(horizon, regimes * n, symbols).transpose(1, 0, 2)
        total = log_total(np.concatenate([self.of_mixture[None], each]))
        if symbols:
            self.mixture_cost += float(grown[0])
        row = np.broadcast_to((grown[1] + total)[:, None, None], (horizon, regimes, 1, symbols))
        self.log_weights = np.concatenate([self.log_weights, row], axis=2)
        self.mass = np.append(self.mass, mass)

    def drop_source(self, place: int) -> None:
        """Forget a source that is in no round any more."""
        self.log_weights = np.delete(self.log_weights, place, axis=2)
        self.mass = np.delete(self.mass, place)

    def add_symbols(self, count: int) -> None:
        """Add symbols, each with the prior in all of its copies."""
        shape = (self.horizon, REGIME_COUNT, len(self.mass), count)
        fresh = log(self.mass / (2.0 * REGIME_COUNT * self.mass.sum())) if len(self.mass) else self.mass
        self.log_weights = np.concatenate([self.log_weights, np.broadcast_to(fresh[:, None], shape)], axis=3)
        half = np.full((self.horizon, count), -float(log(np.array([2.0]))[0]))
        self.of_mixture = np.concatenate([self.of_mixture, half], axis=1)

    def mix(self, copy: int, columns: Whole, regimes: Whole, mixture: Floats, predictions: Floats) -> Mixed:
        """Return the mixture of the mixture, the first row, and the sources as they are in each symbol's regime."""
        own = self.log_weights[copy, regimes, :, columns].T
        weights = np.concatenate([self.of_mixture[copy][None, columns], own])
        return mix(weights, np.concatenate([mixture[None], predictions]))

    def learn(
        self, copy: int, regimes: Whole, up: Floats, mixture: Floats, predictions: Floats, outcomes: Floats
    ) -> None:
        """Take in the outcomes of a round of all symbols; NaN where there was none, or nothing was said."""
        columns = np.arange(len(up))
        self.of_mixture[copy] += regrets(up, mixture[None], outcomes)[0]
        self.log_weights[copy, regimes, :, columns] += regrets(up, predictions, outcomes).T

    def to_state(self) -> dict[str, Any]:
        """Return the arrays."""
        return {name: getattr(self, name) for name in ("of_mixture", "log_weights", "mass", "mixture_cost")}

    def read(self, state: Mapping[str, Any], sources: int, symbols: int) -> None:
        """Take over the arrays of `to_state`; errors as `Copies.read`."""
        self.of_mixture = read_array(state, "of_mixture", (self.horizon, symbols))
        self.log_weights = read_array(state, "log_weights", (self.horizon, REGIME_COUNT, sources, symbols))
        self.mass = read_array(state, "mass", (sources,))
        self.mixture_cost = float(state["mixture_cost"])


def read_array(state: Mapping[str, Any], name: str, shape: tuple[int, ...], kind: str = "<f8") -> Any:
    """Return an array of a snapshot.

    Raises
    ------
    StateError
        It has another shape or kind.
    """
    found = state[name]
    if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype.str != kind:
        told = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise StateError(f"{name} in the snapshot must be {kind} of the shape {shape}, got {told}", "state_content")
    # The one of a live object would be written to by both.
    return found.copy()
