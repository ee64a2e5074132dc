//! The rows of a market on their way to the live objects of its pairs: one crossing an asset instead of three a pair.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::lags::LagScanner;
use super::pair::RollingPair;
use super::spillover::SpilloverMonitor;
use crate::errors::raise;

/// The three live objects of an asset and a leader, and where they stand; `comove.structure.feeds` says what that means.
#[pyclass(module = "comove._comove")]
pub struct PairFeed {
    #[pyo3(get)]
    beta: Py<RollingPair>,
    #[pyo3(get)]
    lags: Py<LagScanner>,
    #[pyo3(get)]
    spillover: Py<SpilloverMonitor>,
    /// Time of the last common row.
    #[pyo3(get, set)]
    last: Option<i64>,
    /// Rows of the grid before it.
    #[pyo3(get, set)]
    index: i64,
    /// Rows of the grid within the span of the window that could hold a return.
    #[pyo3(get, set)]
    in_span: i64,
    /// Nanoseconds between it and the row before.
    #[pyo3(get, set)]
    step: i64,
    /// Rows since the last common one.
    #[pyo3(get, set)]
    hole: i64,
    /// Return of the asset, of the leader, and time of each row since the last common one.
    #[pyo3(get, set)]
    waiting: Vec<(f64, f64, i64)>,
}

impl PairFeed {
    fn feed(&self, py: Python<'_>, rows: &[(f64, f64, i64)]) -> PyResult<()> {
        let (mut beta, mut lags, mut spillover) =
            (self.beta.borrow_mut(py), self.lags.borrow_mut(py), self.spillover.borrow_mut(py));
        for &(asset, leader, ts) in rows {
            beta.core.update(asset, leader, ts).map_err(raise)?;
            lags.core.update(asset, leader);
            spillover.core.update(&[asset], &[leader]).map_err(raise)?;
        }
        Ok(())
    }

    fn miss(&mut self, row: Option<(f64, f64, i64)>, max_gap: i64) {
        self.hole = self.hole.saturating_add(1);
        if self.hole > max_gap {
            self.waiting.clear();
        } else if let (Some(row), Some(_)) = (row, self.last) {
            self.waiting.push(row);
        }
    }

    fn common(
        &mut self,
        py: Python<'_>,
        row: (f64, f64, i64),
        at: (i64, i64, i64),
        max_gap: i64,
    ) -> PyResult<()> {
        if self.last.is_none() || self.hole > max_gap {
            self.beta.borrow_mut(py).core.reset();
            self.lags.borrow_mut(py).core.reset();
            self.spillover.borrow_mut(py).core.reset();
            // The first price has no return.
            self.feed(py, &[(f64::NAN, f64::NAN, row.2)])?;
        } else {
            self.feed(py, &self.waiting)?;
            self.feed(py, &[row])?;
        }
        self.waiting.clear();
        self.hole = 0;
        self.last = Some(row.2);
        (self.index, self.in_span, self.step) = at;
        Ok(())
    }
}

#[pymethods]
impl PairFeed {
    #[new]
    fn new(beta: Py<RollingPair>, lags: Py<LagScanner>, spillover: Py<SpilloverMonitor>) -> Self {
        Self {
            beta,
            lags,
            spillover,
            last: None,
            index: 0,
            in_span: 0,
            step: 0,
            hole: 0,
            waiting: Vec::new(),
        }
    }
}

/// Take a row of an asset's grid to its pairs.
///
/// Parameters
/// ----------
/// pairs : list of PairFeed or None
///     One a leader; None for the asset itself.
/// moved : float
///     Return of the asset, NaN where missing.
/// given : bool
///     Whether the asset has a price.
/// moves : list of float
///     Returns of the leaders.
/// prices : list of float
///     Their prices, NaN where missing.
/// at : (int, int, int, int)
///     Time, rows of the grid before, rows within the span, nanoseconds since the row before.
/// max_gap : int
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
pub fn feed_pairs(
    pairs: &Bound<'_, PyList>,
    moved: f64,
    given: bool,
    moves: Vec<f64>,
    prices: Vec<f64>,
    at: (i64, i64, i64, i64),
    max_gap: i64,
) -> PyResult<()> {
    let py = pairs.py();
    for ((pair, &leader_moved), &price) in pairs.iter().zip(&moves).zip(&prices) {
        if pair.is_none() {
            continue;
        }
        let mut pair = pair.cast::<PairFeed>()?.borrow_mut();
        let row = (moved, leader_moved, at.0);
        if given && !price.is_nan() {
            pair.common(py, row, (at.1, at.2, at.3), max_gap)?;
        } else {
            pair.miss(Some(row), max_gap);
        }
    }
    Ok(())
}

/// Note a row that is not of an asset's grid in its pairs.
#[pyfunction]
pub fn pass_over(pairs: &Bound<'_, PyList>, max_gap: i64) -> PyResult<()> {
    for pair in pairs.iter().filter(|pair| !pair.is_none()) {
        pair.cast::<PairFeed>()?.borrow_mut().miss(None, max_gap);
    }
    Ok(())
}
