//! The time of the row, UTC, and the age of the coin.

use core::f64::consts::TAU;

use super::family::{Family, Rows, kept};
use crate::error::Result;
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

pub(super) const COLUMNS: &[&str] =
    &["tod_fraction", "tod_sin", "tod_cos", "day_of_week", "dow_sin", "dow_cos", "coin_age_days"];
/// Nanoseconds.
const DAY: i64 = 86_400_000_000_000;
/// 1970-01-01 was a Thursday.
const FIRST_WEEKDAY: i64 = 3;

/// The time of the first row.
#[derive(Clone, Copy, Debug, Default)]
struct First(Option<i64>);

impl First {
    fn write(self, out: &mut Writer) {
        out.flag(self.0.is_some());
        out.int(self.0.unwrap_or(0));
    }

    fn read(&mut self, from: &mut Reader) -> Result<()> {
        let (any, ts) = (from.flag()?, from.int()?);
        self.0 = any.then_some(ts);
        Ok(())
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    first: First,
}

impl Family for Calendar {
    fn extend(&mut self, rows: &Rows<'_>, out: &mut [&mut [f64]]) -> Result<()> {
        let [fraction, tod_sin, tod_cos, weekday, dow_sin, dow_cos, age] = out else {
            return same_length("out", out.len(), COLUMNS.len());
        };
        let week: [[f64; 2]; 7] = core::array::from_fn(|day| {
            let angle = TAU * day as f64 / 7.0;
            [libm::sin(angle), libm::cos(angle)]
        });
        // Days repeat their times.
        let mut known: Option<(i64, [f64; 3])> = None;
        for (row, &ts) in rows.ts.iter().enumerate() {
            let first = *self.first.0.get_or_insert(ts);
            let (day, time) = (ts.div_euclid(DAY), ts.rem_euclid(DAY));
            let [part, sin, cos] = match known {
                Some((at, values)) if at == time => values,
                _ => {
                    let part = time as f64 / DAY as f64;
                    [part, libm::sin(TAU * part), libm::cos(TAU * part)]
                }
            };
            known = Some((time, [part, sin, cos]));
            (fraction[row], tod_sin[row], tod_cos[row]) = (part, sin, cos);
            let day = usize::try_from((day + FIRST_WEEKDAY).rem_euclid(7)).unwrap_or(0);
            (weekday[row], dow_sin[row], dow_cos[row]) = (day as f64 + 1.0, week[day][0], week[day][1]);
            age[row] = ts.saturating_sub(first) as f64 / DAY as f64;
        }
        Ok(())
    }

    kept!(first);
}
