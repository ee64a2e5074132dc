//! Asynchronous ticks: prepared series, and the contrasts of pairs of them.

use core::ops::ControlFlow;
use std::time::{Duration, Instant};

use comove_core::ticks::{Increments, Lags, contrasts};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::errors::raise;

/// How often the calling thread looks for Ctrl-C and tells of its progress.
const LOOKS: Duration = Duration::from_millis(50);

/// Ticks made ready: each time once, and the increments of price between them.
#[pyclass(frozen, module = "comove._comove")]
pub struct Ticks(comove_core::ticks::Ticks);

#[pymethods]
impl Ticks {
    #[new]
    #[pyo3(signature = (name, ts, price, /, *, log, threads))]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn new(
        py: Python<'_>,
        name: &str,
        ts: PyReadonlyArray1<'_, i64>,
        price: PyReadonlyArray1<'_, f64>,
        log: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let (ts, price) = (ts.as_slice()?, price.as_slice()?);
        let increments = if log { Increments::Log } else { Increments::Difference };
        py.detach(|| comove_core::ticks::Ticks::new(name, ts, price, increments, threads))
            .map(Self)
            .map_err(raise)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// Contrasts, normalised contrasts, the lag and the ratio of a pair.
type Found<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Option<i64>, Option<f64>);

/// The contrasts of each pair, asset first, at all lags.
#[pyfunction]
#[pyo3(signature = (pairs, lags, /, *, threads, progress=None))]
#[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
pub fn hayashi_yoshida<'py>(
    py: Python<'py>,
    pairs: Vec<(Py<Ticks>, Py<Ticks>)>,
    lags: PyReadonlyArray1<'py, i64>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Vec<Found<'py>>> {
    let lags = Lags::new(lags.as_slice()?.to_vec()).map_err(raise)?;
    let pairs: Vec<_> = pairs.iter().map(|(asset, leader)| (&asset.get().0, &leader.get().0)).collect();
    let mut last = Instant::now();
    let mut failed = None;
    let mut watch = |done: usize, all: usize| {
        if last.elapsed() < LOOKS {
            return ControlFlow::Continue(());
        }
        last = Instant::now();
        let told = Python::attach(|py| {
            py.check_signals()?;
            progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (done, all)).map(drop))
        });
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let found = py.detach(|| contrasts(&pairs, &lags, threads, &mut watch)).map_err(raise)?;
    if let Some(error) = failed {
        return Err(error);
    }
    let found = found.unwrap_or_default().into_iter().map(|one| {
        let arrays = [one.contrasts, one.corr].map(|values| PyArray1::from_vec(py, values));
        let [contrasts, corr] = arrays;
        (contrasts, corr, one.lag, one.llr)
    });
    Ok(found.collect())
}
