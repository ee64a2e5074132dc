//! A window as the end of one block of rows and the beginning of the next.
//!
//! Rows are cut into blocks. A window ends in the *front* block, which grows row by row, and begins in
//! the *back* block, the one before it; so its state is one suffix of the back block combined with the
//! whole front block, and nothing ever has to be taken out of a state (van Herk 1992, Gil and Werman
//! 1993; fed row by row, the two-stack queue of Tangwongsan, Hirzel, Schneider 2017).
//!
//! A block is cut into [`Runs`], and a window into three sets:
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
//! Anchors: the anchor of a run's total is its first complete row, that of all sets of a back block its
//! last. Each is a row of every window that the set is part of, so `v - anchor` is at most the window's range.

use pulp::Simd;

use crate::anchored::{Anchored, apart, complete};
use crate::lanes::F;
use crate::moments::{State, Weights};
use crate::runs::Runs;

/// The block that grows.
#[derive(Clone, Debug)]
struct Front<S: Simd, const D: usize, M> {
    simd: S,
    runs: Runs,
    len: usize,
    /// The newest complete row.
    newest: [F<S>; D],
    /// Totals of the runs, the growing one last.
    totals: Vec<Anchored<S, D, M>>,
    /// All full runs.
    settled: Anchored<S, D, M>,
    /// The growing run, and the newest complete row, before the last row.
    before: (Anchored<S, D, M>, [F<S>; D]),
}

impl<S: Simd, const D: usize, M: State<S, D>> Front<S, D, M> {
    #[inline(always)]
    fn new(simd: S, runs: Runs, rows: usize) -> Self {
        let empty = Anchored::empty(simd);
        Self {
            simd,
            runs,
            len: 0,
            newest: empty.anchor,
            totals: Vec::with_capacity(runs.count(rows)),
            settled: empty,
            before: (empty, empty.anchor),
        }
    }

    #[inline(always)]
    fn growing(&self) -> Anchored<S, D, M> {
        self.totals.last().copied().unwrap_or(Anchored::empty(self.simd))
    }

    /// The full runs and the growing one, were the next row to come.
    #[inline(always)]
    fn ready(&self) -> (Anchored<S, D, M>, Anchored<S, D, M>) {
        match self.totals.last() {
            Some(full) if self.runs.run_of(self.len) == self.totals.len() => {
                (Anchored::combine(&self.settled, full), Anchored::empty(self.simd))
            }
            _ => (self.settled, self.growing()),
        }
    }

    #[inline(always)]
    fn push(&mut self, row: [F<S>; D]) {
        if self.runs.run_of(self.len) == self.totals.len() {
            let (settled, growing) = self.ready();
            self.settled = settled;
            self.totals.push(growing);
        }
        self.before = (self.growing(), self.newest);
        self.len += 1;
        self.put(row);
    }

    #[inline(always)]
    fn replace_last(&mut self, row: [F<S>; D]) {
        if let Some(growing) = self.totals.last_mut() {
            (*growing, self.newest) = self.before;
        }
        self.put(row);
    }

    #[inline(always)]
    fn put(&mut self, row: [F<S>; D]) {
        let complete = complete(&row);
        if let Some(growing) = self.totals.last_mut() {
            growing.insert(row, complete);
        }
        for i in 0..D {
            self.newest[i] = complete.pick(row[i], self.newest[i]);
        }
    }

    fn clear(&mut self) {
        let empty = Anchored::empty(self.simd);
        self.len = 0;
        self.newest = empty.anchor;
        self.totals.clear();
        self.settled = empty;
    }
}

/// The block before the growing one, of which suffixes are wanted in order.
#[derive(Clone, Debug)]
struct Back<S: Simd, const D: usize, M> {
    simd: S,
    runs: Runs,
    len: usize,
    anchor: [F<S>; D],
    /// State of all rows from the start of run j on; one more, empty, at the end.
    from_run: Vec<M>,
    /// Suffixes within the run in use and the one being made, alternately: run j in `suffixes[j % 2]`.
    suffixes: [Vec<M>; 2],
    making: Making<M>,
}

/// The run whose suffixes are being made: rows `next..` of it are in `state`.
#[derive(Clone, Copy, Debug)]
struct Making<M> {
    run: usize,
    start: usize,
    next: usize,
    state: M,
}

impl<M> Making<M> {
    /// A whole run has no suffix of its own: it is one of the runs between.
    fn is_done(&self) -> bool {
        self.next <= self.start + 1
    }
}

