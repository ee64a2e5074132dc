//! The rolling pair.

use comove_core::pair::LEAST_PAIR_WINDOW;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::arguments::{Time, Value, checked, given, series};
use super::window::{live_window, options, time, times};
use super::{shared_verbs, window_getters};
use crate::errors::raise;

/// A rolling pair, fed one row at a time.
///
/// Beta, alpha, correlation, covariance, variances and the regression's errors over the complete pairs of a sliding
/// window by rows or by time. Definitions are those of `comove.arrays.rolling_regression`; the bits are the same.
///
/// Parameters
/// ----------
/// window_size : int, at least 3
///     Rows of the window. Exactly one of `window_size` and `window_span`.
/// window_span : timedelta or str
///     The window at t is (t - span, t]. Needs `max_rows` and `min_samples`.
/// max_rows : int
///     The most rows the span may ever hold: memory is taken once. A burst beyond it is a `DataError`.
/// min_samples : int, 2 to `window_size`, default `window_size`
///     Complete pairs needed before a value is given.
/// ddof : int, default 1
///     Of `cov`, `var` and `var_benchmark`.
///
/// Raises
/// ------
/// ParameterError
///
/// Notes
/// -----
/// A row costs about 60 ns in the core, whatever the window; memory is the rows of two windows, taken at construction.
/// One row in `window_size` costs 31 insertions and window_size^(1/3) combinations more. By time, the rows that leave
/// at once after a gap are looked at one by one.
///
/// Examples
/// --------
/// >>> from comove.live import RollingPair
/// >>> pair = RollingPair(window_size=3)
/// >>> [pair.update(asset, btc) for asset, btc in [(0.02, 0.01), (-0.02, -0.01), (0.06, 0.03)]]
/// [None, None, 2.0]
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct RollingPair {
    pub(super) core: comove_core::RollingPair,
}

#[pymethods]
impl RollingPair {
    #[new]
    #[pyo3(signature = (*, window_size=None, window_span=None, max_rows=None, min_samples=None, ddof=None))]
    fn new(
        py: Python<'_>,
        window_size: Option<&Bound<'_, PyAny>>,
        window_span: Option<&Bound<'_, PyAny>>,
        max_rows: Option<&Bound<'_, PyAny>>,
        min_samples: Option<&Bound<'_, PyAny>>,
        ddof: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (window, max_rows) =
            live_window(py, window_size, window_span, max_rows, min_samples, LEAST_PAIR_WINDOW)?;
        let ddof = match ddof {
            Some(ddof) => checked(py, "degrees", (ddof,))?.extract()?,
            None => 1,
        };
        let core = comove_core::RollingPair::new(window, max_rows, ddof).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return beta, None where not defined.
    ///
    /// None, NaN and infinities are missing. `ts` (integer nanoseconds or a datetime) is needed with `window_span`.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn update(&mut self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        let ts = time(self.core.window(), ts)?;
        self.core.update(asset.0, benchmark.0, ts).map_err(raise)?;
        Ok(given(self.core.beta()))
    }

    /// Take in arrays of rows and return the betas `update` would, NaN where not defined.
    ///
    /// If a row is refused, none is taken in.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        benchmark: &Bound<'py, PyAny>,
        ts: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let benchmark = series(py, "benchmark", benchmark, Some(asset.len()))?;
        let benchmark = benchmark.as_slice()?;
        let ts = times(py, self.core.window(), ts, asset.len())?;
        let ts = ts.as_ref().map_or(Ok(&[][..]), |ts| ts.as_slice())?;
        let core = &mut self.core;
        let mut betas = Vec::with_capacity(asset.len());
        py.detach(|| core.update_many(asset, benchmark, ts, &mut betas)).map_err(raise)?;
        Ok(PyArray1::from_vec(py, betas))
    }

    /// Return the beta `update` would return, and change nothing.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn peek(&self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        let ts = time(self.core.window(), ts)?;
        self.core.peek(asset.0, benchmark.0, ts).map(given).map_err(raise)
    }

    /// Put another row in the place of the last one, at the same time, and return beta.
    ///
    /// `ts` may be left out; with `window_span` it must be the last one.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn amend(&mut self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        self.core.amend(asset.0, benchmark.0, ts.map(|ts| ts.0)).map_err(raise)?;
        Ok(given(self.core.beta()))
    }

    /// Slope of the asset on the benchmark.
    #[getter]
    fn beta(&self) -> Option<f64> {
        given(self.core.beta())
    }

    /// mean(asset) - beta mean(benchmark).
    #[getter]
    fn alpha(&self) -> Option<f64> {
        given(self.core.alpha())
    }

    /// Correlation, in [-1, 1].
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.corr())
    }

    /// Covariance.
    #[getter]
    fn cov(&self) -> Option<f64> {
        given(self.core.cov())
    }

    /// Variance of the asset.
    #[getter]
    fn var(&self) -> Option<f64> {
        given(self.core.var())
    }

    /// Variance of the benchmark.
    #[getter]
    fn var_benchmark(&self) -> Option<f64> {
        given(self.core.var_benchmark())
    }

    /// Squared correlation.
    #[getter]
    fn r_squared(&self) -> Option<f64> {
        given(self.core.r_squared())
    }

    /// sqrt(SSE / (n - 2)); 0 for a perfect fit.
    #[getter]
    fn residual_std(&self) -> Option<f64> {
        given(self.core.residual_std())
    }

    /// Standard error of beta.
    #[getter]
    fn beta_stderr(&self) -> Option<f64> {
        given(self.core.beta_stderr())
    }

    /// Complete pairs in the window.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.core.n() as usize
    }

    /// Whether the window holds `min_samples` complete pairs.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.core.window().min_samples()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.window().min_samples()
    }

    /// Delta degrees of freedom of variances and covariance.
    #[getter]
    fn ddof(&self) -> u32 {
        self.core.ddof()
    }

    fn __repr__(&self) -> String {
        format!("RollingPair({}, n={})", options(self.core.window()), self.n())
    }
}
shared_verbs!(RollingPair, comove_core::RollingPair);
window_getters!(RollingPair);
