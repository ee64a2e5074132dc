//! The live door: classes around the core's objects.
//!
//! Options and arrays go through `comove.options`, which every door shares, before anything is touched.

mod arguments;
pub mod ewm;
pub mod feed;
pub mod joint;
pub mod lags;
pub mod pair;
pub mod panel;
pub mod spillover;
pub mod stream;
mod window;

/// The verbs that need nothing of the object but its core.
macro_rules! shared_verbs {
    ($class:ident, $core:ty) => {
        #[pymethods]
        impl $class {
            /// Forget all rows; the options stay.
            fn reset(&mut self) {
                self.core.reset();
            }

            /// An independent copy.
            fn copy(&self) -> Self {
                self.clone()
            }

            fn __copy__(&self) -> Self {
                self.clone()
            }

            fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
                self.clone()
            }

            /// A versioned snapshot with a checksum, which `from_bytes` restores bit for bit.
            fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
                PyBytes::new(py, &self.core.to_bytes())
            }

            /// Restore a snapshot.
            ///
            /// Raises
            /// ------
            /// StateError
            ///     Bytes that are truncated, corrupted, newer, or of another object.
            #[classmethod]
            #[pyo3(signature = (snapshot, /))]
            fn from_bytes(_class: &Bound<'_, PyType>, snapshot: &Bound<'_, PyAny>) -> PyResult<Self> {
                let snapshot = crate::live::arguments::snapshot_bytes(snapshot)?;
                Ok(Self { core: <$core>::from_bytes(&snapshot).map_err(raise)? })
            }

            fn __reduce__<'py>(
                slf: &Bound<'py, Self>,
            ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
                let restore = slf.get_type().getattr("from_bytes")?;
                Ok((restore, (slf.borrow().to_bytes(slf.py()),)))
            }
        }
    };
}
use shared_verbs;

/// The options of a window, and where it stands in time.
macro_rules! window_getters {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// Rows of the window, None for one by time.
            #[getter]
            fn window_size(&self) -> Option<usize> {
                crate::live::window::size(self.core.window())
            }

            /// Span of the window, None for one by rows.
            #[getter]
            fn window_span<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                crate::live::window::span(py, self.core.window())
            }

            /// The most rows the span may hold, None for a window by rows.
            #[getter]
            fn max_rows(&self) -> Option<usize> {
                self.core.max_rows()
            }

            /// Complete rows needed before a value is given.
            #[getter]
            fn min_samples(&self) -> usize {
                self.core.window().min_samples()
            }

            /// Time of the last row in nanoseconds, None for a window by rows.
            #[getter]
            fn last_ts(&self) -> Option<i64> {
                self.core.last_time()
            }
        }
    };
}
use window_getters;
