//! Correlations at every lag, and which of them is the largest.
//!
//! # Letters
//! y asset, x leader; L the largest lag; lag k pairs x\[t + k\] with y\[t\], so that at k < 0 the leader moved first.
//!
//! With s running over the rows of the window, the pairs are (x\[s + k\], y\[s\]) for k <= 0 and (x\[s\], y\[s - k\]) for
//! k > 0: as many at every lag as the window has rows, and none after it. A pair with a missing side is skipped, at
//! that lag.
//!
//! Every lag has a window of its own, with the bits of [`crate::RollingPair`] fed with its pairs; at lag 0 those of the
//! asset and the leader themselves. What the lags share is worked out once (`shared.rs`).

pub mod batch;
mod cells;
pub mod inference;
mod lay;
mod scanner;
mod shared;
mod tape;
mod target;

use self::inference::{LagTests, Scratch, lag_tests};
use crate::error::Result;
use crate::pair::LEAST_PAIR_WINDOW;
use crate::params::{Window, at_least, at_most};

pub use batch::{cross_correlation, lag_inference, lag_scan};
pub use scanner::LagScanner;

/// The largest lag there may be (2^12): the work and the memory of a row grow with it.
pub const MOST_LAG: usize = 1 << 12;

/// A window and the lags to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lags {
    window: Window,
    size: usize,
    max_lag: usize,
}

impl Lags {
    /// Lags from -`max_lag` to `max_lag` over windows of `window_size` rows.
    ///
    /// # Errors
    /// `max_lag` outside 1 to [`MOST_LAG`]; as [`Window::rows`].
    pub fn new(window_size: usize, min_samples: Option<usize>, max_lag: usize) -> Result<Self> {
        let window = Window::rows(window_size, LEAST_PAIR_WINDOW, min_samples)?;
        at_least("max_lag", max_lag, 1)?;
        at_most("max_lag", max_lag, MOST_LAG, "2^12")?;
        Ok(Self { window, size: window_size, max_lag })
    }

    /// The window's options.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Rows of the window.
    pub fn window_size(&self) -> usize {
        self.size
    }

    /// The largest lag.
    pub fn max_lag(&self) -> usize {
        self.max_lag
    }

    /// The tests of one window, of which the scan gave `lag`: missing where that is. `asset` and `leader` hold its rows and
    /// the `max_lag` before it; fewer where the rest is missing.
    pub fn tests(&self, lag: f64, asset: &[f64], leader: &[f64], scratch: &mut Scratch) -> LagTests {
        if lag.is_nan() {
            return LagTests::MISSING;
        }
        lag_tests(asset, leader, self.max_lag, scratch).unwrap_or(LagTests::MISSING)
    }

    /// Number of lags.
    pub fn count(&self) -> usize {
        2 * self.max_lag + 1
    }
}

/// What the correlations at all lags say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// The lag of the largest correlation by size, NaN where not defined; of equal ones the smallest by size, then the
    /// negative one.
    pub lag: f64,
    /// The correlation there.
    pub corr: f64,
    /// Sum of the squared correlations at negative lags, divided by that at positive ones.
    pub llr: f64,
}

impl Scan {
    /// Of the correlations from lag -L to L; nothing is defined unless all of them are.
    #[inline]
    pub fn of(corrs: &[f64]) -> Self {
        let max_lag = corrs.len() / 2;
        let (mut before, mut after) = (0.0, 0.0);
        let mut best = (max_lag, corrs[max_lag]);
        for k in 1..=max_lag {
            let (ahead, behind) = (corrs[max_lag - k], corrs[max_lag + k]);
            before += ahead * ahead;
            after += behind * behind;
            for (place, corr) in [(max_lag - k, ahead), (max_lag + k, behind)] {
                if corr.abs() > best.1.abs() {
                    best = (place, corr);
                }
            }
        }
        let defined = before.is_finite() && after.is_finite() && corrs[max_lag].is_finite();
        let given = |value: f64| if defined && value.is_finite() { value } else { f64::NAN };
        Self { lag: given(best.0 as f64 - max_lag as f64), corr: given(best.1), llr: given(before / after) }
    }
}

/// Below this p-value somebody is said to lead.
pub const SIGNIFICANT: f64 = 0.05;

/// Rows by which the leader moves first, by the correlations from lag -L to L: 0 where the p-value says that it does not,
/// `None` where that is missing.
pub fn leads_by(corrs: &[f64], lead_p_value: f64) -> Option<usize> {
    if lead_p_value.is_nan() {
        return None;
    }
    if lead_p_value >= SIGNIFICANT {
        return Some(0);
    }
    let ahead = &corrs[..corrs.len() / 2];
    let mut best = (0, -1.0);
    for (rows, corr) in (1..).zip(ahead.iter().rev()) {
        if corr.abs() > best.1 {
            best = (rows, corr.abs());
        }
    }
    Some(best.0)
}
