//! A pair of series over a window: beta, correlation, covariance, regression; batch and live.

use pulp::{Scalar, Simd};

use crate::anchored::Anchored;
use crate::batch::{Estimator, rolling};
use crate::error::Result;
use crate::lanes::F;
use crate::moments::{PairMoments, Regression, SeriesMoments};
use crate::params::{Extent, Window, same_length};
use crate::readings::{PairReadings, RegressionReadings, SeriesReadings};
use crate::snapshot::{Object, Reader, Writer};
use crate::window::SlidingWindow;

/// The least rows of a window for beta, correlation and regression.
pub const LEAST_PAIR_WINDOW: usize = 3;
/// The least rows of a window for variance and covariance.
pub const LEAST_VARIANCE_WINDOW: usize = 2;

/// Slope of the asset on the benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Beta;
/// Correlation of asset and benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Corr;
/// Beta and correlation together.
#[derive(Clone, Copy, Debug)]
pub struct BetaCorr;
/// Correlation, and the complete rows of the window, which are given always.
#[derive(Clone, Copy, Debug)]
pub struct CorrCount;
/// Covariance of asset and benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Cov {
    /// Delta degrees of freedom.
    pub ddof: u32,
}
/// Variance of one series.
#[derive(Clone, Copy, Debug)]
pub struct Var {
    /// Delta degrees of freedom.
    pub ddof: u32,
}
/// Standard deviation of one series, ddof 1.
#[derive(Clone, Copy, Debug)]
pub struct Std;
/// Beta, alpha, corr, r_squared, beta_stderr, residual_std, n: in this order.
#[derive(Clone, Copy, Debug)]
pub struct FullRegression;

macro_rules! pair_estimator {
    ($name:ty, $k:literal, |$this:ident, $readings:ident| $read:expr) => {
        impl Estimator<2, $k> for $name {
            type State<S: Simd> = PairMoments<S>;
            #[inline(always)]
            fn read<S: Simd>(
                &self,
                window: &Anchored<S, 2, PairMoments<S>>,
                min_samples: F<S>,
            ) -> [F<S>; $k] {
                let ($this, $readings) = (self, PairReadings::new(window, min_samples));
                $read
            }
        }
    };
}
pair_estimator!(Beta, 1, |_this, r| [r.beta()]);
pair_estimator!(Corr, 1, |_this, r| [r.corr()]);
pair_estimator!(BetaCorr, 2, |_this, r| [r.beta(), r.corr()]);
pair_estimator!(CorrCount, 2, |_this, r| [r.corr(), r.n()]);
pair_estimator!(Cov, 1, |this, r| [r.cov(r.n().like(f64::from(this.ddof)))]);

impl Estimator<1, 1> for Var {
    type State<S: Simd> = SeriesMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, SeriesMoments<S>>, min_samples: F<S>) -> [F<S>; 1] {
        [SeriesReadings::new(window, min_samples).var(min_samples.like(f64::from(self.ddof)))]
    }
}

impl Estimator<1, 1> for Std {
    type State<S: Simd> = SeriesMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, SeriesMoments<S>>, min_samples: F<S>) -> [F<S>; 1] {
        [SeriesReadings::new(window, min_samples).std(min_samples.like(1.0))]
    }
}

impl Estimator<2, 7> for FullRegression {
    type State<S: Simd> = Regression<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 2, Regression<S>>, min_samples: F<S>) -> [F<S>; 7] {
        let r = RegressionReadings::new(window, min_samples);
        let p = &r.pair;
        let corr = p.corr();
        [p.beta(), p.alpha(), corr, corr * corr, r.beta_stderr(), r.residual_std(), p.n()]
    }
}

/// Beta of each row's window; see [`rolling`] for the errors.
///
/// # Errors
/// As [`rolling`].
pub fn rolling_beta(
    window: &Window,
    asset: &[f64],
    benchmark: &[f64],
    times: &[i64],
    out: &mut [f64],
) -> Result<()> {
    rolling(Beta, window, [asset, benchmark], times, [out])
}

