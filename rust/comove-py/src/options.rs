//! Options as they come from Python, from a dict or a pickled one, and the task they ask for.

use comove_core::ewm::EwmReading;
use comove_core::features::{CrossAsset, Lookbacks, Returns};
use comove_core::pair::{LEAST_PAIR_WINDOW, LEAST_VARIANCE_WINDOW};
use comove_core::params::Window;
use comove_core::recipe::{Batch, Wanted};
use comove_core::spillover::inference::Stderr;
use comove_core::spillover::volatility::{USUAL_VOL_WINDOW, Volatility};
use comove_core::{Error, Lags, Result, Spillover, Task};
use pyo3::FromPyObject;
use serde::Deserialize;

/// The options of any task; those it does not have are absent.
#[derive(Clone, Debug, Deserialize, FromPyObject)]
#[pyo3(from_item_all)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Name of the estimator.
    pub estimator: String,
    #[serde(default)]
    #[pyo3(default)]
    window_size: Option<usize>,
    /// Nanoseconds.
    #[serde(default)]
    #[pyo3(default)]
    window_span: Option<i64>,
    #[serde(default)]
    #[pyo3(default)]
    min_samples: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    ddof: Option<u32>,
    #[serde(default)]
    #[pyo3(default)]
    half_life: Option<f64>,
    /// Names of the leaders of a joint regression.
    #[serde(default)]
    #[pyo3(default)]
    pub leaders: Option<Vec<String>>,
    #[serde(default)]
    #[pyo3(default)]
    vol_window: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    short: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    long: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    momentum: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    returns: Option<String>,
    #[serde(default)]
    #[pyo3(default)]
    max_lag: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    threads: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    vol: Option<String>,
    #[serde(default)]
    #[pyo3(default)]
    stderr: Option<String>,
    #[serde(default)]
    #[pyo3(default)]
    spacing: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    newey_west_lags: Option<usize>,
    #[serde(default)]
    #[pyo3(default)]
    inference: bool,
    #[serde(default)]
    #[pyo3(default)]
    both: bool,
    /// Names of the columns and of the inputs of the feature columns.
    #[serde(default)]
    #[pyo3(default)]
    columns: Option<Vec<String>>,
    #[serde(default)]
    #[pyo3(default)]
    inputs: Option<Vec<String>>,
}

/// A window by rows or by time, whichever is given.
pub fn window(
    size: Option<usize>,
    span: Option<i64>,
    least: usize,
    min_samples: Option<usize>,
) -> Result<Window> {
    match (size, span) {
        (_, Some(span)) => Window::span(span, min_samples.unwrap_or(0)),
        (size, None) => Window::rows(size.unwrap_or(0), least, min_samples),
    }
}

/// How returns are made, by name.
pub fn returns(name: &str) -> Result<Returns> {
    match name {
        "simple" => Ok(Returns::Simple),
        "log" => Ok(Returns::Log),
        other => Err(unknown(other, "is neither 'simple' nor 'log'")),
    }
}

/// Where volatilities come from, by name.
pub fn volatility(name: &str, vol_window: Option<usize>) -> Result<Volatility> {
    match name {
        "rolling" => Volatility::rolling(vol_window.unwrap_or(USUAL_VOL_WINDOW)),
        "parkinson" => Ok(Volatility::Parkinson),
        "garman_klass" => Ok(Volatility::GarmanKlass),
        "given" => Ok(Volatility::Given),
        other => Err(unknown(other, "is no volatility")),
    }
}

/// Options of the spillover, as `comove.options.spillover` gives them.
pub fn spillover(
    window_size: usize,
    min_samples: Option<usize>,
    volatility: Volatility,
    stderr: &str,
    spacing: usize,
    newey_west_lags: usize,
) -> Result<Spillover> {
    let stderr = match stderr {
        "overlap" => Stderr::Overlap(volatility.vol_window().unwrap_or(0)),
        "spaced" => Stderr::Spaced(spacing),
        "newey_west" => Stderr::NeweyWest(newey_west_lags),
        other => return Err(unknown(other, "is no standard error")),
    };
    Spillover::new(window_size, min_samples, volatility, stderr)
}

fn unknown(name: &str, problem: &'static str) -> Error {
    Error::Symbol { symbol: name.to_owned(), problem }
}

impl Options {
    /// The task, its options checked.
    pub fn task(&self) -> Result<Task> {
        let pair = || self.window(LEAST_PAIR_WINDOW);
        let variance = || self.window(LEAST_VARIANCE_WINDOW);
        let ddof = self.ddof.unwrap_or(1);
        let threads = self.threads.unwrap_or(1);
        let ewm =
            |reading| Task::Ewm(reading, self.half_life.unwrap_or(f64::NAN), self.min_samples.unwrap_or(2));
        Ok(match self.estimator.as_str() {
            "rolling_beta" => Task::Beta(pair()?),
            "rolling_corr" => Task::Corr(pair()?),
            "rolling_cov" => Task::Cov(variance()?, ddof),
            "rolling_var" => Task::Var(variance()?, ddof),
            "rolling_regression" => Task::Regression(pair()?),
            "joint_beta" => Task::Joint(pair()?, self.leaders.as_ref().map_or(0, Vec::len)),
            "ewm_beta" => ewm(EwmReading::Beta),
            "ewm_corr" => ewm(EwmReading::Corr),
            "ewm_cov" => ewm(EwmReading::Cov),
            "cross_asset_features" => {
                let usual = Lookbacks::default();
                let lookbacks = Lookbacks {
                    vol_window: self.vol_window.unwrap_or(usual.vol_window),
                    short: self.short.unwrap_or(usual.short),
                    long: self.long.unwrap_or(usual.long),
                    momentum: self.momentum.unwrap_or(usual.momentum),
                };
                let returns = returns(self.returns.as_deref().unwrap_or("simple"))?;
                let size = self.window_size.unwrap_or(0);
                Task::CrossAsset(CrossAsset::new(size, self.min_samples, lookbacks, returns)?)
            }
            "cross_correlation" => Task::CrossCorrelation(self.lags()?, threads),
            "lag_scan" if self.inference => Task::LagInference(self.lags()?, threads),
            "lag_scan" => Task::LagScan(self.lags()?, threads),
            "rolling_spillover" => {
                let vol = volatility(self.vol.as_deref().unwrap_or("rolling"), self.vol_window)?;
                let options = spillover(
                    self.window_size.unwrap_or(0),
                    self.min_samples,
                    vol,
                    self.stderr.as_deref().unwrap_or("spaced"),
                    self.spacing.unwrap_or(0),
                    self.newey_west_lags.unwrap_or(0),
                )?;
                Task::Spillover(options.with_inference(self.inference).with_both(self.both))
            }
            "parkinson" | "garman_klass" => Task::Bars(volatility(&self.estimator, None)?),
            "base_columns" => {
                let names = |names: &'_ Option<Vec<String>>| names.clone().unwrap_or_default();
                let wanted = Wanted::named(names(&self.columns).iter().map(String::as_str))?;
                Task::BaseColumns(Batch::new(
                    wanted,
                    names(&self.inputs).iter().map(String::as_str),
                    threads,
                )?)
            }
            other => return Err(unknown(other, "is no estimator")),
        })
    }

    fn lags(&self) -> Result<Lags> {
        Lags::new(self.window_size.unwrap_or(0), self.min_samples, self.max_lag.unwrap_or(0))
    }

    fn window(&self, least: usize) -> Result<Window> {
        window(self.window_size, self.window_span, least, self.min_samples)
    }
}
