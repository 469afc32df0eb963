//! Output analysis: what runs came to, and how sure that is.
//!
//! Read [`accounts`] first (a fold over the steps of one run), with `time_spent` for the workers' time, [`gaps`] and [`moments`] for
//! the times between updates, and `audit`, which must hold of every run; then [`length`] (how a run begins, when it begins to count,
//! how long it goes on), `skewness` (when an interval is honest), [`replications`] (several runs of one configuration) and
//! [`interval`] (the one rule behind every interval).

pub mod accounts;
mod audit;
pub mod gaps;
pub mod interval;
pub mod length;
pub mod moments;
pub mod replications;
mod skewness;
mod time_spent;

pub use accounts::Accounts;
pub use audit::StalenessAudit;
pub use gaps::Gaps;
pub use interval::Estimate;
pub use length::{Method, Plan};
pub use moments::Moments;
pub use replications::{Replication, Replications};
pub use time_spent::TimeSpent;
