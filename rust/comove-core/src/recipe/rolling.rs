//! A window over whole columns or row by row, with the same bits.

use pulp::Scalar;

use crate::batch::{Estimator, rolling};
use crate::error::Result;
use crate::lanes::F;
use crate::moments::State;
use crate::params::Window;
use crate::snapshot::{Reader, Writer};
use crate::window::SlidingWindow;

/// The readings of an estimator over the last `size` rows, all of them needed.
///
/// The first call may bring a whole column, which goes through the lanes of [`rolling`]; what comes later is taken in row by
/// row. Both give the same bits.
#[derive(Clone, Debug)]
pub(super) struct Rolling<E: Estimator<D, K>, const D: usize, const K: usize> {
    estimator: E,
    window: Window,
    sliding: SlidingWindow<D, E::State<Scalar>>,
    /// Rows taken in so far.
    seen: usize,
}

impl<E: Estimator<D, K>, const D: usize, const K: usize> Rolling<E, D, K>
where
    E::State<Scalar>: State<Scalar, D>,
{
    /// No rows.
    pub(super) fn new(estimator: E, size: usize) -> Result<Self> {
        let window = Window::rows(size, 2, None)?;
        Ok(Self { estimator, window, sliding: SlidingWindow::new(window, None)?, seen: 0 })
    }

    /// Takes in rows and writes the readings after each.
    pub(super) fn extend(&mut self, series: [&[f64]; D], mut out: [&mut [f64]; K]) -> Result<()> {
        let rows = series[0].len();
        if self.seen == 0 && rows > 1 {
            rolling(self.estimator, &self.window, series, &[], out)?;
            let held: Vec<_> = (rows.saturating_sub(self.window_size())..rows)
                .map(|row| core::array::from_fn(|i| series[i][row]))
                .collect();
            self.sliding.restore(rows, &held)?;
        } else {
            let least = F::splat(Scalar, self.window.min_samples() as f64);
            for row in 0..rows {
                self.sliding.push(core::array::from_fn(|i| series[i][row]), 0)?;
                for (out, value) in out.iter_mut().zip(self.estimator.read(self.sliding.current(), least)) {
                    out[row] = value.first();
                }
            }
        }
        self.seen += rows;
        Ok(())
    }

    fn window_size(&self) -> usize {
        self.window.min_samples()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.seen);
        self.sliding.write(out);
    }

    pub(super) fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.seen = from.count()?;
        self.sliding.read(from)
    }
}
