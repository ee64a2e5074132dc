//! Windows over whole slices: by rows as many blocks side by side as the processor has lanes, by time one row after
//! the other.

use pulp::Simd;

use crate::anchored::Anchored;
use crate::error::Result;
use crate::group::{Group, Sides, Sink};
use crate::lanes::{F, Lanes, Width, Work, prefetch};
use crate::moments::State;
use crate::params::{Extent, Window, same_length};
use crate::runs::Runs;
use crate::series::Series;
use crate::tile::{Tile, write_rows};
use crate::window::SlidingWindow;

/// The next group is fetched ahead where it has few rows enough to stay in the cache until then.
const MOST_AHEAD: usize = 1 << 14;

/// What is kept of a window over `D` series, and the `K` numbers that are read from it.
pub trait Estimator<const D: usize, const K: usize>: Copy {
    /// What is kept.
    type State<S: Simd>: State<S, D>;

    /// The readings of a window; NaN where not defined.
    fn read<S: Simd>(&self, window: &Anchored<S, D, Self::State<S>>, min_samples: F<S>) -> [F<S>; K];
}

/// Writes the readings of every row's window to `out`, one slice a reading.
///
/// `times` are needed for a window by time only.
///
/// # Errors
/// Slices of different lengths; times that run backwards.
pub fn rolling<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    out: [&mut [f64]; K],
) -> Result<()> {
    rolling_with(Lanes::from_environment()?, estimator, window, series, times, out)
}

/// [`rolling`] with the lanes given.
///
/// # Errors
/// As [`rolling`].
pub fn rolling_with<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    lanes: Lanes,
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    out: [&mut [f64]; K],
) -> Result<()> {
    let n = series[0].len();
    for values in &series[1..] {
        same_length("benchmark", values.len(), n)?;
    }
    for values in &out {
        same_length("out", values.len(), n)?;
    }
    let min_samples = window.min_samples() as f64;
    match window.extent() {
        Extent::Rows(size) => {
            let runs = Runs::of_length(size);
            // A window longer than the data never ends a block: memory for the data is enough.
            let size = size.min(n.max(1));
            let few = n.div_ceil(size) * 2 <= lanes.width();
            let lanes = if few { Lanes::One } else { lanes };
            lanes.run(ByRows { estimator, size, runs, min_samples, series, out });
            Ok(())
        }
        Extent::Span(_) => by_span(estimator, window, series, times, out),
    }
}

fn by_span<E: Estimator<D, K>, T: Series, const D: usize, const K: usize>(
    estimator: E,
    window: &Window,
    series: [T; D],
    times: &[i64],
    mut out: [&mut [f64]; K],
) -> Result<()> {
    let n = series[0].len();
    same_length("by", times.len(), n)?;
    let min_samples = F::splat(pulp::Scalar, window.min_samples() as f64);
    let mut sliding = SlidingWindow::<D, E::State<pulp::Scalar>>::new(*window, None)?;
    for (row, &ts) in times.iter().enumerate() {
        sliding
            .push(core::array::from_fn(|i| series[i].at(row)), ts)
            .map_err(|error| error.at_row(row).of_times("by"))?;
        let readings = estimator.read(sliding.current(), min_samples);
        for (slice, reading) in out.iter_mut().zip(readings) {
            slice[row] = reading.first();
        }
    }
    Ok(())
}

struct ByRows<'a, E, T, const D: usize, const K: usize> {
    estimator: E,
    size: usize,
    runs: Runs,
    min_samples: f64,
    series: [T; D],
    out: [&'a mut [f64]; K],
}

impl<E: Estimator<D, K>, T: Series, const D: usize, const K: usize> Work for ByRows<'_, E, T, D, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Width>(self, simd: S) {
        let Self { estimator, size, runs, min_samples, series, mut out } = self;
        let blocks = series[0].len().div_ceil(size);
        let mut tiles: [Tile<S>; D] = core::array::from_fn(|_| Tile::new(size, 0));
        let mut group = Group::<S, E, D, K>::new(simd, estimator, size, runs, min_samples);
        for first in (0..blocks).step_by(S::F64_LANES) {
            let mut whole = true;
            for (&values, tile) in series.iter().zip(&mut tiles) {
                whole &= tile.load(simd, values, first);
            }
            let sides = Tiles { simd, tiles: &tiles };
            let mut columns = Columns { series: &series, out: &mut out, size, first: first * size };
            if whole {
                group.run::<_, _, true>(sides, &mut columns);
            } else {
                group.run::<_, _, false>(sides, &mut columns);
            }
        }
    }
}

/// The rows of a group, one tile a series.
#[derive(Clone, Copy)]
struct Tiles<'a, S, const D: usize> {
    simd: S,
    tiles: &'a [Tile<S>; D],
}

impl<S: Width, const D: usize> Sides<S, D> for Tiles<'_, S, D> {
    #[inline(always)]
    fn back(self, row: usize) -> [F<S>; D] {
        core::array::from_fn(|i| self.tiles[i].back(self.simd, row))
    }

    #[inline(always)]
    fn front(self, row: usize) -> [F<S>; D] {
        core::array::from_fn(|i| self.tiles[i].front(self.simd, row))
    }
}

/// Where the results of a group go, one column a reading; and where its rows came from.
struct Columns<'a, 'b, T, const D: usize, const K: usize> {
    series: &'a [T; D],
    out: &'a mut [&'b mut [f64]; K],
    size: usize,
    /// First row of the group.
    first: usize,
}

impl<S: Width, T: Series, const D: usize, const K: usize> Sink<S, K> for Columns<'_, '_, T, D, K> {
    /// The rows of the next group, and the places of its results. Fetched while this one is worked on, they save a
    /// third of the time of a window of 30 rows, which was spent on waiting for memory.
    #[inline(always)]
    fn ahead(&self, row: usize) {
        if self.size * S::F64_LANES > MOST_AHEAD {
            return;
        }
        // As many rows of a series as fit into a line of the cache: one line of the next group a row of this one.
        let next = self.first + (self.size + row) * S::F64_LANES;
        for values in self.series {
            values.prefetch(next);
        }
        for values in &*self.out {
            prefetch(values, next);
        }
    }

    #[inline(always)]
    fn write(&mut self, simd: S, start: usize, rows: usize, results: &[Vec<S::f64s>; K]) {
        for (results, out) in results.iter().zip(&mut *self.out) {
            write_rows(simd, &results[..rows], out, self.first + start, self.size);
        }
    }
}
