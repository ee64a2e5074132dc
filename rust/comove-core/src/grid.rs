//! Moments of many assets by a few leaders, as many assets side by side as the processor has lanes.
//!
//! The same blocks as [`crate::window::SlidingWindow`], hence the same bits; the rows are kept once for all
//! pairs and lags.

use crate::anchored::Anchored;
use crate::blocks::{Gone, Rows, Shape, TwoBlocks};
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
    /// Correlations as they would be after one more row, or as they are for `None`: leader by leader, lag by lag from -L
    /// to L.
    fn correlations(&self, returns: Option<&[f64]>, min_samples: f64) -> Vec<f64>;
    /// One pair's reading.
    fn read_one(&self, reading: PanelReading, min_samples: f64, asset: usize, leader: usize) -> f64;
    /// Forgets all rows.
    fn clear(&mut self);
    /// Rows of the front block; rows of the back block that are in the window, and those that have left.
    fn held(&self) -> (usize, usize, usize);
    /// The L rows before the window, NaN where there were none, and those in it, oldest first.
    fn rows(&self) -> Vec<Vec<f64>>;
    /// Fills an empty grid: so many rows that have left and of the back block; `rows` are those [`rows`](Self::rows) gave.
    fn refill(&mut self, gone: usize, back: usize, rows: &[Vec<f64>]);
    fn boxed(&self) -> Box<dyn Grid>;
}

/// Bytes of the states of a grid, as the widest processor lays them out.
pub(crate) fn states(size: usize, assets: usize, leaders: usize, max_lag: usize) -> usize {
    let cells = (assets.div_ceil(MOST_LANES) * leaders).saturating_mul(2 * max_lag + 1);
    let state = size_of::<Anchored<pulp::Scalar, 2, PairMoments<pulp::Scalar>>>() * MOST_LANES;
    Shape::of_rows(size, cells).states().saturating_mul(state)
}

/// An empty grid with the widest lanes there are.
pub(crate) fn grid(
    lanes: Lanes,
    assets: usize,
    leaders: usize,
    size: usize,
    max_lag: usize,
) -> Box<dyn Grid> {
    struct New(usize, usize, usize, usize);
    impl Work for New {
        type Output = Box<dyn Grid>;
        fn run<S: Width>(self, simd: S) -> Box<dyn Grid> {
            Box::new(Pairs::new(simd, self.0, self.1, self.2, self.3))
        }
    }
    lanes.run(New(assets, leaders, size, max_lag))
}

/// `lanes` assets on one leader, the one or the other so many rows ago.
#[derive(Clone, Copy, Debug)]
struct Cell {
    group: usize,
    leader: usize,
    asset_back: usize,
    leader_back: usize,
}

/// Cells leader by leader, lag by lag, group by group.
#[derive(Clone, Debug)]
struct Pairs<S: Width> {
    simd: S,
    assets: usize,
    leaders: usize,
    size: usize,
    max_lag: usize,
    runs: Runs,
    cells: Vec<Cell>,
    blocks: TwoBlocks<S, 2, PairMoments<S>>,
    /// Whether there is a back block.
    turned: bool,
    history: History,
    /// Where the front block begins in the history.
    front: usize,
}

/// The rows of the window and the L before it, in a ring: the assets' returns, filled up to whole groups, then the
/// leaders'.
#[derive(Clone, Debug)]
struct History {
    assets: usize,
    padded: usize,
    stride: usize,
    rows: usize,
    values: Vec<f64>,
}

impl History {
    /// Zeroed memory, of which the system gives no page before it is written to.
    fn new(lanes: usize, assets: usize, leaders: usize, rows: usize) -> Self {
        let padded = assets.next_multiple_of(lanes);
        let stride = padded + leaders;
        Self { assets, padded, stride, rows, values: vec![0.0; stride * rows] }
    }

    /// The place of a row so many after that at `place`.
    #[inline(always)]
    fn after(&self, place: usize, rows: usize) -> usize {
        let after = place + rows;
        if after < self.rows { after } else { after - self.rows }
    }

    /// The place of a row so many before that at `place`.
    #[inline(always)]
    fn before(&self, place: usize, rows: usize) -> usize {
        if rows <= place { place - rows } else { place + self.rows - rows }
    }

    #[inline(always)]
    fn at(&self, place: usize) -> &[f64] {
        &self.values[place * self.stride..][..self.stride]
    }

    fn write(&mut self, place: usize, returns: &[f64]) {
        let row = &mut self.values[place * self.stride..][..self.stride];
        row[..self.assets].copy_from_slice(&returns[..self.assets]);
        row[self.padded..].copy_from_slice(&returns[self.assets..]);
    }

    /// Nothing is known of the last rows of the ring, which come before its first.
    fn forget(&mut self, rows: usize) {
        let first = (self.rows - rows) * self.stride;
        self.values[first..].fill(f64::NAN);
    }

    fn row(&self, place: usize) -> Vec<f64> {
        let row = self.at(place);
        [&row[..self.assets], &row[self.padded..]].concat()
    }
}

