//! Exponentially weighted moments of a pair.
//!
//! # Letters
//! w_i = 2^(-age / `half_life`), age in rows, missing ones counted; W = sum of w_i; Q = W^2 - sum of w_i^2
//! = 2 sum over i < j of w_i w_j; S weighted centred products; m weighted means, each the sum of two
//! floats, so that a high level costs no digits.
//!
//! # References
//! Chan, Golub, LeVeque (1979) for the update; West (1979) for weights; the correction W^2 / Q for
//! reliability weights is that of pandas `ewm(adjust=True, bias=False)`.

use pulp::Scalar;

use crate::anchored::Anchored;
use crate::error::{Error, Result};
use crate::lanes::F;
use crate::moments::PairMoments;
use crate::pair::in_snapshot;
use crate::params::{at_least, positive, same_length};
use crate::readings::PairReadings;
use crate::snapshot::{Object, Reader, Writer};

/// How far the rounding of a long stream may take the pairs of weights past the square of their sum.
const ROUNDING: f64 = 1e-6;

/// Which number a batch call reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EwmReading {
    /// Slope of the asset on the benchmark.
    Beta,
    /// Correlation.
    Corr,
    /// Covariance, corrected for the weights.
    Cov,
}

/// Exponentially weighted beta, correlation and covariance, one row at a time.
///
/// # Complexity
/// A few dozen operations a row, no memory beyond the object.
#[derive(Clone, Debug)]
pub struct EwmPair {
    half_life: f64,
    min_samples: usize,
    decay: f64,
    now: Weighted,
    before: Option<Weighted>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Weighted {
    samples: usize,
    weight: f64,
    pairs: f64,
    mean: [Mean; 2],
    /// S of the asset, of both, of the benchmark.
    products: [f64; 3],
}

/// A mean as the sum of two floats.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    high: f64,
    low: f64,
}

impl Mean {
    fn below(self, value: f64) -> f64 {
        (value - self.high) - self.low
    }

    /// Knuth's two-sum of the large part and the step, the error kept.
    fn add(&mut self, step: f64) {
        let sum = self.high + step;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (step - part);
        let low = self.low + error;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }
}

impl Weighted {
    fn with(mut self, decay: f64, asset: f64, benchmark: f64) -> Self {
        self.weight *= decay;
        self.pairs *= decay * decay;
        for product in &mut self.products {
            *product *= decay;
        }
        if !(asset.is_finite() && benchmark.is_finite()) {
            return self;
        }
        if self.samples == 0 {
            self.mean = [asset, benchmark].map(|high| Mean { high, low: 0.0 });
        }
        self.samples += 1;
        self.pairs += 2.0 * self.weight;
        let share = 1.0 / (self.weight + 1.0);
        // Not 1 - share, which loses what little weight is left after a long gap.
        let shrink = self.weight * share;
        self.weight += 1.0;
        let (y, x) = (self.mean[0].below(asset), self.mean[1].below(benchmark));
        let (shrunk_y, shrunk_x) = (y * shrink, x * shrink);
        self.products[0] += shrunk_y * y;
        self.products[1] += shrunk_x * y;
        self.products[2] += shrunk_x * x;
        self.mean[0].add(y * share);
        self.mean[1].add(x * share);
        self
    }

    /// The readings of a window of equal weights serve as they are: beta and corr do not depend on them.
    fn readings(&self, min_samples: usize) -> PairReadings<Scalar> {
        let splat = |value| F::splat(Scalar, value);
        let state = PairMoments {
            n: splat(self.samples as f64),
            mean: self.mean.map(|mean| splat(mean.high)),
            products: self.products.map(splat),
        };
        let window = Anchored { anchor: [splat(0.0); 2], state };
        PairReadings::new(&window, splat(min_samples as f64))
    }

    fn read(&self, reading: EwmReading, min_samples: usize) -> f64 {
        let readings = self.readings(min_samples);
        match reading {
            EwmReading::Beta => readings.beta().first(),
            EwmReading::Corr => readings.corr().first(),
            // S / W times W^2 / Q; undefined where one row has all the weight.
            EwmReading::Cov => readings.scaled_cov(F::splat(Scalar, self.weight / self.pairs)).first(),
        }
    }
}

impl EwmPair {
    /// No rows yet. Weights halve every `half_life` rows.
    ///
    /// # Errors
    /// `half_life` not finite and above 0; `min_samples` below 2.
    pub fn new(half_life: f64, min_samples: usize) -> Result<Self> {
        let half_life = positive("half_life", half_life)?;
        at_least("min_samples", min_samples, 2)?;
        let decay = libm::exp2(-1.0 / half_life);
        Ok(Self { half_life, min_samples, decay, now: Weighted::default(), before: None })
    }

