//! A window as the end of one block of rows and the beginning of the next.
//!
//! Rows are cut into blocks. A window ends in the *front* block, which grows row by row, and begins in
//! the *back* block, the one before it; so its state is one suffix of the back block combined with the
//! whole front block, and nothing ever has to be taken out of a state (van Herk 1992, Gil and Werman
//! 1993; fed row by row, the two-stack queue of Tangwongsan, Hirzel, Schneider 2017).
//!
//! Computing all suffixes when a block ends would make that one row expensive. So a block is cut into
//! *runs* of 16, 32, ... rows up to a cap. The total of each run is kept while the rows come in; when the
//! block ends only the runs are combined from the back ([`Back::turn`]), and the suffixes within a run are
//! made while the run before it is being used up, at most two insertions a row ([`Back::prepare`]).
//! Batch work goes through the same operations in the same order.
//!
//! Invariants: the anchor of a front block is its first complete row, that of a run's total the run's
//! first, that of all suffixes of a back block its last: each is a row of every set it is an anchor of.

use pulp::Simd;

use crate::lanes::{F, Mask};
use crate::moments::{State, Weights};

/// Rows of the first run of a block.
const FIRST_RUN: usize = 16;

/// How a block is cut into runs: 16, 32, ... doubling up to `cap`, then all of `cap` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    cap: usize,
    /// Number of runs shorter than the cap, and the rows they hold.
    growing: usize,
    grown: usize,
}

impl Runs {
    /// Runs for blocks whose length is not known beforehand.
    pub const fn of_unknown_length() -> Self {
        Self::capped(64)
    }

    /// Runs for blocks of `length` rows: the cap is about its square root, so that the work at the end
    /// of a block and the memory for suffixes grow no faster than that.
    pub fn of_length(length: usize) -> Self {
        Self::capped(length.isqrt().next_power_of_two().max(64))
    }

    const fn capped(cap: usize) -> Self {
        Self {
            cap,
            growing: (cap / FIRST_RUN).ilog2() as usize,
            grown: cap - FIRST_RUN,
        }
    }

    /// Most rows a run has.
    pub const fn cap(self) -> usize {
        self.cap
    }

    /// The first row of a run.
    #[inline]
    pub const fn start(self, run: usize) -> usize {
        if run <= self.growing {
            FIRST_RUN * ((1 << run) - 1)
        } else {
            self.grown + (run - self.growing) * self.cap
        }
    }

    /// The run a row belongs to.
    #[inline]
    pub const fn run_of(self, row: usize) -> usize {
        if row < self.grown {
            (row / FIRST_RUN + 1).ilog2() as usize
        } else {
            self.growing + (row - self.grown) / self.cap
        }
    }

    /// How many runs hold `rows` rows.
    pub const fn count(self, rows: usize) -> usize {
        if rows == 0 { 0 } else { self.run_of(rows - 1) + 1 }
    }
}

/// A state together with the row its means are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Anchored<S: Simd, const D: usize, M> {
    /// The anchor; zero while the state is empty.
    pub anchor: [F<S>; D],
    /// The state.
    pub state: M,
}

impl<S: Simd, const D: usize, M: State<S, D>> Anchored<S, D, M> {
    /// No rows.
    #[inline(always)]
    pub fn empty(simd: S) -> Self {
        Self { anchor: [F::splat(simd, 0.0); D], state: M::empty(simd) }
    }

    /// Takes in a row where it is complete; the first one becomes the anchor.
    #[inline(always)]
    pub fn insert(&mut self, row: [F<S>; D], complete: Mask<S>) {
        let first = complete.and(self.state.count().equals(row[0].like(0.0)));
        for i in 0..D {
            self.anchor[i] = first.pick(row[i], self.anchor[i]);
        }
        self.state.insert_where(complete, apart(row, self.anchor));
    }

    /// The rows of both, relative to `later`'s anchor.
    #[inline(always)]
    pub fn combine(earlier: &Self, later: &Self) -> Self {
        let weights = Weights::of(earlier.state.count(), later.state.count());
        let state =
            M::combine(&earlier.state, &later.state, apart(later.anchor, earlier.anchor), weights);
        Self { anchor: later.anchor, state }
    }
}

/// `a - b`, series by series.
#[inline(always)]
pub fn apart<S: Simd, const D: usize>(a: [F<S>; D], b: [F<S>; D]) -> [F<S>; D] {
    core::array::from_fn(|i| a[i] - b[i])
}

