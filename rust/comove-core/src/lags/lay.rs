//! Where the pairs of a lag come from, and where its correlations go.

use super::shared::Rows;
use super::tape::Aligned;
use crate::group::{Sides, Sink};
use crate::lanes::{F, MOST_LANES, Width, stream};
use crate::tile::Tile;

/// Rows that are laid together before they are written: written one by one, rows of eight blocks that lie far apart took
/// longer than all the rest, for every line of them is waited for.
pub(super) const STAGED: usize = 16;

/// The pairs at one lag.
#[derive(Clone, Copy)]
pub(super) struct Lagged<'a, S> {
    simd: S,
    asset: &'a Tile<S>,
    leader: &'a Tile<S>,
    /// Where row 0 of a block stands in its tile.
    first: [usize; 2],
}

impl<'a, S: Width> Lagged<'a, S> {
    /// Of the lags from -L on, the one at `place`.
    #[inline(always)]
    pub(super) fn new(
        simd: S,
        asset: &'a Tile<S>,
        leader: &'a Tile<S>,
        max_lag: usize,
        place: usize,
    ) -> Self {
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
pub(super) struct Column<'a> {
    pub(super) corrs: &'a mut [f64],
    pub(super) least: &'a mut [f64],
    pub(super) size: usize,
    pub(super) width: usize,
    pub(super) place: usize,
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
pub(super) struct Together<'a> {
    pub(super) corrs: &'a mut [f64],
    pub(super) size: usize,
    pub(super) width: usize,
    /// Some rows of each lane, one lane after the other.
    pub(super) staged: &'a mut [f64],
    /// Whether the results are more than the cache holds.
    pub(super) past_cache: bool,
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
                let to = &mut self.corrs[to..to + count * width];
                let from = &self.staged[lane * STAGED * width..][..count * width];
                if self.past_cache {
                    stream(to, from);
                } else {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}
