//! Rows of several blocks laid side by side, and back.

use crate::lanes::{F, MOST_LANES, Width};
use crate::series::Series;

/// One series, `lanes + 1` blocks of it side by side: the one before the group, and those of the group.
///
/// Front lane l is block l of the group, back lane l the block before it; so one layout serves both, one
/// place apart. Each block may be laid out together with rows before it, for pairs of rows that lie apart.
pub(crate) struct Tile<S> {
    lanes: core::marker::PhantomData<S>,
    size: usize,
    /// Rows before each block.
    before: usize,
    /// Row r of block t at `(before + r) * (lanes + 1) + t`; block 0 is the one before the group's first.
    values: Vec<f64>,
    /// Whether the last block that was loaded is there and finite.
    last_is_finite: bool,
}

impl<S: Width> Tile<S> {
    /// Memory for blocks of `size` rows, and as many rows `before` each.
    pub(crate) fn new(size: usize, before: usize) -> Self {
        Self {
            lanes: core::marker::PhantomData,
            size,
            before,
            // No rows before the first block.
            values: vec![f64::NAN; (before + size) * (S::F64_LANES + 1)],
            last_is_finite: false,
        }
    }

    /// Lays out the group that begins with block `first`, the one after the group loaded last; says
    /// whether all its values, and those of the block before it, are there and finite.
    #[inline(always)]
    #[allow(clippy::eq_op)] // value - value is 0 for a finite value and NaN otherwise, and NaN stays
    pub(crate) fn load(&mut self, simd: S, series: impl Series, first: usize) -> bool {
        let (lanes, size, stride) = (S::F64_LANES, self.size, S::F64_LANES + 1);
        let (start, rows) = (first * size, self.before + size);
        // The last block of the previous group is the one before this one.
        for row in self.values.chunks_exact_mut(stride) {
            row[0] = row[lanes];
        }
        let whole_before = core::mem::replace(&mut self.last_is_finite, false);
        if start < self.before || start + lanes * size > series.len() || rows < lanes {
            let mut finite = true;
            for (r, row) in self.values.chunks_exact_mut(stride).enumerate() {
                for (lane, place) in row[1..].iter_mut().enumerate() {
                    let row = (start + lane * size + r).checked_sub(self.before);
                    *place = row.filter(|&row| row < series.len()).map_or(f64::NAN, |row| series.at(row));
                    finite &= place.is_finite();
                }
            }
            self.last_is_finite = finite;
            return whole_before && finite;
        }
        let mut square = [simd.splat_f64s(0.0); MOST_LANES];
        let square = &mut square[..lanes];
        let zero = F::splat(simd, 0.0);
        let mut sums = [zero; 2];
        let mut row = 0;
        while row < rows {
            // The last square may overlap the one before it.
            let top = row.min(rows - lanes);
            for lane in 0..lanes {
                square[lane] = series.load(simd, start + lane * size + top - self.before).raw();
            }
            simd.transpose(square);
            for (r, &across) in square.iter().enumerate() {
                let across = F::from_raw(simd, across);
                sums[r % 2] = sums[r % 2] + (across - across);
                across.store(&mut self.values[(top + r) * stride + 1..]);
            }
            row += lanes;
        }
        let finite = (sums[0] + sums[1]).equals(zero);
        self.last_is_finite = finite.pick(zero, F::splat(simd, 1.0)).lane(lanes - 1) == 0.0;
        whole_before && finite.all()
    }

    /// Row `row` of the back blocks, counted from the first of the rows before them.
    #[inline(always)]
    pub(crate) fn back(&self, simd: S, row: usize) -> F<S> {
        F::load(simd, &self.values[row * (S::F64_LANES + 1)..])
    }

    /// Row `row` of the front blocks, counted from the first of the rows before them.
    #[inline(always)]
    pub(crate) fn front(&self, simd: S, row: usize) -> F<S> {
        F::load(simd, &self.values[row * (S::F64_LANES + 1) + 1..])
    }
}

/// Writes `rows`, one lane a block of `size`, to `out`; the first lane's first row goes to `start`.
#[inline(always)]
pub(crate) fn write_rows<S: Width>(simd: S, rows: &[S::f64s], out: &mut [f64], start: usize, size: usize) {
    let (lanes, count) = (S::F64_LANES, rows.len());
    if count >= lanes && start + (lanes - 1) * size + count <= out.len() {
        let mut row = 0;
        while row < count {
            let top = row.min(count - lanes);
            let mut square = [rows[top]; MOST_LANES];
            square[..lanes].copy_from_slice(&rows[top..top + lanes]);
            simd.transpose(&mut square[..lanes]);
            for (lane, &down) in square[..lanes].iter().enumerate() {
                F::from_raw(simd, down).store(&mut out[start + lane * size + top..]);
            }
            row += lanes;
        }
        return;
    }
    for lane in 0..lanes {
        let from = (start + lane * size).min(out.len());
        let to = (from + count).min(out.len());
        for (place, &row) in out[from..to].iter_mut().zip(rows) {
            *place = F::from_raw(simd, row).lane(lane);
        }
    }
}
