//! Ticks made ready: one increment a time.

use crate::error::{Error, Result};
use crate::params::same_length;
use crate::ticks::sums::sum;

/// What an increment of price is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Increments {
    /// log(p_i / p_{i-1}); prices must be above 0.
    Log,
    /// p_i - p_{i-1}.
    Difference,
}

/// The ticks of one series: its times, each once, and the increments between them.
///
/// Of equal times the last price counts; ticks without a price are left out.
#[derive(Clone, Debug)]
pub struct Ticks {
    pub(super) times: Vec<i64>,
    /// Increments over 2^`exponent`, so that products neither overflow nor vanish; 0 for the first tick.
    pub(super) steps: Vec<f64>,
    pub(super) exponent: i32,
    /// Sum of the squares of `steps`.
    pub(super) squares: f64,
}

/// The power of two is cut at these, so that it and its inverse are ordinary numbers.
const MOST_EXPONENT: i32 = 1000;
/// Relative steps of price up to here take the series of the logarithm.
const SMALL_STEP: f64 = 1.0 / 128.0;
/// Increments a thread works on at a time.
const SHARE: usize = 1 << 16;

impl Ticks {
    /// Reads ticks in the order of their times; equal times keep the order of arrival.
    ///
    /// # Errors
    /// Another number of prices than of times; times that run backwards; prices not above 0 where logs are taken.
    ///
    /// # Precision
    /// An increment is within 2 ulp of itself where a price changes by less than a factor of 2, else within
    /// 2 ulp of the logs.
    pub fn new(
        name: &str,
        times: &[i64],
        prices: &[f64],
        increments: Increments,
        threads: usize,
    ) -> Result<Self> {
        same_length("price", prices.len(), times.len())?;
        let (times, prices) = collapsed(name, times, prices, increments)?;
        let mut steps = vec![0.0; prices.len()];
        let shares = steps.len().div_ceil(SHARE).min(threads);
        let make = |from: usize, steps: &mut [f64]| {
            for (step, two) in steps.iter_mut().zip(prices[from..].windows(2)) {
                *step = increment(two[0], two[1], increments);
            }
        };
        if let Some(rest) = steps.get_mut(1..).filter(|rest| !rest.is_empty()) {
            let length = rest.len().div_ceil(shares.max(1));
            std::thread::scope(|scope| {
                let mut parts = rest.chunks_mut(length).enumerate();
                let own = parts.next();
                for (part, steps) in parts {
                    scope.spawn(move || make(part * length, steps));
                }
                if let Some((part, steps)) = own {
                    make(part * length, steps);
                }
            });
        }
        let largest = steps.iter().fold(0.0, |most: f64, step| most.max(step.abs()));
        let exponent = if largest > 0.0 && largest.is_finite() {
            libm::frexp(largest).1.clamp(-MOST_EXPONENT, MOST_EXPONENT)
        } else {
            0
        };
        let factor = libm::ldexp(1.0, -exponent);
        for step in &mut steps {
            *step *= factor;
        }
        let squares = sum(steps.iter().map(|step| step * step));
        Ok(Self { times, steps, exponent, squares })
    }

    /// Number of different times with a price.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The first and the last time, where there is an increment.
    pub(super) fn ends(&self) -> Option<(i128, i128)> {
        match self.times[..] {
            [first, .., last] => Some((i128::from(first), i128::from(last))),
            _ => None,
        }
    }
}

