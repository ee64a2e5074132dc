//! Memories that fade: exponential averages and those of Wilder.

use crate::error::Result;
use crate::snapshot::{Reader, Writer};

/// Exponential averages of one series, alpha = 2 / (span + 1), started at its first value.
///
/// A missing value leaves them as they are, and has none.
#[derive(Clone, Debug)]
pub(super) struct Ema<const K: usize> {
    alpha: [f64; K],
    now: [f64; K],
}

impl<const K: usize> Ema<K> {
    pub(super) fn new(spans: [u16; K]) -> Self {
        Self { alpha: spans.map(|span| 2.0 / (f64::from(span) + 1.0)), now: [f64::NAN; K] }
    }

    /// Takes in a value and gives the averages after it.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64) -> [f64; K] {
        if value.is_nan() {
            return [f64::NAN; K];
        }
        for (now, alpha) in self.now.iter_mut().zip(self.alpha) {
            *now = if now.is_nan() { value } else { *now + alpha * (value - *now) };
        }
        self.now
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.now.iter().for_each(|&value| out.float(value));
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.now.iter_mut().try_for_each(|value| from.float().map(|read| *value = read))
    }
}

/// The average of Wilder (1978): alpha = 1 / n, started at the mean of the first n values.
///
/// A missing value leaves it as it is.
#[derive(Clone, Debug)]
pub(super) struct Wilder {
    n: usize,
    seen: usize,
    /// The sum of the first values, then the average.
    now: f64,
}

impl Wilder {
    pub(super) fn new(n: usize) -> Self {
        Self { n, seen: 0, now: 0.0 }
    }

    /// Takes in a value and gives the average; NaN before the n-th, and for a missing value.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64) -> f64 {
        if value.is_nan() {
            return f64::NAN;
        }
        let n = self.n as f64;
        if self.seen < self.n {
            self.seen += 1;
            self.now += value;
            if self.seen < self.n {
                return f64::NAN;
            }
            self.now /= n;
        } else {
            self.now += (value - self.now) / n;
        }
        self.now
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.seen);
        out.float(self.now);
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.seen = from.count()?;
        self.now = from.float()?;
        if self.seen > self.n || !self.now.is_finite() {
            return Err(Reader::unusable("an average is not one"));
        }
        Ok(())
    }
}
