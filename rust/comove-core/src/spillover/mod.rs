//! Volatility spillover: how an asset's volatility moves with that of a source, and how long a shock lasts.
//!
//! # Letters
//! y volatility of the asset, x that of the source, n pairs of which both are there, over the last W rows; `S_xy` centred
//! sums of products.
//!
//! - coefficient = Sxy / Sxx; corr = Sxy / sqrt(Sxx Syy); `r_squared` = corr^2
//! - `half_life` of y, from its autocorrelation of one row
//! - `coefficient_stderr`: see [`inference`]
//! - with both directions also Sxy / Syy, and the half-life of x
//!
//! Windows never subtract, see [`crate::batch`]; batch and live do the same operations in the same order.

mod decay;
pub mod inference;
mod monitor;
pub mod volatility;

use pulp::Simd;

use crate::anchored::Anchored;
use crate::batch::{Estimator, rolling};
use crate::error::Result;
use crate::lanes::F;
use crate::moments::PairMoments;
use crate::pair::LEAST_PAIR_WINDOW;
use crate::params::{Window, same_length};
use crate::readings::PairReadings;

use inference::Stderr;
pub use monitor::SpilloverMonitor;
use volatility::Volatility;

/// Options of the spillover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spillover {
    window_size: usize,
    window: Window,
    volatility: Volatility,
    stderr: Stderr,
    inference: bool,
    both: bool,
}

/// Coefficient, corr, n, and the coefficient of the source on the asset.
#[derive(Clone, Copy, Debug)]
struct Slopes;

impl Estimator<2, 4> for Slopes {
    type State<S: Simd> = PairMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 2, PairMoments<S>>, min_samples: F<S>) -> [F<S>; 4] {
        let r = PairReadings::new(window, min_samples);
        [r.beta(), r.corr(), r.n(), r.reverse_beta()]
    }
}

/// A reading of one direction: not given where the window has too few pairs.
#[inline]
fn given(enough: bool, value: f64) -> f64 {
    if enough { value } else { f64::NAN }
}

impl Spillover {
    /// The asset on the source, without inference.
    ///
    /// # Errors
    /// `window_size` below 3; `min_samples` outside 2 to `window_size`; an overlap other than that of the volatilities,
    /// or other options of `stderr` out of their bounds.
    pub fn new(
        window_size: usize,
        min_samples: Option<usize>,
        volatility: Volatility,
        stderr: Stderr,
    ) -> Result<Self> {
        let window = Window::rows(window_size, LEAST_PAIR_WINDOW, min_samples)?;
        let stderr = stderr.checked(window_size)?;
        if let Stderr::Overlap(rows) = stderr {
            same_length("overlap", rows, volatility.vol_window().unwrap_or(0))?;
        }
        Ok(Self { window_size, window, volatility, stderr, inference: false, both: false })
    }

    /// With or without the readings that cost a look at every row of the window; live they are made when they are read.
    #[must_use]
    pub fn with_inference(self, inference: bool) -> Self {
        Self { inference, ..self }
    }

    /// With or without the source on the asset.
    #[must_use]
    pub fn with_both(self, both: bool) -> Self {
        Self { both, ..self }
    }

    /// Rows of the window.
    pub fn window_size(&self) -> usize {
        self.window_size
    }

    /// Rows before the first value, none of them missing.
    pub fn warmup(&self) -> usize {
        self.window.min_samples() + self.volatility.vol_window().map_or(0, |rows| rows - 1)
    }

    /// Rows of the window, and the pairs it needs.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Where volatilities come from.
    pub fn volatility(&self) -> &Volatility {
        &self.volatility
    }

    /// How the standard error is made.
    pub fn stderr(&self) -> &Stderr {
        &self.stderr
    }

    /// Whether there is inference in batch.
    pub fn inference(&self) -> bool {
        self.inference
    }

    /// Whether the source on the asset is asked for too.
    pub fn both(&self) -> bool {
        self.both
    }

    /// The columns of asset and source.
    pub fn inputs(&self) -> usize {
        2 * self.volatility.columns()
    }

    /// Names of the outputs of [`batch`](Self::batch), in order.
    pub fn outputs(&self) -> Vec<&'static str> {
        let mut names = vec!["coefficient", "corr", "r_squared", "half_life", "n"];
        if self.inference {
            names.extend(["coefficient_stderr", "coefficient_p_value"]);
        }
        if self.both {
            names.extend(["reverse_coefficient", "reverse_half_life"]);
            if self.inference {
                names.extend(["reverse_coefficient_stderr", "reverse_coefficient_p_value"]);
            }
        }
        names
    }

    /// The readings of each row; `series` are the columns of the asset and then those of the source.
    ///
    /// # Errors
    /// Another number of columns or outputs; slices of different lengths; impossible prices.
    pub fn batch(&self, series: &[&[f64]], out: &mut [&mut [f64]]) -> Result<()> {
        same_length("series", series.len(), self.inputs())?;
        same_length("out", out.len(), self.outputs().len())?;
        let rows = series.first().map_or(0, |column| column.len());
        for column in series {
            same_length("source", column.len(), rows)?;
        }
        for slice in &*out {
            same_length("out", slice.len(), rows)?;
        }
        let (asset, source) = series.split_at(self.volatility.columns());
        let asset = &*self.volatility.of_columns("asset", asset)?;
        let source = &*self.volatility.of_columns("source", source)?;

        let mut reverse = Vec::new();
        let [coefficient, corr, r_squared, half_life, n, more @ ..] = out else { return Ok(()) };
        // Without the other direction its slopes are written where the half-lives go later.
        let slopes: &mut [f64] = if self.both {
            reverse.resize(rows, 0.0);
            &mut reverse
        } else {
            half_life
        };
        rolling(Slopes, &self.window, [asset, source], &[], [coefficient, corr, n, slopes])?;
        for (square, &corr) in r_squared.iter_mut().zip(&**corr) {
            *square = corr * corr;
        }
        self.half_lives(asset, n, half_life)?;
        let mut more = more.iter_mut();
        if self.inference
            && let (Some(stderr), Some(p_value)) = (more.next(), more.next())
        {
            self.infer(coefficient, [asset, source], stderr, p_value);
        }
        if self.both
            && let (Some(slope), Some(half_life)) = (more.next(), more.next())
        {
            slope.copy_from_slice(&reverse);
            self.half_lives(source, n, half_life)?;
            if let (Some(stderr), Some(p_value)) = (more.next(), more.next()) {
                self.infer(slope, [source, asset], stderr, p_value);
            }
        }
        Ok(())
    }

    fn half_lives(&self, values: &[f64], n: &[f64], out: &mut [f64]) -> Result<()> {
        decay::half_lives(self.window_size, values, out)?;
        for (place, &n) in out.iter_mut().zip(n) {
            *place = given(n >= self.window.min_samples() as f64, *place);
        }
        Ok(())
    }

    fn infer(&self, slopes: &[f64], [y, x]: [&[f64]; 2], stderr: &mut [f64], p_value: &mut [f64]) {
        for (row, &slope) in slopes.iter().enumerate() {
            let held = self.window_size.min(row + 1);
            let found = self.stderr.of(slope, held, |ago| [y[row - ago], x[row - ago]]);
            (stderr[row], p_value[row]) = (found.stderr, found.p_value);
        }
    }
}
