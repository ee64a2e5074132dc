//! All lags at once, where they lie on a grid of steps that is not much finer than the ticks.
//!
//! # Letters
//! h the step of the lags, k_m = k_0 + o_m h; L the level of y, the sum of its increments; for a time s: U(s) the
//! level at the first tick of y at or after s, D(s) at the last one at or before s.
//!
//! # Definition
//! The increments of y whose intervals overlap (s_{i-1}, s_i\] add up to U(s_i) - D(s_{i-1}); hence
//! C(k) = sum of x_i (U(s_i + k) - D(s_{i-1} + k)). Times that differ by whole steps have the same phase, the
//! remainder by h. Seen at one phase, U and D are two rows of numbers, one a cell of width h, in which the lags of one
//! tick are neighbours; as the phase grows, each tick of y changes one number of each row. So the ticks are sorted by
//! phase, and a tick of x costs a multiplication of two runs of numbers: no search, no branch a lag.
//!
//! Done in chunks of x, so that the rows stay in the nearest cache, and with levels counted from the beginning of the
//! chunk, so that they have no more digits than what moves in it.

#![allow(clippy::cast_possible_truncation)] // cells and ticks of a chunk are below 2^32: `Chunk::add` sees to it

use core::ops::Range;

use crate::lanes::{F, Lanes, MOST_LANES, Width, Work};
use crate::ticks::lags::Shifts;
use crate::ticks::series::Ticks;
use crate::ticks::sums::{Sums, two_sum};

/// The most cells of a chunk and its lags: 2 MiB of rows.
const MOST_CELLS: u128 = 1 << 17;
/// The most ticks of y beside a chunk: 640 MiB with what is sorted.
const MOST_TICKS: usize = 1 << 24;
/// What the two ways cost, in tenths of a nanosecond, measured: one cell, one tick and one lag of a tick here.
const CELL_COST: u128 = 5;
const TICK_COST: u128 = 120;
const LAG_COST: u128 = 2;
/// One lag of a tick that has gaps between the lags.
const SCATTERED_COST: u128 = 10;
/// The beginning of a walk and one of its steps.
const START_COST: u128 = 500;
const STEP_COST: u128 = 20;

/// A tick of a chunk.
#[derive(Clone, Copy, Default)]
struct Event {
    phase: u64,
    cell: u32,
    tick: u32,
}

/// Memory that chunks share.
#[derive(Default)]
pub(super) struct Scratch {
    up: Vec<f64>,
    down: Vec<f64>,
    sums: Vec<f64>,
    levels: Vec<f64>,
    factors: Vec<f64>,
    unsorted: Vec<Event>,
    queries: Vec<Event>,
    updates: Vec<Event>,
    counts: Vec<u32>,
}

/// Some increments of x, all of y and the lags.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) x: &'a Ticks,
    pub(super) y: &'a Ticks,
    pub(super) lags: &'a Shifts,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// Where the rows of a chunk lie.
pub(super) struct Layout {
    /// Cells of the chunk alone, and with its lags.
    own: u128,
    cells: usize,
    step: u64,
    begin: i128,
    /// The ticks of y in those cells.
    ticks: Range<usize>,
    /// Whether the lags are so close that a run of all of them, with those between, costs less.
    neighbours: bool,
}

