//! The live door: classes around the core's objects.
//!
//! Options and arrays go through `comove.options`, which every door shares, before anything is touched.

use comove_core::ewm::EwmReading;
use comove_core::pair::LEAST_PAIR_WINDOW;
use comove_core::params::Extent;
use comove_core::{Error, Window};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyFloat, PyTuple, PyType};

use crate::errors::{data_error, raise};
use crate::options::window;

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

/// The numbers of several leaders.
pub struct Values(Vec<f64>);

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

/// The bytes of a snapshot, from bytes or a bytearray.
pub fn snapshot_bytes(snapshot: &Bound<'_, PyAny>) -> PyResult<PyBackedBytes> {
    snapshot.extract().map_err(|_| raise(Error::Snapshot { problem: "it is not bytes".to_owned() }))
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

/// The time of a row, where the window goes by time.
fn time(window: &Window, ts: Option<Time>) -> PyResult<i64> {
    match (window.extent(), ts) {
        (Extent::Span(_), None) => Err(raise(Error::MissingTime { name: "ts", row: 0 })),
        (_, ts) => Ok(ts.map_or(0, |ts| ts.0)),
    }
}

/// The times of several rows, where the window goes by time; none otherwise.
fn times<'py>(
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

fn size(window: &Window) -> Option<usize> {
    match window.extent() {
        Extent::Rows(size) => Some(size),
        Extent::Span(_) => None,
    }
}

/// The span as a timedelta; what is finer than a microsecond is rounded off.
fn span<'py>(py: Python<'py>, window: &Window) -> PyResult<Option<Bound<'py, PyAny>>> {
    match window.extent() {
        Extent::Rows(_) => Ok(None),
        Extent::Span(span) => {
            py.import("datetime")?.getattr("timedelta")?.call1((0, 0, span as f64 / 1e3)).map(Some)
        }
    }
}

/// The options of a window as they are shown.
fn options(window: &Window) -> String {
    let extent = match window.extent() {
        Extent::Rows(size) => format!("window_size={size}"),
        Extent::Span(span) => format!("window_span='{span}ns'"),
    };
    format!("{extent}, min_samples={}", window.min_samples())
}

