//! One asset on several leaders at once.
//!
//! Leaders move together: three single betas count one risk three times. The joint betas are those of the
//! regression of y on x_1 .. x_k with an intercept.
//!
//! # Letters
//! C correlations of the leaders, c their correlations with the asset; b = C^-1 c by Cholesky C = L L';
//! beta_j = b_j sqrt(Syy / Sjj); r_squared = b'c. Scaling to correlations first keeps the solve stable
//! whatever the scales of the leaders are (van der Sluis 1969: within a factor k of the best scaling).

use pulp::{Scalar, Simd};

use crate::anchored::Anchored;
use crate::batch::{Estimator, rolling};
use crate::error::Result;
use crate::lanes::{F, Mask};
use crate::moments::{Moments, product};
use crate::pair::{in_snapshot, read_window, write_window};
use crate::params::{Extent, Window, at_least, at_most, same_length};
use crate::readings::{in_range, varies};
use crate::snapshot::{Object, Reader, Writer};
use crate::window::SlidingWindow;

/// Most leaders of a joint regression.
pub const MOST_LEADERS: usize = 8;

/// A pivot of the Cholesky factorisation is 1 minus the share of a leader that those before it explain.
/// Below 2^-40 rounding decides it, and the leaders count as collinear.
const COLLINEAR: f64 = 1.0 / (1_u64 << 40) as f64;

/// Joint regression on `D - 1` leaders: betas, alpha, r_squared, n, which makes `K` = D + 2.
#[derive(Clone, Copy, Debug)]
pub struct Joint;

macro_rules! joint {
    ($($d:literal, $p:literal, $k:literal;)*) => {
        $(impl Estimator<$d, $k> for Joint {
            type State<S: Simd> = Moments<S, $d, $p>;
            #[inline(always)]
            fn read<S: Simd>(
                &self,
                window: &Anchored<S, $d, Moments<S, $d, $p>>,
                min_samples: F<S>,
            ) -> [F<S>; $k] {
                solve(window, min_samples)
            }
        })*

        /// Joint betas, alpha, `r_squared` and n of each row's window, one slice each.
        ///
        /// # Errors
        /// No or too many leaders; slices of different lengths; times that run backwards.
        pub fn rolling_joint(
            window: &Window,
            series: &[&[f64]],
            times: &[i64],
            out: &mut [&mut [f64]],
        ) -> Result<()> {
            check_leaders(series.len().saturating_sub(1))?;
            same_length("out", out.len(), series.len() + 2)?;
            let mut taken = out.iter_mut();
            match series.len() {
                $($d => {
                    let series: [&[f64]; $d] = core::array::from_fn(|i| series[i]);
                    let out: [&mut [f64]; $k] =
                        core::array::from_fn(|_| taken.next().map_or(&mut [][..], |slice| &mut **slice));
                    rolling(Joint, window, series, times, out)
                })*
                _ => Ok(()),
            }
        }

        fn live(leaders: usize, window: &Window, max_rows: Option<usize>) -> Result<Box<dyn Live>> {
            check_leaders(leaders)?;
            match leaders + 1 {
                $($d => Ok(Box::new(SlidingWindow::<$d, Moments<Scalar, $d, $p>>::new(*window, max_rows)?)),)*
                // The check above leaves no other number.
                others => Err(crate::Error::Length { name: "leaders", value: others, expected: MOST_LEADERS }),
            }
        }

        $(impl Live for SlidingWindow<$d, Moments<Scalar, $d, $p>> {
            fn push(&mut self, row: &[f64], ts: i64) -> Result<()> {
                SlidingWindow::push(self, core::array::from_fn(|i| row[i]), ts)
            }
            fn peek(&self, row: &[f64], ts: i64, min_samples: F<Scalar>) -> Result<Vec<f64>> {
                let window = SlidingWindow::peek(self, core::array::from_fn(|i| row[i]), ts)?;
                Ok(Joint.read(&window, min_samples).map(F::first).to_vec())
            }
            fn amend(&mut self, row: &[f64], ts: Option<i64>) -> Result<()> {
                SlidingWindow::amend(self, core::array::from_fn(|i| row[i]), ts)
            }
            fn readings(&self, min_samples: F<Scalar>) -> Vec<f64> {
                Joint.read(self.current(), min_samples).map(F::first).to_vec()
            }
            fn clear(&mut self) {
                SlidingWindow::clear(self);
            }
            fn last_time(&self) -> Option<i64> {
                SlidingWindow::last_time(self)
            }
            fn write(&self, out: &mut Writer) {
                SlidingWindow::write(self, out);
            }
            fn restore(&mut self, from: &mut Reader) -> Result<()> {
                SlidingWindow::read(self, from)
            }
            fn boxed(&self) -> Box<dyn Live> {
                Box::new(self.clone())
            }
        })*
    };
}

