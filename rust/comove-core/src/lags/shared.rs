//! All lags of a group of blocks without a missing value, what they share worked out once.
//!
//! Of the pairs at lags k <= 0 one side is the asset's row itself, at every lag; of those at k > 0 it is the leader's.
//! That is the *near* side, the other one, from k rows ago, the *far* side. The near side goes through the windows once and writes
//! a *tape*: what each insertion, combination and reading needs of it. Then each lag goes through the same windows with
//! its far side and reads the tape. The operations and their order are those of [`crate::group::Group`], so the bits
//! are; a lag costs two thirds of what it would cost alone.

use super::tape::{Aligned, Asset, Leader, Near, Pass, Record, Replay};
use crate::lanes::{F, Width};
use crate::runs::Runs;
use crate::tile::Tile;

/// What is kept of a suffix, whose anchor all of them share.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Suffix<S: Width> {
    mean: S::f64s,
    square: S::f64s,
    cross: S::f64s,
}

/// A set of rows of one side, and its products with the near one.
#[derive(Clone, Copy)]
struct Set<S: Width> {
    anchor: F<S>,
    mean: F<S>,
    square: F<S>,
    cross: F<S>,
}

/// 1 / n and 1 - 1/n of an insertion, or the share and the weight of the cross term of a combination; see [`crate::moments`].
#[derive(Clone, Copy, Default)]
struct Factors {
    first: f64,
    second: f64,
}

impl Factors {
    fn insertion(n: usize) -> Self {
        let reciprocal = 1.0 / n as f64;
        Self { first: reciprocal, second: 1.0 - reciprocal }
    }

    fn combination(na: usize, nb: usize) -> Self {
        let share = na as f64 * (1.0 / (na + nb).max(1) as f64);
        Self { first: share, second: share * nb as f64 }
    }
}

/// The factors of a row of a run.
#[derive(Clone, Copy, Default)]
struct Steps {
    suffix: Factors,
    growing: Factors,
    to_middle: Factors,
    to_growing: Factors,
}

impl<S: Width> Set<S> {
    #[inline(always)]
    fn empty(anchor: F<S>) -> Self {
        let zero = anchor.like(0.0);
        Self { anchor, mean: zero, square: zero, cross: zero }
    }

    #[inline(always)]
    fn suffix(self) -> Suffix<S> {
        Suffix { mean: self.mean.raw(), square: self.square.raw(), cross: self.cross.raw() }
    }

    #[inline(always)]
    fn of(simd: S, anchor: F<S>, suffix: Suffix<S>) -> Self {
        let Suffix { mean, square, cross } = suffix;
        Self {
            anchor,
            mean: F::from_raw(simd, mean),
            square: F::from_raw(simd, square),
            cross: F::from_raw(simd, cross),
        }
    }

    /// With one more row.
    #[inline(always)]
    fn with<P: Pass<S>>(self, row: F<S>, factors: Factors, pass: &mut P) -> Self {
        let (reciprocal, shrink) = (row.like(factors.first), row.like(factors.second));
        let Self { anchor, mean, square, cross } = self;
        let deviation = (row - anchor) - mean;
        let shrunk = deviation * shrink;
        Self {
            anchor,
            mean: mean + deviation * reciprocal,
            square: square + shrunk * deviation,
            cross: cross + pass.inserted(deviation, shrunk),
        }
    }

    /// The rows of both, relative to the later one's anchor.
    #[inline(always)]
    fn combine<P: Pass<S>>(earlier: Self, later: Self, factors: Factors, pass: &mut P) -> Self {
        let (share, weight) = (later.mean.like(factors.first), later.mean.like(factors.second));
        let apart = (later.anchor - earlier.anchor) + (later.mean - earlier.mean);
        let weighted = apart * weight;
        Self {
            anchor: later.anchor,
            mean: later.mean - apart * share,
            square: (earlier.square + later.square) + weighted * apart,
            cross: (earlier.cross + later.cross) + pass.combined(apart, weighted),
        }
    }
}

/// One side's rows, so many rows behind those of the block.
#[derive(Clone, Copy)]
struct Side<'a, S: Width> {
    simd: S,
    tile: &'a Tile<S>,
    first: usize,
}

impl<S: Width> Side<'_, S> {
    #[inline(always)]
    fn back(self, row: usize) -> F<S> {
        self.tile.back(self.simd, self.first + row)
    }

    #[inline(always)]
    fn front(self, row: usize) -> F<S> {
        self.tile.front(self.simd, self.first + row)
    }
}

/// Where the correlations of one lag go: every `width`-th place.
struct Column<'a, S: Width> {
    results: &'a mut [Aligned<S::f64s>],
    place: usize,
    width: usize,
}

impl<S: Width> Column<'_, S> {
    fn none() -> Self {
        Self { results: &mut [], place: 0, width: 0 }
    }
}

/// What is kept of one side from run to run.
struct Track<S: Width> {
    /// All rows of the back block from the start of run j on.
    from_run: Vec<Set<S>>,
    settled: Option<Set<S>>,
}