/// The times with a price, each once, and the last price of each.
fn collapsed(
    name: &str,
    times: &[i64],
    prices: &[f64],
    increments: Increments,
) -> Result<(Vec<i64>, Vec<f64>)> {
    let mut kept: (Vec<i64>, Vec<f64>) = (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
    let mut previous = i64::MIN;
    for (row, (&time, &price)) in times.iter().zip(prices).enumerate() {
        if time < previous {
            return Err(Error::Order { name: "ts", row, value: time, previous, equal_allowed: true });
        }
        previous = time;
        if !price.is_finite() {
            continue;
        }
        if price <= 0.0 && increments == Increments::Log {
            return Err(Error::Price { name: name.to_owned(), value: price, row });
        }
        match (kept.0.last(), kept.1.last_mut()) {
            (Some(&last), Some(place)) if last == time => *place = price,
            _ => {
                kept.0.push(time);
                kept.1.push(price);
            }
        }
    }
    Ok(kept)
}

fn increment(before: f64, price: f64, increments: Increments) -> f64 {
    match increments {
        Increments::Difference => price - before,
        // Within a factor of 2 the difference is exact (Sterbenz), and a small step keeps all its digits.
        Increments::Log if price >= 0.5 * before && price <= 2.0 * before => {
            log_of_one_plus((price - before) / before)
        }
        Increments::Log => libm::log(price) - libm::log(before),
    }
}

/// log(1 + r), within an ulp of it.
///
/// Nearly all ticks move the price by less than a hundredth: for them the series to r^9, whose next term is below 2^-66 of
/// r, takes half the time of `log1p`.
fn log_of_one_plus(r: f64) -> f64 {
    if r.abs() > SMALL_STEP {
        return libm::log1p(r);
    }
    let mut tail = 0.0;
    for power in [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0] {
        tail = 1.0 / power - r * tail;
    }
    r - r * r * tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(times: &[i64], prices: &[f64]) -> Result<Ticks> {
        Ticks::new("A", times, prices, Increments::Log, 1)
    }

    #[test]
    fn equal_times_keep_the_last_price() {
        let ticks = log(&[1, 1, 2, 2, 2, 5], &[9.0, 1.0, 7.0, 2.0, f64::NAN, 4.0]).unwrap();
        assert_eq!(ticks.times, [1, 2, 5]);
        let two = core::f64::consts::LN_2;
        let factor = libm::ldexp(1.0, ticks.exponent);
        assert_eq!(ticks.steps.iter().map(|step| step * factor).collect::<Vec<_>>(), [0.0, two, two]);
    }

    #[test]
    fn ticks_without_a_price_are_left_out() {
        let ticks = log(&[1, 2, 3], &[1.0, f64::INFINITY, 1.0]).unwrap();
        assert_eq!((ticks.len(), ticks.squares.to_bits()), (2, 0));
        assert!(log(&[1, 2], &[f64::NAN; 2]).unwrap().is_empty());
    }

    #[test]
    fn bad_ticks_are_refused() {
        assert_eq!(log(&[2, 1], &[1.0, f64::NAN]).unwrap_err().code(), "order");
        assert_eq!(log(&[1, 2], &[1.0, 0.0]).unwrap_err().code(), "price");
        assert_eq!(log(&[1, 2], &[1.0]).unwrap_err().code(), "length");
        assert!(Ticks::new("A", &[1, 2], &[1.0, -1.0], Increments::Difference, 1).is_ok());
    }

    #[test]
    fn small_steps_have_all_digits() {
        for i in -2000..=2000 {
            for r in [SMALL_STEP / 1000.0 * f64::from(i), 1e-9 * f64::from(i)] {
                let (value, exact) = (log_of_one_plus(r), libm::log1p(r));
                assert!(
                    (value - exact).abs() <= exact.abs() * 2.0 * f64::EPSILON,
                    "{value} is not {exact} at {r}"
                );
            }
        }
    }

    #[test]
    fn threads_do_not_matter() {
        let times: Vec<i64> = (0..200_001).collect();
        let prices: Vec<f64> = times.iter().map(|&i| 100.0 + (i * 7919 % 101) as f64 * 0.01).collect();
        let one = Ticks::new("A", &times, &prices, Increments::Log, 1).unwrap();
        let three = Ticks::new("A", &times, &prices, Increments::Log, 3).unwrap();
        assert_eq!(one.steps, three.steps);
        assert_eq!(one.squares.to_bits(), three.squares.to_bits());
    }
}