joint! {
    2, 3, 4;
    3, 6, 5;
    4, 10, 6;
    5, 15, 7;
    6, 21, 8;
    7, 28, 9;
    8, 36, 10;
    9, 45, 11;
}

fn check_leaders(leaders: usize) -> Result<()> {
    at_least("leaders", leaders, 1)?;
    at_most("leaders", leaders, MOST_LEADERS, "the joint regression of so many is solved")
}

/// Betas, alpha, r_squared, n of one window.
#[inline(always)]
fn solve<S: Simd, const D: usize, const P: usize, const K: usize>(
    window: &Anchored<S, D, Moments<S, D, P>>,
    min_samples: F<S>,
) -> [F<S>; K] {
    let Moments { n, mean, products } = window.state;
    let like = |value| n.like(value);
    let leaders = D - 1;
    let syy = products[product(0, 0)];
    // As many rows as unknowns leave no residual; one more is the least that says anything.
    let mut defined = min_samples.le(n).and(like(D as f64).lt(n)).and(in_range(syy));
    let mut root = [like(1.0); D];
    for j in 0..D {
        let sum = products[product(j, j)];
        if j > 0 {
            defined = defined.and(varies(sum));
        }
        root[j] = sum.sqrt();
    }
    // Where the asset does not vary its betas are 0, and r_squared is not defined.
    let asset_varies = like(0.0).lt(syy);
    let syy_root = asset_varies.pick(root[0], like(1.0));

    let mut lower = [[like(0.0); D]; D];
    let mut half = [like(0.0); D];
    for i in 1..D {
        for j in 1..=i {
            let mut sum = if i == j { like(1.0) } else { (products[product(i, j)] / root[i]) / root[j] };
            for l in 1..j {
                sum = sum - lower[i][l] * lower[j][l];
            }
            if i == j {
                defined = defined.and(like(COLLINEAR).lt(sum));
                lower[i][i] = sum.sqrt();
            } else {
                lower[i][j] = sum / lower[j][j];
            }
        }
        let mut sum = (products[product(i, 0)] / root[i]) / syy_root;
        for l in 1..i {
            sum = sum - lower[i][l] * half[l];
        }
        half[i] = sum / lower[i][i];
    }
    let mut explained = like(0.0);
    for value in &half[1..] {
        explained = explained + *value * *value;
    }
    let mut betas = half;
    for i in (1..D).rev() {
        let mut sum = betas[i];
        for l in i + 1..D {
            sum = sum - lower[l][i] * betas[l];
        }
        betas[i] = sum / lower[i][i];
    }
    let mut of_anchor = window.anchor[0];
    let mut of_mean = mean[0];
    let mut out = [n; K];
    for j in 1..D {
        let beta = betas[j] * (syy_root / root[j]);
        of_anchor = of_anchor - beta * window.anchor[j];
        of_mean = of_mean - beta * mean[j];
        out[j - 1] = given(defined, beta);
    }
    out[leaders] = given(defined, of_anchor + of_mean);
    out[leaders + 1] = given(defined.and(asset_varies), explained.at_most(like(1.0)));
    out
}

#[inline(always)]
fn given<S: Simd>(defined: Mask<S>, value: F<S>) -> F<S> {
    defined.and(value.is_finite()).pick(value, value.like(f64::NAN))
}