/// Chains the totals of runs from the last one to `first`: all rows from the start of `first` on.
#[inline(always)]
fn chain<S: Simd, const D: usize, M: State<S, D>>(
    front: &Front<S, D, M>,
    first: usize,
    mut each: impl FnMut(usize, M),
) {
    let mut later = M::empty(front.simd);
    for (run, total) in front.totals.iter().enumerate().skip(first).rev() {
        let weights = Weights::of(total.state.count(), later.count());
        later = M::combine(&total.state, &later, apart(front.newest, total.anchor), weights);
        each(run, later);
    }
}

impl<S: Simd, const D: usize, M: State<S, D>> Back<S, D, M> {
    fn new(simd: S, runs: Runs, rows: usize) -> Self {
        let empty = M::empty(simd);
        let longest = runs.cap().min(rows);
        let mut from_run = Vec::with_capacity(runs.count(rows) + 1);
        from_run.push(empty);
        Self {
            simd,
            runs,
            len: 0,
            anchor: [F::splat(simd, 0.0); D],
            from_run,
            suffixes: [vec![empty; longest], vec![empty; longest]],
            making: Making { run: 0, start: 0, next: 0, state: empty },
        }
    }

    fn clear(&mut self) {
        self.len = 0;
        self.from_run.truncate(0);
        self.from_run.push(M::empty(self.simd));
    }

    /// Takes over a block that has ended.
    #[inline(always)]
    fn turn(&mut self, front: &Front<S, D, M>) {
        self.len = front.len;
        self.anchor = front.newest;
        self.from_run.clear();
        self.from_run.resize(front.totals.len() + 1, M::empty(self.simd));
        let from_run = &mut self.from_run;
        chain(front, 0, |run, state| from_run[run] = state);
        self.begin(0);
    }

    /// The first run that lies wholly in a window that begins at row `from`.
    #[inline(always)]
    fn first_whole(&self, from: usize) -> usize {
        first_whole(self.runs, self.len, self.from_run.len() - 1, from)
    }

    #[inline(always)]
    fn anchored(&self, state: M) -> Anchored<S, D, M> {
        Anchored { anchor: self.anchor, state }
    }

    #[inline(always)]
    fn begin(&mut self, run: usize) {
        let start = self.runs.start(run);
        let end = self.runs.start(run + 1).min(self.len);
        self.making = Making { run, start, next: end, state: M::empty(self.simd) };
    }

    /// Makes up to `steps` suffixes of the run after the one that holds row `from`.
    #[inline(always)]
    fn prepare(&mut self, from: usize, steps: usize, rows: impl Fn(usize) -> [F<S>; D]) {
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
        let stop = next.saturating_sub(steps).max(start + 1).min(next);
        let kept = &mut self.suffixes[run % 2];
        for i in (stop..next).rev() {
            let row = rows(i);
            state.insert_where(complete(&row), apart(row, self.anchor));
            kept[i - start] = state;
        }
        self.making = Making { run, start, next: stop, state };
    }

    /// The rows from `from` to the end of its run; none where a run begins, or past the block.
    ///
    /// Rows are asked for in order, so the run that holds `from` is ready or being made.
    #[inline(always)]
    fn suffix(&mut self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        if from < self.len {
            let run = self.runs.run_of(from);
            if self.making.run < run {
                self.begin(run);
            }
            if self.making.run == run && !self.making.is_done() {
                self.make(usize::MAX, rows);
            }
        }
        self.kept_suffix(from)
    }

    #[inline(always)]
    fn kept_suffix(&self, from: usize) -> Anchored<S, D, M> {
        let run = self.runs.run_of(from);
        let start = self.runs.start(run);
        let whole = from >= self.len || from == start;
        self.anchored(if whole { M::empty(self.simd) } else { self.suffixes[run % 2][from - start] })
    }

    /// What [`suffix`](Self::suffix) gives, without keeping anything.
    #[inline(always)]
    fn look(&self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        let run = self.runs.run_of(from);
        let ready = self.making.run == run + 1 || (self.making.run == run && self.making.is_done());
        if from >= self.len || ready {
            return self.kept_suffix(from);
        }
        self.anchored(suffix_of_run(self.simd, self.runs, self.len, from, &self.anchor, rows))
    }
}

/// The first run that begins at row `from` of a block or after it; `count` where there is none.
#[inline(always)]
fn first_whole(runs: Runs, len: usize, count: usize, from: usize) -> usize {
    if from >= len {
        return count;
    }
    let run = runs.run_of(from);
    if from == runs.start(run) { run } else { run + 1 }
}

/// The rows from `from` to the end of its run; none where a run begins.
#[inline(always)]
fn suffix_of_run<S: Simd, const D: usize, M: State<S, D>>(
    simd: S,
    runs: Runs,
    len: usize,
    from: usize,
    anchor: &[F<S>; D],
    rows: impl Fn(usize) -> [F<S>; D],
) -> M {
    let mut state = M::empty(simd);
    let run = runs.run_of(from);
    if from != runs.start(run) {
        for i in (from..runs.start(run + 1).min(len)).rev() {
            let row = rows(i);
            state.insert_where(complete(&row), apart(row, *anchor));
        }
    }
    state
}

