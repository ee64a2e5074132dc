//! The prices of the last bars.

use pulp::Scalar;

use crate::features::{Ago, price};
use crate::lanes::F;

/// The prices of the last bars, in a ring.
#[derive(Clone, Debug)]
pub(super) struct Prices {
    symbols: usize,
    pub(super) depth: usize,
    /// Place of the newest bar.
    newest: usize,
    values: Vec<f64>,
}

impl Prices {
    pub(super) fn new(symbols: usize, depth: usize) -> Self {
        Self { symbols, depth, newest: 0, values: vec![f64::NAN; symbols * depth] }
    }

    /// The price so many bars ago, the newest one 0.
    #[inline(always)]
    pub(super) fn ago(&self, bars: usize, symbol: usize) -> f64 {
        let place = (self.newest + self.depth - bars) % self.depth;
        self.values[place * self.symbols + symbol]
    }

    pub(super) fn push(&mut self, prices: &[f64]) {
        self.newest = (self.newest + 1) % self.depth;
        self.replace_last(prices);
    }

    pub(super) fn replace_last(&mut self, prices: &[f64]) {
        let place = &mut self.values[self.newest * self.symbols..][..self.symbols];
        for (place, &value) in place.iter_mut().zip(prices) {
            *place = price(value).unwrap_or(f64::NAN);
        }
    }

    pub(super) fn bar(&self, ago: usize) -> Vec<f64> {
        (0..self.symbols).map(|symbol| self.ago(ago, symbol)).collect()
    }
}

/// The prices of an asset and a leader.
pub(super) struct Pair<'a> {
    pub(super) prices: &'a Prices,
    pub(super) symbol: usize,
    pub(super) leader: usize,
}

impl Ago<Scalar> for Pair<'_> {
    fn ago(&self, rows: usize) -> [F<Scalar>; 2] {
        [self.symbol, self.leader].map(|symbol| F::splat(Scalar, self.prices.ago(rows, symbol)))
    }
}
