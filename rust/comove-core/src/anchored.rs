//! A set of rows together with the row its means are relative to.

use pulp::Simd;

use crate::lanes::{F, Mask};
use crate::moments::{State, Weights};

/// A state together with the row its means are relative to.
#[derive(Clone, Copy, Debug)]
pub struct Anchored<S: Simd, const D: usize, M> {
    /// The anchor; it stands for nothing while the state is empty.
    pub anchor: [F<S>; D],
    /// The state.
    pub state: M,
}

impl<S: Simd, const D: usize, M: State<S, D>> Anchored<S, D, M> {
    /// No rows.
    #[inline(always)]
    pub fn empty(simd: S) -> Self {
        Self { anchor: [F::splat(simd, 0.0); D], state: M::empty(simd) }
    }

    /// Takes in a row where it is complete; the first one becomes the anchor.
    #[inline(always)]
    pub fn insert(&mut self, row: [F<S>; D], complete: Mask<S>) {
        let first = complete.and(self.is_empty());
        for i in 0..D {
            self.anchor[i] = first.pick(row[i], self.anchor[i]);
        }
        self.state.insert_where(complete, apart(row, self.anchor));
    }

    /// The rows of both, relative to `later`'s anchor; where either is empty, the other to the bit.
    #[inline(always)]
    pub fn combine(earlier: &Self, later: &Self) -> Self {
        let mut both =
            Self::combine_present(earlier, later, Weights::of(earlier.state.count(), later.state.count()));
        for (empty, other) in [(earlier.is_empty(), later), (later.is_empty(), earlier)] {
            if empty.any() {
                both.state = M::pick(empty, &other.state, &both.state);
                for i in 0..D {
                    both.anchor[i] = empty.pick(other.anchor[i], both.anchor[i]);
                }
            }
        }
        both
    }

    /// [`combine`](Self::combine) where neither is empty in any lane.
    #[inline(always)]
    pub fn combine_present(earlier: &Self, later: &Self, weights: Weights<S>) -> Self {
        let apart = apart(later.anchor, earlier.anchor);
        Self { anchor: later.anchor, state: M::combine(&earlier.state, &later.state, apart, weights) }
    }

    #[inline(always)]
    fn is_empty(&self) -> Mask<S> {
        self.state.count().equals(self.state.count().like(0.0))
    }
}

/// `a - b`, series by series.
#[inline(always)]
pub fn apart<S: Simd, const D: usize>(a: [F<S>; D], b: [F<S>; D]) -> [F<S>; D] {
    core::array::from_fn(|i| a[i] - b[i])
}

/// Where every series of the row is finite.
#[inline(always)]
pub fn complete<S: Simd, const D: usize>(row: &[F<S>; D]) -> Mask<S> {
    let mut all = row[0].is_finite();
    for value in &row[1..] {
        all = all.and(value.is_finite());
    }
    all
}
