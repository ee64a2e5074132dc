//! The spillover, fed one row at a time.

use pulp::Scalar;

use super::decay::Decay;
use super::inference::{Inference, Stderr};
use super::volatility::{Volatility, of_row, row_of};
use super::{Slopes, Spillover, given};
use crate::anchored::Anchored;
use crate::batch::Estimator;
use crate::error::{Error, Result};
use crate::lanes::F;
use crate::moments::{PairMoments, SeriesMoments};
use crate::pair::{LEAST_PAIR_WINDOW, Std, in_snapshot, read_window, write_window};
use crate::params::{Extent, MAX_LIVE_ROWS, MAX_ROWS, at_most, same_length};
use crate::snapshot::{Object, Reader, Writer};
use crate::window::SlidingWindow;

/// Volatility spillover from a source to an asset.
///
/// # Complexity
/// Four windows a row, two more for rolling volatilities and two for the other direction; inference when it is read. All
/// memory is taken at construction: twelve to sixteen numbers a row of the window and four a row of `vol_window`.
#[derive(Clone, Debug)]
pub struct SpilloverMonitor {
    options: Spillover,
    /// Returns of asset and source, for rolling volatilities.
    returns: Option<[SlidingWindow<1, SeriesMoments<Scalar>>; 2]>,
    pair: SlidingWindow<2, PairMoments<Scalar>>,
    asset: Decay,
    /// With both directions.
    source: Option<Decay>,
    /// Rows so far, which say where blocks begin.
    rows: usize,
}

/// The coefficient, `corr`, n and the reverse coefficient of a window.
type Readings = [f64; 4];

impl SpilloverMonitor {
    /// Empty windows.
    ///
    /// # Errors
    /// Windows of more than [`MAX_LIVE_ROWS`].
    pub fn new(options: Spillover) -> Result<Self> {
        let size = options.window_size;
        at_most("window_size", size, MAX_LIVE_ROWS, "the most a live object holds")?;
        let returns = match options.volatility {
            Volatility::Rolling(window) => {
                if let Extent::Rows(rows) = window.extent() {
                    at_most("vol_window", rows, MAX_LIVE_ROWS, "the most a live object holds")?;
                }
                Some([SlidingWindow::new(window, None)?, SlidingWindow::new(window, None)?])
            }
            _ => None,
        };
        Ok(Self {
            options,
            returns,
            pair: SlidingWindow::new(options.window, None)?,
            asset: Decay::new(size)?,
            source: if options.both { Some(Decay::new(size)?) } else { None },
            rows: 0,
        })
    }

    /// The options.
    pub fn options(&self) -> &Spillover {
        &self.options
    }

    fn check(&self, asset: &[f64], source: &[f64]) -> Result<()> {
        let volatility = &self.options.volatility;
        for (side, row) in [("asset", asset), ("source", source)] {
            same_length(side, row.len(), volatility.columns())?;
            volatility.check(side, row)?;
        }
        Ok(())
    }

    /// Takes in a row: a return, a volatility or the prices of a bar for each side.
    ///
    /// # Errors
    /// Another number of prices, or impossible ones; the object stays as it was.
    pub fn update(&mut self, asset: &[f64], source: &[f64]) -> Result<()> {
        self.check(asset, source)?;
        self.push([asset, source])
    }

