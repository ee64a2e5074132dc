//! Lead and lag of asynchronous ticks: the shifted Hayashi-Yoshida contrast.
//!
//! # Letters
//! s_i times of the asset's ticks, t_j those of the leader's, in whole nanoseconds; x_i, y_j the increments of
//! (log) price over (s_{i-1}, s_i\] and (t_{j-1}, t_j\]; k a lag.
//!
//! # Definition
//! C(k) = sum of x_i y_j over the pairs whose intervals (s_{i-1}, s_i\] and (t_{j-1} - k, t_j - k\] share a
//! point; touching ends share none. At k < 0 the leader of |k| ago goes with the asset of now.
//!
//! # References
//! Hayashi, Yoshida (2005), "On covariance estimation of non-synchronously observed diffusion processes",
//! Bernoulli 11, for k = 0. Hoffmann, Rosenbaum, Yoshida (2013), "Estimation of the lead-lag parameter from
//! non-synchronous data", Bernoulli 19, for the shift and the largest |C| as the estimator: their
//! X is the asset here and their theta is k. Huth, Abergel (2014), "High frequency lead/lag relationships", J.
//! Empirical Finance 26, for the normalised contrast and the ratio `llr`.

mod contrast;
mod grid;
mod lags;
mod series;
mod sums;
mod walk;

pub use contrast::{LeadLag, contrasts};
pub use lags::Lags;
pub use series::{Increments, Ticks};
