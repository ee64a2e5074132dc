//! Who moves first, of every asset and leader.

use super::{Panel, after};
use crate::error::Result;
use crate::lags::inference::{LagTests, Scratch};
use crate::lags::{Lags, Scan, leads_by};

impl Panel {
    /// Correlations of every pair at the lags -L to L, leader by leader and lag by lag; NaN where not defined.
    pub fn cross_correlation(&self) -> Vec<f64> {
        self.grid.correlations(None, self.min_samples())
    }

    /// The same as they would be after a bar; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek_cross_correlation(&self, ts: i64, prices: &[f64]) -> Result<Vec<f64>> {
        self.check(prices)?;
        after(self.last, ts)?;
        let mut returns = self.returns.clone();
        self.write_returns(prices, 0, &mut returns);
        Ok(self.grid.correlations(Some(&returns), self.min_samples()))
    }

    /// What the correlations of every pair say, leader by leader: of those [`cross_correlation`](Self::cross_correlation)
    /// gave.
    pub fn scans(&self, correlations: &[f64]) -> Vec<Scan> {
        self.by_pair(correlations).map(|corrs| Scan::of(&corrs)).collect()
    }

    /// The correlations from lag -L to L of every pair, leader by leader.
    fn by_pair(&self, correlations: &[f64]) -> impl Iterator<Item = Vec<f64>> {
        let (assets, lags) = (self.assets.len(), 2 * self.max_lag + 1);
        correlations.chunks_exact(assets * lags).flat_map(move |leader| {
            (0..assets).map(move |asset| leader[asset..].iter().step_by(assets).copied().collect())
        })
    }

    /// How much to believe that either moves first, of every pair, leader by leader; missing unless every lag is defined.
    ///
    /// # Complexity
    /// All pairs of the window at every lag, for every asset and leader; nothing of it is kept.
    ///
    /// # Errors
    /// The panel has no lags.
    pub fn lag_tests(&self) -> Result<Vec<LagTests>> {
        let size = self.window_size();
        let lags = Lags::new(size, Some(self.options.window().min_samples()), self.max_lag)?;
        let rows = self.grid.rows();
        let column = |at: usize| {
            let mut values = vec![f64::NAN; self.max_lag + size - rows.len()];
            values.extend(rows.iter().map(|row| row[at]));
            values
        };
        let assets: Vec<Vec<f64>> = (0..self.assets.len()).map(column).collect();
        let mut scratch = Scratch::default();
        let scans = self.scans(&self.cross_correlation());
        let mut tests = Vec::with_capacity(scans.len());
        for (leader, scans) in scans.chunks_exact(self.assets.len()).enumerate() {
            let leader = column(self.assets.len() + leader);
            let pairs = assets.iter().zip(scans);
            tests.extend(pairs.map(|(asset, scan)| lags.tests(scan.lag, asset, &leader, &mut scratch)));
        }
        Ok(tests)
    }

    /// Rows by which each leader moves first; see [`crate::LagScanner::leads_by`].
    ///
    /// # Errors
    /// The panel has no lags.
    pub fn leads_by(&self) -> Result<Vec<Option<usize>>> {
        let tests = self.lag_tests()?;
        let correlations = self.cross_correlation();
        let pairs = self.by_pair(&correlations).zip(tests);
        Ok(pairs.map(|(corrs, tests)| leads_by(&corrs, tests.lead_p_value)).collect())
    }
}
