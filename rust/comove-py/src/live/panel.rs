//! The live panel.

use comove_core::features::Returns;
use comove_core::lags::Scan;
use comove_core::lags::inference::LagTests;
use comove_core::{Error, PanelReading};
use numpy::ndarray::{Array2, Array3};
use numpy::{PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyType};

use super::arguments::{Time, Value, checked, given};
use super::shared_verbs;
use crate::errors::raise;

/// Beta, correlation and features of many assets with a few leaders, one bar of prices at a time.
///
/// A bar holds a price for any of the symbols; a missing one (absent, None, NaN) is no observation. Returns are computed
/// here and need a price in this bar and in the one before it. An asset may join late, pause and stop.
///
/// Parameters
/// ----------
/// assets, leaders : sequence of str
///     A leader may be an asset as well.
/// window_size : int, at least 3
///     Bars of beta, corr, cov, alpha and r_squared.
/// min_samples : int, 2 to `window_size`, default `window_size`
/// returns : {"simple", "log"}
/// max_lag : int, 1 to 4096, optional
///     The largest lag of `cross_correlation`, `lag`, `lag_corr`, `llr`, the p-values and `leads_by`: every asset against
///     every leader at 2 max_lag + 1 lags. Without it there is lag 0 only.
///
/// Raises
/// ------
/// ParameterError
///     Options out of bounds, no assets or leaders, more than 2^16 pairs.
/// DataError
///     A symbol twice.
///
/// Notes
/// -----
/// The cost of a bar does not grow with the window; one bar in `window_size` costs several times as much, but for
/// `residual_std` and `beta_stderr`, which are made from the rows of the window when they are read. Memory is taken at
/// construction and when assets are added: the returns of a window, and 1.4 kB a pair and lag at 30 bars, 4 kB at 1440,
/// 10 kB at 10000.
///
/// Examples
/// --------
/// >>> from comove.live import Panel
/// >>> panel = Panel(["BONK"], ["BTC"], window_size=3)
/// >>> for hour, (bonk, btc) in enumerate([(1.0, 100.0), (1.02, 101.0), (1.0, 100.0), (1.06, 103.0)]):
/// ...     panel.update(hour * 3_600_000_000_000, {"BONK": bonk, "BTC": btc})
/// >>> panel.beta.round(2)
/// array([[2.]])
#[pyclass(module = "comove.live", from_py_object)]
#[derive(Clone)]
pub struct Panel {
    core: comove_core::Panel,
}

/// Readings of a panel as they would be after a bar: (assets, leaders) arrays.
#[pyclass(module = "comove.live", frozen)]
pub struct PanelReadings {
    readings: Vec<Vec<f64>>,
    assets: usize,
    leaders: usize,
}

const PEEKED: [PanelReading; 6] = [
    PanelReading::Beta,
    PanelReading::Alpha,
    PanelReading::Corr,
    PanelReading::Cov,
    PanelReading::RSquared,
    PanelReading::Count,
];

/// Values leader by leader as an array (assets, leaders).
fn matrix(
    py: Python<'_>,
    values: Vec<f64>,
    assets: usize,
    leaders: usize,
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let array = Array2::from_shape_vec((leaders, assets), values);
    let array = array.map_err(|error| raise(Error::Snapshot { problem: error.to_string() }))?;
    Ok(PyArray2::from_owned_array(py, array.reversed_axes()))
}

/// Values leader by leader and lag by lag as an array (assets, leaders, lags).
fn cube(
    py: Python<'_>,
    values: Vec<f64>,
    assets: usize,
    leaders: usize,
) -> PyResult<Bound<'_, PyArray3<f64>>> {
    let lags = values.len() / (assets * leaders);
    let array = Array3::from_shape_vec((leaders, lags, assets), values);
    let array = array.map_err(|error| raise(Error::Snapshot { problem: error.to_string() }))?;
    Ok(PyArray3::from_owned_array(py, array.permuted_axes([2, 0, 1])))
}