    fn push(&mut self, row: [&[f64]; 2]) -> Result<()> {
        let mut volatilities = [0.0; 2];
        for (side, volatility) in volatilities.iter_mut().enumerate() {
            let value = of_row(row[side]);
            *volatility = match &mut self.returns {
                Some(returns) => {
                    returns[side].push([value], 0)?;
                    deviation(returns[side].current(), &self.options.volatility)
                }
                None => value,
            };
        }
        self.pair.push(volatilities, 0)?;
        self.asset.push(volatilities[0])?;
        if let Some(source) = &mut self.source {
            source.push(volatilities[1])?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes in many rows, one slice a column, and appends the coefficient after each. If a row is refused, none is taken in.
    ///
    /// # Errors
    /// As [`update`](Self::update), said of the first such row; slices of different lengths.
    pub fn update_many(
        &mut self,
        asset: &[&[f64]],
        source: &[&[f64]],
        coefficients: &mut Vec<f64>,
    ) -> Result<()> {
        let columns = self.options.volatility.columns();
        let rows = asset.first().map_or(0, |column| column.len());
        for (side, given) in [("asset", asset), ("source", source)] {
            same_length(side, given.len(), columns)?;
            for column in given {
                same_length(side, column.len(), rows)?;
            }
        }
        let row = |at: usize| [asset, source].map(|side| row_of(side, at));
        for at in 0..rows {
            let [asset, source] = row(at);
            self.check(&asset[..columns], &source[..columns]).map_err(|error| error.at_row(at))?;
        }
        for at in 0..rows {
            let [asset, source] = row(at);
            self.push([&asset[..columns], &source[..columns]])?;
            coefficients.push(self.coefficient());
        }
        Ok(())
    }

    /// The coefficient that `update` would lead to; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek(&self, asset: &[f64], source: &[f64]) -> Result<f64> {
        self.check(asset, source)?;
        let mut volatilities = [asset, source].map(of_row);
        if let Some(returns) = &self.returns {
            for (window, value) in returns.iter().zip(&mut volatilities) {
                *value = deviation(&window.peek([*value], 0)?, &self.options.volatility);
            }
        }
        let window = self.pair.peek(volatilities, 0)?;
        let [coefficient, ..] = self.read(&window);
        Ok(coefficient)
    }

    /// Puts another row in the place of the last one.
    ///
    /// # Errors
    /// [`Error::NothingToAmend`] before the first row; as [`update`](Self::update).
    pub fn amend(&mut self, asset: &[f64], source: &[f64]) -> Result<()> {
        self.check(asset, source)?;
        if self.rows == 0 {
            return Err(Error::NothingToAmend);
        }
        let mut volatilities = [asset, source].map(of_row);
        if let Some(returns) = &mut self.returns {
            for (window, value) in returns.iter_mut().zip(&mut volatilities) {
                window.amend([*value], None)?;
                *value = deviation(window.current(), &self.options.volatility);
            }
        }
        self.pair.amend(volatilities, None)?;
        self.asset.amend(volatilities[0])?;
        match &mut self.source {
            Some(source) => source.amend(volatilities[1]),
            None => Ok(()),
        }
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        for window in self.returns.iter_mut().flatten() {
            window.clear();
        }
        self.pair.clear();
        self.asset.clear();
        if let Some(source) = &mut self.source {
            source.clear();
        }
        self.rows = 0;
    }

    fn read(&self, window: &Anchored<Scalar, 2, PairMoments<Scalar>>) -> Readings {
        let least = F::splat(Scalar, self.options.window.min_samples() as f64);
        Slopes.read(window, least).map(F::first)
    }

    fn readings(&self) -> Readings {
        self.read(self.pair.current())
    }

    /// Slope of the asset's volatility on the source's; NaN where not defined, as all readings.
    pub fn coefficient(&self) -> f64 {
        self.readings()[0]
    }

    /// Correlation of the volatilities.
    pub fn corr(&self) -> f64 {
        self.readings()[1]
    }

    /// Squared correlation.
    pub fn r_squared(&self) -> f64 {
        let corr = self.corr();
        corr * corr
    }

    /// Pairs of volatilities in the window.
    pub fn n(&self) -> f64 {
        self.readings()[2]
    }

    fn enough(&self) -> bool {
        self.n() >= self.options.window.min_samples() as f64
    }

    /// Rows in which the asset's volatility forgets half.
    pub fn half_life(&self) -> f64 {
        given(self.enough(), self.asset.half_life())
    }

    /// Standard error and p-value of the coefficient, made of the rows of the window.
    pub fn inference(&self) -> Inference {
        self.infer(self.coefficient(), |[y, x]| [y, x])
    }

    /// Slope of the source's volatility on the asset's; NaN without both directions, as all that follow.
    pub fn reverse_coefficient(&self) -> f64 {
        given(self.options.both, self.readings()[3])
    }

    /// Rows in which the source's volatility forgets half.
    pub fn reverse_half_life(&self) -> f64 {
        self.source.as_ref().map_or(f64::NAN, |source| given(self.enough(), source.half_life()))
    }

    /// Standard error and p-value of the reverse coefficient.
    pub fn reverse_inference(&self) -> Inference {
        self.infer(self.reverse_coefficient(), |[y, x]| [x, y])
    }

    fn infer(&self, slope: f64, direction: impl Fn([f64; 2]) -> [f64; 2]) -> Inference {
        let held = self.options.window_size.min(self.rows);
        self.options.stderr.of(slope, held, |ago| direction(self.pair.ago(ago)))
    }

    /// The last volatility of the asset.
    pub fn asset_volatility(&self) -> f64 {
        self.asset.ago(0)
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit: the options, the number of rows, the returns
    /// of `vol_window` rows, and the volatilities of the window.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::SpilloverMonitor);
        write_options(&mut out, &self.options);
        out.count(self.rows);
        if let (Volatility::Rolling(window), Some(returns)) = (&self.options.volatility, &self.returns) {
            for ago in (0..held(self.rows, window.extent())).rev() {
                for [value] in returns.each_ref().map(|window| window.ago(ago)) {
                    out.float(value);
                }
            }
        }
        for ago in (0..self.options.window_size.min(self.rows)).rev() {
            let [_, in_pair] = self.pair.ago(ago);
            out.float(self.asset.ago(ago));
            out.float(self.source.as_ref().map_or(in_pair, |source| source.ago(ago)));
        }
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::SpilloverMonitor)?;
        let options = read_options(&mut from)?;
        let rows = from.count()?;
        at_most("rows", rows, MAX_ROWS, "2^48").map_err(in_snapshot)?;
        let of_returns = match options.volatility {
            Volatility::Rolling(window) => held(rows, window.extent()),
            _ => 0,
        };
        let of_window = options.window_size.min(rows);
        // Before memory is taken: as many rows as it says, two numbers each, and nothing else.
        if of_returns.checked_add(of_window).and_then(|rows| rows.checked_mul(16)) != Some(from.remaining()) {
            return Err(Reader::unusable("it does not hold the rows it says"));
        }
        let mut monitor = Self::new(options).map_err(in_snapshot)?;
        monitor.rows = rows;
        let returns = read_rows(&mut from, of_returns)?;
        for (side, window) in monitor.returns.iter_mut().flatten().enumerate() {
            let values: Vec<_> = returns.iter().map(|row| [row[side]]).collect();
            window.restore(rows, &values)?;
        }
        let pairs = read_rows(&mut from, of_window)?;
        from.end()?;
        monitor.pair.restore(rows, &pairs)?;
        let [asset, source] = [0, 1].map(|side| pairs.iter().map(|row| row[side]).collect::<Vec<_>>());
        monitor.asset.restore(rows, &asset)?;
        match &mut monitor.source {
            Some(decay) => decay.restore(rows, &source)?,
            None if pairs.iter().any(|[y, x]| y.is_nan() && !x.is_nan()) => {
                return Err(Reader::unusable("a source without an asset is kept only with both directions"));
            }
            None => {}
        }
        Ok(monitor)
    }
}

