//! One lag at a time: both series side by side, whichever interval ends first makes room for the next.
//!
//! Two overlapping intervals give one product, and the next pair overlaps again; so a lag costs at most one step a
//! tick. Several lags run side by side, because each step waits for the one before it.

use core::ops::RangeInclusive;

use crate::ticks::lags::Shifts;
use crate::ticks::series::Ticks;
use crate::ticks::sums::Sums;

/// Lags side by side: what hides the wait of one step for the last.
const ABREAST: usize = 4;
/// Products added plainly before a compensated sum takes them over, so that errors do not grow with the ticks.
const PLAIN: usize = 4096;

/// Where a walk stands: an increment of each series and what the products add up to.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    sum: f64,
}

/// Times that leave room for every lag: int64 where they do, twice as wide elsewhere.
trait Clock: Copy + Ord {
    fn moved(time: i64, lag: i128) -> Self;
}

impl Clock for i64 {
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // `fits` says that the sum is an int64, so wrapping cannot show
    fn moved(time: i64, lag: i128) -> Self {
        time.wrapping_add(lag as i64)
    }
}

impl Clock for i128 {
    #[inline(always)]
    fn moved(time: i64, lag: i128) -> Self {
        i128::from(time) + lag
    }
}

/// Whether all moved times are int64 too.
fn fits(x: &Ticks, lags: &Shifts) -> bool {
    let least = lags.first;
    let most = lags.at(lags.offsets.len().saturating_sub(1));
    let inside = |time: i128| i64::try_from(time).is_ok();
    x.ends().is_none_or(|(first, last)| inside(first + least) && inside(last + most))
}

/// Adds the contrast of some increments of `x`, moved by each lag, with all of `y`.
pub(super) fn walk(x: &Ticks, y: &Ticks, lags: &Shifts, increments: RangeInclusive<usize>, sums: &mut Sums) {
    if fits(x, lags) {
        walk_with::<i64>(x, y, lags, increments, sums);
    } else {
        walk_with::<i128>(x, y, lags, increments, sums);
    }
}

fn walk_with<C: Clock>(
    x: &Ticks,
    y: &Ticks,
    lags: &Shifts,
    increments: RangeInclusive<usize>,
    sums: &mut Sums,
) {
    let (first, end) = (*increments.start(), *increments.end() + 1);
    let series = Pair { s: &x.times[..end], x: &x.steps[..end], t: &y.times, y: &y.steps };
    for from in (0..lags.offsets.len()).step_by(ABREAST) {
        let here = from..lags.offsets.len().min(from + ABREAST);
        let lag: [i128; ABREAST] =
            core::array::from_fn(|lane| lags.at(here.end.saturating_sub(1).min(from + lane)));
        let mut places = lag.map(|lag| series.start::<C>(first, lag));
        if here.len() == ABREAST {
            while places.iter().all(|place| series.inside(place)) {
                for _ in 0..PLAIN {
                    if !places.iter().all(|place| series.inside(place)) {
                        break;
                    }
                    for (place, &lag) in places.iter_mut().zip(&lag) {
                        series.step::<C>(place, lag);
                    }
                }
                for (lane, place) in places.iter_mut().enumerate() {
                    sums.add(from + lane, core::mem::take(&mut place.sum));
                }
            }
        }
        for ((place, &lag), at) in places.iter_mut().zip(&lag).zip(here) {
            while series.inside(place) {
                for _ in 0..PLAIN {
                    if !series.inside(place) {
                        break;
                    }
                    series.step::<C>(place, lag);
                }
                sums.add(at, core::mem::take(&mut place.sum));
            }
        }
    }
}

/// Times and increments of both series.
#[derive(Clone, Copy)]
struct Pair<'a> {
    s: &'a [i64],
    x: &'a [f64],
    t: &'a [i64],
    y: &'a [f64],
}

impl Pair<'_> {
    /// The first overlapping intervals from increment `first` of x on; beyond the end where there are none.
    fn start<C: Clock>(&self, first: usize, lag: i128) -> Place {
        let begin = C::moved(self.s[first - 1], lag);
        let y = self.t.partition_point(|&t| C::moved(t, 0) <= begin).max(1);
        let left = C::moved(self.t[y - 1], 0);
        let x = first + self.s[first..].partition_point(|&s| C::moved(s, lag) <= left);
        Place { x, y, sum: 0.0 }
    }

    #[inline(always)]
    fn inside(&self, place: &Place) -> bool {
        place.x < self.s.len() && place.y < self.t.len()
    }

    /// The product of two overlapping intervals; then on to the next.
    #[inline(always)]
    fn step<C: Clock>(&self, place: &mut Place, lag: i128) {
        let (s, t) = (C::moved(self.s[place.x], lag), C::moved(self.t[place.y], 0));
        place.sum += self.x[place.x] * self.y[place.y];
        place.x += usize::from(s <= t);
        place.y += usize::from(t <= s);
    }
}
