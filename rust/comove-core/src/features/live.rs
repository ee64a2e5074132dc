//! The cross-asset features of an asset and one leader, one row of prices at a time.

use pulp::Scalar;

use super::{Ago, CrossAsset};
use crate::batch::Estimator;
use crate::error::Result;
use crate::lanes::F;
use crate::moments::{PairMoments, SeriesMoments};
use crate::pair::{BetaCorr, Std};
use crate::params::{Extent, MAX_LIVE_ROWS, Window, at_most};
use crate::snapshot::{Reader, Writer};
use crate::window::SlidingWindow;

/// Beta, correlation, divergence, volatility, relative momentum after each row, with the bits of
/// [`CrossAsset::batch`].
///
/// # Complexity
/// Constant work a row; the rows of the windows and of the longest lookback, taken at construction.
#[derive(Clone, Debug)]
pub struct LiveCrossAsset {
    options: CrossAsset,
    pair: SlidingWindow<2, PairMoments<Scalar>>,
    volatility: SlidingWindow<1, SeriesMoments<Scalar>>,
    prices: Prices,
}

/// The prices of the last rows, in a ring.
#[derive(Clone, Debug)]
struct Prices {
    /// Asset, leader.
    rows: Vec<[f64; 2]>,
    newest: usize,
}

impl Prices {
    fn row(&self, ago: usize) -> [f64; 2] {
        let depth = self.rows.len();
        self.rows[(self.newest + depth - ago) % depth]
    }

    fn push(&mut self, row: [f64; 2]) {
        self.newest = (self.newest + 1) % self.rows.len();
        self.rows[self.newest] = row;
    }
}

impl Ago<Scalar> for Prices {
    fn ago(&self, rows: usize) -> [F<Scalar>; 2] {
        self.row(rows).map(|price| F::splat(Scalar, price))
    }
}

impl LiveCrossAsset {
    /// No rows.
    ///
    /// # Errors
    /// Windows or lookbacks above [`MAX_LIVE_ROWS`].
    pub fn new(options: CrossAsset) -> Result<Self> {
        at_most("lookback", options.most_back(), MAX_LIVE_ROWS, "the most a live object holds")?;
        Ok(Self {
            options,
            pair: SlidingWindow::new(options.window, None)?,
            volatility: SlidingWindow::new(options.vol_window, None)?,
            prices: Prices { rows: vec![[f64::NAN; 2]; options.most_back() + 1], newest: 0 },
        })
    }

    /// Bytes of the rows that one with these options holds: two blocks a window, and the prices.
    pub(crate) fn bytes(options: &CrossAsset) -> usize {
        let size = |window: &Window| if let Extent::Rows(size) = window.extent() { size } else { 0 };
        let pairs = size(options.window()).saturating_mul(2).saturating_add(options.most_back());
        let rows = pairs.saturating_add(size(options.vol_window()));
        rows.saturating_mul(size_of::<[f64; 2]>())
    }

    /// The options.
    pub fn options(&self) -> &CrossAsset {
        &self.options
    }

    /// Takes in the prices of a row, NaN where missing, and gives the features after it.
    ///
    /// # Errors
    /// None for windows by rows.
    pub fn push(&mut self, asset: f64, leader: f64) -> Result<[f64; 5]> {
        self.prices.push([asset, leader]);
        let (now, then) = (self.prices.row(0), self.prices.row(1));
        let [y, x] = core::array::from_fn(|i| self.options.returns.between(then[i], now[i]));
        self.pair.push([y, x], 0)?;
        self.volatility.push([x], 0)?;
        Ok(self.read())
    }

    fn read(&self) -> [f64; 5] {
        let least = |samples: usize| F::splat(Scalar, samples as f64);
        let pair = BetaCorr.read(self.pair.current(), least(self.options.window.min_samples()));
        let std = Std.read(self.volatility.current(), least(self.options.vol_window.min_samples()));
        let [[beta, correlation], [divergence, momentum]] =
            [pair, self.options.relative(&self.prices)].map(|both| both.map(F::first));
        [beta, correlation, divergence, std[0].first(), momentum]
    }

    /// Writes the rows that are held; the options are the caller's.
    pub(crate) fn write(&self, out: &mut Writer) {
        for ago in (0..self.prices.rows.len()).rev() {
            self.prices.row(ago).iter().for_each(|&price| out.float(price));
        }
        self.pair.write(out);
        self.volatility.write(out);
    }

    /// Reads into a new object what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`]
    pub(crate) fn read_rows(&mut self, from: &mut Reader) -> Result<()> {
        for _ in 0..self.prices.rows.len() {
            let row = [from.float()?, from.float()?];
            if row.iter().any(|price| !(price.is_nan() || (*price > 0.0 && price.is_finite()))) {
                return Err(Reader::unusable("a price is none"));
            }
            self.prices.push(row);
        }
        self.pair.read(from)?;
        self.volatility.read(from)
    }
}

#[cfg(test)]
mod tests {
    use super::LiveCrossAsset;
    use crate::features::{CrossAsset, Lookbacks, Returns};

    #[test]
    fn a_row_has_the_bits_of_the_whole() -> crate::Result<()> {
        let price = |row: usize, step: usize| {
            let known = row % 17 != 5 || row < 40;
            if known { 100.0 + ((row * step) % 23) as f64 * 0.37 } else { f64::NAN }
        };
        let asset: Vec<f64> = (0..200).map(|row| price(row, 7)).collect();
        let leader: Vec<f64> = (0..200).map(|row| price(row + 3, 11)).collect();
        for returns in [Returns::Simple, Returns::Log] {
            let lookbacks = Lookbacks { vol_window: 9, short: 2, long: 13, momentum: 4 };
            let options = CrossAsset::new(12, Some(6), lookbacks, returns)?;
            let mut whole = vec![vec![0.0; asset.len()]; 5];
            let [a, b, c, d, e] = &mut whole[..] else { unreachable!() };
            options.batch(&asset, &leader, [a, b, c, d, e])?;
            let mut live = LiveCrossAsset::new(options)?;
            for row in 0..asset.len() {
                let read = live.push(asset[row], leader[row])?;
                for (column, value) in whole.iter().zip(read) {
                    assert_eq!(column[row].to_bits(), value.to_bits(), "row {row}");
                }
            }
        }
        Ok(())
    }
}
