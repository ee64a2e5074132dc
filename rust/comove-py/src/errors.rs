//! Core errors become the exception classes of `comove.errors`.

use comove_core::{Error, Kind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

static CLASSES: [PyOnceLock<Py<PyType>>; 4] = [const { PyOnceLock::new() }; 4];

/// A `DataError` of the bindings' own.
pub fn data_error(text: &str, code: &str) -> PyErr {
    exception(1, "DataError", text.to_owned(), code.to_owned())
}

fn exception(place: usize, name: &str, text: String, code: String) -> PyErr {
    Python::attach(|py| match CLASSES[place].import(py, "comove.errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), (text, code)),
        Err(failed) => failed,
    })
}

/// The exception for a core error: the class by its kind, and its code.
#[allow(clippy::needless_pass_by_value)] // the signature `map_err` wants
pub fn raise(error: Error) -> PyErr {
    let (place, name) = match error.kind() {
        Kind::Parameter => (0, "ParameterError"),
        Kind::Data => (1, "DataError"),
        Kind::Order => (2, "OrderError"),
        Kind::State => (3, "StateError"),
    };
    exception(place, name, error.to_string(), error.code().to_owned())
}
