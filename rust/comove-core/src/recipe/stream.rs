//! The rows of a feature recipe, one timestamp at a time: base columns, cross-asset features, ages of the leaders,
//! carried on and delayed.
//!
//! # Raw row
//! The base columns wanted, then for each leader its five features and its age: rows since it last had a price.
//! What is shown are some of these, in any order.

use std::collections::VecDeque;

use super::{Bars, BaseColumns, CLOSE, INPUTS, LEADER, Wanted};
use crate::error::{Error, Result};
use crate::features::live::LiveCrossAsset;
use crate::features::{CrossAsset, price};
use crate::params::{MAX_LIVE_BYTES, at_most, same_length};
use crate::snapshot::{Object, Reader, Writer};

/// Features and age.
const A_LEADER: usize = 6;

/// A column that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// Its place in the raw row.
    pub place: usize,
    /// What stands where there is no value to carry on; NaN: nothing.
    pub default: f64,
}

/// What a stream is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The base columns to compute.
    pub base: Wanted,
    /// Leaders, of which the first one leads the base columns.
    pub leaders: usize,
    /// Options of their features.
    pub cross_asset: CrossAsset,
    /// What is shown.
    pub shown: Vec<Shown>,
    /// Rows a value is carried on for; None: nothing is filled.
    pub carry: Option<usize>,
    /// Rows of the symbol by which everything is shown later.
    pub lag: usize,
    /// Of the caller; kept in snapshots.
    pub note: String,
}

impl Plan {
    fn raw(&self) -> usize {
        self.base.count() + self.leaders * A_LEADER
    }

    /// Ages are whole numbers of their own, and never filled.
    pub fn is_age(&self, place: usize) -> bool {
        place.checked_sub(self.base.count()).is_some_and(|place| place % A_LEADER == A_LEADER - 1)
    }

    /// Whether both make the same rows; what the callers noted does not matter.
    pub fn makes_what(&self, other: &Self) -> bool {
        // Written down, missing defaults are equal.
        let written = |plan: &Self| {
            let mut out = Writer::new(Object::FeatureStream);
            plan.base.write(&mut out);
            plan.write(&mut out);
            out.finish()
        };
        written(self) == written(other)
    }

    /// All but the base columns, which write themselves, and the note.
    fn write(&self, out: &mut Writer) {
        out.count(self.leaders);
        self.cross_asset.write(out);
        out.flag(self.carry.is_some());
        out.count(self.carry.unwrap_or(0));
        out.count(self.lag);
        out.count(self.shown.len());
        for shown in &self.shown {
            out.count(shown.place);
            out.float(shown.default);
        }
    }
}

/// The last value of a column, and the row it is from.
#[derive(Clone, Copy, Debug)]
struct Held {
    value: f64,
    row: usize,
}

/// The rows of a recipe.
///
/// # Complexity
/// A row costs a few microseconds, whatever came before. What is kept of earlier rows has its memory from construction
/// on; a row takes some for itself and gives it back. `peek` copies what is kept.
#[derive(Clone, Debug)]
pub struct FeatureStream {
    plan: Plan,
    base: BaseColumns,
    leaders: Vec<LiveCrossAsset>,
    /// The row in which each leader last had a price.
    priced: Vec<Option<usize>>,
    held: Vec<Held>,
    /// Which columns can be defined at all: those against a leader need one.
    possible: Vec<bool>,
    /// The rows that are not shown yet, one after the other.
    waiting: VecDeque<f64>,
    last: Option<i64>,
    /// Rows taken in, and those of them that were the symbol's.
    rows: usize,
    own: usize,
    ready: bool,
}

