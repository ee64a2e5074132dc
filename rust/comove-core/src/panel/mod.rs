//! Many assets by a few leaders, one bar of prices at a time.

mod lags;
mod prices;

use std::collections::HashMap;

use pulp::Scalar;

use self::prices::{Pair, Prices};
use crate::blocks::{fit_rows, in_first_block};
use crate::error::{Error, Result};
use crate::features::{CrossAsset, Lookbacks, Returns, price};
use crate::grid::{Grid, PanelReading, grid, states};
use crate::lags::MOST_LAG;
use crate::lanes::{F, Lanes, MOST_LANES};
use crate::moments::SeriesMoments;
use crate::pair::in_snapshot;
use crate::params::{Extent, MAX_LIVE_BYTES, MAX_LIVE_ROWS, at_least, at_most, same_length};
use crate::readings::SeriesReadings;
use crate::snapshot::{Object, Reader, Writer};
use crate::window::SlidingWindow;

/// The most pairs of a panel (2^16).
const MOST_PAIRS: usize = 1 << 16;
/// The most returns of a window of a panel (2^26): symbols times bars.
const MOST_RETURNS: usize = 1 << 26;

/// The five features of an asset and one leader; NaN where not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairFeatures {
    /// Slope of the asset's returns on the leader's.
    pub beta: f64,
    /// Their correlation.
    pub correlation: f64,
    /// Relative strength, short against long.
    pub divergence: f64,
    /// Standard deviation of the leader's returns.
    pub volatility: f64,
    /// Return of the asset minus the leader's.
    pub relative_momentum: f64,
}

/// Beta, correlation and features of every asset with every leader, and correlations at every lag where they are wanted.
///
/// A bar holds a price for any of the symbols; NaN is missing. A return needs a price in this bar and in the
/// one before it.
///
/// # Complexity
/// A bar costs at most five insertions and two combinations a pair, whatever the window; one in `window_size` bars 31
/// insertions and `window_size^(1/3)` combinations more. All memory is taken at construction and when assets are added:
/// the returns of a window, and 1.4 kB a pair and lag at 30 bars, 4 kB at 1440, 10 kB at 10000.
#[derive(Debug)]
pub struct Panel {
    options: CrossAsset,
    /// 0: correlations in the same bar only.
    max_lag: usize,
    assets: Vec<String>,
    leaders: Vec<String>,
    symbols: Vec<String>,
    index: HashMap<String, usize>,
    /// Where each leader stands among the symbols.
    leader_at: Vec<usize>,
    grid: Box<dyn Grid>,
    volatility: Vec<SlidingWindow<1, SeriesMoments<Scalar>>>,
    prices: Prices,
    last: Option<i64>,
    /// Returns of one bar, assets then leaders: reused.
    returns: Vec<f64>,
}

impl Clone for Panel {
    fn clone(&self) -> Self {
        Self {
            options: self.options,
            max_lag: self.max_lag,
            assets: self.assets.clone(),
            leaders: self.leaders.clone(),
            symbols: self.symbols.clone(),
            index: self.index.clone(),
            leader_at: self.leader_at.clone(),
            grid: self.grid.boxed(),
            volatility: self.volatility.clone(),
            prices: self.prices.clone(),
            last: self.last,
            returns: self.returns.clone(),
        }
    }
}

/// Refuses a time that is not after the one before it.
fn after(previous: Option<i64>, ts: i64) -> Result<()> {
    match previous {
        Some(previous) if ts <= previous => {
            Err(Error::Order { name: "ts", row: 0, value: ts, previous, equal_allowed: false })
        }
        _ => Ok(()),
    }
}

