//! What one side has to say at each step through the windows, written once and read at every lag.

use crate::anchored::Anchored;
use crate::lanes::{F, Width};
use crate::moments::{PairMoments, product};
use crate::readings::PairReadings;

/// Lanes that begin with a line of the cache: others take two lines of it, and twice the time.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Aligned<T>(pub(super) T);

/// Which side is the near one.
pub(super) trait Near {
    /// Whether it is the asset.
    const ASSET: bool;
}

/// Lags k <= 0: the asset is near, the leader's rows lie back.
pub(super) struct Asset;
/// Lags k > 0: the leader is near, the asset's rows lie back.
pub(super) struct Leader;

impl Near for Asset {
    const ASSET: bool = true;
}

impl Near for Leader {
    const ASSET: bool = false;
}

/// What a pass does with the tape.
pub(super) trait Pass<S: Width> {
    /// At an insertion: the far side's deviation, the same shrunk, what the near side has to say. Gives what is added to S_xy.
    fn inserted(&mut self, deviation: F<S>, shrunk: F<S>) -> F<S>;
    /// At a combination: how far the means lie apart, the same weighted. Gives what is added to S_xy.
    fn combined(&mut self, apart: F<S>, weighted: F<S>) -> F<S>;
    /// At a reading: the window's sum of squares and S_xy. Gives the correlation.
    fn read(&mut self, square: F<S>, cross: F<S>) -> F<S>;
}

/// The near side's pass.
pub(super) struct Record<'a, S: Width, N> {
    pub(super) tape: &'a mut Vec<Aligned<S::f64s>>,
    pub(super) near: core::marker::PhantomData<N>,
}

impl<S: Width, N: Near> Pass<S> for Record<'_, S, N> {
    // S_xy takes x shrunk or weighted, and y as it is.
    #[inline(always)]
    fn inserted(&mut self, deviation: F<S>, shrunk: F<S>) -> F<S> {
        self.tape.push(Aligned(if N::ASSET { deviation } else { shrunk }.raw()));
        deviation
    }

    #[inline(always)]
    fn combined(&mut self, apart: F<S>, weighted: F<S>) -> F<S> {
        self.tape.push(Aligned(if N::ASSET { apart } else { weighted }.raw()));
        apart
    }

    #[inline(always)]
    fn read(&mut self, square: F<S>, _cross: F<S>) -> F<S> {
        self.tape.push(Aligned(square.raw()));
        square
    }
}

/// A far side's pass.
pub(super) struct Replay<'a, S: Width, N> {
    pub(super) simd: S,
    pub(super) tape: core::slice::Iter<'a, Aligned<S::f64s>>,
    /// Rows of the window, and those it needs.
    pub(super) n: F<S>,
    pub(super) min_samples: F<S>,
    pub(super) near: core::marker::PhantomData<N>,
}

impl<S: Width, N: Near> Replay<'_, S, N> {
    #[inline(always)]
    fn next(&mut self) -> F<S> {
        // The tape holds as much as is read; the other value is never taken.
        self.tape.next().map_or(self.n, |near| F::from_raw(self.simd, near.0))
    }
}

impl<S: Width, N: Near> Pass<S> for Replay<'_, S, N> {
    #[inline(always)]
    fn inserted(&mut self, deviation: F<S>, shrunk: F<S>) -> F<S> {
        let near = self.next();
        if N::ASSET { shrunk * near } else { near * deviation }
    }

    #[inline(always)]
    fn combined(&mut self, apart: F<S>, weighted: F<S>) -> F<S> {
        let near = self.next();
        if N::ASSET { weighted * near } else { near * apart }
    }

    #[inline(always)]
    fn read(&mut self, square: F<S>, cross: F<S>) -> F<S> {
        let near = self.next();
        let (syy, sxx) = if N::ASSET { (near, square) } else { (square, near) };
        let zero = self.n.like(0.0);
        let mut products = [zero; 3];
        (products[product(0, 0)], products[product(1, 0)], products[product(1, 1)]) = (syy, cross, sxx);
        let state = PairMoments { n: self.n, mean: [zero; 2], products };
        PairReadings::new(&Anchored { anchor: [zero; 2], state }, self.min_samples).corr()
    }
}
