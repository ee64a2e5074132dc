//! The cross-asset features of an asset and one leader, from their prices.
//!
//! # Letters
//! p asset price, q leader price, r one-row returns; R_n = n-row return, from the two ends; rs_n = R_n of
//! the asset minus R_n of the leader.
//!
//! - beta, correlation: of the one-row returns over `window`
//! - divergence = clip(rs_short - rs_long, -0.2, 0.2) / 0.2
//! - volatility: standard deviation (ddof 1) of the leader's returns, `vol_window` rows
//! - relative momentum: R of the asset minus R of the leader, `momentum` rows

use crate::batch::rolling;
use crate::error::{Error, Result};
use crate::pair::{BetaCorr, LEAST_PAIR_WINDOW, LEAST_VARIANCE_WINDOW, Std};
use crate::params::{Window, at_least, same_length};

/// Divergence is clipped here, and scaled to 1.
const DIVERGENCE_LIMIT: f64 = 0.2;

/// How returns are made of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// p\[t\] / p\[t - n\] - 1
    Simple,
    /// ln(p\[t\] / p\[t - n\])
    Log,
}

impl Returns {
    /// The return from one price to a later one; NaN where either is missing.
    #[inline(always)]
    pub fn between(self, from: f64, to: f64) -> f64 {
        let ratio = to / from;
        match self {
            Self::Simple => ratio - 1.0,
            Self::Log => libm::log(ratio),
        }
    }
}

/// Options of the cross-asset features, in rows.
#[derive(Clone, Copy, Debug)]
pub struct CrossAsset {
    window: Window,
    vol_window: Window,
    short: usize,
    long: usize,
    momentum: usize,
    returns: Returns,
}

/// The rows each feature looks back.
#[derive(Clone, Copy, Debug)]
pub struct Lookbacks {
    /// Rows of the volatility.
    pub vol_window: usize,
    /// Rows of the short relative strength.
    pub short: usize,
    /// Rows of the long relative strength.
    pub long: usize,
    /// Rows of the relative momentum.
    pub momentum: usize,
}

impl Default for Lookbacks {
    fn default() -> Self {
        Self { vol_window: 20, short: 5, long: 20, momentum: 10 }
    }
}

impl CrossAsset {
    /// Checked options.
    ///
    /// # Errors
    /// `window_size` below 3, `vol_window` below 2, other lookbacks below 1, `min_samples` out of bounds.
    pub fn new(
        window_size: usize,
        min_samples: Option<usize>,
        lookbacks: Lookbacks,
        returns: Returns,
    ) -> Result<Self> {
        let window = Window::rows(window_size, LEAST_PAIR_WINDOW, min_samples)?;
        let Lookbacks { vol_window, short, long, momentum } = lookbacks;
        at_least("vol_window", vol_window, LEAST_VARIANCE_WINDOW)?;
        let vol_window = Window::rows(vol_window, LEAST_VARIANCE_WINDOW, None)?;
        at_least("short", short, 1)?;
        at_least("long", long, 1)?;
        at_least("momentum", momentum, 1)?;
        Ok(Self { window, vol_window, short, long, momentum, returns })
    }

    /// Window of beta and correlation.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Window of the leader's volatility.
    pub fn vol_window(&self) -> &Window {
        &self.vol_window
    }

    /// How returns are made.
    pub fn returns(&self) -> Returns {
        self.returns
    }

    /// Rows of prices needed before the current one.
    pub fn most_back(&self) -> usize {
        self.short.max(self.long).max(self.momentum).max(1)
    }

    /// Divergence and relative momentum, given the price so many rows ago of asset and leader.
    #[inline(always)]
    pub fn relative(&self, asset: impl Fn(usize) -> f64, leader: impl Fn(usize) -> f64) -> (f64, f64) {
        let over = |rows| {
            self.returns.between(asset(rows), asset(0)) - self.returns.between(leader(rows), leader(0))
        };
        let apart = over(self.short) - over(self.long);
        let clipped = apart.clamp(-DIVERGENCE_LIMIT, DIVERGENCE_LIMIT);
        (present(clipped / DIVERGENCE_LIMIT), present(over(self.momentum)))
    }

    /// Beta, correlation, divergence, volatility, relative momentum of each row.
    ///
    /// # Errors
    /// A price that is not above 0; slices of different lengths.
    pub fn batch(&self, asset: &[f64], leader: &[f64], out: [&mut [f64]; 5]) -> Result<()> {
        let n = asset.len();
        same_length("leader_price", leader.len(), n)?;
        for slice in &out {
            same_length("out", slice.len(), n)?;
        }
        let asset = prices("asset_price", asset)?;
        let leader = prices("leader_price", leader)?;
        let [beta, correlation, divergence, volatility, momentum] = out;
        let of_asset = self.returns_of(&asset);
        let of_leader = self.returns_of(&leader);
        rolling(BetaCorr, &self.window, [&of_asset, &of_leader], &[], [beta, correlation])?;
        rolling(Std, &self.vol_window, [&of_leader], &[], [volatility])?;
        let back = self.most_back().min(n);
        for t in 0..back {
            let at = |prices: &[f64], rows: usize| t.checked_sub(rows).map_or(f64::NAN, |past| prices[past]);
            (divergence[t], momentum[t]) = self.relative(|rows| at(&asset, rows), |rows| at(&leader, rows));
        }
        for t in back..n {
            (divergence[t], momentum[t]) = self.relative(|rows| asset[t - rows], |rows| leader[t - rows]);
        }
        Ok(())
    }

    fn returns_of(&self, prices: &[f64]) -> Vec<f64> {
        let mut returns = Vec::with_capacity(prices.len());
        returns.extend(prices.first().map(|_| f64::NAN));
        returns.extend(prices.windows(2).map(|pair| self.returns.between(pair[0], pair[1])));
        returns
    }
}

/// The prices, NaN where missing.
fn prices(name: &'static str, values: &[f64]) -> Result<Vec<f64>> {
    let mut checked = Vec::with_capacity(values.len());
    for (row, &value) in values.iter().enumerate() {
        checked.push(price(value).ok_or_else(|| Error::Price { name: name.to_owned(), value, row })?);
    }
    Ok(checked)
}

/// A price, NaN where missing; `None` where it is not above 0.
#[inline(always)]
pub fn price(value: f64) -> Option<f64> {
    if value > 0.0 {
        Some(if value == f64::INFINITY { f64::NAN } else { value })
    } else if value.is_nan() || value == f64::NEG_INFINITY {
        Some(f64::NAN)
    } else {
        None
    }
}

/// A return that left the range of float64 is missing.
#[inline(always)]
fn present(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}
