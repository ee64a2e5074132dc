//! Contrasts of many pairs: what is done by which thread, and what is read off the contrasts.

use core::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::lanes::Lanes;
use crate::ticks::grid::{Chunk, Scratch};
use crate::ticks::lags::{Lags, Shifts};
use crate::ticks::series::Ticks;
use crate::ticks::sums::{Sums, Totals};
use crate::ticks::walk::walk;

/// Increments a thread takes at a time, at least: enough to pay for fetching them.
const TASK: usize = 8192;
/// The most tasks of a pair, so that adding what they leave costs little.
const MOST_TASKS: usize = 256;
/// Increments of a chunk of the grid, where they do not span many cells; and where the lags reach beyond them.
const CHUNK: usize = 4096;
const LONG_CHUNK: usize = 1 << 15;
/// Cells of a chunk, so that its rows stay in the nearest cache.
const CHUNK_CELLS: u128 = 1024;
/// Fewer lags than this are walked.
const LEAST_GRID_LAGS: usize = 4;
/// Cells a tick beyond which the rows cost more than a walk.
const MOST_CELLS_A_TICK: u128 = 64;

/// What the contrasts of a pair say.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadLag {
    /// C(k) of each lag; NaN where no two intervals overlap, or where it is not an ordinary float64.
    pub contrasts: Vec<f64>,
    /// C(k) / sqrt(sum of x_i^2 sum of y_j^2); NaN also where a price does not change.
    pub corr: Vec<f64>,
    /// The lag with the largest |C| (ties: the smallest |k|, then the negative one); none unless every lag has a
    /// contrast and one of them is not 0.
    pub lag: Option<i64>,
    /// Sum of C(k)^2 over k < 0 divided by the same over k > 0; none without a `lag`, without lags on both sides of 0,
    /// or where it is not finite.
    pub llr: Option<f64>,
}

/// The contrasts of pairs of series, asset first, at all lags.
///
/// `watch` is called on this thread now and then with the tasks done and all of them; when it breaks, the work
/// stops and there is no result.
///
/// # Errors
/// An unusable `COMOVE_LANES`.
///
/// # Precision
/// Within 1e-12 of sqrt(sum of x_i^2 sum of y_j^2), whatever the number of ticks; the bits depend neither on the
/// number of threads nor on the lanes.
///
/// # Complexity
/// In proportion to the ticks of both series, for each lag; lags on a grid that is not much finer than the ticks
/// share nearly all of it. Memory: 32 bytes a pair and lag, 16 bytes a lag for each thread, and as much for each task
/// that is done before an earlier one: a few a thread.
pub fn contrasts(
    pairs: &[(&Ticks, &Ticks)],
    lags: &Lags,
    threads: usize,
    watch: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Option<Vec<LeadLag>>> {
    let lanes = Lanes::from_environment()?;
    let shifts = [lags.shifts(false), lags.shifts(true)];
    let jobs: Vec<Job> = pairs.iter().map(|&(asset, leader)| Job::new(asset, leader, &shifts)).collect();
    let tasks: Vec<(usize, usize, usize)> = jobs
        .iter()
        .enumerate()
        .flat_map(|(place, job)| job.tasks().map(move |(a, b)| (place, a, b)))
        .collect();
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let totals = Mutex::new(Totals::new(jobs.len(), lags.values().len()));
    let work = |watch: &mut dyn FnMut(usize) -> ControlFlow<()>| {
        let mut scratch = Scratch::default();
        while !stopped.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(place, first, last)) = tasks.get(at) else { break };
            let mut sums = Sums::new(lags.values().len());
            jobs[place].run(first, last, lanes, &mut scratch, &mut sums);
            totals.lock().unwrap_or_else(PoisonError::into_inner).add(at, place, sums);
            if watch(at).is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(tasks.len()))
            .map(|_| scope.spawn(|| work(&mut |_| ControlFlow::Continue(()))))
            .collect();
        work(&mut |at| watch(at, tasks.len()));
        for other in others {
            if let Err(panic) = other.join() {
                resume_unwind(panic);
            }
        }
    });
    if stopped.into_inner() {
        return Ok(None);
    }
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner).into_sums();
    Ok(Some(jobs.iter().zip(&totals).map(|(job, sums)| job.read(lags, sums)).collect()))
}

/// One pair: x the series with fewer ticks, which the work goes along, y the other.
struct Job<'a> {
    x: &'a Ticks,
    y: &'a Ticks,
    shifts: &'a Shifts,
    /// Whether x is the leader; the lags are then in reverse.
    of_leader: bool,
    /// The increments of x that overlap y at some lag.
    increments: (usize, usize),
    on_grid: bool,
}

