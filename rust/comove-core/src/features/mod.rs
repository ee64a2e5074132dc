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

pub mod live;

use std::borrow::Cow;

use pulp::Scalar;

use crate::batch::rolling;
use crate::error::{Error, Result};
use crate::lanes::{F, Lanes, Width, Work};
use crate::pair::{
    BetaCorr, LEAST_PAIR_WINDOW, LEAST_VARIANCE_WINDOW, Std, in_snapshot, read_window, write_window,
};
use crate::params::{Extent, Window, at_least, same_length};
use crate::series::{Series, SimpleReturns};
use crate::snapshot::{Reader, Writer};

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
        self.between_lanes(F::splat(Scalar, from), F::splat(Scalar, to)).first()
    }

    #[inline(always)]
    fn between_lanes<S: Width>(self, from: F<S>, to: F<S>) -> F<S> {
        let ratio = to / from;
        match self {
            Self::Simple => ratio - ratio.like(1.0),
            Self::Log => ratio.map(libm::log),
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

    pub(crate) fn write(&self, out: &mut Writer) {
        write_window(out, &self.window, None);
        let Extent::Rows(vol_window) = self.vol_window.extent() else { return };
        for rows in [vol_window, self.short, self.long, self.momentum] {
            out.count(rows);
        }
        out.flag(self.returns == Returns::Log);
    }

    pub(crate) fn read(from: &mut Reader) -> Result<Self> {
        let (window, _) = read_window(from, LEAST_PAIR_WINDOW)?;
        let Extent::Rows(size) = window.extent() else {
            return Err(Reader::unusable("its window is by time"));
        };
        let [vol_window, short, long, momentum] =
            [from.count()?, from.count()?, from.count()?, from.count()?];
        let returns = if from.flag()? { Returns::Log } else { Returns::Simple };
        let lookbacks = Lookbacks { vol_window, short, long, momentum };
        Self::new(size, Some(window.min_samples()), lookbacks, returns).map_err(in_snapshot)
    }

    /// Divergence and relative momentum.
    #[inline(always)]
    pub fn relative<S: Width>(&self, prices: &impl Ago<S>) -> [F<S>; 2] {
        let now = prices.ago(0);
        let short = self.over(&now, prices.ago(self.short));
        let long = self.over(&now, prices.ago(self.long));
        let momentum = self.over(&now, prices.ago(self.momentum));
        let (apart, limit) = (short - long, short.like(DIVERGENCE_LIMIT));
        let clipped = apart.at_most(limit).at_least(short.like(-DIVERGENCE_LIMIT)) / limit;
        let missing = short.like(f64::NAN);
        // The least and the largest of NaN and a number depend on the processor; it is not picked then.
        let divergence = apart.is_finite().pick(clipped, missing);
        [divergence, momentum.is_finite().pick(momentum, missing)]
    }

    /// Return of the asset minus that of the leader.
    #[inline(always)]
    fn over<S: Width>(&self, now: &[F<S>; 2], then: [F<S>; 2]) -> F<S> {
        self.returns.between_lanes(then[0], now[0]) - self.returns.between_lanes(then[1], now[1])
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
        let lanes = Lanes::from_environment()?;
        let asset = &*prices(lanes, "asset_price", asset)?;
        let leader = &*prices(lanes, "leader_price", leader)?;
        let [beta, correlation, divergence, volatility, momentum] = out;
        match self.returns {
            Returns::Simple => {
                self.of_returns(SimpleReturns(asset), SimpleReturns(leader), beta, correlation, volatility)?;
            }
            Returns::Log => {
                let [asset, leader] = [asset, leader].map(|prices| self.returns_of(prices));
                self.of_returns(&asset[..], &leader[..], beta, correlation, volatility)?;
            }
        }
        let options = self;
        lanes.run(Relative { options, asset, leader, divergence, momentum });
        Ok(())
    }

    fn of_returns<T: Series>(
        &self,
        asset: T,
        leader: T,
        beta: &mut [f64],
        correlation: &mut [f64],
        volatility: &mut [f64],
    ) -> Result<()> {
        rolling(BetaCorr, &self.window, [asset, leader], &[], [beta, correlation])?;
        rolling(Std, &self.vol_window, [leader], &[], [volatility])
    }

    fn returns_of(&self, prices: &[f64]) -> Vec<f64> {
        let mut returns = Vec::with_capacity(prices.len());
        returns.extend(prices.first().map(|_| f64::NAN));
        returns.extend(prices.windows(2).map(|pair| self.returns.between(pair[0], pair[1])));
        returns
    }
}

/// Divergence and relative momentum of whole columns.
struct Relative<'a> {
    options: &'a CrossAsset,
    asset: &'a [f64],
    leader: &'a [f64],
    divergence: &'a mut [f64],
    momentum: &'a mut [f64],
}

