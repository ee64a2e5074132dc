//! The sliding window of the live objects: by rows, or by time.

use pulp::Scalar;

use crate::anchored::Anchored;
use crate::blocks::{Rows, Shape, TwoBlocks, fit_rows};
use crate::error::{Error, Result};
use crate::lanes::F;
use crate::moments::State;
use crate::params::{Extent, MAX_LIVE_BYTES, MAX_LIVE_ROWS, Window, at_least, at_most};
use crate::runs::Runs;
use crate::snapshot::{Reader, Writer};
use crate::time::{Blocks, Place, SLICES, Slice, Step, Time};

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
    runs: Runs,
    blocks: TwoBlocks<Scalar, D, M>,
    rows: Blocks<Row<D>>,
    time: Option<Time>,
}

impl<const D: usize, M: State<Scalar, D>> SlidingWindow<D, M> {
    /// An empty window. `max_rows` bounds what a window by time may hold; `None` lets it grow (batch).
    ///
    /// # Errors
    /// More than [`MAX_LIVE_ROWS`] rows, or `max_rows` below `min_samples`.
    pub fn new(window: Window, max_rows: Option<usize>) -> Result<Self> {
        let extent = window.extent();
        match extent {
            Extent::Rows(size) => {
                at_most("window_size", size, Self::most_rows(), "the most a live object holds")?;
                Ok(Self {
                    extent,
                    runs: Runs::of_length(size),
                    blocks: TwoBlocks::new(Scalar, Shape::of_rows(size, 1)),
                    rows: Blocks::new(size),
                    time: None,
                })
            }
            Extent::Span(span) => {
                if let Some(rows) = max_rows {
                    at_least("max_rows", rows, window.min_samples())?;
                    at_most("max_rows", rows, Self::most_rows(), "the most a live object holds")?;
                }
                // Batch work does not know how many rows a block will hold.
                let capacity = max_rows.unwrap_or(0);
                let time = Time::new(span, max_rows);
                let shape =
                    Shape { cells: 1, runs: usize::from(SLICES), longest: capacity, whole_first: false };
                Ok(Self {
                    extent,
                    runs: Runs::of_length(0),
                    blocks: TwoBlocks::new(Scalar, shape),
                    rows: Blocks::new(capacity),
                    time: Some(time),
                })
            }
        }
    }

    /// Rows of two blocks fit into [`MAX_LIVE_BYTES`].
    fn most_rows() -> usize {
        MAX_LIVE_ROWS.min(MAX_LIVE_BYTES / (2 * size_of::<Row<D>>()))
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.blocks.front_rows() == 0
    }

    /// The state of the window.
    #[inline(always)]
    pub fn current(&self) -> &Anchored<Scalar, D, M> {
        self.blocks.current(0)
    }

    /// Takes in a row; `ts` counts for a window by time only.
    ///
    /// # Errors
    /// By time: `ts` before the last one, or more rows than `max_rows`. The window stays as it was. By rows: none.
    #[inline]
    pub fn push(&mut self, row: Row<D>, ts: i64) -> Result<()> {
        let place = self.place(ts)?;
        match place.step {
            Step::Stay => {}
            Step::Turn => self.turn(),
            Step::Leap => self.clear(),
        }
        if let Some(time) = &mut self.time {
            (time.slice, time.from, time.last) = (place.slice, place.from, Some(ts));
            time.stamps.front.push(ts);
        }
        let row = canonical(row);
        self.rows.front.push(row);
        self.blocks.push(&[row][..], place.begins, place.from, &self.rows.back[..]);
        Ok(())
    }

