"""Whether one strategy earns more than another over the same bars, where most of the bars are the same.

Letters: n bars.

Differences are 0 most of the time, then comes a trade that only one of the two holds, with heavy tails: its bars are no
sample of anything, and an error made of all of them is too small. What counts are episodes:

1. Bars that differ and lie near each other are one episode; a long one is cut into equal parts (`block_rows`).
2. Fewer than 8 episodes, or fewer than 4 equal ones in effect, are too little to judge: there is no p-value.
3. The sums of the episodes, of at most 16 groups of neighbours of them, are as likely as their negatives where there is
   no difference: p is the part of all sign changes whose total is as far from 0 (Canay, Romano and Shaikh 2017,
   Randomization tests under an approximate symmetry assumption, Econometrica 85 (3), 1013-1030). The interval has all
   means that this test does not reject: it lies between order statistics of the means of all subsets of the groups
   (Hartigan 1969, Using subsample values as typical values, Journal of the American Statistical Association 64,
   1303-1317).
4. Sums of trades with a stop are skewed, and sign changes are exact for symmetric ones only: the episodes are also
   drawn with replacement, and their studentised mean gives a second p-value and interval, with each tail on its own
   (Hall 1988, Theoretical comparison of bootstrap confidence intervals, Annals of Statistics 16 (3), 927-953).

The answer is the larger p-value, and the interval that spans both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from comove.backtest.stats.episodes import Episodes, episodes_of
from comove.backtest.stats.returns import bars_a_year, given_returns, known
from comove.errors import DataError, ParameterError
from comove.options import count, within
from comove.surveys.significance import holm

__all__ = ["Difference", "compare_variants", "paired_difference"]

#: No two-sided test of signs reaches 5 % below 6 blocks (2 / 2^5 is 6 %); skewed trades need the other two.
LEAST_EPISODES: Final = 8
#: t² of k equal sums is at most k, and must be 1.96² = 3.84 at 5 %.
LEAST_EFFECTIVE: Final = 4.0
#: 2^15 sign changes, and the power of a t-test with 15 degrees of freedom.
_MOST_GROUPS: Final = 16
#: What sums of the same numbers in another order may differ by, relative.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one strategy earned more than another a year, and whether that is more than chance."""

    value: float
    """Mean of variant - base per bar times the bars of a year, a fraction of equity."""
    low: float | None
    """Of the interval; None where `p_value` is, and where there is no bound."""
    high: float | None
    p_value: float | None
    """Of no difference, two-sided; None where `reason` says why."""
    adjusted: float | None
    """`p_value` for the number of variants that were compared (Holm 1979)."""
    reason: str
    """Why there is no p-value; empty where there is one."""
    bars: int
    differing: int
    """Bars that differ."""
    episodes: int
    """What these are parts of."""
    effective: float
    """How many episodes of equal size would weigh as much: (sum |s|)² / sum of s², s the sums of the episodes."""


def paired_difference(
    variant: object,
    base: object,
    *,
    step_seconds: float,
    level: float = 0.95,
    block_rows: int | None = None,
    replications: int = 1999,
    seed: int = 0,
) -> Difference:
    """Compare two strategies bar by bar.

    Parameters
    ----------
    variant, base : float64, shape (n,)
        Returns per bar over the same bars, finite and above -1.
    step_seconds : float, above 0
        Length of a bar.
    level : float, 0.5 to 0.99
        Of the interval.
    block_rows : int, at least 1, default n / 32 rounded up
        The longest episode; at least the bars a position is usually held.
    replications : int, at least 199
    seed : int, at least 0
        Of the draws with replacement.

    Returns
    -------
    Difference

    Raises
    ------
    DataError, ParameterError

    Notes
    -----
    Pairs without a true difference, 2,000 of 1,000 bars each, are rejected at 5 % in 1 to 4.5 % of the cases where 8 to
    35 trades of up to 24 bars differ (bars of Student's t with 3 degrees of freedom, with and without a drift of each
    trade; stops that let a third of the trades win twice what the others lose), and in 3 to 4 % where all bars differ,
    independent, AR(1) or GARCH; tests/test_backtest_differences.py has fewer. Where the result of a trade is as skewed
    as a lognormal one with sigma 1 it is 8 to 9 %: no test of a dozen trades can know of gains that did not come. An
    edge of 3 standard errors is found in two of three with 10 trades, in nearly four of five from 20 on.

    Bars whose difference is below rounding, 1e-12, are the same.
    """
    per_year = bars_a_year(step_seconds)
    level = within("level", level, 0.5, 0.99)
    draws = count("replications", replications, 199, 1_000_000)
    seed = count("seed", seed, 0, 2**63 - 1)
    y, x = given_returns("variant", variant), given_returns("base", base)
    if len(x) != len(y):
        raise DataError(f"base must have length {len(y)}, got {len(x)}", "length")
    if not len(y):
        raise DataError("variant must have at least 1 row, got none", "too_few")
    found = episodes_of(y - x, block_rows)
    answer = Difference(
        value=float(found.sums.sum()) / len(y) * per_year,
        low=None,
        high=None,
        p_value=None,
        adjusted=None,
        reason=_too_little(found),
        bars=len(y),
        differing=int(found.rows.sum()),
        episodes=len(found.sums),
        effective=found.effective,
    )
    if answer.reason:
        return answer
    # Means of the differing bars; that of all bars is as many times smaller as there are fewer of them.
    scale = answer.differing / len(y) * per_year
    tests = (_signs(found, level), _draws(found, level, draws, seed))
    p_value = max(test[0] for test in tests)
    return replace(
        answer,
        low=known(min(test[1] for test in tests) * scale),
        high=known(max(test[2] for test in tests) * scale),
        p_value=p_value,
        adjusted=p_value,
    )


