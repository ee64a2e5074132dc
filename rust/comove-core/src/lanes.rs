//! Several float64 side by side, and which processor does it.
//!
//! All arithmetic of the crate is written once, over [`F`], and runs with one lane in the live
//! objects and with as many lanes as the processor has in batch work. Every operation is one IEEE
//! operation per lane and none is fused, so that the number of lanes cannot change a bit.
//!
//! The environment variable `COMOVE_LANES` (1, 2, 4 or 8) forces a width; tests use it to show that
//! the width does not matter. It is read once per process.

use core::ops::{Add, Div, Mul, Sub};
use std::sync::OnceLock;

use pulp::{Scalar, Simd, cast};

use crate::error::{Error, Result};

/// The widest processor has so many lanes.
pub const MOST_LANES: usize = 8;

/// `S::F64_LANES` float64 with the token that proves the processor can handle them.
#[derive(Clone, Copy, Debug)]
pub struct F<S: Simd> {
    simd: S,
    v: S::f64s,
}

/// One truth value a lane.
#[derive(Clone, Copy, Debug)]
pub struct Mask<S: Simd> {
    simd: S,
    m: S::m64s,
}

impl<S: Simd> F<S> {
    /// The same value in every lane.
    #[inline(always)]
    pub fn splat(simd: S, value: f64) -> Self {
        Self { simd, v: simd.splat_f64s(value) }
    }

    /// The first `F64_LANES` values of `from`.
    #[inline(always)]
    pub fn load(simd: S, from: &[f64]) -> Self {
        Self { simd, v: bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[..S::F64_LANES])) }
    }

    /// What `value` gives for each lane.
    #[inline(always)]
    pub fn from_fn(simd: S, value: impl Fn(usize) -> f64) -> Self {
        let mut v = simd.splat_f64s(0.0);
        for (lane, place) in bytemuck::cast_slice_mut(core::slice::from_mut(&mut v)).iter_mut().enumerate() {
            *place = value(lane);
        }
        Self { simd, v }
    }

    /// The lanes as the processor holds them.
    #[inline(always)]
    pub fn raw(self) -> S::f64s {
        self.v
    }

    /// Lanes as the processor holds them.
    #[inline(always)]
    pub fn from_raw(simd: S, v: S::f64s) -> Self {
        Self { simd, v }
    }

    /// The smaller of the two, neither of which is NaN.
    #[inline(always)]
    pub fn at_most(self, other: Self) -> Self {
        Self { simd: self.simd, v: self.simd.min_f64s(self.v, other.v) }
    }

    /// The larger of the two, neither of which is NaN.
    #[inline(always)]
    pub fn at_least(self, other: Self) -> Self {
        Self { simd: self.simd, v: self.simd.max_f64s(self.v, other.v) }
    }

    /// Writes the lanes to the first `F64_LANES` places of `to`.
    #[inline(always)]
    pub fn store(self, to: &mut [f64]) {
        to[..S::F64_LANES].copy_from_slice(bytemuck::cast_slice(core::slice::from_ref(&self.v)));
    }

    /// The value of one lane.
    #[inline(always)]
    pub fn lane(self, lane: usize) -> f64 {
        bytemuck::cast_slice::<S::f64s, f64>(core::slice::from_ref(&self.v))[lane]
    }

    /// The value of the first lane: all there is when `S` is scalar.
    #[inline(always)]
    pub fn first(self) -> f64 {
        self.lane(0)
    }

    /// A value of the same width with `value` in every lane.
    #[inline(always)]
    pub fn like(self, value: f64) -> Self {
        Self::splat(self.simd, value)
    }

    /// A function of each lane.
    #[inline(always)]
    pub fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self::from_fn(self.simd, |lane| of(self.lane(lane)))
    }

    /// Square root, correctly rounded.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self { simd: self.simd, v: self.simd.sqrt_f64s(self.v) }
    }

    /// `self < other`
    #[inline(always)]
    pub fn lt(self, other: Self) -> Mask<S> {
        Mask { simd: self.simd, m: self.simd.less_than_f64s(self.v, other.v) }
    }

    /// `self <= other`
    #[inline(always)]
    pub fn le(self, other: Self) -> Mask<S> {
        Mask { simd: self.simd, m: self.simd.less_than_or_equal_f64s(self.v, other.v) }
    }

    /// `self == other`
    #[inline(always)]
    pub fn equals(self, other: Self) -> Mask<S> {
        Mask { simd: self.simd, m: self.simd.equal_f64s(self.v, other.v) }
    }

    /// Neither NaN nor infinite.
    #[inline(always)]
    #[allow(clippy::eq_op)] // inf - inf and NaN - NaN are NaN, which equals nothing
    pub fn is_finite(self) -> Mask<S> {
        (self - self).equals(self.like(0.0))
    }
}

