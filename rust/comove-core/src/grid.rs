//! Moments of many assets by a few leaders, as many assets side by side as the processor has lanes.
//!
//! The same blocks as [`crate::window::SlidingWindow`], hence the same bits; the rows are kept once for all
//! pairs.

use crate::anchored::Anchored;
use crate::blocks::{Rows, Shape, TwoBlocks};
use crate::lanes::{F, Lanes, MOST_LANES, Width, Work};
use crate::moments::{PairMoments, Regression};
use crate::readings::{PairReadings, RegressionReadings};
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
    /// Standard deviation of the residuals, n - 2 degrees of freedom.
    ResidualStd,
    /// Standard error of beta.
    BetaStderr,
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

/// Bytes of the states of a grid, as the widest processor lays them out.
pub(crate) fn states(size: usize, assets: usize, leaders: usize) -> usize {
    let cells = assets.div_ceil(MOST_LANES) * leaders;
    let state = size_of::<Anchored<pulp::Scalar, 2, PairMoments<pulp::Scalar>>>() * MOST_LANES;
    Shape::of_rows(size, cells).states().saturating_mul(state)
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

/// A cell is `lanes` assets on one leader: leader by leader, group by group.
#[derive(Clone, Debug)]
struct Pairs<S: Width> {
    simd: S,
    assets: usize,
    leaders: usize,
    size: usize,
    runs: Runs,
    /// Group and leader of every cell.
    cells: Vec<(usize, usize)>,
    blocks: TwoBlocks<S, 2, PairMoments<S>>,
    /// Whether there is a back block.
    turned: bool,
    history: History,
}

/// The rows of the window: the assets' returns, filled up to whole groups, then the leaders'.
///
/// Row i of the front block lies in the place of row i of the back block, which has left the window by then.
#[derive(Clone, Debug)]
struct History {
    assets: usize,
    padded: usize,
    stride: usize,
    values: Vec<f64>,
}

impl History {
    /// Zeroed memory, of which the system gives no page before it is written to.
    fn new(lanes: usize, assets: usize, leaders: usize, size: usize) -> Self {
        let padded = assets.next_multiple_of(lanes);
        let stride = padded + leaders;
        Self { assets, padded, stride, values: vec![0.0; stride * size] }
    }

    fn write(&mut self, row: usize, returns: &[f64]) {
        let row = &mut self.values[row * self.stride..][..self.stride];
        row[..self.assets].copy_from_slice(&returns[..self.assets]);
        row[self.padded..].copy_from_slice(&returns[self.assets..]);
    }

    fn row(&self, row: usize) -> Vec<f64> {
        let row = &self.values[row * self.stride..][..self.stride];
        [&row[..self.assets], &row[self.padded..]].concat()
    }
}

/// The rows of a history from one of them on, as cells see them.
#[derive(Clone, Copy)]
struct View<'a, S> {
    simd: S,
    history: &'a History,
    cells: &'a [(usize, usize)],
    first: usize,
}

impl<S: Width> Rows<S, 2> for View<'_, S> {
    #[inline(always)]
    fn row(self, row: usize, cell: usize) -> [F<S>; 2] {
        let row = &self.history.values[(self.first + row) * self.history.stride..];
        let (group, leader) = self.cells[cell];
        [
            F::load(self.simd, &row[group * S::F64_LANES..]),
            F::splat(self.simd, row[self.history.padded + leader]),
        ]
    }
}

impl<S: Width> Pairs<S> {
    fn new(simd: S, assets: usize, leaders: usize, size: usize) -> Self {
        let groups = assets.div_ceil(S::F64_LANES);
        let runs = Runs::of_length(size);
        let blocks = TwoBlocks::new(simd, Shape::of_rows(size, groups * leaders));
        let history = History::new(S::F64_LANES, assets, leaders, size);
        let cells = (0..leaders).flat_map(|leader| (0..groups).map(move |group| (group, leader))).collect();
        Self { simd, assets, leaders, size, runs, cells, blocks, turned: false, history }
    }

