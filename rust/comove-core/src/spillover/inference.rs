//! How sure a coefficient is.
//!
//! # Letters
//! b coefficient; y, x volatilities of n pairs, u = x - mean(x), SSE sum of squared residuals, `S_xx` = sum of u^2; v rows of
//! returns in a volatility; w_k = max(0, 1 - |k| / v), the share of returns that volatilities k rows apart have in common;
//! h spacing, m pairs among the rows t, t - h, t - 2 h, ... of the window; L lags.
//!
//! - overlap: sqrt(s Q) / Sxx, Q = sum over i, j of w(i - j) u_i u_j, s = SSE / (n - A - Q / Sxx), A = sum over i, j of
//!   w(i - j) / n; missing where n < 10 v. Of independent returns Var(b | x) = s Q / Sxx^2, and E(SSE) is the trace of R W, R
//!   the projection on residuals. n / (sum of w_k^2) - 1 degrees of freedom.
//! - spaced: sqrt(SSE / (m - 2) / Sxx) of the least-squares line of the m spaced pairs, missing below 10 of them. The
//!   p-value is that of the slope of this line, with m - 2 degrees of freedom.
//! - Newey-West: sqrt(G) / Sxx, G = g_0 + 2 sum over l = 1..L of (1 - l / (L + 1)) g_l, g_l the sum of u_s r_s, r the
//!   residuals, times the same l rows earlier, a missing row counting as 0; n - 2 degrees of freedom,
//!   missing below 10 pairs.
//!
//! Q is 1/v times the sum, over all boxes of v rows that touch the window, of the squared sum of u in the box: nothing is
//! subtracted, and it is never below 0. A box is the end of one block of v rows and the beginning of the next.
//!
//! # Complexity
//! O(W), O(W / h), O(W L).
//!
//! # References
//! Newey, West (1987), A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
//! matrix, eq. 5; Student's distribution by the continued fraction of the incomplete beta function, Abramowitz and Stegun
//! (1964), 26.5.8 and 26.7.1.

use pulp::Scalar;

use crate::error::Result;
use crate::lanes::F;
use crate::params::{MAX_ROWS, at_least, at_most};
use crate::readings::{in_range, is_perfect, varies};

/// The least pairs that share no return, of which a standard error is made.
pub const LEAST_SPACED: usize = 10;

/// Parameters of a line.
const PARAMETERS: usize = 2;

/// How a standard error is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stderr {
    /// Of volatilities of so many returns, which overlap.
    Overlap(usize),
    /// Of pairs so many rows apart.
    Spaced(usize),
    /// Bartlett kernel, so many lags.
    NeweyWest(usize),
}

/// What is known of a coefficient; NaN where it is not.
#[derive(Clone, Copy, Debug)]
pub struct Inference {
    /// Standard error.
    pub stderr: f64,
    /// Of the hypothesis that the coefficient is 0, two-sided.
    pub p_value: f64,
}

impl Inference {
    const MISSING: Self = Self { stderr: f64::NAN, p_value: f64::NAN };

    /// Of a slope whose standard error is the product of the residuals' size and what the design makes of it: apart, for
    /// their squares may leave the range of float64 where the product is ordinary.
    fn new(slope: f64, [residual, design]: [f64; 2], degrees: f64) -> Self {
        let stderr = residual * design;
        if !stderr.is_finite() {
            return Self::MISSING;
        }
        // A perfect fit has no t.
        let p_value = if stderr > 0.0 { two_sided_student(slope / stderr, degrees) } else { f64::NAN };
        Self { stderr, p_value }
    }
}

/// Least squares of the pairs that `pairs` gives.
struct Line {
    origin: [f64; 2],
    mean: [f64; 2],
    pairs: usize,
    slope: f64,
    sxx: f64,
    syy: f64,
}

