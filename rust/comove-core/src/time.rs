//! Windows by time: where a row goes, and which rows it drives out.

use crate::blocks::reserved;
use crate::error::{Error, Result};

/// Where a new row goes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) step: Step,
    /// Whether a run begins with it.
    pub(crate) begins: bool,
    /// First row of the back block that is in the window then.
    pub(crate) from: usize,
    pub(crate) slice: Slice,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Into the front block.
    Stay,
    /// Into the block after the front one.
    Turn,
    /// Into a block that the old rows do not reach.
    Leap,
}

/// What a window by time keeps beside the rows.
///
/// Blocks lie at absolute multiples of the span, and a run is a slice of a block: so the answer does not depend on
/// where the stream began.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    pub(crate) span: i64,
    /// Nanoseconds of a slice.
    pub(crate) slice_width: i64,
    pub(crate) max_rows: usize,
    pub(crate) stamps: Blocks<i64>,
    /// First row of the back block that is still in the window.
    pub(crate) from: usize,
    /// Where the last row lies.
    pub(crate) slice: Slice,
    pub(crate) last: Option<i64>,
}

/// Slices of a block of time. As many as give a short chain of them, and short runs where rows come evenly.
pub(crate) const SLICES: u8 = 64;

/// A block, as its multiple of the span, and a slice of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Slice {
    pub(crate) block: i64,
    pub(crate) slice: i64,
}

impl Time {
    /// No rows yet; more than `max_rows` in a window are refused, `None` lets it grow (batch).
    pub(crate) fn new(span: i64, max_rows: Option<usize>) -> Self {
        Self {
            span,
            slice_width: span.unsigned_abs().div_ceil(u64::from(SLICES)).cast_signed(),
            max_rows: max_rows.unwrap_or(usize::MAX),
            stamps: Blocks::new(max_rows.unwrap_or(0)),
            from: 0,
            slice: Slice::default(),
            last: None,
        }
    }

    pub(crate) fn slice(&self, ts: i64) -> Slice {
        Slice { block: ts.div_euclid(self.span), slice: ts.rem_euclid(self.span) / self.slice_width }
    }

    /// Where a row of that time goes; `front` rows are in the front block.
    pub(crate) fn place(&self, ts: i64, front: usize) -> Result<Place> {
        let slice = self.slice(ts);
        let step = match self.last {
            Some(last) if ts < last => {
                return Err(Error::Order {
                    name: "ts",
                    row: 0,
                    value: ts,
                    previous: last,
                    equal_allowed: true,
                });
            }
            Some(_) if slice.block == self.slice.block => Step::Stay,
            Some(_) if slice.block == self.slice.block.wrapping_add(1) => Step::Turn,
            _ => Step::Leap,
        };
        // Nothing is older than a window that reaches back beyond the first time there is.
        let horizon = ts.checked_sub(self.span);
        let left = |at: i64| horizon.is_some_and(|horizon| at <= horizon);
        let (from, held) = match step {
            Step::Leap => (0, 0),
            Step::Turn => {
                let stamps = &self.stamps.front;
                let from = stamps.partition_point(|&at| left(at));
                (from, stamps.len() - from)
            }
            Step::Stay => {
                let stamps = &self.stamps.back;
                let mut from = self.from;
                while from < stamps.len() && left(stamps[from]) {
                    from += 1;
                }
                (from, stamps.len() - from + front)
            }
        };
        if held >= self.max_rows {
            return Err(Error::Burst { value: held + 1, max_rows: self.max_rows });
        }
        Ok(Place { step, begins: step != Step::Stay || slice != self.slice, from, slice })
    }
}

/// Something kept for every row of the back and the front block.
#[derive(Debug)]
pub(crate) struct Blocks<T> {
    pub(crate) back: Vec<T>,
    pub(crate) front: Vec<T>,
}

impl<T: Clone> Clone for Blocks<T> {
    fn clone(&self) -> Self {
        Self { back: reserved(&self.back), front: reserved(&self.front) }
    }
}

impl<T> Blocks<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { back: Vec::with_capacity(capacity), front: Vec::with_capacity(capacity) }
    }

    pub(crate) fn turn(&mut self) {
        core::mem::swap(&mut self.back, &mut self.front);
        self.front.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.back.clear();
        self.front.clear();
    }
}
