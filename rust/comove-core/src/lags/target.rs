//! What becomes of the correlations: all of them, or what they say.

use super::Scan;

/// Results of more float64 (8 MB) go past the cache.
const CACHE: usize = 1 << 20;

/// What becomes of the correlations, group by group.
pub(super) trait Target: Send + Sized {
    /// Whether what is written is not read again here, and more than the cache holds.
    fn is_past_cache(&self) -> bool;
    /// The first so many rows, and the others.
    fn split(self, rows: usize) -> (Self, Self);
    /// Memory for the correlations of so many rows from `first` on, row by row, and for the least number of pairs of each,
    /// where it is wanted.
    fn place(&mut self, first: usize, rows: usize) -> (&mut [f64], &mut [f64]);
    /// All of them are written.
    fn finish(&mut self, first: usize, rows: usize);
}

/// All correlations.
pub(super) struct Matrix<'a> {
    pub(super) out: &'a mut [f64],
    pub(super) width: usize,
}

impl Target for Matrix<'_> {
    fn is_past_cache(&self) -> bool {
        self.out.len() > CACHE
    }

    fn split(self, rows: usize) -> (Self, Self) {
        let width = self.width;
        let (out, rest) = self.out.split_at_mut(rows * width);
        (Self { out, width }, Self { out: rest, width })
    }

    fn place(&mut self, first: usize, rows: usize) -> (&mut [f64], &mut [f64]) {
        (&mut self.out[first * self.width..(first + rows) * self.width], &mut [])
    }

    fn finish(&mut self, _first: usize, _rows: usize) {}
}

/// What they say.
pub(super) struct Scans<'a> {
    out: [&'a mut [f64]; 4],
    width: usize,
    corrs: Vec<f64>,
    least: Vec<f64>,
}

impl<'a> Scans<'a> {
    pub(super) fn new(out: [&'a mut [f64]; 4], width: usize) -> Self {
        Self { out, width, corrs: Vec::new(), least: Vec::new() }
    }
}

impl Target for Scans<'_> {
    fn is_past_cache(&self) -> bool {
        false
    }

    fn split(self, rows: usize) -> (Self, Self) {
        let [a, b, c, d] = self.out.map(|out| out.split_at_mut(rows));
        (Self::new([a.0, b.0, c.0, d.0], self.width), Self::new([a.1, b.1, c.1, d.1], self.width))
    }

    fn place(&mut self, _first: usize, rows: usize) -> (&mut [f64], &mut [f64]) {
        self.corrs.resize(rows * self.width, f64::NAN);
        self.least.resize(rows, f64::NAN);
        (&mut self.corrs, &mut self.least)
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let [lag, corr, llr, n] = &mut self.out;
        for (row, corrs) in self.corrs.chunks_exact(self.width).take(rows).enumerate() {
            let scan = Scan::of(corrs);
            (lag[first + row], corr[first + row], llr[first + row]) = (scan.lag, scan.corr, scan.llr);
            n[first + row] = self.least[row];
        }
    }
}
