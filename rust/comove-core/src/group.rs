//! The work on as many blocks at a time as the processor has lanes.
//!
//! Lane l works on block l of a group as the front block, and on the block before it as the back block.
//! Per lane the operations and their order are those of [`crate::window::SlidingWindow`], so the bits are.
//!
//! Where a group has no incomplete row, all lanes hold the same counts: their reciprocals are computed
//! once instead of in every lane, and no row has to be masked. Both ways give the same bits, because
//! 1/n is correctly rounded in either.
//!
//! # Complexity
//! A row costs two insertions, one combination and the readings; where a block has several runs, three and two,
//! and a few combinations a run. Memory: `lanes + 1` blocks of input, one run of suffixes and of results.

use crate::anchored::{Anchored, apart, complete};
use crate::batch::Estimator;
use crate::lanes::{F, Width};
use crate::moments::{State, Weights};
use crate::runs::Runs;

/// The rows of the back and the front blocks, block by block in the lanes. A trait and not a closure: all of it must be
/// inlined into the code for the processor.
pub(crate) trait Sides<S: Width, const D: usize>: Copy {
    /// A row of the back blocks.
    fn back(self, row: usize) -> [F<S>; D];
    /// A row of the front blocks.
    fn front(self, row: usize) -> [F<S>; D];
}

/// Where the results go.
pub(crate) trait Sink<S: Width, const K: usize> {
    /// Asks for memory that will be needed soon; called with every row.
    fn ahead(&self, row: usize);
    /// Takes the readings of `rows` rows of every block, of which `start` is the first.
    fn write(&mut self, simd: S, start: usize, rows: usize, results: &[Vec<S::f64s>; K]);
}

/// The work on `lanes` blocks at a time, and its memory.
pub(crate) struct Group<S: Width, E: Estimator<D, K>, const D: usize, const K: usize> {
    simd: S,
    estimator: E,
    size: usize,
    runs: Runs,
    min_samples: F<S>,
    /// 1 / n at n.
    reciprocals: Vec<f64>,
    from_run: Vec<E::State<S>>,
    suffixes: Vec<E::State<S>>,
    /// Results of one run of rows.
    results: [Vec<S::f64s>; K],
}

impl<S: Width, E: Estimator<D, K>, const D: usize, const K: usize> Group<S, E, D, K> {
    #[inline(always)]
    pub(crate) fn new(simd: S, estimator: E, size: usize, runs: Runs, min_samples: f64) -> Self {
        let longest = runs.cap().min(size);
        let empty = E::State::<S>::empty(simd);
        Self {
            simd,
            estimator,
            size,
            runs,
            min_samples: F::splat(simd, min_samples),
            reciprocals: (0..=size).map(|n| 1.0 / n.max(1) as f64).collect(),
            from_run: vec![empty; runs.count(size) + 1],
            suffixes: vec![empty; longest],
            results: core::array::from_fn(|_| vec![simd.splat_f64s(0.0); longest]),
        }
    }

    #[inline(always)]
    fn end(&self, run: usize) -> usize {
        self.runs.start(run + 1).min(self.size)
    }

    /// `WHOLE`: every row of the group is complete.
    #[inline(always)]
    pub(crate) fn run<P: Sides<S, D>, O: Sink<S, K>, const WHOLE: bool>(&mut self, sides: P, out: &mut O) {
        let anchor = self.combine_runs::<P, WHOLE>(sides);
        let mut settled = None;
        for run in 0..self.from_run.len() - 1 {
            self.make_suffixes::<P, WHOLE>(sides, run, &anchor);
            let (start, end) = (self.runs.start(run), self.end(run));
            let middle = self.middle::<WHOLE>(run, anchor, settled);
            let nothing = Anchored::empty(self.simd);
            let growing = match &middle {
                Some(middle) => self.rows_of_run::<P, O, WHOLE, true>(sides, start, end, anchor, middle, out),
                None => self.rows_of_run::<P, O, WHOLE, false>(sides, start, end, anchor, &nothing, out),
            };
            settled = Some(match settled {
                Some(settled) => self.combine::<WHOLE>(&settled, &growing, start, end - start),
                None => growing,
            });
            out.write(self.simd, start, end - start, &self.results);
        }
    }

    /// Reads the windows that end in rows `start..end` of the front blocks; gives the total of those rows.
    ///
    /// `MIDDLE`: there are runs between.
    #[inline(always)]
    fn rows_of_run<P: Sides<S, D>, O: Sink<S, K>, const WHOLE: bool, const MIDDLE: bool>(
        &mut self,
        sides: P,
        start: usize,
        end: usize,
        anchor: [F<S>; D],
        middle: &Anchored<S, D, E::State<S>>,
        out: &O,
    ) -> Anchored<S, D, E::State<S>> {
        let middle = *middle;
        let mut growing = Anchored::<S, D, E::State<S>>::empty(self.simd);
        if WHOLE {
            growing.anchor = sides.front(start);
        }
        let length = end - start;
        let between = self.size - length;
        for place in 0..length {
            let grown = place + 1;
            out.ahead(start + place);
            self.take_in::<WHOLE>(&mut growing, sides.front(start + place), grown);
            // The window that ends in front row p begins in back row p + 1, and takes that run's suffix from
            // there: none at the end of the run.
            let mut window = growing;
            if grown < length {
                let mut begun = Anchored { anchor, state: self.suffixes[place] };
                if MIDDLE {
                    begun = self.combine::<WHOLE>(&begun, &middle, length - grown, between);
                }
                window = self.combine::<WHOLE>(&begun, &growing, self.size - grown, grown);
            } else if MIDDLE {
                window = self.combine::<WHOLE>(&middle, &growing, between, grown);
            }
            let readings = self.estimator.read(&window, self.min_samples);
            for (results, reading) in self.results.iter_mut().zip(readings) {
                results[place] = reading.raw();
            }
        }
        growing
    }

