"""Named pairs of series on which rolling statistics are known to go wrong, and a few on which they do not.

Every builder takes its own fixed seed, so a failure is repeatable by the name of the case alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAN = np.nan
SPIKE = 1e12


@dataclass(frozen=True)
class Case:
    """One pair of series. `in_range` is False where squares leave float64: there a reading may be missing."""

    name: str
    asset: Floats
    benchmark: Floats
    in_range: bool = True

    def __len__(self) -> int:
        return len(self.asset)


def market(rows: int, seed: int, *, beta: float = 1.3, noise: float = 0.01) -> tuple[Floats, Floats]:
    """Returns of an asset and of its benchmark, about 1 % a step."""
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.0, 0.01, rows)
    asset = beta * benchmark + rng.normal(0.0, noise, rows) if noise else beta * benchmark
    return asset, benchmark


def with_gaps(values: Floats, seed: int, share: float = 0.2) -> Floats:
    """A copy in which a share of the rows is NaN, inf or -inf."""
    rng = np.random.default_rng(seed)
    holed = values.copy()
    hole = rng.random(len(values)) < share
    holed[hole] = rng.choice([NAN, np.inf, -np.inf], hole.sum())
    return holed


def prices(rows: int, seed: int, *, start: float = 60_000.0, tick: float = 0.01) -> Floats:
    """A random walk of about 0.1 % a step, on a grid of ticks."""
    rng = np.random.default_rng(seed)
    return np.round(start * np.exp(np.cumsum(rng.normal(0.0, 0.001, rows))) / tick) * tick


def _level(offset: float, step: float, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, step, 400)
    y = 0.7 * x + rng.normal(0.0, step, 400)
    return offset + y, -offset + x


def _spiked(asset_spike: bool, benchmark_spike: bool) -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 11)
    if asset_spike:
        asset[[100, 260]] = SPIKE, -SPIKE
    if benchmark_spike:
        benchmark[[130, 260]] = -SPIKE, SPIKE
    return asset, benchmark


def _constants_between_moves() -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 12)
    asset[80:180] = 0.1
    benchmark[120:260] = 0.3
    asset[300:] = 1e12 + 0.1
    return asset, benchmark


def _step() -> tuple[Floats, Floats]:
    row = np.arange(400)
    return np.where(row < 200, 0.1, 0.3), np.where(row < 170, 0.3, 0.7)


def _level_shifts() -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 13)
    shift = np.repeat([0.0, 1e9, -1e6, 0.0, 3e11], 80)
    return asset + shift, benchmark - np.roll(shift, 40)


def _shrinking(level: float) -> tuple[Floats, Floats]:
    asset, benchmark = market(600, 14)
    scale = np.exp(-np.arange(600) / 25.0)
    return level + asset * scale, level + benchmark * scale


def _long_holes() -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 15)
    asset[60:130] = NAN
    benchmark[200:290] = np.inf
    asset[330:333] = -np.inf
    return asset, benchmark


def _late_start() -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 16)
    asset[:150] = NAN
    return asset, benchmark


def _alternating_holes() -> tuple[Floats, Floats]:
    """Every row lacks one side: there is no complete pair at all."""
    asset, benchmark = market(200, 17)
    asset[::2] = NAN
    benchmark[1::2] = NAN
    return asset, benchmark


def _integers() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(18)
    return rng.integers(0, 4, 400).astype(float), rng.integers(-1, 2, 400).astype(float)


def _stopped_coin() -> tuple[Floats, Floats]:
    """Returns of a coin that trades, stands still and trades again: zeros of both signs."""
    asset, benchmark = market(400, 19)
    asset[90:250] = 0.0
    asset[150:200] = -0.0
    return asset, benchmark


def _near_perfect(level: float) -> tuple[Floats, Floats]:
    """Spot against perpetual: the noise is a thousandth of the signal."""
    asset, benchmark = market(400, 20, beta=1.5, noise=1.5e-5)
    return level + asset, level + benchmark


def _mixed_magnitudes() -> tuple[Floats, Floats]:
    """Neighbours that differ by up to twenty orders of magnitude."""
    rng = np.random.default_rng(21)
    return rng.normal(size=400) * 10.0 ** rng.uniform(-10, 10, 400), rng.normal(size=400)


def _gapped(seed: int) -> tuple[Floats, Floats]:
    asset, benchmark = market(400, seed)
    return with_gaps(asset, seed + 1), with_gaps(benchmark, seed + 2)


def _gapped_spikes() -> tuple[Floats, Floats]:
    asset, benchmark = _spiked(True, True)
    return with_gaps(asset, 31), with_gaps(benchmark, 32, 0.3)


def _scaled(asset_scale: float, benchmark_scale: float) -> tuple[Floats, Floats]:
    asset, benchmark = market(400, 22)
    return asset / 0.01 * asset_scale, benchmark / 0.01 * benchmark_scale


def _perfect(beta: float, alpha: float) -> tuple[Floats, Floats]:
    benchmark = np.random.default_rng(23).integers(-50, 50, 300).astype(float)
    return beta * benchmark + alpha, benchmark


def _first_huge() -> tuple[Floats, Floats]:
    """The first row would be a bad choice of origin."""
    asset, benchmark = market(300, 24)
    asset[0], benchmark[0] = 1e15, -1e14
    return asset, benchmark


def _constant(asset: float, benchmark: float) -> tuple[Floats, Floats]:
    return np.full(200, asset), np.full(200, benchmark)


def _one_constant(asset: float | None, benchmark: float | None) -> tuple[Floats, Floats]:
    y, x = market(200, 25)
    return (y if asset is None else np.full(200, asset)), (x if benchmark is None else np.full(200, benchmark))


def _short(rows: int) -> tuple[Floats, Floats]:
    return market(rows, 26)


_BUILDERS: dict[str, Callable[[], tuple[Floats, Floats]]] = {
    "plain": lambda: market(400, 10),
    "constant_asset": lambda: _one_constant(0.1, None),
    "constant_benchmark": lambda: _one_constant(None, 0.3),
    "constant_both": lambda: _constant(0.1, 0.3),
    "constants_between_moves": _constants_between_moves,
    "step": _step,
    "spike_asset": lambda: _spiked(True, False),
    "spike_benchmark": lambda: _spiked(False, True),
    "spike_both": lambda: _spiked(True, True),
    "first_huge": _first_huge,
    "level_1e6": lambda: _level(1e6, 1.0, 40),
    "level_1e9": lambda: _level(1e9, 1e-2, 41),
    "level_1e12": lambda: _level(1e12, 1.0, 42),
    "level_1e12_few_ulps": lambda: _level(1e12, 5e-4, 43),
    "prices": lambda: (prices(400, 44), prices(400, 45, start=2.5, tick=1e-4)),
    "level_shifts": _level_shifts,
    "shrinking": lambda: _shrinking(0.0),
    "shrinking_at_level": lambda: _shrinking(100.0),
    "tiny": lambda: _scaled(1e-150, 1e-150),
    "huge": lambda: _scaled(1e150, 1e150),
    "huge_on_tiny": lambda: _scaled(1e150, 1e-150),
    "tiny_on_huge": lambda: _scaled(1e-150, 1e150),
    "mixed_magnitudes": _mixed_magnitudes,
    "gaps": lambda: _gapped(50),
    "gaps_and_spikes": _gapped_spikes,
    "long_holes": _long_holes,
    "late_start": _late_start,
    "alternating_holes": _alternating_holes,
    "all_missing": lambda: _constant(NAN, NAN),
    "all_infinite": lambda: _constant(np.inf, -np.inf),
    "one_side_missing": lambda: _one_constant(None, NAN),
    "integers": _integers,
    "stopped_coin": _stopped_coin,
    "near_perfect": lambda: _near_perfect(0.0),
    "near_perfect_at_level": lambda: _near_perfect(60_000.0),
    "perfect_double": lambda: _perfect(2.0, 0.0),
    "perfect_affine": lambda: _perfect(3.0, 1.0),
    "perfect_inverse": lambda: _perfect(-1.0, 0.0),
    "empty": lambda: _short(0),
    "one_row": lambda: _short(1),
    "two_rows": lambda: _short(2),
    "shorter_than_window": lambda: _short(10),
    "underflowing": lambda: _scaled(1e-165, 1e-158),
    "overflowing": lambda: _scaled(1e160, 1e154),
}

_OUT_OF_RANGE = {"underflowing", "overflowing"}

CASES: dict[str, Case] = {
    name: Case(name, *build(), in_range=name not in _OUT_OF_RANGE) for name, build in _BUILDERS.items()
}
NAMES = list(CASES)
IN_RANGE = [name for name in NAMES if CASES[name].in_range]

# One case of each kind, for the tests that multiply cases by other choices.
FEW = [
    "plain",
    "constants_between_moves",
    "spike_both",
    "level_1e12",
    "gaps_and_spikes",
    "long_holes",
    "integers",
]


def irregular_times(rows: int, seed: int, *, step_ns: int = 60_000_000_000) -> NDArray[np.int64]:
    """Times in ns: bursts of equal stamps, ordinary steps and a few holes longer than most spans."""
    rng = np.random.default_rng(seed)
    steps = rng.choice(
        [0, 1, step_ns // 2, step_ns, 7 * step_ns, 400 * step_ns],
        rows,
        p=[0.25, 0.05, 0.25, 0.34, 0.10, 0.01],
    )
    return 1_700_000_000_000_000_000 + np.cumsum(steps).astype(np.int64)


def joint(rows: int, leaders: int, seed: int, *, gaps: bool = False, level: float = 0.0) -> tuple[Floats, Floats]:
    """An asset and correlated leaders (rows, leaders) that share one market factor."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0.0, 0.01, rows)
    columns = np.column_stack([factor + rng.normal(0.0, 0.006, rows) for _ in range(leaders)])
    asset = columns @ np.linspace(0.8, -0.3, leaders) + rng.normal(0.0, 0.005, rows)
    if gaps:
        asset = with_gaps(asset, seed + 1, 0.1)
        columns = np.column_stack([with_gaps(columns[:, i], seed + 2 + i, 0.05) for i in range(leaders)])
    return asset + level, columns + level
