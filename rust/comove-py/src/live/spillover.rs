//! The volatility spillover.

use comove_core::spillover::volatility::Volatility;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyType};

use super::arguments::{Value, checked, given, series};
use super::shared_verbs;
use crate::errors::{data_error, raise};
use crate::options::{spillover, volatility};

/// How an asset's volatility moves with that of a source, fed one row at a time.
///
/// Definitions are those of `comove.arrays.rolling_spillover`; the bits are the same. Standard errors and p-values are
/// made of the rows of the window when they are read.
///
/// Parameters
/// ----------
/// window_size : int, at least 3, default 240
///     Rows of the window.
/// min_samples : int, 2 to `window_size`, default `window_size`
///     Pairs of volatilities needed before a value is given.
/// vol : {"rolling", "parkinson", "garman_klass", "given"}, default "rolling"
///     What `update` takes for each side: a return, (high, low), (open, high, low, close), or a volatility. Prices also as
///     a mapping by these names.
/// vol_window : int, at least 2, default 20
///     Rows of returns of a rolling volatility; only with vol="rolling".
/// stderr, spacing, newey_west_lags
///     As in `comove.arrays.rolling_spillover`.
/// both : bool, default False
///     Whether the source on the asset is kept too: the `reverse` readings.
///
/// Raises
/// ------
/// ParameterError
///
/// Examples
/// --------
/// >>> from comove.live import SpilloverMonitor
/// >>> monitor = SpilloverMonitor(vol="given", window_size=3)
/// >>> [monitor.update(asset, btc) for asset, btc in [(0.04, 0.02), (0.02, 0.01), (0.06, 0.03)]]
/// [None, None, 2.0]
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct SpilloverMonitor {
    pub(super) core: comove_core::SpilloverMonitor,
}

/// One side of a row, as the volatility asks for it.
fn side(volatility: &Volatility, name: &str, row: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let names = volatility.prices();
    if names.is_empty() {
        return Ok(vec![row.extract::<Value>()?.0]);
    }
    let wrong = || {
        let shown = row.repr().map_or_else(|_| String::new(), |shown| shown.to_string());
        data_error(&format!("{name} must hold {}, got {shown}", names.join(", ")), "length")
    };
    let prices: Vec<f64> = if let Ok(mapping) = row.cast::<PyMapping>() {
        if mapping.len()? != names.len() {
            return Err(wrong());
        }
        let price = |&name: &&str| Ok(mapping.get_item(name).map_err(|_| wrong())?.extract::<Value>()?.0);
        names.iter().map(price).collect::<PyResult<_>>()?
    } else {
        // An unordered collection does not say which price is which.
        let (Ok(_), Ok(items)) = (row.get_item(0), row.try_iter()) else { return Err(wrong()) };
        items.map(|item| Ok(item?.extract::<Value>()?.0)).collect::<PyResult<_>>()?
    };
    if prices.len() == names.len() { Ok(prices) } else { Err(wrong()) }
}

/// The columns of one side, as the volatility asks for them.
fn columns<'py>(
    py: Python<'py>,
    vol: &str,
    name: &str,
    values: &Bound<'py, PyAny>,
    rows: Option<usize>,
) -> PyResult<Vec<PyReadonlyArray1<'py, f64>>> {
    let named: Vec<(String, Bound<'py, PyAny>)> = checked(py, "sides", (name, values, vol))?.extract()?;
    let mut rows = rows;
    let mut arrays = Vec::with_capacity(named.len());
    for (name, column) in named {
        let array = series(py, &name, &column, rows)?;
        rows = Some(array.as_slice()?.len());
        arrays.push(array);
    }
    Ok(arrays)
}