/// Standard deviation of a window of returns.
fn deviation(window: &Anchored<Scalar, 1, SeriesMoments<Scalar>>, volatility: &Volatility) -> f64 {
    let Volatility::Rolling(options) = volatility else { return f64::NAN };
    let [value] = Std.read(window, F::splat(Scalar, options.min_samples() as f64));
    value.first()
}

fn held(rows: usize, extent: Extent) -> usize {
    match extent {
        Extent::Rows(size) => rows.min(size),
        Extent::Span(_) => 0,
    }
}

fn read_rows(from: &mut Reader, count: usize) -> Result<Vec<[f64; 2]>> {
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        let row = [from.float()?, from.float()?];
        if row.iter().any(|value| value.is_infinite()) {
            return Err(Reader::unusable("a row is infinite"));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn write_options(out: &mut Writer, options: &Spillover) {
    write_window(out, &options.window, None);
    match options.volatility {
        Volatility::Rolling(window) => {
            out.count(0);
            write_window(out, &window, None);
        }
        Volatility::Parkinson => out.count(1),
        Volatility::GarmanKlass => out.count(2),
        Volatility::Given => out.count(3),
    }
    match options.stderr {
        Stderr::Overlap(vol_window) => {
            out.count(0);
            out.count(vol_window);
        }
        Stderr::Spaced(spacing) => {
            out.count(1);
            out.count(spacing);
        }
        Stderr::NeweyWest(lags) => {
            out.count(2);
            out.count(lags);
        }
    }
    out.flag(options.both);
}

fn read_options(from: &mut Reader) -> Result<Spillover> {
    let (window, _) = read_window(from, LEAST_PAIR_WINDOW)?;
    let Extent::Rows(size) = window.extent() else {
        return Err(Reader::unusable("its window is by time"));
    };
    let volatility = match from.count()? {
        0 => {
            let (returns, _) = read_window(from, LEAST_PAIR_WINDOW - 1)?;
            let Extent::Rows(rows) = returns.extent() else {
                return Err(Reader::unusable("its vol_window is by time"));
            };
            let volatility = Volatility::rolling(rows).map_err(in_snapshot)?;
            if volatility != Volatility::Rolling(returns) {
                return Err(Reader::unusable("its vol_window needs all returns"));
            }
            volatility
        }
        1 => Volatility::Parkinson,
        2 => Volatility::GarmanKlass,
        3 => Volatility::Given,
        _ => return Err(Reader::unusable("it has a volatility unknown here")),
    };
    let kind = match from.count()? {
        0 => Stderr::Overlap,
        1 => Stderr::Spaced,
        2 => Stderr::NeweyWest,
        _ => return Err(Reader::unusable("it has a standard error unknown here")),
    };
    let stderr = kind(from.count()?);
    let options =
        Spillover::new(size, Some(window.min_samples()), volatility, stderr).map_err(in_snapshot)?;
    Ok(options.with_both(from.flag()?))
}
