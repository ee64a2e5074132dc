//! What Wilder (1978) made of highs, lows and closes: relative strength, true range, directional movement.

use super::fades::Wilder;
use super::family::{Family, Rows, defined, kept};
use super::recent::Past;
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] = &["rsi_7", "rsi_14", "atr", "adx"];
/// Rows of the true range and the directional movement.
pub(super) const ATR_ROWS: usize = 14;

/// The relative strength index: 100 gains / (gains + losses), each the average of Wilder.
#[derive(Clone, Debug)]
struct Strength {
    gains: Wilder,
    losses: Wilder,
}

impl Strength {
    fn new(rows: usize) -> Self {
        Self { gains: Wilder::new(rows), losses: Wilder::new(rows) }
    }

    fn push(&mut self, change: f64) -> f64 {
        let part = |size: f64| if change.is_nan() { f64::NAN } else { size.max(0.0) };
        let (gains, losses) = (self.gains.push(part(change)), self.losses.push(part(-change)));
        // The share first: 100 times it is never above 100, which a product divided by its own factor can be.
        defined(100.0 * (gains / (gains + losses)))
    }

    fn write(&self, out: &mut Writer) {
        self.gains.write(out);
        self.losses.write(out);
    }

    fn read(&mut self, from: &mut Reader) -> Result<()> {
        self.gains.read(from)?;
        self.losses.read(from)
    }
}

/// The largest of high less low and the distances of both from the close before; missing without one.
pub(super) fn true_range(high: f64, low: f64, close_before: f64) -> f64 {
    let (range, up, down) = (high - low, (high - close_before).abs(), (low - close_before).abs());
    let widest = if up > range { up } else { range };
    if (range + up + down).is_finite() { if down > widest { down } else { widest } } else { f64::NAN }
}

#[derive(Clone, Debug)]
pub(super) struct Directional {
    strength_7: Strength,
    strength_14: Strength,
    atr: Wilder,
    up: Wilder,
    down: Wilder,
    range: Wilder,
    adx: Wilder,
    high: Past,
    low: Past,
    close: Past,
}

impl Directional {
    pub(super) fn new() -> Self {
        let average = Wilder::new(ATR_ROWS);
        Self {
            strength_7: Strength::new(7),
            strength_14: Strength::new(14),
            atr: average.clone(),
            up: average.clone(),
            down: average.clone(),
            range: average.clone(),
            adx: average,
            high: Past::new(1),
            low: Past::new(1),
            close: Past::new(1),
        }
    }

    /// The average directional index: of rows that have all of the row and of the one before.
    fn adx(&mut self, [high, low]: [f64; 2], before: [f64; 2], true_range: f64) -> f64 {
        let (up, down) = (high - before[0], before[1] - low);
        if !(up + down + true_range).is_finite() {
            return f64::NAN;
        }
        let rises = self.up.push(if up > down && up > 0.0 { up } else { 0.0 });
        let falls = self.down.push(if down > up && down > 0.0 { down } else { 0.0 });
        let range = self.range.push(true_range);
        let (plus, minus) = (rises / range, falls / range);
        self.adx.push(defined(100.0 * ((plus - minus).abs() / (plus + minus))))
    }
}

impl Family for Directional {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [rsi_7, rsi_14, atr, adx] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let (high, low, close) = (rows.high(), rows.low(), rows.close());
        for row in 0..rows.len() {
            let before = self.close.ago(close, row, 1);
            let change = defined(close[row] - before);
            rsi_7[row] = self.strength_7.push(change);
            rsi_14[row] = self.strength_14.push(change);
            let range = true_range(high[row], low[row], before);
            atr[row] = self.atr.push(range);
            let before = [self.high.ago(high, row, 1), self.low.ago(low, row, 1)];
            adx[row] = self.adx([high[row], low[row]], before, range);
        }
        self.high.keep(high);
        self.low.keep(low);
        self.close.keep(close);
        Ok(())
    }

    kept!(strength_7, strength_14, atr, up, down, range, adx, high, low, close);
}

#[cfg(test)]
mod tests {
    use super::Strength;

    #[test]
    fn strength_is_within_its_range() {
        for rows in [7, 14] {
            let mut strength = Strength::new(rows);
            for row in 0..2000 {
                // Rises only, of sizes that are not exact in binary.
                let found = strength.push(0.1 + (row % 13) as f64 * 0.07);
                assert!(row + 1 < rows || found.total_cmp(&100.0).is_eq(), "{found} in row {row}");
            }
        }
    }
}