    /// Brings every cell up to a row: another one, or another last one.
    #[inline(always)]
    fn step(&mut self, amend: bool) {
        let Self { simd, runs, cells, blocks, history, .. } = self;
        let begins = runs.begins(blocks.front_rows());
        let from = blocks.front_rows() + usize::from(!amend);
        let view = |first| View { simd: *simd, history, cells, first };
        let (row, rows) = (view(from - 1), view(0));
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

    /// Reads what needs residuals. They are not carried along, which would double the cost of a bar: the rows of the
    /// window go once more through the operations of [`crate::RollingPair`], cell by cell.
    #[inline(always)]
    fn read_residuals(&self, reading: PanelReading, least: F<S>, out: &mut [f64]) {
        let (front, _, gone) = self.held();
        let Some(last) = front.checked_sub(1) else { return };
        let mut blocks = TwoBlocks::<S, 2, Regression<S>>::new(self.simd, Shape::of_rows(self.size, 1));
        for (cell, &at) in self.cells.iter().enumerate() {
            let view = |first| View {
                simd: self.simd,
                history: &self.history,
                cells: &self.cells[cell..=cell],
                first,
            };
            blocks.clear();
            if self.turned {
                for row in 0..gone {
                    blocks.append(Gone(self.simd), self.runs.begins(row));
                }
                for row in gone..self.size {
                    blocks.append(view(row), self.runs.begins(row));
                }
                blocks.turn();
            }
            for row in 0..last {
                blocks.append(view(row), self.runs.begins(row));
            }
            blocks.push(view(last), self.runs.begins(last), front, view(0));
            let readings = RegressionReadings::new(blocks.current(0), least);
            let value = match reading {
                PanelReading::BetaStderr => readings.beta_stderr(),
                _ => readings.residual_std(),
            };
            self.put(at, value, out);
        }
    }

    /// Writes the lanes of a reading to its place.
    #[inline(always)]
    fn put(&self, (group, leader): (usize, usize), value: F<S>, out: &mut [f64]) {
        let first = group * S::F64_LANES;
        let place = leader * self.assets + first;
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
        // Not in these moments; see `Pairs::read_residuals`.
        PanelReading::ResidualStd | PanelReading::BetaStderr => readings.n().like(f64::NAN),
    }
}

/// A row that is not there any more.
#[derive(Clone, Copy)]
struct Gone<S>(S);

impl<S: Width> Rows<S, 2> for Gone<S> {
    #[inline(always)]
    fn row(self, _row: usize, _cell: usize) -> [F<S>; 2] {
        [F::splat(self.0, f64::NAN); 2]
    }
}

impl<S: Width> Grid for Pairs<S> {
    fn push(&mut self, returns: &[f64]) {
        if self.blocks.front_rows() == self.size {
            let Self { simd, blocks, .. } = self;
            simd.enter(
                #[inline(always)]
                || blocks.turn(),
            );
            self.turned = true;
        }
        self.history.write(self.blocks.front_rows(), returns);
        self.step(false);
    }

    fn replace_last(&mut self, returns: &[f64]) {
        self.history.write(self.blocks.front_rows() - 1, returns);
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
                if matches!(reading, PanelReading::ResidualStd | PanelReading::BetaStderr) {
                    self.read_residuals(reading, least, out);
                    return;
                }
                for (cell, &at) in self.cells.iter().enumerate() {
                    self.put(at, read(self.blocks.current(cell), reading, least), out);
                }
            },
        );
    }

    fn peek(&self, returns: &[f64], readings: &[PanelReading], min_samples: f64) -> Vec<Vec<f64>> {
        let mut row = History::new(S::F64_LANES, self.assets, self.leaders, 1);
        row.write(0, returns);
        let mut out = vec![vec![f64::NAN; self.assets * self.leaders]; readings.len()];
        let front = self.blocks.front_rows();
        let (simd, cells) = (self.simd, &self.cells[..]);
        let row = View { simd, history: &row, cells, first: 0 };
        let rows = View { simd, history: &self.history, cells, first: 0 };
        simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(simd, min_samples);
                for (cell, &at) in cells.iter().enumerate() {
                    let window = if front == self.size {
                        self.blocks.peek_turned(cell, row, 1, rows)
                    } else {
                        self.blocks.peek(cell, row, self.runs.begins(front), front + 1, rows)
                    };
                    for (&reading, out) in readings.iter().zip(&mut out) {
                        self.put(at, read(&window, reading, least), out);
                    }
                }
            },
        );
        out
    }

    fn read_one(&self, reading: PanelReading, min_samples: f64, asset: usize, leader: usize) -> f64 {
        let groups = self.cells.len() / self.leaders;
        let cell = leader * groups + asset / S::F64_LANES;
        let value = read(self.blocks.current(cell), reading, F::splat(self.simd, min_samples));
        value.lane(asset % S::F64_LANES)
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.turned = false;
    }

    fn held(&self) -> (usize, usize, usize) {
        let front = self.blocks.front_rows();
        if self.turned { (front, self.size - front, front) } else { (front, 0, 0) }
    }

    fn rows(&self) -> Vec<Vec<f64>> {
        let (front, back, gone) = self.held();
        (gone..gone + back).chain(0..front).map(|row| self.history.row(row)).collect()
    }

    fn refill(&mut self, gone: usize, back: usize, rows: &[Vec<f64>]) {
        self.clear();
        let missing = vec![f64::NAN; self.assets + self.leaders];
        if back > 0 {
            for row in core::iter::repeat_n(&missing, gone).chain(&rows[..back]) {
                self.push(row);
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