impl Panel {
    /// An empty panel; correlations over `window_size` bars, and with `max_lag` above 0 also those at every lag.
    ///
    /// # Errors
    /// No assets or leaders, a symbol twice among either; as [`CrossAsset::new`] and [`crate::Lags::new`].
    pub fn new(
        assets: Vec<String>,
        leaders: Vec<String>,
        window_size: usize,
        min_samples: Option<usize>,
        returns: Returns,
        max_lag: usize,
    ) -> Result<Self> {
        at_most("window_size", window_size, MAX_LIVE_ROWS, "the most a live object holds")?;
        at_least("assets", assets.len(), 1)?;
        at_least("leaders", leaders.len(), 1)?;
        let pairs = assets.len().saturating_mul(leaders.len());
        at_most("assets x leaders", pairs, MOST_PAIRS, "the most pairs of a panel")?;
        at_most("max_lag", max_lag, MOST_LAG, "2^12")?;
        // As the widest processor lays them out.
        let columns = assets.len().next_multiple_of(MOST_LANES) + leaders.len();
        let returns_held = (window_size + max_lag).saturating_mul(columns);
        at_most("window_size x symbols", returns_held, MOST_RETURNS, "the most a panel holds")?;
        let states = states(window_size, assets.len(), leaders.len(), max_lag);
        at_most("bytes of window_size x pairs", states, MAX_LIVE_BYTES, "the most a panel holds")?;
        for names in [&assets, &leaders] {
            let mut seen = std::collections::HashSet::new();
            for name in names {
                if !seen.insert(name) {
                    return Err(Error::Symbol { symbol: name.clone(), problem: "is there twice" });
                }
            }
        }
        let options = CrossAsset::new(window_size, min_samples, Lookbacks::default(), returns)?;
        let grid = grid(Lanes::from_environment()?, assets.len(), leaders.len(), window_size, max_lag);
        let volatility =
            leaders.iter().map(|_| SlidingWindow::new(*options.vol_window(), None)).collect::<Result<_>>()?;
        let mut panel = Self {
            options,
            max_lag,
            assets,
            leaders,
            symbols: Vec::new(),
            index: HashMap::new(),
            leader_at: Vec::new(),
            grid,
            volatility,
            prices: Prices::new(0, options.most_back() + 1),
            last: None,
            returns: Vec::new(),
        };
        panel.arrange();
        panel.prices = Prices::new(panel.symbols.len(), options.most_back() + 1);
        Ok(panel)
    }

    /// Symbols: the assets, then the leaders not among them.
    fn arrange(&mut self) {
        let others = self.leaders.iter().filter(|leader| !self.assets.contains(leader));
        self.symbols = self.assets.iter().chain(others).cloned().collect();
        self.index = self.symbols.iter().cloned().enumerate().map(|(i, name)| (name, i)).collect();
        self.leader_at = self.leaders.iter().map(|leader| self.index[leader]).collect();
        self.returns = vec![f64::NAN; self.assets.len() + self.leaders.len()];
    }

    /// The assets.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// The leaders.
    pub fn leaders(&self) -> &[String] {
        &self.leaders
    }

    /// The order of a bar's prices: the assets, then the leaders not among them.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Where a symbol stands among the symbols.
    pub fn position(&self, symbol: &str) -> Option<usize> {
        self.index.get(symbol).copied()
    }

    /// The options.
    pub fn options(&self) -> &CrossAsset {
        &self.options
    }

    /// Bars of the window.
    pub fn window_size(&self) -> usize {
        match self.options.window().extent() {
            Extent::Rows(size) => size,
            Extent::Span(_) => 0,
        }
    }

    /// The largest lag of the correlations at every lag; 0 where there are none.
    pub fn max_lag(&self) -> usize {
        self.max_lag
    }

    /// Time of the last bar.
    pub fn last_time(&self) -> Option<i64> {
        self.last
    }

    /// Refuses a bar that cannot be taken in.
    fn check(&self, prices: &[f64]) -> Result<()> {
        same_length("prices", prices.len(), self.symbols.len())?;
        for (symbol, &value) in self.symbols.iter().zip(prices) {
            if price(value).is_none() {
                return Err(Error::Price { name: symbol.clone(), value, row: 0 });
            }
        }
        Ok(())
    }

    /// Returns of a bar against the bar `ago` bars back, the assets' and then the leaders'.
    fn write_returns(&self, prices: &[f64], ago: usize, out: &mut [f64]) {
        let assets = 0..self.assets.len();
        let symbols = assets.chain(self.leader_at.iter().copied());
        for (place, symbol) in out.iter_mut().zip(symbols) {
            let now = price(prices[symbol]).unwrap_or(f64::NAN);
            let value = self.options.returns().between(self.prices.ago(ago, symbol), now);
            // One kind of NaN, so that equal panels have equal snapshots.
            *place = if value.is_finite() { value } else { f64::NAN };
        }
    }

    /// Takes in a bar: prices in the order of [`symbols`](Self::symbols), NaN where there is none.
    ///
    /// # Errors
    /// `ts` not after the last bar, another number of prices, a price not above 0; the panel stays as it was.
    pub fn update(&mut self, ts: i64, prices: &[f64]) -> Result<()> {
        self.check(prices)?;
        after(self.last, ts)?;
        let mut returns = core::mem::take(&mut self.returns);
        self.write_returns(prices, 0, &mut returns);
        self.prices.push(prices);
        self.grid.push(&returns);
        for (window, &value) in self.volatility.iter_mut().zip(&returns[self.assets.len()..]) {
            window.push([value], 0)?;
        }
        self.returns = returns;
        self.last = Some(ts);
        Ok(())
    }

