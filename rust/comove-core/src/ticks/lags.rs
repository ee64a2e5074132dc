//! The lags of a scan.

use crate::error::{Error, Result};
use crate::params::at_least;

/// Lags in nanoseconds, strictly increasing; negative where the leader moved first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lags {
    values: Vec<i64>,
}

/// The same lags for a kernel: the first one, and how many steps above it each one lies.
#[derive(Clone, Debug)]
pub(super) struct Shifts {
    pub(super) first: i128,
    /// Greatest common divisor of the distances, at least 1.
    pub(super) step: u128,
    pub(super) offsets: Vec<u128>,
}

impl Lags {
    /// At least one lag.
    ///
    /// # Errors
    /// No lags; lags that do not increase.
    pub fn new(values: Vec<i64>) -> Result<Self> {
        at_least("the number of lags", values.len(), 1)?;
        for (place, two) in values.windows(2).enumerate() {
            if two[1] <= two[0] {
                return Err(Error::NotIncreasing {
                    name: "lags",
                    place: place + 1,
                    value: two[1],
                    previous: two[0],
                });
            }
        }
        Ok(Self { values })
    }

    /// The lags.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// What a kernel adds to the times of the asset, or to those of the leader, last lag first.
    pub(super) fn shifts(&self, of_leader: bool) -> Shifts {
        let mut wide: Vec<i128> = self.values.iter().map(|&lag| i128::from(lag)).collect();
        if of_leader {
            wide.reverse();
            for lag in &mut wide {
                *lag = -*lag;
            }
        }
        let first = wide.first().copied().unwrap_or(0);
        let distances: Vec<u128> = wide.iter().map(|lag| (lag - first).unsigned_abs()).collect();
        let step = distances.iter().fold(0, |a, &b| divisor(a, b)).max(1);
        Shifts { first, step, offsets: distances.iter().map(|distance| distance / step).collect() }
    }
}

impl Shifts {
    pub(super) fn at(&self, place: usize) -> i128 {
        self.first + (self.offsets[place] * self.step).cast_signed()
    }

    /// The last offset.
    pub(super) fn reach(&self) -> u128 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// Euclid's greatest common divisor; that of 0 and b is b.
fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_the_lags() {
        let lags = Lags::new(vec![-9, -3, 0, 12]).unwrap();
        let shifts = lags.shifts(false);
        assert_eq!((shifts.first, shifts.step, &shifts.offsets[..]), (-9, 3, &[0, 2, 3, 7][..]));
        let shifts = lags.shifts(true);
        assert_eq!((0..4).map(|m| shifts.at(m)).collect::<Vec<_>>(), [-12, 0, 3, 9]);
        let extremes = Lags::new(vec![i64::MIN, i64::MAX]).unwrap().shifts(true);
        assert_eq!(extremes.at(1), -i128::from(i64::MIN));
        assert_eq!(Lags::new(vec![5]).unwrap().shifts(false).step, 1);
    }

    #[test]
    fn lags_must_increase() {
        assert_eq!(Lags::new(vec![]).unwrap_err().code(), "too_small");
        for bad in [vec![1, 1], vec![-1, 2, 0]] {
            assert_eq!(Lags::new(bad).unwrap_err().code(), "not_increasing");
        }
    }
}
