//! What rows and options of live objects may look like in Python.

use comove_core::Error;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyFloat;

use crate::errors::{data_error, raise};

/// NaN is missing in the core, None in Python.
pub fn given(value: f64) -> Option<f64> {
    if value.is_nan() { None } else { Some(value) }
}

/// A number of a row: None is missing in Python, NaN in the core.
#[derive(Clone, Copy)]
pub struct Value(pub f64);

impl<'a, 'py> FromPyObject<'a, 'py> for Value {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(float) = object.cast_exact::<PyFloat>() {
            return Ok(Self(float.value()));
        }
        if object.is_none() {
            return Ok(Self(f64::NAN));
        }
        let value = object.extract::<f64>();
        value.map(Self).map_err(|_| match object.repr() {
            Ok(shown) => data_error(&format!("a row must hold numbers or None, got {shown}"), "type"),
            Err(failed) => failed,
        })
    }
}

/// The numbers of several leaders.
pub struct Values(pub Vec<f64>);

impl<'a, 'py> FromPyObject<'a, 'py> for Values {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let Ok(items) = object.try_iter() else {
            let shown = object.repr()?;
            return Err(data_error(&format!("leaders must be a sequence of numbers, got {shown}"), "type"));
        };
        items.map(|item| Ok(item?.extract::<Value>()?.0)).collect::<PyResult<_>>().map(Self)
    }
}

/// A time: integer nanoseconds, or anything `comove.options.epoch_nanoseconds` takes.
#[derive(Clone, Copy)]
pub struct Time(pub i64);

impl<'a, 'py> FromPyObject<'a, 'py> for Time {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(nanoseconds) = object.extract::<i64>()
            && !object.is_instance_of::<pyo3::types::PyBool>()
        {
            return Ok(Self(nanoseconds));
        }
        Ok(Self(checked(object.py(), "epoch_nanoseconds", (object,))?.extract()?))
    }
}

/// The bytes of a snapshot, from bytes or a bytearray.
pub fn snapshot_bytes(snapshot: &Bound<'_, PyAny>) -> PyResult<PyBackedBytes> {
    snapshot.extract().map_err(|_| raise(Error::Snapshot { problem: "it is not bytes".to_owned() }))
}

/// Calls a function of `comove.options`.
pub fn checked<'py>(
    py: Python<'py>,
    function: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("comove.options")?.getattr(function)?.call1(arguments)
}

/// A one-dimensional float64 array of anything numeric.
pub fn series<'py>(
    py: Python<'py>,
    name: &str,
    values: &Bound<'py, PyAny>,
    rows: Option<usize>,
) -> PyResult<PyReadonlyArray1<'py, f64>> {
    Ok(checked(py, "series", (name, values, rows))?.extract()?)
}
