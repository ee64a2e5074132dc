//! Volatility of each row: of returns over a few rows, of one bar from its prices, or as it is given.
//!
//! # Letters
//! o, h, l, c open, high, low and close of a bar; v its volatility.
//!
//! ln(a / b) is taken as ln(1 + (a - b) / b): a and b are close, so that a - b is exact and the quotient keeps its digits,
//! while a / b would round a range of 1e-4 by 1e-12 of itself.
//!
//! # References
//! Parkinson (1980), The extreme value method for estimating the variance of the rate of return, eq. 8; Garman and Klass
//! (1980), On the estimation of security price volatilities from historical data, eq. 19b.

use std::borrow::Cow;

use crate::batch::rolling;
use crate::error::{Error, Result};
use crate::pair::{LEAST_VARIANCE_WINDOW, Std};
use crate::params::{Window, at_least, same_length};

/// The rows of returns a volatility is made of, unless said otherwise.
pub const USUAL_VOL_WINDOW: usize = 20;

/// The names of a bar's prices, in the order they are given in.
const HIGH_LOW: [&str; 2] = ["high", "low"];
const OPEN_HIGH_LOW_CLOSE: [&str; 4] = ["open", "high", "low", "close"];

/// sqrt(4 ln 2)
const PARKINSON: f64 = 1.665_109_222_315_395_4;
/// 2 ln 2 - 1
const GARMAN_KLASS: f64 = 0.386_294_361_119_890_6;

/// Where volatilities come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// Standard deviation (ddof 1) of returns over a window.
    Rolling(Window),
    /// High and low of each bar.
    Parkinson,
    /// Open, high, low and close of each bar.
    GarmanKlass,
    /// They are given.
    Given,
}

impl Volatility {
    /// Standard deviations of returns over `vol_window` rows, all of which must be there.
    ///
    /// # Errors
    /// `vol_window` below 2.
    pub fn rolling(vol_window: usize) -> Result<Self> {
        at_least("vol_window", vol_window, LEAST_VARIANCE_WINDOW)?;
        Ok(Self::Rolling(Window::rows(vol_window, LEAST_VARIANCE_WINDOW, None)?))
    }

    /// Rows of returns of a rolling volatility.
    pub fn vol_window(&self) -> Option<usize> {
        match self {
            // All rows of the window are needed.
            Self::Rolling(window) => Some(window.min_samples()),
            _ => None,
        }
    }

    /// The columns of one side, in order; none where it is one series.
    pub fn prices(&self) -> &'static [&'static str] {
        match self {
            Self::Rolling(_) | Self::Given => &[],
            Self::Parkinson => &HIGH_LOW,
            Self::GarmanKlass => &OPEN_HIGH_LOW_CLOSE,
        }
    }

    /// The number of columns of one side.
    pub fn columns(&self) -> usize {
        self.prices().len().max(1)
    }

    /// Checks the prices of a bar; those that are not finite are missing. `side` comes before their names.
    ///
    /// # Errors
    /// [`Error::Price`] for one not above 0, [`Error::Bar`] for one outside low to high; said of row 0.
    pub(crate) fn check(&self, side: &str, bar: &[f64]) -> Result<()> {
        let names = self.prices();
        let named = |name: &str| if side.is_empty() { name.to_owned() } else { format!("{side} {name}") };
        for (&name, &value) in names.iter().zip(bar) {
            if value.is_finite() && value <= 0.0 {
                return Err(Error::Price { name: named(name), value, row: 0 });
            }
        }
        let (high, low) = match *bar {
            [high, low] | [_, high, low, _] if !names.is_empty() => (high, low),
            _ => return Ok(()),
        };
        for (&name, &value) in names.iter().zip(bar) {
            if value.is_finite() && low.is_finite() && value < low {
                return Err(Error::Bar { name: named(name), value, low, high, row: 0 });
            }
            if value.is_finite() && high.is_finite() && high < value {
                return Err(Error::Bar { name: named(name), value, low, high, row: 0 });
            }
        }
        Ok(())
    }

    /// The volatilities of one side's columns.
    ///
    /// # Errors
    /// Columns of different lengths, or another number of them; as [`check`](Self::check), said of the first such row.
    pub(crate) fn of_columns<'a>(&self, side: &'static str, columns: &[&'a [f64]]) -> Result<Cow<'a, [f64]>> {
        same_length(side, columns.len(), self.columns())?;
        let rows = columns.first().map_or(0, |column| column.len());
        for column in columns {
            same_length(side, column.len(), rows)?;
        }
        match (self, columns) {
            (Self::Given, &[values]) => Ok(Cow::Borrowed(values)),
            (Self::Rolling(window), &[returns]) => {
                let mut out = vec![0.0; rows];
                rolling(Std, window, [returns], &[], [&mut out])?;
                Ok(Cow::Owned(out))
            }
            _ => {
                let mut out = Vec::with_capacity(rows);
                self.write_bars(side, columns, |value| out.push(value))?;
                Ok(Cow::Owned(out))
            }
        }
    }

    fn write_bars(&self, side: &str, columns: &[&[f64]], mut each: impl FnMut(f64)) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        for row in 0..rows {
            let bar = &row_of(columns, row)[..columns.len()];
            self.check(side, bar).map_err(|error| error.at_row(row))?;
            each(of_row(bar));
        }
        Ok(())
    }

    /// The volatility of each bar.
    ///
    /// # Errors
    /// Columns of other lengths, or another number of them; a price not above 0, or outside low to high.
    pub fn bars(&self, columns: &[&[f64]], out: &mut [f64]) -> Result<()> {
        same_length("columns", columns.len(), self.columns())?;
        for (&name, column) in self.prices().iter().zip(columns) {
            same_length(name, column.len(), out.len())?;
        }
        let mut places = out.iter_mut();
        self.write_bars("", columns, |value| {
            if let Some(place) = places.next() {
                *place = if value.is_finite() { value } else { f64::NAN };
            }
        })
    }
}

