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
//! A row costs three insertions, one combination and the readings; 1 / `window_size` of a combination a
//! run. Memory: `lanes + 1` blocks of input, one run of suffixes and of results.

use pulp::{Simd, WithSimd};

use crate::blocks::{Anchored, Runs, apart, complete};
use crate::error::Result;
use crate::lanes::{F, Lanes};
use crate::moments::{State, Weights};
use crate::params::{Extent, Window, same_length};
use crate::window::SlidingWindow;

/// What is kept of a window over `D` series, and the `K` numbers that are read from it.
pub trait Estimator<const D: usize, const K: usize>: Copy {
    /// What is kept.
    type State<S: Simd>: State<S, D>;

    /// The readings of a window; NaN where not defined.
    fn read<S: Simd>(
        &self,
        window: &Anchored<S, D, Self::State<S>>,
        min_samples: F<S>,
    ) -> [F<S>; K];
}

/// Writes the readings of every row's window to `out`, one slice a reading.
///
/// `times` are needed for a window by time only.
///
/// # Errors
/// Slices of different lengths; times that run backwards.
pub fn rolling<E: Estimator<D, K>, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [&[f64]; D],
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
            let lanes = Lanes::from_environment()?;
            // A window longer than the data never ends a block: shorter blocks would only add memory.
            let size = size.min(n.max(1));
            let few = n.div_ceil(size) * 2 <= lanes.width();
            let lanes = if few { Lanes::One } else { lanes };
            lanes.run(ByRows { estimator, size, min_samples, series, out });
            Ok(())
        }
        Extent::Span(_) => by_span(estimator, window, series, times, out),
    }
}

fn by_span<E: Estimator<D, K>, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [&[f64]; D],
    times: &[i64],
    mut out: [&mut [f64]; K],
) -> Result<()> {
    let n = series[0].len();
    same_length("ts", times.len(), n)?;
    let min_samples = F::splat(pulp::Scalar, window.min_samples() as f64);
    let mut sliding = SlidingWindow::<D, E::State<pulp::Scalar>>::new(*window, None)?;
    for (row, &ts) in times.iter().enumerate() {
        sliding
            .push(core::array::from_fn(|i| series[i][row]), ts)
            .map_err(|error| error.at_row(row))?;
        let readings = estimator.read(sliding.current(), min_samples);
        for (slice, reading) in out.iter_mut().zip(readings) {
            slice[row] = reading.first();
        }
    }
    Ok(())
}

struct ByRows<'a, E, const D: usize, const K: usize> {
    estimator: E,
    size: usize,
    min_samples: f64,
    series: [&'a [f64]; D],
    out: [&'a mut [f64]; K],
}

impl<E: Estimator<D, K>, const D: usize, const K: usize> WithSimd for ByRows<'_, E, D, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F64_LANES;
        let blocks = self.series[0].len().div_ceil(self.size);
        let mut group = Group::<S, E, D, K>::new(simd, &self);
        let mut out = self.out;
        for first in (0..blocks).step_by(lanes) {
            let whole = group.load(&self.series, first);
            if whole {
                group.run::<true>(first, &mut out);
            } else {
                group.run::<false>(first, &mut out);
            }
        }
    }
}

/// The work on `lanes` blocks at a time, and its memory.
struct Group<S: Simd, E: Estimator<D, K>, const D: usize, const K: usize> {
    simd: S,
    estimator: E,
    size: usize,
    runs: Runs,
    min_samples: F<S>,
    /// Row r of block t stands at `r * (lanes + 1) + t`; block 0 is the one before the group's first.
    rows: [Vec<f64>; D],
    from_run: Vec<E::State<S>>,
    totals: Vec<Anchored<S, D, E::State<S>>>,
    suffixes: Vec<E::State<S>>,
    /// Results of one run, row r of lane l at `r * lanes + l`.
    results: [Vec<f64>; K],
}

