//! The windows of one pair at every lag, as many lags side by side as the processor has lanes.
//!
//! The same blocks as [`crate::window::SlidingWindow`], hence the same bits. Lanes stand in the order of the lags
//! -L .. 0, L .. 1: so of either side the rows that the lanes of a cell need lie together, in the order of the lanes.

use super::Lags;
use crate::anchored::Anchored;
use crate::blocks::{Gone, Rows, Shape, TwoBlocks};
use crate::lanes::{F, Lanes, MOST_LANES, Mask, Width, Work};
use crate::moments::PairMoments;
use crate::readings::PairReadings;
use crate::runs::Runs;

/// What stands in a window.
pub(super) struct Held {
    /// Rows of the back block that have left; 0 where none is left of it.
    pub(super) gone: usize,
    /// Rows of the back block that are in the window.
    pub(super) back: usize,
    /// Rows of the front block.
    pub(super) front: usize,
    /// Rows of the window and the L before it, of the asset and the leader, NaN where there is none: L + window size.
    pub(super) rows: [Vec<f64>; 2],
}

/// The windows, whatever the lanes.
pub(super) trait Cells: Send + Sync + core::fmt::Debug {
    fn push(&mut self, asset: f64, leader: f64);
    /// Puts another row in the place of the last one; there must be one.
    fn amend(&mut self, asset: f64, leader: f64);
    /// Writes the correlations from lag -L to L; gives the least number of pairs.
    fn read(&self, corrs: &mut [f64]) -> f64;
    /// The correlations as they would be after one more row.
    fn peek(&self, asset: f64, leader: f64, corrs: &mut [f64]);
    fn clear(&mut self);
    fn held(&self) -> Held;
    /// Fills empty windows with the L rows before the window and its own.
    fn refill(&mut self, gone: usize, back: usize, rows: [&[f64]; 2]);
    fn boxed(&self) -> Box<dyn Cells>;
}

/// Bytes of the states, as the widest processor lays them out.
pub(super) fn bytes(lags: &Lags) -> usize {
    let cells = lags.count().div_ceil(MOST_LANES);
    let state = size_of::<Anchored<pulp::Scalar, 2, PairMoments<pulp::Scalar>>>() * MOST_LANES;
    Shape::of_rows(lags.window_size(), cells).states().saturating_mul(state)
}

/// Empty windows.
pub(super) fn cells(lanes: Lanes, lags: &Lags) -> Box<dyn Cells> {
    struct New<'a>(&'a Lags);
    impl Work for New<'_> {
        type Output = Box<dyn Cells>;
        fn run<S: Width>(self, simd: S) -> Box<dyn Cells> {
            Box::new(PairAtLags::new(simd, self.0))
        }
    }
    lanes.run(New(lags))
}

/// What the lanes of a cell take from the row itself; the others take an earlier one.
#[derive(Clone, Copy, Debug)]
struct Near<S: Width> {
    asset: Mask<S>,
    leader: Mask<S>,
}

/// The rows of a block of one side, after as many rows before it as any lane looks at.
#[derive(Clone, Debug)]
struct Side {
    back: Vec<f64>,
    front: Vec<f64>,
}

#[derive(Clone, Debug)]
struct PairAtLags<S: Width> {
    simd: S,
    size: usize,
    max_lag: usize,
    min_samples: f64,
    runs: Runs,
    blocks: TwoBlocks<S, 2, PairMoments<S>>,
    /// Whether there is a back block.
    turned: bool,
    near: Vec<Near<S>>,
    asset: Side,
    leader: Side,
}

/// Rows of a block, as the cells see them.
#[derive(Clone, Copy)]
struct View<'a, S: Width> {
    simd: S,
    near: &'a [Near<S>],
    asset: &'a [f64],
    leader: &'a [f64],
    max_lag: usize,
    /// Where row 0 stands.
    first: usize,
}

