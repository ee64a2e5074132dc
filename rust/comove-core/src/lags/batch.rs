//! Correlations at every lag over whole series.
//!
//! # Complexity
//! At each lag two insertions, one combination and a correlation a row, of which the far side's part alone is done for each
//! lag where no value is missing. Memory: the input of `lanes + 1` blocks, and for a scan the correlations of a group.

use super::inference::{LagTests, Scratch};
use super::shared::{Rows, Shared};
use super::tape::Aligned;
use super::{Lags, Scan};
use crate::error::Result;
use crate::group::{Group, Sides, Sink};
use crate::lanes::{F, Lanes, MOST_LANES, Width, Work};
use crate::pair::CorrCount;
use crate::params::{at_most, same_length};
use crate::runs::Runs;
use crate::tile::Tile;

/// Writes the correlations at the lags -L to L of each row's window to `out`, row by row: `lags.count()` a row.
///
/// # Errors
/// Slices of other lengths.
pub fn cross_correlation(lags: &Lags, asset: &[f64], leader: &[f64], out: &mut [f64]) -> Result<()> {
    cross_correlation_with(Lanes::from_environment()?, lags, asset, leader, out)
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
    out: &mut [f64],
) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    same_length("out", out.len(), asset.len().saturating_mul(lags.count()))?;
    run(lanes, lags, asset, leader, Matrix { out, width: lags.count(), least: Vec::new() });
    Ok(())
}

/// Writes lag, corr, llr and n of each row's window; n is the least number of complete pairs at any lag.
///
/// # Errors
/// Slices of other lengths; more than 2^28 correlations in eight windows.
pub fn lag_scan(lags: &Lags, asset: &[f64], leader: &[f64], out: [&mut [f64]; 4]) -> Result<()> {
    lag_scan_with(Lanes::from_environment()?, lags, asset, leader, out)
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
    out: [&mut [f64]; 4],
) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    for slice in &out {
        same_length("out", slice.len(), asset.len())?;
    }
    let held = asset.len().min(lags.size.saturating_mul(MOST_LANES)).saturating_mul(lags.count());
    at_most("window_size x lags", held, MOST_HELD, "correlations that are held at once")?;
    run(lanes, lags, asset, leader, Scans { out, width: lags.count(), corrs: Vec::new(), least: Vec::new() });
    Ok(())
}

/// Writes `p_value`, `lead_p_value` and `follow_p_value` of each row's window; see [`super::inference`]. Missing unless every lag has
/// `min_samples` complete pairs.
///
/// # Complexity
/// All pairs of the window at every lag, for every row; the processors share the rows.
///
/// # Errors
/// Slices of other lengths.
pub fn lag_inference(lags: &Lags, asset: &[f64], leader: &[f64], out: [&mut [f64]; 3]) -> Result<()> {
    same_length("leader", leader.len(), asset.len())?;
    for slice in &out {
        same_length("out", slice.len(), asset.len())?;
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = asset.len().div_ceil(workers).max(LEAST_SHARE);
    let [p_value, lead, follow] = out.map(|slice| slice.chunks_mut(share));
    std::thread::scope(|scope| {
        for (worker, ((p_value, lead), follow)) in p_value.zip(lead).zip(follow).enumerate() {
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                for place in 0..p_value.len() {
                    let tests = tests_at(lags, asset, leader, worker * share + place, &mut scratch);
                    (p_value[place], lead[place], follow[place]) =
                        (tests.p_value, tests.lead_p_value, tests.follow_p_value);
                }
            });
        }
    });
    Ok(())
}

/// The tests of the window that ends at a row.
fn tests_at(lags: &Lags, asset: &[f64], leader: &[f64], row: usize, scratch: &mut Scratch) -> LagTests {
    // Rows before the first are missing, as they are in a live object.
    let Some(first) = (row + 1).checked_sub(lags.max_lag + lags.size) else {
        let missing = |side: &[f64]| {
            let mut rows = vec![f64::NAN; lags.max_lag + lags.size - row - 1];
            rows.extend_from_slice(&side[..=row]);
            rows
        };
        return lags.tests(&missing(asset), &missing(leader), scratch);
    };
    lags.tests(&asset[first..=row], &leader[first..=row], scratch)
}

