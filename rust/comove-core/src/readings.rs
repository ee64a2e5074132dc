//! What can be read from the moments of a window.
//!
//! # Letters
//! n complete rows, S_yy, S_xy, S_xx centred products (asset y, benchmark x), SSE squared residuals.
//!
//! A reading that is not defined is NaN: too few rows, a benchmark that does not vary, or sums of
//! squares outside the range of float64.

use pulp::Simd;

use crate::anchored::Anchored;
use crate::lanes::{F, Mask};
use crate::moments::{PairMoments, Regression, SeriesMoments};

/// Below this a sum of squares has lost digits to underflow and is not used. A product of two deviations
/// is wrong by at most 2^-1075, so a sum of n of them at 2^-1012 by n 2^-63 of itself.
const LEAST_SUM: f64 = f64::MIN_POSITIVE * 1024.0;

/// Residuals whose squares sum to less than 2^-88 of the asset's own are rounding: the fit is perfect.
/// Rounding leaves each residual with an error of a few 2^-53, times at most the square root of n.
const PERFECT_FIT: f64 = 1.0 / (1_u128 << 88) as f64;

/// Correlations are scaled before their product where a sum of squares is outside 2^-400 to 2^400.
const ORDINARY: (f64, f64) = (1.0 / TWO_400, TWO_400);
const TWO_400: f64 = TWO_100 * TWO_100 * TWO_100 * TWO_100;
const TWO_100: f64 = (1_u128 << 100) as f64;
const TWO_256: f64 = TWO_400 / TWO_100 / (1_u64 << 44) as f64;

/// Usable as a divisor: it varies, and its sum of squares is in range.
#[inline(always)]
pub(crate) fn varies<S: Simd>(sum: F<S>) -> Mask<S> {
    sum.like(LEAST_SUM).le(sum).and(sum.le(sum.like(f64::MAX)))
}

/// Whether residuals whose squares sum to `sse` are rounding beside the asset's own `syy`, over n rows.
pub(crate) fn is_perfect(sse: f64, syy: f64, n: f64) -> bool {
    sse <= syy * (n * PERFECT_FIT)
}

/// Usable in a covariance: in range, or exactly 0.
#[inline(always)]
pub(crate) fn in_range<S: Simd>(sum: F<S>) -> Mask<S> {
    varies(sum).or(sum.equals(sum.like(0.0)))
}

#[inline(always)]
fn where_defined<S: Simd>(defined: Mask<S>, value: F<S>) -> F<S> {
    defined.and(value.is_finite()).pick(value, value.like(f64::NAN))
}

/// Readings of a pair over one window.
#[derive(Clone, Copy, Debug)]
pub struct PairReadings<S: Simd> {
    moments: PairMoments<S>,
    anchor: [F<S>; 2],
    enough: Mask<S>,
}

impl<S: Simd> PairReadings<S> {
    /// Readings that are given where the window holds at least `min_samples` complete rows.
    #[inline(always)]
    pub fn new(window: &Anchored<S, 2, PairMoments<S>>, min_samples: F<S>) -> Self {
        let moments = window.state;
        Self { moments, anchor: window.anchor, enough: min_samples.le(moments.n) }
    }

    /// Complete rows in the window.
    #[inline(always)]
    pub fn n(&self) -> F<S> {
        self.moments.n
    }

    /// The means of both.
    #[inline(always)]
    pub fn means(&self) -> [F<S>; 2] {
        core::array::from_fn(|i| where_defined(self.enough, self.anchor[i] + self.moments.mean[i]))
    }

    /// beta = Sxy / Sxx
    #[inline(always)]
    pub fn beta(&self) -> F<S> {
        let sxx = self.moments.sxx();
        where_defined(self.enough.and(varies(sxx)), self.moments.sxy() / sxx)
    }

    /// Sxy / Syy, the slope of the benchmark on the asset
    #[inline(always)]
    pub fn reverse_beta(&self) -> F<S> {
        let syy = self.moments.syy();
        where_defined(self.enough.and(varies(syy)), self.moments.sxy() / syy)
    }

    /// alpha = mean(y) - beta mean(x)
    #[inline(always)]
    pub fn alpha(&self) -> F<S> {
        let beta = self.beta();
        let [y, x] = self.anchor;
        let [my, mx] = self.moments.mean;
        let value = (y - beta * x) + (my - beta * mx);
        where_defined(self.enough, value)
    }

    /// corr = Sxy / sqrt(Sxx Syy), in [-1, 1]
    ///
    /// The raw quotient exceeds 1 by a few ulp at most; tests hold it to 8.
    #[inline(always)]
    pub fn corr(&self) -> F<S> {
        let (raw, defined) = self.quotient();
        let one = raw.like(1.0);
        defined.pick(raw.at_most(one).at_least(raw.like(-1.0)), raw.like(f64::NAN))
    }

    /// The quotient before the excess over 1 is cut.
    #[cfg(test)]
    #[inline(always)]
    pub fn raw_corr(&self) -> F<S> {
        let (raw, defined) = self.quotient();
        defined.pick(raw, raw.like(f64::NAN))
    }

