//! Student's distribution, for the tests of the commands.

use comove_core::spillover::inference;
use pyo3::prelude::*;

/// The chance of a value of Student's T at least as far from 0 as `t`; `degrees` need not be whole.
#[pyfunction]
#[pyo3(signature = (t, degrees, /))]
pub fn two_sided_student(t: f64, degrees: f64) -> f64 {
    inference::two_sided_student(t, degrees)
}