/// Correlations that a scan may hold at once (2^28, 2 GiB): those of eight windows.
const MOST_HELD: usize = 1 << 28;

/// Rows below which another thread costs more than it saves.
const LEAST_SHARE: usize = 256;

fn run(lanes: Lanes, lags: &Lags, asset: &[f64], leader: &[f64], target: impl Target) {
    let runs = Runs::of_length(lags.size);
    // A window longer than the data never ends a block: memory for the data is enough.
    let size = lags.size.min(asset.len().max(1));
    let few = asset.len().div_ceil(size) * 2 <= lanes.width();
    let lanes = if few { Lanes::One } else { lanes };
    let min_samples = lags.window.min_samples() as f64;
    lanes.run(ByLags { size, runs, max_lag: lags.max_lag, min_samples, asset, leader, target });
}

/// Rows that are laid together before they are written: written one by one, rows of eight blocks that lie far apart took
/// longer than all the rest, for every line of them is waited for.
const STAGED: usize = 16;

/// What becomes of the correlations, group by group.
trait Target {
    /// Memory for the correlations of so many rows from `first` on, row by row, and for the least number of pairs of each,
    /// where it is wanted.
    fn place(&mut self, first: usize, rows: usize) -> (&mut [f64], &mut [f64]);
    /// All of them are written.
    fn finish(&mut self, first: usize, rows: usize);
}

struct Matrix<'a> {
    out: &'a mut [f64],
    width: usize,
    least: Vec<f64>,
}

impl Target for Matrix<'_> {
    fn place(&mut self, first: usize, rows: usize) -> (&mut [f64], &mut [f64]) {
        (&mut self.out[first * self.width..(first + rows) * self.width], &mut self.least)
    }

    fn finish(&mut self, _first: usize, _rows: usize) {}
}

struct Scans<'a> {
    out: [&'a mut [f64]; 4],
    width: usize,
    corrs: Vec<f64>,
    least: Vec<f64>,
}

impl Target for Scans<'_> {
    fn place(&mut self, _first: usize, rows: usize) -> (&mut [f64], &mut [f64]) {
        self.corrs.resize(rows * self.width, f64::NAN);
        self.least.resize(rows, f64::NAN);
        (&mut self.corrs, &mut self.least)
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let [lag, corr, llr, n] = &mut self.out;
        for (row, corrs) in self.corrs.chunks_exact(self.width).take(rows).enumerate() {
            let scan = Scan::of(corrs);
            (lag[first + row], corr[first + row], llr[first + row]) = (scan.lag, scan.corr, scan.llr);
            n[first + row] = self.least[row];
        }
    }
}

struct ByLags<'a, T> {
    size: usize,
    runs: Runs,
    max_lag: usize,
    min_samples: f64,
    asset: &'a [f64],
    leader: &'a [f64],
    target: T,
}

impl<T: Target> Work for ByLags<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let Self { size, runs, max_lag, min_samples, asset, leader, mut target } = self;
        let (n, width) = (asset.len(), 2 * max_lag + 1);
        let blocks = n.div_ceil(size);
        let [mut assets, mut leaders] = [Tile::<S>::new(size, max_lag), Tile::new(size, max_lag)];
        let mut shared = Shared::new(simd, size, max_lag, runs, min_samples);
        let mut staged = vec![0.0; S::F64_LANES * STAGED * width];
        let mut results = vec![Aligned(simd.splat_f64s(0.0)); runs.cap().min(size) * width];
        let mut group = Group::<S, CorrCount, 2, 2>::new(simd, CorrCount, size, runs, min_samples);
        for block in (0..blocks).step_by(S::F64_LANES) {
            let whole = assets.load(simd, asset, block) & leaders.load(simd, leader, block);
            let first = block * size;
            let rows = (S::F64_LANES * size).min(n - first);
            let (corrs, least) = target.place(first, rows);
            if whole {
                least.fill(size as f64);
                shared.run(
                    &assets,
                    &leaders,
                    &mut results,
                    &mut Together { corrs, size, width, staged: &mut staged },
                );
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
    }
}

