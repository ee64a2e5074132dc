//! The sliding window of the live objects: by rows, or by time.

use pulp::Scalar;

use crate::anchored::Anchored;
use crate::blocks::{Rows, TwoBlocks};
use crate::error::{Error, Result};
use crate::lanes::F;
use crate::moments::State;
use crate::params::{Extent, MAX_LIVE_ROWS, Window, at_least, at_most};
use crate::runs::Runs;
use crate::snapshot::{Reader, Writer};

/// One row of `D` series; a row with a value that is not finite is incomplete.
pub type Row<const D: usize> = [f64; D];

/// Rows in memory.
impl<const D: usize> Rows<Scalar, D> for &[Row<D>] {
    #[inline(always)]
    fn row(self, row: usize, _cell: usize) -> [F<Scalar>; D] {
        self[row].map(|value| F::splat(Scalar, value))
    }
}

/// An incomplete row is stored as all NaN, so that equal windows have equal snapshots.
#[inline(always)]
fn canonical<const D: usize>(row: Row<D>) -> Row<D> {
    if row.iter().all(|value| value.is_finite()) { row } else { [f64::NAN; D] }
}

/// A window over `D` series, fed row by row.
///
/// # Complexity
/// By rows: at most four insertions and three combinations a row; at the end of a block, once in `window_size`
/// rows, 31 insertions and `window_size^(1/3)` combinations more. Memory: the rows of two blocks.
/// By time the same, plus the rows that leave at once after a gap. All memory is taken at construction
/// when `capacity` is given.
#[derive(Clone, Debug)]
pub struct SlidingWindow<const D: usize, M> {
    extent: Extent,
    blocks: TwoBlocks<Scalar, D, M>,
    rows: Blocks<Row<D>>,
    time: Option<Time>,
}

/// What a window by time keeps beside the rows.
#[derive(Clone, Debug)]
struct Time {
    span: i64,
    max_rows: usize,
    stamps: Blocks<i64>,
    /// First row of the back block that is still in the window.
    from: usize,
    /// Blocks lie at absolute multiples of the span; this is the front one's multiple.
    block: i64,
    last: Option<i64>,
}

/// Something kept for every row of the back and the front block.
#[derive(Clone, Debug)]
struct Blocks<T> {
    back: Vec<T>,
    front: Vec<T>,
}

impl<T> Blocks<T> {
    fn new(capacity: usize) -> Self {
        Self { back: Vec::with_capacity(capacity), front: Vec::with_capacity(capacity) }
    }

    fn turn(&mut self) {
        core::mem::swap(&mut self.back, &mut self.front);
        self.front.clear();
    }

    fn clear(&mut self) {
        self.back.clear();
        self.front.clear();
    }
}

/// Where a new row by time goes.
#[derive(Clone, Copy)]
struct Place {
    block: i64,
    from: usize,
    step: Step,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// Into the front block.
    Stay,
    /// Into the block after the front one.
    Turn,
    /// Into a block that the old rows do not reach.
    Leap,
}

impl<const D: usize, M: State<Scalar, D>> SlidingWindow<D, M> {
    /// An empty window. `max_rows` bounds what a window by time may hold; `None` lets it grow (batch).
    ///
    /// # Errors
    /// More than [`MAX_LIVE_ROWS`] rows, or `max_rows` below `min_samples`.
    pub fn new(window: Window, max_rows: Option<usize>) -> Result<Self> {
        let (runs, capacity, time) = match window.extent() {
            Extent::Rows(size) => {
                at_most("window_size", size, MAX_LIVE_ROWS, "the most a live object holds")?;
                (Runs::of_length(size), size, None)
            }
            Extent::Span(span) => {
                if let Some(rows) = max_rows {
                    at_least("max_rows", rows, window.min_samples())?;
                    at_most("max_rows", rows, MAX_LIVE_ROWS, "the most a live object holds")?;
                }
                let capacity = max_rows.unwrap_or(0);
                let time = Time {
                    span,
                    max_rows: max_rows.unwrap_or(usize::MAX),
                    stamps: Blocks::new(capacity),
                    from: 0,
                    block: 0,
                    last: None,
                };
                // Batch work does not know how many rows a block will hold; a run is never longer.
                (Runs::of_unknown_length(), capacity.max(Runs::of_unknown_length().cap()), Some(time))
            }
        };
        Ok(Self {
            extent: window.extent(),
            blocks: TwoBlocks::new(Scalar, runs, capacity, 1),
            rows: Blocks::new(capacity),
            time,
        })
    }

