//! The inputs of a call, looked at before any of its rows is taken in.

use std::borrow::Cow;

use super::family::defined;
use super::{Bars, CLOSE, INPUTS};
use crate::error::{Error, Result};
use crate::features::prices;
use crate::lanes::Lanes;
use crate::params::same_length;

/// What an input may be.
#[derive(Clone, Copy)]
enum Kind {
    /// Above 0.
    Price,
    /// Not below 0.
    Volume,
    /// Any number.
    Rate,
}

/// Of [`INPUTS`].
const KINDS: [Kind; INPUTS.len()] = [
    Kind::Price,
    Kind::Price,
    Kind::Price,
    Kind::Price,
    Kind::Volume,
    Kind::Price,
    Kind::Price,
    Kind::Price,
    Kind::Volume,
    Kind::Volume,
    Kind::Rate,
];

/// Series of one length, NaN where not finite.
pub(super) struct Checked<'a> {
    given: Vec<Cow<'a, [f64]>>,
    /// Stands for a series without any value.
    missing: Vec<f64>,
}

impl<'a> Checked<'a> {
    /// # Errors
    /// Series of other lengths; a price not above 0, a volume below 0; a high below the low or another price of the bar
    /// outside them.
    pub(super) fn new(bars: &Bars<'a>) -> Result<Self> {
        let rows = bars.ts.len();
        let lanes = Lanes::from_environment()?;
        let mut given = Vec::with_capacity(INPUTS.len());
        for ((&name, kind), &values) in INPUTS.iter().zip(KINDS).zip(&bars.series) {
            if !values.is_empty() {
                same_length(name, values.len(), rows)?;
            }
            given.push(match kind {
                Kind::Price => prices(lanes, name, values)?,
                Kind::Volume => volumes(name, values)?,
                Kind::Rate => finite(values),
            });
        }
        let checked = Self { given, missing: vec![f64::NAN; rows] };
        let [open, high, low, close] = core::array::from_fn(|i| checked.series(i));
        for row in 0..rows {
            let (low, high) = (low[row], high[row]);
            for (name, value) in [(INPUTS[CLOSE], close[row]), ("open", open[row]), ("high", high)] {
                // A missing price is outside nothing.
                if value < low || value > high {
                    return Err(Error::Bar { name: name.to_owned(), value, low, high, row });
                }
            }
        }
        Ok(checked)
    }

    /// The series, all missing where it was empty.
    pub(super) fn series(&self, at: usize) -> &[f64] {
        if self.given[at].is_empty() { &self.missing } else { &self.given[at] }
    }
}

/// Volumes, NaN where missing.
fn volumes<'a>(name: &'static str, values: &'a [f64]) -> Result<Cow<'a, [f64]>> {
    match values.iter().position(|&volume| volume < 0.0 && volume.is_finite()) {
        Some(row) => Err(Error::Negative { name, value: values[row], row }),
        None => Ok(finite(values)),
    }
}

/// The values, NaN where infinite; as they are where none is.
fn finite(values: &[f64]) -> Cow<'_, [f64]> {
    if values.iter().any(|value| value.is_infinite()) {
        values.iter().map(|&value| defined(value)).collect()
    } else {
        Cow::Borrowed(values)
    }
}
