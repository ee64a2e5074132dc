//! How a block of rows is cut into runs.

/// Rows of the first run of a block.
const FIRST_RUN: usize = 32;
/// The least cap: shorter runs cost more combinations than they save.
const LEAST_CAP: usize = 64;

/// Runs of 32, 64, ... rows, doubling up to `cap`, then all of `cap` rows.
///
/// Each is at most twice as long as the one before it, so that two steps a row prepare a run while the one
/// before it is being used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    cap: usize,
    /// Number of runs shorter than the cap, and the rows they hold.
    growing: usize,
    grown: usize,
}

impl Runs {
    /// Runs for blocks of `length` rows.
    ///
    /// A run of c rows is summed in c steps, and a block's runs in length / c steps more. The error of the
    /// former is averaged over the runs, that of the latter is not: both are least near c = length^(2/3).
    pub const fn of_length(length: usize) -> Self {
        let mut cap = LEAST_CAP;
        while (cap as u128).pow(3) < (length as u128).pow(2) {
            cap *= 2;
        }
        Self::capped(cap)
    }

    const fn capped(cap: usize) -> Self {
        Self { cap, growing: (cap / FIRST_RUN).ilog2() as usize, grown: cap - FIRST_RUN }
    }

    /// Most rows a run has.
    pub const fn cap(self) -> usize {
        self.cap
    }

    /// The first row of a run.
    #[inline]
    pub const fn start(self, run: usize) -> usize {
        if run <= self.growing {
            FIRST_RUN * ((1 << run) - 1)
        } else {
            self.grown + (run - self.growing) * self.cap
        }
    }

    /// Whether a run begins with that row.
    #[inline]
    pub const fn begins(self, row: usize) -> bool {
        let place = row + FIRST_RUN;
        place.is_power_of_two() && row < self.grown || place & (self.cap - 1) == 0
    }

    /// How many runs hold `rows` rows.
    pub const fn count(self, rows: usize) -> usize {
        if rows <= self.grown {
            (rows.div_ceil(FIRST_RUN) + 1).next_power_of_two().ilog2() as usize
        } else {
            self.growing + (rows - self.grown).div_ceil(self.cap)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn runs_cover_every_row_once() {
        assert_eq!(Runs::of_length(30).count(0), 0);
        for runs in [30, 10_000, 1_000_000].map(Runs::of_length) {
            let mut row = 0;
            for run in 0..200 {
                assert_eq!(runs.start(run), row);
                let length = runs.start(run + 1) - row;
                assert!(length <= runs.cap());
                assert!(run == 0 || length <= 2 * (row - runs.start(run - 1)));
                for inside in row..row + length {
                    assert_eq!(runs.count(inside + 1), run + 1);
                    assert_eq!(runs.begins(inside), inside == row);
                }
                row += length;
            }
        }
    }

    #[test]
    fn caps_grow_with_the_length() {
        let caps = [30, 512, 513, 10_000, 1 << 24].map(|length| Runs::of_length(length).cap());
        assert_eq!(caps, [64, 64, 128, 512, 1 << 16]);
    }
}