/// Checked options of a live window.
fn live_window(
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
                let snapshot = crate::live::snapshot_bytes(snapshot)?;
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
pub(crate) use shared_verbs;

/// A rolling pair, fed one row at a time.
///
/// Beta, alpha, correlation, covariance, variances and the regression's errors over the complete pairs of a sliding
/// window by rows or by time. Definitions are those of `comove.arrays.rolling_regression`; the bits are the same.
///
/// Parameters
/// ----------
/// window_size : int, at least 3
///     Rows of the window. Exactly one of `window_size` and `window_span`.
/// window_span : timedelta or str
///     The window at t is (t - span, t]. Needs `max_rows` and `min_samples`.
/// max_rows : int
///     The most rows the span may ever hold: memory is taken once. A burst beyond it is a `DataError`.
/// min_samples : int, 2 to `window_size`, default `window_size`
///     Complete pairs needed before a value is given.
/// ddof : int, default 1
///     Of `cov`, `var` and `var_benchmark`.
///
/// Raises
/// ------
/// ParameterError
///
/// Notes
/// -----
/// A row costs about 60 ns in the core, whatever the window; memory is the rows of two windows, taken at construction.
/// One row in `window_size` costs 31 insertions and window_size^(1/3) combinations more. By time, the rows that leave
/// at once after a gap are looked at one by one.
///
/// Examples
/// --------
/// >>> from comove.live import RollingPair
/// >>> pair = RollingPair(window_size=3)
/// >>> [pair.update(asset, btc) for asset, btc in [(0.02, 0.01), (-0.02, -0.01), (0.06, 0.03)]]
/// [None, None, 2.0]
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct RollingPair {
    core: comove_core::RollingPair,
}

#[pymethods]
impl RollingPair {
    #[new]
    #[pyo3(signature = (*, window_size=None, window_span=None, max_rows=None, min_samples=None, ddof=None))]
    fn new(
        py: Python<'_>,
        window_size: Option<&Bound<'_, PyAny>>,
        window_span: Option<&Bound<'_, PyAny>>,
        max_rows: Option<&Bound<'_, PyAny>>,
        min_samples: Option<&Bound<'_, PyAny>>,
        ddof: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (window, max_rows) =
            live_window(py, window_size, window_span, max_rows, min_samples, LEAST_PAIR_WINDOW)?;
        let ddof = match ddof {
            Some(ddof) => checked(py, "degrees", (ddof,))?.extract()?,
            None => 1,
        };
        let core = comove_core::RollingPair::new(window, max_rows, ddof).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return beta, None where not defined.
    ///
    /// None, NaN and infinities are missing. `ts` (integer nanoseconds or a datetime) is needed with `window_span`.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn update(&mut self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        let ts = time(self.core.window(), ts)?;
        self.core.update(asset.0, benchmark.0, ts).map_err(raise)?;
        Ok(given(self.core.beta()))
    }

    /// Take in arrays of rows and return the betas `update` would, NaN where not defined.
    ///
    /// If a row is refused, none is taken in.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        benchmark: &Bound<'py, PyAny>,
        ts: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let benchmark = series(py, "benchmark", benchmark, Some(asset.len()))?;
        let benchmark = benchmark.as_slice()?;
        let ts = times(py, self.core.window(), ts, asset.len())?;
        let ts = ts.as_ref().map_or(Ok(&[][..]), |ts| ts.as_slice())?;
        let core = &mut self.core;
        let mut betas = Vec::with_capacity(asset.len());
        py.detach(|| core.update_many(asset, benchmark, ts, &mut betas)).map_err(raise)?;
        Ok(PyArray1::from_vec(py, betas))
    }

    /// Return the beta `update` would return, and change nothing.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn peek(&self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        let ts = time(self.core.window(), ts)?;
        self.core.peek(asset.0, benchmark.0, ts).map(given).map_err(raise)
    }

    /// Put another row in the place of the last one, at the same time, and return beta.
    ///
    /// `ts` may be left out; with `window_span` it must be the last one.
    #[pyo3(signature = (asset, benchmark, ts=None))]
    fn amend(&mut self, asset: Value, benchmark: Value, ts: Option<Time>) -> PyResult<Option<f64>> {
        self.core.amend(asset.0, benchmark.0, ts.map(|ts| ts.0)).map_err(raise)?;
        Ok(given(self.core.beta()))
    }

    /// Slope of the asset on the benchmark.
    #[getter]
    fn beta(&self) -> Option<f64> {
        given(self.core.beta())
    }

    /// mean(asset) - beta mean(benchmark).
    #[getter]
    fn alpha(&self) -> Option<f64> {
        given(self.core.alpha())
    }

    /// Correlation, in [-1, 1].
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.corr())
    }

    /// Covariance.
    #[getter]
    fn cov(&self) -> Option<f64> {
        given(self.core.cov())
    }

    /// Variance of the asset.
    #[getter]
    fn var(&self) -> Option<f64> {
        given(self.core.var())
    }

    /// Variance of the benchmark.
    #[getter]
    fn var_benchmark(&self) -> Option<f64> {
        given(self.core.var_benchmark())
    }

    /// Squared correlation.
    #[getter]
    fn r_squared(&self) -> Option<f64> {
        given(self.core.r_squared())
    }

    /// sqrt(SSE / (n - 2)); 0 for a perfect fit.
    #[getter]
    fn residual_std(&self) -> Option<f64> {
        given(self.core.residual_std())
    }

    /// Standard error of beta.
    #[getter]
    fn beta_stderr(&self) -> Option<f64> {
        given(self.core.beta_stderr())
    }

    /// Complete pairs in the window.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.core.n() as usize
    }

    /// Whether the window holds `min_samples` complete pairs.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.min_samples()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.min_samples()
    }

    /// Rows of the window, None for one by time.
    #[getter]
    fn window_size(&self) -> Option<usize> {
        size(self.core.window())
    }

    /// Span of the window, None for one by rows.
    #[getter]
    fn window_span<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        span(py, self.core.window())
    }

    /// The most rows the span may hold, None for a window by rows.
    #[getter]
    fn max_rows(&self) -> Option<usize> {
        self.core.max_rows()
    }

    /// Complete pairs needed before a value is given.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.window().min_samples()
    }

    /// Delta degrees of freedom of variances and covariance.
    #[getter]
    fn ddof(&self) -> u32 {
        self.core.ddof()
    }

    /// Time of the last row in nanoseconds, None for a window by rows.
    #[getter]
    fn last_ts(&self) -> Option<i64> {
        self.core.last_time()
    }

    fn __repr__(&self) -> String {
        format!("RollingPair({}, n={})", options(self.core.window()), self.n())
    }
}
shared_verbs!(RollingPair, comove_core::RollingPair);

