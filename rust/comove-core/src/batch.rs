//! Windows by rows over whole slices: as many blocks side by side as the processor has lanes.
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

use pulp::Simd;

use crate::anchored::{Anchored, apart, complete};
use crate::error::Result;
use crate::lanes::{F, Lanes, Width, Work, prefetch};
use crate::moments::{State, Weights};
use crate::params::{Extent, Window, same_length};
use crate::runs::Runs;
use crate::series::Series;
use crate::tile::{Tile, write_rows};
use crate::window::SlidingWindow;

/// The next group is fetched ahead where it has few rows enough to stay in the cache until then.
const MOST_AHEAD: usize = 1 << 14;

/// The rows of the next group, and the places of its results. Fetched while this one is worked on, they save a third of
/// the time of a window of 30 rows, which was spent on waiting for memory.
struct Ahead<'a, T, const D: usize, const K: usize> {
    series: &'a [T; D],
    out: &'a [&'a mut [f64]; K],
    next: usize,
}

impl<T: Series, const D: usize, const K: usize> Ahead<'_, T, D, K> {
    #[inline(always)]
    fn fetch(&self, row: usize) {
        for values in self.series {
            values.prefetch(self.next + row);
        }
        for values in self.out {
            prefetch(values, self.next + row);
        }
    }
}

/// What is kept of a window over `D` series, and the `K` numbers that are read from it.
pub trait Estimator<const D: usize, const K: usize>: Copy {
    /// What is kept.
    type State<S: Simd>: State<S, D>;

    /// The readings of a window; NaN where not defined.
    fn read<S: Simd>(&self, window: &Anchored<S, D, Self::State<S>>, min_samples: F<S>) -> [F<S>; K];
}

/// Writes the readings of every row's window to `out`, one slice a reading.
///
/// `times` are needed for a window by time only.
///
/// # Errors
/// Slices of different lengths; times that run backwards.
pub fn rolling<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    out: [&mut [f64]; K],
) -> Result<()> {
    rolling_with(Lanes::from_environment()?, estimator, window, series, times, out)
}

/// [`rolling`] with the lanes given.
///
/// # Errors
/// As [`rolling`].
pub fn rolling_with<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    lanes: Lanes,
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    out: [&mut [f64]; K],
) -> Result<()> {
    let n = series[0].len();
    for values in &series[1..] {
        same_length("benchmark", values.len(), n)?;
    }
    for values in &out {
        same_length("out", values.len(), n)?;
    }
    let min_samples = window.min_samples() as f64;
    match window.extent() {
        Extent::Rows(size) => {
            let runs = Runs::of_length(size);
            // A window longer than the data never ends a block: memory for the data is enough.
            let size = size.min(n.max(1));
            let few = n.div_ceil(size) * 2 <= lanes.width();
            let lanes = if few { Lanes::One } else { lanes };
            lanes.run(ByRows { estimator, size, runs, min_samples, series, out });
            Ok(())
        }
        Extent::Span(_) => by_span(estimator, window, series, times, out),
    }
}

fn by_span<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    mut out: [&mut [f64]; K],
) -> Result<()> {
    let n = series[0].len();
    same_length("by", times.len(), n)?;
    let min_samples = F::splat(pulp::Scalar, window.min_samples() as f64);
    let mut sliding = SlidingWindow::<D, E::State<pulp::Scalar>>::new(*window, None)?;
    for (row, &ts) in times.iter().enumerate() {
        sliding
            .push(core::array::from_fn(|i| series[i].at(row)), ts)
            .map_err(|error| error.at_row(row).of_times("by"))?;
        let readings = estimator.read(sliding.current(), min_samples);
        for (slice, reading) in out.iter_mut().zip(readings) {
            slice[row] = reading.first();
        }
    }
    Ok(())
}

struct ByRows<'a, E, T, const D: usize, const K: usize> {
    estimator: E,
    size: usize,
    runs: Runs,
    min_samples: f64,
    series: [T; D],
    out: [&'a mut [f64]; K],
}

impl<E: Estimator<D, K>, T: Series, const D: usize, const K: usize> Work for ByRows<'_, E, T, D, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let blocks = self.series[0].len().div_ceil(self.size);
        let mut group = Group::<S, E, D, K>::new(simd, &self);
        let mut out = self.out;
        for first in (0..blocks).step_by(S::F64_LANES) {
            if group.load(&self.series, first) {
                group.run::<T, true>(first, &self.series, &mut out);
            } else {
                group.run::<T, false>(first, &self.series, &mut out);
            }
        }
    }
}

/// The work on `lanes` blocks at a time, and its memory.
struct Group<S: Width, E: Estimator<D, K>, const D: usize, const K: usize> {
    simd: S,
    estimator: E,
    size: usize,
    runs: Runs,
    min_samples: F<S>,
    /// 1 / n at n.
    reciprocals: Vec<f64>,
    rows: [Tile<S>; D],
    from_run: Vec<E::State<S>>,
    suffixes: Vec<E::State<S>>,
    /// Results of one run of rows.
    results: [Vec<S::f64s>; K],
}

