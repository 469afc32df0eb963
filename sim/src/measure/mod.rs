//! Output analysis: what runs came to, and how sure that is.
//!
//! Read [`accounts`] first (a fold over the steps of one run), with [`gaps`] and [`moments`] for the times between updates;
//! then [`length`] (how a run begins, when it begins to count, how long it goes on), `skewness` (when an interval is honest), [`replications`] (several runs of one
//! configuration) and [`interval`] (the one rule behind every interval).

pub mod accounts;
pub mod gaps;
pub mod interval;
pub mod length;
pub mod moments;
pub mod replications;
mod skewness;

pub use accounts::{Accounts, StalenessAudit, TimeSpent};
pub use gaps::Gaps;
pub use interval::Estimate;
pub use length::{Method, Plan};
pub use moments::Moments;
pub use replications::{Replication, Replications};