impl FeatureStream {
    /// No rows.
    ///
    /// # Errors
    /// Windows, lookbacks or a lag beyond what a live object holds, all leaders together; a place that is none.
    pub fn new(plan: Plan) -> Result<Self> {
        if let Some(wrong) = plan.shown.iter().find(|shown| shown.place >= plan.raw()) {
            return Err(Error::Symbol { symbol: wrong.place.to_string(), problem: "is no column" });
        }
        // The row that comes in waits with the others.
        let most = (MAX_LIVE_BYTES / (8 * plan.shown.len().max(1))).saturating_sub(1);
        at_most("lag", plan.lag, most, "the most a live object holds")?;
        let leader = LiveCrossAsset::new(plan.cross_asset)?;
        let bytes = LiveCrossAsset::bytes(&plan.cross_asset).saturating_mul(plan.leaders);
        at_most("bytes of leaders x windows", bytes, MAX_LIVE_BYTES, "the most a live object holds")?;
        let base = plan.base.names();
        let never = |place: usize| {
            plan.leaders == 0 && super::leader::COLUMNS.contains(base.get(place).unwrap_or(&""))
        };
        Ok(Self {
            possible: plan.shown.iter().map(|shown| !never(shown.place)).collect(),
            base: BaseColumns::new(plan.base)?,
            leaders: vec![leader; plan.leaders],
            priced: vec![None; plan.leaders],
            held: vec![Held { value: f64::NAN, row: 0 }; plan.shown.len()],
            waiting: VecDeque::with_capacity((plan.lag + 1) * plan.shown.len()),
            last: None,
            rows: 0,
            own: 0,
            ready: false,
            plan,
        })
    }

    /// What it is made of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Time of the last row.
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// Rows of the symbol.
    pub fn own(&self) -> usize {
        self.own
    }

    /// Whether every column that can be defined was, in the last row of the symbol, before filling and lag.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes in a timestamp: the inputs of the symbol's bar in the order of [`INPUTS`], None where it has none (that of the
    /// leader does not count), and the closes of the leaders. Gives what is shown, for a bar of the symbol.
    ///
    /// # Errors
    /// As [`BaseColumns::extend`]; another number of leaders; a price not above 0. The stream stays as it was.
    pub fn update(
        &mut self,
        ts: i64,
        bar: Option<[f64; INPUTS.len()]>,
        leaders: &[f64],
    ) -> Result<Option<Vec<f64>>> {
        same_length("leaders", leaders.len(), self.plan.leaders)?;
        if let Some(previous) = self.last
            && ts <= previous
        {
            return Err(Error::Order { name: "ts", row: 0, value: ts, previous, equal_allowed: false });
        }
        for &value in leaders {
            checked("leaders", value)?;
        }
        let mut row = bar.unwrap_or([f64::NAN; INPUTS.len()]);
        let close = checked(INPUTS[CLOSE], row[CLOSE])?;
        row[LEADER] = leaders.first().copied().unwrap_or(f64::NAN);
        let mut raw = vec![f64::NAN; self.plan.raw()];
        // The grid of the base columns begins with the symbol's first bar.
        if bar.is_some() || self.own > 0 {
            let mut out: Vec<&mut [f64]> = raw[..self.plan.base.count()].chunks_mut(1).collect();
            let series = core::array::from_fn(|i| &row[i..=i]);
            self.base.extend(&Bars { ts: &[ts], series }, 1, &mut out)?;
        }
        // Nothing fails from here on.
        let features = &mut raw[self.plan.base.count()..];
        for (i, (place, &value)) in features.chunks_mut(A_LEADER).zip(leaders).enumerate() {
            let value = price(value).unwrap_or(f64::NAN);
            place[..A_LEADER - 1].copy_from_slice(&self.leaders[i].push(close, value)?);
            if !value.is_nan() {
                self.priced[i] = Some(self.rows);
            }
            place[A_LEADER - 1] = self.priced[i].map_or(f64::NAN, |row| (self.rows - row) as f64);
        }
        let shown = bar.map(|_| self.show(&raw));
        self.last = Some(ts);
        self.rows += 1;
        self.own += usize::from(bar.is_some());
        Ok(shown)
    }

