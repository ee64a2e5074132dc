//! Correlations of one pair at every lag, fed row by row.

use std::sync::OnceLock;

use super::cells::{Cells, cells};
use super::inference::{LagTests, Scratch};
use super::{Lags, Scan, leads_by};
use crate::blocks::{fit_rows, in_first_block};
use crate::error::{Error, Result};
use crate::lanes::Lanes;
use crate::pair::in_snapshot;
use crate::params::{MAX_LIVE_BYTES, MAX_LIVE_ROWS, at_most, same_length};
use crate::snapshot::{Object, Reader, Writer};

/// Correlations of an asset and a leader at the lags -L to L, and the largest of them.
///
/// # Complexity
/// A row costs at each lag what it costs a [`crate::RollingPair`], but as many lags as the processor has lanes go side by side.
/// Memory is taken at construction: the values of two windows, and the states of one window a lag.
///
/// # Examples
/// ```
/// use comove_core::{LagScanner, Lags};
/// let leader = [0.3, -0.1, 0.4, 0.1, -0.5, 0.9, -0.2, 0.6];
/// let mut scanner = LagScanner::new(Lags::new(3, None, 2)?)?;
/// for t in 0..leader.len() {
///     // The asset does what the leader did one row ago.
///     scanner.update(if t > 0 { leader[t - 1] } else { f64::NAN }, leader[t]);
/// }
/// assert_eq!(scanner.scan().lag, -1.0);
/// # Ok::<(), comove_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LagScanner {
    lags: Lags,
    cells: Box<dyn Cells>,
    /// Correlations from lag -L to L.
    corrs: Vec<f64>,
    scan: Scan,
    /// Of the rows now held, once asked for.
    tests: OnceLock<LagTests>,
    n: f64,
    empty: bool,
}

impl Clone for LagScanner {
    fn clone(&self) -> Self {
        Self { cells: self.cells.boxed(), corrs: self.corrs.clone(), tests: self.tests.clone(), ..*self }
    }
}