def compare_variants(
    variants: Mapping[str, object],
    base: object,
    *,
    step_seconds: float,
    level: float = 0.95,
    block_rows: int | None = None,
    replications: int = 1999,
    seed: int = 0,
) -> dict[str, Difference]:
    """Compare several variants with one base, p-values adjusted for how many there are.

    Parameters
    ----------
    variants : mapping of str to float64, shape (n,)
        Returns per bar by name; the other parameters are those of `paired_difference`.

    Returns
    -------
    dict of str to Difference
        In the order of `variants`; `adjusted` by Holm (1979) over those that have a p-value. Intervals are each for
        itself.

    Raises
    ------
    DataError, ParameterError
    """
    if not isinstance(variants, Mapping):
        raise ParameterError(f"variants must be a mapping of names to returns, got {variants!r}", "type")
    found = {
        name: paired_difference(
            returns,
            base,
            step_seconds=step_seconds,
            level=level,
            block_rows=block_rows,
            replications=replications,
            seed=seed,
        )
        for name, returns in variants.items()
    }
    given = np.array([math.nan if each.p_value is None else each.p_value for each in found.values()])
    return {
        name: replace(each, adjusted=None if each.p_value is None else float(p_value))
        for (name, each), p_value in zip(found.items(), holm(given), strict=True)
    }


def _too_little(found: Episodes) -> str:
    if not len(found.sums):
        return "no bar differs"
    if len(found.sums) < LEAST_EPISODES:
        return f"too little differs: {len(found.sums)} episodes, {LEAST_EPISODES} are needed"
    if found.effective < LEAST_EFFECTIVE:
        return (
            f"too little differs: {len(found.sums)} episodes weigh as much as {found.effective:.2g} equal ones,"
            f" {LEAST_EFFECTIVE:g} are needed"
        )
    return ""


def _signs(found: Episodes, level: float) -> tuple[float, float, float]:
    """Return p-value and interval of the mean of the differing bars, by all sign changes of groups of episodes."""
    groups = min(_MOST_GROUPS, len(found.sums))
    sums = np.array([part.sum() for part in np.array_split(found.sums, groups)])
    rows = np.array([part.sum() for part in np.array_split(found.rows, groups)], dtype=np.float64)
    total, bars = float(sums.sum()), float(rows.sum())
    # Every subset without the first group; with its complement that is every one of two sides.
    chosen, size = np.zeros(1), np.zeros(1)
    for one, of in zip(sums[1:], rows[1:], strict=True):
        chosen, size = np.concatenate((chosen, chosen + one)), np.concatenate((size, size + of))
    near = np.abs(total) * (1.0 - _ROUNDING)
    p_value = float((np.abs(total - 2.0 * chosen) >= near).mean())
    # The first subset is empty: no sign changes, and no mean is outside of its interval.
    one, other = chosen[1:] / size[1:], (total - chosen[1:]) / (bars - size[1:])
    # A mean is rejected where at most this many subsets, the empty one too, have it on the far side.
    most = math.floor((1.0 - level) * len(chosen) * (1.0 + _ROUNDING))
    if most < 1:
        return p_value, -math.inf, math.inf
    low, high = np.sort(np.minimum(one, other)), np.sort(np.maximum(one, other))
    return p_value, float(low[most - 1]), float(high[-most])


def _draws(found: Episodes, level: float, draws: int, seed: int) -> tuple[float, float, float]:
    """Return the same by the studentised mean of episodes drawn with replacement."""
    scale = float(np.abs(found.sums).max())
    sums = found.sums / scale
    # From the mean of the scaled sums to that of the differing bars.
    scale *= len(sums) / float(found.rows.sum())
    size = len(sums)
    mean, error = float(sums.mean()), float(sums.std(ddof=1)) / math.sqrt(size)
    if not error > _ROUNDING:
        # All episodes alike: draws tell nothing of their error, and the sign changes decide alone.
        return 0.0, mean * scale, mean * scale
    drawn = sums[np.random.default_rng(seed).integers(0, size, (draws, size))]
    centre, spread = drawn.mean(axis=1) - mean, drawn.std(axis=1, ddof=1) / math.sqrt(size)
    varied = spread > _ROUNDING
    ratio = np.sort(centre[varied] / spread[varied])
    # A draw of equal episodes has no error, and counts as far out on either side.
    silent = draws - len(ratio)
    above = len(ratio) - int(np.searchsorted(ratio, mean / error)) + silent + 1
    below = int(np.searchsorted(ratio, mean / error, side="right")) + silent + 1
    p_value = min(1.0, 2.0 * min(above, below) / (draws + 1))
    most = math.floor((1.0 - level) / 2.0 * (draws + 1) * (1.0 + _ROUNDING)) - silent
    if most < 1:
        return p_value, -math.inf, math.inf
    return p_value, (mean - float(ratio[-most]) * error) * scale, (mean - float(ratio[most - 1]) * error) * scale
