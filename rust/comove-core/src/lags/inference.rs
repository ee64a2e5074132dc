//! How much to believe a lead: p-values of the lag scan.
//!
//! # Letters
//! y asset, x leader, s a row of the window, L `max_lag`; `u` and `v` what an AR(1) leaves of y and x; k a lag,
//! negative where the leader moved first; e centred products at one lag; `S_k` = (sum e)^2 / sum e^2; `q_k` =
//! sum e^4 / (sum e^2)^2; `p_k` the p-value of one lag.
//!
//! # The tests
//! Each series is fitted to its own value of the row before, with an intercept, over the window:
//! `y_s` = a + phi `y_(s-1)` + `u_s`. Without this, two unrelated series that each remember their past look related.
//! At k < 0, with z the residual of `v_(s+k)` regressed on `y_(s-1)` and a constant, `e_s` = `u_s z_s`; at k > 0 the
//! two series change places; at k = 0 e is the product of the centred u and v. The step from v to z accounts for phi
//! being estimated: with a correlation of 0.7 at lag 0 and L = 3 the test would reject 2 % instead of 5 % without it.
//!
//! Under the null the signs of e are as good as coins, so that `S_k` has mean 1 whatever the volatility does, and a
//! fourth cumulant of -2 `q_k` before the square. With z = sqrt(`S_k`) and the normal density f, the first term of
//! Edgeworth's series gives
//!
//!   `p_k` = P(|N| > z) - `q_k` / 6 (z^3 - 3 z) f(z), but at least a quarter of P(|N| > z)
//!
//! and over m lags p = 1 - (1 - min `p_k`)^m (Sidak). The sum of `S_k` against chi-squared has the same size and finds
//! one lag less often.
//!
//! # References
//! Haugh (1976) for the two prewhitened series; Robinson (1991) and Lo, MacKinlay (1989) for the sum of squared
//! products as a variance; Wooldridge (1990) for the regression from v to z; Edgeworth's series as in Hall (1992),
//! section 2.3; Sidak (1967).

use core::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::error::Result;
use crate::params::same_length;

/// Pairs a lag needs: three numbers are fitted to each, and below this little but their error is left.
pub const MIN_PAIRS: usize = 10;

/// What the correction may take off: it is the first term of a series that has no bound. A quarter keeps the size at
/// 5 % and 1 % under heavy tails and volatility; none rejects up to 2 times too often at 1 %, a half too rarely.
const LEAST_SHARE: f64 = 0.25;

/// Below this share of a series' size (root of sums of squares, 2^-36) a residual is the rounding of its regression.
const ROUNDING: f64 = 1.455_191_522_836_685e-11;

/// P-values of the lag scan; NaN where not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagTests {
    /// No relation at any lag.
    pub p_value: f64,
    /// No relation at any k < 0: the leader does not move first.
    pub lead_p_value: f64,
    /// No relation at any k > 0: the asset does not move first.
    pub follow_p_value: f64,
}

impl LagTests {
    /// Not defined.
    pub const MISSING: Self = Self { p_value: f64::NAN, lead_p_value: f64::NAN, follow_p_value: f64::NAN };
}

/// Memory that calls may share; it grows to the longest window.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    asset: Whitened,
    leader: Whitened,
}

/// The tests over one window: `asset` and `leader` hold its rows and the `max_lag` rows before it, oldest first.
///
/// The earlier rows serve as lagged values only. A value that is not finite is missing; pairs with a missing side are
/// skipped, lag by lag. Not defined below [`MIN_PAIRS`] pairs at any lag, where a series does not vary in the window or
/// is a line of its own past, and for `max_lag` 0.
///
/// # Errors
/// Slices of different lengths.
///
/// # Precision
/// Swapping the series swaps `lead_p_value` and `follow_p_value` bit for bit; powers of two as factors change no bit.
/// Rounding is below 1e-14 (6e-15 found over 720 windows). `libm::erfc` and `libm::exp` are within 1 ulp.
///
/// At 5 %, in 2000 runs, windows of 120 to 1000 rows and `max_lag` 3 to 20 reject 3.7 to 6.8 % (4.9 to 5.5 % in 20000
/// runs) of white noise and AR(1) series, where the sides are concerned also of those that correlate in the same row;
/// under shared volatility and heavy tails 2.8 to 6 % (`tests/check_size.py`). A memory longer than an
/// AR(1) is not removed: where both series are moving averages with -0.3 and correlate by 0.7 in the same row,
/// `lead_p_value` rejects 7, 13 and 22 % at 120, 500 and 1000 rows; with -0.2, 5, 7 and 7 %.
///
/// # Complexity
/// `window_size` times (2 `max_lag` + 1), five passes; no memory beyond `scratch`.
///
/// # Examples
/// ```
/// use comove_core::lags::inference::{Scratch, lag_tests};
///
/// let noise = |seed: u32| (0..203_u32).map(move |i| f64::from((i * i * (i + seed)).wrapping_mul(2_654_435_761) >> 8));
/// let leader: Vec<f64> = noise(1).collect();
/// let asset: Vec<f64> = noise(7).enumerate().map(|(t, own)| own + if t < 2 { 0.0 } else { leader[t - 2] }).collect();
/// let tests = lag_tests(&asset, &leader, 3, &mut Scratch::default())?;
/// assert!(tests.lead_p_value < 0.001 && tests.follow_p_value > 0.05);
/// # Ok::<(), comove_core::Error>(())
/// ```
pub fn lag_tests(asset: &[f64], leader: &[f64], max_lag: usize, scratch: &mut Scratch) -> Result<LagTests> {
    same_length("leader", leader.len(), asset.len())?;
    Ok(tests(asset, leader, max_lag, scratch).unwrap_or(LagTests::MISSING))
}

