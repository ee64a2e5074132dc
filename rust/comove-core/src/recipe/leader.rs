//! The asset against its leader.

use super::estimators::Mean;
use super::family::{Family, Rows, defined, fill, kept};
use super::recent::Past;
use super::rolling::Rolling;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &["leader_bias", "rs_score"];
/// Rows of the two returns that `rs_score` compares, and their weights.
const RELATIVE: [(usize, f64); 2] = [(10, 0.6), (20, 0.4)];

#[derive(Clone, Debug)]
pub(super) struct Leader {
    own: Past,
    other: Past,
    bias: Rolling<Mean, 1, 1>,
}

impl Leader {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { own: Past::new(20), other: Past::new(20), bias: Rolling::new(Mean, 20)? })
    }
}

impl Family for Leader {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [bias, score] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let (close, other) = (rows.close(), rows.leader);
        let ret = |past: &Past, prices: &[f64], row: usize, span: usize| {
            prices[row] / past.ago(prices, row, span) - 1.0
        };
        let apart: Vec<f64> =
            (0..rows.len()).map(|row| defined(rows.ret[row] - ret(&self.other, other, row, 1))).collect();
        self.bias.extend([&apart], [bias])?;
        fill(score, |row| {
            let [short, long] = RELATIVE.map(|(span, weight)| {
                weight * (ret(&self.own, close, row, span) - ret(&self.other, other, row, span))
            });
            defined(50.0 * (1.0 + libm::tanh(10.0 * (short + long))))
        });
        self.own.keep(close);
        self.other.keep(other);
        Ok(())
    }

    kept!(own, other, bias);
}