    /// Rows until a weight has halved.
    pub fn half_life(&self) -> f64 {
        self.half_life
    }

    /// Complete rows needed before a value is given.
    pub fn min_samples(&self) -> usize {
        self.min_samples
    }

    /// Takes in a row; a value that is not finite is missing, and ages the rest.
    pub fn update(&mut self, asset: f64, benchmark: f64) {
        self.before = Some(self.now);
        self.now = self.now.with(self.decay, asset, benchmark);
    }

    /// The beta that `update` would lead to; changes nothing.
    pub fn peek(&self, asset: f64, benchmark: f64) -> f64 {
        self.now.with(self.decay, asset, benchmark).read(EwmReading::Beta, self.min_samples)
    }

    /// Puts another row in the place of the last one.
    ///
    /// # Errors
    /// [`Error::NothingToAmend`] before the first row.
    pub fn amend(&mut self, asset: f64, benchmark: f64) -> Result<()> {
        let before = self.before.ok_or(Error::NothingToAmend)?;
        self.now = before.with(self.decay, asset, benchmark);
        Ok(())
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        self.now = Weighted::default();
        self.before = None;
    }

    /// Complete rows so far.
    pub fn n(&self) -> usize {
        self.now.samples
    }

    /// A reading; NaN where not defined.
    pub fn read(&self, reading: EwmReading) -> f64 {
        self.now.read(reading, self.min_samples)
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::EwmPair);
        out.float(self.half_life);
        out.count(self.min_samples);
        out.flag(self.before.is_some());
        for state in self.before.iter().chain([&self.now]) {
            out.count(state.samples);
            for value in state.numbers() {
                out.float(value);
            }
        }
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::EwmPair)?;
        let (half_life, min_samples) = (from.float()?, from.count()?);
        let mut pair = Self::new(half_life, min_samples).map_err(in_snapshot)?;
        if from.flag()? {
            pair.before = Some(Weighted::read_from(&mut from)?);
        }
        pair.now = Weighted::read_from(&mut from)?;
        let before = pair.before.map_or(0, |before| before.samples);
        let steps = pair.now.samples.checked_sub(before);
        if steps.is_none_or(|steps| steps > usize::from(pair.before.is_some())) {
            return Err(Reader::unusable("its counts contradict each other"));
        }
        from.end()?;
        Ok(pair)
    }
}

impl Weighted {
    fn numbers(&self) -> [f64; 9] {
        let [y, x] = self.mean;
        let [syy, sxy, sxx] = self.products;
        [self.weight, self.pairs, y.high, y.low, x.high, x.low, syy, sxy, sxx]
    }

    /// What no stream leads to is refused: an exponential memory cannot be replayed from its rows.
    fn read_from(from: &mut Reader) -> Result<Self> {
        let samples = from.count()?;
        let mut numbers = [0.0; 9];
        for number in &mut numbers {
            *number = from.float()?;
        }
        let [weight, pairs, yh, yl, xh, xl, syy, sxy, sxx] = numbers;
        let never_negative = [weight, pairs, syy, sxx].iter().all(|v| *v >= 0.0 || v.is_nan());
        // Weights are at most 1 each; the pairs among them make at most the square of their sum.
        let possible = weight <= samples as f64 && pairs <= weight * weight * (1.0 + ROUNDING);
        let fresh = samples == 0 && numbers.iter().any(|v| v.to_bits() != 0);
        if !never_negative || !possible || fresh || samples >= 1 << 53 {
            return Err(Reader::unusable("its moments are not those of any rows"));
        }
        let mean = [Mean { high: yh, low: yl }, Mean { high: xh, low: xl }];
        Ok(Self { samples, weight, pairs, mean, products: [syy, sxy, sxx] })
    }
}

/// A reading of each row.
///
/// # Errors
/// As [`EwmPair::new`]; slices of different lengths.
pub fn ewm(
    reading: EwmReading,
    half_life: f64,
    min_samples: usize,
    asset: &[f64],
    benchmark: &[f64],
    out: &mut [f64],
) -> Result<()> {
    let mut pair = EwmPair::new(half_life, min_samples)?;
    same_length("benchmark", benchmark.len(), asset.len())?;
    same_length("out", out.len(), asset.len())?;
    for ((place, &y), &x) in out.iter_mut().zip(asset).zip(benchmark) {
        pair.now = pair.now.with(pair.decay, y, x);
        *place = pair.read(reading);
    }
    Ok(())
}