impl Line {
    /// `None` where x does not vary, or below 3 pairs, or where squares leave the range of float64. Deviations are taken from the first pair, so that a level costs no
    /// digits.
    fn of<I: Iterator<Item = [f64; 2]>>(pairs: impl Fn() -> I) -> Option<Self> {
        let origin = pairs().next()?;
        let (mut count, mut sums) = (0, [0.0; 2]);
        for pair in pairs() {
            count += 1;
            for i in 0..2 {
                sums[i] += pair[i] - origin[i];
            }
        }
        let mean = sums.map(|sum| sum / count as f64);
        let mut line = Self { origin, mean, pairs: count, slope: 0.0, sxx: 0.0, syy: 0.0 };
        let mut sxy = 0.0;
        for pair in pairs() {
            let [y, x] = line.deviations(pair);
            sxy += x * y;
            line.sxx += x * x;
            line.syy += y * y;
        }
        let usable = varies(F::splat(Scalar, line.sxx)).and(in_range(F::splat(Scalar, line.syy))).all();
        line.slope = sxy / line.sxx;
        (usable && count > PARAMETERS && line.slope.is_finite()).then_some(line)
    }

    fn deviations(&self, pair: [f64; 2]) -> [f64; 2] {
        core::array::from_fn(|i| (pair[i] - self.origin[i]) - self.mean[i])
    }

    fn residual(&self, pair: [f64; 2]) -> f64 {
        let [y, x] = self.deviations(pair);
        y - self.slope * x
    }

    fn squared_residuals(&self, pairs: impl Iterator<Item = [f64; 2]>) -> f64 {
        let sse = pairs.fold(0.0, |sse, pair| {
            let residual = self.residual(pair);
            sse + residual * residual
        });
        if is_perfect(sse, self.syy, self.pairs as f64) { 0.0 } else { sse }
    }
}

impl Stderr {
    /// Checked options.
    ///
    /// # Errors
    /// `vol_window`, `spacing` or `newey_west_lags` below 1, or beyond 2^48; lags that the window does not hold.
    pub(super) fn checked(self, window_size: usize) -> Result<Self> {
        let (name, value) = match self {
            Self::Overlap(vol_window) => ("vol_window", vol_window),
            Self::Spaced(spacing) => ("spacing", spacing),
            Self::NeweyWest(lags) => ("newey_west_lags", lags),
        };
        at_least(name, value, 1)?;
        at_most(name, value, MAX_ROWS, "2^48")?;
        if let Self::NeweyWest(lags) = self {
            // With all lags there are, the sum is that of all scores, squared: 0.
            at_most(name, lags, window_size - 1, "window_size - 1")?;
        }
        Ok(self)
    }

    /// The standard error of `slope` in a window of `held` rows; `row` gives y and x so many rows ago.
    pub(super) fn of(self, slope: f64, held: usize, row: impl Fn(usize) -> [f64; 2]) -> Inference {
        if slope.is_nan() {
            return Inference::MISSING;
        }
        let present = |ago: usize| Some(row(ago)).filter(|pair| pair.iter().all(|value| value.is_finite()));
        match self {
            Self::Overlap(vol_window) => overlap(slope, vol_window, held, present),
            Self::Spaced(spacing) => spaced(|| (0..held).step_by(spacing).filter_map(present)),
            Self::NeweyWest(lags) => newey_west(slope, lags, held, present),
        }
    }
}

fn overlap(
    slope: f64,
    vol_window: usize,
    held: usize,
    present: impl Fn(usize) -> Option<[f64; 2]>,
) -> Inference {
    let pairs = || (0..held).filter_map(&present);
    let Some(mut line) = Line::of(pairs) else { return Inference::MISSING };
    if line.pairs / vol_window < LEAST_SPACED {
        return Inference::MISSING;
    }
    line.slope = slope;
    let (root, n, v) = (line.sxx.sqrt(), line.pairs as f64, vol_window as f64);
    // Q / Sxx and A.
    let [of_x, of_mean] = over_boxes(vol_window, held, |ago| {
        // Scaled by the root of Sxx, so that scales far from 1 stay in range.
        present(ago).map_or([0.0; 2], |pair| [line.deviations(pair)[1] / root, 1.0])
    });
    let (of_x, of_mean) = (of_x / v, of_mean / v / n);
    let freedom = n - of_mean - of_x;
    if freedom <= 0.0 {
        return Inference::MISSING;
    }
    let parts = [(line.squared_residuals(pairs()) / freedom).sqrt(), of_x.sqrt() / root];
    // Sum of w_k^2 over |k| < v.
    let shared = (2.0 * v + 1.0 / v) / 3.0;
    Inference::new(slope, parts, n / shared - 1.0)
}

