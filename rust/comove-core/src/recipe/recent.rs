//! The last few rows of a series: their extremes, their ranks, and how many of them are so.

use crate::error::Result;
use crate::snapshot::{Reader, Writer};

/// The last `size` values of a series, NaN where missing or not yet there.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// In a ring: the newest is at `at`.
    values: Vec<f64>,
    at: usize,
    missing: usize,
}

impl Recent {
    pub(super) fn new(size: usize) -> Self {
        Self { values: vec![f64::NAN; size], at: 0, missing: size }
    }

    /// Takes in a value and gives the one that leaves.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64) -> f64 {
        self.at = if self.at + 1 == self.values.len() { 0 } else { self.at + 1 };
        let gone = core::mem::replace(&mut self.values[self.at], value);
        self.missing = self.missing + usize::from(value.is_nan()) - usize::from(gone.is_nan());
        gone
    }

    /// Whether every value is there.
    pub(super) fn is_whole(&self) -> bool {
        self.missing == 0
    }

    /// The values, in no order.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let (newer, older) = self.values.split_at(self.at + 1);
        older.iter().chain(newer).for_each(|&value| out.float(value));
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        for _ in 0..self.values.len() {
            let value = from.float()?;
            if value.is_infinite() {
                return Err(Reader::unusable("a value is infinite"));
            }
            self.push(value);
        }
        Ok(())
    }
}

/// The largest of the last values, all of them needed; of the negated series, the smallest.
#[derive(Clone, Debug)]
pub(super) struct Highest {
    recent: Recent,
    /// The largest of those that are there.
    best: f64,
}

impl Highest {
    pub(super) fn new(size: usize) -> Self {
        Self { recent: Recent::new(size), best: f64::NEG_INFINITY }
    }

    /// Takes in a value and gives the largest.
    ///
    /// The rows are looked through only when the largest has left.
    #[inline(always)]
    pub(super) fn push(&mut self, value: f64) -> f64 {
        let gone = self.recent.push(value);
        if value >= self.best {
            self.best = value;
        } else if gone >= self.best {
            self.look();
        }
        self.get()
    }

    /// The largest.
    pub(super) fn get(&self) -> f64 {
        if self.recent.is_whole() { self.best } else { f64::NAN }
    }

    fn look(&mut self) {
        let values = self.recent.values().iter();
        self.best = values.fold(f64::NEG_INFINITY, |best, &value| if value > best { value } else { best });
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.recent.write(out);
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.recent.read(from)?;
        self.look();
        Ok(())
    }
}

/// How many of the last rows, at most 64, are so; all of them needed.
#[derive(Clone, Debug)]
pub(super) struct Share {
    size: u32,
    /// One bit a row, the newest lowest: whether it is so, and whether it is known.
    so: u64,
    known: u64,
}

impl Share {
    pub(super) fn new(size: u32) -> Self {
        Self { size, so: 0, known: 0 }
    }

    /// Takes in a row, None where it is not known, and gives the share.
    #[inline(always)]
    pub(super) fn push(&mut self, row: Option<bool>) -> f64 {
        let held = u64::MAX >> (u64::BITS - self.size);
        self.so = (self.so << 1 | u64::from(row == Some(true))) & held;
        self.known = (self.known << 1 | u64::from(row.is_some())) & held;
        if self.known == held { f64::from(self.so.count_ones()) / f64::from(self.size) } else { f64::NAN }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.int(self.so.cast_signed());
        out.int(self.known.cast_signed());
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        (self.so, self.known) = (from.int()?.cast_unsigned(), from.int()?.cast_unsigned());
        let held = u64::MAX >> (u64::BITS - self.size);
        if self.so & !self.known != 0 || self.known & !held != 0 {
            return Err(Reader::unusable("a share is not one"));
        }
        Ok(())
    }
}

/// The values of the last `size` rows of a series, before those of a call.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Oldest first.
    kept: Vec<f64>,
}

impl Past {
    pub(super) fn new(size: usize) -> Self {
        Self { kept: vec![f64::NAN; size] }
    }

    /// The value so many rows before a row of `new`.
    #[inline(always)]
    pub(super) fn ago(&self, new: &[f64], row: usize, rows: usize) -> f64 {
        match row.checked_sub(rows) {
            Some(at) => new[at],
            None => self.kept[self.kept.len() + row - rows],
        }
    }

    /// Keeps the last of the rows of `new`.
    pub(super) fn keep(&mut self, new: &[f64]) {
        let size = self.kept.len();
        if let Some(first) = new.len().checked_sub(size) {
            self.kept.copy_from_slice(&new[first..]);
        } else {
            self.kept.rotate_left(new.len());
            self.kept[size - new.len()..].copy_from_slice(new);
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.kept.iter().for_each(|&value| out.float(value));
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.kept.iter_mut().try_for_each(|value| from.float().map(|read| *value = read))
    }
}
