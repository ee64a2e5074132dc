"""Checks and defaults of the options of `simulate_market`. A check returns the value it allows."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def check_int(name: str, value: SupportsIndex, least: int, most: int | None) -> int:
    """Allow a whole number from `least` to `most`, a bool not."""
    bound = f"from {least} to {most}" if most is not None else f"at least {least}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ParameterError(f"{name} must be an integer {bound}, got {value!r}", name) from None
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        raise ParameterError(f"{name} must be an integer {bound}, got {value!r}", name)
    return number


def check_float(name: str, value: SupportsFloat, least: float, most: float) -> float:
    """Allow a finite number from `least` to `most`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number from {least} to {most}, got {value!r}", name) from None
    if not least <= number <= most:
        raise ParameterError(f"{name} must be from {least} to {most}, got {value!r}", name)
    return number


def check_bool(name: str, value: bool) -> bool:
    """Allow True and False only."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name} must be True or False, got {value!r}", name)
    return value


def check_matrix(name: str, value: ArrayLike, shape: tuple[int, int], least: float, most: float) -> Floats:
    """Allow numbers from `least` to `most` that broadcast to `shape`; a fresh array comes back."""
    try:
        array = np.asarray(value, dtype=np.float64)
        full = np.array(np.broadcast_to(array, shape))
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} must be numbers that broadcast to (assets, leaders) = {shape}, got {value!r}", name
        ) from None
    # Written so that NaN is outside too.
    outside = ~((full >= least) & (full <= most))
    if outside.any():
        a, j = np.argwhere(outside)[0]
        raise ParameterError(f"{name}[{a}, {j}] must be from {least} to {most}, got {full[a, j]}", name)
    return full


def check_whole_matrix(name: str, value: ArrayLike, shape: tuple[int, int], most: int) -> Ints:
    """Allow whole numbers from -most to most that broadcast to `shape`."""
    full = check_matrix(name, value, shape, -most, most)
    if (full != np.rint(full)).any():
        a, j = np.argwhere(full != np.rint(full))[0]
        raise ParameterError(f"{name}[{a}, {j}] must be a whole number of rows, got {full[a, j]}", name)
    return full.astype(np.int64)


def check_names(
    n_assets: int | None, assets: Sequence[str] | None, leaders: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Names of the assets and of the leaders, all different."""
    if assets is not None and n_assets is not None:
        raise ParameterError(f"n_assets and assets exclude each other, got {n_assets!r} and {assets!r}", "assets")
    if assets is None:
        count = check_int("n_assets", 12 if n_assets is None else n_assets, 1, 500)
        assets = [f"COIN{i:02d}" for i in range(1, count + 1)]
    for option, names, most in (("assets", assets, 500), ("leaders", leaders, 16)):
        if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
            raise ParameterError(f"{option} must be a sequence of names, got {names!r}", option)
        if not 1 <= len(names) <= most:
            raise ParameterError(f"{option} must hold from 1 to {most} names, got {len(names)}", option)
    both = [*leaders, *assets]
    for name in both:
        if name == "ts" or both.count(name) > 1:
            reason = "is the name of the time column" if name == "ts" else "is named twice"
            raise ParameterError(f"assets and leaders: {name!r} {reason}", "assets")
    return list(assets), list(leaders)


def time_grid(start: datetime, step: timedelta, n_bars: int) -> Ints:
    """Open times in microseconds since 1970."""
    if not isinstance(start, datetime):
        raise ParameterError(f"start must be a datetime, got {start!r}", "start")
    at = start.replace(tzinfo=UTC) if start.tzinfo is None else start
    if at < _EPOCH or (_LATEST - at) // step < n_bars:
        raise ParameterError(f"start must be from {_EPOCH} on and end before {_LATEST}, got {start}", "start")
    return (at - _EPOCH) // _MICROSECOND + np.arange(n_bars, dtype=np.int64) * (step // _MICROSECOND)


def default_betas(stream: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Each asset's total exposure, 0.4 to 1.8, shared out among the leaders at random."""
    total = stream.uniform(0.4, 1.8, (shape[0], 1))
    drawn: Floats = total * stream.dirichlet(np.ones(shape[1]), shape[0])
    return drawn


def default_lags(shape: tuple[int, int]) -> Ints:
    """Every fourth asset follows by 1, 2 or 3 rows in turn."""
    lags = np.zeros(shape, dtype=np.int64)
    for turn, a in enumerate(range(3, shape[0], 4)):
        lags[a] = -(1 + turn % 3)
    return lags


def default_spillover(stream: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Every second asset takes 0.3 to 0.6 from one leader."""
    spillover = np.zeros(shape)
    for a in range(0, shape[0], 2):
        spillover[a, stream.integers(shape[1])] = stream.uniform(0.3, 0.6)
    return spillover
