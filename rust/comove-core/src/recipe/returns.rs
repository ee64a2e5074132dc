//! Returns over a few rows, how unusual they are, and whether they grow.

use super::estimators::MeanStd;
use super::family::{Family, Rows, defined, fill, kept};
use super::recent::Past;
use super::rolling::Rolling;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] =
    &["ret_1", "ret_3", "ret_5", "zscore_ret_1", "zscore_ret_3", "zscore_ret_5", "momentum_slope"];
const SPANS: [usize; 3] = [1, 3, 5];
/// Rows against which a return is unusual.
const ZSCORE_ROWS: usize = 60;
/// Rows ago of the return that the slope compares with.
const SLOPE_ROWS: usize = 20;

#[derive(Clone, Debug)]
pub(super) struct Returns {
    close: Past,
    ret_5: Past,
    usual: Usual,
}

/// The windows of the three returns.
#[derive(Clone, Debug)]
struct Usual([Rolling<MeanStd, 1, 2>; 3]);

impl Usual {
    fn write(&self, out: &mut Writer) {
        self.0.iter().for_each(|window| window.write(out));
    }

    fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.0.iter_mut().try_for_each(|window| window.read(from))
    }
}

impl Returns {
    pub(super) fn new() -> Result<Self> {
        let usual = || Rolling::new(MeanStd { ddof: 1 }, ZSCORE_ROWS);
        Ok(Self {
            close: Past::new(5),
            ret_5: Past::new(SLOPE_ROWS),
            usual: Usual([usual()?, usual()?, usual()?]),
        })
    }
}

impl Family for Returns {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [ret_1, ret_3, ret_5, z_1, z_3, z_5, slope] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let close = rows.close();
        ret_1.copy_from_slice(rows.ret);
        for (ret, span) in [&mut *ret_3, &mut *ret_5].into_iter().zip([SPANS[1], SPANS[2]]) {
            fill(ret, |row| defined(close[row] / self.close.ago(close, row, span) - 1.0));
        }
        let mut mean = vec![0.0; rows.len()];
        let returns = [&**ret_1, &**ret_3, &**ret_5];
        for ((usual, ret), z) in self.usual.0.iter_mut().zip(returns).zip([z_1, z_3, z_5]) {
            usual.extend([ret], [&mut mean, z])?;
            for (row, z) in z.iter_mut().enumerate() {
                *z = defined((ret[row] - mean[row]) / *z);
            }
        }
        fill(slope, |row| defined(ret_5[row] - self.ret_5.ago(ret_5, row, SLOPE_ROWS)));
        self.close.keep(close);
        self.ret_5.keep(ret_5);
        Ok(())
    }

    kept!(close, ret_5, usual);
}
