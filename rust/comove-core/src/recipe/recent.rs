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

#[cfg(test)]
mod tests {
    use super::{Highest, Past, Recent, Share};
    use crate::snapshot::{Object, Reader, Writer};

    /// Numbers with ties, and every ninth missing in the second half.
    fn values() -> Vec<f64> {
        let value = |row: usize| if row > 60 && row % 9 == 4 { f64::NAN } else { ((row * 37) % 19) as f64 };
        (0..120).map(value).collect()
    }

    /// The windows of `size` rows, None before the first full one.
    fn windows(values: &[f64], size: usize) -> impl Iterator<Item = Option<&[f64]>> {
        (0..values.len()).map(move |row| (row + 1).checked_sub(size).map(|first| &values[first..=row]))
    }

    fn same(found: f64, expected: f64) {
        let both_missing = found.is_nan() && expected.is_nan();
        assert!(both_missing || found.total_cmp(&expected).is_eq(), "{found} instead of {expected}");
    }

    #[test]
    fn the_highest_is_the_maximum_of_whole_windows() {
        for size in [1, 2, 7, 20] {
            let (mut highest, values) = (Highest::new(size), values());
            for (&value, window) in values.iter().zip(windows(&values, size)) {
                let whole = window.filter(|window| window.iter().all(|value| !value.is_nan()));
                let expected =
                    whole.map_or(f64::NAN, |w| w.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                same(highest.push(value), expected);
                same(highest.get(), expected);
            }
        }
    }

    #[test]
    fn a_share_counts_whole_windows() {
        let (mut share, values) = (Share::new(20), values());
        for (&value, window) in values.iter().zip(windows(&values, 20)) {
            let whole = window.filter(|window| window.iter().all(|value| !value.is_nan()));
            let count = |window: &[f64]| window.iter().filter(|value| **value > 9.0).count() as f64 / 20.0;
            same(share.push((!value.is_nan()).then_some(value > 9.0)), whole.map_or(f64::NAN, count));
        }
    }

    #[test]
    fn the_past_is_what_was_so_many_rows_before() {
        let values = values();
        for pieces in [1, 3, 50] {
            let mut past = Past::new(5);
            for (piece, new) in values.chunks(pieces).enumerate() {
                for row in 0..new.len() {
                    for rows in 1..=5 {
                        let at = (piece * pieces + row).checked_sub(rows);
                        same(past.ago(new, row, rows), at.map_or(f64::NAN, |at| values[at]));
                    }
                }
                past.keep(new);
            }
        }
    }

    #[test]
    fn a_snapshot_goes_on_alike() -> crate::Result<()> {
        let (mut recent, mut highest, mut share) = (Recent::new(6), Highest::new(6), Share::new(6));
        for value in values() {
            let mut out = Writer::new(Object::FeatureStream);
            recent.write(&mut out);
            highest.write(&mut out);
            share.write(&mut out);
            let bytes = out.finish();
            let mut from = Reader::new(&bytes, Object::FeatureStream)?;
            let (mut a, mut b, mut c) = (Recent::new(6), Highest::new(6), Share::new(6));
            a.read(&mut from)?;
            b.read(&mut from)?;
            c.read(&mut from)?;
            from.end()?;
            let row = (!value.is_nan()).then_some(value > 9.0);
            same(a.push(value), recent.push(value));
            assert_eq!(a.is_whole(), recent.is_whole());
            same(b.push(value), highest.push(value));
            same(c.push(row), share.push(row));
        }
        Ok(())
    }
}