impl Chunk<'_> {
    /// Where the rows lie; none if they would be too long.
    pub(super) fn layout(&self) -> Option<Layout> {
        let Self { x, y, lags, first, last } = *self;
        let origin = x.times[first - 1];
        let own = u128::from(x.times[last].abs_diff(origin)) / lags.step + 1;
        let cells = own + lags.reach();
        if cells > MOST_CELLS {
            return None;
        }
        let begin = i128::from(origin) + lags.first;
        let width = u64::try_from(cells * lags.step).ok()?;
        let before = |time: i128| y.times.partition_point(|&t| i128::from(t) < time);
        let ticks = before(begin)..before(begin + i128::from(width));
        let neighbours = lags.reach() < 2 * lags.offsets.len() as u128;
        let step = lags.step as u64;
        (ticks.len() <= MOST_TICKS).then_some(Layout {
            own,
            cells: cells as usize,
            step,
            begin,
            ticks,
            neighbours,
        })
    }

    /// Whether this way costs less than a walk a lag; the ticks alone decide, so that bits are the same everywhere.
    pub(super) fn pays(&self, layout: &Layout) -> bool {
        let count = self.lags.offsets.len() as u128;
        let (x_ticks, y_ticks) = ((self.last - self.first + 1) as u128, layout.ticks.len() as u128);
        let cells = layout.cells as u128;
        let lag_cost = if layout.neighbours { LAG_COST } else { SCATTERED_COST };
        let here = cells * CELL_COST + (x_ticks + y_ticks) * TICK_COST + x_ticks * count * lag_cost;
        here <= count * (START_COST + (x_ticks + y_ticks * layout.own / cells) * STEP_COST)
    }

    /// Adds the contrast at every lag.
    pub(super) fn add(&self, layout: &Layout, lanes: Lanes, scratch: &mut Scratch, sums: &mut Sums) {
        let Self { x, y, lags, first, last } = *self;
        scratch.fill(y, layout);
        scratch.ask(&x.times[first - 1..=last], layout.step);
        scratch.factors.clear();
        scratch.factors.push(0.0);
        scratch.factors.extend_from_slice(&x.steps[first..=last]);
        scratch.factors.push(0.0);
        scratch.sums.clear();
        if layout.neighbours {
            let count = lags.reach() as usize + 1;
            scratch.sums.resize(count.next_multiple_of(MOST_LANES), 0.0);
            lanes.run(Sweep(scratch));
            for (place, &offset) in lags.offsets.iter().enumerate() {
                sums.add(place, scratch.sums[offset as usize]);
            }
        } else {
            scratch.sums.resize(lags.offsets.len(), 0.0);
            scratch.sweep_scattered(&lags.offsets.iter().map(|&offset| offset as usize).collect::<Vec<_>>());
            for (place, &sum) in scratch.sums.iter().enumerate() {
                sums.add(place, sum);
            }
        }
    }
}

impl Scratch {
    /// The rows as they are before the first phase, and the ticks of y that change them, by phase.
    fn fill(&mut self, y: &Ticks, layout: &Layout) {
        let Layout { step, begin, ref ticks, .. } = *layout;
        let anchor = ticks.start.saturating_sub(1);
        let end = y.steps.len().min(ticks.end + 1);
        self.levels.clear();
        self.levels.push(0.0);
        let (mut high, mut low) = (0.0, 0.0);
        for &step in &y.steps[anchor + 1..end] {
            let (sum, lost) = two_sum(high, step);
            (high, low) = (sum, low + lost);
            self.levels.push(high + low);
        }
        let padded = layout.cells + MOST_LANES;
        self.up.clear();
        self.up.resize(padded, 0.0);
        self.down.clear();
        self.down.resize(padded, 0.0);
        self.unsorted.clear();
        let mut next = 0;
        let mut place = ticks.start - anchor;
        let mut lower = 0.0;
        for &time in &y.times[ticks.clone()] {
            let ahead = (i128::from(time) - begin).unsigned_abs() as u64;
            let (cell, phase) = ((ahead / step) as usize, ahead % step);
            let level = self.levels[place];
            if cell >= next {
                self.up[next..=cell].fill(level);
                self.down[next..=cell].fill(lower);
                next = cell + 1;
            }
            self.unsorted.push(Event { phase, cell: cell as u32, tick: place as u32 });
            lower = level;
            place += 1;
        }
        let upper = self.levels.get(place).copied().unwrap_or(lower);
        self.up[next..].fill(upper);
        self.down[next..].fill(lower);
        sort(&self.unsorted, step, &mut self.updates, &mut self.counts);
    }

    /// The ticks of x, by phase.
    fn ask(&mut self, times: &[i64], step: u64) {
        self.unsorted.clear();
        for (tick, time) in times.iter().enumerate() {
            let ahead = time.abs_diff(times[0]);
            self.unsorted.push(Event { phase: ahead % step, cell: (ahead / step) as u32, tick: tick as u32 });
        }
        sort(&self.unsorted, step, &mut self.queries, &mut self.counts);
    }

    /// As `Sweep`, for lags that are no neighbours.
    fn sweep_scattered(&mut self, offsets: &[usize]) {
        let Self { up, down, sums, levels, factors, queries, updates, .. } = self;
        let mut rows = Rows { up, down, levels, updates, reached: 0, passed: 0 };
        for query in queries.iter() {
            rows.turn_to(query.phase);
            let (cell, tick) = (query.cell as usize, query.tick as usize);
            let (rises, falls) = (factors[tick], factors[tick + 1]);
            let (up, down) = (&rows.up[cell..], &rows.down[cell..]);
            for (sum, &offset) in sums.iter_mut().zip(offsets) {
                *sum += rises * up[offset] - falls * down[offset];
            }
        }
    }
}

/// U and D of every cell at one phase.
struct Rows<'a> {
    up: &'a mut [f64],
    down: &'a mut [f64],
    levels: &'a [f64],
    updates: &'a [Event],
    /// Ticks of y at or before the phase, and those before it.
    reached: usize,
    passed: usize,
}