    /// Sxy / sqrt(Sxx Syy), and where it is defined.
    #[inline(always)]
    fn quotient(&self) -> (F<S>, Mask<S>) {
        let (mut sxx, mut syy, mut sxy) = (self.moments.sxx(), self.moments.syy(), self.moments.sxy());
        let mut defined = self.enough;
        let (least, most) = (sxx.like(ORDINARY.0), sxx.like(ORDINARY.1));
        let ordinary = least.le(sxx).and(sxx.le(most)).and(least.le(syy)).and(syy.le(most));
        if !ordinary.all() {
            defined = defined.and(varies(sxx)).and(varies(syy));
            // Powers of four under the root: exact, so no bit differs from the plain way.
            for sum in [&mut sxx, &mut syy] {
                let small = sum.lt(least);
                let large = most.lt(*sum);
                let one = sum.like(1.0);
                let up = sum.like(TWO_256);
                let root = small.pick(up, large.pick(sum.like(1.0 / TWO_256), one));
                *sum = (*sum * root) * root;
                sxy = sxy * root;
            }
        }
        (sxy / (sxx * syy).sqrt(), defined)
    }

    /// corr^2
    #[inline(always)]
    pub fn r_squared(&self) -> F<S> {
        let corr = self.corr();
        corr * corr
    }

    /// Sxy / (n - ddof)
    #[inline(always)]
    pub fn cov(&self, ddof: F<S>) -> F<S> {
        let moments = &self.moments;
        let defined =
            self.enough.and(ddof.lt(moments.n)).and(in_range(moments.sxx())).and(in_range(moments.syy()));
        where_defined(defined, moments.sxy() / (moments.n - ddof))
    }

    /// Sxy times `factor`: the covariance of weighted rows
    #[inline(always)]
    pub fn scaled_cov(&self, factor: F<S>) -> F<S> {
        let moments = &self.moments;
        let defined = self.enough.and(in_range(moments.sxx())).and(in_range(moments.syy()));
        where_defined(defined, moments.sxy() * factor)
    }

    /// Syy / (n - ddof) of the asset
    #[inline(always)]
    pub fn var(&self, ddof: F<S>) -> F<S> {
        variance(self.enough, self.moments.n, self.moments.syy(), ddof)
    }

    /// Sxx / (n - ddof) of the benchmark
    #[inline(always)]
    pub fn var_benchmark(&self, ddof: F<S>) -> F<S> {
        variance(self.enough, self.moments.n, self.moments.sxx(), ddof)
    }
}

#[inline(always)]
fn variance<S: Simd>(enough: Mask<S>, n: F<S>, sum: F<S>, ddof: F<S>) -> F<S> {
    where_defined(enough.and(ddof.lt(n)).and(in_range(sum)), sum / (n - ddof))
}

/// Readings of a regression over one window.
#[derive(Clone, Copy, Debug)]
pub struct RegressionReadings<S: Simd> {
    /// Those that need no residuals.
    pub pair: PairReadings<S>,
    sse: F<S>,
}

impl<S: Simd> RegressionReadings<S> {
    /// Readings that are given where the window holds at least `min_samples` complete rows.
    #[inline(always)]
    pub fn new(window: &Anchored<S, 2, Regression<S>>, min_samples: F<S>) -> Self {
        let pair = Anchored { anchor: window.anchor, state: window.state.pair };
        Self { pair: PairReadings::new(&pair, min_samples), sse: window.state.sse }
    }

    /// sqrt(SSE / (n - 2)); exactly 0 for a perfect fit, missing below 3 rows
    #[inline(always)]
    pub fn residual_std(&self) -> F<S> {
        let moments = &self.pair.moments;
        let (two, zero) = (moments.n.like(2.0), moments.n.like(0.0));
        let defined =
            self.pair.enough.and(two.lt(moments.n)).and(varies(moments.sxx())).and(in_range(moments.syy()));
        let perfect = self.sse.le(moments.syy() * moments.n.like(PERFECT_FIT));
        let sse = perfect.pick(zero, self.sse);
        where_defined(defined, (sse / (moments.n - two)).sqrt())
    }

    /// residual_std / sqrt(Sxx)
    #[inline(always)]
    pub fn beta_stderr(&self) -> F<S> {
        where_defined(self.pair.enough, self.residual_std() / self.pair.moments.sxx().sqrt())
    }
}

/// Readings of one series over one window.
#[derive(Clone, Copy, Debug)]
pub struct SeriesReadings<S: Simd> {
    moments: SeriesMoments<S>,
    anchor: F<S>,
    enough: Mask<S>,
}

impl<S: Simd> SeriesReadings<S> {
    /// Readings that are given where the window holds at least `min_samples` values.
    #[inline(always)]
    pub fn new(window: &Anchored<S, 1, SeriesMoments<S>>, min_samples: F<S>) -> Self {
        Self { moments: window.state, anchor: window.anchor[0], enough: min_samples.le(window.state.n) }
    }

    /// The mean.
    #[inline(always)]
    pub fn mean(&self) -> F<S> {
        where_defined(self.enough, self.anchor + self.moments.mean[0])
    }

    /// S / (n - ddof)
    #[inline(always)]
    pub fn var(&self, ddof: F<S>) -> F<S> {
        variance(self.enough, self.moments.n, self.moments.products[0], ddof)
    }

    /// sqrt(S / (n - ddof))
    #[inline(always)]
    pub fn std(&self, ddof: F<S>) -> F<S> {
        self.var(ddof).sqrt()
    }
}
