//! Core errors become the exception classes of `comove.errors`.

use comove_core::{Error, Kind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

static CLASSES: [PyOnceLock<Py<PyType>>; 4] = [const { PyOnceLock::new() }; 4];

/// The exception for a core error: the class by its kind, and its code.
#[allow(clippy::needless_pass_by_value)] // the signature `map_err` wants
pub fn raise(error: Error) -> PyErr {
    let (place, name) = match error.kind() {
        Kind::Parameter => (0, "ParameterError"),
        Kind::Data => (1, "DataError"),
        Kind::Order => (2, "OrderError"),
        Kind::State => (3, "StateError"),
    };
    Python::attach(|py| {
        let class = CLASSES[place].import(py, "comove.errors", name);
        match class {
            Ok(class) => PyErr::from_type(class.clone(), (error.to_string(), error.code())),
            Err(failed) => failed,
        }
    })
}