/// The rows of a history from a place on, as cells see them.
#[derive(Clone, Copy)]
struct View<'a, S> {
    simd: S,
    history: &'a History,
    cells: &'a [Cell],
    first: usize,
}

impl<S: Width> Rows<S, 2> for View<'_, S> {
    #[inline(always)]
    fn row(self, row: usize, cell: usize) -> [F<S>; 2] {
        let Self { simd, history, .. } = self;
        let Cell { group, leader, asset_back, leader_back } = self.cells[cell];
        let place = history.after(self.first, row);
        let asset = history.at(history.before(place, asset_back));
        let leaders = history.at(history.before(place, leader_back));
        [F::load(simd, &asset[group * S::F64_LANES..]), F::splat(simd, leaders[history.padded + leader])]
    }
}

/// A row that is not in the history yet; those before it are.
#[derive(Clone, Copy)]
struct Next<'a, S> {
    row: &'a History,
    /// Where it would stand.
    past: View<'a, S>,
}

impl<S: Width> Rows<S, 2> for Next<'_, S> {
    #[inline(always)]
    fn row(self, _row: usize, cell: usize) -> [F<S>; 2] {
        let Cell { group, leader, asset_back, leader_back } = self.past.cells[cell];
        let [past_asset, past_leader] = self.past.row(0, cell);
        let now = self.row.at(0);
        [
            if asset_back > 0 { past_asset } else { F::load(self.past.simd, &now[group * S::F64_LANES..]) },
            if leader_back > 0 {
                past_leader
            } else {
                F::splat(self.past.simd, now[self.row.padded + leader])
            },
        ]
    }
}

impl<S: Width> Pairs<S> {
    fn new(simd: S, assets: usize, leaders: usize, size: usize, max_lag: usize) -> Self {
        let groups = assets.div_ceil(S::F64_LANES);
        let runs = Runs::of_length(size);
        let count = groups * leaders * (2 * max_lag + 1);
        let blocks = TwoBlocks::new(simd, Shape::of_rows(size, count));
        let mut history = History::new(S::F64_LANES, assets, leaders, size + max_lag);
        history.forget(max_lag);
        let mut cells = Vec::with_capacity(count);
        for leader in 0..leaders {
            for place in 0..=2 * max_lag {
                let asset_back = place.saturating_sub(max_lag);
                let leader_back = max_lag.saturating_sub(place);
                cells.extend((0..groups).map(|group| Cell { group, leader, asset_back, leader_back }));
            }
        }
        Self { simd, assets, leaders, size, max_lag, runs, cells, blocks, turned: false, history, front: 0 }
    }

    fn groups(&self) -> usize {
        self.assets.div_ceil(S::F64_LANES)
    }

    /// The cells of lag 0.
    fn same_row(&self) -> impl Iterator<Item = usize> {
        let (groups, lags, middle) = (self.groups(), 2 * self.max_lag + 1, self.max_lag);
        (0..self.leaders).flat_map(move |leader| {
            let first = (leader * lags + middle) * groups;
            first..first + groups
        })
    }

    /// Where the back block begins in the history.
    fn back(&self) -> usize {
        self.history.before(self.front, self.size)
    }

    /// Brings every cell up to a row: another one, or another last one.
    #[inline(always)]
    fn step(&mut self, amend: bool) {
        let back = self.back();
        let Self { simd, runs, cells, blocks, history, front, .. } = self;
        let begins = runs.begins(blocks.front_rows());
        let from = blocks.front_rows() + usize::from(!amend);
        let view = |first| View { simd: *simd, history, cells, first };
        let (row, rows) = (view(history.after(*front, from - 1)), view(back));
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
        let (back, history) = (self.back(), &self.history);
        for cell in self.same_row() {
            let view = |place: usize| View {
                simd: self.simd,
                history,
                cells: &self.cells[cell..=cell],
                first: place,
            };
            blocks.clear();
            if self.turned {
                for row in 0..gone {
                    blocks.append(Gone(self.simd), self.runs.begins(row));
                }
                for row in gone..self.size {
                    blocks.append(view(history.after(back, row)), self.runs.begins(row));
                }
                blocks.turn();
            }
            for row in 0..last {
                blocks.append(view(history.after(self.front, row)), self.runs.begins(row));
            }
            let newest = view(history.after(self.front, last));
            blocks.push(newest, self.runs.begins(last), front, view(back));
            let readings = RegressionReadings::new(blocks.current(0), least);
            let value = match reading {
                PanelReading::BetaStderr => readings.beta_stderr(),
                _ => readings.residual_std(),
            };
            let Cell { group, leader, .. } = self.cells[cell];
            self.put(group, leader, value, out);
        }
    }

    /// Writes the lanes of a group to a column of one value an asset.
    #[inline(always)]
    fn put(&self, group: usize, column: usize, value: F<S>, out: &mut [f64]) {
        let first = group * S::F64_LANES;
        let place = column * self.assets + first;
        if first + S::F64_LANES <= self.assets {
            value.store(&mut out[place..]);
        } else {
            for asset in first..self.assets {
                out[place + asset - first] = value.lane(asset - first);
            }
        }
    }

