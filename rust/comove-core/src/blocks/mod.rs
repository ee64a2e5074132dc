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
//! that correlations stay within 8 ulp up to windows of 50000 rows, where one sum over 10000 was off by 40. By
//! time a run is a slice of the span, however many rows it has: 8 ulp up to 500 rows a slice, 31 at 10000.
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

mod back;
mod front;

use pulp::Simd;

use self::back::{Back, Whole, suffix};
use self::front::Front;
use crate::anchored::{Anchored, complete};
use crate::lanes::F;
use crate::moments::{State, Weights};
use crate::runs::Runs;

/// A copy with the same memory set aside: what is copied allocates no later than what it was copied from.
pub(crate) fn reserved<T: Clone>(values: &Vec<T>) -> Vec<T> {
    let mut copy = Vec::with_capacity(values.capacity());
    copy.extend_from_slice(values);
    copy
}

/// Whether a window by rows can hold so many rows of its blocks, after so many that have left the back one.
pub(crate) fn fit_rows(size: usize, gone: usize, back: usize, front: usize) -> bool {
    front <= size && if back == 0 { gone == 0 } else { gone == front && front > 0 && back == size - gone }
}

/// Whether a window by rows is in its first block, so that there is nothing before its first row.
pub(crate) fn in_first_block(size: usize, back: usize, front: usize) -> bool {
    back == 0 && front < size
}

/// Where rows come from. A trait and not a closure: all of it must be inlined into the code for the processor.
pub trait Rows<S: Simd, const D: usize>: Copy {
    /// A row of a cell.
    fn row(self, row: usize, cell: usize) -> [F<S>; D];
}

/// A row of which nothing is there any more.
#[derive(Clone, Copy)]
pub struct Gone<S>(pub S);

impl<S: Simd, const D: usize> Rows<S, D> for Gone<S> {
    #[inline(always)]
    fn row(self, _row: usize, _cell: usize) -> [F<S>; D] {
        [F::splat(self.0, f64::NAN); D]
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

    /// The states that memory is taken for.
    pub fn states(self) -> usize {
        let (spacing, kept) = self.kept();
        // Two runs of suffixes and a segment; totals and tails of runs; the sets of the window.
        let a_cell = 2 * kept + (1 << spacing) + 2 * self.runs + 8;
        self.cells.saturating_mul(a_cell)
    }

    /// One in 2^spacing suffixes of a run is kept, and so many.
    fn kept(self) -> (u32, usize) {
        let mut spacing = if self.cells == 1 { 0 } else { SPACING };
        if self.longest > LONG_RUN {
            // About as many suffixes are kept as lie between two of them: the square root of a run.
            spacing = spacing.max(self.longest.ilog2() / 2);
        }
        (spacing, (self.longest >> spacing) + 1)
    }
}

/// Suffixes kept of a panel: those between, of all cells, should fit in the cache, and be quick to make.
const SPACING: u32 = 3;
/// Of longer runs not every suffix is kept, for they may be gigabytes.
const LONG_RUN: usize = 1 << 12;

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

    /// Appends a row to the front block: the first of `row`, with which a run may begin. The windows begin at row
    /// `from` of the back block, whose rows `rows` gives.
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