    /// Takes in many bars, row by row of `prices`. If one is refused, none is taken in.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_many(&mut self, times: &[i64], prices: &[f64]) -> Result<()> {
        let symbols = self.symbols.len();
        same_length("prices", prices.len(), times.len() * symbols)?;
        let mut previous = self.last;
        for (row, (&ts, bar)) in times.iter().zip(prices.chunks_exact(symbols)).enumerate() {
            self.check(bar).and_then(|()| after(previous, ts)).map_err(|error| error.at_row(row))?;
            previous = Some(ts);
        }
        for (&ts, bar) in times.iter().zip(prices.chunks_exact(symbols)) {
            self.update(ts, bar)?;
        }
        Ok(())
    }

    /// Puts another bar in the place of the last one, at the same time.
    ///
    /// # Errors
    /// No bar yet, another time, and as [`update`](Self::update).
    pub fn amend(&mut self, ts: i64, prices: &[f64]) -> Result<()> {
        self.check(prices)?;
        let Some(previous) = self.last else { return Err(Error::NothingToAmend) };
        if ts != previous {
            return Err(Error::OtherTime { value: ts, last: previous });
        }
        let mut returns = core::mem::take(&mut self.returns);
        self.write_returns(prices, 1, &mut returns);
        self.prices.replace_last(prices);
        self.grid.replace_last(&returns);
        for (window, &value) in self.volatility.iter_mut().zip(&returns[self.assets.len()..]) {
            window.amend([value], None)?;
        }
        self.returns = returns;
        Ok(())
    }

    /// Readings as they would be after a bar, each leader by leader; changes nothing.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn peek(&self, ts: i64, prices: &[f64], readings: &[PanelReading]) -> Result<Vec<Vec<f64>>> {
        self.check(prices)?;
        after(self.last, ts)?;
        let mut returns = self.returns.clone();
        self.write_returns(prices, 0, &mut returns);
        Ok(self.grid.peek(&returns, readings, self.min_samples()))
    }

    fn min_samples(&self) -> f64 {
        self.options.window().min_samples() as f64
    }

    /// A reading of every pair, leader by leader; NaN where not defined.
    ///
    /// # Complexity
    /// What needs residuals is made anew from the rows of the window; the rest is at hand.
    pub fn read(&self, reading: PanelReading) -> Vec<f64> {
        let mut out = Vec::new();
        self.grid.read(reading, self.min_samples(), &mut out);
        out
    }

    /// The features of an asset with each leader.
    ///
    /// # Errors
    /// No such asset.
    pub fn features(&self, asset: &str) -> Result<Vec<PairFeatures>> {
        let symbol = self.asset(asset)?;
        let one = F::splat(Scalar, 1.0);
        let least = F::splat(Scalar, self.options.vol_window().min_samples() as f64);
        let features = self.leader_at.iter().enumerate().map(|(j, &leader)| {
            let read = |reading| self.grid.read_one(reading, self.min_samples(), symbol, j);
            let relative = self.options.relative(&Pair { prices: &self.prices, symbol, leader });
            let [divergence, relative_momentum] = relative.map(F::first);
            let volatility = SeriesReadings::new(self.volatility[j].current(), least).std(one).first();
            PairFeatures {
                beta: read(PanelReading::Beta),
                correlation: read(PanelReading::Corr),
                divergence,
                volatility,
                relative_momentum,
            }
        });
        Ok(features.collect())
    }

    fn asset(&self, asset: &str) -> Result<usize> {
        self.position(asset)
            .filter(|&at| at < self.assets.len())
            .ok_or_else(|| Error::Symbol { symbol: asset.to_owned(), problem: "is not among the assets" })
    }

    /// Adds an asset: what came before is missing, unless it is a leader already.
    ///
    /// # Errors
    /// It is there already.
    pub fn add_asset(&mut self, asset: &str) -> Result<()> {
        if self.asset(asset).is_ok() {
            return Err(Error::Symbol { symbol: asset.to_owned(), problem: "is there already" });
        }
        let mut assets = self.assets.clone();
        assets.push(asset.to_owned());
        self.rearrange(assets)
    }

    /// Removes an asset; a leader stays a leader.
    ///
    /// # Errors
    /// It is not there, or the last one.
    pub fn remove_asset(&mut self, asset: &str) -> Result<()> {
        let at = self.asset(asset)?;
        at_least("assets", self.assets.len() - 1, 1)?;
        let mut assets = self.assets.clone();
        assets.remove(at);
        self.rearrange(assets)
    }

    /// The same bars with other assets.
    fn rearrange(&mut self, assets: Vec<String>) -> Result<()> {
        let mut next = Self::new(
            assets,
            self.leaders.clone(),
            self.window_size(),
            Some(self.options.window().min_samples()),
            self.options.returns(),
            self.max_lag,
        )?;
        let (_, back, gone) = self.grid.held();
        let old: Vec<_> = next
            .assets
            .iter()
            .map(|name| {
                let asset = self.assets.iter().position(|old| old == name);
                let leader = || self.leaders.iter().position(|old| old == name);
                asset.or_else(|| leader().map(|at| self.assets.len() + at))
            })
            .chain((0..self.leaders.len()).map(|at| Some(self.assets.len() + at)))
            .collect();
        let rows: Vec<Vec<f64>> = self
            .grid
            .rows()
            .iter()
            .map(|row| old.iter().map(|at| at.map_or(f64::NAN, |at| row[at])).collect())
            .collect();
        next.grid.refill(gone, back, &rows);
        for ago in (0..self.prices.depth).rev() {
            let of = |name: &String| self.position(name).map_or(f64::NAN, |at| self.prices.ago(ago, at));
            let bar: Vec<f64> = next.symbols.iter().map(of).collect();
            next.prices.push(&bar);
        }
        next.volatility = core::mem::take(&mut self.volatility);
        next.last = self.last;
        *self = next;
        Ok(())
    }

    /// Forgets all bars.
    pub fn reset(&mut self) {
        self.grid.clear();
        self.volatility.iter_mut().for_each(SlidingWindow::clear);
        self.prices = Prices::new(self.symbols.len(), self.prices.depth);
        self.last = None;
    }

    /// A snapshot that [`from_bytes`](Self::from_bytes) restores bit for bit.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(Object::Panel);
        for names in [&self.assets, &self.leaders] {
            out.count(names.len());
            for name in names {
                out.text(name);
            }
        }
        out.count(self.window_size());
        out.count(self.options.window().min_samples());
        out.count(self.max_lag);
        out.flag(self.options.returns() == Returns::Log);
        out.flag(self.last.is_some());
        out.int(self.last.unwrap_or(0));
        for ago in (0..self.prices.depth).rev() {
            for value in self.prices.bar(ago) {
                out.float(value);
            }
        }
        for window in &self.volatility {
            window.write(&mut out);
        }
        let (front, back, gone) = self.grid.held();
        out.count(if back == 0 { 0 } else { gone });
        out.count(back);
        out.count(front);
        for row in self.grid.rows() {
            for value in row {
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
        let mut from = Reader::new(bytes, Object::Panel)?;
        let mut names = [Vec::new(), Vec::new()];
        for names in &mut names {
            let count = from.count()?;
            // A text takes at least its length.
            if count > from.remaining() / 8 {
                return Err(Reader::unusable("it holds fewer symbols than it says"));
            }
            for _ in 0..count {
                names.push(from.text()?);
            }
        }
        let [assets, leaders] = names;
        let (size, min_samples, max_lag) = (from.count()?, from.count()?, from.count()?);
        let returns = if from.flag()? { Returns::Log } else { Returns::Simple };
        let (any, last) = (from.flag()?, from.int()?);
        let mut panel =
            Self::new(assets, leaders, size, Some(min_samples), returns, max_lag).map_err(in_snapshot)?;
        panel.last = any.then_some(last);
        let finite_or_missing = |value: f64| {
            if value.is_finite() || value.is_nan() {
                Ok(if value.is_nan() { f64::NAN } else { value })
            } else {
                Err(Reader::unusable("a value is infinite"))
            }
        };
        let mut bar = vec![f64::NAN; panel.symbols.len()];
        for _ in 0..panel.prices.depth {
            for value in &mut bar {
                *value = from.float()?;
                if price(*value).is_none() || value.is_infinite() {
                    return Err(Reader::unusable("a price is not above 0"));
                }
            }
            panel.prices.push(&bar);
        }
        for window in &mut panel.volatility {
            window.read(&mut from)?;
        }
        let (gone, back, front) = (from.count()?, from.count()?, from.count()?);
        let empty = front == 0;
        if any == empty || panel.volatility.iter().any(|window| window.is_empty() != empty) {
            return Err(Reader::unusable("its bars contradict each other"));
        }
        let width = panel.returns.len();
        let count = max_lag + back + front;
        if !fit_rows(size, gone, back, front) || from.remaining() != count * width * 8 {
            return Err(Reader::unusable("its rows do not fit the window"));
        }
        let mut rows = vec![vec![f64::NAN; width]; count];
        for value in rows.iter_mut().flatten() {
            *value = finite_or_missing(from.float()?)?;
        }
        if in_first_block(size, back, front)
            && rows[..max_lag].iter().flatten().any(|value| value.is_finite())
        {
            return Err(Reader::unusable("it holds rows before the first"));
        }
        panel.grid.refill(gone, back, &rows);
        from.end()?;
        Ok(panel)
    }
}