/// Where every series of the row is finite.
#[inline(always)]
pub fn complete<S: Simd, const D: usize>(row: &[F<S>; D]) -> Mask<S> {
    let mut all = row[0].is_finite();
    for value in &row[1..] {
        all = all.and(value.is_finite());
    }
    all
}

/// The block that grows.
#[derive(Clone, Debug)]
pub struct Front<S: Simd, const D: usize, M> {
    simd: S,
    runs: Runs,
    len: usize,
    whole: Anchored<S, D, M>,
    newest: [F<S>; D],
    totals: Vec<Anchored<S, D, M>>,
    /// `whole`, the last total and `newest` as they were before the last row.
    before: (Anchored<S, D, M>, Anchored<S, D, M>, [F<S>; D]),
}

impl<S: Simd, const D: usize, M: State<S, D>> Front<S, D, M> {
    /// An empty block with memory for `rows` rows.
    #[inline(always)]
    pub fn new(simd: S, runs: Runs, rows: usize) -> Self {
        let empty = Anchored::empty(simd);
        Self {
            simd,
            runs,
            len: 0,
            whole: empty,
            newest: empty.anchor,
            totals: Vec::with_capacity(runs.count(rows)),
            before: (empty, empty, empty.anchor),
        }
    }

    /// Rows so far, incomplete ones counted.
    pub fn len(&self) -> usize {
        self.len
    }

    /// All rows so far.
    #[inline(always)]
    pub fn whole(&self) -> &Anchored<S, D, M> {
        &self.whole
    }

    /// What [`whole`](Self::whole) would be with one more row.
    #[inline(always)]
    pub fn whole_with(&self, row: [F<S>; D]) -> Anchored<S, D, M> {
        let mut whole = self.whole;
        whole.insert(row, complete(&row));
        whole
    }

    /// Appends a row.
    #[inline(always)]
    pub fn push(&mut self, row: [F<S>; D]) {
        let run = self.runs.run_of(self.len);
        if run == self.totals.len() {
            self.totals.push(Anchored::empty(self.simd));
        }
        self.before = (self.whole, self.totals[run], self.newest);
        self.len += 1;
        self.put(run, row);
    }

    /// Puts another row in the place of the last one. There must be one.
    #[inline(always)]
    pub fn replace_last(&mut self, row: [F<S>; D]) {
        let run = self.totals.len() - 1;
        (self.whole, self.totals[run], self.newest) = self.before;
        self.put(run, row);
    }

    #[inline(always)]
    fn put(&mut self, run: usize, row: [F<S>; D]) {
        let complete = complete(&row);
        self.whole.insert(row, complete);
        self.totals[run].insert(row, complete);
        for i in 0..D {
            self.newest[i] = complete.pick(row[i], self.newest[i]);
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.len = 0;
        self.whole = Anchored::empty(self.simd);
        self.newest = self.whole.anchor;
        self.totals.clear();
    }

    /// The suffix that begins at row `from`, were this block the back one; `rows(i)` is its row i.
    ///
    /// The same operations as [`Back::turn`] and [`Back::at`], without keeping anything.
    #[inline(always)]
    pub fn suffix(&self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        let mut suffix = Anchored { anchor: self.newest, state: M::empty(self.simd) };
        if from >= self.len {
            return suffix;
        }
        let run = self.runs.run_of(from);
        for later in (run + 1..self.totals.len()).rev() {
            suffix = Anchored::combine(&self.totals[later], &suffix);
        }
        let end = self.runs.start(run + 1).min(self.len);
        for i in (from..end).rev() {
            let row = rows(i);
            suffix.state.insert_where(complete(&row), apart(row, suffix.anchor));
        }
        suffix
    }
}

/// The block before the growing one, of which suffixes are wanted in order.
#[derive(Clone, Debug)]
pub struct Back<S: Simd, const D: usize, M> {
    simd: S,
    runs: Runs,
    len: usize,
    anchor: [F<S>; D],
    /// State of all rows from the start of run j on; one more, empty, at the end.
    from_run: Vec<M>,
    /// Suffixes within the run in use and the one being made, alternately: run j in `suffixes[j % 2]`.
    suffixes: [Vec<M>; 2],
    /// The run being made, its rows still to come, and the state so far.
    making: Making<M>,
}

#[derive(Clone, Copy, Debug)]
struct Making<M> {
    run: usize,
    start: usize,
    /// Rows `next..` of the run are made.
    next: usize,
    state: M,
}

impl<S: Simd, const D: usize, M: State<S, D>> Back<S, D, M> {
    /// No block yet, with memory for one of `rows` rows.
    pub fn new(simd: S, runs: Runs, rows: usize) -> Self {
        let empty = M::empty(simd);
        let longest = runs.cap().min(rows);
        Self {
            simd,
            runs,
            len: 0,
            anchor: [F::splat(simd, 0.0); D],
            from_run: Vec::with_capacity(runs.count(rows) + 1),
            suffixes: [vec![empty; longest], vec![empty; longest]],
            making: Making { run: 0, start: 0, next: 0, state: empty },
        }
    }

