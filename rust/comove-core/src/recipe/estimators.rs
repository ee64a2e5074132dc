//! What the recipe reads of a window besides the estimators of a pair.

use pulp::Simd;

use crate::anchored::Anchored;
use crate::batch::Estimator;
use crate::lanes::{F, Mask};
use crate::moments::{PairMoments, SeriesMoments, State, Step, Weights};
use crate::readings::{PairReadings, SeriesReadings, varies};

/// Mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean;

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeanStd {
    /// Delta degrees of freedom.
    pub(super) ddof: u8,
}

/// The means of two series over the rows that have both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means;

/// Bias-corrected excess kurtosis, the G2 of Joanes and Gill (1998).
#[derive(Clone, Copy, Debug)]
pub(super) struct Kurtosis;

impl Estimator<1, 1> for Mean {
    type State<S: Simd> = SeriesMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, SeriesMoments<S>>, min_samples: F<S>) -> [F<S>; 1] {
        [SeriesReadings::new(window, min_samples).mean()]
    }
}

impl Estimator<1, 2> for MeanStd {
    type State<S: Simd> = SeriesMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, SeriesMoments<S>>, min_samples: F<S>) -> [F<S>; 2] {
        let readings = SeriesReadings::new(window, min_samples);
        [readings.mean(), readings.std(min_samples.like(f64::from(self.ddof)))]
    }
}

impl Estimator<2, 2> for Means {
    type State<S: Simd> = PairMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 2, PairMoments<S>>, min_samples: F<S>) -> [F<S>; 2] {
        PairReadings::new(window, min_samples).means()
    }
}

impl Estimator<1, 1> for Kurtosis {
    type State<S: Simd> = QuarticMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, QuarticMoments<S>>, min_samples: F<S>) -> [F<S>; 1] {
        [window.state.excess_kurtosis(min_samples)]
    }
}

/// The sums of the second, third and fourth powers of deviations from the mean.
///
/// # References
/// Pebay (2008), Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
/// moments, eqs. 2.1 and 3.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuarticMoments<S: Simd> {
    n: F<S>,
    mean: F<S>,
    /// Of the powers 2, 3 and 4.
    sums: [F<S>; 3],
}

impl<S: Simd> QuarticMoments<S> {
    /// (n - 1) / ((n - 2) (n - 3)) ((n + 1) n S4 / S2^2 - 3 (n - 1)); from 4 rows on.
    #[inline(always)]
    fn excess_kurtosis(&self, min_samples: F<S>) -> F<S> {
        let (n, [second, _, fourth]) = (self.n, self.sums);
        let k = |value: f64| n.like(value);
        let share = (n * fourth / second) / second;
        let g2 =
            (n - k(1.0)) / ((n - k(2.0)) * (n - k(3.0))) * ((n + k(1.0)) * share - k(3.0) * (n - k(1.0)));
        let defined = min_samples.le(n).and(k(4.0).le(n)).and(varies(second)).and(g2.is_finite());
        defined.pick(g2, k(f64::NAN))
    }
}

