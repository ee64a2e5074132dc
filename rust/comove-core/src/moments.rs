//! Centred co-moments of `D` series over their complete rows: insert a row, combine two sets.
//!
//! # Letters
//! n rows; m_i mean of series i; S_ij = sum over rows of (v_i - mean_i) (v_j - mean_j), j <= i;
//! for pairs series 0 is the asset (y), series 1 the benchmark (x), and SSE the sum of squared
//! residuals of y on x.
//!
//! Nothing is ever subtracted from a state, so what is not in it leaves no trace. Means are kept
//! relative to an *anchor*, one of the rows of the set itself: `v - anchor` is at most the range of
//! the set, hence its rounding is small beside the spread however high the level is. A constant
//! series has `v - anchor = 0` for every row, and so S = 0 exactly.
//!
//! # References
//! Chan, Golub, LeVeque (1979), Updating formulae and a pairwise algorithm for computing sample
//! variances, eq. 2.1; Welford (1962); Gentleman (1974) for the residual sum of squares.

use pulp::Simd;

use crate::lanes::{F, Mask};

/// A set of rows that can grow by a row or by another set, and by nothing else shrink.
pub trait State<S: Simd, const D: usize>: Copy {
    /// No rows.
    fn empty(simd: S) -> Self;
    /// Number of rows.
    fn count(&self) -> F<S>;
    /// Mean of each series relative to the anchor.
    fn mean(&self) -> [F<S>; D];
    /// `yes` where true, `no` elsewhere.
    fn pick(mask: Mask<S>, yes: &Self, no: &Self) -> Self;
    /// Takes a row in; `e` is the row minus the mean so far, zero in lanes that take nothing.
    fn take(&mut self, e: [F<S>; D], step: Step<S>);
    /// The rows of `a` and of `b`; `apart` is mean(b) - mean(a). Means come out relative to `b`'s anchor.
    fn join(a: &Self, b: &Self, apart: [F<S>; D], weights: Weights<S>) -> Self;

    /// Takes in `row - anchor` where `valid`.
    #[inline(always)]
    fn insert_where(&mut self, valid: Mask<S>, from_anchor: [F<S>; D]) {
        let (zero, one) = (self.count().like(0.0), self.count().like(1.0));
        let n = self.count() + valid.pick(one, zero);
        let step = Step::to(n, valid.pick(one, zero));
        let mean = self.mean();
        self.take(core::array::from_fn(|i| valid.pick(from_anchor[i] - mean[i], zero)), step);
    }

    /// Takes in `row - anchor` in every lane, to n rows in each of them: `reciprocal` is 1 / n.
    #[inline(always)]
    fn insert(&mut self, simd: S, reciprocal: f64, from_anchor: [F<S>; D]) {
        let step = Step {
            reciprocal: F::splat(simd, reciprocal),
            shrink: F::splat(simd, 1.0 - reciprocal),
            added: F::splat(simd, 1.0),
        };
        let mean = self.mean();
        self.take(core::array::from_fn(|i| from_anchor[i] - mean[i]), step);
    }

    /// The rows of both; `anchors_apart` is b's anchor minus a's.
    #[inline(always)]
    fn combine(a: &Self, b: &Self, anchors_apart: [F<S>; D], weights: Weights<S>) -> Self {
        let (ma, mb) = (a.mean(), b.mean());
        Self::join(a, b, core::array::from_fn(|i| anchors_apart[i] + (mb[i] - ma[i])), weights)
    }
}

/// The factors of an insertion that brings the count to n.
#[derive(Clone, Copy, Debug)]
pub struct Step<S: Simd> {
    /// 1 / n
    pub reciprocal: F<S>,
    /// 1 - 1/n
    pub shrink: F<S>,
    /// What is added to the count: 1, or 0 in lanes that take nothing.
    pub added: F<S>,
}