    /// Rows of the block.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Forgets the block.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes over a block that has ended.
    #[inline(always)]
    pub fn turn(&mut self, front: &Front<S, D, M>) {
        self.len = front.len;
        self.anchor = front.newest;
        self.from_run.clear();
        self.from_run.resize(front.totals.len() + 1, M::empty(self.simd));
        for run in (0..front.totals.len()).rev() {
            let total = &front.totals[run];
            let later = self.from_run[run + 1];
            let weights = Weights::of(total.state.count(), later.count());
            self.from_run[run] =
                M::combine(&total.state, &later, apart(self.anchor, total.anchor), weights);
        }
        self.begin(0);
    }

    #[inline(always)]
    fn begin(&mut self, run: usize) {
        let start = self.runs.start(run);
        let end = self.runs.start(run + 1).min(self.len);
        let state = self.from_run[run + 1];
        self.making = Making { run, start, next: end, state };
    }

    /// Makes up to `steps` suffixes of the run after the one that holds row `from`.
    #[inline(always)]
    pub fn prepare(&mut self, from: usize, steps: usize, rows: impl Fn(usize) -> [F<S>; D]) {
        if from >= self.len {
            return;
        }
        let wanted = self.runs.run_of(from) + 1;
        if self.making.run < wanted {
            if self.runs.start(wanted) >= self.len {
                return;
            }
            self.begin(wanted);
        }
        self.make(steps, rows);
    }

    #[inline(always)]
    fn make(&mut self, steps: usize, rows: impl Fn(usize) -> [F<S>; D]) {
        let Making { run, start, next, mut state } = self.making;
        let stop = next.saturating_sub(steps).max(start);
        let kept = &mut self.suffixes[run % 2];
        for i in (stop..next).rev() {
            let row = rows(i);
            state.insert_where(complete(&row), apart(row, self.anchor));
            kept[i - start] = state;
        }
        self.making = Making { run, start, next: stop, state };
    }

    /// The suffix that begins at row `from`; empty at the end of the block and past it.
    ///
    /// Rows are asked for in order, so the run that holds `from` is ready or being made.
    #[inline(always)]
    pub fn at(&mut self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        if from >= self.len {
            return Anchored { anchor: self.anchor, state: M::empty(self.simd) };
        }
        let run = self.runs.run_of(from);
        if self.making.run < run {
            self.begin(run);
        }
        if self.making.run == run && self.making.next > self.making.start {
            self.make(usize::MAX, rows);
        }
        let state = self.suffixes[run % 2][from - self.runs.start(run)];
        Anchored { anchor: self.anchor, state }
    }
}

impl<S: Simd, const D: usize, M: State<S, D>> Back<S, D, M> {
    /// What [`at`](Self::at) gives, without keeping anything.
    #[inline(always)]
    pub fn look(&self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        let mut suffix = Anchored { anchor: self.anchor, state: M::empty(self.simd) };
        if from >= self.len {
            return suffix;
        }
        let run = self.runs.run_of(from);
        let Making { run: making, start, next, .. } = self.making;
        if making == run + 1 || (making == run && next == start) {
            suffix.state = self.suffixes[run % 2][from - self.runs.start(run)];
            return suffix;
        }
        suffix.state = self.from_run[run + 1];
        let end = self.runs.start(run + 1).min(self.len);
        for i in (from..end).rev() {
            let row = rows(i);
            suffix.state.insert_where(complete(&row), apart(row, suffix.anchor));
        }
        suffix
    }
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn runs_cover_every_row_once() {
        for runs in [Runs::of_unknown_length(), Runs::of_length(10_000), Runs::of_length(1_000_000)] {
            let mut row = 0;
            for run in 0..200 {
                assert_eq!(runs.start(run), row);
                let length = runs.start(run + 1) - row;
                assert!(length <= runs.cap());
                assert!(run == 0 || length <= 2 * (row - runs.start(run - 1)));
                for inside in row..row + length {
                    assert_eq!(runs.run_of(inside), run);
                }
                row += length;
                assert_eq!(runs.count(row), run + 1);
            }
        }
    }
}
