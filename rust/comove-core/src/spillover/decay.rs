//! How fast the volatility of a series forgets its own past.
//!
//! # Letters
//! v_t volatility at t, m mean and S centred sum of squares of the values present in the window;
//! phi = sum (v_t - m)(v_{t-1} - m) / S over the pairs of neighbours that are both present and in the window;
//! half-life = ln(1/2) / ln(phi) rows.
//!
//! The pairs of a window of W rows are a window of W - 1 rows over (v_t, v_{t-1}), with centred sum S_ab and means a and b
//! of its own: the numerator is S_ab + n (a - m)(b - m). Each mean is an anchor and a rest; anchors are subtracted from
//! anchors and rests from rests, so that a high level costs no digits.
//!
//! # References
//! Box, Jenkins (1976), section 2.1.5: the estimate of an autocorrelation, here where values may be missing.

use pulp::{Scalar, Simd};

use crate::anchored::Anchored;
use crate::batch::{Estimator, rolling};
use crate::error::Result;
use crate::lanes::F;
use crate::moments::{PairMoments, SeriesMoments};
use crate::params::Window;
use crate::readings::varies;
use crate::series::Shifted;
use crate::window::SlidingWindow;

/// The least rows of a window over neighbours: one pair has no variance, and a window of three rows has two.
const LEAST_ROWS: usize = 2;

/// S, and the mean as anchor and rest.
#[derive(Clone, Copy, Debug)]
struct Own;

impl Estimator<1, 3> for Own {
    type State<S: Simd> = SeriesMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 1, SeriesMoments<S>>, _min_samples: F<S>) -> [F<S>; 3] {
        [window.state.products[0], window.anchor[0], window.state.mean[0]]
    }
}

/// `S_ab`, n, and the two means as anchor and rest.
#[derive(Clone, Copy, Debug)]
struct Neighbours;

impl Estimator<2, 6> for Neighbours {
    type State<S: Simd> = PairMoments<S>;
    #[inline(always)]
    fn read<S: Simd>(&self, window: &Anchored<S, 2, PairMoments<S>>, _min_samples: F<S>) -> [F<S>; 6] {
        let (state, anchor) = (&window.state, &window.anchor);
        [state.sxy(), state.n, anchor[0], state.mean[0], anchor[1], state.mean[1]]
    }
}

/// ln(1/2) / ln(phi), NaN unless 0 < phi < 1.
fn half_life(own: [f64; 3], neighbours: [f64; 6]) -> f64 {
    let [sum, anchor, mean] = own;
    let [product, n, anchor_a, mean_a, anchor_b, mean_b] = neighbours;
    let a = (anchor_a - anchor) + (mean_a - mean);
    let b = (anchor_b - anchor) + (mean_b - mean);
    let phi = (product + n * (a * b)) / sum;
    if varies(F::splat(Scalar, sum)).all() && phi > 0.0 && phi < 1.0 {
        -core::f64::consts::LN_2 / libm::log(phi)
    } else {
        f64::NAN
    }
}

/// The windows over values and over neighbours that belong to a window of `size` rows.
fn windows(size: usize) -> Result<[Window; 2]> {
    // Readings are gated by the pairs of volatilities, not here.
    let least = Some(LEAST_ROWS);
    Ok([Window::rows(size, LEAST_ROWS, least)?, Window::rows(size - 1, LEAST_ROWS, least)?])
}

/// The half-life in the window of `size` rows, at least 3, of each row.
///
/// # Errors
/// As [`rolling`].
pub(super) fn half_lives(size: usize, values: &[f64], out: &mut [f64]) -> Result<()> {
    let [window, between] = windows(size)?;
    let rows = values.len();
    let mut own: [Vec<f64>; 3] = core::array::from_fn(|_| vec![0.0; rows]);
    rolling(Own, &window, [values], &[], own.each_mut().map(|column| &mut column[..]))?;
    let mut pairs: [Vec<f64>; 6] = core::array::from_fn(|_| vec![0.0; rows]);
    let series = [Shifted { values, by: 0 }, Shifted { values, by: 1 }];
    rolling(Neighbours, &between, series, &[], pairs.each_mut().map(|column| &mut column[..]))?;
    for (row, place) in out.iter_mut().enumerate() {
        *place = half_life(core::array::from_fn(|i| own[i][row]), core::array::from_fn(|i| pairs[i][row]));
    }
    Ok(())
}

/// The half-life, fed one value at a time.
#[derive(Clone, Debug)]
pub(super) struct Decay {
    own: SlidingWindow<1, SeriesMoments<Scalar>>,
    neighbours: SlidingWindow<2, PairMoments<Scalar>>,
}

impl Decay {
    /// An empty window of `size` rows, at least 3.
    ///
    /// # Errors
    /// More rows than a live object holds.
    pub(super) fn new(size: usize) -> Result<Self> {
        let [window, between] = windows(size)?;
        Ok(Self { own: SlidingWindow::new(window, None)?, neighbours: SlidingWindow::new(between, None)? })
    }

    /// Takes in a value.
    ///
    /// # Errors
    /// None: the windows are by rows.
    pub(super) fn push(&mut self, value: f64) -> Result<()> {
        let [before] = self.own.ago(0);
        self.own.push([value], 0)?;
        self.neighbours.push([value, before], 0)
    }

    /// Puts another value in the place of the last one.
    ///
    /// # Errors
    /// [`crate::Error::NothingToAmend`] before the first one.
    pub(super) fn amend(&mut self, value: f64) -> Result<()> {
        let [before] = self.own.ago(1);
        self.own.amend([value], None)?;
        self.neighbours.amend([value, before], None)
    }

    /// The half-life, NaN where not defined.
    pub(super) fn half_life(&self) -> f64 {
        let any = F::splat(Scalar, 0.0);
        let own = Own.read(self.own.current(), any).map(F::first);
        half_life(own, Neighbours.read(self.neighbours.current(), any).map(F::first))
    }

    /// The value so many rows ago, NaN where there is none.
    pub(super) fn ago(&self, rows: usize) -> f64 {
        let [value] = self.own.ago(rows);
        value
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.neighbours.clear();
    }

    /// Fills new windows with the last values of a stream of `total`.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`] for another number of them.
    pub(super) fn restore(&mut self, total: usize, values: &[f64]) -> Result<()> {
        let own: Vec<_> = values.iter().map(|&value| [value]).collect();
        self.own.restore(total, &own)?;
        // The first of all values has none before it; of a full window, the first neighbour has left.
        let first = values.first().filter(|_| total <= values.len()).map(|&value| [value, f64::NAN]);
        let pairs: Vec<_> =
            first.into_iter().chain(values.windows(2).map(|pair| [pair[1], pair[0]])).collect();
        self.neighbours.restore(total, &pairs)
    }
}