/// Beta, correlation, covariance and regression of a pair, fed one row at a time.
///
/// # Examples
/// ```
/// use comove_core::{RollingPair, Window};
/// let mut pair = RollingPair::new(Window::rows(3, 3, None)?, None, 1)?;
/// for (asset, benchmark) in [(0.02, 0.01), (0.00, -0.01), (0.05, 0.03)] {
///     pair.update(asset, benchmark, 0)?;
/// }
/// assert!((pair.beta() - 1.25).abs() < 1e-15);
/// # Ok::<(), comove_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RollingPair {
    window: Window,
    max_rows: Option<usize>,
    ddof: u32,
    sliding: SlidingWindow<2, Regression<Scalar>>,
}

impl RollingPair {
    /// An empty window. One by time needs `max_rows`, which bounds its memory.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] beyond [`crate::params::MAX_LIVE_ROWS`]; `max_rows` below `min_samples`.
    pub fn new(window: Window, max_rows: Option<usize>, ddof: u32) -> Result<Self> {
        let sliding = SlidingWindow::new(window, max_rows)?;
        Ok(Self { window, max_rows, ddof, sliding })
    }

    /// The window's options.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Most rows a window by time may hold.
    pub fn max_rows(&self) -> Option<usize> {
        self.max_rows
    }

    /// Delta degrees of freedom of variances and covariance.
    pub fn ddof(&self) -> u32 {
        self.ddof
    }

    /// Takes in a row; a value that is not finite is missing. `ts` counts for a window by time only.
    ///
    /// # Errors
    /// By time: `ts` before the last one, or more rows than `max_rows`; the object stays as it was.
    #[inline]
    pub fn update(&mut self, asset: f64, benchmark: f64, ts: i64) -> Result<()> {
        self.sliding.push([asset, benchmark], ts)
    }

    /// Takes in many rows and writes the beta after each; `times` count for a window by time only. If a row is refused,
    /// none is taken in.
    ///
    /// # Errors
    /// Slices of different lengths; as [`update`](Self::update).
    pub fn update_many(
        &mut self,
        asset: &[f64],
        benchmark: &[f64],
        times: &[i64],
        betas: &mut Vec<f64>,
    ) -> Result<()> {
        same_length("benchmark", benchmark.len(), asset.len())?;
        let by_time = matches!(self.window.extent(), Extent::Span(_));
        if by_time {
            same_length("ts", times.len(), asset.len())?;
        }
        // By rows nothing can be refused, and the copy would cost more than the rows.
        let before = by_time.then(|| self.clone());
        for (row, (&y, &x)) in asset.iter().zip(benchmark).enumerate() {
            if let Err(error) = self.update(y, x, times.get(row).copied().unwrap_or(0)) {
                if let Some(before) = before {
                    *self = before;
                }
                return Err(error.at_row(row));
            }
            betas.push(self.beta());
        }
        Ok(())
    }

