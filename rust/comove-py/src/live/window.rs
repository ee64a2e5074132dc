//! Windows of live objects: by rows, or by time.

use comove_core::pair::LEAST_PAIR_WINDOW;
use comove_core::params::Extent;
use comove_core::{Error, Window};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use super::arguments::{Time, checked};
use crate::errors::raise;
use crate::options::window;

/// The time of a row, where the window goes by time.
pub fn time(window: &Window, ts: Option<Time>) -> PyResult<i64> {
    match (window.extent(), ts) {
        (Extent::Span(_), None) => Err(raise(Error::MissingTime { name: "ts", row: 0 })),
        (_, ts) => Ok(ts.map_or(0, |ts| ts.0)),
    }
}

/// The times of several rows, where the window goes by time; none otherwise.
pub fn times<'py>(
    py: Python<'py>,
    window: &Window,
    ts: Option<&Bound<'py, PyAny>>,
    rows: usize,
) -> PyResult<Option<PyReadonlyArray1<'py, i64>>> {
    match (window.extent(), ts) {
        (Extent::Span(_), None) => Err(raise(Error::MissingTime { name: "ts", row: 0 })),
        (_, None) => Ok(None),
        (_, Some(ts)) => Ok(Some(checked(py, "timestamps", ("ts", ts, rows))?.extract()?)),
    }
}

/// Rows of the window, where it goes by rows.
pub fn size(window: &Window) -> Option<usize> {
    match window.extent() {
        Extent::Rows(size) => Some(size),
        Extent::Span(_) => None,
    }
}

/// The span as a timedelta; what is finer than a microsecond is rounded off.
pub fn span<'py>(py: Python<'py>, window: &Window) -> PyResult<Option<Bound<'py, PyAny>>> {
    match window.extent() {
        Extent::Rows(_) => Ok(None),
        Extent::Span(span) => {
            py.import("datetime")?.getattr("timedelta")?.call1((0, 0, span as f64 / 1e3)).map(Some)
        }
    }
}

/// The options of a window as they are shown.
pub fn options(window: &Window) -> String {
    let extent = match window.extent() {
        Extent::Rows(size) => format!("window_size={size}"),
        Extent::Span(span) => format!("window_span='{span}ns'"),
    };
    format!("{extent}, min_samples={}", window.min_samples())
}

/// Checked options of a live window.
pub fn live_window(
    py: Python<'_>,
    window_size: Option<&Bound<'_, PyAny>>,
    window_span: Option<&Bound<'_, PyAny>>,
    max_rows: Option<&Bound<'_, PyAny>>,
    min_samples: Option<&Bound<'_, PyAny>>,
    least_size: usize,
) -> PyResult<(Window, Option<usize>)> {
    let arguments = (window_size, window_span, max_rows, min_samples, least_size);
    let options = checked(py, "live_window", arguments)?;
    let (size, span, max_rows, min_samples) = options.extract()?;
    Ok((window(size, span, LEAST_PAIR_WINDOW, min_samples).map_err(raise)?, max_rows))
}