fn tests(asset: &[f64], leader: &[f64], max_lag: usize, scratch: &mut Scratch) -> Option<LagTests> {
    if max_lag == 0 || asset.len() <= max_lag {
        return None;
    }
    let Scratch { asset: y, leader: x } = scratch;
    y.fit(asset, max_lag)?;
    x.fit(leader, max_lag)?;
    let (y, x) = (&*y, &*x);
    let lead = smallest(y, x, max_lag)?;
    let follow = smallest(x, y, max_lag)?;
    let both = same_row(y, x, max_lag)?;
    Some(LagTests {
        p_value: any_of(lead.min(follow).min(both), 2 * max_lag + 1),
        lead_p_value: any_of(lead, max_lag),
        follow_p_value: any_of(follow, max_lag),
    })
}

/// A series less its mean, in units of a power of two, and what an AR(1) leaves of it; NaN where missing.
#[derive(Clone, Debug, Default)]
struct Whitened {
    centred: Vec<f64>,
    residual: Vec<f64>,
}

impl Whitened {
    /// The fit is to the rows from `first` on and holds for the earlier ones too.
    fn fit(&mut self, values: &[f64], first: usize) -> Option<()> {
        let window = values.get(first..)?;
        let mean = mean(window.iter().copied().filter(|v| v.is_finite()))?;
        let distance = |v: &f64| (v - mean).abs();
        let most = values.iter().filter(|v| v.is_finite()).map(distance).fold(0.0, f64::max);
        // Products of four of these must neither overflow nor underflow.
        let (_, exponent) = libm::frexp(most);
        self.centred.clear();
        self.centred.extend(
            values.iter().map(|v| if v.is_finite() { libm::scalbn(v - mean, -exponent) } else { f64::NAN }),
        );

        let c = &self.centred;
        let rows = || {
            let pairs = (first.max(1)..c.len()).map(|s| (c[s - 1], c[s]));
            pairs.filter(|(before, now)| before.is_finite() && now.is_finite())
        };
        let line = Line::through(rows())?;
        if !line.varies {
            return None;
        }
        let phi = line.sxy / line.sxx;
        let left = |(before, now): (f64, f64)| (now - line.y) - phi * (before - line.x);
        let rest = rows().map(left).map(|u| u * u).sum::<f64>();
        if !above_rounding(rest, line.syy) {
            return None;
        }
        self.residual.clear();
        self.residual.push(f64::NAN);
        self.residual.extend(c.windows(2).map(|pair| left((pair[0], pair[1]))));
        Some(())
    }
}

/// Means and centred products of a regression of y on x.
struct Line {
    x: f64,
    y: f64,
    sxx: f64,
    sxy: f64,
    syy: f64,
    /// Whether neither side has the same value in all pairs.
    varies: bool,
}

impl Line {
    fn through(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        let mut copies = pairs.clone();
        let (mut x, mut y) = copies.next()?;
        let (mut low, mut high) = ((x, y), (x, y));
        let mut n = 1_usize;
        for pair in copies {
            low = (low.0.min(pair.0), low.1.min(pair.1));
            high = (high.0.max(pair.0), high.1.max(pair.1));
            n += 1;
            x += pair.0;
            y += pair.1;
        }
        if n < MIN_PAIRS {
            return None;
        }
        let count = n as f64;
        let varies = low.0 < high.0 && low.1 < high.1;
        let mut line = Self { x: x / count, y: y / count, sxx: 0.0, sxy: 0.0, syy: 0.0, varies };
        for pair in pairs {
            let (dx, dy) = (pair.0 - line.x, pair.1 - line.y);
            line.sxx += dx * dx;
            line.sxy += dx * dy;
            line.syy += dy * dy;
        }
        Some(line)
    }
}