impl<S: Width> Rows<S, 2> for View<'_, S> {
    #[inline(always)]
    fn row(self, row: usize, cell: usize) -> [F<S>; 2] {
        let at = self.first + row;
        let lane = at + cell * S::F64_LANES;
        let near = self.near[cell];
        // Lane i is lag i - L up to L, and after it 2L + 1 - i.
        let asset = F::load(self.simd, &self.asset[lane - before(self.max_lag)..]);
        let leader = F::load(self.simd, &self.leader[lane - self.max_lag..]);
        [
            near.asset.pick(F::splat(self.simd, self.asset[at]), asset),
            near.leader.pick(F::splat(self.simd, self.leader[at]), leader),
        ]
    }
}

/// Rows before a block that some lane may look at.
fn before(max_lag: usize) -> usize {
    2 * max_lag + 1
}

impl<S: Width> PairAtLags<S> {
    fn new(simd: S, lags: &Lags) -> Self {
        let (size, max_lag) = (lags.window_size(), lags.max_lag());
        let cells = lags.count().div_ceil(S::F64_LANES);
        let limits = [max_lag, 2 * max_lag].map(|limit| F::splat(simd, limit as f64));
        let near = (0..cells).map(|cell| {
            let lane = F::from_fn(simd, |lane| (cell * S::F64_LANES + lane) as f64);
            // Lanes past the last lag do as lag 0.
            let spare = limits[1].lt(lane);
            let negative = lane.le(limits[0]);
            Near { asset: negative.or(spare), leader: negative.negated() }
        });
        // Whole cells are loaded, whose last lanes may lie beyond the last row.
        let length = before(max_lag) + size + max_lag + 2 * S::F64_LANES;
        let side = Side { back: vec![f64::NAN; length], front: vec![f64::NAN; length] };
        Self {
            simd,
            size,
            max_lag,
            min_samples: lags.window().min_samples() as f64,
            runs: Runs::of_length(size),
            blocks: TwoBlocks::new(simd, Shape::of_rows(size, cells)),
            turned: false,
            near: near.collect(),
            asset: side.clone(),
            leader: side,
        }
    }

    /// Brings every lag up to a row: another one, or another last one.
    #[inline(always)]
    fn step(&mut self, amend: bool) {
        let Self { simd, runs, blocks, near, asset, leader, max_lag, .. } = self;
        let (simd, max_lag) = (*simd, *max_lag);
        let begins = runs.begins(blocks.front_rows());
        let from = blocks.front_rows() + usize::from(!amend);
        let first = before(max_lag);
        let rows = View { simd, near, asset: &asset.back, leader: &leader.back, max_lag, first };
        let row = View { asset: &asset.front, leader: &leader.front, first: first + from - 1, ..rows };
        simd.enter(
            #[inline(always)]
            || {
                if amend {
                    blocks.replace_last(row, from, rows);
                } else {
                    blocks.push(row, begins, from, rows);
                }
            },
        );
    }

    /// The front block has ended.
    fn turn(&mut self) {
        let Self { simd, blocks, .. } = self;
        simd.enter(
            #[inline(always)]
            || blocks.turn(),
        );
        self.turned = true;
        for side in [&mut self.asset, &mut self.leader] {
            core::mem::swap(&mut side.back, &mut side.front);
            let before = before(self.max_lag);
            side.front[..before].copy_from_slice(&side.back[self.size..][..before]);
        }
    }

    fn put(&mut self, row: usize, asset: f64, leader: f64) {
        let at = before(self.max_lag) + row;
        (self.asset.front[at], self.leader.front[at]) = (asset, leader);
    }

    /// Writes the correlations of a cell's lanes where their lags stand.
    #[inline(always)]
    fn write(&self, cell: usize, value: F<S>, corrs: &mut [f64]) {
        let first = cell * S::F64_LANES;
        if first + S::F64_LANES <= self.max_lag + 1 {
            value.store(&mut corrs[first..]);
            return;
        }
        for lane in first..(first + S::F64_LANES).min(corrs.len()) {
            let place = if lane <= self.max_lag { lane } else { 3 * self.max_lag + 1 - lane };
            corrs[place] = value.lane(lane - first);
        }
    }
}

impl<S: Width> Cells for PairAtLags<S> {
    fn push(&mut self, asset: f64, leader: f64) {
        if self.blocks.front_rows() == self.size {
            self.turn();
        }
        self.put(self.blocks.front_rows(), asset, leader);
        self.step(false);
    }

