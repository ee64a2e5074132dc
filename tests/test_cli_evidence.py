"""How much evidence clustered volatilities hold: separate pairs, Student's distribution, and what chance looks like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from comove._comove import two_sided_student
from comove.surveys.effective import effective_pairs
from comove.surveys.surrogates import unrelated

# Measured: 2e-14 up to 1,000 degrees, 2e-11 at 600,000.
STUDENT = 1e-10


def logs(seed, rows, memory, count):
    """Autoregressions, and the noise of single rows, shape (count, rows)."""
    rng = np.random.default_rng(seed)
    paths = lfilter([np.sqrt(1 - memory**2)], [1, -memory], rng.normal(size=(count, rows + 1000)))[:, 1000:]
    return paths + rng.normal(0, 0.3, (count, rows))


def by_definition(y, x):
    """The sum as it is written, one lag at a time."""

    def r(values, k):
        centred = values - np.nanmean(values)
        return np.nanmean(centred[k:] * centred[: len(centred) - k]) / np.nanmean(centred**2)

    pairs = np.isfinite(y) & np.isfinite(x)
    total = 0.0
    for k in range(1, len(y) // 4 + 1):
        total += (pairs[k:] & pairs[: len(y) - k]).sum() / pairs.sum() * r(y, k) * r(x, k)
    return pairs.sum() / max(1.0, 1.0 + 2.0 * total)


def test_separate_pairs_by_definition():
    y, x = logs(1, 300, 0.9, 2)
    assert effective_pairs(y, x) == pytest.approx(by_definition(y, x), rel=1e-9)
    assert effective_pairs(y, x) < 100
    y[::7], x[5:20] = np.nan, np.nan
    assert effective_pairs(y, x) == pytest.approx(by_definition(y, x), rel=1e-9)


def test_separate_pairs_at_the_edges():
    y, x = logs(2, 300, 0.0, 2)
    # Opposite memories would make it more than there are.
    assert effective_pairs((-1.0) ** np.arange(300.0) + 0.1 * y, lfilter([1], [1, -0.9], x)) == 300
    for nothing in (np.array([]), np.full(100, np.nan)):
        assert effective_pairs(nothing, nothing) == 0
    assert effective_pairs(np.ones(100), y[:100]) == 100
    assert effective_pairs(np.array([1.0, 2.0]), np.array([2.0, 1.0])) == 2


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98, 0.995])
@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_unrelated_series_are_not_called_related(memory, holes):
    pairs, rows = 1000, 500
    series = logs(5, rows, memory, 2 * pairs)
    series[np.random.default_rng(6).random(series.shape) < holes] = np.nan
    rejected = {"separate": 0, "far": 0, "every row": 0}
    for y, x in zip(series[::2], series[1::2], strict=True):
        there = np.isfinite(y) & np.isfinite(x)
        r, n = np.corrcoef(y[there], x[there])[0, 1], int(there.sum())
        p_value = {
            name: two_sided_student(r * np.sqrt((size - 2) / (1 - r * r)), size - 2)
            for name, size in (("separate", effective_pairs(y, x)), ("every row", n))
        }
        rejected["separate"] += p_value["separate"] < 0.05
        rejected["far"] += p_value["separate"] < 0.0005
        rejected["every row"] += p_value["every row"] < 0.05
    # At 5 %, 76 of 1,000 or more has a chance of 0.02 %; at 0.05 %, 4 or more one of 0.2 %.
    assert rejected["separate"] <= 75
    assert rejected["far"] <= 3
    if memory:
        # What it is for.
        assert rejected["every row"] > 150


def test_student_of_scipy():
    for degrees in (2.0, 2.7, 5.0, 33.3, 1000.5, 43197.0, 6e5):
        for t in (1e-8, 0.01, 0.5, 1.0, 2.0, 5.0, 20.0):
            assert two_sided_student(t, degrees) == pytest.approx(2 * stats.t.sf(t, degrees), rel=STUDENT, abs=1e-290)
            assert two_sided_student(-t, degrees) == two_sided_student(t, degrees)
    assert two_sided_student(0.0, 5.0) == 1.0
    assert two_sided_student(1e200, 5.0) == 0.0


def test_unrelated_series_keep_their_memory_alone():
    shared = logs(7, 999, 0.9, 1)
    series = (shared + 0.2 * logs(8, 999, 0.9, 4)).T
    found = unrelated(series, 0)
    assert np.corrcoef(series.T)[0, 1] > 0.9
    assert np.abs(np.corrcoef(found.T) - np.eye(4)).max() < 0.5
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(found, axis=0))[1:], np.abs(np.fft.rfft(series, axis=0))[1:], rtol=1e-6
    )
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(found, unrelated(series, 0))
