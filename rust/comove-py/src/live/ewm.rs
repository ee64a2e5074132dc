//! The exponentially weighted pair.

use comove_core::ewm::EwmReading;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::arguments::{Value, checked, given, series};
use super::shared_verbs;
use crate::errors::raise;

/// An exponentially weighted pair, fed one row at a time.
///
/// Weights halve every `half_life` rows, missing rows counted. Definitions are those of `comove.arrays.ewm_beta`; the
/// bits are the same.
///
/// Parameters
/// ----------
/// half_life : float, above 0
/// min_samples : int, at least 2
///     Complete pairs seen before a value is given.
///
/// Raises
/// ------
/// ParameterError
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct EwmPair {
    core: comove_core::EwmPair,
}

#[pymethods]
impl EwmPair {
    #[new]
    #[pyo3(signature = (*, half_life, min_samples=None))]
    fn new(
        py: Python<'_>,
        half_life: &Bound<'_, PyAny>,
        min_samples: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let half_life = checked(py, "positive", ("half_life", half_life))?.extract()?;
        let min_samples = match min_samples {
            Some(least) => checked(py, "at_least_two", (least,))?.extract()?,
            None => 2,
        };
        let core = comove_core::EwmPair::new(half_life, min_samples).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return beta, None where not defined.
    #[pyo3(signature = (asset, benchmark))]
    fn update(&mut self, asset: Value, benchmark: Value) -> Option<f64> {
        self.core.update(asset.0, benchmark.0);
        self.beta()
    }

    /// Take in arrays of rows and return the betas `update` would, NaN where not defined.
    #[pyo3(signature = (asset, benchmark))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        benchmark: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let benchmark = series(py, "benchmark", benchmark, Some(asset.len()))?;
        let benchmark = benchmark.as_slice()?;
        let core = &mut self.core;
        let betas = py.detach(|| {
            let mut betas = Vec::with_capacity(asset.len());
            for (&y, &x) in asset.iter().zip(benchmark) {
                core.update(y, x);
                betas.push(core.read(EwmReading::Beta));
            }
            betas
        });
        Ok(PyArray1::from_vec(py, betas))
    }

    /// Return the beta `update` would return, and change nothing.
    #[pyo3(signature = (asset, benchmark))]
    fn peek(&self, asset: Value, benchmark: Value) -> Option<f64> {
        given(self.core.peek(asset.0, benchmark.0))
    }

    /// Put another row in the place of the last one, and return beta.
    #[pyo3(signature = (asset, benchmark))]
    fn amend(&mut self, asset: Value, benchmark: Value) -> PyResult<Option<f64>> {
        self.core.amend(asset.0, benchmark.0).map_err(raise)?;
        Ok(self.beta())
    }

    /// Slope of the asset on the benchmark.
    #[getter]
    fn beta(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Beta))
    }

    /// Correlation, in [-1, 1].
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Corr))
    }

    /// Covariance, corrected for the weights.
    #[getter]
    fn cov(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Cov))
    }

    /// Complete pairs seen.
    #[getter]
    fn n(&self) -> usize {
        self.core.n()
    }

    /// Whether `min_samples` complete pairs were seen.
    #[getter]
    fn is_ready(&self) -> bool {
        self.core.n() >= self.core.min_samples()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.min_samples()
    }

    /// Rows until a weight has halved.
    #[getter]
    fn half_life(&self) -> f64 {
        self.core.half_life()
    }

    /// Complete pairs needed before a value is given.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.min_samples()
    }

    fn __repr__(&self) -> String {
        format!("EwmPair(half_life={}, n={})", self.core.half_life(), self.core.n())
    }
}
shared_verbs!(EwmPair, comove_core::EwmPair);