impl<S: Simd, E: Estimator<D, K>, const D: usize, const K: usize> Group<S, E, D, K> {
    #[inline(always)]
    fn new(simd: S, work: &ByRows<'_, E, D, K>) -> Self {
        let size = work.size;
        let runs = Runs::of_length(size);
        let count = runs.count(size);
        let longest = runs.cap().min(size);
        let empty = E::State::<S>::empty(simd);
        Self {
            simd,
            estimator: work.estimator,
            size,
            runs,
            min_samples: F::splat(simd, work.min_samples),
            rows: core::array::from_fn(|_| vec![0.0; size * (S::F64_LANES + 1)]),
            from_run: vec![empty; count + 1],
            totals: vec![Anchored::empty(simd); count],
            suffixes: vec![empty; longest],
            results: core::array::from_fn(|_| vec![0.0; longest * S::F64_LANES]),
        }
    }

    /// Lays the blocks side by side; says whether all rows are there and complete.
    #[inline(always)]
    fn load(&mut self, series: &[&[f64]; D], first: usize) -> bool {
        let (lanes, size) = (S::F64_LANES, self.size);
        let n = series[0].len();
        let mut whole = first > 0 && (first + lanes) * size <= n;
        for (values, rows) in series.iter().zip(&mut self.rows) {
            for t in 0..=lanes {
                // Block `first - 1 + t`, as far as there is one.
                let start = ((first + t) * size).saturating_sub(size);
                let length = if first + t == 0 { 0 } else { n.saturating_sub(start).min(size) };
                let block = &values[start.min(n)..start.min(n) + length];
                whole &= all_finite(self.simd, block);
                let mut places = rows[t..].iter_mut().step_by(lanes + 1);
                for (place, &value) in places.by_ref().zip(block) {
                    *place = value;
                }
                if length < size {
                    for place in rows[t..].iter_mut().step_by(lanes + 1).skip(length) {
                        *place = f64::NAN;
                    }
                }
            }
        }
        whole
    }

    #[inline(always)]
    fn back_row(&self, row: usize) -> [F<S>; D] {
        let at = row * (S::F64_LANES + 1);
        core::array::from_fn(|i| F::load(self.simd, &self.rows[i][at..]))
    }

    #[inline(always)]
    fn front_row(&self, row: usize) -> [F<S>; D] {
        let at = row * (S::F64_LANES + 1) + 1;
        core::array::from_fn(|i| F::load(self.simd, &self.rows[i][at..]))
    }

    #[inline(always)]
    fn end(&self, run: usize) -> usize {
        self.runs.start(run + 1).min(self.size)
    }

    /// `WHOLE`: every row of the group is complete.
    #[inline(always)]
    fn run<const WHOLE: bool>(&mut self, first: usize, out: &mut [&mut [f64]; K]) {
        let anchor = self.combine_runs::<WHOLE>();
        let mut front = Anchored::<S, D, E::State<S>>::empty(self.simd);
        if WHOLE {
            front.anchor = self.front_row(0);
        }
        let count = self.from_run.len() - 1;
        for run in 0..count {
            self.make_suffixes::<WHOLE>(run, &anchor);
            // The window that ends in front row p begins in back row p + 1.
            let from = self.runs.start(run).max(1);
            let end = self.end(run);
            for begin in from..end {
                let suffix = self.suffixes[begin - self.runs.start(run)];
                let suffix = Anchored { anchor, state: suffix };
                self.step::<WHOLE>(begin - 1, &suffix, &mut front, begin - from);
            }
            self.write(first, from - 1, end - from, out);
        }
        let nothing = Anchored { anchor, state: E::State::<S>::empty(self.simd) };
        self.step::<WHOLE>(self.size - 1, &nothing, &mut front, 0);
        self.write(first, self.size - 1, 1, out);
    }

