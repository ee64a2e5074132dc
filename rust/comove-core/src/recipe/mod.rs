//! The feature columns of one symbol: from its bars, its leader's close, and its order book where there is one.
//!
//! # Letters
//! o h l c v open, high, low, close, volume; r = c / c\[-1\] - 1; a row is a row of the grid, NaN where the symbol has no bar.
//!
//! # How it is made
//! Columns that share what is kept of earlier rows are a *family* (`family.rs`). A family takes in rows, one or many, and
//! writes its columns; so live and batch are the same code. Windows of many rows go through the lanes of
//! [`crate::batch`], with the bits of one row after the other. Families do not need each other: threads share them.
//!
//! # Missing rows
//! A window needs all its rows. A fading average is left as it is by a row without a value, and has none there.

mod averages;
mod book;
mod breakouts;
mod calendar;
mod checked;
mod directional;
mod estimators;
mod fades;
mod family;
mod leader;
mod levels;
mod ranges;
mod recent;
mod returns;
mod rolling;
pub mod stream;
mod volatility;
mod volume;

use std::sync::Mutex;

use self::checked::Checked;
use self::family::{Family, Rows, defined};
use self::recent::Past;
use crate::error::{Error, Result};
use crate::params::same_length;
use crate::snapshot::{Reader, Writer};

/// What columns are made of, in the order of [`Bars::series`].
pub const INPUTS: [&str; 11] = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "leader_close",
    "bid",
    "ask",
    "bid_volume",
    "ask_volume",
    "funding_rate",
];
const CLOSE: usize = 3;
const VOLUME: usize = 4;
const LEADER: usize = 5;
const FIRST_OF_BOOK: usize = 6;

/// Rows of a symbol: times in nanoseconds, and [`INPUTS`]. NaN is missing; a series without any value may be empty.
#[derive(Clone, Copy, Debug)]
pub struct Bars<'a> {
    /// Nanoseconds.
    pub ts: &'a [i64],
    /// In the order of [`INPUTS`].
    pub series: [&'a [f64]; INPUTS.len()],
}

/// The columns of the families, in their order.
const COLUMNS: [&[&str]; 11] = [
    returns::COLUMNS,
    averages::COLUMNS,
    directional::COLUMNS,
    volatility::COLUMNS,
    levels::COLUMNS,
    ranges::COLUMNS,
    volume::COLUMNS,
    breakouts::COLUMNS,
    calendar::COLUMNS,
    leader::COLUMNS,
    book::COLUMNS,
];

/// Every column, in the order of the families.
pub fn columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().flatten().copied()
}

/// Empty families, in the order of [`COLUMNS`].
fn families() -> Result<[Box<dyn Family>; COLUMNS.len()]> {
    Ok([
        Box::new(returns::Returns::new()?),
        Box::new(averages::Averages::new()),
        Box::new(directional::Directional::new()),
        Box::new(volatility::Volatility::new()?),
        Box::new(levels::Levels::new()?),
        Box::new(ranges::Ranges::new()?),
        Box::new(volume::Volume::new()?),
        Box::new(breakouts::Breakouts::new()?),
        Box::new(calendar::Calendar::default()),
        Box::new(leader::Leader::new()?),
        Box::new(book::Book::new()?),
    ])
}

/// How many columns there are.
const COUNT: usize = {
    let (mut count, mut family) = (0, 0);
    while family < COLUMNS.len() {
        count += COLUMNS[family].len();
        family += 1;
    }
    count
};

/// Which columns are wanted, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    count: usize,
    /// Where each stands among [`columns`]; beyond `count` no meaning.
    places: [u8; COUNT],
}

impl Wanted {
    /// The columns of these names, in this order.
    ///
    /// # Errors
    /// A name that is none, or comes twice.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut wanted = Self { count: 0, places: [0; COUNT] };
        for name in names {
            let refused = |problem| Error::Symbol { symbol: name.to_owned(), problem };
            let at = columns().position(|column| column == name).ok_or_else(|| refused("is no column"))?;
            if !wanted.add(at) {
                return Err(refused("is there twice"));
            }
        }
        Ok(wanted)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.places().filter_map(|at| columns().nth(at)).collect()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds the column at a place among [`columns`]; false where it is none, or there already.
    fn add(&mut self, at: usize) -> bool {
        let Some(place) = u8::try_from(at).ok().filter(|_| at < COUNT && !self.has(at)) else {
            return false;
        };
        self.places[self.count] = place;
        self.count += 1;
        true
    }