impl Panel {
    /// What the correlations at every lag say of each pair, as an array (assets, leaders).
    fn scan<'py>(&self, py: Python<'py>, of: impl Fn(&Scan) -> f64) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let scans = self.core.scans(&self.core.cross_correlation());
        let values = scans.iter().map(of).collect();
        matrix(py, values, self.core.assets().len(), self.core.leaders().len())
    }

    /// A p-value of each pair, as an array (assets, leaders).
    fn test<'py>(
        &self,
        py: Python<'py>,
        of: impl Fn(&LagTests) -> f64,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let core = &self.core;
        let tests = py.detach(|| core.lag_tests()).map_err(raise)?;
        let values = tests.iter().map(of).collect();
        matrix(py, values, core.assets().len(), core.leaders().len())
    }

    fn read<'py>(&self, py: Python<'py>, reading: PanelReading) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (assets, leaders) = (self.core.assets().len(), self.core.leaders().len());
        matrix(py, self.core.read(reading), assets, leaders)
    }

    /// A bar in the order of the symbols, from a mapping or an array.
    fn bar(&self, prices: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
        let symbols = self.core.symbols().len();
        if let Ok(array) = prices.extract::<PyReadonlyArray1<'_, f64>>()
            && array.len() == symbols
            && let Ok(slice) = array.as_slice()
        {
            return Ok(slice.to_vec());
        }
        let mut bar = vec![f64::NAN; symbols];
        if let Ok(dict) = prices.cast::<PyDict>() {
            // A list of the items: a price's own code may change the dict.
            for item in dict.items() {
                let (symbol, price): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
                self.place(&symbol, &price, &mut bar)?;
            }
        } else if let Ok(mapping) = prices.cast::<PyMapping>() {
            for item in mapping.items()? {
                let (symbol, price): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
                self.place(&symbol, &price, &mut bar)?;
            }
        } else {
            let array = checked(prices.py(), "series", ("prices", prices, symbols))?;
            return Ok(array.extract::<PyReadonlyArray1<'_, f64>>()?.as_slice()?.to_vec());
        }
        Ok(bar)
    }

    fn place(&self, symbol: &Bound<'_, PyAny>, price: &Bound<'_, PyAny>, bar: &mut [f64]) -> PyResult<()> {
        let name: &str = &symbol.str()?.to_string();
        let Some(at) = self.core.position(name) else {
            let problem = "is not among the symbols of the panel";
            return Err(raise(Error::Symbol { symbol: name.to_owned(), problem }));
        };
        bar[at] = price.extract::<Value>()?.0;
        Ok(())
    }
}

#[pymethods]
impl Panel {
    #[new]
    #[pyo3(signature = (assets, leaders, *, window_size, min_samples=None, returns=None, max_lag=None))]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 hands over
    fn new(
        py: Python<'_>,
        assets: &Bound<'_, PyAny>,
        leaders: &Bound<'_, PyAny>,
        window_size: &Bound<'_, PyAny>,
        min_samples: Option<&Bound<'_, PyAny>>,
        returns: Option<&Bound<'_, PyAny>>,
        max_lag: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = checked(py, "panel", (assets, leaders, window_size, min_samples, returns, max_lag))?;
        let (assets, leaders, size, least, kind, max_lag): (_, _, _, _, String, _) = options.extract()?;
        let kind: Returns = crate::options::returns(&kind).map_err(raise)?;
        let core = comove_core::Panel::new(assets, leaders, size, least, kind, max_lag).map_err(raise)?;
        Ok(Self { core })
    }

    /// Take in a bar.
    ///
    /// Parameters
    /// ----------
    /// ts : int, datetime or datetime64
    ///     Later than the last bar; integers are nanoseconds.
    /// prices : mapping of symbols to prices, or float64 array in the order of `symbols`
    ///
    /// Raises
    /// ------
    /// OrderError
    ///     `ts` is not after the last bar.
    /// DataError
    ///     An unknown symbol, a price that is not above 0, another number of prices. The panel stays as it was.
    #[pyo3(signature = (ts, prices))]
    fn update(&mut self, ts: Time, prices: &Bound<'_, PyAny>) -> PyResult<()> {
        let bar = self.bar(prices)?;
        self.core.update(ts.0, &bar).map_err(raise)
    }

