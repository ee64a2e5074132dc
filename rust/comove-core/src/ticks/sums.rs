//! Sums that keep their digits over millions of terms.

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
}
