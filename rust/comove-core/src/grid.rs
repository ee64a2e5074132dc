//! Moments of many assets by a few leaders, as many assets side by side as the processor has lanes.
//!
//! The same blocks as [`crate::window::SlidingWindow`], hence the same bits; the rows are kept once for all
//! pairs.

use crate::anchored::Anchored;
use crate::blocks::TwoBlocks;
use crate::lanes::{F, Lanes, Width, Work};
use crate::moments::PairMoments;
use crate::readings::PairReadings;
use crate::runs::Runs;

/// What can be read of every pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelReading {
    /// Slope of the asset on the leader.
    Beta,
    /// Intercept.
    Alpha,
    /// Correlation.
    Corr,
    /// Covariance, ddof 1.
    Cov,
    /// Squared correlation.
    RSquared,
    /// Complete rows in the window.
    Count,
}

/// A grid of pairs, whatever the lanes.
pub(crate) trait Grid: Send + Sync + core::fmt::Debug {
    /// Takes in a row of returns: the assets', then the leaders'.
    fn push(&mut self, returns: &[f64]);
    /// Puts another row in the place of the last one; there must be one.
    fn replace_last(&mut self, returns: &[f64]);
    /// Writes a reading of every pair, leader by leader.
    fn read(&self, reading: PanelReading, min_samples: f64, out: &mut Vec<f64>);
    /// The readings as they would be after one more row, each leader by leader.
    fn peek(&self, returns: &[f64], readings: &[PanelReading], min_samples: f64) -> Vec<Vec<f64>>;
    /// One pair's reading.
    fn read_one(&self, reading: PanelReading, min_samples: f64, asset: usize, leader: usize) -> f64;
    /// Forgets all rows.
    fn clear(&mut self);
    /// Rows of the front block; rows of the back block that are in the window, and those that have left.
    fn held(&self) -> (usize, usize, usize);
    /// The rows in the window, oldest first.
    fn rows(&self) -> Vec<Vec<f64>>;
    /// Fills an empty grid: rows that have left, rows of the back block, rows of the front block.
    fn refill(&mut self, gone: usize, back: usize, rows: &[Vec<f64>]);
    fn boxed(&self) -> Box<dyn Grid>;
}

/// An empty grid with the widest lanes there are.
pub(crate) fn grid(lanes: Lanes, assets: usize, leaders: usize, size: usize) -> Box<dyn Grid> {
    struct New(usize, usize, usize);
    impl Work for New {
        type Output = Box<dyn Grid>;
        fn run<S: Width>(self, simd: S) -> Box<dyn Grid> {
            Box::new(Pairs::new(simd, self.0, self.1, self.2))
        }
    }
    lanes.run(New(assets, leaders, size))
}

/// `lanes` assets on one leader.
#[derive(Clone, Debug)]
struct Cell<S: Width> {
    group: usize,
    leader: usize,
    blocks: TwoBlocks<S, 2, PairMoments<S>>,
}

#[derive(Clone, Debug)]
struct Pairs<S: Width> {
    simd: S,
    assets: usize,
    leaders: usize,
    size: usize,
    /// Leader by leader, group by group.
    cells: Vec<Cell<S>>,
    back: History,
    front: History,
}

/// Rows of returns: the assets', filled up to whole groups, then the leaders'.
#[derive(Clone, Debug)]
struct History {
    assets: usize,
    padded: usize,
    stride: usize,
    len: usize,
    values: Vec<f64>,
}

impl History {
    fn new(lanes: usize, assets: usize, leaders: usize, size: usize) -> Self {
        let padded = assets.next_multiple_of(lanes);
        let stride = padded + leaders;
        Self { assets, padded, stride, len: 0, values: vec![f64::NAN; stride * size] }
    }

    fn push(&mut self, returns: &[f64]) {
        self.len += 1;
        self.replace_last(returns);
    }

    fn replace_last(&mut self, returns: &[f64]) {
        let row = &mut self.values[(self.len - 1) * self.stride..][..self.stride];
        row[..self.assets].copy_from_slice(&returns[..self.assets]);
        row[self.padded..].copy_from_slice(&returns[self.assets..]);
    }

    #[inline(always)]
    fn pair<S: Width>(&self, simd: S, row: usize, group: usize, leader: usize) -> [F<S>; 2] {
        let row = &self.values[row * self.stride..];
        [F::load(simd, &row[group * S::F64_LANES..]), F::splat(simd, row[self.padded + leader])]
    }

    fn row(&self, row: usize) -> Vec<f64> {
        let row = &self.values[row * self.stride..][..self.stride];
        [&row[..self.assets], &row[self.padded..]].concat()
    }
}

impl<S: Width> Pairs<S> {
    fn new(simd: S, assets: usize, leaders: usize, size: usize) -> Self {
        let groups = assets.div_ceil(S::F64_LANES);
        let runs = Runs::of_length(size);
        let cell = |leader, group| Cell { group, leader, blocks: TwoBlocks::new(simd, runs, size) };
        let cells = (0..leaders).flat_map(|leader| (0..groups).map(move |group| cell(leader, group)));
        let history = History::new(S::F64_LANES, assets, leaders, size);
        let cells = cells.collect();
        Self { simd, assets, leaders, size, cells, back: history.clone(), front: history }
    }