impl<S: Simd> Step<S> {
    #[inline(always)]
    fn to(n: F<S>, added: F<S>) -> Self {
        let one = n.like(1.0);
        let reciprocal = one / n.lt(one).pick(one, n);
        Self { reciprocal, shrink: one - reciprocal, added }
    }
}

/// The factors of a union of na and nb rows.
#[derive(Clone, Copy, Debug)]
pub struct Weights<S: Simd> {
    /// na + nb
    pub n: F<S>,
    /// na / n
    pub share: F<S>,
    /// na nb / n
    pub cross: F<S>,
}

impl<S: Simd> Weights<S> {
    /// For counts that differ between lanes.
    #[inline(always)]
    pub fn of(na: F<S>, nb: F<S>) -> Self {
        let (n, one) = (na + nb, na.like(1.0));
        let share = na * (one / n.lt(one).pick(one, n));
        Self { n, share, cross: share * nb }
    }

    /// For counts that are the same in all lanes; `reciprocal` is 1 / (na + nb).
    #[inline(always)]
    pub fn uniform(simd: S, na: f64, nb: f64, reciprocal: f64) -> Self {
        let n = na + nb;
        let share = na * reciprocal;
        Self { n: F::splat(simd, n), share: F::splat(simd, share), cross: F::splat(simd, share * nb) }
    }
}

/// Co-moments of `D` series; `P` = D (D + 1) / 2 products, S_ij at [`product`]`(i, j)`.
#[derive(Clone, Copy, Debug)]
pub struct Moments<S: Simd, const D: usize, const P: usize> {
    /// Number of rows.
    pub n: F<S>,
    /// Means relative to the anchor.
    pub mean: [F<S>; D],
    /// S_ij, j <= i, row by row.
    pub products: [F<S>; P],
}

