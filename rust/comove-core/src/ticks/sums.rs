//! Sums that keep their digits over millions of terms.

use std::collections::BTreeMap;

/// One compensated sum a lag.
///
/// # References
/// Neumaier (1974): the error of a sum of n terms is 2^-53 of the sum plus n^2 2^-106 of the sum of magnitudes.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    high: Vec<f64>,
    low: Vec<f64>,
}

impl Sums {
    pub(super) fn new(lags: usize) -> Self {
        Self { high: vec![0.0; lags], low: vec![0.0; lags] }
    }

    /// Adds one term to the sum of one lag.
    pub(super) fn add(&mut self, place: usize, term: f64) {
        let (high, low) = two_sum(self.high[place], term);
        self.high[place] = high;
        self.low[place] += low;
    }

    /// Adds other sums.
    pub(super) fn merge(&mut self, other: &Self) {
        for place in 0..self.high.len() {
            self.add(place, other.high[place]);
            self.low[place] += other.low[place];
        }
    }

    pub(super) fn value(&self, place: usize) -> f64 {
        self.high[place] + self.low[place]
    }
}

/// The sums of each pair. What tasks leave is added in the order of the tasks, so that the bits do not depend on who is
/// done first, and as soon as that order allows, so that little has to be kept.
#[derive(Debug)]
pub(super) struct Totals {
    pairs: Vec<Sums>,
    /// The first task that is not added yet.
    next: usize,
    /// What later ones left, and of which pair.
    waiting: BTreeMap<usize, (usize, Sums)>,
}

impl Totals {
    pub(super) fn new(pairs: usize, lags: usize) -> Self {
        Self { pairs: vec![Sums::new(lags); pairs], next: 0, waiting: BTreeMap::new() }
    }

    /// Adds what a task left of a pair, once all tasks before it are done.
    pub(super) fn add(&mut self, task: usize, pair: usize, sums: Sums) {
        self.waiting.insert(task, (pair, sums));
        while let Some((pair, sums)) = self.waiting.remove(&self.next) {
            self.pairs[pair].merge(&sums);
            self.next += 1;
        }
    }

    pub(super) fn into_sums(self) -> Vec<Sums> {
        self.pairs
    }
}

/// Knuth's two-sum: the rounded sum and what rounding took.
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The sum of values, compensated.
pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sums = Sums::new(1);
    for value in values {
        sums.add(0, value);
    }
    sums.value(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100].into_iter()).to_bits(), 2.0_f64.to_bits());
        let mut parts = [Sums::new(1), Sums::new(1)];
        parts[0].add(0, 1e17);
        parts[0].add(0, 1.0);
        parts[1].add(0, -1e17);
        parts[1].add(0, 1.0);
        let [mut all, rest] = parts;
        all.merge(&rest);
        assert_eq!(all.value(0).to_bits(), 2.0_f64.to_bits());
    }

    #[test]
    fn what_tasks_leave_is_added_in_their_order() {
        // Two pairs of three tasks each, whose sums depend on their order in the last bit.
        let left = |task: usize| {
            let mut sums = Sums::new(1);
            sums.add(0, [1e16, 1.0 / 3.0, -0.7][task % 3] * (1 + task) as f64);
            sums
        };
        let read = |order: [usize; 6]| {
            let mut totals = Totals::new(2, 1);
            for task in order {
                totals.add(task, task / 3, left(task));
            }
            assert!(totals.waiting.is_empty());
            let bits: Vec<u64> = totals.into_sums().iter().map(|sums| sums.value(0).to_bits()).collect();
            bits
        };
        let expected = read([0, 1, 2, 3, 4, 5]);
        for order in [[5, 4, 3, 2, 1, 0], [0, 2, 4, 1, 5, 3], [1, 0, 3, 2, 5, 4]] {
            assert_eq!(read(order), expected);
        }
    }
}
