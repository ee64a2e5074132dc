//! The nearest rows of a library of features.

use comove_core::neighbours;
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::{data_error, raise};

/// Return squared distances and places of the nearest rows of each question, the nearest first.
///
/// Parameters
/// ----------
/// library : float64, shape (d, n)
///     A row a feature; contiguous.
/// questions : float64, shape (k, d)
///     Contiguous.
/// neighbours : int
///     At most n.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, clippy::type_complexity)] // what pyo3 hands over and takes
pub fn nearest_rows<'py>(
    py: Python<'py>,
    library: PyReadonlyArray2<'py, f64>,
    questions: PyReadonlyArray2<'py, f64>,
    neighbours: usize,
) -> PyResult<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<i64>>)> {
    let (&[features, rows], &[asked, width]) = (library.shape(), questions.shape()) else {
        return Err(data_error("library and questions must have two dimensions", "shape"));
    };
    if features == 0 || width != features || neighbours > rows {
        let told =
            format!("{asked} questions of {width}, {rows} rows of {features}, {neighbours} neighbours");
        return Err(data_error(&format!("library and questions do not fit: {told}"), "shape"));
    }
    let (of_library, of_questions) = (library.as_slice()?, questions.as_slice()?);
    let found = py.detach(|| neighbours::nearest(of_library, rows, of_questions, neighbours));
    let (squares, places) = found.map_err(raise)?;
    let shape = (asked, neighbours);
    let fits = |error: numpy::ndarray::ShapeError| data_error(&error.to_string(), "shape");
    Ok((
        Array2::from_shape_vec(shape, squares).map_err(fits)?.into_pyarray(py),
        Array2::from_shape_vec(shape, places).map_err(fits)?.into_pyarray(py),
    ))
}