    /// The state as it would be after `push`, which changes nothing.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn peek(&self, row: Row<D>, ts: i64) -> Result<Anchored<Scalar, D, M>> {
        let row = &[canonical(row)][..];
        let Place { step, begins, from, .. } = self.place(ts)?;
        let Blocks { back, front } = &self.rows;
        Ok(match step {
            Step::Stay => self.blocks.peek(0, row, begins, from, &back[..]),
            Step::Turn => self.blocks.peek_turned(0, row, from, &front[..]),
            // Past the end of the block, and so nothing of it.
            Step::Leap => self.blocks.peek_turned(0, row, front.len(), &front[..]),
        })
    }

    /// Puts another row in the place of the last one, at the same time.
    ///
    /// # Errors
    /// [`Error::NothingToAmend`] before the first row; by time, [`Error::OtherTime`] for a `ts` that is not the last.
    pub fn amend(&mut self, row: Row<D>, ts: Option<i64>) -> Result<()> {
        if let (Some(value), Some(last)) = (ts, self.last_time())
            && value != last
        {
            return Err(Error::OtherTime { value, last });
        }
        let row = canonical(row);
        let Some(last) = self.rows.front.last_mut() else {
            return Err(Error::NothingToAmend);
        };
        *last = row;
        let from = self.from();
        self.blocks.replace_last(&[row][..], from, &self.rows.back[..]);
        Ok(())
    }

    /// The row so many rows ago, of those in the window; NaN where there is none.
    #[inline]
    pub fn ago(&self, rows: usize) -> Row<D> {
        let Blocks { back, front } = &self.rows;
        let found = match front.len().checked_sub(rows + 1) {
            Some(at) => front.get(at),
            None => back.len().checked_sub(rows + 1 - front.len()).and_then(|at| back.get(at)),
        };
        found.copied().unwrap_or([f64::NAN; D])
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
            (time.from, time.slice, time.last) = (0, Slice::default(), None);
        }
    }

    /// First row of the back block that is in the window.
    fn from(&self) -> usize {
        self.time.as_ref().map_or(self.blocks.front_rows(), |time| time.from)
    }

    fn turn(&mut self) {
        self.blocks.turn();
        self.rows.turn();
        if let Some(time) = &mut self.time {
            time.stamps.turn();
        }
    }

    #[inline(always)]
    fn place(&self, ts: i64) -> Result<Place> {
        let front = self.blocks.front_rows();
        match &self.time {
            Some(time) => time.place(ts, front),
            None if Extent::Rows(front) == self.extent => {
                Ok(Place { step: Step::Turn, begins: true, from: 1, slice: Slice::default() })
            }
            None => {
                let begins = self.runs.begins(front);
                Ok(Place { step: Step::Stay, begins, from: front + 1, slice: Slice::default() })
            }
        }
    }

    /// Writes the rows of the window and where they stand in their blocks; all else follows from them.
    pub(crate) fn write(&self, out: &mut Writer) {
        let from = self.from().min(self.rows.back.len());
        let back = self.rows.back.len() - from;
        // Of a window by time nothing depends on how many rows have left.
        out.count(if back == 0 || self.time.is_some() { 0 } else { from });
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
            Extent::Rows(size) => fit_rows(size, gone, back, front),
            Extent::Span(_) => {
                let most = self.time.as_ref().map_or(0, |time| time.max_rows);
                held <= most && gone == 0 && (back == 0 || front > 0)
            }
        };
        if !fits {
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

    /// Fills a new window by rows with the last rows of a stream of `total`, those it holds being the last of `rows`.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for fewer rows than it holds, or a window by time.
    pub(crate) fn restore(&mut self, total: usize, rows: &[Row<D>]) -> Result<()> {
        let Extent::Rows(size) = self.extent else {
            return Err(Reader::unusable("its window is by time"));
        };
        let held = total.min(size);
        let Some(first) = rows.len().checked_sub(held) else {
            return Err(Reader::unusable("it holds fewer rows than it says"));
        };
        let rows: Vec<_> = rows[first..].iter().map(|&row| canonical(row)).collect();
        // The front block is full before the next row begins another one.
        let front = if total == 0 { 0 } else { (total - 1) % size + 1 };
        let back = held - front;
        self.refill(if back == 0 { 0 } else { front }, back, &rows, &[])
    }

    fn refill(&mut self, gone: usize, back: usize, rows: &[Row<D>], stamps: &[i64]) -> Result<()> {
        self.clear();
        let runs = self.runs;
        let begins = |time: &Option<Time>, place: usize, at: usize| match time {
            Some(time) => at == 0 || time.slice(stamps[at]) != time.slice(stamps[at - 1]),
            None => runs.begins(place),
        };
        if back > 0 {
            // Rows that have left take their places, and nothing more.
            for (place, &row) in core::iter::repeat_n(&[f64::NAN; D], gone).chain(&rows[..back]).enumerate() {
                self.blocks.append(&[row][..], begins(&self.time, place, place.saturating_sub(gone)));
                self.rows.front.push(row);
            }
            self.turn();
        }
        if let Some(time) = &mut self.time {
            let Some(&last) = stamps.last() else { return Ok(()) };
            let horizon = last.checked_sub(time.span);
            let now = time.slice(last);
            let in_front = |ts: &i64| time.slice(*ts).block == now.block;
            let in_back = |ts: &i64| {
                horizon.is_none_or(|horizon| *ts > horizon)
                    && time.slice(*ts).block == now.block.wrapping_sub(1)
            };
            if !stamps.is_sorted()
                || !stamps[..back].iter().all(in_back)
                || !stamps[back..].iter().all(in_front)
            {
                return Err(Reader::unusable("its times do not fit the window"));
            }
            time.stamps.back.extend_from_slice(&stamps[..back]);
            time.stamps.front.extend_from_slice(&stamps[back..]);
            (time.from, time.slice, time.last) = (0, now, Some(last));
        }
        let Some((&last, others)) = rows[back..].split_last() else { return Ok(()) };
        for (place, &row) in others.iter().enumerate() {
            self.blocks.append(&[row][..], begins(&self.time, place, back + place));
            self.rows.front.push(row);
        }
        self.rows.front.push(last);
        let begins = begins(&self.time, others.len(), rows.len() - 1);
        let from = if self.time.is_some() { 0 } else { rows.len() - back };
        self.blocks.push(&[last][..], begins, from, &self.rows.back[..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::SlidingWindow;
    use crate::moments::SeriesMoments;
    use crate::params::Window;

    #[test]
    fn a_copy_has_the_memory_of_the_original() {
        for (window, max_rows) in [(Window::rows(1000, 2, None), None), (Window::span(9, 2), Some(700))] {
            let Ok(window) = window else { unreachable!() };
            let Ok(original) = SlidingWindow::<1, SeriesMoments<pulp::Scalar>>::new(window, max_rows) else {
                unreachable!()
            };
            let copy = original.clone();
            assert_eq!(copy.rows.front.capacity(), original.rows.front.capacity());
            assert!(copy.rows.back.capacity() >= max_rows.unwrap_or(1000));
        }
    }
}
