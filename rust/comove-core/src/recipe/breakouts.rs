//! The close beyond what it reached before, and the volume behind it.

use super::directional::{ATR_ROWS, true_range};
use super::estimators::Mean;
use super::fades::Wilder;
use super::family::{Family, Rows, clip, defined, kept};
use super::recent::{Highest, Past};
use super::rolling::Rolling;
use crate::error::Result;
use crate::pair::Std;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &["ignition", "breakout_thrust", "breakout_quality", "micro_score"];
/// Rows of the return in `breakout_quality`.
const RETURN_ROWS: usize = 5;

#[derive(Clone, Debug)]
pub(super) struct Breakouts {
    high_20: Highest,
    /// Of the negated lows.
    low_20: Highest,
    atr: Wilder,
    close: Past,
    sigma: Rolling<Std, 1, 1>,
    volume_20: Rolling<Mean, 1, 1>,
    volume_10: Rolling<Mean, 1, 1>,
    trend: Rolling<Mean, 1, 1>,
}

impl Breakouts {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            high_20: Highest::new(20),
            low_20: Highest::new(20),
            atr: Wilder::new(ATR_ROWS),
            close: Past::new(RETURN_ROWS),
            sigma: Rolling::new(Std, 20)?,
            volume_20: Rolling::new(Mean, 20)?,
            volume_10: Rolling::new(Mean, 10)?,
            trend: Rolling::new(Mean, 10)?,
        })
    }
}

impl Family for Breakouts {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [ignition, thrust, quality, score] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let (high, low, close, volume) = (rows.high(), rows.low(), rows.close(), rows.volume);
        self.volume_20.extend([volume], [ignition])?;
        self.sigma.extend([rows.ret], [quality])?;
        for row in 0..rows.len() {
            // Of the rows before this one.
            let (top, bottom) = (self.high_20.get(), -self.low_20.get());
            let beyond = close[row] - top;
            let behind = clip(volume[row] / ignition[row], 0.0, 3.0) / 3.0;
            ignition[row] = defined(60.0 * clip(beyond / (top - bottom), 0.0, 1.0) + 40.0 * behind);

            let atr = self.atr.push(true_range(high[row], low[row], self.close.ago(close, row, 1)));
            thrust[row] = clip(beyond / atr, 0.0, 5.0);

            let ret = close[row] / self.close.ago(close, row, RETURN_ROWS) - 1.0;
            let usual = quality[row] * (RETURN_ROWS as f64).sqrt();
            quality[row] = defined(clip(ret.abs() / usual, 0.0, 3.0) / 3.0 * behind);

            self.high_20.push(high[row]);
            self.low_20.push(-low[row]);
        }
        let mut usual = vec![0.0; rows.len()];
        self.volume_10.extend([volume], [&mut usual])?;
        self.trend.extend([rows.ret], [score])?;
        for row in 0..rows.len() {
            let mean = score[row];
            let sign = if mean > 0.0 {
                1.0
            } else if mean < 0.0 {
                -1.0
            } else {
                0.0 * mean
            };
            score[row] = defined(50.0 * (1.0 + sign * clip(volume[row] / usual[row], 0.0, 2.0) / 2.0));
        }
        self.close.keep(close);
        Ok(())
    }

    kept!(high_20, low_20, atr, close, sigma, volume_20, volume_10, trend);
}
