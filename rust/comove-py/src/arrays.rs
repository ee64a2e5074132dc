//! The array door: one call for every estimator.

use comove_core::lanes::Lanes;
use numpy::{PyReadonlyArray1, PyReadwriteArray1};
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
    series: Vec<PyReadonlyArray1<'_, f64>>,
    times: Option<PyReadonlyArray1<'_, i64>>,
    mut out: Vec<PyReadwriteArray1<'_, f64>>,
) -> PyResult<()> {
    let task = options.task().map_err(raise)?;
    let series = series.iter().map(|array| Ok(array.as_slice()?)).collect::<PyResult<Vec<_>>>()?;
    let times = times.as_ref().map_or(Ok(&[][..]), |times| times.as_slice())?;
    let mut out = out.iter_mut().map(|array| Ok(array.as_slice_mut()?)).collect::<PyResult<Vec<_>>>()?;
    py.detach(|| task.run(&series, times, &mut out)).map_err(raise)
}

/// How many float64 the processor works on side by side, or as many as `COMOVE_LANES` says.
#[pyfunction]
pub fn lanes() -> PyResult<usize> {
    Lanes::from_environment().map(Lanes::width).map_err(raise)
}
