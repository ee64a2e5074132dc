"""Series that keep the memory of given ones and have nothing in common: what a table shows where there is nothing."""

from __future__ import annotations

import numpy as np

from comove.options import Floats

__all__ = ["unrelated"]


def unrelated(series: Floats, seed: int) -> Floats:
    """Give each column phases of its own, drawn at random.

    The spectrum of each, and so its autocorrelation, stays as it is; what the columns share is lost (Theiler, Eubank,
    Longtin, Galdrikian and Farmer 1992, Physica D 58, 77-94).

    Parameters
    ----------
    series : float64, shape (rows, k)
        Without missing values.
    seed : int

    Returns
    -------
    float64, shape (rows, k)
        Of mean 0.
    """
    spectrum = np.fft.rfft(series - series.mean(axis=0), axis=0)
    turns = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, spectrum.shape)
    shuffled: Floats = np.fft.irfft(np.abs(spectrum) * np.exp(1j * turns), n=len(series), axis=0)
    return shuffled