    /// The state of the window.
    #[inline(always)]
    pub fn current(&self) -> &Anchored<Scalar, D, M> {
        self.blocks.current(0)
    }

    /// Takes in a row; `ts` counts for a window by time only.
    ///
    /// # Errors
    /// By time: `ts` before the last one, or more rows than `max_rows`. The window stays as it was.
    #[inline]
    pub fn push(&mut self, row: Row<D>, ts: i64) -> Result<()> {
        let from = if self.time.is_some() {
            let place = self.place(ts)?;
            self.enter(place, ts)
        } else {
            if Extent::Rows(self.blocks.front_rows()) == self.extent {
                self.turn();
            }
            self.blocks.front_rows() + 1
        };
        let row = canonical(row);
        self.rows.front.push(row);
        self.blocks.push(&[row][..], from, &self.rows.back[..]);
        Ok(())
    }

    /// The state as it would be after `push`, which changes nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn peek(&self, row: Row<D>, ts: i64) -> Result<Anchored<Scalar, D, M>> {
        let row = &[canonical(row)][..];
        let (from, step) = if self.time.is_some() {
            let place = self.place(ts)?;
            (place.from, place.step)
        } else if Extent::Rows(self.blocks.front_rows()) == self.extent {
            (1, Step::Turn)
        } else {
            (self.blocks.front_rows() + 1, Step::Stay)
        };
        let Blocks { back, front } = &self.rows;
        Ok(match step {
            Step::Stay => self.blocks.peek(0, row, from, &back[..]),
            Step::Turn => self.blocks.peek_turned(0, row, from, &front[..]),
            // Past the end of the block, and so nothing of it.
            Step::Leap => self.blocks.peek_turned(0, row, front.len(), &front[..]),
        })
    }

    /// Puts another row in the place of the last one, at the same time.
    ///
    /// # Errors
    /// [`Error::NothingToAmend`] before the first row.
    pub fn amend(&mut self, row: Row<D>) -> Result<()> {
        let row = canonical(row);
        let Some(last) = self.rows.front.last_mut() else {
            return Err(Error::NothingToAmend);
        };
        *last = row;
        let from = self.from();
        self.blocks.replace_last(&[row][..], from, &self.rows.back[..]);
        Ok(())
    }

    /// The time of the last row, of a window by time.
    pub fn last_time(&self) -> Option<i64> {
        self.time.as_ref().and_then(|time| time.last)
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.rows.clear();
        if let Some(time) = &mut self.time {
            time.stamps.clear();
            (time.from, time.block, time.last) = (0, 0, None);
        }
    }

    /// First row of the back block that is in the window.
    fn from(&self) -> usize {
        self.time.as_ref().map_or(self.blocks.front_rows(), |time| time.from)
    }

    fn turn(&mut self) {
        self.blocks.turn();
        self.rows.turn();
    }

    fn place(&self, ts: i64) -> Result<Place> {
        let Some(time) = &self.time else {
            return Ok(Place { block: 0, from: 0, step: Step::Stay });
        };
        if let Some(last) = time.last
            && ts < last
        {
            return Err(Error::Order { row: 0, value: ts, previous: last, equal_allowed: true });
        }
        let block = ts.div_euclid(time.span);
        let horizon = ts.saturating_sub(time.span);
        let step = match (time.last, block.wrapping_sub(time.block)) {
            (None, _) => Step::Leap,
            (_, 0) => Step::Stay,
            (_, 1) => Step::Turn,
            _ => Step::Leap,
        };
        let (from, held) = match step {
            Step::Leap => (0, 0),
            Step::Turn => {
                let stamps = &time.stamps.front;
                let from = stamps.partition_point(|&at| at <= horizon);
                (from, stamps.len() - from)
            }
            Step::Stay => {
                let stamps = &time.stamps.back;
                let mut from = time.from;
                while from < stamps.len() && stamps[from] <= horizon {
                    from += 1;
                }
                (from, stamps.len() - from + self.blocks.front_rows())
            }
        };
        if held >= time.max_rows {
            return Err(Error::Burst { value: held + 1, max_rows: time.max_rows });
        }
        Ok(Place { block, from, step })
    }

    fn enter(&mut self, place: Place, ts: i64) -> usize {
        match place.step {
            Step::Stay => {}
            Step::Turn => self.turn(),
            Step::Leap => {
                self.blocks.clear();
                self.rows.clear();
            }
        }
        if let Some(time) = &mut self.time {
            match place.step {
                Step::Stay => {}
                Step::Turn => time.stamps.turn(),
                Step::Leap => time.stamps.clear(),
            }
            (time.block, time.from, time.last) = (place.block, place.from, Some(ts));
            time.stamps.front.push(ts);
        }
        place.from
    }

    /// Writes the rows of the window and where they stand in their blocks; all else follows from them.
    pub(crate) fn write(&self, out: &mut Writer) {
        let from = self.from().min(self.rows.back.len());
        let back = self.rows.back.len() - from;
        out.count(if back == 0 { 0 } else { from });
        out.count(back);
        out.count(self.rows.front.len());
        for row in self.rows.back[from..].iter().chain(&self.rows.front) {
            for &value in row {
                out.float(value);
            }
        }
        if let Some(time) = &self.time {
            for &ts in time.stamps.back[from..].iter().chain(&time.stamps.front) {
                out.int(ts);
            }
        }
    }

    /// Fills a new window with what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for anything `write` does not write.
    pub(crate) fn read(&mut self, from: &mut Reader) -> Result<()> {
        let (gone, back, front) = (from.count()?, from.count()?, from.count()?);
        let width = D + usize::from(self.time.is_some());
        let held = back.checked_add(front).filter(|&held| held <= from.remaining() / (8 * width));
        let Some(held) = held else {
            return Err(Reader::unusable("it holds fewer rows than it says"));
        };
        let fits = match self.extent {
            Extent::Rows(size) => front <= size && (back == 0 || gone == front && back == size - gone),
            Extent::Span(_) => {
                let most = self.time.as_ref().map_or(0, |time| time.max_rows);
                held <= most && gone <= most && back <= most - gone
            }
        };
        if !fits || (back > 0 && front == 0) || (back == 0 && gone > 0) {
            return Err(Reader::unusable("its rows do not fit the window"));
        }
        let mut rows = Vec::with_capacity(held);
        for _ in 0..held {
            let mut row = [0.0; D];
            for value in &mut row {
                *value = from.float()?;
            }
            if !row.iter().all(|v| v.is_finite()) && !row.iter().all(|v| v.is_nan()) {
                return Err(Reader::unusable("a row is neither complete nor missing"));
            }
            rows.push(canonical(row));
        }
        let mut stamps = Vec::with_capacity(if self.time.is_some() { held } else { 0 });
        if self.time.is_some() {
            for _ in 0..held {
                stamps.push(from.int()?);
            }
        }
        self.refill(gone, back, &rows, &stamps)
    }

    fn refill(&mut self, gone: usize, back: usize, rows: &[Row<D>], stamps: &[i64]) -> Result<()> {
        self.clear();
        if back > 0 {
            // Rows that have left take their places, and nothing more.
            for &row in core::iter::repeat_n(&[f64::NAN; D], gone).chain(&rows[..back]) {
                self.blocks.append(&[row][..]);
                self.rows.front.push(row);
            }
            self.turn();
        }
        if let Some(time) = &mut self.time {
            let Some(&last) = stamps.last() else { return Ok(()) };
            let horizon = last.saturating_sub(time.span);
            let block = last.div_euclid(time.span);
            let in_front = |ts: &i64| ts.div_euclid(time.span) == block;
            let in_back = |ts: &i64| *ts > horizon && ts.div_euclid(time.span) == block.wrapping_sub(1);
            if !stamps.is_sorted()
                || !stamps[..back].iter().all(in_back)
                || !stamps[back..].iter().all(in_front)
            {
                return Err(Reader::unusable("its times do not fit the window"));
            }
            time.stamps.back.resize(gone, i64::MIN);
            time.stamps.back.extend_from_slice(&stamps[..back]);
            time.stamps.front.extend_from_slice(&stamps[back..]);
            (time.from, time.block, time.last) = (gone, block, Some(last));
        }
        let Some((&last, others)) = rows[back..].split_last() else { return Ok(()) };
        for &row in others {
            self.blocks.append(&[row][..]);
            self.rows.front.push(row);
        }
        self.rows.front.push(last);
        let from = if self.time.is_some() { gone } else { rows.len() - back };
        self.blocks.push(&[last][..], from, &self.rows.back[..]);
        Ok(())
    }
}