/// Where S_ij, j <= i, stands among the products.
#[inline(always)]
pub const fn product(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl<S: Simd, const D: usize, const P: usize> State<S, D> for Moments<S, D, P> {
    #[inline(always)]
    fn empty(simd: S) -> Self {
        const { assert!(P == D * (D + 1) / 2) };
        let zero = F::splat(simd, 0.0);
        Self { n: zero, mean: [zero; D], products: [zero; P] }
    }

    #[inline(always)]
    fn count(&self) -> F<S> {
        self.n
    }

    #[inline(always)]
    fn mean(&self) -> [F<S>; D] {
        self.mean
    }

    #[inline(always)]
    fn pick(mask: Mask<S>, yes: &Self, no: &Self) -> Self {
        Self {
            n: mask.pick(yes.n, no.n),
            mean: core::array::from_fn(|i| mask.pick(yes.mean[i], no.mean[i])),
            products: core::array::from_fn(|i| mask.pick(yes.products[i], no.products[i])),
        }
    }

    #[inline(always)]
    fn take(&mut self, e: [F<S>; D], step: Step<S>) {
        self.n = self.n + step.added;
        for i in 0..D {
            let shrunk = e[i] * step.shrink;
            for j in 0..=i {
                self.products[product(i, j)] = self.products[product(i, j)] + shrunk * e[j];
            }
            self.mean[i] = self.mean[i] + e[i] * step.reciprocal;
        }
    }

    #[inline(always)]
    fn join(a: &Self, b: &Self, apart: [F<S>; D], weights: Weights<S>) -> Self {
        let mut both = *b;
        both.n = weights.n;
        for i in 0..D {
            let weighted = apart[i] * weights.cross;
            for j in 0..=i {
                let at = product(i, j);
                both.products[at] = (a.products[at] + b.products[at]) + weighted * apart[j];
            }
            both.mean[i] = b.mean[i] - apart[i] * weights.share;
        }
        both
    }
}

/// Co-moments of a pair: asset y first, benchmark x second.
pub type PairMoments<S> = Moments<S, 2, 3>;
/// Moments of one series.
pub type SeriesMoments<S> = Moments<S, 1, 1>;

impl<S: Simd> PairMoments<S> {
    /// S_yy of the asset.
    #[inline(always)]
    pub fn syy(&self) -> F<S> {
        self.products[product(0, 0)]
    }
    /// S_xy.
    #[inline(always)]
    pub fn sxy(&self) -> F<S> {
        self.products[product(1, 0)]
    }
    /// S_xx of the benchmark.
    #[inline(always)]
    pub fn sxx(&self) -> F<S> {
        self.products[product(1, 1)]
    }
    /// S_xy / S_xx, 0 where x does not vary.
    #[inline(always)]
    fn slope(&self) -> F<S> {
        ratio_or(self.sxy(), self.sxx(), 0.0)
    }
}

/// `a / b`, or `otherwise` where b is not above 0.
#[inline(always)]
fn ratio_or<S: Simd>(a: F<S>, b: F<S>, otherwise: f64) -> F<S> {
    b.like(0.0).lt(b).pick(a / b, a.like(otherwise))
}

/// Co-moments of a pair with the residual sum of squares carried along.
///
/// `S_yy - beta S_xy` cancels when the fit is close, as of a perpetual on its spot; here SSE is a sum
/// of terms that are never negative, each from a residual, so that it keeps its digits.
#[derive(Clone, Copy, Debug)]
pub struct Regression<S: Simd> {
    /// The co-moments, bit for bit those of [`PairMoments`].
    pub pair: PairMoments<S>,
    /// Sum of squared residuals of y on x.
    pub sse: F<S>,
}

impl<S: Simd> State<S, 2> for Regression<S> {
    #[inline(always)]
    fn empty(simd: S) -> Self {
        Self { pair: PairMoments::empty(simd), sse: F::splat(simd, 0.0) }
    }

    #[inline(always)]
    fn count(&self) -> F<S> {
        self.pair.n
    }

    #[inline(always)]
    fn mean(&self) -> [F<S>; 2] {
        self.pair.mean
    }

    #[inline(always)]
    fn pick(mask: Mask<S>, yes: &Self, no: &Self) -> Self {
        Self { pair: PairMoments::pick(mask, &yes.pair, &no.pair), sse: mask.pick(yes.sse, no.sse) }
    }

    /// SSE grows by (1 - 1/n) r^2 Sxx / Sxx', r the row's residual from the line so far.
    #[inline(always)]
    fn take(&mut self, e: [F<S>; 2], step: Step<S>) {
        let residual = e[0] - self.pair.slope() * e[1];
        let before = self.pair.sxx();
        self.pair.take(e, step);
        let kept = ratio_or(before, self.pair.sxx(), 1.0);
        self.sse = self.sse + (residual * step.shrink) * (residual * kept);
    }

    /// SSE of the union: of the parts, of their slopes against each other, and of their means against
    /// the line with the pooled slope.
    #[inline(always)]
    fn join(a: &Self, b: &Self, apart: [F<S>; 2], weights: Weights<S>) -> Self {
        let pair = PairMoments::join(&a.pair, &b.pair, apart, weights);
        let (xa, xb) = (a.pair.sxx(), b.pair.sxx());
        let within = xa + xb;
        let slopes_apart = b.pair.slope() - a.pair.slope();
        // Zero where either x does not vary: such a part has no slope to disagree with.
        // Ordered so that scales from 1e-150 to 1e150 stay in range.
        let of_slopes = (slopes_apart * xa) * (slopes_apart * ratio_or(xb, within, 0.0));
        let pooled = ratio_or(a.pair.sxy() + b.pair.sxy(), within, 0.0);
        let residual = apart[0] - pooled * apart[1];
        let kept = ratio_or(within, pair.sxx(), 1.0);
        let of_means = (residual * weights.cross) * (residual * kept);
        Self { pair, sse: ((a.sse + b.sse) + of_slopes) + of_means }
    }
}