/// An exponentially weighted pair, fed one row at a time.
///
/// Weights halve every `half_life` rows, missing rows counted. Definitions are those of `comove.arrays.ewm_beta`; the
/// bits are the same.
///
/// Parameters
/// ----------
/// half_life : float, above 0
/// min_samples : int, at least 2
///     Complete pairs seen before a value is given.
///
/// Raises
/// ------
/// ParameterError
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct EwmPair {
    core: comove_core::EwmPair,
}

#[pymethods]
impl EwmPair {
    #[new]
    #[pyo3(signature = (*, half_life, min_samples=None))]
    fn new(
        py: Python<'_>,
        half_life: &Bound<'_, PyAny>,
        min_samples: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let half_life = checked(py, "positive", ("half_life", half_life))?.extract()?;
        let min_samples = match min_samples {
            Some(least) => checked(py, "at_least_two", (least,))?.extract()?,
            None => 2,
        };
        let core = comove_core::EwmPair::new(half_life, min_samples).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return beta, None where not defined.
    #[pyo3(signature = (asset, benchmark))]
    fn update(&mut self, asset: Value, benchmark: Value) -> Option<f64> {
        self.core.update(asset.0, benchmark.0);
        self.beta()
    }

    /// Take in arrays of rows and return the betas `update` would, NaN where not defined.
    #[pyo3(signature = (asset, benchmark))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        benchmark: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let benchmark = series(py, "benchmark", benchmark, Some(asset.len()))?;
        let benchmark = benchmark.as_slice()?;
        let core = &mut self.core;
        let betas = py.detach(|| {
            let mut betas = Vec::with_capacity(asset.len());
            for (&y, &x) in asset.iter().zip(benchmark) {
                core.update(y, x);
                betas.push(core.read(EwmReading::Beta));
            }
            betas
        });
        Ok(PyArray1::from_vec(py, betas))
    }

    /// Return the beta `update` would return, and change nothing.
    #[pyo3(signature = (asset, benchmark))]
    fn peek(&self, asset: Value, benchmark: Value) -> Option<f64> {
        given(self.core.peek(asset.0, benchmark.0))
    }

    /// Put another row in the place of the last one, and return beta.
    #[pyo3(signature = (asset, benchmark))]
    fn amend(&mut self, asset: Value, benchmark: Value) -> PyResult<Option<f64>> {
        self.core.amend(asset.0, benchmark.0).map_err(raise)?;
        Ok(self.beta())
    }

    /// Slope of the asset on the benchmark.
    #[getter]
    fn beta(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Beta))
    }

    /// Correlation, in [-1, 1].
    #[getter]
    fn corr(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Corr))
    }

    /// Covariance, corrected for the weights.
    #[getter]
    fn cov(&self) -> Option<f64> {
        given(self.core.read(EwmReading::Cov))
    }

    /// Complete pairs seen.
    #[getter]
    fn n(&self) -> usize {
        self.core.n()
    }

    /// Whether `min_samples` complete pairs were seen.
    #[getter]
    fn is_ready(&self) -> bool {
        self.core.n() >= self.core.min_samples()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.min_samples()
    }

    /// Rows until a weight has halved.
    #[getter]
    fn half_life(&self) -> f64 {
        self.core.half_life()
    }

    /// Complete pairs needed before a value is given.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.min_samples()
    }

    fn __repr__(&self) -> String {
        format!("EwmPair(half_life={}, n={})", self.core.half_life(), self.core.n())
    }
}
shared_verbs!(EwmPair, comove_core::EwmPair);

/// An asset on several leaders at once, fed one row at a time.
///
/// Definitions are those of `comove.arrays.joint_beta`; the bits are the same.
///
/// Parameters
/// ----------
/// n_leaders : int, 1 to 8
/// window_size, window_span, max_rows, min_samples
///     As in `RollingPair`, but `window_size` is at least n_leaders + 2.
///
/// Raises
/// ------
/// ParameterError
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct JointPair {
    core: comove_core::JointPair,
}

impl JointPair {
    fn row(asset: Value, leaders: Values) -> Vec<f64> {
        std::iter::once(asset.0).chain(leaders.0).collect()
    }

    fn tuple<'py>(&self, py: Python<'py>, readings: &[f64]) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let betas = &readings[..self.core.leaders()];
        if betas.iter().any(|beta| beta.is_nan()) {
            return Ok(None);
        }
        PyTuple::new(py, betas).map(Some)
    }

    fn reading(&self, after_betas: usize) -> f64 {
        self.core.readings()[self.core.leaders() + after_betas]
    }
}

