//! Correlations at every lag over whole series.
//!
//! # Complexity
//! At each lag two insertions, one combination and a correlation a row, of which the far side's part alone is done for each
//! lag where no value is missing. Memory: the input of `lanes + 1` blocks, and for a scan the correlations of a group.

use core::ops::Range;
use std::borrow::Cow;

use super::Lags;
use super::inference::Scratch;
use super::lay::{Column, Lagged, STAGED, Together};
use super::shared::Shared;
use super::tape::Aligned;
use super::target::{Matrix, Scans, Target};
use crate::error::Result;
use crate::group::Group;
use crate::lanes::{Lanes, MOST_LANES, Width, Work, settle};
use crate::pair::CorrCount;
use crate::params::{at_most, same_length};
use crate::runs::Runs;
use crate::tile::Tile;

/// Writes the correlations at the lags -L to L of each row's window to `out`, row by row: `lags.count()` a row.
/// At most so many `threads` share the rows; their number changes no bit.
///
/// # Errors
/// Slices of other lengths.
pub fn cross_correlation(
    lags: &Lags,
    asset: &[f64],
    leader: &[f64],
    threads: usize,
    out: &mut [f64],
) -> Result<()> {
    cross_correlation_with(Lanes::from_environment()?, lags, asset, leader, threads, out)
}

/// [`cross_correlation`] with the lanes given.
///
/// # Errors
/// As [`cross_correlation`].
pub fn cross_correlation_with(
    lanes: Lanes,
    lags: &Lags,
    asset: &[f64],
    leader: &[f64],
    threads: usize,
    out: &mut [f64],
) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    same_length("out", out.len(), asset.len().saturating_mul(lags.count()))?;
    run(lanes, lags, [asset, leader], threads, Matrix { out, width: lags.count() });
    Ok(())
}

/// Writes lag, corr, llr and n of each row's window; n is the least number of complete pairs at any lag.
///
/// # Errors
/// Slices of other lengths; more than 2^28 correlations in eight windows.
pub fn lag_scan(
    lags: &Lags,
    asset: &[f64],
    leader: &[f64],
    threads: usize,
    out: [&mut [f64]; 4],
) -> Result<()> {
    lag_scan_with(Lanes::from_environment()?, lags, asset, leader, threads, out)
}

/// [`lag_scan`] with the lanes given.
///
/// # Errors
/// As [`lag_scan`].
pub fn lag_scan_with(
    lanes: Lanes,
    lags: &Lags,
    asset: &[f64],
    leader: &[f64],
    threads: usize,
    out: [&mut [f64]; 4],
) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    for slice in &out {
        same_length("out", slice.len(), asset.len())?;
    }
    let held = asset.len().min(lags.size.saturating_mul(MOST_LANES)).saturating_mul(lags.count());
    at_most("window_size x lags", held, MOST_HELD, "correlations that are held at once")?;
    // Each thread holds as many.
    let threads = threads.min(MOST_HELD / held.max(1));
    run(lanes, lags, [asset, leader], threads, Scans::new(out, lags.count()));
    Ok(())
}

/// Writes `p_value`, `lead_p_value` and `follow_p_value` of each row's window of asset and leader; see
/// [`super::inference`]. `lag` is what [`lag_scan`] gave of them: missing where that is.
///
/// # Complexity
/// All pairs of the window at every lag, for every row; threads share the rows.
///
/// # Errors
/// Slices of other lengths.
pub fn lag_inference(
    lags: &Lags,
    [asset, leader]: [&[f64]; 2],
    lag: &[f64],
    threads: usize,
    out: [&mut [f64]; 3],
) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    same_length("lag", lag.len(), asset.len())?;
    for slice in &out {
        same_length("out", slice.len(), asset.len())?;
    }
    let share = asset.len().div_ceil(threads.max(1)).max(LEAST_TESTS_A_THREAD);
    let [p_value, lead, follow] = out.map(|slice| slice.chunks_mut(share));
    std::thread::scope(|scope| {
        for (worker, ((p_value, lead), follow)) in p_value.zip(lead).zip(follow).enumerate() {
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                for place in 0..p_value.len() {
                    let row = worker * share + place;
                    if lag[row].is_nan() {
                        (p_value[place], lead[place], follow[place]) = (f64::NAN, f64::NAN, f64::NAN);
                        continue;
                    }
                    let [asset, leader] = [asset, leader].map(|side| window_at(lags, side, row));
                    let tests = lags.tests(lag[row], &asset, &leader, &mut scratch);
                    (p_value[place], lead[place], follow[place]) =
                        (tests.p_value, tests.lead_p_value, tests.follow_p_value);
                }
            });
        }
    });
    Ok(())
}

