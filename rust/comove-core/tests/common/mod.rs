//! Series that try what the estimators promise, and how to compare.
#![allow(dead_code)] // each test file uses some

pub mod reference;

/// A repeatable source of numbers (xorshift64*).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in [-0.5, 0.5).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}

/// An asset and its benchmark.
pub type Pair = (Vec<f64>, Vec<f64>);

/// Related returns, `gaps` of them per thousand missing on either side.
pub fn related(seed: u64, n: usize, gaps: u64) -> Pair {
    let mut numbers = Numbers::new(seed);
    let mut asset = Vec::with_capacity(n);
    let mut benchmark = Vec::with_capacity(n);
    for _ in 0..n {
        let x = numbers.unit() * 0.02;
        let y = 1.3 * x + numbers.unit() * 0.01;
        let mut hole = |value| {
            if numbers.next() % 1000 < gaps {
                [f64::NAN, f64::INFINITY][(numbers.next() % 2) as usize]
            } else {
                value
            }
        };
        asset.push(hole(y));
        benchmark.push(hole(x));
    }
    (asset, benchmark)
}

/// The named hard cases, `n` rows each.
pub fn hard(n: usize) -> Vec<(&'static str, Pair)> {
    let (y, x) = related(7, n, 0);
    let level = |offset: f64, step: f64| -> Pair {
        (y.iter().map(|v| offset + step * v).collect(), x.iter().map(|v| offset + step * v).collect())
    };
    let mut spiked = (y.clone(), x.clone());
    for (i, place) in [(n / 5, 0), (n / 3, 1), (n / 2, 2)] {
        if place != 1 {
            spiked.0[i] = 1e12;
        }
        if place != 0 {
            spiked.1[i] = -1e12;
        }
    }
    let shift = |v: &[f64]| v.iter().enumerate().map(|(i, v)| if i < n / 2 { *v } else { 1e9 + v }).collect();
    let shrink = |v: &[f64]| v.iter().enumerate().map(|(i, v)| v * (-(i as f64) / 40.0).exp2()).collect();
    let scaled = |a: f64, b: f64| (y.iter().map(|v| a * v).collect(), x.iter().map(|v| b * v).collect());
    vec![
        ("plain", (y.clone(), x.clone())),
        ("gaps", related(8, n, 150)),
        ("mostly missing", related(9, n, 600)),
        ("level 1e6", level(1e6, 1.0)),
        ("level 1e12", level(1e12, 1e3)),
        ("spikes", spiked),
        ("level shift", (shift(&y), shift(&x))),
        ("shrinking variance", (shrink(&y), shrink(&x))),
        ("tiny", scaled(1e-148, 1e-148)),
        ("huge", scaled(1e150, 1e150)),
        ("tiny on huge", scaled(1e-148, 1e150)),
        ("near perfect", (x.iter().zip(&y).map(|(x, e)| 2.0 * x + 1e-5 * e).collect(), x.clone())),
        (
            "ties",
            (
                y.iter().map(|v| (v * 500.0).round()).collect(),
                x.iter().map(|v| (v * 300.0).round()).collect(),
            ),
        ),
    ]
}

/// Bits, with one NaN.
pub fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() }).collect()
}
