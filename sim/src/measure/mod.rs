//! Output analysis: what a run came to, and how sure that is.
//!
//! Read [`series`] first (means and quantiles of correlated series), then [`accounts`] (a fold over the steps of a run).

pub mod accounts;
pub mod series;

pub use accounts::{Accounts, StalenessAudit};
pub use series::{Estimate, Quantiles, Series};