/// The rows of the window that ends at a row, after the L rows before it, which are missing before the first.
fn window_at<'a>(lags: &Lags, side: &'a [f64], row: usize) -> Cow<'a, [f64]> {
    let first = (row + 1).saturating_sub(lags.size);
    if let Some(before) = first.checked_sub(lags.max_lag) {
        return Cow::Borrowed(&side[before..=row]);
    }
    let mut rows = vec![f64::NAN; lags.max_lag - first];
    rows.extend_from_slice(&side[..=row]);
    Cow::Owned(rows)
}

/// Rows of tests below which another thread costs more than it saves.
const LEAST_TESTS_A_THREAD: usize = 256;

/// Correlations that a scan may hold at once (2^28, 2 GiB): those of eight windows.
const MOST_HELD: usize = 1 << 28;

/// Correlations below which another thread costs more than it saves.
const LEAST_A_THREAD: usize = 1 << 18;

fn run<T: Target>(lanes: Lanes, lags: &Lags, series: [&[f64]; 2], threads: usize, target: T) {
    let rows = series[0].len();
    let runs = Runs::of_length(lags.size);
    // A window longer than the data never ends a block: memory for the data is enough.
    let size = lags.size.min(rows.max(1));
    let few = rows.div_ceil(size) * 2 <= lanes.width();
    let lanes = if few { Lanes::One } else { lanes };
    let blocks = rows.div_ceil(size);
    let threads = threads.min(rows.saturating_mul(lags.count()) / LEAST_A_THREAD).max(1);
    // Whole groups, so that the lanes hold the same blocks.
    let share = blocks.div_ceil(lanes.width()).div_ceil(threads).max(1) * lanes.width();
    let min_samples = lags.window.min_samples() as f64;
    let work = ByLags { size, runs, max_lag: lags.max_lag, min_samples, series, blocks: 0..blocks };
    let mut rest = Some(target);
    std::thread::scope(|scope| {
        for first in (0..blocks).step_by(share) {
            let last = (first + share).min(blocks);
            let Some(target) = rest.take() else { break };
            let work = ByLags { blocks: first..last, ..work.clone() };
            if last == blocks {
                // The calling thread does the last share itself.
                share_of(lanes, work, target);
            } else {
                let (target, others) = target.split((last - first) * size);
                rest = Some(others);
                scope.spawn(move || share_of(lanes, work, target));
            }
        }
    });
}

/// One thread's share. Never inlined: the code for every processor would be made twice, at minutes of a build.
#[inline(never)]
fn share_of<T: Target>(lanes: Lanes, work: ByLags<'_>, target: T) {
    lanes.run(To { work, target });
}

/// Correlations of some blocks.
#[derive(Clone)]
struct ByLags<'a> {
    size: usize,
    runs: Runs,
    max_lag: usize,
    min_samples: f64,
    /// Asset and leader.
    series: [&'a [f64]; 2],
    blocks: Range<usize>,
}

/// Where they go; its rows begin with those of the first block.
struct To<'a, T> {
    work: ByLags<'a>,
    target: T,
}

impl<T: Target> Work for To<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let Self { work: ByLags { size, runs, max_lag, min_samples, series, blocks }, mut target } = self;
        let [asset, leader] = series;
        let (n, width) = (asset.len(), 2 * max_lag + 1);
        let [mut assets, mut leaders] = [Tile::<S>::new(size, max_lag), Tile::new(size, max_lag)];
        let mut shared = Shared::new(simd, size, max_lag, runs, min_samples);
        let mut staged = vec![0.0; S::F64_LANES * STAGED * width];
        let mut results = vec![Aligned(simd.splat_f64s(0.0)); runs.cap().min(size) * width];
        let mut group = Group::<S, CorrCount, 2, 2>::new(simd, CorrCount, size, runs, min_samples);
        let past_cache = target.is_past_cache();
        if let Some(before) = blocks.start.checked_sub(S::F64_LANES) {
            // A tile finds the block before a group in the group that was loaded before.
            assets.load(simd, asset, before);
            leaders.load(simd, leader, before);
        }
        for block in blocks.clone().step_by(S::F64_LANES) {
            let whole = assets.load(simd, asset, block) & leaders.load(simd, leader, block);
            let first = (block - blocks.start) * size;
            let rows = (S::F64_LANES * size).min(n - block * size);
            let (corrs, least) = target.place(first, rows);
            if whole {
                least.fill(size as f64);
                let mut rows = Together { corrs, size, width, staged: &mut staged, past_cache };
                shared.run(&assets, &leaders, &mut results, &mut rows);
            } else {
                least.fill(f64::INFINITY);
                for place in 0..width {
                    let sides = Lagged::new(simd, &assets, &leaders, max_lag, place);
                    let mut column = Column { corrs: &mut *corrs, least: &mut *least, size, width, place };
                    group.run::<_, _, false>(sides, &mut column);
                }
            }
            target.finish(first, rows);
        }
        settle();
    }
}