impl SpilloverMonitor {
    fn row(&self, asset: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<[Vec<f64>; 2]> {
        let volatility = self.core.options().volatility();
        Ok([side(volatility, "asset", asset)?, side(volatility, "source", source)?])
    }
}

#[pymethods]
impl SpilloverMonitor {
    #[new]
    #[pyo3(signature = (
        *, window_size=None, min_samples=None, vol=None, vol_window=None, stderr=None, spacing=None,
        newey_west_lags=None, both=None,
    ))]
    #[allow(clippy::too_many_arguments)] // options by name
    fn new(
        py: Python<'_>,
        window_size: Option<&Bound<'_, PyAny>>,
        min_samples: Option<&Bound<'_, PyAny>>,
        vol: Option<&Bound<'_, PyAny>>,
        vol_window: Option<&Bound<'_, PyAny>>,
        stderr: Option<&Bound<'_, PyAny>>,
        spacing: Option<&Bound<'_, PyAny>>,
        newey_west_lags: Option<&Bound<'_, PyAny>>,
        both: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let arguments = (window_size, min_samples, vol, vol_window, stderr, spacing, newey_west_lags, both);
        let (size, least, vol, vol_window, stderr, spacing, lags, both): (
            usize,
            Option<usize>,
            String,
            Option<usize>,
            String,
            usize,
            usize,
            bool,
        ) = checked(py, "live_spillover", arguments)?.extract()?;
        let vol = volatility(&vol, vol_window).map_err(raise)?;
        let options = spillover(size, least, vol, &stderr, spacing, lags).map_err(raise)?;
        let core = comove_core::SpilloverMonitor::new(options.with_both(both)).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return the coefficient, None where not defined.
    ///
    /// None, NaN and infinities are missing.
    #[pyo3(signature = (asset, source))]
    fn update(&mut self, asset: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        let [asset, source] = self.row(asset, source)?;
        self.core.update(&asset, &source).map_err(raise)?;
        Ok(given(self.core.coefficient()))
    }

    /// Take in arrays of rows and return the coefficients `update` would, NaN where not defined.
    ///
    /// Columns of prices come as in `comove.arrays.rolling_spillover`. If a row is refused, none is taken in.
    #[pyo3(signature = (asset, source))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        source: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = columns(py, self.vol(), "asset", asset, None)?;
        let asset = asset.iter().map(|column| Ok(column.as_slice()?)).collect::<PyResult<Vec<_>>>()?;
        let rows = asset.first().map_or(0, |column| column.len());
        let source = columns(py, self.vol(), "source", source, Some(rows))?;
        let source = source.iter().map(|column| Ok(column.as_slice()?)).collect::<PyResult<Vec<_>>>()?;
        let core = &mut self.core;
        let mut coefficients = Vec::with_capacity(rows);
        py.detach(|| core.update_many(&asset, &source, &mut coefficients)).map_err(raise)?;
        Ok(PyArray1::from_vec(py, coefficients))
    }

    /// Return the coefficient `update` would return, and change nothing.
    #[pyo3(signature = (asset, source))]
    fn peek(&self, asset: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        let [asset, source] = self.row(asset, source)?;
        self.core.peek(&asset, &source).map(given).map_err(raise)
    }

    /// Put another row in the place of the last one, and return the coefficient.
    #[pyo3(signature = (asset, source))]
    fn amend(&mut self, asset: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        let [asset, source] = self.row(asset, source)?;
        self.core.amend(&asset, &source).map_err(raise)?;
        Ok(given(self.core.coefficient()))
    }

    /// Slope of the asset's volatility on the source's.
    #[getter]
    fn coefficient(&self) -> Option<f64> {
        given(self.core.coefficient())
    }

    /// Correlation of the volatilities, in [-1, 1].
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.corr())
    }

    /// Squared correlation.
    #[getter]
    fn r_squared(&self) -> Option<f64> {
        given(self.core.r_squared())
    }

    /// Rows in which the asset's volatility forgets half of a shock.
    #[getter]
    fn half_life(&self) -> Option<f64> {
        given(self.core.half_life())
    }

    /// Standard error of the coefficient.
    #[getter]
    fn coefficient_stderr(&self) -> Option<f64> {
        given(self.core.inference().stderr)
    }

    /// Two-sided p-value of the hypothesis that the coefficient is 0.
    #[getter]
    fn coefficient_p_value(&self) -> Option<f64> {
        given(self.core.inference().p_value)
    }

    /// Slope of the source's volatility on the asset's, None without `both`.
    #[getter]
    fn reverse_coefficient(&self) -> Option<f64> {
        given(self.core.reverse_coefficient())
    }

    /// Rows in which the source's volatility forgets half of a shock, None without `both`.
    #[getter]
    fn reverse_half_life(&self) -> Option<f64> {
        given(self.core.reverse_half_life())
    }

    /// Standard error of the reverse coefficient, None without `both`.
    #[getter]
    fn reverse_coefficient_stderr(&self) -> Option<f64> {
        given(self.core.reverse_inference().stderr)
    }

    /// Two-sided p-value of the reverse coefficient, None without `both`.
    #[getter]
    fn reverse_coefficient_p_value(&self) -> Option<f64> {
        given(self.core.reverse_inference().p_value)
    }

    /// Pairs of volatilities in the window.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.core.n() as usize
    }

    /// Whether the window holds `min_samples` pairs of volatilities.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.min_samples()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.options().warmup()
    }

    /// Rows of the window.
    #[getter]
    fn window_size(&self) -> usize {
        self.core.options().window_size()
    }

    /// Pairs of volatilities needed before a value is given.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.options().window().min_samples()
    }

    /// What a row holds for each side.
    #[getter]
    fn vol(&self) -> &'static str {
        match self.core.options().volatility() {
            Volatility::Rolling(_) => "rolling",
            Volatility::Parkinson => "parkinson",
            Volatility::GarmanKlass => "garman_klass",
            Volatility::Given => "given",
        }
    }

    /// Rows of returns of a rolling volatility, None for another.
    #[getter]
    fn vol_window(&self) -> Option<usize> {
        self.core.options().volatility().vol_window()
    }

    /// Whether the source on the asset is kept too.
    #[getter]
    fn both(&self) -> bool {
        self.core.options().both()
    }

    fn __repr__(&self) -> String {
        let vol_window = self.vol_window().map_or_else(String::new, |rows| format!(", vol_window={rows}"));
        format!(
            "SpilloverMonitor(window_size={}, min_samples={}, vol='{}'{vol_window}, n={})",
            self.window_size(),
            self.min_samples(),
            self.vol(),
            self.n()
        )
    }
}
shared_verbs!(SpilloverMonitor, comove_core::SpilloverMonitor);
