//! The back block: suffixes of it are given out, in the order of the rows they begin with.

use core::ops::Range;

use pulp::Simd;

use super::front::Front;
use super::{Rows, Shape, reserved};
use crate::anchored::{Anchored, apart, complete};
use crate::lanes::F;
use crate::moments::State;

/// Which cells had no incomplete row lately.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    /// Rows since the last incomplete one.
    pub(super) rows: &'a [usize],
    pub(super) least: usize,
}

impl Whole<'_> {
    #[inline(always)]
    fn is(self, cell: usize) -> bool {
        self.rows[cell] >= self.least
    }
}

/// The block before the growing one, of which suffixes are wanted in order.
///
/// Suffixes of one cell are few bytes, those of a panel fill the cache. So one in 2^`spacing` is kept of a run,
/// and those between are made again for the *segment* that is in use.
#[derive(Debug)]
pub(super) struct Back<S: Simd, const D: usize, M> {
    simd: S,
    cells: usize,
    spacing: u32,
    /// Rows at the beginning of a run that have no suffix of their own.
    pub(super) lead: usize,
    len: usize,
    /// First rows of the runs, and which of them holds the row in which the window begins.
    starts: Vec<usize>,
    pub(super) run: usize,
    anchors: Vec<[F<S>; D]>,
    /// State of all rows from the start of run j on, run by run; one more, empty, at the end.
    from_run: Vec<M>,
    /// Suffixes within the run in use and the one being made, alternately: run j in `kept[j % 2]`, the last
    /// first.
    kept: [Vec<M>; 2],
    /// The run being made, which of its rows are still to come, and the state so far.
    making: usize,
    to_come: Range<usize>,
    made: Vec<M>,
    /// Suffixes that begin in these rows, the last first.
    segment: Vec<M>,
    segment_of: Range<usize>,
}

impl<S: Simd, const D: usize, M: Clone> Clone for Back<S, D, M> {
    fn clone(&self) -> Self {
        let [even, odd] = &self.kept;
        Self {
            starts: reserved(&self.starts),
            anchors: self.anchors.clone(),
            from_run: reserved(&self.from_run),
            kept: [reserved(even), reserved(odd)],
            to_come: self.to_come.clone(),
            made: self.made.clone(),
            segment: reserved(&self.segment),
            segment_of: self.segment_of.clone(),
            ..*self
        }
    }
}

