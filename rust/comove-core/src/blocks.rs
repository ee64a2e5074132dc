//! A window as the end of one block of rows and the beginning of the next.
//!
//! Rows are cut into blocks. A window ends in the *front* block, which grows row by row, and begins in
//! the *back* block, the one before it; so its state is one suffix of the back block combined with the
//! whole front block, and nothing ever has to be taken out of a state (van Herk 1992, Gil and Werman
//! 1993; fed row by row, the two-stack queue of Tangwongsan, Hirzel, Schneider 2017).
//!
//! A block is cut into runs, and a window into three sets:
//!
//! ```text
//!   back block                    front block
//!   | run | run | run | run |     | run | run | run ...
//!            ^^ suffix      ------------------ ^^^^ growing
//!                      middle: all runs between
//! ```
//!
//! window = (suffix + middle) + growing. The middle changes when a run ends, the other two with every row.
//! That serves two ends. Computing all suffixes when a block ends would make that one row expensive: with
//! the total of each run at hand only the runs are combined then ([`Back::turn`]), and the suffixes within a
//! run are made while the run before it is being used up, at most two insertions a row ([`Back::prepare`]).
//! And a long sum loses digits: here a row is added to the sum of its run, not to that of the window, so
//! that correlations stay within 8 ulp where one sum over 10000 rows was off by 40.
//!
//! Batch work goes through the same operations in the same order.
//!
//! Several windows of the same length go side by side, as the cells of a panel: what is kept of them lies
//! together, row by row, in the order in which it is read.
//!
//! Where a window has no incomplete row its counts are known: the weights are computed once for all cells, and
//! nothing has to be masked. Both ways give the same bits, because 1/n is correctly rounded in either.
//!
//! Anchors: the anchor of a run's total is its first complete row, that of all sets of a back block its
//! last. Each is a row of every window that the set is part of, so `v - anchor` is at most the window's range.

use core::ops::Range;

use pulp::Simd;

use crate::anchored::{Anchored, apart, complete};
use crate::lanes::F;
use crate::moments::{State, Weights};
use crate::runs::Runs;

/// Where rows come from. A trait and not a closure: all of it must be inlined into the code for the processor.
pub trait Rows<S: Simd, const D: usize>: Copy {
    /// A row of a cell.
    fn row(self, row: usize, cell: usize) -> [F<S>; D];
}

/// Which cells had no incomplete row lately.
#[derive(Clone, Copy)]
struct Whole<'a> {
    /// Rows since the last incomplete one.
    rows: &'a [usize],
    least: usize,
}

impl Whole<'_> {
    #[inline(always)]
    fn is(self, cell: usize) -> bool {
        self.rows[cell] >= self.least
    }
}

/// The growing run of every cell.
#[derive(Clone, Debug)]
struct Growing<S: Simd, const D: usize, M> {
    totals: Vec<Anchored<S, D, M>>,
    /// The newest complete row of the block.
    newest: Vec<[F<S>; D]>,
    /// Rows since the last one that was incomplete in any lane.
    whole: Vec<usize>,
}

impl<S: Simd, const D: usize, M: State<S, D>> Growing<S, D, M> {
    fn new(simd: S, cells: usize) -> Self {
        let empty = Anchored::empty(simd);
        Self { totals: vec![empty; cells], newest: vec![empty.anchor; cells], whole: vec![0; cells] }
    }
}

/// How many windows there are, and what memory is taken for them; more is taken when it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Windows side by side.
    pub cells: usize,
    /// Runs of a block.
    pub runs: usize,
    /// Rows of a run.
    pub longest: usize,
    /// Whether a run that lies wholly in the window may count as one of those between when the window begins with
    /// it. If not, a window does not depend on where its first run began.
    pub whole_first: bool,
}

impl Shape {
    /// Blocks of `size` rows, cut as [`Runs`] say.
    pub fn of_rows(size: usize, cells: usize) -> Self {
        let runs = Runs::of_length(size);
        Self { cells, runs: runs.count(size), longest: runs.cap().min(size), whole_first: true }
    }
}

/// The block that grows.
#[derive(Clone, Debug)]
struct Front<S: Simd, const D: usize, M> {
    simd: S,
    cells: usize,
    len: usize,
    /// First rows of the runs, the growing one last.
    starts: Vec<usize>,
    /// Before the last row and after it: the last row can be replaced.
    before: Growing<S, D, M>,
    growing: Growing<S, D, M>,
    /// Totals of the full runs, run by run.
    totals: Vec<Anchored<S, D, M>>,
    /// All full runs.
    settled: Vec<Anchored<S, D, M>>,
}

