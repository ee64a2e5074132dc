//! Columns of the order book and the funding rate, where the data has them.

use super::estimators::Mean;
use super::family::{Family, Rows, defined, fill, kept};
use super::rolling::Rolling;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &["orderbook_imbalance", "microprice", "funding_rate_trend"];
/// Rows of the funding rate.
const FUNDING_ROWS: usize = 180;

#[derive(Clone, Debug)]
pub(super) struct Book {
    funding: Rolling<Mean, 1, 1>,
}

impl Book {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { funding: Rolling::new(Mean, FUNDING_ROWS)? })
    }
}

impl Family for Book {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [imbalance, microprice, trend] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let [bid, ask, bid_volume, ask_volume, funding] = rows.book;
        fill(imbalance, |row| {
            defined((bid_volume[row] - ask_volume[row]) / (bid_volume[row] + ask_volume[row]))
        });
        fill(microprice, |row| {
            let weighted = bid[row] * ask_volume[row] + ask[row] * bid_volume[row];
            defined(weighted / (bid_volume[row] + ask_volume[row]))
        });
        self.funding.extend([funding], [trend])
    }

    kept!(funding);
}
