//! The feature columns of one symbol, fed one bar at a time. Private: `comove.FeatureStream` is what users see.

use comove_core::recipe::{self, Bars, INPUTS, Wanted};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::shared_verbs;
use crate::errors::raise;

/// Feature columns of one symbol, fed one row at a time.
///
/// Parameters
/// ----------
/// columns : sequence of str
///     Names of the columns wanted.
#[pyclass(module = "comove._comove", from_py_object)]
#[derive(Clone)]
pub struct BaseColumns {
    core: recipe::BaseColumns,
}

impl BaseColumns {
    fn one(
        core: &mut recipe::BaseColumns,
        ts: i64,
        row: &[f64; INPUTS.len()],
    ) -> comove_core::Result<Vec<f64>> {
        let mut values = vec![f64::NAN; core.wanted().count()];
        let mut out: Vec<&mut [f64]> = values.chunks_mut(1).collect();
        let series = core::array::from_fn(|i| &row[i..=i]);
        core.extend(&Bars { ts: &[ts], series }, 1, &mut out)?;
        Ok(values)
    }
}

#[pymethods]
impl BaseColumns {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn new(columns: Vec<String>) -> PyResult<Self> {
        let wanted = Wanted::named(columns.iter().map(String::as_str)).map_err(raise)?;
        Ok(Self { core: recipe::BaseColumns::new(wanted).map_err(raise)? })
    }

    /// Take in a row, its time in nanoseconds and its inputs in the order of `inputs()`, and return the columns.
    fn update<'py>(
        &mut self,
        py: Python<'py>,
        ts: i64,
        row: [f64; INPUTS.len()],
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = Self::one(&mut self.core, ts, &row).map_err(raise)?;
        Ok(PyArray1::from_vec(py, values))
    }

    /// Return the columns `update` would return, and change nothing.
    fn peek<'py>(
        &self,
        py: Python<'py>,
        ts: i64,
        row: [f64; INPUTS.len()],
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = Self::one(&mut self.core.clone(), ts, &row).map_err(raise)?;
        Ok(PyArray1::from_vec(py, values))
    }

    /// Every column there is, in the order of the result.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        recipe::columns().collect()
    }

    /// What columns are made of.
    #[staticmethod]
    fn inputs() -> [&'static str; INPUTS.len()] {
        INPUTS
    }

    /// The columns wanted, in the order of the result.
    #[getter]
    fn columns(&self) -> Vec<&'static str> {
        self.core.wanted().names()
    }

    /// Time of the last row in nanoseconds.
    #[getter]
    fn last_ts(&self) -> Option<i64> {
        self.core.last()
    }
}
shared_verbs!(BaseColumns, recipe::BaseColumns);
