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

#[cfg(test)]
mod tests {
    use super::{Ema, Wilder};

    const VALUES: [f64; 8] = [4.0, 2.0, f64::NAN, 6.0, 8.0, f64::NAN, 1.0, 3.0];

    #[test]
    fn an_exponential_average_starts_at_the_first_value_and_skips_missing_ones() {
        let mut averages = Ema::new([3, 1]);
        let found: Vec<[f64; 2]> = VALUES.iter().map(|&value| averages.push(value)).collect();
        let expected = [4.0, 3.0, f64::NAN, 4.5, 6.25, f64::NAN, 3.625, 3.3125];
        for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found[0].is_nan(), expected.is_nan());
            let same = |a: f64, b: f64| a.total_cmp(&b).is_eq();
            assert!(
                expected.is_nan() || (same(found[0], expected) && same(found[1], VALUES[row])),
                "row {row}"
            );
        }
    }

    #[test]
    fn an_average_of_wilder_starts_at_a_mean() {
        let mut average = Wilder::new(3);
        let found: Vec<f64> = VALUES.iter().map(|&value| average.push(value)).collect();
        // (4 + 2 + 6) / 3, then a third of the way to each value.
        let (first, second) = (4.0, 4.0 + (8.0 - 4.0) / 3.0);
        let third = second + (1.0 - second) / 3.0;
        let expected =
            [f64::NAN, f64::NAN, f64::NAN, first, second, f64::NAN, third, third + (3.0 - third) / 3.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15 || (found.is_nan() && expected.is_nan()));
        }
    }

    #[test]
    fn a_constant_stays_what_it_is() {
        let (mut average, mut averages) = (Wilder::new(14), Ema::new([5, 240]));
        for row in 0..1000 {
            let found = average.push(0.1);
            assert!(row < 13 || (found - 0.1).abs() < 1e-16);
            assert!(averages.push(0.1).iter().all(|average| average.total_cmp(&0.1).is_eq()));
        }
    }
}
