//! The lag scanner.

use comove_core::Lags;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::arguments::{Value, checked, given, series};
use super::shared_verbs;
use crate::errors::raise;

/// Correlations of an asset and a leader at every lag, fed one row at a time.
///
/// A negative lag means that the leader moved first: lag k pairs leader[t + k] with asset[t]. Definitions are those of
/// `comove.arrays.cross_correlation` and `comove.arrays.lag_scan`; the bits are the same.
///
/// Parameters
/// ----------
/// max_lag : int, at least 1, default 10
///     The largest lag, in rows.
/// window_size : int, at least 3
///     Rows of the window at each lag.
/// min_samples : int, 2 to `window_size`, default `window_size`
///     Complete pairs needed at a lag before its correlation is given.
///
/// Raises
/// ------
/// ParameterError
///
/// Notes
/// -----
/// A row costs the same whatever the window; lags go side by side in the lanes of the processor. Memory is taken at
/// construction. The p-values are worked out from the rows of the window when one is first read after a row.
///
/// Examples
/// --------
/// >>> from comove.live import LagScanner
/// >>> leader = [0.3, -0.1, 0.4, 0.1, -0.5, 0.9, -0.2, 0.6]
/// >>> scanner = LagScanner(max_lag=2, window_size=3)
/// >>> # The asset does what the leader did one row ago.
/// >>> for asset, led in zip([None, *leader], leader):
/// ...     lag = scanner.update(asset, led)
/// >>> lag, scanner.corr
/// (-1, 1.0)
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct LagScanner {
    pub(super) core: comove_core::LagScanner,
}

/// NaN is missing in the core, None in Python; a lag is a whole number.
#[allow(clippy::cast_possible_truncation)] // a lag
fn whole(lag: f64) -> Option<i64> {
    given(lag).map(|lag| lag as i64)
}

#[pymethods]
impl LagScanner {
    #[new]
    #[pyo3(signature = (max_lag=None, *, window_size, min_samples=None))]
    fn new(
        py: Python<'_>,
        max_lag: Option<&Bound<'_, PyAny>>,
        window_size: &Bound<'_, PyAny>,
        min_samples: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (size, min_samples, max_lag) =
            checked(py, "live_lags", (window_size, min_samples, max_lag))?.extract()?;
        let lags = Lags::new(size, min_samples, max_lag).map_err(raise)?;
        Ok(Self { core: comove_core::LagScanner::new(lags).map_err(raise)? })
    }

    /// Take in a row and return the lag of the largest correlation, None where not defined.
    ///
    /// None, NaN and infinities are missing.
    #[pyo3(signature = (asset, leader))]
    fn update(&mut self, asset: Value, leader: Value) -> Option<i64> {
        self.core.update(asset.0, leader.0);
        whole(self.core.scan().lag)
    }

    /// Take in arrays of rows and return the lags `update` would, NaN where not defined.
    ///
    /// If a row is refused, none is taken in.
    #[pyo3(signature = (asset, leader))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        leader: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let leader = series(py, "leader", leader, Some(asset.len()))?;
        let leader = leader.as_slice()?;
        let core = &mut self.core;
        let mut lags = Vec::with_capacity(asset.len());
        py.detach(|| core.update_many(asset, leader, &mut lags)).map_err(raise)?;
        Ok(PyArray1::from_vec(py, lags))
    }

    /// Return the lag `update` would return, and change nothing.
    #[pyo3(signature = (asset, leader))]
    fn peek(&self, asset: Value, leader: Value) -> Option<i64> {
        whole(self.core.peek(asset.0, leader.0).1.lag)
    }

    /// Put another row in the place of the last one and return the lag.
    #[pyo3(signature = (asset, leader))]
    fn amend(&mut self, asset: Value, leader: Value) -> PyResult<Option<i64>> {
        self.core.amend(asset.0, leader.0).map_err(raise)?;
        Ok(whole(self.core.scan().lag))
    }

    /// Lag of the largest correlation by size; negative where the leader moved first.
    #[getter]
    fn lag(&self) -> Option<i64> {
        whole(self.core.scan().lag)
    }

    /// The correlation at `lag`.
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.scan().corr)
    }

    /// Sum of the squared correlations at negative lags divided by that at positive ones; above 1 speaks for the leader.
    #[getter]
    fn llr(&self) -> Option<f64> {
        given(self.core.scan().llr)
    }

    /// Correlations from lag -max_lag to max_lag, NaN where not defined.
    #[getter]
    fn cross_correlation<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.core.cross_correlation())
    }

    /// The lags of `cross_correlation`.
    #[getter]
    #[allow(clippy::cast_possible_wrap)] // a few thousand at most
    fn lags<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let most = self.core.lags().max_lag() as i64;
        PyArray1::from_iter(py, -most..=most)
    }

    /// P-value of no relation at any lag.
    #[getter]
    fn p_value(&self) -> Option<f64> {
        given(self.core.tests().p_value)
    }

    /// P-value of no relation at any negative lag: small where the leader moves first.
    #[getter]
    fn lead_p_value(&self) -> Option<f64> {
        given(self.core.tests().lead_p_value)
    }

    /// P-value of no relation at any positive lag: small where the asset moves first.
    #[getter]
    fn follow_p_value(&self) -> Option<f64> {
        given(self.core.tests().follow_p_value)
    }

    /// 1 - `lead_p_value`.
    #[getter]
    fn confidence(&self) -> Option<f64> {
        given(1.0 - self.core.tests().lead_p_value)
    }

    /// Rows by which the leader moves first: those of its largest correlation at a negative lag, 0 unless `lead_p_value` is
    /// below 0.05.
    #[getter]
    fn leads_by(&self) -> Option<usize> {
        self.core.leads_by()
    }

    /// The least number of complete pairs at any lag.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.core.n() as usize
    }

    /// Whether every lag has `min_samples` complete pairs.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.core.lags().window().min_samples()
    }

    /// Rows before the first lag is given, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.lags().window().min_samples() + self.core.lags().max_lag()
    }

    /// The largest lag.
    #[getter]
    fn max_lag(&self) -> usize {
        self.core.lags().max_lag()
    }

    /// Rows of the window.
    #[getter]
    fn window_size(&self) -> usize {
        self.core.lags().window_size()
    }

    /// Complete pairs needed at a lag.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.lags().window().min_samples()
    }

    fn __repr__(&self) -> String {
        let lags = self.core.lags();
        format!(
            "LagScanner(max_lag={}, window_size={}, min_samples={}, n={})",
            lags.max_lag(),
            lags.window_size(),
            lags.window().min_samples(),
            self.n()
        )
    }
}
shared_verbs!(LagScanner, comove_core::LagScanner);