/// A sliding window: where it begins is asked for with every row, and never moves back.
#[derive(Clone, Debug)]
pub struct TwoBlocks<S: Simd, const D: usize, M> {
    simd: S,
    front: Front<S, D, M>,
    back: Back<S, D, M>,
    /// The runs between: from that run of the back block up to that run of the front block.
    middle: Anchored<S, D, M>,
    middle_of: (usize, usize),
    current: Anchored<S, D, M>,
}

/// The runs between are not known.
const UNKNOWN: (usize, usize) = (usize::MAX, usize::MAX);

impl<S: Simd, const D: usize, M: State<S, D>> TwoBlocks<S, D, M> {
    /// No rows, and memory for blocks of `rows` rows.
    #[inline(always)]
    pub fn new(simd: S, runs: Runs, rows: usize) -> Self {
        let empty = Anchored::empty(simd);
        Self {
            simd,
            front: Front::new(simd, runs, rows),
            back: Back::new(simd, runs, rows),
            middle: empty,
            middle_of: UNKNOWN,
            current: empty,
        }
    }

    /// The window.
    #[inline(always)]
    pub fn current(&self) -> &Anchored<S, D, M> {
        &self.current
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
        self.middle_of = UNKNOWN;
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.front.clear();
        self.back.clear();
        self.middle_of = UNKNOWN;
        self.current = Anchored::empty(self.simd);
    }

    /// Appends a row to the front block, and nothing more: the window is not brought up to it.
    #[inline(always)]
    pub fn append(&mut self, row: [F<S>; D]) {
        self.front.push(row);
    }

    /// Appends a row to the front block; the window begins at row `from` of the back block, whose rows `rows`
    /// gives.
    #[inline(always)]
    pub fn push(&mut self, row: [F<S>; D], from: usize, rows: impl Fn(usize) -> [F<S>; D] + Copy) {
        self.append(row);
        self.refresh(from, rows);
        self.back.prepare(from, 2, rows);
    }

    /// Puts another row in the place of the last one. There must be one.
    #[inline(always)]
    pub fn replace_last(&mut self, row: [F<S>; D], from: usize, rows: impl Fn(usize) -> [F<S>; D]) {
        self.front.replace_last(row);
        self.refresh(from, rows);
    }

    /// Brings the window up to the rows there are.
    #[inline(always)]
    pub fn refresh(&mut self, from: usize, rows: impl Fn(usize) -> [F<S>; D]) {
        let suffix = self.back.suffix(from, rows);
        let between = (self.back.first_whole(from), self.front.totals.len());
        if self.middle_of != between {
            self.middle = self.middle(between.0, &self.front.settled);
            self.middle_of = between;
        }
        self.current = join(&suffix, &self.middle, &self.front.growing());
    }

    #[inline(always)]
    fn middle(&self, first: usize, settled: &Anchored<S, D, M>) -> Anchored<S, D, M> {
        Anchored::combine(&self.back.anchored(self.back.from_run[first]), settled)
    }

    /// The window as it would be after [`push`](Self::push).
    #[inline(always)]
    pub fn peek(&self, row: [F<S>; D], from: usize, rows: impl Fn(usize) -> [F<S>; D]) -> Anchored<S, D, M> {
        let suffix = self.back.look(from, rows);
        let (settled, mut growing) = self.front.ready();
        growing.insert(row, complete(&row));
        join(&suffix, &self.middle(self.back.first_whole(from), &settled), &growing)
    }

    /// The window as it would be after [`turn`](Self::turn) and [`push`](Self::push); `rows` gives rows of the
    /// front block.
    #[inline(always)]
    pub fn peek_turned(
        &self,
        row: [F<S>; D],
        from: usize,
        rows: impl Fn(usize) -> [F<S>; D],
    ) -> Anchored<S, D, M> {
        let Front { simd, runs, len, newest, .. } = self.front;
        let mut middle = M::empty(simd);
        let first = first_whole(runs, len, self.front.totals.len(), from);
        chain(&self.front, first, |_, state| middle = state);
        let suffix = match from {
            inside if inside < len => suffix_of_run(simd, runs, len, inside, &newest, rows),
            _ => M::empty(simd),
        };
        let [suffix, middle] = [suffix, middle].map(|state| Anchored { anchor: newest, state });
        let mut growing = Anchored::empty(simd);
        growing.insert(row, complete(&row));
        join(&suffix, &middle, &growing)
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
