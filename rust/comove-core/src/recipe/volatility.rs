//! How much returns vary, where they tend, and the shape of their distribution.

use super::estimators::{Kurtosis, Mean};
use super::family::{Family, Rows, defined, fill, kept};
use super::recent::Share;
use super::rolling::Rolling;
use crate::error::Result;
use crate::pair::Std;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &[
    "realized_sigma_30",
    "realized_sigma_60",
    "volatility_regime",
    "kurtosis",
    "micro_trend",
    "trend_flag_5",
    "trend_flag_30",
    "trend_flag_120",
    "uptick_ratio",
];

/// A mean return beyond 3 basis points is a trend.
const TREND: f64 = 0.0003;

#[derive(Clone, Debug)]
pub(super) struct Volatility {
    of_30: Rolling<Std, 1, 1>,
    of_60: Rolling<Std, 1, 1>,
    short: Rolling<Std, 1, 1>,
    long: Rolling<Std, 1, 1>,
    kurtosis: Rolling<Kurtosis, 1, 1>,
    trend_15: Rolling<Mean, 1, 1>,
    trend_5: Rolling<Mean, 1, 1>,
    trend_30: Rolling<Mean, 1, 1>,
    trend_120: Rolling<Mean, 1, 1>,
    upticks: Share,
}

impl Volatility {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            of_30: Rolling::new(Std, 30)?,
            of_60: Rolling::new(Std, 60)?,
            short: Rolling::new(Std, 10)?,
            long: Rolling::new(Std, 50)?,
            kurtosis: Rolling::new(Kurtosis, 60)?,
            trend_15: Rolling::new(Mean, 15)?,
            trend_5: Rolling::new(Mean, 5)?,
            trend_30: Rolling::new(Mean, 30)?,
            trend_120: Rolling::new(Mean, 120)?,
            upticks: Share::new(20),
        })
    }
}

impl Family for Volatility {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [sigma_30, sigma_60, regime, kurtosis, trend, flag_5, flag_30, flag_120, upticks] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let ret = rows.ret;
        self.of_30.extend([ret], [sigma_30])?;
        self.of_60.extend([ret], [sigma_60])?;
        let mut long = vec![0.0; rows.len()];
        self.short.extend([ret], [regime])?;
        self.long.extend([ret], [&mut long])?;
        for (regime, long) in regime.iter_mut().zip(long) {
            *regime = defined(*regime / long);
        }
        self.kurtosis.extend([ret], [kurtosis])?;
        self.trend_15.extend([ret], [trend])?;
        for (mean, flag) in
            [(&mut self.trend_5, flag_5), (&mut self.trend_30, flag_30), (&mut self.trend_120, flag_120)]
        {
            mean.extend([ret], [flag])?;
            for flag in flag.iter_mut() {
                *flag = match *flag {
                    mean if mean > TREND => 1.0,
                    mean if mean < -TREND => -1.0,
                    mean if mean.is_finite() => 0.0,
                    _ => f64::NAN,
                };
            }
        }
        fill(upticks, |row| self.upticks.push((!ret[row].is_nan()).then(|| ret[row] > 0.0)));
        Ok(())
    }

    kept!(of_30, of_60, short, long, kurtosis, trend_15, trend_5, trend_30, trend_120, upticks);
}