impl<'a> Job<'a> {
    fn new(asset: &'a Ticks, leader: &'a Ticks, shifts: &'a [Shifts; 2]) -> Self {
        let of_leader = leader.len() < asset.len();
        let (x, y) = if of_leader { (leader, asset) } else { (asset, leader) };
        let shifts = &shifts[usize::from(of_leader)];
        let mut job = Self { x, y, shifts, of_leader, increments: (1, 0), on_grid: false };
        if let (Some(_), Some((begin, end))) = (x.ends(), y.ends()) {
            let (least, most) = (shifts.first, shifts.at(shifts.offsets.len().saturating_sub(1)));
            let first = x.times.partition_point(|&s| i128::from(s) + most <= begin).max(1);
            let after = x.times.partition_point(|&s| i128::from(s) + least < end);
            job.increments = (first, after.min(x.len() - 1));
            job.on_grid = job.is_grid();
        }
        job
    }

    /// Whether the step of the lags is not much finer than the ticks, but for gaps.
    fn is_grid(&self) -> bool {
        let (first, last) = self.increments;
        if self.shifts.offsets.len() < LEAST_GRID_LAGS || first > last {
            return false;
        }
        let limit = u64::try_from(CHUNK_CELLS * self.shifts.step).unwrap_or(u64::MAX);
        let near: u128 = self.x.times[first - 1..=last]
            .windows(2)
            .map(|two| u128::from(two[1].abs_diff(two[0]).min(limit)))
            .sum();
        near / self.shifts.step <= MOST_CELLS_A_TICK * (last - first + 1) as u128
    }

    fn tasks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, last) = self.increments;
        let count = (last + 1).saturating_sub(first);
        let size = count.div_ceil(MOST_TASKS).max(TASK);
        (0..count.div_ceil(size)).map(move |task| {
            let from = first + task * size;
            (from, last.min(from + size - 1))
        })
    }

    fn run(&self, first: usize, last: usize, lanes: Lanes, scratch: &mut Scratch, sums: &mut Sums) {
        let Self { x, y, shifts, .. } = *self;
        let mut from = first;
        while from <= last {
            let to = if self.on_grid { self.chunk_end(from, last) } else { last.min(from + CHUNK - 1) };
            let chunk = Chunk { x, y, lags: shifts, first: from, last: to };
            let layout = chunk.layout().filter(|layout| self.on_grid && chunk.pays(layout));
            match layout {
                Some(layout) => chunk.add(&layout, lanes, scratch, sums),
                None => walk(x, y, shifts, from..=to, sums),
            }
            from = to + 1;
        }
    }

    /// The last increment of the chunk that begins with increment `from`.
    fn chunk_end(&self, from: usize, last: usize) -> usize {
        let times = &self.x.times;
        let origin = times[from - 1];
        let reach = self.shifts.reach();
        let most = self.shifts.step * CHUNK_CELLS.max(reach.min(4 * CHUNK_CELLS));
        let enough = self.shifts.step * 2 * reach;
        let mut to = from;
        while to < last {
            let width = u128::from(times[to + 1].abs_diff(origin));
            let count = to + 1 - from;
            if width >= most || count >= LONG_CHUNK || (count >= CHUNK && width >= enough) {
                break;
            }
            to += 1;
        }
        to
    }

    /// The readings of the asset and the leader from the sums of x and y.
    fn read(&self, lags: &Lags, sums: &Sums) -> LeadLag {
        let count = lags.values().len();
        let raw: Vec<f64> = (0..count)
            .map(|place| if self.of_leader { count - 1 - place } else { place })
            .map(|place| if self.overlaps(place) { sums.value(place) } else { f64::NAN })
            .collect();
        let (asset, leader) = (self.x.squares.sqrt(), self.y.squares.sqrt());
        let factor = self.x.exponent + self.y.exponent;
        let contrasts: Vec<f64> = raw.iter().map(|&sum| scaled(sum, factor)).collect();
        let corr = raw.iter().map(|&sum| finite(sum / asset / leader)).collect();
        let lag = largest(lags.values(), &raw);
        // None without a lag on that side: a sum of nothing says nothing of who is ahead.
        let side = |chosen: &dyn Fn(i64) -> bool| -> Option<f64> {
            let squares = lags.values().iter().zip(&raw).filter(|&(&lag, _)| chosen(lag)).map(|(_, c)| c * c);
            squares.reduce(|sum, square| sum + square)
        };
        let ratio = || Some(side(&|lag| lag < 0)? / side(&|lag| lag > 0)?);
        let llr = lag.and_then(|_| ratio()).filter(|ratio| ratio.is_finite());
        LeadLag { contrasts, corr, lag, llr }
    }

    /// Whether any two intervals overlap at a lag.
    fn overlaps(&self, place: usize) -> bool {
        let lag = self.shifts.at(place);
        match (self.x.ends(), self.y.ends()) {
            (Some((begin, end)), Some((from, to))) => begin + lag < to && from < end + lag,
            _ => false,
        }
    }
}

/// NaN for what is not finite.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// A sum times a power of two; NaN where float64 does not hold it with all its digits.
fn scaled(sum: f64, exponent: i32) -> f64 {
    let value = libm::ldexp(sum, exponent);
    if sum == 0.0 || value.is_normal() { value } else { f64::NAN }
}