impl<S: Simd> Mask<S> {
    /// Both.
    #[inline(always)]
    pub fn and(self, other: Self) -> Self {
        Self { simd: self.simd, m: self.simd.and_m64s(self.m, other.m) }
    }

    /// Either.
    #[inline(always)]
    pub fn or(self, other: Self) -> Self {
        Self { simd: self.simd, m: self.simd.or_m64s(self.m, other.m) }
    }

    /// The opposite.
    #[inline(always)]
    pub fn negated(self) -> Self {
        Self { simd: self.simd, m: self.simd.not_m64s(self.m) }
    }

    /// `yes` where true, `no` elsewhere.
    #[inline(always)]
    pub fn pick(self, yes: F<S>, no: F<S>) -> F<S> {
        F { simd: self.simd, v: self.simd.select_f64s(self.m, yes.v, no.v) }
    }

    /// Whether all lanes are true.
    #[inline(always)]
    pub fn all(self) -> bool {
        !self.negated().any()
    }

    /// Whether any lane is true.
    #[inline(always)]
    pub fn any(self) -> bool {
        self.simd.first_true_m64s(self.m) < S::F64_LANES
    }
}

macro_rules! binary {
    ($trait:ident, $method:ident, $op:ident) => {
        impl<S: Simd> $trait for F<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self { simd: self.simd, v: self.simd.$op(self.v, other.v) }
            }
        }
    };
}
binary!(Add, add, add_f64s);
binary!(Sub, sub, sub_f64s);
binary!(Mul, mul, mul_f64s);
binary!(Div, div, div_f64s);

