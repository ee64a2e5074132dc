//! What can be wrong, and in which words it is said.

use core::fmt;

/// The result of every fallible call of the crate.
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong: the argument, its value and the bound.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An option is below its bound.
    TooSmall {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least it may be.
        least: f64,
    },
    /// An option is above its bound.
    TooLarge {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The most it may be.
        most: f64,
        /// What gives the bound.
        because: &'static str,
    },
    /// A number that must be finite and above 0 is not.
    NotPositive {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A list that must increase does not.
    NotIncreasing {
        /// Name of the list.
        name: &'static str,
        /// The place, counted from 0.
        place: usize,
        /// What stands there.
        value: i64,
        /// What stands before it.
        previous: i64,
    },
    /// Two series that belong together differ in length.
    Length {
        /// Name of the series.
        name: &'static str,
        /// Its length.
        value: usize,
        /// The length it must have.
        expected: usize,
    },
    /// A price is not above 0.
    Price {
        /// Name of the series or the symbol.
        name: String,
        /// The price.
        value: f64,
        /// Its row, counted from 0.
        row: usize,
    },
    /// A number that must not be below 0 is.
    Negative {
        /// Name of the series.
        name: &'static str,
        /// The number.
        value: f64,
        /// Its row, counted from 0.
        row: usize,
    },
    /// A price of a bar is outside its low to high.
    Bar {
        /// Name of the price.
        name: String,
        /// The price.
        value: f64,
        /// The lowest price of the bar.
        low: f64,
        /// The highest price of the bar.
        high: f64,
        /// Its row, counted from 0.
        row: usize,
    },
    /// Time ran backwards, or stood still where it may not.
    Order {
        /// Name of the times.
        name: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// Its time.
        value: i64,
        /// The time before it.
        previous: i64,
        /// Whether equal times are allowed.
        equal_allowed: bool,
    },
    /// A timestamp is missing.
    MissingTime {
        /// Name of the times.
        name: &'static str,
        /// The row, counted from 0.
        row: usize,
    },
    /// More rows within the span than the memory that was set aside.
    Burst {
        /// The rows that would be in the window.
        value: usize,
        /// How many it can hold.
        max_rows: usize,
    },
    /// There is no row to replace.
    NothingToAmend,
    /// Only the last bar can be amended.
    OtherTime {
        /// The time given.
        value: i64,
        /// The time of the last bar.
        last: i64,
    },
    /// A symbol that is not there, or there already.
    Symbol {
        /// The symbol.
        symbol: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A snapshot that cannot be used.
    Snapshot {
        /// What is wrong with it.
        problem: String,
    },
    /// `COMOVE_LANES` is no width of this processor.
    Lanes {
        /// What was asked for.
        text: String,
    },
}

/// The kinds of error that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An option is outside its bounds.
    Parameter,
    /// The data cannot be used.
    Data,
    /// Time ran backwards.
    Order,
    /// A snapshot cannot be used.
    State,
}

impl Error {
    /// A stable name of the rule that was broken.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooSmall { .. } => "too_small",
            Self::TooLarge { .. } => "too_large",
            Self::NotPositive { .. } => "not_positive",
            Self::NotIncreasing { .. } => "not_increasing",
            Self::Length { .. } => "length",
            Self::Price { .. } => "price",
            Self::Negative { .. } => "negative",
            Self::Bar { .. } => "bar",
            Self::Order { .. } => "order",
            Self::MissingTime { .. } => "missing_time",
            Self::Burst { .. } => "burst",
            Self::NothingToAmend => "nothing_to_amend",
            Self::OtherTime { .. } => "other_time",
            Self::Symbol { .. } => "symbol",
            Self::Snapshot { .. } => "snapshot",
            Self::Lanes { .. } => "lanes",
        }
    }

    /// The same error, said of another row.
    #[must_use]
    pub fn at_row(mut self, at: usize) -> Self {
        if let Self::Order { row, .. }
        | Self::MissingTime { row, .. }
        | Self::Price { row, .. }
        | Self::Negative { row, .. }
        | Self::Bar { row, .. } = &mut self
        {
            *row = at;
        }
        self
    }

    /// The same error, said of times under another name.
    #[must_use]
    pub fn of_times(mut self, times: &'static str) -> Self {
        if let Self::Order { name, .. } | Self::MissingTime { name, .. } = &mut self {
            *name = times;
        }
        self
    }

    /// Which kind of error it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::TooSmall { .. }
            | Self::TooLarge { .. }
            | Self::NotPositive { .. }
            | Self::NotIncreasing { .. }
            | Self::Lanes { .. } => Kind::Parameter,
            Self::Length { .. }
            | Self::Price { .. }
            | Self::Negative { .. }
            | Self::Bar { .. }
            | Self::MissingTime { .. }
            | Self::Burst { .. }
            | Self::NothingToAmend
            | Self::Symbol { .. } => Kind::Data,
            Self::Order { .. } | Self::OtherTime { .. } => Kind::Order,
            Self::Snapshot { .. } => Kind::State,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { name, value, least } => {
                write!(f, "{name} must be at least {least}, got {value}")
            }
            Self::TooLarge { name, value, most, because } => {
                write!(f, "{name} must be at most {most} ({because}), got {value}")
            }
            Self::NotPositive { name, value } => {
                write!(f, "{name} must be finite and above 0, got {value}")
            }
            Self::NotIncreasing { name, place, value, previous } => {
                write!(f, "{name} must increase: place {place} has {value} after {previous}")
            }
            Self::Length { name, value, expected } => {
                write!(f, "{name} must have length {expected}, got {value}")
            }
            Self::Price { name, value, row } => {
                write!(f, "price of {name} must be above 0 or missing, got {value} at row {row}")
            }
            Self::Negative { name, value, row } => {
                write!(f, "{name} must be 0 or more, or missing, got {value} at row {row}")
            }
            Self::Bar { name, low, high, row, .. } if low > high => {
                write!(
                    f,
                    "{name}: the low of a bar must not be above its high, got {low} above {high} at row {row}"
                )
            }
            Self::Bar { name, value, low, high, row } => {
                write!(f, "{name} must be from low to high, {low} to {high}, got {value} at row {row}")
            }
            Self::Order { name, row, value, previous, equal_allowed } => {
                let rule = if *equal_allowed { "not run backwards" } else { "increase" };
                write!(f, "{name} must {rule}: row {row} has {value} after {previous}")
            }
            Self::MissingTime { name, row } => {
                write!(f, "{name} must not be missing, got null at row {row}")
            }
            Self::Burst { value, max_rows } => {
                write!(f, "max_rows must hold the window: {value} rows within the span, at most {max_rows}")
            }
            Self::NothingToAmend => write!(f, "amend needs a last row: there was no update yet"),
            Self::OtherTime { value, last } => {
                write!(f, "ts must be that of the last bar, {last}, got {value}")
            }
            Self::Symbol { symbol, problem } => write!(f, "symbol {symbol:?} {problem}"),
            Self::Snapshot { problem } => write!(f, "snapshot cannot be used: {problem}"),
            Self::Lanes { text } => {
                write!(f, "COMOVE_LANES must be a width of this processor, got {text:?}")
            }
        }
    }
}

impl core::error::Error for Error {}