/// What the live object asks of a window over any number of series.
trait Live: Send + Sync + core::fmt::Debug {
    fn push(&mut self, row: &[f64], ts: i64) -> Result<()>;
    fn peek(&self, row: &[f64], ts: i64, min_samples: F<Scalar>) -> Result<Vec<f64>>;
    fn amend(&mut self, row: &[f64], ts: Option<i64>) -> Result<()>;
    fn readings(&self, min_samples: F<Scalar>) -> Vec<f64>;
    fn clear(&mut self);
    fn last_time(&self) -> Option<i64>;
    fn write(&self, out: &mut Writer);
    fn restore(&mut self, from: &mut Reader) -> Result<()>;
    fn boxed(&self) -> Box<dyn Live>;
}

/// Joint betas of an asset on several leaders, one row at a time.
#[derive(Debug)]
pub struct JointPair {
    leaders: usize,
    window: Window,
    max_rows: Option<usize>,
    sliding: Box<dyn Live>,
}

impl Clone for JointPair {
    fn clone(&self) -> Self {
        Self { sliding: self.sliding.boxed(), ..*self }
    }
}

impl JointPair {
    /// An empty window over an asset and `leaders` leaders.
    ///
    /// # Errors
    /// No or too many leaders; as [`crate::RollingPair::new`].
    pub fn new(leaders: usize, window: Window, max_rows: Option<usize>) -> Result<Self> {
        let sliding = live(leaders, &window, max_rows)?;
        Ok(Self { leaders, window, max_rows, sliding })
    }

    /// Number of leaders.
    pub fn leaders(&self) -> usize {
        self.leaders
    }

    /// The window's options.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Most rows a window by time may hold.
    pub fn max_rows(&self) -> Option<usize> {
        self.max_rows
    }

    fn check(&self, row: &[f64]) -> Result<()> {
        same_length("leaders", row.len().saturating_sub(1), self.leaders)
    }

    fn min_samples(&self) -> F<Scalar> {
        F::splat(Scalar, self.window.min_samples() as f64)
    }

    /// Takes in a row: the asset, then its leaders.
    ///
    /// # Errors
    /// Another number of leaders; as [`crate::RollingPair::update`].
    pub fn update(&mut self, row: &[f64], ts: i64) -> Result<()> {
        self.check(row)?;
        self.sliding.push(row, ts)
    }

    /// Takes in many rows, each the asset and then its leaders, and writes the betas after each; `times` count for a window
    /// by time only. If a row is refused, none is taken in.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_many<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a [f64]>,
        times: &[i64],
        betas: &mut Vec<f64>,
    ) -> Result<()> {
        // By rows only the number of leaders can be wrong, and it is wrong from the first row on.
        let by_time = matches!(self.window.extent(), Extent::Span(_));
        let before = by_time.then(|| self.clone());
        for (at, row) in rows.enumerate() {
            if let Err(error) = self.update(row, times.get(at).copied().unwrap_or(0)) {
                if let Some(before) = before {
                    *self = before;
                }
                return Err(error.at_row(at));
            }
            betas.extend_from_slice(&self.readings()[..self.leaders]);
        }
        Ok(())
    }

    /// The readings `update` would lead to; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek(&self, row: &[f64], ts: i64) -> Result<Vec<f64>> {
        self.check(row)?;
        self.sliding.peek(row, ts, self.min_samples())
    }

    /// Puts another row in the place of the last one.
    ///
    /// # Errors
    /// Another number of leaders; as [`crate::RollingPair::amend`].
    pub fn amend(&mut self, row: &[f64], ts: Option<i64>) -> Result<()> {
        self.check(row)?;
        self.sliding.amend(row, ts)
    }

    /// Betas, alpha, `r_squared`, n; NaN where not defined.
    pub fn readings(&self) -> Vec<f64> {
        self.sliding.readings(self.min_samples())
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.sliding.clear();
    }

    /// The time of the last row, of a window by time.
    pub fn last_time(&self) -> Option<i64> {
        self.sliding.last_time()
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::JointPair);
        out.count(self.leaders);
        write_window(&mut out, &self.window, self.max_rows);
        self.sliding.write(&mut out);
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::JointPair)?;
        let leaders = from.count()?;
        let (window, max_rows) = read_window(&mut from, crate::pair::LEAST_PAIR_WINDOW)?;
        let mut pair = Self::new(leaders, window, max_rows).map_err(in_snapshot)?;
        pair.sliding.restore(&mut from)?;
        from.end()?;
        Ok(pair)
    }
}