    /// What `update` would give; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek(
        &self,
        ts: i64,
        bar: Option<[f64; INPUTS.len()]>,
        leaders: &[f64],
    ) -> Result<Option<Vec<f64>>> {
        self.clone().update(ts, bar, leaders)
    }

    /// The columns that are shown, carried on and delayed.
    fn show(&mut self, raw: &[f64]) -> Vec<f64> {
        self.ready = true;
        for ((held, shown), possible) in self.held.iter_mut().zip(&self.plan.shown).zip(&self.possible) {
            let value = raw[shown.place];
            if !value.is_nan() {
                *held = Held { value, row: self.rows };
                self.waiting.push_back(value);
                continue;
            }
            self.ready &= !possible;
            let carried = self.plan.carry.is_some_and(|limit| self.rows - held.row <= limit);
            let value = if carried && !self.plan.is_age(shown.place) { held.value } else { f64::NAN };
            self.waiting.push_back(value);
        }
        let shown = &self.plan.shown;
        let mut row: Vec<f64> = if self.waiting.len() > self.plan.lag * shown.len() {
            self.waiting.drain(..shown.len()).collect()
        } else {
            vec![f64::NAN; shown.len()]
        };
        if self.plan.carry.is_some() {
            for (value, shown) in row.iter_mut().zip(shown) {
                if value.is_nan() {
                    *value = shown.default;
                }
            }
        }
        row
    }

    /// Forgets all rows.
    pub fn reset(&mut self) {
        // What could be made once can be made again.
        if let Ok(empty) = Self::new(self.plan.clone()) {
            *self = empty;
        }
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::FeatureStream);
        out.text(&self.plan.note);
        self.plan.write(&mut out);
        self.base.write(&mut out);
        out.flag(self.last.is_some());
        out.int(self.last.unwrap_or(0));
        out.count(self.rows);
        out.count(self.own);
        out.flag(self.ready);
        for (leader, priced) in self.leaders.iter().zip(&self.priced) {
            leader.write(&mut out);
            out.count(priced.map_or(0, |row| row + 1));
        }
        for held in &self.held {
            out.float(held.value);
            out.count(held.row);
        }
        out.count(self.waiting.len() / self.plan.shown.len().max(1));
        self.waiting.iter().for_each(|&value| out.float(value));
        out.finish()
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut from = Reader::new(bytes, Object::FeatureStream)?;
        let note = from.text()?;
        let leaders = from.count()?;
        let cross_asset = CrossAsset::read(&mut from)?;
        let (fills, limit) = (from.flag()?, from.count()?);
        let (carry, lag) = (fills.then_some(limit), from.count()?);
        let count = from.count()?;
        // Before anything is made that large.
        if count > from.remaining() / 16 || leaders > from.remaining() / 16 {
            return Err(Reader::unusable("it holds fewer columns than it says"));
        }
        let mut shown = Vec::with_capacity(count);
        for _ in 0..count {
            shown.push(Shown { place: from.count()?, default: from.float()? });
        }
        let base = BaseColumns::read(&mut from)?;
        let plan = Plan { base: base.wanted(), leaders, cross_asset, shown, carry, lag, note };
        let mut stream = Self::new(plan).map_err(crate::pair::in_snapshot)?;
        stream.base = base;
        let (any, last) = (from.flag()?, from.int()?);
        stream.last = any.then_some(last);
        (stream.rows, stream.own, stream.ready) = (from.count()?, from.count()?, from.flag()?);
        for (leader, priced) in stream.leaders.iter_mut().zip(&mut stream.priced) {
            leader.read_rows(&mut from)?;
            *priced = from.count()?.checked_sub(1);
        }
        for held in &mut stream.held {
            *held = Held { value: from.float()?, row: from.count()? };
        }
        let rows = stream.rows;
        let in_past = |row: usize| row < rows.max(1);
        let late = stream.priced.iter().flatten().any(|&row| !in_past(row))
            || stream.held.iter().any(|held| !in_past(held.row));
        let waiting = from.count()?;
        if late || stream.own > rows || waiting > lag || any != (rows > 0) {
            return Err(Reader::unusable("its rows do not fit each other"));
        }
        for _ in 0..waiting * count {
            stream.waiting.push_back(from.float()?);
        }
        from.end()?;
        Ok(stream)
    }
}

/// A price, NaN where missing.
fn checked(name: &str, value: f64) -> Result<f64> {
    price(value).ok_or_else(|| Error::Price { name: name.to_owned(), value, row: 0 })
}

#[cfg(test)]
mod tests {
    use super::{FeatureStream, Plan, Shown};
    use crate::features::{CrossAsset, Lookbacks, Returns};
    use crate::recipe::{INPUTS, Wanted};