impl Rows<'_> {
    /// On to a phase that is not smaller than the last.
    #[inline(always)]
    fn turn_to(&mut self, phase: u64) {
        while let Some(tick) = self.updates.get(self.reached).filter(|tick| tick.phase <= phase) {
            self.down[tick.cell as usize] = self.levels[tick.tick as usize];
            self.reached += 1;
        }
        while let Some(tick) = self.updates.get(self.passed).filter(|tick| tick.phase < phase) {
            let next = (tick.tick as usize + 1).min(self.levels.len() - 1);
            self.up[tick.cell as usize] = self.levels[next];
            self.passed += 1;
        }
    }
}

/// Goes through the phases; each tick of x adds its products at all lags, which lie side by side.
struct Sweep<'a>(&'a mut Scratch);

impl Work for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        macro_rules! held {
            ($($vectors:literal)*) => {
                match self.0.sums.len() / S::F64_LANES {
                    $($vectors => self.0.sweep_held::<S, $vectors>(simd),)*
                    _ => self.0.sweep(simd),
                }
            };
        }
        // As many sums as the registers of every processor hold beside what is added to them.
        held!(1 2 3 4 5 6 7 8 9 10 11 12);
    }
}

impl Scratch {
    /// The sums stay in `N` registers, which saves a load and a store of each for every tick.
    #[inline(always)]
    fn sweep_held<S: Width, const N: usize>(&mut self, simd: S) {
        let Self { up, down, sums, levels, factors, queries, updates, .. } = self;
        let mut rows = Rows { up, down, levels, updates, reached: 0, passed: 0 };
        let mut held = [F::splat(simd, 0.0); N];
        for query in queries.iter() {
            rows.turn_to(query.phase);
            let (cell, tick) = (query.cell as usize, query.tick as usize);
            let rises = F::splat(simd, factors[tick]);
            let falls = F::splat(simd, factors[tick + 1]);
            let up = &rows.up[cell..][..N * S::F64_LANES];
            let down = &rows.down[cell..][..N * S::F64_LANES];
            for (i, sum) in held.iter_mut().enumerate() {
                let at = i * S::F64_LANES;
                *sum = *sum + (rises * F::load(simd, &up[at..]) - falls * F::load(simd, &down[at..]));
            }
        }
        for (sum, place) in held.iter().zip(sums.chunks_exact_mut(S::F64_LANES)) {
            sum.store(place);
        }
    }

    #[inline(always)]
    fn sweep<S: Width>(&mut self, simd: S) {
        let Self { up, down, sums, levels, factors, queries, updates, .. } = self;
        let mut rows = Rows { up, down, levels, updates, reached: 0, passed: 0 };
        let width = sums.len();
        for query in queries.iter() {
            rows.turn_to(query.phase);
            let (cell, tick) = (query.cell as usize, query.tick as usize);
            let rises = F::splat(simd, factors[tick]);
            let falls = F::splat(simd, factors[tick + 1]);
            let up = rows.up[cell..cell + width].chunks_exact(S::F64_LANES);
            let down = rows.down[cell..cell + width].chunks_exact(S::F64_LANES);
            for ((sum, up), down) in sums.chunks_exact_mut(S::F64_LANES).zip(up).zip(down) {
                let change = rises * F::load(simd, up) - falls * F::load(simd, down);
                (F::load(simd, sum) + change).store(sum);
            }
        }
    }
}

/// Sorts by phase: into buckets of about one tick, then each bucket.
fn sort(events: &[Event], step: u64, sorted: &mut Vec<Event>, counts: &mut Vec<u32>) {
    let buckets = events.len().next_power_of_two().max(1);
    let bits = u64::BITS - (step - 1).leading_zeros();
    let shift = bits.saturating_sub(buckets.ilog2());
    let bucket = |event: &Event| (event.phase >> shift) as usize;
    counts.clear();
    counts.resize(buckets + 1, 0);
    for event in events {
        counts[bucket(event) + 1] += 1;
    }
    let mut total = 0;
    for count in counts.iter_mut() {
        total += *count;
        *count = total;
    }
    sorted.clear();
    sorted.resize(events.len(), Event::default());
    for event in events {
        let place = &mut counts[bucket(event)];
        sorted[*place as usize] = *event;
        *place += 1;
    }
    let mut start = 0;
    for &end in counts.iter().take(buckets) {
        let end = end as usize;
        if end - start > 1 {
            sorted[start..end].sort_by_key(|event| event.phase);
        }
        start = end;
    }
}
