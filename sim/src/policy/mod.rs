//! Policies: when to update, and whom to release. No clocks, threads or gradients.
//!
//! Read [`table`] first (every policy is one row), then [`rule`] (the dials that a row sets), `task` (what a worker is given),
//! [`coordinator`] (the one machine that obeys the dials in every world), [`typed`] (what people type) and `error`.

pub mod coordinator;
mod error;
pub mod rule;
pub mod table;
mod task;
pub mod typed;

pub use coordinator::Coordinator;
pub use error::PolicyError;
pub use rule::{OnCompletion, OnUpdate, Rule};
pub use table::{POLICIES, Row};
pub use task::{Orders, Task};
pub use typed::Policy;