    fn amend(&mut self, asset: f64, leader: f64) {
        self.put(self.blocks.front_rows() - 1, asset, leader);
        self.step(true);
    }

    fn read(&self, corrs: &mut [f64]) -> f64 {
        self.simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(self.simd, self.min_samples);
                let mut n = F::splat(self.simd, f64::INFINITY);
                for cell in 0..self.near.len() {
                    let readings = PairReadings::new(self.blocks.current(cell), least);
                    n = n.at_most(readings.n());
                    self.write(cell, readings.corr(), corrs);
                }
                (0..S::F64_LANES).fold(f64::INFINITY, |least, lane| least.min(n.lane(lane)))
            },
        )
    }

    fn peek(&self, asset: f64, leader: f64, corrs: &mut [f64]) {
        let (front, before) = (self.blocks.front_rows(), before(self.max_lag));
        // The rows before the new one, and room for whole cells after it.
        let with = |side: &Side, value: f64| {
            let mut rows = side.front[front..][..before].to_vec();
            rows.push(value);
            rows.resize(before + self.max_lag + 2 * S::F64_LANES, f64::NAN);
            rows
        };
        let (asset, leader) = (with(&self.asset, asset), with(&self.leader, leader));
        let turns = front == self.size;
        let [y, x] = [&self.asset, &self.leader].map(|side| if turns { &side.front } else { &side.back });
        let rows = View {
            simd: self.simd,
            near: &self.near,
            asset: y,
            leader: x,
            max_lag: self.max_lag,
            first: before,
        };
        let row = View { asset: &asset, leader: &leader, ..rows };
        self.simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(self.simd, self.min_samples);
                for cell in 0..self.near.len() {
                    let window = if turns {
                        self.blocks.peek_turned(cell, row, 1, rows)
                    } else {
                        self.blocks.peek(cell, row, self.runs.begins(front), front + 1, rows)
                    };
                    self.write(cell, PairReadings::new(&window, least).corr(), corrs);
                }
            },
        );
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.turned = false;
        for side in [&mut self.asset, &mut self.leader] {
            side.back.fill(f64::NAN);
            side.front.fill(f64::NAN);
        }
    }

    fn held(&self) -> Held {
        let front = self.blocks.front_rows();
        let back = if self.turned { self.size - front } else { 0 };
        let before = before(self.max_lag);
        let rows = [&self.asset, &self.leader].map(|side| {
            let mut rows = Vec::with_capacity(self.max_lag + self.size);
            if back > 0 {
                rows.extend_from_slice(&side.back[before + front - self.max_lag..before + self.size]);
            } else {
                rows.resize(self.size - front, f64::NAN);
                rows.extend_from_slice(&side.front[before - self.max_lag..before]);
            }
            rows.extend_from_slice(&side.front[before..before + front]);
            rows
        });
        Held { gone: if back > 0 { front } else { 0 }, back, front, rows }
    }

    fn refill(&mut self, gone: usize, back: usize, rows: [&[f64]; 2]) {
        self.clear();
        let first = before(self.max_lag) + gone - self.max_lag;
        let old = self.max_lag + back;
        for (side, rows) in [&mut self.asset, &mut self.leader].into_iter().zip(rows) {
            side.front[first..first + old].copy_from_slice(&rows[..old]);
        }
        if back > 0 {
            for row in 0..self.size {
                let begins = self.runs.begins(row);
                if row < gone {
                    self.blocks.append(Gone(self.simd), begins);
                    continue;
                }
                let view = View {
                    simd: self.simd,
                    near: &self.near,
                    asset: &self.asset.front,
                    leader: &self.leader.front,
                    max_lag: self.max_lag,
                    first: before(self.max_lag) + row,
                };
                self.blocks.append(view, begins);
            }
        }
        for (&asset, &leader) in rows[0][old..].iter().zip(&rows[1][old..]) {
            self.push(asset, leader);
        }
    }

    fn boxed(&self) -> Box<dyn Cells> {
        Box::new(self.clone())
    }
}
