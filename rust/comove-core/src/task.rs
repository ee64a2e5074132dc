//! Every batch estimator under its name: the one entrance of the array and the Polars door.

use crate::batch::rolling;
use crate::error::Result;
use crate::ewm::{EwmReading, ewm};
use crate::features::CrossAsset;
use crate::joint::rolling_joint;
use crate::lags::{Lags, cross_correlation, lag_inference, lag_scan};
use crate::pair::{Beta, Corr, Cov, FullRegression, Var};
use crate::params::{Window, same_length};
use crate::recipe::Batch;
use crate::spillover::Spillover;
use crate::spillover::volatility::Volatility;

/// What is to be computed of whole series.
#[derive(Clone, Copy, Debug)]
pub enum Task {
    /// Slope of the asset on the benchmark.
    Beta(Window),
    /// Correlation.
    Corr(Window),
    /// Covariance.
    Cov(Window, u32),
    /// Variance of one series.
    Var(Window, u32),
    /// All readings of the regression.
    Regression(Window),
    /// Betas on several leaders at once.
    Joint(Window, usize),
    /// An exponentially weighted reading: `half_life` and `min_samples`.
    Ewm(EwmReading, f64, usize),
    /// The cross-asset features of one leader.
    CrossAsset(CrossAsset),
    /// Correlations at every lag, by so many threads at most.
    CrossCorrelation(Lags, usize),
    /// The largest of them.
    LagScan(Lags, usize),
    /// The same, and how much to believe that either moves first.
    LagInference(Lags, usize),
    /// Volatility spillover.
    Spillover(Spillover),
    /// Volatility of each bar.
    Bars(Volatility),
    /// Feature columns of one symbol.
    BaseColumns(Batch),
}

/// One output of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A float64.
    Reading(&'static str),
    /// A count; NaN where missing.
    Count(&'static str),
    /// The beta on leader j.
    LeaderBeta(usize),
    /// A whole number of either sign; NaN where missing.
    Whole(&'static str),
    /// So many float64 a row, row by row in one slice.
    Several(&'static str, usize),
}

impl Output {
    /// Numbers a row.
    pub fn width(self) -> usize {
        match self {
            Self::Several(_, width) => width,
            _ => 1,
        }
    }
}

impl Task {
    /// Number of series it needs, the timestamps not counted.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Var(..) => 1,
            Self::Joint(_, leaders) => leaders + 1,
            Self::Spillover(options) => options.inputs(),
            Self::Bars(volatility) => volatility.columns(),
            Self::BaseColumns(batch) => batch.inputs(),
            _ => 2,
        }
    }

    /// The window, where there is one by rows or by time.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Beta(window)
            | Self::Corr(window)
            | Self::Cov(window, _)
            | Self::Var(window, _)
            | Self::Regression(window)
            | Self::Joint(window, _) => Some(window),
            Self::CrossCorrelation(lags, _) | Self::LagScan(lags, _) | Self::LagInference(lags, _) => {
                Some(lags.window())
            }
            Self::Ewm(..)
            | Self::CrossAsset(_)
            | Self::Spillover(_)
            | Self::Bars(_)
            | Self::BaseColumns(_) => None,
        }
    }

    /// What it gives, in order.
    pub fn outputs(&self) -> Vec<Output> {
        use Output::{Count, LeaderBeta, Reading, Several, Whole};
        match self {
            Self::Beta(_) | Self::Ewm(EwmReading::Beta, ..) => vec![Reading("beta")],
            Self::Corr(_) | Self::Ewm(EwmReading::Corr, ..) => vec![Reading("corr")],
            Self::Cov(..) | Self::Ewm(EwmReading::Cov, ..) => vec![Reading("cov")],
            Self::Var(..) => vec![Reading("var")],
            Self::Regression(_) => {
                let readings = ["beta", "alpha", "corr", "r_squared", "beta_stderr", "residual_std"];
                readings.into_iter().map(Reading).chain([Count("n")]).collect()
            }
            Self::Joint(_, leaders) => (0..*leaders)
                .map(LeaderBeta)
                .chain([Reading("alpha"), Reading("r_squared"), Count("n")])
                .collect(),
            Self::CrossAsset(_) => {
                ["beta", "correlation", "divergence", "volatility", "relative_momentum"].map(Reading).to_vec()
            }
            Self::CrossCorrelation(lags, _) => vec![Several("cross_correlation", lags.count())],
            Self::LagScan(..) => vec![Whole("lag"), Reading("corr"), Reading("llr"), Count("n")],
            Self::LagInference(..) => {
                let tests = ["p_value", "lead_p_value", "follow_p_value"].map(Reading);
                [&[Whole("lag"), Reading("corr"), Reading("llr"), Count("n")][..], &tests[..]].concat()
            }
            Self::Spillover(options) => {
                let outputs = options.outputs().into_iter();
                outputs.map(|name| if name == "n" { Count(name) } else { Reading(name) }).collect()
            }
            Self::Bars(_) => vec![Reading("volatility")],
            Self::BaseColumns(batch) => batch.wanted.names().into_iter().map(Reading).collect(),
        }
    }

    /// Computes it: one slice of `out` an output.
    ///
    /// # Errors
    /// Wrong numbers of slices, slices of different lengths, times that run backwards, bad prices.
    pub fn run(&self, series: &[&[f64]], times: &[i64], out: &mut [&mut [f64]]) -> Result<()> {
        if let Self::Joint(window, _) = self {
            same_length("leaders", series.len().saturating_sub(1), self.inputs() - 1)?;
            return rolling_joint(window, series, times, out);
        }
        if let Self::Spillover(options) = self {
            return options.batch(series, out);
        }
        if let Self::BaseColumns(batch) = self {
            return batch.run(series, times, out);
        }
        match (self, series, out) {
            (Self::Bars(volatility), series, [out]) => volatility.bars(series, out),
            (Self::Beta(window), &[y, x], [out]) => rolling(Beta, window, [y, x], times, [out]),
            (Self::Corr(window), &[y, x], [out]) => rolling(Corr, window, [y, x], times, [out]),
            (Self::Cov(window, ddof), &[y, x], [out]) => {
                rolling(Cov { ddof: *ddof }, window, [y, x], times, [out])
            }
            (Self::Var(window, ddof), &[y], [out]) => rolling(Var { ddof: *ddof }, window, [y], times, [out]),
            (Self::Regression(window), &[y, x], [a, b, c, d, e, f, g]) => {
                rolling(FullRegression, window, [y, x], times, [a, b, c, d, e, f, g])
            }
            (Self::Ewm(reading, half_life, min_samples), &[y, x], [out]) => {
                ewm(*reading, *half_life, *min_samples, y, x, out)
            }
            (Self::CrossAsset(features), &[y, x], [a, b, c, d, e]) => features.batch(y, x, [a, b, c, d, e]),
            (Self::CrossCorrelation(lags, threads), &[y, x], [out]) => {
                cross_correlation(lags, y, x, *threads, out)
            }
            (Self::LagScan(lags, threads), &[y, x], [a, b, c, d]) => {
                lag_scan(lags, y, x, *threads, [a, b, c, d])
            }
            (Self::LagInference(lags, threads), &[y, x], [a, b, c, d, e, f, g]) => {
                lag_scan(lags, y, x, *threads, [a, b, c, d])?;
                lag_inference(lags, [y, x], a, *threads, [e, f, g])
            }
            (_, series, out) => {
                same_length("series", series.len(), self.inputs())?;
                same_length("out", out.len(), self.outputs().len())
            }
        }
    }
}