impl<S: Simd, const D: usize, M: State<S, D>> Front<S, D, M> {
    fn new(simd: S, shape: Shape) -> Self {
        let growing = Growing::new(simd, shape.cells);
        Self {
            simd,
            cells: shape.cells,
            len: 0,
            starts: Vec::with_capacity(shape.runs),
            before: growing.clone(),
            growing,
            totals: Vec::with_capacity(shape.runs * shape.cells),
            settled: vec![Anchored::empty(simd); shape.cells],
        }
    }

    /// Rows of the growing run.
    fn grown(&self) -> usize {
        self.starts.last().map_or(0, |start| self.len - start)
    }

    /// Ends the growing run.
    #[inline(always)]
    fn settle(&mut self) {
        self.totals.extend_from_slice(&self.growing.totals);
        for (settled, total) in self.settled.iter_mut().zip(&mut self.growing.totals) {
            *settled = Anchored::combine(settled, total);
            *total = Anchored::empty(self.simd);
        }
    }

    /// Makes room for a row, with which a run may begin.
    #[inline(always)]
    fn begin_row(&mut self, begins: bool) {
        if self.len == 0 {
            self.starts.push(0);
        } else if begins {
            self.settle();
            self.starts.push(self.len);
        }
        core::mem::swap(&mut self.before, &mut self.growing);
        self.len += 1;
    }

    /// Takes in a cell's last row; `grown` rows are in its run then, and `reciprocal` is 1 / `grown`.
    #[inline(always)]
    fn put(&mut self, cell: usize, row: [F<S>; D], grown: usize, reciprocal: f64) {
        let complete = complete(&row);
        let mut total = self.before.totals[cell];
        if complete.all() {
            let whole = self.before.whole[cell] + 1;
            self.growing.whole[cell] = whole;
            self.growing.newest[cell] = row;
            if whole >= grown {
                // No gap in the run, so that its count is that of its rows.
                if grown == 1 {
                    total.anchor = row;
                }
                total.state.insert(self.simd, reciprocal, apart(row, total.anchor));
            } else {
                total.insert(row, complete);
            }
        } else {
            let newest = self.before.newest[cell];
            self.growing.whole[cell] = 0;
            self.growing.newest[cell] = core::array::from_fn(|i| complete.pick(row[i], newest[i]));
            total.insert(row, complete);
        }
        self.growing.totals[cell] = total;
    }

    /// Forgets the rows, but not for how long they were complete.
    fn clear(&mut self) {
        let empty = Anchored::empty(self.simd);
        self.len = 0;
        self.starts.clear();
        self.growing.totals.fill(empty);
        self.growing.newest.fill(empty.anchor);
        self.totals.clear();
        self.settled.fill(empty);
    }

    /// Chains the totals of a cell's runs from the last one to `first`: all rows from the start of a run on.
    #[inline(always)]
    fn chain(&self, cell: usize, first: usize, mut each: impl FnMut(usize, M)) {
        let anchor = self.growing.newest[cell];
        let mut later = M::empty(self.simd);
        for run in (first..self.starts.len()).rev() {
            let total = self.totals.get(run * self.cells + cell).unwrap_or(&self.growing.totals[cell]);
            let weights = Weights::of(total.state.count(), later.count());
            later = M::combine(&total.state, &later, apart(anchor, total.anchor), weights);
            each(run, later);
        }
    }
}

