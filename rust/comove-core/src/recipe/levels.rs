//! Where the close stands against its own average, and whether it moves along a line.

use super::estimators::{Mean, MeanStd};
use super::family::{Family, Rows, clip, defined, fill, kept};
use super::rolling::Rolling;
use crate::error::Result;
use crate::pair::Corr;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] =
    &["bb_upper", "bb_lower", "bb_width", "mean_revert_bias", "htf_bias", "trend_strength"];

/// Rows, counted from the first; a line in time needs only their distances.
#[derive(Clone, Copy, Debug, Default)]
struct Clock(usize);

impl Clock {
    fn write(self, out: &mut Writer) {
        out.count(self.0);
    }

    fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.0 = from.count()?;
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Levels {
    /// Of the sample, for the bands of Bollinger.
    bands: Rolling<MeanStd, 1, 2>,
    usual: Rolling<MeanStd, 1, 2>,
    far: Rolling<Mean, 1, 1>,
    line: Rolling<Corr, 2, 1>,
    clock: Clock,
}

impl Levels {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            bands: Rolling::new(MeanStd { ddof: 0 }, 20)?,
            usual: Rolling::new(MeanStd { ddof: 1 }, 20)?,
            far: Rolling::new(Mean, 100)?,
            line: Rolling::new(Corr, 20)?,
            clock: Clock::default(),
        })
    }
}

impl Family for Levels {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [upper, lower, width, revert, far, strength] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let close = rows.close();
        self.bands.extend([close], [width, lower])?;
        for row in 0..rows.len() {
            let (mean, apart) = (width[row], 2.0 * lower[row]);
            (upper[row], lower[row]) = (defined(mean + apart), defined(mean - apart));
            width[row] = defined((upper[row] - lower[row]) / mean);
        }
        let mut std = vec![0.0; rows.len()];
        self.usual.extend([close], [revert, &mut std])?;
        for row in 0..rows.len() {
            revert[row] = clip((revert[row] - close[row]) / (2.0 * std[row]), -1.0, 1.0);
        }
        self.far.extend([close], [far])?;
        for (far, close) in far.iter_mut().zip(close) {
            *far = clip((close / *far - 0.8) / 0.4, 0.0, 1.0);
        }
        let time = &mut std;
        fill(time, |row| (self.clock.0 + row) as f64);
        self.line.extend([close, time], [strength])?;
        self.clock.0 += rows.len();
        for strength in strength.iter_mut() {
            *strength = defined(*strength * strength.abs());
        }
        Ok(())
    }

    kept!(bands, usual, far, line, clock);
}
