//! The range of the bars: how wide, how unusual, where in it the close is, and the spread it tells of.

use core::f64::consts::SQRT_2;

use super::estimators::Mean;
use super::family::{Family, Rows, clip, defined, fill, kept};
use super::recent::{Highest, Past, Recent, Share};
use super::rolling::Rolling;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &[
    "range_pct",
    "typical_price",
    "price_position_in_range",
    "pullback_depth",
    "compression_score",
    "compression_rank",
    "nr7_density",
    "spread_bps",
];

/// Rows of the rank.
const RANK_ROWS: usize = 50;

#[derive(Clone, Debug)]
pub(super) struct Ranges {
    high_14: Highest,
    /// Of the negated lows, as all lows here.
    low_14: Highest,
    high_20: Highest,
    usual: Rolling<Mean, 1, 1>,
    recent: Recent,
    narrowest: Highest,
    nr7: Share,
    high: Past,
    low: Past,
}

impl Ranges {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            high_14: Highest::new(14),
            low_14: Highest::new(14),
            high_20: Highest::new(20),
            usual: Rolling::new(Mean, 20)?,
            recent: Recent::new(RANK_ROWS),
            narrowest: Highest::new(7),
            nr7: Share::new(20),
            high: Past::new(1),
            low: Past::new(1),
        })
    }
}

/// The bid-ask spread of two bars, not below 0, in basis points, from the width of each and of both together (the root of
/// gamma).
///
/// # References
/// Corwin, Schultz (2012), A simple way to estimate bid-ask spreads from daily high and low prices, eqs. 14 and 18.
fn corwin_schultz(widths: [f64; 2], both: f64) -> f64 {
    let [first, second] = widths;
    let beta = first * first + second * second;
    let scale = 3.0 - 2.0 * SQRT_2;
    let alpha = ((2.0 * beta).sqrt() - beta.sqrt()) / scale - both / scale.sqrt();
    // Half of all rows: no need of the power.
    if alpha <= 0.0 {
        return 0.0;
    }
    let power = libm::exp(alpha);
    defined(2.0 * (power - 1.0) / (1.0 + power) * 1e4)
}

/// ln(high / low)
fn width(high: f64, low: f64) -> f64 {
    libm::log(high / low)
}

impl Family for Ranges {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [pct, typical, position, pullback, score, rank, nr7, spread] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let (high, low, close) = (rows.high(), rows.low(), rows.close());
        let range = rows.range();
        fill(pct, |row| defined(range[row] / close[row]));
        fill(typical, |row| defined((high[row] + low[row] + close[row]) / 3.0));
        for row in 0..rows.len() {
            let (top, bottom) = (self.high_14.push(high[row]), -self.low_14.push(-low[row]));
            position[row] = if top > bottom || !(top - bottom).is_finite() {
                defined((close[row] - bottom) / (top - bottom))
            } else {
                defined(0.5 + 0.0 * close[row])
            };
            pullback[row] = defined(1.0 - close[row] / self.high_20.push(high[row]));
        }
        self.usual.extend([&range], [score])?;
        for (score, range) in score.iter_mut().zip(&range) {
            *score = 1.0 - clip(range / *score, 0.0, 2.0) / 2.0;
        }
        fill(rank, |row| {
            self.recent.push(range[row]);
            if !self.recent.is_whole() {
                return f64::NAN;
            }
            // Words as wide as the values: the processor compares and counts several at once.
            let wider: u64 = self.recent.values().iter().map(|&r| u64::from(r > range[row])).sum();
            wider as f64 / RANK_ROWS as f64
        });
        fill(nr7, |row| {
            let least = -self.narrowest.push(-range[row]);
            self.nr7.push((!least.is_nan()).then_some(range[row] <= least))
        });
        let mut before = [self.high.ago(high, 0, 1), self.low.ago(low, 0, 1)];
        let mut width_before = if rows.len() > 0 { width(before[0], before[1]) } else { f64::NAN };
        fill(spread, |row| {
            let now = [high[row], low[row]];
            let width_now = width(now[0], now[1]);
            let highest = if before[0] > now[0] { before[0] } else { now[0] };
            let lowest = if before[1] < now[1] { before[1] } else { now[1] };
            let spread = corwin_schultz([width_before, width_now], width(highest, lowest));
            (before, width_before) = (now, width_now);
            spread
        });
        self.high.keep(high);
        self.low.keep(low);
        Ok(())
    }

    kept!(high_14, low_14, high_20, usual, recent, narrowest, nr7, high, low);
}
