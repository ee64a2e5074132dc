"""The mixture: Vovk's aggregating algorithm for the square loss, with experts that may sleep.

Letters: p_i the probability of a rise that source i states, y in [0, 1] the outcome (1 a rise, 0 a fall, 1/2
unchanged), loss (p - y)^2 (Brier 1950), eta = 2 the learning rate, w_i > 0 the weights, A the sources awake,

    A_y  = sum over A of w_i exp(-2 (p_i - y)^2) / sum over A of w_i
    g(y) = -1/2 ln A_y                          the generalised prediction
    p    = 1/2 + (g(0) - g(1)) / 2              the substitution: the mixture's probability

**The substitution suffers no more than g**, (p - y)^2 <= g(y) for each y in [0, 1]:

1. (p - y)^2 <= g(y) says F(y) = sum w_i exp(2 (p - y)^2 - 2 (p_i - y)^2) / sum w_i <= 1. The exponent is
   2 (p^2 - p_i^2) - 4 y (p - p_i), linear in y; so F is convex, and it is enough to look at y = 0 and y = 1.
2. The points (exp(-2 q^2), exp(-2 (1 - q)^2)), q in [0, 1], are a curve with the slope -((1 - q) / q) exp(4 q - 2).
   The logarithm of its size has the derivative 4 - 1 / (q (1 - q)) <= 0 in q, so that the curve is concave. (With a
   rate eta it is 2 eta - 1 / (q (1 - q)): 2 is the largest rate for which this holds.) (A_0, A_1) is a mean of points
   of the curve, thus not above it: some q has q^2 <= g(0) and (1 - q)^2 <= g(1).
3. p^2 - (1 - p)^2 = 2 p - 1 = g(0) - g(1): p exceeds g(0) and g(1) by the same d = p^2 - g(0) = (1 - p)^2 - g(1), and
   is in [0, 1] as both g are. Were d > 0, then p > q by the first and 1 - p > 1 - q by the second. So d <= 0.

**The bound with sleepers.** After the outcome, awake w_i *= exp(-2 loss_i), and sleeping w_i *= exp(-2 loss of the
mixture): a sleeper suffers the learner's own loss. All divided by the latter, which changes no mixture:

    ln w_i += 2 (loss of the mixture - loss_i) for i awake, and nothing for a sleeper

By the inequality the sum of the awake w_i exp(-2 loss_i) is at most exp(-2 loss of the mixture) times that of the awake
w_i: divided, the sum W of all weights never grows. It begins at 1 with the prior, so that prior_i exp(2 R_i) = w_i <=
W <= 1, where R_i is the mixture's loss less that of i **over the rounds in which i was awake**:

    R_i <= ln(1 / prior_i) / 2             with N sources of the same prior: ln(N) / 2

ln w_i is the regret itself, and no weight is ever normalised.

**Sources that go and come.** A source that goes sleeps from then on. One that comes with a prior m beside others of M
in all gets the weight (m / M) W: W grows to (1 + m / M) W, so that its own bound is ln((M + m) / m) / 2, as if it had
been there and slept, and that of each other grows by ln(1 + m / M) / 2.

**Fixed share.** With a share a > 0 each round ends with w_i = (1 - a) w_i + a prior_i W, which leaves W as it is. In
any run of n rounds of a copy, R_i over those of them in which i was awake is at most (ln(1 / (a prior_i)) +
n ln(1 / (1 - a))) / 2, and from the first round on (ln(1 / prior_i) + n ln(1 / (1 - a))) / 2: w_i is at least
a prior_i W before the run, loses at most the factor 1 - a in each round, and is W at the most when it ends.

**Parts.** With z = (A_1 - A_0) / (A_1 + A_0), p - 1/2 = ln(A_1 / A_0) / 4 = artanh(z) / 2. So p - 1/2 is exactly the
sum of w_i (exp(-2 (1 - p_i)^2) - exp(-2 p_i^2)) times artanh(z) / (2 z) over the sum of w_i (exp(-2 (1 - p_i)^2) +
exp(-2 p_i^2)); the factor is one over four times the logarithmic mean of A_0 and A_1 (Carlson 1972, The logarithmic
mean, American Mathematical Monthly 79). A source's part has the sign of p_i - 1/2, and one that says 1/2 has none.

Sources: Vovk 1990, Aggregating strategies, COLT; Vovk 1998, A game of prediction with expert advice, J. Comput. Syst.
Sci. 56; Haussler, Kivinen and Warmuth 1998, Sequential prediction of individual sequences under general loss functions,
IEEE Trans. Inf. Theory 44 (outcomes between 0 and 1); Freund, Schapire, Singer and Warmuth 1997, Using and combining
predictors that specialize, STOC; Chernov and Vovk 2009, Prediction with expert evaluators' advice, ALT; Herbster and
Warmuth 1998, Tracking the best expert, Machine Learning 32; Adamskiy, Koolen, Chernov and Vovk 2016, A closer look at
adaptive regret, J. Mach. Learn. Res. 17 (runs of rounds).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from comove.options import Floats
from comove.signals.ensemble.elementary import added, artanh_ratio, exp, log

__all__ = ["RATE", "Mixed", "log_total", "mix", "regrets", "shared"]

RATE: Final = 2.0
"""eta, the largest for which the square loss on [0, 1] is mixable."""


class Mixed(NamedTuple):
    """A mixture of each column."""

    up: Floats
    """Probability of a rise, shape (columns,); NaN where all sleep."""
    shares: Floats
    """Weights of those awake over their sum, shape (sources, columns); 0 for a sleeper."""
    parts: Floats
    """What each adds to `up` - 1/2, shape (sources, columns)."""


def mix(log_weights: Floats, predictions: Floats) -> Mixed:
    """Return the mixture of the sources that are awake.

    Parameters
    ----------
    log_weights : float64, shape (sources, columns)
    predictions : float64, shape (sources, columns)
        Probabilities of a rise; NaN for a sleeper.
    """
    if not len(predictions):
        return Mixed(np.full(predictions.shape[1], np.nan), predictions, predictions)
    awake = predictions == predictions
    # A sleeper's weight is exp(-inf) = 0.
    logs = np.where(awake, log_weights, -np.inf)
    top = logs.max(axis=0)
    known = top > -np.inf
    p = np.where(awake, predictions, 0.5)
    q = 1.0 - p
    powers = np.empty((3, *p.shape))
    ahead = np.subtract(logs, np.where(known, top, 0.0), out=powers[0])
    np.subtract(ahead, RATE * p * p, out=powers[1])
    np.subtract(ahead, RATE * q * q, out=powers[2])
    weights, down, up = powers = exp(powers)
    sums = np.where(known, added(powers.transpose(1, 0, 2)), 1.0)
    total = sums[1] + sums[2]
    z = (sums[2] - sums[1]) / total
    stretch = 0.5 * artanh_ratio(z)
    # Rounding alone could leave [0, 1].
    value = np.where(known, np.minimum(np.maximum(0.5 + z * stretch, 0.0), 1.0), np.nan)
    return Mixed(value, weights / sums[0], (up - down) * (stretch / total))


def regrets(up: Floats, predictions: Floats, outcomes: Floats) -> Floats:
    """Return what the logarithms of the weights gain: 2 (loss of the mixture - loss of the source).

    Parameters
    ----------
    up : float64, shape (columns,)
        What the mixture said.
    predictions : float64, shape (sources, columns)
    outcomes : float64, shape (columns,)
        From 0 to 1.

    Returns
    -------
    float64, shape (sources, columns)
        0 where the source slept, the mixture said nothing, or the outcome is missing: all three are NaN.
    """
    gained = RATE * ((up - outcomes) ** 2 - (predictions - outcomes) ** 2)
    return np.where(gained == gained, gained, 0.0)


def log_total(log_weights: Floats) -> Floats:
    """Return the logarithm of the sum of the weights over the first axis."""
    top = log_weights.max(axis=0)
    out: Floats = top + log(added(exp(log_weights - top)))
    return out


def shared(log_weights: Floats, prior: Floats, share: float) -> Floats:
    """Return the logarithms of the weights after each gave a share to all, by their prior; the sum stays.

    Parameters
    ----------
    log_weights : float64, shape (sources, columns)
    prior : float64, shape (sources,)
        Adds up to 1.
    share : float, above 0 and below 1
    """
    top = log_weights.max(axis=0)
    weights = exp(log_weights - top)
    out: Floats = top + log((1.0 - share) * weights + share * prior[:, None] * added(weights))
    return out