    fn turn_if_full(&mut self) {
        if self.front.len < self.size {
            return;
        }
        let cells = &mut self.cells;
        self.simd.enter(
            #[inline(always)]
            || {
                for cell in cells {
                    cell.blocks.turn();
                }
            },
        );
        core::mem::swap(&mut self.back, &mut self.front);
        self.front.len = 0;
    }

    /// Brings every cell up to the last row of the history.
    #[inline(always)]
    fn step(&mut self, amend: bool) {
        let Self { simd, cells, back, front, .. } = self;
        let simd = *simd;
        let from = front.len;
        simd.enter(
            #[inline(always)]
            || {
                for cell in cells {
                    let (group, leader) = (cell.group, cell.leader);
                    let row = front.pair(simd, from - 1, group, leader);
                    let rows = |i| back.pair(simd, i, group, leader);
                    if amend {
                        cell.blocks.replace_last(row, from, rows);
                    } else {
                        cell.blocks.push(row, from, rows);
                    }
                }
            },
        );
    }

    /// Writes the lanes of a cell's reading to its place.
    #[inline(always)]
    fn put(&self, cell: &Cell<S>, value: F<S>, out: &mut [f64]) {
        let first = cell.group * S::F64_LANES;
        let place = cell.leader * self.assets + first;
        if first + S::F64_LANES <= self.assets {
            value.store(&mut out[place..]);
        } else {
            for asset in first..self.assets {
                out[place + asset - first] = value.lane(asset - first);
            }
        }
    }
}

#[inline(always)]
fn read<S: Width>(window: &Anchored<S, 2, PairMoments<S>>, reading: PanelReading, min_samples: F<S>) -> F<S> {
    let readings = PairReadings::new(window, min_samples);
    match reading {
        PanelReading::Beta => readings.beta(),
        PanelReading::Alpha => readings.alpha(),
        PanelReading::Corr => readings.corr(),
        PanelReading::Cov => readings.cov(min_samples.like(1.0)),
        PanelReading::RSquared => readings.r_squared(),
        PanelReading::Count => readings.n(),
    }
}

impl<S: Width> Grid for Pairs<S> {
    fn push(&mut self, returns: &[f64]) {
        self.turn_if_full();
        self.front.push(returns);
        self.step(false);
    }

    fn replace_last(&mut self, returns: &[f64]) {
        self.front.replace_last(returns);
        self.step(true);
    }

    fn read(&self, reading: PanelReading, min_samples: f64, out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.assets * self.leaders, f64::NAN);
        let out = &mut out[..];
        self.simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(self.simd, min_samples);
                for cell in &self.cells {
                    self.put(cell, read(cell.blocks.current(), reading, least), out);
                }
            },
        );
    }

    fn peek(&self, returns: &[f64], readings: &[PanelReading], min_samples: f64) -> Vec<Vec<f64>> {
        let mut row = History::new(S::F64_LANES, self.assets, self.leaders, 1);
        row.push(returns);
        let mut out = vec![vec![f64::NAN; self.assets * self.leaders]; readings.len()];
        let full = self.front.len == self.size;
        let simd = self.simd;
        simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(simd, min_samples);
                for cell in &self.cells {
                    let (group, leader) = (cell.group, cell.leader);
                    let new = row.pair(simd, 0, group, leader);
                    let window = if full {
                        cell.blocks.peek_turned(new, 1, |i| self.front.pair(simd, i, group, leader))
                    } else {
                        let from = self.front.len + 1;
                        cell.blocks.peek(new, from, |i| self.back.pair(simd, i, group, leader))
                    };
                    for (&reading, out) in readings.iter().zip(&mut out) {
                        self.put(cell, read(&window, reading, least), out);
                    }
                }
            },
        );
        out
    }

    fn read_one(&self, reading: PanelReading, min_samples: f64, asset: usize, leader: usize) -> f64 {
        let groups = self.cells.len() / self.leaders.max(1);
        let cell = &self.cells[leader * groups + asset / S::F64_LANES];
        let value = read(cell.blocks.current(), reading, F::splat(self.simd, min_samples));
        value.lane(asset % S::F64_LANES)
    }

    fn clear(&mut self) {
        for cell in &mut self.cells {
            cell.blocks.clear();
        }
        (self.front.len, self.back.len) = (0, 0);
    }

    fn held(&self) -> (usize, usize, usize) {
        let gone = self.front.len.min(self.back.len);
        (self.front.len, self.back.len - gone, gone)
    }

    fn rows(&self) -> Vec<Vec<f64>> {
        let (front, _, gone) = self.held();
        let back = (gone..self.back.len).map(|row| self.back.row(row));
        back.chain((0..front).map(|row| self.front.row(row))).collect()
    }

    fn refill(&mut self, gone: usize, back: usize, rows: &[Vec<f64>]) {
        self.clear();
        let missing = vec![f64::NAN; self.assets + self.leaders];
        if back > 0 {
            let old = core::iter::repeat_n(&missing, gone).chain(&rows[..back]);
            for row in old {
                self.front.push(row);
                self.step(false);
            }
            // As many rows as a block has: the next one turns it.
        }
        for row in &rows[back..] {
            self.push(row);
        }
    }

    fn boxed(&self) -> Box<dyn Grid> {
        Box::new(self.clone())
    }
}
