//! The rows of a feature recipe. Private: `comove.FeatureStream` is what users see.

use comove_core::features::{CrossAsset, Lookbacks};
use comove_core::recipe::stream::{FeatureStream as Core, Plan, Shown};
use comove_core::recipe::{INPUTS, Wanted};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PyType};

use super::arguments::{Time, Value, Values};
use super::shared_verbs;
use crate::errors::raise;
use crate::options::returns;

/// Rows of a feature recipe, one timestamp at a time.
#[pyclass(module = "comove._comove", from_py_object)]
#[derive(Clone)]
pub struct RecipeStream {
    core: Core,
}

/// Options of the cross-asset features, as `comove.options.cross_asset` gives them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct CrossAssetOptions {
    window_size: usize,
    #[pyo3(default)]
    min_samples: Option<usize>,
    vol_window: usize,
    short: usize,
    long: usize,
    momentum: usize,
    returns: String,
}

/// The inputs of a bar, in the order of the core.
type Bar = Option<[Value; INPUTS.len()]>;

impl RecipeStream {
    /// A row as Python sees it: None where missing, whole numbers for ages.
    fn shown_row<'py>(&self, py: Python<'py>, row: Option<Vec<f64>>) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(row) = row else { return Ok(None) };
        PyList::new(py, self.objects(py, &row)).map(Some)
    }

    /// The values of a row as Python sees them.
    fn objects<'py>(&self, py: Python<'py>, row: &[f64]) -> impl ExactSizeIterator<Item = Bound<'py, PyAny>> {
        let plan = self.core.plan();
        row.iter().zip(&plan.shown).map(move |(&value, shown)| {
            if value.is_nan() {
                py.None().into_bound(py)
            } else if plan.is_age(shown.place) {
                whole(py, value)
            } else {
                PyFloat::new(py, value).into_any()
            }
        })
    }
}

#[allow(clippy::cast_possible_truncation)] // rows since a price
fn whole(py: Python<'_>, value: f64) -> Bound<'_, PyAny> {
    PyInt::new(py, value as i64).into_any()
}

#[pymethods]
impl RecipeStream {
    /// `shown`: places in the raw row and defaults; `note`: kept in snapshots.
    #[new]
    #[pyo3(signature = (base, leaders, cross_asset, shown, *, carry, lag, note))]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn new(
        base: Vec<String>,
        leaders: usize,
        cross_asset: CrossAssetOptions,
        shown: Vec<(usize, f64)>,
        carry: Option<usize>,
        lag: usize,
        note: String,
    ) -> PyResult<Self> {
        let CrossAssetOptions { window_size, min_samples, vol_window, short, long, momentum, returns: kind } =
            cross_asset;
        let lookbacks = Lookbacks { vol_window, short, long, momentum };
        let cross_asset = returns(&kind)
            .and_then(|returns| CrossAsset::new(window_size, min_samples, lookbacks, returns))
            .map_err(raise)?;
        let base = Wanted::named(base.iter().map(String::as_str)).map_err(raise)?;
        let shown = shown.into_iter().map(|(place, default)| Shown { place, default }).collect();
        let plan = Plan { base, leaders, cross_asset, shown, carry, lag, note };
        Ok(Self { core: Core::new(plan).map_err(raise)? })
    }

    /// Take in a timestamp in nanoseconds, and return the row shown, None where the symbol has no bar.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn update<'py>(
        &mut self,
        py: Python<'py>,
        ts: Time,
        bar: Bar,
        leaders: Values,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let bar = bar.map(|bar| bar.map(|value| value.0));
        let row = self.core.update(ts.0, bar, &leaders.0).map_err(raise)?;
        self.shown_row(py, row)
    }

    /// As `update`, in a copy of `empty`: a dict of all columns by name, so that no dict grows while it is filled.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn update_named<'py>(
        &mut self,
        ts: Time,
        bar: Bar,
        leaders: Values,
        empty: Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let bar = bar.map(|bar| bar.map(|value| value.0));
        let Some(row) = self.core.update(ts.0, bar, &leaders.0).map_err(raise)? else { return Ok(None) };
        let named = empty.copy()?;
        for (name, value) in empty.keys().iter().zip(self.objects(empty.py(), &row)) {
            named.set_item(name, value)?;
        }
        Ok(Some(named))
    }

    /// As `update`, in floats: NaN where missing.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn update_floats<'py>(
        &mut self,
        py: Python<'py>,
        ts: Time,
        bar: Bar,
        leaders: Values,
    ) -> PyResult<Option<Bound<'py, PyArray1<f64>>>> {
        let bar = bar.map(|bar| bar.map(|value| value.0));
        let row = self.core.update(ts.0, bar, &leaders.0).map_err(raise)?;
        Ok(row.map(|row| row.into_pyarray(py)))
    }

    /// Return what `update` would return, and change nothing.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn peek<'py>(
        &self,
        py: Python<'py>,
        ts: Time,
        bar: Bar,
        leaders: Values,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let bar = bar.map(|bar| bar.map(|value| value.0));
        let row = self.core.peek(ts.0, bar, &leaders.0).map_err(raise)?;
        self.shown_row(py, row)
    }

    /// What the maker wrote into it.
    #[getter]
    fn note(&self) -> &str {
        &self.core.plan().note
    }

    /// Return whether `other` makes the same rows of the same inputs.
    fn makes_what(&self, other: &Self) -> bool {
        self.core.plan().makes_what(other.core.plan())
    }

    /// Time of the last row in nanoseconds.
    #[getter]
    fn last_ts(&self) -> Option<i64> {
        self.core.last()
    }

    /// Bars of the symbol taken in.
    #[getter]
    fn n(&self) -> usize {
        self.core.own()
    }

    /// Whether all columns had a value of their own in the last bar of the symbol.
    #[getter]
    fn is_ready(&self) -> bool {
        self.core.is_ready()
    }
}
shared_verbs!(RecipeStream, Core);
