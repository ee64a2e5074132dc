//! The front block: rows come in, the totals of its runs grow.

use pulp::Simd;

use super::{Shape, reserved};
use crate::anchored::{Anchored, apart, complete};
use crate::lanes::F;
use crate::moments::{State, Weights};

/// The growing run of every cell.
#[derive(Clone, Debug)]
pub(super) struct Growing<S: Simd, const D: usize, M> {
    pub(super) totals: Vec<Anchored<S, D, M>>,
    /// The newest complete row of the block.
    pub(super) newest: Vec<[F<S>; D]>,
    /// Rows since the last one that was incomplete in any lane.
    pub(super) whole: Vec<usize>,
}

impl<S: Simd, const D: usize, M: State<S, D>> Growing<S, D, M> {
    fn new(simd: S, cells: usize) -> Self {
        let empty = Anchored::empty(simd);
        Self { totals: vec![empty; cells], newest: vec![empty.anchor; cells], whole: vec![0; cells] }
    }
}

/// The block that grows.
#[derive(Debug)]
pub(super) struct Front<S: Simd, const D: usize, M> {
    simd: S,
    cells: usize,
    pub(super) len: usize,
    /// First rows of the runs, the growing one last.
    pub(super) starts: Vec<usize>,
    /// Before the last row and after it: the last row can be replaced.
    pub(super) before: Growing<S, D, M>,
    pub(super) growing: Growing<S, D, M>,
    /// Totals of the full runs, run by run.
    totals: Vec<Anchored<S, D, M>>,
    /// All full runs.
    pub(super) settled: Vec<Anchored<S, D, M>>,
}

impl<S: Simd, const D: usize, M: Clone> Clone for Front<S, D, M> {
    fn clone(&self) -> Self {
        Self {
            starts: reserved(&self.starts),
            before: self.before.clone(),
            growing: self.growing.clone(),
            totals: reserved(&self.totals),
            settled: self.settled.clone(),
            ..*self
        }
    }
}

impl<S: Simd, const D: usize, M: State<S, D>> Front<S, D, M> {
    pub(super) fn new(simd: S, shape: Shape) -> Self {
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
    pub(super) fn grown(&self) -> usize {
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
    pub(super) fn begin_row(&mut self, begins: bool) {
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
    pub(super) fn put(&mut self, cell: usize, row: [F<S>; D], grown: usize, reciprocal: f64) {
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
    pub(super) fn clear(&mut self) {
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
    pub(super) fn chain(&self, cell: usize, first: usize, mut each: impl FnMut(usize, M)) {
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
