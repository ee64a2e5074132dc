//! Options, checked once when built and trusted afterwards.

use crate::error::{Error, Result};

/// The most rows a live object may be asked to hold (2^24): a bound for memory and for snapshots.
pub const MAX_LIVE_ROWS: usize = 1 << 24;

/// The most bytes of rows, or of a panel's states, that a live object may be asked to hold (1 GiB).
pub const MAX_LIVE_BYTES: usize = 1 << 30;
/// The most rows of any window (2^48): more than memory holds.
pub const MAX_ROWS: usize = 1 << 48;

/// How far a window reaches back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The last so many rows.
    Rows(usize),
    /// The rows with `t - span < ts <= t`, in nanoseconds.
    Span(i64),
}

/// A window and the complete rows it needs before a value is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    extent: Extent,
    min_samples: usize,
}

impl Window {
    /// The last `size` rows, at least `least` of them; all of them complete unless `min_samples` says less.
    ///
    /// # Errors
    /// `window_size` outside `least` to [`MAX_ROWS`]; `min_samples` outside 2 to `window_size`.
    pub fn rows(size: usize, least: usize, min_samples: Option<usize>) -> Result<Self> {
        at_least("window_size", size, least)?;
        at_most("window_size", size, MAX_ROWS, "2^48")?;
        let min_samples = min_samples.unwrap_or(size);
        at_least("min_samples", min_samples, 2)?;
        at_most("min_samples", min_samples, size, "window_size")?;
        Ok(Self { extent: Extent::Rows(size), min_samples })
    }

    /// The rows of the last `span` nanoseconds.
    ///
    /// # Errors
    /// `window_span` below 1; `min_samples` below 2.
    pub fn span(span: i64, min_samples: usize) -> Result<Self> {
        if span < 1 {
            return Err(Error::TooSmall { name: "window_span", value: span as f64, least: 1.0 });
        }
        at_least("min_samples", min_samples, 2)?;
        Ok(Self { extent: Extent::Span(span), min_samples })
    }

    /// How far it reaches back.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Complete rows needed.
    pub fn min_samples(&self) -> usize {
        self.min_samples
    }
}

/// Refuses values below a bound.
pub(crate) fn at_least(name: &'static str, value: usize, least: usize) -> Result<()> {
    if value < least {
        return Err(Error::TooSmall { name, value: value as f64, least: least as f64 });
    }
    Ok(())
}

/// Refuses values above a bound.
pub(crate) fn at_most(name: &'static str, value: usize, most: usize, because: &'static str) -> Result<()> {
    if value > most {
        return Err(Error::TooLarge { name, value: value as f64, most: most as f64, because });
    }
    Ok(())
}

/// Refuses anything that is not finite and above 0.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(Error::NotPositive { name, value }) }
}

/// Refuses a series of another length.
pub(crate) fn same_length(name: &'static str, value: usize, expected: usize) -> Result<()> {
    if value == expected { Ok(()) } else { Err(Error::Length { name, value, expected }) }
}