    /// State of all back rows from the start of each run on; gives their anchor, the newest row.
    #[inline(always)]
    fn combine_runs<const WHOLE: bool>(&mut self) -> [F<S>; D] {
        let count = self.from_run.len() - 1;
        let mut newest = if WHOLE {
            self.back_row(self.size - 1)
        } else {
            [F::splat(self.simd, 0.0); D]
        };
        // The window never holds the whole back block: the first run's total is needed for its rows only.
        for run in usize::from(WHOLE)..count {
            let start = self.runs.start(run);
            let mut total = Anchored::<S, D, E::State<S>>::empty(self.simd);
            if WHOLE {
                total.anchor = self.back_row(start);
            }
            for r in start..self.end(run) {
                let row = self.back_row(r);
                if WHOLE {
                    let held = (r - start + 1) as f64;
                    total.state.insert(self.simd, held, apart(row, total.anchor));
                } else {
                    let complete = complete(&row);
                    total.insert(row, complete);
                    for i in 0..D {
                        newest[i] = complete.pick(row[i], newest[i]);
                    }
                }
            }
            self.totals[run] = total;
        }
        self.from_run[count] = E::State::<S>::empty(self.simd);
        for run in (1..count).rev() {
            let (total, later) = (self.totals[run], self.from_run[run + 1]);
            let weights = if WHOLE {
                let (start, end) = (self.runs.start(run), self.end(run));
                Weights::uniform(self.simd, (end - start) as f64, (self.size - end) as f64)
            } else {
                Weights::of(total.state.count(), later.count())
            };
            let apart = apart(newest, total.anchor);
            self.from_run[run] = E::State::<S>::combine(&total.state, &later, apart, weights);
        }
        newest
    }

    /// The suffixes that begin in `run`.
    #[inline(always)]
    fn make_suffixes<const WHOLE: bool>(&mut self, run: usize, anchor: &[F<S>; D]) {
        let start = self.runs.start(run);
        let mut state = self.from_run[run + 1];
        for r in (start..self.end(run)).rev() {
            let row = self.back_row(r);
            let from_anchor = apart(row, *anchor);
            if WHOLE {
                state.insert(self.simd, (self.size - r) as f64, from_anchor);
            } else {
                state.insert_where(complete(&row), from_anchor);
            }
            self.suffixes[r - start] = state;
        }
    }

    /// Takes front row `p` in and reads the window that ends there.
    #[inline(always)]
    fn step<const WHOLE: bool>(
        &mut self,
        p: usize,
        suffix: &Anchored<S, D, E::State<S>>,
        front: &mut Anchored<S, D, E::State<S>>,
        result: usize,
    ) {
        let row = self.front_row(p);
        let window = if WHOLE {
            let held = (p + 1) as f64;
            front.state.insert(self.simd, held, apart(row, front.anchor));
            let weights = Weights::uniform(self.simd, (self.size - 1 - p) as f64, held);
            let apart = apart(front.anchor, suffix.anchor);
            let state = E::State::<S>::combine(&suffix.state, &front.state, apart, weights);
            Anchored { anchor: front.anchor, state }
        } else {
            front.insert(row, complete(&row));
            Anchored::combine(suffix, front)
        };
        let readings = self.estimator.read(&window, self.min_samples);
        for (results, reading) in self.results.iter_mut().zip(readings) {
            reading.store(&mut results[result * S::F64_LANES..]);
        }
    }

    /// Puts the results of front rows `row .. row + count` where they belong.
    #[inline(always)]
    fn write(&self, first: usize, row: usize, count: usize, out: &mut [&mut [f64]; K]) {
        let lanes = S::F64_LANES;
        for (results, out) in self.results.iter().zip(out) {
            for lane in 0..lanes {
                let start = ((first + lane) * self.size + row).min(out.len());
                let end = (start + count).min(out.len());
                let values = results[lane..].iter().step_by(lanes);
                for (place, &value) in out[start..end].iter_mut().zip(values) {
                    *place = value;
                }
            }
        }
    }
}

/// Whether no value is NaN or infinite.
#[inline(always)]
fn all_finite<S: Simd>(simd: S, values: &[f64]) -> bool {
    let mut chunks = values.chunks_exact(S::F64_LANES);
    let mut sum = F::splat(simd, 0.0);
    for chunk in chunks.by_ref() {
        let value = F::load(simd, chunk);
        // 0 for a finite value, NaN otherwise, and NaN stays.
        sum = sum + (value - value);
    }
    !sum.is_finite().not().any() && chunks.remainder().iter().all(|v| v.is_finite())
}
