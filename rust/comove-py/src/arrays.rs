//! The array door: one call for every estimator.

use comove_core::lanes::Lanes;
use numpy::{BorrowError, PyArray1, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::options::Options;

/// Computes `options["estimator"]` of contiguous float64 arrays into `out`, one array an output.
///
/// The GIL is released. `times` are int64 nanoseconds, for a window by time.
#[pyfunction]
#[pyo3(signature = (options, series, times, out, /))]
#[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
pub fn run(
    py: Python<'_>,
    options: Options,
    series: Vec<Bound<'_, PyArray1<f64>>>,
    times: Option<Bound<'_, PyArray1<i64>>>,
    out: Vec<Bound<'_, PyArray1<f64>>>,
) -> PyResult<()> {
    let task = options.task().map_err(raise)?;
    // Columns of the calendar are made of times alone.
    let timed = times.as_ref().is_some_and(|times| !times.is_empty().unwrap_or(true));
    if !timed && series.iter().all(|array| array.is_empty().unwrap_or(false)) {
        // Arrays without values may all lie in one place, which would look like sharing memory.
        return Ok(());
    }
    let series =
        series.iter().map(|array| array.try_readonly().map_err(in_use)).collect::<PyResult<Vec<_>>>()?;
    let times = times.as_ref().map(|times| times.try_readonly().map_err(in_use)).transpose()?;
    let mut out =
        out.iter().map(|array| array.try_readwrite().map_err(in_use)).collect::<PyResult<Vec<_>>>()?;
    let series = series.iter().map(|array| Ok(array.as_slice()?)).collect::<PyResult<Vec<_>>>()?;
    let times = times.as_ref().map_or(Ok(&[][..]), |times| times.as_slice())?;
    let mut out = out.iter_mut().map(|array| Ok(array.as_slice_mut()?)).collect::<PyResult<Vec<_>>>()?;
    py.detach(|| task.run(&series, times, &mut out)).map_err(raise)
}

/// An array that another call works on, or that is input and output at once.
#[allow(clippy::needless_pass_by_value)] // the signature `map_err` wants
fn in_use(error: BorrowError) -> PyErr {
    PyRuntimeError::new_err(format!("an array is in use by another call: {error}"))
}

/// How many float64 the processor works on side by side, or as many as `COMOVE_LANES` says.
#[pyfunction]
pub fn lanes() -> PyResult<usize> {
    Lanes::from_environment().map(Lanes::width).map_err(raise)
}