#[pymethods]
impl JointPair {
    #[new]
    #[pyo3(signature = (n_leaders, *, window_size=None, window_span=None, max_rows=None, min_samples=None))]
    fn new(
        py: Python<'_>,
        n_leaders: &Bound<'_, PyAny>,
        window_size: Option<&Bound<'_, PyAny>>,
        window_span: Option<&Bound<'_, PyAny>>,
        max_rows: Option<&Bound<'_, PyAny>>,
        min_samples: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let leaders = checked(py, "leader_count", (n_leaders,))?.extract()?;
        let least = checked(py, "least_joint_window", (leaders,))?.extract()?;
        let (window, max_rows) = live_window(py, window_size, window_span, max_rows, min_samples, least)?;
        let core = comove_core::JointPair::new(leaders, window, max_rows).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a row and return the betas, None where not defined.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn update<'py>(
        &mut self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let ts = time(self.core.window(), ts)?;
        self.core.update(&Self::row(asset, leaders), ts).map_err(raise)?;
        self.tuple(py, &self.core.readings())
    }

    /// Take in arrays of rows, `leaders` of shape (n, n_leaders), and return the betas, NaN where not defined.
    ///
    /// If a row is refused, none is taken in.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn update_many<'py>(
        &mut self,
        py: Python<'py>,
        asset: &Bound<'py, PyAny>,
        leaders: &Bound<'py, PyAny>,
        ts: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let asset = series(py, "asset", asset, None)?;
        let asset = asset.as_slice()?;
        let count = self.core.leaders();
        let leaders = checked(py, "table", ("leaders", leaders, asset.len(), count))?;
        let leaders: PyReadonlyArray2<'_, f64> = leaders.extract()?;
        let leaders = leaders.as_slice()?;
        let ts = times(py, self.core.window(), ts, asset.len())?;
        let ts = ts.as_ref().map_or(Ok(&[][..]), |ts| ts.as_slice())?;
        let core = &mut self.core;
        let mut betas = Vec::with_capacity(leaders.len());
        py.detach(|| {
            let rows: Vec<f64> = asset
                .iter()
                .zip(leaders.chunks_exact(count))
                .flat_map(|(&y, x)| core::iter::once(y).chain(x.iter().copied()))
                .collect();
            core.update_many(rows.chunks_exact(count + 1), ts, &mut betas)
        })
        .map_err(raise)?;
        PyArray1::from_vec(py, betas).reshape([asset.len(), count])
    }

    /// Return the betas `update` would return, and change nothing.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn peek<'py>(
        &self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let ts = time(self.core.window(), ts)?;
        let readings = self.core.peek(&Self::row(asset, leaders), ts).map_err(raise)?;
        self.tuple(py, &readings)
    }

    /// Put another row in the place of the last one, at the same time, and return the betas.
    ///
    /// `ts` may be left out; with `window_span` it must be the last one.
    #[pyo3(signature = (asset, leaders, ts=None))]
    fn amend<'py>(
        &mut self,
        py: Python<'py>,
        asset: Value,
        leaders: Values,
        ts: Option<Time>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.core.amend(&Self::row(asset, leaders), ts.map(|ts| ts.0)).map_err(raise)?;
        self.tuple(py, &self.core.readings())
    }

    /// One beta a leader, None where not defined.
    #[getter]
    fn betas<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.tuple(py, &self.core.readings())
    }

    /// Intercept.
    #[getter]
    fn alpha(&self) -> Option<f64> {
        given(self.reading(0))
    }

    /// Share of the asset's variance that the leaders explain.
    #[getter]
    fn r_squared(&self) -> Option<f64> {
        given(self.reading(1))
    }

    /// Complete rows in the window.
    #[getter]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count of rows
    fn n(&self) -> usize {
        self.reading(2) as usize
    }

    /// Whether the window holds `min_samples` complete rows, and more than leaders and intercept.
    #[getter]
    fn is_ready(&self) -> bool {
        self.n() >= self.warmup()
    }

    /// Rows before the first value, none of them missing.
    #[getter]
    fn warmup(&self) -> usize {
        self.min_samples().max(self.core.leaders() + 2)
    }

    /// Number of leaders.
    #[getter]
    fn n_leaders(&self) -> usize {
        self.core.leaders()
    }

    /// Rows of the window, None for one by time.
    #[getter]
    fn window_size(&self) -> Option<usize> {
        size(self.core.window())
    }

    /// Span of the window, None for one by rows.
    #[getter]
    fn window_span<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        span(py, self.core.window())
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

    fn __repr__(&self) -> String {
        format!("JointPair({}, {}, n={})", self.core.leaders(), options(self.core.window()), self.n())
    }
}
shared_verbs!(JointPair, comove_core::JointPair);
