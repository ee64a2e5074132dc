//! Exponential averages of the close, and what their distance says.

use super::fades::Ema;
use super::family::{Family, Rows, clip, defined, kept};
use super::recent::Past;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &[
    "ema_5",
    "ema_21",
    "ema_8",
    "ema_34",
    "ema_diff_5_21",
    "ema_diff_8_34",
    "ema_slope",
    "trend_strength_5_60",
    "trend_strength_30_240",
];

#[derive(Clone, Debug)]
pub(super) struct Averages {
    averages: Ema<8>,
    /// That of 20 rows, of the row before.
    before: Past,
}

impl Averages {
    pub(super) fn new() -> Self {
        Self { averages: Ema::new([5, 21, 8, 34, 20, 60, 30, 240]), before: Past::new(1) }
    }
}

impl Family for Averages {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [e5, e21, e8, e34, diff_5_21, diff_8_34, slope, strength_5_60, strength_30_240] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let mut before = self.before.ago(&[], 0, 1);
        for (row, &close) in rows.close().iter().enumerate() {
            let [a5, a21, a8, a34, a20, a60, a30, a240] = self.averages.push(close);
            (e5[row], e21[row], e8[row], e34[row]) = (a5, a21, a8, a34);
            (diff_5_21[row], diff_8_34[row]) = (a5 - a21, a8 - a34);
            slope[row] = defined(a20 / before - 1.0);
            strength_5_60[row] = clip((a5 - a60) / close, -1.0, 1.0);
            strength_30_240[row] = clip((a30 - a240) / close, -1.0, 1.0);
            before = a20;
        }
        if rows.len() > 0 {
            self.before.keep(&[before]);
        }
        Ok(())
    }

    kept!(averages, before);
}