/// One kind of NaN, so that equal windows have equal snapshots.
fn canonical(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

impl LagScanner {
    /// No rows.
    ///
    /// # Errors
    /// More than [`MAX_LIVE_ROWS`] rows or [`MAX_LIVE_BYTES`] bytes of states.
    pub fn new(lags: Lags) -> Result<Self> {
        at_most("window_size", lags.window_size(), MAX_LIVE_ROWS, "the most a live object holds")?;
        let bytes = super::cells::bytes(&lags);
        at_most("bytes of window_size x lags", bytes, MAX_LIVE_BYTES, "the most a live object holds")?;
        let mut scanner = Self {
            lags,
            cells: cells(Lanes::from_environment()?, &lags),
            corrs: vec![f64::NAN; lags.count()],
            scan: Scan { lag: f64::NAN, corr: f64::NAN, llr: f64::NAN },
            tests: OnceLock::new(),
            n: 0.0,
            empty: true,
        };
        scanner.read();
        Ok(scanner)
    }

    /// The options.
    pub fn lags(&self) -> &Lags {
        &self.lags
    }

    fn read(&mut self) {
        self.n = self.cells.read(&mut self.corrs);
        self.scan = Scan::of(&self.corrs);
        self.tests = OnceLock::new();
    }

    /// Takes in a row; a value that is not finite is missing.
    #[inline]
    pub fn update(&mut self, asset: f64, leader: f64) {
        self.cells.push(canonical(asset), canonical(leader));
        self.empty = false;
        self.read();
    }

    /// Takes in many rows and writes the lag after each.
    ///
    /// # Errors
    /// Slices of different lengths; then no row is taken in.
    pub fn update_many(&mut self, asset: &[f64], leader: &[f64], lags: &mut Vec<f64>) -> Result<()> {
        same_length("leader", leader.len(), asset.len())?;
        for (&y, &x) in asset.iter().zip(leader) {
            self.update(y, x);
            lags.push(self.scan.lag);
        }
        Ok(())
    }

    /// What `update` would lead to: the correlations, and what they say; changes nothing.
    pub fn peek(&self, asset: f64, leader: f64) -> (Vec<f64>, Scan) {
        let mut corrs = vec![f64::NAN; self.lags.count()];
        self.cells.peek(canonical(asset), canonical(leader), &mut corrs);
        let scan = Scan::of(&corrs);
        (corrs, scan)
    }

    /// Puts another row in the place of the last one.
    ///
    /// # Errors
    /// [`Error::NothingToAmend`] before the first row.
    pub fn amend(&mut self, asset: f64, leader: f64) -> Result<()> {
        if self.empty {
            return Err(Error::NothingToAmend);
        }
        self.cells.amend(canonical(asset), canonical(leader));
        self.read();
        Ok(())
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.cells.clear();
        self.empty = true;
        self.read();
    }

    /// Correlations from lag -L to L; NaN where not defined.
    pub fn cross_correlation(&self) -> &[f64] {
        &self.corrs
    }

    /// The largest correlation; nothing unless every lag is defined.
    pub fn scan(&self) -> Scan {
        self.scan
    }

    /// The least number of complete pairs at any lag.
    pub fn n(&self) -> f64 {
        self.n
    }

    /// How much to believe that either moves first; missing unless every lag is defined.
    ///
    /// # Complexity
    /// All pairs of the window at every lag, the first time after a row.
    pub fn tests(&self) -> LagTests {
        *self.tests.get_or_init(|| {
            let [asset, leader] = self.cells.held().rows;
            self.lags.tests(self.scan.lag, &asset, &leader, &mut Scratch::default())
        })
    }

    /// Rows by which the leader moves first: those of its largest correlation at a negative lag, the nearest of equal ones; 0
    /// unless `lead_p_value` is below [`super::SIGNIFICANT`], `None` where that is missing.
    pub fn leads_by(&self) -> Option<usize> {
        leads_by(&self.corrs, self.tests().lead_p_value)
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::LagScanner);
        out.count(self.lags.window_size());
        out.count(self.lags.window().min_samples());
        out.count(self.lags.max_lag());
        let held = self.cells.held();
        out.count(held.gone);
        out.count(held.back);
        out.count(held.front);
        let [asset, leader] = &held.rows;
        let unused = asset.len() - (self.lags.max_lag() + held.back + held.front);
        for (&y, &x) in asset.iter().zip(leader).skip(unused) {
            out.float(y);
            out.float(x);
        }
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::LagScanner)?;
        let (size, min_samples, max_lag) = (from.count()?, from.count()?, from.count()?);
        let lags = Lags::new(size, Some(min_samples), max_lag).map_err(in_snapshot)?;
        let (gone, back, front) = (from.count()?, from.count()?, from.count()?);
        let rows = max_lag.saturating_add(back).saturating_add(front);
        if !fit_rows(size, gone, back, front) || from.remaining() != rows.saturating_mul(16) {
            return Err(Reader::unusable("its rows do not fit the window"));
        }
        let mut read = [Vec::with_capacity(rows), Vec::with_capacity(rows)];
        for _ in 0..rows {
            for side in &mut read {
                let value = from.float()?;
                if value.is_infinite() {
                    return Err(Reader::unusable("a value is infinite"));
                }
                side.push(canonical(value));
            }
        }
        from.end()?;
        if in_first_block(size, back, front)
            && read.iter().any(|side| side[..max_lag].iter().any(|value| value.is_finite()))
        {
            return Err(Reader::unusable("it holds rows before the first"));
        }
        let mut scanner = Self::new(lags).map_err(in_snapshot)?;
        let [asset, leader] = &read;
        scanner.cells.refill(gone, back, [asset, leader]);
        scanner.empty = front == 0;
        scanner.read();
        Ok(scanner)
    }
}
