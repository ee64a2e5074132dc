//! Cross-asset influence: the numbers of comove.
//!
//! Pure arithmetic over slices and one row at a time, with one answer: batch functions give the bits of the
//! live objects, whatever the number of lanes, and what has left a window leaves no trace in it. The crate
//! knows nothing of Python, files or clocks.
//!
//! # Letters
//! y asset, x benchmark or leader, n complete rows, `S_xy` centred sum of products, t a row.
//!
//! # What it does not do
//! It does not align series, fill gaps or decide what a price means; a value that is not finite is missing.

pub mod anchored;
pub mod batch;
mod blocks;
pub mod error;
pub mod ewm;
pub mod features;
mod grid;
mod group;
pub mod joint;
pub mod lags;
pub mod lanes;
pub mod moments;
pub mod neighbours;
pub mod pair;
pub mod panel;
pub mod params;
pub mod readings;
pub mod recipe;
mod runs;
pub mod series;
pub mod snapshot;
pub mod spillover;
pub mod task;
pub mod ticks;
mod tile;
mod time;
pub mod window;

/// What unit tests share with the others.
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

pub use error::{Error, Kind, Result};
pub use ewm::EwmPair;
pub use features::CrossAsset;
pub use grid::PanelReading;
pub use joint::JointPair;
pub use lags::{LagScanner, Lags};
pub use pair::RollingPair;
pub use panel::Panel;
pub use params::Window;
pub use spillover::{Spillover, SpilloverMonitor};
pub use task::Task;