/// The pairs at one lag.
#[derive(Clone, Copy)]
struct Lagged<'a, S> {
    simd: S,
    asset: &'a Tile<S>,
    leader: &'a Tile<S>,
    /// Where row 0 of a block stands in its tile.
    first: [usize; 2],
}

impl<'a, S: Width> Lagged<'a, S> {
    /// Of the lags from -L on, the one at `place`.
    #[inline(always)]
    fn new(simd: S, asset: &'a Tile<S>, leader: &'a Tile<S>, max_lag: usize, place: usize) -> Self {
        let first = [max_lag - place.saturating_sub(max_lag), place.min(max_lag)];
        Self { simd, asset, leader, first }
    }
}

impl<S: Width> Sides<S, 2> for Lagged<'_, S> {
    #[inline(always)]
    fn back(self, row: usize) -> [F<S>; 2] {
        let [y, x] = self.first;
        [self.asset.back(self.simd, y + row), self.leader.back(self.simd, x + row)]
    }

    #[inline(always)]
    fn front(self, row: usize) -> [F<S>; 2] {
        let [y, x] = self.first;
        [self.asset.front(self.simd, y + row), self.leader.front(self.simd, x + row)]
    }
}

/// Where the correlations of one lag go.
struct Column<'a> {
    corrs: &'a mut [f64],
    least: &'a mut [f64],
    size: usize,
    width: usize,
    place: usize,
}

impl<S: Width> Sink<S, 2> for Column<'_> {
    #[inline(always)]
    fn ahead(&self, _row: usize) {}

    #[inline(always)]
    fn write(&mut self, simd: S, start: usize, rows: usize, results: &[Vec<S::f64s>; 2]) {
        let available = self.corrs.len() / self.width;
        for lane in 0..S::F64_LANES {
            let from = lane * self.size + start;
            for (row, (&corr, &n)) in (from..available).zip(results[0][..rows].iter().zip(&results[1])) {
                self.corrs[row * self.width + self.place] = F::from_raw(simd, corr).lane(lane);
                if let Some(least) = self.least.get_mut(row) {
                    *least = least.min(F::from_raw(simd, n).lane(lane));
                }
            }
        }
    }
}

/// Where the correlations of all lags go, of blocks that are all there.
struct Together<'a> {
    corrs: &'a mut [f64],
    size: usize,
    width: usize,
    /// Some rows of each lane, one lane after the other.
    staged: &'a mut [f64],
}

impl<S: Width> Rows<S> for Together<'_> {
    #[inline(always)]
    fn write(&mut self, simd: S, start: usize, rows: usize, results: &[Aligned<S::f64s>]) {
        let (lanes, width) = (S::F64_LANES, self.width);
        for first in (0..rows).step_by(STAGED) {
            let count = STAGED.min(rows - first);
            for row in 0..count {
                let corrs = &results[(first + row) * width..][..width];
                let place = |lane: usize| (lane * STAGED + row) * width;
                if width < lanes {
                    for lane in 0..lanes {
                        for (to, &corr) in self.staged[place(lane)..][..width].iter_mut().zip(corrs) {
                            *to = F::from_raw(simd, corr.0).lane(lane);
                        }
                    }
                    continue;
                }
                let mut lag = 0;
                while lag < width {
                    // The last square may overlap the one before it.
                    let top = lag.min(width - lanes);
                    let mut square = [corrs[top].0; MOST_LANES];
                    for (to, corr) in square[..lanes].iter_mut().zip(&corrs[top..]) {
                        *to = corr.0;
                    }
                    simd.transpose(&mut square[..lanes]);
                    for (lane, &down) in square[..lanes].iter().enumerate() {
                        F::from_raw(simd, down).store(&mut self.staged[place(lane) + top..]);
                    }
                    lag += lanes;
                }
            }
            for lane in 0..lanes {
                let to = (lane * self.size + start + first) * width;
                self.corrs[to..to + count * width]
                    .copy_from_slice(&self.staged[lane * STAGED * width..][..count * width]);
            }
        }
    }
}