/// The correlations of a group at all lags, run by run.
pub(super) struct Shared<S: Width> {
    simd: S,
    size: usize,
    max_lag: usize,
    runs: Runs,
    min_samples: F<S>,
    /// Factors of each row of a block, in its run.
    steps: Vec<Steps>,
    /// Insertion to n rows.
    insertions: Vec<Factors>,
    tape: Vec<Aligned<S::f64s>>,
    suffixes: Vec<Suffix<S>>,
    /// Of the near asset and the lags k = 0, -1, .. -L; then of the near leader and the lags 1 .. L.
    tracks: Vec<Track<S>>,
}

impl<S: Width> Shared<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, size: usize, max_lag: usize, runs: Runs, min_samples: f64) -> Self {
        let zero = F::splat(simd, 0.0);
        let (count, longest) = (runs.count(size), runs.cap().min(size));
        let mut steps = Vec::with_capacity(size);
        for run in 0..count {
            let (start, end) = (runs.start(run), runs.start(run + 1).min(size));
            let length = end - start;
            for grown in 1..=length {
                steps.push(Steps {
                    suffix: Factors::insertion(length - grown + 1),
                    growing: Factors::insertion(grown),
                    to_middle: Factors::combination(length - grown, size - length),
                    to_growing: Factors::combination(size - grown, grown),
                });
            }
        }
        let empty = Set::empty(zero);
        let tracks =
            (0..2 * max_lag + 3).map(|_| Track { from_run: vec![empty; count + 1], settled: None }).collect();
        Self {
            simd,
            size,
            max_lag,
            runs,
            min_samples: F::splat(simd, min_samples),
            steps,
            insertions: (0..=longest).map(|n| Factors::insertion(n.max(1))).collect(),
            tape: Vec::with_capacity(6 * longest + 4),
            suffixes: vec![empty.suffix(); longest],
            tracks,
        }
    }

    fn end(&self, run: usize) -> usize {
        self.runs.start(run + 1).min(self.size)
    }

    /// Works through a group; `write` takes the results of each run.
    #[inline(always)]
    pub(super) fn run(
        &mut self,
        asset: &Tile<S>,
        leader: &Tile<S>,
        results: &mut [Aligned<S::f64s>],
        out: &mut impl Rows<S>,
    ) {
        let runs = self.runs.count(self.size);
        self.begin::<Asset>(asset, leader);
        self.begin::<Leader>(leader, asset);
        for run in 0..runs {
            self.run_of::<Asset>(run, asset, leader, results);
            self.run_of::<Leader>(run, leader, asset, results);
            out.write(self.simd, self.runs.start(run), self.end(run) - self.runs.start(run), results);
        }
    }

    /// The tracks of a near side: itself, then its lags.
    #[inline(always)]
    fn tracks<N: Near>(&self) -> core::ops::Range<usize> {
        if N::ASSET { 0..self.max_lag + 2 } else { self.max_lag + 2..2 * self.max_lag + 3 }
    }

    /// How many rows a track lies behind: the near side's own, and each lag.
    #[inline(always)]
    fn behind<N: Near>(track: usize) -> usize {
        match track.checked_sub(1) {
            None => 0,
            Some(lag) => lag + usize::from(!N::ASSET),
        }
    }

    #[inline(always)]
    fn side<'a, N: Near>(&self, near: &'a Tile<S>, far: &'a Tile<S>, track: usize) -> Side<'a, S> {
        let tile = if track == 0 { near } else { far };
        Side { simd: self.simd, tile, first: self.max_lag - Self::behind::<N>(track) }
    }

    /// Combines the runs of the back blocks.
    #[inline(always)]
    fn begin<N: Near>(&mut self, near: &Tile<S>, far: &Tile<S>) {
        self.tape.clear();
        for (track, at) in self.tracks::<N>().enumerate() {
            let side = self.side::<N>(near, far, track);
            let mut kept =
                core::mem::replace(&mut self.tracks[at], Track { from_run: Vec::new(), settled: None });
            kept.settled = None;
            let mut tape = core::mem::take(&mut self.tape);
            if track == 0 {
                let mut pass = Record { tape: &mut tape, near: core::marker::PhantomData::<N> };
                self.combine_runs(&mut kept.from_run, side, &mut pass);
            } else {
                let mut pass = self.replay::<N>(&tape);
                self.combine_runs(&mut kept.from_run, side, &mut pass);
            }
            self.tape = tape;
            self.tracks[at] = kept;
        }
    }

    #[inline(always)]
    fn replay<'a, N: Near>(&self, tape: &'a [Aligned<S::f64s>]) -> Replay<'a, S, N> {
        Replay {
            simd: self.simd,
            tape: tape.iter(),
            n: F::splat(self.simd, self.size as f64),
            min_samples: self.min_samples,
            near: core::marker::PhantomData,
        }
    }

    #[inline(always)]
    fn combine_runs(&self, from_run: &mut [Set<S>], side: Side<'_, S>, pass: &mut impl Pass<S>) {
        let count = from_run.len() - 1;
        let newest = side.back(self.size - 1);
        from_run[count] = Set::empty(newest);
        // The window never holds the whole back block, so the first run's total is not needed.
        for run in (1..count).rev() {
            let (start, end) = (self.runs.start(run), self.end(run));
            let mut total = Set::empty(side.back(start));
            for row in start..end {
                total = total.with(side.back(row), self.insertions[row - start + 1], pass);
            }
            let factors = Factors::combination(end - start, self.size - end);
            from_run[run] = Set::combine(total, from_run[run + 1], factors, pass);
        }
    }

    /// Correlations of the windows that end in a run's rows, at the near side's lags.
    #[inline(always)]
    fn run_of<N: Near>(
        &mut self,
        run: usize,
        near: &Tile<S>,
        far: &Tile<S>,
        results: &mut [Aligned<S::f64s>],
    ) {
        let width = 2 * self.max_lag + 1;
        let mut tape = core::mem::take(&mut self.tape);
        let mut suffixes = core::mem::take(&mut self.suffixes);
        tape.clear();
        for (track, at) in self.tracks::<N>().enumerate() {
            let side = self.side::<N>(near, far, track);
            let later = self.tracks[at].from_run[run + 1];
            let settled = self.tracks[at].settled;
            self.tracks[at].settled = Some(if track == 0 {
                let mut pass = Record { tape: &mut tape, near: core::marker::PhantomData::<N> };
                self.windows(run, side, later, settled, &mut suffixes, &mut pass, None)
            } else {
                let behind = Self::behind::<N>(track);
                let place = if N::ASSET { self.max_lag - behind } else { self.max_lag + behind };
                let mut pass = self.replay::<N>(&tape);
                let column = Some(Column { results, place, width });
                self.windows(run, side, later, settled, &mut suffixes, &mut pass, column)
            });
        }
        self.tape = tape;
        self.suffixes = suffixes;
    }

    /// The windows that end in a run's rows, of one track; gives all rows of the front block up to the run's end.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // one loop, taken apart no further
    fn windows(
        &self,
        run: usize,
        side: Side<'_, S>,
        later: Set<S>,
        settled: Option<Set<S>>,
        suffixes: &mut [Suffix<S>],
        pass: &mut impl Pass<S>,
        column: Option<Column<'_, S>>,
    ) -> Set<S> {
        let (start, end) = (self.runs.start(run), self.end(run));
        let anchor = side.back(self.size - 1);
        let mut state = Set::empty(anchor);
        for row in (start + 1..end).rev() {
            state = state.with(side.back(row), self.steps[row].suffix, pass);
            suffixes[row - start - 1] = state.suffix();
        }
        // Empty where this is the last run of the back block.
        let is_last = end == self.size;
        let middle = match settled {
            Some(settled) if is_last => Some(settled),
            Some(settled) => {
                Some(Set::combine(later, settled, Factors::combination(self.size - end, start), pass))
            }
            None if is_last => None,
            None => Some(later),
        };
        let growing = match (middle, column) {
            (Some(middle), Some(column)) => {
                self.rows::<true, true>(start, end, side, middle, suffixes, pass, column)
            }
            (Some(middle), None) => {
                self.rows::<true, false>(start, end, side, middle, suffixes, pass, Column::none())
            }
            (None, Some(column)) => self.rows::<false, true>(start, end, side, state, suffixes, pass, column),
            (None, None) => {
                self.rows::<false, false>(start, end, side, state, suffixes, pass, Column::none())
            }
        };
        match settled {
            Some(settled) => Set::combine(settled, growing, Factors::combination(start, end - start), pass),
            None => growing,
        }
    }

    /// `MIDDLE`: there are runs between. `KEEP`: the correlations are wanted.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // the inside of one loop
    fn rows<const MIDDLE: bool, const KEEP: bool>(
        &self,
        start: usize,
        end: usize,
        side: Side<'_, S>,
        middle: Set<S>,
        suffixes: &[Suffix<S>],
        pass: &mut impl Pass<S>,
        Column { results, place, width }: Column<'_, S>,
    ) -> Set<S> {
        let anchor = side.back(self.size - 1);
        let mut growing = Set::empty(side.front(start));
        let mut at = place;
        for row in start..end {
            let steps = self.steps[row];
            growing = growing.with(side.front(row), steps.growing, pass);
            let window = if row + 1 == end {
                if MIDDLE { Set::combine(middle, growing, steps.to_growing, pass) } else { growing }
            } else {
                let mut begun = Set::of(side.simd, anchor, suffixes[row - start]);
                if MIDDLE {
                    begun = Set::combine(begun, middle, steps.to_middle, pass);
                }
                Set::combine(begun, growing, steps.to_growing, pass)
            };
            let corr = pass.read(window.square, window.cross);
            if KEEP {
                results[at] = Aligned(corr.raw());
                at += width;
            }
        }
        growing
    }
}

/// Where results go: row by row, all lags of a row together.
pub(super) trait Rows<S: Width> {
    /// Takes `rows` rows of every block, of which `start` is the first.
    fn write(&mut self, simd: S, start: usize, rows: usize, results: &[Aligned<S::f64s>]);
}