/// The block before the growing one, of which suffixes are wanted in order.
///
/// Suffixes of one cell are few bytes, those of a panel fill the cache. So one in 2^`spacing` is kept of a run,
/// and those between are made again for the *segment* that is in use.
#[derive(Clone, Debug)]
struct Back<S: Simd, const D: usize, M> {
    simd: S,
    cells: usize,
    spacing: u32,
    /// Rows at the beginning of a run that have no suffix of their own.
    lead: usize,
    len: usize,
    /// First rows of the runs, and which of them holds the row in which the window begins.
    starts: Vec<usize>,
    run: usize,
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

/// Suffixes kept of a panel: the segment of all cells should fit in the cache, and be quick to make.
const SPACING: u32 = 3;

impl<S: Simd, const D: usize, M: State<S, D>> Back<S, D, M> {
    fn new(simd: S, shape: Shape) -> Self {
        let Shape { cells, runs, longest, whole_first } = shape;
        let spacing = if cells == 1 { 0 } else { SPACING };
        let kept = ((longest >> spacing) + 1) * cells;
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

    fn clear(&mut self) {
        (self.len, self.run) = (0, 0);
        self.starts.clear();
        self.from_run.clear();
        self.from_run.resize(self.cells, M::empty(self.simd));
    }

    /// Takes over a block that has ended.
    #[inline(always)]
    fn turn(&mut self, front: &Front<S, D, M>) {
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
    fn rows_from(&self, from: usize) -> usize {
        self.len.saturating_sub(from)
    }

    fn end(&self, run: usize) -> usize {
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
    fn first_between(&self, from: usize) -> usize {
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
    fn reach(&mut self, from: usize, whole: Whole<'_>, rows: impl Rows<S, D>) {
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
    fn prepare(&mut self, from: usize, whole: Whole<'_>, rows: impl Rows<S, D>) {
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
    fn place(&self, from: usize) -> Option<Place> {
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
    fn suffix(&self, place: &Place, from: usize, cell: usize) -> Anchored<S, D, M> {
        let state = if place.segment.contains(&from) {
            self.segment[(place.segment.end - 1 - from) * self.cells + cell]
        } else {
            self.kept(place.run, place.kept, cell)
        };
        self.anchored(cell, state)
    }

    #[inline(always)]
    fn anchored(&self, cell: usize, state: M) -> Anchored<S, D, M> {
        Anchored { anchor: self.anchors[cell], state }
    }

    #[inline(always)]
    fn onwards(&self, run: usize, cell: usize) -> Anchored<S, D, M> {
        self.anchored(cell, self.from_run[run * self.cells + cell])
    }

    /// The suffix of a cell that begins at row `from`, without keeping anything.
    #[inline(always)]
    fn look(&self, cell: usize, from: usize, rows: impl Rows<S, D>) -> Anchored<S, D, M> {
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
struct Place {
    run: usize,
    /// Rows of the segment: those between two suffixes that are kept.
    segment: Range<usize>,
    /// The suffix that is kept and begins at the end of the segment.
    kept: usize,
}

/// A state and some rows, the last one first.
#[inline(always)]
fn suffix<S: Simd, const D: usize, M: State<S, D>>(
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

/// Windows of the same length: where they begin is asked for with every row, and never moves back.
#[derive(Clone, Debug)]
pub struct TwoBlocks<S: Simd, const D: usize, M> {
    simd: S,
    cells: usize,
    front: Front<S, D, M>,
    back: Back<S, D, M>,
    /// The runs between.
    middle: Vec<Anchored<S, D, M>>,
    /// From that run of the back block up to that run of the front block; `None`: not known.
    middle_of: Option<(usize, usize)>,
    current: Vec<Anchored<S, D, M>>,
}

impl<S: Simd, const D: usize, M: State<S, D>> TwoBlocks<S, D, M> {
    /// No rows.
    pub fn new(simd: S, shape: Shape) -> Self {
        let empty = vec![Anchored::empty(simd); shape.cells];
        Self {
            simd,
            cells: shape.cells,
            front: Front::new(simd, shape),
            back: Back::new(simd, shape),
            middle: empty.clone(),
            middle_of: None,
            current: empty,
        }
    }

    /// The window of a cell.
    #[inline(always)]
    pub fn current(&self, cell: usize) -> &Anchored<S, D, M> {
        &self.current[cell]
    }

    /// Rows of the front block, incomplete ones counted.
    pub fn front_rows(&self) -> usize {
        self.front.len
    }

    /// The front block has ended and becomes the back one.
    #[inline(always)]
    pub fn turn(&mut self) {
        self.back.turn(&self.front);
        self.front.clear();
        self.middle_of = None;
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.front.clear();
        self.front.growing.whole.fill(0);
        self.back.clear();
        self.middle_of = None;
        self.current.fill(Anchored::empty(self.simd));
    }

    /// Appends a row to the front block, and nothing more: the windows are not brought up to it.
    #[inline(always)]
    pub fn append(&mut self, row: impl Rows<S, D>, begins: bool) {
        self.front.begin_row(begins);
        let grown = self.front.grown();
        for cell in 0..self.cells {
            self.front.put(cell, row.row(0, cell), grown, 1.0 / grown as f64);
        }
    }

    /// Appends a row to the front block: the first of `row`, with which a run may begin. The windows begin at row `from` of the back block, of
    /// which `rows` gives the row of a cell.
    #[inline(always)]
    pub fn push(&mut self, row: impl Rows<S, D>, begins: bool, from: usize, rows: impl Rows<S, D>) {
        self.front.begin_row(begins);
        self.advance(row, from, rows);
        let held = self.held(from);
        self.back.prepare(from, Whole { rows: &self.front.growing.whole, least: held }, rows);
    }

    /// Puts another row in the place of the last one. There must be one.
    #[inline(always)]
    pub fn replace_last(&mut self, row: impl Rows<S, D>, from: usize, rows: impl Rows<S, D>) {
        self.advance(row, from, rows);
    }

    /// Rows in the window.
    fn held(&self, from: usize) -> usize {
        self.back.rows_from(from) + self.front.len
    }

    /// Takes the last row in and brings the windows up to it.
    #[inline(always)]
    fn advance(&mut self, row: impl Rows<S, D>, from: usize, rows: impl Rows<S, D>) {
        let (simd, held, grown) = (self.simd, self.held(from), self.front.grown());
        // Of suffixes that are already made the rows were looked at when they were.
        self.back.reach(from, Whole { rows: &self.front.before.whole, least: held - 1 }, rows);
        self.find_middle(from);
        let place = self.back.place(from);
        let begun = place.as_ref().map_or(0, |place| self.back.end(place.run) - from);
        let between = held - begun - grown;
        let [of_run, of_begun, of_all] = [grown, held - grown, held].map(|n| 1.0 / n.max(1) as f64);
        let to_middle = Weights::uniform(simd, begun as f64, between as f64, of_begun);
        let to_growing = Weights::uniform(simd, (held - grown) as f64, grown as f64, of_all);
        for cell in 0..self.cells {
            self.front.put(cell, row.row(0, cell), grown, of_run);
            let growing = &self.front.growing.totals[cell];
            let middle = &self.middle[cell];
            let suffix = match &place {
                Some(place) => Some(self.back.suffix(place, from, cell)),
                None => None,
            };
            let whole = self.front.growing.whole[cell] >= held;
            self.current[cell] = match suffix {
                Some(suffix) if whole => {
                    let begun = if between > 0 {
                        Anchored::combine_present(&suffix, middle, to_middle)
                    } else {
                        suffix
                    };
                    Anchored::combine_present(&begun, growing, to_growing)
                }
                None if whole && between > 0 => Anchored::combine_present(middle, growing, to_growing),
                None if whole => *growing,
                Some(suffix) => Anchored::combine(&Anchored::combine(&suffix, middle), growing),
                None => Anchored::combine(middle, growing),
            };
        }
    }

    /// Combines the runs between, where they are others than before.
    #[inline(always)]
    fn find_middle(&mut self, from: usize) {
        let between = (self.back.first_between(from), self.front.starts.len());
        if self.middle_of == Some(between) {
            return;
        }
        for (cell, middle) in self.middle.iter_mut().enumerate() {
            *middle = Anchored::combine(&self.back.onwards(between.0, cell), &self.front.settled[cell]);
        }
        self.middle_of = Some(between);
    }

    /// The window of a cell as it would be after [`push`](Self::push) of that row.
    #[inline(always)]
    pub fn peek(
        &self,
        cell: usize,
        row: impl Rows<S, D>,
        begins: bool,
        from: usize,
        rows: impl Rows<S, D>,
    ) -> Anchored<S, D, M> {
        let row = row.row(0, cell);
        let mut settled = self.front.settled[cell];
        let mut growing = self.front.growing.totals[cell];
        if begins {
            settled = Anchored::combine(&settled, &growing);
            growing = Anchored::empty(self.simd);
        }
        growing.insert(row, complete(&row));
        let middle = Anchored::combine(&self.back.onwards(self.back.first_between(from), cell), &settled);
        join(&self.back.look(cell, from, rows), &middle, &growing)
    }

    /// The window of a cell as it would be after [`turn`](Self::turn) and [`push`](Self::push) of that row;
    /// `rows` gives rows of the front block.
    #[inline(always)]
    pub fn peek_turned(
        &self,
        cell: usize,
        row: impl Rows<S, D>,
        from: usize,
        rows: impl Rows<S, D>,
    ) -> Anchored<S, D, M> {
        let row = row.row(0, cell);
        let (simd, front) = (self.simd, &self.front);
        let anchor = front.growing.newest[cell];
        let (mut begun, mut middle) = (M::empty(simd), M::empty(simd));
        if from < front.len {
            let mut first = front.starts.partition_point(|&start| start <= from) - 1;
            if from >= front.starts[first] + self.back.lead {
                first += 1;
                let end = front.starts.get(first).copied().unwrap_or(front.len);
                begun = suffix(begun, from..end, &anchor, cell, rows);
            }
            front.chain(cell, first, |_, state| middle = state);
        }
        let [begun, middle] = [begun, middle].map(|state| Anchored { anchor, state });
        let mut growing = Anchored::empty(simd);
        growing.insert(row, complete(&row));
        join(&begun, &middle, &growing)
    }
}

/// The window of its three parts.
#[inline(always)]
fn join<S: Simd, const D: usize, M: State<S, D>>(
    suffix: &Anchored<S, D, M>,
    middle: &Anchored<S, D, M>,
    growing: &Anchored<S, D, M>,
) -> Anchored<S, D, M> {
    Anchored::combine(&Anchored::combine(suffix, middle), growing)
}