/// The smallest p of the lags 1 to `max_lag` at which `other` is before `own`.
fn smallest(own: &Whitened, other: &Whitened, max_lag: usize) -> Option<f64> {
    (1..=max_lag).try_fold(1.0, |least: f64, lag| Some(least.min(one_lag(own, other, lag, max_lag)?)))
}

fn one_lag(own: &Whitened, other: &Whitened, lag: usize, first: usize) -> Option<f64> {
    let now = own.residual.get(first..)?;
    let before = own.centred.get(first - 1..)?;
    let lagged = other.residual.get(first.checked_sub(lag)?..)?;
    // Where the residual is there, so is the value of the row before.
    let rows = now.iter().zip(before).zip(lagged).map(|((&u, &w), &v)| (u, w, v));
    let rows = rows.filter(|(u, _, v)| u.is_finite() && v.is_finite());
    let line = Line::through(rows.clone().map(|(_, w, v)| (w, v)))?;
    let slope = if line.sxx > 0.0 { line.sxy / line.sxx } else { 0.0 };
    let rest_of = |(u, w, v): (f64, f64, f64)| (u, (v - line.y) - slope * (w - line.x));
    let rows = rows.map(rest_of);
    let rest = rows.clone().map(|(_, z)| z * z).sum();
    if above_rounding(rest, line.syy) { p_of(rows.map(|(u, z)| u * z)) } else { None }
}

/// The p of lag 0.
fn same_row(asset: &Whitened, leader: &Whitened, first: usize) -> Option<f64> {
    let (now, other) = (asset.residual.get(first..)?, leader.residual.get(first..)?);
    let rows = now.iter().zip(other).map(|(&u, &v)| (u, v));
    let rows = rows.filter(|(u, v)| u.is_finite() && v.is_finite());
    let line = Line::through(rows.clone())?;
    p_of(rows.map(|(u, v)| (u - line.x) * (v - line.y)))
}

/// The p of products e, which are gone through twice; None where every one is 0, for then nothing is known.
fn p_of(products: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let (mut sum, mut squares) = (0.0, 0.0);
    for e in products.clone() {
        sum += e;
        squares += e * e;
    }
    if squares <= 0.0 {
        return None;
    }
    // Shares of the sum of squares, whose own square may underflow.
    let mut fourths = 0.0;
    for e in products {
        let share = e * e / squares;
        fourths += share * share;
    }
    Some(tail(sum / squares * sum, fourths))
}

/// `p_k` of `S_k` and `q_k`.
fn tail(statistic: f64, q: f64) -> f64 {
    let z = statistic.sqrt();
    let normal = libm::erfc(z * FRAC_1_SQRT_2);
    let density = libm::exp(-0.5 * statistic) / (2.0 * PI).sqrt();
    let correction = q / 6.0 * z * (statistic - 3.0) * density;
    (normal - correction).max(LEAST_SHARE * normal).min(1.0)
}

/// 1 - (1 - p)^m: the p of the smallest of m.
fn any_of(p: f64, m: usize) -> f64 {
    -libm::expm1(m as f64 * libm::log1p(-p))
}

