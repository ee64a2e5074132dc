//! Where batch work takes its numbers from: memory, or returns made of prices on the way.

use crate::lanes::{F, Width, prefetch};

/// A column of numbers.
pub trait Series: Copy {
    /// Number of rows.
    fn len(self) -> usize;
    /// Whether there are none.
    fn is_empty(self) -> bool {
        self.len() == 0
    }
    /// The number of a row, which must be there.
    fn at(self, row: usize) -> f64;
    /// As many numbers as there are lanes, from a row on; they must be there.
    fn load<S: Width>(self, simd: S, row: usize) -> F<S>;
    /// Asks the processor to fetch a row before it is needed.
    fn prefetch(self, row: usize);
}

impl Series for &[f64] {
    #[inline(always)]
    fn len(self) -> usize {
        <[f64]>::len(self)
    }

    #[inline(always)]
    fn at(self, row: usize) -> f64 {
        self[row]
    }

    #[inline(always)]
    fn load<S: Width>(self, simd: S, row: usize) -> F<S> {
        F::load(simd, &self[row..])
    }

    #[inline(always)]
    fn prefetch(self, row: usize) {
        prefetch(self, row);
    }
}

/// A column that comes `by` rows later, missing in the first ones.
#[derive(Clone, Copy, Debug)]
pub struct Shifted<'a> {
    /// The column.
    pub values: &'a [f64],
    /// Rows.
    pub by: usize,
}

impl Series for Shifted<'_> {
    #[inline(always)]
    fn len(self) -> usize {
        self.values.len()
    }

    #[inline(always)]
    fn at(self, row: usize) -> f64 {
        row.checked_sub(self.by).map_or(f64::NAN, |before| self.values[before])
    }

    #[inline(always)]
    fn load<S: Width>(self, simd: S, row: usize) -> F<S> {
        match row.checked_sub(self.by) {
            Some(before) => F::load(simd, &self.values[before..]),
            None => F::from_fn(
                simd,
                #[inline(always)]
                |lane| self.at(row + lane),
            ),
        }
    }

    #[inline(always)]
    fn prefetch(self, row: usize) {
        prefetch(self.values, row);
    }
}

/// Simple one-row returns of prices: p\[t\] / p\[t - 1\] - 1, missing in the first row.
///
/// Made on the way, they cost less than the memory they would fill.
#[derive(Clone, Copy, Debug)]
pub struct SimpleReturns<'a>(pub &'a [f64]);

impl Series for SimpleReturns<'_> {
    #[inline(always)]
    fn len(self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn at(self, row: usize) -> f64 {
        match row.checked_sub(1) {
            Some(before) => self.0[row] / self.0[before] - 1.0,
            None => f64::NAN,
        }
    }

    #[inline(always)]
    fn load<S: Width>(self, simd: S, row: usize) -> F<S> {
        match row.checked_sub(1) {
            Some(before) => {
                F::load(simd, &self.0[row..]) / F::load(simd, &self.0[before..]) - F::splat(simd, 1.0)
            }
            None => F::from_fn(
                simd,
                #[inline(always)]
                |lane| self.at(lane),
            ),
        }
    }

    #[inline(always)]
    fn prefetch(self, row: usize) {
        prefetch(self.0, row);
    }
}
