//! Volume: how much is usual, how unusual it is now, and the price it was traded at.

use super::estimators::{MeanStd, Means};
use super::family::{Family, Rows, defined, fill, kept};
use super::recent::Past;
use super::rolling::Rolling;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] =
    &["volume_mean_240", "volume_std_240", "vol_jump_z", "vwap", "close_to_vwap"];

#[derive(Clone, Debug)]
pub(super) struct Volume {
    long: Rolling<MeanStd, 1, 2>,
    short: Rolling<MeanStd, 1, 2>,
    /// Mean and standard deviation of the short window, of the row before.
    mean: Past,
    std: Past,
    /// Of the price times the volume, and the volume.
    traded: Rolling<Means, 2, 2>,
}

impl Volume {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            long: Rolling::new(MeanStd { ddof: 1 }, 240)?,
            short: Rolling::new(MeanStd { ddof: 1 }, 20)?,
            mean: Past::new(1),
            std: Past::new(1),
            traded: Rolling::new(Means, 240)?,
        })
    }
}

impl Family for Volume {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [long_mean, long_std, jump, vwap, to_vwap] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let (high, low, close, volume) = (rows.high(), rows.low(), rows.close(), rows.volume);
        self.long.extend([volume], [long_mean, long_std])?;
        let (mut mean, mut std) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        self.short.extend([volume], [&mut mean, &mut std])?;
        fill(jump, |row| defined((volume[row] - self.mean.ago(&mean, row, 1)) / self.std.ago(&std, row, 1)));
        self.mean.keep(&mean);
        self.std.keep(&std);
        // Memory that is free again.
        let (paid, of_volume) = (&mut mean, &mut std);
        fill(paid, |row| (high[row] + low[row] + close[row]) / 3.0 * volume[row]);
        self.traded.extend([paid, volume], [vwap, of_volume])?;
        for row in 0..rows.len() {
            vwap[row] = defined(vwap[row] / of_volume[row]);
            to_vwap[row] = defined(close[row] / vwap[row] - 1.0);
        }
        Ok(())
    }

    kept!(long, short, mean, std, traded);
}