impl<S: Simd, const D: usize, M: State<S, D>> Back<S, D, M> {
    pub(super) fn new(simd: S, shape: Shape) -> Self {
        let Shape { cells, runs, whole_first, .. } = shape;
        let (spacing, kept) = shape.kept();
        let kept = kept * cells;
        let mut back = Self {
            simd,
            cells,
            spacing,
            lead: usize::from(whole_first),
            len: 0,
            starts: Vec::with_capacity(runs),
            run: 0,
            anchors: vec![[F::splat(simd, 0.0); D]; cells],
            from_run: Vec::with_capacity((runs + 1) * cells),
            kept: [Vec::with_capacity(kept), Vec::with_capacity(kept)],
            making: 0,
            to_come: 0..0,
            made: vec![M::empty(simd); cells],
            segment: Vec::with_capacity(((1 << spacing) - 1) * cells),
            segment_of: 0..0,
        };
        back.clear();
        back
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.run) = (0, 0);
        self.starts.clear();
        self.from_run.clear();
        self.from_run.resize(self.cells, M::empty(self.simd));
    }

    /// Takes over a block that has ended.
    #[inline(always)]
    pub(super) fn turn(&mut self, front: &Front<S, D, M>) {
        (self.len, self.run) = (front.len, 0);
        self.starts.clone_from(&front.starts);
        self.anchors.copy_from_slice(&front.growing.newest);
        self.from_run.clear();
        self.from_run.resize((front.starts.len() + 1) * self.cells, M::empty(self.simd));
        for cell in 0..self.cells {
            let from_run = &mut self.from_run;
            front.chain(cell, 0, |run, state| from_run[run * self.cells + cell] = state);
        }
        self.segment_of = 0..0;
        self.begin(0);
    }

    /// Rows of the window that begins at row `from`.
    pub(super) fn rows_from(&self, from: usize) -> usize {
        self.len.saturating_sub(from)
    }

    pub(super) fn end(&self, run: usize) -> usize {
        self.starts.get(run + 1).copied().unwrap_or(self.len)
    }

    /// The run that holds row `from`: the one found last, or after it.
    #[inline(always)]
    fn run_of(&self, from: usize) -> usize {
        let mut run = self.run;
        while self.end(run) <= from && run + 1 < self.starts.len() {
            run += 1;
        }
        run
    }

    /// The first of the runs between, of a window that begins at row `from`; the one past the last for none.
    #[inline(always)]
    pub(super) fn first_between(&self, from: usize) -> usize {
        if from >= self.len {
            return self.starts.len();
        }
        let run = self.run_of(from);
        if from < self.starts[run] + self.lead { run } else { run + 1 }
    }

    fn begin(&mut self, run: usize) {
        self.making = run;
        self.to_come = self.starts.get(run).map_or(0, |start| start + self.lead)..self.end(run);
        self.made.fill(M::empty(self.simd));
        self.kept[run % 2].clear();
    }

    /// Makes ready the suffixes that begin at row `from`, where they are not ready yet.
    #[inline(always)]
    pub(super) fn reach(&mut self, from: usize, whole: Whole<'_>, rows: impl Rows<S, D>) {
        self.run = self.run_of(from);
        let Some(Place { run, segment, kept }) = self.place(from) else { return };
        // Rows are asked for in order, so the run is made or being made, or was jumped to.
        if self.making < run {
            self.begin(run);
        }
        if self.making == run {
            self.make(usize::MAX, whole, rows);
        }
        if segment.contains(&from) && self.segment_of != segment {
            self.segment.clear();
            for row in segment.clone().rev() {
                let step = 1.0 / (self.end(run) - row) as f64;
                for cell in 0..self.cells {
                    let mut state = match self.segment.len().checked_sub(self.cells) {
                        Some(last) => self.segment[last],
                        None => self.kept(run, kept, cell),
                    };
                    self.insert(&mut state, cell, step, whole.is(cell), rows.row(row, cell));
                    self.segment.push(state);
                }
            }
            self.segment_of = segment;
        }
    }

    /// Makes up to two rows: of the run that holds row `from`, or when that is made, of the one after it.
    #[inline(always)]
    pub(super) fn prepare(&mut self, from: usize, whole: Whole<'_>, rows: impl Rows<S, D>) {
        if from >= self.len {
            return;
        }
        let run = self.run_of(from);
        if self.making < run {
            self.begin(run);
        }
        if self.making == run && self.to_come.is_empty() && run + 1 < self.starts.len() {
            self.begin(run + 1);
        }
        self.make(2, whole, rows);
    }

    #[inline(always)]
    fn make(&mut self, steps: usize, whole: Whole<'_>, rows: impl Rows<S, D>) {
        let (start, end) = (self.starts[self.making], self.end(self.making));
        for _ in 0..steps.min(self.to_come.len()) {
            let Some(row) = self.to_come.next_back() else { break };
            let step = 1.0 / (end - row) as f64;
            let keep = (row - start).trailing_zeros() >= self.spacing;
            for cell in 0..self.cells {
                let mut state = self.made[cell];
                self.insert(&mut state, cell, step, whole.is(cell), rows.row(row, cell));
                self.made[cell] = state;
                if keep {
                    self.kept[self.making % 2].push(state);
                }
            }
        }
    }

    /// Takes a row into a suffix; `step` is 1 / the rows it then has.
    #[inline(always)]
    fn insert(&self, state: &mut M, cell: usize, step: f64, whole: bool, row: [F<S>; D]) {
        let from_anchor = apart(row, self.anchors[cell]);
        if whole {
            state.insert(self.simd, step, from_anchor);
        } else {
            state.insert_where(complete(&row), from_anchor);
        }
    }

    /// The suffix kept at place `kept` of a run; an empty one past its end.
    #[inline(always)]
    fn kept(&self, run: usize, kept: usize, cell: usize) -> M {
        let last = (self.end(run) - 1 - self.starts[run]) >> self.spacing;
        if kept > last { M::empty(self.simd) } else { self.kept[run % 2][(last - kept) * self.cells + cell] }
    }

    /// Where to find the suffixes that begin at row `from`; `None` where there are none, because a run begins
    /// there or the block has ended.
    #[inline(always)]
    pub(super) fn place(&self, from: usize) -> Option<Place> {
        if from >= self.len {
            return None;
        }
        let run = self.run_of(from);
        let (start, end) = (self.starts[run], self.end(run));
        if from < start + self.lead {
            return None;
        }
        let kept = (from - start + (1 << self.spacing) - 1) >> self.spacing;
        let next = start + (kept << self.spacing);
        Some(Place { run, segment: (next + 1).saturating_sub(1 << self.spacing)..next.min(end), kept })
    }

    /// The suffix of a cell at a place that was reached.
    #[inline(always)]
    pub(super) fn suffix(&self, place: &Place, from: usize, cell: usize) -> Anchored<S, D, M> {
        let state = if place.segment.contains(&from) {
            self.segment[(place.segment.end - 1 - from) * self.cells + cell]
        } else {
            self.kept(place.run, place.kept, cell)
        };
        self.anchored(cell, state)
    }

    #[inline(always)]
    pub(super) fn anchored(&self, cell: usize, state: M) -> Anchored<S, D, M> {
        Anchored { anchor: self.anchors[cell], state }
    }

    #[inline(always)]
    pub(super) fn onwards(&self, run: usize, cell: usize) -> Anchored<S, D, M> {
        self.anchored(cell, self.from_run[run * self.cells + cell])
    }

    /// The suffix of a cell that begins at row `from`, without keeping anything.
    #[inline(always)]
    pub(super) fn look(&self, cell: usize, from: usize, rows: impl Rows<S, D>) -> Anchored<S, D, M> {
        let Some(Place { run, segment, kept }) = self.place(from) else {
            return self.anchored(cell, M::empty(self.simd));
        };
        let made = self.making == run + 1 || (self.making == run && self.to_come.is_empty());
        let (state, end) = if made {
            (self.kept(run, kept, cell), segment.end)
        } else {
            (M::empty(self.simd), self.end(run))
        };
        let begin = if made && !segment.contains(&from) { end } else { from };
        self.anchored(cell, suffix(state, begin..end, &self.anchors[cell], cell, rows))
    }
}

/// Where the suffix that begins at a row is found: in the segment, if that holds the row, else among those kept.
pub(super) struct Place {
    pub(super) run: usize,
    /// Rows of the segment: those between two suffixes that are kept.
    segment: Range<usize>,
    /// The suffix that is kept and begins at the end of the segment.
    kept: usize,
}

/// A state and some rows, the last one first.
#[inline(always)]
pub(super) fn suffix<S: Simd, const D: usize, M: State<S, D>>(
    mut state: M,
    range: Range<usize>,
    anchor: &[F<S>; D],
    cell: usize,
    rows: impl Rows<S, D>,
) -> M {
    for i in range.rev() {
        let row = rows.row(i, cell);
        state.insert_where(complete(&row), apart(row, *anchor));
    }
    state
}
