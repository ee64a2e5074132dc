"""How many separate candles a correlation rests on, where volatilities remember their past.

Letters: r_k autocorrelation at lag k, n complete pairs, n_k of them with the pair k rows before there too.

The correlation of two unrelated series has the variance f / n, f = 1 + 2 sum over k of (n_k / n) r_k(y) r_k(x)
(Bartlett 1935, Journal of the Royal Statistical Society 98, 536-543): it rests on n / f separate pairs, with n / f - 2
degrees of freedom. Only where both remember does it cost anything.

Measured alternatives: f = 1, the textbook's, rejects true nulls 30 to 77 % of the time at 5 % where the memory is 0.9
or more. Candles so far apart that both autocorrelations are below 0.2 keep about 5 %, but show 27 of 135 pairs of
recorded hourly coins, this all of them. Residuals of autoregressions of 25 lags keep 5 % on simulated coins, but
reject 14 % where one of two recorded coins is moved in time, this 4 %.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from comove.options import Floats

__all__ = ["effective_pairs"]

#: Lags in the sum, as a part of the rows. Of unrelated series of 60 to 6,000 rows with memory 0 to 0.995 the 5 % test
#: then rejects 4.3 to 5.6 % (random walks: 7.5 %); with a tenth, up to 7.8 (19); with a half, down to 3.4.
_SHARE: Final = 4


def effective_pairs(y: Floats, x: Floats) -> float:
    """Return how many separate pairs the correlation of two series rests on: at most the complete ones.

    Parameters
    ----------
    y, x : float64, shape (n,)
        NaN is a missing row.
    """
    most = len(y) // _SHARE
    pairs = np.isfinite(y) & np.isfinite(x)
    n = float(pairs.sum())
    if n == 0:
        return 0.0
    together = np.round(_overlaps(pairs.astype(np.float64), most))
    common = together[1:] * _autocorrelations(y, most) * _autocorrelations(x, most)
    return n / max(1.0, 1.0 + 2.0 * float(common.sum()) / n)


def _autocorrelations(values: Floats, most: int) -> Floats:
    """Return those at lags 1 to `most`, each the mean product over the pairs that are there."""
    there = np.isfinite(values)
    centred = np.where(there, values - values[there].mean(), 0.0)
    products, pairs = _overlaps(centred, most), _overlaps(there.astype(np.float64), most)
    if not products[0] > 0:
        return np.zeros(most)
    means = products / np.maximum(np.round(pairs), 1.0)
    ratios: Floats = means[1:] / means[0]
    return ratios


def _overlaps(values: Floats, most: int) -> Floats:
    """Return the sum of values_t values_(t-k) for k = 0 to `most`, by a Fourier transform padded against wrapping."""
    size = 1 << int(len(values) + most).bit_length()
    spectrum = np.fft.rfft(values, size)
    sums: Floats = np.fft.irfft(spectrum * spectrum.conj(), size)[: most + 1]
    return sums