    /// Take in many bars: times of shape (n,), prices of shape (n, symbols). If one is refused, none is taken in.
    #[pyo3(signature = (ts, prices))]
    fn update_many(
        &mut self,
        py: Python<'_>,
        ts: &Bound<'_, PyAny>,
        prices: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let ts = checked(py, "timestamps", ("ts", ts))?;
        let ts: PyReadonlyArray1<'_, i64> = ts.extract()?;
        let ts = ts.as_slice()?;
        let symbols = self.core.symbols().len();
        let prices = checked(py, "table", ("prices", prices, ts.len(), symbols))?;
        let prices: PyReadonlyArray2<'_, f64> = prices.extract()?;
        let prices = prices.as_slice()?;
        let core = &mut self.core;
        py.detach(|| core.update_many(ts, prices)).map_err(raise)
    }

    /// Return the readings as they would be after a bar, and change nothing.
    #[pyo3(signature = (ts, prices))]
    fn peek(&self, ts: Time, prices: &Bound<'_, PyAny>) -> PyResult<PanelReadings> {
        let bar = self.bar(prices)?;
        let readings = self.core.peek(ts.0, &bar, &PEEKED).map_err(raise)?;
        let (assets, leaders) = (self.core.assets().len(), self.core.leaders().len());
        Ok(PanelReadings { readings, assets, leaders })
    }