    /// A cell's window as it would be after one more row.
    #[inline(always)]
    fn next(&self, cell: usize, row: Next<'_, S>) -> Anchored<S, 2, PairMoments<S>> {
        let front = self.blocks.front_rows();
        let rows = View { first: if front == self.size { self.front } else { self.back() }, ..row.past };
        if front == self.size {
            self.blocks.peek_turned(cell, row, 1, rows)
        } else {
            self.blocks.peek(cell, row, self.runs.begins(front), front + 1, rows)
        }
    }

    /// A row of a history of its own.
    fn alone(&self, returns: &[f64]) -> History {
        let mut row = History::new(S::F64_LANES, self.assets, self.leaders, 1);
        row.write(0, returns);
        row
    }

    fn after_last<'a>(&'a self, row: &'a History) -> Next<'a, S> {
        let first = self.history.after(self.front, self.blocks.front_rows());
        Next { row, past: View { simd: self.simd, history: &self.history, cells: &self.cells, first } }
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

impl<S: Width> Grid for Pairs<S> {
    fn push(&mut self, returns: &[f64]) {
        if self.blocks.front_rows() == self.size {
            let Self { simd, blocks, .. } = self;
            simd.enter(
                #[inline(always)]
                || blocks.turn(),
            );
            self.turned = true;
            self.front = self.history.after(self.front, self.size);
        }
        self.history.write(self.history.after(self.front, self.blocks.front_rows()), returns);
        self.step(false);
    }

    fn replace_last(&mut self, returns: &[f64]) {
        self.history.write(self.history.after(self.front, self.blocks.front_rows() - 1), returns);
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
                for cell in self.same_row() {
                    let Cell { group, leader, .. } = self.cells[cell];
                    self.put(group, leader, read(self.blocks.current(cell), reading, least), out);
                }
            },
        );
    }

    fn peek(&self, returns: &[f64], readings: &[PanelReading], min_samples: f64) -> Vec<Vec<f64>> {
        let row = self.alone(returns);
        let mut out = vec![vec![f64::NAN; self.assets * self.leaders]; readings.len()];
        self.simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(self.simd, min_samples);
                for cell in self.same_row() {
                    let window = self.next(cell, self.after_last(&row));
                    let Cell { group, leader, .. } = self.cells[cell];
                    for (&reading, out) in readings.iter().zip(&mut out) {
                        self.put(group, leader, read(&window, reading, least), out);
                    }
                }
            },
        );
        out
    }

    fn correlations(&self, returns: Option<&[f64]>, min_samples: f64) -> Vec<f64> {
        let row = returns.map(|returns| self.alone(returns));
        let (groups, columns) = (self.groups(), self.leaders * (2 * self.max_lag + 1));
        let mut out = vec![f64::NAN; self.assets * columns];
        self.simd.enter(
            #[inline(always)]
            || {
                let least = F::splat(self.simd, min_samples);
                for cell in 0..self.cells.len() {
                    let value = match &row {
                        Some(row) => PairReadings::new(&self.next(cell, self.after_last(row)), least).corr(),
                        None => PairReadings::new(self.blocks.current(cell), least).corr(),
                    };
                    self.put(cell % groups, cell / groups, value, &mut out);
                }
            },
        );
        out
    }

    fn read_one(&self, reading: PanelReading, min_samples: f64, asset: usize, leader: usize) -> f64 {
        let column = leader * (2 * self.max_lag + 1) + self.max_lag;
        let cell = column * self.groups() + asset / S::F64_LANES;
        let value = read(self.blocks.current(cell), reading, F::splat(self.simd, min_samples));
        value.lane(asset % S::F64_LANES)
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.turned = false;
        self.front = 0;
        self.history.forget(self.max_lag);
    }

    fn held(&self) -> (usize, usize, usize) {
        let front = self.blocks.front_rows();
        if self.turned { (front, self.size - front, front) } else { (front, 0, 0) }
    }

    fn rows(&self) -> Vec<Vec<f64>> {
        let (front, back, gone) = self.held();
        let history = &self.history;
        let first = if back > 0 { history.after(self.back(), gone) } else { self.front };
        let before = history.before(first, self.max_lag);
        (0..self.max_lag + back + front).map(|row| history.row(history.after(before, row))).collect()
    }

    fn refill(&mut self, gone: usize, back: usize, rows: &[Vec<f64>]) {
        self.clear();
        // Of the rows before the window those of its first block are pushed, as they were then.
        let pushed = if back > 0 { gone.min(self.max_lag) } else { 0 };
        let (before, rows) = rows.split_at(self.max_lag - pushed);
        for (ago, row) in (1..=before.len()).rev().zip(before) {
            self.history.write(self.history.before(0, ago), row);
        }
        if back > 0 {
            let missing = vec![f64::NAN; self.assets + self.leaders];
            for _ in pushed..gone {
                self.push(&missing);
            }
        }
        for row in rows {
            self.push(row);
        }
    }

    fn boxed(&self) -> Box<dyn Grid> {
        Box::new(self.clone())
    }
}