/// The volatility of a bar that was checked, or the one value of a row; not finite where missing.
#[inline]
pub(super) fn of_row(row: &[f64]) -> f64 {
    match *row {
        [value] => value,
        [high, low] => log_ratio(high, low) / PARKINSON,
        [open, high, low, close] => {
            let (range, body) = (log_ratio(high, low), log_ratio(close, open));
            // Never below 0: |body| is at most the range, and 2 ln 2 - 1 is less than a half.
            (0.5 * (range * range) - GARMAN_KLASS * (body * body)).sqrt()
        }
        _ => f64::NAN,
    }
}

/// A row of at most four columns.
#[inline]
pub(super) fn row_of(columns: &[&[f64]], at: usize) -> [f64; OPEN_HIGH_LOW_CLOSE.len()] {
    let mut row = [f64::NAN; OPEN_HIGH_LOW_CLOSE.len()];
    for (place, column) in row.iter_mut().zip(columns) {
        *place = column[at];
    }
    row
}

/// ln(a / b); not finite where either is not.
#[inline]
fn log_ratio(a: f64, b: f64) -> f64 {
    libm::log1p((a - b) / b)
}

#[cfg(test)]
mod tests {
    use super::{Volatility, of_row};
    use crate::error::Error;

    #[test]
    fn one_bar_by_hand() {
        let ln_2 = core::f64::consts::LN_2;
        assert!((of_row(&[2.0, 1.0]) - ln_2 / (4.0 * ln_2).sqrt()).abs() < 1e-16);
        let both = of_row(&[1.0, 4.0, 1.0, 2.0]);
        let expected = (0.5 * (4.0 * ln_2 * ln_2) - (2.0 * ln_2 - 1.0) * ln_2 * ln_2).sqrt();
        assert!((both - expected).abs() < 1e-15);
        assert!(of_row(&[5.0, 5.0]).to_bits() == 0);
        assert!(of_row(&[5.0; 4]).to_bits() == 0);
    }

    #[test]
    fn missing_prices_make_a_missing_volatility() {
        for missing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for bar in [[missing, 1.0], [1.0, missing]] {
                assert!(Volatility::Parkinson.check("", &bar).is_ok());
                assert!(!of_row(&bar).is_finite());
            }
            for place in 0..4 {
                let mut bar = [2.0, 3.0, 1.0, 2.0];
                bar[place] = missing;
                assert!(Volatility::GarmanKlass.check("", &bar).is_ok());
                assert!(!of_row(&bar).is_finite());
            }
        }
    }

    #[test]
    fn impossible_bars_are_refused() {
        for bar in [[0.0, 1.0], [1.0, -1.0], [f64::NAN, 0.0]] {
            assert!(matches!(Volatility::Parkinson.check("asset", &bar), Err(Error::Price { .. })));
        }
        for bar in
            [[4.0, 3.0, 1.0, 2.0], [2.0, 3.0, 1.0, 0.5], [2.0, 1.0, 3.0, 2.0], [2.0, 1.0, f64::NAN, 1.0]]
        {
            assert!(matches!(Volatility::GarmanKlass.check("asset", &bar), Err(Error::Bar { .. })));
        }
        assert!(matches!(Volatility::Parkinson.check("", &[1.0, 2.0]), Err(Error::Bar { .. })));
        assert!(Volatility::Given.check("", &[-1.0]).is_ok());
    }
}