    /// `ret_1`, then the age of the only leader.
    fn stream(carry: Option<usize>, lag: usize) -> crate::Result<FeatureStream> {
        let plan = Plan {
            base: Wanted::named(["ret_1"])?,
            leaders: 1,
            cross_asset: CrossAsset::new(3, None, Lookbacks::default(), Returns::Simple)?,
            shown: vec![Shown { place: 0, default: 9.0 }, Shown { place: 6, default: f64::NAN }],
            carry,
            lag,
            note: String::new(),
        };
        FeatureStream::new(plan)
    }

    fn bar(close: f64) -> [f64; INPUTS.len()] {
        core::array::from_fn(|i| if i == 3 { close } else { f64::NAN })
    }

    #[test]
    fn values_are_carried_on_and_delayed() -> crate::Result<()> {
        let mut stream = stream(Some(1), 1)?;
        let rows = [1.0, 2.0, 0.0, f64::NAN, 4.0, 8.0, 8.0].map(|close| (close != 0.0).then(|| bar(close)));
        let mut shown = Vec::new();
        for (ts, row) in (0..).zip(rows) {
            let leader = [if ts % 3 == 0 { 5.0 } else { f64::NAN }];
            assert_eq!(stream.peek(ts, row, &leader)?.is_some(), row.is_some());
            let restored = FeatureStream::from_bytes(&stream.to_bytes())?;
            assert_eq!(restored.to_bytes(), stream.to_bytes());
            if let Some(values) = stream.update(ts, row, &leader)? {
                shown.push(values);
            }
        }
        // Returns: none, 1, (no bar), none and too long after, none, 1, 0; one bar later, 9 where there is nothing.
        let returns: Vec<f64> = shown.iter().map(|values| values[0]).collect();
        assert_eq!(returns, [9.0, 9.0, 1.0, 9.0, 9.0, 1.0]);
        let ages: Vec<f64> = shown.iter().skip(1).map(|values| values[1]).collect();
        assert_eq!(ages, [0.0, 1.0, 0.0, 1.0, 2.0]);
        Ok(())
    }

    #[test]
    fn plans_are_the_same_whatever_was_noted() -> crate::Result<()> {
        let plan = stream(Some(1), 1)?.plan().clone();
        assert!(plan.makes_what(&Plan { note: "another".to_owned(), ..plan.clone() }));
        let others = [
            Plan { base: Wanted::named(["ret_3"])?, ..plan.clone() },
            Plan { leaders: 2, ..plan.clone() },
            Plan {
                cross_asset: CrossAsset::new(3, None, Lookbacks::default(), Returns::Log)?,
                ..plan.clone()
            },
            Plan { shown: plan.shown[..1].to_vec(), ..plan.clone() },
            Plan { carry: None, ..plan.clone() },
            Plan { lag: 2, ..plan.clone() },
        ];
        assert!(others.iter().all(|other| !plan.makes_what(other)));
        Ok(())
    }

    #[test]
    fn memory_has_a_bound() -> crate::Result<()> {
        let plan = stream(None, 0)?.plan().clone();
        // Rows of 2 columns that wait: 2^30 bytes, the one that comes in among them.
        assert!(FeatureStream::new(Plan { lag: 1 << 26, ..plan.clone() }).is_err());
        let cross_asset = CrossAsset::new(1 << 20, None, Lookbacks::default(), Returns::Simple)?;
        assert!(FeatureStream::new(Plan { leaders: 100, cross_asset, ..plan }).is_err());
        Ok(())
    }

    #[test]
    fn a_refused_row_changes_nothing() -> crate::Result<()> {
        let mut stream = stream(None, 0)?;
        stream.update(5, Some(bar(1.0)), &[2.0])?;
        let before = stream.to_bytes();
        assert!(stream.update(5, Some(bar(1.0)), &[2.0]).is_err());
        assert!(stream.update(6, Some(bar(0.0)), &[2.0]).is_err());
        assert!(stream.update(6, Some(bar(1.0)), &[-2.0]).is_err());
        assert!(stream.update(6, Some(bar(1.0)), &[]).is_err());
        assert_eq!(stream.to_bytes(), before);
        Ok(())
    }
}