/// The lag with the largest magnitude; ties go to the smallest lag, then to the negative one.
fn largest(lags: &[i64], values: &[f64]) -> Option<i64> {
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let order = |&(&lag, &value): &(&i64, &f64)| (value.abs(), core::cmp::Reverse((lag.unsigned_abs(), lag)));
    let best = lags.iter().zip(values).max_by(|a, b| {
        let (a, b) = (order(a), order(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    })?;
    (*best.1 != 0.0).then_some(*best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticks::series::Increments;

    /// Prices that are whole numbers, so that every contrast is one too.
    fn ticks(seed: u64, n: usize, spacing: u64) -> Ticks {
        let mut state = seed | 1;
        let mut number = |below: u64| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
        };
        let mut time = number(50 * spacing).cast_signed();
        let (mut times, mut prices) = (Vec::new(), Vec::new());
        for _ in 0..n {
            times.push(time);
            prices.push(number(1000) as f64);
            // Bursts, equal times and now and then a long gap.
            let gap = match number(50) {
                0 => 200 * spacing,
                1..20 => number(3),
                _ => number(2 * spacing),
            };
            time += gap.cast_signed();
        }
        Ticks::new("A", &times, &prices, Increments::Difference, 1).unwrap()
    }

    /// The definition: every pair of intervals.
    fn plain(asset: &Ticks, leader: &Ticks, lag: i64) -> f64 {
        let mut sum = 0.0;
        for i in 1..asset.len() {
            for j in 1..leader.len() {
                let (from, to) = (leader.times[j - 1] - lag, leader.times[j] - lag);
                if asset.times[i - 1].max(from) < asset.times[i].min(to) {
                    sum += asset.steps[i] * leader.steps[j];
                }
            }
        }
        sum
    }

    fn all(asset: &Ticks, leader: &Ticks, lags: &Lags, threads: usize) -> LeadLag {
        let mut watch = |_, _| ControlFlow::Continue(());
        let mut found = contrasts(&[(asset, leader)], lags, threads, &mut watch).unwrap().unwrap();
        found.remove(0)
    }

    #[test]
    fn only_lags_on_both_sides_have_a_ratio() {
        let (asset, leader) = (ticks(1, 90, 3), ticks(2, 70, 5));
        for (lags, there) in
            [(vec![1, 2], false), (vec![-1, 0], false), (vec![0], false), (vec![-1, 1], true)]
        {
            assert_eq!(all(&asset, &leader, &Lags::new(lags).unwrap(), 1).llr.is_some(), there);
        }
    }

    #[test]
    #[allow(clippy::float_cmp)] // whole numbers, all exact
    fn every_way_gives_the_definition() {
        let grids = [
            (-8..9).map(|k| k * 10).collect::<Vec<i64>>(),
            vec![-300, -40, -20, -10, 0, 10, 20, 40, 300],
            vec![-7],
            vec![-1000, -999, 5, 77, 100, 2345],
            (-20..21).collect(),
        ];
        let mut on_grid = 0;
        for case in 0..12 {
            let seed = case as u64;
            let sizes = [(90, 70), (30, 200), (200, 2), (2, 3)][case % 4];
            let asset = ticks(2 * seed + 1, sizes.0, [3, 30, 300][case % 3]);
            let leader = ticks(7 * seed + 2, sizes.1, [5, 20, 1000][case / 4]);
            for grid in &grids {
                let lags = Lags::new(grid.clone()).unwrap();
                let found = all(&asset, &leader, &lags, 2);
                for (place, &lag) in grid.iter().enumerate() {
                    let exact = plain(&asset, &leader, lag);
                    let value = found.contrasts[place];
                    let expected = libm::ldexp(exact, asset.exponent + leader.exponent);
                    assert!(
                        value == expected || (value.is_nan() && exact == 0.0),
                        "{value} is not {expected} at lag {lag}, seed {seed}, {grid:?}"
                    );
                }
                // Both kernels by themselves, whatever costs less.
                for of_leader in [false, true] {
                    let shifts = lags.shifts(of_leader);
                    let (x, y) = if of_leader { (&leader, &asset) } else { (&asset, &leader) };
                    let (mut walked, mut gridded) = (Sums::new(grid.len()), Sums::new(grid.len()));
                    let mut scratch = Scratch::default();
                    for increment in (1..x.len()).step_by(5) {
                        let last = (increment + 4).min(x.len() - 1);
                        walk(x, y, &shifts, increment..=last, &mut walked);
                        let chunk = Chunk { x, y, lags: &shifts, first: increment, last };
                        if let Some(layout) = chunk.layout() {
                            on_grid += 1;
                            chunk.add(&layout, Lanes::widest(), &mut scratch, &mut gridded);
                        } else {
                            walk(x, y, &shifts, increment..=last, &mut gridded);
                        }
                    }
                    for place in 0..grid.len() {
                        let lag = grid[if of_leader { grid.len() - 1 - place } else { place }];
                        let exact = plain(&asset, &leader, lag);
                        assert_eq!(walked.value(place), exact, "walk, lag {lag}, seed {seed}");
                        assert_eq!(gridded.value(place), exact, "grid, lag {lag}, seed {seed}");
                    }
                }
            }
        }
        assert!(on_grid > 1000, "{on_grid}");
    }
}