impl Work for Relative<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let Self { options, asset, leader, divergence, momentum } = self;
        let n = asset.len();
        let back = options.most_back().min(n);
        let mut row = back;
        while row + S::F64_LANES <= n {
            let [apart, relative] = options.relative(&Rows { simd, asset, leader, row });
            apart.store(&mut divergence[row..]);
            relative.store(&mut momentum[row..]);
            row += S::F64_LANES;
        }
        for row in (0..back).chain(row..n) {
            let [apart, relative] = options.relative(&Row { asset, leader, now: row });
            (divergence[row], momentum[row]) = (apart.first(), relative.first());
        }
    }
}

/// The prices of asset and leader so many rows ago. A trait and not a closure: all of it must be inlined.
pub trait Ago<S: Width> {
    /// Asset, leader.
    fn ago(&self, rows: usize) -> [F<S>; 2];
}

/// Rows that all have rows enough before them.
struct Rows<'a, S> {
    simd: S,
    asset: &'a [f64],
    leader: &'a [f64],
    row: usize,
}

impl<S: Width> Ago<S> for Rows<'_, S> {
    #[inline(always)]
    fn ago(&self, rows: usize) -> [F<S>; 2] {
        let from = self.row - rows;
        [F::load(self.simd, &self.asset[from..]), F::load(self.simd, &self.leader[from..])]
    }
}

/// One row, with nothing before the first.
struct Row<'a> {
    asset: &'a [f64],
    leader: &'a [f64],
    now: usize,
}

impl Ago<Scalar> for Row<'_> {
    fn ago(&self, rows: usize) -> [F<Scalar>; 2] {
        [self.asset, self.leader]
            .map(|prices| F::splat(Scalar, self.now.checked_sub(rows).map_or(f64::NAN, |then| prices[then])))
    }
}

/// The prices, NaN where missing; as they are where none is infinite.
pub(crate) fn prices<'a>(lanes: Lanes, name: &'static str, values: &'a [f64]) -> Result<Cow<'a, [f64]>> {
    if lanes.run(Plain(values)) {
        return Ok(Cow::Borrowed(values));
    }
    let checked = values
        .iter()
        .enumerate()
        .map(|(row, &value)| price(value).ok_or_else(|| Error::Price { name: name.to_owned(), value, row }));
    checked.collect::<Result<_>>().map(Cow::Owned)
}

/// Whether all values are NaN or finite and above 0.
struct Plain<'a>(&'a [f64]);

impl Work for Plain<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Width>(self, simd: S) -> bool {
        let (zero, infinity) = (F::splat(simd, 0.0), F::splat(simd, f64::INFINITY));
        let mut plain = zero.equals(zero);
        let mut rest = self.0;
        while let Some((_, after)) = rest.split_at_checked(S::F64_LANES) {
            let value = F::load(simd, rest);
            let present = zero.lt(value).and(value.lt(infinity));
            plain = plain.and(present.or(value.equals(value).negated()));
            rest = after;
        }
        plain.all() && rest.iter().all(|&value| value.is_nan() || (value > 0.0 && value < f64::INFINITY))
    }
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