impl<S: Simd> State<S, 1> for QuarticMoments<S> {
    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = F::splat(simd, 0.0);
        Self { n: zero, mean: zero, sums: [zero; 3] }
    }

    #[inline(always)]
    fn count(&self) -> F<S> {
        self.n
    }

    #[inline(always)]
    fn mean(&self) -> [F<S>; 1] {
        [self.mean]
    }

    #[inline(always)]
    fn pick(mask: Mask<S>, yes: &Self, no: &Self) -> Self {
        Self {
            n: mask.pick(yes.n, no.n),
            mean: mask.pick(yes.mean, no.mean),
            sums: core::array::from_fn(|i| mask.pick(yes.sums[i], no.sums[i])),
        }
    }

    #[inline(always)]
    fn take(&mut self, [e]: [F<S>; 1], step: Step<S>) {
        self.n = self.n + step.added;
        let n = self.n;
        let k = |value: f64| n.like(value);
        let part = e * step.reciprocal;
        let square = (e * step.shrink) * e;
        let [second, third, _] = self.sums;
        let own = (square * part) * part * ((n * n - k(3.0) * n) + k(3.0));
        self.sums[2] = self.sums[2] + (own + (k(6.0) * (part * part) * second - k(4.0) * part * third));
        self.sums[1] = third + ((square * part) * (n - k(2.0)) - k(3.0) * part * second);
        self.sums[0] = second + square;
        self.mean = self.mean + part;
    }

    #[inline(always)]
    fn join(a: &Self, b: &Self, [apart]: [F<S>; 1], weights: Weights<S>) -> Self {
        let k = |value: f64| apart.like(value);
        let (of_a, of_b) = (weights.share, k(1.0) - weights.share);
        let ([a2, a3, a4], [b2, b3, b4]) = (a.sums, b.sums);
        let weighted = apart * weights.cross;
        let square = apart * apart;
        let second = (a2 + b2) + weighted * apart;
        let third =
            (a3 + b3) + ((weighted * square) * (of_a - of_b) + k(3.0) * apart * (of_a * b2 - of_b * a2));
        let fourth = (a4 + b4)
            + ((weighted * apart) * square * ((of_a * of_a - of_a * of_b) + of_b * of_b)
                + (k(6.0) * square * (of_a * of_a * b2 + of_b * of_b * a2)
                    + k(4.0) * apart * (of_a * b3 - of_b * a3)));
        Self { n: weights.n, mean: b.mean - apart * weights.share, sums: [second, third, fourth] }
    }
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::{Kurtosis, QuarticMoments};
    use crate::batch::rolling;
    use crate::lanes::F;
    use crate::moments::{State, Step, Weights};
    use crate::params::Window;

    fn values(rows: usize) -> Vec<f64> {
        (0..rows).map(|row| ((row * 7919) % 101) as f64 * 0.125 - 3.0 + ((row * 31) % 7) as f64).collect()
    }

    fn splat(value: f64) -> F<Scalar> {
        F::splat(Scalar, value)
    }

    /// All values, one after the other.
    fn whole(values: &[f64]) -> QuarticMoments<Scalar> {
        let mut state = QuarticMoments::empty(Scalar);
        for (i, &value) in values.iter().enumerate() {
            let n = (i + 1) as f64;
            let step = Step { added: splat(1.0), reciprocal: splat(1.0 / n), shrink: splat((n - 1.0) / n) };
            let apart = value - state.mean.first();
            state.take([splat(apart)], step);
        }
        state
    }

    /// n, mean and the sums of powers, from their definition.
    fn plain(values: &[f64]) -> [f64; 5] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let sum = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>();
        [n, mean, sum(2), sum(3), sum(4)]
    }

    fn close(state: &QuarticMoments<Scalar>, expected: [f64; 5]) {
        let [second, third, fourth] = state.sums.map(F::first);
        let scale = [1.0, 1.0 + expected[1].abs(), expected[2], expected[2].powf(1.5), expected[4]];
        let found = [state.n.first(), state.mean.first(), second, third, fourth];
        for ((found, expected), scale) in found.into_iter().zip(expected).zip(scale) {
            assert!((found - expected).abs() <= 1e-13 * scale, "{found} instead of {expected}");
        }
    }

    #[test]
    fn combined_parts_are_the_whole() {
        let values = values(90);
        close(&whole(&values), plain(&values));
        for split in [1, 2, 30, 45, 89] {
            let (a, b) = (whole(&values[..split]), whole(&values[split..]));
            let weights = Weights::of(a.n, b.n);
            let apart = b.mean - a.mean;
            close(&QuarticMoments::join(&a, &b, [apart], weights), plain(&values));
        }
    }

    #[test]
    fn kurtosis_is_that_of_joanes_and_gill() -> crate::Result<()> {
        let values = values(400);
        let mut found = vec![0.0; values.len()];
        rolling(Kurtosis, &Window::rows(60, 2, None)?, [&values[..]], &[], [&mut found])?;
        for row in 59..values.len() {
            let [n, _, second, _, fourth] = plain(&values[row - 59..=row]);
            let g2 = n * fourth / (second * second) - 3.0;
            let expected = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0);
            assert!((found[row] - expected).abs() < 1e-12, "{} instead of {expected}", found[row]);
        }
        assert!(found[..59].iter().all(|value| value.is_nan()));
        Ok(())
    }
}