/// Asks the processor to fetch the cache line of a value, if it is there.
#[inline(always)]
pub fn prefetch(values: &[f64], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(at) {
        // SAFETY: a hint that reads nothing; the address is that of a value.
        #[allow(unsafe_code)]
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
                core::ptr::from_ref(value).cast(),
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}

/// Copies values to memory past the cache, for results that are larger than it: they need not be fetched first. Other
/// threads may read them after [`settle`].
///
/// Both slices must have the same length; what is beyond the shorter one is left as it is.
pub fn stream(to: &mut [f64], from: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_mm_loadu_pd, _mm_stream_pd};
        let aligned = to.as_ptr().align_offset(64).min(to.len()).min(from.len());
        let (to_head, to) = to.split_at_mut(aligned);
        let (from_head, from) = from.split_at(aligned);
        to_head.copy_from_slice(from_head);
        let (mut to, mut from) = (to.chunks_exact_mut(8), from.chunks_exact(8));
        for (to, from) in to.by_ref().zip(from.by_ref()) {
            for pair in [0, 2, 4, 6] {
                // SAFETY: both chunks have eight values, and `to` begins with a line of the cache, so that each pair in
                // it is aligned to 16 bytes.
                #[allow(unsafe_code)]
                unsafe {
                    _mm_stream_pd(to.as_mut_ptr().add(pair), _mm_loadu_pd(from.as_ptr().add(pair)));
                }
            }
        }
        for (to, from) in to.into_remainder().iter_mut().zip(from.remainder()) {
            *to = *from;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Waits until what [`stream`] wrote is where other threads see it.
pub fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: an instruction that every such processor has, without operands.
    #[allow(unsafe_code)]
    unsafe {
        core::arch::x86_64::_mm_sfence();
    }
}

/// A number of lanes, and how to turn a square of them.
pub trait Width: Simd {
    /// Runs `work` compiled for this processor.
    fn enter<R>(self, work: impl FnOnce() -> R) -> R;
    /// Swaps rows and columns of a square of `F64_LANES` rows.
    fn transpose(self, square: &mut [Self::f64s]);
}

impl Width for Scalar {
    #[inline(always)]
    fn enter<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    #[inline(always)]
    fn transpose(self, _square: &mut [f64]) {}
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl Width for pulp::x86::V3 {
    #[inline(always)]
    fn enter<R>(self, work: impl FnOnce() -> R) -> R {
        self.vectorize(work)
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f64s]) {
        let avx = self.avx;
        let [a, b, c, d] = core::array::from_fn(|i| cast(square[i]));
        let low = [avx._mm256_unpacklo_pd(a, b), avx._mm256_unpacklo_pd(c, d)];
        let high = [avx._mm256_unpackhi_pd(a, b), avx._mm256_unpackhi_pd(c, d)];
        square[0] = cast(avx._mm256_permute2f128_pd::<0x20>(low[0], low[1]));
        square[1] = cast(avx._mm256_permute2f128_pd::<0x20>(high[0], high[1]));
        square[2] = cast(avx._mm256_permute2f128_pd::<0x31>(low[0], low[1]));
        square[3] = cast(avx._mm256_permute2f128_pd::<0x31>(high[0], high[1]));
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl Width for pulp::x86::V4 {
    #[inline(always)]
    fn enter<R>(self, work: impl FnOnce() -> R) -> R {
        self.vectorize(work)
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f64s]) {
        let avx = self.avx512f;
        let row: [core::arch::x86_64::__m512d; 8] = core::array::from_fn(|i| cast(square[i]));
        for odd in 0..2 {
            // Columns odd, odd + 2, odd + 4, odd + 6 of two rows at a time, then of four, then of eight.
            let two: [_; 4] = core::array::from_fn(|i| {
                let (a, b) = (row[2 * i], row[2 * i + 1]);
                if odd == 0 { avx._mm512_unpacklo_pd(a, b) } else { avx._mm512_unpackhi_pd(a, b) }
            });
            let four = [
                avx._mm512_shuffle_f64x2::<0x88>(two[0], two[1]),
                avx._mm512_shuffle_f64x2::<0xdd>(two[0], two[1]),
                avx._mm512_shuffle_f64x2::<0x88>(two[2], two[3]),
                avx._mm512_shuffle_f64x2::<0xdd>(two[2], two[3]),
            ];
            square[odd] = cast(avx._mm512_shuffle_f64x2::<0x88>(four[0], four[2]));
            square[odd + 2] = cast(avx._mm512_shuffle_f64x2::<0x88>(four[1], four[3]));
            square[odd + 4] = cast(avx._mm512_shuffle_f64x2::<0xdd>(four[0], four[2]));
            square[odd + 6] = cast(avx._mm512_shuffle_f64x2::<0xdd>(four[1], four[3]));
        }
    }
}

#[cfg(target_arch = "aarch64")]
impl Width for pulp::aarch64::Neon {
    #[inline(always)]
    fn enter<R>(self, work: impl FnOnce() -> R) -> R {
        self.vectorize(work)
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Self::f64s]) {
        let [[a, b], [c, d]]: [[f64; 2]; 2] = core::array::from_fn(|i| cast(square[i]));
        (square[0], square[1]) = (cast([a, c]), cast([b, d]));
    }
}

/// Something to do with any number of lanes.
pub trait Work {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run<S: Width>(self, simd: S) -> Self::Output;
}

/// The processor features batch work runs with.
#[derive(Clone, Copy, Debug)]
pub enum Lanes {
    /// One lane: plain float64 arithmetic.
    One,
    /// AVX2: four lanes.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Four(pulp::x86::V3),
    /// AVX-512: eight lanes.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Eight(pulp::x86::V4),
    /// NEON: two lanes.
    #[cfg(target_arch = "aarch64")]
    Two(pulp::aarch64::Neon),
}

impl Lanes {
    /// The widest the processor has.
    pub fn widest() -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if let Some(simd) = pulp::x86::V4::try_new() {
                return Self::Eight(simd);
            }
            if let Some(simd) = pulp::x86::V3::try_new() {
                return Self::Four(simd);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(simd) = pulp::aarch64::Neon::try_new() {
            return Self::Two(simd);
        }
        Self::One
    }

    /// Exactly `width` lanes.
    ///
    /// # Errors
    /// [`Error::Lanes`] where this processor has no such width.
    pub fn with_width(width: usize) -> Result<Self> {
        match width {
            1 => return Ok(Self::One),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            4 => {
                if let Some(simd) = pulp::x86::V3::try_new() {
                    return Ok(Self::Four(simd));
                }
            }
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            8 => {
                if let Some(simd) = pulp::x86::V4::try_new() {
                    return Ok(Self::Eight(simd));
                }
            }
            #[cfg(target_arch = "aarch64")]
            2 => {
                if let Some(simd) = pulp::aarch64::Neon::try_new() {
                    return Ok(Self::Two(simd));
                }
            }
            _ => {}
        }
        Err(Error::Lanes { text: width.to_string() })
    }

    /// What `COMOVE_LANES` asks for, the widest where it is not set.
    ///
    /// # Errors
    /// [`Error::Lanes`] where the variable is not a width this processor has.
    pub fn from_environment() -> Result<Self> {
        static CHOSEN: OnceLock<Result<Lanes>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| match std::env::var("COMOVE_LANES") {
                Err(_) => Ok(Self::widest()),
                Ok(text) => {
                    text.parse().map_err(|_| Error::Lanes { text: text.clone() }).and_then(Self::with_width)
                }
            })
            .clone()
    }

    /// How many lanes.
    pub fn width(self) -> usize {
        match self {
            Self::One => 1,
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Four(_) => 4,
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Eight(_) => 8,
            #[cfg(target_arch = "aarch64")]
            Self::Two(_) => 2,
        }
    }

    /// Runs `work` with these lanes.
    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            Self::One => work.run(Scalar),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Four(simd) => simd.enter(
                #[inline(always)]
                || work.run(simd),
            ),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Eight(simd) => simd.enter(
                #[inline(always)]
                || work.run(simd),
            ),
            #[cfg(target_arch = "aarch64")]
            Self::Two(simd) => simd.enter(
                #[inline(always)]
                || work.run(simd),
            ),
        }
    }
}