    fn has(&self, at: usize) -> bool {
        self.places().any(|place| place == at)
    }

    fn places(&self) -> impl Iterator<Item = usize> {
        self.places[..self.count].iter().map(|&place| usize::from(place))
    }

    fn write(&self, out: &mut Writer) {
        out.count(self.count);
        self.places().for_each(|place| out.count(place));
    }

    fn read(from: &mut Reader) -> Result<Self> {
        let mut wanted = Self { count: 0, places: [0; COUNT] };
        for _ in 0..from.count()? {
            if !wanted.add(from.count()?) {
                return Err(Reader::unusable("it names a column that is none, or one twice"));
            }
        }
        Ok(wanted)
    }
}

/// The columns of whole series: which are wanted, and which of [`INPUTS`] there are (bit i the i-th).
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The columns.
    pub wanted: Wanted,
    given: u16,
    threads: usize,
}

impl Batch {
    /// Of the inputs named, in their order; at most so many threads.
    ///
    /// # Errors
    /// A name that is no input, or not in the order of [`INPUTS`].
    pub fn new<'a>(
        wanted: Wanted,
        inputs: impl IntoIterator<Item = &'a str>,
        threads: usize,
    ) -> Result<Self> {
        let mut given = 0_u16;
        for name in inputs {
            let at = INPUTS.iter().position(|input| *input == name);
            let Some(bit) = at.map(|at| 1 << at).filter(|bit| *bit > given) else {
                return Err(Error::Symbol {
                    symbol: name.to_owned(),
                    problem: "is no input, or out of order",
                });
            };
            given |= bit;
        }
        Ok(Self { wanted, given, threads })
    }

    /// Number of series it needs, the timestamps not counted.
    pub fn inputs(&self) -> usize {
        self.given.count_ones() as usize
    }

    /// Writes the wanted columns.
    ///
    /// # Errors
    /// As [`BaseColumns::extend`]; another number of series.
    pub fn run(&self, series: &[&[f64]], ts: &[i64], out: &mut [&mut [f64]]) -> Result<()> {
        same_length("series", series.len(), self.inputs())?;
        let mut given = series.iter().copied();
        let series = core::array::from_fn(|i| {
            if self.given >> i & 1 == 1 { given.next().unwrap_or_default() } else { &[][..] }
        });
        BaseColumns::new(self.wanted)?.extend(&Bars { ts, series }, self.threads, out)
    }
}

/// The feature columns of one symbol, fed with rows.
///
/// # Complexity
/// A few microseconds a row; the memory of some thirty windows, the longest of 240 rows, taken at construction.
///
/// # Examples
/// ```
/// use comove_core::recipe::{Bars, BaseColumns, Wanted};
/// let mut recipe = BaseColumns::new(Wanted::named(["ret_1"])?)?;
/// let close = [100.0, 110.0];
/// let mut ret = [0.0; 2];
/// let series = core::array::from_fn(|i| if i < 4 { &close[..] } else { &[][..] });
/// recipe.extend(&Bars { ts: &[0, 1], series }, 1, &mut [&mut ret])?;
/// assert!(ret[0].is_nan() && (ret[1] - 0.1).abs() < 1e-15);
/// # Ok::<(), comove_core::Error>(())
/// ```
#[derive(Debug)]
pub struct BaseColumns {
    wanted: Wanted,
    families: Vec<Kept>,
    close: Past,
    last: Option<i64>,
}

/// A family that is needed, and where its first column stands among all.
#[derive(Debug)]
struct Kept {
    first: usize,
    family: Box<dyn Family>,
}

impl Clone for BaseColumns {
    fn clone(&self) -> Self {
        let families = self.families.iter();
        let families = families.map(|kept| Kept { first: kept.first, family: kept.family.boxed() }).collect();
        Self { families, close: self.close.clone(), ..*self }
    }
}

impl BaseColumns {
    /// No rows.
    ///
    /// # Errors
    /// None for the windows as they are.
    pub fn new(wanted: Wanted) -> Result<Self> {
        let mut first = 0;
        let mut kept = Vec::new();
        for family in families()? {
            let count = family.columns().len();
            if (first..first + count).any(|at| wanted.has(at)) {
                kept.push(Kept { first, family });
            }
            first += count;
        }
        Ok(Self { wanted, families: kept, close: Past::new(1), last: None })
    }