fn above_rounding(rest: f64, total: f64) -> bool {
    rest > ROUNDING * ROUNDING * total
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = values.fold((0_usize, 0.0), |(n, sum), v| (n + 1, sum + v));
    if n == 0 { None } else { Some(sum / n as f64) }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // ends of a range are exact
mod tests {
    use proptest::prelude::*;

    use super::{LagTests, MIN_PAIRS, Scratch, any_of, lag_tests, tail};

    fn of(asset: &[f64], leader: &[f64], max_lag: usize) -> [f64; 3] {
        let found = lag_tests(asset, leader, max_lag, &mut Scratch::default()).unwrap();
        [found.p_value, found.lead_p_value, found.follow_p_value]
    }

    fn bits(found: [f64; 3]) -> [u64; 3] {
        found.map(f64::to_bits)
    }

    /// Numbers without a pattern.
    fn noise(rows: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        (0..rows).map(|_| next() + next() + next()).collect()
    }

    #[test]
    fn a_planted_lead_is_found_on_its_side_alone() {
        let leader = noise(260, 1);
        let asset: Vec<f64> = noise(260, 2)
            .iter()
            .enumerate()
            .map(|(t, e)| e + if t < 3 { 0.0 } else { leader[t - 3] })
            .collect();
        let [any, lead, follow] = of(&asset, &leader, 10);
        assert!(any < 1e-6 && lead < 1e-6 && follow > 0.05, "{any} {lead} {follow}");
    }

    #[test]
    fn the_tail_without_correction_is_the_normal_one() {
        assert!((tail(1.959_963_984_540_054_f64.powi(2), 0.0) - 0.05).abs() < 1e-15);
        assert_eq!(tail(0.0, 0.5), 1.0);
        // Where z^2 = 3 the correction changes its sign; far out it stops at a quarter.
        assert!(tail(4.0, 0.1) < tail(4.0, 0.0) && tail(2.0, 0.1) > tail(2.0, 0.0));
        assert_eq!(tail(100.0, 0.5), 0.25 * tail(100.0, 0.0));
        assert!((any_of(0.01, 3) - 0.029_701).abs() < 1e-15);
        assert_eq!([any_of(0.0, 5), any_of(1.0, 5)], [0.0, 1.0]);
    }

    #[test]
    fn what_is_not_defined_is_missing() {
        let (y, x) = (noise(60, 3), noise(60, 4));
        let missing = |asset: &[f64], leader: &[f64], max_lag| {
            let found = of(asset, leader, max_lag);
            assert!(found.iter().all(|p| p.is_nan()), "{found:?}");
        };
        missing(&[], &[], 3);
        missing(&y[..3], &x[..3], 3);
        missing(&y, &x, 0);
        missing(&y[..MIN_PAIRS + 3], &x[..MIN_PAIRS + 3], 3);
        assert!(of(&y[..MIN_PAIRS + 4], &x[..MIN_PAIRS + 4], 3).iter().all(|p| p.is_finite()));
        let line: Vec<f64> = (0..60).map(|t| 1e9 + 0.125 * f64::from(t)).collect();
        let alternating: Vec<f64> = (0..60).map(|t| if t % 2 == 0 { 0.3 } else { 0.7 }).collect();
        // It varies before the window only.
        let mut stopped = vec![0.1; 60];
        stopped[0] = 5.0;
        for poor in [vec![0.1; 60], vec![f64::NAN; 60], line, alternating, stopped] {
            missing(&poor, &x, 3);
            missing(&y, &poor, 3);
        }
        assert!(lag_tests(&y, &x[1..], 3, &mut Scratch::default()).is_err());
        assert!(LagTests::MISSING.p_value.is_nan());
    }

    #[test]
    fn scratch_leaves_no_trace() {
        let mut scratch = Scratch::default();
        lag_tests(&noise(300, 5), &noise(300, 6), 20, &mut scratch).unwrap();
        let (y, x) = (noise(50, 7), noise(50, 8));
        let again = lag_tests(&y, &x, 4, &mut scratch).unwrap();
        assert_eq!(bits(of(&y, &x, 4)), bits([again.p_value, again.lead_p_value, again.follow_p_value]));
    }

    proptest! {
        #[test]
        fn swapping_the_series_swaps_the_sides(seed in any::<u64>(), rows in 20_usize..90, max_lag in 1_usize..8) {
            let (mut y, x) = (noise(rows, seed), noise(rows, !seed));
            y[rows / 2] = f64::NAN;
            let [any, lead, follow] = of(&y, &x, max_lag);
            prop_assert_eq!(bits([any, follow, lead]), bits(of(&x, &y, max_lag)));
        }

        #[test]
        fn scale_and_sign_change_nothing(seed in any::<u64>(), power in -490_i32..490, sign in any::<bool>()) {
            let (y, x) = (noise(80, seed), noise(80, !seed));
            let factor = libm::scalbn(if sign { 1.0 } else { -1.0 }, power);
            let scaled: Vec<f64> = y.iter().map(|v| v * factor).collect();
            prop_assert_eq!(bits(of(&scaled, &x, 5)), bits(of(&y, &x, 5)));
            prop_assert!(of(&y, &x, 5).iter().all(|p| (0.0..=1.0).contains(p)));
        }

        #[test]
        fn a_level_changes_little(seed in any::<u64>()) {
            // Whole numbers: the level does not round them.
            let whole = |seed| noise(80, seed).iter().map(|v| (v * 1000.0).round()).collect::<Vec<_>>();
            let (y, x) = (whole(seed), whole(!seed));
            let high: Vec<f64> = y.iter().map(|v| v + 1e12).collect();
            for (a, b) in of(&high, &x, 5).iter().zip(of(&y, &x, 5)) {
                prop_assert!((a - b).abs() < 1e-10, "{} {}", a, b);
            }
        }
    }
}