    /// The runs between: those after `run` of the back block and those before it of the front block, if any.
    #[inline(always)]
    fn middle<const WHOLE: bool>(
        &self,
        run: usize,
        anchor: [F<S>; D],
        settled: Option<Anchored<S, D, E::State<S>>>,
    ) -> Option<Anchored<S, D, E::State<S>>> {
        if run + 2 == self.from_run.len() {
            return settled;
        }
        let later = Anchored { anchor, state: self.from_run[run + 1] };
        Some(match settled {
            Some(settled) => {
                let (behind, before) = (self.size - self.end(run), self.runs.start(run));
                self.combine::<WHOLE>(&later, &settled, behind, before)
            }
            None => later,
        })
    }

    /// The rows of both, which number `na` and `nb` where whole.
    #[inline(always)]
    fn combine<const WHOLE: bool>(
        &self,
        a: &Anchored<S, D, E::State<S>>,
        b: &Anchored<S, D, E::State<S>>,
        na: usize,
        nb: usize,
    ) -> Anchored<S, D, E::State<S>> {
        if WHOLE { Anchored::combine_present(a, b, self.weights(na, nb)) } else { Anchored::combine(a, b) }
    }

    /// State of all back rows from the start of each run on; gives their anchor, the newest row.
    #[inline(always)]
    fn combine_runs<P: Sides<S, D>, const WHOLE: bool>(&mut self, sides: P) -> [F<S>; D] {
        let count = self.from_run.len() - 1;
        let empty = E::State::<S>::empty(self.simd);
        let newest = self.newest::<P, WHOLE>(sides);
        self.from_run[count] = empty;
        // The window never holds the whole back block, so the first run's total is not needed.
        for run in (1..count).rev() {
            let (start, end) = (self.runs.start(run), self.end(run));
            let mut total = Anchored { anchor: [F::splat(self.simd, 0.0); D], state: empty };
            if WHOLE {
                total.anchor = sides.back(start);
            }
            for r in start..end {
                self.take_in::<WHOLE>(&mut total, sides.back(r), r - start + 1);
            }
            let later = self.from_run[run + 1];
            let weights = if WHOLE {
                self.weights(end - start, self.size - end)
            } else {
                Weights::of(total.state.count(), later.count())
            };
            let apart = apart(newest, total.anchor);
            self.from_run[run] = E::State::<S>::combine(&total.state, &later, apart, weights);
        }
        newest
    }

    /// The newest complete row of the back block.
    #[inline(always)]
    fn newest<P: Sides<S, D>, const WHOLE: bool>(&self, sides: P) -> [F<S>; D] {
        if WHOLE {
            return sides.back(self.size - 1);
        }
        let mut newest = [F::splat(self.simd, 0.0); D];
        for r in 0..self.size {
            let row = sides.back(r);
            let complete = complete(&row);
            for i in 0..D {
                newest[i] = complete.pick(row[i], newest[i]);
            }
        }
        newest
    }

    /// Takes a row into a set that then holds `n` rows, where whole.
    #[inline(always)]
    fn take_in<const WHOLE: bool>(&self, set: &mut Anchored<S, D, E::State<S>>, row: [F<S>; D], n: usize) {
        if WHOLE {
            set.state.insert(self.simd, self.reciprocals[n], apart(row, set.anchor));
        } else {
            set.insert(row, complete(&row));
        }
    }

    /// [`Weights::of`] for counts that all lanes share.
    #[inline(always)]
    fn weights(&self, na: usize, nb: usize) -> Weights<S> {
        Weights::uniform(self.simd, na as f64, nb as f64, self.reciprocals[na + nb])
    }

    /// The suffixes within `run`, the one without its first i + 1 rows at place i.
    #[inline(always)]
    fn make_suffixes<P: Sides<S, D>, const WHOLE: bool>(&mut self, sides: P, run: usize, anchor: &[F<S>; D]) {
        let (start, end) = (self.runs.start(run), self.end(run));
        let mut state = E::State::<S>::empty(self.simd);
        for r in (start + 1..end).rev() {
            let row = sides.back(r);
            let from_anchor = apart(row, *anchor);
            if WHOLE {
                state.insert(self.simd, self.reciprocals[end - r], from_anchor);
            } else {
                state.insert_where(complete(&row), from_anchor);
            }
            self.suffixes[r - start - 1] = state;
        }
    }
}