    /// The columns it gives.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Takes in rows and writes the wanted columns, one slice each; at most so many threads share the families.
    ///
    /// # Errors
    /// Series of other lengths; a price not above 0, a volume below 0, a high below the low or another price of the bar
    /// outside them; times that do not increase. Then no row is taken in.
    pub fn extend(&mut self, bars: &Bars<'_>, threads: usize, out: &mut [&mut [f64]]) -> Result<()> {
        let rows = bars.ts.len();
        same_length("out", out.len(), self.wanted.count())?;
        for column in &*out {
            same_length("out", column.len(), rows)?;
        }
        self.check_times(bars.ts)?;
        let checked = Checked::new(bars)?;
        let mut ret = vec![0.0; rows];
        let close = checked.series(CLOSE);
        for (row, ret) in ret.iter_mut().enumerate() {
            *ret = defined(close[row] / self.close.ago(close, row, 1) - 1.0);
        }
        let rows = Rows {
            ts: bars.ts,
            open_high_low_close: core::array::from_fn(|i| checked.series(i)),
            volume: checked.series(VOLUME),
            ret: &ret,
            leader: checked.series(LEADER),
            book: core::array::from_fn(|i| checked.series(FIRST_OF_BOOK + i)),
        };
        self.run(&rows, threads, out)?;
        self.close.keep(close);
        self.last = bars.ts.last().copied().or(self.last);
        Ok(())
    }

    /// Each family writes into its own columns; those that are not wanted go nowhere.
    fn run(&mut self, rows: &Rows<'_>, threads: usize, out: &mut [&mut [f64]]) -> Result<()> {
        let mut places: [Option<&mut [f64]>; COUNT] = [const { None }; COUNT];
        for (place, out) in self.wanted.places().zip(out) {
            places[place] = Some(out);
        }
        let mut work = Vec::with_capacity(self.families.len());
        for Kept { first, family } in &mut self.families {
            let count = family.columns().len();
            let columns: Vec<_> = places[*first..*first + count].iter_mut().map(Option::take).collect();
            work.push((family, columns));
        }
        let threads = threads.min(work.len()).min(rows.len().div_ceil(LEAST_ROWS_A_THREAD)).max(1);
        let queue = Mutex::new(work.into_iter());
        let next = || queue.lock().ok().and_then(|mut queue| queue.next());
        let one = || {
            while let Some((family, columns)) = next() {
                let mut unused: Vec<Vec<f64>> =
                    columns.iter().filter(|c| c.is_none()).map(|_| vec![0.0; rows.len()]).collect();
                let mut spare = unused.iter_mut();
                let mut slices = Vec::with_capacity(columns.len());
                for column in columns {
                    match column {
                        Some(column) => slices.push(column),
                        None => slices.extend(spare.next().map(Vec::as_mut_slice)),
                    }
                }
                family.extend(rows, &mut slices)?;
            }
            Ok(())
        };
        if threads == 1 {
            return one();
        }
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
            let own = one();
            let joined = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.fold(own, Result::and)
        })
    }

    fn check_times(&self, ts: &[i64]) -> Result<()> {
        let mut previous = self.last;
        for (row, &value) in ts.iter().enumerate() {
            if let Some(previous) = previous
                && value <= previous
            {
                return Err(Error::Order { name: "ts", row, value, previous, equal_allowed: false });
            }
            previous = Some(value);
        }
        Ok(())
    }

    fn write(&self, out: &mut Writer) {
        self.wanted.write(out);
        out.flag(self.last.is_some());
        out.int(self.last.unwrap_or(0));
        self.close.write(out);
        for kept in &self.families {
            kept.family.write(out);
        }
    }

    fn read(from: &mut Reader) -> Result<Self> {
        let mut recipe = Self::new(Wanted::read(from)?)?;
        let (any, last) = (from.flag()?, from.int()?);
        recipe.last = any.then_some(last);
        recipe.close.read(from)?;
        for kept in &mut recipe.families {
            kept.family.read(from)?;
        }
        Ok(recipe)
    }
}

/// Below this a thread costs more than it saves.
const LEAST_ROWS_A_THREAD: usize = 4096;
