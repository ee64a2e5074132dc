//! The joint regression.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};

use super::arguments::{Time, Value, Values, checked, given, series};
use super::window::{live_window, options, time, times};
use super::{shared_verbs, window_getters};
use crate::errors::raise;

/// An asset on several leaders at once, fed one row at a time.
///
/// Definitions are those of `comove.arrays.joint_beta`; the bits are the same.
///
/// Parameters
/// ----------
/// n_leaders : int, 1 to 8
/// window_size, window_span, max_rows, min_samples
///     As in `RollingPair`, but `window_size` is at least n_leaders + 2.
///
/// Raises
/// ------
/// ParameterError
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct JointPair {
    core: comove_core::JointPair,
}

impl JointPair {
    fn row(asset: Value, leaders: Values) -> Vec<f64> {
        std::iter::once(asset.0).chain(leaders.0).collect()
    }

    fn tuple<'py>(&self, py: Python<'py>, readings: &[f64]) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let betas = &readings[..self.core.leaders()];
        if betas.iter().any(|beta| beta.is_nan()) {
            return Ok(None);
        }
        PyTuple::new(py, betas).map(Some)
    }

    fn reading(&self, after_betas: usize) -> f64 {
        self.core.readings()[self.core.leaders() + after_betas]
    }
}

#[pymethods]
impl JointPair {
    #[new]
    #[pyo3(signature = (n_leaders, *, window_size=None, window_span=None, max_rows=None, min_samples=None))]
    fn new(
        py: Python<'_>,
        n_leaders: &Bound<'_, PyAny>,
        window_size: Option<&Bound<'_, PyAny>>,
        window_span: Option<&Bound<'_, PyAny>>,
        max_rows: Option<&Bound<'_, PyAny>>,
        min_samples: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let leaders = checked(py, "leader_count", (n_leaders,))?.extract()?;
        let least = checked(py, "least_joint_window", (leaders,))?.extract()?;
        let (window, max_rows) = live_window(py, window_size, window_span, max_rows, min_samples, least)?;
        let core = comove_core::JointPair::new(leaders, window, max_rows).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return the betas, None where not defined.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn update<'py>(
        &mut self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let ts = time(self.core.window(), ts)?;
        self.core.update(&Self::row(asset, leaders), ts).map_err(raise)?;
        self.tuple(py, &self.core.readings())
    }

    /// Take in arrays of rows, `leaders` of shape (n, n_leaders), and return the betas, NaN where not defined.
    ///
    /// If a row is refused, none is taken in.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        leaders: &Bound<'py, PyAny>,
        ts: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let count = self.core.leaders();
        let leaders = checked(py, "table", ("leaders", leaders, asset.len(), count))?;
        let leaders: PyReadonlyArray2<'_, f64> = leaders.extract()?;
        let leaders = leaders.as_slice()?;
        let ts = times(py, self.core.window(), ts, asset.len())?;
        let ts = ts.as_ref().map_or(Ok(&[][..]), |ts| ts.as_slice())?;
        let core = &mut self.core;
        let mut betas = Vec::with_capacity(leaders.len());
        py.detach(|| {
            let rows: Vec<f64> = asset
                .iter()
                .zip(leaders.chunks_exact(count))
                .flat_map(|(&y, x)| core::iter::once(y).chain(x.iter().copied()))
                .collect();
            core.update_many(rows.chunks_exact(count + 1), ts, &mut betas)
        })
        .map_err(raise)?;
        PyArray1::from_vec(py, betas).reshape([asset.len(), count])
    }

    /// Return the betas `update` would return, and change nothing.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn peek<'py>(
        &self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let ts = time(self.core.window(), ts)?;
        let readings = self.core.peek(&Self::row(asset, leaders), ts).map_err(raise)?;
        self.tuple(py, &readings)
    }

    /// Put another row in the place of the last one, at the same time, and return the betas.
    ///
    /// `ts` may be left out; with `window_span` it must be the last one.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn amend<'py>(
        &mut self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.core.amend(&Self::row(asset, leaders), ts.map(|ts| ts.0)).map_err(raise)?;
        self.tuple(py, &self.core.readings())
    }

    /// One beta a leader, None where not defined.
    #[getter]
    fn betas<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.tuple(py, &self.core.readings())
    }

    /// Intercept.
    #[getter]
    fn alpha(&self) -> Option<f64> {
        given(self.reading(0))
    }

    /// Share of the asset's variance that the leaders explain.
    #[getter]
    fn r_squared(&self) -> Option<f64> {
        given(self.reading(1))
    }

    /// Complete rows in the window.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.reading(2) as usize
    }

    /// Whether the window holds `min_samples` complete rows, and more than leaders and intercept.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.warmup()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.window().min_samples().max(self.core.leaders() + 2)
    }

    /// Number of leaders.
    #[getter]
    fn n_leaders(&self) -> usize {
        self.core.leaders()
    }

    fn __repr__(&self) -> String {
        format!("JointPair({}, {}, n={})", self.core.leaders(), options(self.core.window()), self.n())
    }
}
shared_verbs!(JointPair, comove_core::JointPair);
window_getters!(JointPair);