/// Squared sums of two series over every box of `length` rows that touches rows `0..held`, summed up.
fn over_boxes(length: usize, held: usize, row: impl Fn(usize) -> [f64; 2]) -> [f64; 2] {
    let row = |at: usize| if at < held { row(at) } else { [0.0; 2] };
    // Sums from a row of the block before to its end.
    let mut before = vec![[0.0; 2]; length + 1];
    let mut squares = [0.0; 2];
    let mut start = 0;
    while start < held + length {
        let mut growing = [0.0; 2];
        for place in 0..length {
            let value = row(start + place);
            for i in 0..2 {
                growing[i] += value[i];
                let sum = before[place + 1][i] + growing[i];
                squares[i] += sum * sum;
            }
        }
        for place in (0..length).rev() {
            let value = row(start + place);
            before[place] = core::array::from_fn(|i| before[place + 1][i] + value[i]);
        }
        start += length;
    }
    squares
}

fn spaced<I: Iterator<Item = [f64; 2]>>(pairs: impl Fn() -> I) -> Inference {
    let Some(line) = Line::of(&pairs).filter(|line| line.pairs >= LEAST_SPACED) else {
        return Inference::MISSING;
    };
    let degrees = (line.pairs - PARAMETERS) as f64;
    let parts = [(line.squared_residuals(pairs()) / degrees).sqrt(), 1.0 / line.sxx.sqrt()];
    Inference::new(line.slope, parts, degrees)
}

fn newey_west(
    slope: f64,
    lags: usize,
    held: usize,
    present: impl Fn(usize) -> Option<[f64; 2]>,
) -> Inference {
    let line = Line::of(|| (0..held).filter_map(&present)).filter(|line| line.pairs >= LEAST_SPACED);
    let Some(mut line) = line else { return Inference::MISSING };
    line.slope = slope;
    let degrees = (line.pairs - PARAMETERS) as f64;
    if line.squared_residuals((0..held).filter_map(&present)) <= 0.0 {
        return Inference::new(slope, [0.0, 1.0], degrees);
    }
    let root = line.sxx.sqrt();
    let score = |ago: usize| {
        present(ago).map_or(0.0, |pair| {
            let [_, x] = line.deviations(pair);
            // Scaled by the root of Sxx, so that scales far from 1 stay in range.
            (x / root) * line.residual(pair)
        })
    };
    let mut variance = 0.0;
    for lag in 0..=lags.min(held.saturating_sub(1)) {
        let mut sum = 0.0;
        for ago in lag..held {
            sum += score(ago - lag) * score(ago);
        }
        let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
        variance += if lag == 0 { sum } else { 2.0 * weight * sum };
    }
    // The Bartlett kernel gives no negative variance; rounding may.
    Inference::new(slope, [variance.max(0.0).sqrt(), 1.0 / root], degrees)
}

/// P(|T| > |t|) of Student's T with `degrees` degrees of freedom.
pub fn two_sided_student(t: f64, degrees: f64) -> f64 {
    // I_z(d/2, 1/2) with z = d / (d + t^2).
    let square = t * t;
    let (z, rest) = (degrees / (degrees + square), square / (degrees + square));
    if !square.is_finite() {
        return if t.is_nan() { f64::NAN } else { 0.0 };
    }
    incomplete_beta(0.5 * degrees, 0.5, z, rest)
}