impl<S: Width, E: Estimator<D, K>, const D: usize, const K: usize> Group<S, E, D, K> {
    #[inline(always)]
    fn new<T: Series>(simd: S, work: &ByRows<'_, E, T, D, K>) -> Self {
        let (size, runs) = (work.size, work.runs);
        let longest = runs.cap().min(size);
        let empty = E::State::<S>::empty(simd);
        Self {
            simd,
            estimator: work.estimator,
            size,
            runs,
            min_samples: F::splat(simd, work.min_samples),
            reciprocals: (0..=size).map(|n| 1.0 / n.max(1) as f64).collect(),
            rows: core::array::from_fn(|_| Tile::new(size)),
            from_run: vec![empty; runs.count(size) + 1],
            suffixes: vec![empty; longest],
            results: core::array::from_fn(|_| vec![simd.splat_f64s(0.0); longest]),
        }
    }

    /// Lays the blocks side by side; says whether all rows are there and complete.
    #[inline(always)]
    fn load(&mut self, series: &[impl Series; D], first: usize) -> bool {
        let mut whole = true;
        for (&values, tile) in series.iter().zip(&mut self.rows) {
            whole &= tile.load(self.simd, values, first);
        }
        whole
    }

    #[inline(always)]
    fn back_row(&self, row: usize) -> [F<S>; D] {
        core::array::from_fn(|i| self.rows[i].back(self.simd, row))
    }

    #[inline(always)]
    fn front_row(&self, row: usize) -> [F<S>; D] {
        core::array::from_fn(|i| self.rows[i].front(self.simd, row))
    }

    #[inline(always)]
    fn end(&self, run: usize) -> usize {
        self.runs.start(run + 1).min(self.size)
    }

    /// `WHOLE`: every row of the group is complete.
    #[inline(always)]
    fn run<T: Series, const WHOLE: bool>(
        &mut self,
        first: usize,
        series: &[T; D],
        out: &mut [&mut [f64]; K],
    ) {
        let anchor = self.combine_runs::<WHOLE>();
        let mut settled = None;
        for run in 0..self.from_run.len() - 1 {
            self.make_suffixes::<WHOLE>(run, &anchor);
            let (start, end) = (self.runs.start(run), self.end(run));
            let middle = self.middle::<WHOLE>(run, anchor, settled);
            let ahead = Ahead { series, out, next: (first + S::F64_LANES) * self.size };
            let nothing = Anchored::empty(self.simd);
            let growing = match &middle {
                Some(middle) => self.rows_of_run::<T, WHOLE, true>(start, end, anchor, middle, &ahead),
                None => self.rows_of_run::<T, WHOLE, false>(start, end, anchor, &nothing, &ahead),
            };
            settled = Some(match settled {
                Some(settled) => self.combine::<WHOLE>(&settled, &growing, start, end - start),
                None => growing,
            });
            for (results, out) in self.results.iter().zip(&mut *out) {
                write_rows(self.simd, &results[..end - start], out, first * self.size + start, self.size);
            }
        }
    }

    /// Reads the windows that end in rows `start..end` of the front blocks; gives the total of those rows.
    ///
    /// `MIDDLE`: there are runs between.
    #[inline(always)]
    fn rows_of_run<T: Series, const WHOLE: bool, const MIDDLE: bool>(
        &mut self,
        start: usize,
        end: usize,
        anchor: [F<S>; D],
        middle: &Anchored<S, D, E::State<S>>,
        ahead: &Ahead<'_, T, D, K>,
    ) -> Anchored<S, D, E::State<S>> {
        // As many rows of a series as fit into a line of the cache: one line of the next group a row of this one.
        let few = self.size * S::F64_LANES <= MOST_AHEAD;
        let middle = *middle;
        let mut growing = Anchored::<S, D, E::State<S>>::empty(self.simd);
        if WHOLE {
            growing.anchor = self.front_row(start);
        }
        let length = end - start;
        let between = self.size - length;
        for place in 0..length {
            let grown = place + 1;
            if few {
                ahead.fetch((start + place) * S::F64_LANES);
            }
            self.take_in::<WHOLE>(&mut growing, self.front_row(start + place), grown);
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
    fn combine_runs<const WHOLE: bool>(&mut self) -> [F<S>; D] {
        let count = self.from_run.len() - 1;
        let empty = E::State::<S>::empty(self.simd);
        let newest = self.newest::<WHOLE>();
        self.from_run[count] = empty;
        // The window never holds the whole back block, so the first run's total is not needed.
        for run in (1..count).rev() {
            let (start, end) = (self.runs.start(run), self.end(run));
            let mut total = Anchored { anchor: [F::splat(self.simd, 0.0); D], state: empty };
            if WHOLE {
                total.anchor = self.back_row(start);
            }
            for r in start..end {
                self.take_in::<WHOLE>(&mut total, self.back_row(r), r - start + 1);
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
    fn newest<const WHOLE: bool>(&self) -> [F<S>; D] {
        if WHOLE {
            return self.back_row(self.size - 1);
        }
        let mut newest = [F::splat(self.simd, 0.0); D];
        for r in 0..self.size {
            let row = self.back_row(r);
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
    fn make_suffixes<const WHOLE: bool>(&mut self, run: usize, anchor: &[F<S>; D]) {
        let (start, end) = (self.runs.start(run), self.end(run));
        let mut state = E::State::<S>::empty(self.simd);
        for r in (start + 1..end).rev() {
            let row = self.back_row(r);
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