    /// Return `cross_correlation` as it would be after a bar, and change nothing.
    #[pyo3(signature = (ts, prices))]
    fn peek_cross_correlation<'py>(
        &self,
        py: Python<'py>,
        ts: Time,
        prices: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let bar = self.bar(prices)?;
        let correlations = self.core.peek_cross_correlation(ts.0, &bar).map_err(raise)?;
        cube(py, correlations, self.core.assets().len(), self.core.leaders().len())
    }

    /// Put another bar in the place of the last one; `ts` must be its time.
    #[pyo3(signature = (ts, prices))]
    fn amend(&mut self, ts: Time, prices: &Bound<'_, PyAny>) -> PyResult<()> {
        let bar = self.bar(prices)?;
        self.core.amend(ts.0, &bar).map_err(raise)
    }

    /// Add an asset. What came before is missing, unless it is a leader, whose past is known.
    #[pyo3(signature = (symbol, /))]
    fn add_asset(&mut self, symbol: &Bound<'_, PyAny>) -> PyResult<()> {
        let symbol: String = checked(symbol.py(), "symbol_name", ("symbol", symbol))?.extract()?;
        self.core.add_asset(&symbol).map_err(raise)
    }

    /// Remove an asset. A leader stays a leader.
    #[pyo3(signature = (symbol, /))]
    fn remove_asset(&mut self, symbol: &str) -> PyResult<()> {
        self.core.remove_asset(symbol).map_err(raise)
    }

    /// The five cross-asset features of an asset with each leader, as `{"btc_beta": ...}`; None where not defined.
    ///
    /// Definitions are those of `comove.arrays.cross_asset_features` with its default lookbacks.
    #[pyo3(signature = (asset, /))]
    fn features<'py>(&self, py: Python<'py>, asset: &str) -> PyResult<Bound<'py, PyDict>> {
        let features = self.core.features(asset).map_err(raise)?;
        let columns = PyDict::new(py);
        for (leader, of) in self.core.leaders().iter().zip(features) {
            let leader = leader.to_lowercase();
            for (name, value) in [
                ("beta", of.beta),
                ("correlation", of.correlation),
                ("divergence", of.divergence),
                ("volatility", of.volatility),
                ("relative_momentum", of.relative_momentum),
            ] {
                columns.set_item(format!("{leader}_{name}"), given(value))?;
            }
        }
        Ok(columns)
    }

    /// Slopes of the assets on the leaders, shape (assets, leaders); NaN where not defined, as all readings.
    #[getter]
    fn beta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::Beta)
    }

    /// Intercepts.
    #[getter]
    fn alpha<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::Alpha)
    }

    /// Correlations, in [-1, 1].
    #[getter]
    fn corr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::Corr)
    }

    /// Covariances, ddof 1.
    #[getter]
    fn cov<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::Cov)
    }

    /// Squared correlations.
    #[getter]
    fn r_squared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::RSquared)
    }

    /// Standard deviations of the residuals; made from the rows of the window when it is read.
    #[getter]
    fn residual_std<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::ResidualStd)
    }

    /// Standard errors of the slopes; made from the rows of the window when it is read.
    #[getter]
    fn beta_stderr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::BetaStderr)
    }

    /// Complete pairs of returns in the window.
    #[getter]
    fn n<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, PanelReading::Count)
    }

    /// Correlations at every lag, shape (assets, leaders, 2 max_lag + 1), from lag -max_lag to max_lag; one lag, 0, without
    /// `max_lag`. A negative lag means that the leader moved first.
    #[getter]
    fn cross_correlation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<f64>>> {
        cube(py, self.core.cross_correlation(), self.core.assets().len(), self.core.leaders().len())
    }

    /// Lags of the largest correlations by size; NaN unless every lag is defined.
    #[getter]
    fn lag<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.scan(py, |scan| scan.lag)
    }

    /// The correlations at `lag`.
    #[getter]
    fn lag_corr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.scan(py, |scan| scan.corr)
    }

    /// Sums of the squared correlations at negative lags divided by those at positive ones.
    #[getter]
    fn llr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.scan(py, |scan| scan.llr)
    }

    /// P-values of no relation at any lag; worked out from the rows of the window when they are read, as the other two.
    #[getter]
    fn p_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.test(py, |tests| tests.p_value)
    }

    /// P-values of no relation at any negative lag: small where the leader moves first. Needs `max_lag`.
    #[getter]
    fn lead_p_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.test(py, |tests| tests.lead_p_value)
    }

    /// P-values of no relation at any positive lag: small where the asset moves first. Needs `max_lag`.
    #[getter]
    fn follow_p_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.test(py, |tests| tests.follow_p_value)
    }

    /// Rows by which the leaders move first; 0 unless `lead_p_value` is below 0.05. Needs `max_lag`.
    #[getter]
    fn leads_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let core = &self.core;
        let rows = py.detach(|| core.leads_by()).map_err(raise)?;
        let values = rows.into_iter().map(|rows| rows.map_or(f64::NAN, |rows| rows as f64)).collect();
        matrix(py, values, core.assets().len(), core.leaders().len())
    }

    /// The largest lag of `cross_correlation`; 0 where it holds no other.
    #[getter]
    fn max_lag(&self) -> usize {
        self.core.max_lag()
    }

    /// Whether any pair has `min_samples` complete pairs of returns.
    #[getter]
    fn is_ready(&self) -> bool {
        let least = self.core.options().window().min_samples() as f64;
        self.core.read(PanelReading::Count).iter().any(|&n| n >= least)
    }

    /// Bars before the first value, none of them missing: the first has no return. Readings of lags need `max_lag` more.
    #[getter]
    fn warmup(&self) -> usize {
        self.core.options().window().min_samples() + 1
    }

    /// The assets: rows of the readings.
    #[getter]
    fn assets(&self) -> Vec<String> {
        self.core.assets().to_vec()
    }

    /// The leaders: columns of the readings.
    #[getter]
    fn leaders(&self) -> Vec<String> {
        self.core.leaders().to_vec()
    }

    /// The order of an array of prices: the assets, then the leaders not among them.
    #[getter]
    fn symbols(&self) -> Vec<String> {
        self.core.symbols().to_vec()
    }

    /// Bars of the window.
    #[getter]
    fn window_size(&self) -> usize {
        self.core.window_size()
    }

    /// Complete pairs needed before a value is given.
    #[getter]
    fn min_samples(&self) -> usize {
        self.core.options().window().min_samples()
    }

    /// Time of the last bar in nanoseconds.
    #[getter]
    fn last_ts(&self) -> Option<i64> {
        self.core.last_time()
    }

    fn __repr__(&self) -> String {
        format!(
            "Panel({} assets, leaders={:?}, window_size={}, max_lag={})",
            self.core.assets().len(),
            self.core.leaders(),
            self.core.window_size(),
            self.core.max_lag()
        )
    }
}
shared_verbs!(Panel, comove_core::Panel);

impl PanelReadings {
    fn read<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        matrix(py, self.readings[at].clone(), self.assets, self.leaders)
    }
}

#[pymethods]
impl PanelReadings {
    /// Slopes of the assets on the leaders.
    #[getter]
    fn beta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 0)
    }

    /// Intercepts.
    #[getter]
    fn alpha<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 1)
    }

    /// Correlations.
    #[getter]
    fn corr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 2)
    }

    /// Covariances, ddof 1.
    #[getter]
    fn cov<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 3)
    }

    /// Squared correlations.
    #[getter]
    fn r_squared<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 4)
    }

    /// Complete pairs of returns in the window.
    #[getter]
    fn n<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.read(py, 5)
    }
}
