//! What the families of columns have in common.

use crate::error::Result;
use crate::snapshot::{Reader, Writer};

/// Rows as they come in, those of one call; NaN is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    /// Nanoseconds.
    pub(super) ts: &'a [i64],
    pub(super) open_high_low_close: [&'a [f64]; 4],
    pub(super) volume: &'a [f64],
    /// One-row returns of the close.
    pub(super) ret: &'a [f64],
    /// Close of the leader.
    pub(super) leader: &'a [f64],
    /// Bid, ask, bid volume, ask volume, funding rate.
    pub(super) book: [&'a [f64]; 5],
}

impl<'a> Rows<'a> {
    pub(super) fn len(&self) -> usize {
        self.ts.len()
    }

    pub(super) fn high(&self) -> &'a [f64] {
        self.open_high_low_close[1]
    }

    pub(super) fn low(&self) -> &'a [f64] {
        self.open_high_low_close[2]
    }

    pub(super) fn close(&self) -> &'a [f64] {
        self.open_high_low_close[3]
    }

    /// High less low.
    pub(super) fn range(&self) -> Vec<f64> {
        self.high().iter().zip(self.low()).map(|(high, low)| high - low).collect()
    }
}

/// Columns that share what is kept of the rows before.
pub(super) trait Family: Send + Sync + core::fmt::Debug {
    /// Their names.
    fn columns(&self) -> &'static [&'static str];
    /// Takes in rows and writes the columns, in the order of their names.
    ///
    /// # Errors
    /// A number of columns or rows that is not that of the family or of `rows`.
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()>;
    /// Writes what is kept.
    fn write(&self, out: &mut Writer);
    /// Reads what `write` wrote.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`]
    fn read(&mut self, from: &mut Reader) -> Result<()>;
    fn boxed(&self) -> Box<dyn Family>;
}

/// The parts of [`Family`] that follow from what is kept.
macro_rules! kept {
    ($($part:ident),+) => {
        fn columns(&self) -> &'static [&'static str] {
            COLUMNS
        }

        fn write(&self, out: &mut Writer) {
            $(self.$part.write(out);)+
        }

        fn read(&mut self, from: &mut Reader) -> Result<()> {
            $(self.$part.read(from)?;)+
            Ok(())
        }

        fn boxed(&self) -> Box<dyn Family> {
            Box::new(self.clone())
        }
    };
}
pub(super) use kept;

/// NaN, one and the same, where a number is not finite.
#[inline(always)]
pub(super) fn defined(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// Cut to a range; NaN where not finite.
#[inline(always)]
pub(super) fn clip(value: f64, low: f64, high: f64) -> f64 {
    let value = defined(value);
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Fills a column row by row.
#[inline(always)]
pub(super) fn fill(out: &mut [f64], mut value: impl FnMut(usize) -> f64) {
    for (row, out) in out.iter_mut().enumerate() {
        *out = value(row);
    }
}