    /// The beta that `update` would lead to; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek(&self, asset: f64, benchmark: f64, ts: i64) -> Result<f64> {
        let window = self.sliding.peek([asset, benchmark], ts)?;
        Ok(RegressionReadings::new(&window, self.min_samples()).pair.beta().first())
    }

    /// Puts another row in the place of the last one, at the same time.
    ///
    /// # Errors
    /// [`crate::Error::NothingToAmend`] before the first row; by time, [`crate::Error::OtherTime`] for a `ts` that
    /// is not the last.
    pub fn amend(&mut self, asset: f64, benchmark: f64, ts: Option<i64>) -> Result<()> {
        self.sliding.amend([asset, benchmark], ts)
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.sliding.clear();
    }

    /// The time of the last row, of a window by time.
    pub fn last_time(&self) -> Option<i64> {
        self.sliding.last_time()
    }

    #[inline(always)]
    fn min_samples(&self) -> F<Scalar> {
        F::splat(Scalar, self.window.min_samples() as f64)
    }

    #[inline(always)]
    fn readings(&self) -> RegressionReadings<Scalar> {
        RegressionReadings::new(self.sliding.current(), self.min_samples())
    }

    #[inline(always)]
    fn freedom(&self) -> F<Scalar> {
        F::splat(Scalar, f64::from(self.ddof))
    }

    /// Complete rows in the window.
    pub fn n(&self) -> f64 {
        self.readings().pair.n().first()
    }

    /// Slope of the asset on the benchmark; NaN where not defined, as all readings.
    #[inline]
    pub fn beta(&self) -> f64 {
        self.readings().pair.beta().first()
    }

    /// Intercept.
    pub fn alpha(&self) -> f64 {
        self.readings().pair.alpha().first()
    }

    /// Correlation.
    pub fn corr(&self) -> f64 {
        self.readings().pair.corr().first()
    }

    /// Covariance.
    pub fn cov(&self) -> f64 {
        self.readings().pair.cov(self.freedom()).first()
    }

    /// Variance of the asset.
    pub fn var(&self) -> f64 {
        self.readings().pair.var(self.freedom()).first()
    }

    /// Variance of the benchmark.
    pub fn var_benchmark(&self) -> f64 {
        self.readings().pair.var_benchmark(self.freedom()).first()
    }

    /// Squared correlation.
    pub fn r_squared(&self) -> f64 {
        self.readings().pair.r_squared().first()
    }

    /// Standard deviation of the residuals, n - 2 degrees of freedom.
    pub fn residual_std(&self) -> f64 {
        self.readings().residual_std().first()
    }

    /// Standard error of beta.
    pub fn beta_stderr(&self) -> f64 {
        self.readings().beta_stderr().first()
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::RollingPair);
        write_window(&mut out, &self.window, self.max_rows);
        out.int(i64::from(self.ddof));
        self.sliding.write(&mut out);
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::RollingPair)?;
        let (window, max_rows) = read_window(&mut from, LEAST_VARIANCE_WINDOW)?;
        let ddof = u32::try_from(from.int()?).map_err(|_| Reader::unusable("its ddof is out of range"))?;
        let mut pair = Self::new(window, max_rows, ddof).map_err(in_snapshot)?;
        pair.sliding.read(&mut from)?;
        from.end()?;
        Ok(pair)
    }
}

/// Writes the options of a window.
pub(crate) fn write_window(out: &mut Writer, window: &Window, max_rows: Option<usize>) {
    match window.extent() {
        Extent::Rows(size) => {
            out.flag(false);
            out.count(size);
        }
        Extent::Span(span) => {
            out.flag(true);
            out.int(span);
            out.count(max_rows.unwrap_or(0));
        }
    }
    out.count(window.min_samples());
}

/// Reads the options of a window.
pub(crate) fn read_window(from: &mut Reader, least: usize) -> Result<(Window, Option<usize>)> {
    let read = if from.flag()? {
        let (span, rows, min_samples) = (from.int()?, from.count()?, from.count()?);
        Window::span(span, min_samples).map(|window| (window, Some(rows)))
    } else {
        let (size, min_samples) = (from.count()?, from.count()?);
        Window::rows(size, least, Some(min_samples)).map(|window| (window, None))
    };
    read.map_err(in_snapshot)
}

/// An option out of bounds inside a snapshot is the snapshot's fault.
#[allow(clippy::needless_pass_by_value)] // the signature `map_err` wants
pub(crate) fn in_snapshot(error: crate::Error) -> crate::Error {
    crate::Error::Snapshot { problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::RollingPair;
    use crate::common;
    use crate::params::Window;

    /// Rounding may take a correlation past 1, in either direction, by a few ulp; readings cut that off.
    #[test]
    fn raw_correlations_exceed_one_by_a_few_ulp_at_most() -> crate::Result<()> {
        let mut worst = 0.0_f64;
        for seed in 0..12 {
            for size in [3, 5, 30, 64, 500, 1440, 10_000] {
                let x = common::related(seed, (3 * size).max(2000), 50).1;
                let mut pair = RollingPair::new(Window::rows(size, 3, Some(2))?, None, 1)?;
                for x in x {
                    pair.update(3.3 * x + 0.001, x, 0)?;
                    let raw = pair.readings().pair.raw_corr().first();
                    if !raw.is_nan() {
                        worst = worst.max((raw.abs() - 1.0).abs());
                    }
                }
            }
        }
        // 6 ulp when measured; one sum over the whole window was off by 40 at 10000 rows.
        assert!(worst <= 8.0 * f64::EPSILON, "{worst:e}");
        assert!(worst > 0.0, "nothing was measured");
        Ok(())
    }
}