/// The regularised incomplete beta function at `x`, `rest` = 1 - x.
fn incomplete_beta(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    if x <= 0.0 || rest <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The logarithm of the larger of the two comes from the smaller, of which a large `a` or `b` keeps more digits.
    let log = |part: f64, other: f64| if part > 0.5 { libm::log1p(-other) } else { libm::log(part) };
    let front = libm::exp(log_gamma_ratio(a, b) - libm::lgamma(b) + a * log(x, rest) + b * log(rest, x));
    // The fraction converges quickly on this side of the mean.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, rest) / b
    }
}

/// ln(Gamma(a + b) / Gamma(a)), for b of 1/2 with the digits that two logarithms of a large `a` would cancel.
fn log_gamma_ratio(a: f64, b: f64) -> f64 {
    /// From here on the series below is exact to rounding: its next term is 17 / (14336 a^7).
    const LARGE: f64 = 100.0;
    if a < LARGE || b.to_bits() != 0.5_f64.to_bits() {
        return libm::lgamma(a + b) - libm::lgamma(a);
    }
    // Abramowitz and Stegun (1964), from 6.1.40.
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    0.5 * libm::log(a) - inverse * (1.0 / 8.0 - square * (1.0 / 192.0 - square / 640.0))
}

/// The continued fraction of the incomplete beta function, by the method of Lentz (1976).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    /// In place of a zero denominator.
    const TINY: f64 = f64::MIN_POSITIVE / f64::EPSILON;
    /// About sqrt(max(a, b)) steps are needed; this bounds them for windows of 2^48 rows.
    const MOST_STEPS: usize = 100_000;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..=MOST_STEPS {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let change = d * c;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::{Stderr, over_boxes, two_sided_student};

    #[test]
    fn student_where_it_is_known_in_closed_form() {
        // One degree: 1 - 2 atan(t) / pi. Two degrees: 1 - t / sqrt(2 + t^2).
        for t in [0.1, 0.7, 1.0, 3.0, 40.0, -2.0_f64] {
            let one = 1.0 - 2.0 * libm::atan(t.abs()) / core::f64::consts::PI;
            let two = 1.0 - t.abs() / (2.0 + t * t).sqrt();
            assert!((two_sided_student(t, 1.0) - one).abs() < 1e-13, "{t}");
            assert!((two_sided_student(t, 2.0) - two).abs() < 1e-13, "{t}");
        }
        assert!((two_sided_student(0.0, 7.0) - 1.0).abs() < 1e-15);
        assert!(two_sided_student(f64::INFINITY, 7.0).abs() < 1e-300);
        // The 5 % point for 10 degrees.
        assert!((two_sided_student(2.228_138_851_986_274, 10.0) - 0.05).abs() < 1e-12);
    }

    #[test]
    fn boxes_by_hand() {
        // Of 1, 2, 4: the boxes of two rows hold 1, 3, 6 and 4; those of five rows 1, 3, 7, 7, 7, 6 and 4.
        let row = |ago: usize| [[1.0, 2.0, 4.0][ago], 1.0];
        for (length, expected) in [(1, [21.0, 3.0]), (2, [62.0, 10.0]), (5, [209.0, 37.0])] {
            assert_eq!(over_boxes(length, 3, row).map(f64::to_bits), expected.map(f64::to_bits));
        }
    }

    #[test]
    fn four_pairs_are_too_few_and_a_perfect_fit_has_no_error() {
        let row = |ago: usize| [2.0 * ago as f64 + 1.0, ago as f64];
        assert!(Stderr::Spaced(1).of(2.0, 4, row).stderr.is_nan());
        for kind in [Stderr::Spaced(1), Stderr::NeweyWest(3), Stderr::Overlap(1)] {
            let found = kind.of(2.0, 12, row);
            assert!(found.stderr.to_bits() == 0 && found.p_value.is_nan());
        }
    }
}
